//! `/metrics`: every figure says what happened.

#![expect(clippy::float_cmp, reason = "counts are whole, and exact as floating point numbers")]

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use sea_orm::{ConnectionTrait, Database};
use serde_json::json;
use server::networks::{Reading, Watch};
use tests::app::{self, Server, traveller};
use tests::feed;
use tests::socket::Socket;

/// All samples of a scrape, by name and labels.
async fn scrape(server: &Server) -> BTreeMap<String, f64> {
    let answer = server.http().get(server.url("/metrics")).send().await.expect("an answer");
    let kind = answer.headers()["content-type"].to_str().expect("ASCII").to_owned();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let text = answer.text().await.expect("a text");
    assert!(text.ends_with("# EOF\n"), "{text}");
    let samples = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').expect("a sample");
        (name.to_owned(), value.parse().expect("a number"))
    });
    samples.collect()
}

/// How much each sample has grown from one scrape to the next, where it has.
fn growth(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>) -> BTreeMap<String, f64> {
    let grown = after
        .iter()
        .map(|(name, value)| (name.clone(), value - before.get(name).copied().unwrap_or_default()));
    grown.filter(|(_, by)| *by != 0.0).collect()
}

async fn server() -> Server {
    let rows =
        "AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10\nBC1,Bonn,Celle,10:00,12:00,ICE,Daily,9,6";
    app::on_sqlite(feed::network(rows)).await
}

