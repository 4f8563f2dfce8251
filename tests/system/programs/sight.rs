//! What operators see of a running server: its log and its traces.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_graphql::futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tests::app::traveller;
use tests::collector::{Collector, Received};
use tests::postgres;
use tests::running::process::figure;
use tests::socket::Socket;
use tokio::net::TcpListener;

use super::railgraph::itineraries;
use super::{RAILGRAPH, Running, Server};

const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");

/// A trace of a caller, who has decided that it is kept.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Books as part of a caller's trace; the request's id.
async fn book_traced(server: &Server) -> String {
    let found = itineraries(server, "London", "Wien").await;
    let input = json!({
        "itineraryId": found["nodes"][0]["id"],
        "travellers": [traveller("Wolfgang", "Unverwechselbar", "QX7731", 41)],
    });
    let request = server.http.post(format!("{}/graphql", server.origin));
    let request = request.header("traceparent", format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let request = request.json(&json!({ "query": BOOK, "variables": { "input": input } }));
    let answer = request.send().await.expect("an answer");
    let id = answer.headers()["x-request-id"].to_str().expect("ASCII").to_owned();
    let answer: Value = answer.json().await.expect("JSON");
    assert_eq!(answer["data"]["bookTrip"]["refusals"], json!([]), "{answer}");
    id
}

#[tokio::test]
async fn log_lines_are_json_objects_with_event_and_request_id_and_nobodys_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &["--slow-ms", "0"]);
    let id = book_traced(&server).await;
    let ended = server.stop();
    let lines: Vec<Value> =
        ended.err.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    for line in &lines {
        let is_text = |name: &str| line[name].as_str().is_some_and(|text| !text.is_empty());
        assert!(is_text("event") && is_text("timestamp") && is_text("level"), "{line}");
    }
    let of_request: Vec<&Value> = lines.iter().filter(|it| it["request.id"] == *id).collect();
    let line = |event: &str| {
        let found = of_request.iter().find(|line| line["event"] == event);
        (*found.unwrap_or_else(|| panic!("no {event}: {of_request:?}"))).clone()
    };
    let done = line("request.done");
    assert_eq!((&done["http.status"], &done["http.path"]), (&json!(200), &json!("/graphql")));
    assert!(done["duration.ms"].as_f64().is_some_and(|ms| ms > 0.0), "{done}");
    let slow = line("operation.slow");
    assert!(slow["operation.hash"].as_str().is_some_and(|hash| hash.len() == 64), "{slow}");
    for personal in ["Wolfgang", "Unverwechselbar", "QX7731"] {
        let lower = ended.err.to_lowercase();
        assert!(!lower.contains(&personal.to_lowercase()), "{personal} in the log");
    }
}

/// Levels by which all that is there is logged, whatever a crate is named.
const EVERYTHING: &str = "trace,tungstenite::protocol=trace,tokio_tungstenite::compat=trace,\
    hyper::proto=trace,h2::codec=trace,sqlx::query=trace,sea_orm::query=trace";

/// A server that logs what `RUST_LOG` says, and for which every operation is slow.
fn logging(folder: &Path, level: &str) -> Server {
    let mut command = Command::new(RAILGRAPH);
    command.current_dir(folder).env_clear().env("RUST_LOG", level);
    command.args(["--listen", "127.0.0.1:0", "--slow-ms", "0"]);
    Server::over(Running::spawn(command))
}

/// Nobody reads what the server says on standard error: lines are lost and counted, no more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_stands_still_stops_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (unread, err) = std::io::pipe().expect("a pipe");
    let mut command = Command::new(RAILGRAPH);
    command.current_dir(folder.path()).env_clear().args(["--listen", "127.0.0.1:0"]);
    let server = Server::over(Running::spawn_with_err(command, err));
    let begun = Instant::now();
    let lost = async || -> u64 {
        figure(&server.page("/metrics").await.2, "log_lines_lost_total").expect("a figure")
    };
    while lost().await == 0 {
        assert!(begun.elapsed() < Duration::from_mins(2), "no line is lost");
        let asked = (0..1_000).map(|_| server.data("{ __typename }", json!({})));
        stream::iter(asked).buffer_unordered(16).collect::<Vec<_>>().await;
    }
    let ended = server.stop();
    assert_eq!(ended.code, Some(0));
    drop(unread);
}

