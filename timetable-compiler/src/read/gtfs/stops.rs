//! stops.txt: places to board, folded into stations.
//!
//! A stop without a parent is a station of its own; platforms are the station that they stand in,
//! boarding areas the station of their platform. Entrances and other nodes are never called at.

use std::collections::HashMap;

use chrono_tz::Tz;
use schema::{NONE, Position};

use super::cells::{Keys, Tables, small, text};
use super::files::stops;
use crate::notice::{Code, Findings, Notice};
use crate::read::csv::Row;
use crate::read::stations::{degrees_e6, unknown_zone};
use crate::timetable::Station;

const STATION: u8 = 1;
const BOARDING_AREA: u8 = 4;

/// A row of stops.txt.
struct GtfsStopRow {
    id: String,
    name: Option<String>,
    /// Where it is, or what is wrong with that.
    position: Result<Position, &'static str>,
    fare_zone: u32,
    kind: u8,
    parent: Option<String>,
    zone: Option<Tz>,
    start: usize,
}

/// The stops of a feed.
pub struct Stops {
    rows: Vec<GtfsStopRow>,
    /// By stop id.
    pub keys: Keys,
    /// For each stop, the stop that is its station.
    stations: Vec<u32>,
    fare_zones: HashMap<String, u32>,
}

impl Stops {
    /// Reads stops.txt.
    pub fn read(tables: &Tables<'_>, findings: &mut Findings) -> Self {
        let keys = Keys::of(stops::FORM, stops::ID);
        let mut all =
            Self { rows: Vec::new(), keys, stations: Vec::new(), fare_zones: HashMap::new() };
        tables.each(stops::FORM, findings, |row, findings| {
            if all.keys.add(row, tables, findings).is_some() {
                let row = all.row(row, findings);
                all.rows.push(row);
            }
        });
        let stations = (0..all.rows.len()).map(|at| all.station_of_row(at, tables, findings));
        all.stations = stations.collect();
        all
    }

    fn row(&mut self, row: &Row<'_, '_>, findings: &mut Findings) -> GtfsStopRow {
        let action = "it was taken for 0, a stop or platform";
        let fare_zone = text(row, stops::FARE_ZONE, findings).map_or(NONE, |zone| {
            let next = self.fare_zones.len() as u32;
            *self.fare_zones.entry(zone).or_insert(next)
        });
        GtfsStopRow {
            id: row.get(stops::ID).unwrap_or_default().into_owned(),
            name: text(row, stops::NAME, findings),
            position: position(row),
            fare_zone,
            kind: small((row, stops::KIND), 4, action, findings).unwrap_or(0),
            parent: text(row, stops::PARENT, findings),
            zone: zone(row, findings),
            start: row.at().start,
        }
    }

    fn station_of_row(&self, at: usize, tables: &Tables<'_>, findings: &mut Findings) -> u32 {
        let own = at as u32;
        let row = &self.rows[at];
        let Some(parent) = row.parent.as_deref().filter(|_| row.kind != STATION) else {
            return own;
        };
        let parent_of = |id: &str| self.keys.get(id).map(|at| (at, &self.rows[at as usize]));
        let what = match parent_of(parent) {
            Some((at, parent)) if parent.kind == STATION => return at,
            Some((_, platform)) if row.kind == BOARDING_AREA && platform.kind == 0 => {
                let station = platform.parent.as_deref().and_then(parent_of);
                match station {
                    Some((at, station)) if station.kind == STATION => return at,
                    _ => "the platform of the boarding area stands in no station",
                }
            }
            Some(_) => "the parent is not a station",
            None => "stops.txt has no such stop",
        };
        let notice =
            tables.notice(Code::ParentUnusable, what, (stops::FORM, row.start, stops::PARENT));
        findings.add(notice.action("the stop was taken for a station of its own"));
        own
    }

