//! Jobs that one server at a time may do: what a server that was paused writes after another has
//! taken over is refused, and nobody waits long for one that was killed.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use server::store::{Archived, LookedUp, Step, Store, StoreError};
use tests::measure::filler::old_trips;

use super::bench::{ada, alan, at, date, now, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    an_archiving_server_that_was_overtaken_writes_nothing_more;
    a_restoring_server_that_was_overtaken_writes_nothing_more;
    a_sealing_server_that_was_overtaken_writes_nothing_more;
    the_turn_of_a_killed_server_ends_within_seconds;
    nobody_waits_for_a_clock_that_was_set_back;
    sealing_costs_few_statements_and_two_where_nothing_waits;
}

/// Two transactions' worth of trips and a bit.
const TRIPS: u64 = 1_100;

/// A server that stands still at a step until it is told to go on, as one that is paused does.
struct Paused {
    store: Store,
    stands: Receiver<()>,
    go_on: Sender<()>,
}

impl Paused {
    /// It stands still when it reaches the step for the first time.
    async fn at(bench: &Bench, step: Step, patience: Duration) -> Self {
        let ((standing, stands), (go_on, told)) = (channel(), channel());
        let told = Mutex::new(Some(told));
        let observer = move |reached| {
            let told = if reached == step { told.lock().unwrap().take() } else { None };
            if let Some(told) = told {
                standing.send(()).unwrap();
                // Whoever tells it may have failed, and gone.
                let _ = told.recv();
            }
        };
        let observer = Arc::new(observer);
        let store = bench.reopen(|config| {
            config.steps = Some(observer);
            config.patience = patience;
        });
        Self { store: store.await, stands, go_on }
    }

    /// Waits until it stands still.
    fn wait(&self) {
        tokio::task::block_in_place(|| self.stands.recv_timeout(Duration::from_mins(1)).unwrap());
    }
}

