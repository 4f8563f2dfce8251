//! Archiving while it is killed again and again.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};

use super::{Place, filler, now, open, request};

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Trips at the beginning.
    pub trips: u64,
    /// Bytes of the database for each of them.
    pub bytes_per_trip: u64,
    /// Times the process was killed.
    pub kills: u64,
    /// How long it took, kills included, in seconds.
    pub seconds: f64,
    /// Trips in the archive.
    pub archived: u64,
    /// Its files' bytes for each of them.
    pub archive_bytes_per_trip: u64,
    /// What is wrong, a sentence each.
    pub wrong: Vec<String>,
}

async fn number(raw: &DatabaseConnection, sql: &str) -> u64 {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.expect("a row").expect("a row");
    row.try_get::<i64>("", "n").expect("a number") as u64
}

/// Archives a number of trips with a process that is killed every so often. `program` calls
/// [`work`] when its first argument is `archive-worker`.
///
/// # Panics
///
/// Where the database refuses what it should not.
pub async fn measure(place: &Place, program: &Path, trips: u64, kill_every: Duration) -> Found {
    let store = place.store().await;
    // Few, because their references are drawn by chance and must not be one of the million.
    for person in 0..50.min(trips) {
        let request = request("Traveller", &format!("T{person}"), 0);
        store.book(&request, now()).await.expect("a booking").expect("no refusal");
    }
    let raw = place.raw().await;
    let booked = number(&raw, "SELECT count(*) AS n FROM trips").await;
    let before_bytes = size(&raw).await;
    filler::old_trips(&raw, trips).await;
    let mut found = Found { trips, ..Found::default() };
    found.bytes_per_trip = (size(&raw).await.saturating_sub(before_bytes)) / trips.max(1);
    let begun = Instant::now();
    let mut ended = false;
    while !ended {
        let mut child = Command::new(program)
            .arg("archive-worker")
            .args([&place.url, &place.keys.display().to_string()])
            .arg(&place.archive)
            .spawn()
            .expect("a process");
        let until = Instant::now() + kill_every;
        ended = loop {
            if let Some(status) = child.try_wait().expect("its state") {
                assert!(status.success(), "a process failed");
                break true;
            }
            if Instant::now() > until {
                child.kill().expect("a killed process");
                child.wait().expect("its end");
                found.kills += 1;
                // In each place at most once, at every moment.
                let both = "SELECT count(*) AS n FROM trips t JOIN archived_trips a \
                            ON a.trip_id = t.id";
                let sum = "SELECT (SELECT count(*) FROM trips) + \
                           (SELECT count(*) FROM archived_trips) AS n";
                if number(&raw, both).await > 0 || number(&raw, sum).await != trips + booked {
                    found.wrong.push(format!("after kill {}: not in one place each", found.kills));
                }
                break false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        };
    }
    found.seconds = begun.elapsed().as_secs_f64();
    check(place, &raw, &mut found, booked).await;
    found
}

async fn check(place: &Place, raw: &DatabaseConnection, found: &mut Found, booked: u64) {
    let store = place.store().await;
    let report = store.verify_archive().await.expect("a report");
    found.archived = report.trips;
    found.wrong.extend(report.findings);
    if report.trips != found.trips || number(raw, "SELECT count(*) AS n FROM trips").await != booked
    {
        found.wrong.push(format!("{} trips are in the archive", report.trips));
    }
    found.wrong.extend(store.verify_audit(None).await.expect("a report").findings);
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(&place.archive).expect("the archive") {
        files += 1;
        bytes += entry.expect("a file").metadata().expect("its size").len();
    }
    if files > report.segments + 1 {
        found.wrong.push(format!("{files} files, {} of them known", report.segments));
    }
    found.archive_bytes_per_trip = bytes / found.trips.max(1);
    // Every so-manieth is read by its reference.
    for number in (1..=found.trips).step_by((found.trips / 500).max(1) as usize) {
        let trip = store.trip(&format!("TRP-{number:08X}"), Some("TRAVELLER")).await;
        if trip
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .is_none_or(|trip| trip.id().0 != number as i64)
        {
            found.wrong.push(format!("trip {number} is not found: {trip:?}"));
        }
    }
}

async fn size(raw: &DatabaseConnection) -> u64 {
    let sql = if raw.get_database_backend() == sea_orm::DbBackend::Postgres {
        "SELECT pg_database_size(current_database()) AS n"
    } else {
        "SELECT page_count * page_size AS n FROM pragma_page_count(), pragma_page_size()"
    };
    number(raw, sql).await
}

/// Archives in this process: `arguments` are URL, key file and folder.
///
/// # Panics
///
/// Where it fails.
pub async fn work(arguments: &[String]) {
    let [url, keys, folder] = arguments else { panic!("expected three arguments") };
    let store = open(url, Path::new(keys), Path::new(folder)).await;
    let before = NaiveDate::from_ymd_opt(2025, 1, 1).expect("a date");
    loop {
        if store.archive(before, "measure", now()).await.expect("an archive").is_some() {
            return;
        }
        // The turn of a process that was killed ends within a second.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
