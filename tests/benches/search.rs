//! How long a day's best itineraries take: from the tables, and searched for at request time; and,
//! with filters or for ALL, the latter alone.
//!
//! ```sh
//! cargo bench -p tests --bench search
//! RAILGRAPH_BENCH_CSV=timetable.csv cargo bench -p tests --bench search
//! ```
//!
//! The second compiles another nine-column timetable and measures it, too. Pairs of stations and
//! dates are drawn from a fixed seed among the pairs that are connected; one iteration is one
//! query.

#![expect(clippy::print_stdout, reason = "a benchmark is there to print its figures")]

use std::hint::black_box;
use std::path::PathBuf;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion};
use schema::{Network as Tables, StationIdx};
use server::network_file;
use server::search::{Coverage, Filter, Network, Query, itineraries, itineraries_without_tables};
use tests::feed;
use timetable_compiler::compile::{Goal, Options, compile};
use timetable_compiler::read::Input;

/// Queries that a run goes through in turn.
const QUERIES: usize = 2_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().without_plots();
    bench(&mut criterion, "bundled", &network_file::bundled().expect("the bundled network"));
    if let Some(path) = other_csv() {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        bench(&mut criterion, &name, &compiled(&path));
    }
    criterion.final_summary();
}

#[expect(clippy::disallowed_methods, reason = "a benchmark has no command line of its own")]
fn other_csv() -> Option<PathBuf> {
    std::env::var("RAILGRAPH_BENCH_CSV").ok().map(PathBuf::from)
}

fn compiled(path: &std::path::Path) -> Network {
    let bytes = std::fs::read(path).expect("a readable timetable");
    let input = Input::file(path.display().to_string(), bytes);
    let date = |text: &str| text.parse().ok();
    let (from, until) = (date("2026-11-01"), date("2027-12-31"));
    let options = Options { stations: None, from, until, ..feed::options() };
    let outcome = compile(&[input], &options, Goal::Build, &|_| {}).expect("fitting options");
    let compiled = outcome.compiled.expect("a timetable without errors");
    let tables: &Tables = &compiled.network;
    println!("{} stations, {} journeys", tables.stations.len(), tables.journeys.len());
    Network::open(Box::new(compiled.encode().expect("bytes"))).expect("a network file")
}

fn queries(network: &Network, filter: &Filter, coverage: Coverage) -> Vec<Query> {
    let view = network.view();
    let mut state = 7_u64;
    let mut below = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize % bound
    };
    let mut queries = Vec::new();
    while queries.len() < QUERIES {
        let pair = [below(view.station_count()), below(view.station_count())].map(StationIdx::of);
        let day = 10 + below(view.axis_days() - 20) as i32;
        if pair[0] == pair[1] || view.connections(pair[0], pair[1]).is_empty() {
            continue;
        }
        let window = network.day_window(pair[0], day);
        let filter = filter.clone();
        queries.push(Query { origin: pair[0], destination: pair[1], window, filter, coverage });
    }
    queries
}

/// Median and 99th percentile of single queries, which criterion's mean hides.
fn print_percentiles(name: &str, queries: &[Query], mut answer: impl FnMut(&Query) -> usize) {
    let mut nanoseconds = Vec::new();
    let mut found = 0;
    for _ in 0..3 {
        nanoseconds.clear();
        found = 0;
        for query in queries {
            let started = Instant::now();
            found += black_box(answer(black_box(query)));
            nanoseconds.push(started.elapsed().as_nanos());
        }
    }
    nanoseconds.sort_unstable();
    let at = |part: usize| nanoseconds[queries.len() * part / 1000] as f64 / 1e3;
    println!(
        "{name}: median {:.2} µs, p99 {:.2} µs, {:.1} itineraries a query",
        at(500),
        at(990),
        found as f64 / queries.len() as f64
    );
}

fn bench(criterion: &mut Criterion, name: &str, network: &Network) {
    let mut group = criterion.benchmark_group(name);
    let some = Filter { stops_max: Some(1), ..Filter::default() };
    let none = Filter::default();
    for (kind, filter, coverage, with_tables) in [
        ("tables", &none, Coverage::Best, true),
        ("request time, BEST", &none, Coverage::Best, false),
        ("request time, maxStops 1", &some, Coverage::Best, true),
        ("request time, ALL", &none, Coverage::All, true),
    ] {
        let queries = queries(network, filter, coverage);
        let answer = |query: &Query| {
            let found = if with_tables {
                itineraries(network, query)
            } else {
                itineraries_without_tables(network, query)
            };
            found.map_or(0, |found| found.len())
        };
        print_percentiles(&format!("{name}/{kind}"), &queries, answer);
        let mut turn = queries.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(kind), |bencher| {
            bencher.iter(|| answer(black_box(turn.next().expect("an endless turn"))));
        });
    }
    group.finish();
}
