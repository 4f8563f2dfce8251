//! What the GraphQL layer costs (QUALITY G2): requests a second of a search that answers ten
//! two-leg itineraries with all their fields, beside
//!
//! - the same bytes served as a static body by the same axum, and
//! - the same answer made by async-graphql from plain objects that return constants.
//!
//! `cargo run --release -p tests --bin layer [-- --seconds N --connections N]`
//!
//! Servers and load share the machine's cores and the runtime. Each round takes all three in turn;
//! the rates printed are those of the best round of each, and the ratios are of these.

#![expect(clippy::print_stdout, reason = "a program says what it measured")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema, SimpleObject};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::post;
use clap::Parser;
use serde::Deserialize;
use serde_json::json;
use server::http::{self, Limits, OpenConnections};
use tests::app;
use tests::feed;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// That of the program.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// How long and how hard.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds of each round of each server.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 16)]
    connections: usize,
}

const DOCUMENT: &str = "query Search($from: StationInput!, $to: StationInput!, $date: Date!) {
  itineraries(origin: $from, destination: $to, dateTime: {date: $date}, first: 10) {
    nodes {
      id departure arrival duration stops
      price { amount currency }
      legs {
        serviceJourney { id sourceId trainType }
        serviceDate
        origin { id name }
        destination { id name }
        departure arrival duration
        price { amount currency }
      }
      transfers { from { name } to { name } layover }
    }
  }
}";

/// Trains from A to B, and on from there to C: ten ways with one stop, and none without.
fn rows() -> String {
    let train = |nth: usize| {
        let hour = 6 + nth;
        format!(
            "AB{nth},Aachen,Bonn,{hour:02}:00,{hour:02}:40,RE,Daily,20,10\n\
             BC{nth},Bonn,Celle,{:02}:00,{:02}:30,ICE,Daily,90.50,60.25\n",
            hour + 1,
            hour + 3
        )
    };
    (0..10).map(train).collect()
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments = Arguments::parse();
    let variables =
        json!({ "from": { "name": "Aachen" }, "to": { "name": "Celle" }, "date": "2026-12-01" });
    let body = json!({ "query": DOCUMENT, "variables": variables }).to_string();
    let ours = app::on_sqlite(feed::network(&rows())).await;
    let answer = ask(ours.address, &body).await;
    let parsed: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
    let nodes = parsed["data"]["itineraries"]["nodes"].as_array().expect("itineraries");
    assert!(nodes.len() == 10 && nodes.iter().all(|it| it["stops"] == 1), "{parsed}");
    let still = serve_static(answer.clone()).await;
    let plain = serve_plain(&parsed).await;
    assert_eq!(answer, ask(plain, &body).await, "all three answer the same bytes");
    println!("{} bytes an answer, {} connections", answer.len(), arguments.connections);
    let servers = [("static body", still), ("railgraph", ours.address), ("constants", plain)];
    let mut best = [0.0_f64; 3];
    for round in 1..=arguments.rounds {
        for (at, (name, address)) in servers.iter().enumerate() {
            let rate = load(*address, &body, answer.len(), &arguments).await;
            println!("round {round}: {name:<12} {rate:>9.0}/s");
            best[at] = best[at].max(rate);
        }
    }
    let [still, ours, plain] = best;
    println!("railgraph is {:.2} of a static body (goal: 0.33 or more)", ours / still);
    println!("railgraph is {:.2} times plain constants (goal: 4.00 or more)", ours / plain);
}

fn request(body: &str) -> Vec<u8> {
    format!(
        "POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/graphql-response+json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The body of one answer.
async fn ask(address: SocketAddr, body: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(&request(body)).await.expect("a request");
    let mut answer = Vec::new();
    loop {
        let read = stream.read_buf(&mut answer).await.expect("an answer");
        assert!(read > 0, "the connection ended");
        if let Some((start, length)) = body_of(&answer)
            && answer.len() >= start + length
        {
            return answer[start..start + length].to_vec();
        }
    }
}

/// Where a body begins and how long it is, once all headers are there.
fn body_of(answer: &[u8]) -> Option<(usize, usize)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let headers = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let length = headers.lines().find_map(|line| line.strip_prefix("content-length: "))?;
    Some((end + 4, length.trim().parse().expect("a length")))
}

/// Requests a second, each connection with one at a time.
async fn load(address: SocketAddr, body: &str, length: usize, arguments: &Arguments) -> f64 {
    let (done, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let mut tasks = Vec::new();
    let request: Arc<[u8]> = request(body).into();
    for _ in 0..arguments.connections {
        let (done, stop, request) = (Arc::clone(&done), Arc::clone(&stop), Arc::clone(&request));
        tasks.push(tokio::spawn(async move {
            let mut stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("a socket");
            let mut answer = Vec::with_capacity(2 * length);
            let mut whole = None;
            while !stop.load(Ordering::Relaxed) {
                stream.write_all(&request).await.expect("a request");
                answer.clear();
                // All answers are as long as the first: only that one's headers are read.
                while whole.is_none_or(|whole| answer.len() < whole) {
                    let read = stream.read_buf(&mut answer).await.expect("an answer");
                    assert!(read > 0, "the connection ended");
                    if whole.is_none() {
                        whole = body_of(&answer).map(|(start, length)| start + length);
                    }
                }
                done.fetch_add(1, Ordering::Relaxed);
            }
        }));
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let (before, started) = (done.load(Ordering::Relaxed), Instant::now());
    tokio::time::sleep(Duration::from_secs(arguments.seconds)).await;
    let rate = (done.load(Ordering::Relaxed) - before) as f64 / started.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.expect("a connection to its end");
    }
    rate
}

async fn listen(router: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let limits = Limits::default();
        let open = OpenConnections::new(&limits);
        let (stopping, stop) = (Arc::default(), std::future::pending());
        http::serve(listener, router, &limits, &open, &stopping, stop).await;
    });
    address
}

