//! Every code of a finding: a timetable of a few lines, and what is said of it.

use timetable_compiler::compile::{Goal, compile};
use timetable_compiler::notice::Code;
use timetable_compiler::read::Input;

use crate::{Dates, ISO, NINE, NO_PERIOD, PERIOD, STATIONS, checked, file, findings_text, options};

/// What is said of a timetable of this header and these rows. An empty header is none: then the
/// rows begin with one.
#[track_caller]
fn check(period: Dates, header: &str, rows: &str, expected: &str) {
    let input =
        if header.is_empty() { Input::file("t.csv", rows) } else { file("t.csv", header, rows) };
    check_input(period, input, expected);
}

#[track_caller]
fn check_input(period: Dates, input: Input, expected: &str) {
    let outcome = checked(&[input], &options(period));
    assert_eq!(findings_text(&outcome), expected);
    assert_eq!(outcome.compiled.is_none(), expected.contains("error["));
}

#[track_caller]
fn check_with_stations(period: Dates, stations: &str, rows: &str, expected: &str) {
    let mut options = options(period);
    options.stations = Some(file("s.csv", STATIONS, stations));
    let outcome = checked(&[file("t.csv", NINE, rows)], &options);
    assert_eq!(findings_text(&outcome), expected);
    assert_eq!(outcome.compiled.is_none(), expected.contains("error["));
}

#[test]
fn every_code_is_found_here() {
    let tests = [
        include_str!("findings.rs"),
        include_str!("gtfs/archives.rs"),
        include_str!("gtfs/findings.rs"),
        include_str!("gtfs/trips.rs"),
        include_str!("gtfs/inputs.rs"),
    ];
    for code in Code::ALL {
        let found = format!("{}[{code}]: ", code.severity().word());
        assert!(tests.iter().any(|it| it.contains(&found)), "no test finds {code}");
    }
}

const ROW: &str = "R9,Gent,Mons,07:00,09:00,IC,Daily,20,10";

#[test]
fn a_file_may_have_a_byte_order_mark_and_other_line_breaks() {
    let late = "R8,Gent,Mons,700,09:00,IC,Daily,20,10";
    let bytes = format!("\u{feff}{NINE}\r\n{ROW}\r\n\r\n{late}\r\n");
    check_input(
        PERIOD,
        Input::file("t.csv", bytes),
        r#"info[byte-order-mark]: the file begins with a byte order mark
  --> t.csv
  action: it was skipped
error[time-without-colon]: the departure time has no colon
  --> t.csv:4:14 Departure Time: "700"
  help: write `07:00`"#,
    );
}

#[test]
fn a_value_may_not_be_utf8() {
    let row = b"\nR1,\"K\xF6ln\",Mons,07:00,0900,IC,Daily,20,10\n";
    check_input(
        PERIOD,
        Input::file("t.csv", [NINE.as_bytes(), row].concat()),
        "error[not-utf8]: the value has the byte 0xF6, which is not UTF-8
  --> t.csv:2:6 Departure City: \"K\u{fffd}ln\"
  help: save the file as UTF-8
error[time-without-colon]: the arrival time has no colon
  --> t.csv:2:22 Arrival Time: \"0900\"
  help: write `09:00`",
    );
}

#[test]
fn control_characters_are_taken_for_blanks() {
    let rows = "R\u{0},Gent,Mo\u{1b}[1mns,07:00,09:00,IC\u{85},Daily,20,10";
    check(
        PERIOD,
        NINE,
        rows,
        r#"warning[control-character]: the value has the control character U+0000
  --> t.csv:2:1 Route ID: "R\0"
  action: it was taken for a blank
warning[control-character]: the value has the control character U+001B
  --> t.csv:2:9 Arrival City: "Mo\u{1b}[1mns"
  action: it was taken for a blank"#,
    );
    let inputs = [file("t.csv", NINE, rows)];
    let outcome = compile(&inputs, &options(PERIOD), Goal::Build, &|_| ()).expect("options");
    let compiled = outcome.compiled.expect("a timetable without errors");
    let names: Vec<_> = compiled.network.stations.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["Gent", "Mo [1mns"]);
}

