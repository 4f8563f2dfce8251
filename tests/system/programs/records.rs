//! The commands that work on bookings that are there: `audit`, `keys`, `client`, `archive`; and
//! what of the travellers is in files and logs.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};
use tests::app::traveller;
use tests::measure::secrets::{found_in, search_folder, spellings, unmistakable};

use super::railgraph::itineraries;
use super::{Ended, RAILGRAPH, Running, Server, run};

const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");
const CANCEL: &str = include_str!("../../../schema/graphql/operations/cancel-trip.graphql");
const NOTHING: [&str; 0] = [];

/// Three years in seconds.
const YEARS_S: i64 = 3 * 365 * 24 * 3_600;

const CLIENT: &str = "query($name: String!, $id: String!) {
    client(lastName: $name, idNumber: $id) { id firstName currentTrips { nodes { reference } } } }";

async fn client(server: &Server, name: &str, id: &str) -> Value {
    server.data(CLIENT, json!({ "name": name, "id": id })).await["client"].take()
}

/// Books London to Wien for somebody; the payload.
async fn book(server: &Server, name: &str, id: &str) -> Value {
    let found = itineraries(server, "London", "Wien").await;
    let input = json!({
        "itineraryId": found["nodes"][0]["id"],
        "travellers": [traveller("Some", name, id, 36)],
    });
    server.data(BOOK, json!({ "input": input })).await["bookTrip"].take()
}

fn command(folder: &Path, words: &str) -> Ended {
    run(RAILGRAPH, folder, &words.split_whitespace().collect::<Vec<_>>())
}

/// Runs `client erase` and answers its questions.
fn erase(folder: &Path, last_name: &str, id_number: &str) -> (Option<i32>, String) {
    let mut command = Command::new(RAILGRAPH);
    command.current_dir(folder).env_clear().args(["client", "erase"]);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("a program");
    let mut input = child.stdin.take().expect("a pipe");
    writeln!(input, "{last_name}\n{id_number}").expect("a read answer");
    let output = child.wait_with_output().expect("an end");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.code(), text + &String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_audit_log_is_verified_and_its_head_logged() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    book(&server, "Lovelace", "X1").await;
    let ended = server.stop();
    let line = ended.err.lines().rfind(|line| line.contains("\"event\":\"audit.head\""));
    let line: Value = serde_json::from_str(line.expect("a logged head")).expect("JSON");
    let head = line["audit.head"].as_str().expect("a head");
    assert!(head.starts_with("1:"), "{head}");

    let good = command(folder.path(), &format!("audit verify --head {head}"));
    assert_eq!((good.code, good.said()), (Some(0), vec![]), "{}", good.out);
    assert!(good.out.ends_with("the audit log is whole\n"), "{}", good.out);
    let file = folder.path().join("railgraph.sqlite");
    let raw = sea_orm::Database::connect(format!("sqlite://{}", file.display())).await;
    let raw = raw.expect("a database");
    for sql in ["DROP TRIGGER tr_audit_log_no_update", "UPDATE audit_log SET caller = 'nobody'"] {
        raw.execute_unprepared(sql).await.expect("a change");
    }
    let bad = command(folder.path(), "audit verify");
    assert_eq!(bad.code, Some(1));
    assert_eq!(bad.said(), ["error: the row of seal 1 was changed, or forged"]);
    assert!(bad.out.contains("NOT whole: 1 findings"), "{}", bad.out);
}

