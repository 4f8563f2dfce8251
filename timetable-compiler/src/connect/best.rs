//! What makes an itinerary better than another, before it is known which trains it rides.

use schema::Fare;

use super::set::Set;

/// What equal itineraries share. Minutes count from the departure day's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

impl Criteria {
    /// Whether these are no worse, where the other's minutes are those of a day whose origin comes
    /// `offset` minutes after this one's.
    #[inline]
    pub const fn cover(&self, other: &Self, offset: i32) -> bool {
        self.departure >= other.departure + offset
            && self.arrival <= other.arrival + offset
            && self.legs <= other.legs
            && self.fare.costs_no_more_than(other.fare)
    }
}

/// Criteria with the days on which some itinerary has them.
#[derive(Debug, Clone, Copy)]
pub struct Best<const W: usize> {
    /// The criteria.
    pub criteria: Criteria,
    /// The days.
    pub days: Set<W>,
}

/// Leaves of the ways to a station those that no other of the same day dominates, equal ones in
/// one, by departure. `all_compared` says that they were already held against each other.
pub fn keep_best<const W: usize>(ways: &mut Vec<Best<W>>, all_compared: bool) {
    ways.retain(|way| !way.days.is_empty());
    ways.sort_unstable_by_key(|way| way.criteria);
    ways.dedup_by(|next, way| {
        let equal = next.criteria == way.criteria;
        if equal {
            way.days = way.days.or(&next.days);
        }
        equal
    });
    if all_compared {
        return;
    }
    // Sorted by departure, so those that leave no earlier begin at the first with this minute.
    let all = ways.clone();
    let mut start = 0;
    for (at, way) in ways.iter_mut().enumerate() {
        while all[start].criteria.departure < way.criteria.departure {
            start += 1;
        }
        for (other_at, other) in all.iter().enumerate().skip(start) {
            if other_at != at && other.criteria.cover(&way.criteria, 0) {
                way.days = way.days.minus(&other.days);
            }
        }
    }
    ways.retain(|way| !way.days.is_empty());
}
