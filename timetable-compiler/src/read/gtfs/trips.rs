//! trips.txt: which trips are wanted, and which have to be left out.

use std::collections::{BTreeMap, HashSet};

use super::TripCounts;
use super::calendar::Services;
use super::cells::{Keys, Tables, text};
use super::files::trips;
use super::routes::Routes;
use crate::notice::Findings;

/// What becomes of a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is used.
    Kept,
    /// Its route is not asked for.
    Unwanted,
    /// It has a defect, which was reported.
    Dropped,
}

/// A row of trips.txt.
pub struct GtfsTripRow {
    /// Its id.
    pub id: Box<str>,
    /// Its route; only of those that are kept.
    pub route: u32,
    /// Its service; only of those that are kept.
    pub service: u32,
    /// The number of the train.
    pub number: Option<Box<str>>,
    /// Where the row begins.
    pub start: usize,
    /// What becomes of it.
    pub fate: Fate,
}

/// The trips of a feed.
pub struct Trips {
    /// In the order of the file.
    pub rows: Vec<GtfsTripRow>,
    /// By trip id.
    pub keys: Keys,
    /// How many trips have stop times and are not in trips.txt.
    pub unknown: HashSet<Box<str>>,
}

impl Trips {
    /// Reads trips.txt.
    pub fn read(
        tables: &Tables<'_>,
        routes: &Routes,
        services: &Services,
        findings: &mut Findings,
    ) -> Self {
        let keys = Keys::of(trips::FORM, trips::ID);
        let mut all = Self { rows: Vec::new(), keys, unknown: HashSet::new() };
        let action = "the trip was left out";
        tables.each(trips::FORM, findings, |row, findings| {
            if all.keys.add(row, tables, findings).is_none() {
                return;
            }
            let route = routes.keys.refer((row, trips::ROUTE), tables, action, findings);
            let is_wanted = route.and_then(|route| routes.rows[route as usize].is_wanted);
            let mut trip = GtfsTripRow {
                id: row.get(trips::ID).unwrap_or_default().as_ref().into(),
                route: route.unwrap_or_default(),
                service: 0,
                number: None,
                start: row.at().start,
                fate: if is_wanted == Some(false) { Fate::Unwanted } else { Fate::Dropped },
            };
            if is_wanted != Some(false) {
                // Both are looked up, so that neither mistake hides the other.
                let service = services.refer((row, trips::SERVICE), findings);
                trip.number = text(row, trips::NUMBER, findings).map(Into::into);
                if let (Some(service), Some(true)) = (service, is_wanted) {
                    (trip.service, trip.fate) = (service, Fate::Kept);
                }
            }
            all.rows.push(trip);
        });
        all
    }

    /// The number of unwanted trips by the type of their route.
    pub fn unwanted(&self, routes: &Routes) -> BTreeMap<u32, usize> {
        let mut counts = BTreeMap::new();
        for trip in self.rows.iter().filter(|trip| trip.fate == Fate::Unwanted) {
            *counts.entry(routes.rows[trip.route as usize].kind).or_default() += 1;
        }
        counts
    }

    /// The trips that are used.
    pub fn kept(&self) -> impl Iterator<Item = &GtfsTripRow> {
        self.rows.iter().filter(|trip| trip.fate == Fate::Kept)
    }

    /// What became of all trips, as far as is known before they are given dates.
    pub fn counts(&self) -> TripCounts {
        let count = |fate| self.rows.iter().filter(|trip| trip.fate == fate).count();
        let (dropped, unwanted) =
            (count(Fate::Dropped) + self.unknown.len(), count(Fate::Unwanted));
        let read = dropped + unwanted + count(Fate::Kept);
        TripCounts { read, unwanted, dropped, rideless: 0, outside: 0 }
    }
}
