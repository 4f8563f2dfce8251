//! GraphQL over HTTP: media types, methods and statuses, as the specification words them.

use serde_json::{Value, json};
use tests::app::{self, Server};
use tests::feed::{self, CITIES};

const GRAPHQL: &str = "application/graphql-response+json";
const JSON: &str = "application/json";

async fn server() -> Server {
    app::on_sqlite(feed::network(CITIES)).await
}

/// Status, media type and body of the answer to a document.
async fn ask(server: &Server, accept: &str, query: &str) -> (u16, String, Value) {
    let request = server.http().post(server.url("/graphql")).header("accept", accept);
    let response = request.json(&json!({ "query": query })).send().await.expect("an answer");
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().expect("ASCII").to_owned();
    (status, kind, response.json().await.expect("JSON"))
}

#[tokio::test]
async fn the_status_tells_whether_a_request_was_one_to_those_who_know_its_media_type() {
    let server = server().await;
    let failing = "{ stations(first: -1) { totalCount } }";
    for (accept, query, status, has_data) in [
        (GRAPHQL, "{ __typename }", 200, true),
        (GRAPHQL, "{", 400, false),
        (GRAPHQL, "{ nothing }", 400, false),
        // It was executed, and failed then.
        (GRAPHQL, failing, 200, true),
        (JSON, "{ __typename }", 200, true),
        (JSON, "{", 200, false),
        (JSON, "{ nothing }", 200, false),
        (JSON, failing, 200, true),
    ] {
        let (found, kind, answer) = ask(&server, accept, query).await;
        assert_eq!((found, kind), (status, format!("{accept}; charset=utf-8")), "{query}");
        assert_eq!(answer.get("data").is_some(), has_data, "{query}: {answer}");
    }
}

#[tokio::test]
async fn the_media_type_that_is_wanted_most_is_given() {
    let server = server().await;
    for (accept, expected) in [
        ("*/*", JSON),
        ("application/json;q=0.9, application/graphql-response+json", GRAPHQL),
        ("application/graphql-response+json;q=0.1, application/json", JSON),
    ] {
        let (_, kind, _) = ask(&server, accept, "{ __typename }").await;
        assert!(kind.starts_with(expected), "{accept}: {kind}");
    }
    let (status, _, answer) = ask(&server, "text/csv, application/json;q=0", "{ a }").await;
    assert_eq!(
        (status, &answer["errors"][0]["extensions"]["code"]),
        (406, &json!("NOT_ACCEPTABLE"))
    );
}