#[test]
fn a_file_may_be_utf16() {
    check_input(
        PERIOD,
        Input::file("t.csv", b"\xFF\xFER\0o\0".as_slice()),
        r"error[not-utf8]: the file is UTF-16, not UTF-8
  --> t.csv
  help: save it as UTF-8",
    );
}

#[test]
fn a_route_id_may_be_in_two_files() {
    let inputs = [file("a.csv", NINE, ROW), file("b.csv", NINE, ROW)];
    let outcome = checked(&inputs, &options(PERIOD));
    assert_eq!(
        findings_text(&outcome),
        r#"error[duplicate-route-id]: the route id is that of a.csv:2 too
  --> b.csv:2:1 Route ID: "R9""#
    );
}

#[test]
fn a_file_may_be_empty() {
    check(
        PERIOD,
        "",
        "  
",
        "error[empty-file]: the file is empty
  --> t.csv",
    );
}

#[test]
fn a_file_may_have_a_header_and_no_rows() {
    check(
        PERIOD,
        NINE,
        "",
        "error[no-rows]: the file has a header and no rows
  --> t.csv",
    );
}

#[test]
fn a_header_may_be_missing() {
    check(
        PERIOD,
        "",
        "R9,Gent,Mons,07:00,09:00,IC,Daily,20,10",
        r#"error[missing-header]: the first line names none of the columns of a timetable
  --> t.csv:1:1 "R9"
  help: the first of the columns is `Route ID`"#,
    );
}

#[test]
fn columns_may_be_parted_by_another_sign() {
    check(
        PERIOD,
        "",
        "Route ID;Departure City;Arrival City;Departure Time;Arrival Time;Train Type;Days of \
Operation;First Class ticket rate (in euro);Second Class ticket rate (in euro)
R9;Gent;Mons;07:00;09:00;IC;Daily;20;10",
        "error[missing-header]: the first line names none of the columns of a timetable
  --> t.csv:1:1 \"Route ID;Departure City;Arrival City;Departure Time;Arrival \
Time;Train Type;Days\"…
  help: part the columns by commas",
    );
}

#[test]
fn a_column_may_be_missing_or_misspelled() {
    check(
        PERIOD,
        "",
        "Route ID,Departure City,Arival City,Departure Time,Arrival Time,Days of Operation,First \
Class ticket rate (in euro),Second Class ticket rate (in euro)
R1,Gent,Mons,07:00,09:00,Daily,20,10
R2,Gent,Mons,1250,13:00,Daily,20,10",
        r#"error[missing-column]: the header lacks the column `Arrival City`
  --> t.csv:1:1
  help: `Arival City` may be meant; write `Arrival City`
error[missing-column]: the header lacks the column `Train Type`
  --> t.csv:1:1
info[extra-column]: the column is not used
  --> t.csv:1:25 "Arival City"
  action: its values were left out
error[time-without-colon]: the departure time has no colon
  --> t.csv:3:14 Departure Time: "1250"
  help: write `12:50`"#,
    );
}

#[test]
fn a_column_may_be_there_twice() {
    check(
        PERIOD,
        "",
        "Route ID,Departure City,Arrival City,Departure Time,Arrival Time,Train Type,Days of \
Operation,First Class ticket rate (in euro),Second Class ticket rate (in euro),Route ID
R9,Gent,Mons,07:00,09:00,IC,Daily,20,10,R9",
        r#"error[duplicate-column]: the header has the column `Route ID` twice
  --> t.csv:1:164 "Route ID""#,
    );
}

