//! Reading a network in place.

use chrono::{NaiveDate, TimeDelta};

use crate::network::{
    ArchivedCall, ArchivedCallRef, ArchivedDirectRow, ArchivedFootpath, ArchivedNetwork,
    ArchivedOneStopRow, ArchivedPair, ArchivedServiceJourney, ArchivedSource, ArchivedStation,
    ArchivedTwoStopRow, CallFlags, Fare, NONE, PackedLeg,
};
use crate::transfer::{ArchivedLayoverPolicy, LayoverPolicy};
use crate::{DaySetIdx, Instant, JourneyIdx, StationIdx};

/// A verified network. Copying it costs nothing; indices must come from the same network.
#[derive(Clone, Copy)]
pub struct NetworkView<'n> {
    network: &'n ArchivedNetwork,
}

/// A ride on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatedLeg {
    /// The journey.
    pub journey: JourneyIdx,
    /// The service date, as a day of the axis; it may lie up to 15 days off it.
    pub day: i32,
    /// The call at which it is boarded.
    pub board: u16,
    /// The call at which it is left.
    pub alight: u16,
}

/// The rows of the connection tables for one pair of stations.
#[derive(Clone, Copy)]
pub struct Connections<'n> {
    /// Without a change.
    pub direct: &'n [ArchivedDirectRow],
    /// With one.
    pub one_stop: &'n [ArchivedOneStopRow],
    /// With two.
    pub two_stop: &'n [ArchivedTwoStopRow],
}

impl Connections<'_> {
    /// Whether no table has a row for the pair.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Rows in all three tables.
    pub fn len(&self) -> usize {
        self.direct.len() + self.one_stop.len() + self.two_stop.len()
    }

    /// The day set of every row.
    pub fn day_sets(&self) -> impl Iterator<Item = DaySetIdx> + '_ {
        let direct = self.direct.iter().map(|row| &row.days);
        let one_stop = self.one_stop.iter().map(|row| &row.days);
        let two_stop = self.two_stop.iter().map(|row| &row.days);
        direct.chain(one_stop).chain(two_stop).map(|days| DaySetIdx(days.0.to_native()))
    }
}

impl<'n> NetworkView<'n> {
    pub(crate) const fn new(network: &'n ArchivedNetwork) -> Self {
        Self { network }
    }

