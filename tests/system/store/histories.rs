//! Short runs of the program `histories`, see the README: what callers see of servers that are
//! killed, paused and cut off is what one honest server would have shown them, and planted bugs are
//! caught.

use std::path::PathBuf;
use std::time::Duration;

use tests::history::bugs;
use tests::history::run::{Fault, Plan, run};

fn plan(postgres: bool, rounds: usize, faults: &[Fault]) -> Plan {
    Plan {
        program: PathBuf::from(env!("CARGO_BIN_EXE_histories")),
        postgres,
        rounds,
        round: Duration::from_millis(700),
        faults: faults.to_vec(),
        seed: 11,
    }
}

async fn check(postgres: bool, faults: &[Fault]) {
    let Some(report) = run(plan(postgres, 6, faults), None).await else { return };
    assert_eq!(report.summary.violations, [""; 0]);
    assert!(report.summary.done > 50, "{report:?}");
    assert!(report.ready_ms_max < 60_000, "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sqlite_servers_that_die_lose_nothing() {
    check(false, &[Fault::Kill, Fault::KillAtStep, Fault::Pause, Fault::Clock]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_servers_that_die_lose_nothing() {
    let faults = [Fault::KillAtStep, Fault::Pause, Fault::Cut, Fault::KillDatabase, Fault::Clock];
    check(true, &faults).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn planted_bugs_are_caught() {
    let mut planted = 0;
    for bug in &bugs::ALL {
        let Some(report) = run(plan(false, 2, &[Fault::None]), Some(bug)).await else { continue };
        planted += 1;
        assert!(!report.summary.violations.is_empty(), "not caught: {}", bug.name);
    }
    assert!(planted >= 10);
}
