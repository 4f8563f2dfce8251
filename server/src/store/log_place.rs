//! Whose log a PostgreSQL server writes or applies, and how far it has got.
//!
//! A position of a log tells something only beside another one of the same log. Two servers have
//! the same where their **cluster** is the same, that is the system identifier that `initdb` gave
//! it and every copy keeps, and their **timeline**, which every promotion begins anew. Both come
//! with each position, so that nothing has to be remembered about connections.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

use super::error::StoreError;

/// The end of a primary's log: behind everything that was acknowledged. Where the last record ends
/// with a page, PostgreSQL says where the next one will begin, behind the header of a page that
/// nobody may write for hours: 40 bytes at the beginning of a file, else 24. A standby never gets
/// there, so it is taken off.
pub(super) const PRIMARY: &str = "SELECT \
     FALSE AS is_standby, \
     next - CASE \
         WHEN next % pg_size_bytes(current_setting('wal_segment_size')) = 40 THEN 40 \
         WHEN next % current_setting('wal_block_size')::BIGINT = 24 THEN 24 \
         ELSE 0 END AS position, \
     system_identifier AS cluster, \
     ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::BIT(32)::INTEGER AS timeline \
     FROM pg_control_system(), \
     LATERAL (SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::BIGINT AS next) AS place";

/// What a standby has applied. Which timeline it receives is told to members of `pg_monitor` alone;
/// for others it is the one of its last restart point, which comes minutes after a promotion.
pub(super) const STANDBY: &str = "SELECT \
     pg_is_in_recovery() AS is_standby, \
     COALESCE((pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::BIGINT, -1) AS position, \
     system_identifier AS cluster, \
     COALESCE((SELECT received_tli FROM pg_stat_wal_receiver), \
         GREATEST((SELECT timeline_id FROM pg_control_checkpoint()), \
             (SELECT min_recovery_end_timeline FROM pg_control_recovery()))) AS timeline \
     FROM pg_control_system()";

/// A server's place in its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct LogPlace {
    pub(super) is_standby: bool,
    /// In bytes from the log's beginning.
    pub(super) position: i64,
    cluster: i64,
    timeline: i32,
}

/// Why a server is not read as a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// It applies nothing: it is a primary itself, perhaps the very one.
    #[error("expected a standby, found a server that is not in recovery")]
    NoStandby,
    /// It has other data.
    #[error(
        "expected a standby of the primary's cluster, whose system identifier is {expected}, found \
         one of {found}"
    )]
    OtherCluster {
        /// The primary's.
        expected: u64,
        /// The replica's.
        found: u64,
    },
    /// It follows another server than the primary since one of them was promoted.
    #[error("expected a standby on the primary's timeline {expected}, found one on {found}")]
    OtherTimeline {
        /// The primary's.
        expected: i32,
        /// The replica's.
        found: i32,
    },
}

impl LogPlace {
    /// Asks a server.
    pub(super) async fn ask(database: &DatabaseConnection, sql: &str) -> Result<Self, StoreError> {
        let statement = Statement::from_string(DbBackend::Postgres, sql);
        let row = database.query_one_raw(statement).await?;
        let row = row.ok_or(StoreError::Corrupt("a database without a position"))?;
        Ok(Self {
            is_standby: row.try_get("", "is_standby")?,
            position: row.try_get("", "position")?,
            cluster: row.try_get("", "cluster")?,
            timeline: row.try_get("", "timeline")?,
        })
    }

    /// Whether a server's position can be compared with its primary's.
    pub(super) fn follows(&self, primary: &Self) -> Result<(), Refusal> {
        if self.cluster != primary.cluster {
            let [expected, found] = [primary.cluster, self.cluster].map(i64::cast_unsigned);
            return Err(Refusal::OtherCluster { expected, found });
        }
        if !self.is_standby {
            return Err(Refusal::NoStandby);
        }
        let (expected, found) = (primary.timeline, self.timeline);
        if found == expected { Ok(()) } else { Err(Refusal::OtherTimeline { expected, found }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_standby_of_the_cluster_and_the_timeline_follows() {
        let primary = LogPlace { is_standby: false, position: 9, cluster: -7, timeline: 2 };
        let standby = LogPlace { is_standby: true, position: 8, ..primary };
        let check = |replica: LogPlace, expected| {
            assert_eq!(replica.follows(&primary), expected, "{replica:?}");
        };
        check(standby, Ok(()));
        check(primary, Err(Refusal::NoStandby));
        let (expected, found) = ((-7_i64).cast_unsigned(), 8);
        let other = Err(Refusal::OtherCluster { expected, found });
        check(LogPlace { cluster: 8, ..standby }, other);
        check(LogPlace { cluster: 8, ..primary }, other);
        for found in [1, 3] {
            let other = Err(Refusal::OtherTimeline { expected: 2, found });
            check(LogPlace { timeline: found, ..standby }, other);
        }
    }
}
