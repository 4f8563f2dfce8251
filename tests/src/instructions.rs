//! How many instructions the hot paths take, counted by callgrind and held to checked-in figures.
//!
//! Instructions do not depend on what else a machine does, so that a few per cent more are seen,
//! which no clock in a shared machine shows. What would depend on the machine is kept out:
//!
//! - BLAKE3 and the check of UTF-8 choose their code by the processor, and valgrind hides some
//!   processors' instructions. What their functions do themselves is not counted; how often they
//!   are called is not the question here.
//! - The C library chooses `memcpy` and its like in the same way; [`TUNABLES`] has it take the
//!   plain ones.
//! - Its allocator joins freed pieces when it happens to run short of them, which may or may not be
//!   while we count: a twentieth of a short path. [`TUNABLES`] has it join them at once.
//! - The input is the bundled network, the queries come from a fixed seed, there is one thread.
//!
//! The figures belong to a release build with the compiler of this repository's `rust-version`.
//! Another compiler, a new bundled network or a new way of doing things changes them:
//! [`REBASELINE`] writes them anew, and the difference is there to be reviewed.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;

use schema::{LayoverPolicy, NetworkFile, StationIdx};
use server::network_file;
use server::search::{Coverage, Filter, Network, Query, itineraries};
use timetable_compiler::compile::{Goal, Options, compile};
use timetable_compiler::connect::measure;
use timetable_compiler::read::{FolderFile, Input};

use crate::feed;
use crate::generated::root;
use crate::national::{National, Size};

/// The command that writes the figures.
pub const REBASELINE: &str = "cargo run --release -p tests --bin instructions -- write";

/// How far a count may be from its figure, in parts of a thousand.
pub const TOLERANCE_PERMILLE: u64 = 30;

/// Has the C library leave out what not every processor has, and keep no small pieces of memory.
pub const TUNABLES: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM,-SSSE3,-SSE4_1,-SSE4_2,\
     -BMI1,-BMI2,-LZCNT,-MOVBE,-EVEX,-AVX_Fast_Unaligned_Load:glibc.malloc.mxfast=0",
);

/// Functions that choose their code by the processor.
const BY_PROCESSOR: [&str; 2] = ["blake3", "simdutf8"];

/// The function within which callgrind counts.
pub const COUNTED: &str = "*counted_region*";

/// A hot path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HotPath {
    /// A day's best itineraries of 2,000 pairs, from the tables.
    LookUp,
    /// The same of 200 pairs, with a filter.
    Filtered,
    /// The rows of the tables from one station, where trains have prices.
    Origin,
    /// The same of a national timetable, where they have none.
    UnpricedOrigin,
    /// A file is opened.
    Open,
}

impl HotPath {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::LookUp, Self::Filtered, Self::Origin, Self::UnpricedOrigin, Self::Open];

    /// Its name, as an argument and in the file of figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LookUp => "table-look-up",
            Self::Filtered => "filtered-search",
            Self::Origin => "labelled-search",
            Self::UnpricedOrigin => "labelled-search-unpriced",
            Self::Open => "opening-a-file",
        }
    }

    /// The path of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|path| path.name() == name)
    }

    /// Goes along it once, after all that is not counted.
    ///
    /// # Panics
    ///
    /// Where the bundled network is none.
    pub fn run(self) -> usize {
        let network = network_file::bundled().expect("the bundled network");
        match self {
            Self::LookUp => {
                answers(&network, &queries(&network, 2000, &Filter::default(), Coverage::Best))
            }
            Self::Filtered => {
                let policy = Some(LayoverPolicy::Lenient);
                let filter = Filter { layover_policy: policy, ..Filter::default() };
                answers(&network, &queries(&network, 200, &filter, Coverage::Best))
            }
            Self::Origin => {
                let view = network.view();
                let tables = rkyv::deserialize::<_, rkyv::rancor::Error>(view.archived());
                rows_from_busiest(&tables.expect("the bundled network"))
            }
            Self::UnpricedOrigin => rows_from_busiest(&national_timetable()),
            Self::Open => {
                let mut bytes = rkyv::util::AlignedVec::<16>::new();
                let file = std::fs::read(root().join("data/european-network.railgraph"));
                bytes.extend_from_slice(&file.expect("the bundled network"));
                counted_region(&mut || {
                    let file = NetworkFile::open(black_box(&bytes[..])).expect("a sound file");
                    file.view().station_count()
                })
            }
        }
    }
}

/// The rows from the station with the most trains: the middle of the network.
fn rows_from_busiest(tables: &schema::Network) -> usize {
    let boardings =
        |station: &usize| tables.boarding_starts[station + 1] - tables.boarding_starts[*station];
    let busiest = (0..tables.stations.len()).max_by_key(boardings).expect("a station");
    measure(tables, |rows_from| {
        counted_region(&mut || rows_from(black_box(StationIdx::of(busiest))))
    })
}

/// Small enough for valgrind, and large enough to have trains that are not worth changing to.
fn national_timetable() -> schema::Network {
    let folder = tempfile::tempdir().expect("a folder");
    let size = Size { stations: 150, trains: 600, days: 35 };
    National::of(size).write(folder.path()).expect("a feed");
    let files = std::fs::read_dir(folder.path()).expect("the feed").map(|entry| {
        let entry = entry.expect("a file");
        let bytes = Some(std::fs::read(entry.path()).expect("a file"));
        FolderFile { path: entry.file_name().to_string_lossy().into_owned(), bytes }
    });
    let input = Input::folder("national", files.collect());
    let options = Options { stations: None, from: None, until: None, ..feed::options() };
    let outcome = compile(&[input], &options, Goal::Check, &|_| {}).expect("fitting options");
    outcome.compiled.expect("a feed without errors").network
}

