//! When trains run: days of the week, dates and clocks, as the network has them.

use schema::{JourneyIdx, NetworkFile, NetworkView, local_minute_of_day};
use timetable_compiler::compile::{Goal, Options, compile};
use timetable_compiler::read::Input;

use crate::{Dates, ISO, NINE, NO_PERIOD, PERIOD, STATIONS, file, options};

const PLACES: &str = "London,GB,Europe/London,51.53,-0.12,Londres
Paris,FR,Europe/Paris,48.88,2.35,
Helsinki,FI,Europe/Helsinki,60.17,24.94,Helsingfors
Gent,BE,Europe/Brussels,51.03,3.71,Gand|Ghent";

fn network(inputs: &[Input], options: &Options) -> NetworkFile<rkyv::util::AlignedVec> {
    let outcome = compile(inputs, options, Goal::Build, &|_| ()).expect("options that fit");
    let compiled = outcome.compiled.expect("a timetable without errors");
    NetworkFile::open(compiled.encode().expect("bytes")).expect("a sound file")
}

/// What runs: each journey's id, cities and local times, with its dates folded into ranges.
fn runs(view: NetworkView<'_>) -> String {
    let lines = view.journeys().map(|journey| line(view, journey));
    lines.collect::<Vec<_>>().join("\n")
}

fn line(view: NetworkView<'_>, journey: JourneyIdx) -> String {
    let days: Vec<i32> =
        (0..view.axis_days() as i32).filter(|day| view.runs(journey, *day)).collect();
    let calls = view.calls(journey);
    let time = |at: usize| {
        let call = &calls[at];
        let station = view.station(schema::StationIdx(call.station.0.to_native()));
        let zone = view.text(station.zone.0.to_native()).expect("a zone");
        let minute = i32::from(call.departure.to_native());
        let clock =
            local_minute_of_day(zone.parse().expect("a zone"), view.origin(days[0]) + minute);
        format!("{} {:02}:{:02}", station.name, clock / 60, clock % 60)
    };
    let mut ranges: Vec<(i32, i32)> = Vec::new();
    for day in &days {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *day => *last = *day,
            _ => ranges.push((*day, *day)),
        }
    }
    let date = |day: &i32| view.date_of(*day).format("%d.%m.").to_string();
    let ranges: Vec<_> =
        (ranges.iter())
            .map(|(first, last)| {
                if first == last { date(first) } else { format!("{}-{}", date(first), date(last)) }
            })
            .collect();
    let minutes = calls[1].arrival.to_native() - calls[0].departure.to_native();
    let id = view.source_id(journey, days[0]);
    format!("{id} {}, {} ({minutes} min) {}", time(0), time(1), ranges.join(" "))
}

#[track_caller]
fn check(period: Dates, header: &str, rows: &str, expected: &str) {
    let mut options = options(period);
    options.stations = Some(file("s.csv", STATIONS, PLACES));
    let file = network(&[file("t.csv", header, rows)], &options);
    assert_eq!(runs(file.view()), expected);
}

#[test]
fn days_of_operation_are_days_ranges_lists_and_mixtures() {
    check(
        PERIOD,
        NINE,
        r#"R1,Gent,Paris,07:00,09:00,IC,Daily,20,10
R2,Gent,Paris,07:10,09:00,IC,mon - FRI,20,10
R3,Gent,Paris,07:20,09:00,IC,Fri-Mon,20,10
R4,Gent,Paris,07:30,09:00,IC,"Mon-Wed, Sat",20,10
R5,Gent,Paris,07:40,09:00,IC,sunday,20,10
R6,Gent,Paris,07:50,09:00,IC,Tue-Tue,20,10"#,
        "\
R1 Gent 07:00, Paris 09:00 (120 min) 02.11.-15.11.
R2 Gent 07:10, Paris 09:00 (110 min) 02.11.-06.11. 09.11.-13.11.
R3 Gent 07:20, Paris 09:00 (100 min) 02.11. 06.11.-09.11. 13.11.-15.11.
R4 Gent 07:30, Paris 09:00 (90 min) 02.11.-04.11. 07.11. 09.11.-11.11. 14.11.
R5 Gent 07:40, Paris 09:00 (80 min) 08.11. 15.11.
R6 Gent 07:50, Paris 09:00 (70 min) 03.11. 10.11.",
    );
}

