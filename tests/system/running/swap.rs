//! New network files: taken under load, one for a request, and refused where they are none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};
use server::http::Clock;
use server::networks::{Networks, Reading, Watch};
use server::search::Network;
use tests::app::{self, moment, traveller};
use tests::feed::{self, CITIES};
use tests::running::process::Process;
use tests::running::swap::{self, Plan};
use tests::socket::Socket;

use super::program;
use crate::programs::{RAILGRAPH, Running, Server};

fn small() -> Vec<u8> {
    let rows = format!("{CITIES}\nCA1,Celle,Aachen,09:00,15:00,IC,Daily,70,45\n");
    feed::compiled(&rows).encode().expect("bytes").to_vec()
}

fn opened(bytes: &[u8]) -> Network {
    let mut aligned = rkyv::util::AlignedVec::<16>::new();
    aligned.extend_from_slice(bytes);
    Network::open(Box::new(aligned)).expect("a network")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_files_take_over_under_load_and_bad_ones_do_not() {
    let plan = Plan {
        program: program(),
        base: small(),
        question: ("Aachen", "Celle", "2026-12-01".to_owned()),
        files: 10,
        requests_per_s: 100,
    };
    let found = swap::run(&plan).await;
    assert!(found.report.failures.is_empty(), "{:?}", found.report.failures);
    assert_eq!((found.taken, found.versions), (10, 11));
    let (bad, refused) = found.bad;
    // A file that is written in place may be read half, and is then refused once more.
    assert!(bad == 10 && refused >= bad, "{found:?}");
    let [first, _, last] = found.memory_bytes;
    assert!(last < first + (16 << 20), "memory does not come back: {:?}", found.memory_bytes);
}

const CHANGED: &str = include_str!("../../../schema/graphql/operations/network-changed.graphql");

/// Puts a file in the place of another at once, so that nobody reads half of it; its version.
fn put(folder: &Path, bytes: &[u8]) -> Value {
    let new = folder.join("new");
    std::fs::write(&new, bytes).expect("a file");
    std::fs::rename(new, folder.join("network.railgraph")).expect("a rename");
    json!(opened(bytes).header().version())
}

#[tokio::test]
async fn a_subscriber_of_a_program_is_told_of_each_file_that_takes_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = put(folder.path(), &small());
    let arguments = ["--network", "network.railgraph", "--network-poll-ms", "50"];
    let server = Process::start(&program(), folder.path(), &arguments);
    let mut socket = Socket::ready(server.address, Value::Null).await;
    socket.subscribe("n", CHANGED, json!({})).await;
    // The server does not say when it has begun to tell: whoever is too early changes it again.
    let mut cents = 0;
    let (mut put_there, mut told) = (Vec::new(), None);
    while told.is_none() {
        cents += 1;
        assert!(cents < 10, "nothing is told: {}", server.log());
        put_there.push(put(folder.path(), &swap::variant(&small(), cents)));
        told = socket.pinged_within(Duration::from_secs(5)).await;
    }
    let version = |told: &Value| {
        assert_eq!((&told["type"], &told["id"]), (&json!("next"), &json!("n")), "{told}");
        told["payload"]["data"]["networkChanged"]["version"].clone()
    };
    let first = version(&told.expect("an event"));
    assert!(first != before && put_there.contains(&first), "{first}");
    // From then on, none is missed; only what was put there before may be told yet.
    let next = put(folder.path(), &swap::variant(&small(), 100));
    while version(&socket.hear().await) != next {}
    let answer = server.ask("{ network { version } }", &json!({})).await.expect("an answer");
    assert_eq!(answer["data"]["network"]["version"], next);
}

#[tokio::test]
async fn every_truncation_and_thousands_of_flips_are_refused() {
    let (tried, wrong) = swap::refuse_all(&small(), 3_000, 1).await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(tried > 5_000, "{tried}");
}

