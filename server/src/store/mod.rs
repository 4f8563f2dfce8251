//! Bookings at rest, in SQLite or PostgreSQL.
//!
//! The rules that one request can be judged by are booking's; here are those that two requests
//! can race for, and their arbiter is always a constraint of the database, never a check before a
//! write. A broken constraint comes back as booking's refusal. What else goes wrong is a
//! [`StoreError`].
//!
//! Names and id numbers are encrypted in the database (see [`KeyFile`]) and are in no error, no
//! log and no `Debug` output. Nothing here reads a clock: `now` is an argument, and stored in
//! whole seconds. Randomness comes from [`StoreConfig`].
//!
//! SQLite has one task that writes, which commits what waits for it together (see `write.rs`), and
//! a pool of connections that only read. PostgreSQL has one pool, at READ COMMITTED.

mod affected;
mod api_keys;
mod archive;
mod audit;
mod base64_bytes;
mod book;
mod breaker;
mod change;
mod changes;
mod entities;
mod erase;
mod error;
mod idempotency;
mod key_registry;
mod keys;
mod log_place;
mod lookups;
mod open;
mod page;
mod random;
mod read;
mod replica;
mod retry;
mod rotate;
mod rows;
mod seal;
mod steps;
mod tickets;
mod together;
mod turns;
mod write;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    AccessMode, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, Statement, TransactionTrait,
};

pub use affected::{AffectedPage, BOOKED_LATER, BOOKED_OF_THE_DAY, BookedTrip, FORGET_AFFECTED};
pub use api_keys::{ApiKey, NewApiKey, Revocation};
pub use archive::{ArchiveReport, Archived, archive_date};
pub use audit::{AuditHead, AuditReport, InvalidHead, LookedUp, OLDEST_UNSEALED};
pub use breaker::{BreakerState, BreakerStats};
pub use changes::{ChangeStats, TripChanges};
pub use erase::Erasure;
pub use error::{OpenError, StoreError};
pub use idempotency::{OLDEST_INTERNAL, OLDEST_NAMED};
pub use key_registry::Keys;
pub use keys::{KeyFile, KeyFileError};
pub use lookups::LookupStats;
pub use open::{place, sqlite_file};
pub use page::{InvalidCursor, TripCursor, TripEdge, TripPage, When};
pub use random::{NoRandomness, Randomness};
pub use replica::{ReplicaState, ReplicaStats};
pub use rotate::Rotation;
pub use steps::{Step, StepObserver};
pub use turns::{LEASE, Turn};
pub use write::WriteStats;

use crate::booking::IdNumberCheck;

/// Counts confirmed trips that have not departed at a moment, in seconds since 1970.
///
/// An index answers it without the trips' rows (`current_until` says no more than `departure_at`,
/// but the index begins with it): 48 ms with 200,000 of them in a database of 840 MB, where reading
/// their rows took 1.4 s.
pub const COUNT_ACTIVE_TRIPS: &str = "SELECT count(*) AS trips FROM trips \
    WHERE current_until > $1 AND departure_at > $1 AND status = 'CONFIRMED'";

/// Called after every statement with how long it took and whether it failed; never with its
/// text or values.
pub type StatementObserver = Arc<dyn Fn(Duration, bool) + Send + Sync>;

/// Connections to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolStats {
    /// Those that are open.
    pub open: u32,
    /// Those of them that nobody uses.
    pub idle: u32,
    /// As many as there may be.
    pub most: u32,
}

/// How a store is opened.
#[derive(Clone)]
pub struct StoreConfig {
    /// `sqlite://PATH` or `postgres://USER:PASSWORD@HOST/DATABASE`.
    pub url: String,
    /// A standby of PostgreSQL to read from, where there is one.
    pub replica_url: Option<String>,
    /// What names and id numbers are encrypted with.
    pub keys: KeyFile,
    /// Where they were read from, to be read again when they are rotated.
    pub key_path: Option<PathBuf>,
    /// Which typing errors in id numbers are refused.
    pub id_number_check: IdNumberCheck,
    /// Connections at most: PostgreSQL's pool, SQLite's readers.
    pub connections_max: u32,
    /// How long to wait for SQLite's write lock, and for PostgreSQL to answer at all; a caller
    /// waits two fifths of it for a free connection.
    pub patience: Duration,
    /// Where random bytes come from.
    pub random: Randomness,
    /// Measures the database.
    pub observer: Option<StatementObserver>,
    /// The folder of archived trips, made with the first of them; `None` where there are none.
    pub archive: Option<PathBuf>,
    /// Told of each step of a transaction. Tests end the process there.
    pub steps: Option<StepObserver>,
}

