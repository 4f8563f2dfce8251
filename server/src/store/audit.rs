//! The audit log: what was done, by whom, when; nothing of the person it was done for.
//!
//! A row is written in the transaction of its effect, so there is none without the other, and
//! triggers refuse every change of it. Its mac is a hash under a key of the key file. What is
//! committed is chained afterwards, in whatever order it became visible: **sealing** gives each row
//! a number without gaps and a hash over the seal before it and its mac. One server at a time does
//! so (see `turns.rs`), hence bookings never wait for each other because of the chain.
//!
//! [`Store::verify_audit`] reads the whole log. It finds a changed row by its mac; one that was
//! removed, added or moved by the chain; one removed before it was sealed, or with all that came
//! after it, because every version of a trip has its row. Whoever can write to the database but has
//! no key cannot make either up. Whoever sets the whole database back to an earlier state is found
//! by a head noted elsewhere: it is logged, and `railgraph audit verify --head` looks for it.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryResult, Statement,
    Value,
};

use super::Store;
use super::breaker::Use;
use super::entities::audit_log;
use super::error::StoreError;
use super::steps::Step;
use super::turns::{NO_LEASE, SEALING, SHORT_LEASE, Turn, hold, hold_to_end, take};
use super::write::Outcome;
use crate::booking::Trip;

/// Rows sealed in one transaction.
const SEALED_AT_ONCE: i64 = 1_000;

/// Rows that one statement seals. The connection keeps its last hundred statements prepared, and
/// such a one is as large as its rows are many: with one for each number of rows, and some 400 of
/// them every second, those kept took 12 MB.
const PIECES: [usize; 5] = [256, 64, 16, 4, 1];

/// Finds the oldest rows that wait for their seal, so many at most.
///
/// They are chosen before the log is looked at. Joined in one step, and in the order of the log's
/// ids, SQLite read all of the log for them, every second: 200 ms where it had 900,000 rows, while
/// bookings waited.
pub const OLDEST_UNSEALED: &str = "SELECT a.id, a.mac \
    FROM (SELECT audit_id FROM audit_unsealed ORDER BY audit_id LIMIT $1) u \
    JOIN audit_log a ON a.id = u.audit_id ORDER BY u.audit_id";

/// Whether it was said that rows wait which are not in the log: once, not every second.
static STUCK: AtomicBool = AtomicBool::new(false);

/// Rows read at once when the log is verified.
const VERIFIED_AT_ONCE: i64 = 5_000;

/// Findings of one kind that are named; the others are only counted.
const FINDINGS_MAX: i64 = 20;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    Booked,
    TripCancelled,
    ReservationCancelled,
    ClientErased,
    KeysRotated,
    Archived,
    Restored,
    ApiKeyCreated,
    ApiKeyRevoked,
    ClientLookedUp,
    TripLookedUp,
}

impl Effect {
    fn as_str(self) -> &'static str {
        match self {
            Self::Booked => "BOOKED",
            Self::TripCancelled => "TRIP_CANCELLED",
            Self::ReservationCancelled => "RESERVATION_CANCELLED",
            Self::ClientErased => "CLIENT_ERASED",
            Self::KeysRotated => "KEYS_ROTATED",
            Self::Archived => "ARCHIVED",
            Self::Restored => "RESTORED",
            Self::ApiKeyCreated => "API_KEY_CREATED",
            Self::ApiKeyRevoked => "API_KEY_REVOKED",
            Self::ClientLookedUp => "CLIENT_LOOKED_UP",
            Self::TripLookedUp => "TRIP_LOOKED_UP",
        }
    }
}

/// What somebody looked for by what only those should know whom it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookedUp {
    /// A client, by last name and id number.
    Client,
    /// A trip, by reference and last name.
    Trip,
}

/// The newest seal: whoever knows it can tell later whether the log still contains it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// How many rows are sealed.
    pub sequence: i64,
    /// The hash over all of them.
    pub hash: [u8; 32],
}

