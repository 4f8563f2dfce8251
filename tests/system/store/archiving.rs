//! Old trips in cold storage: in one place each, found as before, and back again.

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Statement};
use server::booking::{BookTrip, RefusalCode, Trip};
use server::store::{Archived, Erasure, Randomness, Store, When, archive_date};

use tests::measure::Place;
use tests::measure::archive::measure;

use super::bench::{
    ada, alan, at, cancelling, date, key, now, offer, refusal, request_for, seen, traveller,
};
use super::{Bench, on_both};

on_both! {
    an_archived_trip_is_found_as_before;
    two_files_of_one_moment_have_two_names;
    what_departed_later_stays;
    past_trips_join_over_both_places;
    what_is_archived_comes_back_as_it_was;
    a_batch_that_failed_leaves_its_trips_where_they_were;
    what_an_interrupted_batch_left_behind_is_removed;
    an_archived_trip_is_not_changed_any_more;
    a_reference_in_the_archive_is_not_given_again;
    an_erased_client_is_erased_in_the_archive_too;
    a_damaged_file_is_found;
    no_name_is_in_the_archive;
}

/// The short run of `bookings archive`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archiving_that_is_killed_again_and_again_has_each_trip_in_one_place() {
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_bookings"));
    for postgres in [false, true] {
        let Some(place) = Place::new(postgres) else { continue };
        let often = std::time::Duration::from_millis(300);
        let found = measure(&place, program, 8_000, often).await;
        assert_eq!((found.wrong, found.archived), (vec![], 8_000));
        assert!(found.kills > 0);
    }
}

/// The trips of these tests were booked and travelled long before this moment.
fn later() -> DateTime<Utc> {
    at("2028-06-01T12:00:00Z").to_utc()
}

/// Ada's and Alan's trip on a day of December.
fn on_day(day: u32) -> BookTrip {
    let offer = Some(offer(&format!("2026-12-{day:02}T09:00:00+01:00")));
    BookTrip { offer, ..request_for(&[ada(), alan()]) }
}

async fn archived(bench: &Bench, before: &str) -> u64 {
    bench.store.archive(date(before), "test", later()).await.unwrap().unwrap().trips
}

/// Rows in the tables of live trips.
async fn live(bench: &Bench) -> [i64; 4] {
    let raw = bench.raw().await;
    let mut counts = [0; 4];
    for (table, n) in ["trips", "trip_legs", "reservations", "tickets"].iter().zip(&mut counts) {
        let sql = format!("SELECT count(*) AS n FROM {table}");
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        *n = raw.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap();
    }
    counts
}

async fn is_whole(store: &Store) {
    assert_eq!(store.verify_audit(None).await.unwrap().findings, [""; 0]);
    assert_eq!(store.verify_archive().await.unwrap().findings, [""; 0]);
}

async fn an_archived_trip_is_found_as_before(bench: Bench) {
    let trip = bench.book(&on_day(1)).await;
    let part = server::booking::CancelScope::Reservation(trip.reservations()[1].id);
    let part = server::booking::CancelTrip { scope: part, ..cancelling(&trip) };
    let trip = bench.store.cancel(&part, now()).await.unwrap().unwrap();
    assert_eq!(archived(&bench, "2026-12-02").await, 1);
    assert_eq!(live(&bench).await, [0; 4]);
    let reference = trip.reference().to_string();
    for last_name in [None, Some("LOVELACE"), Some("turing")] {
        let found = bench.store.trip(&reference, last_name).await.unwrap();
        assert_eq!(found.as_ref(), Some(&trip), "{last_name:?}");
    }
    assert_eq!(bench.store.trip(&reference, Some("Hopper")).await.unwrap(), None);
    assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(&trip));
    let client = trip.reservations()[0].client.id;
    let past = bench.store.trips_of(client, When::Past, later(), 20, None).await.unwrap();
    assert_eq!((past.total_count, past.has_next), (1, false));
    assert_eq!(past.edges[0].trip, trip);
    let current = bench.store.trips_of(client, When::Current, later(), 20, None).await.unwrap();
    assert_eq!(current.total_count, 0);
    is_whole(&bench.store).await;
    // Nothing is left to do.
    assert_eq!(archived(&bench, "2026-12-02").await, 0);
}

