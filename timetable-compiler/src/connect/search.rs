//! The labelled search: from one station, on one class of days, the criteria of every itinerary
//! that no other of the same day dominates.
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
//! [`canonical`](super::canonical): the rules for that do not carry over from a part to the whole.

use std::collections::HashMap;

use chrono_tz::Tz;
use schema::{Fare, LayoverPolicy, Leg, NONE, Network, StationIdx, days, local_minute_of_day};

use super::classes::DayClass;
use super::rides::{Ride, Rides};

/// What all searches of a network share.
pub struct Shared<'n> {
    /// The network, its connection tables empty.
    pub network: &'n Network,
    /// Its rides.
    pub rides: Rides,
    /// Per station its zone.
    pub zones: Vec<Tz>,
    /// Words of a day set.
    pub words: usize,
    /// Per station where one can board after alighting there, with the minutes it takes; the
    /// station itself comes first.
    pub changes: Vec<Vec<(StationIdx, i32)>>,
}

impl Shared<'_> {
    /// The words of a day set of the network.
    pub fn day_set(&self, set: u32) -> &[u64] {
        &self.network.day_sets[set as usize * self.words..(set as usize + 1) * self.words]
    }

    /// The minutes that a change from one station to another takes, where there is a way.
    pub fn change_minutes(&self, from: StationIdx, to: StationIdx) -> Option<i32> {
        let changes = &self.changes[from.at()];
        changes.iter().find(|(station, _)| *station == to).map(|(_, minutes)| *minutes)
    }
}

/// A way to be at a station.
#[derive(Debug, Clone, Copy)]
pub struct Label {
    /// Where.
    pub station: StationIdx,
    /// Minute of departure at the origin.
    pub departure: i32,
    /// Minute of arrival here.
    pub arrival: i32,
    /// What it costs.
    pub fare: Fare,
    /// Its legs, 1 to 3.
    pub legs: u8,
    leg: Leg,
    parent: u32,
    boarded_at: StationIdx,
    reboardable: bool,
    /// Its first leg alone is comparable in price with whatever begins with it and returns.
    comparable_with_return: bool,
}

/// A first leg, found at the origin.
#[derive(Debug, Clone)]
pub struct Departure {
    /// Minute of departure.
    pub minute: i32,
    /// How far its service date is from the departure day.
    pub shift: i32,
    /// Where it ends.
    pub to: StationIdx,
    /// The ride.
    pub ride: Ride,
    /// The departure days on which it runs.
    pub days: Vec<u64>,
}

impl Departure {
    /// The ride as a leg.
    pub const fn leg(&self) -> Leg {
        leg(&self.ride, self.shift)
    }
}

/// A ride as a leg.
pub const fn leg(ride: &Ride, shift: i32) -> Leg {
    let journey = schema::JourneyIdx(ride.journey);
    Leg { journey, shift, board: ride.board, alight: ride.alight }
}

/// The search from one station on one class of days.
pub struct Search<'s> {
    /// What all searches share.
    pub shared: &'s Shared<'s>,
    /// Where it begins.
    pub origin: StationIdx,
    /// The days.
    pub class: &'s DayClass,
    /// The first legs, by departure.
    pub departures: Vec<Departure>,
    labels: Vec<Label>,
    label_days: Vec<u64>,
    bags: Vec<Vec<u32>>,
    shifted: HashMap<(u32, i32), Vec<u64>>,
    by_day: HashMap<(StationIdx, i32), Vec<u64>>,
}

fn missing(fare: Fare) -> (bool, bool) {
    (fare.first == NONE, fare.second == NONE)
}

impl<'s> Search<'s> {
    /// Prepares the search: finds the first legs.
    pub fn new(shared: &'s Shared<'s>, origin: StationIdx, class: &'s DayClass) -> Self {
        let mut search = Self {
            shared,
            origin,
            class,
            departures: Vec::new(),
            labels: Vec::new(),
            label_days: Vec::new(),
            bags: vec![Vec::new(); shared.network.stations.len()],
            shifted: HashMap::new(),
            by_day: HashMap::new(),
        };
        for edge in shared.rides.from(origin) {
            for ride in &edge.rides {
                for shift in class.shifts() {
                    let minute = class.offset(shift) + ride.departure;
                    if minute < class.start || minute >= class.end {
                        continue;
                    }
                    let mut days = search.running_days(ride.days, shift).to_vec();
                    if days::intersect(&mut days, &class.days) {
                        let departure = Departure { minute, shift, to: edge.to, ride: *ride, days };
                        search.departures.push(departure);
                    }
                }
            }
        }
        search.departures.sort_by_key(|it| (it.minute, it.to, it.leg()));
        search
    }

