//! Look-ups a minute: who asks for people by what only they should know is not to find it out by
//! trying.
//!
//! A look-up of a client counts whatever comes of it, one of a trip where it misses: it is counted
//! before, so that many at once are not more, and given back when it has found something.

use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::shared::Shared;

/// The time that look-ups are counted over.
const WINDOW: Duration = Duration::from_mins(1);

/// The time that a look-up takes at least. What there is to find takes longer to find than what is
/// not there; both are answered after this, which is longer than either takes.
const TIME_MIN: Duration = Duration::from_millis(50);

/// Callers that are remembered at most before those are forgotten who did not ask lately.
const CALLERS_MAX: usize = 10_000;

/// More look-ups than a caller may make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// How many a minute there may be.
    pub most: u32,
    /// How long to wait for the next one.
    pub wait: Duration,
}

/// A look-up that was counted.
#[derive(Debug)]
pub struct Taken {
    began: Instant,
    caller: String,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Uncounted,
    Here(Instant),
    Shared(String),
}

/// Counts look-ups by caller.
pub struct Lookups {
    most: Option<NonZeroU32>,
    here: Mutex<HashMap<String, VecDeque<Instant>>>,
    shared: Option<Shared>,
    refused: AtomicU64,
}

impl Lookups {
    /// So many a minute for each caller; `None` where they are not counted.
    pub fn new(most: Option<NonZeroU32>, shared: Option<Shared>) -> Self {
        Self { most, here: Mutex::default(), shared, refused: AtomicU64::new(0) }
    }

    /// Counts a look-up.
    ///
    /// # Errors
    ///
    /// Where the caller has made as many as there may be.
    pub async fn take(&self, caller: &str) -> Result<Taken, TooMany> {
        let taken = |place| Taken { began: Instant::now(), caller: caller.to_owned(), place };
        let Some(most) = self.most else { return Ok(taken(Place::Uncounted)) };
        let shared = match &self.shared {
            Some(shared) => shared.take_lookup(caller, most, WINDOW).await,
            None => None,
        };
        let place = match shared {
            Some(Ok(member)) => Ok(Place::Shared(member)),
            Some(Err(wait)) => Err(wait),
            None => self.take_here(caller, most.get() as usize).map(Place::Here),
        };
        place.map(taken).map_err(|wait| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            TooMany { most: most.get(), wait }
        })
    }

    fn take_here(&self, caller: &str, most: usize) -> Result<Instant, Duration> {
        let now = Instant::now();
        let mut callers = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = |at: &Instant| now.duration_since(*at) >= WINDOW;
        if callers.len() >= CALLERS_MAX {
            callers.retain(|_, times| times.back().is_some_and(|last| !is_old(last)));
        }
        let times = callers.entry(caller.to_owned()).or_default();
        while times.front().is_some_and(is_old) {
            times.pop_front();
        }
        if times.len() >= most {
            let first = times.front().copied().unwrap_or(now);
            return Err(WINDOW.saturating_sub(now.duration_since(first)));
        }
        times.push_back(now);
        Ok(now)
    }

    /// Gives a look-up back, as though it had not been made.
    pub async fn give_back(&self, taken: &Taken) {
        match (&taken.place, &self.shared) {
            (Place::Here(at), _) => {
                let mut callers = self.here.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(times) = callers.get_mut(&taken.caller)
                    && let Some(nth) = times.iter().position(|other| other == at)
                {
                    times.remove(nth);
                }
            }
            (Place::Shared(member), Some(shared)) => {
                shared.give_lookup_back(&taken.caller, member).await;
            }
            _ => {}
        }
    }

    /// How many look-ups were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Taken {
    /// Waits until a look-up that was begun when this one was has taken as long as any other.
    pub async fn take_time(&self) {
        tokio::time::sleep_until((self.began + TIME_MIN).into()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_caller_has_so_many_a_minute_and_what_is_given_back_is_not_one() {
        let lookups = Lookups::new(NonZeroU32::new(5), None);
        let mut taken = Vec::new();
        for _ in 0..5 {
            taken.push(lookups.take("a").await.expect("one of five"));
        }
        let refused = lookups.take("a").await.expect_err("a sixth");
        assert_eq!(refused.most, 5);
        assert!(refused.wait > Duration::from_secs(50) && refused.wait <= WINDOW, "{refused:?}");
        lookups.take("b").await.expect("another caller's");
        lookups.give_back(&taken[2]).await;
        lookups.give_back(&taken[2]).await;
        lookups.take("a").await.expect("one in place of that which was given back");
        lookups.take("a").await.expect_err("a sixth");
        assert_eq!(lookups.refused(), 2);
    }

    #[tokio::test]
    async fn many_at_once_are_not_more() {
        let lookups = std::sync::Arc::new(Lookups::new(NonZeroU32::new(5), None));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let lookups = std::sync::Arc::clone(&lookups);
            tasks.spawn(async move { lookups.take("a").await.is_ok() });
        }
        let taken = tasks.join_all().await.into_iter().filter(|is_taken| *is_taken).count();
        assert_eq!(taken, 5);
    }
}
