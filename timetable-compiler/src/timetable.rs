//! A timetable as the readers leave it: everything named by what the source calls it, dates as
//! dates, nothing sorted. [`assemble`](crate::assemble) turns it into the tables of a network.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use schema::{CallFlags, Fare, Position, Transfers};

/// A whole timetable.
#[derive(Debug, Clone)]
pub struct Timetable {
    /// The zone that service dates are of.
    pub zone: Tz,
    /// First service date.
    pub first: NaiveDate,
    /// Last service date.
    pub last: NaiveDate,
    /// Limits on transfers.
    pub transfers: Transfers,
    /// ISO 4217 code of all prices.
    pub currency: String,
    /// In any order; keys are unique.
    pub stations: Vec<Station>,
    /// Footpaths by the stations' keys, with minutes.
    pub footpaths: Vec<(String, String, u16)>,
    /// In any order.
    pub journeys: Vec<ServiceJourney>,
}

/// A place to board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Its id in the source.
    pub key: String,
    /// Its name as published.
    pub name: String,
    /// Other names.
    pub aliases: BTreeSet<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country: Option<String>,
    /// Its zone.
    pub zone: Tz,
    /// Its place.
    pub position: Option<Position>,
    /// Its own minimum transfer time in minutes, where the timetable has one.
    pub transfer_minutes_min: Option<u16>,
}

/// One train.
#[derive(Debug, Clone)]
pub struct ServiceJourney {
    /// What the source calls it, each name with the service dates on which it runs by it. There is
    /// at least one name, none is without dates, and no two share one.
    pub sources: BTreeMap<String, BTreeSet<NaiveDate>>,
    /// Its train type.
    pub train_type: String,
    /// Its public number.
    pub number: Option<String>,
    /// Who runs it.
    pub operator: Option<String>,
    /// At least two, in order.
    pub calls: Vec<Call>,
    /// Nothing, or for n calls n(n-1)/2 fares as in [`schema::Network::fares`].
    pub fares: Vec<Fare>,
}

impl ServiceJourney {
    /// The first of its names.
    pub fn source_id(&self) -> &str {
        self.sources.keys().next().map_or("", String::as_str)
    }

    /// The service dates on which it runs with these times.
    pub fn days(&self) -> BTreeSet<NaiveDate> {
        self.sources.values().flatten().copied().collect()
    }

    /// The first of them.
    pub fn first_day(&self) -> Option<NaiveDate> {
        self.sources.values().filter_map(BTreeSet::first).min().copied()
    }

    /// Whether it runs on a date of the period.
    pub fn runs_within(&self, first: NaiveDate, last: NaiveDate) -> bool {
        self.sources.values().any(|days| days.range(first..=last).next().is_some())
    }
}

/// A stop of a train. Minutes count from the service date's origin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Call {
    /// Key of the station.
    pub station: Arc<str>,
    /// Minute of arrival.
    pub arrival: i16,
    /// Minute of departure.
    pub departure: i16,
    /// Whether one may board, and alight.
    pub may: (bool, bool),
}

impl Call {
    /// What passengers may do here, as the file has it.
    pub const fn flags(&self) -> CallFlags {
        CallFlags::new(self.may.0, self.may.1)
    }
}
