//! Tampering with the audit log, as somebody can who may write to the database: triggers removed,
//! rows changed, removed, added and moved.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use crate::random::Random;

/// The tables that the log consists of, and those it is compared with.
const TABLES: [&str; 4] = ["audit_seals", "audit_log", "audit_unsealed", "trips"];

async fn run(raw: &DatabaseConnection, sql: &str) {
    raw.execute_unprepared(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Numbers that a statement gives, in one column named `n`.
async fn numbers(raw: &DatabaseConnection, sql: &str) -> Vec<i64> {
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let rows = raw.query_all_raw(statement).await.expect("rows");
    rows.iter().map(|row| row.try_get("", "n").expect("a number")).collect()
}

/// A database whose audit log can be tampered with and put right again.
pub struct Tampering {
    raw: DatabaseConnection,
}

impl Tampering {
    /// Removes what is in the way and remembers how everything was.
    ///
    /// # Panics
    ///
    /// Where the database refuses it.
    pub async fn begin(raw: DatabaseConnection) -> Self {
        if raw.get_database_backend() == DbBackend::Postgres {
            // What a superuser can do: no trigger and no foreign key is looked at any more.
            run(&raw, "ALTER TABLE audit_seals DROP CONSTRAINT fk_audit_seals_audit_id").await;
            for table in ["audit_seals", "audit_log", "trips"] {
                run(&raw, &format!("ALTER TABLE {table} DISABLE TRIGGER ALL")).await;
            }
        } else {
            run(&raw, "PRAGMA foreign_keys = OFF").await;
            for trigger in [
                "tr_audit_log_unsealed",
                "tr_audit_log_no_update",
                "tr_audit_log_no_delete",
                "tr_audit_seals_no_update",
                "tr_audit_seals_no_delete",
                "tr_audit_log_no_replace",
                "tr_audit_seals_no_replace",
            ] {
                run(&raw, &format!("DROP TRIGGER {trigger}")).await;
            }
        }
        for table in TABLES {
            run(&raw, &format!("CREATE TABLE kept_{table} AS SELECT * FROM {table}")).await;
        }
        Self { raw }
    }

    /// Puts everything right again.
    ///
    /// # Panics
    ///
    /// Where the database refuses it.
    pub async fn undo(&self) {
        for table in TABLES {
            run(&self.raw, &format!("DELETE FROM {table}")).await;
            run(&self.raw, &format!("INSERT INTO {table} SELECT * FROM kept_{table}")).await;
        }
    }

    /// Does one thing that must be found, and says what. All rows of the log must be about trips.
    ///
    /// # Panics
    ///
    /// Where the database refuses it.
    pub async fn tamper(&self, random: &mut Random) -> String {
        let rows = numbers(&self.raw, "SELECT id AS n FROM audit_log ORDER BY id").await;
        let sealed = numbers(&self.raw, "SELECT sequence AS n FROM audit_seals ORDER BY 1").await;
        let chained = numbers(&self.raw, "SELECT audit_id AS n FROM audit_seals ORDER BY 1").await;
        let (row, seal) = (*random.of_slice(&rows), *random.of_slice(&sealed));
        let (one, other) = (*random.of_slice(&chained), *random.of_slice(&chained));
        let last = sealed[sealed.len() - 1];
        let sql = match random.below(16) {
            0 => format!("UPDATE audit_log SET at = at + 1 WHERE id = {row}"),
            1 => format!("UPDATE audit_log SET caller = caller || 'x' WHERE id = {row}"),
            2 => format!(
                "UPDATE audit_log SET effect = CASE effect WHEN 'BOOKED' THEN 'TRIP_CANCELLED' \
                 ELSE 'BOOKED' END WHERE id = {row}"
            ),
            3 => format!("UPDATE audit_log SET trip_id = trip_id + 1 WHERE id = {row}"),
            4 => format!("UPDATE audit_log SET trip_version = trip_version + 9 WHERE id = {row}"),
            5 => format!("UPDATE audit_log SET trip_reference = 'TRP-00000000' WHERE id = {row}"),
            6 => format!("UPDATE audit_log SET subject = 'nobody' WHERE id = {row}"),
            7 => format!(
                "UPDATE audit_log SET mac = (SELECT hash FROM audit_seals WHERE sequence = {seal}) \
                 WHERE id = {row}"
            ),
            8 => format!("DELETE FROM audit_log WHERE id = {row}"),
            9 => format!(
                "DELETE FROM audit_seals WHERE audit_id = {row}; \
                 DELETE FROM audit_unsealed WHERE audit_id = {row}; \
                 DELETE FROM audit_log WHERE id = {row}"
            ),
            10 => format!("DELETE FROM audit_seals WHERE sequence = {seal}"),
            // The newest rows and their seals, as if they had never been.
            11 => format!(
                "DELETE FROM audit_log WHERE id = \
                 (SELECT audit_id FROM audit_seals WHERE sequence = {last}); \
                 DELETE FROM audit_seals WHERE sequence = {last}"
            ),
            12 => format!(
                "INSERT INTO audit_log (id, at, caller, effect, mac) \
                 SELECT id + 1, at, caller, effect, mac FROM audit_log WHERE id = {row}"
            ),
            // Two rows change places in the chain.
            13 if one != other => format!(
                "UPDATE audit_seals SET audit_id = -1 WHERE audit_id = {one}; \
                 UPDATE audit_seals SET audit_id = {one} WHERE audit_id = {other}; \
                 UPDATE audit_seals SET audit_id = {other} WHERE audit_id = -1"
            ),
            14 => format!(
                "UPDATE audit_seals SET sequence = sequence + 1000000 WHERE sequence >= {seal}"
            ),
            _ => format!(
                "UPDATE trips SET version = version + 1 WHERE id = \
                 (SELECT trip_id FROM audit_log WHERE id = {row})"
            ),
        };
        run(&self.raw, &sql).await;
        sql
    }
}
