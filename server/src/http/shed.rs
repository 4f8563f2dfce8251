//! What is refused because there is too much to do.
//!
//! Each kind of work has a gate: so many are at work, so many more wait in line, and whoever comes
//! then is refused at once, in the time that a request takes to be read. Work that is begun is
//! always ended, so that all the time goes into answers that somebody gets.
//!
//! Searches take processors: more of them at once than there are processors take longer, each and
//! together. Whatever asks the database mostly waits for it, and the database answers many at once
//! better than one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::code::Code;
use super::guard::Refused;
use super::limits::Limits;

/// What a request works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The network in memory.
    Search,
    /// The database.
    Booking,
}

/// How a gate fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct GateStats {
    /// Requests at work.
    pub at_work: u64,
    /// Requests in line.
    pub waiting: u64,
    /// Requests refused since the start.
    pub refused: u64,
}

/// The gates.
#[derive(Debug)]
pub struct Gates {
    search: Gate,
    booking: Gate,
}

#[derive(Debug)]
struct Gate {
    places: Arc<Semaphore>,
    at_work_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
    refused: AtomicU64,
}

impl Gates {
    /// With these limits.
    pub fn new(limits: &Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let searches = limits.searches_at_once.unwrap_or(2 * processors);
        Self {
            search: Gate::new(searches, limits.searches_waiting),
            booking: Gate::new(limits.bookings_at_once, limits.bookings_waiting),
        }
    }

    /// A place to work at, which is free again when it is dropped.
    ///
    /// # Errors
    ///
    /// Where all are taken and the line is full, or the place does not come in time.
    pub async fn enter(&self, work: Work, time: Duration) -> Result<OwnedSemaphorePermit, Refused> {
        let gate = match work {
            Work::Search => &self.search,
            Work::Booking => &self.booking,
        };
        let entered = gate.enter(time).await;
        entered.ok_or_else(|| {
            gate.refused.fetch_add(1, Ordering::Relaxed);
            let message = "the server has more to do than it can; try again in a moment";
            Refused::new(Code::Overloaded, message).with_wait(Duration::from_secs(1))
        })
    }

    /// How the gates of searches and of bookings fare.
    pub fn stats(&self) -> [GateStats; 2] {
        [self.search.stats(), self.booking.stats()]
    }
}

impl Gate {
    fn new(at_work_max: usize, waiting_max: usize) -> Self {
        Self {
            places: Arc::new(Semaphore::new(at_work_max)),
            at_work_max,
            waiting: AtomicUsize::new(0),
            waiting_max,
            refused: AtomicU64::new(0),
        }
    }

    async fn enter(&self, time: Duration) -> Option<OwnedSemaphorePermit> {
        let places = Arc::clone(&self.places);
        let place = match places.try_acquire_owned() {
            Ok(place) => place,
            Err(_) => self.wait(time).await?,
        };
        // Lets all that came meanwhile come to this point, too: searches never wait, and without
        // this those that come while some are made would stand in a line that nobody counts.
        tokio::task::yield_now().await;
        Some(place)
    }

    async fn wait(&self, time: Duration) -> Option<OwnedSemaphorePermit> {
        let _in_line = InLine::join(self)?;
        let place = Arc::clone(&self.places).acquire_owned();
        tokio::time::timeout(time, place).await.ok()?.ok()
    }

    fn stats(&self) -> GateStats {
        let at_work = self.at_work_max.saturating_sub(self.places.available_permits());
        GateStats {
            at_work: at_work as u64,
            waiting: self.waiting.load(Ordering::Relaxed) as u64,
            refused: self.refused.load(Ordering::Relaxed),
        }
    }
}

/// A place in line, which is left when the place to work at has come or nobody waits for it any
/// more.
struct InLine<'g>(&'g Gate);

impl<'g> InLine<'g> {
    fn join(gate: &'g Gate) -> Option<Self> {
        let joined = |waiting| (waiting < gate.waiting_max).then_some(waiting + 1);
        gate.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, joined).ok()?;
        Some(Self(gate))
    }
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gates() -> Arc<Gates> {
        let limits = Limits {
            searches_at_once: Some(2),
            searches_waiting: 3,
            bookings_at_once: 1,
            bookings_waiting: 0,
            ..Limits::default()
        };
        Arc::new(Gates::new(&limits))
    }

    const LONG: Duration = Duration::from_secs(60);

    #[tokio::test]
    async fn so_many_work_so_many_wait_and_the_rest_is_refused() {
        let gates = gates();
        let first = gates.enter(Work::Search, LONG).await.expect("a place");
        let _second = gates.enter(Work::Search, LONG).await.expect("a place");
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let gates = Arc::clone(&gates);
            waiting.push(tokio::spawn(async move { gates.enter(Work::Search, LONG).await }));
        }
        while gates.stats()[0].waiting < 3 {
            tokio::task::yield_now().await;
        }
        let refused = gates.enter(Work::Search, LONG).await.expect_err("a full line");
        assert_eq!(refused.code, Code::Overloaded);
        assert_eq!(gates.stats()[0], GateStats { at_work: 2, waiting: 3, refused: 1 });
        // Bookings have places of their own.
        let _booking = gates.enter(Work::Booking, LONG).await.expect("a place");
        gates.enter(Work::Booking, LONG).await.expect_err("no line");
        drop(first);
        let _third = waiting.remove(0).await.expect("a task").expect("the place of the first");
        // Those whose callers have gone are not in line any more.
        for task in waiting {
            task.abort();
            let _ = task.await;
        }
        assert_eq!(gates.stats()[0].waiting, 0);
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_it_may_take() {
        let gates = gates();
        let _all = [
            gates.enter(Work::Search, LONG).await.expect("a place"),
            gates.enter(Work::Search, LONG).await.expect("a place"),
        ];
        gates.enter(Work::Search, Duration::from_millis(30)).await.expect_err("no place in time");
        assert_eq!(gates.stats()[0], GateStats { at_work: 2, waiting: 0, refused: 1 });
    }
}
