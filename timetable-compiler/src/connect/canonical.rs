//! Which itinerary stays where several are equal in departure, arrival, stops and price: the one
//! whose smallest layover is largest, then the one with the smaller leg ids.
//!
//! That rule does not carry over from a part of an itinerary to the whole, so the searches keep one
//! of equals, whichever came first, and only its criteria are used. Here all that share them are
//! enumerated: the first leg leaves in a known minute and the last one arrives in a known minute,
//! which is one train each or few, and what joins them lies between the two.

use schema::{Fare, JourneyIdx, Leg, StationIdx};

use super::best::{Best, Criteria};
use super::rides::{Ride, Rides};
use super::runs::{At, Run, Trains};
use super::set::Set;

/// An itinerary with the days on which it stays.
#[derive(Debug, Clone, Copy)]
pub struct Winner<const W: usize> {
    /// Its legs; past their number anything.
    pub legs: [Leg; 3],
    /// The days.
    pub days: Set<W>,
    layover_minutes_min: i32,
}

/// Chooses among equal itineraries.
pub struct Chooser<'c, 's, const W: usize> {
    trains: &'c Trains<'s, W>,
    rides: &'c Rides,
    /// Per station where one can alight to board there, with the minutes it takes.
    changes_into: &'c [Vec<(StationIdx, i32)>],
    /// What was found for the criteria at hand.
    candidates: Vec<Winner<W>>,
    /// A candidate with all the days has no layover shorter than this. Others with a shorter one
    /// cannot stay, so they are not looked for.
    layover_minutes_min: i32,
    entries: Vec<Entry>,
}

/// The first leg's train, boarded.
struct First<'r, const W: usize> {
    run: &'r Run<W>,
    number: u32,
    board: u16,
}

/// The last leg's train, to be boarded.
struct Last<'r, const W: usize> {
    run: &'r Run<W>,
    number: u32,
    alight: u16,
}

/// A way into the last leg's train: alighting at `from`, one boards it at a call.
#[derive(Clone, Copy)]
struct Entry {
    from: StationIdx,
    minutes: i32,
    board: u16,
    at: StationIdx,
    departure: i32,
}

/// The first leg, alighted.
struct Alighted {
    leg: Leg,
    at: StationIdx,
    minute: i32,
    fare: Fare,
}

const NO_LEG: Leg = Leg { journey: JourneyIdx(0), shift: 0, board: 0, alight: 0 };

impl<'c, 's, const W: usize> Chooser<'c, 's, W> {
    /// One for the trains of a class.
    pub const fn new(
        trains: &'c Trains<'s, W>,
        rides: &'c Rides,
        changes_into: &'c [Vec<(StationIdx, i32)>],
    ) -> Self {
        Self {
            trains,
            rides,
            changes_into,
            candidates: Vec::new(),
            layover_minutes_min: 0,
            entries: Vec::new(),
        }
    }

    /// The itineraries with these criteria that stay, each on days of its own; together they have
    /// all the days.
    pub fn winners(
        &mut self,
        (origin, destination): (StationIdx, StationIdx),
        best: &Best<W>,
        winners: &mut Vec<Winner<W>>,
    ) {
        let trains = self.trains;
        self.candidates.clear();
        self.layover_minutes_min = 0;
        let Criteria { departure, arrival, legs, .. } = best.criteria;
        let firsts = trains.boardings_within(origin, departure, departure);
        for last in trains.alightings_in(destination, arrival) {
            let last = Last::of(trains, last);
            let days = best.days.and(&last.run.days);
            if days.is_empty() {
                continue;
            }
            if legs > 1 {
                self.find_entries(origin, &last);
            }
            for first in firsts {
                let first = First::of(trains, first);
                let days = days.and(&first.run.days);
                if days.is_empty() {
                    continue;
                }
                match legs {
                    1 => self.direct(best, &first, &last, days),
                    2 => self.one_stop((origin, destination), best, (&first, &last), days),
                    _ => self.two_stop((origin, destination), best, (&first, &last), days),
                }
            }
        }
        self.choose(best.days, winners);
    }

    fn choose(&mut self, mut left: Set<W>, winners: &mut Vec<Winner<W>>) {
        if self.candidates.len() > 1 {
            self.candidates.sort_unstable_by(|left, right| {
                (right.layover_minutes_min.cmp(&left.layover_minutes_min))
                    .then_with(|| left.legs.cmp(&right.legs))
            });
        }
        for candidate in &self.candidates {
            let days = candidate.days.and(&left);
            if !days.is_empty() {
                left = left.minus(&days);
                winners.push(Winner { days, ..*candidate });
            }
        }
        debug_assert!(left.is_empty(), "the search found what nobody can ride");
    }

    /// The ways into the last leg's train.
    fn find_entries(&mut self, origin: StationIdx, last: &Last<'_, W>) {
        self.entries.clear();
        let calls = self.trains.calls(last.run);
        for (call, board) in calls[..last.alight as usize].iter().zip(0..) {
            if !call.flags.boarding() || call.station == origin {
                continue;
            }
            let departure = last.run.offset + i32::from(call.departure);
            for (from, minutes) in &self.changes_into[call.station.at()] {
                let (from, minutes, at) = (*from, *minutes, call.station);
                self.entries.push(Entry { from, minutes, board, at, departure });
            }
        }
    }

