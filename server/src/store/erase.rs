//! Erasing a client: nothing is left that could be read.
//!
//! The data key goes, and with it every copy of the names that is sealed under it, also those in
//! the archive; the sealed names themselves go from the database, too, and what the client is found
//! by. Trips stay, of a traveller without a name. Copies that others have made (backups, a
//! PostgreSQL server's own log) hold the wrapped data key for as long as they are kept; they become
//! unreadable when the key it was wrapped by is rotated and destroyed.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, Query};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, RelationTrait,
};

use super::Store;
use super::audit::Effect;
use super::entities::{Status, client, client_identity, idempotency_key, reservation, trip};
use super::error::StoreError;
use super::write::Outcome;
use crate::booking::ClientId;

/// What became of a request to erase a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasure {
    /// Nothing is left.
    Erased,
    /// There is no such client, or no more.
    Unknown,
    /// The client is going to travel: these many reservations must be cancelled first, since a
    /// ticket without a name is no proof.
    HasCurrentTrips(u64),
}

impl Store {
    /// Erases a client at the moment `now`.
    pub async fn erase_client(
        &self,
        id: ClientId,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Erasure, StoreError> {
        let mut retries = self.retries();
        let mut may_be_done = false;
        let erasure = loop {
            let (store, caller) = (self.clone(), caller.to_owned());
            let erasure = self.write(move |transaction| {
                let by = (caller, now);
                Box::pin(async move {
                    // The try before has done it, and its answer was lost.
                    if may_be_done && is_erased(transaction, id).await? {
                        return Ok(Outcome::Undo(Erasure::Erased));
                    }
                    store.erase_in(transaction, id, (&by.0, by.1)).await
                })
            });
            match erasure.await {
                Ok(erasure) => break erasure,
                Err(error) => {
                    may_be_done |= matches!(error, StoreError::OutcomeUnknown(_));
                    retries.again(error).await?;
                }
            }
        };
        self.inner.lookups.forget(id.0);
        // The client is erased, whether or not the database tidies up now.
        if erasure == Erasure::Erased
            && let Err(error) = self.scrub().await
        {
            tracing::warn!(error.cause = %error, "client.remains_not_scrubbed");
        }
        Ok(erasure)
    }

    async fn erase_in(
        &self,
        transaction: &DatabaseTransaction,
        id: ClientId,
        (caller, now): (&str, DateTime<Utc>),
    ) -> Result<Outcome<Erasure>, StoreError> {
        // Whoever books for this client holds the row until the reservation is there.
        let row = client::Entity::find_by_id(id.0).lock_exclusive().one(transaction).await?;
        if row.is_none_or(|row| row.erased_at.is_some()) {
            return Ok(Outcome::Undo(Erasure::Unknown));
        }
        let current = reservation::Entity::find()
            .join(sea_orm::JoinType::InnerJoin, reservation::Relation::Trip.def())
            .filter(reservation::Column::ClientId.eq(id.0))
            .filter(reservation::Column::Status.eq(Status::Confirmed))
            .filter(trip::Column::CurrentUntil.gt(now.timestamp()))
            .count(transaction)
            .await?;
        if current > 0 {
            return Ok(Outcome::Undo(Erasure::HasCurrentTrips(current)));
        }
        let nothing = || Expr::value(Vec::<u8>::new());
        client::Entity::update_many()
            .col_expr(client::Column::FirstName, nothing())
            .col_expr(client::Column::LastName, nothing())
            .col_expr(client::Column::IdNumber, nothing())
            .col_expr(client::Column::DataKey, nothing())
            .col_expr(client::Column::ErasedAt, Expr::value(now.timestamp()))
            .filter(client::Column::Id.eq(id.0))
            .exec(transaction)
            .await?;
        client_identity::Entity::delete_many()
            .filter(client_identity::Column::ClientId.eq(id.0))
            .exec(transaction)
            .await?;
        // The fingerprint of a request is a keyed hash of names, too.
        let own_trips = Query::select()
            .column(reservation::Column::TripId)
            .from(reservation::Entity)
            .and_where(reservation::Column::ClientId.eq(id.0))
            .to_owned();
        idempotency_key::Entity::delete_many()
            .filter(idempotency_key::Column::TripId.in_subquery(own_trips))
            .exec(transaction)
            .await?;
        let subject = format!("client {}", id.0);
        self.audit_other(transaction, Effect::ClientErased, subject, (caller, now)).await?;
        Ok(Outcome::Keep(Erasure::Erased))
    }

    /// Removes what the database keeps of rows that are gone. SQLite overwrites what it frees (see
    /// `secure_delete` in `open.rs`), but its write-ahead log has the old pages until it is cut.
    async fn scrub(&self) -> Result<(), StoreError> {
        let writer = self.writer();
        if writer.get_database_backend() == sea_orm::DbBackend::Sqlite {
            // Where readers are in the way, the next checkpoint does it.
            writer.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await?;
            return Ok(());
        }
        for table in ["clients", "client_identities", "idempotency_keys"] {
            writer.execute_unprepared(&format!("VACUUM {table}")).await?;
        }
        Ok(())
    }
}

async fn is_erased(transaction: &DatabaseTransaction, id: ClientId) -> Result<bool, StoreError> {
    let row = client::Entity::find_by_id(id.0).one(transaction).await?;
    Ok(row.is_some_and(|row| row.erased_at.is_some()))
}
