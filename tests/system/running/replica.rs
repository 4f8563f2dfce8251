//! A replica is read, and nobody reads anything from it that is older than what he has written.

use std::time::Duration;

use server::store::{KeyFile, OpenError, Randomness, Store, StoreConfig};
use tests::measure::{now, request};
use tests::postgres::Cluster;
use tests::running::replica::{self, Plan};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_older_than_he_has_written() {
    let plan = Plan { callers: 4, phase: Duration::from_secs(3) };
    let Some(found) = replica::run(plan).await else { return };
    assert!(found.written > 0 && found.stale == 0, "{found:?}");
    assert!(found.behind_bytes > 0, "{found:?}");
    assert_eq!(found.while_killed.0, 0, "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_keeps_up_is_read_and_one_that_stands_still_is_not() {
    use sea_orm::ConnectionTrait;
    let Some(primary) = Cluster::start() else { return };
    let standby = primary.standby();
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let store = replica::store(&primary, &standby, &keys).await;
    let read = async |count: usize| {
        let before = store.replica_stats().expect("a replica");
        for _ in 0..count {
            let trip = store.book(&request("Reader", &format!("R{count}"), 0), now()).await;
            drop(trip);
            store.client("Reader", "R0").await.expect("an answer");
            // With nobody writing, the standby has all there is.
            tokio::time::sleep(Duration::from_millis(100)).await;
            store.trip("TRP-00000000", None).await.expect("an answer");
        }
        let after = store.replica_stats().expect("a replica");
        (after.from_replica - before.from_replica, after.from_primary - before.from_primary)
    };
    let (from_replica, _) = read(10).await;
    assert!(from_replica > 0, "the replica is never read: {from_replica}");
    let raw = sea_orm::Database::connect(standby.url()).await.expect("the standby");
    raw.execute_unprepared("SELECT pg_wal_replay_pause()").await.expect("it stands still");
    store.book(&request("Writer", "W1", 1), now()).await.expect("a booking").expect("no refusal");
    let (from_replica, from_primary) = read(11).await;
    assert_eq!(from_replica, 0, "{from_primary}");
    assert!(from_primary >= 22, "{from_primary}");
}

#[tokio::test]
async fn a_replica_of_sqlite_or_of_another_kind_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let url = format!("sqlite://{}/railgraph.sqlite", folder.path().display());
    for replica in ["postgres://railgraph@127.0.0.1/railgraph", "sqlite://other.sqlite"] {
        let config = StoreConfig {
            replica_url: Some(replica.to_owned()),
            ..StoreConfig::new(url.as_str(), keys.clone())
        };
        let opened = Store::open(&config).await;
        assert!(matches!(opened, Err(OpenError::ReplicaUrl)), "{replica}");
    }
}
