//! Search: what the good itineraries are. Pure: no disk, no socket, no database, no clock.
//!
//! An **itinerary** is one to three rides with feasible transfers. One **dominates** another when
//! it departs no earlier, arrives no later, has no more stops and costs no more in either fare
//! class, and is strictly better in one of these. **BEST** are those that satisfy the request's
//! filters and that no other one satisfying them dominates, whatever its departure; **ALL** are all
//! that satisfy them. Where two are equal in all criteria, the one whose smallest layover is
//! largest is in BEST, then the one with the smaller leg ids: journey, service date, calls.
//!
//! Two engines answer. BEST without filters is read from the file's connection tables (`tables`);
//! everything else is searched for at request time, filters included (`exact`). Tests hold both
//! to a third, which enumerates.

mod departures;
mod exact;
mod filter;
mod frontier;
mod id;
mod itinerary;
mod journeys;
mod names;
mod network;
mod runs;
mod tables;

pub use departures::{Departure, departures};
pub use filter::{Filter, Via};
pub use id::{ItineraryId, MalformedId, RideNow, push_itinerary_id, ride_now};
pub use itinerary::{FareClass, Itinerary, Order, Window};
pub use journeys::{JourneyFilter, JourneyOnDay, journey_by_source, journeys};
pub use names::{Found, StationNames};
pub use network::{Network, Summary};

/// How many itineraries ALL answers at most; beyond it the request must be narrower.
pub const ITINERARIES_MAX: usize = 10_000;

/// Which itineraries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coverage {
    /// Those that no other dominates.
    Best,
    /// All.
    All,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// Where it begins.
    pub origin: schema::StationIdx,
    /// Where it ends; another station than the origin.
    pub destination: schema::StationIdx,
    /// When it departs or arrives.
    pub window: Window,
    /// What it must satisfy.
    pub filter: Filter,
    /// Which ones are wanted.
    pub coverage: Coverage,
}

/// More than [`ITINERARIES_MAX`] itineraries satisfy the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany;

/// The engine that answers a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// The connection tables.
    Tables,
    /// The search at request time.
    Exact,
}

impl Query {
    /// The engine that answers it: the tables know BEST without filters and nothing else.
    pub fn engine(&self) -> Engine {
        match self.coverage {
            Coverage::Best if self.filter.is_empty() => Engine::Tables,
            _ => Engine::Exact,
        }
    }
}

/// The itineraries that a query asks for, by departure, arrival, stops and legs.
///
/// # Errors
///
/// Where ALL has more than [`ITINERARIES_MAX`].
pub fn itineraries(network: &Network, query: &Query) -> Result<Vec<Itinerary>, TooMany> {
    let mut found = match query.engine() {
        Engine::Tables => tables::best(network, query),
        Engine::Exact => exact::itineraries(network, query)?,
    };
    found.sort_unstable_by(Itinerary::by_departure);
    Ok(found)
}

/// The same answer from the search at request time, whichever engine would answer: what the tables
/// are checked and measured against.
///
/// # Errors
///
/// As [`itineraries`].
pub fn itineraries_without_tables(
    network: &Network,
    query: &Query,
) -> Result<Vec<Itinerary>, TooMany> {
    let mut found = exact::itineraries(network, query)?;
    found.sort_unstable_by(Itinerary::by_departure);
    Ok(found)
}

/// The first date after `after` on which an itinerary of the pair departs, filters included.
///
/// The tables say on which dates there is anything; with filters, up to `tries` of these dates are
/// searched.
pub fn next_date(network: &Network, query: &Query, after: i32, tries: usize) -> Option<i32> {
    let days = tables::days_with_connections(network, query.origin, query.destination);
    let candidates = schema::days::iter(&days).map(|day| day as i32).filter(|day| *day > after);
    if query.filter.is_empty() {
        return candidates.min();
    }
    let mut candidates = candidates.take(tries);
    candidates.find(|day| {
        let window = network.day_window(query.origin, *day);
        let on_day = Query { window, coverage: Coverage::Best, ..query.clone() };
        itineraries(network, &on_day).is_ok_and(|found| !found.is_empty())
    })
}

/// Whether any table connects the pair on any date.
pub fn is_connected(network: &Network, query: &Query) -> bool {
    !network.view().connections(query.origin, query.destination).is_empty()
}
