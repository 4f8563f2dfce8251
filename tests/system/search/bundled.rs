//! The bundled network: both engines agree all year, and the oracle agrees with them on a sample.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use schema::{DaySetIdx, JourneyIdx, StationIdx, Transfers};
use server::network_file;
use server::search::{
    Coverage, Filter, Itinerary, Network, Query, Window, itineraries, itineraries_without_tables,
};
use tests::oracle::{Asked, Oracle};
use timetable_compiler::timetable::{Call, ServiceJourney, Station, Timetable};

use super::exactness::{expected_line, found_line};

/// Numbers that are the same in every run: the state of a generator, and the next number below a
/// bound (an LCG of Knuth's).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

fn query(network: &Network, pair: (usize, usize), day: i32, coverage: Coverage) -> Query {
    let (origin, destination) = (StationIdx::of(pair.0), StationIdx::of(pair.1));
    let window = network.day_window(origin, day);
    Query { origin, destination, window, filter: Filter::default(), coverage }
}

#[test]
fn both_engines_agree_on_every_kind_of_day() {
    let network = network_file::bundled().expect("the bundled network");
    let view = network.view();
    let mut numbers = Numbers(1);
    // The nights on which clocks change, and the days around them, beside the whole year.
    let special = ["2026-12-24", "2027-03-27", "2027-03-28", "2027-10-30", "2027-10-31"];
    let special: Vec<i32> = special.iter().map(|day| view.day_of(date(day))).collect();
    let (mut itineraries_seen, mut days_seen) = (0, 0);
    while days_seen < 1_500 {
        let pair = (numbers.below(view.station_count()), numbers.below(view.station_count()));
        if pair.0 == pair.1 {
            continue;
        }
        let day = match numbers.below(3) {
            0 => special[numbers.below(special.len())],
            _ => numbers.below(view.axis_days()) as i32,
        };
        let by_departure = query(&network, pair, day, Coverage::Best);
        let Window::Departing { until, .. } = by_departure.window else { unreachable!() };
        let by_arrival = Query {
            window: Window::Arriving { after: until - 1440, until },
            ..by_departure.clone()
        };
        for query in [by_departure, by_arrival] {
            let from_tables = itineraries(&network, &query).expect("few");
            assert_eq!(itineraries_without_tables(&network, &query), Ok(from_tables.clone()));
            itineraries_seen += from_tables.len();
        }
        days_seen += 1;
    }
    println!("{days_seen} pairs and dates, {itineraries_seen} itineraries");
    assert!(itineraries_seen > days_seen);
}

/// The trains of some dates, as the readers would have left them.
fn timetable(network: &Network, first: NaiveDate, last: NaiveDate) -> Timetable {
    let view = network.view();
    let key = |station: u32| view.station(StationIdx(station)).key.to_string();
    let zone = |name: Option<&str>| name.and_then(|name| name.parse().ok()).expect("a zone");
    let days = |journey: JourneyIdx| -> BTreeSet<NaiveDate> {
        let set = view.day_set(DaySetIdx(view.journey(journey).days.0.to_native()));
        let days = schema::days::iter(&set).map(|day| view.date_of(day as i32));
        days.filter(|day| (first..=last).contains(day)).collect()
    };
    let journey = |journey: JourneyIdx| ServiceJourney {
        sources: BTreeMap::from([(view.source_id(journey, 0).to_owned(), days(journey))]),
        train_type: view.train_type(journey).to_owned(),
        number: None,
        operator: None,
        calls: (view.calls(journey).iter())
            .map(|call| Call {
                station: key(call.station.0.to_native()).into(),
                arrival: call.arrival.to_native(),
                departure: call.departure.to_native(),
                may: (call.may().boarding(), call.may().alighting()),
            })
            .collect(),
        fares: vec![view.fare(journey, 0, 1)],
    };
    Timetable {
        zone: zone(Some(view.zone())),
        first,
        last,
        transfers: Transfers {
            minutes_min_default: 15,
            duration_minutes_max: view.duration_minutes_max() as u32,
            layover_policy: view.layover_policy(),
        },
        currency: "EUR".to_owned(),
        stations: (view.stations())
            .map(|station| Station {
                key: key(station.0),
                name: key(station.0),
                aliases: BTreeSet::new(),
                country: None,
                zone: zone(view.text(view.station(station).zone.0.to_native())),
                position: None,
                transfer_minutes_min: None,
            })
            .collect(),
        footpaths: Vec::new(),
        journeys: view.journeys().map(journey).collect(),
    }
}

#[test]
fn the_oracle_agrees_on_a_sample() {
    let network = network_file::bundled().expect("the bundled network");
    let view = network.view();
    let mut numbers = Numbers(2);
    let mut itineraries_seen = 0;
    for day in ["2026-12-04", "2027-03-27", "2027-10-30"].map(date) {
        // The day before has night trains, the days after have what may dominate.
        let cut = timetable(&network, day - TimeDelta::days(1), day + TimeDelta::days(5));
        let oracle = Oracle::new(&cut);
        for _ in 0..12 {
            let pair = (numbers.below(view.station_count()), numbers.below(view.station_count()));
            if pair.0 != pair.1 {
                itineraries_seen += check_with_oracle(&network, &oracle, pair, day);
            }
        }
    }
    println!("{itineraries_seen} itineraries");
    assert!(itineraries_seen > 50);
}

fn check_with_oracle(
    network: &Network,
    oracle: &Oracle<'_>,
    pair: (usize, usize),
    day: NaiveDate,
) -> usize {
    let view = network.view();
    let key = |station: usize| view.station(StationIdx::of(station)).key.as_str();
    let (from, to) = (key(pair.0), key(pair.1));
    let asked = Asked::default();
    let mut seen = 0;
    for coverage in [Coverage::Best, Coverage::All] {
        let query = query(network, pair, view.day_of(day), coverage);
        let Ok(found) = itineraries(network, &query) else { continue };
        let lines = |found: &[Itinerary]| {
            let mut lines: Vec<_> = found.iter().map(|it| found_line(network, it)).collect();
            lines.sort();
            lines
        };
        let expected = match coverage {
            Coverage::Best => oracle.best(from, to, &asked),
            Coverage::All => oracle.all(from, to, &asked),
        };
        let mut expected: Vec<_> = (expected.iter())
            .filter(|it| query.window.contains(it.departure(), it.arrival()))
            .map(expected_line)
            .collect();
        expected.sort();
        assert_eq!(lines(&found), expected, "{from} to {to} on {day}");
        seen += found.len();
    }
    seen
}
