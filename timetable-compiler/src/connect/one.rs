//! The search from one station by itself, to be measured.

use std::collections::HashMap;

use chrono_tz::Tz;
use schema::{Network, StationIdx, days};

use super::classes::{DayClass, classes};
use super::rides::Rides;
use super::search::Shared;
use super::{changes, from_origin, zones};

/// What the searches from all stations share.
pub struct Prepared<'n> {
    shared: Shared<'n>,
    classes: HashMap<Tz, Vec<DayClass>>,
}

impl<'n> Prepared<'n> {
    /// Of a network; its connection tables do not matter.
    pub fn of(network: &'n Network) -> Self {
        let zones = zones(network);
        let classes = zones.iter().map(|zone| (*zone, classes(network, *zone))).collect();
        let shared = Shared {
            rides: Rides::of(network),
            zones,
            words: days::words(network.period.axis_days as usize),
            changes: changes(network),
            network,
        };
        Self { shared, classes }
    }

    /// How many rows the tables have from this station.
    pub fn rows_from(&self, station: StationIdx) -> usize {
        let classes = &self.classes[&self.shared.zones[station.at()]];
        from_origin(&self.shared, station, classes).values().map(Vec::len).sum()
    }
}
