//! Who may what, where API keys are asked for.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};
use serde_json::{Value, json};
use server::access::{Key, KeyId, POLICY};
use server::store::{NewApiKey, Revocation};
use tests::app::{self, Answered, NOW, Server, Setup, moment, traveller};
use tests::feed::{self, CITIES};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");
const TRIP: &str = include_str!("../../../schema/graphql/operations/trip.graphql");
const SCOPES: [&str; 4] = ["search", "book", "support", "admin"];

async fn server() -> Server {
    app::with_keys(feed::network(CITIES), Setup::default()).await
}

#[test]
fn every_field_of_the_schema_has_an_entry_in_the_policy_and_no_entry_is_left() {
    let mut fields = BTreeSet::from([
        ("Query".to_owned(), "__schema".to_owned()),
        ("Query".to_owned(), "__type".to_owned()),
    ]);
    for definition in parse_schema(server::graphql::sdl()).expect("the schema").definitions {
        let TypeSystemDefinition::Type(definition) = definition else { continue };
        let name = definition.node.name.node.to_string();
        let own = match definition.node.kind {
            TypeKind::Object(it) => it.fields,
            TypeKind::Interface(it) => it.fields,
            _ => continue,
        };
        fields.extend(own.into_iter().map(|it| (name.clone(), it.node.name.node.to_string())));
    }
    let entries = POLICY.iter().map(|entry| (entry.0.to_owned(), entry.1.to_owned()));
    let entries: BTreeSet<_> = entries.collect();
    assert_eq!(entries.len(), POLICY.len(), "an entry stands twice");
    assert_eq!(fields.difference(&entries).collect::<Vec<_>>(), Vec::<&_>::new(), "no entry");
    assert_eq!(entries.difference(&fields).collect::<Vec<_>>(), Vec::<&_>::new(), "no field");
}

/// A field of a root, a document that asks for it alone, and the scopes that suffice for it.
const ROOTS: [(&str, &str, &str); 15] = [
    (
        "Query.itineraries",
        "{ itineraries(origin: {name: \"Aachen\"}, destination: {name: \"Celle\"}, \
         dateTime: {date: \"2026-12-01\"}) { __typename } }",
        "search",
    ),
    ("Query.itinerary", "{ itinerary(id: \"x\") { __typename } }", "search"),
    ("Query.stations", "{ stations { __typename } }", "search"),
    ("Query.station", "{ station(station: {name: \"Celle\"}) { __typename } }", "search"),
    ("Query.serviceJourneys", "{ serviceJourneys { __typename } }", "search"),
    ("Query.network", "{ network { __typename } }", "search or book or support"),
    (
        "Query.client",
        "{ client(lastName: \"a\", idNumber: \"b\") { __typename } }",
        "book or support",
    ),
    ("Query.trip", "{ trip(reference: \"a\", lastName: \"b\") { __typename } }", "book or support"),
    ("Query.affectedTrips", "{ affectedTrips { totalCount } }", "support"),
    ("Query.node", "{ node(id: \"x\") { __typename } }", "search or support"),
    ("Query.nodes", "{ nodes(ids: [\"x\"]) { __typename } }", "search or support"),
    ("Query.__schema", "{ __schema { queryType { name } } }", "support"),
    ("Query.__type", "{ __type(name: \"Trip\") { name } }", "support"),
    (
        "Mutation.cancelTrip",
        "mutation { cancelTrip(input: {reference: \"a\", lastName: \"b\"}) { __typename } }",
        "book or support",
    ),
    (
        "Mutation.cancelReservation",
        "mutation { cancelReservation(input: {reference: \"a\", reservationId: \"b\", \
         lastName: \"c\"}) { __typename } }",
        "book or support",
    ),
];

/// The same for the one that needs variables.
const BOOKING: (&str, &str, &str) = (
    "Mutation.bookTrip",
    "mutation { bookTrip(input: {itineraryId: \"x\", travellers: []}) { __typename } }",
    "book",
);

#[tokio::test]
async fn each_scope_is_good_for_its_root_fields_and_no_others() {
    let server = server().await;
    for scope in SCOPES {
        let key = server.key(scope).await;
        for (field, document, sufficient) in ROOTS.into_iter().chain([BOOKING]) {
            let answer = server.ask(&key, document, Value::Null).await;
            let may = scope == "admin" || sufficient.split(" or ").any(|it| it == scope);
            if may {
                assert_eq!((answer.status, answer.code()), (200, ""), "{scope} {field}");
                continue;
            }
            assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{scope} {field}");
            let message = format!(
                "expected a key with the scope {sufficient} for {field}, found one with {scope}"
            );
            assert_eq!(answer.message(), message);
            assert_eq!(answer.body["errors"][0]["extensions"]["field"], field);
            assert_eq!(answer.body.get("data"), None, "nothing was executed");
        }
    }
    // All root fields are in the list.
    let roots = POLICY.iter().filter(|it| it.0 == "Query" || it.0 == "Mutation").count();
    assert_eq!(roots, ROOTS.len() + 1);
}

