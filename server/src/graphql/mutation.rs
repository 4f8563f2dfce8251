//! The root of mutations. What breaks a rule is told in `refusals`.

use std::sync::Arc;

use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};

use super::error::store_failed;
use super::itinerary::FareClass;
use super::lookup::LookUp;
use super::node::NodeId;
use super::query::network;
use super::scalars::{Decimal, moment};
use super::trip::Trip;
use super::{Caller, metrics, now, store};
use crate::access::Scope;
use crate::booking::{
    self, BookTrip, CancelScope, CancelTrip, IdempotencyKey, LegPrices, Offer, OfferedLeg,
    ReservationId, Ride,
};
use crate::search::{self, ItineraryId, Network};
use crate::sight::{Booked, Mutation as Watched};
use crate::store::{LookedUp, StoreError};

/// What can be changed.
pub struct Mutation;

/// Somebody who travels.
#[derive(InputObject)]
pub struct TravellerInput {
    /// The first name: 1 to 100 characters.
    pub first_name: String,
    /// The last name: 1 to 100 characters. Case does not matter to who it is.
    pub last_name: String,
    /// Number of an identity document: letters and digits, 1 to 32 of them; spaces and hyphens do
    /// not count.
    pub id_number: String,
    /// In years, 0 to 130.
    pub age: i32,
}

/// What to book, and for whom.
#[derive(InputObject)]
pub struct BookTripInput {
    /// As `Itinerary.id` gave it.
    pub itinerary_id: ID,
    /// The class to be paid for.
    #[graphql(default)]
    pub fare_class: FareClass,
    /// One to nine.
    pub travellers: Vec<TravellerInput>,
    /// The total that the traveller was shown; refused with PRICE_CHANGED if it differs.
    pub expected_price: Option<Decimal>,
    /// A text of your choice that makes this request take effect once, however often it is sent
    /// within 24 hours.
    pub idempotency_key: Option<String>,
}

/// What to cancel.
#[derive(InputObject)]
pub struct CancelTripInput {
    /// The trip's reference.
    pub reference: String,
    /// Without the scope `support` it must be that of one of the trip's travellers.
    pub last_name: Option<String>,
    /// The version that the caller saw; refused with VERSION_CONFLICT if it has changed since.
    pub expected_version: Option<i32>,
    /// A text of your choice that makes this request take effect once, however often it is sent
    /// within 24 hours.
    pub idempotency_key: Option<String>,
}

/// Whose reservation to cancel.
#[derive(InputObject)]
pub struct CancelReservationInput {
    /// The trip's reference.
    pub reference: String,
    /// As `Reservation.id` gave it.
    pub reservation_id: ID,
    /// Without the scope `support` it must be that of one of the trip's travellers.
    pub last_name: Option<String>,
    /// The version of the trip that the caller saw; refused with VERSION_CONFLICT if it has changed
    /// since.
    pub expected_version: Option<i32>,
    /// A text of your choice that makes this request take effect once, however often it is sent
    /// within 24 hours.
    pub idempotency_key: Option<String>,
}

/// The rule that a request broke, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(remote = "booking::RefusalCode")]
pub enum RefusalCode {
    /// A trip needs at least one traveller.
    NoTravellers,
    /// A trip has at most nine travellers.
    TooManyTravellers,
    /// A first or last name is empty, too long or has control characters.
    InvalidName,
    /// An id number is empty, too long, has other signs than letters and digits, or a typing error.
    InvalidIdNumber,
    /// An age is not from 0 to 130.
    InvalidAge,
    /// The same person is named twice in one trip.
    DuplicateTraveller,
    /// The itinerary is not in the current network.
    ItineraryUnknown,
    /// The itinerary has left its first station.
    ItineraryDeparted,
    /// A leg is not sold in this fare class.
    NoFare,
    /// The price is not the one that the caller saw.
    PriceChanged,
    /// A traveller has an active reservation for this connection on this date.
    AlreadyBooked,
    /// There is no such trip, or none of its travellers has this last name.
    TripUnknown,
    /// The trip has no such reservation.
    ReservationUnknown,
    /// The trip, or the reservation, was cancelled before.
    AlreadyCancelled,
    /// The trip has left its first station, and is no longer changed.
    TripDeparted,
    /// The trip has changed since the caller read it.
    VersionConflict,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
}

