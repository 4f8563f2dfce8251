//! The query `itineraries`: from a caller's arguments to a search, and from its answer to a page.

use std::sync::Arc;

use async_graphql::{Enum, InputObject, OneofObject, Result, ServerResult};
use chrono_tz::Tz;
use schema::{Instant, StationIdx};

use super::connection::Rows;
use super::error::bad_argument;
use super::itinerary::{FareClass, Itinerary};
use super::itinerary_page::{ItineraryConnection, SearchProblem, SearchProblemCode, SearchWindow};
use super::paging::{ListKey, Page, StaleCursor};
use super::scalars::{Date, DateTime, Decimal, Duration, window_minutes};
use super::station::{Station, StationInput};
use super::written::Selected;
use crate::search::{
    self, Coverage, Filter, Found, ITINERARIES_MAX, Network, Order, Query, Via, Window,
};
use crate::sight::Metrics;

/// Dates that are searched for the next one with something that satisfies the filter.
const NEXT_DATE_TRIES: usize = 14;

/// One of: everything that leaves on a calendar day at the origin; from a moment on; in time for a
/// moment.
#[derive(Debug, Clone, Copy, OneofObject)]
pub enum ItineraryDateTimeInput {
    /// Everything that leaves on this calendar day at the origin.
    Date(Date),
    /// Everything that leaves at this moment or later, as far as the search window goes.
    EarliestDeparture(DateTime),
    /// Everything that arrives by this moment, as far back as the search window goes.
    LatestArrival(DateTime),
}

/// How long a layover may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LayoverPolicy {
    /// Any, from the minimum transfer time on.
    None,
    /// 15 to 120 minutes for a layover that begins from 06:00 to 21:59 local, else 15 to 30.
    Strict,
    /// 15 to 180 minutes for a layover that begins from 06:00 to 21:59 local, else 15 to 30.
    Lenient,
}

/// Which itineraries are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Default)]
pub enum ItineraryCoverage {
    /// Those that no other one dominates: none departs no earlier, arrives no later, has no more
    /// stops and costs no more in either class, and is better in one of these.
    #[default]
    Best,
    /// All that are feasible.
    All,
}

/// In which order itineraries are listed; where it leaves two equal, the earlier departure is
/// first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Default)]
pub enum ItineraryOrder {
    /// Earliest departure first.
    #[default]
    Departure,
    /// Earliest arrival first.
    Arrival,
    /// Shortest first.
    Duration,
    /// Cheapest in the request's fare class first; those without a price last.
    Price,
    /// Fewest changes first.
    Stops,
}

/// What itineraries must satisfy. It is part of the search: BEST is what is best among those that
/// satisfy it.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ItineraryFilter {
    /// At most so many changes of train: 0 to 2.
    pub max_stops: Option<i32>,
    /// Every leg's train is one of these.
    pub train_types: Option<Vec<String>>,
    /// No leg's train is one of these.
    pub exclude_train_types: Option<Vec<String>>,
    /// Every leg's train is run by one of these.
    pub operators: Option<Vec<String>>,
    /// The least time for every transfer; it can only raise what the station needs.
    pub min_transfer_time: Option<Duration>,
    /// In place of the network's own layover policy.
    pub layover_policy: Option<LayoverPolicy>,
    /// The highest price, in the request's fare class.
    pub max_price: Option<Decimal>,
    /// The longest time from departure to arrival.
    pub max_duration: Option<Duration>,
    /// A station at which the itinerary changes trains.
    pub via: Option<StationInput>,
}

/// The arguments of the query.
#[derive(Debug)]
pub struct Arguments {
    /// Where to begin.
    pub origin: StationInput,
    /// Where to end.
    pub destination: StationInput,
    /// When.
    pub date_time: ItineraryDateTimeInput,
    /// Length of the searched interval.
    pub search_window: Option<Duration>,
    /// What to satisfy.
    pub filter: Option<ItineraryFilter>,
    /// Which ones.
    pub coverage: ItineraryCoverage,
    /// The class of `max_price` and of the order by price.
    pub fare_class: FareClass,
    /// In which order.
    pub order_by: ItineraryOrder,
}

impl Arguments {
    /// Those of a selected field, and the page that is asked for.
    ///
    /// # Errors
    ///
    /// Where one is malformed.
    pub fn of(selected: &Selected<'_>) -> ServerResult<(Self, Page)> {
        let arguments = Self {
            origin: selected.required("origin")?,
            destination: selected.required("destination")?,
            date_time: selected.required("dateTime")?,
            search_window: selected.argument("searchWindow", || Some(default_window()))?,
            filter: selected.argument("filter", || None)?,
            coverage: selected.argument("coverage", ItineraryCoverage::default)?,
            fare_class: selected.argument("fareClass", FareClass::default)?,
            order_by: selected.argument("orderBy", ItineraryOrder::default)?,
        };
        let page = Page {
            first: selected.argument("first", || None)?,
            after: selected.argument("after", || None)?,
            last: selected.argument("last", || None)?,
            before: selected.argument("before", || None)?,
        };
        Ok((arguments, page))
    }
}

