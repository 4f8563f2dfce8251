//! GTFS: feeds of a few lines, what is said of them, and what becomes of them.

mod archives;
mod findings;
mod inputs;
mod trips;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use schema::{NONE, Network};
use timetable_compiler::compile::{Options, Outcome};
use timetable_compiler::read::{FolderFile, Input};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use crate::{NO_PERIOD, checked, findings_text, options};

const AGENCY: &str = "agency_id,agency_name,agency_url,agency_timezone
A,Acme Rail,http://acme.example,Europe/Brussels
";

const STOPS: &str = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
G,Gent,51.03,3.71,1,
G1,Gent platform 1,51.03,3.71,0,G
G2,Gent platform 2,51.03,3.71,0,G
M,Mons,50.45,3.94,,
L,Lyon,45.76,4.86,,
";

const ROUTES: &str = "route_id,agency_id,route_short_name,route_type
R,A,IC,2
";

const TRIPS: &str = "route_id,service_id,trip_id
R,W,T1
R,W,T2
";

const STOP_TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence
T1,08:00:00,08:00:00,G1,1
T1,09:00:00,09:05:00,M,2
T1,12:00:00,12:00:00,L,3
T2,20:00:00,20:00:00,L,1
T2,24:10:00,24:10:00,G2,2
";

const CALENDAR: &str =
    "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date
W,1,1,1,1,1,1,1,20261102,20261108
";

/// A feed as text.
#[derive(Clone)]
pub struct Feed {
    /// By name.
    pub files: BTreeMap<&'static str, Vec<u8>>,
}

/// Two trains a day, from Gent over Mons to Lyon and back at night, for a week.
pub fn feed() -> Feed {
    let files = [
        ("agency.txt", AGENCY),
        ("stops.txt", STOPS),
        ("routes.txt", ROUTES),
        ("trips.txt", TRIPS),
        ("stop_times.txt", STOP_TIMES),
        ("calendar.txt", CALENDAR),
    ];
    let files = files.map(|(name, text)| (name, text.as_bytes().to_vec()));
    Feed { files: BTreeMap::from(files) }
}

impl Feed {
    /// With this content of a file.
    pub fn file(mut self, name: &'static str, text: impl AsRef<[u8]>) -> Self {
        self.files.insert(name, text.as_ref().to_vec());
        self
    }

    /// With more rows at the end of a file.
    fn rows(mut self, name: &'static str, rows: &str) -> Self {
        let file = self.files.get_mut(name).expect("a file of the feed");
        file.extend_from_slice(rows.as_bytes());
        file.push(b'\n');
        self
    }

    /// With a text of a file put in the place of another.
    fn with(mut self, name: &'static str, old: &str, new: &str) -> Self {
        let file = self.files.get_mut(name).expect("a file of the feed");
        let text = String::from_utf8(file.clone()).expect("text");
        assert!(text.contains(old), "{old}");
        *file = text.replace(old, new).into_bytes();
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.files.remove(name);
        self
    }

    /// As a folder.
    pub fn folder(&self) -> Input {
        self.named("feed")
    }

    fn named(&self, name: &str) -> Input {
        let file = |(path, bytes): (&&str, &Vec<u8>)| {
            let is_read = timetable_compiler::read::gtfs::is_read(path);
            FolderFile { path: (*path).to_owned(), bytes: is_read.then(|| bytes.clone()) }
        };
        Input::folder(name, self.files.iter().map(file).collect())
    }

    /// Packed, in a folder of the archive.
    pub fn zip(&self, folder: &str, method: CompressionMethod) -> Input {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(method);
        for (name, bytes) in &self.files {
            zip.start_file(format!("{folder}{name}"), options).expect("an entry");
            zip.write_all(bytes).expect("memory");
        }
        Input::file("feed.zip", zip.finish().expect("an archive").into_inner())
    }
}

/// What is said of a feed.
#[track_caller]
fn check(feed: &Feed, expected: &str) {
    check_inputs(&[feed.folder()], &options(NO_PERIOD), expected);
}