    /// The tables themselves.
    pub const fn archived(self) -> &'n ArchivedNetwork {
        self.network
    }

    /// An interned text. The index is a number because some fields hold [`NONE`] in its place.
    pub fn text(self, idx: u32) -> Option<&'n str> {
        (idx != NONE).then(|| self.network.texts[idx as usize].as_str())
    }

    /// IANA name of the zone that service dates are of.
    pub fn zone(self) -> &'n str {
        self.network.texts[self.network.period.zone.0.to_native() as usize].as_str()
    }

    /// The first and the last service date.
    pub fn period(self) -> (NaiveDate, NaiveDate) {
        let period = &self.network.period;
        (date(period.first.to_native()), date(period.last.to_native()))
    }

    /// Dates on the day axis.
    pub fn axis_days(self) -> usize {
        self.network.period.axis_days.to_native() as usize
    }

    /// The day of the axis that a date is. It may lie off the axis.
    pub fn day_of(self, date: NaiveDate) -> i32 {
        days_since_epoch(date) - self.network.period.axis_first.to_native()
    }

    /// The date of a day of the axis.
    pub fn date_of(self, day: i32) -> NaiveDate {
        date(self.network.period.axis_first.to_native() + day)
    }

    /// The instant from which a service date's minutes count.
    ///
    /// # Panics
    ///
    /// Where the day is more than [`PackedLeg::SHIFT_MAX`] off the axis.
    #[inline]
    pub fn origin(self, day: i32) -> Instant {
        self.network.period.origins[(day + PackedLeg::SHIFT_MAX) as usize].to_native()
    }

    /// The layover policy of requests that name none.
    pub fn layover_policy(self) -> LayoverPolicy {
        match self.network.transfers.layover_policy {
            ArchivedLayoverPolicy::None => LayoverPolicy::None,
            ArchivedLayoverPolicy::Strict => LayoverPolicy::Strict,
            ArchivedLayoverPolicy::Lenient => LayoverPolicy::Lenient,
        }
    }

    /// The longest time, in minutes, from departure to arrival of an itinerary with a stop.
    pub fn duration_minutes_max(self) -> i32 {
        self.network.transfers.duration_minutes_max.to_native() as i32
    }

    /// How many stations there are.
    pub fn station_count(self) -> usize {
        self.network.stations.len()
    }

    /// All stations' indices.
    pub fn stations(self) -> impl Iterator<Item = StationIdx> {
        (0..self.station_count()).map(StationIdx::of)
    }

    /// A station.
    #[inline]
    pub fn station(self, idx: StationIdx) -> &'n ArchivedStation {
        &self.network.stations[idx.at()]
    }

    /// The station with this key.
    pub fn station_by_key(self, key: &str) -> Option<StationIdx> {
        let stations = &self.network.stations;
        stations.binary_search_by(|station| station.key.as_str().cmp(key)).ok().map(StationIdx::of)
    }

    /// A station's minimum transfer time in minutes.
    #[inline]
    pub fn transfer_minutes_min(self, station: StationIdx) -> i32 {
        i32::from(self.station(station).transfer_minutes_min.to_native())
    }

    /// The footpaths that begin at a station.
    pub fn footpaths_from(self, station: StationIdx) -> &'n [ArchivedFootpath] {
        let paths = self.network.footpaths.as_slice();
        let start = paths.partition_point(|path| path.from.0 < station.0);
        let end = paths.partition_point(|path| path.from.0 <= station.0);
        &paths[start..end]
    }

    /// How many journeys there are.
    pub fn journey_count(self) -> usize {
        self.network.journeys.len()
    }

    /// All journeys' indices.
    pub fn journeys(self) -> impl Iterator<Item = JourneyIdx> {
        (0..self.journey_count()).map(JourneyIdx::of)
    }

    /// A journey.
    #[inline]
    pub fn journey(self, idx: JourneyIdx) -> &'n ArchivedServiceJourney {
        &self.network.journeys[idx.at()]
    }

    /// A journey's calls.
    #[inline]
    pub fn calls(self, idx: JourneyIdx) -> &'n [ArchivedCall] {
        let journey = self.journey(idx);
        let start = journey.calls_start.to_native() as usize;
        &self.network.calls[start..start + journey.calls_len.to_native() as usize]
    }

    /// A journey's train type.
    pub fn train_type(self, idx: JourneyIdx) -> &'n str {
        self.network.texts[self.journey(idx).train_type.0.to_native() as usize].as_str()
    }

    /// Whether a journey runs on a service date.
    #[inline]
    pub fn runs(self, journey: JourneyIdx, day: i32) -> bool {
        self.in_day_set(DaySetIdx(self.journey(journey).days.0.to_native()), day)
    }

    /// Whether a day is in a set. Days off the axis are in none.
    #[inline]
    pub fn in_day_set(self, set: DaySetIdx, day: i32) -> bool {
        if day < 0 || day as usize >= self.axis_days() {
            return false;
        }
        let words = crate::days::words(self.axis_days());
        let word = self.network.day_sets[set.at() * words + day as usize / 64].to_native();
        word >> (day as usize % 64) & 1 == 1
    }

    /// The words of a set of days.
    pub fn day_set(self, set: DaySetIdx) -> Vec<u64> {
        let words = crate::days::words(self.axis_days());
        let set = &self.network.day_sets[set.at() * words..(set.at() + 1) * words];
        set.iter().map(|word| word.to_native()).collect()
    }

    /// The fare of a ride.
    #[inline]
    pub fn fare(self, journey: JourneyIdx, board: u16, alight: u16) -> Fare {
        if self.network.fares.is_empty() {
            return Fare::MISSING;
        }
        let start = self.journey(journey).fares_start.to_native();
        if start == NONE {
            return Fare::MISSING;
        }
        let (board, alight) = (board as usize, alight as usize);
        let fare = &self.network.fares[start as usize + alight * (alight - 1) / 2 + board];
        Fare { first: fare.first.to_native(), second: fare.second.to_native() }
    }

    /// The names of a journey in the source, each with its days.
    pub fn sources_of(self, journey: JourneyIdx) -> &'n [ArchivedSource] {
        let sources = self.network.sources.as_slice();
        let start = sources.partition_point(|source| source.journey.0 < journey.0);
        let end = sources.partition_point(|source| source.journey.0 <= journey.0);
        &sources[start..end]
    }

    /// What the source calls a journey on a service date on which it runs.
    pub fn source_id(self, journey: JourneyIdx, day: i32) -> &'n str {
        let sources = self.sources_of(journey);
        let on_day =
            |source: &&ArchivedSource| self.in_day_set(DaySetIdx(source.days.0.to_native()), day);
        sources.iter().find(on_day).or_else(|| sources.first()).map_or("", |source| &source.id)
    }

    /// The journeys that the source knows by this id, by index.
    pub fn sources_by_id(self, id: &str) -> impl Iterator<Item = &'n ArchivedSource> + use<'n> {
        let (sources, order) = (&self.network.sources, self.network.sources_by_id.as_slice());
        let name = move |at: &rkyv::rend::u32_le| &sources[at.to_native() as usize];
        let start = order.partition_point(|at| name(at).id.as_str() < id);
        let end = order.partition_point(|at| name(at).id.as_str() <= id);
        order[start..end].iter().map(name)
    }

    /// The calls at which a journey may be boarded here, by departure.
    pub fn boardings(self, station: StationIdx) -> &'n [ArchivedCallRef] {
        let starts = &self.network.boarding_starts;
        &self.network.boardings[range(starts, station.at())]
    }

    /// The calls at which a journey may be alighted from here, by arrival.
    pub fn alightings(self, station: StationIdx) -> &'n [ArchivedCallRef] {
        let starts = &self.network.alighting_starts;
        &self.network.alightings[range(starts, station.at())]
    }

    /// The rows of the connection tables from one station to another.
    #[inline]
    pub fn connections(self, origin: StationIdx, destination: StationIdx) -> Connections<'n> {
        let network = self.network;
        let pairs = &network.pairs[range(&network.pair_starts, origin.at())];
        let Some(at) = find_pair(pairs, destination, network.stations.len()) else {
            return Connections { direct: &[], one_stop: &[], two_stop: &[] };
        };
        let at = network.pair_starts[origin.at()].to_native() as usize + at;
        let (this, next) = (&network.pairs[at], &network.pairs[at + 1]);
        Connections {
            direct: &network.direct
                [this.direct.to_native() as usize..next.direct.to_native() as usize],
            one_stop: &network.one_stop
                [this.one_stop.to_native() as usize..next.one_stop.to_native() as usize],
            two_stop: &network.two_stop
                [this.two_stop.to_native() as usize..next.two_stop.to_native() as usize],
        }
    }

    /// The call at which a leg is boarded.
    #[inline]
    pub fn board(self, leg: DatedLeg) -> &'n ArchivedCall {
        &self.calls(leg.journey)[leg.board as usize]
    }

    /// The call at which a leg is left.
    #[inline]
    pub fn alight(self, leg: DatedLeg) -> &'n ArchivedCall {
        &self.calls(leg.journey)[leg.alight as usize]
    }

    /// Where a leg begins.
    #[inline]
    pub fn from(self, leg: DatedLeg) -> StationIdx {
        StationIdx(self.board(leg).station.0.to_native())
    }

    /// Where a leg ends.
    #[inline]
    pub fn to(self, leg: DatedLeg) -> StationIdx {
        StationIdx(self.alight(leg).station.0.to_native())
    }

    /// When a leg begins.
    #[inline]
    pub fn departure(self, leg: DatedLeg) -> Instant {
        self.origin(leg.day) + i32::from(self.board(leg).departure.to_native())
    }

    /// When a leg ends.
    #[inline]
    pub fn arrival(self, leg: DatedLeg) -> Instant {
        self.origin(leg.day) + i32::from(self.alight(leg).arrival.to_native())
    }
}

