//! The way to the current version and back.

use migrations::Migrator;
use sea_orm::ConnectionTrait;
use sea_orm_migration::MigratorTrait;
use server::store::{OpenError, Store};

use super::bench::request;
use super::{Bench, on_both};

on_both! {
    migrating_again_changes_nothing;
    down_and_up_again;
    several_servers_migrate_at_once;
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

async fn check(store: &Store) -> OpenError {
    store.check_migrations().await.unwrap_err()
}

async fn a_database_that_lacks_migrations_is_told_apart(bench: Bench) {
    Migrator::down(&bench.raw().await, None).await.unwrap();
    let error = check(&bench.store).await;
    assert!(matches!(error, OpenError::MigrationsMissing { pending: 1, .. }), "{error}");
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
