//! Cancelling: one transaction for the trip, its reservations and the idempotency key.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter};

use super::Store;
use super::entities::{Status, reservation, trip};
use super::error::StoreError;
use super::idempotency::{Claim, TripState};
use super::retry::Retries;
use crate::booking::{CancelTrip, Refusal, Trip, TripReference};

/// A transaction's end.
enum Attempt {
    Cancelled(Trip),
    Refused(Refusal),
    /// Somebody else changed the trip after it was read.
    Overtaken,
}

impl Store {
    /// Cancels a trip at the moment `now`: the trip, or the rule that forbids it.
    pub async fn cancel(
        &self,
        request: &CancelTrip,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let secret = self.vault().idempotency_key();
        let claim = request
            .idempotency_key
            .as_ref()
            .map(|key| Claim::new(key, request.fingerprint(secret), secret));
        let mut retries = Retries::default();
        loop {
            if let Some(claim) = &claim
                && let Some(answer) = self.replay(claim, now).await?
            {
                return Ok(answer);
            }
            match self.try_cancel(request, claim.as_ref(), now).await {
                Ok(Attempt::Cancelled(trip)) => return Ok(Ok(trip)),
                Ok(Attempt::Overtaken) => {}
                Ok(Attempt::Refused(refusal)) => {
                    return self.refuse(refusal, claim.as_ref(), now).await;
                }
                Err(error) => retries.again(error, self.random()).await?,
            }
        }
    }

    /// A refusal may be the trace of the same request, which was carried out between our look at
    /// its key and our look at the trip; then it is answered alike.
    async fn refuse(
        &self,
        refusal: Refusal,
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Result<Trip, Vec<Refusal>>, StoreError> {
        let answer = match claim {
            Some(claim) => self.replay(claim, now).await?,
            None => None,
        };
        Ok(answer.unwrap_or(Err(vec![refusal])))
    }

    async fn try_cancel(
        &self,
        request: &CancelTrip,
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, StoreError> {
        let Some(reference) = TripReference::parse(&request.reference) else {
            return Ok(Attempt::Refused(Refusal::trip_unknown()));
        };
        let transaction = self.begin().await?;
        let attempt = self.cancel_in(&transaction, reference, request, claim, now).await?;
        match attempt {
            Attempt::Cancelled(_) => transaction.commit().await?,
            Attempt::Refused(_) | Attempt::Overtaken => transaction.rollback().await?,
        }
        Ok(attempt)
    }

    async fn cancel_in(
        &self,
        transaction: &DatabaseTransaction,
        reference: TripReference,
        request: &CancelTrip,
        claim: Option<&Claim>,
        now: DateTime<Utc>,
    ) -> Result<Attempt, StoreError> {
        let trip = self.trip_for_change(transaction, reference).await?;
        let last_name = request.last_name.as_deref();
        let visible = |trip: &Trip| last_name.is_none_or(|name| trip.has_traveller(name));
        let Some(trip) = trip.filter(visible) else {
            return Ok(Attempt::Refused(Refusal::trip_unknown()));
        };
        let version_seen = trip.version();
        // Stored in whole seconds, and answered now as it is answered later.
        let cancelled_at = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        let trip = match trip.cancel(request.expected_version, cancelled_at) {
            Ok(trip) => trip,
            Err(refusal) => return Ok(Attempt::Refused(refusal)),
        };
        if !write_cancelled(transaction, &trip, version_seen, now).await? {
            return Ok(Attempt::Overtaken);
        }
        if let Some(claim) = claim {
            let state =
                TripState { id: trip.id().0, version: trip.version(), status: Status::Cancelled };
            if !claim.take(transaction, state, now).await? {
                return Ok(Attempt::Overtaken);
            }
        }
        Ok(Attempt::Cancelled(trip))
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
