//! What becomes of trips: calls, times, headways, trips joined and folded, and prices.

use timetable_compiler::compile::Options;

use super::{Feed, check, check_inputs, check_journeys, feed};
use crate::{NO_PERIOD, checked, findings_text, options};

/// However many trips have defects, that is not an error.
fn lenient() -> Options {
    let mut options = options(NO_PERIOD);
    options.feeds.dropped_percent_max = 100.0;
    options
}

#[track_caller]
fn check_dropped(feed: &Feed, expected: &str) {
    check_inputs(&[feed.folder()], &lenient(), expected);
}

#[test]
fn trips_become_service_journeys() {
    check_journeys(
        &feed(),
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8",
    );
}

#[test]
fn trips_may_be_too_short() {
    let feed = feed()
        .rows("trips.txt", "R,W,T3\nR,W,T4")
        .rows("stop_times.txt", "T3,09:00:00,09:05:00,M,1");
    check_dropped(
        &feed,
        r#"warning[trip-too-short]: the trip has one stop time only
  --> feed/trips.txt:4:5 trip_id: "T3"
  action: the trip was left out
warning[trip-too-short]: the trip has no stop times
  --> feed/trips.txt:5:5 trip_id: "T4"
  action: the trip was left out"#,
    );
    check(
        &feed,
        "warning[trip-too-short]: the trip has one stop time only
  --> feed/trips.txt:4:5 trip_id: \"T3\"
  action: the trip was left out
warning[trip-too-short]: the trip has no stop times
  --> feed/trips.txt:5:5 trip_id: \"T4\"
  action: the trip was left out
error[too-many-dropped]: 2 of 4 trips (50.00 %) were left out for their defects, more than \
the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn times_may_be_malformed_missing_or_backwards() {
    let feed = feed().rows("trips.txt", "R,W,T3\nR,W,T4\nR,W,T5\nR,W,T6").rows(
        "stop_times.txt",
        "T3,9h,09:00:00,M,1\nT3,10:00:00,10:00:00,L,2x\nT4,,,M,1\nT4,10:00:00,10:00:00,L,2\n\
         T5,09:00:00,08:00:00,M,1\nT5,07:00:00,10:00:00,L,2\n\
         T6,09:00:00,,M,1\nT6,10:00:00,10:00:00,X,2\nT6,08:00:00,10:00:00,L,3",
    );
    check_dropped(
        &feed,
        r#"warning[value-malformed]: the time is not of the form HH:MM:SS, up to 192:00:00
  --> feed/stop_times.txt:7:4 arrival_time: "9h"
  action: the trip was left out
warning[value-malformed]: the value is not a whole number
  --> feed/stop_times.txt:8:24 stop_sequence: "2x"
  action: the trip was left out
warning[time-missing]: in trip `T4`, the first or the last call has no time
  --> feed/stop_times.txt:9:4 arrival_time: ""
  action: the trip was left out
warning[times-run-backwards]: in trip `T5`, the time is before 09:00:00, the one before it
  --> feed/stop_times.txt:11:13 departure_time: "08:00:00"
  action: the trip was left out
warning[times-run-backwards]: in trip `T5`, the time is before 08:00:00, the one before it
  --> feed/stop_times.txt:12:4 arrival_time: "07:00:00"
  action: the trip was left out
warning[unknown-reference]: stops.txt has no such stop_id
  --> feed/stop_times.txt:14:22 stop_id: "X"
  action: the trip was left out
warning[times-run-backwards]: in trip `T6`, the time is before 09:00:00, the one before it
  --> feed/stop_times.txt:15:4 arrival_time: "08:00:00"
  action: the trip was left out"#,
    );
}

#[test]
fn blank_times_are_interpolated() {
    let rows = "T3,08:00:00,08:01:00,G1,1\nT3,,,M,2\nT3,,,L,3\nT3,10:00:00,,M,4\nT3,,11:00:00,L,5";
    let feed = feed().rows("trips.txt", "R,W,T3").rows("stop_times.txt", rows);
    check(
        &feed,
        "info[time-interpolated]: in trip `T3`, 2 calls have no time
  --> feed/stop_times.txt:8:4 arrival_time: \"\"
  action: the times were set by number of calls between the calls around them, the first to \
08:40:00",
    );
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
T3 IC, Gent 08:01+, Mons 08:40, Lyon 09:20, Mons 10:00, Lyon 11:00-; on 2 3 4 5 6 7 8",
    );
    let times = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,shape_dist_traveled
T1,08:00:00,08:00:00,G1,1,0
T1,,,M,2,75.5
T1,10:00:00,10:00:00,L,3,100
T2,20:00:00,20:00:00,L,1,
T2,24:10:00,24:10:00,G2,2,
";
    check_journeys(
        &feed.file("trips.txt", super::TRIPS).file("stop_times.txt", times),
        "T1 IC, Gent 08:00+, Mons 09:30, Lyon 10:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8",
    );
}

#[test]
fn rows_may_be_out_of_order_with_leading_zeros_and_seconds() {
    let times =
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type
T1,12:00:30,12:00:30,L,010,0,
T1,8:00:30,8:00:30,G1,2,2,
T1,09:00:20,09:00:40,M,0003,1,3
T2,20:00:00,20:00:00,L,1,,
T2,24:10:00,24:10:00,G2,2,,4
";
    let feed = feed().file("stop_times.txt", times);
    check(
        &feed,
        r#"info[seconds-rounded]: there are seconds in the times of 3 calls, first here
  --> feed/stop_times.txt:3:4 arrival_time: "8:00:30"
  action: departures were rounded down and arrivals up
info[sequence-out-of-order]: stop_sequence goes back in 1 row, first here
  --> feed/stop_times.txt:3:23 stop_sequence: "2"
  action: the calls of each trip were put in the order of stop_sequence
info[stop-on-request]: passengers must ask to board or alight at 2 calls, first here
  --> feed/stop_times.txt:3:25 pickup_type: "2"
  action: they were taken for ordinary ones
warning[value-malformed]: the value is none of 0 to 3
  --> feed/stop_times.txt:6:28 drop_off_type: "4"
  action: it was taken for 0, as usual"#,
    );
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:01/09:00-, Lyon 12:01-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8",
    );
}