impl fmt::Display for AuditHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.sequence, blake3::Hash::from(self.hash).to_hex())
    }
}

impl fmt::Debug for AuditHead {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "AuditHead({self})")
    }
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number, a colon and 64 hex digits, as the log line audit.head has them")]
pub struct InvalidHead;

impl FromStr for AuditHead {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (sequence, hash) = text.split_once(':').ok_or(InvalidHead)?;
        Ok(Self {
            sequence: sequence.parse().map_err(|_| InvalidHead)?,
            hash: *blake3::Hash::from_hex(hash).map_err(|_| InvalidHead)?.as_bytes(),
        })
    }
}

/// What reading the whole log has shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditReport {
    /// Rows read, sealed or not.
    pub rows: i64,
    /// Those that wait for their seal.
    pub unsealed: i64,
    /// The newest seal.
    pub head: Option<AuditHead>,
    /// What is wrong, a sentence each; empty where nothing is.
    pub findings: Vec<String>,
}

/// How a transaction that seals has ended.
enum Sealed {
    /// Nothing waits any more; the newest seal.
    All(Option<AuditHead>),
    /// There is more for this turn.
    Some(Turn),
    /// Another server is at it.
    Busy,
}

impl audit_log::Model {
    fn mac_under(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(key);
        let texts = [
            Some(self.caller.as_str()),
            Some(self.effect.as_str()),
            self.trip_reference.as_deref(),
            self.subject.as_deref(),
        ];
        let numbers =
            [Some(self.id), Some(self.at), self.trip_id, self.trip_version.map(i64::from)];
        for number in numbers {
            hasher.update(&[u8::from(number.is_some())]);
            hasher.update(&number.unwrap_or_default().to_le_bytes());
        }
        for text in texts {
            hasher.update(&[u8::from(text.is_some())]);
            let text = text.unwrap_or_default();
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }
}

/// The seal after `before` over a row.
fn seal_after(before: Option<AuditHead>, audit_id: i64, mac: &[u8], key: &[u8; 32]) -> AuditHead {
    let sequence = before.map_or(0, |head| head.sequence) + 1;
    let mut hasher = blake3::Hasher::new_keyed(key);
    hasher.update(b"seal");
    hasher.update(&sequence.to_le_bytes());
    hasher.update(&before.map_or([0; 32], |head| head.hash));
    hasher.update(&audit_id.to_le_bytes());
    hasher.update(mac);
    AuditHead { sequence, hash: *hasher.finalize().as_bytes() }
}

impl Store {
    /// Notes what a transaction does to a trip, in that transaction.
    pub(super) async fn audit_trip(
        &self,
        transaction: &DatabaseTransaction,
        effect: Effect,
        trip: &Trip,
        subject: Option<String>,
        (caller, now): (&str, DateTime<Utc>),
    ) -> Result<(), StoreError> {
        let row = self.audit_trip_row(effect, trip, subject, (caller, now))?;
        audit_log::Entity::insert(row.into_active_model())
            .exec_without_returning(transaction)
            .await?;
        Ok(())
    }

    /// The row of a booking, to be written with it.
    pub(super) fn audit_booked(
        &self,
        trip: &Trip,
        by: (&str, DateTime<Utc>),
    ) -> Result<audit_log::Model, StoreError> {
        self.audit_trip_row(Effect::Booked, trip, None, by)
    }

    fn audit_trip_row(
        &self,
        effect: Effect,
        trip: &Trip,
        subject: Option<String>,
        by: (&str, DateTime<Utc>),
    ) -> Result<audit_log::Model, StoreError> {
        let row = audit_log::Model {
            trip_id: Some(trip.id().0),
            trip_reference: Some(trip.reference().to_string()),
            trip_version: Some(trip.version()),
            ..self.audit_row(effect.as_str(), subject, by)?
        };
        Ok(self.with_mac(row))
    }

