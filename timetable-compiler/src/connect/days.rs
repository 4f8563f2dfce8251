//! Sets of days over the network's axis, each known by a number while one origin is worked on.

use std::collections::HashMap;

use schema::days;

/// A set in a [`DayTable`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Days(u32);

/// Sets of days, equal ones once.
#[derive(Debug, Default)]
pub struct DayTable {
    known: HashMap<Vec<u64>, Days>,
    sets: Vec<Vec<u64>>,
    shifted: HashMap<(Days, i32, Days), Vec<u64>>,
}

impl DayTable {
    /// The number of a set.
    pub fn intern(&mut self, set: Vec<u64>) -> Days {
        if let Some(days) = self.known.get(&set) {
            return *days;
        }
        let days = Days(self.sets.len() as u32);
        self.sets.push(set.clone());
        self.known.insert(set, days);
        days
    }

    /// A set.
    pub fn set(&self, days: Days) -> &[u64] {
        &self.sets[days.at()]
    }

    /// Whether a set has no days.
    pub fn is_empty(&self, days: Days) -> bool {
        days::is_empty(self.set(days))
    }

    /// The days of both sets.
    pub fn both(&mut self, left: Days, right: Days) -> Days {
        let mut set = self.set(left).to_vec();
        days::intersect(&mut set, self.set(right));
        self.intern(set)
    }

    /// The days of either set.
    pub fn either(&mut self, left: Days, right: Days) -> Days {
        let mut set = self.set(left).to_vec();
        days::union(&mut set, self.set(right));
        self.intern(set)
    }

    /// The days of the left set that are not days of `among` from which `shift` days lead to one of
    /// the right set.
    pub fn minus_shifted(&mut self, left: Days, right: Days, (shift, among): (i32, Days)) -> Days {
        let shifted = self.shifted.entry((right, shift, among)).or_insert_with(|| {
            let mut shifted = days::shifted(&self.sets[right.at()], shift);
            days::intersect(&mut shifted, &self.sets[among.at()]);
            shifted
        });
        if !days::intersects(&self.sets[left.at()], shifted) {
            return left;
        }
        let mut set = self.sets[left.at()].clone();
        days::subtract(&mut set, shifted);
        self.intern(set)
    }

    /// All sets, in the order of their numbers.
    pub fn into_sets(self) -> Vec<Vec<u64>> {
        self.sets
    }
}

impl Days {
    /// Its place among all sets of its table.
    pub const fn at(self) -> usize {
        self.0 as usize
    }
}
