//! Trips and who is on them, as callers see them.

use std::str::FromStr;

use async_graphql::{Context, Enum, ID, Interface, Object, Result, SimpleObject};
use chrono::{FixedOffset, Utc};

use super::error::{bad_argument, forbidden, store_failed};
use super::itinerary::{FareClass, Money};
use super::journey::ServiceJourney;
use super::node::NodeId;
use super::paging::{PAGE_DEFAULT, PageInfo, page_size};
use super::scalars::{Date, DateTime};
use super::station::Station;
use super::{Caller, now, store};
use crate::access::Scope;
use crate::booking;
use crate::store::{TripCursor, When};

/// What has become of a trip, or of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum TripStatus {
    /// It stands.
    Confirmed,
    /// It was cancelled.
    Cancelled,
}

impl From<booking::TripStatus> for TripStatus {
    fn from(status: booking::TripStatus) -> Self {
        match status {
            booking::TripStatus::Confirmed => Self::Confirmed,
            booking::TripStatus::Cancelled => Self::Cancelled,
        }
    }
}

/// What may still be done with a trip, named like the mutation that does it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "booking::TripAction")]
pub enum TripAction {
    /// Give it back: `cancelTrip`.
    CancelTrip,
    /// Give one traveller's reservation back: `cancelReservation`.
    CancelReservation,
}

impl From<booking::FareClass> for FareClass {
    fn from(class: booking::FareClass) -> Self {
        match class {
            booking::FareClass::First => Self::First,
            booking::FareClass::Second => Self::Second,
        }
    }
}

/// A moment in UTC.
pub fn utc(moment: chrono::DateTime<Utc>) -> DateTime {
    DateTime(moment.with_timezone(&FixedOffset::east_opt(0).expect("UTC is an offset")))
}

/// An object with an id.
#[derive(Clone, Interface)]
#[graphql(field(
    name = "id",
    ty = "ID",
    desc = "Opaque, unique across types; `node` finds the object by it."
))]
pub enum Node {
    /// A station.
    Station(Station),
    /// A train.
    ServiceJourney(ServiceJourney),
    /// A client.
    Client(Client),
    /// A trip.
    Trip(Trip),
    /// A reservation.
    Reservation(Reservation),
    /// A ticket.
    Ticket(Ticket),
}

/// The person who travels.
#[derive(Debug, Clone)]
pub struct Client {
    client: booking::Client,
    /// Whether the caller knows who it is: has named last name and id number, or may see everybody.
    is_known: bool,
}

impl Client {
    /// One whom the caller has named, or may see.
    pub fn known(client: booking::Client) -> Self {
        Self { client, is_known: true }
    }

    /// One whom the caller has met in a trip.
    fn met(client: booking::Client) -> Self {
        Self { client, is_known: false }
    }
}

/// The person who travels; who it is goes by last name, ignoring case, and id number.
#[Object]
impl Client {
    /// Opaque, unique across types.
    pub async fn id(&self) -> ID {
        NodeId::Client(self.client.id.0.to_string()).encode()
    }

    /// The first name, as it was given when the client first travelled; empty once the client has
    /// been erased.
    async fn first_name(&self) -> &str {
        self.client.person.first_name()
    }

    /// The last name, as it was given when the client first travelled; empty once the client has
    /// been erased.
    async fn last_name(&self) -> &str {
        self.client.person.last_name()
    }

    /// Masked (•••123) unless the caller has the scope `support`; empty once the client has been
    /// erased.
    async fn id_number(&self, context: &Context<'_>) -> String {
        let number = self.client.person.id_number();
        let whole = Caller::of(context).may(Scope::Support) || self.client.person.is_erased();
        if whole { number.as_str().to_owned() } else { number.masked() }
    }

