//! Ticket numbers: 15 digits, unix seconds × 100,000 + a counter.
//!
//! They come in blocks from the one row of `ticket_numbers`, in a transaction of its own, so that
//! bookings on several servers never wait for each other's end. The row never decreases: numbers
//! are unique across servers, and go on increasing when a clock steps back. A block is used only
//! within the second in which it was taken, so that numbers sort by the second of issue across
//! servers too; what is left of it is dropped. A rolled back booking leaves a gap.
//!
//! Numbers can run ahead of the clock: when one steps back, or when more than 100,000 are taken in
//! a second. How far is bounded. A server whose clock has fallen further behind than that, or one
//! that meets the numbers of a server whose clock was years ahead, issues none and says so, rather
//! than tickets that lie about when they were issued.

use sea_orm::{ConnectionTrait, DatabaseTransaction, DbBackend, Statement};
use tokio::sync::Mutex;

use super::Store;
use super::error::StoreError;
use super::write::Outcome;
use crate::booking::TicketNumber;

/// Numbers of one second, before they run into the next.
const PER_SECOND: i64 = 100_000;

/// How far numbers may be ahead of the clock of the server that takes them. Two clocks that are an
/// hour wrong in opposite directions must do no harm.
const AHEAD_MAX_S: i64 = 3 * 60 * 60;

/// Numbers taken at once, at least: so few that dropping the rest of a block every second does not
/// use up the second's numbers.
const BLOCK_MIN: i64 = 64;

/// And at most, by a server that is so busy that it used up the last block within its second.
const BLOCK_MAX: i64 = 1024;

/// What is left of the block taken last.
#[derive(Debug, Default)]
struct Block {
    taken_at: i64,
    size: i64,
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
        store: &Store,
        count: usize,
        now: i64,
    ) -> Result<Vec<TicketNumber>, StoreError> {
        let count = count as i64;
        let mut block = self.block.lock().await;
        if block.taken_at != now || block.end - block.next < count {
            let wanted = if block.taken_at == now { block.size * 2 } else { block.size / 2 };
            let size = wanted.clamp(BLOCK_MIN, BLOCK_MAX).max(count);
            let taken = store.write(move |transaction| {
                Box::pin(async move { take_block(transaction, size, now).await.map(Outcome::Keep) })
            });
            let last = taken.await.map_err(|error| match error {
                // At worst, numbers were taken for nobody: nothing is booked yet.
                StoreError::OutcomeUnknown(error) => StoreError::Unavailable(error),
                error => error,
            })?;
            *block = Block { taken_at: now, size, next: last - size + 1, end: last + 1 };
        }
        let first = block.next;
        block.next += count;
        Ok((first..block.next).map(|number| TicketNumber(number as u64)).collect())
    }
}

impl Store {
    /// Ticket numbers as a booking takes them, for whoever measures them: `count` of them,
    /// ascending, for tickets issued at `now` in unix seconds.
    pub async fn take_ticket_numbers(
        &self,
        count: usize,
        now: i64,
    ) -> Result<Vec<TicketNumber>, StoreError> {
        self.inner.tickets.take(self, count, now).await
    }
}

/// Takes a block of numbers and returns its last one.
async fn take_block(
    transaction: &DatabaseTransaction,
    size: i64,
    now: i64,
) -> Result<i64, StoreError> {
    let backend = transaction.get_database_backend();
    let greatest = match backend {
        DbBackend::Postgres => "GREATEST",
        _ => "MAX",
    };
    let sql = format!(
        "UPDATE ticket_numbers SET last = {greatest}(last + $1, $2) \
         WHERE id = 1 AND last + $1 < $3 RETURNING last"
    );
    let bound = (now + AHEAD_MAX_S) * PER_SECOND;
    let values = [size.into(), (now * PER_SECOND + size).into(), bound.into()];
    let statement = Statement::from_sql_and_values(backend, sql, values);
    if let Some(row) = transaction.query_one_raw(statement).await? {
        return Ok(row.try_get("", "last")?);
    }
    let sql = "SELECT last FROM ticket_numbers WHERE id = 1";
    let row = transaction.query_one_raw(Statement::from_string(backend, sql)).await?;
    let row = row.ok_or(StoreError::Corrupt("ticket_numbers has lost its row"))?;
    let last: i64 = row.try_get("", "last")?;
    Err(StoreError::TicketsAhead { seconds: last / PER_SECOND - now })
}
