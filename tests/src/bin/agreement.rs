//! Do both engines agree on a network file, pair by pair and date by date, and does the oracle on a
//! sample? `cargo run --release -p tests --bin agreement -- FILE [--pairs N --sample N --seed N]`
//!
//! Every difference is printed, with the seed that repeats it; the first ends the run.

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use server::search::Network;
use tests::agreement::{
    Compared, check_engines, check_with_oracle, cut, dates_around, random_pair,
};
use tests::oracle::Oracle;
use tests::random::Random;
use timetable_compiler::inspect::read_aligned;

/// Pairs of the sample that are taken of one date: its trains are listed once.
const SAMPLE_PER_DATE: usize = 25;

#[derive(Debug, Parser)]
struct Arguments {
    /// The network file.
    file: PathBuf,
    /// Random pairs of stations and dates on which the engines are compared.
    #[arg(long, default_value_t = 100_000)]
    pairs: usize,
    /// Those on which the oracle is asked too.
    #[arg(long, default_value_t = 200)]
    sample: usize,
    /// Where the random numbers begin.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let network = Network::open(Box::new(read_aligned(&arguments.file)?))?;
    println!("{}, seed {}", arguments.file.display(), arguments.seed);
    engines(&network, &arguments)?;
    sample(&network, &arguments)
}

/// On as many threads as there are processors, each with numbers of its own.
fn engines(network: &Network, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let threads = std::thread::available_parallelism()?.get();
    let found = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let pairs =
                    arguments.pairs / threads + usize::from(thread < arguments.pairs % threads);
                let seed = arguments.seed.wrapping_add(thread as u64 * 1_000_003);
                scope.spawn(move || some_engines(network, pairs, seed))
            })
            .collect();
        let join = |worker: std::thread::ScopedJoinHandle<'_, _>| worker.join();
        workers.into_iter().map(join).collect::<Vec<_>>()
    });
    let mut all = Compared::default();
    for compared in found {
        let compared: Compared = compared.map_err(|_| "a comparison panicked")??;
        all.pairs += compared.pairs;
        all.connected += compared.connected;
        all.itineraries += compared.itineraries;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "engines: {} pairs and dates, {} connected, {} itineraries, all alike, in {seconds:.0} s",
        all.pairs, all.connected, all.itineraries
    );
    Ok(())
}

fn some_engines(network: &Network, pairs: usize, seed: u64) -> Result<Compared, String> {
    let mut random = Random::of(seed);
    let mut compared = Compared::default();
    while compared.pairs < pairs {
        let pair = random_pair(network, &mut random);
        let day = random.below(network.view().axis_days()) as i32;
        check_engines(network, pair, day, &mut compared)?;
    }
    Ok(compared)
}

fn sample(network: &Network, arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    let view = network.view();
    let mut random = Random::of(arguments.seed);
    let mut compared = Compared::default();
    while compared.pairs < arguments.sample {
        let day = random.below(view.axis_days()) as i32;
        let cut = cut(network, dates_around(network, view.date_of(day)));
        let oracle = Oracle::new(&cut);
        for _ in 0..SAMPLE_PER_DATE.min(arguments.sample - compared.pairs) {
            let pair = random_pair(network, &mut random);
            check_with_oracle(network, &oracle, pair, day, &mut compared)?;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "oracle: {} pairs and dates, {} connected, {} itineraries, all alike, in {seconds:.0} s",
        compared.pairs, compared.connected, compared.itineraries
    );
    Ok(())
}