/// With everything that libraries have to say: an API key, and whom somebody looks for, at any path
/// and over either transport.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_logged_has_no_key_and_nobodys_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = logging(folder.path(), EVERYTHING);
    let query = "query($l: String!, $i: String!) { client(lastName: $l, idNumber: $i) { id } }";
    let variables = json!({ "l": "Unverwechselbar", "i": "QX7731" });
    server.data(query, variables.clone()).await;
    server.page("/Unverwechselbar/QX7731").await;
    let address = server.origin.strip_prefix("http://").and_then(|it| it.parse().ok());
    let payload = json!({ "authorization": "Bearer rg.0011223344556677.Geheimnis" });
    let mut socket = Socket::ready(address.expect("an address"), payload).await;
    socket.subscribe("1", query, variables).await;
    assert_eq!(socket.hear().await["payload"]["data"], json!({ "client": null }));
    assert_eq!(socket.hear().await["type"], "complete");
    let ended = server.stop();
    for personal in ["unverwechselbar", "qx7731", "geheimnis"] {
        let line = ended.err.lines().find(|line| line.to_lowercase().contains(personal));
        assert_eq!(line, None);
    }
    // Those of the socket are of a request, too.
    let of = |event: &str| -> Vec<Value> {
        let lines = ended.err.lines().filter_map(|line| serde_json::from_str(line).ok());
        lines.filter(|line: &Value| line["event"] == event).collect()
    };
    let (slow, done) = (of("operation.slow"), of("operation.done"));
    assert!(slow.len() >= 2 && slow.iter().all(|line| line["request.id"].is_string()), "{slow:?}");
    let [done] = &done[..] else { panic!("one operation over a WebSocket: {done:?}") };
    assert!(done["request.id"].is_string() && done["operation.failed"] == false, "{done}");
}

#[tokio::test]
async fn warnings_alone_have_the_requests_id_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = logging(folder.path(), "warn");
    let id = book_traced(&server).await;
    let ended = server.stop();
    assert!(!ended.logged("request.done"), "{}", ended.err);
    assert!(ended.logged("operation.slow") && ended.err.contains(&id), "{}", ended.err);
}

/// The spans of the caller's trace, once there is one of this name.
async fn spans_until(collector: &Collector, name: &str) -> Vec<Received> {
    for _ in 0..300 {
        let spans = collector.spans();
        let of_trace: Vec<_> = spans.into_iter().filter(|span| span.trace == TRACE).collect();
        if of_trace.iter().any(|span| span.name == name) {
            return of_trace;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no span {name}: {:?}", collector.spans());
}

#[tokio::test]
async fn a_trace_goes_from_the_callers_span_through_the_request_to_each_statement() {
    traced(&[], "sqlite").await;
}

#[tokio::test]
async fn a_trace_goes_to_each_statement_of_postgres() {
    let Some(url) = postgres::database().await else { return };
    traced(&["--database-url", &url], "postgresql").await;
}

/// Traces a booking by a server with these arguments, which keeps its trips in this system.
async fn traced(arguments: &[&str], system: &str) {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = format!("http://{}", collector.address);
    // A part of none: only what the caller has decided is sent.
    let arguments = [arguments, &["--otlp-endpoint", &endpoint, "--trace-part", "0"]].concat();
    let server = Server::start(folder.path(), &arguments);
    let id = book_traced(&server).await;
    let spans = spans_until(&collector, "request").await;
    let named = |name: &str| spans.iter().filter(|it| it.name == name).collect::<Vec<_>>();
    let [request] = named("request")[..] else { panic!("one request: {spans:?}") };
    assert_eq!(
        (request.service.as_str(), request.parent.as_str()),
        ("railgraph", "00f067aa0ba902b7")
    );
    assert_eq!(request.attributes["request.id"], id);
    assert_eq!(request.attributes["http.response.status_code"], "200");
    assert_eq!(request.attributes["http.route"], "/graphql");
    let [operation] = named("operation")[..] else { panic!("one operation: {spans:?}") };
    assert_eq!(operation.parent, request.id);
    assert_eq!(operation.attributes["graphql.operation.type"], "mutation");
    let statements: Vec<_> = spans.iter().filter(|it| it.name.starts_with("sea_orm.")).collect();
    // PostgreSQL is sent several in one statement.
    let mut said = statements.iter().flat_map(|it| it.attributes.values());
    assert!(said.any(|it| it.contains("INSERT")), "{spans:?}");
    for statement in statements {
        assert_eq!(statement.attributes["db.system"], system);
        let mut above = statement;
        while above.id != request.id {
            let parent = spans.iter().find(|it| it.id == above.parent);
            above = parent.unwrap_or_else(|| panic!("{above:?} is part of nothing"));
        }
    }
    let all = format!("{:?}", collector.spans());
    assert!(!all.contains("Unverwechselbar") && !all.contains("QX7731"), "{all}");
    let other = collector.spans().into_iter().find(|span| span.trace != TRACE);
    assert!(other.is_none(), "{other:?} was to be left out");
    let metrics = server.page("/metrics").await.2;
    let sent: Option<u64> = figure(&metrics, "trace_spans_exported_total");
    assert!(sent.is_some_and(|sent| sent > 3), "{metrics}");
}

/// Where nothing else is said, a tenth: of 500, fewer than 15 or more than 100 once in millions of
/// times.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_all_traces_is_sent() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = format!("http://{}", collector.address);
    let server = Server::start(folder.path(), &["--otlp-endpoint", &endpoint]);
    for _ in 0..500 {
        server.data("{ __typename }", json!({})).await;
    }
    assert_eq!(server.stop().code, Some(0));
    let spans = collector.spans();
    let sent = spans.iter().filter(|span| span.name == "request").count();
    assert!((15..=100).contains(&sent), "{sent} of 500");
}

// The collector answers while the test waits for the server's end.
#[tokio::test(flavor = "multi_thread")]
async fn a_search_is_a_span_that_says_which_engine_answered() {
    let collector = Collector::start().await;
    let folder = tempfile::tempdir().expect("a folder");
    let endpoint = format!("http://{}/", collector.address);
    let server = Server::start(folder.path(), &["--otlp-endpoint", &endpoint, "--trace-part", "1"]);
    itineraries(&server, "London", "Wien").await;
    drop(server.stop());
    let spans = collector.spans();
    let search = spans.iter().find(|span| span.name == "search").expect("a search");
    assert_eq!(search.attributes["search.engine"], "Tables");
    assert_ne!(search.attributes["search.itineraries"], "0");
    let above = spans.iter().find(|span| span.id == search.parent).expect("an operation");
    assert_eq!((above.name.as_str(), &above.trace), ("operation", &search.trace));
}

#[tokio::test]
async fn callers_notice_nothing_of_a_collector_that_is_away() {
    let folder = tempfile::tempdir().expect("a folder");
    // Nobody listens on the port of a listener that is gone.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", gone.local_addr().expect("an address"));
    drop(gone);
    let server = Server::start(folder.path(), &["--otlp-endpoint", &endpoint, "--trace-part", "1"]);
    for _ in 0..20 {
        itineraries(&server, "London", "Wien").await;
    }
    let ended = server.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.logged("traces.collector_away"), "{}", ended.err);
}

