//! Booking: one transaction for the trip, its reservations, its tickets and the idempotency key.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, JoinType,
    QueryFilter, QuerySelect, RelationTrait,
};

use super::Store;
use super::entities::{Status, client, reservation, ticket, trip, trip_leg};
use super::error::{Failure, StoreError};
use super::idempotency::{Claim, TripState};
use super::rows::{PlaceRow, TripRows, leg_rows};
use super::steps::Step;
use super::write::Outcome;
use crate::booking::{
    AcceptedTrip, BookTrip, ClientId, ConnectionSignature, Identity, Refusal, TicketNumber, Trip,
    TripReference,
};

/// A transaction's end.
enum Attempt {
    Booked(Trip),
    /// Another request has taken the idempotency key in the meantime, or this one before.
    KeyTaken,
}

/// An accepted booking on its way into the database, the same at every attempt.
struct Booking {
    store: Store,
    accepted: AcceptedTrip,
    claim: Claim,
    numbers: Vec<TicketNumber>,
    now: DateTime<Utc>,
}

impl Store {
    /// Books a trip at the moment `now`: the trip, or all rules that the request breaks.
    pub async fn book(
        &self,
        request: &BookTrip,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let claim = self.claim(&request.caller, request.idempotency_key.as_ref(), |secret| {
            request.fingerprint(secret)
        })?;
        // First of all: a repeated request is answered as before, even after the departure.
        if let Some(answer) = self.replay_sent_before(&claim, now).await? {
            return Ok(answer);
        }
        let accepted = match request.accept(self.inner.id_number_check, now) {
            Ok(accepted) => accepted,
            Err(refusals) => return Ok(Err(self.with_already_booked(request, refusals).await?)),
        };
        let travellers = accepted.reservations().len();
        let numbers = self.inner.tickets.take(self, travellers, now.timestamp()).await?;
        let booking = Booking { store: self.clone(), accepted, claim, numbers, now };
        self.book_accepted(&Arc::new(booking)).await
    }

    async fn book_accepted(
        &self,
        booking: &Arc<Booking>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let mut retries = self.retries();
        loop {
            let own = Arc::clone(booking);
            let attempt = self
                .write(move |transaction| Box::pin(async move { own.write(transaction).await }));
            let error = match attempt.await {
                Ok(Attempt::Booked(trip)) => {
                    self.step(Step::Committed);
                    return Ok(Ok(trip));
                }
                Ok(Attempt::KeyTaken) => match self.replay(&booking.claim, booking.now).await {
                    Ok(Some(answer)) => return Ok(answer),
                    // It was purged in between.
                    Ok(None) => continue,
                    Err(error) => error,
                },
                Err(error) => error,
            };
            let StoreError::Database(error) = error else {
                retries.again(error).await?;
                continue;
            };
            if Failure::of(&error) != Failure::ActiveReservation {
                retries.again(StoreError::Database(error)).await?;
                continue;
            }
            let refusals = self.already_booked_in(&booking.accepted).await?;
            if !refusals.is_empty() {
                return Ok(Err(refusals));
            }
            // The reservation in the way was cancelled in between.
            retries.after_conflict(error).await?;
        }
    }

    async fn already_booked_in(&self, accepted: &AcceptedTrip) -> Result<Vec<Refusal>, StoreError> {
        let people = accepted.reservations().iter().map(|place| place.person.identity());
        let identities: Vec<_> = people.enumerate().collect();
        self.already_booked(&identities, accepted.signature(), accepted.service_date()).await
    }
}

