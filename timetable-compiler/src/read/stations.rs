//! The stations file: for each city its country, zone, place and other names.

use std::collections::{BTreeSet, HashMap};

use chrono_tz::Tz;
use schema::Position;
use schema::names::fold;
use serde::Serialize;
use strsim::osa_distance;

use crate::notice::{Code, Findings, KEPT_PER_CODE, Notice};
use crate::read::Input;
use crate::read::csv::{Column, Header, Row, RowAt, Source, Table};
use crate::read::row::{city, required, text};

const NAME: usize = 0;
const COUNTRY: usize = 1;
const ZONE: usize = 2;
const LATITUDE: usize = 3;
const LONGITUDE: usize = 4;
const ALIASES: usize = 5;

/// Its columns.
pub const COLUMNS: &[Column] = &[
    required("name"),
    optional("country"),
    required("time_zone"),
    optional("latitude"),
    optional("longitude"),
    optional("aliases"),
];

const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// A row of the stations file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct StationRecord {
    /// Its name.
    pub name: String,
    /// Its ISO 3166-1 alpha-2 code, where known.
    pub country: Option<String>,
    /// The IANA name of its zone; none where it was not understood, which is an error.
    zone_name: Option<&'static str>,
    /// Degrees × 10⁶ north and east, where known.
    degrees_e6: Option<(i32, i32)>,
    /// Other names.
    pub aliases: BTreeSet<String>,
}

impl StationRecord {
    /// Its zone; none where it was not understood, which is an error.
    pub fn zone(&self) -> Option<Tz> {
        self.zone_name?.parse().ok()
    }

    /// Its place, where known.
    pub fn position(&self) -> Option<Position> {
        self.degrees_e6.map(|(latitude_e6, longitude_e6)| Position { latitude_e6, longitude_e6 })
    }
}

/// The stations by every name they have.
pub struct Stations<'i> {
    table: Option<Table<'i>>,
    rows: usize,
    records: Vec<(StationRecord, RowAt)>,
    by_name: HashMap<String, usize>,
}

impl<'i> Stations<'i> {
    /// Those of a file, which is the first of the inputs, and findings for what is wrong with it.
    pub fn read(file: Option<&'i Input>, findings: &mut Findings) -> Self {
        let mut stations =
            Self { table: None, rows: 0, records: Vec::new(), by_name: HashMap::new() };
        let header = file.and_then(|file| Header::read(Source::of(0, file), findings));
        let Some(table) = header.and_then(|header| header.table(COLUMNS, findings)) else {
            return stations;
        };
        stations.rows = table.rows(findings, |row, findings| {
            let record = station(row, findings);
            stations.records.extend(record.map(|record| (record, row.at())));
        });
        stations.index(&table, findings);
        stations.table = Some(table);
        stations
    }

    /// Whether there is a stations file.
    pub fn are_listed(&self) -> bool {
        self.table.is_some()
    }

    /// The station that a city of a timetable is.
    pub fn find(&self, city: &str) -> Option<&StationRecord> {
        let at = *self.by_name.get(&fold(city))?;
        Some(&self.records[at].0)
    }

    /// All stations, as the file has them.
    pub fn records(&self) -> impl Iterator<Item = &StationRecord> {
        self.records.iter().map(|(record, _)| record)
    }

    /// How many rows the file has, whatever is wrong with them.
    pub const fn count_rows(&self) -> usize {
        self.rows
    }

    /// Reports the stations that no train serves, and says how many there are.
    pub fn report_unserved(&self, served: &BTreeSet<&str>, findings: &mut Findings) -> usize {
        let Some(table) = &self.table else { return 0 };
        let mut unserved = 0;
        for (record, at) in &self.records {
            if !served.contains(record.name.as_str()) {
                unserved += 1;
                let notice = Notice::new(Code::StationNotServed, "no train calls at the station");
                let notice = notice.at(table.place(*at, NAME)).value(&record.name);
                findings.add(notice.action("the station was left out"));
            }
        }
        unserved
    }

    fn index(&mut self, table: &Table<'_>, findings: &mut Findings) {
        // Names first: an alias never takes a name from the station that has it as its own.
        for (at, (record, row)) in self.records.iter().enumerate() {
            let other = *self.by_name.entry(fold(&record.name)).or_insert(at);
            if other != at {
                let other = &self.records[other].0.name;
                let sentence = format!("the station has the name of `{other}` above");
                let notice = Notice::new(Code::DuplicateStation, sentence);
                findings.add(notice.at(table.place(*row, NAME)).value(&record.name));
            }
        }
        let mut reported = BTreeSet::new();
        for (at, (record, row)) in self.records.iter().enumerate() {
            for alias in &record.aliases {
                let other = *self.by_name.entry(fold(alias)).or_insert(at);
                let owner = &self.records[other].0.name;
                let is_own = fold(owner) == fold(&record.name);
                if !is_own && reported.insert((at, fold(alias))) {
                    let sentence = format!("the alias `{alias}` is a name of `{owner}` too");
                    let notice = Notice::new(Code::AmbiguousAlias, sentence);
                    let value = record.aliases.iter().cloned().collect::<Vec<_>>().join("|");
                    findings.add(notice.at(table.place(*row, ALIASES)).value(value));
                }
            }
        }
    }
}

