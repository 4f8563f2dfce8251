//! From records to a [`Timetable`]: cities become stations, days of the week dates, local times
//! minutes of the service date.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::RangeInclusive;

use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use schema::names::fold;
use schema::{Fare, Instant, NONE, Transfers, local_date, service_origin};

use crate::clock::{Clock, Ride, Times};
use crate::notice::{Code, Findings, Notice, Place};
use crate::read::csv::{RowAt, Table};
use crate::read::row::{ARRIVAL, DEPARTURE, FROM, ID, TO};
use crate::read::stations::Stations;
use crate::read::values::{ArrivalTime, Weekdays};
use crate::read::{Located, Record, Rows, When};
use crate::timetable::{Call, ServiceJourney, Station, Timetable};

/// ISO 4217 code of the prices of both forms of CSV.
const CURRENCY: &str = "EUR";

/// What is resolved.
pub struct Sources<'s> {
    /// The tables, the first of them being input 1.
    pub tables: &'s [Option<Table<'s>>],
    /// What their rows say.
    pub rows: &'s Rows,
    /// The stations file.
    pub stations: &'s Stations<'s>,
}

/// How it is resolved.
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The zone of cities that have none of their own.
    pub zone: Tz,
    /// The zone of service dates.
    pub reference: Tz,
    /// First service date, where it was given.
    pub from: Option<NaiveDate>,
    /// Last service date, where it was given.
    pub until: Option<NaiveDate>,
    /// Limits on transfers.
    pub transfers: Transfers,
}

/// What records have become.
pub struct Resolved {
    /// The timetable.
    pub timetable: Timetable,
    /// Rows of each input that run on no date of the period; of the stations file, which is input
    /// 0, those that no train serves.
    pub unused: BTreeMap<usize, usize>,
}

