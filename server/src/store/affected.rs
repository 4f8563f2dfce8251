//! Trips that a new network file affects: what there is to compare, and what was found.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel,
    JoinType, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RelationTrait, Select,
    Statement, Value,
};

use super::Store;
use super::breaker::Use;
use super::entities::{Status, affected_leg, affected_trip, trip, trip_leg};
use super::error::StoreError;
use super::page::TripCursor;
use super::rows::{leg_of, local_moment, moment};
use super::turns::{Turn, hold};
use super::write::Outcome;
use crate::booking::{AffectedTrip, LegChange, Ride, TripId};

/// Trips that stand whose day ends when that of the last one did, from its number on. Together with
/// those of later days in one statement, one database or the other would read from the beginning of
/// the day, or sort all that are left, for every page.
pub const BOOKED_OF_THE_DAY: &str = "SELECT current_until, id FROM trips \
    WHERE current_until = $1 AND id > $2 AND status = 'CONFIRMED' ORDER BY id LIMIT $3";

/// Trips that stand whose day ends later.
pub const BOOKED_LATER: &str = "SELECT current_until, id FROM trips \
    WHERE current_until > $1 AND status = 'CONFIRMED' ORDER BY current_until, id LIMIT $2";

/// Few are affected: each is looked up, rather than all trips read for them.
pub const FORGET_AFFECTED: &str = "DELETE FROM affected_trips WHERE EXISTS (SELECT 1 FROM trips \
    WHERE trips.id = affected_trips.trip_id AND (status <> 'CONFIRMED' OR current_until <= $1))";

/// A trip that is to be travelled yet, as far as it is compared with a network.
#[derive(Debug, Clone)]
pub struct BookedTrip {
    /// Which.
    pub id: TripId,
    /// Its place in the order in which trips are compared.
    pub place: (i64, i64),
    /// Its legs in their order.
    pub rides: Vec<Ride>,
}

/// Some of the affected trips.
#[derive(Debug, Clone)]
pub struct AffectedPage {
    /// Soonest departure first, each with its place.
    pub trips: Vec<(TripCursor, AffectedTrip)>,
    /// On all pages together.
    pub total_count: u64,
    /// Whether there are more after these.
    pub has_next: bool,
}

/// Trips that stand, and whose day of departure is not over.
fn current(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(trip::Column::Status.eq(Status::Confirmed))
        .add(trip::Column::CurrentUntil.gt(now.timestamp()))
}

impl Store {
    /// At most `first` trips that are to be travelled yet, after a place; those of the next days
    /// first.
    pub async fn booked_trips(
        &self,
        now: DateTime<Utc>,
        first: u64,
        after: Option<(i64, i64)>,
    ) -> Result<Vec<BookedTrip>, StoreError> {
        // Days that end now are over; no trip's number is beyond the greatest.
        let over = (now.timestamp(), i64::MAX);
        let (until, id) = after.map_or(over, |place| place.max(over));
        let of_the_day = [until.into(), id.into(), first.into()];
        let mut trips = self.places(BOOKED_OF_THE_DAY, of_the_day).await?;
        let left = first - trips.len() as u64;
        if left > 0 {
            trips.extend(self.places(BOOKED_LATER, [until.into(), left.into()]).await?);
        }
        let ids = trips.iter().map(|(_, id)| *id);
        let legs = trip_leg::Entity::find()
            .filter(trip_leg::Column::TripId.is_in(ids))
            .order_by_asc(trip_leg::Column::Position)
            .all(self.reader())
            .await?;
        let mut rides: HashMap<i64, Vec<Ride>> = HashMap::new();
        for leg in legs {
            rides.entry(leg.trip_id).or_default().push(leg_of(leg)?.ride);
        }
        let booked = trips.into_iter().map(|(until, id)| BookedTrip {
            id: TripId(id),
            place: (until, id),
            rides: rides.remove(&id).unwrap_or_default(),
        });
        Ok(booked.collect())
    }

    async fn places<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Vec<(i64, i64)>, StoreError> {
        let backend = self.reader().get_database_backend();
        let found = Statement::from_sql_and_values(backend, sql, values);
        let mut places = Vec::new();
        for row in self.reader().query_all_raw(found).await? {
            places.push((row.try_get("", "current_until")?, row.try_get("", "id")?));
        }
        Ok(places)
    }

