//! The files of a feed: of a folder, or unpacked from a zip archive within limits.
//!
//! An archive is somebody else's: how much it unpacks to is counted while it is unpacked, whatever
//! it says of itself, and a path in it that climbs out of it is refused although nothing is ever
//! written under that path.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::read::ZipFile;

use super::files::{UNUSED_FILES, is_read};
use crate::notice::{Code, Findings, Notice, Place};
use crate::read::{Content, Input};

/// The most bytes that the files of an archive may have together.
const TOTAL_BYTES_MAX: u64 = 4 << 30;
/// The most bytes that one of them may have.
const FILE_BYTES_MAX: u64 = 3 << 30;
/// Below this many bytes a file may unpack to any multiple of what it was packed into.
const FREE_BYTES: u64 = 32 << 20;
/// Above them, to this multiple; timetables reach 40.
const RATIO_MAX: u64 = 250;
/// How much is unpacked between two looks at the limits.
const CHUNK_BYTES: u64 = 1 << 20;
/// How many names a finding lists.
const NAMES_SHOWN: usize = 8;

/// A file of a feed.
pub struct FeedFile<'i> {
    /// Its name without folders, such as `stops.txt`.
    pub name: String,
    /// Its name as findings have it.
    pub shown: String,
    /// Its bytes; none where they are not needed.
    pub bytes: Option<Cow<'i, [u8]>>,
}

/// The path of a file, and its bytes where they are needed.
type Unpacked<'i> = (String, Option<Cow<'i, [u8]>>);

/// The files of an input; none where it is no feed or cannot be read, which are findings.
pub fn files<'i>(
    input: usize,
    source: &'i Input,
    findings: &mut Findings,
) -> Option<Vec<FeedFile<'i>>> {
    let of_feed = |name: &str| place(input, name);
    let all: Vec<Unpacked<'i>> = match &source.content {
        Content::Folder(files) => files
            .iter()
            .map(|file| (file.path.clone(), file.bytes.as_deref().map(Cow::Borrowed)))
            .collect(),
        Content::File(bytes) => unpack(input, &source.name, bytes, findings)?,
    };
    let is_known = |path: &str| is_read(name_of(path));
    let folders: BTreeSet<&str> =
        all.iter().filter(|(path, _)| is_known(path)).map(|(path, _)| folder_of(path)).collect();
    let Some(folder) = folders.first().map(|folder| (*folder).to_owned()) else {
        let found: Vec<_> = all.iter().map(|(path, _)| path.as_str()).collect();
        let sentence = "the input has none of the files of a GTFS feed";
        let notice = Notice::new(Code::UnsupportedInput, sentence).at(of_feed(&source.name));
        let help = "name a folder or an archive with stops.txt, trips.txt and the other files";
        findings.add(notice.value(listed(&found)).help(help));
        return None;
    };
    if !folder.is_empty() {
        if folders.len() > 1 || folder.contains('/') {
            let folders: Vec<_> = folders.into_iter().collect();
            let sentence = "the files of GTFS stand in several folders, or too deep";
            let notice = Notice::new(Code::UnsupportedInput, sentence).at(of_feed(&source.name));
            findings.add(notice.value(listed(&folders)).help("name a single feed"));
            return None;
        }
        let sentence = "the files of the feed stand in a folder of the input";
        let notice = Notice::new(Code::FeedInSubfolder, sentence).at(of_feed(&source.name));
        let action = "they were read from there";
        findings.add(notice.value(folder.as_str()).action(action));
    }
    let feed = all.into_iter().map(|(path, bytes)| FeedFile {
        name: name_of(&path).to_owned(),
        shown: format!("{}/{path}", source.name.trim_end_matches('/')),
        bytes: bytes.filter(|_| folder_of(&path) == folder),
    });
    let feed: Vec<_> = feed.collect();
    for file in feed.iter().filter(|file| file.bytes.is_none()) {
        let is_gtfs = UNUSED_FILES.contains(&file.name.as_str());
        let sentence = if is_read(&file.name) {
            "the file stands in another folder than the others"
        } else if is_gtfs {
            "the file is not used"
        } else {
            "the file is not one of GTFS"
        };
        let notice = Notice::new(Code::UnusedFile, sentence);
        findings.add(notice.at(of_feed(&file.shown)).action("the file was left out"));
    }
    Some(feed)
}

fn place(input: usize, file: &str) -> Place {
    Place { input, part: 0, file: file.to_owned(), line: None, column: None, field: None }
}

