//! Reading archived trips, and looking the archive through.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait, JoinType,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, RelationTrait, Select,
};

use super::file::{self, Line, Place};
use super::{ArchiveReport, Store, StoreError};
use crate::booking::{ClientId, Trip};
use crate::store::entities::{archive_segment, archived_place, archived_trip, client};
use crate::store::page::TripCursor;

/// An archived trip and the file it is in.
type Found = (archived_trip::Model, Option<archive_segment::Model>);

impl Store {
    /// The archived trip that a condition on `archived_trips` names.
    pub(in crate::store) async fn archived(
        &self,
        database: &impl ConnectionTrait,
        wanted: Condition,
    ) -> Result<Option<Trip>, StoreError> {
        let found = archived_trip::Entity::find()
            .filter(wanted)
            .find_also_related(archive_segment::Entity)
            .all(database)
            .await?;
        Ok(self.read_archived(database, found).await?.pop())
    }

    /// How many archived trips a client has.
    pub(in crate::store) async fn count_archived(
        &self,
        database: &impl ConnectionTrait,
        client: ClientId,
    ) -> Result<u64, StoreError> {
        let of_client = archived_place::Column::ClientId.eq(client.0);
        Ok(archived_place::Entity::find().filter(of_client).count(database).await?)
    }

    /// At most `limit` of a client's archived trips after a place in the list, latest first.
    pub(in crate::store) async fn archived_of(
        &self,
        database: &impl ConnectionTrait,
        client: ClientId,
        limit: u64,
        after: Option<TripCursor>,
    ) -> Result<Vec<Trip>, StoreError> {
        let (departure, id) = (archived_trip::Column::DepartureAt, archived_trip::Column::TripId);
        let after = after.map_or_else(Condition::all, |cursor| {
            let same = Condition::all();
            let same = same.add(departure.eq(cursor.departure_at)).add(id.lt(cursor.trip_id));
            Condition::any().add(departure.lt(cursor.departure_at)).add(same)
        });
        let found: Select<archived_trip::Entity> = archived_trip::Entity::find()
            .join_rev(JoinType::InnerJoin, archived_place::Relation::Trip.def())
            .filter(archived_place::Column::ClientId.eq(client.0))
            .filter(after)
            .order_by_desc(departure)
            .order_by_desc(id)
            .limit(limit);
        let found = found.find_also_related(archive_segment::Entity).all(database).await?;
        self.read_archived(database, found).await
    }

    /// Reads trips from their files, in the order given, with the clients as they are now.
    async fn read_archived(
        &self,
        database: &impl ConnectionTrait,
        found: Vec<Found>,
    ) -> Result<Vec<Trip>, StoreError> {
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let folder = self.archive_folder()?;
        let lines = tokio::task::spawn_blocking(move || {
            let read = |(trip, segment): &Found| -> std::io::Result<Line> {
                let segment = segment.as_ref().ok_or_else(|| std::io::Error::other("no file"))?;
                let place = Place {
                    offset: trip.frame_offset as u64,
                    length: trip.frame_length as usize,
                    line: trip.line as usize,
                };
                file::read_line(&folder.join(&segment.file), &place)
            };
            found.iter().map(read).collect::<std::io::Result<Vec<Line>>>()
        });
        let lines = lines
            .await
            .map_err(|_| StoreError::Corrupt("the archive's reader panicked"))?
            .map_err(StoreError::Archive)?;
        let wanted = lines.iter().flat_map(Line::clients);
        let clients =
            client::Entity::find().filter(client::Column::Id.is_in(wanted)).all(database).await?;
        let clients: HashMap<i64, client::Model> =
            clients.into_iter().map(|client| (client.id, client)).collect();
        let mut trips = Vec::with_capacity(lines.len());
        for line in lines {
            let rows = line.into_rows(|id| clients.get(&id).cloned());
            let rows = rows.ok_or(StoreError::Corrupt("an archived trip's client is gone"))?;
            trips.push(rows.into_trip(self.vault())?);
        }
        Ok(trips)
    }

    /// Looks the whole archive through: every file is there and as it was written, and has the
    /// trips that it should.
    pub async fn verify_archive(&self) -> Result<ArchiveReport, StoreError> {
        let mut report = ArchiveReport::default();
        let segments = archive_segment::Entity::find().all(self.reader()).await?;
        for segment in segments {
            report.segments += 1;
            match self.verify_segment(&segment).await {
                Ok(trips) => report.trips += trips,
                Err(StoreError::Archive(error)) => {
                    report.findings.push(format!("{}: {error}", segment.file));
                }
                Err(StoreError::Corrupt(what)) => {
                    report.findings.push(format!("{}: {what}", segment.file));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(report)
    }

    async fn verify_segment(&self, segment: &archive_segment::Model) -> Result<u64, StoreError> {
        let path = self.archive_folder()?.join(&segment.file);
        let bytes = tokio::fs::read(path).await.map_err(StoreError::Archive)?;
        if blake3::hash(&bytes).as_bytes().as_slice() != segment.hash {
            return Err(StoreError::Corrupt("is not what was written"));
        }
        let lines = file::parse(&bytes).map_err(StoreError::Archive)?;
        let of_segment = archived_trip::Column::SegmentId.eq(segment.id);
        let known = archived_trip::Entity::find().filter(of_segment).all(self.reader()).await?;
        let known: HashMap<i64, String> =
            known.into_iter().map(|trip| (trip.trip_id, trip.reference)).collect();
        let same = |line: &Line| known.get(&line.trip.id) == Some(&line.trip.reference);
        if known.len() != lines.len() || !lines.iter().all(same) {
            return Err(StoreError::Corrupt("has other trips than it should"));
        }
        Ok(lines.len() as u64)
    }

    /// All rows of these trips.
    pub(super) async fn rows_of(
        &self,
        transaction: &DatabaseTransaction,
        trips: Vec<crate::store::entities::trip::Model>,
    ) -> Result<Vec<crate::store::rows::TripRows>, StoreError> {
        crate::store::read::rows_of(transaction, trips).await
    }
}

/// The first moment of the day a year before, from which trips are kept in the database.
pub fn archive_date(now: DateTime<Utc>) -> chrono::NaiveDate {
    let today = now.date_naive();
    today.checked_sub_months(chrono::Months::new(12)).unwrap_or(today)
}
