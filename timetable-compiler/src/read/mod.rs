//! Reading: from the bytes of the sources to records, with findings for all that is wrong.
//!
//! A mistake never hides another: every value of a row is read, whatever is wrong with the ones
//! before it, and a row with a mistake does not stop the rows after it.

pub mod csv;
pub mod gtfs;
pub mod iso;
pub mod nine;
pub(crate) mod row;
pub mod stations;
pub mod values;

use serde::Serialize;

use schema::Instant;

use crate::read::csv::RowAt;
use crate::read::values::{ArrivalTime, Weekdays};

/// Something the caller named, read into memory.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name, as findings have it.
    pub name: String,
    /// What is in it.
    pub content: Content,
}

/// What is in an input.
#[derive(Debug, Clone)]
pub enum Content {
    /// The bytes of a file.
    File(Vec<u8>),
    /// The files of a folder.
    Folder(Vec<FolderFile>),
}

/// A file of a folder.
#[derive(Debug, Clone)]
pub struct FolderFile {
    /// Its path in the folder, the parts parted by `/`.
    pub path: String,
    /// Its bytes; none where [`gtfs::is_read`] says that they are not needed.
    pub bytes: Option<Vec<u8>>,
}

impl Input {
    /// A file with this content.
    pub fn file(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), content: Content::File(bytes.into()) }
    }

    /// A folder with these files.
    pub fn folder(name: impl Into<String>, files: Vec<FolderFile>) -> Self {
        Self { name: name.into(), content: Content::Folder(files) }
    }

    /// Its bytes, without those of files that are not needed.
    pub fn bytes(&self) -> u64 {
        match &self.content {
            Content::File(bytes) => bytes.len() as u64,
            Content::Folder(files) => {
                let sizes = files.iter().filter_map(|file| file.bytes.as_ref());
                sizes.map(|bytes| bytes.len() as u64).sum()
            }
        }
    }

    /// Whether it is a folder or a zip archive, which are read as GTFS.
    pub fn is_feed(&self) -> bool {
        match &self.content {
            Content::File(bytes) => {
                bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06")
            }
            Content::Folder(_) => true,
        }
    }
}

/// What the rows of a table say.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// How many there are.
    pub read: usize,
    /// Of the rows without a mistake.
    pub records: Vec<Located>,
    /// The route ids of all rows that have one, whatever else is wrong with them.
    pub ids: Vec<(String, RowAt)>,
}

/// One row of a timetable, everything as the source says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Record {
    /// The Route ID.
    pub id: String,
    /// The city it departs from.
    pub from: String,
    /// The city it arrives in.
    pub to: String,
    /// The train type.
    pub train_type: String,
    /// Price in cents in first class, where there is one.
    pub first_cents: Option<u32>,
    /// Price in cents in second class, where there is one.
    pub second_cents: Option<u32>,
    /// When it runs.
    pub when: When,
}

/// When the train of a row runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum When {
    /// Week after week, by the clocks of both cities.
    Weekly {
        /// Minutes after midnight in the city of departure.
        departure: u16,
        /// By the clock of the city of arrival.
        arrival: ArrivalTime,
        /// The days of the week, counted at the departure.
        days: Weekdays,
    },
    /// Once.
    Dated {
        /// Minutes since 1970-01-01T00:00Z.
        departure: Instant,
        /// Minutes since 1970-01-01T00:00Z.
        arrival: Instant,
    },
}

/// A record and the row it was read from.
#[derive(Debug, Clone)]
pub struct Located {
    /// What the row says.
    pub record: Record,
    /// Where it stands.
    pub at: RowAt,
}
