//! The itineraries that no other one dominates.

use schema::{Instant, NetworkView};

use super::itinerary::Itinerary;

/// A set of itineraries none of which dominates another, nor equals it in all criteria.
pub struct Frontier<'n> {
    view: NetworkView<'n>,
    /// The latest departure first.
    itineraries: Vec<Itinerary>,
    /// The earliest arrival of each and of those before it.
    arrivals: Vec<Instant>,
}

impl<'n> Frontier<'n> {
    /// The empty set.
    pub const fn new(view: NetworkView<'n>) -> Self {
        Self { view, itineraries: Vec::new(), arrivals: Vec::new() }
    }

    /// Adds an itinerary where none that is there is preferred to it, and drops those that it is
    /// preferred to.
    pub fn add(&mut self, itinerary: &Itinerary) {
        let view = self.view;
        let (departure, arrival) = (itinerary.departure, itinerary.arrival);
        if self.departing_from(departure, arrival).any(|it| is_preferred(view, it, itinerary)) {
            return;
        }
        self.itineraries.retain(|there| !is_preferred(view, itinerary, there));
        let at = self.itineraries.partition_point(|there| there.departure > departure);
        self.itineraries.insert(at, *itinerary);
        self.arrivals.clear();
        let mut earliest = Instant::MAX;
        self.arrivals.extend(self.itineraries.iter().map(|there| {
            earliest = earliest.min(there.arrival);
            earliest
        }));
    }

    /// Those that depart at an instant or later, and arrive at another or earlier.
    #[inline]
    pub fn departing_from(
        &self,
        departure: Instant,
        arrival: Instant,
    ) -> impl Iterator<Item = &Itinerary> {
        let len = self.itineraries.partition_point(|there| there.departure >= departure);
        let any = len > 0 && self.arrivals[len - 1] <= arrival;
        let among = if any { &self.itineraries[..len] } else { &[] };
        // Those that depart just after are the likeliest to arrive early.
        among.iter().rev().filter(move |there| there.arrival <= arrival)
    }

    /// What is in it.
    pub fn itineraries(&self) -> &[Itinerary] {
        &self.itineraries
    }

    /// What is in it.
    pub fn into_itineraries(self) -> Vec<Itinerary> {
        self.itineraries
    }
}

/// Whether `left` dominates `right`, or equals it and is the one that stays.
fn is_preferred(view: NetworkView<'_>, left: &Itinerary, right: &Itinerary) -> bool {
    let no_worse = left.departure >= right.departure
        && left.arrival <= right.arrival
        && left.legs.len() <= right.legs.len()
        && left.fare.costs_no_more_than(right.fare);
    if !no_worse {
        return false;
    }
    let equal = left.departure == right.departure
        && left.arrival == right.arrival
        && left.legs.len() == right.legs.len()
        && left.fare == right.fare;
    if !equal {
        return true;
    }
    let layover = |it: &Itinerary| it.layover_minutes_min(view);
    (layover(right), &left.legs[..]) <= (layover(left), &right.legs[..])
}
