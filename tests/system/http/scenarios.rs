//! The eight scenarios of the prototype, over HTTP; and what a booking must survive.

use serde_json::{Value, json};
use tests::app::{self, Server, refusals, traveller};
use tests::feed::{self, CITIES};

async fn server() -> Server {
    app::on_sqlite(feed::network(CITIES)).await
}

async fn book(server: &Server, travellers: Vec<Value>) -> Value {
    let id = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    server.book(json!({ "itineraryId": id, "travellers": travellers })).await
}

fn refused(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

#[tokio::test]
async fn a_family_of_four_gets_one_trip_with_four_tickets() {
    let server = server().await;
    let family = [("Ada", 36), ("Lord", 40), ("Byron", 8), ("Anne", 0)];
    let family = family
        .iter()
        .enumerate()
        .map(|(at, (name, age))| traveller(name, "Lovelace", &format!("ID{at}"), *age));
    let payload = book(&server, family.collect()).await;
    assert_eq!(payload["refusals"], json!([]));
    let trip = &payload["trip"];
    let reference = trip["reference"].as_str().expect("a reference");
    let digits = reference.strip_prefix("TRP-").expect("TRP-");
    assert!(digits.len() == 8 && digits.bytes().all(|it| it.is_ascii_hexdigit()), "{reference}");
    assert_eq!(digits, digits.to_uppercase());
    // AB1 and BC1: 10.00 + 60.25, four times.
    assert_eq!(trip["price"], json!({ "amount": "281.00", "currency": "EUR" }));
    let reservations = trip["reservations"].as_array().expect("reservations");
    let mut tickets: Vec<&str> =
        reservations.iter().filter_map(|it| it["ticket"]["number"].as_str()).collect();
    assert!(tickets.iter().all(|it| it.len() == 15 && it.bytes().all(|it| it.is_ascii_digit())));
    tickets.dedup();
    assert_eq!(tickets.len(), 4);
}

#[tokio::test]
async fn a_single_traveller_books() {
    let server = server().await;
    let payload = book(&server, vec![traveller("Ada", "Lovelace", "X1", 36)]).await;
    assert_eq!(payload["trip"]["status"], "CONFIRMED");
    assert_eq!(payload["trip"]["departure"], "2026-12-01T08:00:00+01:00");
    assert_eq!(payload["trip"]["arrival"], "2026-12-01T12:00:00+01:00");
}

#[tokio::test]
async fn a_second_booking_of_the_same_connection_is_refused() {
    let server = server().await;
    let ada = || traveller("Ada", "Lovelace", "X1", 36);
    book(&server, vec![ada()]).await;
    let again = book(&server, vec![traveller("Alan", "Turing", "X2", 41), ada()]).await;
    assert_eq!(again["trip"], Value::Null);
    assert_eq!(refusals(&again), [refused("ALREADY_BOOKED", "travellers.1")]);
}

#[tokio::test]
async fn the_same_traveller_twice_in_a_trip_is_refused() {
    let server = server().await;
    let twice =
        vec![traveller("Ada", "Lovelace", "X-1", 36), traveller("Ada", "LOVELACE", "x 1", 36)];
    let payload = book(&server, twice).await;
    assert_eq!(refusals(&payload), [refused("DUPLICATE_TRAVELLER", "travellers.1")]);
}

const CLIENT: &str = include_str!("../../../schema/graphql/operations/client.graphql");

async fn client(server: &Server, last_name: &str, id_number: &str) -> Value {
    let variables = json!({ "lastName": last_name, "idNumber": id_number });
    server.data(CLIENT, variables).await["client"].take()
}

#[tokio::test]
async fn several_trips_of_a_client_are_listed_soonest_first() {
    let server = server().await;
    for date in ["2026-12-04", "2026-12-02", "2026-12-03"] {
        let id = server.itinerary("Aachen", "Bonn", date).await;
        let ada = traveller("Ada", "Lovelace", "X1", 36);
        server.book(json!({ "itineraryId": id, "travellers": [ada] })).await;
    }
    server.set_clock("2026-12-03T22:59:00Z");
    let found = client(&server, "Lovelace", "X1").await;
    let departures = |trips: &Value| {
        let trips = trips["nodes"].as_array().expect("trips").clone();
        trips.into_iter().map(|it| it["departure"].clone()).collect::<Vec<_>>()
    };
    // It is 23:59 of 3 December in Aachen: that day's trip is still a current one.
    assert_eq!(
        departures(&found["currentTrips"]),
        ["2026-12-03T08:00:00+01:00", "2026-12-04T08:00:00+01:00"]
    );
    assert_eq!(departures(&found["pastTrips"]), ["2026-12-02T08:00:00+01:00"]);
    server.set_clock("2026-12-03T23:00:00Z");
    let found = client(&server, "Lovelace", "X1").await;
    assert_eq!(found["currentTrips"]["totalCount"], 1);
    assert_eq!(
        departures(&found["pastTrips"]),
        ["2026-12-03T08:00:00+01:00", "2026-12-02T08:00:00+01:00"]
    );
}

#[tokio::test]
async fn a_last_name_is_found_whatever_its_case() {
    let server = server().await;
    book(&server, vec![traveller("Jürgen", "Groß", "X1", 36)]).await;
    for last_name in ["Groß", "GROSS", "gross", "groß"] {
        assert_eq!(client(&server, last_name, "x1").await["firstName"], "Jürgen", "{last_name}");
    }
    assert_eq!(client(&server, "Gros", "X1").await, Value::Null);
    assert_eq!(client(&server, "Groß", "X2").await, Value::Null);
}

#[tokio::test]
async fn a_negative_age_an_empty_name_and_an_empty_id_are_refused_together() {
    let server = server().await;
    let payload = book(
        &server,
        vec![traveller("Ada", " ", "X1", 36), traveller("Alan", "Turing", "- -", -1)],
    )
    .await;
    assert_eq!(
        refusals(&payload),
        [
            refused("INVALID_NAME", "travellers.0.lastName"),
            refused("INVALID_ID_NUMBER", "travellers.1.idNumber"),
            refused("INVALID_AGE", "travellers.1.age"),
        ]
    );
}

#[tokio::test]
async fn an_id_number_is_one_however_it_is_spelled() {
    let server = server().await;
    book(&server, vec![traveller("Ada", "Lovelace", "ab-12 34", 36)]).await;
    for id_number in ["AB1234", "ab 1234", "A-B-1-2-3-4", "ＡＢ１２３４"] {
        assert_eq!(client(&server, "Lovelace", id_number).await["idNumber"], "AB1234");
    }
    let payload = book(&server, vec![traveller("Ada", "Lovelace", "AB/1234", 36)]).await;
    assert_eq!(refusals(&payload), [refused("INVALID_ID_NUMBER", "travellers.0.idNumber")]);
}

#[tokio::test]
async fn the_other_refusals_name_their_argument() {
    let server = server().await;
    let ada = || traveller("Ada", "Lovelace", "X1", 36);
    let id = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    let codes = async |input: Value| refusals(&server.book(input).await);
    assert_eq!(
        codes(json!({ "itineraryId": "nonsense", "travellers": [] })).await,
        [refused("NO_TRAVELLERS", "travellers"), refused("ITINERARY_UNKNOWN", "itineraryId")]
    );
    let crowd: Vec<Value> = (0..10).map(|at| traveller("A", "B", &format!("X{at}"), 1)).collect();
    assert_eq!(
        codes(json!({ "itineraryId": id, "travellers": crowd })).await,
        [refused("TOO_MANY_TRAVELLERS", "travellers")]
    );
    assert_eq!(
        codes(json!({ "itineraryId": id, "travellers": [ada()], "expectedPrice": "70.24" })).await,
        [refused("PRICE_CHANGED", "expectedPrice")]
    );
    let without_first = server.itinerary("Dresden", "Emden", "2026-12-01").await;
    let input = json!({
        "itineraryId": without_first, "travellers": [ada()], "fareClass": "FIRST"
    });
    assert_eq!(codes(input).await, [refused("NO_FARE", "fareClass")]);
    server.set_clock("2026-12-01T07:00:00Z");
    assert_eq!(
        codes(json!({ "itineraryId": id, "travellers": [ada()] })).await,
        [refused("ITINERARY_DEPARTED", "itineraryId")]
    );
}

const CANCEL: &str = include_str!("../../../schema/graphql/operations/cancel-trip.graphql");

#[tokio::test]
async fn a_cancelled_trip_frees_its_connection() {
    let server = server().await;
    let ada = || vec![traveller("Ada", "Lovelace", "X1", 36)];
    let trip = book(&server, ada()).await["trip"].take();
    let cancel = async |input: Value| {
        server.data(CANCEL, json!({ "input": input })).await["cancelTrip"].take()
    };
    let reference = trip["reference"].clone();
    let stale = cancel(json!({ "reference": reference, "expectedVersion": 9 })).await;
    assert_eq!(refusals(&stale)[0].0, "VERSION_CONFLICT");
    let stranger = cancel(json!({ "reference": reference, "lastName": "Turing" })).await;
    assert_eq!(refusals(&stranger)[0].0, "TRIP_UNKNOWN");
    let done = cancel(json!({ "reference": reference, "expectedVersion": trip["version"] })).await;
    assert_eq!(done["trip"]["status"], "CANCELLED");
    let again = cancel(json!({ "reference": reference })).await;
    assert_eq!(refusals(&again)[0].0, "ALREADY_CANCELLED");
    assert_eq!(book(&server, ada()).await["refusals"], json!([]));
}

#[tokio::test]
async fn an_idempotency_key_makes_a_booking_once() {
    let server = server().await;
    let id = server.itinerary("Aachen", "Bonn", "2026-12-01").await;
    let input = |last_name: &str| {
        json!({
            "itineraryId": id,
            "travellers": [traveller("Ada", last_name, "X1", 36)],
            "idempotencyKey": "one",
        })
    };
    let first = server.book(input("Lovelace")).await;
    assert_eq!(server.book(input("Lovelace")).await, first);
    let other = server.book(input("Turing")).await;
    assert_eq!(refusals(&other), [refused("IDEMPOTENCY_CONFLICT", "idempotencyKey")]);
}

const TRIP: &str = include_str!("../../../schema/graphql/operations/trip.graphql");

#[tokio::test]
async fn a_booked_trip_stays_what_it_was_when_the_network_changes() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let store = app::store(&url, None).await;
    let caller = server::graphql::Caller::open;
    let old = app::start(feed::network(CITIES), store.clone(), caller()).await;
    let id = old.itinerary("Aachen", "Celle", "2026-12-01").await;
    let ada = || json!([traveller("Ada", "Lovelace", "X1", 36)]);
    let booked = old.book(json!({ "itineraryId": id, "travellers": ada() })).await;
    let variables = json!({ "reference": booked["trip"]["reference"] });
    let before = old.data(TRIP, variables.clone()).await;

    // BC1 runs later and costs more; AB2 is no longer there.
    let changed = CITIES
        .replace(
            "BC1,Bonn,Celle,09:30,12:00,ICE,Daily,90.50,60.25",
            "BC1,Bonn,Celle,09:40,12:10,ICE,Daily,91,61",
        )
        .replace("AB2,Aachen,Bonn,10:00,11:00,RE,Daily,20,10", "");
    let new = app::start(feed::network(&changed), store, caller()).await;
    assert_eq!(new.data(TRIP, variables).await, before);
    // The same trains on the same date are still the same connection.
    assert_eq!(new.itinerary("Aachen", "Celle", "2026-12-01").await, id);
    let again = new.book(json!({ "itineraryId": id, "travellers": ada() })).await;
    assert_eq!(refusals(&again)[0].0, "ALREADY_BOOKED");
}

