//! What a network offers: its map, its calendar, which pairs it joins and where people change.

use chrono::{Datelike, NaiveDate};
use maud::{Markup, html};
use rayon::prelude::*;
use schema::{DaySetIdx, Leg, NetworkView, StationIdx, days};

use super::map::Map;
use super::{bar, number};

/// Transfer stations that are listed.
const TRANSFERS_MAX: usize = 20;

/// What is drawn and listed of a network.
#[derive(Debug)]
pub struct Picture {
    map: Map,
    /// Trains of each date.
    trains: Vec<(NaiveDate, usize)>,
    /// Pairs of stations whose first connection has so many changes; none where the tables are
    /// empty, as after a check.
    pairs: Option<Pairs>,
    /// Stations by how many best connections change there, and on how many dates.
    transfers: Vec<(String, u64)>,
    stations: usize,
    journeys: usize,
}

/// Pairs of different stations, each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Pairs {
    by_stops: [usize; 3],
    unreachable: usize,
}

impl Picture {
    /// Of an opened network.
    pub fn of(view: NetworkView<'_>) -> Self {
        let mut calls = vec![0; view.station_count()];
        for journey in view.journeys() {
            for call in view.calls(journey) {
                calls[call.station.0.to_native() as usize] += 1;
            }
        }
        let has_tables = view.archived().pairs.len() > 1;
        Self {
            map: Map::of(view, &calls),
            trains: trains(view),
            pairs: has_tables.then(|| pairs(view)),
            transfers: transfers(view),
            stations: view.station_count(),
            journeys: view.journey_count(),
        }
    }
}

impl Picture {
    /// Trains on the date that has fewest, and on the one that has most.
    fn range(&self) -> (usize, usize) {
        let counts = || self.trains.iter().map(|it| it.1);
        (counts().min().unwrap_or(0), counts().max().unwrap_or(0))
    }
}

fn trains(view: NetworkView<'_>) -> Vec<(NaiveDate, usize)> {
    let mut by_day = vec![0; view.axis_days()];
    for journey in view.journeys() {
        let set = DaySetIdx(view.journey(journey).days.0.to_native());
        for day in days::iter(&view.day_set(set)) {
            if let Some(trains) = by_day.get_mut(day) {
                *trains += 1;
            }
        }
    }
    let (first, last) = view.period();
    let dated =
        by_day.into_iter().enumerate().map(|(day, trains)| (view.date_of(day as i32), trains));
    dated.filter(|(date, _)| (first..=last).contains(date)).collect()
}

fn pairs(view: NetworkView<'_>) -> Pairs {
    let all: Vec<StationIdx> = view.stations().collect();
    let of_origin = |origin: &StationIdx| {
        let mut found = Pairs::default();
        for destination in all.iter().filter(|destination| *destination != origin) {
            let connections = view.connections(*origin, *destination);
            match () {
                () if !connections.direct.is_empty() => found.by_stops[0] += 1,
                () if !connections.one_stop.is_empty() => found.by_stops[1] += 1,
                () if !connections.two_stop.is_empty() => found.by_stops[2] += 1,
                () => found.unreachable += 1,
            }
        }
        found
    };
    let add = |one: Pairs, two: Pairs| Pairs {
        by_stops: std::array::from_fn(|stops| one.by_stops[stops] + two.by_stops[stops]),
        unreachable: one.unreachable + two.unreachable,
    };
    all.par_iter().map(of_origin).reduce(Pairs::default, add)
}

fn transfers(view: NetworkView<'_>) -> Vec<(String, u64)> {
    let network = view.archived();
    let words = days::words(view.axis_days());
    let sizes: Vec<u64> = (0..network.day_sets.len() / words)
        .map(|set| u64::from(days::count(&view.day_set(DaySetIdx(set as u32)))))
        .collect();
    let mut by_station = vec![0_u64; view.station_count()];
    let mut add = |leg: Leg, set: u32| {
        let station = view.calls(leg.journey)[leg.alight as usize].station.0.to_native() as usize;
        by_station[station] += sizes[set as usize];
    };
    for row in network.one_stop.iter() {
        add(row.legs[0].unpack(), row.days.0.to_native());
    }
    for row in network.two_stop.iter() {
        add(row.legs[0].unpack(), row.days.0.to_native());
        add(row.legs[1].unpack(), row.days.0.to_native());
    }
    let named =
        view.stations().map(|idx| (view.station(idx).name.to_string(), by_station[idx.at()]));
    let mut busiest: Vec<_> = named.filter(|(_, times)| *times > 0).collect();
    busiest.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
    busiest.truncate(TRANSFERS_MAX);
    busiest
}

pub(super) fn sections(picture: &Picture) -> Markup {
    sections_on(picture, picture.range())
}

