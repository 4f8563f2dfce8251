//! What servers do while something happens to them, at length and with figures.
//! `cargo run --release -p tests --bin running -- swap`
//!
//! Each subcommand prints what it did and what came of it, and exits with 1 where anything is
//! wrong.

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use tests::feed;
use tests::running::database_away::{self, Away};
use tests::running::failing_disk::{self, Fault};
use tests::running::replica::{self, Plan};
use tests::running::requests::Outage;
use tests::running::soak::Use;
use tests::running::{Program, soak, swap, two_servers};

/// How often the soak looks at what is in use.
const LOOKS_A_MINUTE: usize = 12;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// New network files under load, and bad ones.
    Swap {
        /// Files that take over.
        #[arg(long, default_value_t = 100)]
        files: u32,
        /// Searches a second all the while.
        #[arg(long, default_value_t = 500)]
        requests_per_s: u64,
        /// Flipped bits of a small file, beside all its truncations.
        #[arg(long, default_value_t = 100_000)]
        flips: usize,
        /// Where the random numbers begin.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// PostgreSQL is stopped, and then stands still, while searches and bookings go on.
    DatabaseAway {
        /// For how long, each time.
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// PostgreSQL's disk is full, and then its syncs fail, while searches and bookings go on.
    FailingDisk {
        /// For how long, each time.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// A standby falls behind while callers write at one server and read at another.
    Replica {
        /// Callers at once.
        #[arg(long, default_value_t = 16)]
        callers: usize,
        /// How long the standby keeps up, then stands still, then keeps up again.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// One of two servers behind nginx is stopped, then killed.
    TwoServers {
        /// Requests a second all the while.
        #[arg(long, default_value_t = 200)]
        requests_per_s: u64,
        /// Times that a server is stopped, and times that one is killed.
        #[arg(long, default_value_t = 5)]
        times: usize,
    },
    /// A server at half of what it can do.
    Soak {
        /// Before its use counts: what is done every hour has then been done with all these trips,
        /// and as many keys expire as are made.
        #[arg(long, default_value_t = 65)]
        warm_up_minutes: u64,
        /// For how long its use counts.
        #[arg(long, default_value_t = 60)]
        minutes: u64,
        /// Trips that are booked beforehand, so that what the server keeps of them is all there.
        #[arg(long, default_value_t = 200_000)]
        trips: u64,
        /// On PostgreSQL; else on SQLite.
        #[arg(long)]
        postgres: bool,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let program = Program::beside();
    println!("{:?}", arguments.what);
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let good = runtime.expect("a runtime").block_on(run(arguments.what, program));
    println!("{} in {:.0} s", if good { "good" } else { "WRONG" }, begun.elapsed().as_secs_f64());
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run(what: What, program: Program) -> bool {
    match what {
        What::Swap { files, requests_per_s, flips, seed } => {
            run_swap(program, files, requests_per_s).await & run_refusals(flips, seed).await
        }
        What::Replica { callers, seconds } => {
            run_replica(Plan { callers, phase: Duration::from_secs(seconds) }).await
        }
        What::Soak { warm_up_minutes, minutes, trips, postgres } => {
            run_soak(program, (warm_up_minutes, minutes), trips, postgres).await
        }
        What::TwoServers { requests_per_s, times } => run_two(program, requests_per_s, times).await,
        What::DatabaseAway { seconds } => {
            run_away(&program, Away::Stopped, seconds).await
                & run_away(&program, Away::Still, seconds).await
        }
        What::FailingDisk { seconds } => {
            run_failing(&program, Fault::DataFull, seconds).await
                & run_failing(&program, Fault::AllFull, seconds).await
                & run_failing(&program, Fault::Syncs, seconds).await
        }
    }
}

/// Two cities and a date of the bundled network.
fn question() -> (&'static str, &'static str, String) {
    let network = server::network_file::bundled().expect("the bundled network");
    let date = network.view().period().1 - chrono::Days::new(7);
    ("London", "Wien", date.to_string())
}

async fn run_replica(plan: Plan) -> bool {
    let Some(found) = replica::run(plan).await else {
        println!("PostgreSQL is missing");
        return false;
    };
    let [before, meanwhile, after] = found.reads;
    println!(
        "{} writes read back at once from the other server, {} not seen",
        found.written, found.stale
    );
    for (what, (replica, primary)) in
        [("keeping up", before), ("standing still", meanwhile), ("keeping up again", after)]
    {
        println!("{what}: {replica} reads from the replica, {primary} from the primary");
    }
    println!("it was {} bytes behind after its standstill", found.behind_bytes);
    println!(
        "with the replica stopped: {} reads answered, {} failed",
        found.while_killed.1, found.while_killed.0
    );
    found.stale == 0 && found.while_killed.0 == 0 && before.0 > 0
}

async fn run_soak(
    program: Program,
    (warm_up, minutes): (u64, u64),
    trips: u64,
    postgres: bool,
) -> bool {
    let network = server::network_file::bundled().expect("the bundled network");
    let plan = soak::Plan {
        program,
        postgres,
        apart: true,
        date: network.view().period().1 - chrono::Days::new(60),
        trips,
        measured: Duration::from_secs(10),
        warm_up: Duration::from_secs(60 * warm_up),
        time: Duration::from_secs(60 * minutes),
        every: Duration::from_secs(60 / LOOKS_A_MINUTE as u64),
    };
    let Some(found) = soak::run(&plan).await else {
        println!("PostgreSQL is missing");
        return false;
    };
    println!("the server had a processor of its own: {}", found.is_apart);
    println!(
        "best {:.0}/s; {} requests at half of it, p99 {:.1} ms; {} refused as too much, {} failed",
        found.best_per_s,
        found.report.sent,
        found.report.percentile_ms(0.99),
        found.report.failures.len() - found.wrong().count(),
        found.wrong().count()
    );
    let mut from = Duration::ZERO;
    for looks in found.uses.chunks(LOOKS_A_MINUTE * 5) {
        let until = looks.last().map_or(from, |last| last.after);
        let failures = &found.report.failures;
        let failed = failures.iter().filter(|it| (from..until).contains(&it.after)).count();
        print_looks(looks, failed);
        from = until;
    }
    let megabytes = found.slope_per_hour(|used| used.memory_bytes / 1e6);
    let [tasks, descriptors, threads] = [
        found.idle_slope_per_hour(LOOKS_A_MINUTE, |used| used.tasks),
        found.idle_slope_per_hour(LOOKS_A_MINUTE, |used| used.descriptors),
        found.idle_slope_per_hour(LOOKS_A_MINUTE, |used| used.threads),
    ];
    println!(
        "an hour more: {megabytes:+.2} MB (goal: 2 at most); of the least in each minute: \
         {tasks:+.1} tasks, {descriptors:+.1} descriptors, {threads:+.1} threads"
    );
    for failure in found.wrong().take(5) {
        println!("wrong: {failure:?}");
    }
    // Callers let connections go that they made when they were more.
    let is_flat = |slope: f64| slope <= 2.0;
    found.wrong().next().is_none()
        && megabytes <= 2.0
        && is_flat(tasks)
        && is_flat(descriptors)
        && is_flat(threads)
}

/// What was in use in these looks, from the least to the most, and how many requests failed.
fn print_looks(looks: &[Use], failed: usize) {
    let Some(first) = looks.first() else { return };
    let range = |of: fn(&Use) -> f64| {
        let values = || looks.iter().map(of);
        (values().fold(f64::INFINITY, f64::min), values().fold(0.0, f64::max))
    };
    let memory = range(|used| used.memory_bytes / 1e6);
    let [tasks, descriptors, threads] =
        [range(|used| used.tasks), range(|used| used.descriptors), range(|used| used.threads)];
    println!(
        "after {:>5.0} s: {:.1}-{:.1} MB, {}-{} tasks, {}-{} descriptors, {}-{} threads, \
         {failed} refused or failed since the line before",
        first.after.as_secs_f64(),
        memory.0,
        memory.1,
        tasks.0,
        tasks.1,
        descriptors.0,
        descriptors.1,
        threads.0,
        threads.1
    );
}

async fn run_two(program: Program, requests_per_s: u64, times: usize) -> bool {
    let plan = two_servers::Plan { program, question: question(), requests_per_s, times };
    let Some(found) = two_servers::run(&plan).await else {
        println!("PostgreSQL or nginx is missing");
        return false;
    };
    println!(
        "{} requests, p99 {:.1} ms; {times} servers stopped: {} failed, {} of {} WebSockets \
         refused; {times} killed: {} failed, {} of them not in flight",
        found.sent,
        found.p99_ms,
        found.while_stopped.len(),
        found.sockets.1,
        found.sockets.0,
        found.while_killed.len(),
        found.not_in_flight
    );
    println!("{} bookings acknowledged, {} lost", found.booked.0, found.booked.1);
    for failure in found.while_stopped.iter().take(5) {
        println!("wrong: {failure:?}");
    }
    found.while_stopped.is_empty()
        && found.sockets.1 == 0
        && found.not_in_flight == 0
        && found.booked.1 == 0
}

fn outage<F>(program: &Program, fault: F, seconds: u64) -> Outage<F> {
    Outage {
        program: program.clone(),
        question: question(),
        fault,
        time: Duration::from_secs(seconds),
        searches_per_s: 200,
        bookings_per_s: 50,
    }
}

async fn run_away(program: &Program, away: Away, seconds: u64) -> bool {
    let Some(found) = database_away::run(&outage(program, away, seconds)).await else {
        println!("PostgreSQL is missing");
        return false;
    };
    println!(
        "{away:?}: {} searches, {} failed, p99 {:.1} ms",
        found.searches.sent,
        found.searches.failures.len(),
        found.searches.percentile_ms(0.99)
    );
    println!(
        "{} bookings: {} done, {} of them lost, {} refused typed, {} failed otherwise",
        found.bookings.sent,
        found.booked.0,
        found.booked.1,
        found.refused,
        found.bookings.failures.len()
    );
    println!(
        "the breaker was open after {:.0} ms; since then a refusal took at most {:.1} ms; the \
         first booking came {:.0} ms after the database was back",
        found.open_after_ms, found.longest_refusal_ms, found.back_after_ms
    );
    println!(
        "health meanwhile: search {} (after {:.1} ms), booking {}; reads refused after {:.1} ms",
        found.health.0, found.health_ms, found.health.1, found.read_refused_ms
    );
    found.searches.failures.is_empty()
        && found.bookings.failures.is_empty()
        && found.booked.1 == 0
        && found.longest_refusal_ms <= 100.0
        && found.back_after_ms <= 5_000.0
        && found.health == (200, 503)
        && found.health_ms < 500.0
        && found.read_refused_ms < 100.0
}

async fn run_failing(program: &Program, fault: Fault, seconds: u64) -> bool {
    let Some(found) = failing_disk::run(&outage(program, fault, seconds)).await else {
        println!("PostgreSQL is missing, or no disk can be mounted");
        return false;
    };
    println!(
        "{fault:?}: {} searches, {} failed, p99 {:.1} ms",
        found.searches.sent,
        found.searches.failures.len(),
        found.searches.percentile_ms(0.99)
    );
    println!(
        "{} bookings: {} acknowledged, {} of them lost; {} refused typed, {} of them again when \
         they were sent again; {} failed otherwise; {} persons have {} trips",
        found.bookings.sent,
        found.booked.0,
        found.booked.1,
        found.refused,
        found.refused_again,
        found.bookings.failures.len(),
        found.trips.0,
        found.trips.1
    );
    println!(
        "reads meanwhile: {} answered, {} not; PostgreSQL {}; the first booking came {:.0} ms \
         after it was well",
        found.reads.0,
        found.reads.1,
        if found.has_ended { "had ended and was started" } else { "went on by itself" },
        found.back_after_ms
    );
    found.searches.failures.is_empty()
        && found.bookings.failures.is_empty()
        && found.booked.1 == 0
        && found.refused_again == 0
        && found.trips.0 as u64 == found.trips.1
        && (fault != Fault::DataFull || found.reads.1 == 0)
}

async fn run_swap(program: Program, files: u32, requests_per_s: u64) -> bool {
    let base = include_bytes!("../../../data/european-network.railgraph").to_vec();
    let question = question();
    let found = swap::run(&swap::Plan { program, base, question, files, requests_per_s }).await;
    let megabytes = found.memory_bytes.map(|bytes| bytes as f64 / 1e6);
    println!(
        "{} searches, {} failed or mixed; median {:.1} ms, p99 {:.1} ms",
        found.report.sent,
        found.report.failures.len(),
        found.report.percentile_ms(0.5),
        found.report.percentile_ms(0.99)
    );
    println!(
        "{} of {files} files taken over, {} versions answered, the last rename to the first answer \
         at most {:.0} ms",
        found.taken, found.versions, found.longest_ms
    );
    println!("{} bad files put in place, refused {} times", found.bad.0, found.bad.1);
    println!(
        "memory: {:.1} MB after ten swaps, {:.1} MB at the most, {:.1} MB at the end",
        megabytes[0], megabytes[1], megabytes[2]
    );
    for failure in found.report.failures.iter().take(5) {
        println!("wrong: {failure:?}");
    }
    found.report.failures.is_empty()
        && found.taken == files as usize
        && found.bad.1 >= found.bad.0
        && megabytes[2] <= megabytes[0] + 8.0
}

async fn run_refusals(flips: usize, seed: u64) -> bool {
    let small = feed::compiled(feed::CITIES).encode().expect("bytes");
    let (tried, wrong) = swap::refuse_all(&small, flips, seed).await;
    println!(
        "a file of {} bytes: {tried} truncations and flipped bits, {} not refused",
        small.len(),
        wrong.len()
    );
    for what in wrong.iter().take(5) {
        println!("wrong: {what}");
    }
    wrong.is_empty()
}
