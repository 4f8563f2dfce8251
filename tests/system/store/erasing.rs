//! Erased clients: nothing is left that could be read, and everything else stays.

use sea_orm::{ConnectionTrait, Statement};
use server::booking::{BookTrip, ClientId};
use server::store::Erasure;

use super::bench::{alan, at, now, offer, request, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    an_erased_client_is_nowhere_and_the_trip_stays;
    who_is_going_to_travel_is_not_erased;
    who_was_erased_may_come_back_as_somebody_new;
    nobody_is_erased_while_a_booking_is_made_for_him;
    names_cannot_be_taken_from_a_client_by_hand;
}

async fn number(bench: &Bench, sql: &str) -> i64 {
    let raw = bench.raw().await;
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    raw.query_one_raw(statement).await.unwrap().unwrap().try_get("", "n").unwrap()
}

async fn erase(bench: &Bench, id: ClientId, when: &str) -> Erasure {
    bench.store.erase_client(id, "test", at(when).to_utc()).await.unwrap()
}

const AFTER: &str = "2026-12-05T09:00:00+01:00";

async fn an_erased_client_is_nowhere_and_the_trip_stays(bench: Bench) {
    let ada = traveller("Ada", "Lovelace", "GB123456");
    let trip = bench.book(&request_for(&[ada, alan()])).await;
    bench.store.seal_audit().await.unwrap();
    let [ada, alan] = [0, 1].map(|index| trip.reservations()[index].client.clone());
    // Everything that is sealed under the client's key, as a thief would have copied it.
    let wrapped = bench.sealed_bytes(ada.id).await;
    assert!(wrapped.iter().all(|sealed| sealed.len() > 24));

    assert_eq!(erase(&bench, ada.id, AFTER).await, Erasure::Erased);
    assert_eq!(erase(&bench, ada.id, AFTER).await, Erasure::Unknown);
    assert_eq!(bench.store.client("Lovelace", "GB123456").await.unwrap(), None);
    let read = bench.store.trip_by_id(trip.id()).await.unwrap().unwrap();
    assert!(read.reservations()[0].client.person.is_erased());
    assert_eq!(read.reservations()[0].ticket, trip.reservations()[0].ticket);
    assert_eq!(read.reservations()[1].client, alan);
    let reference = trip.reference().to_string();
    for nobody in ["", "Lovelace", "(erased)"] {
        assert_eq!(bench.store.trip(&reference, Some(nobody)).await.unwrap(), None, "{nobody}");
    }
    assert_eq!(number(&bench, "SELECT count(*) AS n FROM client_identities").await, 1);
    assert_eq!(number(&bench, "SELECT count(*) AS n FROM idempotency_keys").await, 0);
    let report = bench.store.verify_audit(None).await.unwrap();
    assert_eq!((report.findings, report.rows), (vec![], 2));
    // Not in a free page or the write-ahead log either.
    if bench.is_sqlite() {
        let files = std::fs::read_dir(bench.folder()).unwrap().map(|file| file.unwrap().path());
        let bytes: Vec<u8> = files.flat_map(|path| std::fs::read(path).unwrap()).collect();
        for sealed in wrapped {
            let found = bytes.windows(sealed.len()).any(|window| window == sealed);
            assert!(!found, "{} sealed bytes are still in a file", sealed.len());
        }
    }
}

async fn who_is_going_to_travel_is_not_erased(bench: Bench) {
    let trip = bench.book(&request()).await;
    let client = trip.reservations()[0].client.clone();
    let before = "2026-12-01T23:59:59+01:00";
    assert_eq!(erase(&bench, client.id, before).await, Erasure::HasCurrentTrips(1));
    assert_eq!(bench.store.client_by_id(client.id).await.unwrap(), Some(client.clone()));
    bench.cancel(&trip).await;
    assert_eq!(erase(&bench, client.id, before).await, Erasure::Erased);
}

async fn who_was_erased_may_come_back_as_somebody_new(bench: Bench) {
    let trip = bench.book(&request()).await;
    let first = trip.reservations()[0].client.id;
    assert_eq!(erase(&bench, first, AFTER).await, Erasure::Erased);
    let later = BookTrip { offer: Some(offer("2026-12-24T09:00:00+01:00")), ..request() };
    let again = bench.book(&later).await;
    assert_ne!(again.reservations()[0].client.id, first);
    assert_eq!(again.reservations()[0].client.person.first_name(), "Ada");
}

async fn nobody_is_erased_while_a_booking_is_made_for_him(bench: Bench) {
    for round in 0..20 {
        let person = [traveller("A", "One", &format!("R{round}"))];
        let trip = bench.book(&request_for(&person)).await;
        let id = trip.reservations()[0].client.id;
        bench.cancel(&trip).await;
        let store = bench.store.clone();
        let booking = tokio::spawn(async move { store.book(&request_for(&person), now()).await });
        let erasure = bench.store.erase_client(id, "test", now()).await.unwrap();
        let booked = booking.await.unwrap().unwrap().unwrap();
        let same = booked.reservations()[0].client.id == id;
        assert_eq!(same, erasure == Erasure::HasCurrentTrips(1), "{erasure:?}");
        let read = bench.store.trip_by_id(booked.id()).await.unwrap().unwrap();
        assert!(!read.reservations()[0].client.person.is_erased());
    }
}

async fn names_cannot_be_taken_from_a_client_by_hand(bench: Bench) {
    bench.book(&request()).await;
    let raw = bench.raw().await;
    let empty = if bench.is_sqlite() { "x''" } else { "''::bytea" };
    for sql in [
        format!("UPDATE clients SET data_key = {empty}"),
        format!("UPDATE clients SET last_name = {empty}, erased_at = 1"),
        "UPDATE clients SET erased_at = 1".to_owned(),
        "DELETE FROM clients".to_owned(),
    ] {
        assert!(raw.execute_unprepared(&sql).await.is_err(), "{sql}");
    }
}
