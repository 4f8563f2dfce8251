//! Compiles timetables of a whole country and measures the compiler and its file:
//!
//! - `national write FOLDER [--stations N --trains N --days N]` writes a made-up one as GTFS;
//! - `national write-csv FILE [--rows N --cities N]` writes trains with prices as CSV;
//! - `national table` compiles several of these and prints a Markdown table;
//! - `national compile INPUT... [OPTIONS OF BUILD]` prints the same row for another timetable;
//! - `national measure FILE` opens a network file and looks connections up in it;
//! - `national questions FILE` asks it what the tables have no answer to: with filters, for ALL.
//!
//! `cargo run --release -p tests --bin national -- COMMAND`

#![expect(clippy::print_stdout, reason = "a program says what it did")]

use std::error::Error;
use std::ffi::OsString;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use clap::{Args, Parser, Subcommand};
use schema::{JourneyIdx, LayoverPolicy, NetworkFile, StationIdx};
use server::network_file;
use server::search::{
    Coverage, FareClass, Filter, Network, Query, Via, Window, itineraries,
    itineraries_without_tables,
};
use tests::instructions::queries;
use tests::national::{National, Size, even_csv};
use timetable_compiler::inspect::{Summary, read_aligned};

/// Look-ups that are measured.
const QUERIES: usize = 10_000;

/// Stations, trains a day and dates of the table's rows: one of them changes at a time.
const SIZES: [(usize, usize, usize); 5] = [
    (300, 1_300, 60),
    (750, 3_250, 60),
    (1_500, 6_500, 60),
    (1_500, 6_500, 30),
    (1_500, 3_250, 60),
];

type Done<T> = Result<T, Box<dyn Error>>;

#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Task,
}

