//! What a network file holds, for people and for programs.

use std::fmt::Write as _;
use std::fs::File;
use std::io;
use std::path::Path;

use rkyv::util::AlignedVec;
use schema::{FORMAT_VERSION, HEADER_LEN, LayoverPolicy, NetworkFile};
use serde::Serialize;

/// The numbers of a network file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Stations.
    pub stations: usize,
    /// Service journeys.
    pub journeys: usize,
    /// Calls of all journeys.
    pub calls: usize,
    /// First service date.
    pub first: String,
    /// Last service date.
    pub last: String,
    /// Service dates.
    pub dates: i64,
    /// The zone that service dates are of.
    pub zone: String,
    /// ISO 4217 code of the prices.
    pub currency: String,
    /// The layover policy of requests that name none.
    pub layover_policy: &'static str,
    /// The longest time, in minutes, of an itinerary with a stop.
    pub duration_minutes_max: i32,
    /// Station pairs with a connection.
    pub pairs: usize,
    /// Rows of the connection tables.
    pub connections: Connections,
    /// Distinct sets of days.
    pub day_sets: usize,
    /// The file's parts, in bytes.
    pub bytes: Vec<Part>,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// BLAKE3 of the content: the network's version.
    pub hash: String,
    /// BLAKE3 of the records and options it was compiled from.
    pub fingerprint: String,
    /// Version of the compiler.
    pub compiler: String,
    /// Version of the file's format.
    pub format: u32,
}

/// Rows of each connection table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Connections {
    /// Without a change.
    pub direct: usize,
    /// With one.
    pub one_stop: usize,
    /// With two.
    pub two_stop: usize,
}

/// A part of a network file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// What it is.
    pub name: &'static str,
    /// Its size in bytes.
    pub bytes: usize,
}

impl Summary {
    /// Of an opened file.
    pub fn of<B: AsRef<[u8]>>(file: &NetworkFile<B>) -> Self {
        let (view, header) = (file.view(), file.header());
        let network = view.archived();
        let (first, last) = view.period();
        let words = schema::days::words(view.axis_days());
        Self {
            stations: view.station_count(),
            journeys: view.journey_count(),
            calls: network.calls.len(),
            first: first.to_string(),
            last: last.to_string(),
            dates: (last - first).num_days() + 1,
            zone: view.zone().to_owned(),
            currency: network.currency.as_str().to_owned(),
            layover_policy: match view.layover_policy() {
                LayoverPolicy::None => "none",
                LayoverPolicy::Strict => "strict",
                LayoverPolicy::Lenient => "lenient",
            },
            duration_minutes_max: view.duration_minutes_max(),
            pairs: network.pairs.len() - 1,
            connections: Connections {
                direct: network.direct.len(),
                one_stop: network.one_stop.len(),
                two_stop: network.two_stop.len(),
            },
            day_sets: network.day_sets.len() / words,
            bytes: parts(network, header.payload_len as usize),
            file_bytes: header.payload_len + HEADER_LEN as u64,
            hash: header.version(),
            fingerprint: header.fingerprint_hex(),
            compiler: header.compiler.clone(),
            format: FORMAT_VERSION,
        }
    }

    /// One line for the end of a build.
    pub fn line(&self) -> String {
        let Connections { direct, one_stop, two_stop } = self.connections;
        format!(
            "{} stations, {} service journeys, {} dates ({} to {}), connections {direct} direct + \
             {one_stop} one-stop + {two_stop} two-stop, {}, {}",
            self.stations,
            self.journeys,
            self.dates,
            self.first,
            self.last,
            size(self.file_bytes),
            &self.hash[..12]
        )
    }

    /// A table for people.
    pub fn text(&self) -> String {
        let connections = self.connections;
        let rows = [
            ("stations", self.stations.to_string()),
            ("service journeys", self.journeys.to_string()),
            ("calls", self.calls.to_string()),
            ("service dates", format!("{} to {} ({})", self.first, self.last, self.dates)),
            ("zone", self.zone.clone()),
            ("currency", self.currency.clone()),
            ("layover policy", self.layover_policy.to_owned()),
            ("longest itinerary", format!("{} minutes", self.duration_minutes_max)),
            ("station pairs", self.pairs.to_string()),
            ("direct connections", connections.direct.to_string()),
            ("one-stop connections", connections.one_stop.to_string()),
            ("two-stop connections", connections.two_stop.to_string()),
            ("distinct day sets", self.day_sets.to_string()),
            ("hash", self.hash.clone()),
            ("fingerprint", self.fingerprint.clone()),
            ("compiler", format!("{}, format {}", self.compiler, self.format)),
            ("file", format!("{} bytes ({})", self.file_bytes, size(self.file_bytes))),
        ];
        let mut text = String::new();
        // Writing to a string cannot fail.
        for (name, value) in rows {
            let _ = writeln!(text, "{name:<22}{value}");
        }
        for part in &self.bytes {
            let _ = writeln!(text, "  {:<20}{:>12}", part.name, part.bytes);
        }
        text
    }
}

fn parts(network: &schema::ArchivedNetwork, payload: usize) -> Vec<Part> {
    let mut parts = vec![
        ("calls", size_of_val(network.calls.as_slice())),
        ("journeys", size_of_val(network.journeys.as_slice())),
        ("fares", size_of_val(network.fares.as_slice())),
        (
            "calls by station",
            size_of_val(network.boardings.as_slice()) + size_of_val(network.alightings.as_slice()),
        ),
        ("day sets", size_of_val(network.day_sets.as_slice())),
        ("pairs", size_of_val(network.pairs.as_slice())),
        ("direct table", size_of_val(network.direct.as_slice())),
        ("one-stop table", size_of_val(network.one_stop.as_slice())),
        ("two-stop table", size_of_val(network.two_stop.as_slice())),
        ("header", HEADER_LEN),
    ];
    let known: usize = parts.iter().map(|(_, bytes)| bytes).sum();
    parts.push(("names, ids and rest", payload + HEADER_LEN - known));
    parts.into_iter().map(|(name, bytes)| Part { name, bytes }).collect()
}

/// Bytes as people read them.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// The bytes of a file at an address that suits a network.
///
/// Read, not mapped: whoever shortens a mapped file kills who reads it.
///
/// # Errors
///
/// What the operating system says.
pub fn read_aligned(path: &Path) -> io::Result<AlignedVec> {
    let mut file = File::open(path)?;
    let mut bytes = AlignedVec::with_capacity(file.metadata()?.len() as usize);
    bytes.extend_from_reader(&mut file)?;
    Ok(bytes)
}