    /// The stop that is a stop's station.
    pub fn station(&self, stop: u32) -> u32 {
        self.stations[stop as usize]
    }

    /// The fare zone of a stop, else that of its station.
    pub fn fare_zone(&self, stop: u32) -> u32 {
        let of = |stop: u32| self.rows[stop as usize].fare_zone;
        Some(of(stop)).filter(|zone| *zone != NONE).unwrap_or_else(|| of(self.station(stop)))
    }

    /// The number of a fare zone that stops have.
    pub fn fare_zone_of(&self, name: &str) -> Option<u32> {
        self.fare_zones.get(name).copied()
    }

    /// The id of a stop.
    pub fn id(&self, stop: u32) -> &str {
        &self.rows[stop as usize].id
    }

    /// A station, with findings for what it lacks.
    pub fn resolve(
        &self,
        station: u32,
        zone: Tz,
        transfer_minutes_min: Option<u16>,
        tables: &Tables<'_>,
        findings: &mut Findings,
    ) -> Station {
        let row = &self.rows[station as usize];
        if let Err(what) = row.position {
            let place = (stops::FORM, row.start, stops::LATITUDE);
            let notice = tables.notice(Code::PlaceUnusable, what, place);
            findings.add(notice.action("the station has no place"));
        }
        let name = row.name.clone().filter(|name| !schema::names::fold(name).is_empty());
        if name.is_none() {
            let sentence = "the station has no name with letters or digits";
            let place = (stops::FORM, row.start, stops::NAME);
            let notice = tables.notice(Code::StationWithoutName, sentence, place);
            findings.add(notice.action("its stop_id was taken for its name"));
        }
        Station {
            key: row.id.clone(),
            name: name.unwrap_or_else(|| row.id.clone()),
            aliases: std::collections::BTreeSet::new(),
            country: None,
            zone: row.zone.unwrap_or(zone),
            position: row.position.ok(),
            transfer_minutes_min,
        }
    }

    /// Says how many stations no train calls at.
    pub fn report_unserved(&self, served: usize, tables: &Tables<'_>, findings: &mut Findings) {
        let is_station = |at: &usize| {
            let row = &self.rows[*at];
            self.stations[*at] == *at as u32 && (row.kind == STATION || row.kind == 0)
        };
        let stations = (0..self.rows.len()).filter(is_station).count();
        let unserved = stations.saturating_sub(served);
        if unserved > 0 {
            let sentence = format!("no train calls at {unserved} of the {stations} stations");
            let notice = Notice::new(Code::StationNotServed, sentence).at(tables.whole());
            let action = "they were left out, with the transfers from and to them";
            findings.add(notice.action(action));
        }
    }
}

fn position(row: &Row<'_, '_>) -> Result<Position, &'static str> {
    let (latitude, longitude) = (row.get(stops::LATITUDE), row.get(stops::LONGITUDE));
    let (latitude, longitude) = (latitude.unwrap_or_default(), longitude.unwrap_or_default());
    if latitude.is_empty() || longitude.is_empty() {
        return Err("the station has no coordinates");
    }
    match (degrees_e6(&latitude, 90), degrees_e6(&longitude, 180)) {
        (Some(0), Some(0)) => Err("the station's coordinates are 0, 0, where there is only sea"),
        (Some(latitude_e6), Some(longitude_e6)) => Ok(Position { latitude_e6, longitude_e6 }),
        _ => Err("the station's coordinates are not from -90 to 90 and from -180 to 180 degrees"),
    }
}

fn zone(row: &Row<'_, '_>, findings: &mut Findings) -> Option<Tz> {
    let name = row.get(stops::ZONE).filter(|name| !name.is_empty())?;
    if let Ok(zone) = name.parse() {
        return Some(zone);
    }
    let notice = unknown_zone(Code::StopZoneUnknown, &name, findings).at(row.place(stops::ZONE));
    findings.add(notice.action("the agency's zone was taken instead"));
    None
}
