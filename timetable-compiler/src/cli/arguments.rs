//! The arguments as typed; their doc comments are what `--help` says.

use std::ffi::OsStr;
use std::path::PathBuf;

use chrono::NaiveDate;
use chrono_tz::Tz;
use clap::builder::{PossibleValue, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use schema::{LayoverPolicy, Transfers};

use crate::notice::Code;
use crate::read::gtfs::{FeedOptions, MergeStations, RouteTypes};
use crate::read::stations::nearest_zone;

const MINUTES_A_DAY: u32 = 24 * 60;

/// The longest `--max-duration`, in days: service dates of a connection lie at most 15 days apart.
const DURATION_DAYS_MAX: u32 = 10;

/// The minimum transfer time where all timetables are GTFS, and where some are CSV.
const FEED_MINUTES_MIN: u16 = 5;
const CSV_MINUTES_MIN: u16 = 15;

/// Compiles a railway timetable into the network file that `railgraph` serves.
///
/// Timetables are CSV files or GTFS feeds. `build` reads them, says what is wrong with them, and
/// writes the file; `check` does the same without writing. Findings go to stderr as
/// `severity[code]: sentence`, each with its file, line and column; `explain CODE` says what one
/// means and how to mend it.
#[derive(Debug, Parser)]
#[command(
    name = "timetable-compiler",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXAMPLES
)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  See what is wrong with a timetable:
    timetable-compiler check trains.csv --from 2026-12-13 --until 2027-12-11

  Compile it, with the zones and names of its cities:
    timetable-compiler build trains.csv --stations cities.csv \\
        --from 2026-12-13 --until 2027-12-11 --output network.railgraph

  Compile a GTFS feed, regional buses (701) and all:
    timetable-compiler build feed.zip --route-types 2,100-117,701 --output network.railgraph

  Look at the result:
    timetable-compiler inspect network.railgraph

  What has changed since the last one:
    timetable-compiler diff old.railgraph network.railgraph

  What a finding means:
    timetable-compiler explain time-without-colon

Exit codes: 0 done, warnings possible; 1 errors in the data, nothing written, or a difference;
2 wrong usage; 3 a file could not be read or written, or an internal error.";

const INSPECT_NOTES: &str = "\
Examples:
  timetable-compiler inspect network.railgraph
  timetable-compiler inspect network.railgraph --html network.html";

const VERIFY_NOTES: &str = "\
Example:
  timetable-compiler verify network.railgraph";

const EXPLAIN_NOTES: &str = "\
Examples:
  timetable-compiler explain
  timetable-compiler explain time-without-colon";

const CHECK_FORMS: &str = "\
INPUTs are told by `timetable-compiler build --help`.

Examples:
  timetable-compiler check feed.zip --strict
  timetable-compiler check trains.csv --from 2026-12-13 --until 2027-12-11 \\
      --report-html report.html";

const DIFF_NOTES: &str = "\
Stations are known by their key, service journeys by their source id. Journeys and best connections
are compared on the dates that both files have; how much lies outside of them is counted.

Example:
  timetable-compiler diff old.railgraph network.railgraph --json > changes.json";

const COMPLETIONS_NOTES: &str = "\
Examples:
  timetable-compiler completions bash >> ~/.bash_completion
  timetable-compiler completions zsh > ~/.zfunc/_timetable-compiler
  timetable-compiler completions fish > ~/.config/fish/completions/timetable-compiler.fish";

const INPUT_FORMS: &str = "\
An INPUT is a GTFS feed, as a folder or a zip archive, or a CSV file in UTF-8 with a header, whose
columns may stand in any order. Two forms of CSV are recognised by their columns:

  Route ID, Departure City, Arrival City, Departure Time (HH:MM), Arrival Time (HH:MM, or
  HH:MM (+1d) on the next day), Train Type, Days of Operation (Daily, Mon-Fri, Fri-Sun,
  Mon,Wed,Fri), First Class ticket rate (in euro), Second Class ticket rate (in euro)

  the same with departure_datetime and arrival_datetime (2025-10-24T12:30:00Z, or with an offset)
  in place of times and days; a row is one dated run

Several INPUTs are compiled into one network; a route id may occur in one CSV only. Where ids of a
feed are those of an INPUT before it, its number is put before them; stations are shared by
--merge-stations only.

GTFS: the period is that of the feed unless --from and --until say otherwise, 400 dates at most
without them. Times are in the agency's zone and shown in that of the stop. Platforms are folded
into their stations. Trips that cannot be used are left out, each with a warning; --max-dropped says
how many may be.

