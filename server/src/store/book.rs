//! Booking: one transaction for the trip, its reservations, its tickets and the idempotency key.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::LockType;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType, QueryFilter,
    QuerySelect, QueryTrait, RelationTrait,
};

use super::Store;
use super::breaker::Use;
use super::entities::{
    Status, audit_log, client, client_identity, reservation, ticket, trip, trip_leg,
};
use super::error::{Failure, StoreError};
use super::idempotency::{Claim, TripState};
use super::rows::{PlaceRow, TripRows, leg_rows};
use super::steps::Step;
use super::together::Together;
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

/// A booking's clients, and what has to be written so that they are there.
struct Travellers {
    /// In the order of the request.
    clients: Vec<client::Model>,
    created: Vec<client::Model>,
    entries: Vec<client_identity::Model>,
}

/// An accepted booking on its way into the database, the same at every attempt.
struct Booking {
    store: Store,
    caller: String,
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
        Box::pin(self.guarded(Use::Write, self.book_guarded(request, now))).await
    }

    async fn book_guarded(
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
        self.ensure_keys().await?;
        let (store, caller) = (self.clone(), request.caller.clone());
        let booking = Booking { store, caller, accepted, claim, numbers, now };
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
            let error = match error {
                StoreError::Database(error) => error,
                StoreError::KeyMissing { .. } if retries.may_reload_keys() => {
                    self.reload_keys().await?;
                    continue;
                }
                other => {
                    retries.again(other).await?;
                    continue;
                }
            };
            match Failure::of(&error) {
                Failure::ActiveReservation => {}
                // Keys were rotated, and we have missed it.
                Failure::Key if retries.may_reload_keys() => {
                    self.reload_keys().await?;
                    continue;
                }
                _ => {
                    retries.again(StoreError::Database(error)).await?;
                    continue;
                }
            }
            // What is in the way may be the trace of the same request.
            if let Some(answer) = self.replay(&booking.claim, booking.now).await? {
                return Ok(answer);
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
        let Self { store, accepted, claim, numbers, now, .. } = self;
        store.step(Step::Begun);
        let trip = store.trip_row(accepted, *now)?;
        let state = TripState { id: trip.id, version: trip.version, status: trip.status };
        let mut together = Together::new(transaction.get_database_backend());
        claim.take_with(&mut together, state, *now);
        if !together.barrier(transaction).await? {
            return Ok(Outcome::Undo(Attempt::KeyTaken));
        }
        store.step(Step::KeyTaken);
        let travellers = store.find_or_create_clients(transaction, accepted, *now).await?;
        store.step(Step::ClientsReady);
        let legs = leg_rows(trip.id, accepted);
        let places = store.place_rows(&trip, accepted, travellers.clients, numbers, *now)?;
        let rows = TripRows { trip, legs, places };
        together.insert::<client::Entity, _>(travellers.created);
        together.insert::<client_identity::Entity, _>(travellers.entries);
        insert(&mut together, &rows);
        let trip = rows.into_trip(store.vault())?;
        let by = (self.caller.as_str(), *now);
        together.insert::<audit_log::Entity, _>([store.audit_booked(&trip, by)?]);
        store.step(Step::TripWritten);
        if !together.run(transaction).await? {
            return Ok(Outcome::Undo(Attempt::KeyTaken));
        }
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
                cancelled_version: None,
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

    /// The travellers' clients. Whoever is known stays as he is; whoever is not is to be created.
    /// Should another transaction do so first, a primary key refuses it and the next attempt finds
    /// the client.
    async fn find_or_create_clients(
        &self,
        transaction: &impl ConnectionTrait,
        accepted: &AcceptedTrip,
        now: DateTime<Utc>,
    ) -> Result<Travellers, StoreError> {
        // One ring for all: who knows the newest encryption key also enters clients under the
        // newest index key (see `rotate.rs`).
        let ring = self.vault().ring();
        let people = accepted.reservations().iter().map(|reservation| &reservation.person);
        let indexes: Vec<Vec<Vec<u8>>> =
            people.clone().map(|person| ring.search_indexes(&person.identity())).collect();
        let known = clients_by_index(transaction, indexes.concat()).await?;
        let mut clients = Vec::with_capacity(indexes.len());
        let (mut created, mut entries) = (Vec::new(), Vec::new());
        for (person, indexes) in people.zip(&indexes) {
            if let Some(client) = indexes.iter().find_map(|index| known.get(index)) {
                clients.push(client.clone());
                continue;
            }
            let row =
                self.vault().seal(&ring, ClientId(self.new_id(now)?), person, now.timestamp())?;
            for (key_id, identity) in ring.own_indexes(&person.identity()) {
                entries.push(client_identity::Model { identity, key_id, client_id: row.id });
            }
            created.push(row.clone());
            clients.push(row);
        }
        // In one order for all, so that two transactions do not wait for each other.
        entries.sort_by(|one, other| one.identity.cmp(&other.identity));
        Ok(Travellers { clients, created, entries })
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
        let ring = self.vault().ring();
        let indexes: Vec<(usize, Vec<Vec<u8>>)> = travellers
            .iter()
            .map(|(place, identity)| (*place, ring.search_indexes(identity)))
            .collect();
        let wanted = indexes.iter().flat_map(|(_, indexes)| indexes.iter().cloned());
        let booked: Vec<Vec<u8>> = client_identity::Entity::find()
            .select_only()
            .column(client_identity::Column::Identity)
            .join(JoinType::InnerJoin, client_identity::Relation::Reservation.def())
            .filter(client_identity::Column::Identity.is_in(wanted))
            .filter(reservation::Column::ConnectionSignature.eq(signature.as_bytes().to_vec()))
            .filter(reservation::Column::ServiceDate.eq(service_date))
            .filter(reservation::Column::Status.eq(Status::Confirmed))
            .into_tuple()
            .all(self.reader())
            .await?;
        let guilty = indexes
            .iter()
            .filter(|(_, indexes)| indexes.iter().any(|index| booked.contains(index)));
        Ok(guilty.map(|&(place, _)| Refusal::already_booked(place)).collect())
    }
}

/// The clients with these identities, by identity. They stay as they are until the transaction
/// ends: nobody is erased while somebody books for him.
async fn clients_by_index(
    transaction: &impl ConnectionTrait,
    indexes: Vec<Vec<u8>>,
) -> Result<HashMap<Vec<u8>, client::Model>, StoreError> {
    let mut wanted = client::Entity::find()
        .select_also(client_identity::Entity)
        .join_rev(JoinType::InnerJoin, client_identity::Relation::Client.def())
        .filter(client_identity::Column::Identity.is_in(indexes));
    QueryTrait::query(&mut wanted).lock_with_tables(LockType::KeyShare, [client::Entity]);
    let living = |(row, entry): (client::Model, Option<client_identity::Model>)| {
        let entry = entry.filter(|_| row.erased_at.is_none())?;
        Some((entry.identity, row))
    };
    Ok(wanted.all(transaction).await?.into_iter().filter_map(living).collect())
}

fn insert(together: &mut Together, rows: &TripRows) {
    together.insert::<trip::Entity, _>([rows.trip.clone()]);
    together.insert::<trip_leg::Entity, _>(rows.legs.iter().cloned());
    let mut reservations: Vec<_> = rows.places.iter().map(|place| place.0.clone()).collect();
    reservations.sort_by_key(|reservation| reservation.client_id);
    together.insert::<reservation::Entity, _>(reservations);
    together.insert::<ticket::Entity, _>(rows.places.iter().map(|place| place.2.clone()));
}
