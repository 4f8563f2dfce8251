//! A booking server as a process of its own, that can be killed, paused and started again.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use server::graphql::Caller;
use server::network_file;
use server::store::{KeyFile, Step, Store, StoreConfig};

use crate::app;

/// How a server is started.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The program that calls [`serve`] when its first argument is `serve`.
    pub program: PathBuf,
    /// The database.
    pub url: String,
    /// Its keys.
    pub keys: PathBuf,
}

/// The steps of transactions at which a process ends itself, and after how many of them.
#[derive(Debug, Clone, Copy)]
pub struct Death {
    /// Its place in [`Step::ALL`].
    pub step: usize,
    /// The step is passed this many times before.
    pub after: u64,
}

/// A server that runs, or that was killed.
pub struct Server {
    settings: Settings,
    child: Option<Child>,
    address: Arc<Mutex<Option<SocketAddr>>>,
}

impl Server {
    /// One that does not run yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, child: None, address: Arc::default() }
    }

    /// Where it listens, while it does; shared with whoever sends it requests.
    pub fn address(&self) -> Arc<Mutex<Option<SocketAddr>>> {
        Arc::clone(&self.address)
    }

    /// Starts it and waits until it is ready; says how long that took.
    ///
    /// # Panics
    ///
    /// Where it does not start within a minute.
    pub fn start(&mut self, clock_offset_s: i64, death: Option<Death>) -> Duration {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < Duration::from_mins(1), "the server does not start");
            if self.try_start(clock_offset_s, death) {
                return begun.elapsed();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn try_start(&mut self, clock_offset_s: i64, death: Option<Death>) -> bool {
        self.kill();
        let mut command = Command::new(&self.settings.program);
        command.arg("serve").arg(&self.settings.url).arg(&self.settings.keys);
        command.arg(clock_offset_s.to_string());
        if let Some(death) = death {
            command.args([death.step.to_string(), death.after.to_string()]);
        }
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = quiet.spawn().expect("the server's program");
        let output = child.stdout.take().expect("a pipe");
        self.child = Some(child);
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        let address = line.trim().parse().ok();
        *self.address.lock().expect("an address") = address;
        address.is_some()
    }

    /// Whether it has ended by itself.
    pub fn is_dead(&mut self) -> bool {
        self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)))
    }

    /// Kills it with SIGKILL, if it runs.
    pub fn kill(&mut self) {
        *self.address.lock().expect("an address") = None;
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops it for a while and lets it go on.
    pub fn pause(&self, length: Duration) {
        let Some(child) = &self.child else { return };
        for signal in ["-STOP", "-CONT"] {
            let _ = Command::new("kill").args([signal, &child.id().to_string()]).status();
            if signal == "-STOP" {
                std::thread::sleep(length);
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a server in this process: prints its address once it is ready, and never returns.
/// `arguments` are those of [`Server::start`], in its order.
///
/// # Panics
///
/// Where it cannot start.
pub async fn serve(arguments: &[String]) {
    let [url, keys, offset, death @ ..] = arguments else { panic!("expected arguments") };
    let offset = TimeDelta::seconds(offset.parse().expect("seconds"));
    let store = open(url, Path::new(keys), death_of(death)).await;
    let network = network_file::bundled().expect("the bundled network");
    let server = app::start(network, store, Caller::open()).await;
    let begun = Instant::now();
    let tick = || {
        let start: DateTime<Utc> = app::moment(app::NOW);
        let now = start + offset + TimeDelta::milliseconds(begun.elapsed().as_millis() as i64);
        server.set_clock(&now.to_rfc3339_opts(SecondsFormat::Millis, true));
    };
    tick();
    say(&server.address.to_string());
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        tick();
    }
}

#[expect(clippy::print_stdout, reason = "the parent process reads it")]
fn say(text: &str) {
    println!("{text}");
}

fn death_of(arguments: &[String]) -> Option<Death> {
    let [step, after] = arguments else { return None };
    Some(Death {
        step: step.parse().expect("a step"),
        after: after.parse().expect("a number of steps"),
    })
}

/// Opens a store on this database whose process dies where it should.
///
/// # Panics
///
/// Where the database does not open.
pub async fn open(url: &str, keys: &Path, death: Option<Death>) -> Store {
    let keys = KeyFile::load(keys).expect("a key file");
    let mut config = StoreConfig::new(url, keys);
    if let Some(death) = death {
        let (left, fatal) = (AtomicU64::new(death.after), Step::ALL[death.step]);
        config.steps = Some(Arc::new(move |step| {
            if step == fatal && left.fetch_sub(1, Ordering::SeqCst) == 0 {
                // As kill -9 does it: nothing is closed, nothing is flushed.
                std::process::abort();
            }
        }));
    }
    let store = Store::open(&config).await.expect("a database");
    store.migrate().await.expect("a migrated database");
    store.remember_keys().await.expect("keys");
    store
}
