//! The trains of a class of days: every journey on every date that matters, in minutes of the
//! departure day.

use std::collections::{HashMap, HashSet};

use chrono_tz::Tz;
use schema::{Call, Fare, JourneyIdx, LayoverPolicy, Leg, NONE, Network, StationIdx};

use super::classes::{DayClass, origin};
use super::set::{Atoms, Set};

/// What all classes of a network share.
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
    /// What the classes of this network share.
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

/// The trains of a class.
pub struct Trains<'s, const W: usize> {
    /// What all classes share.
    pub shared: &'s Shared<'s>,
    /// The days.
    pub class: DayClass,
    /// The days, parted.
    pub atoms: Atoms,
    /// Sorted by journey and shift.
    pub runs: Vec<Run<W>>,
    /// Calls of all runs.
    pub calls_len: u32,
    /// Per station the calls at which one can board, by departure.
    pub boardings: Vec<Vec<At>>,
    /// Per station the calls at which one can alight, by arrival.
    pub alightings: Vec<Vec<At>>,
    /// Per zone and minute from the class's start on, the days on which it is day. Empty where no
    /// layover policy asks.
    by_day: HashMap<Tz, Vec<Set<W>>>,
}

impl<'s, const W: usize> Trains<'s, W> {
    /// Those of a class that leave early enough for an itinerary, and arrive after it can begin.
    pub fn of(shared: &'s Shared<'s>, class: &DayClass, atoms: Atoms) -> Self {
        let stations = shared.network.stations.len();
        let mut trains = Self {
            shared,
            class: class.clone(),
            atoms,
            runs: Vec::new(),
            calls_len: 0,
            boardings: vec![Vec::new(); stations],
            alightings: vec![Vec::new(); stations],
            by_day: HashMap::new(),
        };
        if shared.network.transfers.layover_policy != LayoverPolicy::None {
            let zones = shared.zones.iter().copied().collect::<HashSet<_>>();
            trains.by_day = zones.into_iter().map(|zone| (zone, trains.by_day(zone))).collect();
        }
        for journey in 0..shared.network.journeys.len() {
            for shift in class.shifts() {
                trains.add(JourneyIdx::of(journey), shift);
            }
        }
        for calls in trains.boardings.iter_mut().chain(&mut trains.alightings) {
            calls.sort_unstable();
        }
        trains
    }

    fn add(&mut self, journey: JourneyIdx, shift: i32) {
        let network = self.shared.network;
        let offset = self.class.offset(shift);
        let calls = calls_of(network, journey);
        let first = offset + i32::from(calls[0].departure);
        let last = offset + i32::from(calls[calls.len() - 1].arrival);
        let latest = self.class.end + network.transfers.duration_minutes_max as i32;
        if last < self.class.start || first > latest {
            return;
        }
        let words = schema::days::words(network.period.axis_days as usize);
        let set = network.journeys[journey.at()].days.at();
        let days = self.atoms.running(&network.day_sets[set * words..(set + 1) * words], shift);
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
        days.and(&by_day[(begin - self.class.start) as usize])
    }

    /// Per minute of an itinerary, the days on which it is day in a zone.
    fn by_day(&self, zone: Tz) -> Vec<Set<W>> {
        let network = self.shared.network;
        let end = self.class.end + network.transfers.duration_minutes_max as i32;
        let is_by_day = |minute: i32| {
            self.atoms.that(|day| {
                let instant = origin(network, day) + minute;
                LayoverPolicy::is_by_day(schema::local_minute_of_day(zone, instant))
            })
        };
        (self.class.start..=end).map(is_by_day).collect()
    }
}

fn calls_of(network: &Network, journey: JourneyIdx) -> &[Call] {
    let journey = &network.journeys[journey.at()];
    let start = journey.calls_start as usize;
    &network.calls[start..start + journey.calls_len as usize]
}
