//! Every refusal code with its exact path, alone and together.

use server::booking::{
    BookTrip, CancelTrip, FareClass, IdNumberCheck, LegPrices, Offer, RefusalCode,
};

use super::bench::{
    ada, alan, cancelling, key, legs, now, offer, refusal, request, request_for, seen, traveller,
};
use super::{Bench, on_both};

on_both! {
    travellers_are_counted;
    names_are_checked;
    id_numbers_are_checked;
    ages_are_checked;
    a_traveller_is_named_once;
    the_itinerary_must_be_known_and_ahead;
    the_price_must_be_there_and_agreed;
    one_reservation_per_client_connection_and_date;
    all_come_back_together_in_order;
    precedence_goes_before_the_order_of_travellers;
    already_booked_comes_with_the_others;
    cancelling_an_unknown_trip;
    cancelling_twice;
    cancelling_another_version;
    a_key_for_another_request;
    the_configured_id_check_is_applied;
    a_refused_booking_leaves_no_trace;
}

fn with(change: impl FnOnce(&mut BookTrip)) -> BookTrip {
    let mut request = request();
    change(&mut request);
    request
}

fn someone(number: usize) -> server::booking::Traveller {
    traveller("Some", "One", &format!("ID{number}"))
}

async fn travellers_are_counted(bench: Bench) {
    let many = |count| (0..count).map(someone).collect::<Vec<_>>();
    let none = bench.refused(&request_for(&[])).await;
    assert_eq!(none, [refusal(RefusalCode::NoTravellers, "travellers")]);
    let ten = bench.refused(&request_for(&many(10))).await;
    assert_eq!(ten, [refusal(RefusalCode::TooManyTravellers, "travellers")]);
    assert_eq!(bench.book(&request_for(&many(9))).await.reservations().len(), 9);
}

async fn names_are_checked(bench: Bench) {
    let name = |first: &str, last: &str| request_for(&[traveller(first, last, "A1")]);
    let first = bench.refused(&name("  ", "Turing")).await;
    assert_eq!(first, [refusal(RefusalCode::InvalidName, "travellers.0.firstName")]);
    for wrong in ["", "Tu\nring", &"x".repeat(101)] {
        let last = bench.refused(&name("Alan", wrong)).await;
        assert_eq!(last, [refusal(RefusalCode::InvalidName, "travellers.0.lastName")]);
    }
    bench.book(&name(&"é".repeat(100), &"ß".repeat(100))).await;
}

async fn id_numbers_are_checked(bench: Bench) {
    for wrong in ["", " - ", "12/34", "A\u{0}1", &"9".repeat(33)] {
        let refused = bench.refused(&request_for(&[ada(), traveller("A", "B", wrong)])).await;
        let expected = refusal(RefusalCode::InvalidIdNumber, "travellers.1.idNumber");
        assert_eq!(refused, [expected], "{wrong:?}");
    }
}

async fn ages_are_checked(bench: Bench) {
    for age in [-1, 131, i32::MIN, i32::MAX, 256] {
        let refused = bench.refused(&with(|request| request.travellers[0].age = age)).await;
        let expected = refusal(RefusalCode::InvalidAge, "travellers.0.age");
        assert_eq!(refused, [expected], "{age}");
    }
    let mut young_and_old = request_for(&[ada(), alan()]);
    young_and_old.travellers[0].age = 0;
    young_and_old.travellers[1].age = 130;
    bench.book(&young_and_old).await;
}

async fn a_traveller_is_named_once(bench: Bench) {
    let again = traveller("Augusta", "ＬＯＶＥＬＡＣＥ", "gb\u{2011}123456");
    let refused = bench.refused(&request_for(&[ada(), alan(), again])).await;
    assert_eq!(refused, [refusal(RefusalCode::DuplicateTraveller, "travellers.2")]);
}

async fn the_itinerary_must_be_known_and_ahead(bench: Bench) {
    let unknown = bench.refused(&with(|request| request.offer = None)).await;
    assert_eq!(unknown, [refusal(RefusalCode::ItineraryUnknown, "itineraryId")]);
    // At the very moment of departure it is too late, a second before it is not.
    let mut leaving = request();
    leaving.offer = Some(offer("2026-11-01T13:00:00+01:00"));
    let departed = bench.refused(&leaving).await;
    assert_eq!(departed, [refusal(RefusalCode::ItineraryDeparted, "itineraryId")]);
    leaving.offer = Some(offer("2026-11-01T13:00:01+01:00"));
    bench.book(&leaving).await;
}

