//! The connection tables: for every pair of stations, the connections that are best on some day.
//!
//! Days on which all arithmetic is the same are one class (`classes`), and in a class days that no
//! train tells apart are one atom (`set`). Per origin and class one search finds the criteria of
//! the best itineraries of all its days at once: `plain`, which rides trains, where earlier is all
//! that counts, else `priced`, which compares labels. Then `canonical` chooses the itinerary that
//! stands for each, and what arrives after the departure day has ended is held against the
//! departures of the following days.
//!
//! Origins are worked on in parallel, a few at a time. All that is kept of one are its rows, as
//! they are written.

mod best;
mod canonical;
mod classes;
mod days;
mod earlier;
mod finder;
mod plain;
mod priced;
mod rides;
mod runs;
mod set;
mod tables;
mod transfers;

use rayon::prelude::*;
use schema::{Leg, Network, PackedLeg, StationIdx};

use classes::{DayClass, classes};
use days::{DayTable, Days};
use finder::{Finder, Found, Way, finder};
use runs::Shared;
use tables::{OriginRows, Tables};

/// Origins that are worked on before their rows are put in order.
const ORIGINS_AT_ONCE: usize = 64;

/// A row of any of the three tables.
struct Row {
    legs: [Leg; 3],
    legs_len: usize,
    days: Days,
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
    let shared = Shared::of(network);
    let searches = Searches::of(&shared);
    let mut tables = Tables::of(network);
    let stations: Vec<StationIdx> = (0..network.stations.len()).map(StationIdx::of).collect();
    for origins in stations.chunks(ORIGINS_AT_ONCE) {
        let rows: Vec<_> = (origins.par_iter())
            .map(|origin| {
                let rows = searches.rows_from(*origin);
                progress();
                rows
            })
            .collect();
        for rows in rows {
            tables.add(rows?);
        }
    }
    drop(searches);
    drop(shared);
    tables.write_into(network);
    Ok(())
}

/// A service date that lies too far from the departure day for a row of the tables.
#[derive(Debug, thiserror::Error)]
#[error(
    "a connection from {0:?} rides a train whose service date is more than {days} days away",
    days = PackedLeg::SHIFT_MAX
)]
pub struct ShiftTooFar(String);

/// The searches from all origins.
struct Searches<'s> {
    shared: &'s Shared<'s>,
    finders: Vec<Box<dyn Finder + 's>>,
    /// Per station the finders of its days, those of the first days first.
    of_station: Vec<Vec<usize>>,
}

impl<'s> Searches<'s> {
    fn of(shared: &'s Shared<'s>) -> Self {
        let mut known: Vec<DayClass> = Vec::new();
        let mut of_zone: Vec<(chrono_tz::Tz, Vec<usize>)> = Vec::new();
        let mut of_station = Vec::new();
        for zone in &shared.zones {
            if !of_zone.iter().any(|(known, _)| known == zone) {
                let mut of_this = Vec::new();
                for class in classes(shared.network, *zone) {
                    let at = known.iter().position(|it| *it == class).unwrap_or(known.len());
                    if at == known.len() {
                        known.push(class);
                    }
                    of_this.push(at);
                }
                of_zone.push((*zone, of_this));
            }
            let of_this = of_zone.iter().find(|(known, _)| known == zone);
            of_station.push(of_this.map(|(_, finders)| finders.clone()).unwrap_or_default());
        }
        let finders = known.iter().map(|class| finder(shared, class)).collect();
        Self { shared, finders, of_station }
    }

