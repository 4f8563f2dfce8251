//! Connections that are open: how many in all, and from each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::{Address, Proxy, is_trusted};
use super::limits::Limits;

/// Connections, by where they come from.
#[derive(Debug)]
pub struct OpenConnections {
    most: usize,
    most_of_address: usize,
    proxies: Vec<Proxy>,
    counts: Mutex<Counts>,
    refused: AtomicU64,
}

#[derive(Debug, Default)]
struct Counts {
    all: usize,
    by_address: HashMap<Address, usize>,
}

/// A connection that is counted until this is dropped.
pub struct Counted {
    open: Arc<OpenConnections>,
    address: Option<Address>,
}

impl OpenConnections {
    /// With these limits.
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections,
            most_of_address: limits.connections_per_address,
            proxies: limits.trusted_proxies.clone(),
            counts: Mutex::default(),
            refused: AtomicU64::new(0),
        })
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection; `None` where it is one too many. This machine's own, and those of
    /// proxies, stand for many callers, and are only counted among all.
    pub fn count(self: &Arc<Self>, peer: IpAddr) -> Option<Counted> {
        let is_of_many = peer.to_canonical().is_loopback() || is_trusted(&self.proxies, peer);
        let address = (!is_of_many).then(|| Address::from(peer));
        let mut counts = self.counts();
        let of_address = address.and_then(|it| counts.by_address.get(&it)).copied();
        if counts.all >= self.most || of_address.is_some_and(|it| it >= self.most_of_address) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        counts.all += 1;
        if let Some(address) = address {
            *counts.by_address.entry(address).or_default() += 1;
        }
        Some(Counted { open: Arc::clone(self), address })
    }

    /// How many are open, and how many were refused since the start.
    pub fn stats(&self) -> (u64, u64) {
        (self.counts().all as u64, self.refused.load(Ordering::Relaxed))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.open.counts();
        counts.all -= 1;
        if let Some(address) = self.address
            && let Some(count) = counts.by_address.get_mut(&address)
        {
            *count -= 1;
            if *count == 0 {
                counts.by_address.remove(&address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_open_in_all_and_from_each_address() {
        let proxies = vec!["10.0.0.7".parse().expect("a proxy")];
        let limits = Limits {
            connections: 6,
            connections_per_address: 2,
            trusted_proxies: proxies,
            ..Limits::default()
        };
        let open = OpenConnections::new(&limits);
        let count = |peer: &str| open.count(peer.parse().expect("an address"));
        let mut first = vec![count("9.9.9.9"), count("9.9.9.9")];
        assert!(first.iter().all(Option::is_some));
        assert!(count("9.9.9.9").is_none() && count("::ffff:9.9.9.9").is_none());
        let others = ["10.0.0.7", "10.0.0.7", "10.0.0.7", "127.0.0.1"].map(count);
        assert!(others.iter().all(Option::is_some));
        assert!(count("8.8.8.8").is_none());
        assert_eq!(open.stats(), (6, 3));
        first.pop();
        assert!(count("9.9.9.9").is_some());
        drop((first, others));
        assert_eq!(open.stats().0, 0);
        assert!(open.counts().by_address.is_empty());
    }
}
