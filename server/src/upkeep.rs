//! What a server does beside answering: it seals the audit log, archives old trips, forgets what
//! has expired and reads its key file again when that has changed. Sealing and archiving is done by
//! one server at a time; the database sees to that.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use crate::http::Clock;
use crate::sight::Metrics;
use crate::store::{Archived, AuditHead, Store, StoreError, archive_date};

/// How often what has expired is deleted.
const PURGE_EVERY: Duration = Duration::from_mins(1);

/// How often committed rows of the audit log are sealed.
const SEAL_EVERY: Duration = Duration::from_secs(1);

/// How often the log says where the audit log's chain has got to, if it has moved.
const TELL_HEAD_EVERY: u32 = 60;

/// How often trips that have become a year old are archived.
const ARCHIVE_EVERY: Duration = Duration::from_hours(24);

/// How long to wait where another server is archiving: it may have been killed.
const ARCHIVE_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How often the key file is looked at.
const KEYS_EVERY: Duration = Duration::from_secs(2);

/// How often a replica is asked how far it is.
const REPLICA_EVERY: Duration = Duration::from_secs(5);

/// How often trips that have not departed are counted.
const COUNT_EVERY: Duration = Duration::from_secs(30);

/// Starts all jobs; they end when the set is dropped.
pub fn start(
    store: &Store,
    clock: &Clock,
    metrics: &Arc<Metrics>,
    key_path: PathBuf,
) -> JoinSet<()> {
    let mut jobs = JoinSet::new();
    jobs.spawn(count(store.clone(), clock.clone(), Arc::clone(metrics)));
    jobs.spawn(purge(store.clone(), clock.clone()));
    jobs.spawn(seal(store.clone(), Arc::clone(metrics)));
    jobs.spawn(archive(store.clone(), clock.clone()));
    jobs.spawn(store.clone().hear_changes());
    if store.replica_stats().is_some() {
        jobs.spawn(watch_replica(store.clone()));
    }
    jobs.spawn(watch_keys(store.clone(), key_path));
    jobs
}

/// Seals what is left, so that the log says where the chain has ended.
pub async fn finish(store: &Store) {
    match store.seal_audit().await {
        Ok(Some(head)) => tell_head(head),
        Ok(None) => {}
        Err(error) => tracing::warn!(error.cause = %error, "audit.not_sealed"),
    }
}

async fn count(store: Store, clock: Clock, metrics: Arc<Metrics>) {
    let mut ticks = tokio::time::interval(COUNT_EVERY);
    loop {
        ticks.tick().await;
        // While the database is away, the last number stays; other metrics tell why.
        if let Ok(trips) = store.count_active_trips(clock()).await {
            metrics.set_active_trips(trips);
        }
    }
}

async fn watch_replica(store: Store) {
    let mut ticks = tokio::time::interval(REPLICA_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        store.look_at_replica().await;
    }
}

async fn purge(store: Store, clock: Clock) {
    let mut ticks = tokio::time::interval(PURGE_EVERY);
    loop {
        ticks.tick().await;
        match store.purge_idempotency_keys(clock()).await {
            Ok(0) => {}
            Ok(keys) => tracing::debug!(idempotency.keys = keys, "idempotency.purged"),
            Err(error) => tracing::warn!(error.cause = %error, "idempotency.not_purged"),
        }
    }
}

async fn seal(store: Store, metrics: Arc<Metrics>) {
    let mut ticks = tokio::time::interval(SEAL_EVERY);
    let (mut told, mut failing, mut count) = (None, false, 0_u32);
    loop {
        ticks.tick().await;
        match store.seal_audit().await {
            Ok(head) => {
                failing = false;
                if let Some(head) = head {
                    metrics.set_audit_head(head.sequence);
                }
                if let Some(head) = head
                    && told != Some(head)
                    && count.is_multiple_of(TELL_HEAD_EVERY)
                {
                    tell_head(head);
                    told = Some(head);
                }
            }
            Err(error @ StoreError::TurnLost) => {
                tracing::warn!(error.cause = %error, "audit.turn_lost");
            }
            // Once, not every second, while the database is away.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(error.cause = %error, "audit.not_sealed");
            }
            Err(_) => {}
        }
        count = count.wrapping_add(1);
    }
}

fn tell_head(head: AuditHead) {
    tracing::info!(
        audit.head = %head,
        hint = "`railgraph audit verify --head` tells whether the log still contains it",
        "audit.head"
    );
}

async fn archive(store: Store, clock: Clock) {
    let mut days = tokio::time::interval(ARCHIVE_EVERY);
    loop {
        days.tick().await;
        while !archive_once(&store, clock()).await {
            tokio::time::sleep(ARCHIVE_AGAIN_AFTER).await;
        }
    }
}

/// Whether there is nothing to be done until tomorrow.
async fn archive_once(store: &Store, now: DateTime<Utc>) -> bool {
    match store.archive(archive_date(now), "railgraph archive", now).await {
        // Another server is at it, or was when it was killed.
        Ok(None) => return false,
        // Nothing was due.
        Ok(Some(Archived { trips: 0, .. })) => {}
        Ok(Some(done)) => {
            tracing::info!(archive.trips = done.trips, archive.files = done.segments, "archived");
        }
        Err(error @ StoreError::TurnLost) => {
            tracing::warn!(error.cause = %error, "archive.turn_lost");
            return false;
        }
        Err(error) => tracing::warn!(error.cause = %error, "archive.failed"),
    }
    true
}

async fn watch_keys(store: Store, path: PathBuf) {
    let mut ticks = tokio::time::interval(KEYS_EVERY);
    let mut seen = changed_at(&path).await;
    loop {
        ticks.tick().await;
        let now = changed_at(&path).await;
        if now.is_none() || now == seen {
            continue;
        }
        match store.reload_keys().await {
            Ok(()) => seen = now,
            Err(error) => tracing::warn!(error.cause = %error, "keys.not_loaded"),
        }
    }
}

async fn changed_at(path: &Path) -> Option<SystemTime> {
    tokio::fs::metadata(path).await.ok()?.modified().ok()
}
