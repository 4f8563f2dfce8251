//! Itineraries, stations and the network, over HTTP.

use serde_json::{Value, json};
use tests::app::{self, Server};
use tests::feed::{self, CITIES};

async fn server() -> Server {
    app::on_sqlite(feed::network(CITIES)).await
}

/// The answer to `itineraries(ARGUMENTS)`: a line for each itinerary, or the codes of the problems.
async fn lines(server: &Server, arguments: &str) -> Vec<String> {
    let query = format!(
        "{{ itineraries({arguments}) {{
            nodes {{
                departure arrival duration stops price {{ amount }}
                legs {{ serviceJourney {{ sourceId }} }}
                transfers {{ layover }}
            }}
            problems {{ code argument nextDate suggestions {{ name }} }}
        }} }}"
    );
    let data = server.data(&query, json!({})).await;
    let list = |value: &Value| value.as_array().expect("a list").clone();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line = |it: &Value| {
        let train = |leg: &Value| text(&leg["serviceJourney"]["sourceId"]);
        let trains: Vec<String> = list(&it["legs"]).iter().map(train).collect();
        let price = text(&it["price"]["amount"]);
        let times = [text(&it["departure"]), text(&it["arrival"])].map(|it| it[5..16].to_owned());
        format!("{} {} {} {price}", times[0], times[1], trains.join(" "))
    };
    let problem = |it: &Value| {
        let names: Vec<String> =
            list(&it["suggestions"]).iter().map(|it| text(&it["name"])).collect();
        let (code, argument) = (text(&it["code"]), text(&it["argument"]));
        format!("{code} {argument} {} [{}]", text(&it["nextDate"]), names.join(", "))
    };
    let connection = &data["itineraries"];
    let nodes = list(&connection["nodes"]);
    nodes.iter().map(line).chain(list(&connection["problems"]).iter().map(problem)).collect()
}

const FROM_A_TO_C: &str = r#"origin: {name: "Aachen"}, destination: {name: "Celle"}"#;