/// A rule that a request broke.
#[derive(SimpleObject)]
pub struct Refusal {
    /// The rule.
    code: RefusalCode,
    /// One sentence for a person.
    message: String,
    /// Where in the input: `["travellers", "1", "age"]`.
    path: Vec<String>,
}

impl From<booking::Refusal> for Refusal {
    fn from(refusal: booking::Refusal) -> Self {
        Self { code: refusal.code.into(), message: refusal.message, path: refusal.path }
    }
}

/// The trip that was booked, or all the reasons why none was.
#[derive(SimpleObject)]
pub struct BookTripPayload {
    /// The trip; null where it was refused.
    trip: Option<Trip>,
    /// Empty where the trip was booked.
    refusals: Vec<Refusal>,
}

/// The trip that was cancelled, or the reasons why not.
#[derive(SimpleObject)]
pub struct CancelTripPayload {
    /// The trip as it is now; null where it was refused.
    trip: Option<Trip>,
    /// Empty where the trip was cancelled.
    refusals: Vec<Refusal>,
}

/// The trip of which a reservation was cancelled, or the reasons why not.
#[derive(SimpleObject)]
pub struct CancelReservationPayload {
    /// The trip as it is now; null where it was refused.
    trip: Option<Trip>,
    /// Empty where the reservation was cancelled.
    refusals: Vec<Refusal>,
}

type Outcome = std::result::Result<booking::Trip, Vec<booking::Refusal>>;

fn parts(outcome: Outcome) -> (Option<Trip>, Vec<Refusal>) {
    match outcome {
        Ok(trip) => (Some(Trip(trip)), Vec::new()),
        Err(refusals) => (None, refusals.into_iter().map(Refusal::from).collect()),
    }
}

/// Waits for a mutation, and tells those who watch how it ended.
async fn watched(
    context: &Context<'_>,
    mutation: Watched,
    work: impl Future<Output = std::result::Result<Outcome, StoreError>>,
) -> std::result::Result<Outcome, StoreError> {
    let started = std::time::Instant::now();
    let outcome = work.await;
    if let Some(metrics) = metrics(context) {
        let status = match &outcome {
            Ok(Ok(_)) => Booked::success,
            Ok(Err(_)) => Booked::refused,
            Err(_) => Booked::failed,
        };
        metrics.mutation(mutation, status, started.elapsed());
    }
    outcome
}

/// What can be changed.
#[Object]
impl Mutation {
    /// Books an itinerary for up to nine travellers, all of them or none.
    async fn book_trip(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What, and for whom.")] input: BookTripInput,
    ) -> Result<BookTripPayload> {
        let request = BookTrip {
            caller: Caller::of(context).name.clone(),
            offer: offer(network(context), &input.itinerary_id),
            itinerary_id: input.itinerary_id.0,
            travellers: input.travellers.into_iter().map(traveller).collect(),
            fare_class: match input.fare_class {
                FareClass::First => booking::FareClass::First,
                FareClass::Second => booking::FareClass::Second,
            },
            expected_price: input.expected_price.map(|price| price.0),
            idempotency_key: input.idempotency_key.map(IdempotencyKey),
        };
        let work = store(context).book(&request, now(context));
        let outcome = watched(context, Watched::bookTrip, work).await;
        let (trip, refusals) = parts(outcome.map_err(|error| store_failed(&error))?);
        Ok(BookTripPayload { trip, refusals })
    }

    /// Cancels a trip and all its reservations; the connection can be booked again.
    async fn cancel_trip(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: CancelTripInput,
    ) -> Result<CancelTripPayload> {
        let request = CancelTrip {
            caller: Caller::of(context).name.clone(),
            reference: input.reference,
            scope: CancelScope::WholeTrip,
            last_name: required_last_name(context, input.last_name),
            expected_version: input.expected_version,
            idempotency_key: input.idempotency_key.map(IdempotencyKey),
        };
        let outcome = cancel(context, Watched::cancelTrip, &request).await?;
        let (trip, refusals) = parts(outcome);
        Ok(CancelTripPayload { trip, refusals })
    }

