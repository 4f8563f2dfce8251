//! Where to change from one train to another, for timetables in which earlier is all that counts.
//!
//! Of all the trains that one could board after alighting, most bring a passenger nowhere sooner
//! than staying on the train, or than another change. Those are left out once and for all, as in
//! trip-based routing (Witt 2015): a change stays on the days on which some station is reached
//! earlier with it than by the train itself from there on, or by the changes kept so far. What is
//! left is a handful a call, and it serves the searches from all origins.

use std::collections::HashMap;

use rayon::prelude::*;
use schema::{Call, StationIdx};

use super::runs::{Run, Trains};
use super::set::Set;

/// A change worth making.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<const W: usize> {
    /// The run that is boarded.
    pub run: u32,
    /// At which of its calls.
    pub call: u16,
    /// On which departure days.
    pub days: Set<W>,
}

/// The changes of all calls of all runs.
pub struct Transfers<const W: usize> {
    starts: Vec<u32>,
    all: Vec<Transfer<W>>,
}

/// A call of the runs of a route: runs over the same stations of which none overtakes another.
#[derive(Debug, Clone, Copy)]
struct RouteCall {
    call: u16,
    /// Where the route's runs begin, in order, and how many there are.
    runs_start: u32,
    runs_len: u32,
    /// Where their departures from this call begin.
    departures_start: u32,
}

struct Routes<const W: usize> {
    runs: Vec<u32>,
    /// Of each of the runs.
    days: Vec<Set<W>>,
    departures: Vec<i32>,
    /// Per station the calls at which one can board.
    boardings: Vec<Vec<RouteCall>>,
}

impl<const W: usize> Transfers<W> {
    /// The changes between the trains of a class.
    pub fn of(trains: &Trains<'_, W>) -> Self {
        let routes = Routes::of(trains);
        let stations = trains.shared.network.stations.len();
        let of_runs: Vec<Vec<Vec<Transfer<W>>>> = (0..trains.runs.len() as u32)
            .into_par_iter()
            .with_min_len(256)
            .map_init(
                || Arrivals::new(stations),
                |arrivals, run| {
                    let kept = of_run(trains, &routes, run, arrivals);
                    arrivals.clear();
                    kept
                },
            )
            .collect();
        let mut transfers = Self { starts: vec![0], all: Vec::new() };
        for of_call in of_runs.into_iter().flatten() {
            transfers.all.extend(of_call);
            transfers.starts.push(transfers.all.len() as u32);
        }
        transfers
    }

