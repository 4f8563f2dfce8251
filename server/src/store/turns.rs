//! Jobs that one server at a time may do, in more than one transaction.
//!
//! Whoever gets a turn gets a **token**, higher than all before, and a lease by the database's
//! clock. Every transaction that writes for the job extends the lease where the token is still the
//! newest, and is refused where it is not: a server that was paused, or cut off, while another took
//! over changes nothing any more, however late it wakes up. The row stays locked until the
//! transaction ends, so that nobody takes over between the check and the commit.
//!
//! Only migrations do without: the table of turns is made by one of them, and all of them are one
//! transaction, under a lock of PostgreSQL's that ends with it.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};

use super::Store;
use super::error::StoreError;
use super::write::Outcome;

/// How long a server that says nothing keeps its turn, unless it is said otherwise.
pub const LEASE: Duration = Duration::from_secs(30);

/// The same where a run begins where the last one ended: to take over costs nothing, and nobody
/// waits long for a server that was killed. A part of such a job may take longer, since its
/// transaction keeps the row locked.
pub(super) const SHORT_LEASE: Duration = Duration::from_secs(1);

/// The lease of a transaction that needs no other after it: the turn ends with its commit.
pub(super) const NO_LEASE: Duration = Duration::ZERO;

/// No lease is as long. One that ends later was taken before the database's clock was set back, and
/// nobody waits for it: its token fences whoever has it.
const LEASE_MAX_MS: i64 = 120_000;

/// Moving trips to the archive, and back.
pub(super) const ARCHIVING: &str = "archive";

/// Sealing the audit log.
pub(super) const SEALING: &str = "audit-sealing";

/// A server's turn at a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    job: &'static str,
    token: i64,
    lease_ms: i64,
}

impl Turn {
    /// Higher than those of all turns before.
    pub const fn token(&self) -> i64 {
        self.token
    }

    /// How long it is kept by a server that says nothing.
    pub const fn lease(&self) -> Duration {
        Duration::from_millis(self.lease_ms.cast_unsigned())
    }
}

/// The database's clock in milliseconds.
fn clock(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT",
        _ => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
    }
}

fn milliseconds(lease: Duration) -> i64 {
    i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2)
}

impl Store {
    /// A turn at a job; `None` where another server has it.
    pub async fn take_turn(
        &self,
        job: &'static str,
        lease: Duration,
    ) -> Result<Option<Turn>, StoreError> {
        self.write(move |transaction| {
            Box::pin(async move {
                let turn = take(transaction, job, lease).await?;
                Ok(if turn.is_some() { Outcome::Keep(turn) } else { Outcome::Undo(None) })
            })
        })
        .await
    }

    /// Keeps a turn of a job that has nothing to write for the moment.
    pub async fn keep_turn(&self, turn: Turn) -> Result<(), StoreError> {
        self.write(move |transaction| {
            Box::pin(async move {
                hold(transaction, turn).await?;
                Ok(Outcome::Keep(()))
            })
        })
        .await
    }

    /// Gives a turn back, and notes what it was about.
    pub async fn end_turn(&self, turn: Turn, done: String) -> Result<(), StoreError> {
        self.write(move |transaction| {
            Box::pin(async move {
                hold(transaction, turn).await?;
                let sql = "UPDATE job_turns SET held_until = 0, done = $1 WHERE job = $2";
                let values: [Value; 2] = [done.into(), turn.job.into()];
                let backend = transaction.get_database_backend();
                transaction
                    .execute_raw(Statement::from_sql_and_values(backend, sql, values))
                    .await?;
                Ok(Outcome::Keep(()))
            })
        })
        .await
    }

    /// What the last turn at a job that came to its end was about.
    pub async fn last_done(&self, job: &'static str) -> Result<String, StoreError> {
        let sql = "SELECT done FROM job_turns WHERE job = $1";
        let backend = self.reader().get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql, [Value::from(job)]);
        let row = self.reader().query_one_raw(statement).await?;
        Ok(row.ok_or(StoreError::Corrupt("job_turns has lost a row"))?.try_get("", "done")?)
    }
}

/// Takes a turn; `None` where another server has it, or is just taking it.
pub(super) async fn take(
    transaction: &DatabaseTransaction,
    job: &'static str,
    lease: Duration,
) -> Result<Option<Turn>, StoreError> {
    let backend = transaction.get_database_backend();
    let clock = clock(backend);
    // SQLite has one writer; PostgreSQL's do not wait for each other here.
    let lock = if backend == DbBackend::Postgres { "FOR UPDATE SKIP LOCKED" } else { "" };
    let sql = format!(
        "UPDATE job_turns SET token = token + 1, held_until = {clock} + $1 WHERE job = \
         (SELECT job FROM job_turns WHERE job = $2 \
         AND (held_until <= {clock} OR held_until > {clock} + {LEASE_MAX_MS}) {lock}) \
         RETURNING token"
    );
    let lease_ms = milliseconds(lease);
    let values: [Value; 2] = [lease_ms.into(), job.into()];
    let statement = Statement::from_sql_and_values(backend, sql, values);
    let Some(row) = transaction.query_one_raw(statement).await? else { return Ok(None) };
    Ok(Some(Turn { job, token: row.try_get("", "token")?, lease_ms }))
}

/// Extends a turn, until this transaction's end at least.
pub(super) async fn hold(transaction: &DatabaseTransaction, turn: Turn) -> Result<(), StoreError> {
    extend(transaction, turn, turn.lease_ms).await
}

/// Holds a turn until this transaction's commit, and gives it back with it.
pub(super) async fn hold_to_end(
    transaction: &DatabaseTransaction,
    turn: Turn,
) -> Result<(), StoreError> {
    extend(transaction, turn, milliseconds(NO_LEASE)).await
}

async fn extend(
    transaction: &DatabaseTransaction,
    turn: Turn,
    lease_ms: i64,
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "UPDATE job_turns SET held_until = {} + $1 WHERE job = $2 AND token = $3",
        clock(backend)
    );
    let values: [Value; 3] = [lease_ms.into(), turn.job.into(), turn.token.into()];
    let done =
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::TurnLost) }
}
