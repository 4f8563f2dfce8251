//! PostgreSQL on a disk that is full, or whose syncs fail: what was acknowledged is there, what was
//! not is refused typed and can be sent again, searches go on, and the server needs no restart.

use std::time::Duration;

use tests::running::failing_disk::{Fault, Found, Plan, run};

use super::program;

async fn fails(fault: Fault) -> Option<Found> {
    let network = server::network_file::bundled().expect("the bundled network");
    let date = (network.view().period().1 - chrono::Days::new(7)).to_string();
    let plan = Plan {
        program: program(),
        question: ("London", "Wien", date),
        fault,
        time: Duration::from_secs(1),
        searches_per_s: 20,
        bookings_per_s: 40,
    };
    let found = run(&plan).await?;
    assert!(found.searches.failures.is_empty(), "{:?}", found.searches.failures);
    assert!(found.bookings.failures.is_empty(), "{:?}", found.bookings.failures);
    assert!(found.booked.0 > 0 && found.booked.1 == 0, "{:?} are lost", found.booked);
    assert!(found.refused >= 20, "{} are refused", found.refused);
    assert_eq!(found.refused_again, 0, "each is carried out when it is sent again");
    let (persons, trips) = found.trips;
    assert_eq!(trips, persons as u64, "and once");
    assert!(found.back_after_ms < 20_000.0, "{} ms", found.back_after_ms);
    Some(found)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_the_data_is_full_and_trips_are_read() {
    let Some(found) = fails(Fault::DataFull).await else { return };
    assert!(!found.has_ended);
    assert_eq!(found.reads, (20, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_of_the_data_and_the_log_is_full() {
    fails(Fault::AllFull).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn syncs_fail_now_and_then_and_then_all_of_them() {
    let Some(found) = fails(Fault::Syncs).await else { return };
    assert!(found.has_ended, "PostgreSQL gives up where no sync succeeds");
}
