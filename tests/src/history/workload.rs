//! Load on booking servers, faults while it runs, and what is checked of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{Booked, Cancelled, Event, OPERATIONS_MAX, Operation, Reference, is_linearisable};
use crate::random::Random;

/// Persons of a round; each has a history on each itinerary.
const PERSONS: usize = 4;

/// Callers at once.
const CALLERS: usize = 8;

/// How long a caller waits for an answer.
const PATIENCE: Duration = Duration::from_secs(8);

const BOOK: &str = "mutation($input: BookTripInput!) { bookTrip(input: $input) {
    trip { reference version reservations { id client { id } ticket { number } } }
    refusals { code } } }";

const CANCEL: &str = "mutation($input: CancelTripInput!) { cancelTrip(input: $input) {
    trip { version status } refusals { code } } }";

const READ: &str = "query($name: String!, $id: String!) { client(lastName: $name, idNumber: $id) {
    id currentTrips(first: 100) { totalCount nodes {
        reference version status departure legs { sourceId }
        reservations { status client { lastName } ticket { number } } } } } }";

/// What is booked: an itinerary's id, and the moment by which its trips are known.
#[derive(Debug, Clone)]
pub struct Wanted {
    id: String,
    departure: String,
}

/// Where servers listen at the moment.
pub type Addresses = Vec<Arc<Mutex<Option<SocketAddr>>>>;

/// A history's name: the person and the itinerary.
type HistoryKey = (usize, usize);

#[derive(Debug, Default)]
struct Seen {
    events: HashMap<HistoryKey, Vec<Event>>,
    /// References by history.
    references: HashMap<HistoryKey, Vec<String>>,
    /// Ticket numbers and the trips that they are on.
    tickets: HashMap<String, String>,
    /// The one client that each person is.
    clients: HashMap<usize, String>,
    /// Trips of two travellers that were acknowledged.
    groups: Vec<String>,
    violations: Vec<String>,
}

/// What happened in a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Operations that were answered as asked.
    pub done: u64,
    /// Those that were refused by a rule.
    pub refused: u64,
    /// Those whose outcome the caller does not know.
    pub unknown: u64,
    /// Histories that were checked.
    pub histories: usize,
    /// What no honest server would have shown, a sentence each.
    pub violations: Vec<String>,
}

/// A run: its callers share one counter of moments and all that they have seen.
#[derive(Clone)]
pub struct Workload {
    addresses: Addresses,
    wanted: Vec<Wanted>,
    http: reqwest::Client,
    ticks: Arc<AtomicU64>,
    counts: Arc<[AtomicU64; 3]>,
    seen: Arc<Mutex<Seen>>,
}

/// What came back over HTTP.
enum Answer {
    Data(Value),
    Unknown,
}

/// How long servers may need after the last fault until they answer everything.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

