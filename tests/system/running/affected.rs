//! Trips whose trains run otherwise after a new network file.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use server::access::{Scope, Scopes};
use server::affected::{self, Pace, compare};
use server::graphql::Caller;
use server::http::Clock;
use server::store::{Store, StoreError};
use tests::app::{self, Server, moment, traveller};
use tests::feed::{self, CITIES};
use tests::postgres;

const AFFECTED: &str = include_str!("../../../schema/graphql/operations/affected-trips.graphql");
const JOB: &str = "affected-trips";
const LEASE: Duration = Duration::from_mins(1);

fn clock() -> Clock {
    Arc::new(|| moment(app::NOW))
}

/// Runs a test on both databases.
async fn on_both<F: AsyncFn(Store)>(test: F) {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}/railgraph.sqlite", folder.path().display());
    test(app::store(&url, None).await).await;
    if let Some(url) = postgres::database().await {
        test(app::store(&url, None).await).await;
    }
}

async fn book(server: &Server, from: &str, to: &str, date: &str, person: &str) -> String {
    let id = server.itinerary(from, to, date).await;
    let input = json!({ "itineraryId": id, "travellers": [traveller("A", person, person, 30)],
        "fareClass": "FIRST" });
    let input = if from == "Dresden" {
        json!({ "itineraryId": id, "travellers": [traveller("A", person, person, 30)] })
    } else {
        input
    };
    let booked = server.book(input).await;
    assert_eq!(booked["refusals"], json!([]));
    booked["trip"]["reference"].as_str().expect("a reference").to_owned()
}

async fn listed(server: &Server) -> Value {
    server.data(AFFECTED, json!({ "first": 100 })).await["affectedTrips"].take()
}

