//! Several inputs in one network, and the order of rows.

use timetable_compiler::read::Input;
use timetable_compiler::read::gtfs::MergeStations;

use super::{Feed, check_inputs, feed, journeys};
use crate::{NINE, NO_PERIOD, PERIOD, checked, file, options};

/// Another feed with stations and ids of the first.
fn british() -> Feed {
    feed()
        .with("agency.txt", "Europe/Brussels", "Europe/London")
        .with("stops.txt", "Lyon,45.76,4.86", "Lyon,40.00,4.00")
        .with("stops.txt", "Mons,50.45,3.94", "MONS,50.451,3.941")
        .with("stops.txt", "L,", "L2,")
        .with("stop_times.txt", ",L,", ",L2,")
}

#[track_caller]
fn check_merged(by: MergeStations, expected: &str, expected_journeys: &str) {
    let mut options = options(NO_PERIOD);
    options.feeds.merge = by;
    let inputs = [feed().folder(), british().named("uk")];
    check_inputs(&inputs, &options, expected);
    assert_eq!(journeys(&checked(&inputs, &options)), expected_journeys);
}

#[test]
fn stations_of_two_feeds_are_kept_apart() {
    check_merged(
        MergeStations::Never,
        "info[times-converted]: times are of Europe/London, the network's of Europe/Brussels
  --> uk
  action: they were converted, date by date
info[ids-prefixed]: 2 stations have the id of others
  --> uk
  action: the number of the input was put before them
info[ids-prefixed]: 2 trips have the id of others
  --> uk
  action: the number of the input was put before them",
        "2:T1 IC, Gent 09:00+, MONS 10:00/10:05, Lyon 13:00-; on 2 3 4 5 6 7 8
2:T2 IC, Lyon 21:00+, Gent 25:10-; on 2 3 4 5 6 7 8
T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
clocks at Gent: Europe/London
clocks at MONS: Europe/London
clocks at Lyon: Europe/London",
    );
}

#[test]
fn stations_of_two_feeds_are_one_by_id() {
    check_merged(
        MergeStations::Id,
        "info[times-converted]: times are of Europe/London, the network's of Europe/Brussels
  --> uk
  action: they were converted, date by date
info[stations-merged]: 2 stations are those of other inputs
  --> uk
  action: they are one
info[ids-prefixed]: 2 trips have the id of others
  --> uk
  action: the number of the input was put before them",
        "2:T1 IC, Gent 09:00+, Mons 10:00/10:05, Lyon 13:00-; on 2 3 4 5 6 7 8
2:T2 IC, Lyon 21:00+, Gent 25:10-; on 2 3 4 5 6 7 8
T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
clocks at Lyon: Europe/London",
    );
}

#[test]
fn stations_of_two_feeds_are_one_by_name_if_they_are_near() {
    check_merged(
        MergeStations::Name,
        "info[times-converted]: times are of Europe/London, the network's of Europe/Brussels
  --> uk
  action: they were converted, date by date
info[stations-merged]: 2 stations are those of other inputs
  --> uk
  action: they are one
info[ids-prefixed]: 2 trips have the id of others
  --> uk
  action: the number of the input was put before them",
        "2:T1 IC, Gent 09:00+, Mons 10:00/10:05, Lyon 13:00-; on 2 3 4 5 6 7 8
2:T2 IC, Lyon 21:00+, Gent 25:10-; on 2 3 4 5 6 7 8
T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
clocks at Lyon: Europe/London",
    );
}

#[test]
fn times_are_converted_by_date() {
    // Clocks change on different dates.
    let calendar = "W,1,1,1,1,1,1,1,20261102,20261108";
    let mexican = feed().with("agency.txt", "Europe/Brussels", "America/New_York").with(
        "calendar.txt",
        calendar,
        "W,1,0,0,0,0,0,0,20261026,20261102",
    );
    let inputs = [feed().folder(), mexican.named("us")];
    assert_eq!(
        journeys(&checked(&inputs, &options(NO_PERIOD))),
        "2:T1 IC, Gent 13:00+, Mons 14:00/14:05, Lyon 17:00-; on -5
2:T1 IC, Gent 14:00+, Mons 15:00/15:05, Lyon 18:00-; on 2
2:T2 IC, Lyon 25:00+, Gent 29:10-; on -5
2:T2 IC, Lyon 26:00+, Gent 30:10-; on 2
T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
clocks at Gent: America/New_York
clocks at Lyon: America/New_York
clocks at Mons: America/New_York"
    );
}

