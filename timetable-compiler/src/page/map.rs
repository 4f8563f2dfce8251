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

/// Names that are written on a wide and on a narrow screen; all others are told when pointed at.
const NAMES_MAX: (usize, usize) = (24, 9);

/// Height of written names on a wide screen, where the drawing is 700 pixels wide, and on a narrow
/// one, where it is 350.
const NAME_HEIGHTS: (f64, f64) = (18.0, 34.0);

/// Width of a letter for its height, for most letters a little too much.
const LETTER_WIDTH: f64 = 0.6;

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
        let wide = self.named(NAMES_MAX.0, NAME_HEIGHTS.0);
        let narrow = self.named(NAMES_MAX.1, NAME_HEIGHTS.1);
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
                @for (screen, names) in [("on-wide", wide), ("on-narrow", narrow)] {
                    g class=(screen) {
                        @for Name { place, is_left, height, .. } in names {
                            @let x = place.x + if is_left { -5.0 } else { 5.0 };
                            text x=(short(x)) y=(short(place.y - 4.0)) font-size=(height)
                                text-anchor=(if is_left { "end" } else { "start" }) {
                                (place.name)
                            }
                        }
                    }
                }
            }
        }
    }

    /// The busiest stations whose names have room where they are written this high.
    fn named(&self, most: usize, height: f64) -> Vec<Name<'_>> {
        let mut busiest: Vec<&Place> = self.stations.iter().collect();
        busiest.sort_by(|one, two| two.trains.cmp(&one.trains).then(one.name.cmp(&two.name)));
        let mut named: Vec<Name<'_>> = Vec::new();
        for place in busiest {
            let sides = [false, true].map(|is_left| Name::of(place, is_left, height));
            let has_room = |name: &Name<'_>| {
                name.is_inside() && !named.iter().any(|other| name.overlaps(other))
            };
            if let Some(name) = sides.into_iter().find(has_room) {
                named.push(name);
            }
            if named.len() == most {
                break;
            }
        }
        named
    }
}

/// A name where it is written: above its station, to the right or to the left of it.
#[derive(Debug)]
struct Name<'m> {
    place: &'m Place,
    is_left: bool,
    height: f64,
    /// From and to, across.
    across: (f64, f64),
}

impl<'m> Name<'m> {
    fn of(place: &'m Place, is_left: bool, height: f64) -> Self {
        let width = place.name.chars().count() as f64 * height * LETTER_WIDTH + 5.0;
        let across = if is_left { (place.x - width, place.x) } else { (place.x, place.x + width) };
        Self { place, is_left, height, across }
    }

    fn is_inside(&self) -> bool {
        self.across.0 >= 0.0 && self.across.1 <= WIDTH && self.place.y - self.height > 0.0
    }

    fn overlaps(&self, other: &Self) -> bool {
        let is_beside = self.across.1 <= other.across.0 || other.across.1 <= self.across.0;
        !is_beside && (self.place.y - other.place.y).abs() < self.height * 1.2
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

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, trains: usize, x: f64, y: f64) -> Place {
        Place { name: name.to_owned(), trains, x, y }
    }

    #[test]
    fn names_are_written_where_they_have_room_the_busiest_first() {
        let stations = vec![
            place("Quiet", 1, 500.0, 101.0),
            place("Busiest", 9, 500.0, 100.0),
            place("Edge", 5, 990.0, 300.0),
            place("Crowded between both of them", 2, 505.0, 102.0),
        ];
        let map = Map { stations, ..Map::default() };
        let named = map.named(10, 13.0);
        let written: Vec<_> = named.iter().map(|it| (it.place.name.as_str(), it.is_left)).collect();
        // The quiet one is written to the left of the busiest; the long name has no room at all.
        let expected = [("Busiest", false), ("Edge", true), ("Quiet", true)];
        assert_eq!(written, expected);
        assert_eq!(map.named(1, 13.0).len(), 1);
    }
}
