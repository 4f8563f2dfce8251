//! Cold storage: trips that departed long ago move out of the database.
//!
//! They go to files of JSON Lines, compressed with zstd in frames of some trips each, so that one
//! trip can be read without its neighbours and `zstd -dc` prints them all. Names and id numbers are
//! in them as they are sealed in the database, but never a data key: who is erased is erased there,
//! too. The database keeps where each trip is.
//!
//! A batch is one transaction. Its file is written and synced first; then the trips' rows go and
//! their places in the archive come, together. Until the commit a trip is in the database, and the
//! file is nobody's; from the commit on it is in the archive. Files that no row names are remains
//! of a batch that was interrupted, and the next one removes them.

mod file;
mod read;

use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Statement, Value,
};

pub(super) use file::Line;
pub use read::archive_date;

use super::Store;
use super::audit::Effect;
use super::entities::{
    archive_segment, archived_place, archived_trip, reservation, ticket, trip, trip_leg,
};
use super::error::StoreError;
use super::rows::TripRows;
use super::write::Outcome;

/// Any number will do, as long as all servers use the same.
const ARCHIVE_LOCK: i64 = 0x7261_6172;

/// Trips moved in one transaction: a few ten milliseconds, in which SQLite's writer does nothing
/// else.
const TRIPS_AT_ONCE: u64 = 500;

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Archived {
    /// Trips.
    pub trips: u64,
    /// Files they are in.
    pub segments: u64,
}

/// What looking through the archive has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ArchiveReport {
    /// Trips in the archive.
    pub trips: u64,
    /// Files.
    pub segments: u64,
    /// What is wrong, a sentence each; empty where nothing is.
    pub findings: Vec<String>,
}

/// How a batch ended.
enum Batch {
    Moved(u64),
    NothingLeft,
    /// Another server is at it.
    Busy,
}

impl Store {
    /// Moves trips that departed before a date to the archive, until none is left. `None` where
    /// another server is at it.
    pub async fn archive(
        &self,
        before: NaiveDate,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Archived>, StoreError> {
        self.ensure_keys().await?;
        let folder = self.archive_folder()?;
        let mut done = Archived::default();
        let mut retries = self.retries();
        loop {
            let (store, folder, caller) = (self.clone(), folder.clone(), caller.to_owned());
            let is_first = done.segments == 0;
            let batch = self.write(move |transaction| {
                Box::pin(async move {
                    if !take_lock(transaction).await? {
                        return Ok(Outcome::Undo(Batch::Busy));
                    }
                    if is_first {
                        store.sweep(transaction, &folder).await?;
                    }
                    store.move_some(transaction, &folder, before, (caller.as_str(), now)).await
                })
            });
            match batch.await {
                Ok(Batch::Moved(trips)) => {
                    done.trips += trips;
                    done.segments += 1;
                    retries = self.retries();
                }
                Ok(Batch::Busy) if is_first => return Ok(None),
                Ok(Batch::NothingLeft | Batch::Busy) => return Ok(Some(done)),
                // A batch that was committed, and did not say so, finds its trips gone.
                Err(error) => retries.again(error).await?,
            }
        }
    }

    /// Brings every trip of the archive, or of one file of it, back into the database.
    pub async fn restore(
        &self,
        file: Option<&str>,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Archived, StoreError> {
        let folder = self.archive_folder()?;
        let mut wanted = archive_segment::Entity::find();
        if let Some(file) = file {
            wanted = wanted.filter(archive_segment::Column::File.eq(file));
        }
        let mut done = Archived::default();
        for segment in wanted.all(self.reader()).await? {
            let path = folder.join(&segment.file);
            let (store, caller) = (self.clone(), caller.to_owned());
            let restored = self.write(move |transaction| {
                Box::pin(async move {
                    store.restore_one(transaction, &path, &segment, (caller.as_str(), now)).await
                })
            });
            if let Some(trips) = restored.await? {
                done.trips += trips;
                done.segments += 1;
            }
        }
        Ok(done)
    }

    fn archive_folder(&self) -> Result<PathBuf, StoreError> {
        self.inner.archive.clone().ok_or(StoreError::NoArchive)
    }

    /// The files of this database in a folder that others may use, too, begin like this.
    fn archive_prefix(&self) -> String {
        let ring = self.vault().ring();
        let hash = blake3::keyed_hash(ring.audit_key(), b"archive");
        format!("trips-{}-", &hash.to_hex()[..8])
    }

    /// Removes what an interrupted batch has left behind.
    async fn sweep(
        &self,
        transaction: &DatabaseTransaction,
        folder: &Path,
    ) -> Result<(), StoreError> {
        let known = archive_segment::Entity::find().all(transaction).await?;
        let prefix = self.archive_prefix();
        if !tokio::fs::try_exists(folder).await.unwrap_or(false) {
            return Ok(());
        }
        let mut entries = tokio::fs::read_dir(folder).await.map_err(StoreError::Archive)?;
        while let Some(entry) = entries.next_entry().await.map_err(StoreError::Archive)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&prefix) && known.iter().all(|segment| segment.file != name) {
                tokio::fs::remove_file(entry.path()).await.map_err(StoreError::Archive)?;
                tracing::info!(archive.file = name, "archive.remains_removed");
            }
        }
        Ok(())
    }