impl Booking {
    /// One transaction. It takes what others might hold in a fixed order (the key, clients by
    /// identity, reservations by client), so that two of them seldom wait for each other.
    async fn write(
        &self,
        transaction: &DatabaseTransaction,
    ) -> Result<Outcome<Attempt>, StoreError> {
        let Self { store, accepted, claim, numbers, now } = self;
        store.step(Step::Begun);
        let trip = store.trip_row(accepted, *now)?;
        let state = TripState { id: trip.id, version: trip.version, status: trip.status };
        if !claim.take(transaction, state, *now).await? {
            return Ok(Outcome::Undo(Attempt::KeyTaken));
        }
        store.step(Step::KeyTaken);
        let clients = store.find_or_create_clients(transaction, accepted, *now).await?;
        store.step(Step::ClientsReady);
        let legs = leg_rows(trip.id, accepted);
        let places = store.place_rows(&trip, accepted, clients, numbers, *now)?;
        let rows = TripRows { trip, legs, places };
        insert(transaction, &rows).await?;
        store.step(Step::TripWritten);
        let trip = rows.into_trip(store.vault())?;
        store.step(Step::BeforeCommit);
        Ok(Outcome::Keep(Attempt::Booked(trip)))
    }
}

impl Store {
    fn trip_row(
        &self,
        accepted: &AcceptedTrip,
        now: DateTime<Utc>,
    ) -> Result<trip::Model, StoreError> {
        let bits = u32::from_be_bytes(self.random().bytes()?);
        let legs = accepted.legs();
        let (Some(first), Some(last)) = (legs.first(), legs.last()) else {
            return Err(StoreError::Corrupt("an accepted trip has no legs"));
        };
        let price_cents = i64::try_from(accepted.price_cents());
        Ok(trip::Model {
            id: self.new_id(now)?,
            reference: TripReference::from_bits(bits).to_string(),
            status: Status::Confirmed,
            version: 1,
            booked_at: now.timestamp(),
            cancelled_at: None,
            fare_class: accepted.fare_class().into(),
            currency: accepted.currency().to_owned(),
            price_cents: price_cents.map_err(|_| StoreError::Corrupt("a price too high"))?,
            departure_at: first.ride.departure.timestamp(),
            arrival_at: last.ride.arrival.timestamp(),
            current_until: accepted.current_until().timestamp(),
            stops: legs.len() as i16 - 1,
            connection_signature: accepted.signature().as_bytes().to_vec(),
            service_date: accepted.service_date(),
        })
    }

    /// Reservations and tickets in the order of the request.
    fn place_rows(
        &self,
        trip: &trip::Model,
        accepted: &AcceptedTrip,
        clients: Vec<client::Model>,
        numbers: &[TicketNumber],
        now: DateTime<Utc>,
    ) -> Result<Vec<PlaceRow>, StoreError> {
        let mut places = Vec::with_capacity(clients.len());
        let travellers = accepted.reservations().iter().zip(clients).zip(numbers);
        for (((traveller, client), number), position) in travellers.zip(0..) {
            let reservation = reservation::Model {
                id: self.new_id(now)?,
                trip_id: trip.id,
                client_id: client.id,
                position,
                status: Status::Confirmed,
                age: i16::from(traveller.age),
                connection_signature: trip.connection_signature.clone(),
                service_date: trip.service_date,
            };
            let ticket = ticket::Model {
                id: self.new_id(now)?,
                reservation_id: reservation.id,
                number: number.0.cast_signed(),
                issued_at: now.timestamp(),
            };
            places.push((reservation, client, ticket));
        }
        Ok(places)
    }

    /// The travellers' clients in the order of the request. Whoever is known stays as he is;
    /// whoever is not is created, unless another transaction does so first.
    async fn find_or_create_clients(
        &self,
        transaction: &impl ConnectionTrait,
        accepted: &AcceptedTrip,
        now: DateTime<Utc>,
    ) -> Result<Vec<client::Model>, StoreError> {
        let people = accepted.reservations().iter().map(|reservation| &reservation.person);
        let indexes: Vec<Vec<u8>> =
            people.clone().map(|person| self.vault().blind_index(&person.identity())).collect();
        let mut known = clients_by_index(transaction, &indexes).await?;
        let mut created = Vec::new();
        for (person, index) in people.zip(&indexes) {
            if !known.contains_key(index) {
                let id = ClientId(self.new_id(now)?);
                created.push(self.vault().seal(id, person, now.timestamp())?);
            }
        }
        if !created.is_empty() {
            created.sort_by(|one, other| one.identity.cmp(&other.identity));
            let wanted = created.len() as u64;
            let rows = created.iter().map(|row| row.clone().into_active_model());
            let by_identity = OnConflict::column(client::Column::Identity).do_nothing().to_owned();
            let inserted = client::Entity::insert_many(rows)
                .on_conflict(by_identity)
                .exec_without_returning(transaction)
                .await?;
            known.extend(created.into_iter().map(|row| (row.identity.clone(), row)));
            if inserted < wanted {
                known.extend(clients_by_index(transaction, &indexes).await?);
            }
        }
        let found = indexes.iter().map(|index| known.remove(index)).collect::<Option<_>>();
        found.ok_or(StoreError::Corrupt("a client was neither found nor created"))
    }

