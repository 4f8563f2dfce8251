//! Look-ups a minute: who asks for people by what only they should know is not to find it out by
//! trying.
//!
//! A look-up of a client counts whatever comes of it, one of a trip where it misses: it is counted
//! before, so that many at once are not more, and given back when it has found something.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::shared::Shared;

/// The time that look-ups are counted over.
const WINDOW: Duration = Duration::from_mins(1);

/// The time that a look-up takes at least. What there is to find takes longer to find than what is
/// not there; both are answered after this, which is longer than either takes.
const TIME_MIN: Duration = Duration::from_millis(50);

/// How long a look-up waits for others of its caller that may yet be given back.
const LINE_MAX: Duration = Duration::from_millis(500);

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

/// A look-up that was counted. It is given back where it is dropped before somebody says what has
/// become of it: whoever has given up was told nothing.
#[derive(Debug)]
pub struct Taken {
    began: Instant,
    caller: String,
    place: Place,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
enum Place {
    Uncounted,
    Here(Instant),
    Shared(String),
}

/// Says that it may yet be given back.
#[derive(Debug)]
struct UnderWay {
    lookups: Arc<Lookups>,
    caller: String,
}

/// Counts look-ups by caller.
pub struct Lookups {
    most: Option<NonZeroU32>,
    here: Mutex<HashMap<String, VecDeque<Instant>>>,
    shared: Option<Shared>,
    refused: AtomicU64,
    /// How many look-ups of each caller may yet be given back.
    under_way: Mutex<HashMap<String, usize>>,
    /// Tells that one may not any more.
    decided: Notify,
}

impl Lookups {
    /// So many a minute for each caller; `None` where they are not counted.
    pub fn new(most: Option<NonZeroU32>, shared: Option<Shared>) -> Self {
        let (here, under_way, decided) = Default::default();
        Self { most, here, shared, refused: AtomicU64::new(0), under_way, decided }
    }

    /// Counts a look-up. Where too many were made, it waits for those that are under way: they may
    /// be given back.
    ///
    /// # Errors
    ///
    /// Where the caller has made as many as there may be.
    pub async fn take(self: &Arc<Self>, caller: &str) -> Result<Taken, TooMany> {
        let began = Instant::now();
        let taken = |place, under_way| Taken { began, caller: caller.to_owned(), place, under_way };
        let Some(most) = self.most else { return Ok(taken(Place::Uncounted, None)) };
        loop {
            let mut decided = pin!(self.decided.notified());
            decided.as_mut().enable();
            let wait = match self.count(caller, most).await {
                Ok(place) => return Ok(taken(place, Some(UnderWay::begin(self, caller)))),
                Err(wait) => wait,
            };
            // One that was decided on since is heard of without waiting.
            let until = if self.is_under_way(caller) { began + LINE_MAX } else { began };
            let may_wait = began.elapsed() < LINE_MAX;
            if !may_wait || timeout_at(until.into(), decided).await.is_err() {
                self.refused.fetch_add(1, Ordering::Relaxed);
                return Err(TooMany { most: most.get(), wait });
            }
        }
    }

    async fn count(&self, caller: &str, most: NonZeroU32) -> Result<Place, Duration> {
        let shared = match &self.shared {
            Some(shared) => shared.take_lookup(caller, most, WINDOW).await,
            None => None,
        };
        match shared {
            Some(taken) => taken.map(Place::Shared),
            None => self.count_here(caller, most.get() as usize).map(Place::Here),
        }
    }

