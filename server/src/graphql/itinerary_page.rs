//! Pages of itineraries, and why they hold nothing, or less than asked for.

use async_graphql::{Enum, Object, ServerResult, SimpleObject};

use super::connection::{ConnectionField, Edge, Rows};
use super::itinerary::Itinerary;
use super::paging::PageInfo;
use super::scalars::{Date, DateTime};
use super::station::Station;
use super::written::{
    Json, Selected, Steps, Writes, Written, write_list, write_object, write_option,
};
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
        self.rows.edges(&self.nodes).collect()
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

/// What is selected of a page of itineraries.
pub enum ItineraryConnectionField {
    OfPage(ConnectionField<Itinerary>),
    SearchWindow(Steps<SearchWindow>),
    Problems(Steps<SearchProblem>),
}

impl Writes for ItineraryConnection {
    type Field = ItineraryConnectionField;

    fn field(selected: &Selected<'_>) -> ServerResult<ItineraryConnectionField> {
        Ok(match selected.name() {
            "searchWindow" => ItineraryConnectionField::SearchWindow(selected.steps()?),
            "problems" => ItineraryConnectionField::Problems(selected.steps()?),
            _ => ItineraryConnectionField::OfPage(ConnectionField::of(selected)?),
        })
    }

    fn write(&self, field: &ItineraryConnectionField, json: &mut Json) -> Written {
        match field {
            ItineraryConnectionField::OfPage(field) => field.write(&self.rows, &self.nodes, json),
            ItineraryConnectionField::SearchWindow(steps) => {
                write_option(self.search_window.as_ref(), steps, json)
            }
            ItineraryConnectionField::Problems(steps) => {
                let problems = self.problems.iter();
                write_list(problems, json, |problem, json| write_object(problem, steps, json))
            }
        }
    }
}

/// What is selected of an interval.
pub enum SearchWindowField {
    Start,
    End,
}

impl Writes for SearchWindow {
    type Field = SearchWindowField;

    fn field(selected: &Selected<'_>) -> ServerResult<SearchWindowField> {
        match selected.name() {
            "start" => Ok(SearchWindowField::Start),
            "end" => Ok(SearchWindowField::End),
            _ => Err(selected.unknown()),
        }
    }

    fn write(&self, field: &SearchWindowField, json: &mut Json) -> Written {
        match field {
            SearchWindowField::Start => json.string(&self.start.text()),
            SearchWindowField::End => json.string(&self.end.text()),
        }
        Ok(())
    }
}

/// What is selected of a problem.
pub enum SearchProblemField {
    Code,
    Message,
    Argument,
    Suggestions(Steps<Station>),
    NextDate,
}

impl Writes for SearchProblem {
    type Field = SearchProblemField;

    fn field(selected: &Selected<'_>) -> ServerResult<SearchProblemField> {
        Ok(match selected.name() {
            "code" => SearchProblemField::Code,
            "message" => SearchProblemField::Message,
            "argument" => SearchProblemField::Argument,
            "suggestions" => SearchProblemField::Suggestions(selected.steps()?),
            "nextDate" => SearchProblemField::NextDate,
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &SearchProblemField, json: &mut Json) -> Written {
        match field {
            SearchProblemField::Code => json.enumeration(self.code),
            SearchProblemField::Message => json.string(&self.message),
            SearchProblemField::Argument => json.string_or_null(self.argument.as_deref()),
            SearchProblemField::Suggestions(steps) => {
                let stations = self.suggestions.iter();
                write_list(stations, json, |station, json| write_object(station, steps, json))?;
            }
            SearchProblemField::NextDate => match self.next_date {
                Some(date) => json.date(date.0),
                None => json.null(),
            },
        }
        Ok(())
    }
}