Examples:
  timetable-compiler build feed.zip -o network.railgraph
  timetable-compiler build trains.csv --from 2026-12-13 --until 2027-12-11 -o network.railgraph";

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compiles timetables into a network file.
    #[command(after_help = INPUT_FORMS)]
    Build {
        /// The network file to write. It is replaced whole, and only if there are no errors.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        compile: CompileArguments,
    },
    /// Says what is wrong with timetables, and writes nothing.
    #[command(after_help = CHECK_FORMS)]
    Check {
        #[command(flatten)]
        compile: CompileArguments,
    },
    /// Says what a network file holds.
    #[command(after_help = INSPECT_NOTES)]
    Inspect {
        /// The network file.
        file: PathBuf,
        /// As JSON.
        #[arg(long)]
        json: bool,
        /// Writes a page about it to this file: a map, a calendar, and who gets where.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Checks a network file: header, hash, layout and invariants. Exits with 1 if one is wrong,
    /// with 3 if the file cannot be read.
    #[command(after_help = VERIFY_NOTES)]
    Verify {
        /// The network file.
        file: PathBuf,
    },
    /// Says what has changed from one network file to another: stations, service journeys,
    /// fares, connected pairs. Exits with 0 if a passenger sees the same, with 1 if not, and with 3
    /// if one of them cannot be read or is no network file.
    #[command(after_help = DIFF_NOTES)]
    Diff {
        /// The network file as it was.
        old: PathBuf,
        /// The network file as it is.
        new: PathBuf,
        /// Everything, as JSON; else the first of each kind and how many there are.
        #[arg(long)]
        json: bool,
        /// Writes a page about it to this file.
        #[arg(long, value_name = "FILE")]
        html: Option<PathBuf>,
    },
    /// Prints what makes a shell complete commands, options and codes.
    #[command(after_help = COMPLETIONS_NOTES)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Says what a finding means, why it matters and how to mend it.
    #[command(after_help = EXPLAIN_NOTES)]
    Explain {
        /// The code, as findings have it in brackets; without it, all codes are listed.
        #[arg(value_parser = Codes, hide_possible_values = true)]
        code: Option<Code>,
    },
}

#[derive(Debug, Args)]
pub struct CompileArguments {
    /// Timetables.
    #[arg(required = true, value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,
    /// CSV: the zone of service dates, and of all cities that the stations file does not list.
    #[arg(long, value_name = "IANA", default_value = "Europe/Brussels", value_parser = zone)]
    pub timezone: Tz,
    /// CSV: a file of cities: name, country, `time_zone`, latitude, longitude, and aliases parted
    /// by `|`. Cities of the timetable are found in it by name or alias; case and accents do not
    /// matter.
    #[arg(long, value_name = "FILE")]
    pub stations: Option<PathBuf>,
    /// The first service date. Needed for CSV without dates; cuts the others.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub from: Option<NaiveDate>,
    /// The last service date, included.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub until: Option<NaiveDate>,
    /// The shortest time in which one can change trains at a station that has none of its own.
    /// 15m, or 5m if all INPUTs are GTFS.
    #[arg(long, value_name = "DURATION", value_parser = transfer_minutes)]
    pub min_transfer: Option<u16>,
    /// The longest time from departure to arrival of a connection with a change; at most 10 days.
    #[arg(long, value_name = "DURATION", default_value = "48h", value_parser = duration_limit)]
    pub max_duration: u32,
    /// Which layovers a connection may have, unless a search says otherwise.
    #[arg(long, value_enum, value_name = "POLICY", default_value_t = Policy::None)]
    pub layover_policy: Policy,
    /// GTFS: the types of routes whose trains are wanted, as numbers and ranges. By default those
    /// of railways.
    #[arg(long, value_name = "LIST", default_value_t)]
    pub route_types: RouteTypes,
    /// GTFS: how many trips in a hundred may be left out for their defects before that is an error.
    #[arg(long, value_name = "PERCENT", default_value = "1", value_parser = percent)]
    pub max_dropped: f64,
    /// Stations of several INPUTs that are one: those of the same name within a kilometre, or those
    /// of the same id.
    #[arg(long, value_enum, value_name = "BY")]
    pub merge_stations: Option<Merge>,
    /// Warnings are errors.
    #[arg(long)]
    pub strict: bool,
    /// Findings of this code are errors. May be given several times.
    #[arg(long, value_name = "CODE", value_parser = Codes, hide_possible_values = true)]
    pub deny: Vec<Code>,
    /// Findings of this code, a warning or an info, are counted and not listed. May be given
    /// several times.
    #[arg(long, value_name = "CODE", value_parser = Codes, hide_possible_values = true)]
    pub allow: Vec<Code>,
    /// Writes the findings to this file as JSON.
    #[arg(long, value_name = "FILE")]
    pub report_json: Option<PathBuf>,
    /// Writes a page about the timetable to this file: what was read and left out, the findings, a
    /// map, a calendar, and who gets where.
    #[arg(long, value_name = "FILE")]
    pub report_html: Option<PathBuf>,
    /// Writes the result to stdout as JSON.
    #[arg(long)]
    pub json: bool,
    /// Leaves out infos, progress and the summary.
    #[arg(long)]
    pub quiet: bool,
}

impl CompileArguments {
    /// The limits on transfers. GTFS knows where a change takes long, CSV does not.
    pub fn transfers(&self, are_feeds: bool) -> Transfers {
        let minutes_min = if are_feeds { FEED_MINUTES_MIN } else { CSV_MINUTES_MIN };
        Transfers {
            minutes_min_default: self.min_transfer.unwrap_or(minutes_min),
            duration_minutes_max: self.max_duration,
            layover_policy: self.layover_policy.into(),
        }
    }

