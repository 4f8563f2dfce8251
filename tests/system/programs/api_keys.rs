//! API keys as an operator makes, lists and revokes them, and a server that asks for them.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{Ended, RAILGRAPH, Server, run};

const NOTHING: [&str; 0] = [];

/// Runs it to its end.
pub fn command(folder: &Path, words: &str) -> Ended {
    run(RAILGRAPH, folder, &words.split_whitespace().collect::<Vec<_>>())
}

/// Makes a key; what is to be shown.
pub fn create(folder: &Path, words: &str) -> String {
    let ended = command(folder, &format!("keys create --name shop {words}"));
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    let key = ended.out.trim_end().to_owned();
    assert_eq!(ended.said().len(), 1, "{}", ended.err);
    assert!(!ended.err.contains(&key[20..]), "the secret is shown once");
    key
}

async fn ask(server: &Server, key: Option<&str>) -> (u16, Value) {
    let request = server.http.post(format!("{}/graphql", server.origin));
    let request = request.json(&json!({ "query": "{ network { version } }" }));
    let request = match key {
        Some(key) => request.bearer_auth(key),
        None => request,
    };
    let answer = request.send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

#[tokio::test]
async fn keys_are_made_listed_used_and_revoked() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(command(folder.path(), "migrate").code, Some(0));
    let shop = create(folder.path(), "--scopes search,book --expires 90d");
    let support = create(folder.path(), "--scopes support --expires 2999-12-31");
    // Any address, with keys.
    let arguments = ["--auth", "keys", "--listen", "0.0.0.0:0"];
    let mut server = Server::start(folder.path(), &arguments);
    server.origin = server.origin.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(ask(&server, Some(&shop)).await.0, 200);
    assert_eq!(ask(&server, Some(&support)).await.0, 200);
    let (status, body) = ask(&server, None).await;
    assert_eq!(status, 401);
    assert_eq!(body["errors"][0]["extensions"]["code"], "UNAUTHENTICATED");

    let id = &shop[3..19];
    let revoked = command(folder.path(), &format!("keys revoke {id}"));
    assert_eq!(revoked.out, "revoked: servers refuse it within five seconds\n", "{}", revoked.err);
    let began = Instant::now();
    while ask(&server, Some(&shop)).await.0 == 200 {
        assert!(began.elapsed() < Duration::from_secs(10), "ten seconds after the revocation");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("refused after {:?}", began.elapsed());
    assert_eq!(ask(&server, Some(&support)).await.0, 200);

    let listed = command(folder.path(), "keys list");
    let lines: Vec<Vec<&str>> =
        listed.out.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines.len(), 3, "{}", listed.out);
    let line = |id: &str| lines.iter().find(|line| line[0] == id).expect("a line");
    assert_eq!(line(id)[1..3], ["revoked", "search,book"]);
    assert_eq!(line(&support[3..19])[1..3], ["good", "support"]);
    assert_eq!(line(&support[3..19])[4], "3000-01-01T00:00Z");
    assert!(!listed.out.contains(&shop[20..]) && !listed.out.contains(&support[20..]));
    let again = command(folder.path(), &format!("keys revoke {id}"));
    assert_eq!((again.code, again.said()), (Some(1), vec!["error: the key was revoked before"]));
    let none = command(folder.path(), "keys revoke 0123456789abcdef");
    assert_eq!(
        none.said(),
        ["error: there is no key with this id; `railgraph keys list` names all"]
    );

    let ended = server.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.logged("limits.per_process"), "{}", ended.err);
    for key in [&shop, &support] {
        assert!(!ended.err.contains(&key[20..]), "a secret is in the log");
    }
    assert_eq!(command(folder.path(), "audit verify").code, Some(0));
    let files = std::fs::read_dir(folder.path()).expect("a folder");
    for file in files.map(|file| file.expect("a file").path()).filter(|path| path.is_file()) {
        let bytes = std::fs::read(&file).expect("a file");
        let secret = &shop.as_bytes()[20..];
        assert!(!bytes.windows(secret.len()).any(|it| it == secret), "{}", file.display());
    }
}

#[test]
fn what_is_no_key_to_be_made_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(command(folder.path(), "migrate").code, Some(0));
    for (words, expected) in [
        (
            "keys create --name a --scopes everything",
            "expected scopes with commas, of search, book, support and admin, found \"everything\"",
        ),
        (
            "keys create --name a --scopes search --expires never",
            "expected a date like 2027-12-31, or 1d to 3660d",
        ),
        (
            "keys create --name a --scopes search --expires 2020-01-01",
            "error: expected a day from today on for --expires, found 2020-01-01",
        ),
        (
            "keys revoke rg.a.b",
            "expected the id of an API key, 16 hex digits, found something else",
        ),
        ("--allow-origin *", "expected an origin like https://app.example, found \"*\""),
        ("--trusted-proxy here", "expected an address like 10.0.0.7 or a network like 10.0.0.0/8"),
        ("--listen localhost:80", "expected an IP address and a port, like 127.0.0.1:8080"),
        ("--limit-body-bytes 0", "expected a number from 1 on, found \"0\""),
        ("archive --before tomorrow", "expected a date like 2026-12-31"),
        ("--redis-url localhost", "expected REDIS_URL to be like redis://127.0.0.1:6379"),
    ] {
        let ended = command(folder.path(), words);
        assert_ne!(ended.code, Some(0), "{words}");
        assert!(ended.err.contains(expected), "{words}: {}", ended.err);
    }
}

#[test]
fn a_server_with_keys_makes_no_key_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(RAILGRAPH, folder.path(), &["--auth", "keys", "--listen", "127.0.0.1:0"]);
    let expected = "error: expected a key file, found none at railgraph.sqlite.key; name it with \
                    --encryption-key-file or, for a new database, make both with `railgraph \
                    migrate`";
    assert_eq!((ended.code, ended.said()), (Some(1), vec![expected]));
    assert!(!folder.path().join("railgraph.sqlite.key").exists());
}

#[tokio::test]
async fn without_being_told_a_server_on_loopback_is_open() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    assert_eq!(ask(&server, None).await.0, 200);
    // What somebody shows is not looked at.
    assert_eq!(ask(&server, Some("anything")).await.0, 200);
    assert_eq!(server.stop().code, Some(0));
}

/// As a list of settings has it in which nothing was filled in.
#[tokio::test]
async fn an_empty_address_of_another_program_is_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let words = ["--redis-url", "", "--replica-url", ""];
    let server = Server::start(folder.path(), &words);
    assert_eq!(ask(&server, None).await.0, 200);
    let ended = server.stop();
    assert_eq!(ended.code, Some(0));
    assert!(ended.logged("limits.per_process"), "{}", ended.err);
}
