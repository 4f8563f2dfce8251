//! Opening a database and bringing it to the current version.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use migrations::Migrator;
use sea_orm::sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sea_orm::sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{self, ConnectOptions as _, Connection as _};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, SqlxPostgresConnector,
    SqlxSqliteConnector,
};
use sea_orm_migration::MigratorTrait;

use super::breaker::{Breaker, Use};
use super::changes::Changes;
use super::error::OpenError;
use super::lookups::Lookups;
use super::replica::Replica;
use super::retry::RetryBudget;
use super::seal::Vault;
use super::steps::Steps;
use super::tickets::TicketNumbers;
use super::write::{GroupCommit, begin_immediate};
use super::{Inner, Store, StoreConfig};

/// Older ones can corrupt a database in WAL mode (the WAL-reset bug).
const SQLITE_MIN: [u32; 3] = [3, 51, 3];

/// Any number will do, as long as all servers use the same.
const MIGRATION_LOCK: i64 = 0x7261_696C;

/// The connections of an open database.
struct Connections {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
}

impl Store {
    /// Opens a database. An SQLite file that is missing is created; its folder is not.
    pub async fn open(config: &StoreConfig) -> Result<Self, OpenError> {
        let vault = Vault::new(config.keys.clone(), config.random.clone())
            .ok_or(OpenError::NoEncryptionKey)?;
        let scheme = config.url.split_once(':').map(|(scheme, _)| scheme);
        let mut connections = match scheme {
            Some("sqlite") => open_sqlite(config).await?,
            Some("postgres" | "postgresql") => open_postgres(config).await?,
            Some(other) if is_scheme(other) => {
                return Err(OpenError::Scheme { scheme: other.to_owned() });
            }
            _ => return Err(OpenError::NotAUrl),
        };
        if let Some(observer) = &config.observer {
            for connection in [&mut connections.writer, &mut connections.reader] {
                let observer = observer.clone();
                connection.set_metric_callback(move |info| observer(info.elapsed, info.failed));
            }
        }
        let is_sqlite = connections.writer.get_database_backend() == DbBackend::Sqlite;
        let group_commit = is_sqlite.then(|| GroupCommit::start(connections.writer.clone()));
        let group_commit = group_commit.transpose().map_err(OpenError::NoThread)?;
        let replica = match &config.replica_url {
            Some(_) if is_sqlite => return Err(OpenError::ReplicaUrl),
            Some(url) => Some(Replica::open(url, config)?),
            None => None,
        };
        let backend = connections.writer.get_database_backend();
        let inner = Inner {
            changes: Changes::new(&config.url, backend)?,
            replica,
            group_commit,
            writer: connections.writer,
            reader: connections.reader,
            vault,
            key_path: config.key_path.clone(),
            archive: config.archive.clone(),
            lookups: Lookups::default(),
            tickets: TicketNumbers::default(),
            retry_budget: RetryBudget::default(),
            reading: Breaker::new(Use::Read),
            writing: Breaker::new(Use::Write),
            connections_max: config.connections_max,
            id_number_check: config.id_number_check,
            patience: config.patience,
            random: config.random.clone(),
            steps: Steps::new(config.steps.clone()),
        };
        Ok(Self { inner: inner.into() })
    }

    /// Brings the database to this program's version, wholly or not at all. Several servers may
    /// do so at once: one does it, the others wait.
    pub async fn migrate(&self) -> Result<(), OpenError> {
        let transaction = begin_immediate(self.writer()).await.map_err(OpenError::Database)?;
        if transaction.get_database_backend() == DbBackend::Postgres {
            // An index over all bookings takes longer than a request would be waited for, and so do
            // those who wait for another server to make it.
            let lock = format!(
                "SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"
            );
            transaction.execute_unprepared(&lock).await.map_err(OpenError::Database)?;
        }
        Migrator::up(&transaction, None).await.map_err(newer_or_other)?;
        transaction.commit().await.map_err(OpenError::Database)
    }

    /// Whether the database has this program's version.
    pub async fn check_migrations(&self) -> Result<(), OpenError> {
        let pending = Migrator::get_pending_migrations_read_only(self.reader())
            .await
            .map_err(newer_or_other)?;
        match pending.first() {
            None => Ok(()),
            Some(first) => Err(OpenError::MigrationsMissing {
                pending: pending.len(),
                first: first.name().to_owned(),
            }),
        }
    }
}

/// SeaORM says by a text of its own that an applied migration is not known.
fn newer_or_other(error: DbErr) -> OpenError {
    match error {
        DbErr::Custom(reason) => OpenError::Newer { reason },
        other => OpenError::Database(other),
    }
}

fn is_scheme(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// The file of an SQLite database that a URL names, where it names one.
pub fn sqlite_file(url: &str) -> Option<PathBuf> {
    let options = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url).ok())?;
    let path = options?.get_filename().to_owned();
    (!path.as_os_str().is_empty() && path.as_os_str() != ":memory:").then_some(path)
}

