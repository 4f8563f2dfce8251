//! Reading from a standby of PostgreSQL, where that shows nobody anything old.
//!
//! A request that reads first asks the primary how far its log goes, and then the standby how far
//! it has applied it. Whatever was acknowledged to anybody before the request began, by whichever
//! server, is before the first position; so where the standby has got that far, it is read, and
//! where not, the primary. Nothing has to be remembered of callers or handed to them.
//!
//! The questions are shared: whoever comes while one is under way waits for the next, which begins
//! after he came. So there is one at a time, however many requests there are.
//!
//! A standby that is away is left alone: the primary is read, and no request waits. Now and then it
//! is asked beside the requests whether it is back. So it is where the server is no standby of this
//! primary: it has another cluster's data, follows another server since one was promoted, or is a
//! primary itself. The answers say so each time; see `log_place.rs`.

use std::str::FromStr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex as StdMutex, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::ConnectOptions as _;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::{
    AccessMode, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, IsolationLevel,
    SqlxPostgresConnector, TransactionTrait,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::error::{OpenError, StoreError};
use super::log_place::{LogPlace, PRIMARY, Refusal, STANDBY};
use super::{Store, StoreConfig};

/// How long a request waits for a standby that is a moment behind.
const CATCH_UP: Duration = Duration::from_millis(20);

/// How often it looks in this time.
const LOOK_EVERY: Duration = Duration::from_millis(4);

/// How long nobody waits for a standby that did not catch up.
const LATE: Duration = Duration::from_secs(1);

/// How long a replica that failed, or is none, is left alone.
const AWAY: Duration = Duration::from_secs(2);

/// How long a question about a position may take.
const QUESTION_MAX: Duration = Duration::from_secs(1);

/// What the replica was found to be when it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReplicaState {
    /// It has all that was acknowledged, and is read.
    Read,
    /// It has not applied it yet.
    Behind,
    /// It does not answer, or fails.
    Away,
    /// It is no standby of this primary.
    Refused,
}

/// What has been read from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplicaStats {
    /// Reads that the replica answered.
    pub from_replica: u64,
    /// Reads that went to the primary, because the replica was behind or away.
    pub from_primary: u64,
    /// Times that the replica failed.
    pub failures: u64,
    /// Bytes of the primary's log that it had not applied when it was last looked at.
    pub behind_bytes: i64,
    /// What it is; none before it was asked.
    pub state: Option<ReplicaState>,
}

/// A standby.
#[derive(Debug)]
pub(super) struct Replica {
    connection: DatabaseConnection,
    primary: Question,
    own: Question,
    found: StdMutex<Option<(ReplicaState, Option<Refusal>)>>,
    /// Until when nobody waits for it, and until when nobody asks it.
    patience: StdMutex<(Instant, Instant)>,
    served: AtomicU64,
    from_primary: AtomicU64,
    failures: AtomicU64,
    behind_bytes: AtomicI64,
}

/// Where a log has got to, asked by one request at a time.
#[derive(Debug, Default)]
struct Question {
    /// Those that were begun.
    begun: AtomicU64,
    /// The newest answer, none where it failed, and to which one.
    answer: Mutex<(u64, Option<LogPlace>)>,
}

impl Question {
    /// An answer to one that was begun after this was called.
    async fn ask(&self, database: &DatabaseConnection, sql: &str) -> Result<LogPlace, StoreError> {
        let failed = || super::breaker::unavailable("no position in time");
        let before = self.begun.load(Ordering::SeqCst);
        let mut answer = self.answer.lock().await;
        if answer.0 > before {
            // Those who waited for one that failed do not ask one after the other.
            return answer.1.ok_or_else(failed);
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let asked = timeout(QUESTION_MAX, LogPlace::ask(database, sql)).await;
        let asked = asked.unwrap_or_else(|_| Err(failed()));
        *answer = (number, asked.as_ref().ok().copied());
        asked
    }
}

impl Replica {
    /// A replica at a URL. It may be away: it is asked when it is needed.
    pub(super) fn open(url: &str, config: &StoreConfig) -> Result<Self, OpenError> {
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(OpenError::ReplicaUrl);
        }
        let options = PgConnectOptions::from_str(url)
            .map_err(|error| OpenError::Url { reason: error.to_string() })?
            .application_name("railgraph")
            .options([("statement_timeout", config.patience.as_millis().to_string())])
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(config.connections_max)
            .acquire_timeout(QUESTION_MAX)
            .connect_lazy_with(options);
        let now = Instant::now();
        let none = || AtomicU64::new(0);
        Ok(Self {
            connection: SqlxPostgresConnector::from_sqlx_postgres_pool(pool),
            primary: Question::default(),
            own: Question::default(),
            found: StdMutex::new(None),
            patience: StdMutex::new((now, now)),
            served: none(),
            from_primary: none(),
            failures: none(),
            behind_bytes: AtomicI64::new(0),
        })
    }

    pub(super) async fn close(&self) -> Result<(), DbErr> {
        self.connection.close_by_ref().await
    }