/// Numbers of rows and files have three random bytes, which come here eight times each.
async fn two_files_of_one_moment_have_two_names(bench: Bench) {
    for day in [1, 2] {
        bench.store.book(&on_day(day), now()).await.unwrap().unwrap();
    }
    let draws = AtomicU32::new(0);
    let store = bench
        .reopen(|config| {
            config.random = Randomness::from_fn(move |bytes| {
                bytes.fill(0);
                if let Ok(three) = <&mut [u8; 3]>::try_from(bytes) {
                    three[0] = (draws.fetch_add(1, Ordering::Relaxed) / 8) as u8;
                }
                Ok(())
            });
        })
        .await;
    for before in ["2026-12-02", "2026-12-03"] {
        let done = store.archive(date(before), "test", later()).await.unwrap().unwrap();
        assert_eq!(done, Archived { trips: 1, segments: 1 });
    }
    is_whole(&store).await;
}

async fn what_departed_later_stays(bench: Bench) {
    for day in 1..=4 {
        bench.book(&on_day(day)).await;
    }
    assert_eq!(archived(&bench, "2026-12-01").await, 0);
    assert_eq!(archived(&bench, "2026-12-03").await, 2);
    assert_eq!(live(&bench).await[0], 2);
    assert_eq!(archive_date(later()), date("2027-06-01"));
}

async fn page(bench: &Bench, trip: &Trip, first: u32) -> Vec<u32> {
    let client = trip.reservations()[0].client.id;
    let (mut days, mut after, mut more) = (Vec::new(), None, true);
    while more {
        let page = bench.store.trips_of(client, When::Past, later(), first, after).await.unwrap();
        assert_eq!(page.total_count, 9);
        let departures = page.edges.iter().map(|edge| edge.trip.departure());
        days.extend(departures.map(|departure| chrono::Datelike::day(&departure)));
        (after, more) = (page.edges.last().map(|edge| edge.cursor), page.has_next);
    }
    days
}

async fn past_trips_join_over_both_places(bench: Bench) {
    let mut last = None;
    for day in 1..=9 {
        last = Some(bench.book(&on_day(day)).await);
    }
    let last = last.unwrap();
    let expected: Vec<u32> = (1..=9).rev().collect();
    for before in ["2026-12-01", "2026-12-02", "2026-12-06", "2026-12-31"] {
        archived(&bench, before).await;
        for first in [1, 2, 4, 9, 100] {
            assert_eq!(page(&bench, &last, first).await, expected, "{before} by {first}");
        }
    }
}

async fn what_is_archived_comes_back_as_it_was(bench: Bench) {
    let mut trips = Vec::new();
    for day in 1..=3 {
        trips.push(bench.book(&on_day(day)).await);
    }
    trips[1] = bench.cancel(&trips[1]).await;
    let before = live(&bench).await;
    assert_eq!(archived(&bench, "2026-12-31").await, 3);
    let done = bench.store.restore(None, "test", later()).await.unwrap().unwrap();
    assert_eq!(done, Archived { trips: 3, segments: 1 });
    assert_eq!(live(&bench).await, before);
    for trip in &trips {
        assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(trip));
    }
    is_whole(&bench.store).await;
    // And once more, under the same references.
    assert_eq!(archived(&bench, "2026-12-31").await, 3);
    is_whole(&bench.store).await;
    let files = std::fs::read_dir(bench.archive_folder()).unwrap().count();
    assert_eq!(files, 1, "the first file is nobody's and was removed");
}

async fn a_batch_that_failed_leaves_its_trips_where_they_were(bench: Bench) {
    let trip = bench.book(&on_day(1)).await;
    let elsewhere = bench.folder().join("not-a-folder");
    std::fs::write(&elsewhere, "a file").unwrap();
    let store = bench.reopen(|config| config.archive = Some(elsewhere)).await;
    store.archive(date("2026-12-31"), "test", later()).await.unwrap_err();
    assert_eq!(live(&bench).await, [1, 1, 2, 2]);
    assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap(), Some(trip));
    is_whole(&bench.store).await;
}