    /// Departure today or later, soonest first; today is that of the trip's origin.
    async fn current_trips(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<TripConnection> {
        self.trips(context, When::Current, first, after).await
    }

    /// Departure before today, latest first; today is that of the trip's origin.
    async fn past_trips(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<TripConnection> {
        self.trips(context, When::Past, first, after).await
    }
}

impl Client {
    async fn trips(
        &self,
        context: &Context<'_>,
        when: When,
        first: Option<i32>,
        after: Option<String>,
    ) -> Result<TripConnection> {
        if !self.is_known && !Caller::of(context).may(Scope::Support) {
            return Err(forbidden("the trips of somebody met in a trip need the scope support"));
        }
        let (first, cursor) = trips_page(first, after.as_deref())?;
        let found = store(context).trips_of(self.client.id, when, now(context), first, cursor);
        let found = found.await.map_err(|error| store_failed(&error))?;
        let edges: Vec<TripEdge> = (found.edges.into_iter())
            .map(|edge| TripEdge { cursor: edge.cursor.to_string(), node: Trip(edge.trip) })
            .collect();
        Ok(TripConnection {
            nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
            page_info: PageInfo::forward(
                found.has_next,
                after.is_some(),
                edges.iter().map(|edge| &edge.cursor),
            ),
            total_count: found.total_count,
            edges,
        })
    }
}

/// What is asked of a list of trips: how many, and after which.
pub fn trips_page(first: Option<i32>, after: Option<&str>) -> Result<(u32, Option<TripCursor>)> {
    let first = page_size("first", first)?.unwrap_or(PAGE_DEFAULT as usize);
    let wrong = || bad_argument("after", "expected a cursor that this list gave");
    let cursor = after.map(TripCursor::from_str).transpose().map_err(|_| wrong())?;
    Ok((first as u32, cursor))
}

/// What was bought: one itinerary, one or more reservations.
#[derive(Debug, Clone)]
pub struct Trip(pub booking::Trip);

/// What was bought: one itinerary, one or more reservations.
#[Object]
impl Trip {
    /// Opaque, unique across types.
    pub async fn id(&self) -> ID {
        NodeId::Trip(self.0.id().0.to_string()).encode()
    }

    /// TRP- and eight upper-case hex digits.
    async fn reference(&self) -> String {
        self.0.reference().to_string()
    }

    /// Whether it stands.
    async fn status(&self) -> TripStatus {
        self.0.status().into()
    }

    /// What may still be done with it: nothing once it is cancelled or its first train has left.
    async fn available_actions(&self, context: &Context<'_>) -> Vec<TripAction> {
        let actions = self.0.available_actions(now(context));
        actions.into_iter().map(TripAction::from).collect()
    }

    /// Counts its changes; name it as `expectedVersion` to change only what you have seen.
    async fn version(&self) -> i32 {
        self.0.version()
    }

    /// When it was booked, in UTC.
    async fn booked_at(&self) -> DateTime {
        utc(self.0.facts().booked_at)
    }

    /// The class that was paid for.
    async fn fare_class(&self) -> FareClass {
        self.0.facts().fare_class.into()
    }

    /// When the first train leaves, in the origin's local time.
    async fn departure(&self) -> DateTime {
        DateTime(self.0.departure())
    }

    /// When the last train arrives, in the destination's local time.
    async fn arrival(&self) -> DateTime {
        DateTime(self.0.arrival())
    }

    /// Changes of train: 0, 1 or 2.
    async fn stops(&self) -> usize {
        self.0.stops()
    }

    /// As booked: a copy that no later timetable changes.
    async fn legs(&self) -> Vec<BookedLeg> {
        let currency = &self.0.facts().currency;
        self.0.legs().iter().map(|leg| BookedLeg::of(leg, currency)).collect()
    }

    /// The total over all travellers, as paid; what is cancelled later does not lower it.
    async fn price(&self) -> Option<Money> {
        let facts = self.0.facts();
        let cents = i64::try_from(facts.price_cents).ok()?;
        Some(Money::of_cents(cents, &facts.currency))
    }

    /// One for each traveller, in the order in which they were named.
    async fn reservations(&self) -> Vec<Reservation> {
        self.0.reservations().iter().cloned().map(Reservation).collect()
    }
}

/// A ride as it was booked.
#[derive(Clone, SimpleObject)]
pub struct BookedLeg {
    /// The train's id in the source.
    source_id: String,
    /// Its train type.
    train_type: String,
    /// The date the train's run belongs to.
    service_date: Date,
    /// Where the ride begins.
    origin_name: String,
    /// Where it ends.
    destination_name: String,
    /// When it begins, in its origin's local time.
    departure: DateTime,
    /// When it ends, in its destination's local time.
    arrival: DateTime,
    /// What one traveller paid for it.
    price: Option<Money>,
}

impl BookedLeg {
    /// A leg, paid for in this currency.
    pub fn of(leg: &booking::BookedLeg, currency: &str) -> Self {
        let ride = &leg.ride;
        Self {
            source_id: ride.source_id.clone(),
            train_type: ride.train_type.clone(),
            service_date: Date(ride.service_date),
            origin_name: ride.origin_name.clone(),
            destination_name: ride.destination_name.clone(),
            departure: DateTime(ride.departure),
            arrival: DateTime(ride.arrival),
            price: leg.price_cents.map(|cents| Money::of_cents(cents, currency)),
        }
    }
}

/// One client's place in a trip, right to travel included.
#[derive(Debug, Clone)]
pub struct Reservation(pub booking::Reservation);

/// One client's place in a trip, right to travel included.
#[Object]
impl Reservation {
    /// Opaque, unique across types.
    pub async fn id(&self) -> ID {
        NodeId::Reservation(self.0.id.0.to_string()).encode()
    }

    /// Whether it stands.
    async fn status(&self) -> TripStatus {
        self.0.status().into()
    }

    /// Who travels.
    async fn client(&self) -> Client {
        Client::met(self.0.client.clone())
    }

    /// How old the client said to be, in years.
    async fn age(&self) -> u8 {
        self.0.age
    }

    /// Its proof.
    async fn ticket(&self) -> Ticket {
        Ticket(self.0.ticket.clone())
    }
}

/// The numbered, write-once proof of a reservation.
#[derive(Debug, Clone)]
pub struct Ticket(pub booking::Ticket);

/// The numbered, write-once proof of a reservation.
#[Object]
impl Ticket {
    /// Opaque, unique across types.
    pub async fn id(&self) -> ID {
        NodeId::Ticket(self.0.id.0.to_string()).encode()
    }

    /// 15 digits, in the order of issue.
    async fn number(&self) -> String {
        self.0.number.to_string()
    }

    /// When it was issued, in UTC.
    async fn issued_at(&self) -> DateTime {
        utc(self.0.issued_at)
    }
}

/// A page of trips.
#[derive(SimpleObject)]
pub struct TripConnection {
    /// The trips with their cursors.
    edges: Vec<TripEdge>,
    /// The trips.
    nodes: Vec<Trip>,
    /// Where the page stands.
    page_info: PageInfo,
    /// Trips on all pages.
    total_count: u64,
}

/// A trip in a list.
#[derive(Clone, SimpleObject)]
pub struct TripEdge {
    /// Its place in the list.
    cursor: String,
    /// The trip.
    node: Trip,
}
