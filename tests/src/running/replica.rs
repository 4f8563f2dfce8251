//! A primary and a standby that falls behind: nobody reads anything older than what he has written,
//! whichever of two servers he asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use sea_orm::ConnectionTrait;
use server::booking::{CancelScope, CancelTrip, TripStatus};
use server::store::{KeyFile, Randomness, ReplicaStats, Store, StoreConfig};
use tokio::task::JoinSet;

use crate::measure::{now, request};
use crate::postgres::Cluster;

/// What is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Callers at once.
    pub callers: usize,
    /// How long the standby keeps up, then stands still, then keeps up again.
    pub phase: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Writes that were read back at once from the other server.
    pub written: u64,
    /// Those of them that were not seen, or not as they were left.
    pub stale: u64,
    /// Reads from the replica and from the primary: while it keeps up, while it stands still, and
    /// while it keeps up again.
    pub reads: [(u64, u64); 3],
    /// Bytes that the standby was behind at the end of its standstill.
    pub behind_bytes: i64,
    /// Reads that failed while the standby was killed, and those that were answered.
    pub while_killed: (u64, u64),
}

/// A store on a primary with a standby.
///
/// # Panics
///
/// Where it does not open.
pub async fn store(primary: &Cluster, standby: &Cluster, keys: &KeyFile) -> Store {
    let config = StoreConfig {
        replica_url: Some(standby.url()),
        patience: Duration::from_secs(10),
        ..StoreConfig::new(primary.url(), keys.clone())
    };
    let store = Store::open(&config).await.expect("a database");
    store.migrate().await.expect("a migrated database");
    store.remember_keys().await.expect("keys");
    store
}

/// Does it; none where PostgreSQL is missing.
///
/// # Panics
///
/// Where a write fails.
pub async fn run(plan: Plan) -> Option<Found> {
    let primary = Cluster::start()?;
    let mut standby = primary.standby();
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let stores = [store(&primary, &standby, &keys).await, store(&primary, &standby, &keys).await];
    let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::new(<[AtomicU64; 2]>::default()));
    let mut callers = JoinSet::new();
    for caller in 0..plan.callers {
        let (stores, stop) = (stores.clone(), Arc::clone(&stop));
        let counts = Arc::clone(&counts);
        callers.spawn(async move {
            let mut nth = 0;
            while !stop.load(Ordering::Relaxed) {
                let stale = write_and_read(&stores, &format!("C{caller}N{nth}"), nth).await;
                counts[0].fetch_add(2, Ordering::Relaxed);
                counts[1].fetch_add(stale, Ordering::Relaxed);
                nth += 1;
            }
        });
    }
    let raw = sea_orm::Database::connect(standby.url()).await.expect("the standby");
    let mut reads = [(0, 0); 3];
    let mut behind_bytes = 0;
    for (at, statement) in
        [None, Some("SELECT pg_wal_replay_pause()"), Some("SELECT pg_wal_replay_resume()")]
            .into_iter()
            .enumerate()
    {
        if let Some(statement) = statement {
            raw.execute_unprepared(statement).await.expect("the standby obeys");
        }
        let before = total(&stores);
        tokio::time::sleep(plan.phase).await;
        let after = total(&stores);
        reads[at] =
            (after.from_replica - before.from_replica, after.from_primary - before.from_primary);
        if at == 1 {
            behind_bytes = after.behind_bytes;
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(caller) = callers.join_next().await {
        caller.expect("a caller that does not panic");
    }
    let trip = stores[0].book(&request("Last", "L1", 0), now()).await;
    let reference = trip.expect("a booking").expect("no refusal").reference().to_string();
    standby.stop();
    let mut while_killed = (0, 0);
    for _ in 0..50 {
        match stores[1].trip(&reference, None).await {
            Ok(Some(_)) => while_killed.1 += 1,
            _ => while_killed.0 += 1,
        }
    }
    let count = |at: usize| counts[at].load(Ordering::Relaxed);
    Some(Found { written: count(0), stale: count(1), reads, behind_bytes, while_killed })
}

fn total(stores: &[Store; 2]) -> ReplicaStats {
    let [one, other] = [0, 1].map(|at| stores[at].replica_stats().expect("a replica"));
    ReplicaStats {
        from_replica: one.from_replica + other.from_replica,
        from_primary: one.from_primary + other.from_primary,
        failures: one.failures + other.failures,
        behind_bytes: one.behind_bytes.max(other.behind_bytes),
        state: one.state.max(other.state),
    }
}

/// Books at one server and reads at the other, cancels at one and reads at the other; says how
/// often what was written was not seen.
async fn write_and_read(stores: &[Store; 2], person: &str, nth: usize) -> u64 {
    let [here, there] = [&stores[nth % 2], &stores[(nth + 1) % 2]];
    let trip = here.book(&request("Reader", person, (nth % 300) as i64), now()).await;
    let trip = trip.expect("a booking").expect("no refusal");
    let reference = trip.reference().to_string();
    let read = there.trip(&reference, None).await.expect("an answer");
    let mut stale = u64::from(read.is_none());
    let cancel = CancelTrip {
        caller: "measure".into(),
        reference: reference.clone(),
        scope: CancelScope::WholeTrip,
        last_name: None,
        expected_version: None,
        idempotency_key: None,
    };
    there.cancel(&cancel, now()).await.expect("an answer").expect("no refusal");
    let read = here.trip(&reference, None).await.expect("an answer");
    stale += u64::from(read.is_none_or(|trip| trip.status() != TripStatus::Cancelled));
    stale
}
