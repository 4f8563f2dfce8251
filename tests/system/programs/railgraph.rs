//! `railgraph` as somebody starts it who has nothing but the program.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use chrono::{Days, NaiveDate};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};
use tests::app::traveller;
use tests::generated::root;

use super::{RAILGRAPH, Server, now, run};

const ITINERARIES: &str = include_str!("../../../schema/graphql/operations/itineraries.graphql");
const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");
const TRIP: &str = include_str!("../../../schema/graphql/operations/trip.graphql");
const NETWORK: &str = include_str!("../../../schema/graphql/operations/network.graphql");

const NOTHING: [&str; 0] = [];

/// A date a week from now, which the bundled network must have.
async fn date(server: &Server) -> String {
    let network = server.data(NETWORK, json!({})).await["network"].take();
    let bound = |name: &str| -> NaiveDate {
        network[name].as_str().expect("a date").parse().expect("a date")
    };
    let date = (now().date_naive() + Days::new(7)).max(bound("firstDate"));
    assert!(
        date <= bound("lastDate"),
        "the bundled network ends on {}: move its period as data/README.md says",
        bound("lastDate")
    );
    date.to_string()
}

pub async fn itineraries(server: &Server, origin: &str, destination: &str) -> Value {
    let variables = json!({
        "origin": origin, "destination": destination, "date": date(server).await
    });
    let found = server.data(ITINERARIES, variables).await["itineraries"].take();
    assert_eq!(found["problems"], json!([]));
    assert_ne!(found["nodes"], json!([]));
    found
}

#[tokio::test]
async fn without_options_it_serves_and_books_the_bundled_network() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &NOTHING);
    assert!(server.origin.starts_with("http://127.0.0.1:"), "{}", server.origin);
    assert!(folder.path().join("railgraph.sqlite").is_file());
    let key = fs::metadata(folder.path().join("railgraph.sqlite.key")).expect("a key file");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    let (status, kind, page) = server.page("/graphql").await;
    assert_eq!((status, kind.as_str()), (200, "text/html; charset=utf-8"));
    assert!(page.contains("<title>Railgraph</title>"), "{page}");

    let found = itineraries(&server, "London", "Wien").await;
    assert_eq!(found["nodes"][0]["legs"][0]["origin"]["name"], "London");
    let input = json!({
        "itineraryId": found["nodes"][0]["id"],
        "travellers": [traveller("Ada", "Lovelace", "X1234567", 36)],
    });
    let booked = server.data(BOOK, json!({ "input": input })).await["bookTrip"].take();
    assert_eq!(booked["refusals"], json!([]));
    let reference = json!({ "reference": booked["trip"]["reference"] });
    let trip = server.data(TRIP, reference.clone()).await;
    assert_eq!(trip["trip"]["reservations"][0]["client"]["lastName"], "Lovelace");

    let ended = server.stop();
    assert_eq!((ended.code, ended.said()), (Some(0), vec![]));
    let events = ["network.opened", "keys.created", "database.created", "server.ready"];
    assert!(events.iter().all(|event| ended.logged(event)), "{}", ended.err);
    assert!(ended.logged("server.stopped"), "{}", ended.err);

    let server = Server::start(folder.path(), &["serve"]);
    assert_eq!(server.data(TRIP, reference).await, trip);
    let again = server.data(BOOK, json!({ "input": input })).await;
    assert_eq!(again["bookTrip"]["refusals"][0]["code"], "ALREADY_BOOKED");
    let ended = server.stop();
    assert_eq!(ended.code, Some(0));
    assert!(!ended.logged("keys.created") && !ended.logged("database.created"), "{}", ended.err);
}

#[tokio::test]
async fn a_network_file_that_is_cut_or_overwritten_in_place_hurts_no_running_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("copy.railgraph");
    fs::copy(root().join("data/european-network.railgraph"), &path).expect("a copy");
    let server = Server::start(folder.path(), &["--network", "copy.railgraph"]);
    let before = itineraries(&server, "London", "Wien").await;
    let mut file = File::options().write(true).open(&path).expect("the file");
    file.write_all(&vec![0xff; 1 << 20]).expect("written over it");
    assert_eq!(itineraries(&server, "London", "Wien").await, before);
    file.set_len(0).expect("an empty file");
    assert_eq!(itineraries(&server, "London", "Wien").await, before);
    // A pair that nobody asked for yet, so that no page of it is in use.
    itineraries(&server, "Madrid", "Sevilla").await;
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn schema_prints_the_schema() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(RAILGRAPH, folder.path(), &["schema"]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let checked_in = fs::read_to_string(root().join("schema/graphql/schema.graphql"));
    assert_eq!(ended.out.trim_end(), checked_in.expect("the schema").trim_end());
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
}

fn migrates(url: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    for time in ["first", "second"] {
        let ended = run(RAILGRAPH, folder.path(), &["migrate", "--database-url", url]);
        assert_eq!((ended.code, ended.said()), (Some(0), vec![]), "the {time} time");
        let last = "the database has this program's version";
        assert_eq!(ended.out.lines().last(), Some(last), "the {time} time");
    }
}

#[test]
fn migrate_brings_sqlite_to_this_version() {
    migrates("sqlite://bookings.sqlite");
}

#[tokio::test]
async fn migrate_brings_postgresql_to_this_version() {
    let Some(url) = tests::postgres::database().await else { return };
    migrates(&url);
}

#[tokio::test]
async fn idempotency_keys_of_yesterday_are_forgotten_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    assert_eq!(run(RAILGRAPH, folder.path(), &["migrate"]).code, Some(0));
    let file = folder.path().join("railgraph.sqlite");
    let database = sea_orm::Database::connect(format!("sqlite://{}", file.display())).await;
    let database = database.expect("a database");
    let keys = async || {
        let sql = "SELECT count(*) AS keys FROM idempotency_keys";
        let count = Statement::from_string(DbBackend::Sqlite, sql);
        let row = database.query_one_raw(count).await.expect("an answer").expect("a row");
        row.try_get::<i64>("", "keys").expect("a count")
    };
    for age in [23 * 3600, 25 * 3600] {
        let sql = format!(
            "INSERT INTO idempotency_keys VALUES \
             ('open', randomblob(32), zeroblob(32), 1, 1, 'CONFIRMED', {})",
            now().timestamp() - age
        );
        database.execute_unprepared(&sql).await.expect("an old key");
    }
    assert_eq!(keys().await, 2);
    let server = Server::start(folder.path(), &NOTHING);
    let patience = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while keys().await != 1 {
        assert!(std::time::Instant::now() < patience, "{} keys are left", keys().await);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn shells_are_told_of_every_command_and_option() {
    let folder = tempfile::tempdir().expect("a folder");
    for shell in ["bash", "zsh", "fish"] {
        let ended = run(RAILGRAPH, folder.path(), &["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        for word in ["archive", "audit", "otlp-endpoint", "id-number-check"] {
            assert!(ended.out.contains(word), "{shell}: {word}");
        }
    }
}