async fn what_an_interrupted_batch_left_behind_is_removed(bench: Bench) {
    bench.book(&on_day(1)).await;
    assert_eq!(archived(&bench, "2026-12-31").await, 1);
    let folder = bench.archive_folder();
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    // As a process leaves it that is killed before its commit; and a file of somebody else.
    let remains = folder.join(name.replace(".jsonl", "0.jsonl"));
    let foreign = folder.join("trips-00000000-0.jsonl.zst");
    // As a server has just written it that has taken over from this one meanwhile.
    let later = folder.join(name.replacen("-00000001-", "-7fffffff-", 1));
    assert_ne!(later, file, "the token is the second part of {name}");
    for path in [&remains, &foreign, &later] {
        std::fs::write(path, "half a frame").unwrap();
    }
    assert_eq!(archived(&bench, "2026-12-31").await, 0);
    let are_there = [&file, &remains, &foreign, &later].map(|path| path.exists());
    assert_eq!(are_there, [true, false, true, true]);
    is_whole(&bench.store).await;
}

async fn an_archived_trip_is_not_changed_any_more(bench: Bench) {
    let mut booking = on_day(1);
    booking.idempotency_key = Some(key("k"));
    let trip = bench.book(&booking).await;
    archived(&bench, "2026-12-31").await;
    let refused = seen(&bench.store.cancel(&cancelling(&trip), later()).await);
    assert_eq!(refused, [refusal(RefusalCode::TripDeparted, "reference")]);
    let stranger =
        server::booking::CancelTrip { last_name: Some("Hopper".into()), ..cancelling(&trip) };
    let refused = seen(&bench.store.cancel(&stranger, later()).await);
    assert_eq!(refused, [refusal(RefusalCode::TripUnknown, "reference")]);
    // A repeated request is answered from the archive.
    let again = bench.store.book(&booking, now() + TimeDelta::hours(1)).await.unwrap().unwrap();
    assert_eq!(again, trip);
}

async fn a_reference_in_the_archive_is_not_given_again(bench: Bench) {
    let trip = bench.book(&on_day(1)).await;
    archived(&bench, "2026-12-31").await;
    let other = bench.book(&on_day(2)).await;
    let raw = bench.raw().await;
    let sql = format!(
        "INSERT INTO trips SELECT id + 1, '{}', status, version, booked_at, cancelled_at, \
         fare_class, currency, price_cents, departure_at, arrival_at, current_until, stops, \
         connection_signature, service_date FROM trips WHERE id = {}",
        trip.reference(),
        other.id().0
    );
    let error = raw.execute_unprepared(&sql).await.map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("the reference is that of an archived trip"), "{error}");
}

async fn an_erased_client_is_erased_in_the_archive_too(bench: Bench) {
    let trip = bench.book(&on_day(1)).await;
    archived(&bench, "2026-12-31").await;
    let [ada, alan] = [0, 1].map(|index| trip.reservations()[index].client.clone());
    let erased = bench.store.erase_client(ada.id, "test", later()).await.unwrap();
    assert_eq!(erased, Erasure::Erased);
    let read = bench.store.trip_by_id(trip.id()).await.unwrap().unwrap();
    assert!(read.reservations()[0].client.person.is_erased());
    assert_eq!(read.reservations()[1].client, alan);
    is_whole(&bench.store).await;
    bench.store.restore(None, "test", later()).await.unwrap().unwrap();
    assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap(), Some(read));
}

async fn a_damaged_file_is_found(bench: Bench) {
    bench.book(&on_day(1)).await;
    archived(&bench, "2026-12-31").await;
    let folder = bench.archive_folder();
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    for position in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1;
        std::fs::write(&file, damaged).unwrap();
        let report = bench.store.verify_archive().await.unwrap();
        assert_eq!(report.findings.len(), 1, "byte {position}");
        assert!(bench.store.restore(None, "test", later()).await.is_err());
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!(bench.store.verify_archive().await.unwrap().findings.len(), 1);
    std::fs::write(&file, bytes).unwrap();
    is_whole(&bench.store).await;
}

async fn no_name_is_in_the_archive(bench: Bench) {
    let person = traveller("Quetzalcoatlina", "Xylophonographer", "ZZ917364501827");
    let trip = bench.book(&BookTrip { travellers: vec![person], ..on_day(1) }).await;
    archived(&bench, "2026-12-31").await;
    let file = std::fs::read_dir(bench.archive_folder()).unwrap().next().unwrap().unwrap();
    let text = tests::archive_text(&file.path());
    assert!(text.contains(&trip.reference().to_string()));
    for needle in ["quetzalcoatlina", "xylophonographer", "zz917364501827", "data_key"] {
        assert!(!text.to_lowercase().contains(needle), "{needle}");
    }
}
