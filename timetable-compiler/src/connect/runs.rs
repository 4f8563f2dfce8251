//! The trains as a departure day sees them: every journey on every date that matters, in minutes of
//! that day.
//!
//! Days differ in how far the next date's trains are away. A journey has a run for each distance,
//! on the days that have it, so that one search serves all days.

use std::collections::{BTreeSet, HashMap};

use chrono_tz::Tz;
use schema::{Call, Fare, JourneyIdx, LayoverPolicy, Leg, NONE, Network, StationIdx, days};

use super::calendar::Calendar;
use super::set::{Atoms, Set};

/// What is known of a network besides its trains.
pub struct Shared<'n> {
    /// The network, its connection tables empty.
    pub network: &'n Network,
    /// Per station its zone.
    pub zones: Vec<Tz>,
    /// Per station where one can board after alighting there, with the minutes it takes; the
    /// station itself comes first.
    pub changes: Vec<Vec<(StationIdx, i32)>>,
}

impl<'n> Shared<'n> {
    /// What there is to know of this network.
    pub fn of(network: &'n Network) -> Self {
        let zone = |station: &schema::Station| {
            network.texts[station.zone.at()].parse().expect("zones were read as zones")
        };
        let own = |(at, station): (usize, &schema::Station)| {
            vec![(StationIdx::of(at), i32::from(station.transfer_minutes_min))]
        };
        let mut changes: Vec<_> = network.stations.iter().enumerate().map(own).collect();
        for path in &network.footpaths {
            changes[path.from.at()].push((path.to, path.minutes.into()));
        }
        Self { network, zones: network.stations.iter().map(zone).collect(), changes }
    }

    /// Whether earlier, with fewer legs, is all that makes a way better: nothing has a price, and
    /// no wait is too long.
    pub fn is_plain(&self) -> bool {
        self.network.fares.is_empty()
            && self.network.transfers.layover_policy == LayoverPolicy::None
    }
}

/// A journey on the dates that lie `shift` dates after the departure days.
#[derive(Debug, Clone, Copy)]
pub struct Run<const W: usize> {
    /// Which journey.
    pub journey: JourneyIdx,
    /// How many dates its service date comes after the departure day.
    pub shift: i32,
    /// The origin of its service date, in minutes of the departure day.
    pub offset: i32,
    /// The departure days on which it runs.
    pub days: Set<W>,
    /// Where its calls begin when those of all runs are counted.
    pub base: u32,
}

impl<const W: usize> Run<W> {
    /// A ride of it.
    pub const fn leg(&self, board: u16, alight: u16) -> Leg {
        Leg { journey: self.journey, shift: self.shift, board, alight }
    }
}

/// A call of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct At {
    /// Its minute: of departure where one boards, of arrival where one alights.
    pub minute: i32,
    /// The run.
    pub run: u32,
    /// Which of its calls.
    pub call: u16,
}

/// The trains of a network.
pub struct Trains<'s, const W: usize> {
    /// What else is known of the network.
    pub shared: &'s Shared<'s>,
    /// The days, parted.
    pub atoms: Atoms,
    /// Per zone when the days begin and end.
    windows: HashMap<Tz, Windows>,
    /// The last minute in which an itinerary may arrive.
    pub latest: i32,
    /// Sorted by journey and shift.
    pub runs: Vec<Run<W>>,
    /// Calls of all runs.
    pub calls_len: u32,
    /// Per station the calls at which one can board, by departure.
    pub boardings: Vec<Vec<At>>,
    /// Per station the calls at which one can alight, by arrival.
    pub alightings: Vec<Vec<At>>,
    /// Per zone and minute from the first of an itinerary on, the days on which it is day. Empty
    /// where no layover policy asks.
    by_day: HashMap<Tz, Vec<Set<W>>>,
}