#[test]
fn a_column_may_have_a_stray_prefix_or_be_unknown() {
    check(
        PERIOD,
        "",
        "model.Route ID,Departure City,Arrival City,Departure Time,Arrival Time,src.Train Type,\
Days of Operation,First Class ticket rate (in euro),Second Class ticket rate (in euro),\
Notes
R9,Gent,Mons,07:00,09:00,IC,Daily,20,10,none",
        r#"warning[stray-prefix]: the header's `Route ID` has the stray prefix `model.`
  --> t.csv:1:1 "model.Route ID"
  action: it was taken for `Route ID`
  help: write `Route ID`
warning[stray-prefix]: the header's `Train Type` has the stray prefix `src.`
  --> t.csv:1:72 "src.Train Type"
  action: it was taken for `Train Type`
  help: write `Train Type`
info[extra-column]: the column is not used
  --> t.csv:1:174 "Notes"
  action: its values were left out"#,
    );
}

#[test]
fn columns_stand_in_any_order_and_case() {
    check(
        PERIOD,
        "",
        "DAYS OF OPERATION,second_class_ticket_rate_(in_euro),First Class ticket rate (in euro),\
Train Type,Arrival Time,Departure Time,Arrival City,Departure City,Route ID
Daily,10,20,IC,09:00,07:00,Mons,Gent,R9",
        "",
    );
}

#[test]
fn a_row_may_have_too_few_or_too_many_values() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,07:00,09:00,IC,Daily,20
R2,Gent,Mons,07:00,09:00,IC,Mon,Wed,20,10
R3,Gent,Mons,07:00,0900,IC,Daily,20,10",
        r#"error[too-few-columns]: the row has 8 values and the header 9 columns
  --> t.csv:2:1 "R1,Gent,Mons,07:00,09:00,IC,Daily,20"
  help: an empty value still needs its comma
error[too-many-columns]: the row has 10 values and the header 9 columns
  --> t.csv:3:1 "R2,Gent,Mons,07:00,09:00,IC,Mon,Wed,20,10"
  help: put a value that holds a comma in double quotes
error[time-without-colon]: the arrival time has no colon
  --> t.csv:4:20 Arrival Time: "0900"
  help: write `09:00`"#,
    );
}

#[test]
fn a_row_may_be_empty() {
    check(
        PERIOD,
        NINE,
        ",,,,,,,,
R9,Gent,Mons,07:00,09:00,IC,Daily,20,10",
        "warning[blank-row]: the row is empty
  --> t.csv:2:1
  action: the row was left out",
    );
}

#[test]
fn a_quote_may_not_be_closed() {
    check(
        PERIOD,
        NINE,
        r#"R1,"Gent,Mons,07:00,09:00,IC,Daily,20,10
R2,Gent,Mons,7:00,09:00,IC,Daily,20,10
R3,"Gent",Mons,"07:00",09:00,IC,"Mon,Wed",-1,10"#,
        r#"error[unclosed-quote]: the value begins with a quote that is not closed on its line
  --> t.csv:2:4 "\"Gent,Mons,07:00,09:00,IC,Daily,20,10"
  help: close the quote, or remove it
error[time-malformed]: the departure time is not of the form `HH:MM`
  --> t.csv:3:14 Departure Time: "7:00"
  help: write `07:00`
error[negative-price]: the price in first class is below zero
  --> t.csv:4:43 First Class ticket rate (in euro): "-1""#,
    );
}

#[test]
fn values_may_be_empty_or_too_long() {
    check(
        PERIOD,
        NINE,
        "R1,,Mons,07:00,09:00,,Daily,20,10
R2,GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG\
GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG\
GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG,Mons,,09:00,IC,Daily,20,10",
        "error[empty-value]: the value is empty
  --> t.csv:2:4 Departure City: \"\"
error[empty-value]: the value is empty
  --> t.csv:2:22 Train Type: \"\"
error[value-too-long]: the value has 201 characters, more than the 200 it may have
  --> t.csv:3:4 Departure City: \
\"GGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGGG\"…
error[empty-value]: the value is empty
  --> t.csv:3:211 Departure Time: \"\"",
    );
}

