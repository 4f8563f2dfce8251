//! Sets of days as bit sets over the network's day axis, and the operations both programs share.
//!
//! A set is a slice of words; bit `d % 64` of word `d / 64` says whether day `d` is in it. All sets
//! of one network have the same number of words. They say the same thing in memory and in the file,
//! where equal ones are stored once.

/// Words that a set over `days` days needs.
pub const fn words(days: usize) -> usize {
    days.div_ceil(64)
}

/// Whether `day` is in the set. Days off the axis are in no set.
#[inline]
pub fn contains(set: &[u64], day: i32) -> bool {
    day >= 0 && set.get(day as usize / 64).is_some_and(|word| word >> (day as usize % 64) & 1 == 1)
}

/// Adds `day`, which must be on the axis.
#[inline]
pub fn insert(set: &mut [u64], day: usize) {
    set[day / 64] |= 1 << (day % 64);
}

/// Whether no day is in the set.
#[inline]
pub fn is_empty(set: &[u64]) -> bool {
    set.iter().all(|word| *word == 0)
}

/// How many days are in the set.
pub fn count(set: &[u64]) -> u32 {
    set.iter().map(|word| word.count_ones()).sum()
}

/// Whether the sets share a day.
#[inline]
pub fn intersects(left: &[u64], right: &[u64]) -> bool {
    left.iter().zip(right).any(|(left, right)| left & right != 0)
}

/// Keeps in `set` only what is in `other` too; false where nothing is left.
#[inline]
pub fn intersect(set: &mut [u64], other: &[u64]) -> bool {
    let mut any = 0;
    for (word, other) in set.iter_mut().zip(other) {
        *word &= other;
        any |= *word;
    }
    any != 0
}

/// Takes from `set` what is in `other`; false where nothing is left.
#[inline]
pub fn subtract(set: &mut [u64], other: &[u64]) -> bool {
    let mut any = 0;
    for (word, other) in set.iter_mut().zip(other) {
        *word &= !other;
        any |= *word;
    }
    any != 0
}

/// Adds to `set` what is in `other`.
#[inline]
pub fn union(set: &mut [u64], other: &[u64]) {
    for (word, other) in set.iter_mut().zip(other) {
        *word |= other;
    }
}

/// The days `d` for which `d + shift` is in `set`; those that leave the axis are dropped.
pub fn shifted(set: &[u64], shift: i32) -> Vec<u64> {
    let mut result = vec![0; set.len()];
    for day in iter(set) {
        let target = day as i32 - shift;
        if target >= 0 && (target as usize) < set.len() * 64 {
            insert(&mut result, target as usize);
        }
    }
    result
}

/// The days of the set, first to last.
pub fn iter(set: &[u64]) -> impl Iterator<Item = usize> + '_ {
    set.iter().enumerate().flat_map(|(at, word)| {
        let mut rest = *word;
        std::iter::from_fn(move || {
            (rest != 0).then(|| {
                let bit = rest.trailing_zeros() as usize;
                rest &= rest - 1;
                at * 64 + bit
            })
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shifting_moves_days_and_drops_those_that_leave() {
        let mut set = vec![0; 2];
        for day in [0, 1, 63, 64, 127] {
            insert(&mut set, day);
        }
        assert_eq!(iter(&shifted(&set, 1)).collect::<Vec<_>>(), [0, 62, 63, 126]);
        assert_eq!(iter(&shifted(&set, -1)).collect::<Vec<_>>(), [1, 2, 64, 65]);
        assert_eq!(count(&set), 5);
    }

    #[test]
    fn days_off_the_axis_are_in_no_set() {
        assert!(!contains(&[u64::MAX], -1));
        assert!(!contains(&[u64::MAX], 64));
        assert!(contains(&[u64::MAX], 63));
    }
}