    /// Notes what has become of these trips: those without a change are affected no more.
    ///
    /// [`StoreError::TurnLost`] where another server has taken over; nothing is written then.
    pub async fn note_affected(
        &self,
        turn: Turn,
        version: &str,
        judged: Vec<(TripId, Vec<(usize, LegChange)>)>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let ids: Vec<i64> = judged.iter().map(|(trip, _)| trip.0).collect();
        let of_these = affected_trip::Column::TripId.is_in(ids.iter().copied());
        let known = affected_trip::Entity::find().filter(of_these).all(self.reader()).await?;
        if known.is_empty() && judged.iter().all(|(_, changes)| changes.is_empty()) {
            return Ok(());
        }
        let found_at: HashMap<i64, i64> =
            known.iter().map(|row| (row.trip_id, row.found_at)).collect();
        let (mut trips, mut legs) = (Vec::new(), Vec::new());
        for (trip, changes) in judged.into_iter().filter(|(_, changes)| !changes.is_empty()) {
            trips.push(affected_trip::Model {
                trip_id: trip.0,
                network_version: version.to_owned(),
                found_at: found_at.get(&trip.0).copied().unwrap_or_else(|| now.timestamp()),
            });
            legs.extend(changes.into_iter().map(|(at, change)| leg_row(trip, at, change)));
        }
        self.write(move |transaction| {
            let (trips, legs, ids) = (trips.clone(), legs.clone(), ids.clone());
            Box::pin(async move {
                hold(transaction, turn).await?;
                replace(transaction, &ids, trips, legs).await?;
                Ok(Outcome::Keep(()))
            })
        })
        .await
    }

    /// Forgets trips that were cancelled, or whose day is over.
    pub async fn forget_affected(&self, turn: Turn, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.write(move |transaction| {
            Box::pin(async move {
                hold(transaction, turn).await?;
                let backend = transaction.get_database_backend();
                let values = [Value::from(now.timestamp())];
                transaction
                    .execute_raw(Statement::from_sql_and_values(backend, FORGET_AFFECTED, values))
                    .await?;
                Ok(Outcome::Keep(()))
            })
        })
        .await
    }

    /// At most `first` affected trips that are to be travelled yet, after a place in the list.
    pub async fn affected_trips(
        &self,
        now: DateTime<Utc>,
        first: u32,
        after: Option<TripCursor>,
    ) -> Result<AffectedPage, StoreError> {
        let read = || self.page_of_affected(now, first, after);
        self.guarded(Use::Read, self.with_fresh_keys(read)).await
    }

    async fn page_of_affected(
        &self,
        now: DateTime<Utc>,
        first: u32,
        after: Option<TripCursor>,
    ) -> Result<AffectedPage, StoreError> {
        let all = affected(now);
        let snapshot = self.reading_snapshot().await?;
        let total_count = all.clone().count(&snapshot).await?;
        let beyond = after.map_or_else(Condition::all, |cursor| {
            let (departure, id) = (trip::Column::DepartureAt, trip::Column::Id);
            let same =
                Condition::all().add(departure.eq(cursor.departure_at)).add(id.gt(cursor.trip_id));
            Condition::any().add(departure.gt(cursor.departure_at)).add(same)
        });
        let mut found = all
            .filter(beyond)
            .order_by_asc(trip::Column::DepartureAt)
            .order_by_asc(trip::Column::Id)
            // One more than wanted tells whether there is a next page.
            .limit(u64::from(first) + 1)
            .all(&snapshot)
            .await?;
        let has_next = found.len() > first as usize;
        found.truncate(first as usize);
        let ids: Vec<i64> = found.iter().map(|trip| trip.id).collect();
        let notes = notes(&snapshot, &ids).await?;
        let trips = self.assemble(&snapshot, found).await?;
        snapshot.commit().await?;
        let mut listed = Vec::with_capacity(trips.len());
        for trip in trips {
            let Some((note, changes)) = notes.get(&trip.id().0) else { continue };
            let affected = AffectedTrip {
                network_version: note.network_version.clone(),
                found_at: moment(note.found_at)?,
                changes: changes.clone(),
                trip,
            };
            listed.push((TripCursor::of(&affected.trip), affected));
        }
        Ok(AffectedPage { trips: listed, total_count, has_next })
    }
}

