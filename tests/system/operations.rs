//! Each example in `schema/graphql/operations` does what it says, against the bundled network.

use std::collections::BTreeMap;
use std::fs;

use serde_json::{Value, json};
use tests::app;
use tests::generated::root;

/// The documents and their variables, by name.
fn operations() -> BTreeMap<String, (String, Value)> {
    let folder = root().join("schema/graphql/operations");
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).expect("the operations") {
        let name = entry.expect("a file").file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".graphql") {
            let read = |ending: &str| {
                let text = fs::read_to_string(folder.join(format!("{name}{ending}")));
                text.unwrap_or_else(|error| panic!("{name}{ending}: {error}"))
            };
            let variables = serde_json::from_str(&read(".variables.json")).expect("JSON");
            found.insert(name.to_owned(), (read(".graphql"), variables));
        }
    }
    found
}

#[tokio::test]
async fn every_example_operation_is_answered() {
    let network = server::network_file::bundled().expect("the bundled network");
    let server = app::on_sqlite(network).await;
    let mut operations = operations();
    let mut run = async |name: &str, change: &dyn Fn(&mut Value)| {
        let (document, mut variables) = operations.remove(name).expect("an operation");
        change(&mut variables);
        server.data(&document, variables).await
    };
    let found = run("itineraries", &|_| ()).await["itineraries"].take();
    assert!(found["totalCount"].as_i64() > Some(0), "{found}");
    let id = &found["nodes"][0]["id"];
    let booked = run("book-trip", &|it| it["input"]["itineraryId"] = id.clone()).await;
    let booked = &booked["bookTrip"];
    assert_eq!(booked["refusals"], json!([]));
    let reference = &booked["trip"]["reference"];
    let trip = run("trip", &|it| it["reference"] = reference.clone()).await;
    assert_eq!(trip["trip"]["reference"], *reference);
    let client = run("client", &|_| ()).await;
    assert_eq!(client["client"]["currentTrips"]["totalCount"], 1);
    let cancelled = run("cancel-trip", &|it| {
        it["input"]["reference"] = reference.clone();
        it["input"]["expectedVersion"] = booked["trip"]["version"].clone();
    })
    .await;
    assert_eq!(cancelled["cancelTrip"]["trip"]["status"], "CANCELLED");
    // Subscriptions have a test of their own: they wait for something to happen.
    operations.retain(|_, (document, _)| !document.contains("\nsubscription "));
    let others: Vec<String> = operations.keys().cloned().collect();
    for name in others {
        let (document, variables) = &operations[&name];
        let data = server.data(document, variables.clone()).await;
        let nothing = data.as_object().expect("data").values().any(Value::is_null);
        assert!(!nothing, "{name}: {data}");
    }
}