impl Sources<'_> {
    /// A field of a row.
    fn place(&self, at: RowAt, column: usize) -> Option<Place> {
        Some(self.table(at)?.place(at, column))
    }

    fn table(&self, at: RowAt) -> Option<&Table<'_>> {
        // Input 0 is the stations file.
        self.tables.get(at.input.checked_sub(1)?)?.as_ref()
    }

    fn notice(&self, code: Code, sentence: String, at: RowAt, column: usize) -> Notice {
        Notice {
            place: self.place(at, column),
            value: self.table(at).map(|table| table.value(at, column)),
            ..Notice::new(code, sentence)
        }
    }

    fn name(&self, at: RowAt) -> String {
        self.place(at, ID).map_or_else(String::new, |place| {
            format!("{}:{}", place.file, place.line.unwrap_or_default())
        })
    }

    /// The timetable of all records, and findings for what they say together.
    pub fn resolve(&self, frame: Frame, findings: &mut Findings) -> Resolved {
        self.report_repeated_ids(findings);
        self.report_repeated_rows(findings);
        let cities = Cities::of(self, frame.zone, findings);
        let (first, last) = self.period(frame, &cities);
        let is_weekly = |located: &Located| matches!(located.record.when, When::Weekly { .. });
        // Dated runs need no calendar, and may span more dates than a network file holds.
        let weekly = self.rows.records.iter().any(is_weekly);
        let clock_last = if weekly { last } else { first };
        let resolver = Resolver {
            sources: self,
            clock: Clock::new(frame.reference, first, clock_last, cities.zones()),
            cities: &cities,
            zone: frame.reference,
            period: first..=last,
        };
        let mut journeys = Vec::new();
        let mut dated = Dated::default();
        let mut unused = BTreeMap::new();
        for located in &self.rows.records {
            let is_used = match located.record.when {
                When::Weekly { departure, arrival, days } => {
                    let ride = resolver.ride(&located.record, departure, arrival);
                    let made = resolver.weekly(located, ride, days, findings);
                    let is_used = !made.is_empty();
                    journeys.extend(made);
                    is_used
                }
                When::Dated { departure, arrival } => {
                    dated.add(&resolver, located, (departure, arrival), findings)
                }
            };
            if !is_used {
                *unused.entry(located.at.input).or_default() += 1;
            }
        }
        journeys.extend(dated.journeys(&cities));
        unused.insert(0, self.stations.report_unserved(&cities.served(), findings));
        let timetable = Timetable {
            zone: frame.reference,
            first,
            last,
            transfers: frame.transfers,
            currency: CURRENCY.to_owned(),
            stations: cities.stations.into_values().collect(),
            footpaths: Vec::new(),
            journeys,
        };
        Resolved { timetable, unused }
    }

    /// The period that was asked for; without one, that of the dated runs.
    fn period(&self, frame: Frame, cities: &Cities) -> (NaiveDate, NaiveDate) {
        let dates = self.rows.records.iter().filter_map(|located| {
            let When::Dated { departure, .. } = located.record.when else {
                return None;
            };
            Some(local_date(cities.of_name(&located.record.from).zone, departure))
        });
        let span = dates.fold(None, |span: Option<(NaiveDate, NaiveDate)>, date| {
            let (first, last) = span.unwrap_or((date, date));
            Some((first.min(date), last.max(date)))
        });
        let (first, last) = span.unwrap_or_default();
        let first = frame.from.unwrap_or_else(|| frame.until.map_or(first, |it| it.min(first)));
        let last = frame.until.unwrap_or(last).max(first);
        (first, last)
    }

    fn report_repeated_ids(&self, findings: &mut Findings) {
        let mut known: HashMap<&str, RowAt> = HashMap::new();
        for (id, at) in &self.rows.ids {
            match known.get(id.as_str()) {
                None => {
                    known.insert(id, *at);
                }
                // Runs of one train on several dates have the same id.
                Some(other) if self.is_dated(*at) && self.is_dated(*other) => {}
                Some(other) => {
                    let sentence = format!("the route id is that of {} too", self.name(*other));
                    let notice = self.notice(Code::DuplicateRouteId, sentence, *at, ID);
                    findings.add(notice);
                }
            }
        }
    }

    /// Whether the row is of the ISO form.
    fn is_dated(&self, at: RowAt) -> bool {
        self.table(at).is_some_and(|table| table.is_of(crate::read::iso::COLUMNS))
    }

    fn report_repeated_rows(&self, findings: &mut Findings) {
        let mut known: HashMap<Record, &Located> = HashMap::new();
        for located in &self.rows.records {
            let without_id = Record { id: String::new(), ..located.record.clone() };
            match known.get(&without_id) {
                None => {
                    known.insert(without_id, located);
                }
                // That is an error already.
                Some(other) if other.record.id == located.record.id => {}
                Some(other) => {
                    let sentence = format!(
                        "the row is the same as that of {} but for its route id",
                        self.name(other.at)
                    );
                    let notice = self.notice(Code::RepeatedRow, sentence, located.at, ID);
                    findings.add(notice);
                }
            }
        }
    }
}

/// What a record is resolved against.
struct Resolver<'r> {
    sources: &'r Sources<'r>,
    cities: &'r Cities,
    clock: Clock,
    zone: Tz,
    period: RangeInclusive<NaiveDate>,
}

