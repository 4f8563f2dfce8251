//! What is written whole is what async-graphql resolves field by field.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{BaseType, FieldDefinition, TypeKind, TypeSystemDefinition};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use server::graphql::{answer_bytes, sdl};
use tests::generated::root;

use super::{bundled, direct, execute};

/// The bytes of all ways, which must be the same to the letter.
async fn both(document: &str, variables: &Value) -> String {
    let network = bundled();
    let [written, plain] = [false, true].map(|plain| {
        let network = &network;
        async move {
            let answer = execute(network, document, variables, plain).await;
            assert!(answer.errors.is_empty(), "{document}\n{:?}", answer.errors);
            String::from_utf8(answer_bytes(&answer).expect("JSON")).expect("UTF-8")
        }
    });
    let (written, plain) = (written.await, plain.await);
    assert_eq!(written, plain, "{document}");
    if let Some(direct) = direct(&network, document, variables) {
        let direct = answer_bytes(&direct).expect("JSON");
        assert_eq!(String::from_utf8(direct).expect("UTF-8"), plain, "{document}");
    }
    written
}

/// The fields of every object type.
fn fields() -> BTreeMap<String, Vec<FieldDefinition>> {
    let document = parse_schema(sdl()).expect("a schema");
    let objects = document.definitions.into_iter().filter_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else { return None };
        let TypeKind::Object(object) = definition.node.kind else { return None };
        let fields = object.fields.into_iter().map(|field| field.node).collect();
        Some((definition.node.name.node.to_string(), fields))
    });
    objects.collect()
}

fn type_name(field: &FieldDefinition) -> String {
    let mut base = &field.ty.node.base;
    while let BaseType::List(of) = base {
        base = &of.base;
    }
    let BaseType::Named(name) = base else { unreachable!("a list ends with a name") };
    name.to_string()
}

/// Selects all fields of a type, and of the types of these, but none within itself.
fn all_of(
    name: &str,
    fields: &BTreeMap<String, Vec<FieldDefinition>>,
    within: &mut Vec<String>,
) -> String {
    let mut text = "{ __typename".to_owned();
    within.push(name.to_owned());
    for field in &fields[name] {
        let of = type_name(field);
        // A station is where its own departure board leads to.
        let most = if of == "Station" { 2 } else { 1 };
        let times = within.iter().filter(|name| **name == of).count();
        if times >= most || (of == "DepartureConnection" && within.len() > 3) {
            continue;
        }
        let required = match field.name.node.as_str() {
            "departures" => "(from: \"2027-06-01T08:00:00+02:00\", first: 2)",
            _ => "",
        };
        let inner =
            if fields.contains_key(&of) { all_of(&of, fields, within) } else { String::new() };
        let _ = write!(text, " {}{required}{inner}", field.name.node);
    }
    within.pop();
    text + " }"
}

const SEARCH: &str = "itineraries(origin: {name: \"London\"}, destination: {name: \"Cologne\"}, \
                      dateTime: {date: \"2027-06-01\"}, first: 3)";

#[tokio::test]
async fn every_field_of_every_type_is_written_as_it_is_resolved() {
    let fields = fields();
    let all = |name: &str| all_of(name, &fields, &mut Vec::new());
    let found = both(&format!("{{ {SEARCH} {} }}", all("ItineraryConnection")), &json!({})).await;
    assert!(found.contains("\"transfers\":[{") && found.contains("\"calls\":[{"), "{found}");
    let board = "station(station: {name: \"Bruxelles\"})";
    let found = both(&format!("{{ {board} {} }}", all("Station")), &json!({})).await;
    assert!(found.contains("\"departures\":{") && found.contains("\"destination\":{"), "{found}");
    let unknown = "itineraries(origin: {name: \"Londn\"}, destination: {name: \"Cologne\"}, \
                   dateTime: {date: \"2027-06-01\"})";
    let found = both(&format!("{{ {unknown} {} }}", all("ItineraryConnection")), &json!({})).await;
    assert!(
        found.contains("\"UNKNOWN_STATION\"") && found.contains("\"suggestions\":[{"),
        "{found}"
    );
    both(&format!("{{ stations(query: \"par\") {} }}", all("StationConnection")), &json!({})).await;
    let journeys = "serviceJourneys(filter: {calls: {name: \"Wien\"}}, first: 5)";
    let document = format!("{{ {journeys} {} }}", all("ServiceJourneyConnection"));
    let found = both(&document, &json!({})).await;
    assert!(found.contains("\"sourceId\":\""), "{found}");
}