    fn count_here(&self, caller: &str, most: usize) -> Result<Instant, Duration> {
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

    async fn give_back(&self, caller: &str, place: Place) {
        match (place, &self.shared) {
            (Place::Here(at), _) => {
                let mut callers = self.here.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(times) = callers.get_mut(caller)
                    && let Some(nth) = times.iter().position(|other| *other == at)
                {
                    times.remove(nth);
                }
            }
            (Place::Shared(member), Some(shared)) => {
                shared.give_lookup_back(caller, &member).await;
            }
            _ => {}
        }
    }

    /// How many look-ups were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_under_way(&self, caller: &str) -> bool {
        self.under_way().contains_key(caller)
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Lookups").field("most", &self.most).finish_non_exhaustive()
    }
}

impl UnderWay {
    fn begin(lookups: &Arc<Lookups>, caller: &str) -> Self {
        *lookups.under_way().entry(caller.to_owned()).or_default() += 1;
        Self { lookups: Arc::clone(lookups), caller: caller.to_owned() }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut under_way = self.lookups.under_way();
        if let Entry::Occupied(mut count) = under_way.entry(std::mem::take(&mut self.caller)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        drop(under_way);
        self.lookups.decided.notify_waiters();
    }
}

impl Taken {
    /// Lets it count for good.
    pub fn keep(&mut self) {
        self.under_way = None;
    }

    /// Gives it back, as though it had not been made.
    pub async fn give_back(&mut self) {
        if let Some(under_way) = self.under_way.take() {
            let place = std::mem::replace(&mut self.place, Place::Uncounted);
            under_way.lookups.give_back(&self.caller, place).await;
        }
    }

    /// Waits until a look-up that was begun when this one was has taken as long as any other.
    pub async fn take_time(&self) {
        tokio::time::sleep_until((self.began + TIME_MIN).into()).await;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let (Some(under_way), Ok(runtime)) = (self.under_way.take(), Handle::try_current()) else {
            return;
        };
        let place = std::mem::replace(&mut self.place, Place::Uncounted);
        runtime.spawn(async move {
            under_way.lookups.give_back(&under_way.caller, place).await;
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn five() -> Arc<Lookups> {
        Arc::new(Lookups::new(NonZeroU32::new(5), None))
    }

    /// One that counts for good.
    async fn kept(lookups: &Arc<Lookups>, caller: &str) -> Result<(), TooMany> {
        lookups.take(caller).await.map(|mut taken| taken.keep())
    }

    #[tokio::test]
    async fn a_caller_has_so_many_a_minute_and_what_is_given_back_is_not_one() {
        let lookups = five();
        for _ in 0..4 {
            kept(&lookups, "a").await.expect("one of five");
        }
        let mut fifth = lookups.take("a").await.expect("one of five");
        fifth.give_back().await;
        fifth.give_back().await;
        kept(&lookups, "a").await.expect("one in place of that which was given back");
        let refused = kept(&lookups, "a").await.expect_err("a sixth");
        assert_eq!(refused.most, 5);
        assert!(refused.wait > Duration::from_secs(50) && refused.wait <= WINDOW, "{refused:?}");
        kept(&lookups, "b").await.expect("another caller's");
        assert_eq!(lookups.refused(), 1);
    }

    #[tokio::test]
    async fn many_at_once_are_not_more() {
        let lookups = five();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..100 {
            let lookups = Arc::clone(&lookups);
            tasks.spawn(async move { kept(&lookups, "a").await.is_ok() });
        }
        let taken = tasks.join_all().await.into_iter().filter(|is_taken| *is_taken).count();
        assert_eq!(taken, 5);
    }

    #[tokio::test]
    async fn one_too_many_waits_for_those_that_may_be_given_back() {
        let lookups = five();
        let mut tasks = tokio::task::JoinSet::new();
        for nth in 0..20 {
            let lookups = Arc::clone(&lookups);
            tasks.spawn(async move {
                let Ok(mut taken) = lookups.take("a").await else { return false };
                tokio::time::sleep(Duration::from_millis(5)).await;
                // By itself, or since nobody waits for it any more.
                if nth % 2 == 0 {
                    taken.give_back().await;
                } else {
                    drop(taken);
                }
                true
            });
        }
        assert!(tasks.join_all().await.into_iter().all(|is_taken| is_taken));
        assert!(lookups.under_way().is_empty());
        // Not for ever.
        let _slow = [lookups.take("a").await, lookups.take("a").await, lookups.take("a").await];
        let _ = [kept(&lookups, "a").await, kept(&lookups, "a").await];
        let begun = Instant::now();
        lookups.take("a").await.expect_err("a sixth");
        assert!(begun.elapsed() >= LINE_MAX);
        assert_eq!(lookups.refused(), 1);
    }
}
