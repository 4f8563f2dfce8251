//! The map: stations where they are, and a line for each two that a train calls at one after the
//! other.

use maud::{Markup, html};
use schema::NetworkView;
use std::collections::BTreeMap;

/// Width of the drawing; its height follows from the land.
const WIDTH: f64 = 1_000.0;

/// Room around it.
const MARGIN: f64 = 20.0;

/// The narrowest and the widest that the drawing may be for its width.
const HEIGHTS: (f64, f64) = (300.0, 1_400.0);

/// Names that are written; all others are told when pointed at.
const NAMES_MAX: usize = 24;

/// How far apart written names are at least, across and down.
const NAME_ROOM: (f64, f64) = (110.0, 16.0);

/// Stations and lines of a map.
#[derive(Debug, Default)]
pub(super) struct Map {
    stations: Vec<Place>,
    /// Two stations, and how many journeys go between them.
    lines: Vec<(usize, usize, usize)>,
    height: f64,
    /// Stations that have no coordinates.
    pub(super) placeless: usize,
}

#[derive(Debug)]
struct Place {
    name: String,
    trains: usize,
    x: f64,
    y: f64,
}

impl Map {
    pub(super) fn of(view: NetworkView<'_>, trains: &[usize]) -> Self {
        let mut at = vec![None; view.station_count()];
        let mut places = Vec::new();
        for (idx, trains) in view.stations().zip(trains) {
            let station = view.station(idx);
            if let Some(position) = station.position.as_ref() {
                at[idx.at()] = Some(places.len());
                let (latitude, longitude) =
                    (position.latitude_e6.to_native(), position.longitude_e6.to_native());
                let (x, y) = (f64::from(longitude) / 1e6, f64::from(latitude) / 1e6);
                places.push(Place { name: station.name.to_string(), trains: *trains, x, y });
            }
        }
        let mut lines: BTreeMap<(usize, usize), usize> = BTreeMap::new();
        for journey in view.journeys() {
            let stations =
                view.calls(journey).iter().map(|call| call.station.0.to_native() as usize);
            let stations: Vec<_> = stations.filter_map(|station| at[station]).collect();
            for two in stations.windows(2) {
                *lines.entry((two[0].min(two[1]), two[0].max(two[1]))).or_default() += 1;
            }
        }
        let height = lay_out(&mut places);
        let placeless = view.station_count() - places.len();
        let lines = lines.into_iter().map(|((from, to), trains)| (from, to, trains)).collect();
        Self { stations: places, lines, height, placeless }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stations.is_empty()
    }

    pub(super) fn markup(&self) -> Markup {
        let most = self.lines.iter().map(|line| line.2).max().unwrap_or(1) as f64;
        let named = self.named();
        html! {
            svg class="map" viewBox=(format!("0 0 {WIDTH} {:.0}", self.height)) role="img"
                aria-label="Map of stations and lines" {
                @for (from, to, trains) in &self.lines {
                    @let (from, to) = (&self.stations[*from], &self.stations[*to]);
                    @let width = 0.6 + 4.0 * (*trains as f64 / most).sqrt();
                    line x1=(short(from.x)) y1=(short(from.y)) x2=(short(to.x)) y2=(short(to.y))
                        stroke-width=(short(width)) {
                        title { (from.name) " – " (to.name) ": " (trains) " journeys" }
                    }
                }
                @for place in &self.stations {
                    circle cx=(short(place.x)) cy=(short(place.y)) r="2.2" {
                        title { (place.name) ": " (place.trains) " calls" }
                    }
                }
                @for place in named {
                    @let left = place.x > WIDTH - 140.0;
                    text x=(short(place.x + if left { -5.0 } else { 5.0 })) y=(short(place.y - 4.0))
                        font-size="13" text-anchor=(if left { "end" } else { "start" }) {
                        (place.name)
                    }
                }
            }
        }
    }

    /// The busiest stations whose names have room.
    fn named(&self) -> Vec<&Place> {
        let mut busiest: Vec<&Place> = self.stations.iter().collect();
        busiest.sort_by(|one, two| two.trains.cmp(&one.trains).then(one.name.cmp(&two.name)));
        let mut named: Vec<&Place> = Vec::new();
        for place in busiest {
            let is_near = |other: &&Place| {
                (other.x - place.x).abs() < NAME_ROOM.0 && (other.y - place.y).abs() < NAME_ROOM.1
            };
            if named.len() < NAMES_MAX && !named.iter().any(is_near) {
                named.push(place);
            }
        }
        named
    }
}

/// Puts degrees into the drawing, as they lie on the earth in the middle of them; its height.
fn lay_out(places: &mut [Place]) -> f64 {
    let bounds = |of: fn(&Place) -> f64| {
        let values = places.iter().map(of);
        values.fold((f64::MAX, f64::MIN), |(low, high), it| (low.min(it), high.max(it)))
    };
    let ((west, east), (south, north)) = (bounds(|it| it.x), bounds(|it| it.y));
    let narrowing = f64::midpoint(south, north).to_radians().cos().max(0.1);
    let (across, down) = (((east - west) * narrowing).max(1e-3), (north - south).max(1e-3));
    let inner = WIDTH - 2.0 * MARGIN;
    let height = (inner * down / across + 2.0 * MARGIN).clamp(HEIGHTS.0, HEIGHTS.1);
    let scale = (inner / across).min((height - 2.0 * MARGIN) / down);
    let (left, top) = ((WIDTH - across * scale) / 2.0, (height - down * scale) / 2.0);
    for place in places {
        place.x = left + (place.x - west) * narrowing * scale;
        place.y = top + (north - place.y) * scale;
    }
    height
}

fn short(number: f64) -> String {
    format!("{number:.1}")
}
