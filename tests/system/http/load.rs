//! What is refused because somebody asks too often, or all together do; and what every answer says.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use server::http::{Limits, Trusted, parse_origin};
use tests::app::{self, Answered, Server, Setup, traveller};
use tests::feed::{self, CITIES};
use tests::socket::Socket;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const NETWORK: &str = "{ network { version } }";

async fn server(limits: Limits) -> Server {
    app::with_keys(feed::network(CITIES), Setup { limits, ..Setup::default() }).await
}

#[tokio::test]
async fn a_key_asks_so_often_a_second() {
    let limits = Limits { requests_per_key: Some(3), ..Limits::default() };
    let server = server(limits).await;
    let (key, other) = (server.key("search").await, server.key("search").await);
    let mut refused = None;
    for _ in 0..8 {
        let answer = server.ask(&key, NETWORK, Value::Null).await;
        if answer.status != 200 {
            refused = Some(answer);
        }
    }
    let refused = refused.expect("one that is too many");
    assert_eq!((refused.status, refused.code()), (429, "TOO_MANY_REQUESTS"));
    let message = "expected fewer requests a second of this key; wait and try again";
    assert_eq!(refused.message(), message);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(server.ask(&other, NETWORK, Value::Null).await.status, 200);
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(server.ask(&key, NETWORK, Value::Null).await.status, 200);
}

async fn forwarded(server: &Server, key: &str, by: &str) -> Answered {
    let request = server.http().post(server.url("/graphql")).bearer_auth(key);
    let request = request.header("x-forwarded-for", by).json(&json!({ "query": NETWORK }));
    Answered::of(request.send().await.expect("an answer")).await
}

#[tokio::test]
async fn an_address_asks_so_often_a_second_and_only_a_trusted_proxy_names_it() {
    for proxy in ["127.0.0.1", "10.0.0.0/8"] {
        let trusted_proxies = vec![proxy.parse().expect("a proxy")];
        let limits = Limits { requests_per_address: Some(2), trusted_proxies, ..Limits::default() };
        let server = server(limits).await;
        let key = server.key("search").await;
        let mut statuses = Vec::new();
        for host in 0..6 {
            let answer = forwarded(&server, &key, &format!("192.0.2.{host}")).await;
            statuses.push(answer.status);
            if answer.status == 429 {
                let message =
                    "expected fewer requests a second of this address; wait and try again";
                assert_eq!((answer.code(), answer.message()), ("TOO_MANY_REQUESTS", message));
            }
        }
        let is_believed = proxy == "127.0.0.1";
        assert_eq!(statuses.iter().all(|status| *status == 200), is_believed, "{statuses:?}");
        if is_believed {
            let mut one = Vec::new();
            for _ in 0..6 {
                one.push(forwarded(&server, &key, "6.6.6.6, 192.0.2.99").await.status);
            }
            assert!(one.contains(&429), "{one:?}");
        }
        // A guess at a key is counted, too.
        let mut guesses = Vec::new();
        for _ in 0..6 {
            guesses.push(forwarded(&server, "rg.x.y", "192.0.2.200").await.status);
        }
        assert!(guesses.contains(&429), "{guesses:?}");
        assert!(server.http().get(server.url("/health/live")).send().await.is_ok());
    }
}

#[tokio::test]
async fn an_operation_over_a_websocket_counts_as_a_request_of_its_address() {
    let limits = Limits { requests_per_address: Some(3), ..Limits::default() };
    let server = app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await;
    let mut socket = Socket::ready(server.address, Value::Null).await;
    let mut codes = Vec::new();
    for nth in 0..12 {
        socket.subscribe(&nth.to_string(), NETWORK, json!({})).await;
        let answer = socket.hear().await;
        if answer["type"] == "error" {
            codes.push(answer["payload"][0]["extensions"]["code"].clone());
        } else {
            assert_eq!(socket.hear().await["type"], "complete");
        }
    }
    assert!(!codes.is_empty(), "one that is too many");
    assert!(codes.iter().all(|code| code == "TOO_MANY_REQUESTS"), "{codes:?}");
}

