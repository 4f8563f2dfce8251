//! Looking people up: counted by caller, noted, and the same for a miss as for a hit.

use std::time::{Duration, Instant};

use async_graphql::futures_util::future::join_all;
use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use serde_json::{Value, json};
use server::graphql::Caller;
use server::http::{Callers, Limits};
use server::store::{KeyFile, Randomness, Store, StoreConfig};
use tests::app::{self, Answered, Server, Setup, traveller};
use tests::feed::{self, CITIES};

const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");
const CLIENT: &str =
    "query($name: String!, $id: String!) { client(lastName: $name, idNumber: $id) { lastName } }";
const TRIP: &str =
    "query($at: String!, $name: String) { trip(reference: $at, lastName: $name) { reference } }";
const CANCEL: &str = "mutation($at: String!, $name: String) {
    cancelTrip(input: {reference: $at, lastName: $name}) { refusals { code } } }";

async fn server(lookups: Option<u32>) -> Server {
    let limits = Limits { lookups, ..Limits::default() };
    app::with_keys(feed::network(CITIES), Setup { limits, ..Setup::default() }).await
}

/// Books a trip for Ada; its reference.
async fn book(server: &Server, key: &str) -> String {
    let find = "{ itineraries(origin: {name: \"Aachen\"}, destination: {name: \"Celle\"}, \
                dateTime: {date: \"2026-12-01\"}) { nodes { id } } }";
    let found = server.ask(key, find, Value::Null).await;
    let input = json!({
        "itineraryId": found.body["data"]["itineraries"]["nodes"][0]["id"],
        "travellers": [traveller("Ada", "Lovelace", "X1234567", 36)],
    });
    let booked = server.ask(key, BOOK, json!({ "input": input })).await;
    let reference = &booked.body["data"]["bookTrip"]["trip"]["reference"];
    reference.as_str().expect("a reference").to_owned()
}

async fn client(server: &Server, key: &str, name: &str, id: &str) -> Answered {
    server.ask(key, CLIENT, json!({ "name": name, "id": id })).await
}

async fn trip(server: &Server, key: &str, at: &str, name: &str) -> Answered {
    server.ask(key, TRIP, json!({ "at": at, "name": name })).await
}

async fn cancel(server: &Server, key: &str, at: &str, name: &str) -> Answered {
    server.ask(key, CANCEL, json!({ "at": at, "name": name })).await
}

#[track_caller]
fn assert_too_many(answer: &Answered) {
    assert_eq!((answer.status, answer.code()), (200, "TOO_MANY_LOOKUPS"), "{answer:?}");
    assert_eq!(answer.message(), "expected at most 5 look-ups a minute, found more");
    let wait = &answer.body["errors"][0]["extensions"]["retryAfter"];
    assert!((1..=60).contains(&wait.as_u64().expect("seconds")), "{wait}");
    assert_eq!(answer.header("retry-after"), wait.to_string());
}

#[tokio::test]
async fn a_caller_looks_clients_up_five_times_a_minute() {
    let server = server(None).await;
    let shop = server.key("search,book").await;
    book(&server, &shop).await;
    for at in 0..5 {
        let id = if at % 2 == 0 { "X1234567" } else { "X7654321" };
        let answer = client(&server, &shop, "Lovelace", id).await;
        let found = answer.body["data"]["client"]["lastName"].as_str();
        assert_eq!(found, (at % 2 == 0).then_some("Lovelace"));
    }
    assert_too_many(&client(&server, &shop, "Lovelace", "X1234567").await);
    assert_too_many(&trip(&server, &shop, "TRP-00000000", "Turing").await);
    assert_too_many(&cancel(&server, &shop, "TRP-00000000", "Turing").await);
    // Searches are none, and others have their own five; also who may see everybody.
    let network = server.ask(&shop, "{ network { version } }", Value::Null).await;
    assert_eq!(network.code(), "");
    let support = server.key("support").await;
    for _ in 0..5 {
        assert_eq!(client(&server, &support, "Lovelace", "X1234567").await.code(), "");
    }
    assert_too_many(&client(&server, &support, "Lovelace", "X1234567").await);
}

