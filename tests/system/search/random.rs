//! Random small networks: few stations, few minutes to choose from, so that equal times, equal
//! prices, missed and just-made transfers, nights and gaps in the calendar are common.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use chrono_tz::Tz;
use proptest::collection::vec;
use proptest::prelude::*;
use schema::{Fare, LayoverPolicy, NONE, Transfers};
use timetable_compiler::timetable::{Call, ServiceJourney, Station, Timetable};

const STATIONS: usize = 6;
const DAYS: i64 = 5;

/// First dates: an ordinary week, and one around each change of clocks.
const STARTS: [(i32, u32, u32); 4] = [(2026, 11, 23), (2026, 10, 23), (2027, 3, 26), (2027, 3, 27)];

/// A timetable.
pub fn timetables() -> impl Strategy<Value = Timetable> {
    let zones = prop_oneof![
        2 => Just([Tz::Europe__Brussels; STATIONS]),
        2 => Just(mixed([Tz::Europe__Brussels, Tz::Europe__London, Tz::Europe__Helsinki])),
        1 => Just(mixed([Tz::Europe__Brussels, Tz::Europe__Istanbul, Tz::America__New_York])),
    ];
    let policy = prop_oneof![
        4 => Just(LayoverPolicy::None),
        1 => Just(LayoverPolicy::Strict),
        1 => Just(LayoverPolicy::Lenient),
    ];
    let limit = prop_oneof![Just(48 * 60), Just(20 * 60)];
    (
        (0..STARTS.len(), zones, policy, limit, vec(0..3_u8, STATIONS)),
        vec(((0..STATIONS), (0..STATIONS), (5..30_u16)), 0..3),
        vec(trains(), 2..11),
        // Where nothing has a price the tables are made in another way.
        prop::bool::ANY,
    )
        .prop_map(|((start, zones, policy, limit, own), paths, mut trains, priced)| {
            for train in &mut trains {
                train.has_fares &= priced;
            }
            build(start, zones, policy, limit, &own, paths, trains)
        })
}

fn mixed(zones: [Tz; 3]) -> [Tz; STATIONS] {
    std::array::from_fn(|at| zones[at % 3])
}

#[derive(Debug, Clone)]
struct Train {
    stations: Vec<usize>,
    start: i16,
    steps: Vec<(i16, i16)>,
    closed: Vec<bool>,
    days: u8,
    fares: Vec<(Option<u32>, Option<u32>)>,
    has_fares: bool,
    kind: usize,
}

fn trains() -> impl Strategy<Value = Train> {
    let minute = prop_oneof![
        3 => (0..24_i16).prop_map(|step| 8 * 60 + step * 15),
        2 => (0..12_i16).prop_map(|step| 22 * 60 + step * 15),
        1 => (-4..10_i16).prop_map(|step| step * 15),
    ];
    let ride = prop_oneof![4 => (1..8_i16).prop_map(|step| step * 15), 1 => Just(9 * 60)];
    // A departure is rounded down and an arrival up, so that it may be a minute after it.
    let dwell = prop_oneof![3 => Just(0), 2 => Just(5), 1 => Just(20), 1 => Just(-1)];
    let price = || prop_oneof![6 => (1..4_u32).prop_map(|step| Some(step * 1000)), 1 => Just(None)];
    (2..5_usize).prop_flat_map(move |calls| {
        (
            vec(0..STATIONS, calls),
            minute.clone(),
            vec((ride.clone(), dwell.clone()), calls),
            vec(prop::bool::weighted(0.1), 2 * calls),
            1..32_u8,
            vec((price(), price()), calls * (calls - 1) / 2),
            prop::bool::weighted(0.8),
            0..3_usize,
        )
            .prop_map(|(stations, start, steps, closed, days, fares, has_fares, kind)| {
                Train { stations, start, steps, closed, days, fares, has_fares, kind }
            })
    })
}

fn build(
    start: usize,
    zones: [Tz; STATIONS],
    layover_policy: LayoverPolicy,
    duration_minutes_max: u32,
    own: &[u8],
    paths: Vec<(usize, usize, u16)>,
    trains: Vec<Train>,
) -> Timetable {
    let (year, month, day) = STARTS[start];
    let first = NaiveDate::from_ymd_opt(year, month, day).expect("a date");
    let name = |station: usize| ["A", "B", "C", "D", "E", "F"][station].to_owned();
    let station = |at: usize| Station {
        key: name(at),
        name: name(at),
        aliases: BTreeSet::new(),
        country: None,
        zone: zones[at],
        position: None,
        transfer_minutes_min: [None, Some(0), Some(25)][own[at] as usize],
    };
    Timetable {
        zone: Tz::Europe__Brussels,
        first,
        last: first + TimeDelta::days(DAYS - 1),
        transfers: Transfers { minutes_min_default: 15, duration_minutes_max, layover_policy },
        currency: "EUR".to_owned(),
        stations: (0..STATIONS).map(station).collect(),
        footpaths: paths.into_iter().map(|(from, to, it)| (name(from), name(to), it)).collect(),
        journeys: (trains.into_iter().enumerate())
            .map(|(at, train)| journey(first, at, &train, name))
            .collect(),
    }
}

fn journey(
    first: NaiveDate,
    at: usize,
    train: &Train,
    name: impl Fn(usize) -> String,
) -> ServiceJourney {
    let mut minute = train.start;
    let mut calls = Vec::new();
    for (nth, (station, (ride, dwell))) in train.stations.iter().zip(&train.steps).enumerate() {
        let arrival = if nth == 0 { minute } else { minute + ride };
        let departure = arrival + if nth == 0 { 0 } else { *dwell };
        let may = (!train.closed[2 * nth], !train.closed[2 * nth + 1]);
        calls.push(Call { station: name(*station).into(), arrival, departure, may });
        minute = departure;
    }
    let fare = |(first, second): &(Option<u32>, Option<u32>)| Fare {
        first: first.unwrap_or(NONE),
        second: second.unwrap_or(NONE),
    };
    let fares = train.fares.iter().map(fare).collect();
    // Every third train has another name on odd days.
    let mut sources = BTreeMap::<_, BTreeSet<_>>::new();
    for day in (0..DAYS).filter(|day| train.days >> day & 1 == 1) {
        let name = if at.is_multiple_of(3) && day % 2 == 1 { "odd-T" } else { "T" };
        let dates = sources.entry(format!("{name}{at:02}")).or_default();
        dates.insert(first + TimeDelta::days(day));
    }
    ServiceJourney {
        sources,
        train_type: ["AVE", "ICE", "RE"][train.kind].to_owned(),
        number: None,
        operator: [Some("Renfe".to_owned()), Some("DB".to_owned()), None][train.kind].clone(),
        calls,
        fares: if train.has_fares { fares } else { Vec::new() },
    }
}
