//! The connections from one station: its search, the days that follow, the choice among equals.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schema::{Leg, Network, StationIdx};

use super::ShiftTooFar;
use super::best::{Best, Criteria, keep_best};
use super::calendar::Calendar;
use super::canonical::{Chooser, Winner};
use super::days::{DayTable, Days};
use super::plain::{self, Notes};
use super::priced::Search;
use super::rides::Rides;
use super::runs::{Shared, Trains};
use super::set::{Atoms, Set};
use super::tables::OriginRows;
use super::transfers::Transfers;

/// A row of any of the three tables.
pub struct Row {
    /// The legs; past their number anything.
    pub legs: [Leg; 3],
    /// How many there are.
    pub legs_len: usize,
    /// The days on which it is best.
    pub days: Days,
    /// Minutes from departure to arrival, the longest of its days.
    pub minutes: i32,
}

/// What the searches from all stations share.
pub struct Searches<'s, const W: usize> {
    trains: Trains<'s, W>,
    rides: Rides,
    changes_into: Vec<Vec<(StationIdx, i32)>>,
    /// Where earlier is all that counts.
    transfers: Option<Transfers<W>>,
    /// How far the days are away that come after one, nearest first, each with those that have it.
    later: Vec<LaterDay>,
    /// Of searches that have ended.
    notes: Mutex<Vec<Notes<W>>>,
}

struct LaterDay {
    shift: i32,
    offset: i32,
    from: Vec<u64>,
}

/// A way from one station to another.
#[derive(Clone, Copy)]
struct Way {
    criteria: Criteria,
    /// The days on which no other of the same day dominates it.
    best: Days,
    /// Those on which none of a later day does either.
    left: Days,
}

enum Searched<'f, const W: usize> {
    Plain(Notes<W>),
    Priced(Search<'f, W>),
}

/// Searches, however wide their sets are.
pub trait Origins: Sync {
    /// The rows from a station.
    ///
    /// # Errors
    ///
    /// Where a leg does not fit the format.
    fn rows_from(&self, origin: StationIdx) -> Result<OriginRows, ShiftTooFar>;
}

impl<'s, const W: usize> Searches<'s, W> {
    /// Prepares the searches of a network.
    pub fn of(shared: &'s Shared<'s>, calendar: &Calendar<'_>, atoms: Atoms) -> Self {
        let trains = Trains::of(shared, calendar, atoms);
        let rides = Rides::of(&trains);
        let mut changes_into = vec![Vec::new(); shared.changes.len()];
        for (from, changes) in shared.changes.iter().enumerate() {
            for (to, minutes) in changes {
                changes_into[to.at()].push((StationIdx::of(from), *minutes));
            }
        }
        let transfers = shared.is_plain().then(|| Transfers::of(&trains));
        let later = later_days(&trains, calendar);
        Self { trains, rides, changes_into, transfers, later, notes: Mutex::default() }
    }

    fn search(&self, origin: StationIdx) -> Searched<'_, W> {
        let Some(transfers) = &self.transfers else {
            return Searched::Priced(Search::run(&self.trains, &self.rides, origin));
        };
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut notes = notes.unwrap_or_else(|| Notes::new(&self.trains));
        plain::search(&self.trains, transfers, origin, &mut notes);
        Searched::Plain(notes)
    }
}

impl<const W: usize> Origins for Searches<'_, W> {
    fn rows_from(&self, origin: StationIdx) -> Result<OriginRows, ShiftTooFar> {
        let network = self.trains.shared.network;
        let search = self.search(origin);
        let mut of_origin = OfOrigin::new(self, origin);
        let mut rows = OriginRows::default();
        let stations = (0..network.stations.len()).map(StationIdx::of);
        for destination in stations.filter(|station| *station != origin) {
            of_origin.find(&search, destination);
            let full = || ShiftTooFar(network.stations[origin.at()].name.clone());
            rows.add(destination, &of_origin.rows).ok_or_else(full)?;
        }
        rows.day_sets = of_origin.days.into_sets();
        if let Searched::Plain(notes) = search {
            self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(notes);
        }
        Ok(rows)
    }
}

fn later_days<const W: usize>(trains: &Trains<'_, W>, calendar: &Calendar<'_>) -> Vec<LaterDay> {
    let distances = trains.distances(calendar).into_iter();
    let later = distances.filter(|(shift, ..)| *shift > 0);
    let day = |(shift, offset, days): (i32, i32, Set<W>)| LaterDay {
        shift,
        offset,
        from: trains.atoms.days(&days),
    };
    later.map(day).collect()
}

