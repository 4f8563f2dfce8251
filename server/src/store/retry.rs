//! Which failed transactions are tried again, and how often.

use std::time::Duration;

use sea_orm::DbErr;

use super::error::{Failure, StoreError};
use super::random::Randomness;

/// Conflicts with other transactions.
const CONFLICTS_MAX: u32 = 4;

/// Random ids that are taken. With ten million trips one reference in 430 is; sixteen in a row
/// mean a broken source of randomness.
const IDS_TAKEN_MAX: u32 = 16;

/// The retries of one request.
#[derive(Debug, Default)]
pub(super) struct Retries {
    conflicts: u32,
    ids_taken: u32,
}

impl Retries {
    /// Waits as long as is good before the next attempt, or says that there is none.
    pub(super) async fn again(
        &mut self,
        error: StoreError,
        random: &Randomness,
    ) -> Result<(), StoreError> {
        let StoreError::Database(error) = error else {
            return Err(error);
        };
        match Failure::of(&error) {
            Failure::Conflict => self.after_conflict(error, random).await,
            Failure::IdTaken => {
                self.ids_taken += 1;
                if self.ids_taken > IDS_TAKEN_MAX {
                    return Err(StoreError::Contention { retries: IDS_TAKEN_MAX, source: error });
                }
                Ok(())
            }
            _ => Err(StoreError::Database(error)),
        }
    }

    /// Another transaction was in the way: waits longer each time, and by chance, so that two
    /// that met do not meet again.
    pub(super) async fn after_conflict(
        &mut self,
        error: DbErr,
        random: &Randomness,
    ) -> Result<(), StoreError> {
        if self.conflicts == CONFLICTS_MAX {
            return Err(StoreError::Contention { retries: CONFLICTS_MAX, source: error });
        }
        self.conflicts += 1;
        let longest_ms = 5_u64 << self.conflicts;
        let [jitter] = random.bytes::<1>()?;
        let pause_ms = 1 + longest_ms * u64::from(jitter) / 256;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        Ok(())
    }
}