#[tokio::test]
async fn fragments_aliases_and_directives_are_written_as_they_are_resolved() {
    let documents = [
        format!("{{ a: {SEARCH} {{ totalCount }} b: {SEARCH} {{ nodes {{ id }} }} }}"),
        format!("{{ a: {SEARCH} {{ totalCount }} __typename a: {SEARCH} {{ n: totalCount }} }}"),
        format!(
            "query ($yes: Boolean!, $no: Boolean!, $class: FareClass! = FIRST) {{
                {SEARCH} {{
                    ...Page @include(if: $yes)
                    ...Page
                    ... @skip(if: $yes) {{ totalCount }}
                    edges @include(if: $no) {{ cursor }}
                    problems {{ code }}
                }}
            }}
            fragment Page on ItineraryConnection {{
                nodes {{
                    first: price(fareClass: FIRST) {{ amount }}
                    second: price {{ ...Money currency }}
                    asked: price(fareClass: $class) {{ ... on Money {{ amount }} }}
                    legs {{ origin {{ ... on Node {{ id }} ... on Station {{ name }} name }} }}
                    legs {{ origin {{ timeZone }} serviceJourney {{ trainType }} }}
                }}
            }}
            fragment Money on Money {{ amount kind: __typename }}"
        ),
        "{ station(station: {name: \"Nowhere at all\"}) { name } }".to_owned(),
        "{ itinerary(id: \"nonsense\") { id } }".to_owned(),
    ];
    for document in documents {
        both(&document, &json!({ "yes": true, "no": false })).await;
    }
}

#[test]
fn only_searches_that_succeed_are_answered_without_the_executor() {
    let network = bundled();
    let found = |document: &str, variables: Value| direct(&network, document, &variables).is_some();
    let with = |selection: &str| format!("{{ {SEARCH} {{ {selection} }} }}");
    assert!(found(&with("totalCount"), json!({})));
    assert!(found(
        &format!("{{ ...All }} fragment All on Query {{ {SEARCH} {{ totalCount }} }}"),
        json!({})
    ));
    let skipping = "query ($no: Boolean!) { SEARCH { totalCount nodes @include(if: $no) { id } } }";
    assert!(found(&skipping.replace("SEARCH", SEARCH), json!({ "no": true })));
    for other in [
        format!("{{ {SEARCH} {{ totalCount }} network {{ version }} }}"),
        format!("query ($no: Boolean!) {{ {SEARCH} @skip(if: $no) {{ totalCount }} }}"),
        format!("query A {{ {SEARCH} {{ totalCount }} }} query B {{ {SEARCH} {{ totalCount }} }}"),
        with("totalCount").replace("first: 3", "first: 101"),
        with("totalCount").replace("first: 3", "after: \"nonsense\""),
        "{ stations { totalCount } }".to_owned(),
    ] {
        assert!(!found(&other, json!({ "no": false })), "{other}");
    }
}

#[tokio::test]
async fn fields_that_the_root_names_twice_are_in_one_answer() {
    let document = format!(
        "{{ ...Rest a: {SEARCH} {{ totalCount }} }}
        fragment Rest on Query {{ a: {SEARCH} {{ nodes {{ stops }} }} }}"
    );
    let network = bundled();
    let answer = super::answer(&network, &document, &json!({})).await;
    let found = &answer["data"]["a"];
    assert!(found["totalCount"].is_u64() && found["nodes"][0]["stops"].is_u64(), "{answer}");
}

