//! A network file with what the server derives from it once.

use std::collections::BTreeSet;

use chrono::NaiveTime;
use chrono_tz::Tz;
use schema::{
    Instant, NetworkFile, NetworkView, OpenError, StationIdx, local_date, local_to_instant,
};

use super::itinerary::Window;
use super::names::StationNames;

/// Bytes that may be shared between threads and outlive any request.
pub type SharedBytes = Box<dyn AsRef<[u8]> + Send + Sync>;

struct Bytes(SharedBytes);

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

/// An opened network, ready to be searched.
pub struct Network {
    file: NetworkFile<Bytes>,
    zones: Vec<Tz>,
    names: StationNames,
    footpaths_into: Vec<Vec<(StationIdx, u16)>>,
    summary: Summary,
}

/// What a network has to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Trains, by their ids in the source.
    pub service_journeys: usize,
    /// Their types, sorted.
    pub train_types: BTreeSet<String>,
    /// Who runs them, sorted.
    pub operators: BTreeSet<String>,
}

impl Summary {
    fn of(view: NetworkView<'_>) -> Self {
        let sources = view.archived().sources_by_id.iter();
        let mut ids: Vec<&str> = sources
            .map(|at| view.archived().sources[at.to_native() as usize].id.as_str())
            .collect();
        ids.dedup();
        let train_type = |journey| view.journey(journey).train_type.0.to_native();
        let operator = |journey| view.journey(journey).operator.to_native();
        let texts = |all: BTreeSet<u32>| {
            all.into_iter().filter_map(|text| view.text(text)).map(str::to_owned).collect()
        };
        Self {
            service_journeys: ids.len(),
            train_types: texts(view.journeys().map(train_type).collect()),
            operators: texts(view.journeys().map(operator).collect()),
        }
    }
}

impl Network {
    /// Opens a network file's bytes. They must not change while the network lives.
    ///
    /// # Errors
    ///
    /// Where they are no network file that this build can read.
    pub fn open(bytes: SharedBytes) -> Result<Self, OpenError> {
        let file = NetworkFile::open(Bytes(bytes))?;
        let view = file.view();
        let zone = |station: StationIdx| {
            let name = view.text(view.station(station).zone.0.to_native()).unwrap_or_default();
            name.parse().map_err(|_| OpenError::Layout { reason: format!("no zone {name:?}") })
        };
        let zones = view.stations().map(zone).collect::<Result<_, _>>()?;
        let names = StationNames::of(view);
        let mut footpaths_into = vec![Vec::new(); view.station_count()];
        for path in view.archived().footpaths.iter() {
            let from = StationIdx(path.from.0.to_native());
            footpaths_into[path.to.0.to_native() as usize].push((from, path.minutes.to_native()));
        }
        let summary = Summary::of(view);
        Ok(Self { file, zones, names, footpaths_into, summary })
    }

    /// What the file's header says.
    pub fn header(&self) -> &schema::Header {
        self.file.header()
    }

    /// The tables.
    #[inline]
    pub fn view(&self) -> NetworkView<'_> {
        self.file.view()
    }

    /// What there is to choose from.
    pub const fn summary(&self) -> &Summary {
        &self.summary
    }

    /// The stations by name.
    pub fn names(&self) -> &StationNames {
        &self.names
    }

    /// The stations from which a timetabled footpath leads to one, each with the minutes it needs.
    #[inline]
    pub fn footpaths_into(&self, station: StationIdx) -> &[(StationIdx, u16)] {
        &self.footpaths_into[station.at()]
    }

    /// A station's zone.
    #[inline]
    pub fn zone(&self, station: StationIdx) -> Tz {
        self.zones[station.at()]
    }

    /// The day of the axis that the calendar shows at a station; it may lie off the axis.
    pub fn local_day(&self, station: StationIdx, instant: Instant) -> i32 {
        self.view().day_of(local_date(self.zone(station), instant))
    }

    /// All departures of a calendar day at a station.
    pub fn day_window(&self, station: StationIdx, day: i32) -> Window {
        let midnight = |day: i32| {
            let date = self.view().date_of(day);
            local_to_instant(self.zone(station), date.and_time(NaiveTime::MIN))
        };
        Window::Departing { from: midnight(day), until: midnight(day + 1) }
    }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network").field("header", self.header()).finish_non_exhaustive()
    }
}
