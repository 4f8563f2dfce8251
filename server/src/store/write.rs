//! Writing: how an effect becomes durable, and when it may be told.
//!
//! PostgreSQL runs each job in a transaction of its own. SQLite has one writer: a task that takes
//! all jobs that wait, runs each in a savepoint of one transaction, commits once, and only then
//! answers them all. So the one `fsync` that a commit costs is shared by everybody who came while
//! the last one was under way.
//!
//! A job runs to its end even if its caller has gone: what was begun is done wholly or not at all.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, Span};

use super::Store;
use super::error::{Failure, StoreError};

/// Jobs that share one commit at most, so that the first of them does not wait for ever.
const GROUP_MAX: usize = 128;

/// Jobs that wait at most; more callers than that wait to be let in.
const QUEUE_MAX: usize = 1024;

/// A future that can be sent to another thread.
pub(super) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What becomes of a job's statements.
#[derive(Debug)]
pub(super) enum Outcome<T> {
    /// They are committed.
    Keep(T),
    /// They are rolled back; the answer stands.
    Undo(T),
}

/// A job of whatever type, on its way through the writer.
trait Job: Send {
    /// Runs it in its savepoint; says whether to keep what it wrote.
    fn run<'a>(&'a mut self, transaction: &'a DatabaseTransaction) -> BoxFuture<'a, bool>;
    /// Answers the caller, now that the group is committed or lost.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Typed<T, F> {
    /// Of the caller, so that its trace has the statements.
    span: Span,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Typed<T, F>
where
    T: Send,
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<Outcome<T>, StoreError>>
        + Send,
{
    fn run<'a>(&'a mut self, transaction: &'a DatabaseTransaction) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return false };
            let done = work(transaction).instrument(self.span.clone()).await;
            let (keep, outcome) = match done {
                Ok(Outcome::Keep(value)) => (true, Ok(value)),
                Ok(Outcome::Undo(value)) => (false, Ok(value)),
                Err(error) => (false, Err(error)),
            };
            self.outcome = Some(outcome);
            keep
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let answer = match (committed, self.outcome) {
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(StoreError::Corrupt("a job that was never run")),
            (Err(error), _) => Err(error),
        };
        // The caller may have gone.
        let _ = self.reply.send(answer);
    }
}

/// How many jobs were committed, and by how many commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteStats {
    /// Jobs in groups that were committed.
    pub jobs: u64,
    /// Commits.
    pub commits: u64,
}

#[derive(Debug, Default)]
struct Counters {
    jobs: AtomicU64,
    commits: AtomicU64,
}

/// The way to SQLite's writer task, which ends with the last of these.
pub(super) struct GroupCommit {
    jobs: mpsc::Sender<Box<dyn Job>>,
    counters: Arc<Counters>,
}

impl std::fmt::Debug for GroupCommit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("GroupCommit")
    }
}

impl GroupCommit {
    /// Starts the writer. The connection must be the only one that writes.
    ///
    /// It has a thread of its own: between the statements of a booking it waits for SQLite's thread
    /// a dozen times, and each of these waits would be longer where callers share the thread.
    pub(super) fn start(writer: DatabaseConnection) -> io::Result<Self> {
        let (jobs, waiting) = mpsc::channel::<Box<dyn Job>>(QUEUE_MAX);
        let counters = Arc::new(Counters::default());
        let counted = Arc::clone(&counters);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let thread = std::thread::Builder::new().name("sqlite-writer".to_owned());
        thread.spawn(move || runtime.block_on(run_groups(writer, waiting, counted)))?;
        Ok(Self { jobs, counters })
    }

    fn stats(&self) -> WriteStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        WriteStats { jobs: read(&self.counters.jobs), commits: read(&self.counters.commits) }
    }

    async fn submit(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.jobs.send(job).await.map_err(|_| gone("the writer has ended"))
    }
}

/// Takes what waits, again and again, until nobody can send any more.
async fn run_groups(
    writer: DatabaseConnection,
    mut waiting: mpsc::Receiver<Box<dyn Job>>,
    counters: Arc<Counters>,
) {
    let mut group = Vec::new();
    while waiting.recv_many(&mut group, GROUP_MAX).await > 0 {
        let group = std::mem::take(&mut group);
        let counters = Arc::clone(&counters);
        // In a task of its own, so that a job that panics takes its group along and not the
        // writer: the transaction is rolled back and the callers hear of it.
        if tokio::spawn(run_group(writer.clone(), group, counters)).await.is_err() {
            tracing::error!("database.writer_panicked");
        }
    }
}

