//! What two callers can race for: the database's constraints decide, once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::{ConnectionTrait, Statement};
use server::booking::{BookTrip, CancelTrip, RefusalCode, Trip, TripStatus};
use server::store::{Randomness, Store};
use tokio::task::JoinSet;

use super::bench::{
    Answer, ada, alan, cancelling, key, now, refusal, request, request_for, seen, traveller,
};
use super::{Bench, on_both};

on_both! {
    a_hundred_book_the_same_and_one_has_it;
    fifty_send_the_same_key_and_get_the_same_answer;
    of_two_requests_with_one_key_the_first_is_carried_out;
    fifty_cancel_with_the_same_key_and_get_the_same_answer;
    many_cancel_and_one_does;
    a_trip_is_never_seen_half_cancelled;
    new_clients_are_created_once;
    a_caller_who_hangs_up_leaves_no_half_trip;
    groups_in_any_order_do_not_block_each_other;
    a_reference_that_is_taken_is_drawn_again;
    a_source_that_repeats_itself_is_given_up;
}

/// Books the requests at once, in turn on each of the stores.
async fn book_all(stores: &[Store], requests: Vec<BookTrip>) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for (request, store) in requests.into_iter().zip(stores.iter().cycle()) {
        let store = store.clone();
        tasks.spawn(async move { store.book(&request, now()).await });
    }
    tasks.join_all().await
}

fn booked(answers: &[Answer]) -> Vec<&Trip> {
    answers.iter().filter_map(|answer| answer.as_ref().unwrap().as_ref().ok()).collect()
}

async fn a_hundred_book_the_same_and_one_has_it(bench: Bench) {
    let stores = [bench.store.clone(), bench.reopen(|_| ()).await];
    let answers = book_all(&stores, vec![request(); 100]).await;
    assert_eq!(booked(&answers).len(), 1);
    let refused: Vec<_> =
        answers.iter().filter(|answer| answer.as_ref().unwrap().is_err()).map(seen).collect();
    assert_eq!(refused.len(), 99);
    for refusals in refused {
        assert_eq!(refusals, [refusal(RefusalCode::AlreadyBooked, "travellers.0")]);
    }
}

async fn fifty_send_the_same_key_and_get_the_same_answer(bench: Bench) {
    let mut request = request_for(&[ada(), alan()]);
    request.idempotency_key = Some(key("k"));
    let stores = [bench.store.clone(), bench.reopen(|_| ()).await];
    let answers = book_all(&stores, vec![request; 50]).await;
    let trips = booked(&answers);
    assert_eq!(trips.len(), 50);
    assert!(trips.iter().all(|trip| *trip == trips[0]));
}

async fn of_two_requests_with_one_key_the_first_is_carried_out(bench: Bench) {
    let keyed = |person| {
        let mut request = request_for(&[person]);
        request.idempotency_key = Some(key("k"));
        request
    };
    let stores = [bench.store.clone(), bench.reopen(|_| ()).await];
    let requests = (0..50).map(|nth| keyed(if nth % 4 < 2 { ada() } else { alan() })).collect();
    let answers = book_all(&stores, requests).await;
    let trips = booked(&answers);
    assert!(trips.iter().all(|trip| *trip == trips[0]));
    let refused = answers.iter().filter(|answer| answer.as_ref().unwrap().is_err()).map(seen);
    let refused: Vec<_> = refused.collect();
    // Each of them is sent to both servers.
    assert!((24..=26).contains(&refused.len()), "{}", refused.len());
    for refusals in refused {
        assert_eq!(refusals, [refusal(RefusalCode::IdempotencyConflict, "idempotencyKey")]);
    }
}

async fn fifty_cancel_with_the_same_key_and_get_the_same_answer(bench: Bench) {
    let trip = bench.book(&request()).await;
    let cancel = CancelTrip { idempotency_key: Some(key("c")), ..cancelling(&trip) };
    let answers = cancel_all(&bench.store, &cancel, 50).await;
    let trips = booked(&answers);
    assert_eq!(trips.len(), 50);
    assert!(trips.iter().all(|trip| *trip == trips[0] && trip.version() == 2));
}