#[tokio::test]
async fn keys_are_rotated_while_a_server_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    book(&server, "Lovelace", "X1").await;
    let keys = folder.path().join("railgraph.sqlite.key");
    let lines = || fs::read_to_string(&keys).expect("a key file").lines().count();
    let before = lines();
    let prepared = command(folder.path(), "keys rotate --prepare");
    assert_eq!((prepared.code, lines()), (Some(0), before + 2), "{}", prepared.err);
    let early = command(folder.path(), "keys rotate --drop-old");
    assert_eq!(early.code, Some(1));
    let rotated = command(folder.path(), "keys rotate");
    assert_eq!((rotated.code, rotated.said()), (Some(0), vec![]));
    let expected = "sealed under the new key: 1; entered under the new index key: 1; old keys \
                    retired: 2";
    assert!(rotated.out.contains(expected), "{}", rotated.out);
    assert_eq!(client(&server, "lovelace", "x1").await["firstName"], "Some");
    let dropped = command(folder.path(), "keys rotate --drop-old");
    assert_eq!((dropped.code, lines()), (Some(0), before), "{}", dropped.err);
    let mode = fs::metadata(&keys).expect("a key file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(client(&server, "lovelace", "x1").await["firstName"], "Some");
    let again = book(&server, "Lovelace", "X1").await;
    assert_eq!(again["refusals"][0]["code"], "ALREADY_BOOKED");
    book(&server, "Turing", "X2").await;
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(folder.path(), &NOTHING);
    for (name, id) in [("Lovelace", "X1"), ("Turing", "X2")] {
        assert_eq!(client(&server, name, id).await["firstName"], "Some");
    }
    assert_eq!(command(folder.path(), "audit verify").code, Some(0));
}

#[tokio::test]
async fn a_client_is_erased_by_who_is_asked_for_on_standard_input() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    let trip = book(&server, "Lovelace", "X1").await["trip"].take();
    let (code, said) = erase(folder.path(), "LOVELACE", "x-1");
    assert_eq!(code, Some(1));
    assert!(said.contains("1 reservations that are not travelled yet"), "{said}");
    let input = json!({ "reference": trip["reference"] });
    server.data(CANCEL, json!({ "input": input })).await;
    let (code, said) = erase(folder.path(), "LOVELACE", "x-1");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(erase(folder.path(), "Lovelace", "X1").0, Some(1));
    assert_eq!(server.stop().code, Some(0));
    let server = Server::start(folder.path(), &NOTHING);
    assert_eq!(client(&server, "Lovelace", "X1").await, Value::Null);
    assert_eq!(command(folder.path(), "audit verify").code, Some(0));
}

#[tokio::test]
async fn the_archive_takes_what_is_old_and_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    book(&server, "Lovelace", "X1").await;
    for words in ["archive", "archive --before 2030-01-01"] {
        let ended = command(folder.path(), words);
        assert_eq!((ended.code, ended.out.as_str()), (Some(0), "0 trips moved to 0 files\n"));
    }
    let ended = command(folder.path(), "archive --verify");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "0 trips in 0 files\n"));
    let ended = command(folder.path(), "archive --restore");
    assert_eq!(ended.out, "0 trips brought back from 0 files\n");
    assert_eq!(server.stop().code, Some(0));
}

#[tokio::test]
async fn a_server_archives_by_itself_what_is_a_year_old() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    let old = book(&server, "Lovelace", "X1").await["trip"]["reference"].take();
    let new = book(&server, "Hopper", "X2").await["trip"]["reference"].take();
    assert_eq!(server.stop().code, Some(0));
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let raw = sea_orm::Database::connect(url).await.expect("the database");
    let reference = old.as_str().expect("a reference");
    let sql = format!(
        "UPDATE trips SET departure_at = departure_at - {YEARS_S}, \
         arrival_at = arrival_at - {YEARS_S}, current_until = current_until - {YEARS_S} \
         WHERE reference = '{reference}'"
    );
    assert_eq!(raw.execute_unprepared(&sql).await.expect("a trip").rows_affected(), 1);
    raw.close().await.expect("closed");
    let server = Server::start(folder.path(), &NOTHING);
    let trip = "query($reference: String!) { trip(reference: $reference) { status } }";
    let begun = Instant::now();
    while command(folder.path(), "archive --verify").out != "1 trips in 1 files\n" {
        assert!(begun.elapsed() < Duration::from_secs(30), "not archived");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for reference in [old, new] {
        let found = server.data(trip, json!({ "reference": reference })).await;
        assert_eq!(found["trip"]["status"], "CONFIRMED", "{reference}");
    }
    let ended = server.stop();
    assert_eq!(ended.err.matches("\"event\":\"archived\"").count(), 1, "{}", ended.err);
}