/// One transaction for all jobs of the group, and then their answers.
async fn run_group(
    writer: DatabaseConnection,
    mut group: Vec<Box<dyn Job>>,
    counters: Arc<Counters>,
) {
    let end = match begin_immediate(&writer).await {
        Ok(transaction) => match run_all(&transaction, &mut group).await {
            Ok(()) => match transaction.commit().await {
                Ok(()) => GroupEnd::Committed,
                Err(error) => GroupEnd::Unknown(error.to_string()),
            },
            Err(error) => {
                // The database may have done so already.
                let _ = transaction.rollback().await;
                GroupEnd::Lost(error.to_string())
            }
        },
        Err(error) => GroupEnd::Lost(error.to_string()),
    };
    if let GroupEnd::Lost(reason) | GroupEnd::Unknown(reason) = &end {
        tracing::warn!(error.cause = reason, jobs = group.len(), "database.group_lost");
    }
    if matches!(end, GroupEnd::Committed) {
        counters.jobs.fetch_add(group.len() as u64, Ordering::Relaxed);
        counters.commits.fetch_add(1, Ordering::Relaxed);
    }
    for job in group {
        job.answer(match &end {
            GroupEnd::Committed => Ok(()),
            GroupEnd::Lost(reason) => Err(gone(reason)),
            GroupEnd::Unknown(reason) => Err(StoreError::OutcomeUnknown(connection_error(reason))),
        });
    }
}

/// How a group's transaction ended.
enum GroupEnd {
    Committed,
    /// Rolled back, or never begun.
    Lost(String),
    /// The commit failed. What has reached the disk of it is seen at the next attempt.
    Unknown(String),
}

/// Runs each job in a savepoint. One message ends a savepoint and begins the next: most of what a
/// short statement costs is the way to SQLite's thread and back.
async fn run_all(
    transaction: &DatabaseTransaction,
    group: &mut [Box<dyn Job>],
) -> Result<(), DbErr> {
    const KEEP: &str = "RELEASE job; ";
    const UNDO: &str = "ROLLBACK TO job; RELEASE job; ";
    let mut end = "";
    for job in group {
        // An error here means that the savepoint has gone, and with it the whole transaction.
        transaction.execute_unprepared(&format!("{end}SAVEPOINT job")).await?;
        end = if job.run(transaction).await { KEEP } else { UNDO };
    }
    transaction.execute_unprepared(end).await?;
    Ok(())
}

/// Takes SQLite's write lock at once: a transaction that read first and then wrote would fail where
/// it could have waited.
pub(super) async fn begin_immediate(
    writer: &DatabaseConnection,
) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    writer.begin_with_options(options).await
}

fn gone(reason: &str) -> StoreError {
    StoreError::Unavailable(connection_error(reason))
}

fn connection_error(reason: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(reason.to_owned()))
}

impl Store {
    /// How SQLite's writer shares commits; nothing with PostgreSQL.
    pub fn write_stats(&self) -> WriteStats {
        self.inner.group_commit.as_ref().map(GroupCommit::stats).unwrap_or_default()
    }

    /// Runs a job in a transaction and answers once it is durable.
    ///
    /// [`StoreError::OutcomeUnknown`] says that PostgreSQL was asked to commit and did not answer.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<Outcome<T>, StoreError>>
            + Send
            + 'static,
    {
        let Some(group_commit) = &self.inner.group_commit else {
            let writer = self.writer().clone();
            let own = async move { write_alone(&writer, work).await };
            let own = tokio::spawn(own.instrument(Span::current()));
            return own.await.map_err(|_| gone("the transaction panicked"))?;
        };
        let (reply, answer) = oneshot::channel();
        let (span, work) = (Span::current(), Some(work));
        group_commit.submit(Box::new(Typed { span, work, outcome: None, reply })).await?;
        answer.await.map_err(|_| gone("the writer has ended"))?
    }
}

async fn write_alone<T, F>(writer: &DatabaseConnection, work: F) -> Result<T, StoreError>
where
    F: for<'t> FnOnce(&'t DatabaseTransaction) -> BoxFuture<'t, Result<Outcome<T>, StoreError>>,
{
    let transaction = writer.begin().await?;
    match work(&transaction).await {
        Ok(Outcome::Keep(value)) => match transaction.commit().await {
            Ok(()) => Ok(value),
            Err(error) => Err(match Failure::of(&error) {
                Failure::Unavailable => StoreError::OutcomeUnknown(error),
                _ => StoreError::Database(error),
            }),
        },
        Ok(Outcome::Undo(value)) => {
            transaction.rollback().await?;
            Ok(value)
        }
        Err(error) => {
            // What went wrong first is what is told; a lost connection is rolled back anyway.
            let _ = transaction.rollback().await;
            Err(error)
        }
    }
}