#[tokio::test]
async fn a_field_without_a_value_says_where_it_is() {
    let document = format!(
        "{{ {SEARCH} {{ nodes {{ legs {{
            from: origin {{ board: departures(from: \"2027-06-01T08:00:00Z\", first: 101) {{
                nodes {{ departure }}
            }} }}
        }} }} }} }}"
    );
    let network = bundled();
    let mut seen = Vec::new();
    for plain in [false, true] {
        let answer = execute(&network, &document, &json!({}), plain).await;
        let error = serde_json::to_value(&answer.errors[0]).expect("JSON");
        assert_eq!(error["extensions"]["code"], "PAGE_TOO_LARGE", "{error}");
        seen.push(error);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0]["path"], json!(["itineraries", "nodes", 0, "legs", 0, "from", "board"]));
}

#[tokio::test]
async fn the_example_operations_are_written_as_they_are_resolved() {
    let folder = root().join("schema/graphql/operations");
    for name in ["itineraries", "stations", "network", "departures", "service-journeys"] {
        let read = |ending: &str| {
            std::fs::read_to_string(folder.join(format!("{name}{ending}"))).expect("an operation")
        };
        let variables = serde_json::from_str(&read(".variables.json")).expect("JSON");
        both(&read(".graphql"), &variables).await;
    }
}

/// Any selection of an itinerary's page: fields, some under other names, some in fragments.
fn selections() -> impl Strategy<Value = String> {
    let money = prop::sample::select(vec!["{ amount }", "{ c: currency amount }", "{ currency }"]);
    let station = prop::sample::select(vec![
        "{ name }",
        "{ id ... on Station { name } }",
        "{ ... on Node { id } latitude longitude }",
        "{ country __typename timeZone }",
    ]);
    let leaf = prop::sample::select(vec![
        "departure",
        "arrival",
        "duration",
        "d: duration",
        "__typename",
        "... { departure }",
    ]);
    let price =
        (prop::sample::select(vec!["", "(fareClass: FIRST)", "(fareClass: SECOND)"]), money)
            .prop_map(|(class, of)| format!("p{}: price{class} {of}", class.len()));
    let leg = prop_oneof![
        4 => leaf.clone().prop_map(str::to_owned),
        2 => station.clone().prop_map(|of| format!("origin {of}")),
        2 => station.clone().prop_map(|of| format!("destination {of}")),
        1 => price.clone(),
        1 => Just("serviceJourney { id sourceId number operator trainType }".to_owned()),
    ];
    let legs =
        prop::collection::vec(leg, 1..5).prop_map(|all| format!("legs {{ {} }}", all.join(" ")));
    let node = prop_oneof![
        4 => leaf.prop_map(str::to_owned),
        2 => Just("id stops".to_owned()),
        2 => legs,
        1 => station.prop_map(|of| format!("transfers {{ layover from {of} to {of} }}")),
        1 => price,
    ];
    let nodes = prop::collection::vec(node, 1..6);
    let wrap = prop::sample::select(vec![
        "nodes { NODE }",
        "edges { cursor node { NODE } }",
        "... on ItineraryConnection { nodes { NODE } totalCount }",
        "pageInfo { endCursor hasNextPage } nodes { ... on Itinerary { NODE } }",
    ]);
    prop::collection::vec((wrap, nodes), 1..3).prop_map(|parts| {
        let part = |(wrap, nodes): (&str, Vec<String>)| wrap.replace("NODE", &nodes.join(" "));
        parts.into_iter().map(part).collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn any_selection_is_written_as_it_is_resolved() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let mut runner = TestRunner::new(Config { cases: 200, ..Config::default() });
    let tried = runner.run(&selections(), |selection| {
        runtime.block_on(both(&format!("{{ {SEARCH} {{ {selection} }} }}"), &json!({})));
        Ok(())
    });
    tried.unwrap_or_else(|error| panic!("{error}"));
}
