//! Servers as they are run: real processes, asked all the while that something happens to them. The
//! program `running` does it at length and prints the figures; the suite runs short versions.

pub mod database_away;
pub mod load;
pub mod nginx;
pub mod process;
pub mod replica;
pub mod requests;
pub mod soak;
pub mod swap;
pub mod two_servers;

pub use process::{Process, Program};
