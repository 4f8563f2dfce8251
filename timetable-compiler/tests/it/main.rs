//! Tests of the compiler from the outside: a timetable of a few lines, and what comes of it.

mod connections;
mod dates;
mod diff;
mod findings;
mod gtfs;
mod page;
mod program;
mod robustness;

use schema::{LayoverPolicy, Transfers};
use timetable_compiler::compile::{Goal, Options, Outcome, compile};
use timetable_compiler::notice::Policy;
use timetable_compiler::read::Input;
use timetable_compiler::read::gtfs::FeedOptions;
use timetable_compiler::report;

/// The header of the nine-column CSV.
pub const NINE: &str = "Route ID,Departure City,Arrival City,Departure Time,Arrival Time,\
    Train Type,Days of Operation,First Class ticket rate (in euro),\
    Second Class ticket rate (in euro)";

/// The header of the ISO 8601 form.
pub const ISO: &str = "Route ID,Departure City,Arrival City,departure_datetime,arrival_datetime,\
    Train Type,First Class ticket rate (in euro),Second Class ticket rate (in euro)";

/// The header of the stations file.
pub const STATIONS: &str = "name,country,time_zone,latitude,longitude,aliases";

/// A first and a last service date; empty where there is none.
pub type Dates = (&'static str, &'static str);

/// Two weeks from Monday to Sunday.
pub const PERIOD: Dates = ("2026-11-02", "2026-11-15");

/// For timetables with dates of their own.
pub const NO_PERIOD: Dates = ("", "");

/// The options of a run without options, but for the period.
pub fn options((from, until): Dates) -> Options {
    Options {
        timezone: chrono_tz::Europe::Brussels,
        stations: None,
        from: from.parse().ok(),
        until: until.parse().ok(),
        transfers: Transfers {
            minutes_min_default: 15,
            duration_minutes_max: 2880,
            layover_policy: LayoverPolicy::None,
        },
        feeds: FeedOptions::default(),
        policy: Policy::default(),
    }
}

/// A file of a header and rows.
pub fn file(name: &str, header: &str, rows: &str) -> Input {
    Input::file(name, [header, "\n", rows, "\n"].concat())
}

/// Reads and checks inputs.
pub fn checked(inputs: &[Input], options: &Options) -> Outcome {
    compile(inputs, options, Goal::Check, &|_| ()).expect("options that fit the inputs")
}

/// All findings as stderr has them.
pub fn findings_text(outcome: &Outcome) -> String {
    let kept = outcome.findings.kept().iter();
    let texts: Vec<_> = kept.map(|notice| report::text(notice, false)).collect();
    texts.join("\n")
}