#[test]
fn times_are_local_to_their_cities_on_both_nights_of_change() {
    let rows = "\
N1,Gent,Paris,22:00,07:00 (+1d),NJ,Daily,90,60
T1,London,Paris,07:01,10:19,Eurostar,Daily,90,60
T2,Helsinki,Paris,00:20,23:50,Test,Daily,90,60
T3,Gent,Paris,02:30,05:00,Test,Daily,90,60
T4,Gent,Paris,02:30,03:15,Test,Daily,90,60";
    check(
        ("2027-03-26", "2027-03-29"),
        NINE,
        rows,
        "\
N1 Gent 22:00, Paris 07:00 (540 min) 26.03. 28.03.-29.03.
N1 Gent 22:00, Paris 07:00 (480 min) 27.03.
T1 London 07:01, Paris 10:19 (138 min) 26.03.-29.03.
T2 Helsinki 00:20, Paris 23:50 (1470 min) 26.03.-27.03. 29.03.
T2 Helsinki 00:20, Paris 23:50 (1410 min) 28.03.
T3 Gent 02:30, Paris 05:00 (150 min) 26.03.-27.03. 29.03.
T3 Gent 03:30, Paris 05:00 (90 min) 28.03.
T4 Gent 02:30, Paris 03:15 (45 min) 26.03.-27.03. 29.03.
T4 Gent 03:30, Paris 04:15 (45 min) 28.03.",
    );
    check(
        ("2026-10-23", "2026-10-26"),
        NINE,
        rows,
        "\
N1 Gent 22:00, Paris 07:00 (540 min) 23.10. 25.10.-26.10.
N1 Gent 22:00, Paris 07:00 (600 min) 24.10.
T1 London 07:01, Paris 10:19 (138 min) 23.10.-26.10.
T2 Helsinki 00:20, Paris 23:50 (1470 min) 23.10.-24.10. 26.10.
T2 Helsinki 00:20, Paris 23:50 (1530 min) 25.10.
T3 Gent 02:30, Paris 05:00 (150 min) 23.10.-24.10. 26.10.
T3 Gent 02:30, Paris 05:00 (210 min) 25.10.
T4 Gent 02:30, Paris 03:15 (45 min) 23.10.-24.10. 26.10.
T4 Gent 02:30, Paris 03:15 (105 min) 25.10.",
    );
}

#[test]
fn dated_runs_of_one_train_are_one_journey_while_their_times_are_the_same() {
    let rows = "\
R1,Gent,Paris,2026-11-03T07:00:00Z,2026-11-03T09:00:00Z,IC,20,10
R1,Gent,Paris,2026-11-04T08:00:00+01:00,2026-11-04T10:00:00+01:00,IC,20,10
R1,Gent,Paris,2026-11-05T08:10:00+01:00,2026-11-05T10:00:00+01:00,IC,20,10
R2,London,Gent,2026-11-03T23:30:30Z,2026-11-04T01:30:01Z,IC,20,10";
    let expected = "\
R1 Gent 08:00, Paris 10:00 (120 min) 03.11.-04.11.
R1 Gent 08:10, Paris 10:00 (110 min) 05.11.
R2 London 23:30, Gent 02:31 (121 min) 03.11.";
    check(NO_PERIOD, ISO, rows, expected);
    check(
        ("2026-11-04", ""),
        ISO,
        rows,
        "\
R1 Gent 08:00, Paris 10:00 (120 min) 04.11.
R1 Gent 08:10, Paris 10:00 (110 min) 05.11.",
    );
}

#[test]
fn cities_are_found_by_name_or_alias_and_keep_their_own_name() {
    check(
        PERIOD,
        NINE,
        "R1,GHENT,Helsingfors,07:00,09:00 (+1d),IC,Sun,20,10\n\
         R2,londres,gand,07:00,10:00,IC,Sun,20,10",
        "R1 Gent 07:00, Helsinki 09:00 (1500 min) 08.11. 15.11.\n\
         R2 London 07:00, Gent 10:00 (120 min) 08.11. 15.11.",
    );
}

#[test]
fn both_forms_may_be_merged_and_prices_are_cents() {
    let inputs = [
        file("a.csv", NINE, "R1,Gent,Mons,07:00,09:00,IC,Daily,20.5,10"),
        file("b.csv", ISO, "R2,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T08:00:00Z,IC,,0.01"),
    ];
    let file = network(&inputs, &options(PERIOD));
    let view = file.view();
    let fares: Vec<_> = view
        .journeys()
        .map(|journey| view.fare(journey, 0, 1))
        .map(|fare| (fare.first, fare.second))
        .collect();
    assert_eq!(fares, [(2050, 1000), (schema::NONE, 1)]);
    assert_eq!(view.station_count(), 2);
}

#[test]
fn shuffled_rows_and_stations_give_the_same_bytes() {
    let rows = "\
R1,Gent,Paris,07:00,09:00,IC,Daily,20,10
R2,Paris,London,10:00,11:00,Eurostar,Mon-Fri,,50
R3,London,Helsinki,12:00,09:00 (+1d),Test,\"Mon,Sat\",90,60
R4,Gent,Köln,07:00,09:00,IC,Daily,20,10
R5,Gent,Koln,08:00,10:00,IC,Daily,20,10
R6,Paris,Gent,22:00,07:00 (+1d),NJ,Daily,20,10";
    let bytes = |rows: &str, places: &str, columns: &str| {
        let mut options = options(("2026-10-01", "2027-04-30"));
        options.stations = Some(file("s.csv", STATIONS, places));
        network(&[file("t.csv", columns, rows)], &options).bytes().to_vec()
    };
    let reversed = |text: &str| text.lines().rev().collect::<Vec<_>>().join("\n");
    let first = bytes(rows, PLACES, NINE);
    assert_eq!(first, bytes(rows, PLACES, NINE));
    assert_eq!(first, bytes(&reversed(rows), PLACES, NINE));
    assert_eq!(first, bytes(rows, &reversed(PLACES), NINE));
    let cheaper = rows.replace("90,60", "90,59");
    assert_ne!(first, bytes(&cheaper, PLACES, NINE));
}
