//! The connection tables: for every pair of stations, the connections that are best on some day.
//!
//! One search per origin and class of days (`classes`, `search`) finds the criteria of the best
//! itineraries, `canonical` the itinerary that stands for them. What arrives after the departure
//! day has ended is then held against the departures of the following days.

mod canonical;
mod classes;
mod one;
mod rides;
mod search;

use std::collections::{BTreeMap, HashMap};

use chrono_tz::Tz;
use rayon::prelude::*;
use schema::{DirectRow, Leg, Network, OneStopRow, PackedLeg, Pair, StationIdx, TwoStopRow, days};

use crate::assemble::DaySets;
use canonical::Criteria;
use classes::{DayClass, classes};
use rides::Rides;
use search::{Search, Shared};

pub use one::Prepared;

/// A row of any of the three tables, before its days are interned.
struct Row {
    legs: Vec<Leg>,
    days: Vec<u64>,
    /// Minutes from departure to arrival, the longest of its days.
    minutes: i32,
}

/// Fills the connection tables of a network. `progress` is told, from any thread, each time the
/// connections from one more station are known.
///
/// # Errors
///
/// The station whose connections do not fit the file's format, which is a timetable with times
/// further than [`PackedLeg::SHIFT_MAX`] days from their service date.
pub fn connect(network: &mut Network, progress: &(dyn Fn() + Sync)) -> Result<(), ShiftTooFar> {
    let shared = Shared {
        rides: Rides::of(network),
        zones: zones(network),
        words: days::words(network.period.axis_days as usize),
        changes: changes(network),
        network,
    };
    let classes: HashMap<Tz, Vec<DayClass>> =
        shared.zones.iter().map(|zone| (*zone, classes(network, *zone))).collect();
    let origins: Vec<BTreeMap<StationIdx, Vec<Row>>> = (0..network.stations.len())
        .into_par_iter()
        .map(|origin| {
            let rows =
                from_origin(&shared, StationIdx::of(origin), &classes[&shared.zones[origin]]);
            progress();
            rows
        })
        .collect();
    write(network, origins)
}

/// A service date that lies too far from the departure day for a row of the tables.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection from {0:?} rides a train whose service date is more than {days} days away",
    days = PackedLeg::SHIFT_MAX
)]
pub struct ShiftTooFar(String);

fn zones(network: &Network) -> Vec<Tz> {
    let zone = |station: &schema::Station| {
        network.texts[station.zone.at()].parse().expect("zones were read as zones")
    };
    network.stations.iter().map(zone).collect()
}

fn changes(network: &Network) -> Vec<Vec<(StationIdx, i32)>> {
    let own = |station: usize| {
        (StationIdx::of(station), network.stations[station].transfer_minutes_min.into())
    };
    let mut changes: Vec<_> = (0..network.stations.len()).map(|at| vec![own(at)]).collect();
    for path in &network.footpaths {
        changes[path.from.at()].push((path.to, path.minutes.into()));
    }
    changes
}

fn from_origin(
    shared: &Shared<'_>,
    origin: StationIdx,
    classes: &[DayClass],
) -> BTreeMap<StationIdx, Vec<Row>> {
    let mut searches: Vec<Search<'_>> = (classes.iter())
        .map(|class| {
            let mut search = Search::new(shared, origin, class);
            search.run();
            search
        })
        .collect();
    let stations = (0..shared.network.stations.len()).map(StationIdx::of);
    let mut rows = BTreeMap::new();
    for destination in stations.filter(|station| *station != origin) {
        let mut best: Vec<_> = searches.iter().map(|search| best_of(search, destination)).collect();
        if best.iter().all(BTreeMap::is_empty) {
            continue;
        }
        drop_dominated_by_later_days(&mut best, classes);
        let mut merged: BTreeMap<Vec<Leg>, Row> = BTreeMap::new();
        for (search, best) in searches.iter_mut().zip(best) {
            for (criteria, days) in best.into_iter().filter(|(_, days)| !days::is_empty(days)) {
                for winner in search.winners(destination, &criteria, &days) {
                    let legs = winner.legs.clone();
                    let row = merged.entry(winner.legs).or_insert_with(|| Row {
                        legs,
                        days: vec![0; shared.words],
                        minutes: 0,
                    });
                    days::union(&mut row.days, &winner.days);
                    row.minutes = row.minutes.max(criteria.arrival - criteria.departure);
                }
            }
        }
        let mut sorted: Vec<Row> = merged.into_values().collect();
        sorted.sort_by_key(|row| departure_key(shared.network, row));
        rows.insert(destination, sorted);
    }
    rows
}

