//! Are bookings lost, doubled or halved when servers are killed, paused and cut off?
//! `cargo run --release -p tests --bin histories -- --database sqlite --rounds 200 --faults kill`
//!
//! Callers book, cancel and read at real server processes while faults happen; what they saw is
//! held against a model (see `tests/src/history`), and so is the database at the end. The seed
//! repeats the faults and the operations, but not how the machine interleaves them. Exits with 1
//! where anything is wrong.

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use tests::history::bugs;
use tests::history::process;
use tests::history::run::{Fault, Plan, Report, run};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Faults {
    /// Servers are killed, at random moments and at steps of transactions.
    Kill,
    /// PostgreSQL is killed.
    KillDatabase,
    /// All of them.
    All,
}

#[derive(Debug, Parser)]
struct Arguments {
    /// On which database.
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// What happens; one fault in each round.
    #[arg(long, value_enum, default_value_t = Faults::All)]
    faults: Faults,
    /// How many rounds.
    #[arg(long, default_value_t = 20)]
    rounds: usize,
    /// How long a round is, in milliseconds.
    #[arg(long, default_value_t = 1_000)]
    round_ms: u64,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Instead, plant each bug in turn and see whether it is caught.
    #[arg(long)]
    bugs: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == "serve") {
        process::serve(&words[1..]).await;
    }
    let arguments = Arguments::parse();
    let plan = Plan {
        program: std::env::current_exe().expect("this program"),
        postgres: arguments.database == Database::Postgres,
        rounds: arguments.rounds,
        round: Duration::from_millis(arguments.round_ms),
        faults: faults(&arguments),
        seed: arguments.seed,
    };
    println!(
        "{:?}, {} rounds of {} ms, seed {}",
        arguments.database, plan.rounds, arguments.round_ms, plan.seed
    );
    if arguments.bugs {
        return plant_all(&plan).await;
    }
    let begun = Instant::now();
    let Some(report) = run(plan, None).await else {
        println!("PostgreSQL is missing");
        return ExitCode::FAILURE;
    };
    tell(&report, begun.elapsed());
    if report.summary.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn faults(arguments: &Arguments) -> Vec<Fault> {
    let postgres = arguments.database == Database::Postgres;
    match arguments.faults {
        _ if arguments.bugs => vec![Fault::None],
        Faults::Kill => vec![Fault::Kill, Fault::KillAtStep],
        Faults::KillDatabase => vec![Fault::KillDatabase],
        Faults::All => {
            let mut all = vec![Fault::Kill, Fault::KillAtStep, Fault::Pause, Fault::Clock];
            if postgres {
                all.extend([Fault::Cut, Fault::Latency, Fault::KillDatabase]);
            }
            all
        }
    }
}

fn tell(report: &Report, took: Duration) {
    let summary = &report.summary;
    println!(
        "{} done, {} refused, {} unknown, in {} histories and {} groups; {:.0} s",
        summary.done,
        summary.refused,
        summary.unknown,
        summary.histories,
        report.groups,
        took.as_secs_f64()
    );
    println!(
        "servers killed {} times, PostgreSQL {} times; ready again after {} ms at most; {:?}",
        report.server_kills, report.database_kills, report.ready_ms_max, report.faults
    );
    for violation in summary.violations.iter().take(10) {
        println!("violation: {violation}");
    }
    println!("{} violations", summary.violations.len());
}

async fn plant_all(plan: &Plan) -> ExitCode {
    let (mut planted, mut caught) = (0, 0);
    for bug in &bugs::ALL {
        let Some(report) = run(plan.clone(), Some(bug)).await else { continue };
        planted += 1;
        let violations = &report.summary.violations;
        caught += usize::from(!violations.is_empty());
        let first = violations.first().map_or("NOT CAUGHT", String::as_str);
        println!("{}: {}", bug.name, first.chars().take(120).collect::<String>());
    }
    println!("{caught} of {planted} planted bugs caught");
    if caught == planted { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
