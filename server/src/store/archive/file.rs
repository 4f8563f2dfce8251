//! The files of the archive: a line per trip, frames of some lines each.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::store::entities::{client, reservation, ticket, trip, trip_leg};
use crate::store::rows::TripRows;

/// Trips in a frame: enough that they compress well together, and so few that reading one costs
/// little.
const TRIPS_IN_FRAME: usize = 50;

/// The layout of a line; another one gets another number.
const FORMAT: u32 = 1;

const COMPRESSION_LEVEL: i32 = 9;

/// A trip as it stands in a file.
#[derive(Serialize, Deserialize)]
pub(crate) struct Line {
    format: u32,
    pub(super) trip: trip::Model,
    pub(super) legs: Vec<trip_leg::Model>,
    pub(super) places: Vec<LinePlace>,
}

/// A reservation as it stands in a file.
#[derive(Serialize, Deserialize)]
pub(super) struct LinePlace {
    pub(super) reservation: reservation::Model,
    pub(super) ticket: ticket::Model,
    /// The names as they are sealed; the data key that opens them stays in the database.
    sealed: SealedNames,
}

#[derive(Serialize, Deserialize)]
struct SealedNames {
    #[serde(with = "crate::store::base64_bytes")]
    first_name: Vec<u8>,
    #[serde(with = "crate::store::base64_bytes")]
    last_name: Vec<u8>,
    #[serde(with = "crate::store::base64_bytes")]
    id_number: Vec<u8>,
}

impl Line {
    fn of(rows: &TripRows) -> Self {
        let places = rows.places.iter().map(|(reservation, client, ticket)| LinePlace {
            reservation: reservation.clone(),
            ticket: ticket.clone(),
            sealed: SealedNames {
                first_name: client.first_name.clone(),
                last_name: client.last_name.clone(),
                id_number: client.id_number.clone(),
            },
        });
        Self {
            format: FORMAT,
            trip: rows.trip.clone(),
            legs: rows.legs.clone(),
            places: places.collect(),
        }
    }

    /// Whose names are needed to read the trip.
    pub(super) fn clients(&self) -> impl Iterator<Item = i64> {
        self.places.iter().map(|place| place.reservation.client_id)
    }

    /// The rows as they were, with the clients' as they are now; `None` where one is missing.
    pub(super) fn into_rows(
        self,
        client: impl Fn(i64) -> Option<client::Model>,
    ) -> Option<TripRows> {
        let mut places = Vec::with_capacity(self.places.len());
        for place in self.places {
            let client = client(place.reservation.client_id)?;
            places.push((place.reservation, client, place.ticket));
        }
        Some(TripRows { trip: self.trip, legs: self.legs, places })
    }
}

/// Where a trip is in its file.
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) length: usize,
    pub(super) line: usize,
}

/// A file that was written.
pub(super) struct Written {
    /// In the order of the trips.
    pub(super) places: Vec<Place>,
    pub(super) bytes: u64,
    pub(super) hash: [u8; 32],
}

/// Writes trips to a new file and waits until it is on the disk.
pub(super) fn write(
    folder: &Path,
    name: &str,
    rows: Vec<TripRows>,
) -> io::Result<(Written, Vec<TripRows>)> {
    let mut file = Vec::new();
    let mut places = Vec::with_capacity(rows.len());
    for trips in rows.chunks(TRIPS_IN_FRAME) {
        let mut text = Vec::new();
        for trip in trips {
            serde_json::to_writer(&mut text, &Line::of(trip))?;
            text.push(b'\n');
        }
        let frame = zstd::encode_all(text.as_slice(), COMPRESSION_LEVEL)?;
        let offset = file.len() as u64;
        let place = |line| Place { offset, length: frame.len(), line };
        places.extend((0..trips.len()).map(place));
        file.extend(frame);
    }
    std::fs::create_dir_all(folder)?;
    let mut new = File::create_new(folder.join(name))?;
    new.write_all(&file)?;
    new.sync_all()?;
    // The name, too.
    File::open(folder)?.sync_all()?;
    let hash = *blake3::hash(&file).as_bytes();
    Ok((Written { places, bytes: file.len() as u64, hash }, rows))
}

/// The lines of a file, or of one frame of it.
pub(super) fn parse(compressed: &[u8]) -> io::Result<Vec<Line>> {
    let text = zstd::decode_all(compressed)?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Result<Vec<Line>, _> = lines.map(serde_json::from_slice).collect();
    let lines = lines?;
    if lines.iter().any(|line| line.format != FORMAT) {
        return Err(io::Error::other("an archive file of another version"));
    }
    Ok(lines)
}

/// One line of a frame.
pub(super) fn read_line(path: &Path, place: &Place) -> io::Result<Line> {
    use std::io::{Read as _, Seek as _};
    let mut file = File::open(path)?;
    file.seek(io::SeekFrom::Start(place.offset))?;
    let mut frame = vec![0; place.length];
    file.read_exact(&mut frame)?;
    let line = parse(&frame)?.into_iter().nth(place.line);
    line.ok_or_else(|| io::Error::other("a frame of the archive has fewer lines than it should"))
}