const SEARCH: &str = "query($policy: LayoverPolicy) {
    itineraries(origin: {name: \"Aachen\"}, destination: {name: \"Celle\"},
        dateTime: {date: \"2026-12-02\"}, filter: {layoverPolicy: $policy}) { nodes { stops } } }";

#[tokio::test]
async fn searches_are_counted_by_engine_and_answers_by_stops() {
    let server = server().await;
    let before = scrape(&server).await;
    // One past the executor, and one by it, since it asks for more than itineraries.
    let tables = SEARCH
        .replace("filter: {layoverPolicy: $policy}", "")
        .replace("($policy: LayoverPolicy)", "");
    server.data(&tables, json!({})).await;
    server
        .data(
            &tables.replace("{ nodes", "{ __typename nodes").replacen('{', "{ __typename ", 1),
            json!({}),
        )
        .await;
    server.data(SEARCH, json!({ "policy": "STRICT" })).await;
    let grown = growth(&before, &scrape(&server).await);
    assert_eq!(grown["search_duration_seconds_count{engine=\"tables\"}"], 2.0);
    assert_eq!(grown["search_duration_seconds_count{engine=\"exact\"}"], 1.0);
    assert!(grown["search_duration_seconds_sum{engine=\"exact\"}"] > 0.0);
    assert_eq!(grown["search_itineraries_total{stops=\"1\"}"], 3.0);
    assert!(!grown.contains_key("search_itineraries_total{stops=\"0\"}"));
    let requests = "http_requests_total{method=\"POST\",path=\"/graphql\",status=\"200\"}";
    assert_eq!(grown[requests], 3.0);
    assert_eq!(grown["http_request_duration_seconds_count"], 4.0, "and the first scrape");
}

#[tokio::test]
async fn bookings_are_counted_by_how_they_ended() {
    let server = server().await;
    let before = scrape(&server).await;
    let id = server.itinerary("Aachen", "Bonn", "2026-12-02").await;
    let input = json!({ "itineraryId": id, "travellers": [traveller("A", "B", "C1", 30)] });
    let booked = server.book(input.clone()).await;
    server.book(input).await;
    let cancel = json!({ "input": { "reference": booked["trip"]["reference"] } });
    let document =
        "mutation($input: CancelTripInput!) { cancelTrip(input: $input) { refusals { code } } }";
    server.data(document, cancel).await;
    let query = "{ client(lastName: \"B\", idNumber: \"C1\") { firstName } }";
    for _ in 0..4 {
        server.data(query, json!({})).await;
    }
    let after = scrape(&server).await;
    let grown = growth(&before, &after);
    assert_eq!(grown["booking_requests_total{status=\"success\"}"], 1.0);
    assert_eq!(grown["booking_requests_total{status=\"refused\"}"], 1.0);
    assert_eq!(after["booking_requests_total{status=\"failed\"}"], 0.0);
    assert_eq!(grown["booking_duration_seconds_count"], 2.0);
    let cancelled = "mutation_requests_total{mutation=\"cancelTrip\",status=\"success\"}";
    assert_eq!(grown[cancelled], 1.0, "{grown:?}");
    assert_eq!(after["client_lookup_cache_hit_ratio"], 0.75);
    assert!(grown["database_group_commit_jobs_total"] >= 3.0, "{grown:?}");
    let idle = "database_connections{state=\"idle\"}";
    assert!(after[idle] >= 1.0, "{after:?}");
}

#[tokio::test]
async fn errors_are_counted_by_code_and_what_callers_make_up_makes_no_metrics() {
    let server = server().await;
    let before = scrape(&server).await;
    server.answer("{ nonsense }", json!({})).await;
    server.answer(&"{ a: __typename ".repeat(40), json!({})).await;
    for path in ["/who", "/knows"] {
        server.http().get(server.url(path)).send().await.expect("an answer");
    }
    for method in ["WHOEVER", "who", "GETX"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = server.http().request(method, server.url("/health/live"));
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 405);
    }
    // Over a WebSocket, too.
    let mut socket = Socket::ready(server.address, json!(null)).await;
    socket.subscribe("1", "{ nonsense }", json!({})).await;
    assert_eq!(socket.hear().await["type"], "error");
    let grown = growth(&before, &scrape(&server).await);
    assert_eq!(grown["graphql_errors_total{code=\"GRAPHQL_VALIDATION_FAILED\"}"], 2.0);
    assert_eq!(grown["graphql_errors_total{code=\"DOCUMENT_TOO_DEEP\"}"], 1.0);
    assert_eq!(grown["graphql_errors_total{code=\"NOT_FOUND\"}"], 2.0);
    assert_eq!(grown["http_requests_total{method=\"GET\",path=\"none\",status=\"404\"}"], 2.0);
    let others = "http_requests_total{method=\"_OTHER\",path=\"/health/live\",status=\"405\"}";
    assert_eq!(grown[others], 3.0, "{grown:?}");
    let made_up = |name: &String| name.to_lowercase().contains("who") || name.contains("GETX");
    assert!(!grown.keys().any(made_up), "{grown:?}");
}

/// What fails while it is executed is answered with 200: it is told all the same.
#[tokio::test]
async fn an_answer_with_an_error_of_the_servers_own_is_a_failed_request() {
    let server = server().await;
    let before = scrape(&server).await;
    let failed = "graphql_requests_failed_total";
    server.answer("{ nonsense }", json!({})).await;
    let grown = growth(&before, &scrape(&server).await);
    assert_eq!(grown.get(failed), None, "the caller's fault: {grown:?}");
    let raw = Database::connect(server.database_url()).await.expect("the database");
    raw.execute_unprepared("ALTER TABLE trips RENAME TO away").await.expect("a change");
    let trip = "{ trip(reference: \"TRP-00000000\") { status } }";
    let answer = server.answer(trip, json!({})).await;
    assert_eq!(answer["errors"][0]["extensions"]["code"], "INTERNAL", "{answer}");
    let grown = growth(&before, &scrape(&server).await);
    assert_eq!(grown[failed], 1.0, "{grown:?}");
    // Over a WebSocket, too, whose operations are counted.
    let mut socket = Socket::ready(server.address, json!(null)).await;
    for (id, document) in [("1", trip), ("2", "{ nonsense }")] {
        socket.subscribe(id, document, json!({})).await;
        socket.hear().await;
    }
    let grown = growth(&before, &scrape(&server).await);
    assert_eq!(grown[failed], 2.0, "{grown:?}");
    assert_eq!(grown["graphql_socket_operations_total"], 2.0, "{grown:?}");
}

#[tokio::test]
async fn the_file_the_process_and_the_jobs_are_told() {
    let server = server().await;
    server.set_clock("2026-11-30T20:00:07Z");
    let answer = scrape(&server).await;
    let version =
        server.data("{ network { version lastDate } }", json!({})).await["network"].take();
    let info = format!("network_info{{version={}}}", version["version"]);
    assert_eq!(answer[&info], 1.0);
    assert_eq!(answer["network_age_seconds"], 7.0);
    let ends = answer["network_ends_at_seconds"];
    let last: chrono::NaiveDate =
        version["lastDate"].as_str().expect("a date").parse().expect("it");
    let end = last.succ_opt().expect("a day").and_time(chrono::NaiveTime::MIN).and_utc();
    assert_eq!(ends, end.timestamp() as f64);
    for name in ["process_cpu_seconds_total", "process_open_fds"] {
        assert!(answer[name] > 0.0, "{name}");
    }
    let (all, own) =
        (answer["process_resident_memory_bytes"], answer["process_anonymous_memory_bytes"]);
    assert!(own > 0.0 && all >= own && all < 8e9, "{all} {own}");
}

#[tokio::test]
async fn a_network_is_as_old_as_its_file() {
    let server = server().await;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("network.railgraph");
    let bytes = feed::compiled(feed::CITIES).encode().expect("bytes");
    fs::write(&path, bytes).expect("a file");
    let written = app::moment(app::NOW) - chrono::TimeDelta::hours(2);
    File::open(&path).expect("a file").set_modified(written.into()).expect("its time");
    let mut watch = Watch::new(&path, Arc::new(|| app::moment(app::NOW)));
    assert_eq!(watch.read(&server.networks).await, Reading::Taken);
    assert_eq!(scrape(&server).await["network_age_seconds"], 7_200.0);
}

#[tokio::test]
async fn promtool_finds_nothing_wrong_with_the_form() {
    if tests::program("promtool").is_none() {
        return;
    }
    let server = server().await;
    let text = server.http().get(server.url("/metrics")).send().await.expect("an answer");
    let text = text.text().await.expect("a text");
    let mut check = Command::new("promtool");
    check.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut check = check.spawn().expect("promtool");
    check.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a pipe");
    let ended = check.wait_with_output().expect("an end");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    // The name is the contract's; and in OpenMetrics the help of a counter stands under its name
    // without `_total`, where promtool, which knows the older form, does not find it.
    let is_known = |line: &&str| {
        line.starts_with("active_trips_total ") || line.ends_with("_total no help text")
    };
    let wrong: Vec<_> = said.lines().filter(|line| !is_known(line)).collect();
    assert_eq!(wrong, Vec::<&str>::new());
}
