//! Which failed transactions are tried again, and how often.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::Instant;

use super::error::{Failure, StoreError};
use super::random::Randomness;

/// Conflicts with other transactions.
const CONFLICTS_MAX: u32 = 4;

/// Random ids that are taken. With ten million trips one reference in 430 is; sixteen in a row
/// mean a broken source of randomness.
const IDS_TAKEN_MAX: u32 = 16;

/// Times that a request reads the keys again. A rotation retires keys in two steps, so that one
/// request can meet it twice.
const KEY_RELOADS_MAX: u32 = 8;

/// Commits in a row of which nobody knows what became of them. More mean that no commit goes
/// through, as on a full disk, and that the next attempt would be no wiser.
const UNKNOWN_COMMITS_MAX: u32 = 3;

/// What all requests together may spend on conflicts: retries must not become the load that
/// causes them. A request earns a tenth of a retry, so that in the long run one in ten is retried.
#[derive(Debug)]
pub(super) struct RetryBudget {
    tenths: AtomicU32,
}

/// Saved up when nothing goes wrong: a hundred retries.
const BUDGET_MAX_TENTHS: u32 = 1_000;

impl Default for RetryBudget {
    fn default() -> Self {
        Self { tenths: AtomicU32::new(BUDGET_MAX_TENTHS) }
    }
}

impl RetryBudget {
    fn earn(&self) {
        let more = |tenths| (tenths < BUDGET_MAX_TENTHS).then_some(tenths + 1);
        // At the maximum there is nothing to add.
        let _ = self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn spend(&self) -> bool {
        let less = |tenths: u32| tenths.checked_sub(10);
        self.tenths.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }
}

/// The retries of one request.
#[derive(Debug)]
pub(super) struct Retries<'a> {
    budget: &'a RetryBudget,
    random: &'a Randomness,
    patience: Duration,
    conflicts: u32,
    ids_taken: u32,
    key_reloads: u32,
    unknown_commits: u32,
    /// A commit that was not answered, and until when it is worth asking what became of it.
    unknown: Option<Instant>,
}

impl<'a> Retries<'a> {
    /// For a new request. `patience` is how long a commit whose outcome is unknown is followed up.
    pub(super) fn new(budget: &'a RetryBudget, random: &'a Randomness, patience: Duration) -> Self {
        budget.earn();
        let (conflicts, ids_taken, key_reloads, unknown_commits) = (0, 0, 0, 0);
        let unknown = None;
        Self {
            budget,
            random,
            patience,
            conflicts,
            ids_taken,
            key_reloads,
            unknown_commits,
            unknown,
        }
    }

    /// Waits as long as is good before the next attempt, or says that there is none.
    pub(super) async fn again(&mut self, error: StoreError) -> Result<(), StoreError> {
        match error {
            // The same again, under the same idempotency key: if the commit took place, the key is
            // taken and names the trip; if it is still under way, the database lets us wait for it.
            StoreError::OutcomeUnknown(error) => {
                self.unknown_commits += 1;
                if self.unknown_commits > UNKNOWN_COMMITS_MAX {
                    return Err(StoreError::OutcomeUnknown(error));
                }
                let until = Instant::now() + self.patience;
                let until = *self.unknown.get_or_insert(until);
                self.follow_up(until, error).await
            }
            StoreError::Unavailable(error) => match self.unknown {
                Some(until) => self.follow_up(until, error).await,
                None => Err(StoreError::Unavailable(error)),
            },
            StoreError::Database(error) => match Failure::of(&error) {
                Failure::Conflict => self.after_conflict(error).await,
                Failure::IdTaken => {
                    self.ids_taken += 1;
                    if self.ids_taken > IDS_TAKEN_MAX {
                        let retries = IDS_TAKEN_MAX;
                        return Err(StoreError::Contention { retries, source: error });
                    }
                    Ok(())
                }
                _ => Err(StoreError::Database(error)),
            },
            other => Err(other),
        }
    }

    /// Whether it is worth reading the keys again.
    pub(super) fn may_reload_keys(&mut self) -> bool {
        self.key_reloads += 1;
        self.key_reloads <= KEY_RELOADS_MAX
    }

    /// Another transaction was in the way: waits longer each time, and by chance, so that two
    /// that met do not meet again.
    pub(super) async fn after_conflict(&mut self, error: DbErr) -> Result<(), StoreError> {
        if self.conflicts == CONFLICTS_MAX || !self.budget.spend() {
            return Err(StoreError::Contention { retries: self.conflicts, source: error });
        }
        self.conflicts += 1;
        let longest_ms = 5_u64 << self.conflicts;
        self.pause(longest_ms).await
    }

    async fn follow_up(&self, until: Instant, error: DbErr) -> Result<(), StoreError> {
        if Instant::now() >= until {
            return Err(StoreError::OutcomeUnknown(error));
        }
        self.pause(200).await
    }

    async fn pause(&self, longest_ms: u64) -> Result<(), StoreError> {
        let [jitter] = self.random.bytes::<1>()?;
        let pause_ms = 1 + longest_ms * u64::from(jitter) / 256;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_is_spent_is_earned_again() {
        let budget = RetryBudget::default();
        let spent = (0..1_000).filter(|_| budget.spend()).count();
        assert_eq!(spent, 100);
        (0..9).for_each(|_| budget.earn());
        assert!(!budget.spend());
        budget.earn();
        assert!(budget.spend());
        (0..5_000).for_each(|_| budget.earn());
        assert_eq!((0..1_000).filter(|_| budget.spend()).count(), 100);
    }
}