#[test]
fn a_name_may_have_no_letters() {
    check(
        PERIOD,
        NINE,
        "R1,—,Mons,07:00,09:00,IC,Daily,20,10",
        r#"error[name-without-letters]: the name has neither letters nor digits
  --> t.csv:2:4 Departure City: "—""#,
    );
}

#[test]
fn a_train_may_end_where_it_begins() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,GENT,07:00,09:00,IC,Daily,20,10",
        r#"error[same-cities]: the train arrives where it departs
  --> t.csv:2:9 Arrival City: "GENT"
warning[spelling-differs]: the city is spelled `Gent` elsewhere
  --> t.csv:2:9 Arrival City: "GENT"
  action: they were taken for one station
  help: write `Gent`"#,
    );
}

#[test]
fn a_city_may_be_spelled_in_several_ways() {
    check(
        PERIOD,
        NINE,
        "R1,Köln,Mons,07:00,09:00,IC,Daily,20,10
R2,Koln,Mons,08:00,10:00,IC,Daily,20,10
R3,Mons,Köln,08:00,10:00,IC,Daily,20,10",
        r#"warning[spelling-differs]: the city is spelled `Köln` elsewhere
  --> t.csv:3:4 Departure City: "Koln"
  action: they were taken for one station
  help: write `Köln`"#,
    );
}

#[test]
fn a_route_id_may_be_there_twice() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10
R1,Gent,Brugge,08:00,10:00,IC,Daily,x,10",
        r#"error[duplicate-route-id]: the route id is that of t.csv:2 too
  --> t.csv:3:1 Route ID: "R1"
error[price-malformed]: the price in first class is not a number
  --> t.csv:3:37 First Class ticket rate (in euro): "x""#,
    );
}

#[test]
fn a_row_may_be_repeated_under_another_id() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10
R2,Gent,Mons,07:00,09:00,IC,Daily,20.00,10",
        r#"info[repeated-row]: the row is the same as that of t.csv:2 but for its route id
  --> t.csv:3:1 Route ID: "R2""#,
    );
}

#[test]
fn a_time_may_lack_its_colon() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,1250,13.30,IC,Daily,20,10
R2,Gent,Mons,7,915,IC,Daily,20,10
R3,Gent,Mons,2570,12h50,IC,Daily,20,10",
        r#"error[time-without-colon]: the departure time has no colon
  --> t.csv:2:14 Departure Time: "1250"
  help: write `12:50`
error[time-without-colon]: the arrival time has no colon
  --> t.csv:2:19 Arrival Time: "13.30"
  help: write `13:30`
error[time-without-colon]: the departure time has no colon
  --> t.csv:3:14 Departure Time: "7"
  help: write `07:00`, if the hour is meant
error[time-without-colon]: the arrival time has no colon
  --> t.csv:3:16 Arrival Time: "915"
  help: write `09:15`
error[time-without-colon]: the departure time has no colon
  --> t.csv:4:14 Departure Time: "2570"
error[time-without-colon]: the arrival time has no colon
  --> t.csv:4:19 Arrival Time: "12h50"
  help: write `12:50`"#,
    );
}

#[test]
fn a_time_may_be_malformed() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,7:05,noon,IC,Daily,20,10
R2,Gent,Mons,07:05:00,08:00 (+x),IC,Daily,20,10
R3,Gent,Mons,07:5,08:00+1,IC,Daily,20,10",
        r#"error[time-malformed]: the departure time is not of the form `HH:MM`
  --> t.csv:2:14 Departure Time: "7:05"
  help: write `07:05`
error[time-malformed]: the arrival time is not of the form `HH:MM`
  --> t.csv:2:19 Arrival Time: "noon"
error[time-malformed]: the departure time is not of the form `HH:MM`
  --> t.csv:3:14 Departure Time: "07:05:00"
  help: write `07:05`
error[time-malformed]: the arrival time has a day offset that is not understood
  --> t.csv:3:23 Arrival Time: "08:00 (+x)"
  help: write `08:00 (+1d)`
error[time-malformed]: the departure time is not of the form `HH:MM`
  --> t.csv:4:14 Departure Time: "07:5"
  help: write `07:05`