#[tokio::test]
async fn a_file_of_an_older_format_is_refused_and_one_of_an_earlier_period_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("network.railgraph");
    let clock: Clock = Arc::new(|| moment(app::NOW));
    let networks = Networks::new(opened(&small()), clock());
    let mut watch = Watch::new(&path, clock);
    let mut older = small();
    older[8..12].copy_from_slice(&0_u32.to_le_bytes());
    let header_hash = blake3::hash(&older[..128]);
    older[128..160].copy_from_slice(header_hash.as_bytes());
    std::fs::write(&path, older).expect("a file");
    assert_eq!(watch.read(&networks).await, Reading::Refused);
    assert_eq!(watch.read(&networks).await, Reading::Refused);
    assert_eq!(networks.stats().refusals, 1, "the same file is counted once");
    let mut earlier = feed::options();
    earlier.until = Some("2026-12-02".parse().expect("a date"));
    std::fs::write(&path, feed::compiled_with(CITIES, &earlier).encode().expect("bytes"))
        .expect("a file");
    assert_eq!(watch.read(&networks).await, Reading::Taken);
    assert_eq!(networks.current().view().period().1.to_string(), "2026-12-02");
    assert_eq!(watch.read(&networks).await, Reading::Same);
    assert_eq!(networks.stats().swaps, 1);
}

#[tokio::test]
async fn a_change_that_leaves_no_trace_but_content_is_seen_at_the_second_look() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("network.railgraph");
    let clock: Clock = Arc::new(|| moment(app::NOW));
    let networks = Networks::new(opened(&small()), clock());
    let mut watch = Watch::new(&path, clock);
    std::fs::write(&path, swap::variant(&small(), 1)).expect("a file");
    watch.look(&networks).await;
    let first = networks.current().header().version();
    // As long as the one before, and with its times.
    let times = std::fs::metadata(&path).expect("a file").modified().expect("a time");
    let other = swap::variant(&small(), 2);
    std::fs::write(&path, other).expect("a file");
    std::fs::File::open(&path).expect("a file").set_modified(times).expect("its time");
    watch.look(&networks).await;
    assert_ne!(networks.current().header().version(), first);
}

#[tokio::test]
async fn whoever_listens_hears_of_a_new_network_and_the_old_one_is_freed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("network.railgraph");
    let clock: Clock = Arc::new(|| moment(app::NOW));
    let networks = Arc::new(Networks::new(opened(&small()), clock()));
    let mut changes = networks.changes();
    assert!(!changes.has_changed().expect("a sender"));
    let request = networks.current();
    let mut watch = Watch::new(&path, clock);
    std::fs::write(&path, swap::variant(&small(), 7)).expect("a file");
    watch.look(&networks).await;
    changes.changed().await.expect("a sender");
    let heard = changes.borrow_and_update().network.header().version();
    assert_eq!(heard, networks.current().header().version());
    assert_ne!(heard, request.header().version());
    watch.look(&networks).await;
    assert_eq!(networks.stats().held, 2, "a request has it still");
    drop(request);
    watch.look(&networks).await;
    assert_eq!(networks.stats().held, 1);
}