#[test]
fn a_trip_may_allow_no_ride() {
    let times =
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type
T1,08:00:00,08:00:00,G1,1,1,0
T1,09:00:00,09:00:00,M,2,1,0
T2,20:00:00,20:00:00,L,1,0,0
T2,24:10:00,24:10:00,G2,2,0,0
";
    check(
        &feed().file("stop_times.txt", times),
        r#"info[station-not-served]: no train calls at 1 of the 3 stations
  --> feed
  action: they were left out, with the transfers from and to them
info[no-ride]: nobody may board and then alight on 1 trip, first this one
  --> feed/trips.txt:2:5 trip_id: "T1"
  action: they were left out"#,
    );
}

#[test]
fn each_trip_is_kept_not_used_or_dropped() {
    let times =
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,drop_off_type
T1,08:00:00,08:00:00,G1,1,,
T1,09:00:00,09:00:00,M,2,,
BUS,08:00:00,08:00:00,G1,1,,
BUS,09:00:00,09:00:00,M,2,,
LATE,20:00:00,20:00:00,L,1,,
LATE,24:10:00,24:10:00,G2,2,,
CLOSED,20:00:00,20:00:00,L,1,1,
CLOSED,24:10:00,24:10:00,G2,2,,
";
    let feed = feed()
        .file("stop_times.txt", times)
        .with("trips.txt", "R,W,T2", "B,W,BUS\nR,V,LATE\nR,W,CLOSED\nR,W,EMPTY")
        .rows("routes.txt", "B,A,Bus,3")
        .rows("calendar.txt", "V,1,1,1,1,1,1,1,20270102,20270108");
    let mut options = options(("2026-11-01", "2026-11-30"));
    options.feeds.dropped_percent_max = 50.0;
    let outcome = checked(&[feed.folder()], &options);
    let [read] = outcome.read.as_slice() else { panic!("{:?}", outcome.read) };
    let counts = (read.read, read.kept(), read.unused, read.dropped);
    assert_eq!(counts, (5, 1, 2, 2), "{}", findings_text(&outcome));
}

