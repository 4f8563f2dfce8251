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

fn looked(minute: u64, megabytes: f64, tasks: f64) -> Use {
    Use {
        after: Duration::from_secs(60 * minute),
        memory_bytes: 1e6 * megabytes,
        tasks,
        descriptors: 7.0,
        threads: 3.0,
    }
}

fn found(uses: Vec<Use>) -> Found {
    Found { is_apart: false, best_per_s: 1.0, report: Report::default(), uses }
}

#[test]
fn a_slope_is_that_of_the_line_that_fits_best() {
    let uses = (0..60).map(|minute| looked(minute, 100.0 + minute as f64 / 20.0, 5.0));
    let found = found(uses.collect());
    assert!((found.slope_per_hour(|it| it.memory_bytes) - 3e6).abs() < 1.0);
    assert!(found.slope_per_hour(|it| it.tasks).abs() < 1e-9);
}

#[test]
fn requests_under_way_are_no_growth_and_what_stays_between_them_is() {
    let bursts = |minute| if minute % 6 == 0 { 20.0 } else { 20.0 + minute as f64 };
    let busy = found((0..60).map(|minute| looked(minute, 1.0, bursts(minute))).collect());
    assert!(busy.slope_per_hour(|it| it.tasks) > 30.0);
    assert!(busy.idle_slope_per_hour(6, |it| it.tasks).abs() < 1e-9);
    let leaking = (0..60).map(|minute| looked(minute, 1.0, bursts(minute) + minute as f64 / 6.0));
    let leaking = found(leaking.collect());
    assert!((leaking.idle_slope_per_hour(6, |it| it.tasks) - 10.0).abs() < 1e-9);
}