#[tokio::test]
async fn a_field_is_found_through_fragments_and_other_operations_do_not_count() {
    let server = server().await;
    let search = server.key("search").await;
    let hidden = "query A { ...F } fragment F on Query { ...G } \
                  fragment G on Query { harmless: trip(reference: \"a\", lastName: \"b\") { id } }";
    assert_eq!(server.ask(&search, hidden, Value::Null).await.code(), "FORBIDDEN");
    let skipped = "query($no: Boolean = false) { network { version } \
                   trip(reference: \"a\", lastName: \"b\") @include(if: $no) { id } }";
    assert_eq!(server.ask(&search, skipped, Value::Null).await.code(), "FORBIDDEN");
    let inner = "{ node(id: \"x\") { ... on Trip { reference } } }";
    let answer = server.ask(&search, inner, Value::Null).await;
    assert_eq!(
        answer.message(),
        "expected a key with the scope book or support for \
                Trip.reference, found one with search"
    );
    // Asked for again, the document is known, and the caller is not the one before.
    let support = server.key("search,support").await;
    assert_eq!(server.ask(&support, inner, Value::Null).await.status, 200);
    assert_eq!(server.ask(&search, inner, Value::Null).await.status, 403);
    let two = json!({
        "query": "query A { network { version } } query B { __schema { description } }",
        "operationName": "A",
    });
    let request = server.http().post(server.url("/graphql")).bearer_auth(&search).json(&two);
    let answer = Answered::of(request.send().await.expect("an answer")).await;
    assert_eq!((answer.status, answer.code()), (200, ""));
}

#[tokio::test]
async fn who_shows_no_good_key_is_told_why() {
    let server = server().await;
    let post = || server.http().post(server.url("/graphql")).json(&json!({ "query": "{ a }" }));
    let get = |path: &str| server.http().get(server.url(path));
    let key = server.key("search").await;
    let other: Key = server.key("search").await.parse().expect("a key");
    let swapped = key.replace(&key[3..19], other.id().as_str());
    let header = "authorization";
    let form = "expected the header `authorization: Bearer KEY`, found ";
    for (request, message) in [
        (post(), format!("{form}none")),
        (get("/graphql?query=%7Ba%7D"), format!("{form}none")),
        (get("/schema.graphql"), format!("{form}none")),
        (post().header(header, "Basic YTpi"), format!("{form}another")),
        (post().header(header, &key), format!("{form}another")),
        (post().bearer_auth(&key).header(header, "Bearer x"), format!("{form}several")),
        (
            post().bearer_auth("secret"),
            "expected an API key like rg.ID.SECRET, found something else".to_owned(),
        ),
        (
            post().bearer_auth(swapped),
            "expected a valid API key, found one that is not known".to_owned(),
        ),
        (
            post().bearer_auth(key.replace(&key[3..19], "0123456789abcdef")),
            "expected a valid API key, found one that is not known".to_owned(),
        ),
    ] {
        let answer = Answered::of(request.send().await.expect("an answer")).await;
        assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"), "{message}");
        assert_eq!(answer.message(), message);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"railgraph\"");
        assert!(!answer.body.to_string().contains(&key[20..]), "{message}");
    }
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = get("/schema.graphql").header(header, format!("{scheme} {key}"));
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 200);
    }
    for open in ["/health/live", "/health/ready", "/graphiql/graphiql.css"] {
        assert_eq!(get(open).send().await.expect("an answer").status().as_u16(), 200, "{open}");
    }
    let page = get("/graphql").header("accept", "text/html").send().await.expect("a page");
    assert_eq!(page.status().as_u16(), 200);
}

const NETWORK: &str = "{ network { version } }";

