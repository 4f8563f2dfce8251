//! From the timetables of several inputs to one: stations that are the same, ids that are not,
//! times of one zone and prices of one currency.
//!
//! Ids stay as they are unless two inputs share one: then those of the later input get its number
//! before them, so that a booking of the first feed survives that another is added.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use chrono::NaiveDate;
use chrono_tz::Tz;
use schema::names::fold;
use schema::{Position, service_origin};

use crate::notice::{Code, Findings, Notice, Place};
use crate::read::gtfs::{MergeStations, counted};
use crate::timetable::{ServiceJourney, Station, Timetable};

/// The currency of a network without prices.
const CURRENCY_DEFAULT: &str = "EUR";

/// How far from each other stations of one name may lie, in metres.
const SAME_PLACE_METRES: f64 = 1000.0;

/// The timetable of an input.
pub struct Part {
    /// Which input it is, from 1.
    pub input: usize,
    /// Its name.
    pub name: String,
    /// What it says.
    pub timetable: Timetable,
}

impl Part {
    fn place(&self) -> Place {
        let (input, file) = (self.input, self.name.clone());
        Place { input, part: 0, file, line: None, column: None, field: None }
    }
}

/// The timetable of all parts, in the order of the inputs. None without a part.
pub fn merge(
    mut parts: Vec<Part>,
    reference: Tz,
    by: MergeStations,
    findings: &mut Findings,
) -> Option<Timetable> {
    let currency = keep_one_currency(&mut parts, findings);
    let mut all = Merged { by, ..Merged::default() };
    let mut whole: Option<Timetable> = None;
    for mut part in parts {
        convert(&mut part, reference, findings);
        all.add(&mut part, findings);
        whole = Some(match whole {
            None => part.timetable,
            Some(mut whole) => {
                whole.first = whole.first.min(part.timetable.first);
                whole.last = whole.last.max(part.timetable.last);
                whole.footpaths.extend(part.timetable.footpaths);
                whole.journeys.extend(part.timetable.journeys);
                whole
            }
        });
    }
    let mut whole = whole?;
    all.fold_footpaths(&mut whole);
    whole.stations = all.stations;
    whole.currency = currency;
    Some(whole)
}