impl<'s, const W: usize> Trains<'s, W> {
    /// Those that leave early enough for an itinerary, and arrive after it can begin.
    pub fn of(shared: &'s Shared<'s>, calendar: &Calendar<'_>, atoms: Atoms) -> Self {
        let stations = shared.network.stations.len();
        let windows: HashMap<Tz, Windows> = (calendar.zones.iter())
            .map(|zone| (*zone, Windows::of(atoms.firsts().map(|day| calendar.bounds(*zone, day)))))
            .collect();
        let end = windows.values().map(|windows| windows.some.1).max().unwrap_or(0);
        let mut trains = Self {
            shared,
            atoms,
            windows,
            latest: end + shared.network.transfers.duration_minutes_max as i32,
            runs: Vec::new(),
            calls_len: 0,
            boardings: vec![Vec::new(); stations],
            alightings: vec![Vec::new(); stations],
            by_day: HashMap::new(),
        };
        if shared.network.transfers.layover_policy != LayoverPolicy::None {
            let by_day = |zone: &Tz| (*zone, trains.by_day(calendar, *zone));
            trains.by_day = calendar.zones.iter().map(by_day).collect();
        }
        let distances = trains.distances(calendar);
        for journey in 0..shared.network.journeys.len() {
            for (shift, offset, days) in &distances {
                trains.add(JourneyIdx::of(journey), (*shift, *offset), days);
            }
        }
        for calls in trains.boardings.iter_mut().chain(&mut trains.alightings) {
            calls.sort_unstable();
        }
        trains
    }

    /// How far the service dates are away, with the days that have it so.
    pub fn distances(&self, calendar: &Calendar<'_>) -> Vec<(i32, i32, Set<W>)> {
        let mut distances = Vec::new();
        for shift in calendar.shifts.clone() {
            let offsets: BTreeSet<i32> =
                self.atoms.firsts().map(|day| calendar.offset(day, shift)).collect();
            for offset in offsets {
                let days = self.atoms.that(|day| calendar.offset(day, shift) == offset);
                distances.push((shift, offset, days));
            }
        }
        distances
    }

    fn add(&mut self, journey: JourneyIdx, (shift, offset): (i32, i32), among: &Set<W>) {
        let network = self.shared.network;
        let calls = calls_of(network, journey);
        let first = offset + i32::from(calls[0].departure);
        let last = offset + i32::from(calls[calls.len() - 1].arrival);
        if last < self.start() || first > self.latest {
            return;
        }
        let words = days::words(network.period.axis_days as usize);
        let set = network.journeys[journey.at()].days.at();
        let set = &network.day_sets[set * words..(set + 1) * words];
        let days = self.atoms.running(set, shift).and(among);
        if days.is_empty() {
            return;
        }
        let run = self.runs.len() as u32;
        for (at, it) in calls.iter().enumerate() {
            let call = at as u16;
            if it.flags.boarding() && at + 1 < calls.len() {
                let minute = offset + i32::from(it.departure);
                self.boardings[it.station.at()].push(At { minute, run, call });
            }
            if it.flags.alighting() && at > 0 {
                let minute = offset + i32::from(it.arrival);
                self.alightings[it.station.at()].push(At { minute, run, call });
            }
        }
        self.runs.push(Run { journey, shift, offset, days, base: self.calls_len });
        self.calls_len += calls.len() as u32;
    }

    /// The first minute in which an itinerary may depart.
    fn start(&self) -> i32 {
        self.windows.values().map(|windows| windows.some.0).min().unwrap_or(0)
    }

    /// Where one can begin an itinerary, by departure.
    pub fn departures(&self, origin: StationIdx) -> &[At] {
        let (start, end) = self.windows[&self.shared.zones[origin.at()]].some;
        self.boardings_within(origin, start, end - 1)
    }

    /// The days of which a minute is part at a station.
    pub fn departing(&self, origin: StationIdx, minute: i32, days: Set<W>) -> Set<W> {
        let windows = &self.windows[&self.shared.zones[origin.at()]];
        if windows.all.0 <= minute && minute < windows.all.1 {
            return days;
        }
        let mut open = Set::EMPTY;
        for (atom, (start, end)) in windows.each.iter().enumerate() {
            if *start <= minute && minute < *end {
                open.insert(atom);
            }
        }
        days.and(&open)
    }

