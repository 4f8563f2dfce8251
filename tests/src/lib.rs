//! What the whole-system tests are built from: timetables as text, a server in the test's own
//! process, PostgreSQL, the oracle of the search, the generator of the bundled timetable, and of
//! all other generated files; and what measures and attacks the whole.

pub mod agreement;
pub mod app;
pub mod cpu;
pub mod european;
pub mod feed;
pub mod fuzz;
pub mod generated;
pub mod instructions;
pub mod national;
pub mod oracle;
pub mod postgres;
pub mod random;
