//! The rides at both ends of an itinerary, by the station at which they hand over.

use schema::{DatedLeg, Fare, Instant, StationIdx};

use super::Bounds;
use super::fares::Fares;
use super::rides::Rides;
use crate::search::Query;

/// A ride at one end.
#[derive(Debug, Clone, Copy)]
pub struct End {
    /// The last instant at which one may reach the station to catch it, or the first at which one
    /// may leave the station after it.
    pub at: Instant,
    /// When the ride begins.
    pub departure: Instant,
    /// When the ride ends.
    pub arrival: Instant,
    /// What it costs.
    pub fare: Fare,
    /// The ride.
    pub leg: DatedLeg,
}

/// What a number of rides at one end have in common.
#[derive(Debug, Clone, Copy)]
pub struct Bound {
    /// The latest departure of first rides, or the earliest arrival of last ones.
    pub time: Instant,
    /// What they cost at least.
    pub fares: Fares,
}

/// Rides at one end, per station by the instant at which they hand over.
pub struct Ends {
    starts: Vec<u32>,
    rides: Vec<End>,
    bounds: Vec<Bound>,
}

impl Ends {
    fn of(stations: usize, mut ends: Vec<(StationIdx, End)>) -> Self {
        ends.sort_unstable_by_key(|(station, end)| (*station, end.at, end.leg));
        let mut starts = vec![0; stations + 1];
        for (station, _) in &ends {
            starts[station.at() + 1] += 1;
        }
        for at in 0..stations {
            starts[at + 1] += starts[at];
        }
        let rides = ends.into_iter().map(|(_, end)| end).collect();
        Self { starts, rides, bounds: Vec::new() }
    }

    /// The rides out of the origin, by departure; `at` is their arrival.
    pub fn out(rides: &Rides<'_>, query: &Query, bounds: Bounds) -> Vec<End> {
        let view = rides.view;
        let mut out = Vec::new();
        rides.from(query.origin, bounds.departure, &mut |leg| {
            let (departure, arrival) = (view.departure(leg), view.arrival(leg));
            if view.to(leg) != query.destination && arrival <= bounds.arrival.1 {
                let fare = view.fare(leg.journey, leg.board, leg.alight);
                out.push(End { at: arrival, departure, arrival, fare, leg });
            }
        });
        out.sort_unstable_by_key(|end| (end.departure, end.leg));
        out
    }

    /// The rides out of the origin, by the station at which one may board after them. Of each and
    /// those before it, the bound has the latest departure.
    pub fn firsts(rides: &Rides<'_>, query: &Query, out: &[End]) -> Self {
        let view = rides.view;
        let mut ends = Vec::with_capacity(out.len());
        for end in out {
            for (station, minutes) in rides.changes_from(view.to(end.leg)) {
                if station != query.origin {
                    ends.push((station, End { at: end.arrival + minutes, ..*end }));
                }
            }
        }
        let mut firsts = Self::of(view.station_count(), ends);
        firsts.bounds = firsts.rides.iter().map(|end| end.bound(end.departure)).collect();
        for station in view.stations() {
            for at in firsts.range(station).skip(1) {
                firsts.bounds[at] = firsts.bounds[at].or_later(Some(firsts.bounds[at - 1]));
            }
        }
        firsts
    }

    /// The rides into the destination, by the station at which one may alight before them. Of each
    /// and those after it, the bound has the earliest arrival.
    pub fn lasts(rides: &Rides<'_>, query: &Query, bounds: Bounds) -> Self {
        let view = rides.view;
        let mut ends = Vec::new();
        rides.into(query.destination, bounds.arrival, &mut |leg| {
            let (from, departure) = (view.from(leg), view.departure(leg));
            if from == query.origin || departure < bounds.departure.0 {
                return;
            }
            let (arrival, fare) =
                (view.arrival(leg), view.fare(leg.journey, leg.board, leg.alight));
            for (station, minutes) in rides.changes_into(from) {
                if station != query.destination {
                    let at = departure - minutes;
                    ends.push((station, End { at, departure, arrival, fare, leg }));
                }
            }
        });
        let mut lasts = Self::of(view.station_count(), ends);
        lasts.bounds = lasts.rides.iter().map(|end| end.bound(end.arrival)).collect();
        for station in view.stations() {
            for at in lasts.range(station).rev().skip(1) {
                let Bound { time, fares } = lasts.bounds[at + 1];
                let this = &mut lasts.bounds[at];
                *this = Bound { time: this.time.min(time), fares: this.fares.or(fares) };
            }
        }
        lasts
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rides.is_empty()
    }

    /// Whether there is none at a station.
    #[inline]
    pub fn has(&self, station: StationIdx) -> bool {
        self.starts[station.at()] < self.starts[station.at() + 1]
    }

    fn range(&self, station: StationIdx) -> std::ops::Range<usize> {
        self.starts[station.at()] as usize..self.starts[station.at() + 1] as usize
    }

    /// The first rides after which one may board at a station at an instant.
    pub fn until(&self, station: StationIdx, instant: Instant) -> Part<'_> {
        let range = self.range(station);
        let len = self.rides[range.clone()].partition_point(|end| end.at <= instant);
        self.part(range.start..range.start + len)
    }

    /// The last rides that one may board after alighting at a station at an instant.
    pub fn from(&self, station: StationIdx, instant: Instant) -> Part<'_> {
        let range = self.range(station);
        let before = self.rides[range.clone()].partition_point(|end| end.at < instant);
        self.part(range.start + before..range.end)
    }

    fn part(&self, range: std::ops::Range<usize>) -> Part<'_> {
        Part { ends: &self.rides[range.clone()], bounds: &self.bounds[range] }
    }
}

impl End {
    const fn bound(&self, time: Instant) -> Bound {
        Bound { time, fares: Fares::of(self.fare) }
    }
}

impl Bound {
    /// The bound of first rides of this one and of another.
    #[must_use]
    pub fn or_later(self, other: Option<Self>) -> Self {
        other.map_or(self, |other| Self {
            time: self.time.max(other.time),
            fares: self.fares.or(other.fares),
        })
    }
}

/// Some of a station's rides, with the bound of each and those before or after it.
#[derive(Debug, Clone, Copy)]
pub struct Part<'e> {
    /// The rides.
    pub ends: &'e [End],
    /// Their bounds.
    pub bounds: &'e [Bound],
}