    /// Runs it. The labels of a station are then what [`Search::labels_at`] gives.
    pub fn run(&mut self) {
        let departures = std::mem::take(&mut self.departures);
        for group in departures.chunk_by(|left, right| left.minute == right.minute).rev() {
            let mut round = Vec::new();
            for departure in group {
                let label = self.first_label(departure);
                round.extend(self.insert(label, &departure.days));
            }
            for _ in 0..schema::MAX_STOPS {
                let mut next = Vec::new();
                for label in round {
                    self.extend(label, &mut next);
                }
                round = next;
            }
        }
        self.departures = departures;
    }

    /// The labels of a station that have days left, each with them.
    pub fn labels_at(&self, station: StationIdx) -> impl Iterator<Item = (&Label, &[u64])> {
        self.bags[station.at()]
            .iter()
            .map(|at| (&self.labels[*at as usize], self.days_of(*at)))
            .filter(|(_, days)| !days::is_empty(days))
    }

    /// The departure days on which a day set's journeys run on a date `shift` later.
    pub fn running_days(&mut self, set: u32, shift: i32) -> &[u64] {
        let shared = self.shared;
        self.shifted
            .entry((set, shift))
            .or_insert_with(|| days::shifted(shared.day_set(set), shift))
    }

    /// Keeps of `days` those on which the network's layover policy allows a layover of `minutes`
    /// that begins at `station` at `begin`; false where none is left.
    pub fn keep_allowed(
        &mut self,
        days: &mut [u64],
        station: StationIdx,
        begin: i32,
        minutes: i32,
    ) -> bool {
        let policy = self.shared.network.transfers.layover_policy;
        if minutes < policy.shortest() || minutes > policy.longest(true) {
            return false;
        }
        minutes <= policy.longest(false) || days::intersect(days, self.days_by_day(station, begin))
    }

    fn days_by_day(&mut self, station: StationIdx, minute: i32) -> &[u64] {
        let (shared, class) = (self.shared, self.class);
        self.by_day.entry((station, minute)).or_insert_with(|| {
            let mut by_day = vec![0; shared.words];
            let origins = &shared.network.period.origins;
            for day in days::iter(&class.days) {
                let origin = origins[day + schema::PackedLeg::SHIFT_MAX as usize];
                let local = local_minute_of_day(shared.zones[station.at()], origin + minute);
                if LayoverPolicy::is_by_day(local) {
                    days::insert(&mut by_day, day);
                }
            }
            by_day
        })
    }

    fn days_of(&self, label: u32) -> &[u64] {
        let words = self.shared.words;
        &self.label_days[label as usize * words..(label as usize + 1) * words]
    }

    fn first_label(&self, departure: &Departure) -> Label {
        Label {
            station: departure.to,
            departure: departure.minute,
            arrival: self.class.offset(departure.shift) + departure.ride.arrival,
            fare: departure.ride.fare,
            legs: 1,
            leg: departure.leg(),
            parent: NONE,
            boarded_at: self.origin,
            reboardable: departure.ride.reboardable,
            comparable_with_return: true,
        }
    }

    fn extend(&mut self, from: u32, next: &mut Vec<u32>) {
        let shared = self.shared;
        let label = self.labels[from as usize];
        let policy = shared.network.transfers.layover_policy;
        for (station, minutes) in &shared.changes[label.station.at()] {
            if self.was_left(from, *station) {
                continue;
            }
            let wait = (*minutes).max(policy.shortest());
            for edge in shared.rides.from(*station) {
                let again = edge.to == self.origin && shared.changes[edge.to.at()].len() == 1;
                if !again && !self.was_entered(from, edge.to) {
                    self.ride_edge(from, *station, wait, edge, next);
                }
            }
        }
    }

    fn ride_edge(
        &mut self,
        from: u32,
        station: StationIdx,
        wait: i32,
        edge: &super::rides::Edge,
        next: &mut Vec<u32>,
    ) {
        let label = self.labels[from as usize];
        let transfers = &self.shared.network.transfers;
        let latest_arrival = label.departure + transfers.duration_minutes_max as i32;
        let latest_departure = label.arrival.saturating_add(transfers.layover_policy.longest(true));
        let settling = transfers.layover_policy == LayoverPolicy::None;
        let mut left = self.days_of(from).to_vec();
        for shift in self.class.shifts() {
            let offset = self.class.offset(shift);
            let first =
                edge.rides.partition_point(|ride| offset + ride.departure < label.arrival + wait);
            for ride in &edge.rides[first..] {
                let departure = offset + ride.departure;
                if departure > latest_departure || departure > latest_arrival {
                    break;
                }
                if offset + ride.arrival > latest_arrival {
                    continue;
                }
                let mut days = left.clone();
                if !self.may_ride(from, &mut days, ride, shift, departure) {
                    continue;
                }
                let candidate = self.next_label(from, station, edge.to, ride, shift);
                next.extend(self.insert(candidate, &days));
                if settling && ride.settles && !days::subtract(&mut left, &days) {
                    return;
                }
            }
        }
    }

