//! A proxy in front of a database server that loses connections where a test wants it to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How PostgreSQL's clients ask for a commit: a simple query of this text.
const COMMIT: &[u8] = b"COMMIT\0";

/// What happens to the next commits that pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The server never gets it.
    BeforeCommit,
    /// The server gets it, the client no answer.
    AfterCommit,
}

#[derive(Debug, Default)]
struct Faults {
    before: AtomicU32,
    after: AtomicU32,
    /// One connection in so many is cut at some commit; 0 for none.
    one_in: AtomicU32,
    latency_us: AtomicU64,
    seen: AtomicU32,
    cuts: AtomicU32,
}

/// A running proxy; it ends with the runtime.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    faults: Arc<Faults>,
}

impl Proxy {
    /// Starts one in front of a server.
    ///
    /// # Panics
    ///
    /// Where no port is free.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let faults = Arc::new(Faults::default());
        let proxy = Self { address, faults: Arc::clone(&faults) };
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let faults = Arc::clone(&faults);
                tokio::spawn(async move {
                    if let Ok(server) = TcpStream::connect(server).await {
                        relay(client, server, &faults).await;
                    }
                });
            }
        });
        proxy
    }

    /// Starts one in front of the server of this URL; the URL through the proxy.
    ///
    /// # Panics
    ///
    /// Where the URL does not have the form that `postgres::database` gives.
    pub async fn in_front_of(url: &str) -> (Self, String) {
        let (before, after) = url.split_once('@').expect("a user");
        let (place, database) = after.split_once('/').expect("a database");
        let server = tokio::net::lookup_host(place).await.expect("a host").next();
        let proxy = Self::start(server.expect("an address")).await;
        let url = format!("{before}@{}/{database}", proxy.address);
        (proxy, url)
    }

    /// Cuts the connections on which the next `count` commits are sent.
    pub fn cut(&self, how: Cut, count: u32) {
        match how {
            Cut::BeforeCommit => self.faults.before.store(count, Ordering::SeqCst),
            Cut::AfterCommit => self.faults.after.store(count, Ordering::SeqCst),
        }
    }

    /// Cuts one commit in so many from now on, in turn before and after it; none for 0.
    pub fn cut_one_in(&self, commits: u32) {
        self.faults.one_in.store(commits, Ordering::SeqCst);
    }

    /// Delays everything that clients send from now on.
    pub fn delay(&self, latency: Duration) {
        self.faults.latency_us.store(latency.as_micros() as u64, Ordering::SeqCst);
    }

    /// Connections cut so far.
    pub fn cuts(&self) -> u32 {
        self.faults.cuts.load(Ordering::SeqCst)
    }
}

/// One less, if there is one.
fn take(counter: &AtomicU32) -> bool {
    let less = |count: u32| count.checked_sub(1);
    counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less).is_ok()
}

impl Faults {
    fn at_commit(&self) -> Option<Cut> {
        if take(&self.before) {
            return Some(Cut::BeforeCommit);
        }
        if take(&self.after) {
            return Some(Cut::AfterCommit);
        }
        let one_in = self.one_in.load(Ordering::SeqCst);
        let seen = self.seen.fetch_add(1, Ordering::SeqCst);
        if one_in == 0 || !seen.is_multiple_of(one_in) {
            return None;
        }
        Some(if (seen / one_in).is_multiple_of(2) { Cut::AfterCommit } else { Cut::BeforeCommit })
    }
}

/// Passes bytes on in both directions until one side ends or a fault is due.
async fn relay(client: TcpStream, server: TcpStream, faults: &Faults) {
    // Without this, small packets wait for each other.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let down = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from_client.read(&mut buffer).await {
        let bytes = &buffer[..length];
        let latency_us = faults.latency_us.load(Ordering::SeqCst);
        if latency_us > 0 {
            tokio::time::sleep(Duration::from_micros(latency_us)).await;
        }
        let is_commit = bytes.first() == Some(&b'Q') && bytes.ends_with(COMMIT);
        match is_commit.then(|| faults.at_commit()).flatten() {
            None => {
                if to_server.write_all(bytes).await.is_err() {
                    break;
                }
            }
            Some(cut) => {
                // No answer passes from here on.
                down.abort();
                if cut == Cut::AfterCommit {
                    let _ = to_server.write_all(bytes).await;
                }
                faults.cuts.fetch_add(1, Ordering::SeqCst);
                break;
            }
        }
    }
    down.abort();
}