/// Another process has the turn for so long, by the database's clock.
async fn turn_is_taken_for(folder: &Path, seconds: u32) {
    let url = format!("sqlite://{}", folder.join("railgraph.sqlite").display());
    let raw = sea_orm::Database::connect(url).await.expect("the database");
    let until = format!("CAST(unixepoch('now', 'subsec') * 1000 AS INTEGER) + {seconds}000");
    let sql = format!("UPDATE job_turns SET held_until = {until} WHERE job = 'archive'");
    assert_eq!(raw.execute_unprepared(&sql).await.expect("a row").rows_affected(), 1);
}

#[tokio::test]
async fn the_archive_waits_for_a_turn_that_ends_and_not_for_one_that_does_not() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(Server::start(folder.path(), &NOTHING).stop().code, Some(0));
    turn_is_taken_for(folder.path(), 2).await;
    let waiting = "waiting: another server is archiving, or was a moment ago";
    let ended = command(folder.path(), "archive");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "0 trips moved to 0 files\n"));
    assert!(ended.said().contains(&waiting), "{}", ended.err);
    turn_is_taken_for(folder.path(), 60).await;
    let ended = command(folder.path(), "archive --restore");
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    let refused =
        "error: another server is archiving at the moment; run this again when it is done";
    let said = ended.said();
    assert!(said.contains(&waiting) && said.contains(&refused), "{}", ended.err);
}

#[test]
fn commands_make_no_keys() {
    let folder = tempfile::tempdir().expect("a folder");
    for words in ["audit verify", "keys rotate", "client erase", "archive"] {
        let ended = command(folder.path(), words);
        assert_eq!(ended.code, Some(1), "{words}");
        let expected = "error: expected a key file, found none at railgraph.sqlite.key;";
        assert!(ended.said()[0].starts_with(expected), "{words}: {}", ended.err);
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 0, "{words}");
    }
}

/// Booked, refused, looked up, cancelled, with a log that says everything it can.
#[tokio::test]
async fn nobody_is_in_any_file_or_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(RAILGRAPH);
    command.current_dir(folder.path()).env_clear();
    command.env("RAILGRAPH_LISTEN", "127.0.0.1:0").env("RUST_LOG", "trace,h2=off,hyper=off");
    let server = Server::over(Running::spawn(command));
    let mut needles = Vec::new();
    for person in 0..20 {
        let [name, id] = ["name", "number"].map(|kind| unmistakable(kind, person));
        needles.extend([&name, &id].into_iter().flat_map(|secret| spellings(secret)));
        assert_eq!(book(&server, &name, &id).await["refusals"], json!([]));
        assert_eq!(book(&server, &name, &id).await["refusals"][0]["code"], "ALREADY_BOOKED");
        let refused = book(&server, &format!("{name}\n"), &format!("{id}/")).await;
        assert_eq!(refused["trip"], Value::Null);
        assert!(found_in(refused["refusals"].to_string().as_bytes(), &needles).is_empty());
        assert_ne!(client(&server, &name.to_uppercase(), &id).await, Value::Null);
        assert_eq!(client(&server, &name, &format!("{id}9")).await, Value::Null);
    }
    let ended = server.stop();
    assert!(ended.err.len() > 10_000, "a log that says everything");
    assert_eq!(found_in(ended.err.as_bytes(), &needles), [""; 0], "in the log");
    let (bytes, found) = search_folder(folder.path(), &needles);
    assert_eq!(found, [""; 0]);
    assert!(bytes > 50_000);
}