    fn may_ride(
        &mut self,
        from: u32,
        days: &mut [u64],
        ride: &Ride,
        shift: i32,
        departure: i32,
    ) -> bool {
        let label = self.labels[from as usize];
        let same = label.leg.journey.0 == ride.journey && label.leg.shift == shift;
        !same
            && days::intersect(days, self.running_days(ride.days, shift))
            && self.keep_allowed(days, label.station, label.arrival, departure - label.arrival)
    }

    fn next_label(
        &self,
        from: u32,
        station: StationIdx,
        to: StationIdx,
        ride: &Ride,
        shift: i32,
    ) -> Label {
        let label = &self.labels[from as usize];
        let fare = label.fare.plus(ride.fare);
        Label {
            station: to,
            departure: label.departure,
            arrival: self.class.offset(shift) + ride.arrival,
            fare,
            legs: label.legs + 1,
            leg: leg(ride, shift),
            parent: from,
            boarded_at: station,
            reboardable: label.reboardable || ride.reboardable,
            comparable_with_return: missing(fare) == missing(label.fare)
                && self.return_is_comparable(label, to),
        }
    }

    /// Whether no ride from a station, or from where one can walk, back to where this label stands
    /// lacks a price that the label has.
    fn return_is_comparable(&self, label: &Label, from: StationIdx) -> bool {
        let shared = self.shared;
        shared.changes[from.at()].iter().all(|(station, _)| {
            let (first, second) = shared.rides.some_missing(*station, label.station);
            let (has_first, has_second) = (label.fare.first != NONE, label.fare.second != NONE);
            !(first && has_first || second && has_second)
        })
    }

    fn chain(&self, label: u32) -> impl Iterator<Item = &Label> {
        let mut at = label;
        std::iter::from_fn(move || {
            let label = self.labels.get(at as usize)?;
            at = label.parent;
            Some(label)
        })
    }

    fn was_left(&self, label: u32, station: StationIdx) -> bool {
        self.chain(label).any(|label| label.boarded_at == station)
    }

    fn was_entered(&self, label: u32, station: StationIdx) -> bool {
        self.chain(label).any(|label| label.station == station)
    }

    /// Adds the label on those of `days` on which it is needed; None where there are none.
    fn insert(&mut self, label: Label, days: &[u64]) -> Option<u32> {
        let mut left = days.to_vec();
        for at in self.bags[label.station.at()].iter().rev() {
            let there = &self.labels[*at as usize];
            if self.prunes(there, &label) && !days::subtract(&mut left, self.days_of(*at)) {
                return None;
            }
        }
        // Labels of this departure that came before it, in an order that says nothing.
        for at in self.bags[label.station.at()].iter().rev() {
            let there = &self.labels[*at as usize];
            if there.departure != label.departure {
                break;
            }
            if self.prunes(&label, there) {
                let words = self.shared.words;
                let range = *at as usize * words..(*at as usize + 1) * words;
                days::subtract(&mut self.label_days[range], &left);
            }
        }
        let at = self.labels.len() as u32;
        self.bags[label.station.at()].push(at);
        self.labels.push(label);
        self.label_days.extend_from_slice(&left);
        Some(at)
    }

    /// Whether having `there` makes `label` needless on the days they share. Both are at one
    /// station, and `there` leaves no earlier.
    fn prunes(&self, there: &Label, label: &Label) -> bool {
        if there.arrival > label.arrival
            || there.legs > label.legs
            || !there.fare.costs_no_more_than(label.fare)
        {
            return false;
        }
        if label.legs == 3 {
            return true;
        }
        if there.reboardable {
            return false;
        }
        let policy = self.shared.network.transfers.layover_policy != LayoverPolicy::None;
        if policy && there.arrival != label.arrival {
            return false;
        }
        if there.legs == 1 || self.same_change(there, label) {
            return true;
        }
        there.comparable_with_return
            && (!policy || self.shared.changes[there.station.at()].len() == 1)
    }

    fn same_change(&self, left: &Label, right: &Label) -> bool {
        let changed_at =
            |label: &Label| self.labels.get(label.parent as usize).map(|it| it.station);
        left.boarded_at == right.boarded_at && changed_at(left) == changed_at(right)
    }
}
