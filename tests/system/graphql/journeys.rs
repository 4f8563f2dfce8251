//! Trains by what is known of them.

use std::sync::Arc;

use serde_json::{Value, json};
use tests::feed::{self, CITIES};

use super::{answer, bundled};

async fn trains(arguments: &str) -> Vec<String> {
    let document = format!(
        "{{ serviceJourneys({arguments}) {{ totalCount nodes {{ sourceId trainType }} }} }}"
    );
    let answer = answer(&Arc::new(feed::network(CITIES)), &document, &json!({})).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    if let Some(error) = answer["errors"].get(0) {
        return vec![format!("{} {}", text(&error["extensions"]["code"]), text(&error["message"]))];
    }
    let nodes = answer["data"]["serviceJourneys"]["nodes"].as_array().cloned().expect("rows");
    nodes.iter().map(|it| text(&it["sourceId"])).collect()
}

#[tokio::test]
async fn trains_are_found_by_station_type_date_and_id() {
    assert_eq!(trains("first: 3").await, ["AB1", "AB2", "AC1"]);
    assert_eq!(trains("filter: {calls: {name: \"Celle\"}}").await, ["AC1", "BC1", "BC2", "CD1"]);
    assert_eq!(trains("filter: {origin: {name: \"celle\"}}").await, ["CD1"]);
    assert_eq!(trains("filter: {destination: {name: \"Celle\"}}").await, ["AC1", "BC1", "BC2"]);
    assert_eq!(
        trains("filter: {trainTypes: [\"ICE\", \"Nightjet\"]}").await,
        ["BC1", "BC2", "CD1", "DE1"]
    );
    assert_eq!(trains("filter: {trainTypes: [\"Rocket\"]}").await, [""; 0]);
    assert_eq!(trains("filter: {operators: [\"Nobody\"]}").await, [""; 0]);
    assert_eq!(trains("filter: {number: \"17\"}").await, [""; 0]);
    assert_eq!(
        trains("filter: {date: \"2026-12-06\", calls: {name: \"Celle\"}}").await,
        ["BC1", "BC2"],
        "neither AC1 nor CD1 runs on a Sunday"
    );
    assert_eq!(trains("filter: {date: \"2030-01-01\"}").await, [""; 0]);
    assert_eq!(trains("filter: {sourceId: \"BC2\"}").await, ["BC2"]);
    assert_eq!(trains("filter: {sourceId: \"BC2\", origin: {name: \"Aachen\"}}").await, [""; 0]);
    assert_eq!(
        trains("filter: {calls: {name: \"Cele\"}}").await,
        ["BAD_USER_INPUT filter.calls: no station is called \"Cele\"; it may be Celle"]
    );
}

#[tokio::test]
async fn a_network_counts_its_trains_by_their_ids() {
    let document = "{ network { serviceJourneyCount trainTypes } serviceJourneys { totalCount } }";
    let answer = answer(&bundled(), document, &json!({})).await;
    let (network, all) = (&answer["data"]["network"], &answer["data"]["serviceJourneys"]);
    assert_eq!(network["serviceJourneyCount"], all["totalCount"]);
    assert!(all["totalCount"].as_u64() > Some(1000), "{all}");
    assert!(network["trainTypes"].as_array().is_some_and(|all| all.contains(&json!("Nightjet"))));
}