/// A request to send, the status it gets, and the code.
type Refusal = (reqwest::RequestBuilder, u16, &'static str);

fn refusals(server: &Server) -> Vec<Refusal> {
    let url = server.url("/graphql");
    let get = |query: &str| server.http().get(format!("{url}?{query}"));
    let post = |body: &str| {
        let request = server.http().post(&url).header("content-type", JSON);
        request.body(body.to_owned())
    };
    let typed = |kind: &str| server.http().post(&url).header("content-type", kind).body("{}");
    let deep = format!(
        r#"{{"query":"{{a}}","variables":{{"a":{}{}}}}}"#,
        "[".repeat(500),
        "]".repeat(500)
    );
    let persisted =
        |inner: &str| post(&format!(r#"{{"extensions":{{"persistedQuery":{inner}}}}}"#));
    let mutation =
        "query=mutation%7BcancelTrip(input%3A%7Breference%3A%22x%22%7D)%7Btrip%7Bid%7D%7D%7D";
    vec![
        (post("[]"), 400, "BATCH_NOT_SUPPORTED"),
        (post("\n [{\"query\":\"{a}\"},{\"query\":\"{a}\"}]"), 400, "BATCH_NOT_SUPPORTED"),
        (post("null"), 400, "BAD_REQUEST"),
        (post(""), 400, "BAD_REQUEST"),
        (post("{\"query\":null}"), 400, "BAD_REQUEST"),
        (post("{\"query\":\"{a}\",\"variables\":[]}"), 400, "BAD_REQUEST"),
        (post("{\"query\":\"{a}\",\"extensions\":5}"), 400, "BAD_REQUEST"),
        (post("{\"query\":\"{a}\",\"operationName\":{}}"), 400, "BAD_REQUEST"),
        (post("{\"query\":\"\\ud800\"}"), 400, "BAD_REQUEST"),
        (post(&deep), 400, "BAD_REQUEST"),
        (post(&" ".repeat(65 * 1024)), 413, "BODY_TOO_LARGE"),
        (persisted("5"), 400, "BAD_REQUEST"),
        (persisted(r#"{"version":1,"sha256Hash":"é"}"#), 400, "BAD_REQUEST"),
        (persisted(r#"{"version":2,"sha256Hash":""}"#), 400, "BAD_REQUEST"),
        (post(r#"{"documentId":"md5:5"}"#), 400, "BAD_REQUEST"),
        (typed("multipart/form-data; boundary=a"), 415, "MULTIPART_NOT_SUPPORTED"),
        (typed("application/x-www-form-urlencoded"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (typed("application/graphql"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (typed("application/json; charset=utf-16"), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (get(mutation), 405, "METHOD_NOT_ALLOWED"),
        (get("query=%7Ba%7D&variables=5x"), 400, "BAD_REQUEST"),
        (get("query=%7Ba%7D&extensions=%5B%5D"), 400, "BAD_REQUEST"),
        (get("nothing=1"), 400, "BAD_REQUEST"),
        (server.http().put(&url).body("{}"), 405, "METHOD_NOT_ALLOWED"),
        (server.http().delete(&url), 405, "METHOD_NOT_ALLOWED"),
        (server.http().get(server.url("/nothing")), 404, "NOT_FOUND"),
    ]
}

#[tokio::test]
async fn requests_that_are_none_are_refused_with_their_status_and_code() {
    let server = server().await;
    for (request, status, code) in refusals(&server) {
        let request = request.build().expect("a request");
        let name = format!("{} {}", request.method(), request.url());
        let response = server.http().execute(request).await.expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{name}: {code}");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["errors"][0]["extensions"]["code"], code, "{name}: {answer}");
    }
    assert_eq!(server.data("{ __typename }", json!({})).await["__typename"], "Query");
}

#[tokio::test]
async fn a_query_by_get_is_answered_with_variables() {
    let server = server().await;
    let query =
        "query=query(%24n%3AInt)%7Bstations(first%3A%24n)%7BtotalCount%20nodes%7Bname%7D%7D%7D";
    let url = server.url(&format!("/graphql?{query}&variables=%7B%22n%22%3A1%7D&operationName="));
    let url = url.trim_end_matches("&operationName=");
    let response = server.http().get(url).send().await.expect("an answer");
    assert_eq!(response.headers()["vary"], "accept");
    let answer: Value = response.json().await.expect("JSON");
    assert_eq!(answer["data"]["stations"]["nodes"].as_array().expect("a list").len(), 1);
}

#[tokio::test]
async fn a_variable_that_is_not_given_is_the_default_of_its_place() {
    let server = server().await;
    let query = "query($class: FareClass) {
        itineraries(
            origin: {name: \"Aachen\"}, destination: {name: \"Celle\"},
            dateTime: {date: \"2026-12-01\"}
        ) { nodes { price(fareClass: $class) { amount } } }
    }";
    let ask = async |variables| server.answer(query, variables).await;
    let second = ask(json!({ "class": "SECOND" })).await;
    assert_eq!(ask(json!({})).await, second);
    assert_ne!(ask(json!({ "class": "FIRST" })).await, second);
    let answer = ask(json!({ "class": null })).await;
    assert_eq!(answer["errors"][0]["extensions"]["variable"], "class", "{answer}");
}

#[tokio::test]
async fn a_variable_with_a_default_is_no_null_where_none_may_stand() {
    let server = server().await;
    for (query, value) in [
        (
            "query($v: FareClass = FIRST) {
                itinerary(id: \"x\") { price(fareClass: $v) { amount } }
            }",
            "FIRST",
        ),
        ("query($v: Boolean = false) { network { version @include(if: $v) firstDate } }", "false"),
        ("query($v: ID = \"x\") { itinerary(id: $v) { id } }", "x"),
    ] {
        let answer = server.answer(query, json!({ "v": null })).await;
        let extensions = &answer["errors"][0]["extensions"];
        assert_eq!(extensions["code"], "BAD_USER_INPUT", "{value}: {answer}");
        assert_eq!(extensions["variable"], "v", "{value}: {answer}");
        let answer = server.answer(query, json!({})).await;
        assert!(answer.get("errors").is_none(), "{value}: {answer}");
    }
    let answer = server.answer("{ network @skip(if: true) { version } }", json!({})).await;
    assert_eq!(answer, json!({ "data": {} }));
}