#[tokio::test]
async fn without_keys_nobody_is_counted_unless_it_is_said() {
    let server = app::on_sqlite(feed::network(CITIES)).await;
    for _ in 0..1_100 {
        server.data(NETWORK, Value::Null).await;
    }
    let client = "{ client(lastName: \"a\", idNumber: \"b\") { id } }";
    for _ in 0..7 {
        server.data(client, Value::Null).await;
    }
}

#[tokio::test]
async fn what_does_not_fit_in_is_refused_at_once_and_searches_and_health_go_on() {
    let limits = Limits {
        bookings_at_once: 1,
        bookings_waiting: 1,
        // Whoever is in line stays there.
        waiting_ms: 60_000,
        ..Limits::default()
    };
    let server = app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await;
    let id = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    let other = Database::connect(server.database_url()).await.expect("the database");
    other.execute_unprepared("BEGIN IMMEDIATE").await.expect("the lock");
    let ask = |input: Value| {
        let query = include_str!("../../../schema/graphql/operations/book-trip.graphql");
        let request = server.http().post(server.url("/graphql"));
        let body = json!({ "query": query, "variables": { "input": input } });
        let request = request.header("accept", "application/graphql-response+json").json(&body);
        async { Answered::of(request.send().await.expect("an answer")).await }
    };
    let book = |number: &str| {
        let travellers = [traveller("Ada", "Lovelace", number, 36)];
        ask(json!({ "itineraryId": id, "travellers": travellers }))
    };
    let stuck = [tokio::spawn(book("X1")), tokio::spawn(book("X2"))];
    let patience = Instant::now() + Duration::from_secs(20);
    let refused = loop {
        // Until both are in, one of these may be itself in line.
        let began = Instant::now();
        let answer = tokio::time::timeout(Duration::from_millis(500), book("X3")).await;
        if let Ok(answer) = answer {
            break (answer, began.elapsed());
        }
        assert!(Instant::now() < patience, "nothing is refused");
    };
    assert_eq!((refused.0.status, refused.0.code()), (503, "OVERLOADED"), "{:?}", refused.0);
    assert_eq!(refused.0.header("retry-after"), "1");
    let message = "the server has more to do than it can; try again in a moment";
    assert_eq!(refused.0.message(), message);
    assert!(refused.1 < Duration::from_millis(200), "{:?}", refused.1);
    // Nothing more is looked at then, be it right or wrong.
    assert_eq!(ask(Value::Null).await.code(), "OVERLOADED");
    let mut socket = Socket::ready(server.address, Value::Null).await;
    let subscription = include_str!("../../../schema/graphql/operations/trip-changed.graphql");
    socket.subscribe("1", subscription, json!({ "reference": "TRP-00000000" })).await;
    assert_eq!(socket.hear().await["payload"][0]["extensions"]["code"], "OVERLOADED");
    server.data(NETWORK, Value::Null).await;
    let live = server.http().get(server.url("/health/live")).send().await.expect("an answer");
    assert_eq!(live.status().as_u16(), 200);
    other.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    for task in stuck {
        let answer = task.await.expect("a task");
        assert!(answer.status == 200 || answer.code() == "OVERLOADED", "{answer:?}");
    }
    assert_eq!(book("X4").await.code(), "");
    assert_eq!(ask(Value::Null).await.code(), "BAD_USER_INPUT");
}

/// Opens a connection and asks on it; what is answered.
async fn raw(server: &Server) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(server.address).await.expect("a connection");
    let request = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    let mut text = vec![0; 4_096];
    let read = match stream.write_all(request).await {
        Ok(()) => stream.read(&mut text).await.unwrap_or(0),
        Err(_) => 0,
    };
    (stream, String::from_utf8_lossy(&text[..read]).into_owned())
}