    /// Those after alighting from a run at a call.
    pub fn after(&self, run: &Run<W>, call: u16) -> &[Transfer<W>] {
        let at = run.base as usize + call as usize;
        &self.all[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

impl<const W: usize> Routes<W> {
    fn of(trains: &Trains<'_, W>) -> Self {
        let stations = trains.shared.network.stations.len();
        let mut routes = Self {
            runs: Vec::with_capacity(trains.runs.len()),
            days: Vec::with_capacity(trains.runs.len()),
            departures: Vec::new(),
            boardings: vec![Vec::new(); stations],
        };
        for route in in_routes(trains) {
            routes.add(trains, &route);
        }
        routes
    }

    fn add(&mut self, trains: &Trains<'_, W>, route: &[u32]) {
        let (runs_start, runs_len) = (self.runs.len() as u32, route.len() as u32);
        self.runs.extend(route);
        self.days.extend(route.iter().map(|run| trains.runs[*run as usize].days));
        let calls = trains.calls(&trains.runs[route[0] as usize]);
        for (it, call) in calls[..calls.len() - 1].iter().zip(0..) {
            if it.flags.boarding() {
                let departures_start = self.departures.len() as u32;
                self.departures.extend(route.iter().map(|run| {
                    let run = &trains.runs[*run as usize];
                    run.offset + i32::from(trains.calls(run)[call as usize].departure)
                }));
                let call = RouteCall { call, runs_start, runs_len, departures_start };
                self.boardings[it.station.at()].push(call);
            }
        }
    }
}

/// The runs, parted into routes.
fn in_routes<const W: usize>(trains: &Trains<'_, W>) -> Vec<Vec<u32>> {
    let mut order: Vec<u32> = (0..trains.runs.len() as u32).collect();
    order.sort_by_key(|run| {
        let run = &trains.runs[*run as usize];
        run.offset + i32::from(trains.calls(run)[0].departure)
    });
    let mut routes: Vec<Vec<u32>> = Vec::new();
    let mut alike: HashMap<Vec<(StationIdx, u8)>, Vec<usize>> = HashMap::new();
    for at in order {
        let calls = trains.calls(&trains.runs[at as usize]).iter();
        let known = alike.entry(calls.map(|call| (call.station, call.flags.0)).collect());
        let known = known.or_default();
        let follows = |route: &&usize| {
            let last = routes[**route].last();
            last.is_some_and(|last| follows(trains, *last, at))
        };
        if let Some(route) = known.iter().find(follows) {
            routes[*route].push(at);
        } else {
            known.push(routes.len());
            routes.push(vec![at]);
        }
    }
    routes
}

/// Whether a run comes after another at every call.
fn follows<const W: usize>(trains: &Trains<'_, W>, before: u32, after: u32) -> bool {
    let (before, after) = (&trains.runs[before as usize], &trains.runs[after as usize]);
    let later = after.offset - before.offset;
    let one = |(before, after): (&Call, &Call)| {
        i32::from(before.departure) <= later + i32::from(after.departure)
            && i32::from(before.arrival) <= later + i32::from(after.arrival)
    };
    trains.calls(before).iter().zip(trains.calls(after)).all(one)
}

/// The earliest arrivals at stations, each on days of its own.
struct Arrivals<const W: usize> {
    at: Vec<Vec<(i32, Set<W>)>>,
    touched: Vec<StationIdx>,
}

impl<const W: usize> Arrivals<W> {
    fn new(stations: usize) -> Self {
        Self { at: vec![Vec::new(); stations], touched: Vec::new() }
    }

    fn clear(&mut self) {
        for station in self.touched.drain(..) {
            self.at[station.at()].clear();
        }
    }

    /// Notes an arrival; the days on which it is earlier than what was known.
    fn add(&mut self, station: StationIdx, minute: i32, days: Set<W>) -> Set<W> {
        let known = &mut self.at[station.at()];
        if known.is_empty() {
            self.touched.push(station);
        }
        super::earlier::add(known, minute, days)
    }
}

/// The changes at each call of a run.
fn of_run<const W: usize>(
    trains: &Trains<'_, W>,
    routes: &Routes<W>,
    number: u32,
    arrivals: &mut Arrivals<W>,
) -> Vec<Vec<Transfer<W>>> {
    let run = &trains.runs[number as usize];
    let calls = trains.calls(run);
    let mut kept = vec![Vec::new(); calls.len()];
    let mut candidates = Vec::new();
    for (call, station, arrival) in trains.alightings_from(run, 1).collect::<Vec<_>>().iter().rev()
    {
        arrivals.add(*station, *arrival, run.days);
        let Some(boarded) = calls[..*call as usize].iter().rposition(|it| it.flags.boarding())
        else {
            continue;
        };
        let limit = trains.shared.network.transfers.duration_minutes_max as i32;
        let latest = run.offset + i32::from(calls[boarded].departure) + limit;
        candidates.clear();
        for (at, minutes) in &trains.shared.changes[station.at()] {
            let window = (arrival + minutes, latest);
            add_candidates(trains, routes, (number, *at), window, &mut candidates);
        }
        candidates.sort_unstable_by_key(|(minute, it)| (*minute, it.run, it.call));
        for (_, candidate) in &candidates {
            let boarded = &trains.runs[candidate.run as usize];
            let mut days = Set::EMPTY;
            for (_, station, minute) in trains.alightings_from(boarded, candidate.call + 1) {
                if minute > latest {
                    break;
                }
                days = days.or(&arrivals.add(station, minute, candidate.days));
            }
            if !days.is_empty() {
                kept[*call as usize].push(Transfer { days, ..*candidate });
            }
        }
    }
    kept
}

/// For each route the runs that one can board in the window, the next only on days on which those
/// before it do not run.
fn add_candidates<const W: usize>(
    trains: &Trains<'_, W>,
    routes: &Routes<W>,
    (number, station): (u32, StationIdx),
    (first, last): (i32, i32),
    candidates: &mut Vec<(i32, Transfer<W>)>,
) {
    for at in &routes.boardings[station.at()] {
        let (of_route, len) = (at.runs_start as usize, at.runs_len as usize);
        let departures = &routes.departures[at.departures_start as usize..][..len];
        let start = departures.partition_point(|minute| *minute < first);
        let runs = routes.runs[of_route..].iter().zip(&routes.days[of_route..]);
        let mut left = trains.runs[number as usize].days;
        for (minute, (run, days)) in departures.iter().zip(runs).skip(start) {
            if *minute > last {
                break;
            }
            let days = left.and(days);
            if !days.is_empty() && *run != number {
                candidates.push((*minute, Transfer { run: *run, call: at.call, days }));
                left = left.minus(&days);
                if left.is_empty() {
                    break;
                }
            }
        }
    }
}
