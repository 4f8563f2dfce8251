//! Reading clients and trips. A list of trips takes four statements, however long it is, and all
//! see the database at one moment; one of past trips two to four more, which look into the archive.

use std::cmp::Reverse;
use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, JoinType, Order, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, RelationTrait, Select,
};

use super::Store;
use super::breaker::Use;
use super::entities::{
    archived_trip, client, client_identity, reservation, ticket, trip, trip_leg,
};
use super::error::StoreError;
use super::page::{TripCursor, TripEdge, TripPage, When};
use super::rows::{PlaceRow, TripRows, reservation_of, ticket_of};
use super::seal::Ring;
use crate::booking::{
    Client, ClientId, IdNumber, IdNumberCheck, Identity, Reservation, ReservationId, Ticket,
    TicketId, Trip, TripId, TripReference,
};

/// Times that a look-up reads the key file again for keys that it lacks.
const RELOADS_MAX: u32 = 3;

impl Store {
    /// The trip with this reference. With a last name, only if one of its travellers has it,
    /// however it is typed; without, for callers who may see every trip.
    pub async fn trip(
        &self,
        reference: &str,
        last_name: Option<&str>,
    ) -> Result<Option<Trip>, StoreError> {
        let Some(reference) = TripReference::parse(reference) else {
            return Ok(None);
        };
        let reference = reference.to_string();
        let wanted = trip::Entity::find().filter(trip::Column::Reference.eq(reference.as_str()));
        let archived = Condition::all().add(archived_trip::Column::Reference.eq(reference));
        let read = || self.one_trip(wanted.clone(), archived.clone());
        let trip = self.guarded(Use::Read, self.with_fresh_keys(read)).await?;
        Ok(trip.filter(|trip| last_name.is_none_or(|name| trip.has_traveller(name))))
    }

    /// The trip in this row.
    pub async fn trip_by_id(&self, id: TripId) -> Result<Option<Trip>, StoreError> {
        let archived = Condition::all().add(archived_trip::Column::TripId.eq(id.0));
        let read = || self.one_trip(trip::Entity::find_by_id(id.0), archived.clone());
        self.guarded(Use::Read, self.with_fresh_keys(read)).await
    }

    /// A trip, wherever it is: in the database, or where not, in the archive.
    async fn one_trip(
        &self,
        wanted: Select<trip::Entity>,
        archived: Condition,
    ) -> Result<Option<Trip>, StoreError> {
        let snapshot = self.reading_snapshot().await?;
        let found = wanted.all(&snapshot).await?;
        let trip = if found.is_empty() {
            self.archived(&snapshot, archived).await?
        } else {
            self.assemble(&snapshot, found).await?.pop()
        };
        snapshot.commit().await?;
        Ok(trip)
    }

    /// The client with this last name and id number, however they are typed.
    pub async fn client(
        &self,
        last_name: &str,
        id_number: &str,
    ) -> Result<Option<Client>, StoreError> {
        // As stored, and as typed where a check digit is appended to it.
        let check = match self.inner.id_number_check {
            IdNumberCheck::Luhn => IdNumberCheck::None,
            other => other,
        };
        let Ok(id_number) = IdNumber::parse(id_number, check) else {
            return Ok(None);
        };
        let identity = Identity::new(last_name, id_number);
        let read = || self.client_of(&identity);
        self.guarded(Use::Read, self.or_from_primary(read)).await
    }

    async fn client_of(&self, identity: &Identity) -> Result<Option<Client>, StoreError> {
        let mut reloads = 0;
        loop {
            let ring = self.vault().ring();
            match self.look_up(&ring, identity).await {
                Ok(None) if self.has_other_keys(&ring).await? => {}
                // Sealed or cached under keys that were rotated since. They may be rotated again
                // before the next look.
                Err(StoreError::KeyMissing { .. }) if reloads < RELOADS_MAX => {
                    self.reload_keys().await?;
                    reloads += 1;
                }
                found => return found,
            }
        }
    }