    fn rows_from(&self, origin: StationIdx) -> Result<OriginRows, ShiftTooFar> {
        let network = self.shared.network;
        let finders: Vec<&dyn Finder> =
            self.of_station[origin.at()].iter().map(|at| &*self.finders[*at]).collect();
        let classes: Vec<&DayClass> = finders.iter().map(|finder| finder.class()).collect();
        let mut found: Vec<Box<dyn Found + '_>> =
            finders.iter().map(|finder| finder.find(origin)).collect();
        let mut days = DayTable::default();
        let mut of_origin = OriginRows::default();
        let stations = (0..network.stations.len()).map(StationIdx::of);
        for destination in stations.filter(|station| *station != origin) {
            let all: Vec<Vec<Way>> =
                found.iter_mut().map(|found| found.ways(destination, &mut days)).collect();
            if all.iter().all(Vec::is_empty) {
                continue;
            }
            let mut left = all.clone();
            drop_dominated_by_later_days(&all, &mut left, &classes, &mut days);
            let mut rows = Vec::new();
            for ((found, all), left) in found.iter_mut().zip(&all).zip(&left) {
                for (at, (before, after)) in all.iter().zip(left).enumerate() {
                    if !days.is_empty(after.days) {
                        add_rows(
                            &mut **found,
                            destination,
                            (at, before, after),
                            &mut days,
                            &mut rows,
                        );
                    }
                }
            }
            if finders.len() > 1 {
                merge(&mut rows, &mut days);
            }
            rows.sort_by_cached_key(|row| order(network, row));
            let full = || ShiftTooFar(network.stations[origin.at()].name.clone());
            of_origin.add(destination, &rows).ok_or_else(full)?;
        }
        of_origin.day_sets = days.into_sets();
        Ok(of_origin)
    }
}

/// Takes from each way the days on which one of a later departure day dominates it.
fn drop_dominated_by_later_days(
    all: &[Vec<Way>],
    left: &mut [Vec<Way>],
    classes: &[&DayClass],
    days: &mut DayTable,
) {
    let Some(earliest) = classes.iter().map(|class| class.start).min() else {
        return;
    };
    for (of_class, class) in left.iter_mut().zip(classes) {
        for shift in class.shifts().filter(|shift| *shift > 0) {
            // The later day's minutes, in those of this one.
            let offset = class.offset(shift);
            for way in of_class.iter_mut() {
                if offset + earliest > way.criteria.arrival {
                    continue;
                }
                for other in all.iter().flat_map(|others| {
                    let latest = way.criteria.arrival - offset;
                    let end = others.partition_point(|it| it.criteria.departure < latest);
                    &others[..end]
                }) {
                    if other.criteria.cover(&way.criteria, -offset) {
                        way.days = days.minus_shifted(way.days, other.days, shift);
                    }
                }
            }
        }
    }
}

/// The rows of a way: `before` is on all its days, `after` on those that are left.
fn add_rows(
    found: &mut dyn Found,
    destination: StationIdx,
    (at, before, after): (usize, &Way, &Way),
    days: &mut DayTable,
    rows: &mut Vec<Row>,
) {
    let mut itineraries = Vec::new();
    found.itineraries(destination, at, days, &mut itineraries);
    for (legs, mut its_days) in itineraries {
        if after.days != before.days {
            its_days = days.both(its_days, after.days);
        }
        if !days.is_empty(its_days) {
            let Way { criteria, .. } = after;
            rows.push(Row {
                legs,
                legs_len: criteria.legs.into(),
                days: its_days,
                minutes: criteria.arrival - criteria.departure,
            });
        }
    }
}

/// Makes one of the rows with the same legs, which come from different classes of days.
fn merge(rows: &mut Vec<Row>, days: &mut DayTable) {
    rows.sort_by_key(|row| (row.legs_len, row.legs));
    rows.dedup_by(|next, row| {
        let same = next.legs_len == row.legs_len && next.legs == row.legs;
        if same {
            row.days = days.either(row.days, next.days);
            row.minutes = row.minutes.max(next.minutes);
        }
        same
    });
}

/// The order of a pair's rows: by departure on an ordinary day.
fn order(network: &Network, row: &Row) -> (i32, i32, [Leg; 3]) {
    let call = |leg: &Leg, call: u16| {
        let start = network.journeys[leg.journey.at()].calls_start as usize;
        network.calls[start + call as usize]
    };
    let (first, last) = (&row.legs[0], &row.legs[row.legs_len - 1]);
    let departure = first.shift * 1440 + i32::from(call(first, first.board).departure);
    let arrival = last.shift * 1440 + i32::from(call(last, last.alight).arrival);
    (departure, arrival, row.legs)
}
