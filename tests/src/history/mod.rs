//! What callers saw of a booking server while it was killed, paused and cut off, and whether one
//! honest server could have shown it to them.
//!
//! A history is the operations that callers made on one person and one connection, each with the
//! moment it was sent and the moment its answer came. It is **linearisable** if there is an order
//! of its operations, each taking effect at one moment between the two, in which every answer is
//! the one that the model gives. An operation whose answer never came may have taken effect at any
//! moment after it was sent, or never. The search for that order is Wing and Gong's, with Lowe's
//! memory of configurations that have failed.

pub mod bugs;
pub mod process;
pub mod run;
pub mod workload;

use std::collections::HashSet;

/// Operations of one history at most: they are bits of a word.
pub const OPERATIONS_MAX: usize = 120;

/// A trip reference as the model knows it: its place in the list of all that were seen.
pub type Reference = u8;

/// What a caller asked for, and what was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// To book, under an idempotency key of this number.
    Book(u32, Booked),
    /// To cancel the trip with this reference.
    Cancel(Reference, Cancelled),
    /// All trips of the person on this connection: reference, whether confirmed, version.
    Read(Vec<(Reference, bool, i64)>),
}

/// What a booking was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Booked {
    /// This trip.
    Trip(Reference),
    /// The person has one already.
    AlreadyBooked,
    /// Nothing, or that it is not known.
    Unknown,
}

/// What a cancellation was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cancelled {
    /// It is done.
    Done,
    /// It was done before.
    Already,
    /// Nothing, or that it is not known.
    Unknown,
}

/// An operation and when it was under way, in ticks of one counter.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it was sent.
    pub sent: u64,
    /// When its answer came; `u64::MAX` where none did.
    pub answered: u64,
    /// What it was.
    pub operation: Operation,
}

impl Event {
    fn is_unknown(&self) -> bool {
        matches!(
            self.operation,
            Operation::Book(_, Booked::Unknown) | Operation::Cancel(_, Cancelled::Unknown)
        )
    }
}

/// What an honest server would know.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Model {
    active: Option<Reference>,
    cancelled: Vec<Reference>,
    /// Sorted, so that equal models are equal.
    keys: Vec<(u32, Reference)>,
}

impl Model {
    fn of_key(&self, key: u32) -> Option<Reference> {
        self.keys.iter().find(|(known, _)| *known == key).map(|(_, reference)| *reference)
    }

    fn book(&self, key: u32, reference: Reference) -> Option<Self> {
        if self.active.is_some() || self.cancelled.contains(&reference) {
            return None;
        }
        let mut next = self.clone();
        next.active = Some(reference);
        next.keys.push((key, reference));
        next.keys.sort_unstable();
        Some(next)
    }

    fn cancel(&self, reference: Reference) -> Option<Self> {
        if self.active != Some(reference) {
            return None;
        }
        let mut next = self.clone();
        next.active = None;
        next.cancelled.push(reference);
        next.cancelled.sort_unstable();
        Some(next)
    }

    /// The states in which the operation may leave this one and be answered as it was.
    fn after(&self, operation: &Operation, orphans: &[Reference]) -> Vec<Self> {
        let same = |fits: bool| if fits { vec![self.clone()] } else { Vec::new() };
        match operation {
            Operation::Book(key, Booked::Trip(reference)) => match self.of_key(*key) {
                Some(known) => same(known == *reference),
                None => self.book(*key, *reference).into_iter().collect(),
            },
            Operation::Book(key, Booked::AlreadyBooked) => {
                same(self.of_key(*key).is_none() && self.active.is_some())
            }
            // It made one of the trips that nobody else was told to have made.
            Operation::Book(key, Booked::Unknown) => match self.of_key(*key) {
                Some(_) => vec![self.clone()],
                None => orphans.iter().filter_map(|orphan| self.book(*key, *orphan)).collect(),
            },
            Operation::Cancel(reference, Cancelled::Done | Cancelled::Unknown) => {
                self.cancel(*reference).into_iter().collect()
            }
            Operation::Cancel(reference, Cancelled::Already) => {
                same(self.cancelled.contains(reference))
            }
            Operation::Read(trips) => {
                let mut expected: Vec<_> =
                    self.cancelled.iter().map(|reference| (*reference, false, 2)).collect();
                expected.extend(self.active.map(|reference| (reference, true, 1)));
                expected.sort_unstable();
                let mut seen = trips.clone();
                seen.sort_unstable();
                same(seen == expected)
            }
        }
    }
}

/// Whether one honest server could have answered like this.
///
/// # Panics
///
/// Where there are more operations than [`OPERATIONS_MAX`].
pub fn is_linearisable(events: &[Event]) -> bool {
    assert!(events.len() <= OPERATIONS_MAX, "a history of {} operations", events.len());
    let mut told: Vec<(u32, Reference)> = Vec::new();
    let mut seen: Vec<Reference> = Vec::new();
    for event in events {
        match &event.operation {
            Operation::Book(key, Booked::Trip(reference)) => {
                told.push((*key, *reference));
                seen.push(*reference);
            }
            Operation::Read(trips) => seen.extend(trips.iter().map(|trip| trip.0)),
            Operation::Cancel(reference, _) => seen.push(*reference),
            Operation::Book(..) => {}
        }
    }
    seen.sort_unstable();
    seen.dedup();
    let mut search = Search { events, told, seen, failed: HashSet::new() };
    search.from(0, &Model::default())
}

