//! Two programs that share a Redis: a limit holds over both, a document that one was sent is known
//! to the other, and where Redis is away each counts by itself until it is back.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::redis::Redis;
use tests::running::process::{Process, ask};

use super::{metric, program};

const NETWORK: &str = "{ network { version } }";

/// The SHA-256 of [`NETWORK`].
const HASH: &str = "499210c69b4ff89afeb3848be417d8966ed4319b288e2f90c3019ef2367d9a61";

/// The limit that is shared, in requests a second.
const LIMIT: u32 = 5;

/// Requests to each server in a burst: many more than are answered, however slow the machine is.
const EACH: u32 = 40;

/// How long the servers may take to notice something.
const PATIENCE: Duration = Duration::from_mins(1);

/// Two programs with databases of their own.
struct Two {
    servers: [Process; 2],
    http: reqwest::Client,
    _folders: [tempfile::TempDir; 2],
}

/// What came of a burst of requests.
#[derive(Debug)]
struct Burst {
    /// Answers of each server.
    answered: [u32; 2],
    /// Refusals of each server.
    refused: [u32; 2],
    /// What a limit lets through at most in the time that it took.
    most: u32,
}

impl Two {
    /// With so many requests a second of an address, as many at once, too.
    fn start(redis: &Redis, limit: u32) -> Self {
        let folders = [(); 2].map(|()| tempfile::tempdir().expect("a folder"));
        let (url, limit) = (redis.url(), limit.to_string());
        let words = ["--redis-url", &url, "--limit-requests-per-address", &limit];
        let servers =
            [0, 1].map(|nth: usize| Process::start(&program(), folders[nth].path(), &words));
        Self { servers, http: reqwest::Client::new(), _folders: folders }
    }

    /// Asks one after the other; every answer is one, or a refusal of the limit.
    async fn burst(&self) -> Burst {
        let began = Instant::now();
        let (mut answered, mut refused) = ([0; 2], [0; 2]);
        for nth in 0..2 * EACH as usize {
            let origin = &self.servers[nth % 2].origin;
            let answer = ask(&self.http, origin, NETWORK, &Value::Null).await.expect("an answer");
            match code(&answer) {
                None => answered[nth % 2] += 1,
                Some("TOO_MANY_REQUESTS") => refused[nth % 2] += 1,
                Some(_) => panic!("{answer}"),
            }
        }
        // One more where the clocks of the two ends do not tick alike.
        let most = LIMIT + (began.elapsed().as_secs_f64() * f64::from(LIMIT)) as u32 + 1;
        Burst { answered, refused, most }
    }

    /// A burst in which Redis answered every question. Where the machine keeps it from answering in
    /// time, there is another one.
    async fn shared_burst(&self) -> Burst {
        let began = Instant::now();
        loop {
            self.until("redis_up{from=\"REDIS_URL\"}", |up| up == 1).await;
            let before = self.each("redis_answered_alone_total").await;
            let burst = self.burst().await;
            if self.each("redis_answered_alone_total").await == before {
                return burst;
            }
            assert!(began.elapsed() < PATIENCE, "Redis does not answer in time");
            // Until what each has counted by itself is forgotten.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// A figure of each server.
    async fn each(&self, name: &str) -> [u64; 2] {
        let [first, second] = &self.servers;
        [metric(&first.origin, name).await, metric(&second.origin, name).await]
    }

    /// How often each server has logged an event.
    fn said(&self, event: &str) -> [usize; 2] {
        self.servers.each_ref().map(|server| server.logged(event))
    }

    /// Waits until a figure of both servers is so.
    async fn until(&self, name: &str, is_so: impl Fn(u64) -> bool) {
        let began = Instant::now();
        loop {
            let figures = self.each(name).await;
            if figures.into_iter().all(&is_so) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{name}: {figures:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The code of the first error.
fn code(answer: &Value) -> Option<&str> {
    let code = answer["errors"][0]["extensions"]["code"].as_str();
    assert!(code.is_some() || answer["data"]["network"]["version"].is_string(), "{answer}");
    code
}

fn holds_over_both(burst: &Burst) {
    let sum: u32 = burst.answered.iter().sum();
    assert!(sum > 0 && sum <= burst.most, "each server counts by itself: {burst:?}");
    assert!(burst.refused.iter().all(|refused| *refused > 0), "{burst:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_share_a_limit_and_each_counts_alone_while_redis_is_away() {
    let Some(mut redis) = Redis::start() else { return };
    let two = Two::start(&redis, LIMIT);
    for server in &two.servers {
        assert_eq!(server.logged("limits.shared"), 1, "{}", server.log());
        assert!(server.log().contains("\"redis.answers\":true"), "{}", server.log());
        assert_eq!(server.logged("limits.per_process"), 0);
    }
    holds_over_both(&two.shared_burst().await);
    let alone = two.each("redis_answered_alone_total").await;
    let back = two.said("redis.back");

    redis.kill();
    // Of the limit's share that both had used up together, each has its own now.
    let burst = two.burst().await;
    for (answered, refused) in burst.answered.into_iter().zip(burst.refused) {
        assert!(answered >= LIMIT && answered <= burst.most, "{burst:?}");
        assert!(refused > 0, "{burst:?}");
    }
    two.until("redis_up{from=\"REDIS_URL\"}", |up| up == 0).await;
    let away = two.each("redis_away_total").await;
    assert!(away.into_iter().all(|times| times >= 1), "{away:?}");
    let said = two.said("redis.away");
    assert!(said.into_iter().all(|times| times >= 1), "{said:?}");
    let answered = two.each("redis_answered_alone_total").await;
    for (answered, alone) in answered.into_iter().zip(alone) {
        assert!(answered >= alone + u64::from(EACH), "{answered} after {alone}");
    }

    redis.run();
    two.until("redis_up{from=\"REDIS_URL\"}", |up| up == 1).await;
    for (server, back) in two.servers.iter().zip(back) {
        server.until("Redis is back", |server| server.logged("redis.back") > back).await;
    }
    holds_over_both(&two.shared_burst().await);
}

/// Sends the hash of [`NETWORK`], with the document or without; the code of the answer's error.
async fn persisted(two: &Two, nth: usize, query: Option<&str>) -> Option<String> {
    let extensions = json!({ "persistedQuery": { "version": 1, "sha256Hash": HASH } });
    let mut body = json!({ "extensions": extensions });
    if let Some(query) = query {
        body["query"] = query.into();
    }
    let request = two.http.post(format!("{}/graphql", two.servers[nth].origin));
    let answer = request.json(&body).send().await.expect("an answer");
    let answer: Value = answer.json().await.expect("JSON");
    code(&answer).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_document_that_one_program_was_sent_is_known_to_the_other() {
    let Some(redis) = Redis::start() else { return };
    let two = Two::start(&redis, 1_000);
    let unknown = persisted(&two, 1, None).await;
    assert_eq!(unknown.as_deref(), Some("PERSISTED_QUERY_NOT_FOUND"));
    let began = Instant::now();
    // Again where Redis did not answer in time.
    loop {
        persisted(&two, 0, Some(NETWORK)).await;
        if persisted(&two, 1, None).await.is_none() {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "the other program does not know it");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
