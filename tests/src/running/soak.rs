//! A server at half of what it can do, for a long time: what it has in use must not grow.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::load::{Load, Report};
use super::process::{Process, Program, ask, figure};
use super::requests::{SEARCH, book, is_found};
use crate::cpu::set_apart;
use crate::postgres::Cluster;
use crate::socket::Socket;

const FILTERED: &str = "query($from: String!, $to: String!, $date: Date!) {
  itineraries(origin: {name: $from}, destination: {name: $to}, dateTime: {date: $date},
              coverage: ALL, filter: {minTransferTime: \"PT20M\"}) { nodes { id } }
}";

const CANCEL: &str = "mutation($input: CancelTripInput!) {
  cancelTrip(input: $input) { trip { status } refusals { code } }
}";

const CLIENT: &str = "query($id: String!) {
  client(lastName: \"body\", idNumber: $id) { currentTrips { nodes { reference } } }
}";

const CITIES: [&str; 8] =
    ["London", "Paris", "Bruxelles", "Köln", "Berlin", "Wien", "Zürich", "Amsterdam"];

/// Callers who are answered one request after the other, to find what the server can do.
const CALLERS: usize = 32;
/// Trips that wait to be cancelled, and clients to be looked up, at most.
const REMEMBERED: usize = 1_000;
/// Days on which one travels.
const DAYS: u64 = 30;

/// What is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The server.
    pub program: Program,
    /// On PostgreSQL; else on SQLite.
    pub postgres: bool,
    /// Whether the server is to have a processor that it does not share with its callers.
    pub apart: bool,
    /// The first day on which one travels.
    pub date: NaiveDate,
    /// Trips that are booked before anything is measured: what the server keeps of the database in
    /// its memory grows with it, until there is as much as it keeps at most.
    pub trips: u64,
    /// How long the most that the server can do is looked for.
    pub measured: Duration,
    /// How long it is at work before its use counts: caches fill.
    pub warm_up: Duration,
    /// For how long its use counts.
    pub time: Duration,
    /// From one look at its use to the next.
    pub every: Duration,
}

/// What the server has in use, as it says itself at `/metrics`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Use {
    /// Since the load began.
    pub after: Duration,
    /// Its own memory in bytes, without the mapped file.
    pub memory_bytes: f64,
    /// Tasks.
    pub tasks: f64,
    /// Open files and sockets.
    pub descriptors: f64,
    /// Threads.
    pub threads: f64,
}

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// Whether the server had a processor of its own.
    pub is_apart: bool,
    /// Requests a second that the server can do.
    pub best_per_s: f64,
    /// All requests at half of it.
    pub report: Report,
    /// Looks, one after the other, those of the warm-up left out.
    pub uses: Vec<Use>,
}

impl Found {
    /// By how much something grows in an hour: the slope of the line that fits its looks best.
    pub fn slope_per_hour(&self, of: impl Fn(&Use) -> f64) -> f64 {
        slope(self.uses.iter().map(|it| (hours(it.after), of(it))))
    }

    /// By how much the least of so many looks in a row grows in an hour. What requests under way
    /// have in use comes and goes with them; what is never given back stays between them.
    pub fn idle_slope_per_hour(&self, looks: usize, of: impl Fn(&Use) -> f64) -> f64 {
        slope(self.uses.chunks(looks).map(|chunk| {
            let least = chunk.iter().map(&of).fold(f64::INFINITY, f64::min);
            (hours(chunk[0].after), least)
        }))
    }

    /// Failed requests that were not refused because there was too much to do.
    pub fn wrong(&self) -> impl Iterator<Item = &super::load::Failure> {
        self.report.failures.iter().filter(|failure| !failure.reason.contains("\"OVERLOADED\""))
    }
}

fn hours(time: Duration) -> f64 {
    time.as_secs_f64() / 3_600.0
}

/// The slope of the line that fits these points best.
fn slope(points: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let count = points.clone().count() as f64;
    let (x, y) = points.clone().fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
    let (x, y) = (x / count, y / count);
    let above: f64 = points.clone().map(|it| (it.0 - x) * (it.1 - y)).sum();
    above / points.map(|it| (it.0 - x).powi(2)).sum::<f64>()
}

/// Callers of a server, and what they remember.
struct Callers {
    http: reqwest::Client,
    origin: String,
    address: SocketAddr,
    date: NaiveDate,
    itinerary: Value,
    persons: AtomicU64,
    booked: Mutex<VecDeque<(String, String)>>,
}

/// Does it; none where PostgreSQL is wanted and missing.
///
/// # Panics
///
/// Where the server does not do what it should at all.
pub async fn run(plan: &Plan) -> Option<Found> {
    let folder = tempfile::tempdir().expect("a folder");
    let cluster = if plan.postgres { Some(Cluster::start()?) } else { None };
    let url = cluster.as_ref().map(Cluster::url);
    let arguments = url.as_ref().map_or(vec![], |url| vec!["--database-url", url]);
    let server = Process::start(&plan.program, folder.path(), &arguments);
    let is_apart = plan.apart && set_apart(server.id());
    let callers = Arc::new(Callers::of(&server, plan.date).await);
    callers.fill(plan.trips).await;
    let best_per_s = callers.best(plan.measured).await;
    let half = (best_per_s / 2.0).max(1.0) as u64;
    let load = {
        let callers = Arc::clone(&callers);
        Load::start(half, move |nth| {
            let callers = Arc::clone(&callers);
            async move { callers.request(nth).await }
        })
    };
    tokio::time::sleep(plan.warm_up).await;
    let mut uses = Vec::new();
    let until = Instant::now() + plan.time;
    while Instant::now() < until {
        tokio::time::sleep(plan.every).await;
        uses.push(callers.used(load.elapsed()).await);
    }
    Some(Found { is_apart, best_per_s, report: load.end().await, uses })
}

