//! The search where prices count, or waits that are too long: from one station, on one class of
//! days, the criteria of every itinerary that no other of the same day dominates.
//!
//! Departures are taken from the last of the day to the first. A label says that on its days one
//! can be at a station by some minute, having left at the current departure, after so many legs and
//! for so much money. A new label loses the days on which a label that is there makes it needless;
//! what is left of it goes on, round by round.
//!
//! # When a label makes another needless
//!
//! It must leave no earlier (labels of later departures came first), arrive no later, have no more
//! legs and cost no more in either class. Whatever the other could go on to do, it can do too, and
//! no worse, but for these, which [`Search::prunes`] therefore keeps apart:
//!
//! * It may have been at the station that the other goes on to. Then its own way there is no worse,
//!   unless prices are missing: a shorter way may have a price that the whole way and back has not,
//!   and those are not comparable.
//! * It may have come by the very train that the other goes on to board. Staying on it is no worse,
//!   unless the through fare is higher than the fares of the parts.
//! * A layover policy has an upper bound: being there earlier is then not as good, being there at
//!   the same minute is.
//!
//! Which of several equal itineraries stays is not decided here, see
//! [`canonical`](super::canonical).

use schema::{Fare, LayoverPolicy, NONE, StationIdx};

use super::best::{Best, Criteria};
use super::rides::{Edge, Ride, Rides};
use super::runs::Trains;
use super::set::Set;

/// A way to be at a station, as others are held against it.
#[derive(Clone, Copy)]
struct Held<const W: usize> {
    arrival: i32,
    fare: Fare,
    legs: u8,
    label: u32,
    days: Set<W>,
}

/// A way to be at a station, as it goes on.
#[derive(Clone, Copy)]
struct Label<const W: usize> {
    station: StationIdx,
    criteria: Criteria,
    days: Set<W>,
    run: u32,
    /// The label that it continues, or [`NONE`].
    parent: u32,
    boarded_at: StationIdx,
    /// Where the train before was left; none in a first leg.
    changed_at: Option<StationIdx>,
    reboardable: bool,
    /// Its first leg alone is comparable in price with whatever begins with it and returns.
    comparable_with_return: bool,
}

/// The search from one station.
pub struct Search<'s, const W: usize> {
    trains: &'s Trains<'s, W>,
    rides: &'s Rides,
    origin: StationIdx,
    labels: Vec<Label<W>>,
    /// Per station the labels there, those of later departures first.
    held: Vec<Vec<Held<W>>>,
}

const fn missing(fare: Fare) -> (bool, bool) {
    (fare.first == NONE, fare.second == NONE)
}

impl<'s, const W: usize> Search<'s, W> {
    /// Finds the ways from a station.
    pub fn run(trains: &'s Trains<'s, W>, rides: &'s Rides, origin: StationIdx) -> Self {
        let held = vec![Vec::new(); trains.shared.network.stations.len()];
        let mut search = Self { trains, rides, origin, labels: Vec::new(), held };
        let departures = trains.departures(origin);
        for group in departures.chunk_by(|left, right| left.minute == right.minute).rev() {
            let mut round = Vec::new();
            for at in group {
                search.first_legs(at.run, at.call, &mut round);
            }
            for _ in 0..schema::MAX_STOPS {
                let mut next = Vec::new();
                for label in round {
                    search.extend(label, &mut next);
                }
                round = next;
            }
        }
        search
    }

    /// The ways to a station.
    pub fn found(&self, station: StationIdx) -> impl Iterator<Item = Best<W>> {
        self.held[station.at()].iter().map(|held| {
            let Label { criteria, days, .. } = self.labels[held.label as usize];
            Best { criteria, days }
        })
    }

    fn first_legs(&mut self, number: u32, board: u16, round: &mut Vec<u32>) {
        let trains = self.trains;
        let run = &trains.runs[number as usize];
        let departure = run.offset + i32::from(trains.calls(run)[board as usize].departure);
        let days = trains.departing(self.origin, departure, run.days);
        if days.is_empty() {
            return;
        }
        for (alight, station, arrival) in trains.alightings_from(run, board + 1) {
            let fare = trains.fare(run, board, alight);
            let reboardable = super::rides::reboardable(trains, run, alight);
            round.extend(self.insert(Label {
                station,
                criteria: Criteria { departure, arrival, legs: 1, fare },
                days,
                run: number,
                parent: NONE,
                boarded_at: self.origin,
                changed_at: None,
                reboardable,
                comparable_with_return: true,
            }));
        }
    }

    fn extend(&mut self, from: u32, next: &mut Vec<u32>) {
        let shared = self.trains.shared;
        let label = self.labels[from as usize];
        let policy = shared.network.transfers.layover_policy;
        for (station, minutes) in &shared.changes[label.station.at()] {
            if self.was_left(&label, *station) {
                continue;
            }
            let wait = (*minutes).max(policy.shortest());
            for edge in self.rides.from(*station) {
                let again = edge.to == self.origin && shared.changes[edge.to.at()].len() == 1;
                if !again && !self.was_entered(&label, edge.to) {
                    self.ride_edge(from, (*station, wait), edge, next);
                }
            }
        }
    }