async fn many_cancel_and_one_does(bench: Bench) {
    let trip = bench.book(&request()).await;
    let answers = cancel_all(&bench.store, &cancelling(&trip), 20).await;
    assert_eq!(booked(&answers).len(), 1);
    let refused = answers.iter().filter(|answer| answer.as_ref().unwrap().is_err());
    for answer in refused {
        assert_eq!(seen(answer), [refusal(RefusalCode::AlreadyCancelled, "reference")]);
    }
    let read = bench.store.trip_by_id(trip.id()).await.unwrap().unwrap();
    assert_eq!((read.status(), read.version()), (TripStatus::Cancelled, 2));
}

/// A trip whose status and reservations differ cannot be read at all, so reading it is the test.
async fn a_trip_is_never_seen_half_cancelled(bench: Bench) {
    let done = Arc::new(AtomicU32::new(0));
    for _ in 0..25 {
        let trip = bench.book(&request()).await;
        let before = done.load(Ordering::Relaxed);
        let mut readers = JoinSet::new();
        for _ in 0..8 {
            let (store, done, id) = (bench.store.clone(), Arc::clone(&done), trip.id());
            readers.spawn(async move {
                while done.load(Ordering::Relaxed) == before {
                    store.trip_by_id(id).await.unwrap().unwrap();
                }
            });
        }
        // The readers are at work before the cancellation, and still are after it.
        tokio::task::yield_now().await;
        bench.cancel(&trip).await;
        bench.store.trip_by_id(trip.id()).await.unwrap().unwrap();
        done.fetch_add(1, Ordering::Relaxed);
        readers.join_all().await;
    }
}

async fn cancel_all(store: &Store, cancel: &CancelTrip, count: usize) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for _ in 0..count {
        let (store, cancel) = (store.clone(), cancel.clone());
        tasks.spawn(async move { store.cancel(&cancel, now()).await });
    }
    tasks.join_all().await
}

/// The same new person on many connections at once.
async fn new_clients_are_created_once(bench: Bench) {
    let on_day = |day| {
        let mut request = request_for(&[ada(), alan()]);
        request.offer = Some(super::bench::offer(&format!("2026-12-{day:02}T09:00:00+01:00")));
        request
    };
    let requests = (1..=30).map(on_day).collect();
    let answers = book_all(&[bench.store.clone(), bench.reopen(|_| ()).await], requests).await;
    let trips = booked(&answers);
    assert_eq!(trips.len(), 30);
    let clients: HashSet<_> = trips
        .iter()
        .flat_map(|trip| trip.reservations())
        .map(|reservation| reservation.client.id)
        .collect();
    assert_eq!(clients.len(), 2);
    let numbers: HashSet<_> = trips
        .iter()
        .flat_map(|trip| trip.reservations())
        .map(|reservation| reservation.ticket.number)
        .collect();
    assert_eq!(numbers.len(), 60);
}

/// A request that is dropped at any point is carried out wholly or not at all, and the connection
/// it used is as good as before.
async fn a_caller_who_hangs_up_leaves_no_half_trip(bench: Bench) {
    let hasty = bench.reopen(|config| config.connections_max = 2).await;
    let people = |number| {
        request_for(&[
            traveller("A", "One", &format!("A{number}")),
            traveller("B", "Two", &format!("B{number}")),
        ])
    };
    for number in 0..60 {
        let patience = Duration::from_micros(400 * number);
        let request = people(number);
        let _ = tokio::time::timeout(patience, hasty.book(&request, now())).await;
    }
    let raw = bench.raw().await;
    let backend = raw.get_database_backend();
    let sql = "SELECT (SELECT count(*) FROM trips) AS trips, \
               (SELECT count(*) FROM trip_legs) AS legs, \
               (SELECT count(*) FROM reservations) AS reservations, \
               (SELECT count(*) FROM tickets) AS tickets";
    let row = raw.query_one_raw(Statement::from_string(backend, sql)).await.unwrap().unwrap();
    let [trips, legs, reservations, tickets] = ["trips", "legs", "reservations", "tickets"]
        .map(|column| row.try_get::<i64>("", column).unwrap());
    assert_eq!((legs, reservations, tickets), (trips, 2 * trips, 2 * trips));
    for number in 60..70 {
        hasty.book(&people(number), now()).await.unwrap().unwrap();
    }
}

