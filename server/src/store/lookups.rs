//! Clients that were looked up lately, so that asking for the same one again costs no query.
//!
//! What is kept are rows as they are sealed. A client never changes but by being erased or sealed
//! under other keys: the process that does so forgets it here at once, before it answers; others
//! forget it within [`KEPT`]. That nobody was found is not kept, so whoever books is found from
//! that moment on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::entities::client;

/// How long a row is kept. Another process may erase a client, who is then found for so long.
const KEPT: Duration = Duration::from_secs(10);

/// Rows kept at most; some 400 bytes each.
const ROWS_MAX: usize = 10_000;

/// How often the cache was asked and had the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookupStats {
    /// Look-ups that it answered.
    pub hits: u64,
    /// Look-ups that went to the database.
    pub misses: u64,
}

impl LookupStats {
    /// The part that it answered, from 0 to 1; 0 before the first look-up.
    pub fn hit_ratio(self) -> f64 {
        let all = self.hits + self.misses;
        if all == 0 { 0.0 } else { self.hits as f64 / all as f64 }
    }
}

#[derive(Debug, Default)]
struct Rows {
    by_identity: HashMap<Vec<u8>, (client::Model, Instant)>,
    /// Counts what was forgotten on purpose: what was read before is not kept after.
    epoch: u64,
}

/// The cache.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    rows: Mutex<Rows>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Lookups {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The row found under one of these identities lately, or the epoch at which the database is
    /// asked.
    pub(super) fn get(&self, identities: &[Vec<u8>]) -> Result<client::Model, u64> {
        let rows = self.rows();
        let found = identities.iter().find_map(|identity| rows.by_identity.get(identity));
        let fresh = found.filter(|(_, since)| since.elapsed() < KEPT);
        let counter = if fresh.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        fresh.map(|(row, _)| row.clone()).ok_or(rows.epoch)
    }

    /// Keeps a row that was read after `epoch`, unless something was forgotten since.
    pub(super) fn keep(&self, identity: &[u8], row: &client::Model, epoch: u64) {
        let mut rows = self.rows();
        if rows.epoch != epoch {
            return;
        }
        if rows.by_identity.len() >= ROWS_MAX {
            rows.by_identity.retain(|_, (_, since)| since.elapsed() < KEPT);
        }
        if rows.by_identity.len() >= ROWS_MAX {
            rows.by_identity.clear();
        }
        rows.by_identity.insert(identity.to_vec(), (row.clone(), Instant::now()));
    }

    /// Forgets a client.
    pub(super) fn forget(&self, client_id: i64) {
        let mut rows = self.rows();
        rows.epoch += 1;
        rows.by_identity.retain(|_, (row, _)| row.id != client_id);
    }

    /// Forgets everybody.
    pub(super) fn clear(&self) {
        let mut rows = self.rows();
        rows.epoch += 1;
        rows.by_identity.clear();
    }

    pub(super) fn stats(&self) -> LookupStats {
        LookupStats {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
        }
    }
}
