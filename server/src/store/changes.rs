//! Telling of trips that have changed: every server hears of what any server has committed.
//!
//! What is told is which trip, and no more: whoever hears it reads the trip. On SQLite, which has
//! one server, it is told after the commit. On PostgreSQL the transaction itself notifies, so that
//! what is not committed is never told, and every server listens on one connection. Where that
//! connection was lost, notifications may have been missed: once it is back, everything is told to
//! have changed.
//!
//! A booking is told nobody: a trip that was not there has nobody who waits for it.

use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sea_orm::sqlx::{self, ConnectOptions as _, Executor as _};
use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use tokio::sync::{Semaphore, broadcast};
use tokio::time::timeout;

use super::Store;
use super::error::{OpenError, StoreError};
use crate::booking::{Trip, TripId};

/// The name under which PostgreSQL tells.
const CHANNEL: &str = "railgraph_trip_changed";

/// Changes that somebody who listens may be behind; beyond, everything is taken to have changed.
const BEHIND_MAX: usize = 1024;

/// How long nothing may be heard before the connection is asked whether it lives.
const QUIET_MAX: Duration = Duration::from_secs(5);

/// How long the database may take to answer on the connection.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long to wait before the next attempt to listen.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// How long to wait before a trip is read again that could not be read.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Trips that are read again at once because they may have changed: where everything may have,
/// bookings still get their connections.
const READ_AT_ONCE: usize = 4;

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Trip(TripId),
    /// Anything may have.
    All,
}

/// What was told since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChangeStats {
    /// Trips that were told to have changed.
    pub told: u64,
    /// Times that everything may have changed, since the connection was lost.
    pub lost: u64,
    /// Whether changes are heard at the moment.
    pub is_heard: bool,
}

/// Those who wait for changes, and the way to them.
#[derive(Debug)]
pub(super) struct Changes {
    sender: broadcast::Sender<Change>,
    /// Of PostgreSQL; none where there is one server.
    listen_to: Option<PgConnectOptions>,
    reading: Semaphore,
    told: AtomicU64,
    lost: AtomicU64,
    is_heard: AtomicBool,
}

impl Changes {
    /// Nobody waits yet. `url` is that of the database.
    pub(super) fn new(url: &str, backend: DbBackend) -> Result<Self, OpenError> {
        let listen_to = match backend {
            DbBackend::Postgres => {
                let options = PgConnectOptions::from_str(url)
                    .map_err(|error| OpenError::Url { reason: error.to_string() })?;
                Some(options.application_name("railgraph listener").disable_statement_logging())
            }
            _ => None,
        };
        Ok(Self {
            sender: broadcast::Sender::new(BEHIND_MAX),
            is_heard: AtomicBool::new(listen_to.is_none()),
            listen_to,
            reading: Semaphore::new(READ_AT_ONCE),
            told: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        })
    }

    fn tell(&self, change: Change) {
        match change {
            Change::Trip(_) => self.told.fetch_add(1, Ordering::Relaxed),
            Change::All => self.lost.fetch_add(1, Ordering::Relaxed),
        };
        // Nobody may wait.
        let _ = self.sender.send(change);
    }

    /// Listens until the connection fails.
    async fn listen(&self, options: &PgConnectOptions) -> Result<(), sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE);
        let pool = pool.connect_lazy_with(options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        in_time(listener.listen(CHANNEL)).await?;
        if !self.is_heard.swap(true, Ordering::Relaxed) {
            tracing::info!("changes.heard");
        }
        // What was committed before we listened.
        self.tell(Change::All);
        loop {
            match timeout(QUIET_MAX, listener.try_recv()).await {
                Ok(Ok(Some(told))) => {
                    if let Ok(id) = told.payload().parse() {
                        self.tell(Change::Trip(TripId(id)));
                    }
                }
                Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
                Ok(Err(error)) => return Err(error),
                // A connection whose other end has gone without a word says nothing either.
                Err(_) => in_time(listener.execute("SELECT 1")).await.map(|_| ())?,
            }
        }
    }
}

async fn in_time<T>(asked: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    timeout(PATIENCE, asked).await.map_err(|_| sqlx::Error::PoolTimedOut)?
}