impl Resolver<'_> {
    fn ride(&self, record: &Record, departure: u16, arrival: ArrivalTime) -> Ride {
        Ride {
            from: self.cities.of_name(&record.from).zone,
            to: self.cities.of_name(&record.to).zone,
            departure,
            arrival,
        }
    }

    /// The journeys of a weekly row: one, and one more for each clock change that retimes it.
    fn weekly(
        &self,
        located: &Located,
        ride: Ride,
        days: Weekdays,
        findings: &mut Findings,
    ) -> Vec<ServiceJourney> {
        let (record, clock) = (&located.record, &self.clock);
        let weekday = clock.date(0).weekday().num_days_from_monday() as usize;
        let runs = |at: &usize| {
            let day = (weekday + at) % 7;
            chrono::Weekday::try_from(day as u8).is_ok_and(|day| days.contains(day))
        };
        let mut groups: Vec<((i16, i16), Vec<NaiveDate>)> = Vec::new();
        let runs = clock.times(ride, (0..clock.dates()).filter(runs));
        for (at, times) in &runs {
            let date = clock.date(*at);
            let minutes = (times.departure, times.arrival);
            match groups.iter_mut().find(|(known, _)| *known == minutes) {
                Some((_, dates)) => dates.push(date),
                None => groups.push((minutes, vec![date])),
            }
        }
        if groups.is_empty() {
            let sentence = "the train runs on no date of the period".to_owned();
            let notice = self.sources.notice(Code::NeverRuns, sentence, located.at, ID);
            findings.add(notice.action("the train was left out"));
        }
        self.report_clock_changes(located, &runs, findings);
        groups
            .into_iter()
            .map(|(minutes, dates)| {
                journey(record, minutes, dates.into_iter().collect(), self.cities)
            })
            .collect()
    }

    fn report_clock_changes(
        &self,
        located: &Located,
        runs: &[(usize, Times)],
        findings: &mut Findings,
    ) {
        let dates = |holds: fn(&Times) -> bool| {
            let mut found = runs.iter().filter(|(_, times)| holds(times));
            let (first, times) = found.next()?;
            Some((dates_text(self.clock.date(*first), found.count()), *times))
        };
        let mut report = |code, sentence, column, action: Option<&str>| {
            let notice = self.sources.notice(code, sentence, located.at, column);
            findings.add(Notice { action: action.map(str::to_owned), ..notice });
        };
        for (skipped, what, column) in [
            (dates(|times| times.skipped.departure), "departure", DEPARTURE),
            (dates(|times| times.skipped.arrival), "arrival", ARRIVAL),
        ] {
            if let Some((dates, _)) = skipped {
                let sentence = format!("clocks skip the {what}'s time for the run of {dates}");
                let action = "it was counted from before the change";
                report(Code::SkippedTime, sentence, column, Some(action));
            }
        }
        if let Some((dates, _)) = dates(|times| times.arrival <= times.departure) {
            let sentence = format!("the train arrives before it departs for the run of {dates}");
            report(Code::ArrivalBeforeDeparture, sentence, ARRIVAL, None);
        } else if let Some((dates, times)) = dates(|times| times.is_elapsed_kept) {
            let sentence = format!(
                "clocks would have the train arrive before it departs for the run of {dates}"
            );
            let minutes = times.arrival - times.departure;
            let action = format!("it was given {minutes} minutes, as on an ordinary day");
            report(Code::ElapsedTimeKept, sentence, ARRIVAL, Some(&action));
        }
    }
}

fn dates_text(first: NaiveDate, more: usize) -> String {
    match more {
        0 => first.to_string(),
        1 => format!("{first} and one more"),
        more => format!("{first} and {more} more"),
    }
}

fn journey(
    record: &Record,
    (departure, arrival): (i16, i16),
    days: BTreeSet<NaiveDate>,
    cities: &Cities,
) -> ServiceJourney {
    let call = |city: &str, minute, may| Call {
        station: cities.of_name(city).key.as_str().into(),
        arrival: minute,
        departure: minute,
        may,
    };
    ServiceJourney {
        sources: BTreeMap::from([(record.id.clone(), days)]),
        train_type: record.train_type.clone(),
        number: None,
        operator: None,
        calls: vec![
            call(&record.from, departure, (true, false)),
            call(&record.to, arrival, (false, true)),
        ],
        fares: vec![Fare {
            first: record.first_cents.unwrap_or(NONE),
            second: record.second_cents.unwrap_or(NONE),
        }],
    }
}

/// The dated runs, those with equal times gathered into one journey.
#[derive(Default)]
struct Dated<'r> {
    runs: HashMap<(&'r str, NaiveDate), RowAt>,
    groups: BTreeMap<Record, ((i16, i16), BTreeSet<NaiveDate>)>,
}

