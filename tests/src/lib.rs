//! What the whole-system tests are built from: timetables as text, a server in the test's own
//! process, PostgreSQL, the oracle of the search, the generator of the bundled timetable, and of
//! all other generated files; and what measures and attacks the whole.

pub mod agreement;
pub mod app;
pub mod collector;
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
pub mod redis;
pub mod running;
pub mod socket;
pub mod tamper;
pub mod third_party;

/// The lines of a file of the archive.
///
/// # Panics
///
/// Where it is none.
pub fn archive_text(path: &std::path::Path) -> String {
    let bytes = std::fs::read(path).expect("a file");
    String::from_utf8(zstd::decode_all(bytes.as_slice()).expect("zstd")).expect("a text")
}

/// Whether a program is installed. Where it is not, the test that needs it says so and is skipped;
/// in CI it fails.
///
/// # Panics
///
/// In CI, where the program is missing.
pub fn has_program(name: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&folders).any(|folder| folder.join(name).is_file());
    assert!(is_there || std::env::var_os("CI").is_none(), "{name} is not installed");
    if !is_there {
        let line = format!("\n*** {name} IS NOT INSTALLED: what needs it is SKIPPED. ***\n\n");
        // Past the test harness, which hides what a passing test prints.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    }
    is_there
}