/// Does it as soon as it is this server's turn.
async fn as_soon_as<T>(mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(done) = attempt().await {
            return done;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "it is never this server's turn");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Archives the trips of 2024.
async fn archive(store: &Store) -> Result<Option<Archived>, StoreError> {
    store.archive(date("2025-01-01"), "test", now()).await
}

/// Archives what there is.
async fn archive_all(store: &Store) -> Result<Option<Archived>, StoreError> {
    let later = at("2028-06-01T12:00:00Z").to_utc();
    store.archive(date("2028-01-01"), "test", later).await
}

/// Trips of 2024, to be archived in three transactions, and one of 2026.
async fn with_old_trips(bench: &Bench) {
    bench.book(&request_for(&[ada(), alan()])).await;
    old_trips(&bench.raw_alone().await, TRIPS).await;
}

async fn is_whole(bench: &Bench, archived: u64) {
    let report = bench.store.verify_archive().await.unwrap();
    assert_eq!((report.trips, report.findings), (archived, vec![]));
    assert_eq!(bench.store.verify_audit(None).await.unwrap().findings, [""; 0]);
}

fn files(bench: &Bench) -> usize {
    std::fs::read_dir(bench.archive_folder()).unwrap().count()
}

async fn an_archiving_server_that_was_overtaken_writes_nothing_more(bench: Bench) {
    with_old_trips(&bench).await;
    let slow = Paused::at(&bench, Step::PartCommitted, bench.config.patience).await;
    let store = slow.store.clone();
    let run = tokio::spawn(async move { archive_all(&store).await });
    slow.wait();
    // Its lease has not ended yet.
    assert_eq!(archive(&bench.store).await.unwrap(), None);
    let rest = as_soon_as(async || archive(&bench.store).await.unwrap()).await;
    assert_eq!(rest, Archived { trips: TRIPS - 500, segments: 2 });
    let before = files(&bench);
    slow.go_on.send(()).unwrap();
    let late = run.await.unwrap();
    assert!(matches!(late, Err(StoreError::TurnLost)), "{late:?}");
    assert_eq!(files(&bench), before);
    is_whole(&bench, TRIPS).await;
    // The next run goes on, with what was left to do.
    let next = archive_all(&slow.store).await.unwrap().expect("nobody has it");
    assert_eq!(next.trips, 1);
    is_whole(&bench, TRIPS + 1).await;
}

async fn a_restoring_server_that_was_overtaken_writes_nothing_more(bench: Bench) {
    with_old_trips(&bench).await;
    assert_eq!(archive(&bench.store).await.unwrap().unwrap().segments, 3);
    let slow = Paused::at(&bench, Step::PartCommitted, bench.config.patience).await;
    let store = slow.store.clone();
    let run = tokio::spawn(async move { store.restore(None, "test", now()).await });
    slow.wait();
    assert_eq!(bench.store.restore(None, "test", now()).await.unwrap(), None);
    let again = as_soon_as(async || archive(&bench.store).await.unwrap()).await;
    assert_eq!(again.segments, 1);
    slow.go_on.send(()).unwrap();
    let late = run.await.unwrap();
    assert!(matches!(late, Err(StoreError::TurnLost)), "{late:?}");
    is_whole(&bench, TRIPS).await;
}

/// The turn ends in an hour by the clock as it is now.
async fn nobody_waits_for_a_clock_that_was_set_back(bench: Bench) {
    bench.book(&request_for(&[ada()])).await;
    let before = bench.store.seal_audit().await.unwrap().unwrap();
    let raw = bench.raw_alone().await;
    let sql = "UPDATE job_turns SET held_until = held_until + 3600000 WHERE held_until > 0";
    raw.execute_unprepared(sql).await.unwrap();
    bench.book(&request_for(&[alan()])).await;
    let after = bench.store.seal_audit().await.unwrap().unwrap();
    assert_eq!(after.sequence, before.sequence + 1);
}

async fn a_sealing_server_that_was_overtaken_writes_nothing_more(bench: Bench) {
    let look_ups = (0..TRIPS).map(|_| {
        let store = bench.store.clone();
        async move { store.audit_lookup(LookedUp::Client, false, "test", now()).await.unwrap() }
    });
    look_ups.collect::<tokio::task::JoinSet<_>>().join_all().await;
    let slow = Paused::at(&bench, Step::PartCommitted, bench.config.patience).await;
    let store = slow.store.clone();
    let run = tokio::spawn(async move { store.seal_audit().await });
    slow.wait();
    assert_eq!(bench.store.seal_audit().await.unwrap(), None, "its lease has not ended yet");
    let head = as_soon_as(async || bench.store.seal_audit().await.unwrap()).await;
    assert_eq!(head.sequence, TRIPS as i64);
    bench.book(&request_for(&[traveller("A", "One", "A1")])).await;
    slow.go_on.send(()).unwrap();
    let late = run.await.unwrap();
    assert!(matches!(late, Err(StoreError::TurnLost)), "{late:?}");
    let report = bench.store.verify_audit(Some(head)).await.unwrap();
    assert_eq!((report.head, report.unsealed, report.findings), (Some(head), 1, vec![]));
    let next = slow.store.seal_audit().await.unwrap().expect("a head");
    assert_eq!(next.sequence, head.sequence + 1);
}

/// With PostgreSQL, which ends a transaction that stands still; SQLite has one writer, and its
/// others wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_is_overtaken_within_a_transaction_removes_and_writes_nothing() {
    let Some(bench) = Bench::postgres().await else { return };
    with_old_trips(&bench).await;
    let slow = Paused::at(&bench, Step::PartBegun, Duration::from_millis(500)).await;
    let store = slow.store.clone();
    let run = tokio::spawn(async move { archive(&store).await });
    slow.wait();
    let all = as_soon_as(async || archive(&bench.store).await.unwrap()).await;
    assert_eq!(all, Archived { trips: TRIPS, segments: 3 });
    slow.go_on.send(()).unwrap();
    let late = run.await.unwrap();
    assert!(matches!(late, Err(StoreError::Unavailable(_))), "{late:?}");
    assert_eq!(files(&bench), 3);
    is_whole(&bench, TRIPS).await;
}

async fn the_turn_of_a_killed_server_ends_within_seconds(bench: Bench) {
    with_old_trips(&bench).await;
    // As a run that is dropped where it stands: nothing is given back.
    let slow = Paused::at(&bench, Step::PartCommitted, bench.config.patience).await;
    let store = slow.store.clone();
    let run = tokio::spawn(async move { archive(&store).await });
    slow.wait();
    run.abort();
    slow.go_on.send(()).unwrap();
    assert!(run.await.unwrap_err().is_cancelled());
    let killed = Instant::now();
    as_soon_as(async || archive(&bench.store).await.unwrap()).await;
    let waited = killed.elapsed();
    assert!(waited < Duration::from_secs(10), "{waited:?}");
    is_whole(&bench, TRIPS).await;
}

async fn sealing_costs_few_statements_and_two_where_nothing_waits(bench: Bench) {
    bench.store.seal_audit().await.unwrap();
    // Two for each piece of the rows: of 20, there is one of 16 and one of 4.
    for (people, expected) in [(1, 6), (0, 2), (20, 8)] {
        for person in 0..people {
            let name = format!("P{people}N{person}");
            bench.book(&request_for(&[traveller("A", "One", &name)])).await;
        }
        let before = bench.statements();
        bench.store.seal_audit().await.unwrap();
        assert_eq!(bench.statements() - before, expected, "{people} rows");
    }
}
