//! The network that answers, and how a new file takes its place.
//!
//! The file is looked at again and again. Where it is another one than before (another inode, size
//! or time of change, so that a link that now leads elsewhere counts, too), it is copied, checked
//! from its first byte to its last, and made ready beside the one that answers; only then it takes
//! over, at once and for all requests that come from then on. A request that is under way keeps the
//! network it began with. A file that is refused changes nothing: the reason is logged and counted,
//! and the network before answers on.
//!
//! Other versions of the format are refused, older ones included. A timetable of an earlier period
//! is taken: an operator who goes back to yesterday's file wants it. The log warns of it.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate, Utc};
use tokio::sync::watch;

use crate::http::Clock;
use crate::network_file::{self, Loaded, NetworkFileError};
use crate::search::Network;

/// Days before the end of a network's dates from which it is warned of when it is taken.
const ENDS_SOON_DAYS: i64 = 30;

/// Times that a file is read after it has changed. File systems note times in ticks of some
/// milliseconds, so that a change soon after the first reading may leave no trace but content; the
/// second reading comes a whole interval later, when every further change leaves one.
const READINGS: u32 = 2;

/// A network, and since when it answers.
#[derive(Debug)]
pub struct Taken {
    /// The network.
    pub network: Arc<Network>,
    /// When it took over.
    pub at: DateTime<Utc>,
    /// When its file was written; when it took over where there is no file.
    pub written: DateTime<Utc>,
}

impl Taken {
    fn new(loaded: Loaded, at: DateTime<Utc>) -> Self {
        Self { network: Arc::new(loaded.network), at, written: loaded.written }
    }
}

/// What has become of network files since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkStats {
    /// Files that took over.
    pub swaps: u64,
    /// Files that were refused.
    pub refusals: u64,
    /// Whether the file at the path is refused, and the network before answers.
    pub is_refused: bool,
    /// Networks in memory: the one that answers, and those that requests are not done with.
    pub held: u64,
}

/// The network that answers, shared by all requests.
#[derive(Debug)]
pub struct Networks {
    current: watch::Sender<Arc<Taken>>,
    swaps: AtomicU64,
    refusals: AtomicU64,
    is_refused: AtomicBool,
    retired: AtomicU64,
}

impl Networks {
    /// With the network that answers first, of no file.
    pub fn new(network: Network, at: DateTime<Utc>) -> Self {
        Self::of(Loaded { network, written: at }, at)
    }

    /// With the network of a file that answers first.
    fn of(loaded: Loaded, at: DateTime<Utc>) -> Self {
        let (current, _) = watch::channel(Arc::new(Taken::new(loaded, at)));
        let none = || AtomicU64::new(0);
        let is_refused = AtomicBool::new(false);
        Self { current, swaps: none(), refusals: none(), is_refused, retired: none() }
    }

    /// The network that answers a request which begins now. A request asks once, and keeps it.
    pub fn current(&self) -> Arc<Network> {
        Arc::clone(&self.current.borrow().network)
    }

    /// The network, and since when it answers.
    pub fn taken(&self) -> Arc<Taken> {
        Arc::clone(&self.current.borrow())
    }

    /// Tells of every network that takes over from now on. Whoever listens slowly hears of the
    /// newest alone. What the receiver lends must not be kept while something is awaited.
    pub fn changes(&self) -> watch::Receiver<Arc<Taken>> {
        self.current.subscribe()
    }

    /// Lets another network, of no file, answer from now on; the result is the one before.
    pub fn replace(&self, network: Network, at: DateTime<Utc>) -> Arc<Taken> {
        self.take(Loaded { network, written: at }, at)
    }

    fn take(&self, loaded: Loaded, at: DateTime<Utc>) -> Arc<Taken> {
        self.swaps.fetch_add(1, Ordering::Relaxed);
        self.current.send_replace(Arc::new(Taken::new(loaded, at)))
    }

    /// What has become of network files.
    pub fn stats(&self) -> NetworkStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        NetworkStats {
            swaps: read(&self.swaps),
            refusals: read(&self.refusals),
            is_refused: self.is_refused.load(Ordering::Relaxed),
            held: 1 + read(&self.retired),
        }
    }
}

/// What tells a file from another at the same path without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What came of reading a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// It answers now.
    Taken,
    /// It has the content of the network that answers.
    Same,
    /// It is no network file that this program can serve.
    Refused,
}

/// Looks after one network file.
pub struct Watch {
    path: PathBuf,
    clock: Clock,
    /// The file that was read last; none where there is no file.
    seen: Option<Stamp>,
    readings_left: u32,
    /// Why that file was refused, so that it is said and counted once.
    refusal: Option<String>,
    /// Networks that answer no new request.
    retired: Vec<Arc<Taken>>,
}

