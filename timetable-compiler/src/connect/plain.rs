//! The search where earlier, with fewer legs, is all that makes a way better: nothing has a price
//! and no wait is too long.
//!
//! Departures are taken from the last of the day to the first, and from each the trains are ridden
//! in rounds of one, two and three legs. A train that was boarded on a day by a later departure, at
//! the same call or before and with no more legs, need not be boarded again: one is on it already.
//! Days on which that holds are taken away from a boarding; it ends where none are left. A station
//! that was reached earlier need not be listed again, and yet the train is left there for others:
//! `transfers` leaves a change out because another call of the same train has it, and that call may
//! be one where somebody else came earlier.
//!
//! A way that enters or leaves a station twice is not looked for and may yet be found: a shorter
//! way then dominates it, of the same departure day or of one that follows, and it does not stay.

use schema::{Fare, StationIdx};

use super::best::{Best, Criteria};
use super::earlier::{self, Step};
use super::runs::Trains;
use super::set::Set;
use super::transfers::Transfers;

/// Legs that an itinerary may have.
const LEGS_MAX: usize = schema::MAX_STOPS + 1;

/// For each number of legs, that which was reached with no more.
type ByLegs<N, const W: usize> = [Vec<Step<N, W>>; LEGS_MAX];

/// What a search notes down; kept from one origin to the next for its memory.
pub struct Notes<const W: usize> {
    /// Per station the earliest arrivals.
    arrivals: Vec<ByLegs<i32, W>>,
    /// Per run the first calls at which it was boarded.
    boarded: Vec<ByLegs<u16, W>>,
    boarded_runs: Vec<u32>,
    reached: Vec<StationIdx>,
    /// Per station the ways to it, by departure from the last to the first.
    pub found: Vec<Vec<Best<W>>>,
}

/// A train to ride from a call on.
#[derive(Clone, Copy)]
struct Boarding<const W: usize> {
    run: u32,
    call: u16,
    days: Set<W>,
}

impl<const W: usize> Notes<W> {
    /// Empty ones.
    pub fn new(trains: &Trains<'_, W>) -> Self {
        let stations = trains.shared.network.stations.len();
        Self {
            arrivals: (0..stations).map(|_| ByLegs::default()).collect(),
            boarded: (0..trains.runs.len()).map(|_| ByLegs::default()).collect(),
            boarded_runs: Vec::new(),
            reached: Vec::new(),
            found: vec![Vec::new(); stations],
        }
    }

    fn clear(&mut self) {
        for run in self.boarded_runs.drain(..) {
            self.boarded[run as usize].iter_mut().for_each(Vec::clear);
        }
        for station in self.reached.drain(..) {
            self.arrivals[station.at()].iter_mut().for_each(Vec::clear);
            self.found[station.at()].clear();
        }
    }

    /// Boards a train where that is of use.
    fn board(&mut self, boarding: Boarding<W>, legs: usize, boardings: &mut Vec<Boarding<W>>) {
        let Boarding { run, call, days } = boarding;
        let boarded = &mut self.boarded[run as usize];
        let days = earlier::unknown(&boarded[legs - 1], call, days);
        if days.is_empty() {
            return;
        }
        if boarded[LEGS_MAX - 1].is_empty() {
            self.boarded_runs.push(run);
        }
        for steps in &mut boarded[legs - 1..] {
            earlier::add(steps, call, days);
        }
        boardings.push(Boarding { run, call, days });
    }

    /// Arrives at a station.
    fn arrive(&mut self, station: StationIdx, criteria: Criteria, days: Set<W>) {
        let (legs, arrival) = (criteria.legs as usize, criteria.arrival);
        let arrivals = &mut self.arrivals[station.at()];
        let days = earlier::unknown(&arrivals[legs - 1], arrival, days);
        if days.is_empty() {
            return;
        }
        if arrivals[LEGS_MAX - 1].is_empty() {
            self.reached.push(station);
        }
        for steps in &mut arrivals[legs - 1..] {
            earlier::add(steps, arrival, days);
        }
        // Ways of this departure that came before it, in an order that says nothing.
        let found = &mut self.found[station.at()];
        let alike = |way: &&mut Best<W>| way.criteria.departure == criteria.departure;
        for way in found.iter_mut().rev().take_while(alike) {
            if way.criteria.legs >= criteria.legs && way.criteria.arrival > arrival {
                way.days = way.days.minus(&days);
            }
        }
        found.push(Best { criteria, days });
    }
}

/// Finds the ways from a station.
pub fn search<const W: usize>(
    trains: &Trains<'_, W>,
    transfers: &Transfers<W>,
    origin: StationIdx,
    notes: &mut Notes<W>,
) {
    notes.clear();
    let departures = trains.departures(origin);
    let (mut boardings, mut next) = (Vec::new(), Vec::new());
    for group in departures.chunk_by(|left, right| left.minute == right.minute).rev() {
        boardings.clear();
        for at in group {
            let days = trains.departing(origin, at.minute, trains.runs[at.run as usize].days);
            notes.board(Boarding { run: at.run, call: at.call, days }, 1, &mut boardings);
        }
        for legs in 1..=LEGS_MAX {
            next.clear();
            for boarding in &boardings {
                let departure = group[0].minute;
                ride(trains, transfers, (origin, departure, legs), boarding, notes, &mut next);
            }
            std::mem::swap(&mut boardings, &mut next);
        }
    }
}

fn ride<const W: usize>(
    trains: &Trains<'_, W>,
    transfers: &Transfers<W>,
    (origin, departure, legs): (StationIdx, i32, usize),
    boarding: &Boarding<W>,
    notes: &mut Notes<W>,
    next: &mut Vec<Boarding<W>>,
) {
    let network = trains.shared.network;
    let latest = departure + network.transfers.duration_minutes_max as i32;
    let run = &trains.runs[boarding.run as usize];
    for (call, station, arrival) in trains.alightings_from(run, boarding.call + 1) {
        let is_late = arrival > latest;
        if is_late && legs > 1 {
            return;
        }
        let criteria = Criteria { departure, arrival, legs: legs as u8, fare: Fare::MISSING };
        notes.arrive(station, criteria, boarding.days);
        if is_late || legs == LEGS_MAX {
            continue;
        }
        for transfer in transfers.after(run, call) {
            let days = boarding.days.and(&transfer.days);
            if days.is_empty() {
                continue;
            }
            let calls = trains.calls(&trains.runs[transfer.run as usize]);
            if calls[transfer.call as usize].station != origin {
                let boarding = Boarding { run: transfer.run, call: transfer.call, days };
                notes.board(boarding, legs + 1, next);
            }
        }
    }
}
