//! API keys: made, listed, revoked, and found for whoever shows one. The secret of a key is in no
//! row, no log and no error.

use std::fmt;

use chrono::{DateTime, Utc};
use sea_orm::sea_query::Expr;
use sea_orm::{
    ColumnTrait, DatabaseConnection, DbBackend, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder,
};

use super::Store;
use super::audit::Effect;
use super::breaker::Use;
use super::entities::api_key;
use super::error::StoreError;
use super::write::Outcome;
use crate::access::{Key, KeyHash, KeyId, Scopes};

/// How coarse the time of the last use is: a key that is in use costs one write in so many seconds.
const LAST_USED_EVERY_S: i64 = 3_600;

/// A key as it is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// For people: 1 to 100 characters.
    pub name: String,
    /// What it is good for.
    pub scopes: Scopes,
    /// Until when; later than now.
    pub expires_at: DateTime<Utc>,
}

/// A key as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// What it is named by.
    pub id: KeyId,
    /// For people.
    pub name: String,
    /// Of the id and the secret.
    pub hash: KeyHash,
    /// What it is good for.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Until when it is good.
    pub expires_at: DateTime<Utc>,
    /// When it was revoked, where it was.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was last used, to the hour; it may have been used later within that hour.
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ApiKey {
    /// Whether the time of its last use is to be written anew.
    pub fn is_used_anew(&self, now: DateTime<Utc>) -> bool {
        let before = self.last_used_at.map(|at| at.timestamp());
        before.is_none_or(|before| now.timestamp() - before >= LAST_USED_EVERY_S)
    }
}

/// The hash is nobody's business.
impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ApiKey")
            .field("id", &self.id)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

/// What became of a request to revoke a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// It is revoked now.
    Revoked,
    /// It was before.
    RevokedBefore,
    /// There is none of this id.
    Unknown,
}

impl Store {
    /// Makes a key. What is returned is all that will ever be known of its secret.
    pub async fn create_api_key(
        &self,
        new: &NewApiKey,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Key, StoreError> {
        let id = KeyId::new(self.random().bytes()?);
        let key = Key::new(id, self.random().bytes()?);
        let row = api_key::Model {
            id: key.id().to_string(),
            name: new.name.clone(),
            hash: key.hash().as_bytes().to_vec(),
            scopes: new.scopes.to_string(),
            created_at: now.timestamp(),
            expires_at: new.expires_at.timestamp(),
            revoked_at: None,
            last_used_at: None,
        };
        let (store, caller) = (self.clone(), caller.to_owned());
        let written = self.write(move |transaction| {
            Box::pin(async move {
                let subject = format!("key {} {}", row.id, row.scopes);
                api_key::Entity::insert(row.into_active_model())
                    .exec_without_returning(transaction)
                    .await?;
                let by = (caller.as_str(), now);
                store.audit_other(transaction, Effect::ApiKeyCreated, subject, by).await?;
                Ok(Outcome::Keep(()))
            })
        });
        written.await?;
        Ok(key)
    }

    /// All keys, the oldest first.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = api_key::Entity::find()
            .order_by_asc(api_key::Column::CreatedAt)
            .order_by_asc(api_key::Column::Id)
            .all(self.key_reader())
            .await?;
        rows.into_iter().map(key_of).collect()
    }

    /// Those of these keys that there are. It asks the database that is written to, so that what is
    /// revoked is seen at once.
    pub async fn api_keys_of(&self, ids: &[KeyId]) -> Result<Vec<ApiKey>, StoreError> {
        let ids = ids.iter().map(KeyId::as_str);
        let read = async {
            let rows = api_key::Entity::find()
                .filter(api_key::Column::Id.is_in(ids))
                .all(self.key_reader())
                .await?;
            rows.into_iter().map(key_of).collect()
        };
        self.guarded(Use::Read, read).await
    }

    /// SQLite's readers see what is committed; of PostgreSQL's, only the primary is sure to.
    fn key_reader(&self) -> &DatabaseConnection {
        match self.writer().get_database_backend() {
            DbBackend::Sqlite => self.reader(),
            _ => self.writer(),
        }
    }

    /// Revokes a key at the moment `now`. Servers refuse it from the next time that they look.
    pub async fn revoke_api_key(
        &self,
        id: &KeyId,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Revocation, StoreError> {
        let (store, id, caller) = (self.clone(), id.clone(), caller.to_owned());
        let revoked = self.write(move |transaction| {
            Box::pin(async move {
                let updated = api_key::Entity::update_many()
                    .col_expr(api_key::Column::RevokedAt, Expr::value(now.timestamp()))
                    .filter(api_key::Column::Id.eq(id.as_str()))
                    .filter(api_key::Column::RevokedAt.is_null())
                    .exec(transaction)
                    .await?;
                if updated.rows_affected == 0 {
                    let found = api_key::Entity::find_by_id(id.as_str()).one(transaction).await?;
                    return Ok(Outcome::Undo(match found {
                        Some(_) => Revocation::RevokedBefore,
                        None => Revocation::Unknown,
                    }));
                }
                let by = (caller.as_str(), now);
                let subject = format!("key {id}");
                store.audit_other(transaction, Effect::ApiKeyRevoked, subject, by).await?;
                Ok(Outcome::Keep(Revocation::Revoked))
            })
        });
        revoked.await
    }

    /// Notes that these keys were used.
    pub async fn api_keys_used(
        &self,
        ids: Vec<KeyId>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let written = self.write(move |transaction| {
            Box::pin(async move {
                let ids = ids.iter().map(KeyId::as_str);
                api_key::Entity::update_many()
                    .col_expr(api_key::Column::LastUsedAt, Expr::value(now.timestamp()))
                    .filter(api_key::Column::Id.is_in(ids))
                    .exec(transaction)
                    .await?;
                Ok(Outcome::Keep(()))
            })
        });
        written.await
    }
}

fn key_of(row: api_key::Model) -> Result<ApiKey, StoreError> {
    let corrupt = || StoreError::Corrupt("an API key that cannot be read");
    let moment = |at| DateTime::from_timestamp(at, 0).ok_or_else(corrupt);
    let hash: [u8; 32] = row.hash.try_into().map_err(|_| corrupt())?;
    Ok(ApiKey {
        id: row.id.parse().map_err(|_| corrupt())?,
        name: row.name,
        hash: hash.into(),
        scopes: row.scopes.parse().map_err(|_| corrupt())?,
        created_at: moment(row.created_at)?,
        expires_at: moment(row.expires_at)?,
        revoked_at: row.revoked_at.map(moment).transpose()?,
        last_used_at: row.last_used_at.map(moment).transpose()?,
    })
}
