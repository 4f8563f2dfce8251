//! What itineraries that share a part cost at least.

use schema::{Fare, NONE, PriceCents};

/// A lower bound of the prices of several rides, or of itineraries made of them, in one class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Price {
    /// None of them has a price.
    Missing,
    /// All have one, and none costs less.
    AtLeast(PriceCents),
    /// Some have a price and some have none.
    Mixed,
}

impl Price {
    const fn of(price: PriceCents) -> Self {
        if price == NONE { Self::Missing } else { Self::AtLeast(price) }
    }

    /// The bound of both kinds together.
    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Missing, Self::Missing) => Self::Missing,
            (Self::AtLeast(left), Self::AtLeast(right)) => Self::AtLeast(left.min(right)),
            _ => Self::Mixed,
        }
    }

    /// The bound of one of these and one of those: a price is missing where one lacks it.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Missing, _) | (_, Self::Missing) => Self::Missing,
            (Self::AtLeast(left), Self::AtLeast(right)) => {
                Self::AtLeast(left.saturating_add(right))
            }
            _ => Self::Mixed,
        }
    }

    /// Whether none of them is cheaper than, or cannot be compared with, this price.
    fn is_no_less_than(self, price: PriceCents) -> bool {
        match self {
            Self::Missing => price == NONE,
            Self::AtLeast(least) => price != NONE && price <= least,
            Self::Mixed => false,
        }
    }

    /// Whether all of them cost more than this, or have no price.
    pub const fn exceeds(self, price: PriceCents) -> bool {
        match self {
            Self::Missing => true,
            Self::AtLeast(least) => least > price,
            Self::Mixed => false,
        }
    }
}

/// Lower bounds in both classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fares {
    /// In first class.
    pub first: Price,
    /// In second class.
    pub second: Price,
}

impl Fares {
    /// Of rides that nothing is known of.
    pub const MIXED: Self = Self { first: Price::Mixed, second: Price::Mixed };

    /// Of a single fare.
    pub const fn of(fare: Fare) -> Self {
        Self { first: Price::of(fare.first), second: Price::of(fare.second) }
    }

    /// The bound of both kinds together.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self { first: self.first.or(other.first), second: self.second.or(other.second) }
    }

    /// The bound of one of these and one of those.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { first: self.first.and(other.first), second: self.second.and(other.second) }
    }

    /// Whether this fare costs no more, in either class, than any of them.
    pub fn are_no_less_than(self, fare: Fare) -> bool {
        self.first.is_no_less_than(fare.first) && self.second.is_no_less_than(fare.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_holds_for_all_that_it_is_of() {
        let prices = [NONE, 0, 3, 7];
        for left in prices {
            for right in prices {
                let fare = |price| Fare { first: price, second: price };
                let both = Fares::of(fare(left)).or(Fares::of(fare(right)));
                let sum = Fares::of(fare(left)).and(Fares::of(fare(right)));
                assert_eq!(sum, Fares::of(fare(left).plus(fare(right))));
                for other in prices.map(fare) {
                    let holds = other.costs_no_more_than(fare(left))
                        && other.costs_no_more_than(fare(right));
                    assert_eq!(both.are_no_less_than(other), holds, "{left} {right} {other:?}");
                }
            }
        }
    }
}