#[tokio::test]
async fn so_many_connections_are_open() {
    let limits = Limits { connections: 3, ..Limits::default() };
    let server = app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let (stream, answer) = raw(&server).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        open.push(stream);
    }
    let (_, answer) = raw(&server).await;
    // It may be closed before the refusal is read.
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 503"), "{answer}");
    open.pop();
    let patience = Instant::now() + Duration::from_secs(20);
    while !raw(&server).await.1.starts_with("HTTP/1.1 200") {
        assert!(Instant::now() < patience, "a place that was left is not free");
    }
}

#[tokio::test]
async fn every_answer_says_what_browsers_may_not_do_with_it() {
    let trusted_proxies = vec!["127.0.0.1".parse().expect("a proxy")];
    let limits = Limits { trusted_proxies, ..Limits::default() };
    let server = app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await;
    for path in ["/graphql", "/schema.graphql", "/health/live", "/nowhere", "/graphql?query=%7B"] {
        for scheme in ["http", "https"] {
            let request = server.http().get(server.url(path)).header("x-forwarded-proto", scheme);
            let accept = if path == "/graphql" { "text/html" } else { "*/*" };
            let request = request.header("accept", accept);
            let answer = Answered::of(request.send().await.expect("an answer")).await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(answer.header("referrer-policy"), "no-referrer", "{path}");
            assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
            let policy = answer.header("content-security-policy");
            assert!(policy.contains("default-src 'none'"), "{path}: {policy}");
            assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
            assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin", "{path}");
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
            let only_tls = answer.header("strict-transport-security");
            let expected = if scheme == "https" { "max-age=31536000" } else { "" };
            assert_eq!(only_tls, expected, "{path}");
        }
    }
    // Who is no trusted proxy is not believed to have come over TLS.
    let server = app::on_sqlite(feed::network(CITIES)).await;
    let request = server.http().get(server.url("/health/live"));
    let request = request.header("x-forwarded-proto", "https");
    let answer = Answered::of(request.send().await.expect("an answer")).await;
    assert_eq!(answer.header("strict-transport-security"), "");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[tokio::test]
async fn pages_of_named_origins_may_ask() {
    let origins = vec![parse_origin("https://app.example").expect("an origin")];
    let server = app::with_keys(feed::network(CITIES), Setup { origins, ..Setup::default() }).await;
    let key = server.key("search").await;
    let ask = async |origin: &str| {
        let request = server.http().post(server.url("/graphql")).bearer_auth(&key);
        let request = request.header("origin", origin).json(&json!({ "query": NETWORK }));
        Answered::of(request.send().await.expect("an answer")).await
    };
    let preflight = async |origin: &str| {
        let method = reqwest::Method::OPTIONS;
        let request = server.http().request(method, server.url("/graphql"));
        let request = request.header("origin", origin);
        let request = request.header("access-control-request-method", "POST");
        let request = request.header("access-control-request-headers", "authorization");
        Answered::of(request.send().await.expect("an answer")).await
    };
    let allowed = "access-control-allow-origin";
    for (origin, expected) in [
        ("https://app.example", "https://app.example"),
        ("https://app.example.evil", ""),
        ("http://app.example", ""),
        ("null", ""),
    ] {
        assert_eq!(ask(origin).await.header(allowed), expected, "{origin}");
        assert_eq!(preflight(origin).await.header(allowed), expected, "{origin}");
    }
    let answer = preflight("https://app.example").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("access-control-allow-headers"), "authorization,content-type,accept");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
    let answer = ask("https://app.example").await;
    assert_eq!(answer.header("access-control-expose-headers"), "x-request-id,retry-after");
    assert!(answer.header("vary").contains("origin"), "{}", answer.header("vary"));
    let page = server.http().get(server.url("/health/live"));
    let page = page.header("origin", "https://app.example").send().await.expect("an answer");
    assert!(page.headers().get(allowed).is_none());
}