const JSON: &str = "application/graphql-response+json; charset=utf-8";

async fn serve_static(answer: Vec<u8>) -> SocketAddr {
    let answer = Bytes::from(answer);
    let route = post(move |_: Bytes| async move { ([(header::CONTENT_TYPE, JSON)], answer) });
    listen(axum::Router::new().route("/graphql", route)).await
}

/// What a request says.
#[derive(Deserialize)]
struct Said {
    query: String,
    variables: serde_json::Value,
}

async fn serve_plain(answer: &serde_json::Value) -> SocketAddr {
    let found = &answer["data"]["itineraries"];
    let page = serde_json::from_value(found.clone()).expect("the same objects");
    let schema = Schema::new(Constants(page), EmptyMutation, EmptySubscription);
    let answer = async |State(schema): State<ConstantSchema>, body: Bytes| {
        let Said { query, variables } = serde_json::from_slice(&body).expect("a request");
        let request = async_graphql::Request::new(query);
        let request = request.variables(async_graphql::Variables::from_json(variables));
        let answer = serde_json::to_vec(&schema.execute(request).await).expect("JSON");
        ([(header::CONTENT_TYPE, JSON)], answer).into_response()
    };
    listen(axum::Router::new().route("/graphql", post(answer)).with_state(schema)).await
}

type ConstantSchema = Schema<Constants, EmptyMutation, EmptySubscription>;

struct Constants(Page);

/// A station by name.
#[derive(async_graphql::InputObject)]
struct StationInput {
    name: String,
}

/// A date.
#[derive(async_graphql::InputObject)]
struct DateInput {
    date: Date,
}

/// A text that is a date.
struct Date(String);

#[async_graphql::Scalar]
impl async_graphql::ScalarType for Date {
    fn parse(value: async_graphql::Value) -> async_graphql::InputValueResult<Self> {
        match value {
            async_graphql::Value::String(text) => Ok(Self(text)),
            other => Err(async_graphql::InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> async_graphql::Value {
        async_graphql::Value::String(self.0.clone())
    }
}

#[Object]
impl Constants {
    async fn itineraries(
        &self,
        origin: StationInput,
        destination: StationInput,
        date_time: DateInput,
        first: i32,
    ) -> Page {
        let _ = (origin.name, destination.name, date_time.date.0, first);
        self.0.clone()
    }
}

/// A page of itineraries.
#[derive(Clone, Deserialize, SimpleObject)]
struct Page {
    nodes: Vec<Itinerary>,
}

#[derive(Clone, Deserialize, SimpleObject)]
struct Itinerary {
    id: String,
    departure: String,
    arrival: String,
    duration: String,
    stops: i32,
    price: Option<Money>,
    legs: Vec<Leg>,
    transfers: Vec<Transfer>,
}

#[derive(Clone, Deserialize, SimpleObject)]
struct Money {
    amount: String,
    currency: String,
}

#[derive(Clone, Deserialize, SimpleObject)]
#[serde(rename_all = "camelCase")]
struct Leg {
    service_journey: ServiceJourney,
    service_date: String,
    origin: Station,
    destination: Station,
    departure: String,
    arrival: String,
    duration: String,
    price: Option<Money>,
}

#[derive(Clone, Deserialize, SimpleObject)]
#[serde(rename_all = "camelCase")]
struct ServiceJourney {
    id: String,
    source_id: String,
    train_type: String,
}

#[derive(Clone, Deserialize, SimpleObject)]
struct Station {
    #[serde(default)]
    id: String,
    name: String,
}

#[derive(Clone, Deserialize, SimpleObject)]
struct Transfer {
    from: Station,
    to: Station,
    layover: String,
}