    /// Cancels one traveller's reservation in a trip, who can then book the connection again. With
    /// its last reservation the trip is cancelled, too.
    async fn cancel_reservation(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which.")] input: CancelReservationInput,
    ) -> Result<CancelReservationPayload> {
        let reservation = match NodeId::decode(&input.reservation_id) {
            Some(NodeId::Reservation(own)) => own.parse().ok(),
            _ => None,
        };
        // No row has this number, so that an id of something else is an unknown one.
        let reservation = ReservationId(reservation.unwrap_or(i64::MIN));
        let request = CancelTrip {
            caller: Caller::of(context).name.clone(),
            reference: input.reference,
            scope: CancelScope::Reservation(reservation),
            last_name: required_last_name(context, input.last_name),
            expected_version: input.expected_version,
            idempotency_key: input.idempotency_key.map(IdempotencyKey),
        };
        let outcome = cancel(context, Watched::cancelReservation, &request).await?;
        let (trip, refusals) = parts(outcome);
        Ok(CancelReservationPayload { trip, refusals })
    }
}

/// Cancels. Where a last name is said, that is a look-up, too: it must not be found by trying.
async fn cancel(context: &Context<'_>, mutation: Watched, request: &CancelTrip) -> Result<Outcome> {
    let look_up = match request.last_name {
        Some(_) => Some(LookUp::begin(context, LookedUp::Trip).await?),
        None => None,
    };
    let work = store(context).cancel(request, now(context));
    let outcome = watched(context, mutation, work).await;
    let Some(look_up) = look_up else {
        return outcome.map_err(|error| store_failed(&error));
    };
    match outcome {
        Ok(Ok(trip)) => {
            look_up.end_unnoted().await;
            Ok(Ok(trip))
        }
        Ok(Err(refusals)) => {
            let is_miss = refusals.iter().any(|it| it.code == booking::RefusalCode::TripUnknown);
            look_up.end(Ok((!is_miss).then_some(()))).await?;
            Ok(Err(refusals))
        }
        Err(error) => {
            look_up.end_unnoted().await;
            Err(store_failed(&error))
        }
    }
}

/// Without the scope `support` somebody's last name must be said: an empty one, which no traveller
/// has, where it is not.
fn required_last_name(context: &Context<'_>, last_name: Option<String>) -> Option<String> {
    match last_name {
        None if !Caller::of(context).may(Scope::Support) => Some(String::new()),
        last_name => last_name,
    }
}

fn traveller(input: TravellerInput) -> booking::Traveller {
    booking::Traveller {
        first_name: input.first_name,
        last_name: input.last_name,
        id_number: input.id_number,
        age: input.age,
    }
}

/// What an itinerary id offers in this network.
fn offer(network: &Arc<Network>, id: &str) -> Option<Offer> {
    let view = network.view();
    let itinerary = ItineraryId::decode(id).ok()?.find(network)?;
    let leg = |leg: &schema::DatedLeg| {
        let (from, to) = (view.from(*leg), view.to(*leg));
        let fare = view.fare(leg.journey, leg.board, leg.alight);
        let prices = LegPrices {
            first_cents: search::FareClass::First.of(fare),
            second_cents: search::FareClass::Second.of(fare),
        };
        let ride = Ride {
            source_id: view.source_id(leg.journey, leg.day).to_owned(),
            train_type: view.train_type(leg.journey).to_owned(),
            service_date: view.date_of(leg.day),
            origin_id: view.station(from).key.to_string(),
            destination_id: view.station(to).key.to_string(),
            origin_name: view.station(from).name.to_string(),
            destination_name: view.station(to).name.to_string(),
            departure: moment(network.zone(from), view.departure(*leg)),
            arrival: moment(network.zone(to), view.arrival(*leg)),
        };
        OfferedLeg { ride, prices }
    };
    let legs = itinerary.legs.iter().map(leg).collect();
    let zone = network.zone(view.from(itinerary.legs[0]));
    let offer = Offer::new(legs, view.archived().currency.to_string(), zone);
    offer.inspect_err(|error| tracing::error!(error.cause = %error, "booking.offer_invalid")).ok()
}
