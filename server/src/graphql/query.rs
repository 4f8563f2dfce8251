//! The root of queries. Resolvers translate: no rule and no SQL.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use super::affected::{AffectedTripConnection, affected_trips};
use super::connection::Connection;
use super::error::{bad_argument, store_failed};
use super::itineraries::{
    Arguments, ItineraryCoverage, ItineraryDateTimeInput, ItineraryFilter, ItineraryOrder,
    default_window, itineraries,
};
use super::itinerary::{FareClass, Itinerary};
use super::itinerary_page::ItineraryConnection;
use super::journey::{ServiceJourney, ServiceJourneyFilter};
use super::lookup::{LookUp, look_up_trip};
use super::network::Network;
use super::node::NodeId;
use super::paging::{PAGE_MAX, Page};
use super::scalars::Duration;
use super::station::{Station, StationInput};
use super::trip::{Client, Node, Reservation, Ticket, Trip};
use super::written::Whole;
use super::{Caller, metrics, store};
use crate::access::Scope;
use crate::booking;
use crate::search::{self, Found, ItineraryId, JourneyOnDay};
use crate::store::{LookedUp, Store, StoreError};

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
    #[expect(clippy::too_many_arguments, reason = "the contract names these arguments")]
    async fn itineraries(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Where to begin.")] origin: StationInput,
        #[graphql(desc = "Where to end.")] destination: StationInput,
        #[graphql(desc = "When.")] date_time: ItineraryDateTimeInput,
        #[graphql(
            default_with = "Some(default_window())",
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
    ) -> Result<Whole<ItineraryConnection>> {
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
        let page = Page { first, after, last, before };
        itineraries(network(context), &arguments, &page, metrics(context)).map(Whole)
    }

    /// The itinerary with this id; null where one of its trains does not run as it did.
    async fn itinerary(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As `Itinerary.id` gave it.")] id: ID,
    ) -> Option<Whole<Itinerary>> {
        let network = network(context);
        let found = ItineraryId::decode(&id).ok()?.find(network)?;
        Some(Whole(Itinerary::new(network, found)))
    }

    /// Autocomplete: names that begin with the text first, then words that do, then names with up
    /// to two typing errors. All stations by name where there is no text.
    async fn stations(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What somebody has typed so far.")] query: Option<String>,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<Whole<Connection<Station>>> {
        let network = network(context);
        let text = query.unwrap_or_default();
        let found = network.names().like(&text);
        let (version, list) = (network.header().version(), format!("stations {text:?}"));
        let page = Page { first, after, ..Page::default() };
        let node = |idx| Station::new(network, idx);
        Connection::page(&version, &list, &page, &found, node).map(Whole)
    }

    /// Trains by their ids in the source, each on the date asked for, or on the first on which it
    /// runs.
    async fn service_journeys(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which trains; all where nothing is said.")] filter: Option<
            ServiceJourneyFilter,
        >,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<Whole<Connection<ServiceJourney>>> {
        let network = network(context);
        let filter = filter.unwrap_or_default().resolve(network)?;
        let found = search::journeys(network, &filter);
        let (version, list) = (network.header().version(), format!("journeys {filter:?}"));
        let page = Page { first, after, ..Page::default() };
        let node = |it: JourneyOnDay| ServiceJourney::on(network, it.journey, it.day);
        Connection::page(&version, &list, &page, &found, node).map(Whole)
    }

    /// One station; null where none or several have the name.
    async fn station(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] station: StationInput,
    ) -> Option<Whole<Station>> {
        let network = network(context);
        match station.find(network) {
            Found::One(idx) => Some(Whole(Station::new(network, idx))),
            Found::Several(_) | Found::None(_) => None,
        }
    }

    /// A client with current and past trips; null where nobody travelled under this name and
    /// number.
    async fn client(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Case does not matter.")] last_name: String,
        #[graphql(desc = "Spaces, hyphens and case do not matter.")] id_number: String,
    ) -> Result<Option<Client>> {
        let look_up = LookUp::begin(context, LookedUp::Client).await?;
        let found = store(context).client(&last_name, &id_number).await;
        Ok(look_up.end(found).await?.map(Client::known))
    }

    /// A trip by its reference; null where there is none, or where it is not the caller's to see.
    async fn trip(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "TRP- and eight hex digits.")] reference: String,
        #[graphql(desc = "Without the scope `support` it must be that of one of its travellers.")]
        last_name: Option<String>,
    ) -> Result<Option<Trip>> {
        Ok(look_up_trip(context, &reference, last_name.as_deref()).await?.map(Trip))
    }

    /// Trips that are to be travelled yet and some of whose trains run otherwise in the current
    /// network than they were booked; soonest departure first. Dates that it does not cover are
    /// not looked at. Needs the scope `support`.
    async fn affected_trips(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<AffectedTripConnection> {
        affected_trips(context, first, after).await
    }

    /// The object with this id; null where there is none, or where it is not the caller's to see.
    async fn node(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As an object's `id` gave it.")] id: ID,
    ) -> Result<Option<Node>> {
        find_node(context, &id).await
    }

    /// The objects with these ids, at most 100, in their order; null for each that there is none
    /// of.
    async fn nodes(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "As objects' `id` gave them.")] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        let most = PAGE_MAX as usize;
        if ids.len() > most {
            return Err(bad_argument(
                "ids",
                format!("expected at most {most}, found {}", ids.len()),
            ));
        }
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            found.push(find_node(context, id).await?);
        }
        Ok(found)
    }

    /// The timetable that answers.
    async fn network(&self, context: &Context<'_>) -> Network {
        Network(Arc::clone(network(context)))
    }
}

async fn find_node(context: &Context<'_>, id: &str) -> Result<Option<Node>> {
    let network = network(context);
    let caller = Caller::of(context);
    let found = match NodeId::decode(id) {
        Some(NodeId::Station(_) | NodeId::ServiceJourney(_)) if !caller.may(Scope::Search) => {
            return Ok(None);
        }
        Some(NodeId::Station(key)) => {
            let idx = network.view().station_by_key(&key);
            return Ok(idx.map(|idx| Node::Station(Station::new(network, idx))));
        }
        Some(NodeId::ServiceJourney(id)) => {
            return Ok(ServiceJourney::by_source(network, &id).map(Node::ServiceJourney));
        }
        Some(own) if caller.may(Scope::Support) => own,
        _ => return Ok(None),
    };
    stored_node(store(context), found).await.map_err(|error| store_failed(&error))
}

async fn stored_node(store: &Store, id: NodeId) -> std::result::Result<Option<Node>, StoreError> {
    let (NodeId::Client(own) | NodeId::Trip(own) | NodeId::Reservation(own) | NodeId::Ticket(own)) =
        &id
    else {
        return Ok(None);
    };
    let Ok(row) = own.parse() else {
        return Ok(None);
    };
    Ok(match id {
        NodeId::Client(_) => store
            .client_by_id(booking::ClientId(row))
            .await?
            .map(|it| Node::Client(Client::known(it))),
        NodeId::Trip(_) => {
            store.trip_by_id(booking::TripId(row)).await?.map(|it| Node::Trip(Trip(it)))
        }
        NodeId::Reservation(_) => {
            let found = store.reservation_by_id(booking::ReservationId(row)).await?;
            found.map(|it| Node::Reservation(Reservation(it)))
        }
        _ => store.ticket_by_id(booking::TicketId(row)).await?.map(|it| Node::Ticket(Ticket(it))),
    })
}
