//! Requests at a steady rate, whether or not those before have been answered.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, JoinSet};

use crate::measure::percentile;

/// What became of the requests.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// All that were sent.
    pub sent: u64,
    /// What was wrong with those that failed, in the order in which they were sent.
    pub failures: Vec<Failure>,
    /// Milliseconds of each answer, ascending.
    pub sorted_ms: Vec<f64>,
}

/// A request that failed.
#[derive(Debug, Clone)]
pub struct Failure {
    /// When it was sent, since the load began.
    pub after: Duration,
    /// How long it took.
    pub took: Duration,
    /// What was wrong.
    pub reason: String,
}

impl Report {
    /// Milliseconds below which this part of the answers came.
    pub fn percentile_ms(&self, part: f64) -> f64 {
        percentile(&self.sorted_ms, part)
    }
}

/// A load that goes on until it is ended.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    begun: Instant,
    task: JoinHandle<Report>,
}

impl Load {
    /// Starts it. Each request is told which it is, from 0.
    pub fn start<F, R>(requests_per_s: u64, request: F) -> Self
    where
        F: Fn(u64) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), String>> + Send + 'static,
    {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let begun = Instant::now();
        let until = (Arc::clone(&stop), Arc::clone(&sent));
        let task = tokio::spawn(run(requests_per_s, request, begun, until));
        Self { stop, sent, begun, task }
    }

    /// Requests sent up to now.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Time since it began.
    pub fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Sends no more, and waits for the answers to what was sent.
    ///
    /// # Panics
    ///
    /// Where a request panicked.
    pub async fn end(self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("a load that ends")
    }
}

async fn run<F, R>(
    requests_per_s: u64,
    request: F,
    begun: Instant,
    (stop, sent): (Arc<AtomicBool>, Arc<AtomicU64>),
) -> Report
where
    F: Fn(u64) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), String>> + Send + 'static,
{
    let report = Arc::new(Mutex::new(Report::default()));
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / requests_per_s as u32);
    let mut under_way = JoinSet::new();
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let answer = request(sent.fetch_add(1, Ordering::Relaxed));
        let report = Arc::clone(&report);
        under_way.spawn(async move {
            let after = begun.elapsed();
            let outcome = answer.await;
            let took = begun.elapsed().saturating_sub(after);
            let mut report = report.lock().expect("a report");
            report.sorted_ms.push(took.as_secs_f64() * 1e3);
            if let Err(reason) = outcome {
                report.failures.push(Failure { after, took, reason });
            }
        });
        while let Some(done) = under_way.try_join_next() {
            done.expect("a request that does not panic");
        }
    }
    while let Some(done) = under_way.join_next().await {
        done.expect("a request that does not panic");
    }
    let mut report = report.lock().expect("a report").clone();
    report.sent = sent.load(Ordering::Relaxed);
    report.sorted_ms.sort_by(f64::total_cmp);
    report.failures.sort_by_key(|failure| failure.after);
    report
}