    async fn move_some(
        &self,
        transaction: &DatabaseTransaction,
        folder: &Path,
        before: NaiveDate,
        by: (&str, DateTime<Utc>),
    ) -> Result<Outcome<Batch>, StoreError> {
        // Who has not departed yet is nobody to be archived, whatever day was said.
        let before = before.min(by.1.date_naive());
        let turn = before.and_time(NaiveTime::MIN).and_utc().timestamp();
        let trips = trip::Entity::find()
            .filter(trip::Column::CurrentUntil.lte(turn))
            .order_by_asc(trip::Column::CurrentUntil)
            .limit(TRIPS_AT_ONCE)
            .lock_exclusive()
            .all(transaction)
            .await?;
        if trips.is_empty() {
            return Ok(Outcome::Undo(Batch::NothingLeft));
        }
        let rows = self.rows_of(transaction, trips).await?;
        let (segment_id, name) = self.new_segment(folder, by.1).await?;
        let (folder, file) = (folder.to_owned(), name.clone());
        let written = tokio::task::spawn_blocking(move || file::write(&folder, &file, rows)).await;
        let (written, rows) = written
            .map_err(|_| StoreError::Corrupt("the archive's writer panicked"))?
            .map_err(StoreError::Archive)?;
        let segment = archive_segment::Model {
            id: segment_id,
            file: name,
            trips: rows.len() as i32,
            bytes: written.bytes as i64,
            hash: written.hash.to_vec(),
            created_at: by.1.timestamp(),
        };
        let subject = format!(
            "{} trips in {}, BLAKE3 {}",
            rows.len(),
            segment.file,
            blake3::Hash::from(written.hash).to_hex()
        );
        archive_segment::Entity::insert(segment.into_active_model())
            .exec_without_returning(transaction)
            .await?;
        enter(transaction, segment_id, &rows, &written).await?;
        delete_rows(transaction, &rows).await?;
        self.audit_other(transaction, Effect::Archived, subject, by).await?;
        Ok(Outcome::Keep(Batch::Moved(rows.len() as u64)))
    }

    /// The number and the file's name of a new segment. All of a run begin with the same moment, so
    /// that chance gives two of them the same number now and then: then there is another one.
    async fn new_segment(
        &self,
        folder: &Path,
        now: DateTime<Utc>,
    ) -> Result<(i64, String), StoreError> {
        loop {
            let id = self.new_id(now)?;
            let name = format!("{}{id:016x}.jsonl.zst", self.archive_prefix());
            let is_taken = tokio::fs::try_exists(folder.join(&name)).await;
            if !is_taken.map_err(StoreError::Archive)? {
                return Ok((id, name));
            }
        }
    }

    async fn restore_one(
        &self,
        transaction: &DatabaseTransaction,
        path: &Path,
        segment: &archive_segment::Model,
        by: (&str, DateTime<Utc>),
    ) -> Result<Outcome<Option<u64>>, StoreError> {
        if !take_lock(transaction).await? {
            return Ok(Outcome::Undo(None));
        }
        let bytes = tokio::fs::read(path).await.map_err(StoreError::Archive)?;
        if blake3::hash(&bytes).as_bytes().as_slice() != segment.hash {
            return Err(StoreError::Corrupt("an archive file is not what was written"));
        }
        let lines = file::parse(&bytes).map_err(StoreError::Archive)?;
        let of_segment = archived_trip::Column::SegmentId.eq(segment.id);
        let known = archived_trip::Entity::find().filter(of_segment.clone());
        let known = known.all(transaction).await?;
        if known.len() != lines.len() {
            return Err(StoreError::Corrupt("an archive file has other trips than it should"));
        }
        let ids: Vec<i64> = known.iter().map(|trip| trip.trip_id).collect();
        archived_place::Entity::delete_many()
            .filter(archived_place::Column::TripId.is_in(ids))
            .exec(transaction)
            .await?;
        archived_trip::Entity::delete_many().filter(of_segment).exec(transaction).await?;
        archive_segment::Entity::delete_by_id(segment.id).exec(transaction).await?;
        let count = lines.len() as u64;
        insert_lines(transaction, lines).await?;
        let subject = format!("{count} trips from {}", segment.file);
        self.audit_other(transaction, Effect::Restored, subject, by).await?;
        // The file is nobody's now; the next batch that is archived removes it.
        Ok(Outcome::Keep(Some(count)))
    }
}

