//! From inputs to a network: read, check, resolve, connect. No file is touched and nothing printed.

use std::collections::BTreeMap;
use std::io::{self, Seek, Write};

use chrono::NaiveDate;
use chrono_tz::Tz;
use rkyv::rancor::ResultExt;
use rkyv::util::AlignedVec;
use schema::{Network, Transfers};

use crate::assemble::{AssembleError, assemble};
use crate::clock::{Ride, ordinary_minutes};
use crate::connect::{ShiftTooFar, connect};
use crate::merge::{Part, merge};
use crate::notice::{Code, Findings, Notice, Policy};
use crate::read::csv::{Header, Source, Table};
use crate::read::gtfs::{self, FeedOptions, FeedTimetable, TripCounts};
use crate::read::stations::{StationRecord, Stations};
use crate::read::values::{ArrivalTime, is_date_in_range};
use crate::read::{Input, Rows, iso, nine};
use crate::resolve::{Frame, Sources};
use crate::timetable::Timetable;

/// The version that is written into network files.
pub const COMPILER_VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest period, in dates.
pub const PERIOD_DATES_MAX: i64 = 3900;

/// How a timetable is compiled.
#[derive(Debug, Clone)]
pub struct Options {
    /// The zone of cities that the stations file does not list, and of service dates where no input
    /// is GTFS.
    pub timezone: Tz,
    /// The stations file, for CSV.
    pub stations: Option<Input>,
    /// First service date. Required with an input whose rows have no dates.
    pub from: Option<NaiveDate>,
    /// Last service date. Required with an input whose rows have no dates.
    pub until: Option<NaiveDate>,
    /// Limits on transfers.
    pub transfers: Transfers,
    /// How GTFS feeds are read.
    pub feeds: FeedOptions,
    /// What the caller thinks of some findings.
    pub policy: Policy,
}

/// How far a compilation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// All findings; the connection tables stay empty, for no finding depends on them.
    Check,
    /// The whole network.
    Build,
}

/// How far it has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The connections from so many stations are to be found.
    Connecting(usize),
    /// Those from one more station are found.
    Connected,
}

/// What was read of an input, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadInput {
    /// Its name.
    pub name: String,
    /// What it is.
    pub form: &'static str,
    /// Its bytes, as they were given.
    pub bytes: u64,
    /// What is counted.
    pub of: &'static str,
    /// How many of them there are.
    pub read: usize,
    /// Those that were not asked for or run on no date of the period; stations that no train
    /// serves.
    pub unused: usize,
    /// Those that were left out for their defects.
    pub dropped: usize,
}

impl ReadInput {
    /// Those that the network has.
    pub const fn kept(&self) -> usize {
        self.read - self.unused - self.dropped
    }
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What was read.
    pub read: Vec<ReadInput>,
    /// What there is to say of the data.
    pub findings: Findings,
    /// The network; none where there are errors.
    pub compiled: Option<Compiled>,
}

/// A network that can be written.
#[derive(Debug)]
pub struct Compiled {
    /// The tables.
    pub network: Network,
    /// BLAKE3 over the sorted records and the options.
    pub fingerprint: [u8; 32],
}

impl Compiled {
    /// The bytes of the network file.
    ///
    /// # Errors
    ///
    /// What rkyv says where the network cannot be archived, which is out of memory.
    pub fn encode(&self) -> Result<AlignedVec, rkyv::rancor::Error> {
        schema::encode(&self.network, self.fingerprint, COMPILER_VERSION)
    }

    /// Writes the network file to the beginning of `out`.
    ///
    /// # Errors
    ///
    /// What `out` says.
    pub fn write(&self, mut out: impl Write + Seek) -> io::Result<()> {
        out.rewind()?;
        out.write_all(&[0; schema::HEADER_LEN])?;
        let mut write = |part: &[u8]| out.write_all(part).into_error();
        let (network, fingerprint) = (&self.network, self.fingerprint);
        let header = schema::encode_into(network, fingerprint, COMPILER_VERSION, &mut write);
        let header = header.map_err(io::Error::other)?;
        out.rewind()?;
        out.write_all(&header)
    }
}