/// Compares with the network that answers, as a server does in the background.
async fn run(server: &Server, store: &Store) {
    let turn = store.take_turn(JOB, LEASE).await.expect("a turn").expect("nobody has it");
    let network = server.networks.current();
    compare(&network, store, &clock(), turn).await.expect("compared");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gone_retimed_and_moved_trains_are_listed_until_they_run_as_booked_again() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        let untouched = book(&server, "Bonn", "Celle", "2026-12-02", "N1").await;
        let gone = book(&server, "Dresden", "Emden", "2026-12-04", "N2").await;
        let retimed = book(&server, "Aachen", "Bonn", "2026-12-01", "N3").await;
        let cancelled = book(&server, "Dresden", "Emden", "2026-12-03", "N4").await;
        run(&server, &store).await;
        assert_eq!(listed(&server).await["totalCount"], 0);
        let rows = CITIES.replace("AB1,Aachen,Bonn,08:00,09:00", "AB1,Aachen,Bonn,08:05,09:10");
        let rows: Vec<&str> = rows.lines().filter(|row| !row.contains("DE1")).collect();
        let rows = rows.join("\n");
        server.networks.replace(feed::network(&rows), moment(app::NOW));
        run(&server, &store).await;
        let cancel = "mutation($r: String!) { cancelTrip(input: {reference: $r}) {
            refusals { code } } }";
        server.data(cancel, json!({ "r": cancelled })).await;
        let found = listed(&server).await;
        assert_eq!(found["totalCount"], 2, "{found}");
        let version = server.networks.current().header().version();
        let [first, second] = [&found["nodes"][0], &found["nodes"][1]];
        assert_eq!(
            (&first["trip"]["reference"], &first["networkVersion"]),
            (&json!(retimed), &json!(version))
        );
        assert_eq!(first["legs"][0]["change"], "RETIMED");
        assert_eq!(first["legs"][0]["departure"], "2026-12-01T08:05:00+01:00");
        assert_eq!(first["legs"][0]["arrival"], "2026-12-01T09:10:00+01:00");
        assert_eq!(first["legs"][0]["leg"]["departure"], "2026-12-01T08:00:00+01:00");
        assert_eq!(second["trip"]["reference"], json!(gone));
        assert_eq!(second["legs"][0]["change"], "GONE");
        assert_eq!(second["legs"][0]["departure"], Value::Null);
        assert!(!found.to_string().contains(&untouched));
        // A page at a time.
        let page = server.data(AFFECTED, json!({ "first": 1 })).await["affectedTrips"].take();
        assert_eq!(page["pageInfo"]["hasNextPage"], true);
        let after = &page["pageInfo"]["endCursor"];
        let rest = server.data(AFFECTED, json!({ "first": 5, "after": after })).await;
        assert_eq!(rest["affectedTrips"]["nodes"], json!([second]));
        server.networks.replace(feed::network(CITIES), moment(app::NOW));
        run(&server, &store).await;
        assert_eq!(listed(&server).await["totalCount"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trains_that_serve_other_stations_are_listed_with_the_legs_that_were_booked() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        let elsewhere = book(&server, "Aachen", "Bonn", "2026-12-01", "N1").await;
        book(&server, "Celle", "Dresden", "2026-12-03", "N2").await;
        let unserved = book(&server, "Dresden", "Emden", "2026-12-04", "N3").await;
        // The same train turns to another city; another one ends where a third began before, so
        // that its old end is served by nobody any more.
        let rows = CITIES
            .replace("AB1,Aachen,Bonn,08:00,09:00", "AB1,Aachen,Celle,08:00,09:00")
            .replace("DE1,Dresden,Emden,12:00,18:00", "DE1,Dresden,Celle,12:00,18:00");
        server.networks.replace(feed::network(&rows), moment(app::NOW));
        run(&server, &store).await;
        let found = listed(&server).await;
        assert_eq!(found["totalCount"], 2, "{found}");
        let expected = [
            (elsewhere, "AB1", "Aachen", "Bonn", "2026-12-01T08:00:00+01:00"),
            (unserved, "DE1", "Dresden", "Emden", "2026-12-04T12:00:00+01:00"),
        ];
        for (node, (reference, train, from, to, departure)) in
            found["nodes"].as_array().expect("nodes").iter().zip(expected)
        {
            assert_eq!(node["trip"]["reference"], json!(reference));
            let [leg] = node["legs"].as_array().expect("legs").as_slice() else {
                panic!("expected one leg: {node}")
            };
            assert_eq!(leg["change"], "STATION_CHANGED");
            // There is no other time to tell: the train does not take anybody there.
            assert_eq!((&leg["departure"], &leg["arrival"]), (&Value::Null, &Value::Null));
            let booked = &leg["leg"];
            let booked = ["sourceId", "originName", "destinationName", "departure"]
                .map(|name| booked[name].as_str().expect("a text"));
            assert_eq!(booked, [train, from, to, departure]);
        }
        server.networks.replace(feed::network(CITIES), moment(app::NOW));
        run(&server, &store).await;
        assert_eq!(listed(&server).await["totalCount"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_trip_of_two_trains_only_the_one_that_serves_other_stations_is_told() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        let id = server.itinerary("Aachen", "Celle", "2026-12-05").await;
        let travellers = json!([traveller("A", "N1", "N1", 30)]);
        let booked = server.book(json!({ "itineraryId": id, "travellers": travellers })).await;
        assert_eq!(booked["refusals"], json!([]));
        let rows = CITIES.replace("BC1,Bonn,Celle", "BC1,Bonn,Dresden");
        server.networks.replace(feed::network(&rows), moment(app::NOW));
        run(&server, &store).await;
        let found = listed(&server).await;
        let legs = found["nodes"][0]["legs"].as_array().expect("legs").clone();
        let told: Vec<_> =
            legs.iter().map(|leg| (&leg["leg"]["sourceId"], &leg["change"])).collect();
        assert_eq!(told, [(&json!("BC1"), &json!("STATION_CHANGED"))], "{found}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_support_sees_them_and_dates_that_the_network_lacks_are_not_judged() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        book(&server, "Aachen", "Bonn", "2026-12-01", "N1").await;
        book(&server, "Dresden", "Emden", "2026-12-07", "N2").await;
        let mut shorter = feed::options();
        shorter.until = Some("2026-12-02".parse().expect("a date"));
        let bytes = feed::compiled_with(&CITIES.replace("AB1,", "XY1,"), &shorter);
        let bytes = bytes.encode().expect("bytes");
        let network = server::search::Network::open(Box::new(bytes)).expect("a network");
        server.networks.replace(network, moment(app::NOW));
        run(&server, &store).await;
        assert_eq!(listed(&server).await["totalCount"], 1);
        let scopes = Scopes::of(&[Scope::Search, Scope::Book]);
        let nobody = Caller { name: "nobody".to_owned(), scopes };
        let other = app::start(feed::network(CITIES), store.clone(), nobody).await;
        let refused = other.answer("{ affectedTrips { totalCount } }", json!({})).await;
        assert_eq!(refused["errors"][0]["extensions"]["code"], "FORBIDDEN");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_paused_server_writes_late_is_refused() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        book(&server, "Dresden", "Emden", "2026-12-04", "N2").await;
        let trips = store.booked_trips(moment(app::NOW), 10, None).await.expect("trips");
        let gone = vec![(trips[0].id, vec![(0, server::booking::LegChange::Gone)])];
        // Its lease ends while it is paused, and another takes over.
        let paused = store.take_turn(JOB, Duration::ZERO).await.expect("a turn").expect("free");
        let next = store.take_turn(JOB, LEASE).await.expect("a turn").expect("free");
        assert!(next.token() > paused.token());
        assert_eq!(store.take_turn(JOB, LEASE).await.expect("an answer"), None);
        let late = store.note_affected(paused, "late", gone.clone(), moment(app::NOW)).await;
        assert!(matches!(late, Err(StoreError::TurnLost)), "{late:?}");
        assert!(store.end_turn(paused, "late".to_owned()).await.is_err());
        assert_eq!(listed(&server).await["totalCount"], 0);
        store.note_affected(next, "now", gone, moment(app::NOW)).await.expect("written");
        store.end_turn(next, "now".to_owned()).await.expect("ended");
        assert_eq!(store.last_done(JOB).await.expect("a text"), "now");
        assert_eq!(listed(&server).await["totalCount"], 1);
        // Given back, it is free at once.
        assert!(store.take_turn(JOB, LEASE).await.expect("an answer").is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_finds_nothing_keeps_its_turn_for_as_long_as_it_takes() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        book(&server, "Dresden", "Emden", "2026-12-04", "N2").await;
        // Three looks at the clock, each of which takes nearly half of the lease.
        let slow: Clock = Arc::new(|| {
            std::thread::sleep(Duration::from_millis(800));
            moment(app::NOW)
        });
        let turn = store.take_turn(JOB, Duration::from_secs(2)).await.expect("a turn");
        let turn = turn.expect("nobody has it");
        let (network, own) = (server.networks.current(), store.clone());
        let comparing = tokio::spawn(async move { compare(&network, &own, &slow, turn).await });
        while !comparing.is_finished() {
            // Where that works before it has ended, it fails at its next statement.
            if store.take_turn(JOB, LEASE).await.expect("an answer").is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(comparing.await.expect("an end").expect("compared").trips, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_compares_by_itself_when_a_network_takes_over() {
    on_both(async |store| {
        let server = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        book(&server, "Dresden", "Emden", "2026-12-04", "N2").await;
        let networks = Arc::clone(&server.networks);
        let pace = Pace::default();
        let job = tokio::spawn(affected::watch(networks, store.clone(), clock(), pace));
        server
            .networks
            .replace(feed::network("AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10"), moment(app::NOW));
        let until = tokio::time::Instant::now() + Duration::from_secs(30);
        while listed(&server).await["totalCount"] != 1 {
            assert!(tokio::time::Instant::now() < until, "not compared");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        job.abort();
    })
    .await;
}

/// One server has the new network, and has compared for all; another one still books by the old.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_booked_meanwhile_is_compared_soon_after() {
    on_both(async |store| {
        let other = app::start(feed::network(CITIES), store.clone(), Caller::open()).await;
        let new = feed::network("AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10");
        let server = app::start(new, store.clone(), Caller::open()).await;
        run(&server, &store).await;
        book(&other, "Dresden", "Emden", "2026-12-04", "N2").await;
        let pace = Pace { settled: Duration::from_millis(200), every: Duration::from_hours(1) };
        let networks = Arc::clone(&server.networks);
        let job = tokio::spawn(affected::watch(networks, store.clone(), clock(), pace));
        let until = tokio::time::Instant::now() + Duration::from_secs(30);
        while listed(&server).await["totalCount"] != 1 {
            assert!(tokio::time::Instant::now() < until, "not compared");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        job.abort();
    })
    .await;
}
