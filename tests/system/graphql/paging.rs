//! The laws of paging (QUALITY S7): pages joined are one big answer, forwards and backwards;
//! nothing comes twice; the next page and then the previous one is where one was.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use server::search::Network;
use tests::feed::{self, CITIES};

use super::{answer, bundled};

/// Pairs of the bundled network that have several itineraries a day.
const PAIRS: [(&str, &str); 5] = [
    ("London", "Köln"),
    ("Wien", "Zürich"),
    ("Paris", "Amsterdam"),
    ("Madrid", "Barcelona"),
    ("Hamburg", "Milano"),
];

const DOCUMENT: &str = "
    query (
      $origin: StationInput!, $destination: StationInput!, $when: ItineraryDateTimeInput!,
      $coverage: ItineraryCoverage!, $order: ItineraryOrder!, $filter: ItineraryFilter,
      $first: Int, $after: String, $last: Int, $before: String
    ) {
      itineraries(
        origin: $origin, destination: $destination, dateTime: $when, coverage: $coverage,
        orderBy: $order, filter: $filter, first: $first, after: $after, last: $last, before: $before
      ) {
        edges { cursor node { id } }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        totalCount
        problems { code argument }
      }
    }";

#[derive(Debug, Clone)]
struct Page {
    ids: Vec<String>,
    cursors: Vec<String>,
    total: usize,
    has_next: bool,
    has_previous: bool,
}

async fn page(network: &Arc<Network>, search: &Value, paging: Value) -> Page {
    let mut variables = search.clone();
    let all = variables.as_object_mut().expect("an object");
    all.extend(paging.as_object().expect("an object").clone());
    let answer = answer(network, DOCUMENT, &variables).await;
    let found = &answer["data"]["itineraries"];
    let edges = found["edges"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let texts = |pick: &dyn Fn(&Value) -> &Value| {
        edges.iter().map(|edge| pick(edge).as_str().expect("a text").to_owned()).collect()
    };
    let (ids, cursors): (Vec<_>, Vec<_>) =
        (texts(&|edge| &edge["node"]["id"]), texts(&|edge| &edge["cursor"]));
    let info = &found["pageInfo"];
    assert_eq!(info["startCursor"].as_str(), cursors.first().map(String::as_str));
    assert_eq!(info["endCursor"].as_str(), cursors.last().map(String::as_str));
    Page {
        ids,
        cursors,
        total: found["totalCount"].as_u64().expect("a number") as usize,
        has_next: info["hasNextPage"].as_bool().expect("yes or no"),
        has_previous: info["hasPreviousPage"].as_bool().expect("yes or no"),
    }
}

/// Holds a search to the laws, with pages of a size.
async fn check(network: &Arc<Network>, search: &Value, size: usize) {
    let whole = whole(network, search).await;
    let (mut forwards, mut after, mut before_that): (Vec<String>, Value, Option<Page>) =
        (Vec::new(), Value::Null, None);
    loop {
        let this = page(network, search, json!({ "first": size, "after": after })).await;
        assert_eq!(this.total, whole.len());
        assert_eq!(this.has_previous, !forwards.is_empty());
        if let (Some(previous), Some(first)) = (&before_that, this.cursors.first()) {
            let back = page(network, search, json!({ "last": size, "before": first })).await;
            assert_eq!(back.ids, previous.ids, "next and then previous is where one was");
        }
        forwards.extend(this.ids.clone());
        if !this.has_next {
            break;
        }
        after = json!(this.cursors.last());
        before_that = Some(this);
    }
    assert_eq!(forwards, whole, "pages joined are one big answer");
    let (mut backwards, mut before) = (Vec::new(), Value::Null);
    loop {
        let this = page(network, search, json!({ "last": size, "before": before })).await;
        assert_eq!(this.has_next, !backwards.is_empty());
        backwards.splice(0..0, this.ids.clone());
        if !this.has_previous {
            break;
        }
        before = json!(this.cursors.first());
    }
    assert_eq!(backwards, whole, "the same backwards");
}

/// All rows, in pages as large as there are.
async fn whole(network: &Arc<Network>, search: &Value) -> Vec<String> {
    let (mut all, mut after): (Vec<String>, Value) = (Vec::new(), Value::Null);
    loop {
        let this = page(network, search, json!({ "first": 100, "after": after })).await;
        all.extend(this.ids);
        if !this.has_next {
            break;
        }
        after = json!(this.cursors.last());
    }
    let mut distinct = all.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len(), "nothing comes twice");
    all
}

