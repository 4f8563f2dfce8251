//! PostgreSQL on a disk that gets full, or whose syncs fail, while bookings and searches go on.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, Statement};
use serde_json::{Value, json};

use super::load::{Load, Report};
use super::process::{Process, ask};
use super::requests::{self, BOOK, Outage, TRIP, booking, is_unavailable};
use crate::postgres::{Cluster, Setup};

/// The disk of the database when it is small, in megabytes.
const DISK_MEGABYTES: u32 = 80;

/// What is left of it when it gets full: a few bookings' worth, in kilobytes.
const LEFT_KILOBYTES: u64 = 128;

/// Times that a single sync fails.
const SYNCS_FAIL: usize = 2;

/// What is wrong with the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The data's disk gets full; PostgreSQL's log has one of its own.
    DataFull,
    /// The disk of both gets full.
    AllFull,
    /// A sync fails, twice; and then every one.
    Syncs,
}

/// What is done.
pub type Plan = Outage<Fault>;

/// What came of it.
#[derive(Debug)]
pub struct Found {
    /// All searches.
    pub searches: Report,
    /// All bookings. Those that were refused typed are no failures.
    pub bookings: Report,
    /// Bookings that were acknowledged, and those of them that are not there at the end.
    pub booked: (usize, usize),
    /// Bookings that were refused typed.
    pub refused: usize,
    /// Those of the latter that were not acknowledged either when they were sent again at the end,
    /// with the same idempotency key.
    pub refused_again: usize,
    /// Persons who wanted a trip, and trips that there are at the end.
    pub trips: (usize, u64),
    /// Reads of a trip while bookings were refused: answered, and not.
    pub reads: (usize, usize),
    /// Whether PostgreSQL had ended by itself at the end of the fault.
    pub has_ended: bool,
    /// From the end of the fault, or PostgreSQL's start after it, to the first booking, in
    /// milliseconds.
    pub back_after_ms: f64,
}

/// What each person was told: a reference, or nothing.
type Told = Arc<Mutex<BTreeMap<u64, Option<String>>>>;

/// Does it; none where PostgreSQL is missing, or no disk can be mounted.
///
/// # Panics
///
/// Where the server does not do what it should at all.
pub async fn run(plan: &Plan) -> Option<Found> {
    let mut cluster = Cluster::start_as(&Setup {
        disk_megabytes: (plan.fault != Fault::Syncs).then_some(DISK_MEGABYTES),
        has_log_elsewhere: plan.fault == Fault::DataFull,
        has_failing_syncs: plan.fault == Fault::Syncs,
    })?;
    let folder = tempfile::tempdir().expect("a folder");
    let server = Process::start(&plan.program, folder.path(), &["--database-url", &cluster.url()]);
    let (searches, id) = plan.search(&server).await;
    let told = Told::default();
    let bookings = book(&server, id.clone(), plan.bookings_per_s, Arc::clone(&told));
    let first = next_booking(&told).await;
    let reads = match plan.fault {
        Fault::Syncs => fail_syncs(&mut cluster, &told, plan.time).await,
        Fault::DataFull | Fault::AllFull => {
            cluster.disk().fill(LEFT_KILOBYTES);
            refusals(&told, 20).await;
            let reads = read(&server, &first).await;
            tokio::time::sleep(plan.time).await;
            cluster.disk().free();
            reads
        }
    };
    let (has_ended, back_after_ms) = come_back(&mut cluster, &told).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let (searches, bookings) = (searches.end().await, bookings.end().await);
    let told = told.lock().expect("bookings").clone();
    let (booked, refused, refused_again) = check(&server, &id, &told).await;
    let trips = (told.len(), count(&cluster).await);
    Some(Found {
        searches,
        bookings,
        booked,
        refused,
        refused_again,
        trips,
        reads,
        has_ended,
        back_after_ms,
    })
}