/// Overlapping groups, named in opposite orders: one wins each traveller, and nobody deadlocks
/// for good.
async fn groups_in_any_order_do_not_block_each_other(bench: Bench) {
    let people: Vec<_> =
        (0..6).map(|number| traveller("Some", "One", &format!("ID{number}"))).collect();
    let group = |shift: usize| {
        let mut group: Vec<_> = (0..4).map(|step| people[(shift + step) % 6].clone()).collect();
        if shift % 2 == 1 {
            group.reverse();
        }
        request_for(&group)
    };
    let requests = (0..40).map(group).collect();
    let answers = book_all(&[bench.store.clone(), bench.reopen(|_| ()).await], requests).await;
    let trips = booked(&answers);
    let mut seats = HashSet::new();
    for reservation in trips.iter().flat_map(|trip| trip.reservations()) {
        assert!(seats.insert(reservation.client.id), "somebody travels twice");
    }
    assert!(!trips.is_empty());
}

/// References have four random bytes and nothing else has.
async fn a_reference_that_is_taken_is_drawn_again(bench: Bench) {
    let draws = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&draws);
    let store = bench
        .reopen(|config| {
            config.random = Randomness::from_fn(move |bytes| {
                fill(bytes);
                if let Ok(four) = <&mut [u8; 4]>::try_from(bytes) {
                    // 0, 0, 0, 0, 1, …: the second trip draws the first one's reference thrice.
                    let draw = counter.fetch_add(1, Ordering::Relaxed);
                    *four = draw.saturating_sub(3).to_be_bytes();
                }
                Ok(())
            });
        })
        .await;
    let first = store.book(&request(), now()).await.unwrap().unwrap();
    let second = store.book(&request_for(&[alan()]), now()).await.unwrap().unwrap();
    assert_eq!(first.reference().to_string(), "TRP-00000000");
    assert_eq!(second.reference().to_string(), "TRP-00000001");
    assert_eq!(draws.load(Ordering::Relaxed), 5);
}

async fn a_source_that_repeats_itself_is_given_up(bench: Bench) {
    let stuck = |config: &mut server::store::StoreConfig| {
        config.random = Randomness::from_fn(|bytes| {
            bytes.fill(7);
            Ok(())
        });
    };
    let store = bench.reopen(stuck).await;
    let keyed = |request, text| BookTrip { idempotency_key: Some(key(text)), ..request };
    store.book(&keyed(request(), "one"), now()).await.unwrap().unwrap();
    let second = keyed(request_for(&[alan()]), "two");
    let error = store.book(&second, now()).await.unwrap_err();
    assert!(error.to_string().contains("retried 16 times"), "{error}");
}

/// Bytes that differ from call to call; secret they need not be.
fn fill(bytes: &mut [u8]) {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let call = CALLS.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9);
    for (byte, word) in bytes.iter_mut().zip(call.to_le_bytes().into_iter().cycle()) {
        *byte = word;
    }
}

/// Makes PostgreSQL end the next transactions that book as if others had been in their way. A
/// sequence counts them, since it is not rolled back.
async fn fail_next(bench: &Bench, count: u32) {
    let sql = format!(
        "CREATE SEQUENCE failures;
         CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$
         BEGIN
             IF nextval('failures') <= {count} THEN
                 RAISE EXCEPTION 'planted' USING ERRCODE = '40001';
             END IF;
             RETURN NEW;
         END $$;
         CREATE TRIGGER fail BEFORE INSERT ON trips FOR EACH ROW EXECUTE FUNCTION fail();"
    );
    bench.raw().await.execute_unprepared(&sql).await.unwrap();
}

#[tokio::test]
async fn postgres_conflicts_are_retried_four_times() {
    if let Some(bench) = Bench::postgres().await {
        fail_next(&bench, 4).await;
        bench.book(&request()).await;
    }
    if let Some(bench) = Bench::postgres().await {
        fail_next(&bench, 5).await;
        let error = bench.store.book(&request(), now()).await.unwrap_err();
        assert!(error.to_string().contains("retried 4 times"), "{error}");
        // Half a trip is no trip.
        assert_eq!(bench.store.client("Lovelace", "GB123456").await.unwrap(), None);
    }
}

#[tokio::test]
async fn sqlite_waits_for_another_process() {
    let bench = Bench::sqlite().await;
    let hasty = bench.reopen(|config| config.patience = Duration::from_millis(100)).await;
    let raw = bench.raw().await;
    // The raw pool has one connection, so these are one transaction.
    raw.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let error = hasty.book(&request(), now()).await.unwrap_err();
    assert!(!error.to_string().contains("Lovelace"), "{error}");
    let patient = bench.store.clone();
    let booking = tokio::spawn(async move { patient.book(&request(), now()).await });
    raw.execute_unprepared("COMMIT").await.unwrap();
    booking.await.unwrap().unwrap().unwrap();
}
