//! What is refused because there is too much to do.
//!
//! Each kind of work has a gate: so many are at work, so many more wait in line, and whoever comes
//! then is refused at once, in the time that a request takes to be read; so is whoever would wait
//! longer than anybody should, going by how long work has taken lately. Work that is begun is
//! always ended, so that all the time goes into answers that somebody gets.
//!
//! Searches take processors: more of them at once than there are processors take longer, each and
//! together. Whatever asks the database mostly waits for it, and the database answers many at once
//! better than one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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
    search: Arc<Gate>,
    booking: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    places: Arc<Semaphore>,
    at_work_max: usize,
    waiting: AtomicUsize,
    waiting_max: usize,
    /// How long somebody should wait at most.
    wait_max: Duration,
    /// How long work has taken lately, in microseconds.
    work_us: AtomicU64,
    refused: AtomicU64,
}

/// A place to work at. It is free again when this is dropped.
#[derive(Debug)]
pub struct Place {
    _permit: OwnedSemaphorePermit,
    gate: Arc<Gate>,
    taken: Instant,
}

impl Drop for Place {
    fn drop(&mut self) {
        let (took, before) = (self.taken.elapsed().as_micros() as u64, self.gate.work_us());
        // Two at once may overwrite each other: it is an average either way.
        let after = if before == 0 { took } else { (15 * before + took).div_ceil(16) };
        self.gate.work_us.store(after, Ordering::Relaxed);
    }
}

impl Gates {
    /// With these limits.
    pub fn new(limits: &Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let wait_max = Duration::from_millis(limits.waiting_ms);
        let searches = limits.searches_at_once.unwrap_or(2 * processors);
        Self {
            search: Gate::new(searches, limits.searches_waiting, wait_max),
            booking: Gate::new(limits.bookings_at_once, limits.bookings_waiting, wait_max),
        }
    }

    /// Refuses a request that would be refused a place now, so that nothing more is done for it.
    ///
    /// # Errors
    ///
    /// Where all places are taken and the line is full, or too long.
    pub fn check(&self, work: Work) -> Result<(), Refused> {
        let gate = self.of(work);
        if gate.is_full() { Err(gate.refuse()) } else { Ok(()) }
    }

    /// A place to work at.
    ///
    /// # Errors
    ///
    /// Where all are taken and the line is full, or too long.
    pub async fn enter(&self, work: Work) -> Result<Place, Refused> {
        let gate = self.of(work);
        Gate::enter(gate).await.ok_or_else(|| gate.refuse())
    }

    fn of(&self, work: Work) -> &Arc<Gate> {
        match work {
            Work::Search => &self.search,
            Work::Booking => &self.booking,
        }
    }

    /// How the gates of searches and of bookings fare.
    pub fn stats(&self) -> [GateStats; 2] {
        [self.search.stats(), self.booking.stats()]
    }
}

impl Gate {
    fn new(at_work_max: usize, waiting_max: usize, wait_max: Duration) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(at_work_max)),
            at_work_max,
            waiting: AtomicUsize::new(0),
            waiting_max,
            wait_max,
            work_us: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })
    }

    fn work_us(&self) -> u64 {
        self.work_us.load(Ordering::Relaxed)
    }

    /// How many may wait, as long as work takes what it has taken lately.
    fn line_max(&self) -> usize {
        let (wait_us, at_once) = (self.wait_max.as_micros() as u64, self.at_work_max as u64);
        let served = (wait_us * at_once).checked_div(self.work_us());
        served.map_or(self.waiting_max, |served| self.waiting_max.min(served as usize))
    }

    fn is_full(&self) -> bool {
        self.places.available_permits() == 0
            && self.waiting.load(Ordering::Relaxed) >= self.line_max()
    }

    fn refuse(&self) -> Refused {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let message = "the server has more to do than it can; try again in a moment";
        Refused::new(Code::Overloaded, message).with_wait(Duration::from_secs(1))
    }

    async fn enter(gate: &Arc<Self>) -> Option<Place> {
        let permit = match Arc::clone(&gate.places).try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => gate.wait().await?,
        };
        let place = Place { _permit: permit, gate: Arc::clone(gate), taken: Instant::now() };
        // Lets all that came meanwhile come to this point, too: searches never wait, and without
        // this those that come while some are made would stand in a line that nobody counts.
        tokio::task::yield_now().await;
        Some(place)
    }

    async fn wait(&self) -> Option<OwnedSemaphorePermit> {
        let _in_line = InLine::join(self)?;
        let permit = Arc::clone(&self.places).acquire_owned();
        // Work may take longer than it has lately.
        tokio::time::timeout(2 * self.wait_max, permit).await.ok()?.ok()
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
        let most = gate.line_max();
        let joined = |waiting| (waiting < most).then_some(waiting + 1);
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

    fn gates(waiting_ms: u64) -> Arc<Gates> {
        let limits = Limits {
            searches_at_once: Some(2),
            searches_waiting: 3,
            bookings_at_once: 1,
            bookings_waiting: 0,
            waiting_ms,
            ..Limits::default()
        };
        Arc::new(Gates::new(&limits))
    }

    const LONG_MS: u64 = 60_000;

    #[tokio::test]
    async fn so_many_work_so_many_wait_and_the_rest_is_refused() {
        let gates = gates(LONG_MS);
        let first = gates.enter(Work::Search).await.expect("a place");
        let _second = gates.enter(Work::Search).await.expect("a place");
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let gates = Arc::clone(&gates);
            waiting.push(tokio::spawn(async move { gates.enter(Work::Search).await }));
        }
        while gates.stats()[0].waiting < 3 {
            tokio::task::yield_now().await;
        }
        let refused = gates.enter(Work::Search).await.expect_err("a full line");
        assert_eq!(refused.code, Code::Overloaded);
        assert_eq!(gates.stats()[0], GateStats { at_work: 2, waiting: 3, refused: 1 });
        // That can be told before anything else is done.
        assert_eq!(gates.check(Work::Search), Err(refused));
        assert_eq!(gates.stats()[0].refused, 2);
        gates.check(Work::Booking).expect("a place for bookings");
        // Bookings have places of their own.
        let _booking = gates.enter(Work::Booking).await.expect("a place");
        gates.check(Work::Booking).expect_err("no line");
        gates.enter(Work::Booking).await.expect_err("no line");
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
        let gates = gates(15);
        let _all = [
            gates.enter(Work::Search).await.expect("a place"),
            gates.enter(Work::Search).await.expect("a place"),
        ];
        gates.enter(Work::Search).await.expect_err("no place in time");
        assert_eq!(gates.stats()[0], GateStats { at_work: 2, waiting: 0, refused: 1 });
    }

    #[tokio::test]
    async fn who_would_wait_too_long_is_refused_at_once() {
        let gates = gates(100);
        // What takes 80 ms two can do at once; in 100 ms those can two more, and no third.
        gates.search.work_us.store(80_000, Ordering::Relaxed);
        assert_eq!(gates.search.line_max(), 2);
        gates.search.work_us.store(1, Ordering::Relaxed);
        assert_eq!(gates.search.line_max(), 3, "as many as there may be");
        let place = gates.enter(Work::Search).await.expect("a place");
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(place);
        let work_us = gates.search.work_us();
        assert!((1_000..20_000).contains(&work_us), "a sixteenth of {work_us}");
    }
}