    fn patience(&self) -> (Instant, Instant) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stats(&self) -> ReplicaStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ReplicaStats {
            from_replica: read(&self.served),
            from_primary: read(&self.from_primary),
            failures: read(&self.failures),
            behind_bytes: self.behind_bytes.load(Ordering::Relaxed),
            state: self.found().map(|(state, _)| state),
        }
    }

    fn found(&self) -> Option<(ReplicaState, Option<Refusal>)> {
        *self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what it was found to be; says what it was before.
    fn note(
        &self,
        state: ReplicaState,
        refusal: Option<Refusal>,
    ) -> Option<(ReplicaState, Option<Refusal>)> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.replace((state, refusal))
    }

    /// Leaves it alone: it is no standby of this primary. That is said when it is found, and not
    /// again while it stays so.
    fn refused(&self, refusal: Refusal) {
        self.leave_alone();
        let now = Some((ReplicaState::Refused, Some(refusal)));
        if self.note(ReplicaState::Refused, Some(refusal)) != now {
            tracing::warn!(
                error.cause = %refusal,
                hint = "the primary is read; --replica-url must name a streaming standby of it",
                "database.replica_refused"
            );
        }
    }

    /// It is a standby of this primary.
    fn accepted(&self, state: ReplicaState) {
        if let Some((ReplicaState::Refused, _)) = self.note(state, None) {
            tracing::info!("database.replica_accepted");
        }
    }

    fn leave_alone(&self) {
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        patience.1 = Instant::now() + AWAY;
    }

    /// Leaves it alone for a while. That is said when it goes away, and not again while it is.
    fn failed(&self, error: &StoreError) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.leave_alone();
        let before = self.note(ReplicaState::Away, None);
        if !matches!(before, Some((ReplicaState::Away, _))) {
            tracing::warn!(error.cause = %error, "database.replica_away");
        }
    }

    /// Whether it was found to be of no use when it was last asked.
    fn is_useless(&self) -> bool {
        matches!(self.found(), Some((ReplicaState::Away | ReplicaState::Refused, _)))
    }

    fn ask_again(&self) {
        let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
        patience.1 = Instant::now();
    }

    fn is_left_alone(&self) -> bool {
        self.patience().1 > Instant::now()
    }

    /// Whether it shows everything that was acknowledged before this was called.
    async fn is_caught_up(&self, primary: &DatabaseConnection) -> bool {
        !self.is_left_alone() && self.look(primary).await
    }

    /// The same, though it be left alone by others.
    async fn look(&self, primary: &DatabaseConnection) -> bool {
        // Where the primary does not say, reading it says why.
        let Ok(wanted) = self.primary.ask(primary, PRIMARY).await else { return false };
        let (late, _) = self.patience();
        let until = Instant::now() + CATCH_UP;
        loop {
            let applied = match self.own.ask(&self.connection, STANDBY).await {
                Ok(applied) => applied,
                Err(error) => {
                    self.failed(&error);
                    return false;
                }
            };
            if let Err(refusal) = applied.follows(&wanted) {
                self.refused(refusal);
                return false;
            }
            let behind_bytes = (wanted.position - applied.position).max(0);
            self.behind_bytes.store(behind_bytes, Ordering::Relaxed);
            if behind_bytes == 0 {
                self.accepted(ReplicaState::Read);
                return true;
            }
            let now = Instant::now();
            if now >= until || now < late {
                self.accepted(ReplicaState::Behind);
                let mut patience = self.patience.lock().unwrap_or_else(PoisonError::into_inner);
                patience.0 = patience.0.max(now + LATE);
                return false;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Store {
    /// What has been read from the replica; none where there is none.
    pub fn replica_stats(&self) -> Option<ReplicaStats> {
        self.inner.replica.as_ref().map(Replica::stats)
    }

    /// Asks the replica, where there is one, so that what it is stands in the log and the metrics
    /// whether or not anybody reads from it.
    pub async fn look_at_replica(&self) {
        if let Some(replica) = &self.inner.replica {
            replica.look(self.reader()).await;
        }
    }

    /// The database to answer a request from that begins to read now.
    pub(super) async fn reading(&self) -> &DatabaseConnection {
        let Some(replica) = &self.inner.replica else { return self.reader() };
        if replica.is_useless() {
            if !replica.is_left_alone() {
                replica.leave_alone();
                let store = self.clone();
                tokio::spawn(async move { store.look_at_replica().await });
            }
        } else if replica.is_caught_up(self.reader()).await {
            replica.served.fetch_add(1, Ordering::Relaxed);
            return &replica.connection;
        }
        replica.from_primary.fetch_add(1, Ordering::Relaxed);
        self.reader()
    }

    /// As [`Store::snapshot`], of the database that [`Store::reading`] gives.
    pub(super) async fn reading_snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let database = self.reading().await;
        if database.get_database_backend() == DbBackend::Sqlite {
            return self.snapshot().await;
        }
        let level = Some(IsolationLevel::RepeatableRead);
        database.begin_with_config(level, Some(AccessMode::ReadOnly)).await
    }

    /// Reads, and once more from the primary where it may have been the replica that failed: it has
    /// gone away, or has cancelled a query that was in the way of what it applies. What fails
    /// there, too, is not the replica's fault.
    pub(super) async fn or_from_primary<T, F, Fut>(&self, read: F) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        let outcome = read().await;
        let Some(replica) = &self.inner.replica else { return outcome };
        match outcome {
            Err(error @ (StoreError::Unavailable(_) | StoreError::Database(_)))
                if !replica.is_left_alone() =>
            {
                replica.leave_alone();
                let again = read().await;
                if again.is_ok() {
                    replica.failed(&error);
                } else {
                    replica.ask_again();
                }
                again
            }
            outcome => outcome,
        }
    }
}