/// How long a search may take meanwhile: less than the server waits for a collector.
const SOON: Duration = Duration::from_secs(1);

/// How long a server may take to stop that has somebody to wait for.
const STOPPED: Duration = Duration::from_secs(20);

// The collector takes connections while the test waits for the server's end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_notice_nothing_of_a_collector_that_takes_everything_and_says_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let hanging = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", hanging.local_addr().expect("an address"));
    let taken = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&taken);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = hanging.accept().await {
            open.push(connection);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let server = Server::start(folder.path(), &["--otlp-endpoint", &endpoint, "--trace-part", "1"]);
    let lost = async || -> u64 {
        figure(&server.page("/metrics").await.2, "trace_spans_lost_total").expect("a figure")
    };
    // The first one may be slower, with or without a collector.
    itineraries(&server, "London", "Wien").await;
    let begun = Instant::now();
    // Until the server has given up a batch, or has no more room for spans.
    while taken.load(Ordering::Relaxed) == 0 || lost().await == 0 {
        let asked = Instant::now();
        itineraries(&server, "London", "Wien").await;
        let time = asked.elapsed();
        assert!(time < SOON, "a search takes {time:?}");
        assert!(begun.elapsed() < Duration::from_mins(1), "no span is lost");
    }
    let stopping = Instant::now();
    let ended = server.stop();
    let time = stopping.elapsed();
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    assert!(time < STOPPED, "the server stops after {time:?}");
}

#[test]
fn an_address_that_no_spans_can_be_sent_to_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for wrong in ["https://collector:4318", "collector:4317", "http://"] {
        let ended = Running::start(RAILGRAPH, folder.path(), &["--otlp-endpoint", wrong]).end();
        assert_eq!(ended.code, Some(1));
        assert!(
            ended.err.contains("--otlp-endpoint") && ended.err.contains(wrong),
            "{}",
            ended.err
        );
    }
    let ended = Running::start(RAILGRAPH, folder.path(), &["--trace-part", "2"]).end();
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("expected a number from 0 to 1"), "{}", ended.err);
}
