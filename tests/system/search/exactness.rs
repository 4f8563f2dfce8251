//! Both engines against the oracle: BEST and ALL, with and without filters.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use schema::{LayoverPolicy, StationIdx};
use server::search::{
    Coverage, FareClass, Filter, Itinerary, Network, Query, Via, Window, itineraries,
    itineraries_without_tables,
};
use tests::agreement::{expected_line, found_line};
use tests::oracle::{self, Asked, Oracle};
use timetable_compiler::assemble::assemble;
use timetable_compiler::connect::connect;
use timetable_compiler::timetable::Timetable;

use super::random::timetables;

/// Random networks that every run tries, and the seed they come from. A longer run, with others:
/// `RAILGRAPH_NETWORKS=20000 RAILGRAPH_SEED=7 cargo test -p tests exactness -- --nocapture`.
const NETWORKS: (&str, u64) = ("RAILGRAPH_NETWORKS", 1_000);
const SEED: (&str, u64) = ("RAILGRAPH_SEED", 1);

#[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
fn setting((name, default): (&str, u64)) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect("a number"))
}

fn compile(timetable: &Timetable) -> Option<Network> {
    let mut network = assemble(timetable).ok()?;
    connect(&mut network, &|| {}).expect("times near their service date");
    let bytes = schema::encode(&network, [0; 32], "test").expect("bytes");
    Some(Network::open(Box::new(bytes)).expect("a network file"))
}

/// Everything, and a few windows that cut it.
fn windows(all: &[oracle::Itinerary]) -> Vec<Window> {
    let (from, until) = (25_000_000, 35_000_000);
    let mut windows =
        vec![Window::Departing { from, until }, Window::Arriving { after: from, until }];
    if let Some(it) = all.get(all.len() / 2) {
        let (departure, arrival) = (it.departure(), it.arrival());
        windows.push(Window::Departing { from: departure, until: departure + 1 });
        windows.push(Window::Departing { from: departure - 300, until: departure + 300 });
        windows.push(Window::Arriving { after: arrival - 1, until: arrival });
        windows.push(Window::Arriving { after: arrival - 400, until: arrival + 200 });
    }
    windows
}

fn asked() -> impl Strategy<Value = Asked> {
    let set = |names: [&str; 1]| names.map(str::to_owned).into_iter().collect();
    prop_oneof![
        2 => Just(Asked::default()),
        1 => (0..3_usize).prop_map(|stops| Asked { stops_max: Some(stops), ..Asked::default() }),
        1 => Just(Asked { train_types: Some(set(["AVE"])), ..Asked::default() }),
        1 => Just(Asked { train_types_excluded: set(["ICE"]), ..Asked::default() }),
        1 => Just(Asked { operators: Some(set(["DB"])), ..Asked::default() }),
        1 => (0..60_i32).prop_map(|it| Asked {
            transfer_minutes_min: Some(it),
            ..Asked::default()
        }),
        1 => Just(Asked { layover_policy: Some(LayoverPolicy::Strict), ..Asked::default() }),
        1 => Just(Asked { layover_policy: Some(LayoverPolicy::Lenient), ..Asked::default() }),
        1 => Just(Asked { layover_policy: Some(LayoverPolicy::None), ..Asked::default() }),
        1 => (1..6_u32).prop_map(|it| Asked {
            price_max: (None, Some(it * 1000)),
            ..Asked::default()
        }),
        1 => (1..6_u32).prop_map(|it| Asked {
            price_max: (Some(it * 1000), None),
            ..Asked::default()
        }),
        1 => (30..900_i32).prop_map(|it| Asked { minutes_max: Some(it), ..Asked::default() }),
        1 => Just(Asked { via: Some("C".to_owned()), ..Asked::default() }),
    ]
}

fn filter(network: &Network, asked: &Asked) -> Filter {
    Filter {
        stops_max: asked.stops_max,
        train_types: asked.train_types.clone(),
        train_types_excluded: asked.train_types_excluded.clone(),
        operators: asked.operators.clone(),
        transfer_minutes_min: asked.transfer_minutes_min,
        layover_policy: asked.layover_policy,
        price_max: (asked.price_max.0.map(|it| (FareClass::First, it)))
            .or(asked.price_max.1.map(|it| (FareClass::Second, it))),
        minutes_max: asked.minutes_max,
        via: asked.via.as_ref().and_then(|key| network.view().station_by_key(key)).map(Via),
    }
}

fn check(timetable: &Timetable, asked: &Asked) -> Result<usize, TestCaseError> {
    let Some(network) = compile(timetable) else {
        return Ok(0);
    };
    let oracle = Oracle::new(timetable);
    let filter = filter(&network, asked);
    let view = network.view();
    let mut compared = 0;
    for origin in view.stations() {
        for destination in view.stations().filter(|station| *station != origin) {
            compared += check_pair(&network, &oracle, (origin, destination), asked, &filter)?;
        }
    }
    Ok(compared)
}

fn check_pair(
    network: &Network,
    oracle: &Oracle<'_>,
    (origin, destination): (StationIdx, StationIdx),
    asked: &Asked,
    filter: &Filter,
) -> Result<usize, TestCaseError> {
    let key = |station| network.view().station(station).key.as_str();
    let all = oracle.all(key(origin), key(destination), asked);
    let best = oracle.best(key(origin), key(destination), asked);
    for window in windows(&all) {
        for (coverage, expected) in [(Coverage::All, &all), (Coverage::Best, &best)] {
            let query = Query { origin, destination, window, filter: filter.clone(), coverage };
            let mut expected: Vec<String> = (expected.iter())
                .filter(|it| window.contains(it.departure(), it.arrival()))
                .map(expected_line)
                .collect();
            expected.sort_unstable();
            let lines = |found: Vec<Itinerary>| {
                let mut lines: Vec<_> = found.iter().map(|it| found_line(network, it)).collect();
                lines.sort_unstable();
                lines
            };
            let exact = itineraries_without_tables(network, &query).expect("few itineraries");
            prop_assert_eq!(lines(exact), expected.clone(), "searched: {:?}", query);
            let answered = itineraries(network, &query).expect("few itineraries");
            prop_assert_eq!(lines(answered), expected, "answered: {:?}", query);
        }
    }
    Ok(all.len())
}

#[test]
fn both_engines_answer_what_the_definition_says() {
    let (networks, seed) = (setting(NETWORKS), setting(SEED));
    println!("{networks} networks from seed {seed}");
    let config = Config {
        cases: networks as u32,
        failure_persistence: None,
        max_shrink_iters: 4_000,
        ..Config::default()
    };
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, random);
    let compared = std::cell::Cell::new(0);
    let result = runner.run(&(timetables(), asked()), |(timetable, asked)| {
        compared.set(compared.get() + check(&timetable, &asked)?);
        Ok(())
    });
    println!("{} itineraries compared", compared.get());
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(compared.get() > networks as usize, "the networks are too poor to test anything");
}
