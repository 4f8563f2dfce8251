//! Jobs that one server at a time may do, in more than one transaction.
//!
//! Whoever gets a turn gets a **token**, higher than all before, and a lease by the database's
//! clock. Every transaction that writes for the job extends the lease where the token is still the
//! newest, and is refused where it is not: a server that was paused, or cut off, while another took
//! over changes nothing any more, however late it wakes up. The row stays locked until the
//! transaction ends, so that nobody takes over between the check and the commit.
//!
//! Sealing and archiving need no token: each of their transactions reads all that it goes by under
//! a lock that ends with it, so that there is nothing that could come late.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement, Value};

use super::Store;
use super::error::StoreError;
use super::write::Outcome;

/// How long a server that says nothing keeps its turn, unless it is said otherwise.
pub const LEASE: Duration = Duration::from_secs(30);

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
}

/// The database's clock in milliseconds.
fn clock(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "(EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::BIGINT",
        _ => "CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER)",
    }
}

impl Store {
    /// A turn at a job; `None` where another server has it.
    pub async fn take_turn(
        &self,
        job: &'static str,
        lease: Duration,
    ) -> Result<Option<Turn>, StoreError> {
        let lease_ms = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX / 2);
        self.write(move |transaction| {
            Box::pin(async move {
                let backend = transaction.get_database_backend();
                let clock = clock(backend);
                let sql = format!(
                    "UPDATE job_turns SET token = token + 1, held_until = {clock} + $1 \
                     WHERE job = $2 AND held_until <= {clock} RETURNING token"
                );
                let values: [Value; 2] = [lease_ms.into(), job.into()];
                let statement = Statement::from_sql_and_values(backend, sql, values);
                let Some(row) = transaction.query_one_raw(statement).await? else {
                    return Ok(Outcome::Undo(None));
                };
                let token = row.try_get("", "token")?;
                Ok(Outcome::Keep(Some(Turn { job, token, lease_ms })))
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

/// Extends a turn, until this transaction's end at least.
pub(super) async fn hold(transaction: &DatabaseTransaction, turn: Turn) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let sql = format!(
        "UPDATE job_turns SET held_until = {} + $1 WHERE job = $2 AND token = $3",
        clock(backend)
    );
    let values: [Value; 3] = [turn.lease_ms.into(), turn.job.into(), turn.token.into()];
    let done =
        transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreError::TurnLost) }
}
