//! agency.txt and routes.txt: who runs trains, and of which kind.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::cells::{Keys, Tables, counted, malformed, number, text};
use super::files::{agency, routes};
use super::options::RouteTypes;
use crate::notice::{Code, Findings, Notice};
use crate::read::csv::Row;
use crate::read::stations::unknown_zone;

/// The longest name, in characters, that is taken for a train type.
const TRAIN_TYPE_CHARACTERS_MAX: usize = 24;

/// The agencies of a feed.
pub struct Agencies {
    /// The zone of all its times; none where that is an error.
    pub zone: Option<Tz>,
    keys: Keys,
    names: Vec<String>,
    /// For each key, which of the names it has.
    named: Vec<u32>,
}

impl Agencies {
    /// Reads agency.txt.
    pub fn read(tables: &Tables<'_>, findings: &mut Findings) -> Self {
        let keys = Keys::of(agency::FORM, agency::ID);
        let mut all = Self { zone: None, keys, names: Vec::new(), named: Vec::new() };
        let mut first = None;
        tables.each(agency::FORM, findings, |row, findings| {
            // The only agency of a feed needs no id.
            let needs_no_id = row.bytes(agency::ID).is_empty();
            if needs_no_id || all.keys.add(row, tables, findings).is_some() {
                if !needs_no_id {
                    all.named.push(all.names.len() as u32);
                }
                all.names.push(text(row, agency::NAME, findings).unwrap_or_default());
            }
            let Some(zone) = zone(row, findings) else { return };
            let expected = *first.get_or_insert(zone);
            if zone != expected {
                let sentence = format!("the zone is not {expected}, that of the agency above");
                let notice = Notice::new(Code::ZoneDiffers, sentence).at(row.place(agency::ZONE));
                let help = "GTFS has one zone for all times of a feed: split the feed";
                findings.add(notice.value(zone.name()).help(help));
            }
        });
        all.zone = first;
        all
    }

    /// The agency of a row that names one, or that of a feed with one only.
    pub fn of(
        &self,
        (row, column): (&Row<'_, '_>, usize),
        tables: &Tables<'_>,
        action: &str,
        findings: &mut Findings,
    ) -> Option<u32> {
        if row.bytes(column).is_empty() {
            if self.names.len() > 1 {
                let sentence = "the value is empty, and the feed has several agencies";
                malformed(row, column, sentence, action, findings);
            }
            return (self.names.len() == 1).then_some(0);
        }
        if self.keys.len() == 0 && self.names.len() == 1 {
            return Some(0);
        }
        let key = self.keys.refer((row, column), tables, action, findings)?;
        Some(self.named[key as usize])
    }

    /// The name of an agency.
    pub fn name(&self, agency: u32) -> Option<&str> {
        self.names.get(agency as usize).map(String::as_str).filter(|name| !name.is_empty())
    }
}

fn zone(row: &Row<'_, '_>, findings: &mut Findings) -> Option<Tz> {
    let name = row.get(agency::ZONE).unwrap_or_default();
    let parsed = name.parse().ok();
    if parsed.is_none() {
        let notice = unknown_zone(Code::UnknownZone, &name, findings);
        findings.add(notice.at(row.place(agency::ZONE)));
    }
    parsed
}

/// A row of routes.txt.
pub struct GtfsRouteRow {
    /// Whether its trains are wanted; none where its type is not known.
    pub is_wanted: Option<bool>,
    /// Its type.
    pub kind: u32,
    /// Its agency.
    pub agency: Option<u32>,
    /// The train type of its trains.
    pub train_type: String,
}

/// The routes of a feed.
pub struct Routes {
    /// In the order of the file.
    pub rows: Vec<GtfsRouteRow>,
    /// By route id.
    pub keys: Keys,
}

impl Routes {
    /// Reads routes.txt.
    pub fn read(
        tables: &Tables<'_>,
        agencies: &Agencies,
        wanted: &RouteTypes,
        findings: &mut Findings,
    ) -> Self {
        let mut all = Self { rows: Vec::new(), keys: Keys::of(routes::FORM, routes::ID) };
        tables.each(routes::FORM, findings, |row, findings| {
            if all.keys.add(row, tables, findings).is_none() {
                return;
            }
            let kind = number(row.bytes(routes::KIND)).filter(|kind| *kind <= 1702);
            if kind.is_none() {
                let sentence = "the route type is no number of GTFS";
                malformed(row, routes::KIND, sentence, "its trips were left out", findings);
            }
            let is_wanted = kind.map(|kind| wanted.contains(kind));
            let action = "its trains have no operator";
            let agency = (is_wanted == Some(true))
                .then(|| agencies.of((row, routes::AGENCY), tables, action, findings));
            let kind = kind.unwrap_or_default();
            all.rows.push(GtfsRouteRow {
                is_wanted,
                kind,
                agency: agency.flatten(),
                train_type: train_type(
                    &text(row, routes::SHORT, findings).unwrap_or_default(),
                    &text(row, routes::LONG, findings).unwrap_or_default(),
                    &row.get(routes::DESCRIPTION).unwrap_or_default(),
                    kind,
                ),
            });
        });
        all
    }