    /// Notes what a transaction does to something else than a trip.
    pub(super) async fn audit_other(
        &self,
        transaction: &DatabaseTransaction,
        effect: Effect,
        subject: String,
        (caller, now): (&str, DateTime<Utc>),
    ) -> Result<(), StoreError> {
        let row = self.with_mac(self.audit_row(effect.as_str(), Some(subject), (caller, now))?);
        audit_log::Entity::insert(row.into_active_model())
            .exec_without_returning(transaction)
            .await?;
        Ok(())
    }

    /// Notes that somebody was looked up, and whether anything was found; not who, and not what was
    /// asked.
    pub async fn audit_lookup(
        &self,
        what: LookedUp,
        is_hit: bool,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let effect = match what {
            LookedUp::Client => Effect::ClientLookedUp,
            LookedUp::Trip => Effect::TripLookedUp,
        };
        let noted = async {
            let mut retries = self.retries();
            loop {
                let (store, caller) = (self.clone(), caller.to_owned());
                let subject = if is_hit { "hit" } else { "miss" }.to_owned();
                let written = self.write(move |transaction| {
                    let by = (caller, now);
                    Box::pin(async move {
                        store.audit_other(transaction, effect, subject, (&by.0, by.1)).await?;
                        Ok(Outcome::Keep(()))
                    })
                });
                match written.await {
                    Err(error @ StoreError::Database(_)) => retries.again(error).await?,
                    // Whether it was noted may be unknown; then nothing is told.
                    ended => return ended,
                }
            }
        };
        self.guarded(Use::Write, noted).await
    }

    fn with_mac(&self, mut row: audit_log::Model) -> audit_log::Model {
        row.mac = row.mac_under(self.vault().ring().audit_key()).to_vec();
        row
    }

    fn audit_row(
        &self,
        effect: &str,
        subject: Option<String>,
        (caller, now): (&str, DateTime<Utc>),
    ) -> Result<audit_log::Model, StoreError> {
        Ok(audit_log::Model {
            id: self.new_id(now)?,
            at: now.timestamp(),
            caller: caller.to_owned(),
            effect: effect.to_owned(),
            trip_id: None,
            trip_reference: None,
            trip_version: None,
            subject,
            mac: Vec::new(),
        })
    }

    /// Seals what was committed since the last time. `None` where another server is at it, or
    /// nothing was ever sealed.
    ///
    /// [`StoreError::TurnLost`] where another server has taken over; what is left is sealed by it.
    pub async fn seal_audit(&self) -> Result<Option<AuditHead>, StoreError> {
        let mut turn = None;
        loop {
            let store = self.clone();
            let sealed = self.write(move |transaction| {
                Box::pin(async move { store.seal_some(transaction, turn).await })
            });
            match sealed.await? {
                Sealed::All(head) => return Ok(head),
                Sealed::Some(next) => turn = Some(next),
                Sealed::Busy => return Ok(None),
            }
            self.step(Step::PartCommitted);
        }
    }

    /// Seals as many rows as one transaction may. It is the first of a run where there is no turn
    /// yet; where it is the last, it gives the turn back, so that most runs are one transaction.
    async fn seal_some(
        &self,
        transaction: &DatabaseTransaction,
        turn: Option<Turn>,
    ) -> Result<Outcome<Sealed>, StoreError> {
        let waiting = waiting_for_seals(transaction).await?;
        let is_last = waiting <= SEALED_AT_ONCE;
        let turn = match turn {
            None if waiting == 0 => {
                return Ok(Outcome::Undo(Sealed::All(newest_seal(transaction).await?)));
            }
            None => {
                let lease = if is_last { NO_LEASE } else { SHORT_LEASE };
                let Some(turn) = take(transaction, SEALING, lease).await? else {
                    return Ok(Outcome::Undo(Sealed::Busy));
                };
                turn
            }
            Some(turn) if is_last => hold_to_end(transaction, turn).await.map(|()| turn)?,
            Some(turn) => hold(transaction, turn).await.map(|()| turn)?,
        };
        let (head, sealed) = self.seal_oldest(transaction).await?;
        // What waits and has no row in the log cannot be sealed, and is not asked for again.
        let is_stuck = sealed == 0 && waiting > 0;
        if is_stuck && !STUCK.swap(true, Ordering::Relaxed) {
            let hint = "somebody has changed the database: run `railgraph audit verify`";
            tracing::error!(hint, "audit.waits_without_row");
        }
        let is_last = is_last || is_stuck;
        Ok(Outcome::Keep(if is_last { Sealed::All(head) } else { Sealed::Some(turn) }))
    }

