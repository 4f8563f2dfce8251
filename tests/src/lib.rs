//! What the whole-system tests are built from: timetables as text, a server in the test's own
//! process, PostgreSQL, the oracle of the search, the generator of the bundled timetable, and of
//! all other generated files; and what measures and attacks the whole.

pub mod agreement;
pub mod app;
pub mod collector;
pub mod cpu;
pub mod european;
pub mod failing_disk;
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

use std::env;
use std::io::Write as _;
use std::path::PathBuf;

/// The lines of a file of the archive.
///
/// # Panics
///
/// Where it is none.
pub fn archive_text(path: &std::path::Path) -> String {
    let bytes = std::fs::read(path).expect("a file");
    String::from_utf8(zstd::decode_all(bytes.as_slice()).expect("zstd")).expect("a text")
}

/// Where a program is installed. Where it is not, the test that needs it says so and is skipped;
/// in CI it fails.
///
/// # Panics
///
/// In CI, where the program is missing.
pub fn program(name: &str) -> Option<PathBuf> {
    let folders = env::var_os("PATH").unwrap_or_default();
    // Where servers are, which not everybody looks for.
    let folders = env::split_paths(&folders).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|program| program.is_file());
    assert!(found.is_some() || env::var_os("CI").is_none(), "{name} is not installed");
    if found.is_none() {
        let line = format!("\n*** {name} IS NOT INSTALLED: what needs it is SKIPPED. ***\n\n");
        // Past the test harness, which hides what a passing test prints.
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    found
}
