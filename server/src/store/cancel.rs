//! Cancelling: one transaction for the trip, its reservations and the idempotency key.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::Store;
use super::entities::{Status, reservation, trip};
use super::error::StoreError;
use super::idempotency::{Claim, TripState};
use super::steps::Step;
use super::write::Outcome;
use crate::booking::{CancelTrip, Refusal, Trip, TripReference};

/// A transaction's end.
enum Attempt {
    Cancelled(Trip),
    Refused(Refusal),
    /// Somebody else changed the trip after it was read.
    Overtaken,
}

/// A cancellation on its way into the database, the same at every attempt.
struct Cancellation {
    store: Store,
    request: CancelTrip,
    reference: TripReference,
    claim: Claim,
    now: DateTime<Utc>,
}

impl Store {
    /// Cancels a trip at the moment `now`: the trip, or the rule that forbids it.
    pub async fn cancel(
        &self,
        request: &CancelTrip,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let claim = self.claim(&request.caller, request.idempotency_key.as_ref(), |secret| {
            request.fingerprint(secret)
        })?;
        if let Some(answer) = self.replay_sent_before(&claim, now).await? {
            return Ok(answer);
        }
        let Some(reference) = TripReference::parse(&request.reference) else {
            return Ok(Err(vec![Refusal::trip_unknown()]));
        };
        let cancellation =
            Cancellation { store: self.clone(), request: request.clone(), reference, claim, now };
        self.carry_out(&Arc::new(cancellation)).await
    }

    async fn carry_out(
        &self,
        cancellation: &Arc<Cancellation>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let mut retries = self.retries();
        loop {
            let own = Arc::clone(cancellation);
            let attempt = self
                .write(move |transaction| Box::pin(async move { own.write(transaction).await }));
            let refusal = match attempt.await {
                Ok(Attempt::Cancelled(trip)) => {
                    self.step(Step::Committed);
                    return Ok(Ok(trip));
                }
                Ok(Attempt::Overtaken) => None,
                Ok(Attempt::Refused(refusal)) => Some(refusal),
                Err(error) => {
                    retries.again(error).await?;
                    continue;
                }
            };
            // Either may be the trace of the same request, carried out between our look at its key
            // and our look at the trip; then it is answered alike.
            match (self.replay(&cancellation.claim, cancellation.now).await, refusal) {
                (Ok(Some(answer)), _) => return Ok(answer),
                (Ok(None), Some(refusal)) => return Ok(Err(vec![refusal])),
                (Ok(None), None) => {}
                (Err(error), _) => retries.again(error).await?,
            }
        }
    }
}

impl Cancellation {
    async fn write(
        &self,
        transaction: &DatabaseTransaction,
    ) -> Result<Outcome<Attempt>, StoreError> {
        let Self { store, request, reference, claim, now } = self;
        store.step(Step::Begun);
        let trip = store.trip_for_change(transaction, *reference).await?;
        let last_name = request.last_name.as_deref();
        let visible = |trip: &Trip| last_name.is_none_or(|name| trip.has_traveller(name));
        let Some(trip) = trip.filter(visible) else {
            return Ok(Outcome::Undo(Attempt::Refused(Refusal::trip_unknown())));
        };
        let version_seen = trip.version();
        // Stored in whole seconds, and answered now as it is answered later.
        let cancelled_at = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(*now);
        let trip = match trip.cancel(request.expected_version, cancelled_at) {
            Ok(trip) => trip,
            Err(refusal) => return Ok(Outcome::Undo(Attempt::Refused(refusal))),
        };
        if !write_cancelled(transaction, &trip, version_seen, *now).await? {
            return Ok(Outcome::Undo(Attempt::Overtaken));
        }
        store.step(Step::TripWritten);
        let state =
            TripState { id: trip.id().0, version: trip.version(), status: Status::Cancelled };
        if !claim.take(transaction, state, *now).await? {
            return Ok(Outcome::Undo(Attempt::Overtaken));
        }
        store.step(Step::KeyTaken);
        store.step(Step::BeforeCommit);
        Ok(Outcome::Keep(Attempt::Cancelled(trip)))
    }
}

/// Writes the cancelled trip if it still has the version that was read.
async fn write_cancelled(
    transaction: &impl ConnectionTrait,
    trip: &Trip,
    version_seen: i32,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let id = trip.id().0;
    let updated = trip::Entity::update_many()
        .col_expr(trip::Column::Status, Expr::value(Status::Cancelled))
        .col_expr(trip::Column::Version, Expr::value(trip.version()))
        .col_expr(trip::Column::CancelledAt, Expr::value(now.timestamp()))
        .filter(trip::Column::Id.eq(id))
        .filter(trip::Column::Version.eq(version_seen))
        .exec(transaction)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    reservation::Entity::update_many()
        .col_expr(reservation::Column::Status, Expr::value(Status::Cancelled))
        .filter(reservation::Column::TripId.eq(id))
        .exec(transaction)
        .await?;
    Ok(true)
}
