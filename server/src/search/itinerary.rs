//! Itineraries: one to three dated rides, and the orders they are listed in.

use std::cmp::Ordering;
use std::ops::Deref;

use schema::{DatedLeg, Fare, Instant, JourneyIdx, NONE, NetworkView, PriceCents};

/// A class that fares are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FareClass {
    /// First class.
    First,
    /// Second class.
    Second,
}

impl FareClass {
    /// The price in this class, where there is one.
    pub fn of(self, fare: Fare) -> Option<PriceCents> {
        let price = match self {
            Self::First => fare.first,
            Self::Second => fare.second,
        };
        (price != NONE).then_some(price)
    }
}

/// Which departures or arrivals are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// Departing at `from` or later and before `until`.
    Departing {
        /// First instant.
        from: Instant,
        /// First instant after it.
        until: Instant,
    },
    /// Arriving after `after` and not later than `until`.
    Arriving {
        /// Last instant before it.
        after: Instant,
        /// Last instant.
        until: Instant,
    },
}

impl Window {
    /// Whether an itinerary with these times is in it.
    pub fn contains(self, departure: Instant, arrival: Instant) -> bool {
        match self {
            Self::Departing { from, until } => departure >= from && departure < until,
            Self::Arriving { after, until } => arrival > after && arrival <= until,
        }
    }
}

/// In which order itineraries are listed. Where it leaves two equal, the earlier departure is
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Order {
    /// Earliest departure first.
    Departure,
    /// Earliest arrival first.
    Arrival,
    /// Shortest first.
    Duration,
    /// Cheapest in this class first, those without a price last.
    Price(FareClass),
    /// Fewest stops first.
    Stops,
}

/// The legs of an itinerary, without an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Legs {
    legs: [DatedLeg; 3],
    len: u8,
}

impl Legs {
    /// These legs, one to three.
    ///
    /// # Panics
    ///
    /// Where there are none or more than three.
    pub fn of(legs: &[DatedLeg]) -> Self {
        assert!(!legs.is_empty(), "an itinerary has a leg");
        let none = DatedLeg { journey: JourneyIdx(0), day: 0, board: 0, alight: 0 };
        let mut all = [none; 3];
        all[..legs.len()].copy_from_slice(legs);
        Self { legs: all, len: legs.len() as u8 }
    }
}

impl Deref for Legs {
    type Target = [DatedLeg];

    fn deref(&self) -> &[DatedLeg] {
        &self.legs[..self.len as usize]
    }
}

impl std::fmt::Debug for Legs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// A way to get there, on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Itinerary {
    /// Its rides.
    pub legs: Legs,
    /// When it begins.
    pub departure: Instant,
    /// When it ends.
    pub arrival: Instant,
    /// What it costs; a class is missing where a leg has no fare in it.
    pub fare: Fare,
}

impl Itinerary {
    /// The itinerary of these legs, which must follow each other.
    pub fn of(view: NetworkView<'_>, legs: &[DatedLeg]) -> Self {
        let fare = |leg: &DatedLeg| view.fare(leg.journey, leg.board, leg.alight);
        Self {
            departure: view.departure(legs[0]),
            arrival: view.arrival(legs[legs.len() - 1]),
            fare: legs.iter().map(fare).fold(Fare::ZERO, Fare::plus),
            legs: Legs::of(legs),
        }
    }

    /// Changes of train.
    pub fn stops(&self) -> usize {
        self.legs.len() - 1
    }

    /// Minutes from departure to arrival.
    pub fn minutes(&self) -> i32 {
        self.arrival - self.departure
    }

    /// Minutes of the smallest layover; the largest number where there is none.
    pub fn layover_minutes_min(&self, view: NetworkView<'_>) -> i32 {
        let layover = |two: &[DatedLeg]| view.departure(two[1]) - view.arrival(two[0]);
        self.legs.windows(2).map(layover).min().unwrap_or(i32::MAX)
    }

    /// The order of departure: then arrival, stops and leg ids, so that no two are equal.
    pub fn by_departure(&self, other: &Self) -> Ordering {
        (self.departure.cmp(&other.departure))
            .then(self.arrival.cmp(&other.arrival))
            .then(self.legs.len().cmp(&other.legs.len()))
            .then_with(|| self.legs.cmp(&other.legs))
    }

    /// The order asked for, then that of departure.
    pub fn by(&self, other: &Self, order: Order) -> Ordering {
        let first = match order {
            Order::Departure => Ordering::Equal,
            Order::Arrival => self.arrival.cmp(&other.arrival),
            Order::Duration => self.minutes().cmp(&other.minutes()),
            Order::Price(class) => {
                let price = |it: &Self| class.of(it.fare).unwrap_or(NONE);
                price(self).cmp(&price(other))
            }
            Order::Stops => self.legs.len().cmp(&other.legs.len()),
        };
        first.then_with(|| self.by_departure(other))
    }
}
