//! The way to the current version and back.

use std::time::Duration;

use migrations::Migrator;
use sea_orm::{ConnectionTrait, TransactionTrait};
use sea_orm_migration::MigratorTrait;
use server::booking::RefusalCode;
use server::store::{Keys, OpenError, Store};

use super::bench::{alan, now, request, request_for};
use super::{Bench, on_both};

on_both! {
    migrating_again_changes_nothing;
    down_and_up_again;
    several_servers_migrate_at_once;
    bookings_of_the_first_version_stay_whole;
    a_database_that_lacks_migrations_is_told_apart;
    a_database_of_a_later_version_is_told_apart;
}

async fn migrating_again_changes_nothing(bench: Bench) {
    let trip = bench.book(&request()).await;
    bench.store.migrate().await.unwrap();
    bench.store.check_migrations().await.unwrap();
    bench.store.health().await.unwrap();
    assert!(bench.store.trip_by_id(trip.id()).await.unwrap().is_some());
}

async fn down_and_up_again(bench: Bench) {
    bench.book(&request()).await;
    let raw = bench.raw().await;
    Migrator::down(&raw, None).await.unwrap();
    assert!(raw.execute_unprepared("SELECT * FROM clients").await.is_err());
    assert!(bench.store.health().await.is_err());
    bench.store.migrate().await.unwrap();
    bench.book(&request()).await;
}

async fn several_servers_migrate_at_once(bench: Bench) {
    Migrator::down(&bench.raw().await, None).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let store = bench.reopen(|_| ()).await;
        tasks.spawn(async move { store.migrate().await });
    }
    for outcome in tasks.join_all().await {
        outcome.unwrap();
    }
    bench.book(&request()).await;
}

#[tokio::test]
async fn a_migration_on_postgres_takes_the_time_that_it_needs() {
    let Some(bench) = Bench::postgres().await else { return };
    let store = bench.reopen(|config| config.patience = Duration::from_secs(2)).await;
    let raw = bench.raw().await;
    let busy = raw.begin().await.unwrap();
    busy.execute_unprepared("LOCK TABLE seaql_migrations").await.unwrap();
    let (migrated, ()) = tokio::join!(store.migrate(), async {
        tokio::time::sleep(Duration::from_millis(3_500)).await;
        busy.commit().await.unwrap();
    });
    migrated.unwrap();
}

/// What the first version of the database has, with data in every table.
async fn bookings_of_the_first_version_stay_whole(bench: Bench) {
    let (ada, other) = (bench.book(&request()).await, request_for(&[alan()]));
    let alan = bench.book(&other).await;
    let alan = bench.cancel(&alan).await;
    let raw = bench.raw().await;
    // Back to it, and forward again.
    Migrator::down(&raw, Some(7)).await.unwrap();
    assert!(raw.execute_unprepared("SELECT identity FROM clients").await.is_ok());
    let store = bench.reopen(|_| ()).await;
    store.migrate().await.unwrap();
    assert_eq!(store.keys().await.unwrap(), Keys::Known);
    for trip in [&ada, &alan] {
        assert_eq!(store.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(trip));
    }
    assert!(store.client("LOVELACE", "gb123456").await.unwrap().is_some());
    let again = store.book(&request(), now()).await.unwrap().unwrap_err();
    assert_eq!(again[0].code, RefusalCode::AlreadyBooked);
    store.book(&other, now()).await.unwrap().unwrap();
    // What was there before the log was is not missed by it, and what comes after is logged.
    let report = store.verify_audit(None).await.unwrap();
    assert_eq!((report.rows, report.findings), (1, vec![]));
}

async fn check(store: &Store) -> OpenError {
    store.check_migrations().await.unwrap_err()
}

async fn a_database_that_lacks_migrations_is_told_apart(bench: Bench) {
    Migrator::down(&bench.raw().await, None).await.unwrap();
    let error = check(&bench.store).await;
    assert!(matches!(error, OpenError::MigrationsMissing { pending: 8, .. }), "{error}");
    assert!(error.to_string().ends_with("run `railgraph migrate`"), "{error}");
}

async fn a_database_of_a_later_version_is_told_apart(bench: Bench) {
    let sql = "INSERT INTO seaql_migrations (version, applied_at) VALUES ('m99990101_next', 0)";
    bench.raw().await.execute_unprepared(sql).await.unwrap();
    for error in [check(&bench.store).await, bench.store.migrate().await.unwrap_err()] {
        assert!(matches!(error, OpenError::Newer { .. }), "{error}");
        assert!(error.to_string().contains("m99990101_next"), "{error}");
    }
}