    fn direct(&mut self, best: &Best<W>, first: &First<'_, W>, last: &Last<'_, W>, days: Set<W>) {
        if first.number == last.number
            && first.board < last.alight
            && self.trains.fare(first.run, first.board, last.alight) == best.criteria.fare
        {
            let legs = [first.run.leg(first.board, last.alight), NO_LEG, NO_LEG];
            self.candidates.push(Winner { legs, days, layover_minutes_min: i32::MAX });
        }
    }

    fn one_stop(
        &mut self,
        (_, destination): (StationIdx, StationIdx),
        best: &Best<W>,
        (first, last): (&First<'_, W>, &Last<'_, W>),
        days: Set<W>,
    ) {
        if first.number == last.number {
            return;
        }
        let trains = self.trains;
        for (alight, at, arrival) in trains.alightings_from(first.run, first.board + 1) {
            if at == destination {
                continue;
            }
            for entry in &self.entries {
                let layover = entry.departure - arrival;
                if entry.from != at || layover < entry.minutes {
                    continue;
                }
                let fare = trains.fare(first.run, first.board, alight);
                let fare = fare.plus(trains.fare(last.run, entry.board, last.alight));
                let days = trains.allowed(days, at, arrival, layover);
                if fare == best.criteria.fare && !days.is_empty() {
                    let legs = [
                        first.run.leg(first.board, alight),
                        last.run.leg(entry.board, last.alight),
                        NO_LEG,
                    ];
                    self.candidates.push(Winner { legs, days, layover_minutes_min: layover });
                }
            }
        }
    }

    fn two_stop(
        &mut self,
        (origin, destination): (StationIdx, StationIdx),
        best: &Best<W>,
        (first, last): (&First<'_, W>, &Last<'_, W>),
        days: Set<W>,
    ) {
        let trains = self.trains;
        let latest = self.entries.last().map_or(i32::MIN, |entry| entry.departure);
        for (alight, at, minute) in trains.alightings_from(first.run, first.board + 1) {
            if minute > latest {
                break;
            }
            if at == destination {
                continue;
            }
            let leg = first.run.leg(first.board, alight);
            let fare = trains.fare(first.run, first.board, alight);
            let alighted = Alighted { leg, at, minute, fare };
            for (board_at, minutes) in &trains.shared.changes[at.at()] {
                if *board_at != origin {
                    let earliest = minute + minutes;
                    let from = (*board_at, earliest);
                    self.middles((from, destination), best, (first, &alighted), last, days);
                }
            }
        }
    }

    /// The rides between the first train, left, and the last.
    fn middles(
        &mut self,
        ((board_at, earliest), destination): ((StationIdx, i32), StationIdx),
        best: &Best<W>,
        (first, alighted): (&First<'_, W>, &Alighted),
        last: &Last<'_, W>,
        days: Set<W>,
    ) {
        for entry in (0..self.entries.len()).rev() {
            let entry = self.entries[entry];
            let layover = self.layover_minutes_min;
            let earliest = earliest.max(alighted.minute + layover);
            let latest = entry.departure - entry.minutes.max(layover);
            if latest <= earliest
                || entry.at == board_at
                || entry.from == alighted.at
                || entry.from == destination
            {
                continue;
            }
            let rides = self.rides.between(board_at, entry.from);
            let start = rides.partition_point(|ride| ride.departure < earliest);
            for ride in rides[start..].iter().take_while(|ride| ride.departure <= latest) {
                let apart = ride.run != first.number && ride.run != last.number;
                if ride.arrival <= latest && apart {
                    let found = self.joined(best, alighted, ride, (last, &entry), days);
                    self.add(found, best);
                }
            }
        }
    }

    fn add(&mut self, found: Option<Winner<W>>, best: &Best<W>) {
        if let Some(winner) = found {
            if winner.days == best.days {
                self.layover_minutes_min = self.layover_minutes_min.max(winner.layover_minutes_min);
            }
            self.candidates.push(winner);
        }
    }

    fn joined(
        &self,
        best: &Best<W>,
        first: &Alighted,
        ride: &Ride,
        (last, entry): (&Last<'_, W>, &Entry),
        days: Set<W>,
    ) -> Option<Winner<W>> {
        let trains = self.trains;
        let run = &trains.runs[ride.run as usize];
        let days = days.and(&run.days);
        if days.is_empty() {
            return None;
        }
        let fare = trains.fare(last.run, entry.board, last.alight);
        if first.fare.plus(ride.fare).plus(fare) != best.criteria.fare {
            return None;
        }
        let layovers = (ride.departure - first.minute, entry.departure - ride.arrival);
        let days = trains.allowed(days, first.at, first.minute, layovers.0);
        let days = trains.allowed(days, entry.from, ride.arrival, layovers.1);
        let legs =
            [first.leg, run.leg(ride.board, ride.alight), last.run.leg(entry.board, last.alight)];
        let layover_minutes_min = layovers.0.min(layovers.1);
        (!days.is_empty()).then_some(Winner { legs, days, layover_minutes_min })
    }
}

impl<'r, const W: usize> First<'r, W> {
    fn of(trains: &'r Trains<'_, W>, at: &At) -> Self {
        Self { run: &trains.runs[at.run as usize], number: at.run, board: at.call }
    }
}

impl<'r, const W: usize> Last<'r, W> {
    fn of(trains: &'r Trains<'_, W>, at: &At) -> Self {
        Self { run: &trains.runs[at.run as usize], number: at.run, alight: at.call }
    }
}
