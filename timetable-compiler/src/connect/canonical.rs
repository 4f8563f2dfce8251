//! Which itinerary stays where several are equal in departure, arrival, stops and price: the one
//! whose smallest layover is largest, then the one with the smaller leg ids.
//!
//! The search keeps one of them, whichever came first. Here all that share its criteria are
//! enumerated: the first leg leaves in a known minute and the last one arrives in a known minute,
//! which leaves few.

use schema::{Fare, Leg, StationIdx, days};

use super::rides::Ride;
use super::search::{Departure, Search, leg};

/// What equal itineraries share. Minutes count from the departure day's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Criteria {
    /// Minute of departure.
    pub departure: i32,
    /// Minute of arrival.
    pub arrival: i32,
    /// Legs, 1 to 3.
    pub legs: u8,
    /// What it costs.
    pub fare: Fare,
}

/// An itinerary with the days on which it stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Winner {
    /// Its legs.
    pub legs: Vec<Leg>,
    /// The days.
    pub days: Vec<u64>,
}

struct Candidate {
    layover_minutes_min: i32,
    legs: Vec<Leg>,
    days: Vec<u64>,
}

struct LastLeg {
    from: StationIdx,
    ride: Ride,
    shift: i32,
}

impl Search<'_> {
    /// The itineraries to `destination` with these criteria that stay, each on days of its own;
    /// together they have all of `days`.
    pub fn winners(
        &mut self,
        destination: StationIdx,
        criteria: &Criteria,
        days: &[u64],
    ) -> Vec<Winner> {
        let mut candidates = Vec::new();
        let start = self.departures.partition_point(|it| it.minute < criteria.departure);
        let end = self.departures.partition_point(|it| it.minute <= criteria.departure);
        for at in start..end {
            let first = self.departures[at].clone();
            let mut days = days.to_vec();
            if !days::intersect(&mut days, &first.days) {
                continue;
            }
            if criteria.legs == 1 {
                self.direct(destination, criteria, &first, days, &mut candidates);
            } else {
                self.with_stops(destination, criteria, &first, &days, &mut candidates);
            }
        }
        candidates.sort_by(|left, right| {
            (right.layover_minutes_min.cmp(&left.layover_minutes_min))
                .then_with(|| left.legs.cmp(&right.legs))
        });
        let mut left = days.to_vec();
        let mut winners = Vec::new();
        for mut candidate in candidates {
            if days::intersect(&mut candidate.days, &left) {
                days::subtract(&mut left, &candidate.days);
                winners.push(Winner { legs: candidate.legs, days: candidate.days });
            }
        }
        debug_assert!(days::is_empty(&left), "the search found what nobody can ride");
        winners
    }

    fn direct(
        &self,
        destination: StationIdx,
        criteria: &Criteria,
        first: &Departure,
        days: Vec<u64>,
        candidates: &mut Vec<Candidate>,
    ) {
        let arrival = self.class.offset(first.shift) + first.ride.arrival;
        if first.to == destination
            && arrival == criteria.arrival
            && first.ride.fare == criteria.fare
        {
            let legs = vec![first.leg()];
            candidates.push(Candidate { layover_minutes_min: i32::MAX, legs, days });
        }
    }

    fn with_stops(
        &mut self,
        destination: StationIdx,
        criteria: &Criteria,
        first: &Departure,
        days: &[u64],
        candidates: &mut Vec<Candidate>,
    ) {
        if first.to == destination {
            return;
        }
        for last in self.last_legs(destination, criteria) {
            let mut days = days.to_vec();
            if last.from == self.origin
                || !days::intersect(&mut days, self.running_days(last.ride.days, last.shift))
            {
                continue;
            }
            if criteria.legs == 2 {
                self.one_stop(criteria, first, &last, days, candidates);
            } else {
                self.two_stop(destination, criteria, first, &last, &days, candidates);
            }
        }
    }

    fn last_legs(&self, destination: StationIdx, criteria: &Criteria) -> Vec<LastLeg> {
        let mut legs = Vec::new();
        for shift in self.class.shifts() {
            let minute = criteria.arrival - self.class.offset(shift);
            let rides = self.shared.rides.arriving(destination, minute);
            legs.extend(rides.map(|(from, ride)| LastLeg { from, ride: *ride, shift }));
        }
        legs
    }

    fn one_stop(
        &mut self,
        criteria: &Criteria,
        first: &Departure,
        last: &LastLeg,
        mut days: Vec<u64>,
        candidates: &mut Vec<Candidate>,
    ) {
        let arrival = self.class.offset(first.shift) + first.ride.arrival;
        let departure = self.class.offset(last.shift) + last.ride.departure;
        let same = first.ride.journey == last.ride.journey && first.shift == last.shift;
        if same || first.ride.fare.plus(last.ride.fare) != criteria.fare {
            return;
        }
        let Some(layover) = self.layover(&mut days, (first.to, arrival), (last.from, departure))
        else {
            return;
        };
        let legs = vec![first.leg(), leg(&last.ride, last.shift)];
        candidates.push(Candidate { layover_minutes_min: layover, legs, days });
    }

    fn two_stop(
        &mut self,
        destination: StationIdx,
        criteria: &Criteria,
        first: &Departure,
        last: &LastLeg,
        days: &[u64],
        candidates: &mut Vec<Candidate>,
    ) {
        let shared = self.shared;
        let arrival = self.class.offset(first.shift) + first.ride.arrival;
        let departure = self.class.offset(last.shift) + last.ride.departure;
        for (board_at, _) in &shared.changes[first.to.at()] {
            if *board_at == self.origin || *board_at == last.from {
                continue;
            }
            for edge in shared.rides.from(*board_at) {
                let apart = edge.to != first.to && edge.to != destination;
                if !apart || shared.change_minutes(edge.to, last.from).is_none() {
                    continue;
                }
                for shift in self.class.shifts() {
                    let offset = self.class.offset(shift);
                    let start = edge.rides.partition_point(|it| offset + it.departure < arrival);
                    for middle in &edge.rides[start..] {
                        if offset + middle.departure > departure {
                            break;
                        }
                        if first.ride.fare.plus(middle.fare).plus(last.ride.fare) != criteria.fare {
                            continue;
                        }
                        let middle = (*board_at, edge.to, leg(middle, shift), *middle);
                        candidates.extend(self.joined(first, &middle, last, days));
                    }
                }
            }
        }
    }

    fn joined(
        &mut self,
        first: &Departure,
        middle: &(StationIdx, StationIdx, Leg, Ride),
        last: &LastLeg,
        days: &[u64],
    ) -> Option<Candidate> {
        let (board_at, alight_at, leg_between, ride) = middle;
        let train = |leg: &Leg| (leg.journey, leg.shift);
        let (leg_first, leg_last) = (first.leg(), leg(&last.ride, last.shift));
        if train(leg_between) == train(&leg_first) || train(leg_between) == train(&leg_last) {
            return None;
        }
        let mut days = days.to_vec();
        if !days::intersect(&mut days, self.running_days(ride.days, leg_between.shift)) {
            return None;
        }
        let offset = self.class.offset(leg_between.shift);
        let arrival = self.class.offset(first.shift) + first.ride.arrival;
        let departure = self.class.offset(last.shift) + last.ride.departure;
        let one =
            self.layover(&mut days, (first.to, arrival), (*board_at, offset + ride.departure))?;
        let two =
            self.layover(&mut days, (*alight_at, offset + ride.arrival), (last.from, departure))?;
        let legs = vec![leg_first, *leg_between, leg_last];
        Some(Candidate { layover_minutes_min: one.min(two), legs, days })
    }

    /// The minutes between an arrival and a departure where that is a feasible transfer, on those
    /// of `days` on which it is.
    fn layover(
        &mut self,
        days: &mut [u64],
        (from, arrival): (StationIdx, i32),
        (to, departure): (StationIdx, i32),
    ) -> Option<i32> {
        let needed = self.shared.change_minutes(from, to)?;
        let minutes = departure - arrival;
        (minutes >= needed && self.keep_allowed(days, from, arrival, minutes)).then_some(minutes)
    }
}
