//! SQLite whose syncs fail: bookings are refused typed, reads and searches go on, and after each
//! end, kills included, what was acknowledged is there, and nothing is there by halves.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Database, DbBackend, Statement};
use serde_json::{Value, json};
use tests::failing_disk::FailingSyncs;
use tests::running::process::ask;
use tests::running::requests::{BOOK, SEARCH, TRIP, booking, is_found, reference};

use super::metric;
use crate::programs::{RAILGRAPH, Running, Server, run};

const WRITING: &str = "database_breaker_state{of=\"write\"}";

/// How long the server may take to notice that syncs work again.
const PATIENCE: Duration = Duration::from_mins(1);

/// A server over an SQLite database in a folder, and what each person who booked was told.
struct Travel {
    // Ended before its folder goes.
    server: Server,
    folder: tempfile::TempDir,
    syncs: FailingSyncs,
    question: Value,
    /// What everybody books.
    itinerary: Value,
    /// A reference, or nothing where the booking was refused.
    told: BTreeMap<String, Option<String>>,
}

fn serve(folder: &Path, syncs: &FailingSyncs) -> Server {
    let mut command = Command::new(RAILGRAPH);
    command.current_dir(folder).env_clear().env("LD_PRELOAD", syncs.shim());
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    Server::over(Running::spawn(command))
}

