//! What servers share through Redis: how often callers have asked, and documents by their hash.
//!
//! Nothing here is ever an error to a caller, and nothing waits: a question that is not answered in
//! [`PATIENCE`] is answered by this process alone, and from then on all are, until Redis answers a
//! task that asks it every [`ASK_AGAIN`]. That it is away is logged once and counted.

use std::fmt::Display;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, RedisError, Script};
use tokio::task::AbortHandle;

/// How long a caller's request waits for an answer of Redis.
const PATIENCE: Duration = Duration::from_millis(25);

/// How often Redis is asked whether it is back.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// How long a document is kept after it was last sent.
const DOCUMENT_KEPT: Duration = Duration::from_hours(24);

/// Counts a request in a bucket that holds a second's worth and fills evenly; says how many
/// microseconds to wait, 0 where it may go on.
const TAKE_REQUEST: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local most = tonumber(ARGV[1])
local each = 1000000 / most
local full = tonumber(redis.call('GET', KEYS[1]) or '0')
if full < now then full = now end
local after = full + each
if after - now > 1000000 then return math.ceil(after - now - 1000000) end
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', 2000)
return 0";

/// Counts a look-up among those of the last while; says how many milliseconds to wait, 0 where it
/// is made.
const TAKE_LOOKUP: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window = tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[1]) then
  local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
  return math.max(1, tonumber(first[2]) + window - now)
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return 0";

/// A text that is no Redis URL. It does not repeat the text, which may contain a password.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected REDIS_URL to be like redis://127.0.0.1:6379, found a text that is none ({reason})"
)]
pub struct InvalidUrl {
    reason: String,
}

/// How Redis has fared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SharedStats {
    /// Whether it answers.
    pub is_there: bool,
    /// How often it has gone away.
    pub times_away: u64,
    /// Questions that were answered by this process alone because it was away.
    pub answered_alone: u64,
}

/// A Redis that servers share. Cloning it shares its connection.
#[derive(Clone)]
pub struct Shared {
    inner: Arc<Inner>,
    /// Ends the task that looks after the connection with the last of these.
    _asking: Arc<AbortOnDrop>,
}

struct Inner {
    connection: ConnectionManager,
    take_request: Script,
    take_lookup: Script,
    is_there: AtomicBool,
    times_away: AtomicU64,
    answered_alone: AtomicU64,
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Shared {
    /// Opens a Redis, whether it is there or not.
    ///
    /// # Errors
    ///
    /// Where the URL is none.
    pub async fn open(url: &str) -> Result<Self, InvalidUrl> {
        let invalid = |error: RedisError| InvalidUrl {
            reason: error.detail().unwrap_or("see the documentation of Redis URLs").to_owned(),
        };
        let client = Client::open(url).map_err(invalid)?;
        // A failed attempt to connect is the next question's to repeat, not this one's to wait for.
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(ASK_AGAIN))
            .set_response_timeout(Some(ASK_AGAIN));
        let connection =
            ConnectionManager::new_lazy_with_config(client, config).map_err(invalid)?;
        let inner = Arc::new(Inner {
            connection,
            take_request: Script::new(TAKE_REQUEST),
            take_lookup: Script::new(TAKE_LOOKUP),
            is_there: AtomicBool::new(true),
            times_away: AtomicU64::new(0),
            answered_alone: AtomicU64::new(0),
        });
        inner.ask_once(ASK_AGAIN).await;
        let asking = tokio::spawn(ask(Arc::clone(&inner)));
        Ok(Self { inner, _asking: Arc::new(AbortOnDrop(asking.abort_handle())) })
    }

