//! Cancelling, booking again, and repeated requests.

use chrono::TimeDelta;
use server::booking::{CancelTrip, TripStatus};

use super::bench::{alan, cancelling, key, now, request, request_for};
use super::{Bench, on_both};

on_both! {
    a_cancelled_trip_stays_readable;
    what_was_cancelled_can_be_booked_again;
    a_repeated_booking_is_answered_as_the_first_time;
    a_repeated_cancellation_is_answered_as_the_first_time;
    keys_are_forgotten_after_a_day;
    a_refused_request_keeps_its_key_free;
}

async fn a_cancelled_trip_stays_readable(bench: Bench) {
    let trip = bench.book(&request_for(&[alan()])).await;
    let later = now() + TimeDelta::milliseconds(61_500);
    let cancelled = bench.store.cancel(&cancelling(&trip), later).await.unwrap().unwrap();
    assert_eq!((cancelled.status(), cancelled.version()), (TripStatus::Cancelled, 2));
    assert_eq!(cancelled.reservations()[0].status, TripStatus::Cancelled);
    let seconds = now() + TimeDelta::seconds(61);
    assert_eq!(cancelled.facts().cancelled_at, Some(seconds));
    let read = bench.store.trip_by_id(trip.id()).await.unwrap();
    assert_eq!(read, Some(cancelled));
}

async fn what_was_cancelled_can_be_booked_again(bench: Bench) {
    let first = bench.book(&request()).await;
    bench.cancel(&first).await;
    let second = bench.book(&request()).await;
    assert_ne!(first.reference(), second.reference());
    bench.cancel(&second).await;
    bench.book(&request()).await;
}

async fn a_repeated_booking_is_answered_as_the_first_time(bench: Bench) {
    let mut request = request();
    request.idempotency_key = Some(key("k"));
    request.expected_price = "45.0".parse().ok();
    let first = bench.book(&request).await;
    assert_eq!(bench.book(&request).await, first);
    // Also when the trip was cancelled, the train has left, and the network forgot it.
    bench.cancel(&first).await;
    request.offer = None;
    request.expected_price = "45.00".parse().ok();
    assert_eq!(bench.book(&request).await, first);
    let other_server = bench.reopen(|_| ()).await;
    let after_hours = now() + TimeDelta::hours(23);
    assert_eq!(other_server.book(&request, after_hours).await.unwrap().unwrap(), first);
}

async fn a_repeated_cancellation_is_answered_as_the_first_time(bench: Bench) {
    let trip = bench.book(&request()).await;
    let cancel = CancelTrip {
        idempotency_key: Some(key("c")),
        expected_version: Some(1),
        ..cancelling(&trip)
    };
    let first = bench.store.cancel(&cancel, now()).await.unwrap().unwrap();
    let later = now() + TimeDelta::hours(1);
    assert_eq!(bench.store.cancel(&cancel, later).await.unwrap().unwrap(), first);
}

async fn keys_are_forgotten_after_a_day(bench: Bench) {
    let mut first = request();
    first.idempotency_key = Some(key("k"));
    let trip = bench.book(&first).await;
    let mut other = request_for(&[alan()]);
    other.idempotency_key = Some(key("k"));
    let day_later = now() + TimeDelta::hours(24);
    assert_eq!(bench.store.purge_idempotency_keys(now()).await.unwrap(), 0);
    // Whether or not it has been purged yet.
    let booked = bench.store.book(&other, day_later).await.unwrap().unwrap();
    assert_ne!(booked.reference(), trip.reference());
    assert_eq!(bench.store.book(&other, day_later).await.unwrap().unwrap(), booked);
    assert_eq!(bench.store.purge_idempotency_keys(day_later).await.unwrap(), 0);
    let two_days_later = now() + TimeDelta::hours(48);
    assert_eq!(bench.store.purge_idempotency_keys(two_days_later).await.unwrap(), 1);
}

async fn a_refused_request_keeps_its_key_free(bench: Bench) {
    let trip = bench.book(&request()).await;
    let mut again = request();
    again.idempotency_key = Some(key("k"));
    assert_eq!(bench.refused(&again).await.len(), 1);
    bench.cancel(&trip).await;
    bench.book(&again).await;
}