#[tokio::test]
async fn without_keys_only_names_of_this_machine_are_answered() {
    let open = app::on_sqlite(feed::network(CITIES)).await;
    let keys = server().await;
    let key = keys.key("search").await;
    let ask = async |server: &Server, host: &str, key: Option<&str>| {
        let request = server.http().post(server.url("/graphql")).header("host", host);
        let request = request.json(&json!({ "query": NETWORK }));
        let request = match key {
            Some(key) => request.bearer_auth(key),
            None => request,
        };
        Answered::of(request.send().await.expect("an answer")).await
    };
    for host in ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.9.9.9:80", "[::1]:8080"] {
        assert_eq!(ask(&open, host, None).await.status, 200, "{host}");
    }
    // As a browser does for a page whose name was made to lead here.
    for host in ["evil.example", "localhost.evil.example:8080", "10.0.0.1", "127.0.0.1.example"] {
        let answer = ask(&open, host, None).await;
        assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{host}");
        assert!(answer.message().contains("--auth keys"), "{}", answer.message());
        assert_eq!(ask(&keys, host, Some(&key)).await.status, 200, "{host}");
    }
}

#[tokio::test]
async fn without_keys_what_was_passed_on_for_others_is_not_answered() {
    let open = app::on_sqlite(feed::network(CITIES)).await;
    let ask = async |name: &str, value: &str| {
        let request = open.http().post(open.url("/graphql")).header(name, value);
        let request = request.json(&json!({ "query": NETWORK }));
        Answered::of(request.send().await.expect("an answer")).await
    };
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", "::1, 127.0.0.1"),
        ("x-real-ip", "127.0.0.1"),
        ("forwarded", "for=\"[::1]:8080\";proto=http, for=127.0.0.1"),
    ] {
        assert_eq!(ask(name, value).await.status, 200, "{name}: {value}");
    }
    for (name, value) in [
        ("x-forwarded-for", "203.0.113.9"),
        // What whoever called a proxy wrote himself, and what the proxy added.
        ("x-forwarded-for", "127.0.0.1, 203.0.113.9"),
        ("x-real-ip", "203.0.113.9"),
        ("forwarded", "for=203.0.113.9;proto=http"),
        ("forwarded", "for=unknown"),
    ] {
        let answer = ask(name, value).await;
        assert_eq!((answer.status, answer.code()), (403, "FORBIDDEN"), "{name}: {value}");
        assert!(answer.message().contains("--auth keys"), "{}", answer.message());
    }
    // The name in the request's first line counts, as HTTP/2 has it there alone.
    for (name, status) in [("evil.example", "403"), ("localhost", "200")] {
        let mut socket = TcpStream::connect(open.address).await.expect("a connection");
        let request = format!(
            "GET http://{name}/graphql?query=%7Bnetwork%7Bversion%7D%7D HTTP/1.1\r\n\
             host: localhost\r\naccept: application/graphql-response+json\r\n\
             connection: close\r\n\r\n"
        );
        socket.write_all(request.as_bytes()).await.expect("a request");
        let mut answer = String::new();
        socket.read_to_string(&mut answer).await.expect("an answer");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_key_ends_when_it_expires_and_soon_after_it_is_revoked() {
    let server = server().await;
    let new = NewApiKey {
        name: "short".to_owned(),
        scopes: "search".parse().expect("scopes"),
        expires_at: moment("2026-12-02T00:00:00Z"),
    };
    let key = server.store().create_api_key(&new, "test", moment(NOW)).await.expect("a key");
    let short = key.reveal();
    let long = server.key("search").await;
    server.set_clock("2026-12-01T23:59:59Z");
    assert_eq!(server.ask(&short, NETWORK, Value::Null).await.status, 200);
    server.set_clock("2026-12-02T00:00:00Z");
    let answer = server.ask(&short, NETWORK, Value::Null).await;
    assert_eq!((answer.status, answer.code()), (401, "UNAUTHENTICATED"));
    let message = "expected a valid API key, found one that expired on 2026-12-02";
    assert_eq!(answer.message(), message);

    assert_eq!(server.ask(&long, NETWORK, Value::Null).await.status, 200);
    let id: Key = long.parse().expect("a key");
    let revoke = async |id: &KeyId| {
        server.store().revoke_api_key(id, "test", moment(NOW)).await.expect("an answer")
    };
    assert_eq!(revoke(id.id()).await, Revocation::Revoked);
    let revoked = Instant::now();
    while server.ask(&long, NETWORK, Value::Null).await.status == 200 {
        assert!(revoked.elapsed() < Duration::from_secs(10), "ten seconds after the revocation");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let answer = server.ask(&long, NETWORK, Value::Null).await;
    assert_eq!(answer.message(), "expected a valid API key, found one that was revoked");
    assert_eq!(revoke(id.id()).await, Revocation::RevokedBefore);
    assert_eq!(revoke(&KeyId::new([0; 8])).await, Revocation::Unknown);
    // Written on the way: the last use of both, to the hour.
    let keys = server.store().api_keys().await.expect("keys");
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().any(|key| key.last_used_at.is_some()));
    let report = server.store().verify_audit(None).await.expect("a report");
    assert_eq!((report.rows, report.findings), (3, vec![]));
}

#[tokio::test]
async fn without_the_database_keys_that_were_seen_go_on_searching() {
    let server = server().await;
    let (seen, unseen) = (server.key("search").await, server.key("search").await);
    assert_eq!(server.ask(&seen, NETWORK, Value::Null).await.status, 200);
    server.store().close().await.expect("a closed database");
    // Longer than keys are remembered without being asked for again.
    let until = Instant::now() + Duration::from_secs(7);
    while Instant::now() < until {
        assert_eq!(server.ask(&seen, NETWORK, Value::Null).await.status, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let answer = server.ask(&unseen, NETWORK, Value::Null).await;
    assert_eq!((answer.status, answer.code()), (503, "AUTHENTICATION_UNAVAILABLE"));
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn what_is_found_depends_on_the_scope_too() {
    let server = server().await;
    let (shop, support) = (server.key("search,book").await, server.key("support").await);
    let id = server
        .ask(
            &shop,
            "{ itineraries(origin: {name: \"Aachen\"}, destination: {name: \"Celle\"}, \
             dateTime: {date: \"2026-12-01\"}) { nodes { id } } }",
            Value::Null,
        )
        .await;
    let id = &id.body["data"]["itineraries"]["nodes"][0]["id"];
    let travellers = [traveller("Ada", "Lovelace", "X1234567", 36)];
    let input = json!({ "input": { "itineraryId": id, "travellers": travellers } });
    let booked = server.ask(&shop, BOOK, input).await;
    let reference = booked.body["data"]["bookTrip"]["trip"]["reference"].clone();
    let trip = async |key: &str, name: Value| {
        let variables = json!({ "reference": reference, "lastName": name });
        let mut answer = server.ask(key, TRIP, variables).await;
        assert_eq!(answer.code(), "");
        answer.body["data"]["trip"].take()
    };
    assert_eq!(trip(&shop, Value::Null).await, Value::Null);
    assert_eq!(trip(&shop, json!("Turing")).await, Value::Null);
    let own = trip(&shop, json!("lovelace")).await;
    assert_eq!(own["reservations"][0]["client"]["idNumber"], "•••567");
    let whole = trip(&support, Value::Null).await;
    assert_eq!(whole["reservations"][0]["client"]["idNumber"], "X1234567");

    let node = "query($id: ID!) { node(id: $id) { id } nodes(ids: [$id]) { id } }";
    let found = async |key: &str, id: &Value| {
        let answer = server.ask(key, node, json!({ "id": id })).await;
        assert_eq!(answer.body["data"]["node"], answer.body["data"]["nodes"][0]);
        answer.body["data"]["node"]["id"].clone()
    };
    let ids = "query($at: String!) { trip(reference: $at) { reservations { client { id } \
               ticket { id } } } }";
    let ids = server.ask(&support, ids, json!({ "at": reference })).await;
    let ids = &ids.body["data"]["trip"]["reservations"][0];
    let reservation = &whole["reservations"][0]["id"];
    for id in [&whole["id"], reservation, &ids["client"]["id"], &ids["ticket"]["id"]] {
        assert!(id.is_string(), "{whole} {ids}");
        assert_eq!(found(&support, id).await, *id);
        assert_eq!(found(&shop, id).await, Value::Null);
    }
    let station = "{ station(station: {name: \"Celle\"}) { id } }";
    let station = server.ask(&shop, station, Value::Null).await;
    let station = &station.body["data"]["station"]["id"];
    assert_eq!(found(&shop, station).await, *station);
    assert_eq!(found(&support, station).await, Value::Null);
}

#[tokio::test]
async fn who_knows_one_trip_of_somebody_does_not_see_the_others() {
    let server = server().await;
    let shop = server.key("book").await;
    for trips in ["currentTrips", "pastTrips"] {
        let through = format!(
            "{{ trip(reference: \"TRP-00000000\", lastName: \"a\") {{ reservations {{ client {{ \
             {trips} {{ totalCount }} }} }} }} }}"
        );
        let answer = server.ask(&shop, &through, Value::Null).await;
        let message = format!(
            "expected a key with the scope support for Client.{trips}, found one with book"
        );
        assert_eq!((answer.status, answer.message()), (403, message.as_str()));
        let own = format!(
            "{{ client(lastName: \"a\", idNumber: \"b\") {{ {trips} {{ totalCount }} }} }}"
        );
        assert_eq!(server.ask(&shop, &own, Value::Null).await.status, 200);
    }
}
