//! Two servers behind nginx: one is stopped without a failed request, and one is killed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::app::traveller;
use tests::postgres::{Cluster, free_port};
use tests::running::nginx::Nginx;
use tests::running::process::Process;
use tests::running::requests::BOOK;
use tests::running::two_servers::{Plan, run};
use tests::socket::Socket;
use tokio::task::JoinSet;

use super::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_is_stopped_and_one_is_killed() {
    let network = server::network_file::bundled().expect("the bundled network");
    let date = network.view().period().1 - chrono::Days::new(7);
    let plan = Plan {
        program: program(),
        question: ("London", "Wien", date.to_string()),
        requests_per_s: 50,
        times: 1,
    };
    let Some(found) = run(&plan).await else { return };
    assert!(found.while_stopped.is_empty(), "{:?}", found.while_stopped);
    let (sockets, refused) = found.sockets;
    assert!(sockets > 0 && refused == 0, "{refused} of {sockets} WebSockets");
    assert_eq!(found.not_in_flight, 0, "{:?}", found.while_killed);
    assert!(found.booked.0 > 0 && found.booked.1 == 0, "{:?}", found.booked);
    // Addresses of requests say whom somebody asks for.
    assert!(!found.nginx_log.contains("/graphql"), "{}", found.nginx_log);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_who_book_the_same_at_two_servers_get_one_trip() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let url = cluster.url();
    let start = || Process::start(&program(), folder.path(), &["--database-url", &url]);
    let servers = Arc::new([start(), start()]);
    let network = server::network_file::bundled().expect("the bundled network");
    let date = (network.view().period().1 - chrono::Days::new(7)).to_string();
    let search = format!(
        "{{ itineraries(origin: {{name: \"London\"}}, destination: {{name: \"Wien\"}}, \
         dateTime: {{date: \"{date}\"}}, first: 1) {{ nodes {{ id }} }} }}"
    );
    let found = servers[0].ask(&search, &json!({})).await.expect("an answer");
    let input = json!({
        "itineraryId": found["data"]["itineraries"]["nodes"][0]["id"],
        "travellers": [traveller("Ada", "Lovelace", "X1234567", 36)],
    });
    let mut all = JoinSet::new();
    for nth in 0..100 {
        let (servers, variables) = (Arc::clone(&servers), json!({ "input": input }));
        all.spawn(async move { servers[nth % 2].ask(BOOK, &variables).await });
    }
    let (mut trips, mut refused) = (0, 0);
    for answer in all.join_all().await {
        let answer = answer.expect("no server's error");
        assert_eq!(answer.get("errors"), None, "{answer}");
        let payload = &answer["data"]["bookTrip"];
        if payload["trip"].is_object() {
            trips += 1;
        } else {
            assert_eq!(payload["refusals"], json!([{ "code": "ALREADY_BOOKED" }]));
            refused += 1;
        }
    }
    assert_eq!((trips, refused), (1, 99));
}

const CHANGED: &str = include_str!("../../../schema/graphql/operations/trip-changed.graphql");

/// Longer than nginx waits for a server that says nothing.
const LONG_SILENCE: Duration = Duration::from_secs(18);

/// A trip of two people, booked at a server.
async fn trip(server: &Process, person: &str) -> Value {
    let network = server::network_file::bundled().expect("the bundled network");
    let date = (network.view().period().1 - chrono::Days::new(7)).to_string();
    let search = "query($date: Date!) { itineraries(origin: {name: \"London\"},
        destination: {name: \"Wien\"}, dateTime: {date: $date}, first: 1) { nodes { id } } }";
    let found = server.ask(search, &json!({ "date": date })).await.expect("an answer");
    let input = json!({
        "itineraryId": found["data"]["itineraries"]["nodes"][0]["id"],
        "travellers": [traveller("Ada", person, "X1", 36)],
    });
    let booked = server.ask(BOOK, &json!({ "input": input })).await.expect("an answer");
    let trip = booked["data"]["bookTrip"]["trip"].clone();
    assert!(trip.is_object(), "{booked}");
    trip
}

async fn cancel(server: &Process, trip: &Value) {
    let cancel = "mutation($input: CancelTripInput!) {
        cancelTrip(input: $input) { refusals { code } } }";
    let input = json!({ "reference": trip["reference"] });
    let done = server.ask(cancel, &json!({ "input": input })).await.expect("an answer");
    assert_eq!(done["data"]["cancelTrip"]["refusals"], json!([]), "{done}");
}

/// Listens for as long, answering pings; nothing else may be heard.
async fn stay_silent(socket: &mut Socket, time: Duration) {
    let begun = Instant::now();
    while let Some(left) = time.checked_sub(begun.elapsed()) {
        if let Some(heard) = socket.pinged_within(left).await {
            panic!("expected nothing, heard {heard}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn subscriptions_through_nginx_hear_of_changes_at_either_server() {
    let Some(cluster) = Cluster::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (url, ports) = (cluster.url(), [free_port(), free_port()].map(|it| it.expect("a port")));
    let servers = ports.map(|port| {
        let listen = format!("127.0.0.1:{port}");
        let arguments = ["--database-url", url.as_str(), "--listen", listen.as_str()];
        Process::start(&program(), folder.path(), &arguments)
    });
    let Some(nginx) = Nginx::start(ports) else { return };
    let trips = [trip(&servers[0], "One").await, trip(&servers[0], "Two").await];
    let address = nginx.origin.strip_prefix("http://").and_then(|it| it.parse().ok());
    // Whichever server nginx has chosen, one of the changes is made at the other.
    let mut socket = Socket::ready(address.expect("an address"), Value::Null).await;
    for (id, trip) in ["0", "1"].into_iter().zip(&trips) {
        socket.subscribe(id, CHANGED, json!({ "reference": trip["reference"] })).await;
    }
    stay_silent(&mut socket, LONG_SILENCE).await;
    for (at, trip) in trips.iter().enumerate() {
        cancel(&servers[at], trip).await;
        let told = socket.hear().await;
        assert_eq!((&told["type"], &told["id"]), (&json!("next"), &json!(at.to_string())));
        let changed = &told["payload"]["data"]["tripChanged"];
        assert_eq!(changed["status"], "CANCELLED", "{told}");
    }
}