/// What is counted. Not inlined, so that it has a name that callgrind finds.
#[inline(never)]
fn counted_region(work: &mut dyn FnMut() -> usize) -> usize {
    black_box(work())
}

fn answers(network: &Network, queries: &[Query]) -> usize {
    let answer = |query: &Query| itineraries(network, query).map_or(0, |found| found.len());
    counted_region(&mut || queries.iter().map(answer).sum())
}

/// Queries for whole days of connected pairs, all from one seed.
///
/// # Panics
///
/// Where the network connects no pair.
pub fn queries(network: &Network, count: usize, filter: &Filter, coverage: Coverage) -> Vec<Query> {
    let view = network.view();
    assert!(view.archived().pairs.len() > 1, "the network connects no pair");
    let mut random = crate::random::Random::of(7);
    let mut queries = Vec::with_capacity(count);
    let days = view.axis_days();
    let margin = 10.min((days - 1) / 2);
    while queries.len() < count {
        let [origin, destination] =
            [0; 2].map(|_| StationIdx::of(random.below(view.station_count())));
        let day = (margin + random.below(days - 2 * margin)) as i32;
        if origin == destination || view.connections(origin, destination).is_empty() {
            continue;
        }
        let window = network.day_window(origin, day);
        let filter = filter.clone();
        queries.push(Query { origin, destination, window, filter, coverage });
    }
    queries
}

/// Where the figures stand.
pub fn figures_path() -> PathBuf {
    root().join("tests/benches/instructions.txt")
}

/// The instructions of a callgrind output, without those of the functions that choose their
/// code by the processor.
///
/// # Errors
///
/// The line that is not as callgrind writes it.
pub fn instructions(output: &str) -> Result<u64, String> {
    let (mut total, mut is_counted, mut is_call) = (0, true, false);
    let mut by_processor = std::collections::BTreeSet::new();
    for line in output.lines() {
        if let Some(name) = line.strip_prefix("fn=") {
            // A name is written out once, and meant by its number from then on: `(12) name`.
            let number = name.split(')').next().unwrap_or_default();
            if BY_PROCESSOR.iter().any(|it| name.contains(it)) {
                by_processor.insert(number.to_owned());
            }
            is_counted = !by_processor.contains(number);
        } else if let Some(name) = line.strip_prefix("cfn=") {
            let number = name.split(')').next().unwrap_or_default();
            if BY_PROCESSOR.iter().any(|it| name.contains(it)) {
                by_processor.insert(number.to_owned());
            }
        } else if line.starts_with("calls=") {
            // The next line has what the called function took, which is counted there.
            is_call = true;
        } else if line.starts_with(|sign: char| sign.is_ascii_digit() || "+-*".contains(sign)) {
            let cost = line.split_whitespace().nth(1).unwrap_or("0");
            let cost: u64 = cost.parse().map_err(|_| line.to_owned())?;
            total += if is_counted && !is_call { cost } else { 0 };
            is_call = false;
        }
    }
    Ok(total)
}

/// The figures as a file.
pub fn figures_text(figures: &[(HotPath, u64)]) -> String {
    let mut text = format!("# Instructions of the hot paths, written by `{REBASELINE}`.\n");
    for (path, count) in figures {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{:<26}{count:>14}", path.name());
    }
    text
}

/// The figure of a path in such a file.
pub fn figure(text: &str, path: HotPath) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(name, _)| *name == path.name())?.1.trim().parse().ok()
}

/// Whether a count is near enough to its figure.
pub fn is_near(count: u64, figure: u64) -> bool {
    count.abs_diff(figure) * 1000 <= figure * TOLERANCE_PERMILLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_counted_by_themselves_and_without_those_of_the_processor() {
        let output = "events: Ir\n\nfl=(1) a.rs\nfn=(1) open\n12 100\n+3 5\n\
            cfn=(2) blake3::hash\ncalls=1 40\n* 9000\ncfn=(3) verify\ncalls=2 9\n-1 700\n\n\
            fn=(2)\n40 9000\n\nfn=(3)\n9 690\n+1 10\n\ntotals: 9805\n";
        assert_eq!(instructions(output), Ok(805));
        assert_eq!(instructions("fn=(1) a\n1 x\n"), Err("1 x".to_owned()));
    }

    #[test]
    fn figures_are_read_as_they_are_written() {
        let figures: Vec<_> = HotPath::ALL.into_iter().zip([1, 20, 300, 4_000_000_000]).collect();
        let text = figures_text(&figures);
        for (path, count) in figures {
            assert_eq!(figure(&text, path), Some(count));
            assert_eq!(HotPath::of(path.name()), Some(path));
        }
        assert_eq!(figure("", HotPath::Open), None);
    }

    #[test]
    fn three_per_cent_are_near() {
        assert!(is_near(1030, 1000) && is_near(970, 1000));
        assert!(!is_near(1031, 1000) && !is_near(969, 1000) && !is_near(1, 0));
    }

    #[test]
    fn every_hot_path_has_a_figure() {
        let text = std::fs::read_to_string(figures_path()).expect("the figures");
        for path in HotPath::ALL {
            assert!(figure(&text, path).is_some(), "{}: run `{REBASELINE}`", path.name());
        }
    }

    #[test]
    fn every_hot_path_has_something_to_do() {
        for path in HotPath::ALL {
            assert!(path.run() > 0, "{}", path.name());
        }
    }
}