#[tokio::test]
async fn trips_count_where_they_miss() {
    let server = server(None).await;
    let shop = server.key("search,book").await;
    let at = book(&server, &shop).await;
    for _ in 0..8 {
        let answer = trip(&server, &shop, &at, "lovelace").await;
        assert_eq!(answer.body["data"]["trip"]["reference"], at);
    }
    for _ in 0..2 {
        assert_eq!(trip(&server, &shop, &at, "Turing").await.body["data"]["trip"], Value::Null);
    }
    assert_eq!(trip(&server, &shop, "TRP-1", "Turing").await.body["data"]["trip"], Value::Null);
    for _ in 0..2 {
        let answer = cancel(&server, &shop, &at, "Turing").await;
        assert_eq!(answer.body["data"]["cancelTrip"]["refusals"][0]["code"], "TRIP_UNKNOWN");
    }
    assert_too_many(&trip(&server, &shop, &at, "Turing").await);
    assert_too_many(&cancel(&server, &shop, &at, "lovelace").await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hits_at_once_do_not_count_against_each_other() {
    let server = server(None).await;
    let shop = server.key("search,book").await;
    let at = book(&server, &shop).await;
    let looks = (0..20).map(|_| trip(&server, &shop, &at, "Lovelace"));
    for answer in join_all(looks).await {
        assert_eq!(answer.body["data"]["trip"]["reference"], at, "{answer:?}");
    }
}

/// A look-up that could not be noted is refused as bookings are, at once, and does not count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nothing_can_be_written_nobody_is_looked_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let keys = KeyFile::generate(&Randomness::system()).expect("keys");
    app::store(&url, Some(keys.clone())).await;
    let patience = Duration::from_millis(200);
    let config = StoreConfig { patience, ..StoreConfig::new(&url, keys) };
    let store = Store::open(&config).await.expect("a database");
    let limits = Limits { lookups: Some(2), ..Limits::default() };
    let setup = Setup { limits, ..Setup::default() };
    let callers = |_: &_, _: &_| Callers::Everybody(Caller::open());
    let server = app::start_for(feed::network(CITIES), store.clone(), setup, callers).await;
    let look = async || {
        let began = Instant::now();
        let variables = json!({ "name": "Lovelace", "id": "X1234567" });
        let answer = server.answer(CLIENT, variables).await;
        let code = answer["errors"][0]["extensions"]["code"].as_str().unwrap_or("").to_owned();
        (code, began.elapsed())
    };
    let other = Database::connect(&url).await.expect("the database");
    other.execute_unprepared("BEGIN IMMEDIATE").await.expect("the lock");
    let patience = Instant::now() + Duration::from_secs(20);
    // These look-ups open the breaker by themselves.
    while store.admits_writing() {
        assert_eq!(look().await.0, "BOOKINGS_UNAVAILABLE");
        assert!(Instant::now() < patience, "the breaker does not open");
    }
    let mut soonest = Duration::MAX;
    for _ in 0..5 {
        let (code, time) = look().await;
        assert_eq!(code, "BOOKINGS_UNAVAILABLE");
        soonest = soonest.min(time);
    }
    assert!(soonest < Duration::from_millis(100), "{soonest:?}");
    other.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    while !store.admits_writing() {
        assert!(Instant::now() < patience, "the breaker does not close");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let codes = [look().await.0, look().await.0, look().await.0];
    assert_eq!(codes, ["", "", "TOO_MANY_LOOKUPS"]);
}

#[tokio::test]
async fn the_number_can_be_set() {
    let server = server(Some(2)).await;
    let (shop, other) = (server.key("book").await, server.key("book").await);
    for _ in 0..2 {
        assert_eq!(client(&server, &shop, "a", "b").await.code(), "");
    }
    assert_eq!(client(&server, &shop, "a", "b").await.code(), "TOO_MANY_LOOKUPS");
    assert_eq!(client(&server, &other, "a", "b").await.code(), "");
}

#[tokio::test]
async fn each_is_in_the_audit_log_and_nobody_is() {
    let server = server(Some(0)).await;
    let shop = server.key("search,book").await;
    let caller = format!("key {}", &shop[3..19]);
    let at = book(&server, &shop).await;
    client(&server, &shop, "Lovelace", "X1234567").await;
    client(&server, &shop, "Lovelace", "X7654321").await;
    trip(&server, &shop, &at, "lovelace").await;
    trip(&server, &shop, &at, "Turing").await;
    cancel(&server, &shop, &at, "Turing").await;
    cancel(&server, &shop, &at, "Lovelace").await;
    let raw = Database::connect(server.database_url()).await.expect("the database");
    let sql = "SELECT caller, effect, subject, trip_reference FROM audit_log ORDER BY rowid";
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let rows = raw.query_all_raw(statement).await.expect("rows").into_iter().map(|row| {
        let text = |name: &str| row.try_get::<Option<String>>("", name).expect("a text");
        assert_eq!(
            text("caller").as_deref() == Some(&caller),
            text("effect").as_deref() != Some("API_KEY_CREATED")
        );
        let is_of_trip = text("trip_reference").is_some();
        (text("effect").expect("an effect"), text("subject"), is_of_trip)
    });
    let rows: Vec<_> = rows.collect();
    let row = |effect: &str, subject: Option<&str>, is_of_trip| {
        (effect.to_owned(), subject.map(str::to_owned), is_of_trip)
    };
    let created = format!("key {} search,book", &shop[3..19]);
    let mut expected = vec![
        row("API_KEY_CREATED", Some(&created), false),
        row("BOOKED", None, true),
        row("CLIENT_LOOKED_UP", Some("hit"), false),
        row("CLIENT_LOOKED_UP", Some("miss"), false),
        row("TRIP_LOOKED_UP", Some("hit"), false),
        row("TRIP_LOOKED_UP", Some("miss"), false),
        row("TRIP_LOOKED_UP", Some("miss"), false),
        row("TRIP_CANCELLED", None, true),
    ];
    // Numbers of rows are by time and chance, so that two of a millisecond have no order.
    let mut rows = rows;
    expected.sort();
    rows.sort();
    assert_eq!(rows, expected);
    let report = server.store().verify_audit(None).await.expect("a report");
    assert_eq!((report.rows, report.findings), (8, vec![]));
}

/// What a caller can tell from: everything of an answer but its date, its id and what was asked.
fn shape(answer: &Answered) -> (u16, Vec<(String, String)>, Value) {
    let told = |name: &&str| !matches!(*name, "date" | "x-request-id" | "content-length");
    let names = answer.headers.keys().map(axum::http::HeaderName::as_str).filter(told);
    let mut headers: Vec<_> =
        names.map(|name| (name.to_owned(), answer.header(name).to_owned())).collect();
    headers.sort();
    (answer.status, headers, answer.body.clone())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
async fn a_miss_says_no_more_than_that_it_is_one() {
    let server = server(Some(0)).await;
    let shop = server.key("search,book").await;
    let at = book(&server, &shop).await;
    let unknown = "TRP-00000000";
    let (mut near, mut far, mut hits) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..20 {
        // A trip that there is, and one that there is not.
        let began = Instant::now();
        let a = trip(&server, &shop, &at, "Turing").await;
        near.push(began.elapsed());
        let began = Instant::now();
        let b = trip(&server, &shop, unknown, "Turing").await;
        far.push(began.elapsed());
        assert_eq!(shape(&a), shape(&b));
        let began = Instant::now();
        let hit = trip(&server, &shop, &at, "Lovelace").await;
        hits.push(began.elapsed());
        assert_eq!((shape(&hit).0, shape(&hit).1), (shape(&a).0, shape(&a).1));
    }
    let [near, far, hits] = [near, far, hits].map(median);
    println!("a miss of a trip that there is {near:?}, that there is not {far:?}, a hit {hits:?}");
    for time in [near, far, hits] {
        assert!(time >= Duration::from_millis(50), "{time:?}");
        // The difference is that of the way, not of the look-up.
        let apart = time.abs_diff(far);
        assert!(apart < Duration::from_millis(15), "{apart:?}");
    }
    let cancelled = [
        shape(&cancel(&server, &shop, &at, "Turing").await),
        shape(&cancel(&server, &shop, unknown, "Turing").await),
    ];
    assert_eq!(cancelled[0], cancelled[1]);
    let clients = [
        shape(&client(&server, &shop, "Turing", "X1234567").await),
        shape(&client(&server, &shop, "Lovelace", "X7654321").await),
        shape(&client(&server, &shop, "Nobody", "?").await),
    ];
    assert!(clients.iter().all(|it| *it == clients[0]), "{clients:?}");
}

/// What is answered, once it is made sure that it has taken as long as any look-up must.
async fn no_sooner(answer: impl Future<Output = Answered>) -> Value {
    let began = Instant::now();
    let answer = answer.await;
    let time = began.elapsed();
    assert!(time >= Duration::from_millis(50), "{time:?}: {answer:?}");
    assert_eq!((answer.status, answer.code()), (200, ""), "{answer:?}");
    answer.body["data"].clone()
}

/// By every field, for hits too: whoever sees the time alone learns nothing.
#[tokio::test]
async fn no_look_up_is_answered_sooner_than_another() {
    let server = server(Some(0)).await;
    let shop = server.key("search,book").await;
    let at = book(&server, &shop).await;
    for (name, id, found) in [
        ("Lovelace", "X1234567", json!({ "lastName": "Lovelace" })),
        ("Turing", "X1234567", Value::Null),
        ("Lovelace", "X7654321", Value::Null),
        ("Nobody", "?", Value::Null),
    ] {
        let data = no_sooner(client(&server, &shop, name, id)).await;
        assert_eq!(data["client"], found, "{name}");
    }
    for (at, name, found) in [
        (at.as_str(), "Lovelace", json!({ "reference": at })),
        (at.as_str(), "Turing", Value::Null),
        ("TRP-00000000", "Turing", Value::Null),
    ] {
        let data = no_sooner(trip(&server, &shop, at, name)).await;
        assert_eq!(data["trip"], found, "{name}");
    }
    for (at, name, refusals) in [
        (at.as_str(), "Turing", json!([{ "code": "TRIP_UNKNOWN" }])),
        ("TRP-00000000", "Turing", json!([{ "code": "TRIP_UNKNOWN" }])),
        (at.as_str(), "Lovelace", json!([])),
    ] {
        let data = no_sooner(cancel(&server, &shop, at, name)).await;
        assert_eq!(data["cancelTrip"]["refusals"], refusals, "{name}");
    }
}
