//! What servers share through Redis, and that nobody notices when it is away.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::http::{Callers, Keys, Limits};
use server::limit::Shared;
use tests::app::{self, Answered, Server, Setup};
use tests::feed::{self, CITIES};
use tests::redis::Redis;

const NETWORK: &str = "{ network { version } }";

/// Two servers on one database and one Redis.
async fn two(redis: &Redis, folder: &tempfile::TempDir, limits: Limits) -> [Server; 2] {
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let store = app::store(&url, None).await;
    let mut servers = Vec::new();
    for _ in 0..2 {
        let shared = Some(Shared::open(&redis.url()).await.expect("a URL"));
        let setup = Setup { limits: limits.clone(), shared, ..Setup::default() };
        let callers = |store: &_, clock: &_| {
            Callers::Keys(Keys::new(Clone::clone(store), Clone::clone(clock)))
        };
        let network = feed::network(CITIES);
        servers.push(app::start_for(network, store.clone(), setup, callers).await);
    }
    servers.try_into().unwrap_or_else(|_| unreachable!("two servers"))
}

/// Asks until the second is over that a limit is counted in; how many were answered.
async fn answered_in_a_row(servers: &[Server], key: &str, count: usize) -> (usize, Duration) {
    let (mut good, mut slowest) = (0, Duration::ZERO);
    for nth in 0..count {
        let began = Instant::now();
        let answer = servers[nth % servers.len()].ask(key, NETWORK, Value::Null).await;
        slowest = slowest.max(began.elapsed());
        assert!(answer.status == 200 || answer.code() == "TOO_MANY_REQUESTS", "{answer:?}");
        good += usize::from(answer.status == 200);
    }
    (good, slowest)
}

#[tokio::test]
async fn requests_and_look_ups_are_counted_over_all_servers() {
    let Some(redis) = Redis::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let limits = Limits { requests_per_key: Some(10), ..Limits::default() };
    let servers = two(&redis, &folder, limits).await;
    let key = servers[0].key("search,book").await;
    let began = Instant::now();
    let (good, _) = answered_in_a_row(&servers, &key, 60).await;
    // As many as fit in at once, and those that came in the time it took.
    let most = 10 + (began.elapsed().as_secs_f64() * 10.0) as usize + 1;
    assert!((10..=most).contains(&good), "{good} of {most}");

    let other = servers[0].key("book").await;
    let client = "{ client(lastName: \"a\", idNumber: \"b\") { id } }";
    let mut codes = Vec::new();
    for nth in 0..6 {
        codes.push(servers[nth % 2].ask(&other, client, Value::Null).await.code().to_owned());
    }
    assert_eq!(codes, ["", "", "", "", "", "TOO_MANY_LOOKUPS"]);
}

/// Sends a hash, with a document or without.
async fn persisted(server: &Server, key: &str, hash: &str, query: Option<&str>) -> Answered {
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let mut body = json!({ "extensions": extensions });
    if let Some(query) = query {
        body["query"] = query.into();
    }
    let request = server.http().post(server.url("/graphql")).bearer_auth(key).json(&body);
    Answered::of(request.send().await.expect("an answer")).await
}

/// The SHA-256 of [`NETWORK`].
const HASH: &str = "499210c69b4ff89afeb3848be417d8966ed4319b288e2f90c3019ef2367d9a61";

#[tokio::test]
async fn a_document_that_one_server_was_sent_is_known_to_the_other() {
    let Some(redis) = Redis::start() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let servers = two(&redis, &folder, Limits::default()).await;
    let key = servers[0].key("search").await;
    let unknown = persisted(&servers[1], &key, HASH, None).await;
    assert_eq!(unknown.code(), "PERSISTED_QUERY_NOT_FOUND");
    // It knows the document already, which nobody named by its hash.
    assert_eq!(servers[0].ask(&key, NETWORK, Value::Null).await.code(), "");
    assert_eq!(persisted(&servers[0], &key, HASH, Some(NETWORK)).await.code(), "");
    let patience = Instant::now() + Duration::from_secs(10);
    while persisted(&servers[1], &key, HASH, None).await.code() != "" {
        assert!(Instant::now() < patience, "the other server does not know it");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// It answers, and cannot count.
#[tokio::test]
async fn a_redis_that_cannot_be_written_to_is_away_once() {
    let Some(redis) = Redis::start() else { return };
    let shared = Shared::open(&redis.url()).await.expect("a URL");
    assert!(shared.stats().is_there);
    redis.say("CONFIG SET maxmemory 1");
    let until = Instant::now() + Duration::from_secs(10);
    while shared.stats().is_there {
        assert!(Instant::now() < until, "it is taken to be there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let stats = shared.stats();
    assert_eq!((stats.is_there, stats.times_away), (false, 1));
    redis.say("CONFIG SET maxmemory 0");
    while !shared.stats().is_there {
        assert!(Instant::now() < until, "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_each_server_counts_by_itself_and_no_caller_notices() {
    let Some(mut redis) = Redis::start() else { return };
    let shared = Shared::open(&redis.url()).await.expect("a URL");
    let limits = Limits {
        requests_per_key: Some(100_000),
        requests_per_address: Some(100_000),
        ..Limits::default()
    };
    let setup = Setup { limits, shared: Some(shared.clone()), ..Setup::default() };
    let servers = [app::with_keys(feed::network(CITIES), setup).await];
    let key = servers[0].key("search").await;
    assert!(shared.stats().is_there);
    // Stopped, killed and started again, all under load.
    for fault in ["pause", "kill"] {
        let before = shared.stats();
        let until = Instant::now() + Duration::from_secs(3);
        let (mut at, mut slowest) = (Instant::now(), Duration::ZERO);
        let mut is_away = false;
        while Instant::now() < until {
            if !is_away && at.elapsed() > Duration::from_millis(500) {
                is_away = true;
                at = Instant::now();
                if fault == "pause" { redis.pause(true) } else { redis.kill() }
            }
            let (good, took) = answered_in_a_row(&servers, &key, 20).await;
            assert_eq!(good, 20, "{fault}");
            slowest = slowest.max(took);
        }
        let away = shared.stats();
        assert!(!away.is_there, "{fault}");
        assert_eq!(away.times_away, before.times_away + 1, "{fault}");
        assert!(away.answered_alone > before.answered_alone, "{fault}");
        println!("{fault}: the slowest answer took {slowest:?}");
        assert!(slowest < Duration::from_millis(500), "{fault}: {slowest:?}");
        if fault == "pause" {
            redis.pause(false);
        } else {
            redis.run();
        }
        let patience = Instant::now() + Duration::from_secs(20);
        while !shared.stats().is_there {
            assert!(Instant::now() < patience, "{fault}: Redis is not found again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        answered_in_a_row(&servers, &key, 5).await;
        assert!(shared.stats().is_there, "{fault}");
    }
}
