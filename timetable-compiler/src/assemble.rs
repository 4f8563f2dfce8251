//! From a timetable to the tables of a network, without connections: sorts, numbers and interns.
//!
//! The order of everything follows from what it is called and when it runs, so that the order of
//! the input does not matter.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{NaiveDate, TimeDelta};
use schema::{
    Call, CallRef, DaySetIdx, Fare, Footpath, JourneyIdx, NONE, Network, PackedLeg, Pair, Period,
    ServiceJourney, Source, Station, StationIdx, TextIdx, days, service_origin,
};

use crate::timetable::{self, Timetable};

/// Why a timetable that was read without errors still cannot become a network.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssembleError {
    /// Nothing runs.
    #[error("the timetable has no train that runs between {first} and {last}")]
    Empty {
        /// First date.
        first: NaiveDate,
        /// Last date.
        last: NaiveDate,
    },
    /// More than a table can number.
    #[error("the timetable has {found} {what}, and a network file holds at most {most}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much of it there is.
        found: usize,
        /// How much of it fits.
        most: usize,
    },
}

/// The network of a timetable, its connection tables empty.
///
/// # Errors
///
/// Where nothing runs, or where it passes the limits of the file's format.
pub fn assemble(timetable: &Timetable) -> Result<Network, AssembleError> {
    let mut journeys: Vec<&timetable::ServiceJourney> =
        timetable.journeys.iter().filter(|journey| runs(timetable, journey)).collect();
    check_limits(timetable, &journeys)?;
    journeys.sort_by(|left, right| {
        (left.source_id().cmp(right.source_id()))
            .then_with(|| left.first_day().cmp(&right.first_day()))
            .then(left.calls.cmp(&right.calls))
            .then_with(|| (&left.train_type, &left.fares).cmp(&(&right.train_type, &right.fares)))
    });

    let mut stations: Vec<&timetable::Station> = timetable.stations.iter().collect();
    stations.sort_by(|left, right| left.key.cmp(&right.key));
    let station_of: HashMap<&str, StationIdx> = (stations.iter().enumerate())
        .map(|(at, station)| (station.key.as_str(), StationIdx::of(at)))
        .collect();
    let texts = Texts::of(timetable);
    let axis = Axis::of(timetable, &journeys);

    let mut network = Network {
        period: axis.period(timetable, texts.idx(timetable.zone.name())),
        transfers: timetable.transfers,
        currency: timetable.currency.clone(),
        stations: (stations.iter())
            .map(|station| texts.station(station, timetable.transfers.minutes_min_default))
            .collect(),
        footpaths: footpaths(timetable, &station_of),
        texts: texts.sorted.iter().map(|text| (*text).to_owned()).collect(),
        journeys: Vec::with_capacity(journeys.len()),
        calls: Vec::new(),
        fares: Vec::new(),
        sources: Vec::with_capacity(journeys.len()),
        sources_by_id: Vec::new(),
        day_sets: Vec::new(),
        boarding_starts: Vec::new(),
        boardings: Vec::new(),
        alighting_starts: Vec::new(),
        alightings: Vec::new(),
        pair_starts: vec![0; stations.len() + 1],
        pairs: vec![Pair { destination: StationIdx(0), direct: 0, one_stop: 0, two_stop: 0 }],
        direct: Vec::new(),
        one_stop: Vec::new(),
        two_stop: Vec::new(),
    };
    add_journeys(&mut network, timetable, &journeys, &Names { texts, axis, station_of });
    index_calls(&mut network);
    Ok(network)
}

/// What the names and dates of a timetable are in the tables.
struct Names<'t> {
    texts: Texts<'t>,
    axis: Axis,
    station_of: HashMap<&'t str, StationIdx>,
}