fn searches() -> impl Strategy<Value = (Value, usize)> {
    let moment = "2027-06-01T20:00:00+02:00";
    let when = prop::sample::select(vec![
        json!({ "date": "2027-06-01" }),
        json!({ "earliestDeparture": "2027-06-01T05:30:00+02:00" }),
        json!({ "latestArrival": moment }),
    ]);
    let filter = prop::sample::select(vec![
        Value::Null,
        json!({ "maxStops": 1 }),
        json!({ "layoverPolicy": "LENIENT" }),
    ]);
    let coverage = prop::sample::select(vec!["BEST", "ALL"]);
    let orders = vec!["DEPARTURE", "ARRIVAL", "DURATION", "PRICE", "STOPS"];
    (0..PAIRS.len(), when, filter, coverage, prop::sample::select(orders), 1..12_usize).prop_map(
        |(pair, when, filter, coverage, order, size)| {
            let (origin, destination) = PAIRS[pair];
            let search = json!({
                "origin": { "name": origin }, "destination": { "name": destination },
                "when": when, "filter": filter, "coverage": coverage, "order": order,
            });
            // Many small pages of ALL take long and show no more.
            let size = if coverage == "ALL" { size * 8 } else { size };
            (search, size)
        },
    )
}

#[test]
fn pages_of_any_search_obey_the_laws() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 60, ..Config::default() });
    let network = bundled();
    let tried = runner.run(&searches(), |(search, size)| {
        runtime.block_on(check(&network, &search, size));
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn a_cursor_of_another_network_is_stale() {
    let (old, new) = (CITIES, CITIES.replace("AB2,Aachen,Bonn,10:00", "AB2,Aachen,Bonn,10:05"));
    let [old, new] = [old, &new].map(|rows| Arc::new(feed::network(rows)));
    let search = json!({
        "origin": { "name": "Aachen" }, "destination": { "name": "Bonn" },
        "when": { "date": "2026-12-01" }, "coverage": "BEST", "order": "DEPARTURE",
    });
    let first = page(&old, &search, json!({ "first": 1 })).await;
    assert_eq!((first.total, first.has_next), (2, true));
    for argument in ["after", "before"] {
        let mut variables = search.clone();
        variables[argument] = json!(first.cursors[0]);
        let answer = answer(&new, DOCUMENT, &variables).await;
        let found = &answer["data"]["itineraries"];
        assert_eq!(found["edges"], json!([]));
        assert_eq!(found["problems"], json!([{ "code": "STALE_CURSOR", "argument": argument }]));
    }
}

#[tokio::test]
async fn ids_are_the_same_in_a_network_that_left_their_trains_alone() {
    let changed = CITIES.replace("AC1,Aachen,Celle,08:05", "AC1,Aachen,Celle,08:06");
    let [old, new] = [CITIES, &changed].map(|rows| Arc::new(feed::network(rows)));
    let search = json!({
        "origin": { "name": "Aachen" }, "destination": { "name": "Celle" },
        "when": { "date": "2026-12-01" }, "coverage": "ALL", "order": "DEPARTURE",
    });
    let (before, after) = (whole(&old, &search).await, whole(&new, &search).await);
    assert_eq!(before, after, "a train that is retimed keeps its id, too");
    assert_ne!(old.header().version(), new.header().version());
    for id in before {
        let document = "query ($id: ID!) { itinerary(id: $id) { id } }";
        let found = answer(&new, document, &json!({ "id": id })).await;
        assert_eq!(found["data"]["itinerary"]["id"], json!(id));
    }
}
