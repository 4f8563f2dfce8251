//! Ticket numbers: 15 digits, unix seconds × 100,000 + a counter.
//!
//! They come in blocks from the one row of `ticket_numbers`, in a transaction of its own, so that
//! bookings on several servers never wait for each other's end. The row never decreases: numbers
//! are unique across servers, and go on increasing when a clock steps back. A block is used only
//! within the second in which it was taken, so that numbers sort by the second of issue across
//! servers too; what is left of it is dropped. A rolled back booking leaves a gap.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use tokio::sync::Mutex;

use super::error::StoreError;
use crate::booking::TicketNumber;

/// Numbers of one second, before they run into the next.
const PER_SECOND: i64 = 100_000;

/// Numbers taken at once: enough that a busy second needs few blocks, and so few that dropping
/// the rest of one every second does not use up the second's numbers.
const BLOCK: i64 = 64;

/// What is left of the block taken last.
#[derive(Debug, Default)]
struct Block {
    taken_at: i64,
    next: i64,
    end: i64,
}

/// Hands out ticket numbers of one process.
#[derive(Debug, Default)]
pub(super) struct TicketNumbers {
    block: Mutex<Block>,
}

impl TicketNumbers {
    /// `count` numbers, ascending, for tickets issued at `now` in unix seconds.
    pub(super) async fn take(
        &self,
        database: &DatabaseConnection,
        count: usize,
        now: i64,
    ) -> Result<Vec<TicketNumber>, StoreError> {
        let count = count as i64;
        let mut block = self.block.lock().await;
        if block.taken_at != now || block.end - block.next < count {
            let size = count.max(BLOCK);
            let last = take_block(database, size, now).await?;
            *block = Block { taken_at: now, next: last - size + 1, end: last + 1 };
        }
        let first = block.next;
        block.next += count;
        Ok((first..block.next).map(|number| TicketNumber(number as u64)).collect())
    }
}

/// Takes a block of numbers and returns its last one.
async fn take_block(database: &DatabaseConnection, size: i64, now: i64) -> Result<i64, StoreError> {
    let backend = database.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "UPDATE ticket_numbers SET last = GREATEST(last + $1, $2) WHERE id = 1 RETURNING last"
        }
        _ => "UPDATE ticket_numbers SET last = MAX(last + $1, $2) WHERE id = 1 RETURNING last",
    };
    let values = [size.into(), (now * PER_SECOND + size).into()];
    let statement = Statement::from_sql_and_values(backend, sql, values);
    let row = database.query_one_raw(statement).await?;
    let row = row.ok_or(StoreError::Corrupt("ticket_numbers has lost its row"))?;
    Ok(row.try_get("", "last")?)
}