fn add_journeys(
    network: &mut Network,
    timetable: &Timetable,
    journeys: &[&timetable::ServiceJourney],
    Names { texts, axis, station_of }: &Names<'_>,
) {
    let (first, last) = (timetable.first, timetable.last);
    let mut sets = DaySets::new(axis.days);
    let mut fares = Fares::default();
    for (at, journey) in journeys.iter().enumerate() {
        let mut days = vec![0; days::words(axis.days)];
        for (id, dates) in &journey.sources {
            let of_source = axis.set(dates, first, last);
            if days::is_empty(&of_source) {
                continue;
            }
            days::union(&mut days, &of_source);
            let (journey, days) = (JourneyIdx::of(at), sets.intern(&of_source));
            network.sources.push(Source { journey, days, id: id.clone() });
        }
        let days = sets.intern(&days);
        network.journeys.push(ServiceJourney {
            calls_start: network.calls.len() as u32,
            calls_len: journey.calls.len() as u16,
            train_type: texts.idx(&journey.train_type),
            number: texts.optional(journey.number.as_deref()),
            operator: texts.optional(journey.operator.as_deref()),
            days,
            fares_start: fares.intern(&journey.fares),
        });
        network.calls.extend(journey.calls.iter().map(|call| Call {
            station: station_of[&*call.station],
            arrival: call.arrival,
            departure: call.departure,
            flags: call.flags(),
        }));
    }
    network.fares = fares.table;
    network.day_sets = sets.table;
    network.sources_by_id = (0..network.sources.len() as u32).collect();
    network.sources_by_id.sort_by_key(|at| (&network.sources[*at as usize].id, *at));
}

fn runs(timetable: &Timetable, journey: &timetable::ServiceJourney) -> bool {
    journey.runs_within(timetable.first, timetable.last)
}

fn check_limits(
    timetable: &Timetable,
    journeys: &[&timetable::ServiceJourney],
) -> Result<(), AssembleError> {
    let (first, last) = (timetable.first, timetable.last);
    if journeys.is_empty() {
        return Err(AssembleError::Empty { first, last });
    }
    let dates = (last - first).num_days() as usize + 1;
    let calls = journeys.iter().map(|journey| journey.calls.len()).max().unwrap_or(0);
    for (what, found, most) in [
        ("dates", dates, 3900),
        ("service journeys", journeys.len(), (1 << 27) - 1),
        ("calls of one service journey", calls, usize::from(u16::MAX)),
    ] {
        if found > most {
            return Err(AssembleError::TooLarge { what, found, most });
        }
    }
    Ok(())
}

fn footpaths(timetable: &Timetable, station_of: &HashMap<&str, StationIdx>) -> Vec<Footpath> {
    let mut paths = BTreeMap::new();
    for (from, to, minutes) in &timetable.footpaths {
        let key = (station_of[from.as_str()], station_of[to.as_str()]);
        let longest = paths.entry(key).or_insert(*minutes);
        *longest = (*longest).max(*minutes);
    }
    paths.retain(|(from, to), _| from != to);
    paths.into_iter().map(|((from, to), minutes)| Footpath { from, to, minutes }).collect()
}

fn index_calls(network: &mut Network) {
    let stations = network.stations.len();
    let mut boardings = vec![Vec::new(); stations];
    let mut alightings = vec![Vec::new(); stations];
    for (at, journey) in network.journeys.iter().enumerate() {
        let last = journey.calls_len - 1;
        for call in 0..=last {
            let it = &network.calls[journey.calls_start as usize + call as usize];
            let at = CallRef { journey: JourneyIdx::of(at), call };
            if it.flags.boarding() && call < last {
                boardings[it.station.at()].push((it.departure, at.journey, call));
            }
            if it.flags.alighting() && call > 0 {
                alightings[it.station.at()].push((it.arrival, at.journey, call));
            }
        }
    }
    (network.boarding_starts, network.boardings) = by_station(boardings);
    (network.alighting_starts, network.alightings) = by_station(alightings);
}

fn by_station(rows: Vec<Vec<(i16, JourneyIdx, u16)>>) -> (Vec<u32>, Vec<CallRef>) {
    let (mut starts, mut calls) = (vec![0], Vec::new());
    for mut rows in rows {
        rows.sort_unstable();
        calls.extend(rows.into_iter().map(|(_, journey, call)| CallRef { journey, call }));
        starts.push(calls.len() as u32);
    }
    (starts, calls)
}

/// Interned texts, by their position in sorted order.
struct Texts<'t> {
    sorted: Vec<&'t str>,
}

impl<'t> Texts<'t> {
    fn of(timetable: &'t Timetable) -> Self {
        let mut texts = BTreeSet::from([timetable.zone.name()]);
        for station in &timetable.stations {
            texts.insert(station.zone.name());
            texts.extend(station.country.as_deref());
        }
        for journey in &timetable.journeys {
            texts.insert(&journey.train_type);
            texts.extend(journey.number.as_deref());
            texts.extend(journey.operator.as_deref());
        }
        Self { sorted: texts.into_iter().collect() }
    }

