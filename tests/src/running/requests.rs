//! What callers of running servers ask, whatever happens to them meanwhile.

use serde_json::{Value, json};

use super::process::ask;
use crate::app::traveller;

/// A search that the tables answer.
pub const SEARCH: &str = "query($from: String!, $to: String!, $date: Date!) {
  itineraries(origin: {name: $from}, destination: {name: $to}, dateTime: {date: $date}) {
    nodes { id }
  }
}";

/// A booking.
pub const BOOK: &str = "mutation($input: BookTripInput!) {
  bookTrip(input: $input) { trip { reference } refusals { code } }
}";

/// A trip, by its reference.
pub const TRIP: &str = "query($reference: String!) { trip(reference: $reference) { status } }";

/// An error where a search has found nothing.
///
/// # Errors
///
/// The whole answer.
pub fn is_found(answer: &Value) -> Result<(), String> {
    let nodes = answer["data"]["itineraries"]["nodes"].as_array();
    if nodes.is_some_and(|nodes| !nodes.is_empty()) { Ok(()) } else { Err(answer.to_string()) }
}

/// A booking of an itinerary by a person of this id number, who also is the idempotency key.
pub fn booking(itinerary: &Value, person: &str) -> Value {
    let travellers = [traveller("Some", "Body", person, 30)];
    json!({ "input": {
        "itineraryId": itinerary, "idempotencyKey": person, "travellers": travellers,
    } })
}

/// Books it; the trip's reference.
///
/// # Errors
///
/// The whole answer, where there is no trip in it.
pub async fn book(
    http: &reqwest::Client,
    origin: &str,
    itinerary: &Value,
    person: &str,
) -> Result<String, String> {
    let answer = ask(http, origin, BOOK, &booking(itinerary, person)).await?;
    let reference = answer["data"]["bookTrip"]["trip"]["reference"].as_str();
    reference.map(str::to_owned).ok_or_else(|| answer.to_string())
}