/// The order of a pair's rows: by departure on an ordinary day.
fn departure_key(network: &Network, row: &Row) -> (i32, i32, Vec<Leg>) {
    let minute = |leg: &Leg, call: u16, arriving: bool| {
        let start = network.journeys[leg.journey.at()].calls_start;
        let call = &network.calls[start as usize + call as usize];
        leg.shift * 1440 + i32::from(if arriving { call.arrival } else { call.departure })
    };
    let (first, last) = (&row.legs[0], &row.legs[row.legs.len() - 1]);
    (minute(first, first.board, false), minute(last, last.alight, true), row.legs.clone())
}

/// The criteria that no others of the same day dominate, each with its days.
fn best_of(search: &Search<'_>, destination: StationIdx) -> BTreeMap<Criteria, Vec<u64>> {
    let mut best: BTreeMap<Criteria, Vec<u64>> = BTreeMap::new();
    for (label, days) in search.labels_at(destination) {
        let (departure, arrival) = (label.departure, label.arrival);
        let criteria = Criteria { departure, arrival, legs: label.legs, fare: label.fare };
        let known = best.entry(criteria).or_insert_with(|| vec![0; days.len()]);
        days::union(known, days);
    }
    // Labels that could not prune each other on the way may still dominate each other here.
    let all: Vec<_> = best.iter().map(|(criteria, days)| (*criteria, days.clone())).collect();
    for (criteria, days) in &mut best {
        // Sorted by departure, so those that leave no earlier begin at the first with this minute.
        let start = all.partition_point(|(other, _)| other.departure < criteria.departure);
        for (other, other_days) in &all[start..] {
            if other != criteria
                && other.arrival <= criteria.arrival
                && other.legs <= criteria.legs
                && other.fare.costs_no_more_than(criteria.fare)
                && !days::subtract(days, other_days)
            {
                break;
            }
        }
    }
    best
}

/// Takes from each itinerary the days on which one of a later departure day dominates it.
fn drop_dominated_by_later_days(best: &mut [BTreeMap<Criteria, Vec<u64>>], classes: &[DayClass]) {
    let all: Vec<Vec<(Criteria, Vec<u64>)>> = (best.iter())
        .map(|of_class| of_class.iter().map(|(it, days)| (*it, days.clone())).collect())
        .collect();
    for (of_class, class) in best.iter_mut().zip(classes) {
        for (criteria, days) in of_class.iter_mut() {
            for shift in class.shifts().filter(|shift| *shift > 0) {
                // The later day's minutes, in those of this one.
                let offset = class.offset(shift);
                for (others, other_class) in all.iter().zip(classes) {
                    if offset + other_class.start > criteria.arrival {
                        continue;
                    }
                    for (other, other_days) in others {
                        if offset + other.departure >= criteria.departure
                            && offset + other.arrival <= criteria.arrival
                            && other.legs <= criteria.legs
                            && other.fare.costs_no_more_than(criteria.fare)
                        {
                            days::subtract(days, &days::shifted(other_days, shift));
                        }
                    }
                }
            }
        }
    }
}

fn write(
    network: &mut Network,
    origins: Vec<BTreeMap<StationIdx, Vec<Row>>>,
) -> Result<(), ShiftTooFar> {
    let mut sets = DaySets::of(network);
    network.pair_starts = vec![0];
    network.pairs.clear();
    for (origin, destinations) in origins.into_iter().enumerate() {
        for (destination, rows) in destinations {
            network.pairs.push(pair(network, destination));
            for row in rows {
                let days = sets.intern(&row.days);
                push(network, days, &row.legs)
                    .ok_or_else(|| ShiftTooFar(network.stations[origin].name.clone()))?;
                let longest = &mut network.period.row_minutes_max;
                *longest = (*longest).max(row.minutes as u32);
            }
        }
        network.pair_starts.push(network.pairs.len() as u32);
    }
    network.pairs.push(pair(network, StationIdx(0)));
    network.day_sets = sets.into_table();
    Ok(())
}

fn pair(network: &Network, destination: StationIdx) -> Pair {
    Pair {
        destination,
        direct: network.direct.len() as u32,
        one_stop: network.one_stop.len() as u32,
        two_stop: network.two_stop.len() as u32,
    }
}

fn push(network: &mut Network, days: schema::DaySetIdx, legs: &[Leg]) -> Option<()> {
    let pack = |at: usize| PackedLeg::pack(legs[at]);
    match legs.len() {
        1 => network.direct.push(DirectRow { days, legs: [pack(0)?] }),
        2 => network.one_stop.push(OneStopRow { days, legs: [pack(0)?, pack(1)?] }),
        _ => network.two_stop.push(TwoStopRow { days, legs: [pack(0)?, pack(1)?, pack(2)?] }),
    }
    Some(())
}