/// Why a timetable was not compiled, for a reason that is not in the data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A weekly timetable without a period.
    #[error(
        "the rows of {0} have no dates, so the period is needed: add `--from DATE --until DATE`, \
         such as `--from 2026-12-13 --until 2027-12-11`"
    )]
    PeriodMissing(String),
    /// It ends before it begins.
    #[error("the period ends on {until}, before it begins on {from}")]
    PeriodReversed {
        /// First date.
        from: NaiveDate,
        /// Last date.
        until: NaiveDate,
    },
    /// Longer than a network file holds.
    #[error("the period has {0} dates, more than the {PERIOD_DATES_MAX} a network file holds")]
    PeriodTooLong(i64),
    /// Far from any timetable.
    #[error("the date {0} does not lie between 1990 and 2199")]
    DateOutOfRange(NaiveDate),
    /// A defect: rides are short enough for the file's format.
    #[error(transparent)]
    Shift(#[from] ShiftTooFar),
}

/// Compiles a timetable. The same records and options give the same network, in whatever order the
/// rows stand.
///
/// # Errors
///
/// Where the options do not fit the inputs; what is wrong with the data is in the outcome.
pub fn compile(
    inputs: &[Input],
    options: &Options,
    goal: Goal,
    progress: &(dyn Fn(Step) + Sync),
) -> Result<Outcome, CompileError> {
    check_period(options)?;
    let mut findings = Findings::new(options.policy.clone());
    let stations = Stations::read(options.stations.as_ref(), &mut findings);
    let tables = open_tables(inputs, &mut findings);
    let weekly = tables.iter().flatten().find(|table| table.is_of(nine::COLUMNS));
    if let (Some(table), None, _) | (Some(table), _, None) = (weekly, options.from, options.until) {
        return Err(CompileError::PeriodMissing(table.file().to_owned()));
    }
    let feeds = read_feeds(inputs, options, &mut findings);
    let zone_of_feed = feeds.iter().find_map(|(_, feed)| feed.timetable.as_ref().map(|it| it.zone));
    let frame = Frame {
        zone: options.timezone,
        reference: zone_of_feed.unwrap_or(options.timezone),
        from: options.from,
        until: options.until,
        transfers: options.transfers,
    };
    let (rows, counts) = read_rows(&tables, &stations, options, &mut findings);
    let mut unused = BTreeMap::new();
    let mut parts = Vec::new();
    if let Some(at) = inputs.iter().position(|input| !input.is_feed()) {
        let sources = Sources { tables: &tables, rows: &rows, stations: &stations };
        let resolved = sources.resolve(frame, &mut findings);
        unused = resolved.unused;
        if frame.reference != frame.zone {
            let (zone, reference) = (frame.zone, frame.reference);
            let sentence = format!("cities have times of {zone}, and the network of {reference}");
            let place = Source::of(at + 1, &inputs[at]).whole();
            let notice = Notice::new(Code::TimesConverted, sentence).at(place);
            findings.add(notice.action("they were converted, date by date"));
        }
        let (name, timetable) = (inputs[at].name.clone(), resolved.timetable);
        parts.push(Part { input: at + 1, name, timetable });
    }
    let mut read = read_inputs(inputs, &counts, &unused, &feeds);
    read.extend(read_stations(options.stations.as_ref(), &stations, &unused));
    let has_feeds = !feeds.is_empty();
    parts.extend(feeds.into_iter().filter_map(|(at, feed)| {
        let name = inputs[at].name.clone();
        Some(Part { input: at + 1, name, timetable: feed.timetable? })
    }));
    parts.sort_by_key(|part| part.input);
    let timetable = merge(parts, frame.reference, options.feeds.merge, &mut findings);
    let assembled = assembled(timetable, &mut findings);
    findings.sort();
    let mut compiled = assembled.map(|network| {
        let of_feeds = has_feeds.then_some(&network);
        let fingerprint = fingerprint(&rows, &stations, frame, of_feeds);
        Compiled { network, fingerprint }
    });
    if let (Goal::Build, Some(compiled)) = (goal, &mut compiled) {
        progress(Step::Connecting(compiled.network.stations.len()));
        connect(&mut compiled.network, &|| progress(Step::Connected))?;
    }
    Ok(Outcome { read, findings, compiled })
}