/// The searched interval where the caller does not say: a day.
pub fn default_window() -> Duration {
    Duration::of_minutes(1440)
}

/// Why a request has no answer: an error, or something to tell the caller.
enum Stop {
    Error(async_graphql::Error),
    Problems(Vec<SearchProblem>),
}

impl From<async_graphql::Error> for Stop {
    fn from(error: async_graphql::Error) -> Self {
        Self::Error(error)
    }
}

impl From<SearchProblem> for Stop {
    fn from(problem: SearchProblem) -> Self {
        Self::Problems(vec![problem])
    }
}

/// Answers the query.
pub fn itineraries(
    network: &Arc<Network>,
    arguments: &Arguments,
    page: &Page,
    metrics: Option<&Metrics>,
) -> Result<ItineraryConnection> {
    match answer(network, arguments, page, metrics) {
        Ok(connection) => Ok(connection),
        Err(Stop::Error(error)) => Err(error),
        Err(Stop::Problems(problems)) => Ok(ItineraryConnection::none(problems)),
    }
}

fn answer(
    network: &Arc<Network>,
    arguments: &Arguments,
    page: &Page,
    metrics: Option<&Metrics>,
) -> std::result::Result<ItineraryConnection, Stop> {
    let query = query(network, arguments)?;
    let order = match arguments.order_by {
        ItineraryOrder::Departure => Order::Departure,
        ItineraryOrder::Arrival => Order::Arrival,
        ItineraryOrder::Duration => Order::Duration,
        ItineraryOrder::Price => Order::Price(arguments.fare_class.into()),
        ItineraryOrder::Stops => Order::Stops,
    };
    let mut found = watched_search(network, &query, metrics).map_err(|search::TooMany| {
        let message = format!(
            "more than {ITINERARIES_MAX} itineraries; ask for a narrower window, add a filter, or \
             ask for BEST"
        );
        SearchProblem::new(SearchProblemCode::TooManyItineraries, "coverage", message)
    })?;
    found.sort_by(|left, right| left.by(right, order));
    let list = format!("{query:?} {order:?}");
    let key = ListKey::of(&network.header().version(), &list);
    let rows = page.rows(&key, found.len())?.map_err(stale)?;
    let nodes: Vec<_> = found[rows.clone()].iter().map(|it| Itinerary::new(network, *it)).collect();
    Ok(ItineraryConnection {
        rows: Rows::of(key, rows, found.len()),
        nodes,
        search_window: Some(searched(network, &query)),
        problems: if found.is_empty() { vec![nothing(network, &query)] } else { Vec::new() },
    })
}

/// Searches, and tells those who watch.
fn watched_search(
    network: &Network,
    query: &Query,
    metrics: Option<&Metrics>,
) -> std::result::Result<Vec<search::Itinerary>, search::TooMany> {
    let span = tracing::debug_span!(
        "search",
        search.engine = ?query.engine(),
        search.itineraries = tracing::field::Empty,
    );
    let _entered = span.enter();
    let started = std::time::Instant::now();
    let found = search::itineraries(network, query);
    let itineraries = found.as_deref().unwrap_or_default();
    span.record("search.itineraries", itineraries.len());
    if let Some(metrics) = metrics {
        let mut by_stops = [0; 3];
        for itinerary in itineraries {
            by_stops[itinerary.stops()] += 1;
        }
        metrics.search(query.engine(), started.elapsed(), by_stops);
    }
    found
}

/// What a cursor of another network gets.
fn stale(StaleCursor { argument }: StaleCursor) -> SearchProblem {
    let message = format!("{argument}: the cursor is of a network that was replaced; start again");
    SearchProblem::new(SearchProblemCode::StaleCursor, argument, message)
}

