//! Folders and archives: what is unpacked, and what is refused.

use timetable_compiler::read::{FolderFile, Input};
use zip::CompressionMethod;

use super::{check_inputs, feed, journeys};
use crate::{NO_PERIOD, checked, findings_text, options};

#[track_caller]
fn check(input: Input, expected: &str) {
    check_inputs(&[input], &options(NO_PERIOD), expected);
}

/// A file of an archive as it is stored: name, method, flags, and bytes with those that they unpack
/// to.
struct Entry<'e> {
    name: &'e str,
    method: u16,
    flags: u16,
    packed: &'e [u8],
    bytes: &'e [u8],
}

fn stored<'e>(name: &'e str, bytes: &'e [u8]) -> Entry<'e> {
    Entry { name, method: 0, flags: 0, packed: bytes, bytes }
}

/// An archive with these files, whatever they are.
fn archive(entries: &[Entry<'_>]) -> Input {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let offset = file.len() as u32;
        let mut common = Vec::new();
        for number in [20, entry.flags, entry.method, 0, 0x21] {
            common.extend_from_slice(&u16::to_le_bytes(number));
        }
        let (packed, unpacked) = (entry.packed.len() as u32, entry.bytes.len() as u32);
        for number in [crc32(entry.bytes), packed, unpacked] {
            common.extend_from_slice(&u32::to_le_bytes(number));
        }
        common.extend_from_slice(&(entry.name.len() as u16).to_le_bytes());
        common.extend_from_slice(&[0, 0]);
        file.extend_from_slice(b"PK\x03\x04");
        file.extend_from_slice(&common);
        file.extend_from_slice(entry.name.as_bytes());
        file.extend_from_slice(entry.packed);
        directory.extend_from_slice(b"PK\x01\x02\x14\0");
        directory.extend_from_slice(&common);
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(entry.name.as_bytes());
    }
    let (start, count) = (file.len() as u32, entries.len() as u16);
    let length = directory.len() as u32;
    file.extend_from_slice(&directory);
    file.extend_from_slice(b"PK\x05\x06\0\0\0\0");
    for number in [count, count] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for number in [length, start] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    file.extend_from_slice(&[0, 0]);
    Input::file("feed.zip", file)
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

#[test]
fn a_feed_is_the_same_however_it_is_packed() {
    let folder = checked(&[feed().folder()], &options(NO_PERIOD));
    assert_eq!(findings_text(&folder), "");
    let fingerprint = |outcome: &timetable_compiler::compile::Outcome| {
        outcome.compiled.as_ref().map(|compiled| compiled.fingerprint)
    };
    for method in [
        CompressionMethod::Stored,
        CompressionMethod::Deflated,
        CompressionMethod::Bzip2,
        CompressionMethod::Zstd,
    ] {
        let zip = checked(&[feed().zip("", method)], &options(NO_PERIOD));
        assert_eq!(findings_text(&zip), "", "{method}");
        assert_eq!(journeys(&zip), journeys(&folder), "{method}");
        assert_eq!(fingerprint(&zip), fingerprint(&folder), "{method}");
    }
}

/// `agency.txt` of the feed, packed by LZMA.
const AGENCY_LZMA: &str = "\
    090405005d00008000003099c8db4df228517950df2b32bb18cfe9d1674a47a3da1595063ce993a0417b22bf1d\
    0005ccace1bf2b04affff12cf57cb2d2bc472fe4709f8d05d163461517317feb6ff68c0ad0f1945a1880e7f432\
    bffe404c00";

#[test]
fn a_file_may_be_packed_by_lzma() {
    let packed: Vec<u8> = (0..AGENCY_LZMA.len() / 2)
        .map(|at| u8::from_str_radix(&AGENCY_LZMA[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    let feed = feed();
    let mut entries: Vec<_> = feed.files.iter().map(|(name, bytes)| stored(name, bytes)).collect();
    entries[0] = Entry {
        method: 14,
        flags: 2,
        packed: &packed,
        ..stored("agency.txt", &feed.files["agency.txt"])
    };
    check(archive(&entries), "");
}

#[test]
fn a_feed_may_stand_in_a_folder_of_its_own() {
    check(
        feed().zip("acme/", CompressionMethod::Deflated),
        r#"info[feed-in-subfolder]: the files of the feed stand in a folder of the input
  --> feed.zip "acme"
  action: they were read from there"#,
    );
    let feed = feed().file("shapes.txt", "").file("notes.txt", "").file(".DS_Store", "");
    let feed = feed.file("old/stops.txt", "");
    check(
        feed.zip("", CompressionMethod::Stored),
        "info[unused-file]: the file is not one of GTFS
  --> feed.zip/notes.txt
  action: the file was left out
info[unused-file]: the file stands in another folder than the others
  --> feed.zip/old/stops.txt
  action: the file was left out
info[unused-file]: the file is not used
  --> feed.zip/shapes.txt
  action: the file was left out",
    );
}

#[test]
fn a_folder_or_an_archive_may_be_no_feed() {
    let file = |path: &str| FolderFile { path: path.to_owned(), bytes: None };
    check(
        Input::folder("photos", vec![file("a.jpg"), file("b.jpg")]),
        r#"error[unsupported-input]: the input has none of the files of a GTFS feed
  --> photos "a.jpg, b.jpg"
  help: name a folder or an archive with stops.txt, trips.txt and the other files"#,
    );
    check(
        archive(&[stored("a.csv", b"1")]),
        r#"error[unsupported-input]: the input has none of the files of a GTFS feed
  --> feed.zip "a.csv"
  help: name a folder or an archive with stops.txt, trips.txt and the other files"#,
    );
    let two = [stored("one/stops.txt", b""), stored("two/stops.txt", b"")];
    check(
        archive(&two),
        r#"error[unsupported-input]: the files of GTFS stand in several folders, or too deep
  --> feed.zip "one, two"
  help: name a single feed"#,
    );
    check(Input::file("cut.zip", b"PK\x03\x04\x14\0\0\0".as_slice()),
        "error[broken-archive]: the archive cannot be read: invalid Zip archive: Could not find EOCD
  --> cut.zip
  help: pack or download it again");
}

#[test]
fn an_archive_may_be_meant_to_harm() {
    check(
        archive(&[stored("../../etc/stops.txt", b""), stored("/trips.txt", b"")]),
        r#"error[unsafe-path]: the path of a file of the archive leads out of it
  --> feed.zip "../../etc/stops.txt"
  help: pack the files without folders
error[unsafe-path]: the path of a file of the archive leads out of it
  --> feed.zip "/trips.txt"
  help: pack the files without folders"#,
    );
    check(
        archive(&[stored("stops.txt", b"1"), stored("stops.txt", b"2")]),
        "error[duplicate-entry]: the archive has two files of one name
  --> feed.zip
  help: pack the folder of the feed anew",
    );
    let locked = Entry { flags: 1, ..stored("stops.txt", b"123456789012345") };
    let unknown = Entry { method: 77, ..stored("trips.txt", b"1") };
    let damaged = Entry { bytes: b"12", ..stored("agency.txt", b"21") };
    check(
        archive(&[locked, unknown, damaged]),
        "error[broken-archive]: the file cannot be unpacked: Invalid checksum
  --> feed.zip/agency.txt
  help: pack the feed anew
error[encrypted-entry]: the file is encrypted
  --> feed.zip/stops.txt
  help: pack the feed anew
error[broken-archive]: the file cannot be unpacked: compression method not supported: 77
  --> feed.zip/trips.txt
  help: pack the feed anew",
    );
    let zeros = vec![b'0'; 40 << 20];
    let feed = feed().file("stops.txt", zeros);
    check(
        feed.zip("", CompressionMethod::Deflated),
        "error[archive-too-large]: the file's 40774 bytes unpack to more than 33554432
  --> feed.zip/stops.txt
  help: pack the feed anew",
    );
}
