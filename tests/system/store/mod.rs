//! Bookings on both databases. A test is one function over a [`Bench`]; `on_both!` runs it on
//! SQLite and on PostgreSQL, each time in a new database.

#![expect(clippy::unwrap_used, reason = "where a test unwraps, failing there says what failed")]

mod archiving;
mod at_rest;
mod audit;
mod bench;
mod booking;
mod cancelling;
mod erasing;
mod histories;
mod lookups;
mod migrations;
mod opening;
mod races;
mod reading;
mod refusals;
mod rotating;
mod tickets;
mod turns;
mod writing;

use bench::Bench;

/// One test as two: on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($(#[$doc:meta])* $name:ident;)+) => {$(
        mod $name {
            use super::super::bench::Bench;

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn sqlite() {
                super::$name(Bench::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn postgres() {
                if let Some(bench) = Bench::postgres().await {
                    super::$name(bench).await;
                }
            }
        }
    )+};
}
use on_both;