impl Workload {
    /// Asks a server for itineraries to book. It must be ready.
    ///
    /// # Panics
    ///
    /// Where it does not answer.
    pub async fn new(addresses: Addresses) -> Self {
        let http = reqwest::Client::builder().timeout(PATIENCE).build().expect("a client");
        let mut workload = Self {
            addresses,
            wanted: Vec::new(),
            http,
            ticks: Arc::default(),
            counts: Arc::default(),
            seen: Arc::default(),
        };
        for date in ["2027-06-01", "2027-06-02"] {
            let query = "query($date: Date!) { itineraries(origin: {name: \"London\"}, \
                         destination: {name: \"Paris\"}, dateTime: {date: $date}, first: 1) {
                         nodes { id departure } } }";
            let answer = workload.ask(0, query, json!({ "date": date })).await;
            let Answer::Data(data) = answer else { panic!("no itineraries") };
            let node = &data["itineraries"]["nodes"][0];
            workload
                .wanted
                .push(Wanted { id: text(&node["id"]), departure: text(&node["departure"]) });
        }
        workload
    }

    fn tick(&self) -> u64 {
        self.ticks.fetch_add(1, Ordering::SeqCst)
    }

    fn violation(&self, sentence: String) {
        self.seen.lock().expect("what was seen").violations.push(sentence);
    }

    async fn ask(&self, server: usize, query: &str, variables: Value) -> Answer {
        let address = *self.addresses[server].lock().expect("an address");
        let Some(address) = address else {
            // Nobody listens: wait as a caller would who is told so.
            tokio::time::sleep(Duration::from_millis(20)).await;
            return Answer::Unknown;
        };
        let request = self.http.post(format!("http://{address}/graphql"));
        let body = json!({ "query": query, "variables": variables });
        let Ok(response) = request.json(&body).send().await else { return Answer::Unknown };
        let Ok(mut answer) = response.json::<Value>().await else { return Answer::Unknown };
        match answer["errors"][0]["extensions"]["code"].as_str() {
            None if answer.get("errors").is_none() => Answer::Data(answer["data"].take()),
            // Also where its time was up while the database was being started again.
            Some("BOOKINGS_UNAVAILABLE" | "SEARCH_TIMEOUT" | "MUTATION_TIMEOUT") => Answer::Unknown,
            code => {
                let message = &answer["errors"][0]["message"];
                self.violation(format!(
                    "an error that is none of the caller's: {code:?} {message}"
                ));
                Answer::Unknown
            }
        }
    }

    /// One round: callers at work on new persons for a while. Faults are the business of whoever
    /// calls this.
    pub async fn round(&self, number: usize, length: Duration, seed: u64) {
        let until = tokio::time::Instant::now() + length;
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let (own, mut random) = (self.clone(), Random::of(seed ^ (caller as u64) << 32));
            callers.spawn(async move {
                while tokio::time::Instant::now() < until {
                    own.one_operation(number, &mut random).await;
                }
            });
        }
        callers.join_all().await;
    }

    async fn one_operation(&self, round: usize, random: &mut Random) {
        let history = (round * PERSONS + random.below(PERSONS), random.below(self.wanted.len()));
        let server = random.below(self.addresses.len());
        let (length, references) = {
            let seen = self.seen.lock().expect("what was seen");
            let length = seen.events.get(&history).map_or(0, Vec::len);
            (length, seen.references.get(&history).cloned().unwrap_or_default())
        };
        if length + CALLERS >= OPERATIONS_MAX - 10 {
            return self.book_group(server, round, random).await;
        }
        match random.below(10) {
            0..=3 => self.book(server, history, random.next() as u32).await,
            // The same request again, under a key that was perhaps used.
            4 => {
                let key = self.key_before(history, random);
                self.book(server, history, key).await;
            }
            5..=6 if !references.is_empty() => {
                let reference = random.below(references.len());
                self.cancel(server, history, reference as Reference, &references[reference]).await;
            }
            7 => self.book_group(server, round, random).await,
            _ => self.read(server, history).await,
        }
    }

    fn key_before(&self, history: HistoryKey, random: &mut Random) -> u32 {
        let seen = self.seen.lock().expect("what was seen");
        let keys = seen.events.get(&history).into_iter().flatten();
        let keys: Vec<u32> = keys
            .filter_map(|event| match event.operation {
                Operation::Book(key, _) => Some(key),
                _ => None,
            })
            .collect();
        if keys.is_empty() { random.next() as u32 } else { *random.of_slice(&keys) }
    }

    fn note(&self, history: HistoryKey, sent: u64, operation: Operation) {
        let mut event = Event { sent, answered: self.tick(), operation };
        if event.is_unknown() {
            event.answered = u64::MAX;
        }
        let kind = match &event.operation {
            operation if event.answered == u64::MAX => {
                let _ = operation;
                2
            }
            Operation::Book(_, Booked::AlreadyBooked)
            | Operation::Cancel(_, Cancelled::Already) => 1,
            _ => 0,
        };
        self.counts[kind].fetch_add(1, Ordering::Relaxed);
        let mut seen = self.seen.lock().expect("what was seen");
        seen.events.entry(history).or_default().push(event);
    }

    /// The number of a reference in its history.
    fn number_of(&self, history: HistoryKey, reference: &str) -> Reference {
        let mut seen = self.seen.lock().expect("what was seen");
        let known = seen.references.entry(history).or_default();
        let at = known.iter().position(|known| known == reference);
        at.unwrap_or_else(|| {
            known.push(reference.to_owned());
            known.len() - 1
        }) as Reference
    }

    async fn book(&self, server: usize, history: HistoryKey, key: u32) {
        let (person, itinerary) = history;
        let sent = self.tick();
        let input = json!({
            "itineraryId": self.wanted[itinerary].id,
            "travellers": [traveller(person)],
            "idempotencyKey": format!("{person} {itinerary} {key}"),
        });
        let answer = self.ask(server, BOOK, json!({ "input": input })).await;
        let Answer::Data(data) = answer else {
            return self.note(history, sent, Operation::Book(key, Booked::Unknown));
        };
        let payload = &data["bookTrip"];
        let outcome = match payload["refusals"][0]["code"].as_str() {
            None => {
                self.look_at(person, &payload["trip"]);
                Booked::Trip(self.number_of(history, &text(&payload["trip"]["reference"])))
            }
            Some("ALREADY_BOOKED") => Booked::AlreadyBooked,
            Some(code) => {
                self.violation(format!("booking was refused with {code}"));
                Booked::Unknown
            }
        };
        self.note(history, sent, Operation::Book(key, outcome));
    }

    /// Notes whose trip and which ticket an acknowledged trip has.
    fn look_at(&self, person: usize, trip: &Value) {
        let reference = text(&trip["reference"]);
        let ticket = text(&trip["reservations"][0]["ticket"]["number"]);
        let client = text(&trip["reservations"][0]["client"]["id"]);
        let mut seen = self.seen.lock().expect("what was seen");
        if ticket.len() != 15 {
            seen.violations.push(format!("a ticket number of {} digits", ticket.len()));
        }
        let other = seen.tickets.insert(ticket.clone(), reference.clone());
        if other.is_some_and(|other| other != reference) {
            seen.violations.push(format!("ticket {ticket} is on two trips"));
        }
        let known = seen.clients.entry(person).or_insert_with(|| client.clone()).clone();
        if known != client {
            seen.violations.push(format!("person {person} is two clients"));
        }
    }

    async fn cancel(&self, server: usize, history: HistoryKey, number: Reference, reference: &str) {
        let sent = self.tick();
        let input = json!({ "reference": reference });
        let answer = self.ask(server, CANCEL, json!({ "input": input })).await;
        let Answer::Data(data) = answer else {
            return self.note(history, sent, Operation::Cancel(number, Cancelled::Unknown));
        };
        let payload = &data["cancelTrip"];
        let outcome = match payload["refusals"][0]["code"].as_str() {
            None => {
                if payload["trip"]["version"] != 2 || payload["trip"]["status"] != "CANCELLED" {
                    self.violation(format!("a cancelled trip is {}", payload["trip"]));
                }
                Cancelled::Done
            }
            Some("ALREADY_CANCELLED") => Cancelled::Already,
            Some(code) => {
                self.violation(format!("cancelling {reference} was refused with {code}"));
                Cancelled::Unknown
            }
        };
        self.note(history, sent, Operation::Cancel(number, outcome));
    }

    async fn read(&self, server: usize, history: HistoryKey) {
        let (person, itinerary) = history;
        let sent = self.tick();
        let who = traveller(person);
        let variables = json!({ "name": who["lastName"], "id": who["idNumber"] });
        let Answer::Data(data) = self.ask(server, READ, variables).await else {
            self.counts[2].fetch_add(1, Ordering::Relaxed);
            return;
        };
        let empty = Vec::new();
        let nodes = data["client"]["currentTrips"]["nodes"].as_array().unwrap_or(&empty);
        let mut trips = Vec::new();
        for trip in
            nodes.iter().filter(|trip| trip["departure"] == self.wanted[itinerary].departure)
        {
            let reference = text(&trip["reference"]);
            let places = trip["reservations"].as_array().map_or(0, Vec::len);
            let same = trip["reservations"][0]["status"] == trip["status"];
            if places != 1 || !same || trip["legs"].as_array().is_none_or(Vec::is_empty) {
                self.violation(format!("half a trip: {trip}"));
            }
            if trip["reservations"][0]["client"]["lastName"] != who["lastName"] {
                self.violation(format!("somebody else's trip: {trip}"));
            }
            trips.push((
                self.number_of(history, &reference),
                trip["status"] == "CONFIRMED",
                trip["version"].as_i64().unwrap_or_default(),
            ));
        }
        self.note(history, sent, Operation::Read(trips));
    }

    /// Two new persons, together or not at all.
    async fn book_group(&self, server: usize, round: usize, random: &mut Random) {
        let number = 1_000_000_000 + random.below(1 << 40);
        let input = json!({
            "itineraryId": self.wanted[round % self.wanted.len()].id,
            "travellers": [traveller(2 * number), traveller(2 * number + 1)],
        });
        match self.ask(server, BOOK, json!({ "input": input })).await {
            Answer::Data(data) if data["bookTrip"]["trip"].is_object() => {
                self.counts[0].fetch_add(1, Ordering::Relaxed);
                let reference = text(&data["bookTrip"]["trip"]["reference"]);
                self.seen.lock().expect("what was seen").groups.push(reference);
            }
            Answer::Data(data) => self.violation(format!("a group was refused: {data}")),
            Answer::Unknown => {
                self.counts[2].fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Waits until every server reads and writes again: after an outage of the database, their
    /// breakers close some moments after it is back.
    async fn until_all_answer(&self) {
        let documents = [
            "{ trip(reference: \"TRP-00000000\") { id } }",
            "mutation { cancelTrip(input: {reference: \"TRP-00000000\"}) { refusals { code } } }",
        ];
        let until = tokio::time::Instant::now() + ANSWERS_WITHIN;
        for server in 0..self.addresses.len() {
            for document in documents {
                while let Answer::Unknown = self.ask(server, document, json!({})).await {
                    if tokio::time::Instant::now() > until {
                        self.violation(format!("server {server} does not answer at the end"));
                        return;
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    /// Reads every history once more, now that all is quiet, and checks them all. The servers must
    /// be ready.
    pub async fn finish(&self) -> Summary {
        self.until_all_answer().await;
        let histories: Vec<HistoryKey> = {
            let seen = self.seen.lock().expect("what was seen");
            seen.events.keys().copied().collect()
        };
        let mut silent = 0;
        for (history, key) in histories.iter().zip(1 << 31..) {
            // Now every request has its answer: nothing is in the way any more.
            let unknown = self.counts[2].load(Ordering::Relaxed);
            self.book(0, *history, key).await;
            self.read(self.addresses.len() - 1, *history).await;
            if self.counts[2].load(Ordering::Relaxed) > unknown {
                self.violation(format!("history {history:?} has no answer at the end"));
                silent += 1;
            }
            // It will not get better, and each may take as long as a caller waits.
            if silent == 3 {
                break;
            }
        }
        let mut seen = self.seen.lock().expect("what was seen");
        let wrong: Vec<_> = histories
            .iter()
            .filter(|history| !is_linearisable(&seen.events[history]))
            .map(|history| format!("{history:?}: {:?}", seen.events[history]))
            .collect();
        seen.violations.extend(wrong);
        let count = |kind: usize| self.counts[kind].load(Ordering::Relaxed);
        Summary {
            done: count(0),
            refused: count(1),
            unknown: count(2),
            histories: histories.len(),
            violations: seen.violations.clone(),
        }
    }

    /// References of trips of two travellers that were acknowledged.
    pub fn groups(&self) -> Vec<String> {
        self.seen.lock().expect("what was seen").groups.clone()
    }
}

fn traveller(person: usize) -> Value {
    json!({
        "firstName": "Some", "lastName": format!("One{person}"),
        "idNumber": format!("ID{person}"), "age": 30
    })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