impl Store {
    /// Hears what other servers, and this one, have changed, for ever. Without it nobody hears of
    /// changes on PostgreSQL; on SQLite it has nothing to do and ends at once.
    pub async fn hear_changes(self) {
        let changes = &self.inner.changes;
        let Some(options) = &changes.listen_to else { return };
        loop {
            let Err(error) = changes.listen(options).await else { return };
            // Once, not at every attempt, while the database is away.
            if changes.is_heard.swap(false, Ordering::Relaxed) {
                tracing::warn!(error.cause = %error, "changes.not_heard");
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
    }

    /// What was told since the start.
    pub fn change_stats(&self) -> ChangeStats {
        let changes = &self.inner.changes;
        ChangeStats {
            told: changes.told.load(Ordering::Relaxed),
            lost: changes.lost.load(Ordering::Relaxed),
            is_heard: changes.is_heard.load(Ordering::Relaxed),
        }
    }

    /// Has the transaction tell, where it is PostgreSQL's, of what it changes.
    pub(super) async fn notify_changed(
        &self,
        transaction: &DatabaseTransaction,
        id: TripId,
    ) -> Result<(), StoreError> {
        if transaction.get_database_backend() == DbBackend::Postgres {
            let sql = "SELECT pg_notify($1, $2)";
            let values = [CHANNEL.into(), id.0.to_string().into()];
            let notify = Statement::from_sql_and_values(DbBackend::Postgres, sql, values);
            transaction.execute_raw(notify).await?;
        }
        Ok(())
    }

    /// Tells of what was committed, where the database does not.
    pub(super) fn tell_changed(&self, id: TripId) {
        if self.inner.changes.listen_to.is_none() {
            self.inner.changes.tell(Change::Trip(id));
        }
    }

    /// The changes from now on of a trip, which is read after this was called, and then named by
    /// [`TripChanges::of`]: so nothing is missed in between.
    pub fn changes(&self) -> TripChanges {
        TripChanges {
            store: self.clone(),
            receiver: self.inner.changes.sender.subscribe(),
            seen: None,
            may_have_changed: false,
        }
    }
}

/// The changes of one trip.
pub struct TripChanges {
    store: Store,
    receiver: broadcast::Receiver<Change>,
    /// The trip, and the version that was told last.
    seen: Option<(TripId, i32)>,
    may_have_changed: bool,
}

impl TripChanges {
    /// Of this trip, whose version is known.
    #[must_use]
    pub fn of(mut self, trip: &Trip) -> Self {
        self.saw(trip);
        self
    }

    fn saw(&mut self, trip: &Trip) {
        self.seen = Some((trip.id(), trip.version()));
    }

    /// The trip, once it has another version than the one that was told last. Versions that come
    /// faster than they are asked for are told as one. `None` where the trip is no more. While the
    /// database is away it waits, and then tells what was missed.
    ///
    /// # Errors
    ///
    /// Where the trip cannot be read for another reason.
    pub async fn next(&mut self) -> Option<Result<Trip, StoreError>> {
        let (id, version) = self.seen?;
        loop {
            self.wait(id).await?;
            let place = self.store.inner.changes.reading.acquire().await.ok()?;
            let found = self.store.trip_by_id(id).await;
            drop(place);
            self.may_have_changed = false;
            match found {
                Ok(Some(trip)) if trip.version() != version => {
                    self.saw(&trip);
                    return Some(Ok(trip));
                }
                Ok(Some(_)) => {}
                Ok(None) => return None,
                Err(StoreError::Unavailable(_) | StoreError::Contention { .. }) => {
                    self.may_have_changed = true;
                    tokio::time::sleep(READ_AGAIN_AFTER).await;
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    /// Waits until the trip may have changed, and takes everything that has been told until then:
    /// one reading is enough for all.
    async fn wait(&mut self, id: TripId) -> Option<()> {
        use broadcast::error::{RecvError, TryRecvError};
        while !self.may_have_changed {
            self.may_have_changed = match self.receiver.recv().await {
                Ok(change) => change.may_be_of(id),
                Err(RecvError::Lagged(_)) => true,
                Err(RecvError::Closed) => return None,
            };
        }
        while !matches!(self.receiver.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {
        }
        Some(())
    }
}

impl Change {
    fn may_be_of(self, id: TripId) -> bool {
        match self {
            Self::Trip(changed) => changed == id,
            Self::All => true,
        }
    }
}
