//! Two servers behind nginx: one is stopped without a failed request, and one is killed.

use std::sync::Arc;

use serde_json::json;
use tests::app::traveller;
use tests::postgres::Cluster;
use tests::running::process::Process;
use tests::running::two_servers::{Plan, run};
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
    assert_eq!(found.not_in_flight, 0, "{:?}", found.while_killed);
    assert!(found.booked.0 > 0 && found.booked.1 == 0, "{:?}", found.booked);
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
    let book = "mutation($input: BookTripInput!) {
        bookTrip(input: $input) { trip { reference } refusals { code } } }";
    let mut all = JoinSet::new();
    for nth in 0..100 {
        let (servers, variables) = (Arc::clone(&servers), json!({ "input": input }));
        all.spawn(async move { servers[nth % 2].ask(book, &variables).await });
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