    async fn look_up(
        &self,
        ring: &Ring,
        identity: &Identity,
    ) -> Result<Option<Client>, StoreError> {
        let indexes = ring.search_indexes(identity);
        let epoch = match self.inner.lookups.get(&indexes) {
            Ok(row) => return self.vault().open(&row).map(Some),
            Err(epoch) => epoch,
        };
        let found = client_identity::Entity::find()
            .filter(client_identity::Column::Identity.is_in(indexes))
            .find_also_related(client::Entity)
            .one(self.reading().await)
            .await?;
        let Some((entry, Some(row))) = found else {
            return Ok(None);
        };
        let client = self.vault().open(&row)?;
        self.inner.lookups.keep(&entry.identity, &row, epoch);
        Ok(Some(client).filter(|client| !client.person.is_erased()))
    }

    /// The client in this row.
    pub async fn client_by_id(&self, id: ClientId) -> Result<Option<Client>, StoreError> {
        let read = async || {
            let found = client::Entity::find_by_id(id.0).one(self.reading().await).await?;
            found.map(|row| self.vault().open(&row)).transpose()
        };
        self.guarded(Use::Read, self.with_fresh_keys(read)).await
    }

    /// The reservation in this row.
    pub async fn reservation_by_id(
        &self,
        id: ReservationId,
    ) -> Result<Option<Reservation>, StoreError> {
        let read = async || {
            let wanted = reservation::Entity::find_by_id(id.0);
            let found = places(self.reading().await, wanted).await?.pop();
            found.map(|place| reservation_of(place, self.vault())).transpose()
        };
        self.guarded(Use::Read, self.with_fresh_keys(read)).await
    }

    /// The ticket in this row.
    pub async fn ticket_by_id(&self, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        let read = async || Ok(ticket::Entity::find_by_id(id.0).one(self.reading().await).await?);
        let found = self.guarded(Use::Read, self.or_from_primary(read)).await?;
        found.map(|row| ticket_of(&row)).transpose()
    }

    /// At most `first` of a client's trips, cancelled ones included, after a place in the list.
    pub async fn trips_of(
        &self,
        client: ClientId,
        when: When,
        now: DateTime<Utc>,
        first: u32,
        after: Option<TripCursor>,
    ) -> Result<TripPage, StoreError> {
        let read = || self.page_of(client, when, now, first, after);
        self.guarded(Use::Read, self.with_fresh_keys(read)).await
    }

    async fn page_of(
        &self,
        client: ClientId,
        when: When,
        now: DateTime<Utc>,
        first: u32,
        after: Option<TripCursor>,
    ) -> Result<TripPage, StoreError> {
        let all = trips_of_client(client, when, now);
        let snapshot = self.reading_snapshot().await?;
        let mut total_count = all.clone().count(&snapshot).await?;
        let order = match when {
            When::Current => Order::Asc,
            When::Past => Order::Desc,
        };
        let beyond = after.map_or_else(Condition::all, |cursor| beyond(cursor, when));
        let found = all
            .filter(beyond)
            .order_by(trip::Column::DepartureAt, order.clone())
            .order_by(trip::Column::Id, order)
            // One more than wanted tells whether there is a next page.
            .limit(u64::from(first) + 1)
            .all(&snapshot)
            .await?;
        let mut trips = self.assemble(&snapshot, found).await?;
        // Whoever departs today is in no archive.
        if when == When::Past {
            total_count += self.count_archived(&snapshot, client).await?;
            let wanted = u64::from(first) + 1;
            trips.extend(self.archived_of(&snapshot, client, wanted, after).await?);
            trips.sort_by_key(|trip| Reverse((trip.departure().timestamp(), trip.id())));
        }
        snapshot.commit().await?;
        let has_next = trips.len() > first as usize;
        trips.truncate(first as usize);
        let edges = trips.into_iter().map(|trip| TripEdge { cursor: TripCursor::of(&trip), trip });
        Ok(TripPage { edges: edges.collect(), total_count, has_next })
    }

