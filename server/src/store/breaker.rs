//! A circuit breaker between requests and the database.
//!
//! **Closed**: requests use the database. After some failures in a row it **opens**: requests are
//! refused at once, so that nobody waits for what is away, and nobody keeps a database busy that is
//! coming back. From then on the database is looked at every now and then, whether or not anybody
//! asks; meanwhile the breaker is **half open**. Where the database answers, it closes.
//!
//! A request that its caller has given up counts as failed where it had taken long: callers have
//! less patience than the database is given. So does one that was written too late for its caller
//! to hear of it.
//!
//! Reading and writing have one each: where the disk is full, trips can be read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sea_orm::{ConnectionTrait, DbErr, RuntimeErr, Statement};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep, timeout};

use super::error::StoreError;
use super::write::Outcome;
use super::{Store, entities};

/// Failures in a row that open it.
const FAILURES_MAX: u32 = 5;

/// How long it stays open before the database is looked at, and between two looks.
const COOL_DOWN: Duration = Duration::from_millis(500);

/// How long a look may take.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// What takes longer when its caller gives it up has failed; before, nobody knows.
const GIVEN_UP_AFTER: Duration = Duration::from_millis(400);

/// What a request wants of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
}

/// Where a breaker stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests use the database.
    Closed,
    /// Requests are refused.
    Open,
    /// Requests are refused, and the database is being looked at.
    HalfOpen,
}

/// What a breaker has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerStats {
    /// Where it stands.
    pub state: BreakerState,
    /// Times that it opened.
    pub opened: u64,
    /// Requests that it refused.
    pub refused: u64,
}

#[derive(Debug)]
enum State {
    Closed { failures: u32 },
    Open,
    HalfOpen,
}

#[derive(Debug)]
pub(super) struct Breaker {
    what: Use,
    state: Mutex<State>,
    opened: AtomicU64,
    refused: AtomicU64,
}

impl Breaker {
    pub(super) fn new(what: Use) -> Self {
        let state = Mutex::new(State::Closed { failures: 0 });
        Self { what, state, opened: AtomicU64::new(0), refused: AtomicU64::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stats(&self) -> BreakerStats {
        let state = match &*self.state() {
            State::Closed { .. } => BreakerState::Closed,
            State::Open => BreakerState::Open,
            State::HalfOpen => BreakerState::HalfOpen,
        };
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        BreakerStats { state, opened: read(&self.opened), refused: read(&self.refused) }
    }

    /// Whether a request may use the database.
    fn admits(&self) -> bool {
        let admits = matches!(*self.state(), State::Closed { .. });
        if !admits {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        admits
    }

    /// What a request came to that was let through. Whether the breaker has opened by it.
    fn ended(&self, well: bool) -> bool {
        let mut state = self.state();
        // What ends after the breaker has opened was begun before, and tells nothing new.
        let State::Closed { failures } = &mut *state else { return false };
        *failures = if well { 0 } else { *failures + 1 };
        if *failures < FAILURES_MAX {
            return false;
        }
        *state = State::Open;
        self.opened.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(database.part = ?self.what, "database.breaker_opened");
        true
    }

    /// Whether the database is to be looked at: not where the breaker has closed meanwhile.
    fn is_to_look(&self) -> bool {
        let mut state = self.state();
        if matches!(*state, State::Closed { .. }) {
            return false;
        }
        *state = State::HalfOpen;
        true
    }

    /// What a look at the database came to.
    fn looked(&self, well: bool) {
        let mut state = self.state();
        if matches!(*state, State::Closed { .. }) {
            return;
        }
        if well {
            *state = State::Closed { failures: 0 };
            tracing::info!(database.part = ?self.what, "database.breaker_closed");
        } else {
            *state = State::Open;
        }
    }
}

/// A request's work on the database, which tells the breaker how it ended.
struct Work<'s> {
    store: &'s Store,
    what: Use,
    begun: Instant,
    /// Whether it ended well; none where its caller has given it up.
    ended: Option<bool>,
}

impl Drop for Work<'_> {
    fn drop(&mut self) {
        let given_up = || (self.begun.elapsed() >= GIVEN_UP_AFTER).then_some(false);
        let Some(well) = self.ended.or_else(given_up) else { return };
        if self.store.breaker(self.what).ended(well) {
            self.store.look_until_closed(self.what);
        }
    }
}

/// The error of a database that is away.
pub(super) fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(connection_error(reason))
}

fn connection_error(reason: &str) -> DbErr {
    DbErr::Conn(RuntimeErr::Internal(reason.to_owned()))
}

