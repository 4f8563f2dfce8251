//! Documents that are named by their hash: those that callers sent before, and trusted ones.

use serde_json::{Value, json};
use server::http::{Limits, Trusted, trusted_documents};
use tests::app::{self, Server};
use tests::feed::{self, CITIES};
use tests::generated::root;

/// SHA-256 of `{ __typename }`.
const HASH: &str = "7f56e67dd21ab3f30d1ff8b7bed08893f0a0db86449836189b361dd1e56ddb4b";
const QUERY: &str = "{ __typename }";

async fn server(limits: Limits, trusted: &Trusted) -> Server {
    app::on_sqlite_with(feed::network(CITIES), limits, trusted).await
}

async fn post(server: &Server, body: Value) -> Value {
    let request = server.http().post(server.url("/graphql")).json(&body);
    request.send().await.expect("an answer").json().await.expect("JSON")
}

fn by_hash(hash: &str) -> Value {
    json!({ "extensions": { "persistedQuery": { "version": 1, "sha256Hash": hash } } })
}

fn code(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a_document_that_was_sent_once_is_known_by_its_hash() {
    let server = server(Limits::default(), &Trusted::default()).await;
    let unknown = post(&server, by_hash(HASH)).await;
    assert_eq!(code(&unknown), "PERSISTED_QUERY_NOT_FOUND");
    assert_eq!(unknown["errors"][0]["message"], "PersistedQueryNotFound");
    let mut both = by_hash(HASH);
    both["query"] = QUERY.into();
    assert_eq!(post(&server, both.clone()).await["data"]["__typename"], "Query");
    assert_eq!(post(&server, by_hash(HASH)).await["data"]["__typename"], "Query");
    assert_eq!(post(&server, by_hash(&HASH.to_uppercase())).await["data"]["__typename"], "Query");
    let id = json!({ "documentId": format!("sha256:{HASH}") });
    assert_eq!(post(&server, id).await["data"]["__typename"], "Query");
    let url = format!(
        "/graphql?extensions={}",
        "%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22HASH%22%7D%7D"
            .replace("HASH", HASH)
    );
    let get = server.http().get(server.url(&url)).send().await.expect("an answer");
    let answer: Value = get.json().await.expect("JSON");
    assert_eq!(answer["data"]["__typename"], "Query");
    both["query"] = "{ network { version } }".into();
    assert_eq!(code(&post(&server, both).await), "PERSISTED_QUERY_HASH_MISMATCH");
}

#[tokio::test]
async fn documents_are_kept_in_bounded_memory() {
    let limits = Limits { kept_bytes: 50_000, ..Limits::default() };
    let server = server(limits, &Trusted::default()).await;
    server.data(QUERY, json!({})).await;
    for number in 0..200 {
        server.data(&format!("query Q{number} {{ network {{ version }} }}"), json!({})).await;
        // One that is in use is kept.
        assert_eq!(code(&post(&server, by_hash(HASH)).await), "", "after {number}");
    }
    for number in 200..400 {
        server.data(&format!("query Q{number} {{ network {{ version }} }}"), json!({})).await;
    }
    assert_eq!(code(&post(&server, by_hash(HASH)).await), "PERSISTED_QUERY_NOT_FOUND");
    let refused = json!({ "query": "{ nothing }" });
    assert_eq!(code(&post(&server, refused).await), "GRAPHQL_VALIDATION_FAILED");
}

#[tokio::test]
async fn trusted_documents_are_known_at_once_and_others_are_not_taken() {
    let folder = root().join("schema/graphql/operations");
    let network = include_str!("../../../schema/graphql/operations/network.graphql");
    for only in [false, true] {
        let trusted = trusted_documents(&folder, only).expect("the operations");
        let limits = Limits { kept_bytes: 0, ..Limits::default() };
        let server = server(limits, &trusted).await;
        assert!(server.data(network, json!({})).await["network"]["version"].is_string());
        let (other, unknown) = if only {
            ("DOCUMENT_NOT_TRUSTED", "DOCUMENT_NOT_TRUSTED")
        } else {
            ("", "PERSISTED_QUERY_NOT_FOUND")
        };
        assert_eq!(code(&server.answer(QUERY, json!({})).await), other);
        assert_eq!(code(&post(&server, by_hash(HASH)).await), unknown);
    }
}

#[tokio::test]
async fn a_folder_of_trusted_documents_is_read_whole_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("a file");
    };
    let read = || trusted_documents(folder.path(), true).map_err(|error| error.to_string());
    assert!(read().expect_err("nothing there").contains("found none"));
    write("manifest.json", &json!({ format!("sha256:{HASH}"): QUERY }).to_string());
    let server = server(Limits::default(), &read().expect("a manifest")).await;
    assert_eq!(post(&server, by_hash(HASH)).await["data"]["__typename"], "Query");
    write("other.json", &json!({ "md5": QUERY }).to_string());
    assert!(read().expect_err("another hash").contains("found md5"));
    write("other.json", "[]");
    assert!(read().expect_err("no object").contains("to be an object"));
    std::fs::remove_file(folder.path().join("other.json")).expect("a file");
    write("wrong.graphql", "{ nothing }");
    let engine = server::http::Engine::new(Limits::default(), &read().expect("texts")).await;
    let error = engine.err().expect("a document that is none").to_string();
    assert!(error.contains("wrong.graphql") && error.contains("nothing"), "{error}");
}