    /// How it has fared.
    pub fn stats(&self) -> SharedStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SharedStats {
            is_there: self.inner.is_there.load(Ordering::Relaxed),
            times_away: read(&self.inner.times_away),
            answered_alone: read(&self.inner.answered_alone),
        }
    }

    /// Counts a request; `None` where Redis is away.
    pub(super) async fn take_request(
        &self,
        kind: &str,
        caller: &impl Display,
        per_second: NonZeroU32,
    ) -> Option<Result<(), Duration>> {
        let mut script = self.inner.take_request.key(format!("railgraph:requests:{kind}:{caller}"));
        script.arg(per_second.get());
        let mut connection = self.inner.connection.clone();
        let wait: u64 = self.inner.answer(script.invoke_async(&mut connection)).await?;
        Some(if wait == 0 { Ok(()) } else { Err(Duration::from_micros(wait)) })
    }

    /// Counts a look-up: what to give back, or how long to wait; `None` where Redis is away.
    pub(super) async fn take_lookup(
        &self,
        caller: &str,
        most: NonZeroU32,
        window: Duration,
    ) -> Option<Result<String, Duration>> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let member = format!("{:032x}", u128::from_be_bytes(bytes));
        let mut script = self.inner.take_lookup.key(lookups_key(caller));
        script.arg(most.get()).arg(window.as_millis() as u64).arg(&member);
        let mut connection = self.inner.connection.clone();
        let wait: u64 = self.inner.answer(script.invoke_async(&mut connection)).await?;
        Some(if wait == 0 { Ok(member) } else { Err(Duration::from_millis(wait)) })
    }

    pub(super) async fn give_lookup_back(&self, caller: &str, member: &str) {
        let mut command = redis::cmd("ZREM");
        command.arg(lookups_key(caller)).arg(member);
        let mut connection = self.inner.connection.clone();
        let _: Option<u64> = self.inner.answer(command.query_async(&mut connection)).await;
    }

    /// The document with this hash, where another server was sent it lately.
    pub async fn document(&self, hash: &[u8; 32]) -> Option<String> {
        let mut command = redis::cmd("GET");
        command.arg(document_key(hash));
        let mut connection = self.inner.connection.clone();
        self.inner.answer(command.query_async::<Option<String>>(&mut connection)).await?
    }

    /// Keeps a document for all servers, without waiting for it.
    pub fn keep_document(&self, hash: &[u8; 32], text: &str) {
        let mut command = redis::cmd("SET");
        command.arg(document_key(hash)).arg(text).arg("EX").arg(DOCUMENT_KEPT.as_secs());
        let inner = Arc::clone(&self.inner);
        tokio::spawn(async move {
            let mut connection = inner.connection.clone();
            let _: Option<()> = inner.answer(command.query_async(&mut connection)).await;
        });
    }
}

/// Written to see whether Redis can be written to.
const PROBE_KEY: &str = "railgraph:probe";

fn lookups_key(caller: &str) -> String {
    format!("railgraph:lookups:{caller}")
}

fn document_key(hash: &[u8; 32]) -> String {
    format!("railgraph:document:{}", blake3::Hash::from(*hash).to_hex())
}

impl Inner {
    /// What Redis answers in time; `None` where it does not, or is known to be away.
    async fn answer<T: FromRedisValue>(
        &self,
        question: impl Future<Output = Result<T, RedisError>>,
    ) -> Option<T> {
        if self.is_there.load(Ordering::Relaxed) {
            match tokio::time::timeout(PATIENCE, question).await {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(error)) => self.is_away(&error),
                Err(_) => self.is_away(&"no answer in time"),
            }
        }
        self.answered_alone.fetch_add(1, Ordering::Relaxed);
        None
    }

    fn is_away(&self, cause: &dyn Display) {
        if self.is_there.swap(false, Ordering::Relaxed) {
            self.times_away.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                error.cause = %cause,
                hint = "limits hold for each server by itself until it is back",
                "redis.away"
            );
        }
    }

    /// Asks whether it would count, in so much time.
    async fn ask_once(&self, patience: Duration) {
        let mut connection = self.connection.clone();
        // One that can only be read, or is full, cannot count.
        let mut probe = redis::cmd("SET");
        probe.arg(PROBE_KEY).arg(1).arg("PX").arg(ASK_AGAIN.as_millis() as u64);
        let asked = tokio::time::timeout(patience, probe.query_async::<String>(&mut connection));
        match asked.await {
            Ok(Ok(_)) => {
                if !self.is_there.swap(true, Ordering::Relaxed) {
                    tracing::info!("redis.back");
                }
            }
            Ok(Err(error)) => self.is_away(&error),
            Err(_) => self.is_away(&"no answer in time"),
        }
    }
}

async fn ask(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(ASK_AGAIN);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        inner.ask_once(PATIENCE).await;
    }
}