/// What is to be done.
#[derive(Debug, Subcommand)]
enum Task {
    /// Writes a made-up national timetable as a GTFS folder.
    Write {
        /// The folder, which is made.
        folder: PathBuf,
        #[command(flatten)]
        sizes: Sizes,
    },
    /// Writes a nine-column CSV of trains that are spread evenly.
    WriteCsv {
        /// The file.
        file: PathBuf,
        /// Its trains.
        #[arg(long, default_value_t = 50_000)]
        rows: usize,
        /// Its cities.
        #[arg(long, default_value_t = 1_500)]
        cities: usize,
    },
    /// Compiles made-up national timetables of several sizes and prints a table.
    Table,
    /// Compiles a timetable and prints its row of the table.
    Compile {
        /// Inputs and options as `timetable-compiler build` has them, without `--output`.
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Opens a network file and looks connections up in it.
    Measure {
        /// The file.
        file: PathBuf,
    },
    /// Opens a network file and asks it, for whole days, what the tables have no answer to.
    Questions {
        /// The file.
        file: PathBuf,
        /// How many of each kind.
        #[arg(long, default_value_t = 1_000)]
        queries: usize,
    },
    /// The compiler, in a process whose memory is told in the end.
    #[command(hide = true)]
    Compiler {
        /// Where its peak memory in bytes is written to.
        memory: PathBuf,
        /// Its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Debug, Args)]
struct Sizes {
    /// Stations, at least 60.
    #[arg(long, default_value_t = 1_500)]
    stations: usize,
    /// Trains on a weekday.
    #[arg(long, default_value_t = 6_500)]
    trains: usize,
    /// Service dates.
    #[arg(long, default_value_t = 60)]
    days: usize,
}

fn main() -> Done<ExitCode> {
    match Arguments::parse().command {
        Task::Write { folder, sizes } => {
            let Sizes { stations, trains, days } = sizes;
            let counts = National::of(Size { stations, trains, days }).write(&folder)?;
            println!("{counts:#?}");
        }
        Task::WriteCsv { file, rows, cities } => std::fs::write(file, even_csv(rows, cities))?,
        Task::Table => table()?,
        Task::Compile { arguments } => {
            print_head();
            print_row("the timetable", &arguments)?;
        }
        Task::Measure { file } => {
            let Opened { seconds, median, p99, found } = measure(&file)?;
            println!("ready to answer in {seconds:.2} s");
            println!(
                "look-up: median {median:.2} µs, p99 {p99:.2} µs, {found:.1} itineraries each"
            );
        }
        Task::Questions { file, queries } => ask(&file, queries)?,
        Task::Compiler { memory, arguments } => {
            let name = OsString::from("timetable-compiler");
            let exit = timetable_compiler::run(std::iter::once(name).chain(arguments));
            std::fs::write(memory, peak_bytes()?.to_string())?;
            return Ok(exit);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The most memory that this process has had.
fn peak_bytes() -> Done<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.split_whitespace().next()).ok_or("no VmHWM")?;
    Ok(kilobytes.parse::<u64>()? * 1024)
}

fn table() -> Done<()> {
    print_head();
    for (stations, trains, days) in SIZES {
        let folder = tempfile::tempdir()?;
        let feed = folder.path().join("feed");
        let counts = National::of(Size { stations, trains, days }).write(&feed)?;
        let name =
            format!("{} trains a day, {} stop times", counts.trains_a_day, counts.stop_times);
        print_row(&name, &[feed.into_os_string()])?;
    }
    Ok(())
}

fn print_head() {
    println!(
        "| timetable | stations | dates | journeys | seconds | peak memory, GB | file, MB | pairs \
         | direct | one-stop | two-stop | bytes a row | ready, s | look-up median, µs | p99, µs |"
    );
    println!("|{}", "---|".repeat(15));
}

/// Compiles in a process of its own, opens what was written and looks connections up in it.
fn print_row(name: &str, arguments: &[OsString]) -> Done<()> {
    let folder = tempfile::tempdir()?;
    let (output, memory) = (folder.path().join("network"), folder.path().join("memory"));
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("compiler").arg(&memory).arg("build").args(arguments);
    command.args(["--quiet", "--output"]).arg(&output);
    let started = Instant::now();
    let status = command.status()?;
    let seconds = started.elapsed().as_secs_f64();
    if !status.success() {
        return Err(format!("the compiler ended with {status}").into());
    }
    let memory = std::fs::read_to_string(memory)?.parse::<u64>()? as f64 / 1e9;
    let summary = {
        let file = NetworkFile::open(read_aligned(&output)?)?;
        Summary::of(&file)
    };
    let rows = summary.connections;
    let a_row =
        summary.file_bytes as f64 / (rows.direct + rows.one_stop + rows.two_stop).max(1) as f64;
    let opened = measure(&output)?;
    println!(
        "| {name} | {} | {} | {} | {seconds:.1} | {memory:.2} | {:.1} | {} | {} | {} | {} \
         | {a_row:.1} | {:.2} | {:.2} | {:.2} |",
        summary.stations,
        summary.dates,
        summary.journeys,
        summary.file_bytes as f64 / 1e6,
        summary.pairs,
        rows.direct,
        rows.one_stop,
        rows.two_stop,
        opened.seconds,
        opened.median,
        opened.p99,
    );
    Ok(())
}

/// Asks questions of every kind and prints a table of how long they take.
fn ask(path: &Path, count: usize) -> Done<()> {
    let network = network_file::load(path)?.network;
    println!("| question | median, ms | p99, ms | worst, ms | itineraries | too many |");
    println!("|{}", "---|".repeat(6));
    for question in Question::ALL {
        let queries: Vec<Query> = queries(&network, count, &Filter::default(), Coverage::Best)
            .iter()
            .enumerate()
            .map(|(nth, query)| question.of(&network, query, nth))
            .collect();
        let (mut milliseconds, mut found, mut too_many) = (Vec::with_capacity(count), 0, 0);
        for query in &queries {
            let started = Instant::now();
            let answer = itineraries_without_tables(&network, black_box(query));
            milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
            match answer {
                Ok(answer) => found += answer.len(),
                Err(_) => too_many += 1,
            }
        }
        milliseconds.sort_unstable_by(f64::total_cmp);
        let at = |permille: usize| milliseconds[(count - 1) * permille / 1000];
        println!(
            "| {} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} % |",
            question.name(),
            at(500),
            at(990),
            at(1000),
            found as f64 / (count - too_many).max(1) as f64,
            too_many as f64 * 100.0 / count as f64,
        );
    }
    Ok(())
}

/// What the tables have no answer to.
#[derive(Debug, Clone, Copy)]
enum Question {
    Nothing,
    Arriving,
    OneStop,
    Strict,
    Without,
    Transfer,
    Via,
    Short,
    Cheap,
    All,
    AllOneStop,
}

impl Question {
    const ALL: [Self; 11] = [
        Self::Nothing,
        Self::Arriving,
        Self::OneStop,
        Self::Strict,
        Self::Without,
        Self::Transfer,
        Self::Via,
        Self::Short,
        Self::Cheap,
        Self::All,
        Self::AllOneStop,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Nothing => "BEST, without the tables",
            Self::Arriving => "the same, arriving on the day",
            Self::OneStop => "maxStops: 1",
            Self::Strict => "layoverPolicy: STRICT",
            Self::Without => "excludeTrainTypes: [one]",
            Self::Transfer => "minTransferTime: 30 min",
            Self::Via => "via: a random station",
            Self::Short => "maxDuration: 5 h",
            Self::Cheap => "maxPrice: 60.00",
            Self::All => "ALL",
            Self::AllOneStop => "ALL, maxStops: 1",
        }
    }

    /// The query of this kind for the pair and day of another one.
    fn of(self, network: &Network, query: &Query, nth: usize) -> Query {
        let view = network.view();
        let mut asked = query.clone();
        let filter = &mut asked.filter;
        match self {
            Self::Nothing => {}
            Self::Arriving => {
                if let Window::Departing { from, until } = asked.window {
                    asked.window = Window::Arriving { after: from - 1, until: until - 1 };
                }
            }
            Self::OneStop => filter.stops_max = Some(1),
            Self::Strict => filter.layover_policy = Some(LayoverPolicy::Strict),
            Self::Without => {
                let journey = JourneyIdx::of(nth % view.journey_count());
                filter.train_types_excluded.insert(view.train_type(journey).to_owned());
            }
            Self::Transfer => filter.transfer_minutes_min = Some(30),
            Self::Via => {
                filter.via = Some(Via(StationIdx::of(nth * 7919 % view.station_count())));
            }
            Self::Short => filter.minutes_max = Some(300),
            Self::Cheap => filter.price_max = Some((FareClass::Second, 6000)),
            Self::All => asked.coverage = Coverage::All,
            Self::AllOneStop => {
                asked.coverage = Coverage::All;
                filter.stops_max = Some(1);
            }
        }
        asked
    }
}

/// A network file, ready to answer.
struct Opened {
    seconds: f64,
    median: f64,
    p99: f64,
    found: f64,
}

fn measure(path: &Path) -> Done<Opened> {
    let started = Instant::now();
    let network = network_file::load(path)?.network;
    let seconds = started.elapsed().as_secs_f64();
    let queries = queries(&network, QUERIES, &Filter::default(), Coverage::Best);
    let (mut microseconds, mut found) = (Vec::with_capacity(QUERIES), 0);
    // The first round only brings the file into memory.
    for _ in 0..2 {
        microseconds.clear();
        found = 0;
        for query in &queries {
            let started = Instant::now();
            let answer = itineraries(&network, black_box(query));
            microseconds.push(started.elapsed().as_secs_f64() * 1e6);
            found += answer.map_or(0, |found| found.len());
        }
    }
    microseconds.sort_unstable_by(f64::total_cmp);
    let at = |permille: usize| microseconds[QUERIES * permille / 1000];
    Ok(Opened { seconds, median: at(500), p99: at(990), found: found as f64 / QUERIES as f64 })
}