error[time-malformed]: the arrival time has a day offset that is not understood
  --> t.csv:4:19 Arrival Time: "08:00+1"
  help: write `08:00 (+1d)`"#,
    );
}

#[test]
fn a_time_may_be_out_of_range() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,24:00,25:10,IC,Daily,20,10
R2,Gent,Mons,07:60,08:00,IC,Daily,20,10",
        r#"error[time-out-of-range]: the departure time is no time that a clock shows
  --> t.csv:2:14 Departure Time: "24:00"
error[time-out-of-range]: the arrival time is no time that a clock shows
  --> t.csv:2:20 Arrival Time: "25:10"
  help: write `01:10 (+1d)`
error[time-out-of-range]: the departure time is no time that a clock shows
  --> t.csv:3:14 Departure Time: "07:60""#,
    );
}

#[test]
fn a_departure_may_have_a_day_offset() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,07:00 (+1d),09:00 (+1d),IC,Daily,20,10",
        "error[departure-day-offset]: the departure time has a day offset, which only arrivals \
may have
  --> t.csv:2:14 Departure Time: \"07:00 (+1d)\"
  help: write `07:00`, and move the days of operation by the offset",
    );
}

#[test]
fn an_arrival_may_be_too_early() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,22:00,07:00,IC,Daily,20,10
R2,Gent,Mons,22:00,22:00,IC,Daily,20,10
R3,Gent,Mons,22:00,07:00 (+1d),IC,Daily,20,10
R4,Gent,Mons,22:00,07:00 ( +2D ),IC,Daily,20,10",
        "error[arrival-before-departure]: the train arrives at 07:00, before it departs at 22:00
  --> t.csv:2:20 Arrival Time: \"07:00\"
  help: write `07:00 (+1d)`, if it arrives on the next day
error[arrival-equals-departure]: the train arrives at 22:00, the moment it departs at \
22:00
  --> t.csv:3:20 Arrival Time: \"22:00\"
  help: write `22:00 (+1d)`, if it arrives on the next day",
    );
}

#[test]
fn days_may_be_unknown() {
    check(
        PERIOD,
        NINE,
        r#"R1,Gent,Mons,07:00,09:00,IC,Mon-Fry,20,10
R2,Gent,Mons,07:10,09:00,IC,Weekdays,20,10
R3,Gent,Mons,07:20,09:00,IC,"Mon,,Wed",20,10"#,
        r#"error[unknown-days]: the pattern of days has the unknown day `Fry`
  --> t.csv:2:29 Days of Operation: "Mon-Fry"
  help: `Fri` may be meant
error[unknown-days]: the pattern of days has the unknown day `Weekdays`
  --> t.csv:3:29 Days of Operation: "Weekdays"
  help: write `Mon-Fri`
error[unknown-days]: the pattern of days lacks a day
  --> t.csv:4:29 Days of Operation: "Mon,,Wed"
  help: write `Daily`, `Mon-Fri` or `Mon,Wed,Fri`"#,
    );
}

#[test]
fn a_train_may_run_on_no_date_of_the_period() {
    check(
        ("2026-11-02", "2026-11-06"),
        NINE,
        "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10
R2,Gent,Mons,08:00,10:00,IC,Sat-Sun,20,10",
        r#"warning[never-runs]: the train runs on no date of the period
  --> t.csv:3:1 Route ID: "R2"
  action: the train was left out"#,
    );
}

#[test]
fn nothing_may_run() {
    check(
        ("2026-11-02", "2026-11-06"),
        NINE,
        "R2,Gent,Mons,08:00,10:00,IC,Sat-Sun,20,10",
        "warning[never-runs]: the train runs on no date of the period
  --> t.csv:2:1 Route ID: \"R2\"
  action: the train was left out
error[nothing-runs]: the timetable has no train that runs between 2026-11-02 and \
2026-11-06",
    );
}

