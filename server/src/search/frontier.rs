//! The itineraries that no other one dominates.

use schema::NetworkView;

use super::itinerary::Itinerary;

/// A set of itineraries none of which dominates another, nor equals it in all criteria.
pub struct Frontier<'n> {
    view: NetworkView<'n>,
    itineraries: Vec<Itinerary>,
}

impl<'n> Frontier<'n> {
    /// The empty set.
    pub const fn new(view: NetworkView<'n>) -> Self {
        Self { view, itineraries: Vec::new() }
    }

    /// Adds an itinerary where none that is there is preferred to it, and drops those that it is
    /// preferred to.
    pub fn add(&mut self, itinerary: &Itinerary) {
        let view = self.view;
        if self.itineraries.iter().any(|there| is_preferred(view, there, itinerary)) {
            return;
        }
        self.itineraries.retain(|there| !is_preferred(view, itinerary, there));
        self.itineraries.push(*itinerary);
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
