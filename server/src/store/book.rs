//! Booking: one transaction for the trip, its reservations, its tickets and the idempotency key.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel, JoinType, QueryFilter, QuerySelect,
    RelationTrait,
};

use super::Store;
use super::entities::{Status, client, reservation, ticket, trip, trip_leg};
use super::error::{Failure, StoreError};
use super::idempotency::{Claim, TripState};
use super::retry::Retries;
use super::rows::{PlaceRow, TripRows, leg_rows};
use crate::booking::{
    AcceptedTrip, BookTrip, ClientId, ConnectionSignature, Identity, Refusal, TicketNumber, Trip,
    TripReference,
};

/// A transaction's end.
enum Attempt {
    Booked(Trip),
    /// Another request has taken the idempotency key in the meantime.
    KeyTaken,
}

impl Store {
    /// Books a trip at the moment `now`: the trip, or all rules that the request breaks.
    pub async fn book(
        &self,
        request: &BookTrip,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let secret = self.vault().idempotency_key();
        let claim = request
            .idempotency_key
            .as_ref()
            .map(|key| Claim::new(key, request.fingerprint(secret), secret));
        // First of all: a repeated request is answered as before, even after the departure.
        if let Some(claim) = &claim
            && let Some(answer) = self.replay(claim, now).await?
        {
            return Ok(answer);
        }
        let accepted = match request.accept(self.inner.id_number_check, now) {
            Ok(accepted) => accepted,
            Err(refusals) => return Ok(Err(self.with_already_booked(request, refusals).await?)),
        };
        self.book_accepted(&accepted, claim.as_ref(), now).await
    }

    async fn book_accepted(
        &self,
        accepted: &AcceptedTrip,
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let travellers = accepted.reservations().len();
        let issued_at = now.timestamp();
        let numbers = self.inner.tickets.take(self.writer(), travellers, issued_at).await?;
        let mut retries = Retries::default();
        loop {
            let error = match self.try_book(accepted, claim, &numbers, now).await {
                Ok(Attempt::Booked(trip)) => return Ok(Ok(trip)),
                Ok(Attempt::KeyTaken) => match self.replay_taken(claim, now).await? {
                    Some(answer) => return Ok(answer),
                    // It was purged in between.
                    None => continue,
                },
                Err(error) => error,
            };
            let StoreError::Database(error) = error else {
                return Err(error);
            };
            if Failure::of(&error) != Failure::ActiveReservation {
                retries.again(StoreError::Database(error), self.random()).await?;
                continue;
            }
            let identities: Vec<_> = accepted
                .reservations()
                .iter()
                .map(|reservation| reservation.person.identity())
                .enumerate()
                .collect();
            let date = accepted.service_date();
            let refusals = self.already_booked(&identities, accepted.signature(), date).await?;
            if !refusals.is_empty() {
                return Ok(Err(refusals));
            }
            // The reservation in the way was cancelled in between.
            retries.after_conflict(error, self.random()).await?;
        }
    }

    async fn replay_taken(
        &self,
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Option<Result<Trip, Vec<Refusal>>>, StoreError> {
        match claim {
            Some(claim) => self.replay(claim, now).await,
            None => Ok(None),
        }
    }

    /// One transaction. It takes what others might hold in a fixed order (the key, clients by
    /// identity, reservations by client), so that two of them seldom wait for each other.
    async fn try_book(
        &self,
        accepted: &AcceptedTrip,
        claim: Option<&Claim>,
        numbers: &[TicketNumber],
        now: DateTime<Utc>,
    ) -> Result<Attempt, StoreError> {
        let trip = self.trip_row(accepted, now)?;
        let transaction = self.begin().await?;
        if let Some(claim) = claim {
            let state = TripState { id: trip.id, version: trip.version, status: trip.status };
            if !claim.take(&transaction, state, now).await? {
                transaction.rollback().await?;
                return Ok(Attempt::KeyTaken);
            }
        }
        let clients = self.find_or_create_clients(&transaction, accepted, now).await?;
        let legs = leg_rows(trip.id, accepted);
        let places = self.place_rows(&trip, accepted, clients, numbers, now)?;
        let rows = TripRows { trip, legs, places };
        insert(&transaction, &rows).await?;
        let trip = rows.into_trip(self.vault())?;
        transaction.commit().await?;
        Ok(Attempt::Booked(trip))
    }

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