#[test]
fn a_price_may_be_wrong() {
    check(
        PERIOD,
        NINE,
        r#"R1,Gent,Mons,07:00,09:00,IC,Daily,free,"12,50"
R2,Gent,Mons,07:10,09:00,IC,Daily,-5,€ 10
R3,Gent,Mons,07:20,09:00,IC,Daily,12.345,42949672.95"#,
        r#"error[price-malformed]: the price in first class is not a number
  --> t.csv:2:35 First Class ticket rate (in euro): "free"
error[price-malformed]: the price in second class is not a number
  --> t.csv:2:40 Second Class ticket rate (in euro): "12,50"
  help: write `12.50`
error[negative-price]: the price in first class is below zero
  --> t.csv:3:35 First Class ticket rate (in euro): "-5"
error[price-malformed]: the price in second class is not a number
  --> t.csv:3:38 Second Class ticket rate (in euro): "€ 10"
  help: write `10`
error[price-too-precise]: the price in first class has a fraction of a cent
  --> t.csv:4:35 First Class ticket rate (in euro): "12.345"
  help: write `12.35`, if it is to be rounded
error[price-too-high]: the price in second class is above 42,949,672.94
  --> t.csv:4:42 Second Class ticket rate (in euro): "42949672.95""#,
    );
}

#[test]
fn a_price_may_be_missing_or_swapped() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,Mons,07:00,09:00,IC,Daily,,10
R2,Gent,Mons,07:10,09:00,IC,Daily,10,20",
        r#"info[price-missing]: the train has no price in first class
  --> t.csv:2:35 First Class ticket rate (in euro): ""
warning[first-class-cheaper]: the first class costs less than the second
  --> t.csv:3:35 First Class ticket rate (in euro): "10"
  help: the two prices may be swapped"#,
    );
}

#[test]
fn one_row_may_have_many_mistakes_and_hides_none_of_the_next() {
    check(
        PERIOD,
        NINE,
        "R1,Gent,,1250,25:00,IC,Never,-1,x
R2,Gent,Mons,7h,09:00,IC,Daily,20,10",
        r#"error[empty-value]: the value is empty
  --> t.csv:2:9 Arrival City: ""
error[time-without-colon]: the departure time has no colon
  --> t.csv:2:10 Departure Time: "1250"
  help: write `12:50`
error[time-out-of-range]: the arrival time is no time that a clock shows
  --> t.csv:2:15 Arrival Time: "25:00"
  help: write `01:00 (+1d)`
error[unknown-days]: the pattern of days has the unknown day `Never`
  --> t.csv:2:24 Days of Operation: "Never"
  help: write `Daily`, `Mon-Fri` or `Mon,Wed,Fri`
error[negative-price]: the price in first class is below zero
  --> t.csv:2:30 First Class ticket rate (in euro): "-1"
error[price-malformed]: the price in second class is not a number
  --> t.csv:2:33 Second Class ticket rate (in euro): "x"
error[time-without-colon]: the departure time has no colon
  --> t.csv:3:14 Departure Time: "7h"
  help: write `07:00`, if the hour is meant"#,
    );
}

#[test]
fn dated_rows_may_have_malformed_times() {
    check(
        NO_PERIOD,
        ISO,
        "R1,Gent,Mons,2026-11-03 07:00,yesterday,IC,20,10
R2,Gent,Mons,1026-11-03T07:00:00Z,2026-11-03T09:00:00Z,IC,20,10
R3,Gent,Mons,2026-11-03T07:00:30Z,2026-11-03T09:00:30+00:00,IC,20,10",
        r#"error[datetime-without-zone]: the departure has neither `Z` nor an offset
  --> t.csv:2:14 departure_datetime: "2026-11-03 07:00"
  help: write `2026-11-03T07:00:00Z`, if it is UTC
error[datetime-malformed]: the arrival is not of the form `2025-10-24T12:30:00Z`
  --> t.csv:2:31 arrival_datetime: "yesterday"
error[date-out-of-range]: the departure has the year 1026
  --> t.csv:3:14 departure_datetime: "1026-11-03T07:00:00Z"
info[seconds-rounded]: the departure has seconds
  --> t.csv:4:14 departure_datetime: "2026-11-03T07:00:30Z"
  action: it was rounded down to the minute
info[seconds-rounded]: the arrival has seconds
  --> t.csv:4:35 arrival_datetime: "2026-11-03T09:00:30+00:00"
  action: it was rounded up to the minute"#,
    );
}

