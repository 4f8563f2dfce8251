//! Rotating keys while servers go on working.
//!
//! The new keys are in the key file before this begins. Every step is a small transaction and can
//! be repeated: who is interrupted begins again and finds what is left to do.
//!
//! 1. Data keys are wrapped by the newest key-encryption key. When none is left under the old one,
//!    its row goes from `encryption_keys`. From then on a server that does not know the new keys
//!    cannot create a client: the foreign key refuses it, and it reads its key file again.
//! 2. Clients are entered under the newest index key, too. Since step 1 nobody adds one who is not.
//! 3. The entries under old index keys go, and then their rows of `index_keys`.
//!
//! Servers that know both look clients up under both.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, ExprTrait, IntoActiveModel,
    QueryFilter, QueryOrder, QuerySelect, Statement,
};

use super::Store;
use super::audit::Effect;
use super::entities::{client, client_identity};
use super::error::{Failure, StoreError};
use super::write::Outcome;

/// Clients changed in one transaction.
const CLIENTS_AT_ONCE: u64 = 500;

/// What a rotation has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rotation {
    /// Data keys that were wrapped anew.
    pub rewrapped: u64,
    /// Clients that were entered under the newest index key.
    pub reindexed: u64,
    /// Keys that nothing is left under.
    pub retired: u64,
}

impl Store {
    /// Brings every client under the newest keys of the key file and retires the others. Says what
    /// it has done; nothing, where all are under the newest already.
    pub async fn rotate_keys(
        &self,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Rotation, StoreError> {
        self.reload_keys().await?;
        let numbers = self.vault().ring().keys().numbers();
        let newest = numbers.map(|numbers| numbers.last().copied().unwrap_or_default());
        let [index, encryption] = newest;
        let mut done = Rotation::default();
        loop {
            done.rewrapped += self.in_batches(Batch::Rewrap(encryption)).await?;
            // A server may have sealed a client under the old key after the last batch.
            match self.retire("encryption_keys", encryption).await {
                Ok(retired) => break done.retired += retired,
                Err(StoreError::Database(error)) if Failure::of(&error) == Failure::Key => {}
                Err(error) => return Err(error),
            }
        }
        done.reindexed += self.in_batches(Batch::Reindex(index)).await?;
        loop {
            self.in_batches(Batch::DropOldIndexes(index)).await?;
            match self.retire("index_keys", index).await {
                Ok(retired) => break done.retired += retired,
                Err(StoreError::Database(error)) if Failure::of(&error) == Failure::Key => {}
                Err(error) => return Err(error),
            }
        }
        if done.retired > 0 {
            let (store, caller) = (self.clone(), caller.to_owned());
            let subject = format!("encryption {encryption}, blind-index {index}");
            let audited = self.write(move |transaction| {
                Box::pin(async move {
                    let by = (caller.as_str(), now);
                    store.audit_other(transaction, Effect::KeysRotated, subject, by).await?;
                    Ok(Outcome::Keep(()))
                })
            });
            audited.await?;
        }
        self.reload_keys().await?;
        Ok(done)
    }

    async fn in_batches(&self, batch: Batch) -> Result<u64, StoreError> {
        let mut changed = 0;
        loop {
            let store = self.clone();
            let some = self.write(move |transaction| {
                Box::pin(async move { batch.run(&store, transaction).await.map(Outcome::Keep) })
            });
            match some.await? {
                0 => return Ok(changed),
                some => changed += some,
            }
        }
    }

    /// Removes the rows of all keys but the newest. The foreign keys refuse it where anything is
    /// left under one.
    async fn retire(&self, table: &'static str, newest: i32) -> Result<u64, StoreError> {
        self.write(move |transaction| {
            Box::pin(async move {
                let sql = format!("DELETE FROM {table} WHERE id < $1");
                let backend = transaction.get_database_backend();
                let statement = Statement::from_sql_and_values(backend, sql, [newest.into()]);
                let deleted = transaction.execute_raw(statement).await?;
                Ok(Outcome::Keep(deleted.rows_affected()))
            })
        })
        .await
    }
}

/// A step of a rotation, with the number of the newest key.
#[derive(Debug, Clone, Copy)]
enum Batch {
    Rewrap(i32),
    Reindex(i32),
    DropOldIndexes(i32),
}

impl Batch {
    /// Does some of it and says how much; none where nothing is left.
    async fn run(
        self,
        store: &Store,
        transaction: &DatabaseTransaction,
    ) -> Result<u64, StoreError> {
        match self {
            Self::Rewrap(newest) => rewrap(store, transaction, newest).await,
            Self::Reindex(newest) => reindex(store, transaction, newest).await,
            Self::DropOldIndexes(newest) => {
                let sql = format!(
                    "DELETE FROM client_identities WHERE identity IN (SELECT identity \
                     FROM client_identities WHERE key_id < $1 LIMIT {CLIENTS_AT_ONCE})"
                );
                let backend = transaction.get_database_backend();
                let statement = Statement::from_sql_and_values(backend, sql, [newest.into()]);
                Ok(transaction.execute_raw(statement).await?.rows_affected())
            }
        }
    }
}

async fn rewrap(
    store: &Store,
    transaction: &DatabaseTransaction,
    newest: i32,
) -> Result<u64, StoreError> {
    let rows = client::Entity::find()
        .filter(client::Column::KeyEncryptionKeyId.lt(newest))
        .order_by_asc(client::Column::Id)
        .limit(CLIENTS_AT_ONCE)
        .lock_exclusive()
        .all(transaction)
        .await?;
    for row in &rows {
        let (key_id, data_key) = match row.erased_at {
            None => store.vault().rewrap(row)?,
            Some(_) => (newest, Vec::new()),
        };
        client::Entity::update_many()
            .col_expr(client::Column::DataKey, Expr::value(data_key))
            .col_expr(client::Column::KeyEncryptionKeyId, Expr::value(key_id))
            .filter(client::Column::Id.eq(row.id))
            .exec(transaction)
            .await?;
    }
    Ok(rows.len() as u64)
}

async fn reindex(
    store: &Store,
    transaction: &DatabaseTransaction,
    newest: i32,
) -> Result<u64, StoreError> {
    let entered = sea_orm::sea_query::Query::select()
        .expr(Expr::val(1))
        .from(client_identity::Entity)
        .and_where(
            Expr::col((client_identity::Entity, client_identity::Column::ClientId))
                .equals((client::Entity, client::Column::Id)),
        )
        .and_where(client_identity::Column::KeyId.eq(newest))
        .to_owned();
    let rows = client::Entity::find()
        .filter(client::Column::ErasedAt.is_null())
        .filter(Expr::exists(entered).not())
        .limit(CLIENTS_AT_ONCE)
        .lock_exclusive()
        .all(transaction)
        .await?;
    let mut entries = Vec::with_capacity(rows.len());
    let ring = store.vault().ring();
    for row in &rows {
        let identity = store.vault().open(row)?.person.identity();
        let own = ring.own_indexes(&identity).into_iter().find(|(key_id, _)| *key_id == newest);
        let (key_id, identity) = own.ok_or(StoreError::Corrupt("an index key not registered"))?;
        entries.push(client_identity::Model { identity, key_id, client_id: row.id });
    }
    if !entries.is_empty() {
        let taken = OnConflict::column(client_identity::Column::Identity).do_nothing().to_owned();
        client_identity::Entity::insert_many(
            entries.into_iter().map(IntoActiveModel::into_active_model),
        )
        .on_conflict(taken)
        .exec_without_returning(transaction)
        .await?;
    }
    Ok(rows.len() as u64)
}
