//! What the server does when more is asked of it than it can (QUALITY R4).
//! `cargo run --release -p tests --bin overload -- searches` (or `bookings`, or `slow`)
//!
//! The server is a process of its own, in open mode on a new SQLite database. Searches take all
//! the processor time that there is, so for them it has a processor that it does not share with
//! those who ask: sending twice as much would slow it. Bookings wait for the disk. Round by round,
//! its best rate is looked for with more and more callers, each with one request at a time; then
//! twice that rate is offered, whether or not answers come, and what is answered, what is refused
//! and how soon are counted. `slow` opens connections that say nothing, or too slowly, and sees
//! when they are closed.

#![expect(clippy::print_stdout, reason = "a program says what it measured")]

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use tests::cpu::set_apart;
use tests::measure::overload::{Asked, Offered, Work, best, offer, slow};
use tests::running::{Process, Program};

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// Seconds of each measurement.
    #[arg(long, global = true, default_value_t = 3.0)]
    seconds: f64,
    /// How often the best rate is measured, and then more offered.
    #[arg(long, global = true, default_value_t = 5)]
    rounds: u32,
    /// How many times the best rate is offered.
    #[arg(long, global = true, default_value_t = 2.0)]
    times: f64,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum What {
    /// Requests of ten filtered searches each.
    Searches,
    /// Bookings, each of another traveller.
    Bookings,
    /// Slow connections.
    Slow {
        /// How many.
        #[arg(long, default_value_t = 1_000)]
        connections: usize,
    },
}

/// Callers with whom the best rate is looked for. With fewer it is lower.
const CALLERS: [usize; 4] = [16, 32, 64, 128];
/// The part of the best rate that must be left.
const GOODPUT_MIN: f64 = 0.9;
/// How long a refusal may take.
const REFUSAL_MAX: Duration = Duration::from_millis(10);
/// How long a slow connection may stay open.
const OPEN_MAX: Duration = Duration::from_secs(15);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(&Program::beside(), folder.path(), &[]);
    if matches!(arguments.what, What::Searches) {
        let shared = if set_apart(server.id()) { "no processor" } else { "ITS PROCESSORS" };
        println!("the server shares {shared} with those who ask");
    }
    let is_good = match arguments.what {
        What::Searches => overload(server.address, Asked::Searches, &arguments).await,
        What::Bookings => overload(server.address, Asked::Bookings, &arguments).await,
        What::Slow { connections } => {
            let closed = slow(server.address, connections).await;
            let longest = closed.longest;
            println!(
                "{connections} slow connections: all closed after {longest:.1?} at most, by the \
                 server {}; meanwhile {} of {} requests were answered, the slowest after {:.1?}",
                closed.by_server, closed.answered, closed.asked, closed.slowest_answer
            );
            println!("goal: {OPEN_MAX:?} at most");
            longest <= OPEN_MAX && closed.answered == closed.asked
        }
    };
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn overload(address: SocketAddr, asked: Asked, arguments: &Arguments) -> bool {
    let work = Work::prepare(address, asked).await;
    let time = Duration::from_secs_f64(arguments.seconds);
    // How fast the disk is changes from one moment to the next: all rates in turns, and the best is
    // that of the number of callers that had the best on the whole.
    let (mut rates, mut goodputs, mut all) = ([0.0; CALLERS.len()], 0.0, Offered::default());
    for round in 1..=arguments.rounds {
        let mut peak = 0.0_f64;
        for (sum, callers) in rates.iter_mut().zip(CALLERS) {
            let rate = best(address, &work, callers, time).await;
            *sum += rate;
            peak = peak.max(rate);
        }
        let offered = offer(address, &work, peak * arguments.times, time).await;
        let goodput = offered.good as f64 / time.as_secs_f64();
        println!(
            "{round}: {peak:.0}/s at most; {goodput:.0}/s of {:.0}/s offered",
            peak * arguments.times
        );
        goodputs += goodput;
        all.add(offered);
    }
    let rounds = f64::from(arguments.rounds);
    for (sum, callers) in rates.iter().zip(CALLERS) {
        println!("{callers:>4} callers: {:>6.0}/s", sum / rounds);
    }
    let peak = rates.into_iter().fold(0.0, f64::max);
    let Offered { sent, late, good, refused, failed, good_times, refusal_times } = all;
    println!(
        "{sent} sent ({late} more had no connection), {good} answered in the time, {refused} \
         refused, {failed} failed"
    );
    println!("answers: median {:.1?}, p99 {:.1?}", at(&good_times, 0.5), at(&good_times, 0.99));
    println!(
        "refusals: median {:.2?}, p99 {:.2?}, slowest {:.2?} (goal: {REFUSAL_MAX:?} at most)",
        at(&refusal_times, 0.5),
        at(&refusal_times, 0.99),
        at(&refusal_times, 1.0)
    );
    let ratio = goodputs / peak;
    println!(
        "goodput {:.0}/s, {ratio:.2} of the best {:.0}/s (goal: {GOODPUT_MIN:.2} or more)",
        goodputs / rounds,
        peak / rounds
    );
    ratio >= GOODPUT_MIN && at(&refusal_times, 0.99) <= REFUSAL_MAX && failed == 0
}

/// A quantile of sorted times.
fn at(times: &[Duration], quantile: f64) -> Duration {
    let last = times.len().saturating_sub(1);
    times.get((last as f64 * quantile) as usize).copied().unwrap_or_default()
}