    /// Seals the oldest rows that wait for it; the newest seal is then this one. And how many.
    async fn seal_oldest(
        &self,
        transaction: &DatabaseTransaction,
    ) -> Result<(Option<AuditHead>, usize), StoreError> {
        let backend = transaction.get_database_backend();
        let before = newest_seal(transaction).await?;
        let most = [SEALED_AT_ONCE.into()];
        let oldest = Statement::from_sql_and_values(backend, OLDEST_UNSEALED, most);
        let rows = transaction.query_all_raw(oldest).await?;
        if rows.is_empty() {
            return Ok((before, 0));
        }
        let (mut head, mut seals) = (before, Vec::with_capacity(rows.len()));
        let ring = self.vault().ring();
        for row in &rows {
            let (id, mac): (i64, Vec<u8>) = (row.try_get("", "id")?, row.try_get("", "mac")?);
            let seal = seal_after(head, id, &mac, ring.audit_key());
            seals.push((id, seal));
            head = Some(seal);
        }
        for piece in pieces(&seals) {
            seal(transaction, piece).await?;
        }
        Ok((head, rows.len()))
    }

    /// The newest seal, for a metric or a note elsewhere; `None` before the first one.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, StoreError> {
        newest_seal(self.reader()).await
    }

    /// Reads the whole log and says what is wrong with it, as of one moment. `known` is a head that
    /// was noted before, if there is one.
    pub async fn verify_audit(&self, known: Option<AuditHead>) -> Result<AuditReport, StoreError> {
        let snapshot = self.snapshot().await?;
        let mut report = AuditReport::default();
        self.verify_chain(&snapshot, known, &mut report).await?;
        self.verify_unsealed(&snapshot, &mut report).await?;
        for (sql, sentence) in CROSS_CHECKS {
            let sql = format!("{sql} LIMIT {FINDINGS_MAX}");
            let statement = Statement::from_string(snapshot.get_database_backend(), sql);
            for row in snapshot.query_all_raw(statement).await? {
                let name: String = row.try_get("", "name")?;
                report.findings.push(format!("{sentence}: {name}"));
            }
        }
        snapshot.commit().await?;
        Ok(report)
    }

    async fn verify_chain(
        &self,
        snapshot: &DatabaseTransaction,
        known: Option<AuditHead>,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let ring = self.vault().ring();
        let key = ring.audit_key();
        let mut seen_known = known.is_none_or(|known| known.sequence == 0);
        loop {
            let sql = format!(
                "SELECT s.sequence, s.audit_id, s.hash, a.* FROM audit_seals s \
                 LEFT JOIN audit_log a ON a.id = s.audit_id WHERE s.sequence > $1 \
                 ORDER BY s.sequence LIMIT {VERIFIED_AT_ONCE}"
            );
            let backend = snapshot.get_database_backend();
            let from = report.head.map_or(i64::MIN, |head| head.sequence);
            let statement = Statement::from_sql_and_values(backend, sql, [from.into()]);
            let rows = snapshot.query_all_raw(statement).await?;
            for row in &rows {
                let seal = verify_sealed(row, key, report)?;
                seen_known |= known == Some(seal);
                report.head = Some(seal);
                report.rows += 1;
            }
            if (rows.len() as i64) < VERIFIED_AT_ONCE {
                break;
            }
        }
        if !seen_known && let Some(known) = known {
            report.findings.push(format!("the head noted before is not in the chain: {known}"));
        }
        Ok(())
    }

