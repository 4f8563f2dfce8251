//! What callers of running servers ask, whatever happens to them meanwhile.

use std::time::Duration;

use serde_json::{Value, json};

use super::load::Load;
use super::process::{Process, Program, ask};
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
    reference(&answer).ok_or_else(|| answer.to_string())
}

/// The reference of the trip that was booked.
pub fn reference(answer: &Value) -> Option<String> {
    answer["data"]["bookTrip"]["trip"]["reference"].as_str().map(str::to_owned)
}

/// Whether a booking was refused because the database cannot keep it at the moment.
pub fn is_unavailable(answer: &Value) -> bool {
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    matches!(code, Some("BOOKINGS_UNAVAILABLE" | "MUTATION_TIMEOUT"))
}

/// Something is wrong with the database, while searches and bookings go on.
#[derive(Debug, Clone)]
pub struct Outage<F> {
    /// The server.
    pub program: Program,
    /// Two cities and a date on which one can travel.
    pub question: (&'static str, &'static str, String),
    /// What is wrong.
    pub fault: F,
    /// For how long, once bookings are refused.
    pub time: Duration,
    /// Searches a second all the while.
    pub searches_per_s: u64,
    /// Bookings a second all the while.
    pub bookings_per_s: u64,
}

impl<F> Outage<F> {
    /// Starts the searches; with the id of an itinerary that they find.
    ///
    /// # Panics
    ///
    /// Where they find none.
    pub async fn search(&self, server: &Process) -> (Load, Value) {
        let (from, to, date) = &self.question;
        let variables = json!({ "from": from, "to": to, "date": date });
        let answer = server.ask(SEARCH, &variables).await.expect("an answer");
        let id = answer["data"]["itineraries"]["nodes"][0]["id"].clone();
        assert!(id.is_string(), "no itinerary: {answer}");
        let (http, origin) = (reqwest::Client::new(), server.origin.clone());
        let load = Load::start(self.searches_per_s, move |_| {
            let (http, origin, variables) = (http.clone(), origin.clone(), variables.clone());
            async move { is_found(&ask(&http, &origin, SEARCH, &variables).await?) }
        });
        (load, id)
    }
}
