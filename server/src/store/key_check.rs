//! Whether the key file is the one that the database's names are sealed with.
//!
//! With another one, clients would be unreadable, and, worse, not found: the same person could
//! book the same connection twice. So the database remembers a fingerprint of its keys.

use sea_orm::{ConnectionTrait, Statement, Value};

use super::Store;
use super::error::OpenError;

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

impl Store {
    /// Compares the keys with those that the database knows. It must have been migrated.
    pub async fn keys(&self) -> Result<Keys, OpenError> {
        let backend = self.writer().get_database_backend();
        let sql = "SELECT fingerprint FROM key_fingerprints WHERE id = 1";
        let row = self.writer().query_one_raw(Statement::from_string(backend, sql)).await;
        let Some(row) = row.map_err(OpenError::Database)? else { return Ok(Keys::Unknown) };
        let known: Vec<u8> = row.try_get("", "fingerprint").map_err(OpenError::Database)?;
        Ok(if known == self.vault().fingerprint() { Keys::Known } else { Keys::Others })
    }

    /// Makes the database remember its keys, where it knows none yet. Of several servers that do so
    /// at once the first one's count.
    pub async fn remember_keys(&self) -> Result<(), OpenError> {
        let backend = self.writer().get_database_backend();
        let sql = "INSERT INTO key_fingerprints (id, fingerprint) VALUES (1, $1) \
                   ON CONFLICT (id) DO NOTHING";
        let fingerprint = Value::Bytes(Some(self.vault().fingerprint()));
        let statement = Statement::from_sql_and_values(backend, sql, [fingerprint]);
        self.writer().execute_raw(statement).await.map_err(OpenError::Database)?;
        Ok(())
    }
}