#[track_caller]
fn check_inputs(inputs: &[Input], options: &Options, expected: &str) {
    let outcome = checked(inputs, options);
    assert_eq!(findings_text(&outcome), expected);
    assert_eq!(outcome.compiled.is_none(), expected.contains("error["));
}

/// What becomes of a feed: its service journeys, each with its dates of the first week of November
/// 2026 or how many there are, and its prices.
#[track_caller]
fn check_journeys(feed: &Feed, expected: &str) {
    let outcome = checked(&[feed.folder()], &options(NO_PERIOD));
    assert_eq!(journeys(&outcome), expected, "{}", findings_text(&outcome));
}

fn network(feed: &Feed) -> Network {
    checked(&[feed.folder()], &options(NO_PERIOD)).compiled.expect("a sound feed").network
}

fn journeys(outcome: &Outcome) -> String {
    let compiled = outcome.compiled.as_ref();
    let compiled = compiled.unwrap_or_else(|| panic!("{}", findings_text(outcome)));
    let opened = schema::NetworkFile::open(compiled.encode().expect("bytes"));
    assert!(opened.is_ok(), "{:?}", opened.err());
    let network = &compiled.network;
    let mut lines: Vec<String> =
        (0..network.journeys.len()).map(|at| journey(network, at)).collect();
    for station in &network.stations {
        if station.transfer_minutes_min != network.transfers.minutes_min_default {
            lines.push(format!("change at {}: {} min", station.name, station.transfer_minutes_min));
        }
        if station.zone != network.period.zone {
            let zone = &network.texts[station.zone.at()];
            lines.push(format!("clocks at {}: {zone}", station.name));
        }
    }
    for path in &network.footpaths {
        let name = |at: usize| &network.stations[at].name;
        let (from, to) = (name(path.from.at()), name(path.to.at()));
        lines.push(format!("walk {from} to {to}: {} min", path.minutes));
    }
    lines.join("\n")
}

fn journey(network: &Network, at: usize) -> String {
    let journey = &network.journeys[at];
    let text = |at: u32| network.texts[at as usize].as_str();
    let sources = network.sources.iter().filter(|source| source.journey.at() == at);
    let sources: Vec<_> = sources.map(|source| source.id.as_str()).collect();
    let mut line = format!("{} {}", sources.join("|"), text(journey.train_type.0));
    if journey.number != NONE {
        let _ = write!(line, " {}", text(journey.number));
    }
    let start = journey.calls_start as usize;
    let calls = &network.calls[start..start + journey.calls_len as usize];
    for call in calls {
        let clock =
            |minute: i16| format!("{:02}:{:02}", minute.div_euclid(60), minute.rem_euclid(60));
        let may = match (call.flags.boarding(), call.flags.alighting()) {
            (true, true) => "",
            (true, false) => "+",
            (false, true) => "-",
            (false, false) => "x",
        };
        let times = if call.arrival == call.departure {
            clock(call.arrival)
        } else {
            format!("{}/{}", clock(call.arrival), clock(call.departure))
        };
        let _ = write!(line, ", {} {times}{may}", network.stations[call.station.at()].name);
    }
    let words = schema::days::words(network.period.axis_days as usize);
    let days = &network.day_sets[journey.days.0 as usize * words..][..words];
    let monday = network.period.axis_first - 20759;
    let dates =
        (0..network.period.axis_days as usize).filter(|at| days[at / 64] >> (at % 64) & 1 == 1);
    let dates: Vec<String> = dates.map(|at| (at as i32 + monday + 2).to_string()).collect();
    let _ = write!(line, "; on {}", dates.join(" "));
    if journey.fares_start != NONE {
        let count = calls.len() * (calls.len() - 1) / 2;
        let fares = &network.fares[journey.fares_start as usize..][..count];
        let price = |cents: u32| {
            if cents == NONE {
                "none".to_owned()
            } else {
                format!("{}.{:02}", cents / 100, cents % 100)
            }
        };
        let fares: Vec<_> = fares.iter().map(|fare| price(fare.second)).collect();
        let _ = write!(line, "; {} {}", network.currency, fares.join(" "));
    }
    line
}
