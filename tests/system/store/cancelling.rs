//! Cancelling, booking again, and repeated requests.

use chrono::TimeDelta;
use sea_orm::{ConnectionTrait, DbBackend};
use server::booking::{CancelScope, CancelTrip, RefusalCode, Trip, TripAction, TripStatus};

use super::bench::{
    ada, alan, at, cancelling, key, now, refusal, request, request_for, seen, traveller,
};
use super::{Bench, on_both};

on_both! {
    a_cancelled_trip_stays_readable;
    what_was_cancelled_can_be_booked_again;
    a_repeated_booking_is_answered_as_the_first_time;
    a_repeated_cancellation_is_answered_as_the_first_time;
    keys_are_forgotten_after_a_day;
    keys_that_no_caller_named_are_forgotten_after_an_hour_a_few_at_a_time;
    a_refused_request_keeps_its_key_free;
    one_traveller_is_cancelled_alone;
    the_trip_goes_with_its_last_reservation;
    a_partial_cancellation_is_refused_like_a_whole_one;
    a_repeated_partial_cancellation_is_answered_as_the_first_time;
    a_trip_says_what_it_may_still_do;
}

/// Cancels one traveller's reservation.
fn part(trip: &Trip, traveller: usize) -> CancelTrip {
    let scope = CancelScope::Reservation(trip.reservations()[traveller].id);
    CancelTrip { scope, ..cancelling(trip) }
}

async fn one_traveller_is_cancelled_alone(bench: Bench) {
    let trip = bench.book(&request_for(&[ada(), alan()])).await;
    let changed = bench.store.cancel(&part(&trip, 0), now()).await.unwrap().unwrap();
    assert_eq!((changed.status(), changed.version()), (TripStatus::Confirmed, 2));
    let statuses = [0, 1].map(|index| changed.reservations()[index].status());
    assert_eq!(statuses, [TripStatus::Cancelled, TripStatus::Confirmed]);
    assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap(), Some(changed));
    // Who was cancelled may book again, who was not may not.
    bench.book(&request_for(&[ada()])).await;
    let refused = bench.refused(&request_for(&[alan()])).await;
    assert_eq!(refused, [refusal(RefusalCode::AlreadyBooked, "travellers.0")]);
}

async fn the_trip_goes_with_its_last_reservation(bench: Bench) {
    let trip = bench.book(&request_for(&[ada(), alan()])).await;
    bench.store.cancel(&part(&trip, 1), now()).await.unwrap().unwrap();
    let changed = bench.store.cancel(&part(&trip, 0), now()).await.unwrap().unwrap();
    assert_eq!((changed.status(), changed.version()), (TripStatus::Cancelled, 3));
    assert_eq!(changed.reservations()[1].cancelled_version, Some(2));
    assert_eq!(bench.store.trip_by_id(trip.id()).await.unwrap(), Some(changed));
}

async fn a_partial_cancellation_is_refused_like_a_whole_one(bench: Bench) {
    let trip = bench.book(&request_for(&[ada(), alan()])).await;
    let other = bench.book(&request_for(&[traveller("A", "B", "C1")])).await;
    let check = async |request: CancelTrip, now, code, path| {
        let refused = seen(&bench.store.cancel(&request, now).await);
        assert_eq!(refused, [refusal(code, path)]);
    };
    let foreign = CancelTrip { scope: part(&other, 0).scope, ..part(&trip, 0) };
    check(foreign, now(), RefusalCode::ReservationUnknown, "reservationId").await;
    let stranger = CancelTrip { last_name: Some("Hopper".into()), ..part(&trip, 0) };
    check(stranger, now(), RefusalCode::TripUnknown, "reference").await;
    let stale = CancelTrip { expected_version: Some(2), ..part(&trip, 0) };
    check(stale, now(), RefusalCode::VersionConflict, "expectedVersion").await;
    let left = at("2026-12-01T09:00:00+01:00").to_utc();
    check(part(&trip, 0), left, RefusalCode::TripDeparted, "reference").await;
    check(cancelling(&trip), left, RefusalCode::TripDeparted, "reference").await;
    let fellow = CancelTrip { last_name: Some("TURING".into()), ..part(&trip, 0) };
    bench.store.cancel(&fellow, now()).await.unwrap().unwrap();
    check(part(&trip, 0), now(), RefusalCode::AlreadyCancelled, "reservationId").await;
    bench.cancel(&trip).await;
    check(part(&trip, 1), now(), RefusalCode::AlreadyCancelled, "reference").await;
}