    /// How GTFS is read.
    pub fn feeds(&self) -> FeedOptions {
        FeedOptions {
            route_types: self.route_types.clone(),
            dropped_percent_max: self.max_dropped,
            merge: match self.merge_stations {
                None => MergeStations::Never,
                Some(Merge::Name) => MergeStations::Name,
                Some(Merge::Id) => MergeStations::Id,
            },
        }
    }
}

/// [`MergeStations`] as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Merge {
    /// Stations of the same name, within a kilometre of each other where both have coordinates.
    Name,
    /// Stations of the same id.
    Id,
}

/// [`LayoverPolicy`] as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Policy {
    /// Any wait from the minimum transfer time on.
    None,
    /// 15 to 120 minutes for a layover that begins from 06:00 to 21:59, else 15 to 30.
    Strict,
    /// 15 to 180 minutes for a layover that begins from 06:00 to 21:59, else 15 to 30.
    Lenient,
}

impl From<Policy> for LayoverPolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::None => Self::None,
            Policy::Strict => Self::Strict,
            Policy::Lenient => Self::Lenient,
        }
    }
}

fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "expected a date like 2026-12-31".to_owned())
}

fn zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let near = nearest_zone(text).map(|zone| format!("; `{zone}` may be meant"));
        format!("no such zone in the IANA database{}", near.unwrap_or_default())
    })
}

/// Reads codes, and tells shells which there are.
#[derive(Debug, Clone, Copy)]
struct Codes;

impl TypedValueParser for Codes {
    type Value = Code;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Code, clap::Error> {
        code.parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(Code::ALL.iter().map(|code| PossibleValue::new(code.name()))))
    }
}

fn code(text: &str) -> Result<Code, String> {
    Code::of(text).ok_or_else(|| {
        let likeness = |code: &Code| strsim::jaro_winkler(code.name(), text);
        let mut near: Vec<_> = (Code::ALL.iter())
            .map(|code| (likeness(code), *code))
            .filter(|(likeness, _)| *likeness > 0.75)
            .collect();
        near.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        let names: Vec<_> = near.iter().take(3).map(|(_, code)| format!("`{code}`")).collect();
        if names.is_empty() {
            "no such code; `timetable-compiler explain` lists all".to_owned()
        } else {
            format!("no such code; {} may be meant", names.join(" or "))
        }
    })
}

fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "from 0 to 100".to_owned())
}

fn transfer_minutes(text: &str) -> Result<u16, String> {
    let minutes = minutes(text)?;
    match u16::try_from(minutes) {
        Ok(short) if minutes <= MINUTES_A_DAY => Ok(short),
        _ => Err("at most 24h".to_owned()),
    }
}

fn duration_limit(text: &str) -> Result<u32, String> {
    let minutes = minutes(text)?;
    if minutes == 0 || minutes > DURATION_DAYS_MAX * MINUTES_A_DAY {
        return Err(format!("from 1m to {}h", DURATION_DAYS_MAX * 24));
    }
    Ok(minutes)
}

/// Minutes of a duration such as `15m`, `48h` or `1h30m`.
fn minutes(text: &str) -> Result<u32, String> {
    let wrong = || "write a duration such as `15m`, `48h` or `1h30m`".to_owned();
    let (hours, rest) = match text.split_once('h') {
        Some((hours, rest)) => (hours, rest),
        None => ("0", text),
    };
    let rest = match (rest.strip_suffix('m'), rest) {
        (Some(minutes), _) => minutes,
        (None, "") if text.ends_with('h') => "0",
        (None, _) => return Err(wrong()),
    };
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| digits.parse::<u32>().ok()).flatten().ok_or_else(wrong)
    };
    let (hours, minutes) = (number(hours)?, number(rest)?);
    hours.checked_mul(60).and_then(|hours| hours.checked_add(minutes)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn durations_are_hours_and_minutes() {
        for (text, expected) in [("15m", 15), ("48h", 2880), ("1h30m", 90), ("90m", 90)] {
            assert_eq!(minutes(text), Ok(expected), "{text}");
        }
        for text in ["", "15", "h", "m", "1h30", "-5m", "1.5h", "+5m", "99999999999h", "m15"] {
            assert!(minutes(text).is_err(), "{text}");
        }
        assert_eq!(duration_limit("240h"), Ok(14400));
        assert_eq!(duration_limit("241h"), Err("from 1m to 240h".to_owned()));
        assert_eq!(transfer_minutes("25h"), Err("at most 24h".to_owned()));
    }

    #[test]
    fn an_unknown_code_or_zone_is_answered_with_a_known_one() {
        let error = code("time-no-colon").expect_err("no such code");
        assert!(error.contains("`time-without-colon`"), "{error}");
        let error = zone("Europe/Brusels").expect_err("no such zone");
        assert!(error.ends_with("`Europe/Brussels` may be meant"), "{error}");
    }

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
