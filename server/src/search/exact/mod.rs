//! The search at request time: exact for every filter and for ALL, over the mapped timetable.
//!
//! The rides that leave the origin and those that reach the destination are few; each kind is
//! listed once, by the station at which it hands over (`ends`). A direct train is one of them, a
//! one-stop itinerary joins one of each, and a two-stop one joins them by a third train (`joins`).
//! For that, every train that calls first where somebody arrives and later where somebody leaves is
//! gone along once, however many rides lead to it.
//!
//! Filters hold while searching: a train that is not allowed is never looked at. For BEST, what
//! comes after a station is looked into only where the latest departure that leads there and the
//! earliest arrival that follows are not dominated by what is [found] already; ALL stops at its
//! bound. Memory is that of the rides at both ends and of the answer.
//!
//! [found]: found::Found

mod ends;
mod fares;
mod found;
mod joins;
mod rides;

use schema::{DatedLeg, Instant};

use super::itinerary::{Itinerary, Window};
use super::network::Network;
use super::{Coverage, ITINERARIES_MAX, Query, TooMany};
use found::Found;
use joins::Joins;
use rides::Rides;

/// The itineraries that the query asks for, in no order.
pub fn itineraries(network: &Network, query: &Query) -> Result<Vec<Itinerary>, TooMany> {
    match query.coverage {
        Coverage::All => all(network, query),
        Coverage::Best => Ok(best(network, query)),
    }
}

fn all(network: &Network, query: &Query) -> Result<Vec<Itinerary>, TooMany> {
    let mut found = Found::all();
    search(network, query, Bounds::of(query.window), &mut found);
    let found = found.into_itineraries();
    if found.len() > ITINERARIES_MAX { Err(TooMany) } else { Ok(found) }
}

/// An itinerary outside the window may dominate one in it: it leaves later, or arrives earlier. So
/// the window is searched first, and then what could dominate what was found.
fn best(network: &Network, query: &Query) -> Vec<Itinerary> {
    let mut found = Found::best(network.view());
    // Nobody waits for the first train of tomorrow at another station than the one it leaves from:
    // where a direct train does, it is better to be known before all that is not worth it.
    let around = Bounds::of(query.window).and_after(query.window, longest(network, query));
    direct(&Rides::of(network, query), query, around, &mut found);
    search(network, query, Bounds::of(query.window), &mut found);
    let in_window = found.itineraries();
    let beyond = match query.window {
        Window::Departing { until, .. } => in_window
            .iter()
            .map(|it| it.arrival)
            .max()
            .map(|last| Bounds { departure: (until, last), arrival: (until, last) }),
        Window::Arriving { after, .. } => in_window
            .iter()
            .map(|it| it.departure)
            .min()
            .map(|first| Bounds { departure: (first, after), arrival: (first, after) }),
    };
    if let Some(bounds) = beyond {
        search(network, query, bounds, &mut found);
    }
    let mut found = found.into_itineraries();
    found.retain(|it| query.window.contains(it.departure, it.arrival));
    found
}

/// Finds itineraries within the bounds: all, or those that may be best.
fn search<'n>(network: &'n Network, query: &Query, bounds: Bounds, found: &mut Found<'n>) {
    let rides = Rides::of(network, query);
    let filter = &query.filter;
    if !direct(&rides, query, bounds, found) || filter.stops() == 0 {
        return;
    }
    let longest = longest(network, query);
    let joins = Joins::of(&rides, query, bounds.within(longest), longest);
    if joins.one_stop(found) && filter.stops() > 1 {
        joins.two_stop(found);
    }
}

/// Minutes from departure to arrival that an itinerary with a stop may take at most.
fn longest(network: &Network, query: &Query) -> i32 {
    let longest = network.view().duration_minutes_max();
    longest.min(query.filter.minutes_max.unwrap_or(longest))
}

/// Direct trains have no limit of duration, so they are looked up from the end that has bounds.
/// False where no more is wanted.
fn direct(rides: &Rides<'_>, query: &Query, bounds: Bounds, found: &mut Found<'_>) -> bool {
    let view = rides.view;
    let mut goes_on = true;
    let (origin, destination) = (query.origin, query.destination);
    let mut offer = |leg: DatedLeg| {
        if goes_on && view.from(leg) == origin && view.to(leg) == destination {
            let itinerary = Itinerary::of(view, &[leg]);
            let wanted = bounds.contain(&itinerary) && query.filter.allows(view, &itinerary);
            goes_on = !wanted || found.add(&itinerary);
        }
    };
    if bounds.departure.0 > Bounds::FIRST {
        rides.from(origin, bounds.departure, &mut offer);
    } else {
        rides.into(destination, bounds.arrival, &mut offer);
    }
    goes_on
}

/// First and last instant, both included, of departure and of arrival.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    departure: (Instant, Instant),
    arrival: (Instant, Instant),
}

impl Bounds {
    const FIRST: Instant = Instant::MIN / 2;
    const LAST: Instant = Instant::MAX / 2;

    fn of(window: Window) -> Self {
        match window {
            Window::Departing { from, until } => {
                Self { departure: (from, until - 1), arrival: (from, Self::LAST) }
            }
            Window::Arriving { after, until } => {
                Self { departure: (Self::FIRST, until), arrival: (after + 1, until) }
            }
        }
    }

    /// The same, and so many minutes more in which there is what may dominate.
    fn and_after(mut self, window: Window, minutes: Instant) -> Self {
        match window {
            Window::Departing { .. } => self.departure.1 += minutes,
            Window::Arriving { .. } => self.arrival.0 -= minutes,
        }
        self
    }

    /// The same, where an itinerary takes at most so many minutes.
    fn within(self, minutes_max: Instant) -> Self {
        let first_departure = self.departure.0.max(self.arrival.0 - minutes_max);
        let last_departure = self.departure.1.min(self.arrival.1);
        let first_arrival = self.arrival.0.max(self.departure.0);
        let last_arrival = self.arrival.1.min(self.departure.1 + minutes_max);
        Self {
            departure: (first_departure, last_departure),
            arrival: (first_arrival, last_arrival),
        }
    }

    fn contain(self, itinerary: &Itinerary) -> bool {
        let within = |(first, last), at| at >= first && at <= last;
        within(self.departure, itinerary.departure) && within(self.arrival, itinerary.arrival)
    }
}