impl StoreConfig {
    /// The usual settings for a database.
    pub fn new(url: impl Into<String>, keys: KeyFile) -> Self {
        Self {
            url: url.into(),
            replica_url: None,
            keys,
            key_path: None,
            id_number_check: IdNumberCheck::default(),
            connections_max: 12,
            patience: Duration::from_secs(5),
            random: Randomness::system(),
            observer: None,
            archive: None,
            steps: None,
        }
    }
}

impl StoreConfig {
    /// How long to wait for a free connection.
    fn acquire_timeout(&self) -> Duration {
        self.patience * 2 / 5
    }
}

/// The URL may contain a password.
impl fmt::Debug for StoreConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoreConfig")
            .field("keys", &self.keys)
            .field("id_number_check", &self.id_number_check)
            .field("connections_max", &self.connections_max)
            .field("patience", &self.patience)
            .finish_non_exhaustive()
    }
}

/// An open database. Cloning it shares its connections.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    replica: Option<replica::Replica>,
    /// SQLite's writer task.
    group_commit: Option<write::GroupCommit>,
    vault: seal::Vault,
    key_path: Option<PathBuf>,
    archive: Option<PathBuf>,
    lookups: lookups::Lookups,
    changes: changes::Changes,
    tickets: tickets::TicketNumbers,
    retry_budget: retry::RetryBudget,
    reading: breaker::Breaker,
    writing: breaker::Breaker,
    id_number_check: IdNumberCheck,
    connections_max: u32,
    patience: Duration,
    random: Randomness,
    steps: steps::Steps,
}

impl Store {
    /// Closes all connections. What was answered is stored whether or not this is called.
    pub async fn close(&self) -> Result<(), StoreError> {
        if let Some(replica) = &self.inner.replica {
            replica.close().await?;
        }
        self.inner.reader.close_by_ref().await?;
        Ok(self.inner.writer.close_by_ref().await?)
    }

    /// The connections of the reading pool, which PostgreSQL writes through, too.
    pub fn pool_stats(&self) -> PoolStats {
        let (open, idle) = if self.reader().get_database_backend() == DbBackend::Postgres {
            let pool = self.reader().get_postgres_connection_pool();
            (pool.size(), pool.num_idle())
        } else {
            let pool = self.reader().get_sqlite_connection_pool();
            (pool.size(), pool.num_idle())
        };
        PoolStats { open, idle: idle as u32, most: self.inner.connections_max }
    }

    /// How many confirmed trips have not departed yet ([`COUNT_ACTIVE_TRIPS`]).
    pub async fn count_active_trips(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let backend = self.reader().get_database_backend();
        let values = [now.timestamp().into()];
        let count = Statement::from_sql_and_values(backend, COUNT_ACTIVE_TRIPS, values);
        let row = self.reader().query_one_raw(count).await?;
        let trips: i64 =
            row.ok_or(StoreError::Corrupt("a count without a row"))?.try_get("", "trips")?;
        Ok(trips.cast_unsigned())
    }

    /// How often a client was found without asking the database.
    pub fn lookup_stats(&self) -> LookupStats {
        self.inner.lookups.stats()
    }

    fn writer(&self) -> &DatabaseConnection {
        &self.inner.writer
    }

    fn reader(&self) -> &DatabaseConnection {
        &self.inner.reader
    }

    fn vault(&self) -> &seal::Vault {
        &self.inner.vault
    }

    fn random(&self) -> &Randomness {
        &self.inner.random
    }

    fn retries(&self) -> retry::Retries<'_> {
        let inner = &self.inner;
        retry::Retries::new(&inner.retry_budget, &inner.random, inner.patience)
    }

    fn step(&self, step: Step) {
        self.inner.steps.reached(step);
    }

    /// Begins a transaction that reads several statements' worth of one moment: without it, a
    /// cancellation between two of them would show a trip that never was.
    async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        // SQLite's transactions are snapshots by themselves.
        if self.reader().get_database_backend() == DbBackend::Sqlite {
            return self.reader().begin().await;
        }
        let level = Some(IsolationLevel::RepeatableRead);
        self.reader().begin_with_config(level, Some(AccessMode::ReadOnly)).await
    }

    /// A number for a new row: milliseconds and chance, so that new rows stand together in their
    /// index. A number that is taken breaks a primary key, and the transaction is tried again.
    fn new_id(&self, now: DateTime<Utc>) -> Result<i64, NoRandomness> {
        const RANDOM_BITS: u32 = 21;
        let [a, b, c] = self.random().bytes::<3>()?;
        let chance = i64::from(u32::from_le_bytes([a, b, c, 0]) & ((1 << RANDOM_BITS) - 1));
        Ok((now.timestamp_millis() << RANDOM_BITS) | chance)
    }
}
