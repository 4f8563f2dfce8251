//! What the whole-system tests are built from: the generator of the bundled timetable, the oracle
//! of the search.

pub mod european;
pub mod oracle;
