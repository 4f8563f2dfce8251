//! How bookings become durable: shared commits, commits whose answer is lost, the bound on ticket
//! numbers.

use std::time::Duration;

use chrono::TimeDelta;
use sea_orm::ConnectionTrait;
use server::booking::{BookTrip, Trip, TripStatus};
use server::store::{Step, Store, StoreError};
use tests::proxy::{Cut, Proxy};
use tokio::task::JoinSet;

use super::bench::{ada, alan, cancelling, key, now, request, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    numbers_do_not_run_far_ahead_of_the_clock;
}

fn person(number: usize) -> BookTrip {
    request_for(&[traveller("Some", "One", &format!("ID{number}"))])
}

async fn count(bench: &Bench, table: &str) -> i64 {
    let raw = bench.raw().await;
    let sql = format!("SELECT count(*) AS n FROM {table}");
    let statement = sea_orm::Statement::from_string(raw.get_database_backend(), sql);
    raw.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bookings_that_wait_share_one_commit_and_are_answered_after_it() {
    let bench = Bench::sqlite().await;
    // The ticket numbers' block and the keys are there before.
    bench.book(&person(0)).await;
    let before = bench.store.write_stats();
    let raw = bench.raw_alone().await;
    raw.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 1..=40 {
        let store = bench.store.clone();
        tasks.spawn(async move { store.book(&person(number), now()).await });
    }
    let early = tokio::time::timeout(Duration::from_millis(300), tasks.join_next()).await;
    assert!(early.is_err(), "answered before the commit");
    raw.execute_unprepared("COMMIT").await.unwrap();
    for answer in tasks.join_all().await {
        answer.unwrap().unwrap();
    }
    let after = bench.store.write_stats();
    assert_eq!(after.jobs - before.jobs, 40);
    // The first one may have gone alone; the others were waiting.
    assert!(after.commits - before.commits <= 2, "{before:?} {after:?}");
    assert_eq!(count(&bench, "trips").await, 41);
}

/// Their callers have heard that nobody knows, so that more of them help nobody.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn bookings_that_come_too_late_open_the_breaker() {
    let bench = Bench::sqlite().await;
    let slow = |step| {
        if step == Step::BeforeCommit {
            std::thread::sleep(Duration::from_millis(600));
        }
    };
    let store = bench.reopen(|config| {
        config.steps = Some(std::sync::Arc::new(slow));
        config.patience = Duration::from_millis(500);
    });
    let store = store.await;
    for number in 0..5 {
        assert!(store.admits_writing(), "after {number}");
        store.book(&person(number), now()).await.unwrap().unwrap();
    }
    assert!(!store.admits_writing());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_refused_takes_nobody_along() {
    let bench = Bench::sqlite().await;
    bench.book(&request()).await;
    let raw = bench.raw_alone().await;
    raw.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let mut tasks = JoinSet::new();
    for number in 0..20 {
        let store = bench.store.clone();
        let request = if number % 2 == 0 { request() } else { person(number) };
        tasks.spawn(async move { store.book(&request, now()).await.unwrap().is_ok() });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    raw.execute_unprepared("COMMIT").await.unwrap();
    let booked = tasks.join_all().await.into_iter().filter(|booked| *booked).count();
    assert_eq!((booked, count(&bench, "trips").await), (10, 11));
}

/// A store whose connections go through a proxy.
async fn behind_proxy(bench: &Bench) -> (Proxy, Store) {
    let (proxy, url) = Proxy::in_front_of(&bench.config.url).await;
    (proxy, bench.reopen(|config| config.url = url).await)
}

async fn booked_once(bench: &Bench, trip: &Trip) {
    assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(trip));
    for table in ["trips", "reservations", "tickets", "audit_log"] {
        assert_eq!(count(bench, table).await, 1, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_that_is_not_answered_is_followed_up() {
    for keyed in [false, true] {
        for (cut, times) in [(Cut::AfterCommit, 1), (Cut::BeforeCommit, 1), (Cut::BeforeCommit, 3)]
        {
            let Some(bench) = Bench::postgres().await else { return };
            let (proxy, store) = behind_proxy(&bench).await;
            let mut request = request();
            request.idempotency_key = keyed.then(|| key("k"));
            // Numbers and keys are there already: the commit that is lost is the booking's.
            store.take_ticket_numbers(1, now().timestamp()).await.unwrap();
            store.remember_keys().await.unwrap();
            proxy.cut(cut, times);
            let trip = store.book(&request, now()).await.unwrap().unwrap();
            assert_eq!(proxy.cuts(), times, "{cut:?}");
            booked_once(&bench, &trip).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cancellation_that_is_not_answered_is_followed_up() {
    let Some(bench) = Bench::postgres().await else { return };
    let (proxy, store) = behind_proxy(&bench).await;
    let trip = bench.book(&request()).await;
    proxy.cut(Cut::AfterCommit, 1);
    let cancelled = store.cancel(&cancelling(&trip), now()).await.unwrap().unwrap();
    assert_eq!(proxy.cuts(), 1);
    assert_eq!((cancelled.status(), cancelled.version()), (TripStatus::Cancelled, 2));
    assert_eq!(count(&bench, "audit_log").await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_cannot_be_followed_up_is_said_to_be_unknown() {
    let Some(bench) = Bench::postgres().await else { return };
    let (proxy, url) = Proxy::in_front_of(&bench.config.url).await;
    let store = bench
        .reopen(|config| {
            config.url = url;
            config.patience = Duration::from_millis(400);
        })
        .await;
    store.take_ticket_numbers(1, now().timestamp()).await.unwrap();
    store.remember_keys().await.unwrap();
    proxy.cut(Cut::AfterCommit, 1_000);
    proxy.cut(Cut::BeforeCommit, 1_000);
    let error = store.book(&request(), now()).await.unwrap_err();
    assert!(matches!(error, StoreError::OutcomeUnknown(_)), "{error}");
}

async fn numbers_do_not_run_far_ahead_of_the_clock(bench: Bench) {
    let at = |hours| now() + TimeDelta::hours(hours);
    bench.store.book(&request_for(&[ada()]), at(0)).await.unwrap().unwrap();
    bench.store.book(&request_for(&[alan()]), at(-2)).await.unwrap().unwrap();
    let error = bench.store.book(&person(1), at(-4)).await.unwrap_err();
    assert!(matches!(error, StoreError::TicketsAhead { seconds: 14_400 }), "{error:?}");
    assert!(error.to_string().contains("mend the clock"), "{error}");
    bench.store.book(&person(1), at(0)).await.unwrap().unwrap();
}
