//! Two servers behind nginx: one is stopped without a failed request, and one is killed.

use tests::running::two_servers::{Plan, run};

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
