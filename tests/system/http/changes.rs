//! Changing trips over HTTP, and what reading them costs the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use server::graphql::Caller;
use server::store::{KeyFile, Randomness, Store, StoreConfig};
use tests::app::{self, Server, refusals, traveller};
use tests::feed;

const CANCEL: &str = include_str!("../../../schema/graphql/operations/cancel-reservation.graphql");

/// Three trains a day, for a week.
const DAILY: &str = "
    AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10
    BC1,Bonn,Celle,10:00,12:00,ICE,Daily,90,60
    CD1,Celle,Dresden,13:00,15:00,ICE,Daily,90,60
";

const PAIRS: [(&str, &str); 3] = [("Aachen", "Bonn"), ("Bonn", "Celle"), ("Celle", "Dresden")];

async fn server() -> Server {
    app::on_sqlite(feed::network(DAILY)).await
}

async fn book(server: &Server, date: &str, names: &[&str]) -> Value {
    book_between(server, PAIRS[0], date, names).await
}

async fn book_between(
    server: &Server,
    (from, to): (&str, &str),
    date: &str,
    names: &[&str],
) -> Value {
    let id = server.itinerary(from, to, date).await;
    let travellers: Vec<_> =
        names.iter().map(|name| traveller("Some", name, &format!("X{name}"), 36)).collect();
    server.book(json!({ "itineraryId": id, "travellers": travellers })).await["trip"].take()
}

async fn read(server: &Server, trip: &Value) -> Value {
    let query = "query($reference: String!) { trip(reference: $reference) {
        reference status version availableActions price { amount }
        reservations { id status client { lastName } } } }";
    let variables = json!({ "reference": trip["reference"] });
    server.data(query, variables).await["trip"].take()
}

async fn cancel(server: &Server, input: Value) -> Value {
    server.data(CANCEL, json!({ "input": input })).await["cancelReservation"].take()
}

#[tokio::test]
async fn one_of_two_travellers_stays_at_home() {
    let server = server().await;
    let trip = book(&server, "2026-12-01", &["Lovelace", "Turing"]).await;
    let before = read(&server, &trip).await;
    assert_eq!(before["availableActions"], json!(["CANCEL_TRIP", "CANCEL_RESERVATION"]));
    let reservation = &before["reservations"][1]["id"];
    let input = json!({ "reference": trip["reference"], "reservationId": reservation });
    let mut strange = input.clone();
    strange["lastName"] = json!("Hopper");
    assert_eq!(refusals(&cancel(&server, strange).await)[0].0, "TRIP_UNKNOWN");
    let mut stale = input.clone();
    stale["expectedVersion"] = json!(7);
    assert_eq!(refusals(&cancel(&server, stale).await)[0].0, "VERSION_CONFLICT");
    let done = cancel(&server, input.clone()).await;
    assert_eq!(done["refusals"], json!([]));
    assert_eq!(
        (&done["trip"]["status"], &done["trip"]["version"]),
        (&json!("CONFIRMED"), &json!(2))
    );
    let after = read(&server, &trip).await;
    let statuses = [0, 1].map(|index| after["reservations"][index]["status"].clone());
    assert_eq!(statuses, ["CONFIRMED", "CANCELLED"]);
    assert_eq!(after["price"], before["price"]);
    let again = refusals(&cancel(&server, input.clone()).await);
    assert_eq!(again, [("ALREADY_CANCELLED".to_owned(), "reservationId".to_owned())]);
    let mut other = input;
    for wrong in [json!("nonsense"), trip["reference"].clone()] {
        other["reservationId"] = wrong;
        let unknown = refusals(&cancel(&server, other.clone()).await);
        assert_eq!(unknown, [("RESERVATION_UNKNOWN".to_owned(), "reservationId".to_owned())]);
    }
    // The one who stays at home may book again, the other may not.
    assert!(book(&server, "2026-12-01", &["Turing"]).await.is_object());
    assert!(book(&server, "2026-12-01", &["Lovelace"]).await.is_null());
}

#[tokio::test]
async fn a_trip_that_has_left_can_do_nothing_more() {
    let server = server().await;
    let trip = book(&server, "2026-12-01", &["Lovelace"]).await;
    let reservation = read(&server, &trip).await["reservations"][0]["id"].clone();
    server.set_clock("2026-12-01T07:00:00Z");
    assert_eq!(read(&server, &trip).await["availableActions"], json!([]));
    let input = json!({ "reference": trip["reference"], "reservationId": reservation });
    let left = refusals(&cancel(&server, input).await);
    assert_eq!(left, [("TRIP_DEPARTED".to_owned(), "reference".to_owned())]);
}

/// A client's trips with all that belongs to them.
const EVERYTHING: &str = "query($first: Int) {
    client(lastName: \"Lovelace\", idNumber: \"XLovelace\") { id firstName
        currentTrips(first: $first) { totalCount pageInfo { hasNextPage } nodes {
            reference version availableActions price { amount }
            legs { originName price { amount } }
            reservations {
                id age status client { id lastName idNumber } ticket { number }
            } } } } }";

#[tokio::test]
async fn twenty_trips_cost_as_many_statements_as_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/x.sqlite", folder.path().display());
    let mut config = StoreConfig::new(url, KeyFile::generate(&Randomness::system()).expect("keys"));
    let statements = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&statements);
    config.observer = Some(Arc::new(move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
    }));
    let store = Store::open(&config).await.expect("a database");
    store.migrate().await.expect("a migrated database");
    let server = app::start(feed::network(DAILY), store, Caller::open()).await;
    for trip in 0..20 {
        let (pair, date) = (PAIRS[trip % 3], format!("2026-12-{:02}", 1 + trip / 3));
        let trip = book_between(&server, pair, &date, &["Lovelace", "Turing"]).await;
        assert!(trip.is_object());
    }
    let mut costs = Vec::new();
    // The first look-up asks for the client, too; the others have it. Each is noted in the audit
    // log.
    for first in [1, 1, 20] {
        let before = statements.load(Ordering::Relaxed);
        let found = server.data(EVERYTHING, json!({ "first": first })).await;
        let nodes = found["client"]["currentTrips"]["nodes"].as_array().map(Vec::len);
        assert_eq!(nodes, Some(first));
        costs.push(statements.load(Ordering::Relaxed) - before);
    }
    assert_eq!(costs, [6, 5, 5]);
}