/// A sync fails now and then, and PostgreSQL begins anew by itself; then all of them do, and it
/// gives up.
async fn fail_syncs(cluster: &mut Cluster, told: &Told, time: Duration) -> (usize, usize) {
    for _ in 0..SYNCS_FAIL {
        cluster.syncs().fail_next();
        until("a sync", || !cluster.syncs().is_yet_to_fail()).await;
        next_booking(told).await;
    }
    cluster.syncs().fail_all(true);
    refusals(told, 20).await;
    until("PostgreSQL's end", || cluster.has_ended()).await;
    tokio::time::sleep(time).await;
    cluster.syncs().fail_all(false);
    // PostgreSQL is away, and there is nothing to read from.
    (0, 0)
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_mins(1), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Starts PostgreSQL where it has ended, or still does, as whoever runs it would; says whether it
/// had, and how long after that a booking came, in milliseconds.
async fn come_back(cluster: &mut Cluster, told: &Told) -> (bool, f64) {
    let (called, mut begun, mut has_ended) = (Instant::now(), Instant::now(), false);
    loop {
        if cluster.has_ended() {
            cluster.start_again();
            (begun, has_ended) = (Instant::now(), true);
        }
        let booked = tokio::time::timeout(Duration::from_millis(500), next_booking(told)).await;
        if booked.is_ok() {
            return (has_ended, begun.elapsed().as_secs_f64() * 1e3);
        }
        assert!(called.elapsed() < Duration::from_mins(1), "no booking within a minute");
    }
}

/// Reads a trip twenty times.
async fn read(server: &Process, reference: &str) -> (usize, usize) {
    let mut reads = (0, 0);
    for _ in 0..20 {
        let answer = server.ask(TRIP, &json!({ "reference": reference })).await;
        let is_there = answer.is_ok_and(|it| it["data"]["trip"]["status"] == "CONFIRMED");
        if is_there {
            reads.0 += 1;
        } else {
            reads.1 += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reads
}

/// Bookings at a steady rate, each of another person, with a key to send them again.
fn book(server: &Process, id: Value, per_s: u64, told: Told) -> Load {
    let (http, origin) = (reqwest::Client::new(), server.origin.clone());
    Load::start(per_s, move |person| {
        let (http, origin, id) = (http.clone(), origin.clone(), id.clone());
        let told = Arc::clone(&told);
        async move {
            let answer = ask(&http, &origin, BOOK, &booking(&id, &format!("A{person}"))).await?;
            let reference = requests::reference(&answer);
            let is_good = reference.is_some() || is_unavailable(&answer);
            told.lock().expect("bookings").insert(person, reference);
            if is_good { Ok(()) } else { Err(answer.to_string()) }
        }
    })
}

/// Waits for a booking that is acknowledged after this was called, and was sent after it, too.
async fn next_booking(told: &Told) -> String {
    let newest = told.lock().expect("bookings").keys().next_back().copied();
    let found = wait_for(told, "a booking", move |told| {
        let mut later = told.iter().filter(|(person, _)| newest.is_none_or(|it| **person > it));
        later.find_map(|(_, told)| told.clone())
    });
    found.await
}

/// Waits until so many more bookings are refused.
async fn refusals(told: &Told, more: usize) {
    let refused = |told: &BTreeMap<u64, Option<String>>| {
        told.values().filter(|reference| reference.is_none()).count()
    };
    let before = refused(&told.lock().expect("bookings"));
    wait_for(told, "refusals", move |told| (refused(told) >= before + more).then_some(())).await;
}

async fn wait_for<T>(
    told: &Told,
    what: &str,
    find: impl Fn(&BTreeMap<u64, Option<String>>) -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        let found = find(&told.lock().expect("bookings"));
        if let Some(found) = found {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Looks for what was acknowledged, and sends again what was not.
async fn check(
    server: &Process,
    id: &Value,
    told: &BTreeMap<u64, Option<String>>,
) -> ((usize, usize), usize, usize) {
    let (mut booked, mut refused, mut refused_again) = ((0, 0), 0, 0);
    for (person, reference) in told {
        if let Some(reference) = reference {
            let trip = server.ask(TRIP, &json!({ "reference": reference })).await;
            let is_there = trip.is_ok_and(|it| it["data"]["trip"]["status"] == "CONFIRMED");
            booked.0 += 1;
            booked.1 += usize::from(!is_there);
        } else {
            refused += 1;
            let answer =
                server.ask(BOOK, &booking(id, &format!("A{person}"))).await.expect("an answer");
            refused_again += usize::from(requests::reference(&answer).is_none());
        }
    }
    (booked, refused, refused_again)
}

/// Trips in the database.
async fn count(cluster: &Cluster) -> u64 {
    let raw = sea_orm::Database::connect(cluster.url()).await.expect("the database");
    let sql = "SELECT count(*) AS n FROM trips";
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.expect("a row").expect("a row");
    row.try_get::<i64>("", "n").expect("a number") as u64
}
