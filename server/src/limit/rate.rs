//! Requests a second.

use std::fmt::Display;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::shared::Shared;

/// How often those are forgotten who have not asked for a while, in requests.
const TIDY_EVERY: u64 = 4_096;

/// How many requests a second each caller of a kind may make; as many at once, too.
pub struct Rate<K: Hash + Eq + Clone> {
    /// What callers are known by.
    kind: &'static str,
    per_second: NonZeroU32,
    local: DefaultKeyedRateLimiter<K>,
    shared: Option<Shared>,
    asked: AtomicU64,
    refused: AtomicU64,
}

impl<K: Hash + Eq + Clone + Display> Rate<K> {
    /// So many a second.
    pub fn new(kind: &'static str, per_second: NonZeroU32, shared: Option<Shared>) -> Self {
        let local = RateLimiter::keyed(Quota::per_second(per_second));
        let (asked, refused) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { kind, per_second, local, shared, asked, refused }
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// Where it is one too many: how long to wait.
    pub async fn take(&self, caller: &K) -> Result<(), Duration> {
        let wait = match &self.shared {
            Some(shared) => shared.take_request(self.kind, caller, self.per_second).await,
            None => None,
        };
        let taken = match wait {
            Some(wait) => wait,
            None => self.take_here(caller),
        };
        if taken.is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }

    fn take_here(&self, caller: &K) -> Result<(), Duration> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % TIDY_EVERY == TIDY_EVERY - 1 {
            self.local.retain_recent();
        }
        let now = DefaultClock::default().now();
        self.local.check_key(caller).map_err(|until| until.wait_time_from(now))
    }

    /// How many requests were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}
