//! Bad documents, bad variables, bad requests: an exact, coded error, and the server lives on.

use serde_json::{Value, json};
use tests::app::{self, Server};
use tests::feed::{self, CITIES};

async fn server() -> Server {
    app::on_sqlite(feed::network(CITIES)).await
}

/// Status, code and message of the first error.
async fn refused(server: &Server, query: &str, variables: Value) -> (u16, String, String) {
    let request = server.http().post(server.url("/graphql"));
    let request = request.header("accept", "application/graphql-response+json");
    let request = request.json(&json!({ "query": query, "variables": variables }));
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let answer: Value = response.json().await.expect("JSON");
    let error = &answer["errors"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    (status, text(&error["extensions"]["code"]), text(&error["message"]))
}

#[tokio::test]
async fn a_malformed_document_is_refused_with_its_place() {
    let server = server().await;
    let (status, code, message) = refused(&server, "{ network { version }", json!({})).await;
    assert_eq!((status, code.as_str()), (400, "GRAPHQL_PARSE_FAILED"));
    assert!(message.contains("1:22"), "{message}");
    let (status, code, message) = refused(&server, "{ network { speed } }", json!({})).await;
    assert_eq!((status, code.as_str()), (400, "GRAPHQL_VALIDATION_FAILED"));
    assert!(message.contains("\"speed\""), "{message}");
}

#[tokio::test]
async fn a_malformed_value_is_named() {
    let server = server().await;
    let query = "query($date: Date!, $first: Int) {
        itineraries(
            origin: {name: \"Aachen\"}, destination: {name: \"Celle\"}, dateTime: {date: $date},
            first: $first
        ) { totalCount }
    }";
    for (variables, part) in [
        (json!({ "date": "2026-13-01" }), "Variable \"$date\": "),
        (json!({ "date": "2026-13-01" }), "found \"2026-13-01\""),
        (json!({ "date": "1 Dec" }), "Variable \"$date\": "),
        (json!({ "date": 5 }), "Variable \"$date\": "),
        (json!({ "date": 5 }), "ISO 8601 date"),
        (json!({ "date": "2026-12-01", "first": "many" }), "Variable \"$first\": "),
        (json!({}), "date"),
        (json!({ "date": "2026-12-01", "first": -1 }), "first"),
    ] {
        let (_, code, message) = refused(&server, query, variables).await;
        assert_eq!(code, "BAD_USER_INPUT", "{message}");
        assert!(message.contains(part), "{message}");
    }
    let (_, code, message) =
        refused(&server, query, json!({ "date": "2026-12-01", "first": 101 })).await;
    assert_eq!(
        (code.as_str(), message.as_str()),
        ("PAGE_TOO_LARGE", "first: expected at most 100, found 101")
    );
}

#[tokio::test]
async fn a_document_that_would_overflow_the_parser_is_refused_before_it() {
    let server = server().await;
    for (open, close) in [("[", "]"), ("{a:", "}")] {
        let nested = format!("{{ network(a: {}1{}) }}", open.repeat(3000), close.repeat(3000));
        let (status, code, _) = refused(&server, &nested, json!({})).await;
        assert_eq!((status, code.as_str()), (400, "DOCUMENT_TOO_DEEP"));
    }
    let long = format!("{{ network {{ version }} }} #{}", "a".repeat(20_000));
    let (status, code, _) = refused(&server, &long, json!({})).await;
    assert_eq!((status, code.as_str()), (400, "DOCUMENT_TOO_LONG"));
    assert_eq!(server.answer("{ __typename }", json!({})).await["data"]["__typename"], "Query");
}

#[tokio::test]
async fn requests_that_are_not_graphql_over_http_are_refused() {
    let server = server().await;
    let url = server.url("/graphql");
    let post = || server.http().post(&url);
    let query = r#"{"query":"{ __typename }"}"#;
    let mutation = "mutation%7BcancelTrip(input%3A%7Breference%3A%22x%22%7D)%7Btrip%7Bid%7D%7D%7D";
    let json = "application/json";
    for (request, status, code) in [
        (post().body(query), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (post().header("content-type", "text/plain").body(query), 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            post().header("content-type", json).header("accept", "text/csv").body(query),
            406,
            "NOT_ACCEPTABLE",
        ),
        (post().header("content-type", json).body("{"), 400, "BAD_REQUEST"),
        (post().header("content-type", json).body("{}"), 400, "BAD_REQUEST"),
        (post().header("content-type", json).body(r#"{"query":5}"#), 400, "BAD_REQUEST"),
        (post().header("content-type", json).body(" [{}]"), 400, "BATCH_NOT_SUPPORTED"),
        (
            post()
                .header("content-type", json)
                .body(format!("{{\"query\":\"{}\"}}", "a".repeat(70_000))),
            413,
            "BODY_TOO_LARGE",
        ),
        (server.http().get(format!("{url}?query={mutation}")), 405, "METHOD_NOT_ALLOWED"),
        (server.http().get(&url), 400, "BAD_REQUEST"),
    ] {
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status().as_u16(), status, "{code}");
        let answer: Value = response.json().await.expect("JSON");
        assert_eq!(answer["errors"][0]["extensions"]["code"], code);
    }
    let get =
        server.http().get(format!("{url}?query=%7B__typename%7D")).send().await.expect("an answer");
    let answer: Value = get.json().await.expect("JSON");
    assert_eq!(answer["data"]["__typename"], "Query");
}

#[tokio::test]
async fn graphiql_the_schema_and_health_are_served() {
    let server = server().await;
    let get = async |path: &str, accept: &str| {
        let request = server.http().get(server.url(path)).header("accept", accept);
        request.send().await.expect("an answer")
    };
    let page = get("/graphql", "text/html,*/*").await;
    // To the word: one source more, and a page of support staff runs what others write.
    let policy = "default-src 'none'; script-src 'self'; worker-src 'self' blob:; \
                  connect-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; \
                  img-src 'self' data:; base-uri 'none'; form-action 'none'; \
                  frame-ancestors 'none'";
    assert_eq!(page.headers()["content-security-policy"], policy);
    let page = page.text().await.expect("a page");
    assert!(!page.contains("http://") && !page.contains("https://"), "the page needs no network");
    for file in page.split('"').filter(|it| it.starts_with("/graphiql/")) {
        let first = get(file, "*/*").await;
        assert_eq!(first.status().as_u16(), 200);
        assert_eq!(first.headers()["content-encoding"], "gzip");
        // Asked for again each time, and sent again where it is another one.
        assert_eq!(first.headers()["cache-control"], "public, no-cache");
        for (tag, status) in
            [(first.headers()["etag"].to_str().expect("text"), 304), ("\"x\"", 200)]
        {
            let request = server.http().get(server.url(file)).header("if-none-match", tag);
            let again = request.send().await.expect("an answer");
            assert_eq!(again.status().as_u16(), status, "{tag}");
        }
    }
    assert_eq!(get("/graphiql/nothing.js", "*/*").await.status().as_u16(), 404);
    let sdl = get("/schema.graphql", "*/*").await.text().await.expect("a schema");
    assert!(sdl.contains("type Itinerary"));
    for path in ["/health/live", "/health/ready"] {
        let response = get(path, "*/*").await;
        assert_eq!(response.status().as_u16(), 200, "{path}");
        assert!(response.headers().contains_key("x-request-id"));
    }
}