async fn hundred_at_once(server: Server) {
    let id = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    let server = std::sync::Arc::new(server);
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (server, id) = (std::sync::Arc::clone(&server), id.clone());
        callers.spawn(async move {
            let ada = traveller("Ada", "Lovelace", "X1", 36);
            server.book(json!({ "itineraryId": id, "travellers": [ada] })).await
        });
    }
    let payloads = callers.join_all().await;
    let (booked, refused): (Vec<_>, Vec<_>) =
        payloads.into_iter().partition(|payload| payload["trip"] != Value::Null);
    assert_eq!((booked.len(), refused.len()), (1, 99));
    assert!(refused.iter().all(|payload| refusals(payload)[0].0 == "ALREADY_BOOKED"));
    assert_eq!(client(&server, "Lovelace", "X1").await["currentTrips"]["totalCount"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_identical_bookings_at_once_give_one_trip_on_sqlite() {
    hundred_at_once(server().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_identical_bookings_at_once_give_one_trip_on_postgresql() {
    let Some(url) = tests::postgres::database().await else { return };
    let store = app::store(&url, None).await;
    let caller = server::graphql::Caller::open();
    hundred_at_once(app::start(feed::network(CITIES), store, caller).await).await;
}

#[tokio::test]
async fn without_support_a_reference_alone_grants_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let scopes = "search,book".parse().expect("scopes");
    let caller = server::graphql::Caller { name: "shop".to_owned(), scopes };
    let server = app::start(feed::network(CITIES), app::store(&url, None).await, caller).await;
    let trip =
        book(&server, vec![traveller("Ada", "Lovelace", "X1234567", 36)]).await["trip"].take();
    let reference = &trip["reference"];
    let seen = async |variables: Value| server.data(TRIP, variables).await["trip"].take();
    assert_eq!(seen(json!({ "reference": reference })).await, Value::Null);
    assert_eq!(seen(json!({ "reference": reference, "lastName": "Turing" })).await, Value::Null);
    let own = seen(json!({ "reference": reference, "lastName": "lovelace" })).await;
    assert_eq!(own["reservations"][0]["client"]["idNumber"], "•••567");
    let node = "query($id: ID!) { node(id: $id) { id } }";
    assert_eq!(server.data(node, json!({ "id": own["id"] })).await["node"], Value::Null);
    let refused = server.data(CANCEL, json!({ "input": { "reference": reference } })).await;
    assert_eq!(refusals(&refused["cancelTrip"])[0].0, "TRIP_UNKNOWN");
}