/// The network of a timetable; none where there are errors.
fn assembled(timetable: Option<Timetable>, findings: &mut Findings) -> Option<Network> {
    // Without the rows that have errors, "nothing runs" would only be noise.
    if findings.has_errors() {
        return None;
    }
    let Some(timetable) = timetable else {
        findings.add(Notice::new(Code::NothingRuns, "no train is left of all inputs"));
        return None;
    };
    assemble(&timetable).map_err(|error| findings.add(of_whole(&error))).ok()
}

fn check_period(options: &Options) -> Result<(), CompileError> {
    for date in options.from.iter().chain(&options.until) {
        if !is_date_in_range(*date) {
            return Err(CompileError::DateOutOfRange(*date));
        }
    }
    let (Some(from), Some(until)) = (options.from, options.until) else {
        return Ok(());
    };
    let dates = (until - from).num_days() + 1;
    if dates < 1 {
        return Err(CompileError::PeriodReversed { from, until });
    }
    if dates > PERIOD_DATES_MAX {
        return Err(CompileError::PeriodTooLong(dates));
    }
    Ok(())
}

/// The feeds among the inputs, each with its position, and a finding where too much of them had to
/// be left out.
fn read_feeds(
    inputs: &[Input],
    options: &Options,
    findings: &mut Findings,
) -> Vec<(usize, FeedTimetable)> {
    let request = gtfs::Request {
        options: &options.feeds,
        from: options.from,
        until: options.until,
        transfers: options.transfers,
    };
    let feeds = inputs.iter().enumerate().filter(|(_, input)| input.is_feed());
    let feeds: Vec<_> = feeds
        .filter_map(|(at, input)| Some((at, gtfs::read(at + 1, input, request, findings)?)))
        .collect();
    let counts = || feeds.iter().map(|(_, feed)| feed.trips);
    let dropped: usize = counts().map(|trips| trips.dropped).sum();
    let trips: usize = counts().map(|trips| trips.read - trips.unwanted).sum();
    let percent = dropped as f64 * 100.0 / trips.max(1) as f64;
    let most = options.feeds.dropped_percent_max;
    if percent > most {
        let sentence = format!(
            "{dropped} of {trips} trips ({percent:.2} %) were left out for their defects, more \
             than the {most} % that may be"
        );
        let notice = Notice::new(Code::TooManyDropped, sentence);
        findings.add(notice.help("mend the warnings, or allow more with `--max-dropped PERCENT`"));
    }
    feeds
}

fn open_tables<'i>(inputs: &'i [Input], findings: &mut Findings) -> Vec<Option<Table<'i>>> {
    let open = |(at, input): (usize, &'i Input)| {
        if input.is_feed() {
            return None;
        }
        // Input 0 is the stations file.
        let header = Header::read(Source::of(at + 1, input), findings)?;
        let is_dated = header.has("departure_datetime") || header.has("arrival_datetime");
        let columns = if is_dated { iso::COLUMNS } else { nine::COLUMNS };
        header.table(columns, findings)
    };
    inputs.iter().enumerate().map(open).collect()
}