impl crate::network::ArchivedCall {
    /// What passengers may do here.
    pub fn may(&self) -> CallFlags {
        CallFlags(self.flags.0)
    }
}

/// Where a destination is among the pairs of an origin. They are sorted, and most stations lead to
/// most others, so that it is near where it would be if they were spread evenly: looking from there
/// reads one or two lines of memory, where halving from the middle reads some five.
#[inline]
fn find_pair(pairs: &[ArchivedPair], destination: StationIdx, stations: usize) -> Option<usize> {
    let number = |at: usize| pairs[at].destination.0.to_native();
    let guess = (destination.at() * pairs.len()).checked_div(stations)?;
    let (mut low, mut high) = (guess, guess);
    let mut step = 1;
    if pairs.get(guess)?.destination.0 <= destination.0 {
        while high < pairs.len() && number(high) <= destination.0 {
            (low, high, step) = (high, high + step, step * 2);
        }
    } else {
        while low > 0 && number(low) > destination.0 {
            (low, high, step) = (low.saturating_sub(step), low, step * 2);
        }
    }
    let near = &pairs[low..=high.min(pairs.len() - 1)];
    let at = near.binary_search_by(|pair| pair.destination.0.cmp(&destination.0.into())).ok()?;
    Some(low + at)
}

fn range(starts: &rkyv::vec::ArchivedVec<rkyv::rend::u32_le>, at: usize) -> std::ops::Range<usize> {
    starts[at].to_native() as usize..starts[at + 1].to_native() as usize
}

fn days_since_epoch(date: NaiveDate) -> i32 {
    date.signed_duration_since(NaiveDate::default()).num_days() as i32
}

fn date(days: i32) -> NaiveDate {
    NaiveDate::default().checked_add_signed(TimeDelta::days(days.into())).unwrap_or_default()
}
