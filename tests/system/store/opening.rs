//! Opening a database, and what is said when it cannot be opened.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use server::store::{KeyFile, Randomness, Store, StoreConfig};

use super::Bench;
use super::bench::request;

fn config(url: &str) -> StoreConfig {
    let keys = KeyFile::generate(&Randomness::system()).unwrap();
    let mut config = StoreConfig::new(url, keys);
    config.patience = Duration::from_secs(2);
    config
}

async fn check(url: &str, expected: &str) {
    let error = Store::open(&config(url)).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{url}: {error}");
    assert!(error.starts_with("expected "), "{error}");
    assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
}

#[tokio::test]
async fn says_what_is_wrong_with_a_url() {
    check("", "a text that is none").await;
    check("hunter2", "a text that is none").await;
    check("/tmp/x:hunter2", "a text that is none").await;
    check("mysql://me:hunter2@localhost/x", "found mysql:").await;
    check("postgres://me:hunter2@localhost:port/x", "a wrong part").await;
    check("sqlite::memory:", "found one in memory").await;
    check("sqlite://x.db?mode=memory", "found one in memory").await;
    check("sqlite://x.db?mode=hunter", "a wrong part").await;
}

#[tokio::test]
async fn says_that_nobody_answers() {
    let begun = Instant::now();
    let url = "postgres://me:hunter2@127.0.0.1:1/bookings";
    check(url, "expected a database at postgres://127.0.0.1:1/bookings, found none").await;
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn says_that_a_database_is_missing() {
    if let Some(bench) = Bench::postgres().await {
        let url = format!("{}_not", bench.config.url);
        check(&url, "does not exist").await;
    }
}

#[tokio::test]
async fn creates_a_file_but_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().display();
    check(&format!("sqlite://{place}/none/x.db"), "found none; create it").await;
    let config = config(&format!("sqlite://{place}/x.db"));
    let store = Store::open(&config).await.unwrap();
    assert!(folder.path().join("x.db").is_file());
    store.close().await.unwrap();
}

#[tokio::test]
async fn refuses_another_kind_of_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    std::fs::write(&path, "a text, and quite a long one. ".repeat(100)).unwrap();
    check(&format!("sqlite://{}", path.display()), "another kind of file").await;
}

#[tokio::test]
async fn sqlite_is_in_wal_mode() {
    let bench = Bench::sqlite().await;
    let raw = bench.raw().await;
    let statement = "PRAGMA journal_mode".to_owned();
    let statement = Statement::from_string(raw.get_database_backend(), statement);
    let row = raw.query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<String>(0).unwrap(), "wal");
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let bench = Bench::sqlite().await;
    bench.store.close().await.unwrap();
    let error = bench.store.book(&request(), super::bench::now()).await.unwrap_err();
    assert_eq!(error.to_string(), "the database is not available");
    assert!(bench.store.health().await.is_err());
}
