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
//! of a batch that was interrupted, and the next run removes them.
//!
//! One server at a time does so (see `turns.rs`). What a run writes to the database is refused
//! where another server has taken over; a folder refuses nothing, so the token of the run stands in
//! the names of its files, and a run removes only remains of earlier ones. A server that was
//! stopped half-way through looking for remains never removes what came after it.

mod file;
mod read;

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, Statement, Value,
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
use super::steps::Step;
use super::turns::{ARCHIVING, SHORT_LEASE, Turn, hold};
use super::write::Outcome;

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
}

/// What a run is to do, and in whose turn.
#[derive(Clone)]
struct Run {
    turn: Turn,
    folder: PathBuf,
    before: NaiveDate,
    caller: String,
    now: DateTime<Utc>,
}

impl Store {
    /// Moves trips that departed before a date to the archive, until none is left. `None` where
    /// another server is at it, or was less than a second ago and has not said that it ended.
    ///
    /// [`StoreError::TurnLost`] where another server has taken over; the next run goes on where
    /// this one has ended.
    pub async fn archive(
        &self,
        before: NaiveDate,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Archived>, StoreError> {
        self.ensure_keys().await?;
        let folder = self.archive_folder()?;
        let Some(turn) = self.take_turn(ARCHIVING, SHORT_LEASE).await? else { return Ok(None) };
        let run = Run { turn, folder, before, caller: caller.to_owned(), now };
        self.ended(turn, self.move_all(&run).await).await
    }

    async fn move_all(&self, run: &Run) -> Result<Archived, StoreError> {
        let mut done = Archived::default();
        let mut retries = self.retries();
        loop {
            let (store, run) = (self.clone(), run.clone());
            let is_first = done.segments == 0;
            let batch = self.write(move |transaction| {
                Box::pin(async move {
                    hold(transaction, run.turn).await?;
                    store.step(Step::PartBegun);
                    if is_first {
                        store.sweep(transaction, &run).await?;
                    }
                    store.move_some(transaction, &run).await
                })
            });
            match batch.await {
                Ok(Batch::Moved(trips)) => {
                    done.trips += trips;
                    done.segments += 1;
                    retries = self.retries();
                    self.step(Step::PartCommitted);
                }
                Ok(Batch::NothingLeft) => return Ok(done),
                // A batch that was committed, and did not say so, finds its trips gone.
                Err(error) => retries.again(error).await?,
            }
        }
    }

    /// Gives the turn back, however a run has ended.
    async fn ended(
        &self,
        turn: Turn,
        run: Result<Archived, StoreError>,
    ) -> Result<Option<Archived>, StoreError> {
        let done = run.as_ref().copied().unwrap_or_default();
        let text = format!("{} trips, {} files", done.trips, done.segments);
        // Where this fails, the turn ends by itself a moment later; what was done is done.
        let _ = self.end_turn(turn, text).await;
        run.map(Some)
    }

    /// Brings every trip of the archive, or of one file of it, back into the database. `None`, and
    /// [`StoreError::TurnLost`], as with [`Store::archive`].
    pub async fn restore(
        &self,
        file: Option<&str>,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<Archived>, StoreError> {
        let folder = self.archive_folder()?;
        let Some(turn) = self.take_turn(ARCHIVING, SHORT_LEASE).await? else { return Ok(None) };
        let run = Run { turn, folder, before: now.date_naive(), caller: caller.to_owned(), now };
        self.ended(turn, self.restore_all(file, &run).await).await
    }

    async fn restore_all(&self, file: Option<&str>, run: &Run) -> Result<Archived, StoreError> {
        let mut wanted = archive_segment::Entity::find();
        if let Some(file) = file {
            wanted = wanted.filter(archive_segment::Column::File.eq(file));
        }
        let mut done = Archived::default();
        for segment in wanted.all(self.reader()).await? {
            let (store, run) = (self.clone(), run.clone());
            let restored = self.write(move |transaction| {
                Box::pin(async move {
                    hold(transaction, run.turn).await?;
                    store.step(Step::PartBegun);
                    store.restore_one(transaction, &run, &segment).await
                })
            });
            done.trips += restored.await?;
            done.segments += 1;
            self.step(Step::PartCommitted);
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

    /// Removes what interrupted batches of earlier runs have left behind.
    async fn sweep(&self, transaction: &DatabaseTransaction, run: &Run) -> Result<(), StoreError> {
        let folder = &run.folder;
        let known = archive_segment::Entity::find().all(transaction).await?;
        let prefix = self.archive_prefix();
        if !tokio::fs::try_exists(folder).await.unwrap_or(false) {
            return Ok(());
        }
        let mut entries = tokio::fs::read_dir(folder).await.map_err(StoreError::Archive)?;
        while let Some(entry) = entries.next_entry().await.map_err(StoreError::Archive)? {
            let name = entry.file_name().to_string_lossy().into_owned();
            let token = name.strip_prefix(&prefix).map(token_of);
            if token.is_some_and(|token| token < run.turn.token())
                && known.iter().all(|segment| segment.file != name)
            {
                tokio::fs::remove_file(entry.path()).await.map_err(StoreError::Archive)?;
                tracing::info!(archive.file = name, "archive.remains_removed");
            }
        }
        Ok(())
    }

    async fn move_some(
        &self,
        transaction: &DatabaseTransaction,
        run: &Run,
    ) -> Result<Outcome<Batch>, StoreError> {
        // Who has not departed yet is nobody to be archived, whatever day was said.
        let before = run.before.min(run.now.date_naive());
        let midnight = before.and_time(NaiveTime::MIN).and_utc().timestamp();
        let trips = trip::Entity::find()
            .filter(trip::Column::CurrentUntil.lte(midnight))
            .order_by_asc(trip::Column::CurrentUntil)
            .limit(TRIPS_AT_ONCE)
            .lock_exclusive()
            .all(transaction)
            .await?;
        if trips.is_empty() {
            return Ok(Outcome::Undo(Batch::NothingLeft));
        }
        let by = (run.caller.as_str(), run.now);
        let rows = self.rows_of(transaction, trips).await?;
        let (segment_id, name) = self.new_segment(transaction, run).await?;
        let (folder, file) = (run.folder.clone(), name.clone());
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
        transaction: &DatabaseTransaction,
        run: &Run,
    ) -> Result<(i64, String), StoreError> {
        let token = run.turn.token();
        loop {
            let id = self.new_id(run.now)?;
            let name = format!("{}{token:08x}-{id:016x}.jsonl.zst", self.archive_prefix());
            let is_there = tokio::fs::try_exists(run.folder.join(&name)).await;
            let known = archive_segment::Entity::find_by_id(id).one(transaction).await?;
            if !is_there.map_err(StoreError::Archive)? && known.is_none() {
                return Ok((id, name));
            }
        }
    }

    async fn restore_one(
        &self,
        transaction: &DatabaseTransaction,
        run: &Run,
        segment: &archive_segment::Model,
    ) -> Result<Outcome<u64>, StoreError> {
        let bytes =
            tokio::fs::read(run.folder.join(&segment.file)).await.map_err(StoreError::Archive)?;
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
        let by = (run.caller.as_str(), run.now);
        self.audit_other(transaction, Effect::Restored, subject, by).await?;
        // The file is nobody's now; the next run that archives removes it.
        Ok(Outcome::Keep(count))
    }
}

/// The token in what follows the prefix of a file's name; 0 where there is none.
fn token_of(rest: &str) -> i64 {
    let token = rest.split_once('-').map(|(token, _)| i64::from_str_radix(token, 16));
    token.and_then(Result::ok).unwrap_or(0)
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
