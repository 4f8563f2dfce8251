//! Subscriptions over a real socket: the protocol's words and codes, who may listen, and what is
//! heard, from one server and from another on the same database.

use std::time::Duration;

use serde_json::{Value, json};
use server::access::Key;
use server::graphql::Caller;
use server::http::{Limits, Trusted};
use tests::app::{self, NOW, Server, Setup, moment, traveller};
use tests::feed::{self, CITIES};
use tests::postgres;
use tests::socket::Socket;
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

const TRIP: &str = include_str!("../../../schema/graphql/operations/trip-changed.graphql");
const NETWORK: &str = include_str!("../../../schema/graphql/operations/network-changed.graphql");
const CANCEL: &str = include_str!("../../../schema/graphql/operations/cancel-reservation.graphql");
const CANCEL_TRIP: &str = include_str!("../../../schema/graphql/operations/cancel-trip.graphql");

/// A time in which nothing is to be heard.
const SILENCE: Duration = Duration::from_millis(400);

async fn server() -> Server {
    app::on_sqlite(feed::network(CITIES)).await
}

async fn with_limits(limits: Limits) -> Server {
    app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await
}

async fn book(server: &Server) -> Value {
    let id = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    let travellers =
        [traveller("Ada", "Lovelace", "X1", 36), traveller("Alan", "Turing", "X2", 41)];
    server.book(json!({ "itineraryId": id, "travellers": travellers })).await["trip"].take()
}

async fn cancel_one(server: &Server, trip: &Value, nth: usize) {
    let query =
        "query($reference: String!) { trip(reference: $reference) { reservations { id } } }";
    let found = server.data(query, reference(trip)).await;
    let reservation = &found["trip"]["reservations"][nth]["id"];
    let input = json!({ "reference": trip["reference"], "reservationId": reservation });
    let done = server.data(CANCEL, json!({ "input": input })).await;
    assert_eq!(done["cancelReservation"]["refusals"], json!([]));
}

fn reference(trip: &Value) -> Value {
    json!({ "reference": trip["reference"] })
}

/// Waits until this many operations are under way, and then for them to have begun to listen.
async fn settle() {
    tokio::time::sleep(SILENCE).await;
}

