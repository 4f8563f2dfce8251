//! The bundled network: both engines agree all year, and the oracle agrees with them on a sample.

use chrono::NaiveDate;
use schema::StationIdx;
use server::network_file;
use server::search::{Coverage, Itinerary, itineraries};
use tests::agreement::{
    Compared, check_engines, check_with_oracle, cut, dates_around, day_query, expected_line,
    found_line, random_pair,
};
use tests::oracle::{Asked, Oracle};
use tests::random::Random;

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

#[test]
fn both_engines_agree_on_every_kind_of_day() {
    let network = network_file::bundled().expect("the bundled network");
    let view = network.view();
    let mut random = Random::of(1);
    // The nights on which clocks change, and the days around them, beside the whole year.
    let special = ["2026-12-24", "2027-03-27", "2027-03-28", "2027-10-30", "2027-10-31"];
    let special: Vec<i32> = special.iter().map(|day| view.day_of(date(day))).collect();
    let mut compared = Compared::default();
    while compared.pairs < 1_500 {
        let pair = random_pair(&network, &mut random);
        let day = if random.once_in(3) {
            *random.of_slice(&special)
        } else {
            random.below(view.axis_days()) as i32
        };
        check_engines(&network, pair, day, &mut compared).unwrap_or_else(|why| panic!("{why}"));
    }
    println!("{compared:?}");
    assert!(compared.itineraries > compared.pairs);
}

#[test]
fn the_oracle_agrees_on_a_sample() {
    let network = network_file::bundled().expect("the bundled network");
    let view = network.view();
    let mut random = Random::of(2);
    let mut compared = Compared::default();
    for day in ["2026-12-04", "2027-03-27", "2027-10-30"].map(date) {
        let cut = cut(&network, dates_around(&network, day));
        let oracle = Oracle::new(&cut);
        for _ in 0..12 {
            let pair = random_pair(&network, &mut random);
            let day = view.day_of(day);
            check_with_oracle(&network, &oracle, pair, day, &mut compared)
                .unwrap_or_else(|why| panic!("{why}"));
            check_all(&network, &oracle, pair, day);
        }
    }
    println!("{compared:?}");
    assert!(compared.itineraries > 50);
}

fn check_all(
    network: &server::search::Network,
    oracle: &Oracle<'_>,
    pair: (StationIdx, StationIdx),
    day: i32,
) {
    let key = |station: StationIdx| network.view().station(station).key.as_str();
    let query = day_query(network, pair, day, Coverage::All);
    let Ok(found) = itineraries(network, &query) else { return };
    let mut found: Vec<_> = found.iter().map(|it: &Itinerary| found_line(network, it)).collect();
    let mut expected: Vec<_> = (oracle.all(key(pair.0), key(pair.1), &Asked::default()).iter())
        .filter(|it| query.window.contains(it.departure(), it.arrival()))
        .map(expected_line)
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{query:?}");
}