/// The server's own folder for temporary files is gone when a good file comes: it is refused, and
/// taken as soon as there is room for it, without being touched again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_there_is_no_room_for_is_taken_when_there_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let [temporary, path, next] =
        ["tmp", "n.railgraph", "next.railgraph"].map(|name| folder.path().join(name));
    std::fs::create_dir(&temporary).expect("a folder");
    std::fs::write(&path, small()).expect("a file");
    let mut command = std::process::Command::new(RAILGRAPH);
    command.current_dir(folder.path()).env_clear().env("TMPDIR", &temporary);
    command.args(["--listen", "127.0.0.1:0", "--network-poll-ms", "50", "--network"]).arg(&path);
    let server = Server::over(Running::spawn(command));
    let wait_for = async |wanted: [&str; 2]| {
        let begun = std::time::Instant::now();
        loop {
            let (_, _, metrics) = server.page("/metrics").await;
            if wanted.iter().all(|line| metrics.lines().any(|it| it == *line)) {
                return;
            }
            assert!(begun.elapsed().as_secs() < 20, "{wanted:?} in {metrics}");
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let taken = |times: u32| format!("network_files_total{{result=\"taken\"}} {times}");
    wait_for(["network_file_refused 0", &taken(0)]).await;
    std::fs::remove_dir(&temporary).expect("it is empty");
    std::fs::write(&next, swap::variant(&small(), 7)).expect("a file");
    std::fs::rename(&next, &path).expect("a file in its place");
    wait_for(["network_file_refused 1", &taken(0)]).await;
    // Its readings are over.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    std::fs::create_dir(&temporary).expect("a folder");
    wait_for(["network_file_refused 0", &taken(1)]).await;
}

/// A pipe would be waited for until somebody writes to it.
#[tokio::test]
async fn what_is_no_file_is_refused_and_does_not_keep_the_next_one_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let [path, next] = ["n.railgraph", "next.railgraph"].map(|name| folder.path().join(name));
    std::fs::write(&path, small()).expect("a file");
    let networks = Networks::new(opened(&small()), moment(app::NOW));
    let mut watch = Watch::new(&path, Arc::new(|| moment(app::NOW)));
    let made = std::process::Command::new("mkfifo").arg(&next).status().expect("mkfifo");
    assert!(made.success());
    std::fs::rename(&next, &path).expect("a pipe in its place");
    let looked = watch.look(&networks);
    tokio::time::timeout(std::time::Duration::from_secs(10), looked).await.expect("no waiting");
    let stats = networks.stats();
    assert_eq!((stats.swaps, stats.refusals, stats.is_refused), (0, 1, true));
    std::fs::write(&next, swap::variant(&small(), 7)).expect("a file");
    std::fs::rename(&next, &path).expect("a file in its place");
    watch.look(&networks).await;
    assert_eq!((networks.stats().swaps, networks.stats().is_refused), (1, false));
}

/// Anybody may ask as often as he likes: the database is asked four times a second at most.
#[tokio::test]
async fn health_asks_the_database_once_for_all_who_ask_at_once() {
    let server = app::on_sqlite(opened(&small())).await;
    let status = async || {
        let answer = server.http().get(server.url("/health/ready")).send().await;
        answer.expect("an answer").status().as_u16()
    };
    let raw = Database::connect(server.database_url()).await.expect("the database");
    let began = std::time::Instant::now();
    assert_eq!(status().await, 200);
    raw.execute_unprepared("DELETE FROM ticket_numbers").await.expect("a change");
    let again = status().await;
    // On a machine that is busy it may be asked again meanwhile.
    if began.elapsed() < std::time::Duration::from_millis(250) {
        assert_eq!(again, 200);
    }
    while status().await != 503 {
        assert!(began.elapsed().as_secs() < 20, "it is not asked again");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn health_tells_which_network_answers_and_since_when() {
    let server = app::on_sqlite(opened(&small())).await;
    let version = opened(&swap::variant(&small(), 1)).header().version();
    server.networks.replace(opened(&swap::variant(&small(), 1)), moment("2026-12-01T05:06:07Z"));
    for path in ["/health/ready", "/health/live"] {
        let answer = server.http().get(server.url(path)).send().await.expect("an answer");
        let health: serde_json::Value = answer.json().await.expect("JSON");
        let network = if path == "/health/live" { &health } else { &health["network"] };
        let told = if path == "/health/live" { &network["network"] } else { &network["version"] };
        assert_eq!(told, &json!(version), "{path}");
        if path == "/health/ready" {
            assert_eq!(network["takenAt"], "2026-12-01T05:06:07Z");
        }
    }
}

#[tokio::test]
async fn a_booking_is_of_one_network_and_an_id_lives_through_a_new_one() {
    let server = app::on_sqlite(opened(&small())).await;
    let id = server.itinerary("Aachen", "Celle", "2026-12-01").await;
    server.networks.replace(opened(&swap::variant(&small(), 100)), moment(app::NOW));
    let input = json!({ "itineraryId": id, "expectedPrice": "70.25",
        "travellers": [traveller("Ada", "Lovelace", "X1234567", 36)] });
    let refused = server.book(input.clone()).await;
    assert_eq!(refused["refusals"][0]["code"], "PRICE_CHANGED", "{refused}");
    let mut input = input;
    input["expectedPrice"] = json!("72.25");
    let booked = server.book(input).await;
    assert_eq!(booked["refusals"], json!([]));
}