    /// The calls of a run, in minutes of its own service date.
    pub fn calls(&self, run: &Run<W>) -> &'s [Call] {
        calls_of(self.shared.network, run.journey)
    }

    /// A run's calls with that number, and all after it, at which one can alight, each with its
    /// number and the minute of arrival.
    pub fn alightings_from(
        &self,
        run: &Run<W>,
        call: u16,
    ) -> impl Iterator<Item = (u16, StationIdx, i32)> + use<'s, W> {
        let offset = run.offset;
        let calls = self.calls(run)[call as usize..].iter().zip(call..);
        calls
            .filter(|(it, call)| *call > 0 && it.flags.alighting())
            .map(move |(it, call)| (call, it.station, offset + i32::from(it.arrival)))
    }

    /// The fare of a ride.
    pub fn fare(&self, run: &Run<W>, board: u16, alight: u16) -> Fare {
        let network = self.shared.network;
        match network.journeys[run.journey.at()].fares_start {
            NONE => Fare::MISSING,
            start => {
                let (board, alight) = (board as usize, alight as usize);
                network.fares[start as usize + alight * (alight - 1) / 2 + board]
            }
        }
    }

    /// Where one can board from the first to the last minute, by departure.
    pub fn boardings_within(&self, station: StationIdx, first: i32, last: i32) -> &[At] {
        let calls = &self.boardings[station.at()];
        let start = calls.partition_point(|at| at.minute < first);
        let end = calls.partition_point(|at| at.minute <= last);
        &calls[start..end.max(start)]
    }

    /// Where one can alight in a minute.
    pub fn alightings_in(&self, station: StationIdx, minute: i32) -> &[At] {
        let calls = &self.alightings[station.at()];
        let start = calls.partition_point(|at| at.minute < minute);
        let many = calls[start..].iter().take_while(|at| at.minute == minute).count();
        &calls[start..start + many]
    }

    /// Those of the days on which the network's layover policy allows a layover of `minutes` that
    /// begins at `station` at `begin`.
    #[inline]
    pub fn allowed(&self, days: Set<W>, station: StationIdx, begin: i32, minutes: i32) -> Set<W> {
        let policy = self.shared.network.transfers.layover_policy;
        if policy == LayoverPolicy::None {
            return days;
        }
        if minutes < policy.shortest() || minutes > policy.longest(true) {
            return Set::EMPTY;
        }
        if minutes <= policy.longest(false) {
            return days;
        }
        let by_day = &self.by_day[&self.shared.zones[station.at()]];
        days.and(&by_day[(begin - self.start()) as usize])
    }

    /// Per minute of an itinerary, the days on which it is day in a zone.
    fn by_day(&self, calendar: &Calendar<'_>, zone: Tz) -> Vec<Set<W>> {
        let is_by_day = |minute: i32| {
            self.atoms.that(|day| {
                let instant = calendar.origin(day) + minute;
                LayoverPolicy::is_by_day(schema::local_minute_of_day(zone, instant))
            })
        };
        (self.start()..=self.latest).map(is_by_day).collect()
    }
}

/// When the calendar dates of the atoms begin and end in a zone.
struct Windows {
    each: Vec<(i32, i32)>,
    /// What is part of some.
    some: (i32, i32),
    /// What is part of all.
    all: (i32, i32),
}

impl Windows {
    fn of(each: impl Iterator<Item = (i32, i32)>) -> Self {
        let each: Vec<(i32, i32)> = each.collect();
        let starts = || each.iter().map(|(start, _)| *start);
        let ends = || each.iter().map(|(_, end)| *end);
        let some = (starts().min().unwrap_or(0), ends().max().unwrap_or(0));
        let all = (starts().max().unwrap_or(0), ends().min().unwrap_or(0));
        Self { each, some, all }
    }
}

fn calls_of(network: &Network, journey: JourneyIdx) -> &[Call] {
    let journey = &network.journeys[journey.at()];
    let start = journey.calls_start as usize;
    &network.calls[start..start + journey.calls_len as usize]
}