/// The currency that most journeys with prices have; the prices of the others are left out.
fn keep_one_currency(parts: &mut [Part], findings: &mut Findings) -> String {
    let priced = |part: &Part| {
        let journeys = part.timetable.journeys.iter();
        journeys.filter(|journey| !journey.fares.is_empty()).count()
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for part in parts.iter().filter(|part| !part.timetable.currency.is_empty()) {
        *counts.entry(part.timetable.currency.clone()).or_default() += priced(part);
    }
    let most = counts.iter().max_by(|one, two| one.1.cmp(two.1).then(two.0.cmp(one.0)));
    let most = most.map_or(CURRENCY_DEFAULT.to_owned(), |(currency, _)| currency.clone());
    for part in parts.iter_mut().filter(|part| part.timetable.currency != most) {
        let count = priced(part);
        if count == 0 {
            continue;
        }
        let currency = &part.timetable.currency;
        let sentence = format!(
            "prices are in {currency}, of {}, and most of the network's in {most}",
            counted(count, "service journey")
        );
        let notice = Notice::new(Code::CurrencyLeftOut, sentence).at(part.place());
        findings.add(notice.action("the prices were left out"));
        part.timetable.journeys.iter_mut().for_each(|journey| journey.fares.clear());
    }
    most
}

/// Gives a part's journeys the minutes of another zone's service dates.
fn convert(part: &mut Part, reference: Tz, findings: &mut Findings) {
    let zone = part.timetable.zone;
    if zone == reference {
        return;
    }
    part.timetable.zone = reference;
    let later = |date: NaiveDate| service_origin(zone, date) - service_origin(reference, date);
    let journeys = std::mem::take(&mut part.timetable.journeys);
    part.timetable.journeys = journeys.into_iter().flat_map(|it| shifted(it, &later)).collect();
    let sentence = format!("times are of {zone}, the network's of {reference}");
    let notice = Notice::new(Code::TimesConverted, sentence).at(part.place());
    findings.add(notice.action("they were converted, date by date"));
}

/// A journey by a clock that differs, by as much as a date says; one for each difference.
fn shifted(
    journey: ServiceJourney,
    later: &dyn Fn(NaiveDate) -> i32,
) -> impl Iterator<Item = ServiceJourney> {
    let mut by_shift: BTreeMap<i32, BTreeMap<String, BTreeSet<NaiveDate>>> = BTreeMap::new();
    for (source, dates) in &journey.sources {
        for date in dates {
            let sources = by_shift.entry(later(*date)).or_default();
            sources.entry(source.clone()).or_default().insert(*date);
        }
    }
    by_shift.into_iter().map(move |(minutes, sources)| {
        let mut journey = ServiceJourney { sources, ..journey.clone() };
        for call in &mut journey.calls {
            // Zones lie less than two days apart: 16 bits hold both.
            call.arrival += minutes as i16;
            call.departure += minutes as i16;
        }
        journey
    })
}

/// What the parts before have.
#[derive(Default)]
struct Merged {
    by: MergeStations,
    stations: Vec<Station>,
    by_key: HashMap<String, usize>,
    by_name: HashMap<String, Vec<usize>>,
    sources: HashSet<String>,
}

impl Merged {
    fn add(&mut self, part: &mut Part, findings: &mut Findings) {
        let known = self.stations.len();
        let mut stations = std::mem::take(&mut part.timetable.stations);
        // By key, so that the order of the input does not matter.
        stations.sort_by(|one, two| one.key.cmp(&two.key));
        let mut keys: HashMap<String, Arc<str>> = HashMap::new();
        let (mut merged, mut prefixed) = (0, 0);
        let mut taken = HashSet::new();
        for mut station in stations {
            let own = station.key.clone();
            let twin = self.twin(&station, known).filter(|twin| taken.insert(*twin));
            if let Some(twin) = twin {
                merged += 1;
                self.stations[twin].absorb(station);
                keys.insert(own, self.stations[twin].key.as_str().into());
                continue;
            }
            while self.by_key.contains_key(&station.key) {
                station.key = format!("{}:{}", part.input, station.key);
            }
            prefixed += usize::from(station.key != own);
            keys.insert(own, station.key.as_str().into());
            self.by_key.insert(station.key.clone(), self.stations.len());
            self.by_name.entry(fold(&station.name)).or_default().push(self.stations.len());
            self.stations.push(station);
        }
        let prefixed_journeys = self.rename(&mut part.timetable, part.input, &keys);
        for (count, code, what, action) in [
            (merged, Code::StationsMerged, "stations are those of other inputs", "they are one"),
            (prefixed, Code::IdsPrefixed, "stations have the id of others", PREFIXED),
            (prefixed_journeys, Code::IdsPrefixed, "trips have the id of others", PREFIXED),
        ] {
            if count > 0 {
                let notice = Notice::new(code, format!("{count} {what}")).at(part.place());
                findings.add(notice.action(action));
            }
        }
    }

    /// A station of the parts before that this one is.
    fn twin(&self, station: &Station, known: usize) -> Option<usize> {
        match self.by {
            MergeStations::Never => None,
            MergeStations::Id => self.by_key.get(&station.key).copied().filter(|it| *it < known),
            MergeStations::Name => {
                let named = self.by_name.get(&fold(&station.name))?.iter().copied();
                let near = |it: &usize| match (station.position, self.stations[*it].position) {
                    (Some(one), Some(two)) => metres(one, two) <= SAME_PLACE_METRES,
                    _ => true,
                };
                named.filter(|it| *it < known).find(near)
            }
        }
    }

    /// Gives the stations of a part their new keys, and its trips new ids where others have them.
    fn rename(
        &mut self,
        timetable: &mut Timetable,
        input: usize,
        keys: &HashMap<String, Arc<str>>,
    ) -> usize {
        for (from, to, _) in &mut timetable.footpaths {
            (*from, *to) = (keys[from].to_string(), keys[to].to_string());
        }
        let mut ids = BTreeMap::new();
        let of_part: BTreeSet<String> =
            timetable.journeys.iter().flat_map(|it| it.sources.keys().cloned()).collect();
        for id in &of_part {
            let mut new = id.clone();
            while self.sources.contains(&new) || (new != *id && of_part.contains(&new)) {
                new = format!("{input}:{new}");
            }
            if new != *id {
                ids.insert(id.clone(), new);
            }
        }
        for journey in &mut timetable.journeys {
            for call in &mut journey.calls {
                call.station = Arc::clone(&keys[&*call.station]);
            }
            if journey.sources.keys().any(|id| ids.contains_key(id)) {
                let sources = std::mem::take(&mut journey.sources).into_iter();
                let renamed = |(id, dates)| (ids.get(&id).cloned().unwrap_or(id), dates);
                journey.sources = sources.map(renamed).collect();
            }
        }
        let renamed = |id: String| ids.get(&id).cloned().unwrap_or(id);
        self.sources.extend(of_part.into_iter().map(renamed));
        ids.len()
    }

    /// A footpath between stations that have become one is a way within it.
    fn fold_footpaths(&mut self, timetable: &mut Timetable) {
        let (within, between): (Vec<_>, Vec<_>) =
            timetable.footpaths.drain(..).partition(|(from, to, _)| from == to);
        timetable.footpaths = between;
        for (key, _, minutes) in within {
            if let Some(at) = self.by_key.get(&key) {
                let longest = &mut self.stations[*at].transfer_minutes_min;
                *longest = (*longest).max(Some(minutes));
            }
        }
    }
}

const PREFIXED: &str = "the number of the input was put before them";

impl Station {
    /// Takes on what another input says of the station.
    fn absorb(&mut self, other: Self) {
        self.aliases.extend(other.aliases);
        if fold(&other.name) != fold(&self.name) {
            self.aliases.insert(other.name);
        }
        self.country = self.country.take().or(other.country);
        self.position = self.position.or(other.position);
        self.transfer_minutes_min = self.transfer_minutes_min.max(other.transfer_minutes_min);
    }
}

/// The distance of two places that are near each other.
fn metres(one: Position, two: Position) -> f64 {
    let degrees = |e6: i32| f64::from(e6) / 1e6;
    let north = degrees(one.latitude_e6) - degrees(two.latitude_e6);
    let east = degrees(one.longitude_e6) - degrees(two.longitude_e6);
    let east = east * degrees(one.latitude_e6).to_radians().cos();
    // A degree of a great circle.
    north.hypot(east) * 111_195.0
}