    async fn verify_unsealed(
        &self,
        snapshot: &DatabaseTransaction,
        report: &mut AuditReport,
    ) -> Result<(), StoreError> {
        let backend = snapshot.get_database_backend();
        let sql = "SELECT a.*, u.audit_id FROM audit_log a \
                   LEFT JOIN audit_seals s ON s.audit_id = a.id \
                   LEFT JOIN audit_unsealed u ON u.audit_id = a.id WHERE s.audit_id IS NULL";
        let ring = self.vault().ring();
        for row in snapshot.query_all_raw(Statement::from_string(backend, sql)).await? {
            let entry = entry_of(&row)?;
            if entry.mac != entry.mac_under(ring.audit_key()) {
                report.findings.push(format!("a row was changed, or forged: {}", entry.id));
            }
            if row.try_get::<Option<i64>>("", "audit_id")?.is_none() {
                let sentence = "a row has neither a seal nor waits for one";
                report.findings.push(format!("{sentence}: {}", entry.id));
            }
            report.rows += 1;
            report.unsealed += 1;
        }
        Ok(())
    }
}

/// Rows in their order, in as few of the [`PIECES`] as they fit.
fn pieces<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    std::iter::from_fn(move || {
        let size = PIECES.into_iter().find(|size| *size <= rows.len())?;
        let (piece, rest) = rows.split_at(size);
        rows = rest;
        Some(piece)
    })
}

/// Writes the seals of rows, which wait no longer.
async fn seal(
    transaction: &DatabaseTransaction,
    seals: &[(i64, AuditHead)],
) -> Result<(), StoreError> {
    let backend = transaction.get_database_backend();
    let triple = |row: usize| format!("(${}, ${}, ${})", 3 * row + 1, 3 * row + 2, 3 * row + 3);
    let triples: Vec<_> = (0..seals.len()).map(triple).collect();
    let sql =
        format!("INSERT INTO audit_seals (sequence, audit_id, hash) VALUES {}", triples.join(", "));
    let values = seals.iter().flat_map(|(id, seal)| -> [Value; 3] {
        [seal.sequence.into(), (*id).into(), seal.hash.to_vec().into()]
    });
    transaction.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
    let marks: Vec<_> = (1..=seals.len()).map(|at| format!("${at}")).collect();
    let sql = format!("DELETE FROM audit_unsealed WHERE audit_id IN ({})", marks.join(", "));
    let ids = seals.iter().map(|(id, _)| Value::from(*id));
    transaction.execute_raw(Statement::from_sql_and_values(backend, sql, ids)).await?;
    Ok(())
}

/// Statements that find what contradicts the log, and what they have found.
const CROSS_CHECKS: [(&str, &str); 5] = [
    (
        "SELECT t.reference AS name FROM trips t JOIN archived_trips a ON a.trip_id = t.id",
        "a trip is both in the database and in the archive",
    ),
    (
        "SELECT t.reference AS name FROM (SELECT id, reference, version FROM trips UNION ALL \
             SELECT trip_id, reference, version FROM archived_trips) t \
         LEFT JOIN audit_unlogged o ON o.trip_id = t.id \
         LEFT JOIN (SELECT trip_id, count(*) AS n, max(trip_version) AS newest \
                    FROM audit_log GROUP BY trip_id) a ON a.trip_id = t.id \
         WHERE coalesce(a.n, 0) <> t.version - coalesce(o.trip_version, 0) \
            OR coalesce(a.newest, o.trip_version, 0) <> t.version",
        "a trip's versions do not all have their row",
    ),
    (
        "SELECT t.reference AS name FROM trips t JOIN audit_log a ON a.trip_id = t.id \
         WHERE a.trip_reference <> t.reference \
            OR (a.effect = 'TRIP_CANCELLED' AND t.status <> 'CANCELLED') \
            OR (a.effect = 'BOOKED' AND (a.at <> t.booked_at OR a.trip_version <> 1))",
        "a trip differs from what was logged of it",
    ),
    (
        "SELECT coalesce(a.trip_reference, '?') AS name FROM audit_log a WHERE a.effect = 'BOOKED' \
         AND NOT EXISTS (SELECT 1 FROM trips t WHERE t.id = a.trip_id) \
         AND NOT EXISTS (SELECT 1 FROM archived_trips t WHERE t.trip_id = a.trip_id)",
        "a trip was booked and is nowhere",
    ),
    (
        "SELECT CAST(u.audit_id AS TEXT) AS name FROM audit_unsealed u \
         WHERE NOT EXISTS (SELECT 1 FROM audit_log a WHERE a.id = u.audit_id)",
        "a row was removed before it was sealed",
    ),
];