    /// The trip with this reference, locked until the transaction ends: whoever changes a trip
    /// changes its row first, so what is read after the lock belongs together.
    pub(super) async fn trip_for_change(
        &self,
        transaction: &impl ConnectionTrait,
        reference: TripReference,
    ) -> Result<Option<Trip>, StoreError> {
        let wanted = trip::Column::Reference.eq(reference.to_string());
        let found = trip::Entity::find().filter(wanted).lock_exclusive().all(transaction).await?;
        Ok(self.assemble(transaction, found).await?.pop())
    }

    /// The trips in these rows, in their order, with all that belongs to them.
    pub(super) async fn assemble(
        &self,
        database: &impl ConnectionTrait,
        trips: Vec<trip::Model>,
    ) -> Result<Vec<Trip>, StoreError> {
        let rows = rows_of(database, trips).await?;
        rows.into_iter().map(|rows| rows.into_trip(self.vault())).collect()
    }
}

/// All rows of these trips, in their order.
pub(super) async fn rows_of(
    database: &impl ConnectionTrait,
    trips: Vec<trip::Model>,
) -> Result<Vec<TripRows>, StoreError> {
    if trips.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = trips.iter().map(|trip| trip.id).collect();
    let wanted_legs = trip_leg::Column::TripId.is_in(ids.iter().copied());
    let legs = trip_leg::Entity::find().filter(wanted_legs).all(database).await?;
    let wanted = reservation::Column::TripId.is_in(ids);
    let places = places(database, reservation::Entity::find().filter(wanted)).await?;
    let mut legs_of: HashMap<i64, Vec<trip_leg::Model>> = HashMap::new();
    for leg in legs {
        legs_of.entry(leg.trip_id).or_default().push(leg);
    }
    let mut places_of: HashMap<i64, Vec<PlaceRow>> = HashMap::new();
    for place in places {
        places_of.entry(place.0.trip_id).or_default().push(place);
    }
    let rows = trips.into_iter().map(|trip| TripRows {
        legs: legs_of.remove(&trip.id).unwrap_or_default(),
        places: places_of.remove(&trip.id).unwrap_or_default(),
        trip,
    });
    Ok(rows.collect())
}

/// Reservations with their clients and tickets, in one statement.
async fn places(
    database: &impl ConnectionTrait,
    wanted: Select<reservation::Entity>,
) -> Result<Vec<PlaceRow>, StoreError> {
    let found = wanted
        .find_also_related(client::Entity)
        .find_also_related(ticket::Entity)
        .all(database)
        .await?;
    let complete = |(reservation, client, ticket)| Some((reservation, client?, ticket?));
    let incomplete = StoreError::Corrupt("a reservation without client or ticket");
    found.into_iter().map(complete).collect::<Option<_>>().ok_or(incomplete)
}

fn trips_of_client(client: ClientId, when: When, now: DateTime<Utc>) -> Select<trip::Entity> {
    let until = trip::Column::CurrentUntil;
    let of_that_time = match when {
        When::Current => until.gt(now.timestamp()),
        When::Past => until.lte(now.timestamp()),
    };
    trip::Entity::find()
        .join_rev(JoinType::InnerJoin, reservation::Relation::Trip.def())
        .filter(reservation::Column::ClientId.eq(client.0))
        .filter(of_that_time)
}

/// What stands after a place in the list.
fn beyond(cursor: TripCursor, when: When) -> Condition {
    let (departure, id) = (trip::Column::DepartureAt, trip::Column::Id);
    let (later, further) = match when {
        When::Current => (departure.gt(cursor.departure_at), id.gt(cursor.trip_id)),
        When::Past => (departure.lt(cursor.departure_at), id.lt(cursor.trip_id)),
    };
    let same = Condition::all().add(departure.eq(cursor.departure_at)).add(further);
    Condition::any().add(later).add(same)
}
