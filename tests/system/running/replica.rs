//! A replica is read, and nobody reads anything from it that is older than what he has written.

use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use server::store::{KeyFile, OpenError, Randomness, ReplicaState, Store, StoreConfig};
use tests::measure::{now, request};
use tests::postgres::Cluster;
use tests::running::process::Process;
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

/// Gives a stopped cluster the address of another one, and starts it there.
fn start_in_place_of(cluster: &mut Cluster, url: &str) {
    let file = cluster.data().join("postgresql.conf");
    let settings = std::fs::read_to_string(&file).expect("its settings");
    let port = url.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("a port");
    let lines = settings.lines().map(|line| match line.strip_prefix("port = ") {
        Some(_) => format!("port = {port}"),
        None => line.to_owned(),
    });
    std::fs::write(&file, lines.collect::<Vec<_>>().join("\n") + "\n").expect("its settings");
    cluster.start_again();
}

/// Ten reads of a trip that is there: by whom they were answered, and what the replica is then.
async fn ten_reads(store: &Store, reference: &str) -> (u64, ReplicaState) {
    let before = store.replica_stats().expect("a replica");
    for _ in 0..10 {
        let trip = store.trip(reference, None).await.expect("an answer");
        assert!(trip.is_some(), "the primary has it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let after = store.replica_stats().expect("a replica");
    (after.from_replica - before.from_replica, after.state.expect("it was asked"))
}

/// Waits until the replica is found to be this.
async fn until(store: &Store, state: ReplicaState) {
    let begun = Instant::now();
    loop {
        store.look_at_replica().await;
        let found = store.replica_stats().expect("a replica").state;
        if found == Some(state) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it is {found:?}, not {state:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn book(store: &Store) -> String {
    let trip = store.book(&request("Reader", "R1", 0), now()).await;
    trip.expect("a booking").expect("no refusal").reference().to_string()
}

/// A primary that has begun a new file of its log, and has nothing to write: the standby has all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_is_read_after_a_switch_to_the_next_file_of_the_log() {
    let Some(primary) = Cluster::start() else { return };
    let standby = primary.standby();
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let store = replica::store(&primary, &standby, &keys).await;
    let reference = book(&store).await;
    until(&store, ReplicaState::Read).await;
    let raw = sea_orm::Database::connect(primary.url()).await.expect("the primary");
    raw.execute_unprepared("SELECT pg_switch_wal()").await.expect("the next file");
    until(&store, ReplicaState::Read).await;
    let (from_replica, state) = ten_reads(&store, &reference).await;
    assert_eq!(state, ReplicaState::Read);
    assert!(from_replica >= 8, "{from_replica}");
    assert_eq!(store.replica_stats().expect("a replica").behind_bytes, 0);
}

/// It is asked beside the requests whether it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_standby_that_is_away() {
    let Some(primary) = Cluster::start() else { return };
    let mut standby = primary.standby();
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let store = replica::store(&primary, &standby, &keys).await;
    let reference = book(&store).await;
    until(&store, ReplicaState::Read).await;
    standby.stop();
    until(&store, ReplicaState::Away).await;
    let (begun, mut slowest) = (Instant::now(), Duration::ZERO);
    while begun.elapsed() < Duration::from_secs(6) {
        let asked = Instant::now();
        store.trip(&reference, None).await.expect("an answer");
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A question to it takes a second.
    assert!(slowest < Duration::from_millis(700), "{slowest:?}");
    standby.start_again();
    let begun = Instant::now();
    while ten_reads(&store, &reference).await.0 == 0 {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not read again");
    }
}

/// Its log gets longer than that of a cluster with a few bookings.
async fn write_much(cluster: &Cluster) {
    let raw = sea_orm::Database::connect(cluster.url()).await.expect("the cluster");
    let sql = "CREATE TABLE much AS SELECT n, repeat('x', 1000) FROM generate_series(1, 40000) \
               AS g(n)";
    raw.execute_unprepared(sql).await.expect("rows");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_of_another_cluster_is_not_read_also_after_it_took_ones_address() {
    let Some(primary) = Cluster::start() else { return };
    let mut standby = primary.standby();
    let other = Cluster::start().expect("it is installed");
    write_much(&other).await;
    let mut foreign = other.standby();
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let store = replica::store(&primary, &standby, &keys).await;
    let reference = book(&store).await;
    until(&store, ReplicaState::Read).await;
    let (from_replica, _) = ten_reads(&store, &reference).await;
    assert!(from_replica > 0, "it is read while it is a standby");
    standby.stop();
    foreign.stop();
    start_in_place_of(&mut foreign, &standby.url());
    until(&store, ReplicaState::Refused).await;
    assert_eq!(ten_reads(&store, &reference).await, (0, ReplicaState::Refused));
    foreign.stop();
    standby.start_again();
    until(&store, ReplicaState::Read).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_follows_a_promoted_server_is_not_read_for_the_old_primary() {
    let Some(old) = Cluster::start() else { return };
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    let promoted = old.standby();
    let follower = promoted.standby();
    let store = replica::store(&old, &follower, &keys).await;
    let reference = book(&store).await;
    until(&store, ReplicaState::Read).await;
    let raw = sea_orm::Database::connect(promoted.url()).await.expect("the standby");
    raw.execute_unprepared("SELECT pg_promote()").await.expect("promoted");
    // So that its position is beyond the old primary's.
    write_much(&promoted).await;
    until(&store, ReplicaState::Refused).await;
    assert_eq!(ten_reads(&store, &reference).await, (0, ReplicaState::Refused));
    // For the new primary it is one.
    let store = replica::store(&promoted, &follower, &keys).await;
    until(&store, ReplicaState::Read).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_that_its_replica_is_a_primary_and_reads_the_other_one() {
    let Some(primary) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let url = primary.url();
    let arguments = ["--database-url", url.as_str(), "--replica-url", url.as_str()];
    let server = Process::start(&super::program(), folder.path(), &arguments);
    let is_refused = |server: &Process| server.logged("database.replica_refused") == 1;
    server.until("the replica is refused", is_refused).await;
    let query = "{ trip(reference: \"TRP-00000000\") { status } }";
    let answer = server.ask(query, &serde_json::json!({})).await.expect("an answer");
    assert_eq!(answer, serde_json::json!({ "data": { "trip": null } }));
    let metrics = reqwest::get(format!("{}/metrics", server.origin)).await.expect("metrics");
    let metrics = metrics.text().await.expect("a text");
    assert!(metrics.contains("\ndatabase_replica_state 4\n"), "{metrics}");
    assert!(server.log().contains("found a server that is not in recovery"), "{}", server.log());
    assert_eq!(server.logged("database.replica_refused"), 1, "said once");
}