fn name_of(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn listed(names: &[&str]) -> String {
    let more = names.len().saturating_sub(NAMES_SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// The files of an archive, those that are needed with their bytes; none where a finding says that
/// it cannot be used.
fn unpack<'i>(
    input: usize,
    name: &str,
    bytes: &[u8],
    findings: &mut Findings,
) -> Option<Vec<Unpacked<'i>>> {
    let broken = |what: &str| {
        let sentence = format!("the archive cannot be read: {what}");
        Notice::new(Code::BrokenArchive, sentence).at(place(input, name))
    };
    let mut archive = match ZipArchive::new(Cursor::new(bytes)) {
        Ok(archive) => archive,
        Err(error) => {
            findings.add(broken(&error.to_string()).help("pack or download it again"));
            return None;
        }
    };
    let mut is_sound = true;
    if archive.has_duplicate_names() {
        is_sound = false;
        let notice = Notice::new(Code::DuplicateEntry, "the archive has two files of one name");
        findings.add(notice.at(place(input, name)).help("pack the folder of the feed anew"));
    }
    let (mut files, mut total) = (Vec::new(), 0);
    for at in 0..archive.len() {
        let Ok(entry) = archive.by_index_data(at) else { continue };
        let path = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let is_encrypted = entry.encrypted();
        if is_unsafe(&path) {
            is_sound = false;
            let sentence = "the path of a file of the archive leads out of it";
            let notice = Notice::new(Code::UnsafePath, sentence).at(place(input, name));
            findings.add(notice.value(path).help("pack the files without folders"));
            continue;
        }
        if path.ends_with('/') || is_clutter(&path) {
            continue;
        }
        if !is_read(name_of(&path)) {
            files.push((path, None));
            continue;
        }
        let unpacked = if is_encrypted {
            Err((Code::EncryptedEntry, "the file is encrypted".to_owned()))
        } else {
            unpack_file(archive.by_index(at), &mut total)
        };
        match unpacked {
            Ok(bytes) => files.push((path, Some(Cow::Owned(bytes)))),
            Err((code, sentence)) => {
                is_sound = false;
                let notice = Notice::new(code, sentence);
                let shown = format!("{name}/{path}");
                findings.add(notice.at(place(input, &shown)).help("pack the feed anew"));
            }
        }
    }
    is_sound.then_some(files)
}

/// Folders that a desktop leaves in archives.
fn is_clutter(path: &str) -> bool {
    path.starts_with("__MACOSX/") || name_of(path).starts_with('.')
}

fn is_unsafe(path: &str) -> bool {
    let has_drive = path.as_bytes().get(1) == Some(&b':');
    path.starts_with('/')
        || path.contains(['\\', '\0'])
        || path.split('/').any(|part| part == "..")
        || has_drive
}

fn unpack_file<R: Read>(
    file: zip::result::ZipResult<ZipFile<'_, R>>,
    total: &mut u64,
) -> Result<Vec<u8>, (Code, String)> {
    let broken = |what: &dyn std::fmt::Display| {
        (Code::BrokenArchive, format!("the file cannot be unpacked: {what}"))
    };
    let too_large = |what: String| (Code::ArchiveTooLarge, what);
    let mut file = file.map_err(|error| broken(&error))?;
    let packed = file.compressed_size();
    let most = FILE_BYTES_MAX.min(TOTAL_BYTES_MAX - *total);
    let mut bytes = Vec::new();
    loop {
        let chunk = (&mut file).take(CHUNK_BYTES).read_to_end(&mut bytes);
        let read = chunk.map_err(|error| broken(&error))?;
        let length = bytes.len() as u64;
        if length > most {
            return Err(too_large(format!("the file has more than {most} bytes")));
        }
        if length > FREE_BYTES && length / RATIO_MAX > packed {
            let what = format!("the file's {packed} bytes unpack to more than {FREE_BYTES}");
            return Err(too_large(what));
        }
        if read == 0 {
            *total += length;
            return Ok(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_climb_are_known() {
        for path in ["../a.txt", "a/../../b.txt", "/a.txt", "a\\b.txt", "C:/a.txt", "a\0.txt"] {
            assert!(is_unsafe(path), "{path}");
        }
        for path in ["a.txt", "feed/a.txt", "a..b.txt", "..a.txt"] {
            assert!(!is_unsafe(path), "{path}");
        }
    }
}