impl Store {
    /// What the breakers for reading and for writing have done.
    pub fn breakers(&self) -> [(&'static str, BreakerStats); 2] {
        let of = |what| self.breaker(what).stats();
        [("read", of(Use::Read)), ("write", of(Use::Write))]
    }

    /// Whether the database answers and has the store's tables, within a second.
    pub async fn health(&self) -> Result<(), StoreError> {
        let looked = self.look(Use::Read).await;
        self.breaker(Use::Read).looked(looked.is_ok());
        looked
    }

    /// Refuses what would end with writing while that is refused.
    ///
    /// # Errors
    ///
    /// Where it is.
    pub fn check_writing(&self) -> Result<(), StoreError> {
        let is_admitted = self.breaker(Use::Write).admits();
        is_admitted.then_some(()).ok_or_else(|| unavailable("the circuit breaker is open"))
    }

    /// Whether writing is not refused at the moment.
    pub fn admits_writing(&self) -> bool {
        self.breaker(Use::Write).stats().state == BreakerState::Closed
    }

    fn breaker(&self, what: Use) -> &Breaker {
        match what {
            Use::Read => &self.inner.reading,
            Use::Write => &self.inner.writing,
        }
    }

    /// Does a request's work on the database, unless that is known to be away, and within the time
    /// that the database may take.
    pub(super) async fn guarded<T>(
        &self,
        what: Use,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if !self.breaker(what).admits() {
            return Err(unavailable("the circuit breaker is open"));
        }
        let mut tracked = Work { store: self, what, begun: Instant::now(), ended: None };
        let patience = self.inner.patience;
        let outcome = match what {
            Use::Read => timeout(patience, work).await.unwrap_or_else(|_| {
                Err(unavailable("no answer within the time that the database may take"))
            }),
            // One try, and the question what became of it.
            Use::Write => timeout(2 * patience, work).await.unwrap_or_else(|_| {
                let error = connection_error("no answer within the time that it may take");
                Err(StoreError::OutcomeUnknown(error))
            }),
        };
        let is_away =
            matches!(outcome, Err(StoreError::Unavailable(_) | StoreError::OutcomeUnknown(_)));
        let is_late = what == Use::Write && tracked.begun.elapsed() >= patience;
        tracked.ended = Some(!is_away && !is_late);
        outcome
    }

    /// Looks at the database beside the requests, until the breaker has closed.
    fn look_until_closed(&self, what: Use) {
        let Ok(runtime) = Handle::try_current() else { return };
        let inner = Arc::downgrade(&self.inner);
        runtime.spawn(async move {
            loop {
                sleep(COOL_DOWN).await;
                let Some(inner) = inner.upgrade() else { return };
                let store = Self { inner };
                if !store.breaker(what).is_to_look() {
                    return;
                }
                let looked = store.look(what).await;
                store.breaker(what).looked(looked.is_ok());
            }
        });
    }

    async fn look(&self, what: Use) -> Result<(), StoreError> {
        let looked = async {
            match what {
                Use::Read => self.look_reading().await,
                Use::Write => self.look_writing().await,
            }
        };
        timeout(LOOK_MAX, looked).await.unwrap_or_else(|_| Err(unavailable("no answer in time")))
    }

    async fn look_reading(&self) -> Result<(), StoreError> {
        use sea_orm::EntityTrait;
        let row = entities::ticket_number::Entity::find_by_id(1_i16).one(self.reader()).await?;
        row.map(|_| ()).ok_or(StoreError::Corrupt("ticket_numbers has lost its row"))
    }

    /// Writes what is there already, which needs room in the log of transactions and its sync.
    async fn look_writing(&self) -> Result<(), StoreError> {
        self.write(|transaction| {
            Box::pin(async move {
                let sql = "UPDATE ticket_numbers SET last = last WHERE id = 1";
                let backend = transaction.get_database_backend();
                transaction.execute_raw(Statement::from_string(backend, sql)).await?;
                Ok(Outcome::Keep(()))
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_closes_when_the_database_answers() {
        let breaker = Breaker::new(Use::Read);
        for _ in 0..3 {
            (1..FAILURES_MAX).for_each(|_| assert!(!breaker.ended(false)));
            breaker.ended(true);
        }
        assert!(breaker.admits() && !breaker.is_to_look());
        (1..FAILURES_MAX).for_each(|_| assert!(!breaker.ended(false)));
        assert!(breaker.ended(false) && !breaker.ended(false), "it opens once");
        assert_eq!(breaker.stats().state, BreakerState::Open);
        assert!(!breaker.admits());
        breaker.ended(true);
        assert!(!breaker.admits(), "what was begun before closes nothing");
        for well in [false, true] {
            assert!(breaker.is_to_look());
            assert_eq!(breaker.stats().state, BreakerState::HalfOpen);
            assert!(!breaker.admits(), "until the database has answered");
            breaker.looked(well);
            assert_eq!(breaker.admits(), well);
        }
        let stats = breaker.stats();
        assert_eq!((stats.state, stats.opened, stats.refused), (BreakerState::Closed, 1, 5));
    }
}
