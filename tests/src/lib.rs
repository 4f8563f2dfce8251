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
pub mod history;
pub mod instructions;
pub mod measure;
pub mod national;
pub mod oracle;
pub mod postgres;
pub mod proxy;
pub mod random;
pub mod running;
pub mod tamper;

/// The lines of a file of the archive.
///
/// # Panics
///
/// Where it is none.
pub fn archive_text(path: &std::path::Path) -> String {
    let bytes = std::fs::read(path).expect("a file");
    String::from_utf8(zstd::decode_all(bytes.as_slice()).expect("zstd")).expect("a text")
}