async fn open_sqlite(config: &StoreConfig) -> Result<Connections, OpenError> {
    let options = SqliteConnectOptions::from_str(&config.url)
        .map_err(|error| OpenError::Url { reason: error.to_string() })?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        // Savepoints keep the pages that they may have to put back: in memory, not in a file.
        .pragma("temp_store", "MEMORY")
        // What is deleted is overwritten: an erased client's data key must not stay in a free page.
        .pragma("secure_delete", "ON")
        .busy_timeout(config.patience)
        .disable_statement_logging();
    let unnamed = options.get_filename().as_os_str().is_empty();
    if unnamed || config.url.contains(":memory:") || config.url.contains("mode=memory") {
        return Err(OpenError::InMemory);
    }
    let path = options.get_filename().to_owned();
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(OpenError::FolderMissing { folder: folder.to_owned() });
    }
    let is_new = !path.exists();
    // The file and its WAL must be there before a reader opens them.
    let options = options.create_if_missing(true);
    let mut first = sqlx::SqliteConnection::connect_with(&options)
        .await
        .map_err(|error| sqlite_error(&error, &path))?;
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut first)
        .await
        .map_err(|error| sqlite_error(&error, &path))?;
    check_sqlite_version(&version)?;
    // Fails where a driver's error would come too late to be told apart.
    first.close().await.map_err(|error| sqlite_error(&error, &path))?;
    if is_new {
        tracing::info!(database.path = %path.display(), "database.created");
    }
    // Identities, keys and references are random, so that a booking touches pages all over the
    // file: they stay in 64 MiB of memory. The write-ahead log is copied back as often as SQLite
    // does by itself: more seldom, and the booking that has to wait for it waits longer.
    let writer_options = options.clone().pragma("cache_size", "-65536");
    let writer = sqlite_pool(1, config.patience).connect_lazy_with(writer_options);
    let reader_options = options.create_if_missing(false).pragma("query_only", "ON");
    let reader = sqlite_pool(config.connections_max, config.acquire_timeout())
        .connect_lazy_with(reader_options);
    Ok(Connections {
        writer: SqlxSqliteConnector::from_sqlx_sqlite_pool(writer),
        reader: SqlxSqliteConnector::from_sqlx_sqlite_pool(reader),
    })
}

/// Connections to a file do not go stale: they are neither tested nor replaced, but where a
/// transaction could not be ended.
fn sqlite_pool(connections_max: u32, patience: Duration) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .after_release(|connection, _| Box::pin(has_no_transaction(connection)))
        .max_connections(connections_max)
        .acquire_timeout(patience)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Whether a connection may be used again.
///
/// Where the disk is full or fails, SQLite ends a transaction by itself, and to roll it back fails:
/// the driver goes on counting it. The next one would be a savepoint in it, and what is "committed"
/// there reaches no disk. Such a connection is closed.
async fn has_no_transaction(connection: &mut sqlx::SqliteConnection) -> Result<bool, sqlx::Error> {
    if !connection.is_in_transaction() {
        return Ok(true);
    }
    // A rollback may still be on its way; what is asked after it is answered after it.
    connection.ping().await?;
    let is_clean = !connection.is_in_transaction();
    if !is_clean {
        tracing::warn!("database.connection_discarded");
    }
    Ok(is_clean)
}

fn sqlite_error(error: &sqlx::Error, path: &Path) -> OpenError {
    let code = error.as_database_error().and_then(|error| error.code().map(String::from));
    match code.as_deref() {
        // SQLITE_NOTADB
        Some("26") => OpenError::NotSqlite { path: path.to_owned() },
        _ => OpenError::Unreachable {
            database: path.display().to_string(),
            reason: error.to_string(),
        },
    }
}

fn check_sqlite_version(version: &str) -> Result<(), OpenError> {
    let parts: Vec<u32> = version.split('.').filter_map(|part| part.parse().ok()).collect();
    if parts.as_slice() < SQLITE_MIN.as_slice() {
        return Err(OpenError::OldSqlite { found: version.to_owned() });
    }
    Ok(())
}

async fn open_postgres(config: &StoreConfig) -> Result<Connections, OpenError> {
    let options = PgConnectOptions::from_str(&config.url)
        .map_err(|error| OpenError::Url { reason: error.to_string() })?
        .application_name("railgraph")
        .disable_statement_logging();
    // The pool answers a refused connection with patience and then with a mere time-out, so the
    // first connection is made without it.
    let unreachable = |reason| OpenError::Unreachable { database: place_of(&options), reason };
    let first = sqlx::PgConnection::connect_with(&options);
    match tokio::time::timeout(config.patience, first).await {
        Ok(Ok(connection)) => {
            // An impolite farewell costs nothing either.
            let _ = connection.close().await;
        }
        Ok(Err(error)) => {
            // Without the line of PostgreSQL's own source.
            let said = error.as_database_error().map(|error| error.message().to_owned());
            return Err(unreachable(said.unwrap_or_else(|| error.to_string())));
        }
        Err(_) => {
            return Err(unreachable(format!("no answer within {:?}", config.patience)));
        }
    }
    let patience_ms = config.patience.as_millis();
    let settings = format!(
        "SET default_transaction_isolation = 'read committed'; \
         SET statement_timeout = {patience_ms}; \
         SET idle_in_transaction_session_timeout = {patience_ms}"
    );
    let pool = PgPoolOptions::new()
        .max_connections(config.connections_max)
        .acquire_timeout(config.acquire_timeout())
        .after_connect(move |connection, _| {
            let settings = settings.clone();
            Box::pin(async move {
                sqlx::raw_sql(sqlx::AssertSqlSafe(settings)).execute(connection).await.map(|_| ())
            })
        })
        .connect_lazy_with(options);
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    Ok(Connections { writer: connection.clone(), reader: connection })
}

/// Where the database of a URL is, without user and password.
pub fn place(url: &str) -> String {
    match sqlite_file(url) {
        Some(file) => file.display().to_string(),
        None => PgConnectOptions::from_str(url).map_or_else(|_| String::new(), |it| place_of(&it)),
    }
}

/// Where a database is, without user and password.
fn place_of(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_default();
    format!("postgres://{}:{}/{database}", options.get_host(), options.get_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_sqlite_is_refused() {
        for good in ["3.51.3", "3.52.0", "4.0.0"] {
            assert!(check_sqlite_version(good).is_ok(), "{good}");
        }
        for old in ["3.51.2", "3.50.4", "3.7", ""] {
            assert!(check_sqlite_version(old).is_err(), "{old}");
        }
    }
}
