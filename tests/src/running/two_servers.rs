//! Two servers on one PostgreSQL behind nginx, of which one is stopped, and then killed.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::load::{Failure, Load};
use super::nginx::Nginx;
use super::process::{Process, Program, ask};
use super::requests::{SEARCH, TRIP, book, is_found};
use crate::postgres::{Cluster, free_port};
use crate::socket::Socket;

/// How long a server goes on after SIGTERM, as `server/ops/nginx.conf` wants it.
const NOTICE_MS: &str = "3000";

/// WebSockets that are asked for whenever a server is about to stop.
const SOCKETS: usize = 6;

/// What is done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The servers.
    pub program: Program,
    /// Two cities and a date on which one can travel.
    pub question: (&'static str, &'static str, String),
    /// Requests a second all the while: searches by GET and by POST, and one booking in ten.
    pub requests_per_s: u64,
    /// Times that a server is stopped, and times that one is killed.
    pub times: usize,
}

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// All requests.
    pub sent: u64,
    /// Milliseconds that 99 % of the answers took at most.
    pub p99_ms: f64,
    /// WebSockets that were asked for while a server was about to stop, and those that were
    /// refused.
    pub sockets: (usize, usize),
    /// What failed while servers were stopped.
    pub while_stopped: Vec<Failure>,
    /// What failed while servers were killed.
    pub while_killed: Vec<Failure>,
    /// Those of the latter that were not under way when a server was killed, or were GET.
    pub not_in_flight: usize,
    /// Bookings that were acknowledged, and those of them that are not there.
    pub booked: (usize, usize),
    /// What nginx has logged.
    pub nginx_log: String,
}

/// Does it; none where PostgreSQL or nginx is missing.
///
/// # Panics
///
/// Where the servers do not do what they should at all.
pub async fn run(plan: &Plan) -> Option<Found> {
    let cluster = Cluster::start()?;
    let folder = tempfile::tempdir().expect("a folder");
    let ports = [free_port().expect("a port"), free_port().expect("a port")];
    let start = |port| start(plan, folder.path(), &cluster.url(), port);
    let mut servers = [start(ports[0]), start(ports[1])];
    let nginx = Nginx::start(ports)?;
    let metrics = reqwest::get(format!("{}/metrics", nginx.origin)).await.expect("an answer");
    assert_eq!(metrics.status(), 404, "figures are not for the outside");
    let references = Arc::new(Mutex::new(Vec::new()));
    let load = requests(plan, &nginx.origin, Arc::clone(&references)).await;
    let pause = Duration::from_secs(1);
    tokio::time::sleep(pause).await;
    let address = nginx.origin.strip_prefix("http://").and_then(|it| it.parse().ok());
    let address: SocketAddr = address.expect("an address");
    let mut refused = 0;
    for time in 0..plan.times {
        let at = time % 2;
        servers[at].signal("TERM");
        tokio::time::sleep(pause / 2).await;
        for _ in 0..SOCKETS {
            let opened = Socket::open_with(address, Some("graphql-transport-ws"), &[]).await;
            refused += usize::from(opened.is_err());
        }
        tokio::task::block_in_place(|| assert!(servers[at].ended().success()));
        tokio::time::sleep(pause).await;
        servers[at] = start(ports[at]);
        // Left alone for two seconds, it is asked again.
        tokio::time::sleep(3 * pause).await;
    }
    let stopped_until = load.elapsed();
    let mut kills = Vec::new();
    for time in 0..plan.times {
        let at = time % 2;
        kills.push(load.elapsed());
        servers[at].signal("KILL");
        tokio::task::block_in_place(|| servers[at].ended());
        tokio::time::sleep(pause).await;
        servers[at] = start(ports[at]);
        tokio::time::sleep(3 * pause).await;
    }
    let report = load.end().await;
    let (while_stopped, while_killed): (Vec<_>, Vec<_>) =
        report.failures.iter().cloned().partition(|failure| failure.after < stopped_until);
    let in_flight = |failure: &&Failure| {
        // Sent before, or before anybody knew.
        let slack = Duration::from_millis(50);
        let near = kills.iter().any(|kill| {
            failure.after <= *kill + slack && failure.after + failure.took + slack >= *kill
        });
        near && !failure.reason.starts_with("GET")
    };
    let not_in_flight = while_killed.len() - while_killed.iter().filter(in_flight).count();
    let references = references.lock().expect("bookings").clone();
    let mut lost = 0;
    for reference in &references {
        let trip = servers[0].ask(TRIP, &json!({ "reference": reference })).await;
        lost += usize::from(trip.expect("an answer")["data"]["trip"]["status"] != "CONFIRMED");
    }
    Some(Found {
        sent: report.sent,
        p99_ms: report.percentile_ms(0.99),
        sockets: (plan.times * SOCKETS, refused),
        while_stopped,
        while_killed,
        not_in_flight,
        booked: (references.len(), lost),
        nginx_log: nginx.log(),
    })
}

fn start(plan: &Plan, folder: &Path, url: &str, port: u16) -> Process {
    let listen = format!("127.0.0.1:{port}");
    let arguments = ["--database-url", url, "--listen", &listen, "--stop-notice-ms", NOTICE_MS];
    Process::start(&plan.program, folder, &arguments)
}

async fn requests(plan: &Plan, origin: &str, references: Arc<Mutex<Vec<String>>>) -> Load {
    let (from, to, date) = &plan.question;
    let variables = json!({ "from": from, "to": to, "date": date });
    let (http, origin) = (reqwest::Client::new(), origin.to_owned());
    let found = ask(&http, &origin, SEARCH, &variables).await.expect("an answer");
    let id = found["data"]["itineraries"]["nodes"][0]["id"].clone();
    assert!(id.is_string(), "no itinerary: {found}");
    Load::start(plan.requests_per_s, move |nth| {
        let (http, origin, variables) = (http.clone(), origin.clone(), variables.clone());
        let (id, references) = (id.clone(), Arc::clone(&references));
        async move {
            match nth % 10 {
                0 => {
                    let reference = book(&http, &origin, &id, &format!("A{nth}")).await;
                    let reference = reference.map_err(|error| format!("booking: {error}"))?;
                    references.lock().expect("bookings").push(reference);
                    Ok(())
                }
                1..5 => {
                    let answer = get(&http, &origin, &variables).await;
                    is_found(&answer.map_err(|error| format!("GET: {error}"))?)
                        .map_err(|error| format!("GET: {error}"))
                }
                _ => is_found(&ask(&http, &origin, SEARCH, &variables).await?),
            }
        }
    })
}

async fn get(http: &reqwest::Client, origin: &str, variables: &Value) -> Result<Value, String> {
    let mut url = reqwest::Url::parse(&format!("{origin}/graphql")).expect("a URL");
    url.query_pairs_mut()
        .append_pair("query", SEARCH)
        .append_pair("variables", &variables.to_string());
    let request = http.get(url).header("accept", "application/json");
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    answer.json().await.map_err(|error| format!("{error:?}"))
}