impl Travel {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let syncs = FailingSyncs::compile(folder.path());
        let server = serve(folder.path(), &syncs);
        let network = server::network_file::bundled().expect("the bundled network");
        let date = (network.view().period().1 - chrono::Days::new(7)).to_string();
        let question = json!({ "from": "London", "to": "Wien", "date": date });
        let found = server.data(SEARCH, question.clone()).await;
        let itinerary = found["itineraries"]["nodes"][0]["id"].clone();
        assert!(itinerary.is_string(), "{found}");
        Self { folder, syncs, server, question, itinerary, told: BTreeMap::new() }
    }

    /// Books for a person, under the same idempotency key each time; whether that was acknowledged.
    /// What is not is refused typed.
    async fn book(&mut self, person: &str) -> bool {
        self.book_or_hear(person).await.is_ok()
    }

    /// Books as [`Self::book`] does; where that is refused, what was said.
    async fn book_or_hear(&mut self, person: &str) -> Result<(), String> {
        let variables = booking(&self.itinerary, person);
        let answer = ask(&self.server.http, &self.server.origin, BOOK, &variables).await;
        let answer = answer.expect("an answer");
        let reference = reference(&answer);
        let code = &answer["errors"][0]["extensions"]["code"];
        assert!(reference.is_some() || code == "BOOKINGS_UNAVAILABLE", "{person}: {answer}");
        let said = answer["errors"][0]["message"].as_str().unwrap_or_default().to_owned();
        let outcome = if reference.is_some() { Ok(()) } else { Err(said) };
        let told = self.told.entry(person.to_owned()).or_default();
        assert!(told.is_none() || *told == reference, "{person} had {told:?}: {answer}");
        *told = reference;
        outcome
    }

    /// All that were acknowledged can be read, and searches find something.
    async fn reads_go_on(&self) {
        for reference in self.told.values().flatten() {
            let trip = self.server.data(TRIP, json!({ "reference": reference })).await;
            assert_eq!(trip["trip"]["status"], "CONFIRMED", "{reference} is lost");
        }
        let found = ask(&self.server.http, &self.server.origin, SEARCH, &self.question).await;
        is_found(&found.expect("an answer")).expect("an itinerary");
    }

    /// Lets all syncs fail; bookings of so many persons are refused, and reads go on.
    async fn fail_all(&mut self, whose: &str, persons: usize) {
        self.syncs.fail_all(true);
        for nth in 0..persons {
            let person = format!("{whose}{nth}");
            assert!(!self.book(&person).await, "{person} is booked, and no sync works");
            self.reads_go_on().await;
        }
    }

    /// Lets syncs work again, and waits until somebody can book.
    async fn mend(&mut self, person: &str) {
        self.syncs.fail_all(false);
        let begun = Instant::now();
        while !self.book(person).await {
            assert!(begun.elapsed() < PATIENCE, "nobody can book");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Kills the server with SIGKILL and starts it again.
    fn kill_and_restart(self) -> Self {
        let Self { folder, syncs, server, question, itinerary, told } = self;
        drop(server);
        let server = serve(folder.path(), &syncs);
        Self { server, folder, syncs, question, itinerary, told }
    }

    /// What was acknowledged is there, what was refused can be sent again and is done once, and no
    /// part of a booking is there without the others.
    async fn is_whole(&mut self) {
        self.reads_go_on().await;
        self.no_halves().await;
        let persons: Vec<String> = self.told.keys().cloned().collect();
        for person in &persons {
            assert!(self.book(person).await, "{person} cannot book");
        }
        self.reads_go_on().await;
        let trips = self.no_halves().await;
        assert_eq!(trips, persons.len(), "everybody has one trip");
        let ended = run(RAILGRAPH, self.folder.path(), &["audit", "verify"]);
        assert_eq!(ended.code, Some(0), "{}{}", ended.out, ended.err);
    }

    /// Trips in the database, each of which has all its parts: one traveller's.
    async fn no_halves(&self) -> usize {
        let file = self.folder.path().join("railgraph.sqlite");
        let raw = Database::connect(format!("sqlite://{}", file.display())).await;
        let raw = raw.expect("the database");
        let count = async |table: &str| {
            let sql = format!("SELECT count(*) AS n FROM {table}");
            let statement = Statement::from_string(DbBackend::Sqlite, sql);
            let row = raw.query_one_raw(statement).await.expect("an answer").expect("a row");
            row.try_get::<i64>("", "n").expect("a count") as usize
        };
        let trips = count("trips").await;
        for table in ["reservations", "tickets", "clients", "client_identities"] {
            assert_eq!(count(table).await, trips, "{table}");
        }
        assert_eq!(count("idempotency_keys").await, trips);
        let booked = "(SELECT trip_id FROM idempotency_keys)";
        assert_eq!(count(&format!("trips WHERE id NOT IN {booked}")).await, 0);
        let on_the_way = "(SELECT trip_id FROM trip_legs)";
        assert_eq!(count(&format!("trips WHERE id NOT IN {on_the_way}")).await, 0);
        raw.close().await.expect("closed");
        trips
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_without_syncs_refuses_bookings_and_takes_them_again_afterwards() {
    let mut travel = Travel::start().await;
    for nth in 0..3 {
        assert!(travel.book(&format!("A{nth}")).await);
    }
    assert_eq!(metric(&travel.server.origin, WRITING).await, 0, "closed");
    // More than it takes for the breaker to open, which goes on trying and fails.
    travel.fail_all("B", 8).await;
    let begun = Instant::now();
    while metric(&travel.server.origin, WRITING).await != 2 {
        assert!(begun.elapsed() < PATIENCE, "the breaker is not open");
    }
    assert_eq!(travel.server.page("/health/ready/booking").await.0, 503);
    assert_eq!(travel.server.page("/health/ready/search").await.0, 200);
    travel.mend("C0").await;
    assert_eq!(metric(&travel.server.origin, WRITING).await, 0, "closed again");
    assert_eq!(travel.server.page("/health/ready/booking").await.0, 200);
    travel.is_whole().await;
    // Once more, and the server has no time to put anything right.
    travel.fail_all("D", 2).await;
    travel.syncs.fail_all(false);
    let mut travel = travel.kill_and_restart();
    travel.is_whole().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_single_sync_of_sqlite_that_fails_costs_no_booking_and_doubles_none() {
    let mut travel = Travel::start().await;
    for nth in 0..12 {
        let person = format!("A{nth}");
        travel.syncs.fail_next();
        // It may be the sync of the ticket's number, for which nobody tries again: then nothing is
        // booked, and that is known.
        let outcome = travel.book_or_hear(&person).await;
        if let Err(said) = &outcome {
            assert_eq!(said, "bookings are not available at the moment; searches are");
        }
        let begun = Instant::now();
        while travel.syncs.is_yet_to_fail() {
            assert!(begun.elapsed() < PATIENCE, "nothing is synced");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if outcome.is_err() {
            assert!(travel.book(&person).await, "{person} cannot book once syncs work");
        }
    }
    travel.reads_go_on().await;
    let mut travel = travel.kill_and_restart();
    travel.is_whole().await;
}