impl Callers {
    async fn of(server: &Process, date: NaiveDate) -> Self {
        let variables = json!({ "from": "London", "to": "Wien", "date": date.to_string() });
        let found = server.ask(SEARCH, &variables).await.expect("an answer");
        is_found(&found).expect("an itinerary");
        // Before the server closes them, which a request that is just sent would not survive.
        let http = reqwest::Client::builder().pool_idle_timeout(Duration::from_secs(5));
        Self {
            http: http.build().expect("a client"),
            origin: server.origin.clone(),
            address: server.address,
            date,
            itinerary: found["data"]["itineraries"]["nodes"][0]["id"].clone(),
            persons: AtomicU64::new(0),
            booked: Mutex::default(),
        }
    }

    /// Books until there are so many trips, each caller waiting for one answer before the next
    /// request.
    async fn fill(self: &Arc<Self>, trips: u64) {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let own = Arc::clone(self);
            callers.spawn(async move {
                while own.persons.load(Ordering::Relaxed) < trips {
                    own.book().await.expect("a booking");
                }
            });
        }
        callers.join_all().await;
    }

    /// Requests a second, each caller waiting for one answer before the next request.
    async fn best(self: &Arc<Self>, time: Duration) -> f64 {
        let begun = Instant::now();
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            let own = Arc::clone(self);
            callers.spawn(async move {
                let mut done = 0_usize;
                while begun.elapsed() < time {
                    own.request((caller + done) as u64).await.expect("an answer");
                    done += 1;
                }
                done
            });
        }
        let done: usize = callers.join_all().await.into_iter().sum();
        done as f64 / begun.elapsed().as_secs_f64()
    }

    /// Of ten requests, seven are searches, one of them with a filter; one is a booking, one a
    /// look-up of its client, and one its cancellation or, one time in a hundred, a subscription.
    async fn request(&self, nth: u64) -> Result<(), String> {
        match nth % 10 {
            0 => self.search(FILTERED, nth).await,
            1 => self.book().await,
            2 => self.look_up().await,
            3 if nth % 1_000 == 3 => self.subscribe().await,
            3 => self.cancel().await,
            _ => self.search(SEARCH, nth).await,
        }
    }

    async fn ask(&self, query: &str, variables: &Value) -> Result<Value, String> {
        ask(&self.http, &self.origin, query, variables).await
    }

    async fn search(&self, query: &str, nth: u64) -> Result<(), String> {
        let at = nth as usize;
        let (from, to) = (CITIES[at % CITIES.len()], CITIES[(at / 10 + 1) % CITIES.len()]);
        let to = if from == to { "Milano" } else { to };
        let date = self.date + Days::new(nth / 100 % DAYS);
        let variables = json!({ "from": from, "to": to, "date": date.to_string() });
        let answer = self.ask(query, &variables).await?;
        let is_answered = answer["data"]["itineraries"]["nodes"].is_array();
        if is_answered { Ok(()) } else { Err(answer.to_string()) }
    }

    async fn book(&self) -> Result<(), String> {
        let person = format!("A{}", self.persons.fetch_add(1, Ordering::Relaxed));
        let reference = book(&self.http, &self.origin, &self.itinerary, &person).await?;
        let mut booked = self.booked.lock().expect("bookings");
        booked.push_back((reference, person));
        if booked.len() > REMEMBERED {
            booked.pop_front();
        }
        Ok(())
    }

    async fn look_up(&self) -> Result<(), String> {
        let person = self.booked.lock().expect("bookings").back().map(|it| it.1.clone());
        let Some(person) = person else { return Ok(()) };
        let answer = self.ask(CLIENT, &json!({ "id": person })).await?;
        let is_answered = answer["data"]["client"]["currentTrips"]["nodes"].is_array();
        if is_answered { Ok(()) } else { Err(answer.to_string()) }
    }

    async fn cancel(&self) -> Result<(), String> {
        let Some((reference, _)) = self.booked.lock().expect("bookings").pop_front() else {
            return Ok(());
        };
        let answer = self.ask(CANCEL, &json!({ "input": { "reference": reference } })).await?;
        let is_done = answer["data"]["cancelTrip"]["trip"]["status"] == "CANCELLED";
        if is_done { Ok(()) } else { Err(answer.to_string()) }
    }

    /// A subscription that is taken, and left.
    async fn subscribe(&self) -> Result<(), String> {
        let address = self.address;
        // In a task of its own: a socket that hears something else panics.
        let subscribed = tokio::spawn(async move {
            let mut socket = Socket::ready(address, Value::Null).await;
            socket.subscribe("1", "subscription { networkChanged { version } }", json!({})).await;
        });
        subscribed.await.map_err(|error| format!("a WebSocket: {error}"))
    }

    async fn used(&self, after: Duration) -> Use {
        let answer = self.http.get(format!("{}/metrics", self.origin)).send().await;
        let text = answer.expect("an answer").text().await.expect("a text");
        let value = |name: &str| figure(&text, name).unwrap_or_else(|| panic!("no {name}"));
        Use {
            after,
            memory_bytes: value("process_anonymous_memory_bytes"),
            tasks: value("tokio_tasks"),
            descriptors: value("process_open_fds"),
            threads: value("process_threads"),
        }
    }
}