#[test]
fn dated_rows_may_run_backwards_or_too_long() {
    check(
        NO_PERIOD,
        ISO,
        "R1,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T07:30:00+01:00,IC,20,10
R2,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T07:00:00Z,IC,20,10
R3,Gent,Mons,2026-11-03T07:00:00Z,2027-11-03T07:00:00Z,IC,20,10",
        r#"error[arrival-before-departure]: the train arrives before it departs
  --> t.csv:2:35 arrival_datetime: "2026-11-03T07:30:00+01:00"
error[arrival-equals-departure]: the train arrives at the moment it departs
  --> t.csv:3:35 arrival_datetime: "2026-11-03T07:00:00Z"
error[ride-too-long]: the train takes 365 days, more than the 10 it may take
  --> t.csv:4:35 arrival_datetime: "2027-11-03T07:00:00Z""#,
    );
}

#[test]
fn a_dated_run_may_be_there_twice_or_outside_the_period() {
    check(
        PERIOD,
        ISO,
        "R1,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T09:00:00Z,IC,20,10
R1,Gent,Mons,2026-11-04T07:00:00Z,2026-11-04T09:00:00Z,IC,20,10
R1,Gent,Mons,2026-11-04T17:00:00Z,2026-11-04T19:00:00Z,IC,20,10
R1,Gent,Mons,2026-12-04T17:00:00Z,2026-12-04T19:00:00Z,IC,20,10",
        r#"error[duplicate-run]: the train departs on 2026-11-04 in t.csv:3 too
  --> t.csv:4:1 Route ID: "R1"
info[run-outside-period]: the run of 2026-12-04 lies outside the period
  --> t.csv:5:1 Route ID: "R1"
  action: the run was left out"#,
    );
}

#[test]
fn a_dated_timetable_may_span_too_many_dates() {
    check(
        NO_PERIOD,
        ISO,
        "R1,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T09:00:00Z,IC,20,10
R1,Gent,Mons,2126-11-04T07:00:00Z,2126-11-04T09:00:00Z,IC,20,10",
        "error[too-large]: the timetable has 36526 dates, and a network file holds at most 3900",
    );
}

#[test]
fn clocks_may_skip_a_time() {
    check(
        ("2027-03-26", "2027-03-29"),
        NINE,
        "R1,Gent,Mons,02:30,03:15,IC,Daily,20,10
R2,Gent,Mons,23:00,02:30 (+1d),IC,Daily,20,10
R3,Gent,Mons,23:00,08:30 (+1d),IC,Daily,20,10",
        "info[skipped-time]: clocks skip the departure's time for the run of 2027-03-28
  --> t.csv:2:14 Departure Time: \"02:30\"
  action: it was counted from before the change
info[elapsed-time-kept]: clocks would have the train arrive before it departs for the \
run of 2027-03-28
  --> t.csv:2:20 Arrival Time: \"03:15\"
  action: it was given 45 minutes, as on an ordinary day
info[skipped-time]: clocks skip the arrival's time for the run of 2027-03-27
  --> t.csv:3:20 Arrival Time: \"02:30 (+1d)\"
  action: it was counted from before the change",
    );
}

#[test]
fn a_city_may_not_be_listed_and_a_station_not_served() {
    check_with_stations(
        PERIOD,
        "Gent,BE,Europe/Brussels,51.0,3.7,Ghent|Gand
Lyon,FR,Europe/Paris,45.7,4.8,",
        "R1,Ghent,Mons,07:00,09:00,IC,Daily,20,10",
        "info[station-not-served]: no train calls at the station
  --> s.csv:3:1 name: \"Lyon\"
  action: the station was left out
warning[station-not-listed]: the stations file lacks the city, which 1 row names
  --> t.csv:2:10 Arrival City: \"Mons\"
  action: its zone was taken to be Europe/Brussels",
    );
}