#[test]
fn trips_may_run_at_a_headway() {
    let frequencies = "trip_id,start_time,end_time,headway_secs,exact_times
T1,06:00:00,07:00:00,1800,1
T2,09:00:00,09:20:00,630,0
T2,09:10:00,09:11:00,600,
";
    let feed = feed().file("frequencies.txt", frequencies);
    check(
        &feed,
        "info[headway-approximated]: 2 rows: known is how often trains run, not when, first here
  --> feed/frequencies.txt:3:22 headway_secs: \"630\"
  action: the trains run at the start of the window and every headway
warning[frequencies-overlap]: the window of trip `T2` begins before 09:20:00, the end of the \
one before it
  --> feed/frequencies.txt:4:4 start_time: \"09:10:00\"
  action: the runs of both were taken, those of one time once",
    );
    check_journeys(
        &feed,
        "T1@06:00:00 IC, Gent 06:00+, Mons 07:00/07:05, Lyon 10:00-; on 2 3 4 5 6 7 8
T1@06:30:00 IC, Gent 06:30+, Mons 07:30/07:35, Lyon 10:30-; on 2 3 4 5 6 7 8
T2@09:00:00 IC, Lyon 09:00+, Gent 13:10-; on 2 3 4 5 6 7 8
T2@09:10:00 IC, Lyon 09:10+, Gent 13:20-; on 2 3 4 5 6 7 8
T2@09:10:30 IC, Lyon 09:10+, Gent 13:21-; on 2 3 4 5 6 7 8",
    );
    check(
        &feed.rows("frequencies.txt", "T1,08:00:00,12:00:00,2,1"),
        "info[station-not-served]: no train calls at 1 of the 3 stations
  --> feed
  action: they were left out, with the transfers from and to them
info[headway-approximated]: 2 rows: known is how often trains run, not when, first here
  --> feed/frequencies.txt:3:22 headway_secs: \"630\"
  action: the trains run at the start of the window and every headway
warning[frequencies-overlap]: the window of trip `T2` begins before 09:20:00, the end of the \
one before it
  --> feed/frequencies.txt:4:4 start_time: \"09:10:00\"
  action: the runs of both were taken, those of one time once
error[too-many-runs]: trip `T1` has 7202 runs a date, more than 5000
  --> feed/frequencies.txt:5:22 headway_secs: \"2\"
  help: headways are in seconds; look for one that was meant in minutes",
    );
}

#[test]
fn passengers_may_stay_seated() {
    let feed = feed()
        .rows("trips.txt", "R,W,T3\nR,W,T4")
        .rows(
            "stop_times.txt",
            "T3,12:10:00,12:10:00,L,1\nT3,13:00:00,13:05:00,M,2\nT3,14:00:00,14:00:00,G1,3",
        )
        .rows("stop_times.txt", "T4,14:10:00,14:10:00,G2,1\nT4,15:00:00,15:00:00,M,2");
    let transfers = "from_stop_id,to_stop_id,transfer_type,from_trip_id,to_trip_id
,,4,T1,T3
,,4,T3,T4
,,4,T3,T2
,,4,T1,T4
,,5,T1,T2
,,4,T1,T2
,,4,T1,T9
";
    let feed = feed.file("transfers.txt", transfers);
    check(
        &feed,
        r#"warning[in-seat-not-joined]: the second trip does not start where the first ends
  --> feed/transfers.txt:4:5 from_trip_id: "T3"
  action: passengers must change between the trips
warning[in-seat-not-joined]: the second trip does not start where the first ends
  --> feed/transfers.txt:5:5 from_trip_id: "T1"
  action: passengers must change between the trips
warning[unknown-reference]: trips.txt has no such trip_id
  --> feed/transfers.txt:8:8 to_trip_id: "T9"
  action: the transfer was left out"#,
    );
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T1+T3 IC, Gent 08:00+, Mons 09:00/09:05+, Lyon 12:00/12:10x, Mons 13:00/13:05-, Gent 14:00-; \
on 2 3 4 5 6 7 8
T1+T3+T4 IC, Gent 08:00+, Mons 09:00/09:05+, Lyon 12:00/12:10x, Mons 13:00/13:05x, Gent \
14:00/14:10x, Mons 15:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
T3 IC, Lyon 12:10+, Mons 13:00/13:05, Gent 14:00-; on 2 3 4 5 6 7 8
T3+T4 IC, Lyon 12:10+, Mons 13:00/13:05+, Gent 14:00/14:10x, Mons 15:00-; on 2 3 4 5 6 7 8
T4 IC, Gent 14:10+, Mons 15:00-; on 2 3 4 5 6 7 8",
    );
}