/// The work on one origin. Its vectors are kept from one destination to the next.
struct OfOrigin<'f, 's, const W: usize> {
    searches: &'f Searches<'s, W>,
    origin: StationIdx,
    chooser: Chooser<'f, 's, W>,
    days: DayTable,
    known: HashMap<Set<W>, Days>,
    /// Per later day the days from which it is that far away.
    later: Vec<Days>,
    best: Vec<Best<W>>,
    ways: Vec<Way>,
    winners: Vec<Winner<W>>,
    rows: Vec<Row>,
}

impl<'f, 's, const W: usize> OfOrigin<'f, 's, W> {
    fn new(searches: &'f Searches<'s, W>, origin: StationIdx) -> Self {
        let mut days = DayTable::default();
        let later = searches.later.iter().map(|later| days.intern(later.from.clone())).collect();
        let (trains, rides) = (&searches.trains, &searches.rides);
        Self {
            searches,
            origin,
            chooser: Chooser::new(trains, rides, &searches.changes_into),
            days,
            known: HashMap::new(),
            later,
            best: Vec::new(),
            ways: Vec::new(),
            winners: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// Finds the rows to a destination.
    fn find(&mut self, search: &Searched<'_, W>, destination: StationIdx) {
        self.rows.clear();
        self.best.clear();
        match search {
            Searched::Plain(notes) => self.best.extend(&notes.found[destination.at()]),
            Searched::Priced(search) => self.best.extend(search.found(destination)),
        }
        keep_best(&mut self.best, matches!(search, Searched::Plain(_)));
        self.ways.clear();
        for at in 0..self.best.len() {
            let Best { criteria, days } = self.best[at];
            let best = self.interned(&days);
            self.ways.push(Way { criteria, best, left: best });
        }
        self.drop_dominated_by_later_days();
        for at in 0..self.ways.len() {
            if !self.days.is_empty(self.ways[at].left) {
                self.add_rows(destination, at);
            }
        }
        let network = self.searches.trains.shared.network;
        self.rows.sort_by_cached_key(|row| order(network, row));
        // The same trains, further apart in the night of a clock change.
        let days = &mut self.days;
        self.rows.dedup_by(|next, row| {
            let same = next.legs_len == row.legs_len && next.legs == row.legs;
            if same {
                row.days = days.either(row.days, next.days);
                row.minutes = row.minutes.max(next.minutes);
            }
            same
        });
    }

    fn interned(&mut self, set: &Set<W>) -> Days {
        let (atoms, days) = (&self.searches.trains.atoms, &mut self.days);
        *self.known.entry(*set).or_insert_with(|| days.intern(atoms.days(set)))
    }

    /// Takes from each way the days on which one of a later departure day dominates it.
    fn drop_dominated_by_later_days(&mut self) {
        let Some(earliest) = self.ways.first().map(|way| way.criteria.departure) else {
            return;
        };
        for (later, from) in self.searches.later.iter().zip(&self.later) {
            for at in 0..self.ways.len() {
                // In minutes of the later day.
                let latest = self.ways[at].criteria.arrival - later.offset;
                if earliest >= latest {
                    continue;
                }
                let end = self.ways.partition_point(|other| other.criteria.departure < latest);
                for other in 0..end {
                    let (way, other) = (self.ways[at], self.ways[other]);
                    if other.criteria.cover(&way.criteria, -later.offset) {
                        let among = (later.shift, *from);
                        let left = self.days.minus_shifted(way.left, other.best, among);
                        self.ways[at].left = left;
                    }
                }
            }
        }
    }

    fn add_rows(&mut self, destination: StationIdx, at: usize) {
        let Way { criteria, best, left } = self.ways[at];
        let mut winners = std::mem::take(&mut self.winners);
        winners.clear();
        self.chooser.winners((self.origin, destination), &self.best[at], &mut winners);
        for winner in &winners {
            let mut days = self.interned(&winner.days);
            if left != best {
                days = self.days.both(days, left);
            }
            if !self.days.is_empty(days) {
                self.rows.push(Row {
                    legs: winner.legs,
                    legs_len: criteria.legs.into(),
                    days,
                    minutes: criteria.arrival - criteria.departure,
                });
            }
        }
        self.winners = winners;
    }
}

/// The order of a pair's rows: by departure on an ordinary day.
fn order(network: &Network, row: &Row) -> (i32, i32, usize, [Leg; 3]) {
    let call = |leg: &Leg, call: u16| {
        let start = network.journeys[leg.journey.at()].calls_start as usize;
        network.calls[start + call as usize]
    };
    let (first, last) = (&row.legs[0], &row.legs[row.legs_len - 1]);
    let departure = first.shift * 1440 + i32::from(call(first, first.board).departure);
    let arrival = last.shift * 1440 + i32::from(call(last, last.alight).arrival);
    (departure, arrival, row.legs_len, row.legs)
}
