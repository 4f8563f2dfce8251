//! API keys as requests show them, verified against the database and remembered.
//!
//! A key that has been verified is remembered, and no request waits for the database because of it.
//! A task asks the database every [`ASK_EVERY`] for all that are remembered, so that a revocation
//! acts within that and the time of a query. Where the database does not answer, what it said last
//! goes on being true for [`GRACE`]: searches do not end with it. A key that was never seen before
//! cannot be verified then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::Clock;
use super::code::Code;
use super::guard::Refused;
use crate::access::{Key, KeyId};
use crate::graphql::Caller;
use crate::store::{ApiKey, Store, StoreError};

/// How often the database is asked whether keys are still good.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// How long a key stays good without the database.
const GRACE: Duration = Duration::from_hours(1);

/// How long a key is remembered that nobody shows: whoever asks now and then is known, too, when
/// the database goes away.
const REMEMBERED: Duration = GRACE;

/// Keys that are remembered at most, good and unknown ones together.
const KEYS_MAX: usize = 10_000;

/// How long a request waits for the database to know its key.
const PATIENCE: Duration = Duration::from_millis(500);

/// Keys that the database is asked for at once, by requests that show ones not seen before:
/// guessing must not take the connections that bookings need.
const ASKED_AT_ONCE: usize = 4;

/// How callers fared with their keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyStats {
    /// Keys that are remembered.
    pub remembered: u64,
    /// Requests whose key was refused.
    pub refused: u64,
    /// Requests whose key could not be verified, since the database was away.
    pub unverified: u64,
    /// Seconds since the database was last asked with success; what revocations wait for.
    pub age_s: u64,
}

/// All keys that were shown lately. It ends its task when it is dropped.
pub struct Keys {
    known: Arc<Known>,
    asking: AbortHandle,
}

struct Known {
    store: Store,
    clock: Clock,
    entries: Mutex<HashMap<KeyId, Entry>>,
    asked_at_once: Semaphore,
    asked: Mutex<Instant>,
    refused: AtomicU64,
    unverified: AtomicU64,
}

struct Entry {
    /// As the database has it; `None` where it has none.
    key: Option<Arc<ApiKey>>,
    /// When the database said so.
    told: Instant,
    /// When somebody last showed it.
    shown: Instant,
    /// Whether somebody has shown it, with its secret, since the database was told.
    is_used: bool,
}

impl Drop for Keys {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Keys {
    /// Those of a database. It starts a task, and has to be called in a runtime.
    pub fn new(store: Store, clock: Clock) -> Self {
        let known = Arc::new(Known {
            store,
            clock,
            entries: Mutex::default(),
            asked_at_once: Semaphore::new(ASKED_AT_ONCE),
            asked: Mutex::new(Instant::now()),
            refused: AtomicU64::new(0),
            unverified: AtomicU64::new(0),
        });
        let asking = tokio::spawn(keep_asking(Arc::clone(&known))).abort_handle();
        Self { known, asking }
    }

