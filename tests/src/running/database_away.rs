//! PostgreSQL is stopped, or stands still, while searches and bookings go on.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::load::{Load, Report};
use super::process::{Process, ask};
use super::requests::{BOOK, Outage, TRIP, booking, is_unavailable, reference};
use crate::postgres::Cluster;

/// How the database goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Away {
    /// It is stopped, and nobody listens.
    Stopped,
    /// All its processes stand still: connections are taken by the kernel, and nobody answers.
    Still,
}

/// What is done.
pub type Plan = Outage<Away>;

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// All searches.
    pub searches: Report,
    /// All bookings. Those that were refused typed are no failures.
    pub bookings: Report,
    /// Bookings that were refused typed.
    pub refused: usize,
    /// From the database's end until the breaker is open, in milliseconds.
    pub open_after_ms: f64,
    /// The longest refusal since, in milliseconds.
    pub longest_refusal_ms: f64,
    /// From the database's return to the first booking, in milliseconds.
    pub back_after_ms: f64,
    /// Acknowledged bookings, and those of them that are not there.
    pub booked: (usize, usize),
    /// What health said of searches and bookings meanwhile.
    pub health: (u16, u16),
    /// Milliseconds that it took to say the former.
    pub health_ms: f64,
    /// Milliseconds after which a trip was refused to be read, once some had been.
    pub read_refused_ms: f64,
}

/// A booking as its caller saw it.
#[derive(Debug, Clone)]
struct Seen {
    at: Instant,
    took: Duration,
    reference: Option<String>,
}

/// Does it; none where PostgreSQL is missing.
///
/// # Panics
///
/// Where the server does not do what it should at all.
pub async fn run(plan: &Plan) -> Option<Found> {
    let mut cluster = Cluster::start()?;
    let folder = tempfile::tempdir().expect("a folder");
    let url = cluster.url();
    let server = Process::start(&plan.program, folder.path(), &["--database-url", &url]);
    let (searches, id) = plan.search(&server).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let bookings = book(&server, id, plan.bookings_per_s, Arc::clone(&seen));
    wait_for(&seen, "a booking", |it| it.reference.is_some()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let gone = Instant::now();
    match plan.fault {
        Away::Stopped => cluster.stop(),
        Away::Still => cluster.pause(true),
    }
    server.until("the breaker for writing opens", has_opened).await;
    let open = Instant::now();
    tokio::time::sleep(plan.time).await;
    let meanwhile = meanwhile(&server).await;
    let back = Instant::now();
    match plan.fault {
        Away::Stopped => cluster.start_again(),
        Away::Still => cluster.pause(false),
    }
    // The server may have been able to book as soon as PostgreSQL was.
    let back = if plan.fault == Away::Stopped { Instant::now() } else { back };
    let is_back = move |it: &Seen| it.reference.is_some() && it.at > back;
    wait_for(&seen, "a booking afterwards", is_back).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (searches, bookings) = (searches.end().await, bookings.end().await);
    let seen = seen.lock().expect("bookings").clone();
    let times = Times { gone, open, back };
    Some(evaluate(&server, (searches, bookings), &seen, times, meanwhile).await)
}

/// What others than bookings and searches see while the database is away.
struct Meanwhile {
    health: (u16, u16),
    health_ms: f64,
    read_refused_ms: f64,
}

/// The variables of a trip that there is not.
fn nobody() -> Value {
    json!({ "reference": "TRP-00000000" })
}

async fn meanwhile(server: &Process) -> Meanwhile {
    let milliseconds = |since: Instant| since.elapsed().as_secs_f64() * 1e3;
    let asked = Instant::now();
    let searching = server.get("/health/ready/search").await.0;
    let health_ms = milliseconds(asked);
    let booking = server.get("/health/ready/booking").await.0;
    // So many that the breaker for reading opens, though their callers wait for less time than the
    // database is given.
    let (client, mut readers) = (reqwest::Client::new(), JoinSet::new());
    for _ in 0..6 {
        let (http, origin) = (client.clone(), server.origin.clone());
        readers.spawn(async move { ask(&http, &origin, TRIP, &nobody()).await });
    }
    readers.join_all().await;
    let asked = Instant::now();
    let refused = server.ask(TRIP, &nobody()).await.expect("an answer");
    assert_eq!(refused["errors"][0]["extensions"]["code"], "BOOKINGS_UNAVAILABLE", "{refused}");
    Meanwhile { health: (searching, booking), health_ms, read_refused_ms: milliseconds(asked) }
}

/// When the database went, when the breaker was open, and when the database was back.
#[derive(Debug, Clone, Copy)]
struct Times {
    gone: Instant,
    open: Instant,
    back: Instant,
}

fn has_opened(server: &Process) -> bool {
    let is_it = |line: &str| line.contains("database.breaker_opened") && line.contains("Write");
    server.log().lines().any(is_it)
}

async fn evaluate(
    server: &Process,
    (searches, bookings): (Report, Report),
    seen: &[Seen],
    Times { gone, open, back }: Times,
    meanwhile: Meanwhile,
) -> Found {
    let refused = |it: &&Seen| it.reference.is_none();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
    let since = seen.iter().filter(refused).filter(|it| it.at > open && it.at < back);
    let first_booked = seen.iter().filter(|it| it.reference.is_some() && it.at > back);
    let ends = first_booked.map(|it| it.at + it.took).min();
    let mut lost = 0;
    let references: Vec<&String> = seen.iter().filter_map(|it| it.reference.as_ref()).collect();
    for reference in &references {
        let trip = server.ask(TRIP, &json!({ "reference": reference })).await.expect("an answer");
        lost += usize::from(trip["data"]["trip"]["status"] != "CONFIRMED");
    }
    Found {
        refused: seen.iter().filter(refused).count(),
        open_after_ms: milliseconds(open - gone),
        longest_refusal_ms: since.map(|it| milliseconds(it.took)).fold(0.0, f64::max),
        back_after_ms: ends
            .map_or(f64::INFINITY, |at| milliseconds(at.saturating_duration_since(back))),
        booked: (references.len(), lost),
        searches,
        bookings,
        health: meanwhile.health,
        health_ms: meanwhile.health_ms,
        read_refused_ms: meanwhile.read_refused_ms,
    }
}

/// Bookings at a steady rate, each of another person.
fn book(server: &Process, id: Value, per_s: u64, seen: Arc<Mutex<Vec<Seen>>>) -> Load {
    let (http, origin) = (reqwest::Client::new(), server.origin.clone());
    Load::start(per_s, move |nth| {
        let (http, origin, id) = (http.clone(), origin.clone(), id.clone());
        let seen = Arc::clone(&seen);
        async move {
            let variables = booking(&id, &format!("A{nth}"));
            let at = Instant::now();
            let answer = ask(&http, &origin, BOOK, &variables).await?;
            let reference = reference(&answer);
            let is_good = reference.is_some() || is_unavailable(&answer);
            seen.lock().expect("bookings").push(Seen { at, took: at.elapsed(), reference });
            if is_good { Ok(()) } else { Err(answer.to_string()) }
        }
    })
}

async fn wait_for(seen: &Mutex<Vec<Seen>>, what: &str, is_it: impl Fn(&Seen) -> bool) {
    let begun = Instant::now();
    while !seen.lock().expect("bookings").iter().any(&is_it) {
        assert!(begun.elapsed() < Duration::from_mins(1), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