impl<'r> Dated<'r> {
    /// Adds a run; false where it lies outside the period.
    fn add(
        &mut self,
        resolver: &Resolver<'_>,
        located: &'r Located,
        (departure, arrival): (Instant, Instant),
        findings: &mut Findings,
    ) -> bool {
        let sources = resolver.sources;
        let (record, at) = (&located.record, located.at);
        let date = local_date(resolver.cities.of_name(&record.from).zone, departure);
        if let Some(other) = self.runs.insert((&record.id, date), at) {
            let other = sources.name(other);
            let sentence = format!("the train departs on {date} in {other} too");
            let notice = sources.notice(Code::DuplicateRun, sentence, at, ID);
            findings.add(notice);
            return true;
        }
        if !resolver.period.contains(&date) {
            let sentence = format!("the run of {date} lies outside the period");
            let notice = sources.notice(Code::RunOutsidePeriod, sentence, at, ID);
            findings.add(notice.action("the run was left out"));
            return false;
        }
        let origin = service_origin(resolver.zone, date);
        let minutes = ((departure - origin) as i16, (arrival - origin) as i16);
        let undated = Record {
            when: When::Dated { departure: minutes.0.into(), arrival: minutes.1.into() },
            ..record.clone()
        };
        let group = self.groups.entry(undated).or_insert((minutes, BTreeSet::new()));
        group.1.insert(date);
        true
    }

    fn journeys(self, cities: &Cities) -> Vec<ServiceJourney> {
        (self.groups.into_iter())
            .map(|(record, (minutes, days))| journey(&record, minutes, days, cities))
            .collect()
    }
}

/// The stations that the timetable's cities are.
struct Cities {
    /// By folded name of the city.
    keys: HashMap<String, String>,
    /// By key.
    stations: BTreeMap<String, Station>,
}

impl Cities {
    fn of(sources: &Sources<'_>, zone: Tz, findings: &mut Findings) -> Self {
        let mut spellings: BTreeMap<String, BTreeMap<&str, (usize, RowAt, usize)>> =
            BTreeMap::new();
        for Located { record, at } in &sources.rows.records {
            for (city, column) in [(&record.from, FROM), (&record.to, TO)] {
                let known = spellings.entry(fold(city)).or_default();
                known.entry(city).or_insert((0, *at, column)).0 += 1;
            }
        }
        let mut cities = Self { keys: HashMap::new(), stations: BTreeMap::new() };
        for (folded, spellings) in spellings {
            let station = Self::station(sources, &spellings, zone, findings);
            cities.keys.insert(folded, station.key.clone());
            cities.stations.insert(station.key.clone(), station);
        }
        cities
    }

    fn station(
        sources: &Sources<'_>,
        spellings: &BTreeMap<&str, (usize, RowAt, usize)>,
        zone: Tz,
        findings: &mut Findings,
    ) -> Station {
        let rows: usize = spellings.values().map(|(rows, ..)| rows).sum();
        let most = spellings.iter().max_by_key(|(_, (rows, ..))| *rows);
        let name = most.map_or("", |(name, _)| *name);
        if let Some(listed) = sources.stations.find(name) {
            return Station {
                key: listed.name.clone(),
                name: listed.name.clone(),
                aliases: listed.aliases.clone(),
                country: listed.country.clone(),
                zone: listed.zone().unwrap_or(zone),
                position: listed.position(),
                transfer_minutes_min: None,
            };
        }
        for (_, (_, at, column)) in spellings.iter().filter(|(other, _)| **other != name) {
            let sentence = format!("the city is spelled `{name}` elsewhere");
            let notice = sources.notice(Code::SpellingDiffers, sentence, *at, *column);
            let notice = notice.action("they were taken for one station");
            findings.add(notice.help(format!("write `{name}`")));
        }
        if sources.stations.are_listed() {
            let (_, at, column) = spellings[name];
            let zone = zone.name();
            let name_count = match rows {
                1 => "1 row names".to_owned(),
                rows => format!("{rows} rows name"),
            };
            let sentence = format!("the stations file lacks the city, which {name_count}");
            let notice = sources.notice(Code::StationNotListed, sentence, at, column);
            findings.add(notice.action(format!("its zone was taken to be {zone}")));
        }
        Station {
            key: name.to_owned(),
            name: name.to_owned(),
            aliases: BTreeSet::new(),
            country: None,
            zone,
            position: None,
            transfer_minutes_min: None,
        }
    }

    fn of_name(&self, city: &str) -> &Station {
        &self.stations[&self.keys[&fold(city)]]
    }

    fn zones(&self) -> impl Iterator<Item = Tz> {
        let zones: HashSet<Tz> = self.stations.values().map(|station| station.zone).collect();
        zones.into_iter()
    }

    fn served(&self) -> BTreeSet<&str> {
        self.stations.keys().map(String::as_str).collect()
    }
}