    /// Whose key this is.
    ///
    /// # Errors
    ///
    /// Where it is none, not or no longer good, or not to be verified at the moment.
    pub async fn caller(&self, shown: &str) -> Result<Caller, Refused> {
        let found = self.known.verify(shown).await;
        if let Err(refused) = &found {
            let counter = match refused.code {
                Code::AuthenticationUnavailable => &self.known.unverified,
                _ => &self.known.refused,
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        found
    }

    /// How callers fared.
    pub fn stats(&self) -> KeyStats {
        let known = &self.known;
        let asked = *known.asked.lock().unwrap_or_else(PoisonError::into_inner);
        KeyStats {
            remembered: known.entries().len() as u64,
            refused: known.refused.load(Ordering::Relaxed),
            unverified: known.unverified.load(Ordering::Relaxed),
            age_s: asked.elapsed().as_secs(),
        }
    }
}

/// What is remembered of an id.
enum Remembered {
    /// This key has it.
    Key(Arc<ApiKey>),
    /// No key has it.
    NoKey,
    /// The database is to be asked.
    Nothing,
}

impl Known {
    fn entries(&self) -> MutexGuard<'_, HashMap<KeyId, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn verify(&self, shown: &str) -> Result<Caller, Refused> {
        let shown: Key = shown.parse().map_err(|error| refused(format!("{error}")))?;
        let key = match self.remembered(shown.id()) {
            Remembered::Key(key) => Some(key),
            Remembered::NoKey => None,
            Remembered::Nothing => self.ask_for(shown.id()).await?,
        };
        let unknown = || refused("expected a valid API key, found one that is not known");
        let key = key.filter(|key| key.hash == shown.hash()).ok_or_else(unknown)?;
        let now = (self.clock)();
        // Said to its owner alone: the secret is right.
        if key.revoked_at.is_some() {
            return Err(refused("expected a valid API key, found one that was revoked"));
        }
        if key.expires_at <= now {
            let date = key.expires_at.format("%Y-%m-%d");
            let message = format!("expected a valid API key, found one that expired on {date}");
            return Err(refused(message));
        }
        if key.is_used_anew(now)
            && let Some(entry) = self.entries().get_mut(&key.id)
        {
            entry.is_used = true;
        }
        Ok(Caller { name: format!("key {}", key.id), scopes: key.scopes })
    }

    /// What the database said of a key, where it was asked lately, or is away.
    fn remembered(&self, id: &KeyId) -> Remembered {
        let mut entries = self.entries();
        let entry = entries.get_mut(id).filter(|entry| entry.told.elapsed() < GRACE);
        let Some(entry) = entry else { return Remembered::Nothing };
        entry.shown = Instant::now();
        entry.key.clone().map_or(Remembered::NoKey, Remembered::Key)
    }

    /// Asks the database for a key that is not remembered.
    async fn ask_for(&self, id: &KeyId) -> Result<Option<Arc<ApiKey>>, Refused> {
        let ids = [id.clone()];
        let ask = async {
            // Never closed.
            let _one_of_few = self.asked_at_once.acquire().await.ok();
            self.store.api_keys_of(&ids).await
        };
        let found = match tokio::time::timeout(PATIENCE, ask).await {
            Ok(Ok(found)) => found.into_iter().next().map(Arc::new),
            Ok(Err(error)) => return Err(away(&error)),
            Err(_) => return Err(away(&"no answer in time")),
        };
        let now = Instant::now();
        let mut entries = self.entries();
        if entries.len() >= KEYS_MAX {
            entries.retain(|_, entry| entry.key.is_some());
        }
        if entries.len() < KEYS_MAX {
            let entry = Entry { key: found.clone(), told: now, shown: now, is_used: false };
            entries.insert(id.clone(), entry);
        }
        Ok(found)
    }

    /// Asks the database for all keys that were shown lately, and forgets the others: not while it
    /// is away, when they could not be verified again.
    async fn ask_again(&self) -> Result<(), StoreError> {
        let ids: Vec<KeyId> = {
            let mut entries = self.entries();
            // What is not known may be made at any moment.
            entries.retain(|_, it| it.key.is_some());
            let shown = entries.iter().filter(|(_, it)| it.shown.elapsed() < REMEMBERED);
            shown.map(|(id, _)| id.clone()).collect()
        };
        let asked = Instant::now();
        for ids in ids.chunks(500) {
            let found = self.store.api_keys_of(ids).await?;
            let mut entries = self.entries();
            for id in ids {
                let key = found.iter().find(|key| key.id == *id);
                if let Some(entry) = entries.get_mut(id) {
                    entry.key = key.cloned().map(Arc::new);
                    entry.told = asked;
                }
            }
        }
        if ids.is_empty() {
            // Nobody waits for an answer.
            self.store.health().await?;
        }
        self.entries().retain(|_, it| it.shown.elapsed() < REMEMBERED);
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = asked;
        self.tell_used((self.clock)()).await
    }

    /// Tells the database which keys were used.
    async fn tell_used(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        let used: Vec<KeyId> = {
            let mut entries = self.entries();
            let used = entries.iter_mut().filter(|(_, entry)| entry.is_used);
            used.map(|(id, entry)| {
                entry.is_used = false;
                id.clone()
            })
            .collect()
        };
        if used.is_empty() { Ok(()) } else { self.store.api_keys_used(used, now).await }
    }
}

async fn keep_asking(known: Arc<Known>) {
    let mut ticks = tokio::time::interval(ASK_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut is_failing = false;
    loop {
        ticks.tick().await;
        match known.ask_again().await {
            Ok(()) => is_failing = false,
            // Once, not every time, while the database is away.
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::warn!(
                    error.cause = %error,
                    hint = "keys that were used lately stay good for an hour",
                    "api_keys.not_asked"
                );
            }
            Err(_) => {}
        }
    }
}

fn refused(message: impl Into<String>) -> Refused {
    Refused::new(Code::Unauthenticated, message)
}

fn away(cause: &dyn std::fmt::Display) -> Refused {
    tracing::warn!(error.cause = %cause, "api_key.unverified");
    let message = "the API key cannot be verified at the moment; try again";
    Refused::new(Code::AuthenticationUnavailable, message).with_wait(Duration::from_secs(1))
}
