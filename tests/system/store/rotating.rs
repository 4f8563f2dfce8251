//! Keys are rotated while servers read and write.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use server::store::{KeyFile, Keys, Randomness, Rotation, Store};

use super::bench::{ada, alan, now, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    everybody_is_found_and_read_under_the_new_keys;
    a_rotation_that_was_interrupted_goes_on;
    a_server_that_missed_a_rotation_creates_nobody_twice;
    keys_rotate_under_load_and_nothing_is_unreadable;
}

/// The key file of a bench, where the program would have it.
fn key_file(bench: &Bench) -> PathBuf {
    let path = bench.folder().join("keys");
    if !path.exists() {
        bench.config.keys.save(&path).unwrap();
    }
    path
}

/// Another server that reads its keys from the file.
async fn server(bench: &Bench) -> Store {
    let path = key_file(bench);
    bench
        .reopen(|config| {
            config.keys = KeyFile::load(&path).unwrap();
            config.key_path = Some(path);
        })
        .await
}

fn add_keys(bench: &Bench) {
    let path = key_file(bench);
    let keys = KeyFile::load(&path).unwrap();
    keys.with_next(&Randomness::system()).unwrap().replace(&path).unwrap();
}

async fn rotate(bench: &Bench) -> Rotation {
    server(bench).await.rotate_keys("test", now()).await.unwrap()
}

async fn everybody_is_found_and_read_under_the_new_keys(bench: Bench) {
    let trip = bench.book(&request_for(&[ada(), alan()])).await;
    let old = server(&bench).await;
    add_keys(&bench);
    let done = Rotation { rewrapped: 2, reindexed: 2, retired: 2 };
    assert_eq!(rotate(&bench).await, done);
    assert_eq!(rotate(&bench).await, Rotation::default());
    let path = key_file(&bench);
    KeyFile::load(&path).unwrap().with_newest_only().replace(&path).unwrap();
    let new = server(&bench).await;
    assert_eq!(new.keys().await.unwrap(), Keys::Known);
    // One that knew the old keys only reads its file again and goes on.
    for store in [&new, &old] {
        assert_eq!(store.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(&trip));
        let found = store.client("LOVELACE", "GB 123456").await.unwrap();
        assert_eq!(found.as_ref(), Some(&trip.reservations()[0].client));
    }
    // Nothing is left that the old keys open.
    let thief = bench.reopen(|_| ()).await;
    assert!(thief.trip_by_id(trip.id()).await.is_err());
    assert_eq!(thief.keys().await.unwrap(), Keys::Others);
    assert!(new.verify_audit(None).await.unwrap().findings.is_empty());
}

/// Stopped after each number of commits, and begun again, until it is done.
async fn a_rotation_that_was_interrupted_goes_on(bench: Bench) {
    let people: Vec<_> = (0..9).map(|n| traveller("A", "One", &format!("N{n}"))).collect();
    let trip = bench.book(&request_for(&people)).await;
    add_keys(&bench);
    for patience_us in (0..).map(|step| 200 * step) {
        let attempt = std::time::Duration::from_micros(patience_us);
        let store = server(&bench).await;
        let rotation = tokio::time::timeout(attempt, store.rotate_keys("test", now())).await;
        let read = store.trip_by_id(trip.id()).await.unwrap();
        assert_eq!(read.as_ref(), Some(&trip), "after {patience_us} µs");
        if rotation.is_ok() {
            break;
        }
    }
    let [index, encryption] = server(&bench).await.key_numbers().await.unwrap();
    assert_eq!((index, encryption), (vec![2], vec![2]));
}

async fn a_server_that_missed_a_rotation_creates_nobody_twice(bench: Bench) {
    let late = server(&bench).await;
    let first = late.book(&request_for(&[ada()]), now()).await.unwrap().unwrap();
    add_keys(&bench);
    rotate(&bench).await;
    // It knows the first keys only, and finds nobody under them.
    let mut next = request_for(&[ada(), alan()]);
    next.offer = Some(super::bench::offer("2026-12-02T09:00:00+01:00"));
    let second = late.book(&next, now()).await.unwrap().unwrap();
    assert_eq!(second.reservations()[0].client.id, first.reservations()[0].client.id);
    let again = late.book(&request_for(&[ada()]), now()).await.unwrap();
    assert!(again.is_err(), "the same person has booked the same connection twice");
}

async fn keys_rotate_under_load_and_nothing_is_unreadable(bench: Bench) {
    let servers = [server(&bench).await, server(&bench).await];
    let (done, booked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut load = tokio::task::JoinSet::new();
    for worker in 0..4 {
        let (store, done) = (servers[worker % 2].clone(), Arc::clone(&done));
        let booked = Arc::clone(&booked);
        load.spawn(async move {
            let mut trips = Vec::new();
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let name = format!("W{worker}N{number}");
                let request = request_for(&[traveller("A", "One", &name)]);
                let trip = store.book(&request, now()).await.unwrap().unwrap();
                booked.fetch_add(1, Ordering::Relaxed);
                let found = store.client("ONE", &name).await.unwrap().expect("just booked");
                assert_eq!(found.id, trip.reservations()[0].client.id);
                let read = store.trip_by_id(trip.id()).await.unwrap();
                assert_eq!(read.as_ref(), Some(&trip));
                trips.push((name, trip));
            }
            trips
        });
    }
    for _ in 0..3 {
        let before = booked.load(Ordering::Relaxed);
        while booked.load(Ordering::Relaxed) < before + 20 {
            tokio::task::yield_now().await;
        }
        add_keys(&bench);
        rotate(&bench).await;
        let path = key_file(&bench);
        KeyFile::load(&path).unwrap().with_newest_only().replace(&path).unwrap();
    }
    done.store(true, Ordering::Relaxed);
    let trips: Vec<_> = load.join_all().await.into_iter().flatten().collect();
    let fresh = server(&bench).await;
    for (name, trip) in &trips {
        assert_eq!(fresh.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(trip));
        let found = fresh.client("one", name).await.unwrap().map(|client| client.id);
        assert_eq!(found, Some(trip.reservations()[0].client.id), "{name}");
    }
}
