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

/// Examples that are asked one after the other, and which of them were.
struct Asking {
    server: app::Server,
    left: BTreeMap<String, (String, Value)>,
}

impl Asking {
    /// The first field's answer to an example, whose variables are changed before.
    async fn ask(&mut self, name: &str, change: impl Fn(&mut Value)) -> Value {
        self.left.remove(name);
        let (document, mut variables) = operations().remove(name).expect("an operation");
        change(&mut variables);
        let mut data = self.server.data(&document, variables).await;
        let fields = data.as_object_mut().expect("data");
        fields.values_mut().next().expect("a field").take()
    }
}

#[tokio::test]
async fn every_example_operation_is_answered() {
    let network = server::network_file::bundled().expect("the bundled network");
    let mut asking = Asking { server: app::on_sqlite(network).await, left: operations() };
    reading_the_network(&mut asking).await;
    searching_booking_and_cancelling(&mut asking).await;
    // Subscriptions have tests of their own: they wait for something to happen.
    asking.left.retain(|_, (document, _)| !document.contains("\nsubscription "));
    assert!(asking.left.is_empty(), "not tried: {:?}", asking.left.keys());
}

async fn reading_the_network(asking: &mut Asking) {
    let network = asking.ask("network", |_| ()).await;
    assert_eq!(
        (&network["stationCount"], &network["timeZone"]),
        (&json!(132), &json!("Europe/Brussels"))
    );
    let found = asking.ask("stations", |_| ()).await;
    assert_eq!(found["nodes"][0]["name"], "München");
    let board = asking.ask("departures", |_| ()).await;
    assert_eq!(board["name"], "Wien");
    let departures = board["departures"]["nodes"].as_array().expect("departures");
    let times: Vec<&str> = departures.iter().filter_map(|it| it["departure"].as_str()).collect();
    assert_eq!(
        (times.len(), board["departures"]["pageInfo"]["hasNextPage"].clone()),
        (10, json!(true))
    );
    assert!(times.is_sorted() && times[0] >= "2027-06-01T08:00:00+02:00", "{times:?}");
    let trains = asking.ask("service-journeys", |_| ()).await;
    let trains = trains["nodes"].as_array().expect("trains");
    assert!(!trains.is_empty());
    for train in trains {
        assert_eq!(train["trainType"], "Nightjet");
        let calls = train["calls"].as_array().expect("calls");
        assert!(calls.iter().any(|call| call["station"]["name"] == "Wien"), "{train}");
    }
}

async fn searching_booking_and_cancelling(asking: &mut Asking) {
    let found = asking.ask("itineraries", |_| ()).await;
    assert_eq!(found["problems"], json!([]));
    let ids = |page: &Value| -> Vec<Value> {
        page["nodes"].as_array().expect("itineraries").iter().map(|it| it["id"].clone()).collect()
    };
    // As it stands, the example of a next page is the first one.
    assert_eq!(ids(&asking.ask("next-page", |_| ()).await), ids(&found));
    let after = &found["pageInfo"]["endCursor"];
    let next = asking.ask("next-page", |it| it["after"] = after.clone()).await;
    assert!(!ids(&next).is_empty() && ids(&next).iter().all(|id| !ids(&found).contains(id)));
    assert_eq!(next["totalCount"], found["totalCount"]);

    let id = &found["nodes"][0]["id"];
    let booked = asking.ask("book-trip", |it| it["input"]["itineraryId"] = id.clone()).await;
    assert_eq!((&booked["refusals"], &booked["trip"]["status"]), (&json!([]), &json!("CONFIRMED")));
    let reference = &booked["trip"]["reference"];
    let trip = asking.ask("trip", |it| it["reference"] = reference.clone()).await;
    assert_eq!(
        (&trip["reference"], &trip["departure"]),
        (reference, &found["nodes"][0]["departure"])
    );
    let client = asking.ask("client", |_| ()).await;
    assert_eq!(client["currentTrips"]["nodes"][0]["reference"], *reference);
    let affected = asking.ask("affected-trips", |_| ()).await;
    assert_eq!((&affected["totalCount"], &affected["nodes"]), (&json!(0), &json!([])));

    let reservation = &trip["reservations"][0]["id"];
    let cancelled = asking
        .ask("cancel-reservation", |it| {
            it["input"]["reference"] = reference.clone();
            it["input"]["reservationId"] = reservation.clone();
            it["input"]["expectedVersion"] = trip["version"].clone();
        })
        .await;
    assert_eq!(cancelled["trip"]["reservations"][0]["status"], "CANCELLED", "{cancelled}");
    let again = asking.ask("book-trip", |it| it["input"]["itineraryId"] = id.clone()).await;
    let cancelled = asking
        .ask("cancel-trip", |it| {
            it["input"]["reference"] = again["trip"]["reference"].clone();
            it["input"]["expectedVersion"] = again["trip"]["version"].clone();
        })
        .await;
    assert_eq!(cancelled["trip"]["status"], "CANCELLED", "{cancelled}");
}

#[tokio::test]
async fn every_example_operation_is_a_tab_of_graphiql() {
    let network = server::network_file::bundled().expect("the bundled network");
    let server = app::on_sqlite(network).await;
    let request = server.http().get(server.url("/graphql")).header("accept", "text/html");
    let page = request.send().await.expect("an answer").text().await.expect("a text");
    for name in operations().keys() {
        assert!(page.contains(&format!("\"name\":\"{name}\"")), "{name}");
    }
}
