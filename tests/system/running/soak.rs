//! A server at half of what it can do, for some seconds.

use std::time::Duration;

use tests::running::load::Report;
use tests::running::soak::{Found, Plan, Use, run};

use super::program;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nothing_grows_with_the_requests() {
    let network = server::network_file::bundled().expect("the bundled network");
    let plan = Plan {
        program: program(),
        postgres: false,
        apart: false,
        date: network.view().period().1 - chrono::Days::new(60),
        trips: 200,
        measured: Duration::from_secs(1),
        warm_up: Duration::from_secs(2),
        time: Duration::from_secs(4),
        every: Duration::from_millis(100),
    };
    let found = run(&plan).await.expect("a run");
    let wrong: Vec<_> = found.wrong().collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(found.report.sent > 50, "{}", found.report.sent);
    let [first, .., last] = found.uses.as_slice() else { panic!("no looks") };
    // Some seconds tell no slope; what is kept for every request would be hundreds.
    let sent = found.report.sent as f64 / 4.0;
    assert!(last.tasks < first.tasks + sent, "{first:?} {last:?}");
    assert!(last.descriptors < first.descriptors + sent, "{first:?} {last:?}");
}

#[test]
fn a_slope_is_that_of_the_line_that_fits_best() {
    let looked = |minute: u64, megabytes: f64| Use {
        after: Duration::from_secs(60 * minute),
        memory_bytes: 1e6 * megabytes,
        tasks: 5.0,
        descriptors: 7.0,
        threads: 3.0,
    };
    let uses = (0..60).map(|minute| looked(minute, 100.0 + minute as f64 / 20.0)).collect();
    let found = Found { is_apart: false, best_per_s: 1.0, report: Report::default(), uses };
    assert!((found.slope_per_hour(|it| it.memory_bytes) - 3e6).abs() < 1.0);
    assert!(found.slope_per_hour(|it| it.tasks).abs() < 1e-9);
}