#[track_caller]
fn assert_lines(found: &[String], expected: &[&str]) {
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[tokio::test]
async fn best_is_what_no_other_dominates() {
    let server = server().await;
    let found =
        lines(&server, &format!(r#"{FROM_A_TO_C}, dateTime: {{date: "2026-12-01"}}"#)).await;
    assert_lines(
        &found,
        &[
            "12-01T08:00 12-01T12:00 AB1 BC1 70.25",
            "12-01T08:05 12-01T14:00 AC1 45.00",
            "12-01T10:00 12-01T13:30 AB2 BC2 90.00",
        ],
    );
}

#[tokio::test]
async fn all_has_what_is_dominated_too() {
    let server = server().await;
    let day = r#"dateTime: {date: "2026-12-01"}, coverage: ALL, filter: {maxDuration: "PT6H"}"#;
    let found = lines(&server, &format!("{FROM_A_TO_C}, {day}")).await;
    assert_lines(
        &found,
        &[
            "12-01T08:00 12-01T12:00 AB1 BC1 70.25",
            "12-01T08:00 12-01T13:30 AB1 BC2 90.00",
            "12-01T08:05 12-01T14:00 AC1 45.00",
            "12-01T10:00 12-01T13:30 AB2 BC2 90.00",
        ],
    );
}

#[tokio::test]
async fn a_window_begins_at_a_departure_or_ends_at_an_arrival() {
    let server = server().await;
    let ask = async |moment: &str| {
        lines(&server, &format!("{FROM_A_TO_C}, dateTime: {{{moment}}}, searchWindow: \"PT2H\""))
            .await
    };
    assert_lines(
        &ask(r#"earliestDeparture: "2026-12-01T08:05:00+01:00""#).await,
        &["12-01T08:05 12-01T14:00 AC1 45.00", "12-01T10:00 12-01T13:30 AB2 BC2 90.00"],
    );
    // The same moment by another clock, and a second too late for the first.
    assert_lines(
        &ask(r#"earliestDeparture: "2026-12-01T07:05:01Z""#).await,
        &["12-01T10:00 12-01T13:30 AB2 BC2 90.00"],
    );
    assert_lines(
        &ask(r#"latestArrival: "2026-12-01T14:00:00+01:00""#).await,
        &["12-01T08:05 12-01T14:00 AC1 45.00", "12-01T10:00 12-01T13:30 AB2 BC2 90.00"],
    );
    assert_lines(
        &ask(r#"latestArrival: "2026-12-01T13:59:59+01:00""#).await,
        &["12-01T08:00 12-01T12:00 AB1 BC1 70.25", "12-01T10:00 12-01T13:30 AB2 BC2 90.00"],
    );
}

#[tokio::test]
async fn itineraries_are_listed_in_the_order_asked_for() {
    let server = server().await;
    let ask = async |order: &str| {
        let day = r#"dateTime: {date: "2026-12-01"}"#;
        let found = lines(&server, &format!("{FROM_A_TO_C}, {day}, orderBy: {order}")).await;
        found.iter().map(|line| line[24..].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ask("DEPARTURE").await, ["AB1 BC1 70.25", "AC1 45.00", "AB2 BC2 90.00"]);
    assert_eq!(ask("ARRIVAL").await, ["AB1 BC1 70.25", "AB2 BC2 90.00", "AC1 45.00"]);
    assert_eq!(ask("DURATION").await, ["AB2 BC2 90.00", "AB1 BC1 70.25", "AC1 45.00"]);
    assert_eq!(ask("PRICE").await, ["AC1 45.00", "AB1 BC1 70.25", "AB2 BC2 90.00"]);
    assert_eq!(ask("STOPS").await, ["AC1 45.00", "AB1 BC1 70.25", "AB2 BC2 90.00"]);
}

#[tokio::test]
async fn a_filter_is_part_of_the_search() {
    let server = server().await;
    let ask = async |filter: &str| {
        let day = r#"dateTime: {date: "2026-12-01"}"#;
        lines(&server, &format!("{FROM_A_TO_C}, {day}, filter: {{{filter}}}")).await
    };
    assert_lines(&ask("maxStops: 0").await, &["12-01T08:05 12-01T14:00 AC1 45.00"]);
    // BC1 leaves half an hour after the trains it waits for: only that of the next day is reached,
    // and it is cheap enough to be among the best.
    assert_lines(
        &ask(r#"excludeTrainTypes: ["IC"], minTransferTime: "PT31M""#).await,
        &["12-01T08:00 12-01T13:30 AB1 BC2 90.00", "12-01T10:00 12-02T12:00 AB2 BC1 70.25"],
    );
    assert_lines(&ask(r#"trainTypes: ["IC"]"#).await, &["12-01T08:05 12-01T14:00 AC1 45.00"]);
    assert_lines(&ask(r#"maxPrice: "45""#).await, &["12-01T08:05 12-01T14:00 AC1 45.00"]);
    assert_lines(
        &ask(r#"via: {name: "Bonn"}, maxDuration: "PT3H30M""#).await,
        &["12-01T10:00 12-01T13:30 AB2 BC2 90.00"],
    );
    assert_lines(&ask(r#"trainTypes: ["RE"]"#).await, &["NOTHING_IN_WINDOW dateTime - []"]);
}

#[tokio::test]
async fn a_night_train_arrives_on_the_next_day() {
    let server = server().await;
    let found = lines(
        &server,
        r#"origin: {name: "Bonn"}, destination: {name: "Drazdany"},
           dateTime: {date: "2026-12-01"}"#,
    )
    .await;
    assert_lines(
        &found,
        &["12-01T09:30 12-02T06:45 BC1 CD1 150.25", "12-01T11:30 12-02T06:45 BC2 CD1 170.00"],
    );
}

#[tokio::test]
async fn what_is_not_found_is_told() {
    let server = server().await;
    let ask = async |arguments: &str| lines(&server, arguments).await;
    let day = r#"dateTime: {date: "2026-12-01"}"#;
    assert_lines(
        &ask(&format!(r#"origin: {{name: "Achen"}}, destination: {{name: "Xyz"}}, {day}"#)).await,
        &["UNKNOWN_STATION origin - [Aachen]", "UNKNOWN_STATION destination - []"],
    );
    assert_lines(
        &ask(&format!(r#"origin: {{name: "Bonn"}}, destination: {{name: "BONN"}}, {day}"#)).await,
        &["SAME_STATION destination - []"],
    );
    assert_lines(
        &ask(&format!(r#"origin: {{name: "Emden"}}, destination: {{name: "Bonn"}}, {day}"#)).await,
        &["NOT_WITHIN_TWO_STOPS destination - []"],
    );
    assert_lines(
        &ask(&format!(r#"{FROM_A_TO_C}, dateTime: {{date: "2027-12-01"}}"#)).await,
        &["OUTSIDE_NETWORK_PERIOD dateTime - []"],
    );
    // The night train runs on Tuesday and Thursday.
    assert_lines(
        &ask(r#"origin: {name: "Celle"}, destination: {name: "Dresden"},
               dateTime: {date: "2026-12-02"}"#)
        .await,
        &["NOTHING_IN_WINDOW dateTime 2026-12-03 []"],
    );
    assert_lines(
        &ask(&format!(
            r#"{FROM_A_TO_C}, dateTime: {{date: "2026-12-05"}}, filter: {{maxStops: 0}}"#
        ))
        .await,
        &["NOTHING_IN_WINDOW dateTime 2026-12-07 []"],
    );
}

#[tokio::test]
async fn pages_joined_are_the_whole_list_forwards_and_backwards() {
    let server = server().await;
    let query = "query($first: Int, $after: String, $last: Int, $before: String) {
        itineraries(
            origin: {name: \"Aachen\"}, destination: {name: \"Celle\"}, coverage: ALL,
            dateTime: {date: \"2026-12-01\"}, first: $first, after: $after, last: $last,
            before: $before
        ) {
            totalCount nodes { id } edges { cursor node { id } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
    }";
    let page = async |variables: Value| server.data(query, variables).await["itineraries"].take();
    let ids = |page: &Value| page["nodes"].as_array().expect("nodes").clone();
    let whole = page(json!({})).await;
    let total = ids(&whole).len();
    assert_eq!(whole["totalCount"], total);
    assert!(total > 4, "too few to page");

    let (mut joined, mut after) = (Vec::new(), Value::Null);
    loop {
        let next = page(json!({ "first": 2, "after": after })).await;
        joined.extend(ids(&next));
        assert_eq!(next["pageInfo"]["hasPreviousPage"], after != Value::Null);
        if next["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = next["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(joined, ids(&whole));

    let (mut joined, mut before) = (Vec::new(), Value::Null);
    loop {
        let previous = page(json!({ "last": 2, "before": before })).await;
        joined.splice(0..0, ids(&previous));
        if previous["pageInfo"]["hasPreviousPage"] == false {
            break;
        }
        before = previous["pageInfo"]["startCursor"].clone();
    }
    assert_eq!(joined, ids(&whole));
}

#[tokio::test]
async fn a_cursor_of_another_network_is_stale() {
    let server = server().await;
    let other = app::on_sqlite(feed::network(&CITIES.replace(",10\n", ",11\n"))).await;
    let ask = "query($after: String) {
        itineraries(
            origin: {name: \"Aachen\"}, destination: {name: \"Celle\"},
            dateTime: {date: \"2026-12-01\"}, first: 1, after: $after
        ) { pageInfo { endCursor } problems { code argument } }
    }";
    let first = server.data(ask, json!({})).await;
    let after = &first["itineraries"]["pageInfo"]["endCursor"];
    let stale = other.data(ask, json!({ "after": after })).await;
    assert_eq!(
        stale["itineraries"]["problems"],
        json!([{ "code": "STALE_CURSOR", "argument": "after" }])
    );
}

#[tokio::test]
async fn an_itinerary_is_found_again_by_its_id() {
    let server = server().await;
    let id = server.itinerary("Aachen", "Dresden", "2026-12-01").await;
    let query = "query($id: ID!) { itinerary(id: $id) { id stops departure } }";
    let found = server.data(query, json!({ "id": id })).await;
    assert_eq!(found["itinerary"]["id"], id);
    // The same from another compilation, in which only a train elsewhere is new.
    let more = format!("{CITIES}\nEA1,Emden,Aachen,08:00,14:00,ICE,Daily,100,50");
    let other = app::on_sqlite(feed::network(&more)).await;
    assert_eq!(other.data(query, json!({ "id": id })).await, found);
    for unknown in ["nonsense", "SXRpbmVyYXJ5", &id[..id.len() - 4]] {
        let found = server.data(query, json!({ "id": unknown })).await;
        assert_eq!(found["itinerary"], Value::Null, "{unknown}");
    }
}

#[tokio::test]
async fn stations_are_found_as_somebody_types() {
    let server = server().await;
    let query = "query($text: String) { stations(query: $text) { totalCount nodes { name } } }";
    let names = async |text: &str| {
        let data = server.data(query, json!({ "text": text })).await;
        let nodes = data["stations"]["nodes"].as_array().expect("stations").clone();
        nodes.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("").await, ["Aachen", "Bonn", "Celle", "Dresden", "Emden"]);
    assert_eq!(names("aix la").await, ["Aachen"]);
    assert_eq!(names("chapelle").await, ["Aachen"]);
    assert_eq!(names("DRAŽ").await, ["Dresden"]);
    assert_eq!(names("Drseden").await, ["Dresden"]);
    assert_eq!(names("zzz").await, [""; 0]);
    let one = "query($station: StationInput!) { station(station: $station) {
        id name country timeZone latitude longitude } }";
    let by_name = server.data(one, json!({ "station": { "name": "aachen" } })).await;
    assert_eq!(by_name["station"]["country"], "DE");
    assert_eq!(by_name["station"]["timeZone"], "Europe/Berlin");
    assert_eq!(by_name["station"]["latitude"], 50.7678);
    let id = &by_name["station"]["id"];
    assert_eq!(server.data(one, json!({ "station": { "id": id } })).await, by_name);
    let node = "query($id: ID!) { node(id: $id) { ... on Station { name } } }";
    assert_eq!(server.data(node, json!({ "id": id })).await["node"]["name"], "Aachen");
}

#[tokio::test]
async fn the_network_says_what_it_is() {
    let server = server().await;
    let query = include_str!("../../../schema/graphql/operations/network.graphql");
    let mut network = server.data(query, json!({})).await["network"].take();
    let version = network["version"].take();
    assert_eq!(version.as_str().map(str::len), Some(64));
    assert_eq!(
        network,
        json!({
            "version": null,
            "compiledBy": concat!("timetable-compiler ", env!("CARGO_PKG_VERSION")),
            "firstDate": feed::PERIOD.0,
            "lastDate": feed::PERIOD.1,
            "timeZone": "Europe/Brussels",
            "stationCount": 5,
            "serviceJourneyCount": 7,
            "trainTypes": ["IC", "ICE", "Nightjet", "RE"],
            "operators": [],
        })
    );
}

#[tokio::test]
async fn more_than_ten_thousand_itineraries_are_too_many() {
    let mut rows = String::new();
    for at in 0..24 {
        for (name, from, to) in
            [("A", "Aachen", "Bonn"), ("B", "Bonn", "Celle"), ("C", "Celle", "Dresden")]
        {
            for minute in [0, 20] {
                let end = minute + 15;
                let times = format!("{at:02}:{minute:02},{at:02}:{end}");
                let row = format!("{name}{at}-{minute},{from},{to},{times},RE,Daily,2,1\n");
                rows.push_str(&row);
            }
        }
    }
    let server = app::on_sqlite(feed::network(&rows)).await;
    let ask = r#"origin: {name: "Aachen"}, destination: {name: "Dresden"}, coverage: ALL,
        dateTime: {date: "2026-12-02"}"#;
    assert_lines(&lines(&server, ask).await, &["TOO_MANY_ITINERARIES coverage - []"]);
    let narrower = format!(r#"{ask}, filter: {{maxDuration: "PT3H"}}, first: 1"#);
    assert_eq!(lines(&server, &narrower).await.len(), 1);
}