async fn a_repeated_partial_cancellation_is_answered_as_the_first_time(bench: Bench) {
    let mut booking = request_for(&[ada(), alan()]);
    booking.idempotency_key = Some(key("b"));
    let trip = bench.book(&booking).await;
    let keyed = CancelTrip { idempotency_key: Some(key("p")), ..part(&trip, 0) };
    let first = bench.store.cancel(&keyed, now()).await.unwrap().unwrap();
    bench.cancel(&trip).await;
    assert_eq!(bench.store.cancel(&keyed, now()).await.unwrap().unwrap(), first);
    assert_eq!(bench.book(&booking).await, trip);
    // The same key for another reservation is another request.
    let other = CancelTrip { scope: part(&trip, 1).scope, ..keyed };
    let refused = seen(&bench.store.cancel(&other, now()).await);
    assert_eq!(refused, [refusal(RefusalCode::IdempotencyConflict, "idempotencyKey")]);
}

async fn a_trip_says_what_it_may_still_do(bench: Bench) {
    let trip = bench.book(&request_for(&[ada(), alan()])).await;
    let all = vec![TripAction::CancelTrip, TripAction::CancelReservation];
    assert_eq!(trip.available_actions(now()), all);
    let left = at("2026-12-01T09:00:00+01:00").to_utc();
    assert_eq!(trip.available_actions(left - TimeDelta::seconds(1)), all);
    assert_eq!(trip.available_actions(left), []);
    assert_eq!(bench.cancel(&trip).await.available_actions(now()), []);
}

async fn a_cancelled_trip_stays_readable(bench: Bench) {
    let trip = bench.book(&request_for(&[alan()])).await;
    let later = now() + TimeDelta::milliseconds(61_500);
    let cancelled = bench.store.cancel(&cancelling(&trip), later).await.unwrap().unwrap();
    assert_eq!((cancelled.status(), cancelled.version()), (TripStatus::Cancelled, 2));
    assert_eq!(cancelled.reservations()[0].status(), TripStatus::Cancelled);
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

async fn keys_that_no_caller_named_are_forgotten_after_an_hour_a_few_at_a_time(bench: Bench) {
    bench.book(&request()).await;
    let mut named = request_for(&[alan()]);
    named.idempotency_key = Some(key("k"));
    bench.book(&named).await;
    let raw = bench.raw().await;
    let hash = match raw.get_database_backend() {
        DbBackend::Sqlite => "randomblob(32)",
        _ => "sha256(i::TEXT::BYTEA)",
    };
    let forged = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1200) \
         INSERT INTO idempotency_keys SELECT '', {hash}, {hash}, i, 1, 'CONFIRMED', {} FROM n",
        now().timestamp()
    );
    raw.execute_unprepared(&forged).await.unwrap();
    let jobs = || bench.store.write_stats().jobs;
    let before = jobs();
    assert_eq!(bench.store.purge_idempotency_keys(now()).await.unwrap(), 0);
    let later = now() + TimeDelta::hours(1);
    assert_eq!(bench.store.purge_idempotency_keys(later).await.unwrap(), 1_201);
    // Each time one for those that callers named; of the others none, and then 500, 500 and 201.
    let counted = if raw.get_database_backend() == DbBackend::Sqlite { 2 + 4 } else { 0 };
    assert_eq!(jobs() - before, counted);
    // The other booking's key is still known.
    assert_eq!(bench.book(&named).await.version(), 1);
}
