//! Figures of bookings that take too long for the test suite.
//! `cargo run --release -p tests --bin bookings -- speed --database postgres`
//!
//! Every subcommand prints its figures, the seed and the size that it ran with, and exits with 1
//! where something is wrong that must never be.

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand, ValueEnum};
use tests::measure::{Place, archive, filler, now, request, secrets, speed, tickets};
use tests::random::Random;
use tests::tamper::Tampering;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    what: What,
    /// On which database.
    #[arg(long, global = true, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// Where the random numbers begin.
    #[arg(long, global = true, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Bookings a second at 64 callers, against the same statements sent raw.
    Speed {
        #[arg(long, default_value_t = 64)]
        callers: usize,
        #[arg(long, default_value_t = 10.0)]
        seconds: f64,
    },
    /// What a page of 20 trips takes among many clients.
    Pages {
        #[arg(long, default_value_t = 1_000_000)]
        clients: u64,
    },
    /// Ticket numbers of three processes whose clocks step.
    Tickets {
        #[arg(long, default_value_t = 10_000_000)]
        numbers: u64,
    },
    /// Old trips are archived by a process that is killed every two seconds.
    Archive {
        #[arg(long, default_value_t = 1_000_000)]
        trips: u64,
    },
    /// The audit log is tampered with, and each time that must be found.
    Tamper {
        #[arg(long, default_value_t = 1_000)]
        times: usize,
    },
    /// Ciphertexts are flipped and swapped, and files searched for names.
    Secrets {
        #[arg(long, default_value_t = 10_000)]
        forgeries: usize,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("take-tickets") => {
            tickets::take(&words[1..]).await;
            return ExitCode::SUCCESS;
        }
        Some("archive-worker") => {
            archive::work(&words[1..]).await;
            return ExitCode::SUCCESS;
        }
        _ => {}
    }
    let arguments = Arguments::parse();
    let Some(place) = Place::new(arguments.database == Database::Postgres) else {
        println!("PostgreSQL is missing");
        return ExitCode::FAILURE;
    };
    println!("{:?} on {:?}, seed {}", arguments.what, arguments.database, arguments.seed);
    let begun = Instant::now();
    let good = match arguments.what {
        What::Speed { callers, seconds } => run_speed(&place, callers, seconds).await,
        What::Pages { clients } => run_pages(&place, clients).await,
        What::Tickets { numbers } => run_tickets(&place, numbers, arguments.seed).await,
        What::Archive { trips } => run_archive(&place, trips).await,
        What::Tamper { times } => run_tamper(&place, times, arguments.seed).await,
        What::Secrets { forgeries } => run_secrets(&place, forgeries, arguments.seed).await,
    };
    println!("{} in {:.0} s", if good { "good" } else { "WRONG" }, begun.elapsed().as_secs_f64());
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn run_speed(place: &Place, callers: usize, seconds: f64) -> bool {
    let speed = speed::measure(place, callers, seconds, 4).await;
    println!(
        "{:.0} bookings/s at {callers} callers, median {:.1} ms, p99 {:.1} ms, {:.1} to a commit; \
         raw statements {:.0}/s: {:.0} %",
        speed.store_per_s,
        speed.median_ms,
        speed.p99_ms,
        speed.group,
        speed.raw_per_s,
        100.0 * speed.ratio()
    );
    true
}

async fn run_pages(place: &Place, clients: u64) -> bool {
    let store = place.store().await;
    filler::clients(&place.raw().await, clients).await;
    let (median, p99) = speed::pages(&store, 5_000).await;
    println!("a page of 20 trips among {clients} clients: median {median:.2} ms, p99 {p99:.2} ms");
    true
}

async fn run_tickets(place: &Place, numbers: u64, seed: u64) -> bool {
    let program = std::env::current_exe().expect("this program");
    let found = tickets::measure(place, &program, 3, numbers, seed).await;
    println!("{found:?}");
    (found.duplicates, found.wrong_length, found.not_ascending, found.before_their_second)
        == (0, 0, 0, 0)
}

async fn run_archive(place: &Place, trips: u64) -> bool {
    let program = std::env::current_exe().expect("this program");
    let found = archive::measure(place, &program, trips, Duration::from_secs(2)).await;
    println!(
        "{} of {} trips archived in {:.0} s with {} kills; {} bytes of database a trip before, {} \
         bytes of archive after",
        found.archived,
        found.trips,
        found.seconds,
        found.kills,
        found.bytes_per_trip,
        found.archive_bytes_per_trip
    );
    for wrong in found.wrong.iter().take(10) {
        println!("wrong: {wrong}");
    }
    found.wrong.is_empty()
}

async fn run_tamper(place: &Place, times: usize, seed: u64) -> bool {
    let store = place.store().await;
    for person in 0..30 {
        let request = request("Audited", &format!("A{person}"), 0);
        store.book(&request, now()).await.expect("a booking").expect("no refusal");
        if person < 27 {
            store.seal_audit().await.expect("seals");
        }
    }
    let tampering = Tampering::begin(place.raw().await).await;
    let (mut random, mut missed) = (Random::of(seed), 0);
    for _ in 0..times {
        let done = tampering.tamper(&mut random).await;
        let report = store.verify_audit(None).await.expect("a report");
        if report.findings.is_empty() {
            println!("not found: {done}");
            missed += 1;
        }
        tampering.undo().await;
    }
    let whole = store.verify_audit(None).await.expect("a report").findings.is_empty();
    println!("{times} tamperings, {missed} not found; the log is whole again: {whole}");
    missed == 0 && whole
}

async fn run_secrets(place: &Place, forgeries: usize, seed: u64) -> bool {
    let store = place.store().await;
    let (mut clients, mut needles) = (Vec::new(), Vec::new());
    for person in 0..200 {
        let [name, number] = ["name", "number"].map(|kind| secrets::unmistakable(kind, person));
        let request = request(&name, &number, 0);
        let trip = store.book(&request, now()).await.expect("a booking").expect("no refusal");
        clients.push(trip.reservations()[0].client.id);
        needles.extend([name, number].iter().flat_map(|secret| secrets::spellings(secret)));
    }
    let raw = place.raw().await;
    let accepted = secrets::forge(&store, &raw, &clients, forgeries, seed).await;
    println!("{forgeries} ciphertexts flipped or swapped, {accepted} accepted");
    let (bytes, found) = secrets::search_folder(&place.database_folder(), &needles);
    println!("{bytes} bytes of database files searched: {} hits", found.len());
    for hit in found.iter().take(10) {
        println!("wrong: {hit}");
    }
    accepted == 0 && found.is_empty() && bytes > 100_000
}