    fn idx(&self, text: &str) -> TextIdx {
        TextIdx::of(self.sorted.binary_search(&text).expect("every text was collected"))
    }

    fn optional(&self, text: Option<&str>) -> u32 {
        text.map_or(NONE, |text| self.idx(text).0)
    }

    fn station(&self, station: &timetable::Station, minutes_min_default: u16) -> Station {
        Station {
            key: station.key.clone(),
            name: station.name.clone(),
            aliases: station.aliases.iter().cloned().collect(),
            country: self.optional(station.country.as_deref()),
            zone: self.idx(station.zone.name()),
            position: station.position,
            transfer_minutes_min: station.transfer_minutes_min.unwrap_or(minutes_min_default),
        }
    }
}

/// The day axis: every service date and every local date on which a train leaves somewhere.
struct Axis {
    first: NaiveDate,
    days: usize,
}

impl Axis {
    fn of(timetable: &Timetable, journeys: &[&timetable::ServiceJourney]) -> Self {
        let minutes =
            || journeys.iter().flat_map(|journey| journey.calls.iter().map(|call| call.departure));
        // A zone is less than a day from the network's own, on either side.
        let before = i64::from(minutes().min().unwrap_or(0)).div_euclid(1440) - 1;
        let after = i64::from(minutes().max().unwrap_or(0)).div_euclid(1440) + 1;
        let first = timetable.first + TimeDelta::days(before.min(0));
        let last = timetable.last + TimeDelta::days(after.max(0));
        Self { first, days: (last - first).num_days() as usize + 1 }
    }

    fn period(&self, timetable: &Timetable, zone: TextIdx) -> Period {
        let epoch = NaiveDate::default();
        let day = |date: NaiveDate| (date - epoch).num_days() as i32;
        let margin = PackedLeg::SHIFT_MAX;
        let origins = (-margin..self.days as i32 + margin)
            .map(|at| service_origin(timetable.zone, self.first + TimeDelta::days(at.into())))
            .collect();
        Period {
            zone,
            axis_first: day(self.first),
            axis_days: self.days as u32,
            first: day(timetable.first),
            last: day(timetable.last),
            origins,
            row_minutes_max: 0,
        }
    }

    fn set(&self, dates: &BTreeSet<NaiveDate>, first: NaiveDate, last: NaiveDate) -> Vec<u64> {
        let mut set = vec![0; days::words(self.days)];
        for date in dates.range(first..=last) {
            days::insert(&mut set, (*date - self.first).num_days() as usize);
        }
        set
    }
}

/// Interned sets of days.
pub struct DaySets {
    known: HashMap<Vec<u64>, DaySetIdx>,
    words: usize,
    table: Vec<u64>,
}

impl DaySets {
    fn new(days: usize) -> Self {
        Self { known: HashMap::new(), words: days::words(days), table: Vec::new() }
    }

    /// The sets that a network has already, to add others to.
    pub fn of(network: &Network) -> Self {
        let mut sets = Self::new(network.period.axis_days as usize);
        for set in network.day_sets.chunks(sets.words) {
            sets.intern(set);
        }
        sets
    }

    /// The index of this set, which is added where it is new.
    pub fn intern(&mut self, set: &[u64]) -> DaySetIdx {
        if let Some(idx) = self.known.get(set) {
            return *idx;
        }
        let idx = DaySetIdx::of(self.table.len() / self.words);
        self.known.insert(set.to_vec(), idx);
        self.table.extend_from_slice(set);
        idx
    }

    /// The sets one after the other.
    pub fn into_table(self) -> Vec<u64> {
        self.table
    }
}

#[derive(Default)]
struct Fares {
    known: HashMap<Vec<Fare>, u32>,
    table: Vec<Fare>,
}

impl Fares {
    fn intern(&mut self, fares: &[Fare]) -> u32 {
        if fares.iter().all(|fare| *fare == Fare::MISSING) {
            return NONE;
        }
        *self.known.entry(fares.to_vec()).or_insert_with(|| {
            let start = self.table.len() as u32;
            self.table.extend_from_slice(fares);
            start
        })
    }
}
