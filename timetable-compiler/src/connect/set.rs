//! Sets of days inside the search: bit sets over [`Atoms`], of a width that is known when compiled.
//!
//! Days on which all the same trains run, on the days around them too, are one atom. A year of
//! weekly trains has seven atoms and a few for its ends, so that most sets fit one word.

use std::collections::HashMap;

use schema::{Network, days};

use super::calendar::Calendar;

/// A set of atoms in `W` words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Set<const W: usize>([u64; W]);

impl<const W: usize> Set<W> {
    /// The set of nothing.
    pub const EMPTY: Self = Self([0; W]);

    /// Adds an atom.
    pub fn insert(&mut self, atom: usize) {
        self.0[atom / 64] |= 1 << (atom % 64);
    }

    /// Whether there is nothing in it.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().fold(0, |all, word| all | word) == 0
    }

    /// What is in both.
    #[inline]
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= other;
        }
        self
    }

    /// What is in this one only.
    #[inline]
    #[must_use]
    pub fn minus(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word &= !other;
        }
        self
    }

    /// What is in either.
    #[inline]
    #[must_use]
    pub fn or(mut self, other: &Self) -> Self {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
        self
    }

    /// The atoms in it.
    pub fn atoms(&self) -> impl Iterator<Item = usize> + '_ {
        days::iter(&self.0)
    }
}

/// The days of a network, parted into those that neither trains nor clocks tell apart.
#[derive(Debug)]
pub struct Atoms {
    /// Per atom its first day.
    firsts: Vec<i32>,
    /// Per atom its days, as sets over the network's axis.
    masks: Vec<u64>,
    words: usize,
}

impl Atoms {
    /// The atoms of a network.
    pub fn of(network: &Network, calendar: &Calendar<'_>) -> Self {
        let words = days::words(network.period.axis_days as usize);
        let kinds = kinds(network);
        let kind = |day: i32| usize::try_from(day).ok().and_then(|day| kinds.get(day).copied());
        let mut known: HashMap<(Vec<Option<usize>>, Vec<i32>), usize> = HashMap::new();
        let mut atoms = Self { firsts: Vec::new(), masks: Vec::new(), words };
        for day in calendar.days() {
            let shifts = calendar.shifts.clone();
            let trains = shifts.clone().map(|shift| kind(day + shift)).collect();
            let offsets = shifts.clone().map(|shift| calendar.offset(day, shift));
            let midnights = (calendar.zones.iter()).flat_map(|zone| {
                let until = shifts.end() + 1;
                (*shifts.start()..=until).map(move |shift| calendar.midnight(*zone, day, shift))
            });
            let clocks = offsets.chain(midnights).collect();
            let atom = *known.entry((trains, clocks)).or_insert_with(|| {
                atoms.firsts.push(day);
                atoms.masks.extend(std::iter::repeat_n(0, words));
                atoms.firsts.len() - 1
            });
            days::insert(&mut atoms.masks[atom * words..(atom + 1) * words], day as usize);
        }
        atoms
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.firsts.len()
    }

    /// The first day of each.
    pub fn firsts(&self) -> impl Iterator<Item = i32> + '_ {
        self.firsts.iter().copied()
    }

    /// The departure days on which a set's journeys run on the date `shift` later.
    pub fn running<const W: usize>(&self, set: &[u64], shift: i32) -> Set<W> {
        let mut running = Set::EMPTY;
        for (atom, first) in self.firsts.iter().enumerate() {
            if days::contains(set, first + shift) {
                running.insert(atom);
            }
        }
        running
    }

    /// The atoms that have a property, which must be the same for all days of each.
    pub fn that<const W: usize>(&self, mut has: impl FnMut(i32) -> bool) -> Set<W> {
        let mut those = Set::EMPTY;
        for (atom, first) in self.firsts.iter().enumerate() {
            if has(*first) {
                those.insert(atom);
            }
        }
        those
    }

    /// The days of a set of atoms, over the network's axis.
    pub fn days<const W: usize>(&self, set: &Set<W>) -> Vec<u64> {
        let mut all = vec![0; self.words];
        for atom in set.atoms() {
            days::union(&mut all, &self.masks[atom * self.words..(atom + 1) * self.words]);
        }
        all
    }
}

/// Per day of the axis a number; days with the same have the same journeys.
fn kinds(network: &Network) -> Vec<usize> {
    let axis_days = network.period.axis_days as usize;
    let words = days::words(axis_days);
    let mut used: Vec<usize> = network.journeys.iter().map(|journey| journey.days.at()).collect();
    used.sort_unstable();
    used.dedup();
    let mut running = vec![Vec::new(); axis_days];
    for (at, set) in used.iter().enumerate() {
        for day in days::iter(&network.day_sets[set * words..(set + 1) * words]) {
            running[day].push(at as u32);
        }
    }
    let mut known = HashMap::new();
    running
        .into_iter()
        .map(|running| {
            let next = known.len();
            *known.entry(running).or_insert(next)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_sets() {
        let set = |atoms: &[usize]| {
            let mut set = Set::<2>::EMPTY;
            for atom in atoms {
                set.insert(*atom);
            }
            set
        };
        let (left, right) = (set(&[0, 63, 64, 100]), set(&[63, 100, 101]));
        assert_eq!(left.and(&right), set(&[63, 100]));
        assert_eq!(left.minus(&right), set(&[0, 64]));
        assert_eq!(left.or(&right).atoms().collect::<Vec<_>>(), [0, 63, 64, 100, 101]);
        assert!(left.minus(&left).is_empty() && !left.is_empty());
    }
}
