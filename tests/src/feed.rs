//! Timetables as text: a few lines of CSV, compiled in memory.

use chrono::NaiveDate;
use schema::{LayoverPolicy, Transfers};
use server::search::Network;
use timetable_compiler::compile::{Compiled, Goal, Options, compile};
use timetable_compiler::notice::Policy;
use timetable_compiler::read::Input;
use timetable_compiler::read::gtfs::FeedOptions;

/// The header of the nine-column form.
pub const HEADER: &str = "Route ID,Departure City,Arrival City,Departure Time,Arrival Time,\
    Train Type,Days of Operation,First Class ticket rate (in euro),\
    Second Class ticket rate (in euro)";

/// The first and the last service date of the test networks: a Tuesday and the Monday after.
pub const PERIOD: (&str, &str) = ("2026-12-01", "2026-12-07");

/// Trains between five cities, with what the tests are about: two fares, a change, a night.
pub const CITIES: &str = "
    AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10
    AB2,Aachen,Bonn,10:00,11:00,RE,Daily,20,10
    BC1,Bonn,Celle,09:30,12:00,ICE,Daily,90.50,60.25
    BC2,Bonn,Celle,11:30,13:30,ICE,Daily,120,80
    AC1,Aachen,Celle,08:05,14:00,IC,Mon-Fri,70,45
    CD1,Celle,Dresden,23:15,06:45 (+1d),Nightjet,\"Tue,Thu\",150,90
    DE1,Dresden,Emden,12:00,18:00,ICE,Daily,,99
";

/// The stations of these cities.
pub const STATIONS: &str = "name,country,time_zone,latitude,longitude,aliases
Aachen,DE,Europe/Berlin,50.7678,6.0915,Aix-la-Chapelle
Bonn,DE,Europe/Berlin,50.7320,7.0971,
Celle,DE,Europe/Berlin,52.6208,10.0632,
Dresden,DE,Europe/Berlin,51.0404,13.7320,Drážďany
Emden,DE,Europe/Berlin,53.3693,7.1954,
";

fn date(text: &str) -> NaiveDate {
    text.parse().expect("a date")
}

/// How the test networks are compiled.
pub fn options() -> Options {
    Options {
        timezone: chrono_tz::Europe::Brussels,
        stations: Some(Input::file("stations.csv", STATIONS)),
        from: Some(date(PERIOD.0)),
        until: Some(date(PERIOD.1)),
        transfers: Transfers {
            minutes_min_default: 15,
            duration_minutes_max: 48 * 60,
            layover_policy: LayoverPolicy::None,
        },
        feeds: FeedOptions::default(),
        policy: Policy::default(),
    }
}

/// The CSV of these rows.
pub fn csv(rows: &str) -> String {
    let rows = rows.lines().map(str::trim).filter(|row| !row.is_empty());
    std::iter::once(HEADER).chain(rows).fold(String::new(), |csv, row| csv + row + "\n")
}

/// A compiled timetable of these rows.
///
/// # Panics
///
/// Where the rows have errors.
pub fn compiled(rows: &str) -> Compiled {
    compiled_with(rows, &options())
}

/// A timetable of these rows, compiled in this way.
///
/// # Panics
///
/// Where the rows have errors.
pub fn compiled_with(rows: &str, options: &Options) -> Compiled {
    let inputs = [Input::file("timetable.csv", csv(rows))];
    let outcome = compile(&inputs, options, Goal::Build, &|_| {}).expect("fitting options");
    outcome.compiled.expect("rows without errors")
}

/// The network of these rows, opened.
///
/// # Panics
///
/// Where the rows have errors.
pub fn network(rows: &str) -> Network {
    let bytes = compiled(rows).encode().expect("bytes");
    Network::open(Box::new(bytes)).expect("a network file")
}