#[test]
fn equal_trips_are_one_journey_with_several_names() {
    let copy = |id: &str| feed_rows(id);
    let feed = feed()
        .rows(
            "calendar.txt",
            "V,1,1,0,0,0,0,0,20261109,20261115\nX,0,1,1,0,0,0,0,20261102,20261110",
        )
        .rows("trips.txt", "R,V,T1-b\nR,X,T1-c")
        .rows("stop_times.txt", &copy("T1-b"))
        .rows("stop_times.txt", &copy("T1-c"));
    check(&feed, "");
    check_journeys(
        &feed,
        "T1|T1-b IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8 9 10
T1-c IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 3 4 10
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8",
    );
}

fn feed_rows(id: &str) -> String {
    let rows = super::STOP_TIMES.lines().filter(|row| row.starts_with("T1,"));
    rows.map(|row| row.replace("T1,", &format!("{id},"))).collect::<Vec<_>>().join("\n")
}

const ZONES: &str = "stop_id,stop_name,stop_lat,stop_lon,zone_id
G1,Gent,51.03,3.71,a
G2,Gent,51.03,3.71,a
M,Mons,50.45,3.94,b
L,Lyon,45.76,4.86,c
";

#[test]
fn fares_go_by_route_zones_and_agency() {
    let fares = "fare_id,price,currency_type,agency_id
AB,5.5,EUR,
BC,7.00,EUR,A
AC,20,EUR,
R,15.00,EUR,A
O,1.00,EUR,B
";
    let rules = "fare_id,route_id,origin_id,destination_id,contains_id
AB,,a,b,
BC,R,b,c,
AC,,a,c,
R,,,,a
R,,,,b
R,,,,c
O,,a,b,
";
    let feed = feed()
        .file("stops.txt", ZONES)
        .rows("agency.txt", "B,Other,http://b.example,Europe/Brussels")
        .file("fare_attributes.txt", fares)
        .file("fare_rules.txt", rules);
    check(&feed, "");
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8; EUR 5.50 15.00 7.00
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8",
    );
    check(
        &feed.rows("fare_rules.txt", "AB,,a,z,\nXX,,a,b,\nAB,Z,,,"),
        r#"warning[unknown-reference]: stops.txt has no such zone_id
  --> feed/fare_rules.txt:9:7 destination_id: "z"
  action: the rule was left out
warning[unknown-reference]: fare_attributes.txt has no such fare_id
  --> feed/fare_rules.txt:10:1 fare_id: "XX"
  action: the rule was left out
warning[unknown-reference]: routes.txt has no such route_id
  --> feed/fare_rules.txt:11:4 route_id: "Z"
  action: the rule was left out"#,
    );
}

#[test]
fn a_fare_without_rules_applies_to_everything_and_one_currency_counts() {
    let fares = "fare_id,price,currency_type\nF,9.90,CHF\nG,12,CHF\nH,1.00,EUR\n";
    let feed = feed().file("fare_attributes.txt", fares);
    check(
        &feed,
        r#"warning[currency-left-out]: the fare is not in CHF, the currency of most fares
  --> feed/fare_attributes.txt:4:8 currency_type: "EUR"
  action: the fare was left out"#,
    );
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8; CHF 9.90 9.90 9.90
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8; CHF 9.90",
    );
    let feed =
        feed.with("fare_attributes.txt", "9.90", "-9.90").with("fare_attributes.txt", "12", "12.-");
    check(
        &feed,
        r#"error[negative-price]: the price is below zero
  --> feed/fare_attributes.txt:2:3 price: "-9.90"
error[price-malformed]: the price is not a number
  --> feed/fare_attributes.txt:3:3 price: "12.-""#,
    );
}