async fn the_price_must_be_there_and_agreed(bench: Bench) {
    let mut without_first = legs("2026-12-01T09:00:00+01:00", 2);
    without_first[1].prices = LegPrices { first_cents: None, second_cents: Some(1) };
    let paris = chrono_tz::Europe::Paris;
    let mut unsold = with(|request| {
        request.offer = Some(Offer::new(without_first, "EUR", paris).unwrap());
        request.fare_class = FareClass::First;
        // There is nothing to compare it with, so it is no second refusal.
        request.expected_price = "1.00".parse().ok();
    });
    let refused = bench.refused(&unsold).await;
    assert_eq!(refused, [refusal(RefusalCode::NoFare, "fareClass")]);

    unsold.fare_class = FareClass::Second;
    unsold.travellers.push(alan());
    for wrong in ["45.01", "90", "90.021", "-90.02"] {
        unsold.expected_price = wrong.parse().ok();
        let refused = bench.refused(&unsold).await;
        assert_eq!(refused, [refusal(RefusalCode::PriceChanged, "expectedPrice")], "{wrong}");
    }
    unsold.expected_price = "90.0200".parse().ok();
    assert_eq!(bench.book(&unsold).await.facts().price_cents, 9_002);
}

async fn one_reservation_per_client_connection_and_date(bench: Bench) {
    bench.book(&request()).await;
    let retimed = with(|request| request.offer = Some(offer("2026-12-01T09:07:00+01:00")));
    let refused = bench.refused(&retimed).await;
    assert_eq!(refused, [refusal(RefusalCode::AlreadyBooked, "travellers.0")]);
    // Of several, each guilty one is named.
    bench.book(&request_for(&[alan()])).await;
    let grace = traveller("Grace", "Hopper", "US1");
    let refused = bench.refused(&request_for(&[alan(), grace, ada()])).await;
    let code = RefusalCode::AlreadyBooked;
    assert_eq!(refused, [refusal(code, "travellers.0"), refusal(code, "travellers.2")]);
}

async fn all_come_back_together_in_order(bench: Bench) {
    let mut travellers: Vec<_> = (0..10).map(someone).collect();
    travellers[1] = traveller("", "Lovelace", "1/2");
    travellers[2].age = 200;
    travellers[9] = someone(0);
    let request = with(|request| {
        request.travellers = travellers;
        request.offer = Some(offer("2026-10-01T09:00:00+01:00"));
        request.expected_price = "1".parse().ok();
    });
    let expected = [
        refusal(RefusalCode::TooManyTravellers, "travellers"),
        refusal(RefusalCode::InvalidName, "travellers.1.firstName"),
        refusal(RefusalCode::InvalidIdNumber, "travellers.1.idNumber"),
        refusal(RefusalCode::InvalidAge, "travellers.2.age"),
        refusal(RefusalCode::DuplicateTraveller, "travellers.9"),
        refusal(RefusalCode::ItineraryDeparted, "itineraryId"),
    ];
    assert_eq!(bench.refused(&request).await, expected);
}

async fn precedence_goes_before_the_order_of_travellers(bench: Bench) {
    let mut request = request_for(&[ada(), traveller("Alan", "Turing", ""), alan()]);
    request.travellers[0].age = -1;
    request.travellers[2].last_name.clear();
    let expected = [
        refusal(RefusalCode::InvalidName, "travellers.2.lastName"),
        refusal(RefusalCode::InvalidIdNumber, "travellers.1.idNumber"),
        refusal(RefusalCode::InvalidAge, "travellers.0.age"),
    ];
    assert_eq!(bench.refused(&request).await, expected);
}

async fn already_booked_comes_with_the_others(bench: Bench) {
    bench.book(&request()).await;
    let mut request = request_for(&[traveller("", "Turing", "A1"), ada()]);
    request.expected_price = "1".parse().ok();
    let expected = [
        refusal(RefusalCode::InvalidName, "travellers.0.firstName"),
        refusal(RefusalCode::PriceChanged, "expectedPrice"),
        refusal(RefusalCode::AlreadyBooked, "travellers.1"),
    ];
    assert_eq!(bench.refused(&request).await, expected);
}

