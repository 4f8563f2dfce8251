//! Staircases: for each day the smallest of some numbers, as pairs of a number and the days that
//! have it. The days of the pairs are disjoint, so there are few pairs however many were added.

use super::set::Set;

/// A number and the days that have it.
pub type Step<N, const W: usize> = (N, Set<W>);

/// Those of `days` on which there is no number as small as this one.
#[inline]
pub fn unknown<N: PartialOrd + Copy, const W: usize>(
    steps: &[Step<N, W>],
    number: N,
    mut days: Set<W>,
) -> Set<W> {
    for (known, known_days) in steps {
        if *known <= number {
            days = days.minus(known_days);
            if days.is_empty() {
                break;
            }
        }
    }
    days
}

/// Sets the number on days on which it is smaller than what there is.
#[inline]
pub fn set<N: PartialOrd + Copy, const W: usize>(
    steps: &mut Vec<Step<N, W>>,
    number: N,
    days: Set<W>,
) {
    steps.retain_mut(|(_, known_days)| {
        *known_days = known_days.minus(&days);
        !known_days.is_empty()
    });
    steps.push((number, days));
}

/// Adds a number; the days on which it is smaller than what there was.
#[inline]
pub fn add<N: PartialOrd + Copy, const W: usize>(
    steps: &mut Vec<Step<N, W>>,
    number: N,
    days: Set<W>,
) -> Set<W> {
    let days = unknown(steps, number, days);
    if !days.is_empty() {
        set(steps, number, days);
    }
    days
}