fn station(row: &Row<'_, '_>, findings: &mut Findings) -> Option<StationRecord> {
    let name = city(row, NAME, findings);
    let country = country(row, findings);
    let zone = zone(row, findings);
    let degrees_e6 = position(row, findings);
    let aliases = aliases(row, findings);
    Some(StationRecord { name: name?, country, zone_name: zone.map(Tz::name), degrees_e6, aliases })
}

fn country(row: &Row<'_, '_>, findings: &mut Findings) -> Option<String> {
    let value = row.get(COUNTRY).filter(|value| !value.is_empty())?;
    if value.len() == 2 && value.bytes().all(|letter| letter.is_ascii_uppercase()) {
        return Some(value.into_owned());
    }
    let sentence = "the country is not a code of two capital letters";
    let notice = Notice::new(Code::MalformedCountry, sentence).at(row.place(COUNTRY));
    let upper = value.to_ascii_uppercase();
    let is_lower = value.len() == 2 && upper.bytes().all(|letter| letter.is_ascii_uppercase());
    findings.add(if is_lower {
        notice.value(value).help(format!("write `{upper}`"))
    } else {
        notice.value(value)
    });
    None
}

fn zone(row: &Row<'_, '_>, findings: &mut Findings) -> Option<Tz> {
    let value = text(row, ZONE, findings)?;
    if let Ok(zone) = value.parse() {
        return Some(zone);
    }
    findings.add(unknown_zone(Code::UnknownZone, &value, findings).at(row.place(ZONE)));
    None
}

/// The finding that a text names no zone, with the zone that may be meant.
pub fn unknown_zone(code: Code, written: &str, findings: &Findings) -> Notice {
    let notice = Notice::new(code, "the time zone is not in the IANA database").value(written);
    // Those past the ones that are listed need no help, which takes a while to find.
    let found = findings.totals().get(&code).map_or(0, |total| total.found);
    let near = (found < KEPT_PER_CODE).then(|| nearest_zone(written)).flatten();
    notice.help(match near {
        Some(zone) => format!("`{zone}` may be meant"),
        None => "write a name such as `Europe/Brussels`".to_owned(),
    })
}

/// The zone whose name is most like what was written, where one is much alike.
pub fn nearest_zone(written: &str) -> Option<&'static str> {
    // Of ten letters three may be others, so that the lengths of two names cannot differ by more.
    const LIKENESS_MIN: f64 = 0.7;
    let written = written.to_lowercase();
    let likeness = |zone: &str| {
        let (left, right) = (zone.len() as f64, written.len() as f64);
        let (shorter, longer) = (left.min(right), left.max(right));
        let is_near = shorter > LIKENESS_MIN * longer;
        is_near.then(|| 1.0 - osa_distance(&zone.to_lowercase(), &written) as f64 / longer)
    };
    let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
    let near = names.filter_map(|zone| Some((likeness(zone)?, zone)));
    let best = near.max_by(|left, right| left.0.total_cmp(&right.0))?;
    (best.0 > LIKENESS_MIN).then_some(best.1)
}

fn position(row: &Row<'_, '_>, findings: &mut Findings) -> Option<(i32, i32)> {
    let mut degrees = |column, limit: i32, other: usize| {
        let value = row.get(column).unwrap_or_default();
        let other_is_there = row.get(other).is_some_and(|other| !other.is_empty());
        let sentence = match degrees_e6(&value, limit) {
            Some(degrees) => return Some(degrees),
            None if value.is_empty() && !other_is_there => return None,
            None if value.is_empty() => {
                format!("the {} is missing beside the other one", COLUMNS[column].name)
            }
            None => format!("the {} is not from -{limit} to {limit} degrees", COLUMNS[column].name),
        };
        let notice = Notice::new(Code::BadCoordinates, sentence).at(row.place(column));
        findings.add(notice.value(value));
        None
    };
    let latitude = degrees(LATITUDE, 90, LONGITUDE);
    let longitude = degrees(LONGITUDE, 180, LATITUDE);
    latitude.zip(longitude)
}

pub(crate) fn degrees_e6(text: &str, limit: i32) -> Option<i32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let degrees = plain.then(|| rust_decimal::Decimal::from_str_exact(text).ok()).flatten()?;
    let within = degrees.abs() <= rust_decimal::Decimal::from(limit);
    let e6 = (within.then_some(degrees)? * rust_decimal::Decimal::from(1_000_000)).round();
    i32::try_from(e6).ok()
}

fn aliases(row: &Row<'_, '_>, findings: &mut Findings) -> BTreeSet<String> {
    let value = row.get(ALIASES).unwrap_or_default();
    if !row.is_utf8(ALIASES, findings) {
        return BTreeSet::new();
    }
    let names = value.split('|').map(str::trim).filter(|alias| !alias.is_empty());
    names
        .filter(|alias| {
            let searchable = !fold(alias).is_empty();
            if !searchable {
                let sentence = format!("the alias `{alias}` has neither letters nor digits");
                let notice = Notice::new(Code::NameWithoutLetters, sentence);
                findings.add(notice.at(row.place(ALIASES)).value(value.as_ref()));
            }
            searchable
        })
        .map(str::to_owned)
        .collect()
}