#[test]
fn a_feed_and_a_csv_are_one_network() {
    let csv = file("t.csv", NINE, "R1,Gent,Mons,07:00,09:00,IC,Mon,20,10");
    let fares = "fare_id,price,currency_type\nF,9.90,CHF\n";
    let feed = feed().file("fare_attributes.txt", fares).with(
        "agency.txt",
        "Europe/Brussels",
        "Europe/London",
    );
    let inputs = [csv, feed.folder()];
    let mut options = options(PERIOD);
    options.feeds.merge = MergeStations::Name;
    check_inputs(
        &inputs,
        &options,
        "warning[currency-left-out]: prices are in EUR, of 1 service journey, and most of the \
network's in CHF
  --> t.csv
  action: the prices were left out
info[times-converted]: cities have times of Europe/Brussels, and the network of Europe/London
  --> t.csv
  action: they were converted, date by date
info[stations-merged]: 2 stations are those of other inputs
  --> feed
  action: they are one",
    );
    assert_eq!(
        journeys(&checked(&inputs, &options)),
        "R1 IC, Gent 06:00+, Mons 08:00-; on 2 9
T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8; CHF 9.90 9.90 9.90
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8; CHF 9.90
clocks at Gent: Europe/Brussels
clocks at Mons: Europe/Brussels"
    );
}

/// The rows of a file below its header in another order.
fn shuffled(bytes: &[u8], by: usize) -> Vec<u8> {
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let mut lines: Vec<&str> = text.lines().collect();
    let rows = &mut lines[1..];
    let count = rows.len();
    rows.reverse();
    rows.rotate_left(by % count.max(1));
    if count > 2 {
        rows.swap(0, count / 2);
    }
    lines.join("\n").into_bytes()
}

/// A feed with most of what there may be.
fn rich() -> Feed {
    feed()
        .rows(
            "calendar.txt",
            "V,1,1,0,0,0,0,0,20261109,20261115
X,0,1,1,0,0,0,0,20261102,20261110",
        )
        .rows("trips.txt", "R,V,T3\nR,X,T4\nR,W,T5\nR,W,T6\nR,W,T7")
        .rows(
            "stop_times.txt",
            "T3,08:00:00,08:00:00,G1,1
T3,09:00:00,09:05:00,M,2
T3,12:00:00,12:00:00,L,3",
        )
        .rows(
            "stop_times.txt",
            "T4,08:00:00,08:00:00,G2,1
T4,09:00:00,09:05:00,M,2
T4,12:00:00,12:00:00,L,3",
        )
        .rows(
            "stop_times.txt",
            "T5,12:00:00,12:30:00,L,3
T5,15:00:00,15:00:00,M,5
T6,15:00:00,15:00:30,M,5
T6,18:00:00,18:00:00,L,6",
        )
        .rows("stop_times.txt", "T7,12:00:00,12:30:00,L,3\nT7,,,M,4\nT7,15:00:00,15:00:00,G1,5")
        .file(
            "transfers.txt",
            "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_trip_id,to_trip_id\n\
            G1,G2,2,300,,
G2,G1,2,400,,
G1,M,2,600,,
G2,M,2,700,,
,,4,,T1,T5
,,4,,T5,T6
,,4,,T1,T7
",
        )
        .file(
            "frequencies.txt",
            "trip_id,start_time,end_time,headway_secs
T2,06:00:00,07:00:00,1800
T2,09:00:00,10:00:00,1200
",
        )
        .file("fare_attributes.txt", "fare_id,price,currency_type\nF,9.90,CHF\nG,12,EUR\n")
        .file(
            "calendar_dates.txt",
            "service_id,date,exception_type
W,20261103,2
W,20261120,1
X,20261111,1
",
        )
}

#[test]
fn the_order_of_rows_does_not_matter() {
    let whole = rich();
    let compiled = |feed: &Feed| {
        let inputs: [Input; 1] = [feed.folder()];
        let outcome = checked(&inputs, &options(NO_PERIOD));
        let compiled = outcome.compiled.expect("a feed without errors");
        compiled.encode().expect("bytes").to_vec()
    };
    let expected = compiled(&whole);
    for by in 0..8 {
        let mut other = whole.clone();
        for (at, bytes) in other.files.values_mut().enumerate() {
            *bytes = shuffled(bytes, by + at);
        }
        assert!(compiled(&other) == expected, "shuffle {by}");
    }
}