/// Two networks, beside each other where there is room. Days with as many trains have the same
/// colour in both.
pub(super) fn both(names: [&str; 2], pictures: [&Picture; 2]) -> Markup {
    let [one, two] = pictures.map(Picture::range);
    let range = (one.0.min(two.0), one.1.max(two.1));
    html! {
        div class="both" {
            @for ((when, name), picture) in ["Before", "After"].iter().zip(names).zip(pictures) {
                div {
                    p class="status" { (when) ": " code { (name) } }
                    (sections_on(picture, range))
                }
            }
        }
    }
}

/// The sections of a network, its calendar coloured from the first of these numbers of trains to
/// the second.
fn sections_on(picture: &Picture, range: (usize, usize)) -> Markup {
    html! {
        section {
            h2 { "The network" }
            div class="tiles" {
                (tile(picture.stations, "stations"))
                (tile(picture.journeys, "service journeys"))
                (tile(picture.trains.len(), "dates"))
                (tile(picture.range().1, "trains on the fullest day"))
            }
        }
        (map(&picture.map))
        (calendar(picture, range))
        (of_pairs(picture))
    }
}

fn tile(value: usize, what: &str) -> Markup {
    html! { div { b { (number(value)) } span { (what) } } }
}

fn map(map: &Map) -> Markup {
    html! {
        section {
            h2 { "Map" }
            @if map.is_empty() {
                p { "No station has coordinates." }
            } @else {
                (map.markup())
                p class="soft" {
                    "The thicker a line, the more journeys it has."
                    @if map.placeless > 0 {
                        " " (number(map.placeless)) " stations without coordinates are not on it."
                    }
                }
            }
        }
    }
}

/// As the columns of a calendar are headed.
const WEEKDAYS: [&str; 7] = ["M", "T", "W", "T", "F", "S", "S"];

/// A month each; the fuller a day, the darker it is.
fn calendar(picture: &Picture, range: (usize, usize)) -> Markup {
    let (least, most) = picture.range();
    let is_same_month = |one: &(NaiveDate, usize), two: &(NaiveDate, usize)| {
        (one.0.year(), one.0.month()) == (two.0.year(), two.0.month())
    };
    let months = picture.trains.chunk_by(is_same_month);
    html! {
        section {
            h2 { "Trains per day" }
            p class="soft" {
                (number(least)) " to " (number(most)) " trains a day. The fuller a day, the "
                "stronger its colour; pointed at, it tells its number."
            }
            div class="calendar" {
                @for month in months {
                    @let first = month[0].0.with_day(1).unwrap_or(month[0].0);
                    figure {
                        figcaption { (first.format("%B %Y")) }
                        svg viewBox="0 0 91 88" role="img"
                            aria-label=(first.format("Trains per day, %B %Y")) {
                            @for (nth, day) in WEEKDAYS.iter().enumerate() {
                                text class="weekday" x=(13 * nth + 6) y="7" { (day) }
                            }
                            @for (date, trains) in month {
                                @let place = date.day0() + first.weekday().num_days_from_monday();
                                @let (x, y) = (13 * (place % 7), 10 + 13 * (place / 7));
                                g {
                                    title { (date) ": " (number(*trains)) " trains" }
                                    rect x=(x) y=(y) width="12" height="12" rx="2"
                                        fill-opacity=(strength(*trains, range)) {}
                                    text x=(x + 6) y=(y + 8) { (date.day()) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How strong the colour of a day with so many trains is, from that of the emptiest to that of the
/// fullest. A day without any has none.
fn strength(trains: usize, (least, most): (usize, usize)) -> String {
    let part = (trains - least) as f64 / (most - least).max(1) as f64;
    let strength = if trains == 0 { 0.0 } else { 0.15 + 0.55 * part };
    format!("{strength:.2}")
}

fn of_pairs(picture: &Picture) -> Markup {
    let Some(pairs) = picture.pairs else {
        return html! {
            section {
                h2 { "Connections" }
                p { "A check looks for none; a build does." }
            }
        };
    };
    let all: usize = pairs.by_stops.iter().sum::<usize>() + pairs.unreachable;
    let [direct, one, two] = pairs.by_stops;
    let rows = [
        ("without a change", direct),
        ("with one change", one),
        ("with two changes", two),
        ("not with two changes at most", pairs.unreachable),
    ];
    let most = picture.transfers.first().map_or(1, |it| it.1).max(1) as f64;
    html! {
        section {
            h2 { "Pairs of stations" }
            div class="wide" {
                table { tbody {
                    @for (what, count) in rows {
                        @let share = count as f64 * 100.0 / all.max(1) as f64;
                        tr { td { (what) } td class="number" { (number(count)) }
                            td class="number" { (format!("{share:.1} %")) } td { (bar(share)) } }
                    }
                } }
            }
        }
        @if !picture.transfers.is_empty() {
            section {
                h2 { "Where people change" }
                p class="soft" { "Best connections that change there, each counted once a date." }
                div class="wide" {
                    table { tbody {
                        @for (name, times) in &picture.transfers {
                            tr { td { (name) } td class="number" { (number(*times as usize)) }
                                td { (bar(*times as f64 * 100.0 / most)) } }
                        }
                    } }
                }
            }
        }
    }
}