    /// Adds to a refused request those travellers who have booked already, so that all its
    /// refusals come back together.
    async fn with_already_booked(
        &self,
        request: &BookTrip,
        mut refusals: Vec<Refusal>,
    ) -> Result<Vec<Refusal>, StoreError> {
        if let Some(offer) = &request.offer {
            let identities = request.identities(self.inner.id_number_check);
            let date = offer.service_date();
            refusals.extend(self.already_booked(&identities, offer.signature(), date).await?);
            Refusal::sort(&mut refusals);
        }
        Ok(refusals)
    }

    /// Refuses each of these travellers who has an active reservation.
    async fn already_booked(
        &self,
        travellers: &[(usize, Identity)],
        signature: ConnectionSignature,
        service_date: NaiveDate,
    ) -> Result<Vec<Refusal>, StoreError> {
        if travellers.is_empty() {
            return Ok(Vec::new());
        }
        let index = |identity| self.vault().blind_index(identity);
        let indexes: Vec<(usize, Vec<u8>)> =
            travellers.iter().map(|(place, identity)| (*place, index(identity))).collect();
        let booked: Vec<Vec<u8>> = client::Entity::find()
            .select_only()
            .column(client::Column::Identity)
            .join_rev(JoinType::InnerJoin, reservation::Relation::Client.def())
            .filter(client::Column::Identity.is_in(indexes.iter().map(|(_, index)| index.clone())))
            .filter(reservation::Column::ConnectionSignature.eq(signature.as_bytes().to_vec()))
            .filter(reservation::Column::ServiceDate.eq(service_date))
            .filter(reservation::Column::Status.eq(Status::Confirmed))
            .into_tuple()
            .all(self.reader())
            .await?;
        let guilty = indexes.iter().filter(|(_, index)| booked.contains(index));
        Ok(guilty.map(|&(place, _)| Refusal::already_booked(place)).collect())
    }
}

async fn clients_by_index(
    transaction: &impl ConnectionTrait,
    indexes: &[Vec<u8>],
) -> Result<HashMap<Vec<u8>, client::Model>, StoreError> {
    let wanted = client::Column::Identity.is_in(indexes.iter().cloned());
    let found = client::Entity::find().filter(wanted).all(transaction).await?;
    Ok(found.into_iter().map(|row| (row.identity.clone(), row)).collect())
}

async fn insert(transaction: &impl ConnectionTrait, rows: &TripRows) -> Result<(), StoreError> {
    let trip = rows.trip.clone().into_active_model();
    trip::Entity::insert(trip).exec_without_returning(transaction).await?;
    let legs = rows.legs.iter().map(|leg| leg.clone().into_active_model());
    trip_leg::Entity::insert_many(legs).exec_without_returning(transaction).await?;
    let mut reservations: Vec<_> = rows.places.iter().map(|place| place.0.clone()).collect();
    reservations.sort_by_key(|reservation| reservation.client_id);
    let reservations = reservations.into_iter().map(IntoActiveModel::into_active_model);
    reservation::Entity::insert_many(reservations).exec_without_returning(transaction).await?;
    let tickets = rows.places.iter().map(|place| place.2.clone().into_active_model());
    ticket::Entity::insert_many(tickets).exec_without_returning(transaction).await?;
    Ok(())
}
