//! What a booking is, and that it can be read back.

use server::booking::{FareClass, TripStatus};

use super::bench::{ada, alan, at, date, legs, now, offer, request, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    a_booking_has_all_its_parts;
    what_was_booked_is_read_back;
    a_known_client_stays_as_it_is;
    another_date_is_another_connection;
    another_last_name_is_another_client;
}

async fn a_booking_has_all_its_parts(bench: Bench) {
    let mut request = request_for(&[alan(), ada()]);
    let legs = legs("2026-12-01T09:00:00+01:00", 3);
    let paris = chrono_tz::Europe::Paris;
    request.offer = Some(server::booking::Offer::new(legs, "EUR", paris).unwrap());
    request.fare_class = FareClass::First;
    request.travellers[1].age = 7;
    let trip = bench.book(&request).await;

    assert_eq!((trip.status(), trip.version(), trip.stops()), (TripStatus::Confirmed, 1, 2));
    assert_eq!(trip.facts().price_cents, 2 * 3 * 9_000);
    assert_eq!(trip.facts().currency, "EUR");
    assert_eq!(trip.facts().booked_at, now());
    assert_eq!(trip.departure(), at("2026-12-01T09:00:00+01:00"));
    assert_eq!(trip.arrival(), at("2026-12-01T13:00:00+01:00"));
    assert_eq!(trip.legs()[2].ride.destination_name, "Genova");
    assert_eq!(trip.legs()[2].ride.service_date, date("2026-12-01"));
    assert_eq!(trip.legs()[2].price_cents, Some(9_000));

    let people: Vec<_> = trip
        .reservations()
        .iter()
        .map(|place| {
            let person = &place.client.person;
            (person.first_name(), person.last_name(), person.id_number().as_str(), place.age)
        })
        .collect();
    let expected = [("Alan", "Turing", "GB654321", 34), ("Ada", "Lovelace", "GB123456", 7)];
    assert_eq!(people, expected);
    assert!(trip.reservations()[0].ticket.number < trip.reservations()[1].ticket.number);
}

async fn what_was_booked_is_read_back(bench: Bench) {
    let trip = bench.book(&request_for(&[alan(), ada()])).await;
    let store = &bench.store;
    let reference = trip.reference().to_string();
    assert_eq!(store.trip(&reference, None).await.unwrap().as_ref(), Some(&trip));
    assert_eq!(store.trip_by_id(trip.id()).await.unwrap().as_ref(), Some(&trip));
    for place in trip.reservations() {
        let reservation = store.reservation_by_id(place.id).await.unwrap();
        assert_eq!(reservation.as_ref(), Some(place));
        let ticket = store.ticket_by_id(place.ticket.id).await.unwrap();
        assert_eq!(ticket.as_ref(), Some(&place.ticket));
        let client = store.client_by_id(place.client.id).await.unwrap();
        assert_eq!(client.as_ref(), Some(&place.client));
    }
    // Another server, and this one after a restart, read the same.
    let other = bench.reopen(|_| ()).await;
    assert_eq!(other.trip(&reference, None).await.unwrap(), Some(trip));
}

async fn a_known_client_stays_as_it_is(bench: Bench) {
    let first = bench.book(&request()).await;
    let mut again = request_for(&[traveller("Augusta", "LOVELACE", "gb123456")]);
    again.offer = Some(offer("2026-12-02T09:00:00+01:00"));
    let second = bench.book(&again).await;
    assert_eq!(first.reservations()[0].client, second.reservations()[0].client);
    assert_eq!(second.reservations()[0].client.person.first_name(), "Ada");
}

async fn another_date_is_another_connection(bench: Bench) {
    let first = bench.book(&request()).await;
    let mut next_day = request();
    next_day.offer = Some(offer("2026-12-02T09:00:00+01:00"));
    let second = bench.book(&next_day).await;
    assert_ne!(first.reference(), second.reference());
}

/// The same person's id number with another last name is another person.
async fn another_last_name_is_another_client(bench: Bench) {
    bench.book(&request()).await;
    let other = bench.book(&request_for(&[traveller("Ada", "Byron", "GB123456")])).await;
    assert_eq!(other.reservations()[0].client.person.last_name(), "Byron");
}