impl Watch {
    /// For the file as it is now. To be made before the file is opened for the first time, so that
    /// no change is missed.
    pub fn new(path: &Path, clock: Clock) -> Self {
        let seen = std::fs::metadata(path).ok().map(|metadata| Stamp::of(&metadata));
        let path = path.to_owned();
        Self { path, clock, seen, readings_left: 1, refusal: None, retired: Vec::new() }
    }

    /// Looks at the file at these intervals, for ever.
    pub async fn run(mut self, networks: Arc<Networks>, every: Duration) {
        let mut ticks = tokio::time::interval(every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look(&networks).await;
        }
    }

    /// Reads the file where it has changed, and lets go of networks that nobody uses any more.
    pub async fn look(&mut self, networks: &Networks) {
        self.let_go(networks).await;
        let metadata = tokio::fs::metadata(&self.path).await.ok();
        let stamp = metadata.as_ref().map(Stamp::of);
        if stamp != self.seen {
            (self.seen, self.readings_left, self.refusal) = (stamp, READINGS, None);
        }
        if self.readings_left > 0 {
            self.readings_left -= 1;
            self.read(networks).await;
        }
    }

    /// Reads the file, whether or not it has changed.
    pub async fn read(&mut self, networks: &Networks) -> Reading {
        let (path, begun) = (self.path.clone(), Instant::now());
        // Checking takes a second for a country, which no request may wait for.
        let loaded = tokio::task::spawn_blocking(move || network_file::load(&path)).await;
        let loaded = match loaded {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(error)) => {
                // It may be a good file, for which there is room in a moment.
                if !matches!(error, NetworkFileError::Invalid { .. }) {
                    self.readings_left = self.readings_left.max(1);
                }
                return self.refuse(networks, error.to_string());
            }
            Err(error) => return self.refuse(networks, error.to_string()),
        };
        self.refusal = None;
        networks.is_refused.store(false, Ordering::Relaxed);
        let before = networks.taken();
        if loaded.network.header().content_hash == before.network.header().content_hash {
            return Reading::Same;
        }
        let now = (self.clock)();
        warn_of_dates(&loaded.network, Some(&before.network), now);
        let version = loaded.network.header().version();
        self.retired.push(networks.take(loaded, now));
        networks.retired.store(self.retired.len() as u64, Ordering::Relaxed);
        tracing::info!(
            network.version = version,
            network.before = before.network.header().version(),
            network.path = %self.path.display(),
            duration.ms = begun.elapsed().as_secs_f64() * 1e3,
            "network.taken"
        );
        Reading::Taken
    }

    fn refuse(&mut self, networks: &Networks, reason: String) -> Reading {
        networks.is_refused.store(true, Ordering::Relaxed);
        if self.refusal.as_ref() != Some(&reason) {
            networks.refusals.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                error.cause = reason,
                network.path = %self.path.display(),
                network.version = networks.current().header().version(),
                hint = "the network with this version answers on",
                "network.refused"
            );
            self.refusal = Some(reason);
        }
        Reading::Refused
    }

    /// Frees retired networks that no request uses any more, where no request waits for it.
    async fn let_go(&mut self, networks: &Networks) {
        let is_free = |taken: &mut Arc<Taken>| {
            Arc::strong_count(taken) == 1 && Arc::strong_count(&taken.network) == 1
        };
        let free: Vec<_> = self.retired.extract_if(.., is_free).collect();
        if !free.is_empty() {
            // A panic while memory is freed would end the process anyway.
            let _ = tokio::task::spawn_blocking(move || drop(free)).await;
            networks.retired.store(self.retired.len() as u64, Ordering::Relaxed);
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("path", &self.path).finish_non_exhaustive()
    }
}

/// The first network of a server: that of the file, or the bundled one.
///
/// # Errors
///
/// Where the file is no network file that this program can serve.
pub fn first(path: Option<&Path>, now: DateTime<Utc>) -> Result<Networks, NetworkFileError> {
    let loaded = match path {
        Some(path) => network_file::load(path)?,
        None => Loaded { network: network_file::bundled()?, written: now },
    };
    let network = &loaded.network;
    let (first, last) = network.view().period();
    tracing::info!(
        network.version = network.header().version(),
        network.path = path.map_or_else(|| "bundled".into(), |path| path.display().to_string()),
        network.first_date = %first,
        network.last_date = %last,
        network.stations = network.view().station_count(),
        "network.opened"
    );
    warn_of_dates(network, None, now);
    Ok(Networks::of(loaded, now))
}

fn warn_of_dates(network: &Network, before: Option<&Network>, now: DateTime<Utc>) {
    let last = |network: &Network| -> NaiveDate { network.view().period().1 };
    let ends = last(network);
    if (ends - now.date_naive()).num_days() < ENDS_SOON_DAYS {
        tracing::warn!(network.last_date = %ends, "network.ends_soon");
    }
    if let Some(before) = before.map(last).filter(|before| *before > ends) {
        tracing::warn!(
            network.last_date = %ends,
            network.last_date_before = %before,
            "network.ends_earlier_than_the_one_before"
        );
    }
}
