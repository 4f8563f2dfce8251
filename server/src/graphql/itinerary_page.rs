//! Pages of itineraries, and why they hold nothing, or less than asked for.

use async_graphql::{Enum, Object, SimpleObject};

use super::connection::{Edge, Rows};
use super::itinerary::Itinerary;
use super::paging::PageInfo;
use super::scalars::{Date, DateTime};
use super::station::Station;
/// A page of itineraries, and why it holds nothing, or less than asked for.
pub struct ItineraryConnection {
    /// Which rows of all that was found they are.
    pub rows: Rows,
    /// The itineraries.
    pub nodes: Vec<Itinerary>,
    /// What was searched; None where nothing was.
    pub search_window: Option<SearchWindow>,
    /// Why there is nothing, or less than asked for.
    pub problems: Vec<SearchProblem>,
}

impl ItineraryConnection {
    /// No itineraries, and why.
    pub fn none(problems: Vec<SearchProblem>) -> Self {
        Self { rows: Rows::none(), nodes: Vec::new(), search_window: None, problems }
    }
}

/// A page of itineraries, and why it holds nothing, or less than asked for.
#[Object]
impl ItineraryConnection {
    /// The itineraries with their cursors.
    async fn edges(&self) -> Vec<Edge<Itinerary>> {
        self.rows.edges(&self.nodes)
    }

    /// The itineraries.
    async fn nodes(&self) -> &[Itinerary] {
        &self.nodes
    }

    /// Where the page stands.
    async fn page_info(&self) -> PageInfo {
        self.rows.page_info()
    }

    /// Itineraries on all pages.
    async fn total_count(&self) -> usize {
        self.rows.total()
    }

    /// The departures (or arrivals) that were searched; null where nothing was.
    async fn search_window(&self) -> Option<&SearchWindow> {
        self.search_window.as_ref()
    }

    /// Why there is nothing, or less than asked for.
    async fn problems(&self) -> &[SearchProblem] {
        &self.problems
    }
}

/// An interval that was searched.
#[derive(SimpleObject)]
pub struct SearchWindow {
    /// Departures from here on, or arrivals after here.
    pub start: DateTime,
    /// Departures before here, or arrivals until here.
    pub end: DateTime,
}

/// Why a search found nothing, or less than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SearchProblemCode {
    /// No station has this id, name or alias.
    UnknownStation,
    /// Several stations have this name or alias.
    AmbiguousStation,
    /// Origin and destination are one station.
    SameStation,
    /// The moment lies before or after the dates of the network.
    OutsideNetworkPeriod,
    /// No itinerary with at most two stops joins the stations, on any date.
    NotWithinTwoStops,
    /// Nothing departs, or arrives, in the searched window.
    NothingInWindow,
    /// More itineraries than an answer may hold; narrow the window or add a filter.
    TooManyItineraries,
    /// The cursor was given by a network that has been replaced; start from the first page.
    StaleCursor,
}

/// Why a search found nothing, or less than asked for.
#[derive(SimpleObject)]
pub struct SearchProblem {
    /// What kind of problem it is.
    pub code: SearchProblemCode,
    /// One sentence for a developer.
    pub message: String,
    /// The argument at fault: origin, destination, dateTime, after, …
    pub argument: Option<String>,
    /// For UNKNOWN_STATION and AMBIGUOUS_STATION: the stations that may be meant.
    pub suggestions: Vec<Station>,
    /// For NOTHING_IN_WINDOW: the next date on which there is something.
    pub next_date: Option<Date>,
}

impl SearchProblem {
    /// A problem with an argument.
    pub fn new(code: SearchProblemCode, argument: &str, message: String) -> Self {
        let (suggestions, next_date) = (Vec::new(), None);
        Self { code, message, argument: Some(argument.to_owned()), suggestions, next_date }
    }
}
