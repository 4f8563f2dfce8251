//! What can go wrong for outside reasons. No message contains a name, an id number or a password.

use std::path::PathBuf;

use sea_orm::{DbErr, RuntimeErr, sqlx};

use super::random::NoRandomness;
use crate::booking::{ClientId, InvalidTrip};

/// The database could not be opened: what was expected, what was found, what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not a URL at all. The text is not repeated, since it may contain a password.
    #[error(
        "expected a database URL like sqlite://railgraph.sqlite or postgres://user@host/database, \
         found a text that is none; set --database-url or DATABASE_URL"
    )]
    NotAUrl,
    /// A URL of another kind of database.
    #[error(
        "expected a database URL that begins with sqlite: or postgres:, found {scheme}:; set \
         --database-url or DATABASE_URL"
    )]
    Scheme {
        /// What it begins with.
        scheme: String,
    },
    /// A URL that the database's driver does not understand.
    #[error(
        "expected a database URL like sqlite://railgraph.sqlite or postgres://user@host/database, \
         found one with a wrong part ({reason}); set --database-url or DATABASE_URL"
    )]
    Url {
        /// What the driver says of it.
        reason: String,
    },
    /// A replica that cannot be one.
    #[error(
        "expected a replica like postgres://user@host/database, of a PostgreSQL database, found \
         something else; set --replica-url or DATABASE_REPLICA_URL to a standby's URL, or leave it \
         out"
    )]
    ReplicaUrl,
    /// SQLite in memory has one database per connection, and loses bookings by design.
    #[error(
        "expected an SQLite database in a file, found one in memory, which would lose all \
         bookings; name a file, as in sqlite://railgraph.sqlite"
    )]
    InMemory,
    /// The file's folder is not there.
    #[error(
        "expected a folder at {folder} for the SQLite database, found none; create it or set \
         another --database-url"
    )]
    FolderMissing {
        /// The folder.
        folder: PathBuf,
    },
    /// The file is something else.
    #[error(
        "expected an SQLite database at {path}, found another kind of file; move it away or set \
         another --database-url"
    )]
    NotSqlite {
        /// The file.
        path: PathBuf,
    },
    /// An SQLite with the WAL-reset corruption bug.
    #[error(
        "expected SQLite 3.51.3 or later, found {found}, which can corrupt a database in WAL \
         mode; build the server with its bundled SQLite"
    )]
    OldSqlite {
        /// Its version.
        found: String,
    },
    /// Nobody answers, or does not let us in.
    #[error(
        "expected a database at {database}, found none that answers ({reason}); start it, make \
         it with `createdb`, or set another --database-url"
    )]
    Unreachable {
        /// Without user and password.
        database: String,
        /// What the driver says.
        reason: String,
    },
    /// The database is older than this program.
    #[error(
        "expected a database of this program's version, found one that lacks {pending} \
         migration(s), the first being {first}; run `railgraph migrate`"
    )]
    MigrationsMissing {
        /// How many.
        pending: usize,
        /// The oldest of them.
        first: String,
    },
    /// The database is newer than this program.
    #[error(
        "expected a database of this program's version, found a later one ({reason}); run the \
         program that migrated it, or a newer one"
    )]
    Newer {
        /// Which migration is not known.
        reason: String,
    },
    /// The key file has no encryption key.
    #[error(
        "expected at least one encryption key, found none; restore the key file from its backup"
    )]
    NoEncryptionKey,
    /// The operating system gives no thread.
    #[error("expected a thread for SQLite's writer, found none: {0}; end other programs")]
    NoThread(#[source] std::io::Error),
    /// Anything else that the database says.
    #[error("expected a usable database, found an error; see its cause: {0}")]
    Database(#[source] DbErr),
}

/// Something unexpected while the store was at work.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database does not answer, or no connection became free in time.
    #[error("the database is not available")]
    Unavailable(#[source] DbErr),
    /// The database was asked to commit and did not say whether it has.
    #[error("the database did not say whether it has carried the request out")]
    OutcomeUnknown(#[source] DbErr),
    /// Ticket numbers have run too far ahead of this server's clock.
    #[error(
        "the last ticket number is {seconds} seconds ahead of this server's clock; mend the clock \
         that is wrong, this one or that of the server which issued the number"
    )]
    TicketsAhead {
        /// How far.
        seconds: i64,
    },
    /// Conflicts with other transactions did not end.
    #[error("the database is too busy: a transaction was retried {retries} times in vain")]
    Contention {
        /// How often.
        retries: u32,
        /// The last failure.
        #[source]
        source: DbErr,
    },
    /// Another error of the database.
    #[error("the database refused a statement")]
    Database(#[source] DbErr),
    /// A row that cannot be what it should be.
    #[error("the database holds a row that is invalid: {0}")]
    Corrupt(&'static str),
    /// A stored trip breaks what holds for trips.
    #[error("the database holds an invalid trip")]
    InvalidTrip(#[from] InvalidTrip),
    /// A ciphertext was changed or moved, or the key is another one.
    #[error("the names of client {} cannot be decrypted", client.0)]
    Unreadable {
        /// Whose.
        client: ClientId,
    },
    /// A client is sealed under a key that the key file lacks.
    #[error("expected encryption key {key_id} in the key file, found none")]
    KeyMissing {
        /// Its number.
        key_id: i32,
    },
    /// The key file cannot be read again.
    #[error("the key file cannot be read again")]
    KeyFile(#[source] super::KeyFileError),
    /// The key file is another database's.
    #[error("expected the key file that the database was encrypted with, found another one")]
    KeysOfAnother,
    /// A file of the archive cannot be read or written.
    #[error("a file of the archive cannot be read or written")]
    Archive(#[source] std::io::Error),
    /// Trips were archived, and this process was not told where.
    #[error("expected the archive's folder, found none; name it with --archive-folder")]
    NoArchive,
    /// Another server has taken a job over in the meantime.
    #[error("another server has taken this job over; nothing was written")]
    TurnLost,
    /// No random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match Failure::of(&error) {
            Failure::Unavailable => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}

/// SQLite's FULL, READONLY, CANTOPEN and the family of IOERR, failed syncs among them: the low byte
/// of the code says which. PostgreSQL's codes have five characters.
fn is_of_the_disk(code: &str) -> bool {
    let number: Option<u32> = (code.len() < 5).then(|| code.parse().ok()).flatten();
    number.is_some_and(|number| matches!(number & 0xff, 8 | 10 | 13 | 14))
}

/// What kind of failure a database error is, as far as the store acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// A client has an active reservation for this connection on this date.
    ActiveReservation,
    /// A ticket has this number, which was handed out for this request.
    TicketNumberTaken,
    /// A random id or reference is taken; another one will do. Or a client was created by another
    /// transaction meanwhile; the next attempt finds it.
    IdTaken,
    /// Something was written under a key that the database does not have, or a key is still in use.
    Key,
    /// Another transaction was in the way; the same again may succeed.
    Conflict,
    /// The database is not there.
    Unavailable,
    /// Anything else.
    Other,
}

impl Failure {
    pub(super) fn of(error: &DbErr) -> Self {
        let runtime = match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => return Self::Unavailable,
            DbErr::Exec(runtime) | DbErr::Query(runtime) => runtime,
            _ => return Self::Other,
        };
        let RuntimeErr::SqlxError(error) = runtime else {
            return Self::Other;
        };
        match &**error {
            sqlx::Error::Database(error) => Self::of_database(error.as_ref()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed => Self::Unavailable,
            _ => Self::Other,
        }
    }

    fn of_database(error: &dyn sqlx::error::DatabaseError) -> Self {
        let code = error.code();
        let code = code.as_deref().unwrap_or_default();
        if error.is_unique_violation() {
            // PostgreSQL names the constraint, SQLite the columns in its message.
            return match error.constraint() {
                Some(name) => Self::of_constraint(name),
                None => Self::of_columns(error.message()),
            };
        }
        if error.is_foreign_key_violation() {
            // SQLite does not say which one; a trip's parts are written after the trip itself, so
            // that with any other one the next attempt fails, too.
            let key = ["fk_clients_key_encryption_key", "fk_client_identities_key"];
            let of_key = error.constraint().is_none_or(|name| key.contains(&name));
            return if of_key { Self::Key } else { Self::Other };
        }
        // SQLite's triggers that meet a number or a reference which is taken.
        if code == "1811" {
            let taken =
                ["audit_log cannot be changed", "the reference is that of an archived trip"];
            let is_taken = taken.iter().any(|text| error.message().contains(text));
            return if is_taken { Self::IdTaken } else { Self::Other };
        }
        match code {
            // PostgreSQL: serialization failure, deadlock. SQLite: BUSY, BUSY_SNAPSHOT.
            "40001" | "40P01" | "5" | "517" => Self::Conflict,
            // PostgreSQL: shutting down, crashed, starting up, too many connections, a server
            // that turned into a read-only replica, patience at an end.
            "57P01" | "57P02" | "57P03" | "53300" | "25006" | "57014" | "25P03" => {
                Self::Unavailable
            }
            // PostgreSQL: disk full, no memory, a failed read or write of a file.
            "53100" | "53200" | "58030" => Self::Unavailable,
            _ if is_of_the_disk(code) => Self::Unavailable,
            _ => Self::Other,
        }
    }

    fn of_constraint(name: &str) -> Self {
        match name {
            "uq_reservations_active" => Self::ActiveReservation,
            "uq_tickets_number" => Self::TicketNumberTaken,
            "uq_trips_reference"
            | "pk_clients"
            | "pk_client_identities"
            | "pk_trips"
            | "pk_reservations"
            | "pk_tickets"
            | "pk_audit_log"
            // A row's number is taken, and what belongs to it was looked at first: insertions that
            // are sent together have no order.
            | "pk_trip_legs"
            | "uq_client_identities_client"
            | "uq_reservations_trip_client"
            | "uq_reservations_trip_position"
            | "uq_tickets_reservation"
            | "uq_audit_log_trip_version" => Self::IdTaken,
            _ => Self::Other,
        }
    }

    fn of_columns(message: &str) -> Self {
        let columns = message.rsplit("UNIQUE constraint failed: ").next().unwrap_or_default();
        match columns {
            "reservations.client_id, reservations.connection_signature, \
             reservations.service_date" => Self::ActiveReservation,
            "tickets.number" => Self::TicketNumberTaken,
            "trips.reference"
            | "clients.id"
            | "client_identities.identity"
            | "trips.id"
            | "reservations.id"
            | "tickets.id"
            | "audit_log.id" => Self::IdTaken,
            _ => Self::Other,
        }
    }
}
