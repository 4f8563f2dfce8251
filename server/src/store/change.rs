//! Changing a trip: one transaction for the trip, its reservations, the idempotency key and the
//! audit log.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::Store;
use super::audit::Effect;
use super::breaker::Use;
use super::entities::{Status, reservation, trip};
use super::error::StoreError;
use super::idempotency::{Claim, TripState};
use super::steps::Step;
use super::write::Outcome;
use crate::booking::{
    CancelScope, CancelTrip, Refusal, RefusalCode, Trip, TripReference, TripStatus,
};

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
    /// Cancels a trip, or one reservation of it, at the moment `now`: the trip as it is then, or
    /// the rule that forbids it.
    pub async fn cancel(
        &self,
        request: &CancelTrip,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        Box::pin(self.guarded(Use::Write, self.cancel_guarded(request, now))).await
    }

    async fn cancel_guarded(
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
                    self.tell_changed(trip.id());
                    return Ok(Ok(trip));
                }
                Ok(Attempt::Overtaken) => None,
                Ok(Attempt::Refused(refusal)) => Some(refusal),
                Err(StoreError::KeyMissing { .. }) if retries.may_reload_keys() => {
                    self.reload_keys().await?;
                    continue;
                }
                Err(error) => {
                    retries.again(error).await?;
                    continue;
                }
            };
            // Either may be the trace of the same request, carried out between our look at its key
            // and our look at the trip; then it is answered alike.
            match (self.replay(&cancellation.claim, cancellation.now).await, refusal) {
                (Ok(Some(answer)), _) => {
                    if let Ok(trip) = &answer {
                        self.tell_changed(trip.id());
                    }
                    return Ok(answer);
                }
                (Ok(None), Some(refusal)) => {
                    return self.refused(cancellation, refusal).await.map(Err);
                }
                (Ok(None), None) => {}
                (Err(error), _) => retries.again(error).await?,
            }
        }
    }
}

impl Store {
    /// A trip that is not in the database may be in the archive; then that is the reason.
    async fn refused(
        &self,
        cancellation: &Cancellation,
        refusal: Refusal,
    ) -> Result<Vec<Refusal>, StoreError> {
        if refusal.code != RefusalCode::TripUnknown {
            return Ok(vec![refusal]);
        }
        let request = &cancellation.request;
        let archived = self.trip(&request.reference, request.last_name.as_deref()).await?;
        let changed = archived.map(|trip| {
            trip.cancel(request.scope, request.expected_version, cancellation.now).map(|_| ())
        });
        Ok(vec![changed.and_then(Result::err).unwrap_or(refusal)])
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
        let trip = match trip.cancel(request.scope, request.expected_version, cancelled_at) {
            Ok(trip) => trip,
            Err(refusal) => return Ok(Outcome::Undo(Attempt::Refused(refusal))),
        };
        if !write_change(transaction, &trip, version_seen).await? {
            return Ok(Outcome::Undo(Attempt::Overtaken));
        }
        store.step(Step::TripWritten);
        let state =
            TripState { id: trip.id().0, version: trip.version(), status: trip.status().into() };
        if !claim.take(transaction, state, *now).await? {
            return Ok(Outcome::Undo(Attempt::Overtaken));
        }
        store.step(Step::KeyTaken);
        let (effect, subject) = match request.scope {
            CancelScope::Reservation(id) if trip.status() == TripStatus::Confirmed => {
                (Effect::ReservationCancelled, Some(format!("reservation {}", id.0)))
            }
            // With its last reservation the trip goes, too.
            _ => (Effect::TripCancelled, None),
        };
        let by = (request.caller.as_str(), *now);
        store.audit_trip(transaction, effect, &trip, subject, by).await?;
        store.notify_changed(transaction, trip.id()).await?;
        store.step(Step::BeforeCommit);
        Ok(Outcome::Keep(Attempt::Cancelled(trip)))
    }
}

/// Writes the changed trip if it still has the version that was read.
async fn write_change(
    transaction: &impl ConnectionTrait,
    trip: &Trip,
    version_seen: i32,
) -> Result<bool, StoreError> {
    let cancelled_at = trip.facts().cancelled_at.map(|moment| moment.timestamp());
    let updated = trip::Entity::update_many()
        .col_expr(trip::Column::Status, Expr::value(Status::from(trip.status())))
        .col_expr(trip::Column::Version, Expr::value(trip.version()))
        .col_expr(trip::Column::CancelledAt, Expr::value(cancelled_at))
        .filter(trip::Column::Id.eq(trip.id().0))
        .filter(trip::Column::Version.eq(version_seen))
        .exec(transaction)
        .await?;
    if updated.rows_affected == 0 {
        return Ok(false);
    }
    let now_cancelled = trip.reservations().iter();
    let now_cancelled = now_cancelled
        .filter(|place| place.cancelled_version == Some(trip.version()))
        .map(|place| place.id.0);
    reservation::Entity::update_many()
        .col_expr(reservation::Column::Status, Expr::value(Status::Cancelled))
        .col_expr(reservation::Column::CancelledVersion, Expr::value(trip.version()))
        .filter(reservation::Column::Id.is_in(now_cancelled))
        .exec(transaction)
        .await?;
    Ok(true)
}
