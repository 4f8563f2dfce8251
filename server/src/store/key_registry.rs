//! Which keys the database is sealed and indexed with.
//!
//! With another key file, clients would be unreadable, and, worse, not found: the same person could
//! book the same connection twice. So the database knows the numbers and fingerprints of its keys,
//! and foreign keys refuse what is written under a number that it does not have: a server that has
//! missed a rotation is stopped there, reads its key file again and goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};

use super::Store;
use super::error::{OpenError, StoreError};
use super::keys::{Key, KeyFile};
use super::seal::{Ring, fingerprint};
use super::write::Outcome;

/// What the database knows of the keys it was opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// They are the ones it knows.
    Known,
    /// It knows none yet.
    Unknown,
    /// It knows others.
    Others,
}

/// A kind of key, by its table.
const TABLES: [&str; 2] = ["index_keys", "encryption_keys"];

type Registered = BTreeMap<i32, Option<Vec<u8>>>;

impl Store {
    /// Compares the keys with those that the database knows. It must have been migrated.
    pub async fn keys(&self) -> Result<Keys, OpenError> {
        let keys = self.vault().ring().keys().clone();
        compare(self.writer(), &keys).await.map_err(OpenError::Database)
    }

    /// The numbers of the index keys and of the encryption keys that the database has, ascending.
    pub async fn key_numbers(&self) -> Result<[Vec<i32>; 2], StoreError> {
        let numbers = |known: Registered| known.into_keys().collect();
        Ok(registered(self.reader()).await?.map(numbers))
    }

    /// Makes the database remember its keys, where it knows none yet, and newer ones that were
    /// added to the key file. Of several servers that do so at once the first one's count.
    pub async fn remember_keys(&self) -> Result<(), OpenError> {
        let keys = self.vault().ring().keys().clone();
        self.use_keys(keys).await.map_err(|error| match error {
            StoreError::Database(error) | StoreError::Unavailable(error) => {
                OpenError::Database(error)
            }
            other => OpenError::Database(sea_orm::DbErr::Custom(other.to_string())),
        })
    }

    /// Registers what is new of these keys and uses them from now on.
    pub(super) async fn use_keys(&self, keys: KeyFile) -> Result<(), StoreError> {
        let own = keys.clone();
        let registered = self.write(move |transaction| {
            Box::pin(async move { register(transaction, &own).await.map(Outcome::Keep) })
        });
        let registered = registered.await?;
        self.vault().replace(keys, registered);
        Ok(())
    }

    /// Makes sure that the database was asked for its keys before anything is written.
    pub(super) async fn ensure_keys(&self) -> Result<(), StoreError> {
        let ring = self.vault().ring();
        if ring.registered().is_empty() { self.use_keys(ring.keys().clone()).await } else { Ok(()) }
    }

    /// Reads the key file again, where there is one, and asks the database again which keys it has.
    /// To be called when the file has changed.
    pub async fn reload_keys(&self) -> Result<(), StoreError> {
        let keys = match &self.inner.key_path {
            Some(path) => KeyFile::load(path).map_err(StoreError::KeyFile)?,
            None => self.vault().ring().keys().clone(),
        };
        if compare(self.reader(), &keys).await? == Keys::Others {
            return Err(StoreError::KeysOfAnother);
        }
        self.use_keys(keys).await?;
        self.inner.lookups.clear();
        let [index, encryption] = self.vault().ring().keys().numbers();
        tracing::info!(keys.index = ?index, keys.encryption = ?encryption, "keys.loaded");
        Ok(())
    }

    /// Reads, and where something is sealed under a key that was added since, once more with the
    /// key file as it is now.
    pub(super) async fn with_fresh_keys<T, F, Fut>(&self, read: F) -> Result<T, StoreError>
    where
        F: Fn() -> Fut,
        Fut: Future<Output = Result<T, StoreError>>,
    {
        match self.or_from_primary(&read).await {
            Err(StoreError::KeyMissing { .. }) => {
                self.reload_keys().await?;
                self.or_from_primary(&read).await
            }
            other => other,
        }
    }

    /// Whether somebody who was not found under these keys may be found under others: then they
    /// are in use now.
    pub(super) async fn has_other_keys(&self, searched: &Arc<Ring>) -> Result<bool, StoreError> {
        let [known, _] = searched.keys().numbers();
        let [index, _] = registered(self.reader()).await?;
        if index.keys().all(|number| known.contains(number)) {
            return Ok(false);
        }
        // Another request may have read the file in the meantime.
        if Arc::ptr_eq(searched, &self.vault().ring()) {
            self.reload_keys().await?;
        }
        Ok(true)
    }
}

async fn compare(database: &impl ConnectionTrait, keys: &KeyFile) -> Result<Keys, sea_orm::DbErr> {
    let [index, encryption] = registered(database).await?;
    if index.is_empty() {
        return Ok(Keys::Unknown);
    }
    let all = [(&index, &keys.blind_index), (&encryption, &keys.encryption)];
    let known = all.into_iter().all(|(registered, file)| {
        registered.iter().all(|(number, known)| {
            let own = file.get(number).map(fingerprint);
            own.is_some() && known.as_ref().is_none_or(|known| Some(known) == own.as_ref())
        })
    });
    Ok(if known { Keys::Known } else { Keys::Others })
}

async fn registered(database: &impl ConnectionTrait) -> Result<[Registered; 2], sea_orm::DbErr> {
    let mut all = [Registered::new(), Registered::new()];
    for (table, known) in TABLES.into_iter().zip(&mut all) {
        let sql = format!("SELECT id, fingerprint FROM {table}");
        let statement = Statement::from_string(database.get_database_backend(), sql);
        for row in database.query_all_raw(statement).await? {
            known.insert(row.try_get("", "id")?, row.try_get("", "fingerprint")?);
        }
    }
    Ok(all)
}

/// Adds keys with higher numbers than the database has, and fingerprints that it lacks; returns the
/// numbers of its index keys that we have, too.
async fn register(
    transaction: &DatabaseTransaction,
    keys: &KeyFile,
) -> Result<Vec<i32>, StoreError> {
    let before = registered(transaction).await?;
    let files: [&BTreeMap<i32, Key>; 2] = [&keys.blind_index, &keys.encryption];
    let backend = transaction.get_database_backend();
    for ((table, known), file) in TABLES.into_iter().zip(&before).zip(files) {
        let highest = known.last_key_value().map_or(0, |(number, _)| *number);
        for (&number, key) in file {
            let sql = match known.get(&number) {
                Some(None) => format!("UPDATE {table} SET fingerprint = $2 WHERE id = $1"),
                None if number > highest => format!(
                    "INSERT INTO {table} (id, fingerprint) VALUES ($1, $2) \
                     ON CONFLICT (id) DO NOTHING"
                ),
                _ => continue,
            };
            let values = [number.into(), Value::Bytes(Some(fingerprint(key)))];
            let statement = Statement::from_sql_and_values(backend, sql, values);
            transaction.execute_raw(statement).await?;
        }
    }
    let [index, _] = registered(transaction).await?;
    Ok(index.into_keys().filter(|number| keys.blind_index.contains_key(number)).collect())
}
