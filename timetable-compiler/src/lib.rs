//! The timetable compiler: reads a timetable, says what is wrong with it, and writes a network
//! file.
//!
//! ```text
//! read ──▶ records ──▶ resolve ──▶ timetables ──▶ merge ──▶ assemble ──▶ connect ──▶ bytes
//!   └─ findings ─────────┴─────────────────────────┘
//! ```
//!
//! [`compile::compile`] does all of it in memory; [`run`] is the program around it.

pub mod assemble;
mod cli;
mod clock;
mod codes;
pub mod compile;
pub mod connect;
pub mod diff;
pub mod inspect;
mod merge;
pub mod notice;
pub mod output;
mod page;
pub mod read;
pub mod report;
mod resolve;
pub mod timetable;

pub use cli::{Exit, Streams, run, run_with};