fn read_rows(
    tables: &[Option<Table<'_>>],
    stations: &Stations<'_>,
    options: &Options,
    findings: &mut Findings,
) -> (Rows, Vec<(usize, usize)>) {
    let zone_of = |city: Option<&str>| {
        let listed = city.and_then(|city| stations.find(city));
        listed.and_then(StationRecord::zone).unwrap_or(options.timezone)
    };
    let date = options.from.unwrap_or_default();
    let elapsed = |from: Option<&str>, to: Option<&str>, departure, arrival: ArrivalTime| {
        let (from, to) = (zone_of(from), zone_of(to));
        if from == to {
            let days = i32::from(arrival.days) * 1440;
            return days + i32::from(arrival.minute) - i32::from(departure);
        }
        let ride = Ride { from, to, departure, arrival };
        ordinary_minutes(ride, date)
    };
    let (mut all, mut counts) = (Rows::default(), Vec::new());
    for table in tables {
        let Some(table) = table else {
            counts.push((0, 0));
            continue;
        };
        let rows = if table.is_of(nine::COLUMNS) {
            nine::read(table, &elapsed, findings)
        } else {
            iso::read(table, findings)
        };
        counts.push((rows.read, rows.records.len()));
        all.read += rows.read;
        all.records.extend(rows.records);
        all.ids.extend(rows.ids);
    }
    (all, counts)
}

/// What was read of each input; of rows how many there are, how many are without a mistake, and
/// how many of these are not used.
fn read_inputs(
    inputs: &[Input],
    rows: &[(usize, usize)],
    unused: &BTreeMap<usize, usize>,
    feeds: &[(usize, FeedTimetable)],
) -> Vec<ReadInput> {
    let one = |(at, (input, (rows, good))): (usize, (&Input, &(usize, usize)))| {
        let feed = feeds.iter().find(|(of, _)| *of == at).map(|(_, feed)| feed);
        let (name, bytes) = (input.name.clone(), input.bytes());
        if input.is_feed() {
            let trips = feed.map_or_else(TripCounts::default, |feed| feed.trips);
            let unused = trips.unwanted + trips.outside;
            let (read, dropped) = (trips.read, trips.dropped + trips.rideless);
            return ReadInput { name, form: "GTFS", bytes, of: "trips", read, unused, dropped };
        }
        let unused = unused.get(&(at + 1)).copied().unwrap_or_default();
        let dropped = rows - good;
        ReadInput { name, form: "CSV", bytes, of: "rows", read: *rows, unused, dropped }
    };
    inputs.iter().zip(rows).enumerate().map(one).collect()
}

/// What was read of the stations file, which is input 0.
fn read_stations(
    file: Option<&Input>,
    stations: &Stations<'_>,
    unused: &BTreeMap<usize, usize>,
) -> Option<ReadInput> {
    let (file, read) = (file?, stations.count_rows());
    let good = stations.records().count();
    Some(ReadInput {
        name: file.name.clone(),
        form: "CSV",
        bytes: file.bytes(),
        of: "stations",
        read,
        unused: unused.get(&0).copied().unwrap_or(good),
        dropped: read - good,
    })
}

fn of_whole(error: &AssembleError) -> Notice {
    match error {
        AssembleError::Empty { .. } => Notice::new(Code::NothingRuns, error.to_string()),
        AssembleError::TooLarge { .. } => Notice::new(Code::TooLarge, error.to_string()),
    }
}

/// BLAKE3 over all that decides the network, in an order of its own: records and options, and of
/// feeds the tables that they became, which are sorted and hold nothing that is not used.
fn fingerprint(
    rows: &Rows,
    stations: &Stations<'_>,
    frame: Frame,
    of_feeds: Option<&Network>,
) -> [u8; 32] {
    let mut records: Vec<_> = rows.records.iter().map(|located| &located.record).collect();
    records.sort_unstable();
    let mut stations: Vec<_> = stations.records().collect();
    stations.sort_unstable();
    let transfers = frame.transfers;
    let options = (
        frame.zone.name(),
        frame.from.map(|date| date.to_string()),
        frame.until.map(|date| date.to_string()),
        transfers.minutes_min_default,
        transfers.duration_minutes_max,
        transfers.layover_policy as u8,
    );
    let mut hasher = blake3::Hasher::new();
    // Writing into a hasher cannot fail, nor has any of these a key that JSON refuses.
    let written = serde_json::to_writer(&mut hasher, &(options, stations, records));
    debug_assert!(written.is_ok(), "records are plain values");
    if let Some(Ok(tables)) = of_feeds.map(|network| schema::encode(network, [0; 32], "")) {
        hasher.update(&tables);
    }
    *hasher.finalize().as_bytes()
}