/// The rows of the affected trips that are to be travelled yet.
fn affected(now: DateTime<Utc>) -> Select<trip::Entity> {
    trip::Entity::find()
        .join_rev(JoinType::InnerJoin, affected_trip::Relation::Trip.def())
        .filter(current(now))
}

/// What was noted of a trip.
type Note = (affected_trip::Model, Vec<(usize, LegChange)>);

async fn notes(
    database: &impl ConnectionTrait,
    ids: &[i64],
) -> Result<HashMap<i64, Note>, StoreError> {
    let of_these = affected_trip::Column::TripId.is_in(ids.iter().copied());
    let trips = affected_trip::Entity::find().filter(of_these).all(database).await?;
    let mut notes: HashMap<i64, Note> =
        trips.into_iter().map(|row| (row.trip_id, (row, Vec::new()))).collect();
    let legs = affected_leg::Entity::find()
        .filter(affected_leg::Column::TripId.is_in(ids.iter().copied()))
        .order_by_asc(affected_leg::Column::Position)
        .all(database)
        .await?;
    for leg in legs {
        if let Some((_, changes)) = notes.get_mut(&leg.trip_id) {
            changes.push((leg.position as usize, change_of(&leg)?));
        }
    }
    Ok(notes)
}

async fn replace(
    transaction: &DatabaseTransaction,
    ids: &[i64],
    trips: Vec<affected_trip::Model>,
    legs: Vec<affected_leg::Model>,
) -> Result<(), StoreError> {
    affected_trip::Entity::delete_many()
        .filter(affected_trip::Column::TripId.is_in(ids.iter().copied()))
        .exec(transaction)
        .await?;
    // A trip may have been archived since it was read.
    let of_these = trip::Column::Id.is_in(trips.iter().map(|row| row.trip_id));
    let there: Vec<i64> = trip::Entity::find()
        .filter(of_these)
        .select_only()
        .column(trip::Column::Id)
        .into_tuple()
        .all(transaction)
        .await?;
    let there: HashSet<i64> = there.into_iter().collect();
    let trips = trips.into_iter().filter(|row| there.contains(&row.trip_id));
    let legs = legs.into_iter().filter(|row| there.contains(&row.trip_id));
    let trips: Vec<_> = trips.map(IntoActiveModel::into_active_model).collect();
    let legs: Vec<_> = legs.map(IntoActiveModel::into_active_model).collect();
    if !trips.is_empty() {
        affected_trip::Entity::insert_many(trips).exec_without_returning(transaction).await?;
        affected_leg::Entity::insert_many(legs).exec_without_returning(transaction).await?;
    }
    Ok(())
}

fn leg_row(trip: TripId, position: usize, change: LegChange) -> affected_leg::Model {
    let (name, times) = match change {
        LegChange::Gone => ("GONE", None),
        LegChange::StationChanged => ("STATION_CHANGED", None),
        LegChange::Retimed { departure, arrival } => ("RETIMED", Some((departure, arrival))),
    };
    let offset = |at: chrono::DateTime<chrono::FixedOffset>| at.offset().local_minus_utc();
    affected_leg::Model {
        trip_id: trip.0,
        position: position as i16,
        change: name.to_owned(),
        departure_at: times.map(|(departure, _)| departure.timestamp()),
        departure_offset_s: times.map(|(departure, _)| offset(departure)),
        arrival_at: times.map(|(_, arrival)| arrival.timestamp()),
        arrival_offset_s: times.map(|(_, arrival)| offset(arrival)),
    }
}

fn change_of(row: &affected_leg::Model) -> Result<LegChange, StoreError> {
    let invalid = || StoreError::Corrupt("a leg's change");
    match row.change.as_str() {
        "GONE" => Ok(LegChange::Gone),
        "STATION_CHANGED" => Ok(LegChange::StationChanged),
        "RETIMED" => {
            let at = |seconds: Option<i64>, offset: Option<i32>| {
                local_moment(seconds.ok_or_else(invalid)?, offset.ok_or_else(invalid)?)
            };
            Ok(LegChange::Retimed {
                departure: at(row.departure_at, row.departure_offset_s)?,
                arrival: at(row.arrival_at, row.arrival_offset_s)?,
            })
        }
        _ => Err(invalid()),
    }
}
