//! The search from a station over the days of one class, whatever the width of its sets and
//! whichever of the two ways of searching fits the timetable.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use schema::{Leg, StationIdx};

use super::best::{Best, Criteria, keep_best};
use super::canonical::{Chooser, Winner};
use super::classes::DayClass;
use super::days::{DayTable, Days};
use super::plain::{self, Notes};
use super::priced::Search;
use super::rides::Rides;
use super::runs::{Shared, Trains};
use super::set::{Atoms, Set};
use super::transfers::Transfers;

/// Finds connections on the days of a class.
pub trait Finder: Sync + Send {
    /// The search from a station.
    fn find<'f>(&'f self, origin: StationIdx) -> Box<dyn Found + 'f>;

    /// The class.
    fn class(&self) -> &DayClass;
}

/// What a search from a station found.
pub trait Found {
    /// The best ways to another station, by departure.
    fn ways(&mut self, destination: StationIdx, days: &mut DayTable) -> Vec<Way>;

    /// The itineraries that stand for one of the ways last asked for.
    fn itineraries(
        &mut self,
        destination: StationIdx,
        way: usize,
        days: &mut DayTable,
        itineraries: &mut Vec<([Leg; 3], Days)>,
    );
}

/// A way from one station to another that no other of the same day dominates.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// What makes it good.
    pub criteria: Criteria,
    /// On which days it is there.
    pub days: Days,
}

/// A finder for the days of a class.
pub fn finder<'s>(shared: &'s Shared<'s>, class: &DayClass) -> Box<dyn Finder + 's> {
    let policy = shared.network.transfers.layover_policy;
    let mut zones = Vec::new();
    if policy != schema::LayoverPolicy::None {
        zones.clone_from(&shared.zones);
        zones.sort_unstable_by_key(|zone| zone.name());
        zones.dedup();
    }
    let atoms = Atoms::of(shared.network, class, &zones);
    match atoms.len().div_ceil(64) {
        0 | 1 => Box::new(OfClass::<1>::new(shared, class, atoms)),
        2 => Box::new(OfClass::<2>::new(shared, class, atoms)),
        3 | 4 => Box::new(OfClass::<4>::new(shared, class, atoms)),
        5..=8 => Box::new(OfClass::<8>::new(shared, class, atoms)),
        9..=16 => Box::new(OfClass::<16>::new(shared, class, atoms)),
        // A network file holds at most 3,900 dates.
        _ => Box::new(OfClass::<64>::new(shared, class, atoms)),
    }
}

struct OfClass<'s, const W: usize> {
    trains: Trains<'s, W>,
    rides: Rides,
    changes_into: Vec<Vec<(StationIdx, i32)>>,
    /// Where earlier is all that counts.
    transfers: Option<Transfers<W>>,
    /// Of searches that have ended.
    notes: Mutex<Vec<Notes<W>>>,
}

impl<'s, const W: usize> OfClass<'s, W> {
    fn new(shared: &'s Shared<'s>, class: &DayClass, atoms: Atoms) -> Self {
        let trains = Trains::of(shared, class, atoms);
        let rides = Rides::of(&trains);
        let mut changes_into = vec![Vec::new(); shared.changes.len()];
        for (from, changes) in shared.changes.iter().enumerate() {
            for (to, minutes) in changes {
                changes_into[to.at()].push((StationIdx::of(from), *minutes));
            }
        }
        let transfers = shared.is_plain().then(|| Transfers::of(&trains));
        Self { trains, rides, changes_into, transfers, notes: Mutex::default() }
    }
}

impl<const W: usize> Finder for OfClass<'_, W> {
    fn find<'f>(&'f self, origin: StationIdx) -> Box<dyn Found + 'f> {
        let search = if let Some(transfers) = &self.transfers {
            let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut notes = notes.unwrap_or_else(|| Notes::new(&self.trains));
            plain::search(&self.trains, transfers, origin, &mut notes);
            Searched::Plain(Some(notes))
        } else {
            Searched::Priced(Search::run(&self.trains, &self.rides, origin))
        };
        Box::new(OfOrigin {
            finder: self,
            origin,
            search,
            chooser: Chooser::new(&self.trains, &self.rides, &self.changes_into),
            ways: Vec::new(),
            winners: Vec::new(),
            known: HashMap::new(),
        })
    }

    fn class(&self) -> &DayClass {
        &self.trains.class
    }
}

enum Searched<'f, const W: usize> {
    Plain(Option<Notes<W>>),
    Priced(Search<'f, W>),
}

struct OfOrigin<'f, 's, const W: usize> {
    finder: &'f OfClass<'s, W>,
    origin: StationIdx,
    search: Searched<'f, W>,
    chooser: Chooser<'f, 's, W>,
    ways: Vec<Best<W>>,
    winners: Vec<Winner<W>>,
    known: HashMap<Set<W>, Days>,
}

impl<const W: usize> OfOrigin<'_, '_, W> {
    fn days(&mut self, set: &Set<W>, days: &mut DayTable) -> Days {
        let atoms = &self.finder.trains.atoms;
        *self.known.entry(*set).or_insert_with(|| days.intern(atoms.days(set)))
    }
}

impl<const W: usize> Found for OfOrigin<'_, '_, W> {
    fn ways(&mut self, destination: StationIdx, days: &mut DayTable) -> Vec<Way> {
        self.ways.clear();
        match &self.search {
            Searched::Plain(notes) => {
                let found = notes.iter().flat_map(|notes| &notes.found[destination.at()]);
                self.ways.extend(found);
                keep_best(&mut self.ways, true);
            }
            Searched::Priced(search) => {
                self.ways.extend(search.found(destination));
                keep_best(&mut self.ways, false);
            }
        }
        (0..self.ways.len())
            .map(|at| {
                let Best { criteria, days: set } = self.ways[at];
                Way { criteria, days: self.days(&set, days) }
            })
            .collect()
    }

    fn itineraries(
        &mut self,
        destination: StationIdx,
        way: usize,
        days: &mut DayTable,
        itineraries: &mut Vec<([Leg; 3], Days)>,
    ) {
        let mut winners = std::mem::take(&mut self.winners);
        winners.clear();
        self.chooser.winners((self.origin, destination), &self.ways[way], &mut winners);
        for winner in &winners {
            itineraries.push((winner.legs, self.days(&winner.days, days)));
        }
        self.winners = winners;
    }
}

impl<const W: usize> Drop for OfOrigin<'_, '_, W> {
    fn drop(&mut self) {
        if let Searched::Plain(notes) = &mut self.search {
            let mut pool = self.finder.notes.lock().unwrap_or_else(PoisonError::into_inner);
            pool.extend(notes.take());
        }
    }
}