#[test]
fn a_station_may_have_wrong_values() {
    check_with_stations(
        PERIOD,
        "Gent,Belgium,Europe/Brusels,51.0,,
Mons,be,CET+1,north,200,Bergen|—",
        "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10",
        r#"error[malformed-country]: the country is not a code of two capital letters
  --> s.csv:2:6 country: "Belgium"
error[unknown-zone]: the time zone is not in the IANA database
  --> s.csv:2:14 time_zone: "Europe/Brusels"
  help: `Europe/Brussels` may be meant
error[bad-coordinates]: the longitude is missing beside the other one
  --> s.csv:2:34 longitude: ""
error[malformed-country]: the country is not a code of two capital letters
  --> s.csv:3:6 country: "be"
  help: write `BE`
error[unknown-zone]: the time zone is not in the IANA database
  --> s.csv:3:9 time_zone: "CET+1"
  help: write a name such as `Europe/Brussels`
error[bad-coordinates]: the latitude is not from -90 to 90 degrees
  --> s.csv:3:15 latitude: "north"
error[bad-coordinates]: the longitude is not from -180 to 180 degrees
  --> s.csv:3:21 longitude: "200"
error[name-without-letters]: the alias `—` has neither letters nor digits
  --> s.csv:3:25 aliases: "Bergen|—""#,
    );
}

#[test]
fn stations_may_share_a_name() {
    check_with_stations(
        PERIOD,
        "Gent,BE,Europe/Brussels,,,Gand|gent
GENT,BE,Europe/Brussels,,,
Mons,BE,Europe/Brussels,,,Bergen|Gand",
        "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10",
        r#"info[station-not-served]: no train calls at the station
  --> s.csv:3:1 name: "GENT"
  action: the station was left out
error[duplicate-station]: the station has the name of `Gent` above
  --> s.csv:3:1 name: "GENT"
error[ambiguous-alias]: the alias `Gand` is a name of `Gent` too
  --> s.csv:4:27 aliases: "Bergen|Gand""#,
    );
}

#[test]
fn clocks_differ_by_zone() {
    check_with_stations(
        PERIOD,
        "London,GB,Europe/London,,,
Paris,FR,Europe/Paris,,,
Mons,BE,Europe/Brussels,,,",
        "R1,Paris,London,10:15,10:05,ES,Daily,20,10
R2,London,Paris,10:00,10:45,ES,Daily,20,10
R3,Paris,Mons,10:15,10:05,TGV,Daily,20,10",
        "info[station-not-served]: no train calls at the station
  --> s.csv:4:1 name: \"Mons\"
  action: the station was left out
error[arrival-before-departure]: the train arrives at 10:45, before it departs at 10:00, \
by the clocks of London and Paris
  --> t.csv:3:23 Arrival Time: \"10:45\"
  help: write `10:45 (+1d)`, if it arrives on the next day
error[arrival-before-departure]: the train arrives at 10:05, before it departs at 10:15
  --> t.csv:4:21 Arrival Time: \"10:05\"
  help: write `10:05 (+1d)`, if it arrives on the next day",
    );
}

#[test]
fn a_ride_may_be_too_short_for_one_season_s_clocks() {
    check_with_stations(
        ("2027-10-18", "2027-11-07"),
        "Sofia,BG,Europe/Sofia,,,
Edirne,TR,Europe/Istanbul,,,",
        "R1,Sofia,Edirne,10:00,10:30,IC,Sun,20,10
R2,Sofia,Edirne,10:00,11:30,IC,Sun,20,10",
        "error[arrival-before-departure]: the train arrives before it departs for the run of \
2027-11-07
  --> t.csv:2:23 Arrival Time: \"10:30\"",
    );
}