    fn ride_edge(
        &mut self,
        from: u32,
        (station, wait): (StationIdx, i32),
        edge: &Edge,
        next: &mut Vec<u32>,
    ) {
        // As it is now: a better label may have come to its station since.
        let label = self.labels[from as usize];
        let trains = self.trains;
        let transfers = &trains.shared.network.transfers;
        let Criteria { departure, arrival, .. } = label.criteria;
        let latest_arrival = departure + transfers.duration_minutes_max as i32;
        let latest_boarding = arrival.saturating_add(transfers.layover_policy.longest(true));
        let settling = transfers.layover_policy == LayoverPolicy::None;
        let mut left = label.days;
        let rides = self.rides.of_edge(edge);
        let first = rides.partition_point(|ride| ride.departure < arrival + wait);
        for ride in &rides[first..] {
            if ride.departure > latest_boarding.min(latest_arrival) {
                break;
            }
            if ride.arrival > latest_arrival || ride.run == label.run {
                continue;
            }
            let days = left.and(&trains.runs[ride.run as usize].days);
            let layover = ride.departure - arrival;
            let days = trains.allowed(days, label.station, arrival, layover);
            if days.is_empty() {
                continue;
            }
            let fare = label.criteria.fare.plus(ride.fare);
            let criteria =
                Criteria { arrival: ride.arrival, legs: label.criteria.legs + 1, fare, departure };
            next.extend(self.continue_with(from, station, edge.to, ride, (criteria, days)));
            if settling && ride.settles {
                left = left.minus(&days);
                if left.is_empty() {
                    return;
                }
            }
        }
    }

    fn continue_with(
        &mut self,
        from: u32,
        boarded_at: StationIdx,
        to: StationIdx,
        ride: &Ride,
        (criteria, days): (Criteria, Set<W>),
    ) -> Option<u32> {
        let label = &self.labels[from as usize];
        let fare = criteria.fare;
        let next = Label {
            station: to,
            criteria,
            days,
            run: ride.run,
            parent: from,
            boarded_at,
            changed_at: Some(label.station),
            reboardable: label.reboardable || ride.reboardable,
            comparable_with_return: missing(fare) == missing(label.criteria.fare)
                && self.return_is_comparable(label, to),
        };
        self.insert(next)
    }

    /// Whether no ride from a station, or from where one can walk, back to where this label stands
    /// lacks a price that the label has.
    fn return_is_comparable(&self, label: &Label<W>, from: StationIdx) -> bool {
        let (no_first, no_second) = missing(label.criteria.fare);
        self.trains.shared.changes[from.at()].iter().all(|(station, _)| {
            let (first, second) = self.rides.some_missing(*station, label.station);
            (no_first || !first) && (no_second || !second)
        })
    }

    fn chain<'l>(&'l self, label: &'l Label<W>) -> impl Iterator<Item = &'l Label<W>> {
        std::iter::successors(Some(label), |label| self.labels.get(label.parent as usize))
    }

    fn was_left(&self, label: &Label<W>, station: StationIdx) -> bool {
        self.chain(label).any(|label| label.boarded_at == station)
    }

    fn was_entered(&self, label: &Label<W>, station: StationIdx) -> bool {
        self.chain(label).any(|label| label.station == station)
    }

    /// Adds the label on those of its days on which it is needed; None where there are none.
    fn insert(&mut self, mut label: Label<W>) -> Option<u32> {
        let Criteria { arrival, legs, fare, departure } = label.criteria;
        let held = &self.held[label.station.at()];
        for there in held.iter().rev() {
            let covers = there.arrival <= arrival
                && there.legs <= legs
                && there.fare.costs_no_more_than(fare);
            if covers && self.prunes(&self.labels[there.label as usize], &label) {
                label.days = label.days.minus(&there.days);
                if label.days.is_empty() {
                    return None;
                }
            }
        }
        // Labels of this departure that came before it, in an order that says nothing.
        for at in (0..held.len()).rev() {
            let there = self.held[label.station.at()][at];
            let other = &self.labels[there.label as usize];
            if other.criteria.departure != departure {
                break;
            }
            if label.criteria.cover(&other.criteria, 0) && self.prunes(&label, other) {
                let days = there.days.minus(&label.days);
                self.held[label.station.at()][at].days = days;
                self.labels[there.label as usize].days = days;
            }
        }
        let at = self.labels.len() as u32;
        let days = label.days;
        self.held[label.station.at()].push(Held { arrival, fare, legs, label: at, days });
        self.labels.push(label);
        Some(at)
    }

    /// Whether having `there`, whose criteria are no worse, makes `label` needless on the days they
    /// share. Both are at one station.
    fn prunes(&self, there: &Label<W>, label: &Label<W>) -> bool {
        if label.criteria.legs == 3 {
            return true;
        }
        if there.reboardable {
            return false;
        }
        let shared = self.trains.shared;
        let policy = shared.network.transfers.layover_policy != LayoverPolicy::None;
        if policy && there.criteria.arrival != label.criteria.arrival {
            return false;
        }
        let same_change =
            there.boarded_at == label.boarded_at && there.changed_at == label.changed_at;
        if there.criteria.legs == 1 || same_change {
            return true;
        }
        there.comparable_with_return && (!policy || shared.changes[there.station.at()].len() == 1)
    }
}
