//! What an operator says of those that a caller comes through: pages of other origins, and proxies.

use reqwest::Response;
use serde_json::json;

use super::Server;

/// The answer to a page of this origin, passed on by a proxy that was called over TLS.
async fn ask(server: &Server, origin: &str) -> Response {
    let request = server.http.post(format!("{}/graphql", server.origin));
    let request = request.header("origin", origin).header("x-forwarded-proto", "https");
    let request = request.json(&json!({ "query": "{ network { version } }" }));
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "{origin}");
    answer
}

fn header<'r>(answer: &'r Response, name: &str) -> Option<&'r str> {
    answer.headers().get(name).map(|value| value.to_str().expect("ASCII"))
}

const ALLOWED: &str = "access-control-allow-origin";
const ONLY_TLS: &str = "strict-transport-security";

#[tokio::test]
async fn pages_of_origins_that_are_allowed_may_ask_and_trusted_proxies_are_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = ("https://app.example", "http://localhost:3000");
    let mut words = vec!["--allow-origin", one, "--allow-origin", other];
    words.extend(["--trusted-proxy", "10.0.0.0/8,127.0.0.1"]);
    let server = Server::start(folder.path(), &words);
    for origin in [one, other] {
        let answer = ask(&server, origin).await;
        assert_eq!(header(&answer, ALLOWED), Some(origin));
        assert!(header(&answer, ONLY_TLS).is_some(), "{answer:?}");
    }
    for origin in ["https://other.example", "https://app.example.evil", "null"] {
        assert_eq!(header(&ask(&server, origin).await, ALLOWED), None, "{origin}");
    }
    assert_eq!(server.stop().code, Some(0));
}

#[tokio::test]
async fn without_being_told_no_page_of_another_origin_may_ask_and_no_proxy_is_believed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &["--trusted-proxy", "10.0.0.0/8"]);
    let answer = ask(&server, "https://app.example").await;
    assert_eq!((header(&answer, ALLOWED), header(&answer, ONLY_TLS)), (None, None));
    assert_eq!(server.stop().code, Some(0));
}
