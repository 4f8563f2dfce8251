//! `timetable-compiler` as a process, and what it takes for a sound network file.

use std::ffi::OsString;
use std::fs;
use std::path::Path;

use schema::NetworkFile;
use serde_json::Value;
use tests::feed;
use tests::generated::root;

use super::{COMPILER, Ended, run};

/// Runs the compiler in a folder; words that begin with `data/` are files of the repository.
fn compiler(folder: &Path, arguments: &str) -> Ended {
    let arguments = arguments.split_whitespace().map(|word| match word.strip_prefix("data/") {
        Some(_) => root().join(word).into_os_string(),
        None => OsString::from(word),
    });
    run(COMPILER, folder, &arguments.collect::<Vec<_>>())
}

const BUNDLED: &str = "data/european-timetable.csv --stations data/european-stations.csv \
                       --from 2027-06-01 --until 2027-06-07";

#[test]
fn the_bundled_timetable_is_checked_built_verified_and_inspected() {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = compiler(folder.path(), &format!("check {BUNDLED} --strict"));
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), ""), "{}", ended.err);
    assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
    let build = |output| format!("build {BUNDLED} --output {output}");
    for output in ["one", "two"] {
        let ended = compiler(folder.path(), &build(output));
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        assert!(ended.err.contains(&format!("wrote {output}: ")), "{}", ended.err);
    }
    let bytes = |name| fs::read(folder.path().join(name)).expect("a network file");
    assert!(bytes("one") == bytes("two"), "the same input gave other bytes");
    let ended = compiler(folder.path(), "verify one");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("one is sound: "), "{}", ended.out);
    let ended = compiler(folder.path(), "inspect --json one");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    let summary: Value = serde_json::from_str(&ended.out).expect("JSON");
    assert_eq!(summary["stations"], 132, "{summary}");
}

#[test]
fn errors_in_the_data_are_told_and_the_old_file_stays() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = "AB1,Aachen,Bonn,1250,13:50,RE,Daily,20,10";
    fs::write(folder.path().join("t.csv"), feed::csv(rows)).expect("a timetable");
    fs::write(folder.path().join("out"), "old").expect("a file");
    let arguments = "t.csv --from 2026-12-01 --until 2026-12-02";
    let ended = compiler(folder.path(), &format!("build {arguments} --output out"));
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""));
    let beginning = "error[time-without-colon]: ";
    assert!(ended.err.starts_with(beginning), "{}", ended.err);
    assert!(ended.err.contains("t.csv:2:"), "{}", ended.err);
    assert_eq!(fs::read(folder.path().join("out")).expect("a file"), b"old");
    assert_eq!(compiler(folder.path(), &format!("check {arguments}")).code, Some(1));
    let ended = compiler(folder.path(), "explain time-without-colon");
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    assert!(ended.out.starts_with("time-without-colon (error)\n"), "{}", ended.out);
}

#[test]
fn exit_codes_tell_data_usage_and_files_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("foreign"), "Route ID,").expect("a file");
    for (code, arguments) in [
        (0, "--help"),
        (0, "explain"),
        (1, "verify data/european-timetable.csv"),
        (1, "inspect foreign"),
        (2, ""),
        (2, "build"),
        (2, "--unknown"),
        (2, "explain no-such-code"),
        (2, "check data/european-timetable.csv --from yesterday"),
        (3, "verify missing"),
        (3, "inspect missing"),
        (3, "check missing.csv --from 2026-12-01 --until 2026-12-02"),
    ] {
        let ended = compiler(folder.path(), arguments);
        assert_eq!(ended.code, Some(code), "{arguments}: {}", ended.err);
        assert_eq!(ended.err.is_empty(), code == 0, "{arguments}: {}", ended.err);
    }
    let ended = compiler(folder.path(), &format!("build {BUNDLED} --output no/such/file"));
    assert_eq!(ended.code, Some(3), "{}", ended.err);
}

#[test]
fn no_part_of_a_network_file_is_one() {
    let bytes = feed::compiled(feed::CITIES).encode().expect("bytes");
    assert!(NetworkFile::open(&bytes[..]).is_ok());
    for length in 0..bytes.len() {
        assert!(NetworkFile::open(&bytes[..length]).is_err(), "the first {length} bytes");
    }
}

#[test]
fn no_network_file_with_a_flipped_bit_is_one() {
    const MULTIPLIER: u64 = 6_364_136_223_846_793_005;
    const INCREMENT: u64 = 1_442_695_040_888_963_407;
    let mut bytes = feed::compiled(feed::CITIES).encode().expect("bytes");
    let mut state = 20_261_201_u64;
    for _ in 0..2000 {
        // Knuth's MMIX generator; its upper bits are the random ones.
        state = state.wrapping_mul(MULTIPLIER).wrapping_add(INCREMENT);
        let random = (state >> 33) as usize;
        let (at, bit) = (random / 8 % bytes.len(), 1 << (random % 8));
        bytes[at] ^= bit;
        assert!(NetworkFile::open(&bytes[..]).is_err(), "bit {bit} of byte {at}");
        bytes[at] ^= bit;
    }
    assert!(NetworkFile::open(&bytes[..]).is_ok());
}