#[tokio::test]
async fn each_fault_of_the_protocol_has_its_code() {
    let limits = Limits { init_ms: 300, body_bytes: 2_000, ..Limits::default() };
    let server = with_limits(limits).await;
    let at = server.address;
    let init = json!({ "type": "connection_init" });

    let mut late = Socket::open(at).await;
    assert_eq!(late.closed().await, (4408, "Connection initialisation timeout".to_owned()));

    let mut eager = Socket::open(at).await;
    eager.subscribe("1", NETWORK, json!({})).await;
    assert_eq!(eager.closed().await, (4401, "Unauthorized".to_owned()));

    let mut twice = Socket::ready(at, Value::Null).await;
    twice.say(init.clone()).await;
    assert_eq!(twice.closed().await, (4429, "Too many initialisation requests".to_owned()));

    let mut same = Socket::ready(at, Value::Null).await;
    same.subscribe("one", NETWORK, json!({})).await;
    same.subscribe("one", NETWORK, json!({})).await;
    assert_eq!(same.closed().await, (4409, "Subscriber for one already exists".to_owned()));

    for malformed in [
        Message::text("{"),
        Message::text("[]"),
        Message::text(r#"{"type":"next","id":"1","payload":{}}"#),
        Message::text(r#"{"type":"subscribe","id":"","payload":{"query":"{network{version}}"}}"#),
        Message::text(r#"{"type":"subscribe","id":"1","payload":{"query":7}}"#),
        Message::binary(init.to_string().into_bytes()),
    ] {
        let mut socket = Socket::ready(at, Value::Null).await;
        socket.send(malformed.clone()).await;
        assert_eq!(socket.closed().await.0, 4400, "{malformed:?}");
    }

    let mut long = Socket::ready(at, Value::Null).await;
    long.send(Message::text("x".repeat(3_000))).await;
    assert_eq!(long.closed().await.0, 1009);

    let mut other = Socket::open_with(at, None, &[]).await.expect("a WebSocket");
    assert_eq!(other.closed().await, (4406, "Subprotocol not acceptable".to_owned()));
}

#[tokio::test]
async fn pings_are_answered_and_operations_end_with_complete() {
    let server = server().await;
    let mut socket = Socket::open(server.address).await;
    // Before it is initialised, too.
    socket.say(json!({ "type": "ping", "payload": { "a": 1 } })).await;
    assert_eq!(socket.hear().await, json!({ "type": "pong", "payload": { "a": 1 } }));
    socket.say(json!({ "type": "connection_init" })).await;
    socket.hear().await;
    socket.say(json!({ "type": "pong" })).await;
    socket.subscribe("q", "{ network { stationCount } }", json!({})).await;
    let answer = socket.hear().await;
    assert_eq!(answer["type"], "next");
    assert!(answer["payload"]["data"]["network"]["stationCount"].as_u64() > Some(0), "{answer}");
    assert_eq!(socket.hear().await, json!({ "id": "q", "type": "complete" }));
    // The name is free again.
    socket.subscribe("q", "{ network { nothing } }", json!({})).await;
    let refused = socket.hear().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("q"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "GRAPHQL_VALIDATION_FAILED");
    socket.say(json!({ "id": "unknown", "type": "complete" })).await;
    socket
        .subscribe(
            "q",
            "subscription { a: networkChanged { version } b: networkChanged \
        { version } }",
            json!({}),
        )
        .await;
    assert_eq!(socket.hear().await["payload"][0]["extensions"]["code"], "TOO_MANY_ROOT_FIELDS");
}

#[tokio::test]
async fn a_connection_has_so_many_operations_at_once() {
    let server = with_limits(Limits { subscriptions: 2, ..Limits::default() }).await;
    let mut socket = Socket::ready(server.address, Value::Null).await;
    for id in ["1", "2", "3"] {
        socket.subscribe(id, NETWORK, json!({})).await;
    }
    let refused = socket.hear().await;
    assert_eq!((&refused["id"], &refused["type"]), (&json!("3"), &json!("error")));
    assert_eq!(refused["payload"][0]["extensions"]["code"], "TOO_MANY_SUBSCRIPTIONS");
    socket.say(json!({ "id": "1", "type": "complete" })).await;
    socket.subscribe("4", NETWORK, json!({})).await;
    assert_eq!(socket.hear_within(SILENCE).await, None);
}

#[tokio::test]
async fn a_trip_is_told_after_each_change_and_no_other_is() {
    let server = server().await;
    let (trip, other) = (book(&server).await, {
        let id = server.itinerary("Aachen", "Bonn", "2026-12-01").await;
        let travellers = [traveller("Ada", "Lovelace", "X1", 36)];
        server.book(json!({ "itineraryId": id, "travellers": travellers })).await["trip"].take()
    });
    let mut socket = Socket::ready(server.address, Value::Null).await;
    socket.subscribe("t", TRIP, reference(&trip)).await;
    settle().await;
    let input = json!({ "input": reference(&other) });
    server.data(CANCEL_TRIP, input).await;
    assert_eq!(socket.hear_within(SILENCE).await, None);
    cancel_one(&server, &trip, 0).await;
    let told = socket.hear().await["payload"]["data"]["tripChanged"].take();
    assert_eq!((&told["version"], &told["status"]), (&json!(2), &json!("CONFIRMED")));
    assert_eq!(told["reservations"][0]["status"], "CANCELLED");
    assert_eq!(told["availableActions"], json!(["CANCEL_TRIP", "CANCEL_RESERVATION"]));
    cancel_one(&server, &trip, 1).await;
    let told = socket.hear().await["payload"]["data"]["tripChanged"].take();
    assert_eq!((&told["version"], &told["status"]), (&json!(3), &json!("CANCELLED")));
    socket.say(json!({ "id": "t", "type": "complete" })).await;
    assert_eq!(socket.hear_within(SILENCE).await, None);
}

#[tokio::test]
async fn a_network_is_told_when_it_takes_over() {
    let server = server().await;
    let mut socket = Socket::ready(server.address, Value::Null).await;
    socket.subscribe("n", NETWORK, json!({})).await;
    settle().await;
    let network = feed::network("AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10\n");
    let version = network.header().version();
    server.networks.replace(network, moment(NOW));
    let told = socket.hear().await;
    assert_eq!(told["payload"]["data"]["networkChanged"]["version"], json!(version), "{told}");
}

#[tokio::test]
async fn subscriptions_are_not_answered_by_post_and_other_requests_not_upgraded() {
    let server = server().await;
    let answer = server.answer(NETWORK, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "BAD_REQUEST", "{answer}");
    let response = server.http().get(server.url("/graphql/ws")).send().await.expect("an answer");
    assert_eq!(response.status().as_u16(), 426);
    let protocol = Some("graphql-transport-ws");
    let page = [("origin", "https://evil.example")];
    assert_eq!(Socket::open_with(server.address, protocol, &page).await.err(), Some(403));
    let own = server.url("").trim_end_matches('/').to_owned();
    let own = [("origin", own.as_str())];
    assert!(Socket::open_with(server.address, protocol, &own).await.is_ok());
}

#[tokio::test]
async fn keys_are_asked_for_and_the_policy_holds() {
    let limits = Limits { idle_ms: 900, ..Limits::default() };
    let setup = Setup { limits, ..Setup::default() };
    let server = app::with_keys(feed::network(CITIES), setup).await;
    let (search, book) = (server.key("search").await, server.key("book").await);
    for payload in [Value::Null, json!({ "authorization": "Bearer nonsense" })] {
        let mut socket = Socket::open(server.address).await;
        socket.say(json!({ "type": "connection_init", "payload": payload })).await;
        assert_eq!(socket.closed().await, (4403, "Forbidden".to_owned()));
    }
    let shown = |key: &str| json!({ "authorization": format!("Bearer {key}") });
    let mut socket = Socket::ready(server.address, shown(&search)).await;
    socket.subscribe("t", TRIP, json!({ "reference": "TRP-00000000" })).await;
    assert_eq!(socket.hear().await["payload"][0]["extensions"]["code"], "FORBIDDEN");

    // A header does as well as a payload.
    let header = format!("Bearer {book}");
    let headers = [("authorization", header.as_str())];
    let mut socket = Socket::open_with(server.address, Some("graphql-transport-ws"), &headers)
        .await
        .expect("a WebSocket");
    socket.say(json!({ "type": "connection_init" })).await;
    assert_eq!(socket.hear().await["type"], "connection_ack");
    let trip = book_with(&server, &book).await;
    for (id, last_name, code) in
        [("1", None, "BAD_USER_INPUT"), ("2", Some("Hopper"), "BAD_USER_INPUT")]
    {
        let variables = json!({ "reference": trip["reference"], "lastName": last_name });
        socket.subscribe(id, TRIP, variables).await;
        let refused = socket.hear().await;
        assert_eq!(refused["payload"]["errors"][0]["extensions"]["code"], code, "{refused}");
        assert_eq!(socket.hear().await["type"], "complete");
    }
    let variables = json!({ "reference": trip["reference"], "lastName": "lovelace" });
    socket.subscribe("3", TRIP, variables).await;
    settle().await;
    let input = json!({ "input": { "reference": trip["reference"], "lastName": "Lovelace" } });
    server.ask(&book, CANCEL_TRIP, input).await;
    let told = socket.hear().await;
    assert_eq!(told["payload"]["data"]["tripChanged"]["status"], "CANCELLED", "{told}");
}

#[tokio::test]
async fn a_socket_ends_soon_after_its_key_is_revoked() {
    let server = app::with_keys(feed::network(CITIES), Setup::default()).await;
    let key = server.key("search").await;
    let shown = json!({ "authorization": format!("Bearer {key}") });
    let mut socket = Socket::ready(server.address, shown).await;
    socket.subscribe("n", NETWORK, json!({})).await;
    settle().await;
    let key: Key = key.parse().expect("a key");
    server.store().revoke_api_key(key.id(), "test", moment(NOW)).await.expect("revoked");
    // Five seconds, and something for the tests beside this one.
    let closed = tokio::time::timeout(Duration::from_secs(8), socket.closed()).await;
    assert_eq!(closed.expect("closed in time"), (4403, "Forbidden".to_owned()));
}

async fn book_with(server: &Server, key: &str) -> Value {
    let search = server.key("search").await;
    let query = r#"{ itineraries(origin: {name: "Aachen"}, destination: {name: "Celle"},
        dateTime: {date: "2026-12-01"}) { nodes { id } } }"#;
    let found = server.ask(&search, query, json!({})).await.body;
    let id = &found["data"]["itineraries"]["nodes"][0]["id"];
    let travellers = [traveller("Ada", "Lovelace", "X1", 36)];
    let input = json!({ "input": { "itineraryId": id, "travellers": travellers } });
    let document = include_str!("../../../schema/graphql/operations/book-trip.graphql");
    server.ask(key, document, input).await.body["data"]["bookTrip"]["trip"].take()
}

#[tokio::test]
async fn whoever_closes_is_answered() {
    let server = server().await;
    let mut socket = Socket::ready(server.address, Value::Null).await;
    let code = CloseCode::Normal;
    socket.send(Message::Close(Some(CloseFrame { code, reason: "bye".into() }))).await;
    assert_eq!(socket.closed().await.0, 1000);
}

#[tokio::test]
async fn a_live_subscription_outlives_the_limits_of_connections() {
    let limits = Limits { idle_ms: 300, connection_ms: 500, header_ms: 400, ..Limits::default() };
    let server = with_limits(limits).await;
    let trip = book(&server).await;
    let mut socket = Socket::ready(server.address, Value::Null).await;
    socket.subscribe("t", TRIP, reference(&trip)).await;
    // It answers the server's pings, as every client does, for far longer than all of them.
    let until = tokio::time::Instant::now() + Duration::from_millis(1_500);
    let mut pings = 0;
    while tokio::time::Instant::now() < until {
        if let Some(Message::Text(text)) = socket.frame().await {
            assert!(text.contains("ping"), "{text}");
            pings += 1;
            socket.say(json!({ "type": "pong" })).await;
        }
    }
    assert!(pings > 5, "{pings}");
    cancel_one(&server, &trip, 0).await;
    assert_eq!(socket.hear().await["payload"]["data"]["tripChanged"]["version"], 2);
    // One that does not answer has gone.
    assert_eq!(socket.closed().await.0, 4499);
}

#[tokio::test]
async fn whoever_does_not_read_is_dropped() {
    let limits = Limits { slow_reader_ms: 300, ..Limits::default() };
    let server = with_limits(limits).await;
    let small = TcpSocket::new_v4().expect("a socket");
    small.set_recv_buffer_size(4 * 1024).expect("a size");
    let stream = small.connect(server.address).await.expect("a connection");
    let protocol = Some("graphql-transport-ws");
    let mut socket = Socket::over(stream, protocol, &[]).await.expect("a WebSocket");
    socket.say(json!({ "type": "connection_init" })).await;
    let query = "{ __schema { types { name description fields { name description } } } }";
    let begun = tokio::time::Instant::now();
    let mut id = 0;
    while server.socket_stats().dropped == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", server.socket_stats());
        id += 1;
        let message = json!({ "id": id.to_string(), "type": "subscribe",
            "payload": { "query": query } });
        // Once the server does not listen any more, neither is this taken.
        let _ = socket.try_say(message).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    let stats = server.socket_stats();
    assert_eq!((stats.open, stats.operations, stats.dropped), (0, 0, 1));
    let metrics = server.http().get(server.url("/metrics")).send().await.expect("an answer");
    let metrics = metrics.text().await.expect("a text");
    assert!(metrics.contains("subscription_slow_readers_total 1\n"), "{metrics}");
}

#[tokio::test]
async fn a_change_on_one_server_is_heard_on_the_other() {
    let Some(url) = postgres::database().await else { return };
    let keys = server::store::KeyFile::generate(&server::store::Randomness::system());
    let keys = keys.expect("keys");
    let store = app::store(&url, Some(keys.clone())).await;
    let one = app::start(feed::network(CITIES), store, Caller::open()).await;
    let store = app::store(&url, Some(keys)).await;
    let other = app::start(feed::network(CITIES), store, Caller::open()).await;
    let trip = book(&one).await;
    let mut sockets = Vec::new();
    for server in [&one, &other] {
        let mut socket = Socket::ready(server.address, Value::Null).await;
        socket.subscribe("t", TRIP, reference(&trip)).await;
        sockets.push(socket);
    }
    settle().await;
    cancel_one(&one, &trip, 0).await;
    for socket in &mut sockets {
        assert_eq!(socket.hear().await["payload"]["data"]["tripChanged"]["version"], 2);
        // Once, though the server that changed it hears of it as the other does.
        assert_eq!(socket.hear_within(SILENCE).await, None);
    }
    // While its connection is lost nothing is heard; once it is back, what was missed is told.
    cut_listeners(&url).await;
    cancel_one(&one, &trip, 1).await;
    for socket in &mut sockets {
        let told = socket.hear().await["payload"]["data"]["tripChanged"].take();
        assert_eq!((&told["version"], &told["status"]), (&json!(3), &json!("CANCELLED")));
    }
    assert!(other.store().change_stats().lost >= 2, "{:?}", other.store().change_stats());
}

async fn cut_listeners(url: &str) {
    use sea_orm::sqlx::{self, Connection as _};
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name = 'railgraph listener'";
    let cut = sqlx::query(sql).fetch_all(&mut connection).await.expect("an answer");
    assert_eq!(cut.len(), 2, "one listening connection for each server");
    connection.close().await.expect("a closed connection");
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let server = server().await;
    let mut socket = Socket::ready(server.address, Value::Null).await;
    socket.subscribe("n", NETWORK, json!({})).await;
    drop(server);
    assert_eq!(socket.closed().await, (1001, "Going away".to_owned()));
}
