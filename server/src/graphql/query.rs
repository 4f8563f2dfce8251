//! The root of queries. Resolvers translate: no rule and no SQL.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::error::stale_cursor;
use super::itineraries::{
    Arguments, ItineraryCoverage, ItineraryDateTimeInput, ItineraryFilter, ItineraryOrder,
    itineraries,
};
use super::itinerary::{FareClass, Itinerary, ItineraryConnection};
use super::network::Network;
use super::paging::{ListKey, Page, PageInfo};
use super::scalars::Duration;
use super::station::{Station, StationConnection, StationEdge, StationInput};
use crate::search::{self, Found, ItineraryId};

/// What can be asked.
pub struct Query;

/// The network that answers this request, however long it takes.
pub fn network<'c>(context: &Context<'c>) -> &'c Arc<search::Network> {
    context.data_unchecked::<Arc<search::Network>>()
}

/// What can be asked.
#[Object]
impl Query {
    /// Itineraries with at most two stops between two stations. What is not found is told in
    /// `problems`.
    #[expect(
        clippy::too_many_arguments,
        reason = "the contract names these arguments"
    )]
    async fn itineraries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where to begin.")] origin: StationInput,
        #[graphql(desc = "Where to end.")] destination: StationInput,
        #[graphql(desc = "When.")] date_time: ItineraryDateTimeInput,
        #[graphql(
            default_with = "Some(Duration::of_minutes(1440))",
            desc = "Length of the searched interval, a week at most; for a date it is the day, \
                    whatever is said here."
        )]
        search_window: Option<Duration>,
        #[graphql(desc = "What itineraries must satisfy.")] filter: Option<ItineraryFilter>,
        #[graphql(default, desc = "Which itineraries are wanted.")] coverage: ItineraryCoverage,
        #[graphql(default, desc = "The class that `maxPrice` and the order PRICE go by.")]
        fare_class: FareClass,
        #[graphql(default, desc = "In which order.")] order_by: ItineraryOrder,
        #[graphql(
            desc = "Rows of the page, from the beginning or after `after`; 20 where neither \
                          `first` nor `last` is said, at most 100."
        )]
        first: Option<i32>,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
        #[graphql(desc = "Rows of the page, from the end or before `before`; at most 100.")]
        last: Option<i32>,
        #[graphql(desc = "Only rows before this cursor.")] before: Option<String>,
    ) -> Result<ItineraryConnection> {
        let arguments = Arguments {
            origin,
            destination,
            date_time,
            search_window,
            filter,
            coverage,
            fare_class,
            order_by,
        };
        itineraries(
            network(context),
            &arguments,
            &Page {
                first,
                after,
                last,
                before,
            },
        )
    }

    /// The itinerary with this id; null where one of its trains does not run as it did.
    async fn itinerary(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As `Itinerary.id` gave it.")] id: ID,
    ) -> Option<Itinerary> {
        let network = network(context);
        let found = ItineraryId::decode(&id).ok()?.find(network)?;
        Some(Itinerary::new(network, found))
    }

    /// Autocomplete: names that begin with the text first, then words that do, then names with up to
    /// two typing errors. All stations by name where there is no text.
    async fn stations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What somebody has typed so far.")] query: Option<String>,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<StationConnection> {
        let network = network(context);
        let text = query.unwrap_or_default();
        let found = network.names().like(&text);
        let key = ListKey::of(&network.header().version(), &format!("stations {text:?}"));
        let page = Page {
            first,
            after,
            ..Page::default()
        };
        let rows = page.rows(&key, found.len())?.map_err(stale_cursor)?;
        let nodes: Vec<_> = found[rows.clone()]
            .iter()
            .map(|idx| Station::new(network, *idx))
            .collect();
        let edges = rows.clone().zip(&nodes).map(|(at, node)| StationEdge {
            cursor: key.cursor(at),
            node: node.clone(),
        });
        Ok(StationConnection {
            edges: edges.collect(),
            page_info: PageInfo::of(&key, &rows, found.len()),
            total_count: found.len(),
            nodes,
        })
    }

    /// One station; null where none or several have the name.
    async fn station(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] station: StationInput,
    ) -> Option<Station> {
        let network = network(context);
        match station.find(network) {
            Found::One(idx) => Some(Station::new(network, idx)),
            Found::Several(_) | Found::None(_) => None,
        }
    }

    /// The timetable that answers.
    async fn network(&self, context: &Context<'_>) -> Network {
        Network(Arc::clone(network(context)))
    }
}
