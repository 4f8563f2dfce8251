//! Each limit holds where it is set, and not a step before.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use server::graphql::Caller;
use server::http::{Limits, Trusted};
use tests::app::{self, Server, traveller};
use tests::feed::{self, CITIES};

async fn server(limits: Limits) -> Server {
    app::on_sqlite_with(feed::network(CITIES), limits, &Trusted::default()).await
}

/// The code of the first error of an answer; empty where there is none.
fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

/// A limit: how it is set, a document that just fits the number beside it, and the code of one
/// that does not.
type Limit = (fn(&mut Limits, u64), u64, &'static str, &'static str);

const PAGE: &str = "{ stations(first: 7) { totalCount } }";
const TWO_MUTATIONS: &str =
    "mutation { a: cancelTrip(input: {reference: \"a\"}) { refusals { code } }
    cancelTrip(input: {reference: \"a\"}) { refusals { code } } }";

const LIMITS: [Limit; 13] = [
    (|it, n| it.document_bytes = n as usize, 14, "{ __typename }", "DOCUMENT_TOO_LONG"),
    (|it, n| it.tokens = n as usize, 6, "{ network { version } }", "TOO_MANY_TOKENS"),
    (|it, n| it.nesting = n as u32, 2, "{ network { version } }", "DOCUMENT_TOO_DEEP"),
    (|it, n| it.depth = n, 2, "{ network { version } }", "QUERY_TOO_DEEP"),
    (|it, n| it.aliases = n, 1, "{ a: __typename }", "TOO_MANY_ALIASES"),
    (|it, n| it.root_fields = n, 2, "{ __typename network { version } }", "TOO_MANY_ROOT_FIELDS"),
    (|it, n| it.mutations = n, 2, TWO_MUTATIONS, "TOO_MANY_MUTATIONS"),
    (|it, n| it.directives = n, 1, "{ __typename @skip(if: false) }", "TOO_MANY_DIRECTIVES"),
    (
        |it, n| it.fragments = n as u32,
        1,
        "{ ...a } fragment a on Query { __typename }",
        "TOO_MANY_FRAGMENTS",
    ),
    (|it, n| it.selections = n, 2, "{ network { version } }", "TOO_MANY_SELECTIONS"),
    // The list itself, its count, and of seven rows a list and a name each.
    (
        |it, n| it.complexity = n,
        10,
        "{ stations(first: 7) { totalCount nodes { name } } }",
        "TOO_COMPLEX",
    ),
    (
        |it, n| it.introspection = n,
        1,
        include_str!("../../../server/src/http/guard/introspection.graphql"),
        "INTROSPECTION_TOO_LARGE",
    ),
    (|it, n| it.page_rows = n as u32, 7, PAGE, "PAGE_TOO_LARGE"),
];

#[tokio::test]
async fn each_limit_holds_where_it_is_set() {
    for (set, fits, document, expected) in LIMITS {
        let with = async |value| {
            let mut limits = Limits::default();
            set(&mut limits, value);
            server(limits).await.answer(document, json!({})).await
        };
        let answer = with(fits).await;
        assert_eq!(code(&answer), "", "{expected}: {fits} fit {document}: {answer}");
        let answer = with(fits - 1).await;
        assert_eq!(code(&answer), expected, "{} fit {document}: {answer}", fits - 1);
    }
}

#[tokio::test]
async fn a_body_may_have_so_many_bytes() {
    let body = r#"{"query":"{ __typename }"}"#;
    for (most, status) in [(body.len(), 200), (body.len() - 1, 413)] {
        let server = server(Limits { body_bytes: most, ..Limits::default() }).await;
        let request = server.http().post(server.url("/graphql")).body(body);
        let request = request.header("content-type", "application/json");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), status);
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(code(&answer), if status == 200 { "" } else { "BODY_TOO_LARGE" });
    }
}

#[tokio::test]
async fn an_answer_tells_so_many_errors() {
    let server = server(Limits { errors: 2, ..Limits::default() }).await;
    let answer = server.answer("{ network { a b c d e } }", json!({})).await;
    let errors = answer["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 2);
    assert_eq!(errors[1]["extensions"]["errorsLeftOut"], 3);
    assert_eq!(answer.get("data"), None);
}

#[tokio::test]
async fn a_mutation_is_waited_for_so_long_and_still_ends() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let store = app::store(&url, None).await;
    let limits = Limits { mutation_ms: 200, ..Limits::default() };
    let trusted = Trusted::default();
    let network = feed::network(CITIES);
    let server = app::start_with(network, store, Caller::open(), limits, &trusted).await;
    let itinerary = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    // Somebody else writes, so that the booking waits.
    let other = Database::connect(&url).await.expect("the database");
    other.execute_unprepared("BEGIN IMMEDIATE").await.expect("the lock");
    let book = include_str!("../../../schema/graphql/operations/book-trip.graphql");
    let traveller = traveller("Ada", "Lovelace", "X1", 36);
    let input = json!({
        "itineraryId": itinerary, "travellers": [traveller], "idempotencyKey": "a"
    });
    let answer = server.answer(book, json!({ "input": input })).await;
    assert_eq!(code(&answer), "MUTATION_TIMEOUT", "{answer}");
    other.execute_unprepared("ROLLBACK").await.expect("the lock is free");
    let query =
        "{ client(lastName: \"Lovelace\", idNumber: \"X1\") { currentTrips { totalCount } } }";
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    while server.data(query, json!({})).await["client"]["currentTrips"]["totalCount"] != 1 {
        assert!(std::time::Instant::now() < patience, "the booking never ends");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