    /// Says which types of routes were left out, with the number of their trips.
    pub fn report_left_out(
        &self,
        trips: &BTreeMap<u32, usize>,
        tables: &Tables<'_>,
        findings: &mut Findings,
    ) {
        for (kind, trips) in trips {
            let routes = self.rows.iter();
            let routes = routes.filter(|it| it.is_wanted == Some(false) && it.kind == *kind);
            let sentence = format!(
                "route type {kind} ({}) is not asked for: {} of {}",
                kind_name(*kind),
                counted(*trips, "trip"),
                counted(routes.count(), "route")
            );
            let notice = Notice::new(Code::RouteTypeLeftOut, sentence).at(tables.whole());
            let help = format!("add {kind} to `--route-types` to have them");
            findings.add(notice.action("they were left out").help(help));
        }
    }
}

/// What passengers would call the trains of a route. The first that there is of:
/// - its short name, if that is of letters only (`ICE`, `The Canadian`);
/// - the letters that its short name begins with, if two or more (`RE` of `RE 5`);
/// - its long name without words that have digits, if that is short and of letters only (`LTD` of
///   `LTD 6`), and not two places with a dash between;
/// - its description, likewise;
/// - the name of its GTFS type (`Rail`).
fn train_type(short: &str, long: &str, description: &str, kind: u32) -> String {
    let letters = |text: &str| {
        let mut chars = text.chars();
        let is_name = |letter: char| letter.is_alphabetic() || " -.'’&".contains(letter);
        (chars.clone().any(char::is_alphabetic)
            && chars.all(is_name)
            && text.chars().count() <= TRAIN_TYPE_CHARACTERS_MAX)
            .then(|| text.to_owned())
    };
    let leading = || {
        let end = short.find(|letter: char| !letter.is_alphabetic()).unwrap_or(short.len());
        (short[..end].chars().count() >= 2).then(|| short[..end].to_owned())
    };
    let without_numbers = |text: &str| {
        let mut words: Vec<_> = text.split_whitespace().collect();
        words.retain(|word| !word.contains(|letter: char| letter.is_ascii_digit()));
        letters(&words.join(" ")).filter(|name| !name.contains(" - "))
    };
    letters(short)
        .or_else(leading)
        .or_else(|| without_numbers(long))
        .or_else(|| without_numbers(description))
        .unwrap_or_else(|| kind_name(kind).to_owned())
}

/// The English name of a route type.
fn kind_name(kind: u32) -> &'static str {
    match kind {
        0 | 900..=999 => "Tram",
        1 | 401 | 402 => "Subway",
        2 => "Rail",
        3 | 700..=799 => "Bus",
        4 | 1000..=1099 | 1200..=1299 => "Ferry",
        5 => "Cable Tram",
        6 | 1300..=1399 => "Aerial Lift",
        7 | 1400..=1499 => "Funicular",
        11 | 800..=899 => "Trolleybus",
        12 | 405 => "Monorail",
        100 => "Railway",
        101 => "High Speed Rail",
        102 => "Long Distance Train",
        103 => "Inter Regional Rail",
        104 => "Car Transport Rail",
        105 => "Sleeper Rail",
        106 => "Regional Rail",
        107 => "Tourist Railway",
        108 => "Rail Shuttle",
        109 => "Suburban Railway",
        110 => "Replacement Rail",
        111 => "Special Rail",
        112 => "Lorry Transport Rail",
        113 => "All Rail",
        114 => "Cross-Country Rail",
        115 => "Vehicle Transport Rail",
        116 => "Rack and Pinion Railway",
        117 => "Additional Rail",
        200..=299 => "Coach",
        400..=499 => "Urban Railway",
        1100..=1199 => "Air",
        1500..=1599 => "Taxi",
        _ => "another type",
    }
}

#[cfg(test)]
mod tests {
    use super::train_type;

    #[test]
    fn a_train_type_is_what_passengers_call_the_trains() {
        for (short, long, description, kind, expected) in [
            ("ICE", "ICE", "", 2, "ICE"),
            ("The Canadian", "Toronto - Vancouver", "", 2, "The Canadian"),
            ("L6", "LTD 6", "", 2, "LTD"),
            ("B7", "Bullet", "", 2, "Bullet"),
            ("RE 5", "Rostock - Berlin", "", 106, "RE"),
            ("S1", "Potsdam - Oranienburg", "", 109, "Suburban Railway"),
            ("", "", "Nightjet", 105, "Nightjet"),
            ("42", "42", "", 102, "Long Distance Train"),
            ("", "A name that is too long for a train type", "", 2, "Rail"),
        ] {
            assert_eq!(train_type(short, long, description, kind), expected, "{short} {long}");
        }
    }
}