/// PostgreSQL's servers take turns; SQLite has one writer anyway.
async fn take_lock(transaction: &DatabaseTransaction) -> Result<bool, StoreError> {
    let backend = transaction.get_database_backend();
    if backend != DbBackend::Postgres {
        return Ok(true);
    }
    let sql = format!("SELECT pg_try_advisory_xact_lock({ARCHIVE_LOCK}) AS mine");
    let row = transaction.query_one_raw(Statement::from_string(backend, sql)).await?;
    Ok(row.is_some_and(|row| row.try_get("", "mine").unwrap_or(false)))
}

/// Notes where the trips are.
async fn enter(
    transaction: &DatabaseTransaction,
    segment_id: i64,
    rows: &[TripRows],
    written: &file::Written,
) -> Result<(), StoreError> {
    let trips = rows.iter().zip(&written.places).map(|(rows, place)| archived_trip::Model {
        trip_id: rows.trip.id,
        reference: rows.trip.reference.clone(),
        version: rows.trip.version,
        departure_at: rows.trip.departure_at,
        segment_id,
        frame_offset: place.offset as i64,
        frame_length: place.length as i32,
        line: place.line as i32,
    });
    let trips = trips.map(IntoActiveModel::into_active_model);
    archived_trip::Entity::insert_many(trips).exec_without_returning(transaction).await?;
    let places = rows.iter().flat_map(|rows| {
        rows.places.iter().map(|(reservation, ..)| archived_place::Model {
            client_id: reservation.client_id,
            departure_at: rows.trip.departure_at,
            trip_id: rows.trip.id,
        })
    });
    let places = places.map(IntoActiveModel::into_active_model);
    archived_place::Entity::insert_many(places).exec_without_returning(transaction).await?;
    Ok(())
}

/// Removes trips with all that belongs to them.
async fn delete_rows(
    transaction: &DatabaseTransaction,
    rows: &[TripRows],
) -> Result<(), StoreError> {
    let trips: Vec<i64> = rows.iter().map(|rows| rows.trip.id).collect();
    let marks: Vec<_> = (1..=trips.len()).map(|at| format!("${at}")).collect();
    let marks = marks.join(", ");
    for sql in [
        "DELETE FROM tickets WHERE reservation_id IN \
         (SELECT id FROM reservations WHERE trip_id IN (MARKS))",
        "DELETE FROM reservations WHERE trip_id IN (MARKS)",
        "DELETE FROM trip_legs WHERE trip_id IN (MARKS)",
        "DELETE FROM trips WHERE id IN (MARKS)",
    ] {
        let values = trips.iter().copied().map(Value::from);
        let statement = Statement::from_sql_and_values(
            transaction.get_database_backend(),
            sql.replace("MARKS", &marks),
            values,
        );
        transaction.execute_raw(statement).await?;
    }
    Ok(())
}

/// Writes archived trips back as they were.
async fn insert_lines(
    transaction: &DatabaseTransaction,
    lines: Vec<Line>,
) -> Result<(), StoreError> {
    // Below SQLite's 32,766 values in a statement, with nine travellers in each trip.
    const LINES_AT_ONCE: usize = 250;
    let mut lines = lines.into_iter().peekable();
    while lines.peek().is_some() {
        let (mut trips, mut legs, mut reservations, mut tickets) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for line in lines.by_ref().take(LINES_AT_ONCE) {
            trips.push(line.trip.into_active_model());
            legs.extend(line.legs.into_iter().map(IntoActiveModel::into_active_model));
            for place in line.places {
                reservations.push(place.reservation.into_active_model());
                tickets.push(place.ticket.into_active_model());
            }
        }
        trip::Entity::insert_many(trips).exec_without_returning(transaction).await?;
        trip_leg::Entity::insert_many(legs).exec_without_returning(transaction).await?;
        reservation::Entity::insert_many(reservations).exec_without_returning(transaction).await?;
        ticket::Entity::insert_many(tickets).exec_without_returning(transaction).await?;
    }
    Ok(())
}