struct Search<'e> {
    events: &'e [Event],
    told: Vec<(u32, Reference)>,
    seen: Vec<Reference>,
    failed: HashSet<(u128, Model)>,
}

impl Search<'_> {
    /// Whether the operations that are not in `done` can follow this state.
    fn from(&mut self, done: u128, model: &Model) -> bool {
        let open = |index: usize| done & (1 << index) == 0;
        let answered_first = (0..self.events.len())
            .filter(|index| open(*index) && !self.events[*index].is_unknown())
            .map(|index| self.events[index].answered)
            .min();
        let Some(answered_first) = answered_first else {
            return true;
        };
        if !self.failed.insert((done, model.clone())) {
            return false;
        }
        for index in 0..self.events.len() {
            // What was sent after another one was answered cannot come before it.
            if !open(index) || self.events[index].sent > answered_first {
                continue;
            }
            let operation = self.events[index].operation.clone();
            let orphans = match &operation {
                Operation::Book(key, Booked::Unknown) => self.orphans(*key),
                _ => Vec::new(),
            };
            for next in model.after(&operation, &orphans) {
                if self.from(done | (1 << index), &next) {
                    return true;
                }
            }
        }
        false
    }

    /// The trips that a booking under this key may have made.
    fn orphans(&self, key: u32) -> Vec<Reference> {
        let is_others =
            |reference: &Reference| self.told.iter().any(|(of, it)| it == reference && *of != key);
        self.seen.iter().copied().filter(|reference| !is_others(reference)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operations as `sent-answered`, in their order.
    fn check(events: &[(u64, u64, Operation)], expected: bool) {
        let events: Vec<_> = events
            .iter()
            .map(|(sent, answered, operation)| Event {
                sent: *sent,
                answered: *answered,
                operation: operation.clone(),
            })
            .collect();
        assert_eq!(is_linearisable(&events), expected, "{events:?}");
    }

    fn book(key: u32, answer: Booked) -> Operation {
        Operation::Book(key, answer)
    }

    const NEVER: u64 = u64::MAX;

    #[test]
    fn what_an_honest_server_shows_is_accepted() {
        use {Booked as B, Cancelled as C, Operation as O};
        check(&[(1, 2, book(1, B::Trip(0))), (3, 4, book(2, B::AlreadyBooked))], true);
        check(&[(1, 9, book(1, B::AlreadyBooked)), (2, 8, book(2, B::Trip(0)))], true);
        check(&[(1, 2, book(1, B::Trip(0))), (3, 4, book(1, B::Trip(0)))], true);
        let cancelled = O::Cancel(0, C::Done);
        check(&[(1, 2, book(1, B::Trip(0))), (3, 4, cancelled), (5, 6, book(2, B::Trip(1)))], true);
        // Both may have happened, or not.
        let lost = (1, NEVER, book(1, B::Unknown));
        check(&[lost.clone(), (5, 6, O::Read(vec![(0, true, 1)]))], true);
        check(&[lost.clone(), (5, 6, O::Read(vec![]))], true);
        let twice = [
            lost,
            (5, 6, O::Read(vec![])),
            (7, 8, O::Read(vec![(0, true, 1)])),
            (9, 9, O::Read(vec![(0, true, 1)])),
        ];
        check(&twice, true);
    }

    #[test]
    fn what_none_would_show_is_not() {
        use {Booked as B, Cancelled as C, Operation as O};
        check(&[(1, 2, book(1, B::Trip(0))), (3, 4, book(2, B::Trip(1)))], false);
        check(&[(1, 2, book(1, B::Trip(0))), (3, 4, book(1, B::Trip(1)))], false);
        check(&[(1, 2, book(1, B::Trip(0))), (3, 4, O::Read(vec![]))], false);
        check(&[(1, 2, book(1, B::AlreadyBooked))], false);
        check(&[(1, 2, O::Read(vec![(0, true, 1)]))], false);
        let (trip, done) = ((1, 2, book(1, B::Trip(0))), (3, 4, O::Cancel(0, C::Done)));
        check(&[trip.clone(), done.clone(), (5, 6, O::Cancel(0, C::Done))], false);
        check(&[trip.clone(), done.clone(), (5, 6, O::Read(vec![(0, true, 1)]))], false);
        check(&[trip.clone(), done.clone(), (5, 6, O::Read(vec![(0, false, 1)]))], false);
        check(&[trip.clone(), (3, 4, O::Cancel(0, C::Already))], false);
        check(&[trip, done, (5, 6, book(2, B::AlreadyBooked))], false);
        // It cannot vanish again.
        let vanished = [
            (1, NEVER, book(1, B::Unknown)),
            (5, 6, O::Read(vec![(0, true, 1)])),
            (7, 8, O::Read(vec![])),
        ];
        check(&vanished, false);
    }
}