/// Checks a seal against the one before it and against its row.
fn verify_sealed(
    row: &QueryResult,
    key: &[u8; 32],
    report: &mut AuditReport,
) -> Result<AuditHead, StoreError> {
    let sequence: i64 = row.try_get("", "sequence")?;
    let audit_id: i64 = row.try_get("", "audit_id")?;
    let hash: Vec<u8> = row.try_get("", "hash")?;
    let hash: [u8; 32] =
        hash.try_into().map_err(|_| StoreError::Corrupt("a seal of another length"))?;
    let found = AuditHead { sequence, hash };
    if row.try_get::<Option<i64>>("", "id")?.is_none() {
        report.findings.push(format!("the row of seal {sequence} is gone"));
        return Ok(found);
    }
    let entry = entry_of(row)?;
    if entry.mac != entry.mac_under(key) {
        report.findings.push(format!("the row of seal {sequence} was changed, or forged"));
    }
    if found != seal_after(report.head, audit_id, &entry.mac, key) {
        let sentence = "does not follow from the one before it: rows were removed, added or moved";
        report.findings.push(format!("seal {sequence} {sentence}"));
    }
    Ok(found)
}

fn entry_of(row: &QueryResult) -> Result<audit_log::Model, StoreError> {
    Ok(<audit_log::Model as sea_orm::FromQueryResult>::from_query_result(row, "")?)
}

/// How many rows wait for their seal; no more are counted than it takes to tell whether one
/// transaction is enough.
async fn waiting_for_seals(database: &impl ConnectionTrait) -> Result<i64, StoreError> {
    let most = SEALED_AT_ONCE + 1;
    let sql =
        format!("SELECT count(*) AS n FROM (SELECT 1 FROM audit_unsealed LIMIT {most}) AS waiting");
    let statement = Statement::from_string(database.get_database_backend(), sql);
    let row = database.query_one_raw(statement).await?;
    Ok(row.ok_or(StoreError::Corrupt("a count without a row"))?.try_get("", "n")?)
}

async fn newest_seal(database: &impl ConnectionTrait) -> Result<Option<AuditHead>, StoreError> {
    let sql = "SELECT sequence, hash FROM audit_seals ORDER BY sequence DESC LIMIT 1";
    let statement = Statement::from_string(database.get_database_backend(), sql);
    let Some(row) = database.query_one_raw(statement).await? else { return Ok(None) };
    let hash: Vec<u8> = row.try_get("", "hash")?;
    let hash = hash.try_into().map_err(|_| StoreError::Corrupt("a seal of another length"))?;
    Ok(Some(AuditHead { sequence: row.try_get("", "sequence")?, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_takes_few_statements() {
        for count in [0, 1, 3, 255, 256, 415, SEALED_AT_ONCE as usize] {
            let rows: Vec<usize> = (0..count).collect();
            let taken: Vec<_> = pieces(&rows).collect();
            assert_eq!(taken.concat(), rows);
            assert!(taken.iter().all(|piece| PIECES.contains(&piece.len())), "{count}");
            assert!(taken.len() <= 15, "{count}");
        }
    }
}
