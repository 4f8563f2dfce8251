//! Requests that were carried out are answered again as the first time.
//!
//! Key, fingerprint and answer are written in the transaction of the effect itself: there is
//! never an effect without its key. A refused request has no effect, so its key stays free and
//! the same request may succeed later. The answer is a trip in the state in which the request
//! left it: what else a trip consists of never changes.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, ExprTrait, Insert, IntoActiveModel, QueryFilter,
    Statement,
};

use super::Store;
use super::entities::idempotency_key as entity;
use super::error::StoreError;
use super::together::Together;
use super::write::Outcome;
use crate::booking::{IdempotencyKey, Refusal, Trip};

/// How long a key is kept.
const KEPT: TimeDelta = TimeDelta::hours(24);

/// How long a key is kept that only a request under way knows.
const INTERNAL_KEPT: TimeDelta = TimeDelta::hours(1);

/// A caller's key and what it was sent with, as they are stored: hashed.
#[derive(Debug)]
pub(super) struct Claim {
    caller: String,
    key: [u8; 32],
    fingerprint: [u8; 32],
}

/// The caller of keys that the store made itself. No other caller's name is empty.
const INTERNAL: &str = "";

/// Keys that one transaction deletes.
const PURGED_AT_ONCE: i64 = 500;

/// Finds keys that callers named up to a moment, so many at most. (The length, since a comparison
/// with the name itself would make SQLite take the primary key, and sort.)
pub const OLDEST_NAMED: &str = "SELECT caller, key FROM idempotency_keys \
    WHERE length(caller) > 0 AND created_at <= $1 ORDER BY created_at LIMIT $2";

/// Finds keys that no caller named.
pub const OLDEST_INTERNAL: &str = "SELECT caller, key FROM idempotency_keys \
    WHERE length(caller) = 0 AND created_at <= $1 ORDER BY created_at LIMIT $2";

impl Claim {
    /// Whether the caller named the key, and so may have sent it before.
    fn is_callers(&self) -> bool {
        self.caller != INTERNAL
    }

    /// Takes the key for a transaction whose effect is `trip`. False when it is taken: then the
    /// other transaction has committed, since the insertion waits for it.
    pub(super) async fn take(
        &self,
        transaction: &impl ConnectionTrait,
        trip: TripState,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let taken = self.insertion(trip, now).exec_without_returning(transaction).await?;
        Ok(taken == 1)
    }

    /// Takes the key together with other insertions. Where it is taken, they write one row less.
    pub(super) fn take_with(&self, together: &mut Together, trip: TripState, now: DateTime<Utc>) {
        together.add(&self.insertion(trip, now), 1);
    }

    /// Writes the key, unless it is taken.
    fn insertion(&self, trip: TripState, now: DateTime<Utc>) -> Insert<entity::ActiveModel> {
        let row = entity::Model {
            caller: self.caller.clone(),
            key: self.key.to_vec(),
            fingerprint: self.fingerprint.to_vec(),
            trip_id: trip.id,
            trip_version: trip.version,
            trip_status: trip.status,
            created_at: now.timestamp(),
        };
        // A key that should have been purged is as good as none.
        let expired = (entity::Entity, entity::Column::CreatedAt);
        let expired = sea_orm::sea_query::Expr::col(expired).lte((now - KEPT).timestamp());
        let replace_expired = OnConflict::columns([entity::Column::Caller, entity::Column::Key])
            .update_columns([
                entity::Column::Fingerprint,
                entity::Column::TripId,
                entity::Column::TripVersion,
                entity::Column::TripStatus,
                entity::Column::CreatedAt,
            ])
            .action_and_where(expired)
            .to_owned();
        entity::Entity::insert(row.into_active_model()).on_conflict(replace_expired)
    }
}

/// The state in which a request leaves a trip.
#[derive(Debug, Clone, Copy)]
pub(super) struct TripState {
    pub(super) id: i64,
    pub(super) version: i32,
    pub(super) status: super::entities::Status,
}

impl Store {
    /// The claim of a request. One without a key gets a random one: should a commit not be
    /// answered, the key tells at the next attempt what became of it.
    pub(super) fn claim(
        &self,
        caller: &str,
        key: Option<&IdempotencyKey>,
        fingerprint: impl FnOnce(&[u8; 32]) -> [u8; 32],
    ) -> Result<Claim, StoreError> {
        let ring = self.vault().ring();
        let secret = ring.idempotency_key();
        let fingerprint = fingerprint(secret);
        let (caller, key) = match key {
            Some(key) => (caller, *blake3::keyed_hash(secret, key.0.as_bytes()).as_bytes()),
            None => (INTERNAL, self.random().bytes()?),
        };
        Ok(Claim { caller: caller.to_owned(), key, fingerprint })
    }

    /// The answer given before to a key that the caller named, if it is known.
    pub(super) async fn replay_sent_before(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Option<Result<Trip, Vec<Refusal>>>, StoreError> {
        if claim.is_callers() { self.replay(claim, now).await } else { Ok(None) }
    }

    /// The answer given before to this key, if it is known.
    pub(super) async fn replay(
        &self,
        claim: &Claim,
        now: DateTime<Utc>,
    ) -> Result<Option<Result<Trip, Vec<Refusal>>>, StoreError> {
        let key = (claim.caller.clone(), claim.key.to_vec());
        let row = entity::Entity::find_by_id(key)
            .filter(entity::Column::CreatedAt.gt((now - KEPT).timestamp()))
            .one(self.reader())
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if row.fingerprint != claim.fingerprint {
            return Ok(Some(Err(vec![Refusal::idempotency_conflict()])));
        }
        let trip = self.trip_by_id(crate::booking::TripId(row.trip_id)).await?;
        let trip = trip.ok_or(StoreError::Corrupt("an idempotency key names no trip"))?;
        Ok(Some(Ok(trip.as_of(row.trip_version, row.trip_status.into()))))
    }

    /// Forgets idempotency keys older than 24 hours, and those of requests without one after an
    /// hour; says how many. To be called now and then. Few are deleted at a time, so that no
    /// booking waits for it long.
    pub async fn purge_idempotency_keys(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let mut purged = 0;
        for (sql, kept) in [(OLDEST_NAMED, KEPT), (OLDEST_INTERNAL, INTERNAL_KEPT)] {
            loop {
                let values = [(now - kept).timestamp().into(), PURGED_AT_ONCE.into()];
                let sql = format!("DELETE FROM idempotency_keys WHERE (caller, key) IN ({sql})");
                let piece = self.write(move |transaction| {
                    Box::pin(async move {
                        let backend = transaction.get_database_backend();
                        let statement = Statement::from_sql_and_values(backend, sql, values);
                        let deleted = transaction.execute_raw(statement).await?;
                        Ok(Outcome::Keep(deleted.rows_affected()))
                    })
                });
                let piece = piece.await?;
                purged += piece;
                if piece < PURGED_AT_ONCE.cast_unsigned() {
                    break;
                }
            }
        }
        Ok(purged)
    }
}