fn query(network: &Arc<Network>, arguments: &Arguments) -> std::result::Result<Query, Stop> {
    let mut problems = Vec::new();
    let mut station = |input: &StationInput, argument: &str| match find(network, input, argument) {
        Ok(station) => Some(station),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    let origin = station(&arguments.origin, "origin");
    let destination = station(&arguments.destination, "destination");
    let asked = arguments.filter.clone().unwrap_or_default();
    let via = asked.via.as_ref().map(|via| station(via, "filter.via"));
    let (Some(origin), Some(destination)) = (origin, destination) else {
        return Err(Stop::Problems(problems));
    };
    if !problems.is_empty() {
        return Err(Stop::Problems(problems));
    }
    if origin == destination {
        let name = &network.view().station(origin).name;
        let message = format!("origin and destination are both {name}");
        return Err(
            SearchProblem::new(SearchProblemCode::SameStation, "destination", message).into()
        );
    }
    let filter = filter(arguments, &asked, via.flatten())?;
    let window = window(network, arguments, origin)?;
    let coverage = match arguments.coverage {
        ItineraryCoverage::Best => Coverage::Best,
        ItineraryCoverage::All => Coverage::All,
    };
    let query = Query { origin, destination, window, filter, coverage };
    check_period(network, &query)?;
    if !search::is_connected(network, &query) {
        let name = |station| network.view().station(station).name.to_string();
        let (from, to) = (name(origin), name(destination));
        let message = format!("no itinerary with at most two stops joins {from} and {to}");
        let code = SearchProblemCode::NotWithinTwoStops;
        return Err(SearchProblem::new(code, "destination", message).into());
    }
    Ok(query)
}

fn find(
    network: &Arc<Network>,
    input: &StationInput,
    argument: &str,
) -> std::result::Result<StationIdx, SearchProblem> {
    let label = input.label();
    let (code, message, suggestions) = match input.find(network) {
        Found::One(station) => return Ok(station),
        Found::Several(stations) => {
            let message = format!("{argument}: {} stations are called {label:?}", stations.len());
            (SearchProblemCode::AmbiguousStation, message, stations)
        }
        Found::None(stations) => {
            let message = format!("{argument}: no station is called {label:?}");
            (SearchProblemCode::UnknownStation, message, stations)
        }
    };
    let mut problem = SearchProblem::new(code, argument, message);
    problem.suggestions =
        suggestions.into_iter().map(|station| Station::new(network, station)).collect();
    Err(problem)
}

fn filter(
    arguments: &Arguments,
    asked: &ItineraryFilter,
    via: Option<StationIdx>,
) -> Result<Filter> {
    let stops_max = asked.max_stops.map(|stops| {
        usize::try_from(stops).ok().filter(|stops| *stops <= schema::MAX_STOPS).ok_or_else(|| {
            bad_argument("filter.maxStops", format!("expected 0, 1 or 2, found {stops}"))
        })
    });
    let price_max = asked.max_price.map(|price| {
        price.cents_at_most().ok_or_else(|| {
            let found = price.0;
            bad_argument("filter.maxPrice", format!("expected an amount from 0, found {found}"))
        })
    });
    let minutes = |duration: Duration| duration.minutes().min(100 * 1440) as i32;
    Ok(Filter {
        stops_max: stops_max.transpose()?,
        train_types: asked.train_types.clone().map(|types| types.into_iter().collect()),
        train_types_excluded: asked.exclude_train_types.iter().flatten().cloned().collect(),
        operators: asked.operators.clone().map(|operators| operators.into_iter().collect()),
        transfer_minutes_min: asked.min_transfer_time.map(minutes),
        layover_policy: asked.layover_policy.map(|policy| match policy {
            LayoverPolicy::None => schema::LayoverPolicy::None,
            LayoverPolicy::Strict => schema::LayoverPolicy::Strict,
            LayoverPolicy::Lenient => schema::LayoverPolicy::Lenient,
        }),
        price_max: price_max.transpose()?.map(|cents| (arguments.fare_class.into(), cents)),
        minutes_max: asked.max_duration.map(minutes),
        via: via.map(Via),
    })
}

fn window(network: &Network, arguments: &Arguments, origin: StationIdx) -> Result<Window> {
    let minutes: Instant = window_minutes("searchWindow", arguments.search_window, 1440)?;
    Ok(match arguments.date_time {
        ItineraryDateTimeInput::Date(date) => {
            network.day_window(origin, network.view().day_of(date.0))
        }
        ItineraryDateTimeInput::EarliestDeparture(moment) => {
            let from = moment.minute_from();
            Window::Departing { from, until: from + minutes }
        }
        ItineraryDateTimeInput::LatestArrival(moment) => {
            let until = moment.minute_until();
            Window::Arriving { after: until - minutes, until }
        }
    })
}

/// The station whose clocks a window is told by, and its ends.
fn ends(network: &Network, query: &Query) -> (Tz, Instant, Instant) {
    match query.window {
        Window::Departing { from, until } => (network.zone(query.origin), from, until),
        Window::Arriving { after, until } => (network.zone(query.destination), after, until),
    }
}

fn searched(network: &Network, query: &Query) -> SearchWindow {
    let (zone, start, end) = ends(network, query);
    SearchWindow { start: DateTime::at(zone, start), end: DateTime::at(zone, end) }
}

fn check_period(network: &Network, query: &Query) -> std::result::Result<(), SearchProblem> {
    let (zone, start, end) = ends(network, query);
    let (first, last) = network.view().period();
    let date = |instant| schema::local_date(zone, instant);
    if date(end - 1) >= first && date(start) <= last {
        return Ok(());
    }
    let message = format!("dateTime: the network has the dates from {first} to {last}");
    Err(SearchProblem::new(SearchProblemCode::OutsideNetworkPeriod, "dateTime", message))
}

fn nothing(network: &Network, query: &Query) -> SearchProblem {
    let (departing, (_, _, end)) =
        (matches!(query.window, Window::Departing { .. }), ends(network, query));
    let verb = if departing { "departs" } else { "arrives" };
    let message = format!("dateTime: nothing that is asked for {verb} in the searched window");
    let mut problem = SearchProblem::new(SearchProblemCode::NothingInWindow, "dateTime", message);
    let after = network.local_day(query.origin, end - 1);
    let next = search::next_date(network, query, after, NEXT_DATE_TRIES);
    problem.next_date = next.map(|day| Date(network.view().date_of(day)));
    problem
}