async fn cancelling_an_unknown_trip(bench: Bench) {
    let trip = bench.book(&request()).await;
    let expected = [refusal(RefusalCode::TripUnknown, "reference")];
    for reference in ["", "TRP-00000000", "TRP-\u{0}", "TRP-00000000' OR 1=1"] {
        let request = CancelTrip { reference: reference.into(), ..cancelling(&trip) };
        let answer = bench.store.cancel(&request, now()).await;
        assert_eq!(seen(&answer), expected, "{reference}");
    }
    // Whose last name is another's is told no more than who guesses a reference.
    let stranger = CancelTrip { last_name: Some("Turing".into()), ..cancelling(&trip) };
    assert_eq!(seen(&bench.store.cancel(&stranger, now()).await), expected);
    let owner = CancelTrip { last_name: Some(" lovelace".into()), ..cancelling(&trip) };
    assert!(bench.store.cancel(&owner, now()).await.unwrap().is_ok());
}

async fn cancelling_twice(bench: Bench) {
    let trip = bench.book(&request()).await;
    bench.cancel(&trip).await;
    let again = CancelTrip { expected_version: Some(1), ..cancelling(&trip) };
    let answer = bench.store.cancel(&again, now()).await;
    assert_eq!(seen(&answer), [refusal(RefusalCode::AlreadyCancelled, "reference")]);
}

async fn cancelling_another_version(bench: Bench) {
    let trip = bench.book(&request()).await;
    for expected_version in [0, 2, -1] {
        let request = CancelTrip { expected_version: Some(expected_version), ..cancelling(&trip) };
        let answer = bench.store.cancel(&request, now()).await;
        let expected = refusal(RefusalCode::VersionConflict, "expectedVersion");
        assert_eq!(seen(&answer), [expected], "{expected_version}");
    }
    let request = CancelTrip { expected_version: Some(1), ..cancelling(&trip) };
    assert_eq!(bench.store.cancel(&request, now()).await.unwrap().unwrap().version(), 2);
}

async fn a_key_for_another_request(bench: Bench) {
    let conflict = [refusal(RefusalCode::IdempotencyConflict, "idempotencyKey")];
    let first = with(|request| request.idempotency_key = Some(key("k")));
    let trip = bench.book(&first).await;
    let others: [fn(&mut BookTrip); 6] = [
        |request| request.itinerary_id = "itinerary-2".into(),
        |request| request.fare_class = FareClass::First,
        |request| request.expected_price = "45.00".parse().ok(),
        |request| request.travellers[0].age = 35,
        |request| request.travellers[0].first_name = "Augusta".into(),
        |request| request.travellers.push(alan()),
    ];
    for change in others {
        let mut other = first.clone();
        change(&mut other);
        assert_eq!(bench.refused(&other).await, conflict);
    }
    let cancel = CancelTrip { idempotency_key: Some(key("k")), ..cancelling(&trip) };
    assert_eq!(seen(&bench.store.cancel(&cancel, now()).await), conflict);
    // Another caller's key is another key.
    let mut other_caller = request_for(&[alan()]);
    other_caller.idempotency_key = Some(key("k"));
    other_caller.caller = "somebody else".into();
    bench.book(&other_caller).await;
}

async fn the_configured_id_check_is_applied(bench: Bench) {
    let strict = bench.reopen(|config| config.id_number_check = IdNumberCheck::Icao9303).await;
    let passport = |number| request_for(&[traveller("Anna", "Eriksson", number)]);
    let answer = strict.book(&passport("L898902C3<5"), now()).await;
    let expected = refusal(RefusalCode::InvalidIdNumber, "travellers.0.idNumber");
    assert_eq!(seen(&answer), [expected]);
    let trip = strict.book(&passport("L898902C3<6"), now()).await.unwrap().unwrap();
    // The check digit is no part of the number.
    let client = strict.client("eriksson", "l898902c3").await.unwrap();
    assert_eq!(client.as_ref(), Some(&trip.reservations()[0].client));
}

async fn a_refused_booking_leaves_no_trace(bench: Bench) {
    bench.book(&request()).await;
    // Alan is created in the same transaction that Ada's reservation fails.
    let refused = bench.refused(&request_for(&[alan(), ada()])).await;
    assert_eq!(refused, [refusal(RefusalCode::AlreadyBooked, "travellers.1")]);
    assert_eq!(bench.store.client("Turing", "GB654321").await.unwrap(), None);
}
