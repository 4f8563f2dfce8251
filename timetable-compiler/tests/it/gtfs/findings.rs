//! Findings of the files of a feed but stop_times.txt.

use super::{check, check_inputs, check_journeys, feed};
use crate::{NO_PERIOD, options};

#[test]
fn files_may_be_missing_or_without_rows() {
    check(
        &feed().without("agency.txt").without("calendar.txt"),
        "error[missing-file]: the feed lacks agency.txt
  --> feed
error[missing-file]: the feed lacks calendar.txt or calendar_dates.txt
  --> feed",
    );
    let feed = feed().file("transfers.txt", "from_stop_id,to_stop_id,transfer_type\n");
    check(
        &feed.clone().file("frequencies.txt", "\n"),
        "info[header-only]: the file has a header and no rows
  --> feed/transfers.txt
  action: the feed was read as if it lacked the file
info[header-only]: the file is empty
  --> feed/frequencies.txt
  action: the feed was read as if it lacked the file",
    );
    check(
        &feed.file("trips.txt", "route_id,service_id,trip_id"),
        "error[no-rows]: the file has a header and no rows
  --> feed/trips.txt
info[header-only]: the file has a header and no rows
  --> feed/transfers.txt
  action: the feed was read as if it lacked the file",
    );
}

#[test]
fn a_header_may_lack_a_column_and_have_others() {
    let feed = feed().with("trips.txt", "service_id,", "service,");
    check(
        &feed.with("stops.txt", "stop_lat", "stop_colour"),
        r#"info[extra-column]: the column is not used
  --> feed/stops.txt:1:19 "stop_colour"
  action: its values were left out
error[missing-column]: the header lacks the column `service_id`
  --> feed/trips.txt:1:1
info[extra-column]: the column is not used
  --> feed/trips.txt:1:10 "service"
  action: its values were left out"#,
    );
}

#[test]
fn values_may_be_padded_and_ids_in_one_file_only() {
    let feed = feed().with("stops.txt", "M,Mons", "M  , Mons ").with("trips.txt", "W,T1", "W ,T1 ");
    check(
        &feed,
        r#"info[padded-value]: there are blanks around values of 1 row, first here
  --> feed/stops.txt:5:1 stop_id: "M  "
  action: the blanks were left out, of keys and of references to them
info[padded-value]: there are blanks around values of 1 row, first here
  --> feed/trips.txt:2:6 trip_id: "T1 "
  action: the blanks were left out, of keys and of references to them"#,
    );
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8",
    );
}

#[test]
fn a_file_may_be_quoted_with_other_line_breaks_and_a_mark() {
    let quoted = "\u{feff}\"stop_id\",\"stop_name\",\"stop_desc\"\r
\"G1\",\"Gent, south\",\"a\r
b\"\r\n\
                  \"G2\",\"Gent\",\"\"\r\n\"M\",\"Mons\",\"\"\r\n\"L\",\"Lyon\",\"\"\r\n";
    check(
        &feed().file("stops.txt", quoted),
        r#"info[byte-order-mark]: the file begins with a byte order mark
  --> feed/stops.txt
  action: it was skipped
warning[place-unusable]: the station has no coordinates
  --> feed/stops.txt:2:1 stop_lat: ""
  action: the station has no place
warning[place-unusable]: the station has no coordinates
  --> feed/stops.txt:4:1 stop_lat: ""
  action: the station has no place
warning[place-unusable]: the station has no coordinates
  --> feed/stops.txt:5:1 stop_lat: ""
  action: the station has no place
warning[place-unusable]: the station has no coordinates
  --> feed/stops.txt:6:1 stop_lat: ""
  action: the station has no place"#,
    );
}

#[test]
fn rows_may_be_too_narrow_or_too_wide() {
    let feed = feed().with("stops.txt", "M,Mons,50.45,3.94,,", "M,Mons,50.45,3.94");
    let feed = feed.with("stops.txt", "L,Lyon,45.76,4.86,,", "L,Lyon,45.76,4.86,,,,");
    check(
        &feed.with("trips.txt", "R,W,T2", "R,W\nR,W,T2,x"),
        "warning[row-width]: the row has 4 values and the header 6 columns
  --> feed/stops.txt:5:1 \"M,Mons,50.45,3.94\"
  action: the values that are missing were taken for empty
warning[row-width]: the row has 8 values and the header 6 columns
  --> feed/stops.txt:6:1 \"L,Lyon,45.76,4.86,,,,\"
  action: the empty values at its end were left out
error[too-few-columns]: the row has 2 values and the header 3 columns
  --> feed/trips.txt:3:1 \"R,W\"
  help: an empty value still needs its comma
error[too-many-columns]: the row has 4 values and the header 3 columns
  --> feed/trips.txt:4:1 \"R,W,T2,x\"
  help: put a value that holds a comma in double quotes
warning[unknown-reference]: trips.txt has no such trip_id
  --> feed/stop_times.txt:5:1 trip_id: \"T2\"
  action: its stop times were left out
error[too-many-dropped]: 1 of 2 trips (50.00 %) were left out for their defects, more than \
the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn keys_may_be_there_twice() {
    let feed = feed().rows("stops.txt", "M,Mons,50.45,3.94,,\nM,Mons-sur-Haine,50.45,3.94,,");
    let feed = feed.rows("trips.txt", "R,W, T1\nR,W2,T1");
    check(
        &feed.rows("stop_times.txt", "T1,09:00:00,09:05:00,M,2\nT1,10:00:00,10:05:00,M,2"),
        r#"info[repeated-key]: the row is that of line 5 again
  --> feed/stops.txt:7:1 stop_id: "M"
  action: it was counted once
error[duplicate-key]: the row has the key of line 5 and other values
  --> feed/stops.txt:8:1 stop_id: "M"
  help: remove one of the rows, or give it another key
info[padded-value]: there are blanks around values of 1 row, first here
  --> feed/trips.txt:4:5 trip_id: " T1"
  action: the blanks were left out, of keys and of references to them
info[repeated-key]: the row is that of line 2 again
  --> feed/trips.txt:4:5 trip_id: "T1"
  action: it was counted once
error[duplicate-key]: the row has the key of line 2 and other values
  --> feed/trips.txt:5:6 trip_id: "T1"
  help: remove one of the rows, or give it another key
info[repeated-key]: the row is that of line 3 again
  --> feed/stop_times.txt:7:24 stop_sequence: "2"
  action: it was counted once
info[sequence-out-of-order]: stop_sequence goes back in 1 row, first here
  --> feed/stop_times.txt:7:24 stop_sequence: "2"
  action: the calls of each trip were put in the order of stop_sequence
error[duplicate-key]: the row has the key of line 3 and other values
  --> feed/stop_times.txt:8:24 stop_sequence: "2"
  help: remove one of the rows, or give it another key"#,
    );
}

#[test]
fn references_may_lead_nowhere() {
    let feed = feed().rows("trips.txt", "X,W,T3\nX,V,T4").rows("routes.txt", "R2,B,IC,2");
    let feed = feed.rows("stop_times.txt", "T9,09:00:00,09:05:00,M,1\nT9,10:00:00,10:05:00,L,2");
    check(
        &feed.with("stop_times.txt", "24:10:00,G2", "24:10:00,G9"),
        "warning[unknown-reference]: agency.txt has no such agency_id
  --> feed/routes.txt:3:4 agency_id: \"B\"
  action: its trains have no operator
warning[unknown-reference]: routes.txt has no such route_id
  --> feed/trips.txt:4:1 route_id: \"X\"
  action: the trip was left out
warning[unknown-reference]: routes.txt has no such route_id
  --> feed/trips.txt:5:1 route_id: \"X\"
  action: the trip was left out
warning[unknown-reference]: neither calendar has such a service_id
  --> feed/trips.txt:5:3 service_id: \"V\"
  action: the trip was left out
warning[unknown-reference]: stops.txt has no such stop_id
  --> feed/stop_times.txt:6:22 stop_id: \"G9\"
  action: the trip was left out
warning[unknown-reference]: trips.txt has no such trip_id
  --> feed/stop_times.txt:7:1 trip_id: \"T9\"
  action: its stop times were left out
error[too-many-dropped]: 4 of 5 trips (80.00 %) were left out for their defects, more than \
the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn values_may_be_malformed() {
    let feed =
        feed().rows("stops.txt", "X,Xanten,51.6,6.4,platform,").rows("stops.txt", ",Y,1,1,,");
    let feed = feed.rows("trips.txt", "R,U,T3").rows("agency.txt", "B,Other,,Europe/Brussels");
    let feed = feed.rows("routes.txt", "R3,,IC,2");
    let feed = feed
        .rows("routes.txt", "R2,A,Bus,bus")
        .rows("calendar.txt", "V,yes,1,1,1,1,1,1,2026,20261108\nU,1,1,1,1,1,1,1,2026,20261108");
    let feed = feed.file(
        "calendar_dates.txt",
        "service_id,date,exception_type\nW,20261131,1\nW,20261101,3\n,20261101,1\n",
    );
    check(
        &feed,
        "info[station-not-served]: no train calls at 1 of the 4 stations
  --> feed
  action: they were left out, with the transfers from and to them
warning[value-malformed]: the value is none of 0 to 4
  --> feed/stops.txt:7:19 location_type: \"platform\"
  action: it was taken for 0, a stop or platform
warning[value-malformed]: the value is empty
  --> feed/stops.txt:8:1 stop_id: \"\"
  action: the row was left out
warning[value-malformed]: the value is empty, and the feed has several agencies
  --> feed/routes.txt:3:4 agency_id: \"\"
  action: its trains have no operator
warning[value-malformed]: the route type is no number of GTFS
  --> feed/routes.txt:4:10 route_type: \"bus\"
  action: its trips were left out
warning[value-malformed]: the value is none of 0 to 1
  --> feed/calendar.txt:3:3 monday: \"yes\"
  action: the trips of the service were left out
warning[value-malformed]: the date is not of the form YYYYMMDD, from 1990 to 2199
  --> feed/calendar.txt:3:19 start_date: \"2026\"
  action: the trips of the service were left out
warning[value-malformed]: the date is not of the form YYYYMMDD, from 1990 to 2199
  --> feed/calendar.txt:4:17 start_date: \"2026\"
  action: the trips of the service were left out
warning[value-malformed]: the date is not of the form YYYYMMDD, from 1990 to 2199
  --> feed/calendar_dates.txt:2:3 date: \"20261131\"
  action: the exception was left out
warning[value-malformed]: the value is neither 1 nor 2
  --> feed/calendar_dates.txt:3:12 exception_type: \"3\"
  action: the exception was left out
warning[value-malformed]: the value is empty
  --> feed/calendar_dates.txt:4:1 service_id: \"\"
  action: the exception was left out
error[too-many-dropped]: 1 of 3 trips (33.33 %) were left out for their defects, more than \
the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn values_of_smaller_files_may_be_malformed() {
    let feed = feed().file("feed_info.txt", "feed_publisher_name,feed_end_date\nAcme,soon\n");
    let feed = feed.file(
        "transfers.txt",
        "from_stop_id,to_stop_id,transfer_type,min_transfer_time\nG,M,2,\nG,L,2,-1\nG,G,7,\n",
    );
    let feed = feed.file(
        "frequencies.txt",
        "trip_id,start_time,end_time,headway_secs,exact_times
T2,6:00,08:00:00,x,2
T2,09:00:00,08:00:00,60,1
",
    );
    let feed = feed.file(
        "fare_attributes.txt",
        "fare_id,price,currency_type\nF,,EUR\nH,2.50,Euro\nI,2.505,EUR\n",
    );
    check(
        &feed,
        "warning[value-malformed]: the date is not of the form YYYYMMDD, from 1990 to 2199
  --> feed/feed_info.txt:2:6 feed_end_date: \"soon\"
  action: it was taken for missing
warning[value-malformed]: a transfer of type 2 has no time
  --> feed/transfers.txt:2:7 min_transfer_time: \"\"
  action: the network's minimum transfer time was taken
warning[value-malformed]: the time is not a number of seconds, up to a day
  --> feed/transfers.txt:3:7 min_transfer_time: \"-1\"
  action: the transfer was left out
warning[value-malformed]: the value is none of 0 to 5
  --> feed/transfers.txt:4:5 transfer_type: \"7\"
  action: the transfer was left out
warning[value-malformed]: the time is not of the form HH:MM:SS, up to 192:00:00
  --> feed/frequencies.txt:2:4 start_time: \"6:00\"
  action: the trip was left out
warning[value-malformed]: the headway is not from 1 to 86400 seconds
  --> feed/frequencies.txt:2:18 headway_secs: \"x\"
  action: the trip was left out
warning[value-malformed]: the value is none of 0 to 1
  --> feed/frequencies.txt:2:20 exact_times: \"2\"
  action: it was taken for 0
warning[value-malformed]: the window ends before it starts
  --> feed/frequencies.txt:3:13 end_time: \"08:00:00\"
  action: the trip was left out
warning[value-malformed]: the value is empty
  --> feed/fare_attributes.txt:2:3 price: \"\"
  action: the fare was left out
warning[value-malformed]: the currency is not a code of three capital letters
  --> feed/fare_attributes.txt:3:8 currency_type: \"Euro\"
  action: the fare was left out
error[price-too-precise]: the price has a fraction of a cent
  --> feed/fare_attributes.txt:4:3 price: \"2.505\"
  help: write `2.51`, if it is to be rounded
error[too-many-dropped]: 1 of 2 trips (50.00 %) were left out for their defects, more than \
the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn zones_may_differ_or_be_unknown() {
    let feed = feed().rows(
        "agency.txt",
        "B,Other,http://b.example,Europe/London\nC,Third,http://c.example,Europe/Brusels",
    );
    check(
        &feed,
        r#"error[zone-differs]: the zone is not Europe/Brussels, that of the agency above
  --> feed/agency.txt:3:26 agency_timezone: "Europe/London"
  help: GTFS has one zone for all times of a feed: split the feed
error[unknown-zone]: the time zone is not in the IANA database
  --> feed/agency.txt:4:26 agency_timezone: "Europe/Brusels"
  help: `Europe/Brussels` may be meant"#,
    );
    let stops = "stop_id,stop_name,stop_lat,stop_lon,stop_timezone,parent_station
G1,Gent,51.0,3.7,,
G2,Gent,51.0,3.7,,\n\
                 M,Mons,50.45,3.94,Europe/Brusels,\nL,Lyon,45.76,4.86,Mars/Olympus,\n";
    check(
        &super::feed().file("stops.txt", stops),
        r#"warning[stop-zone-unknown]: the time zone is not in the IANA database
  --> feed/stops.txt:4:19 stop_timezone: "Europe/Brusels"
  action: the agency's zone was taken instead
  help: `Europe/Brussels` may be meant
warning[stop-zone-unknown]: the time zone is not in the IANA database
  --> feed/stops.txt:5:19 stop_timezone: "Mars/Olympus"
  action: the agency's zone was taken instead
  help: write a name such as `Europe/Brussels`"#,
    );
}

#[test]
fn the_zone_of_a_stop_is_that_of_its_clock_only() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_timezone
G,Gent,51.03,3.71,1,,
G1,Gent,51.03,3.71,,G,Asia/Tokyo
G2,Gent,51.03,3.71,,G,Asia/Tokyo
M,Mons,50.45,3.94,,,Europe/London
L,Lyon,45.76,4.86,,,
";
    check_journeys(
        &feed().file("stops.txt", stops),
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
clocks at Mons: Europe/London",
    );
}

#[test]
fn stations_may_have_no_parent_place_or_name() {
    let stops = "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station
G1,Gent,51.03,3.71,0,G
G2,Gent,51.03,3.71,0,M
A,Area,51.03,3.71,4,G1
M,—,-200,-200,,
L,Lyon,,,,
";
    let feed = feed().file("stops.txt", stops);
    check(
        &feed,
        "warning[parent-unusable]: stops.txt has no such stop
  --> feed/stops.txt:2:22 parent_station: \"G\"
  action: the stop was taken for a station of its own
warning[parent-unusable]: the parent is not a station
  --> feed/stops.txt:3:22 parent_station: \"M\"
  action: the stop was taken for a station of its own
warning[parent-unusable]: the platform of the boarding area stands in no station
  --> feed/stops.txt:4:21 parent_station: \"G1\"
  action: the stop was taken for a station of its own
warning[station-without-name]: the station has no name with letters or digits
  --> feed/stops.txt:5:3 stop_name: \"—\"
  action: its stop_id was taken for its name
warning[place-unusable]: the station's coordinates are not from -90 to 90 and from -180 to \
180 degrees
  --> feed/stops.txt:5:5 stop_lat: \"-200\"
  action: the station has no place
warning[place-unusable]: the station has no coordinates
  --> feed/stops.txt:6:8 stop_lat: \"\"
  action: the station has no place",
    );
    check(
        &feed.with("stops.txt", "-200,-200", "0.0,0"),
        r#"warning[parent-unusable]: stops.txt has no such stop
  --> feed/stops.txt:2:22 parent_station: "G"
  action: the stop was taken for a station of its own
warning[parent-unusable]: the parent is not a station
  --> feed/stops.txt:3:22 parent_station: "M"
  action: the stop was taken for a station of its own
warning[parent-unusable]: the platform of the boarding area stands in no station
  --> feed/stops.txt:4:21 parent_station: "G1"
  action: the stop was taken for a station of its own
warning[station-without-name]: the station has no name with letters or digits
  --> feed/stops.txt:5:3 stop_name: "—"
  action: its stop_id was taken for its name
warning[place-unusable]: the station's coordinates are 0, 0, where there is only sea
  --> feed/stops.txt:5:5 stop_lat: "0.0"
  action: the station has no place
warning[place-unusable]: the station has no coordinates
  --> feed/stops.txt:6:8 stop_lat: ""
  action: the station has no place"#,
    );
}

#[test]
fn a_calendar_may_be_reversed_or_removed_from_in_vain() {
    let feed = feed().file(
        "calendar_dates.txt",
        "service_id,date,exception_type\nW,20261101,2\nW,20261103,2\n\
        X,20261103,2\nX,20261104,2\nW,20261103,2\n",
    );
    check(
        &feed,
        r#"warning[removal-without-effect]: the service does not run on that date anyway
  --> feed/calendar_dates.txt:2:3 date: "20261101"
  action: the removal was left out
warning[removal-without-effect]: calendar.txt has no such service
  --> feed/calendar_dates.txt:4:1 service_id: "X"
  action: the removal was left out
info[repeated-key]: the row is that of line 3 again
  --> feed/calendar_dates.txt:6:3 date: "20261103"
  action: it was counted once"#,
    );
    let feed = feed.with("calendar.txt", "20261102,20261108", "20261108,20261102");
    check(
        &feed.rows("calendar_dates.txt", "W,20261103,1"),
        "error[calendar-reversed]: the service ends on 2026-11-02, before it starts on 2026-11-08
  --> feed/calendar.txt:2:26 end_date: \"20261102\"
  help: swap the two dates, or correct one
warning[removal-without-effect]: calendar.txt has no such service
  --> feed/calendar_dates.txt:4:1 service_id: \"X\"
  action: the removal was left out
info[repeated-key]: the row is that of line 3 again
  --> feed/calendar_dates.txt:6:3 date: \"20261103\"
  action: it was counted once
error[duplicate-key]: the row has the key of line 6 and other values
  --> feed/calendar_dates.txt:7:3 date: \"20261103\"
  help: remove one of the rows, or give it another key
error[too-many-dropped]: 2 of 2 trips (100.00 %) were left out for their defects, more than \
the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn a_service_may_have_dates_only_or_none() {
    let dates = "service_id,date,exception_type\nW,20261102,1\nW,20261105,1\n";
    let feed = feed().without("calendar.txt").file("calendar_dates.txt", dates);
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 5
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 5",
    );
    let feed = feed.file("calendar_dates.txt", "service_id,date,exception_type\nW,20261102,2\n");
    check(
        &feed,
        "warning[removal-without-effect]: calendar.txt has no such service
  --> feed/calendar_dates.txt:2:1 service_id: \"W\"
  action: the removal was left out
error[too-many-dropped]: 2 of 2 trips (100.00 %) were left out for their defects, more \
than the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn a_service_whose_dates_are_lost_counts_and_one_that_never_runs_does_not() {
    let never = feed().rows("calendar.txt", "V,0,0,0,0,0,0,0,20261102,20261108").with(
        "trips.txt",
        "W,T2",
        "V,T2",
    );
    check(
        &never,
        "info[trips-outside-period]: no date from 2026-11-02 to 2026-11-08 has a run of 1 trip
  --> feed
  action: they were left out",
    );
    let dates = "service_id,date,exception_type\nV,2026-11-03,1\n";
    check(
        &never.file("calendar_dates.txt", dates),
        "warning[value-malformed]: the date is not of the form YYYYMMDD, from 1990 to 2199
  --> feed/calendar_dates.txt:2:3 date: \"2026-11-03\"
  action: the exception was left out
error[too-many-dropped]: 1 of 2 trips (50.00 %) were left out for their defects, more \
than the 1 % that may be
  help: mend the warnings, or allow more with `--max-dropped PERCENT`",
    );
}

#[test]
fn a_feed_of_which_nothing_is_left_is_an_error() {
    let mut options = options(NO_PERIOD);
    options.feeds.dropped_percent_max = 100.0;
    let backwards = feed()
        .with("stop_times.txt", "T1,12:00:00,12:00:00", "T1,07:00:00,07:00:00")
        .with("stop_times.txt", "T2,24:10:00,24:10:00", "T2,10:00:00,10:00:00");
    let outcome = crate::checked(&[backwards.folder()], &options);
    let text = crate::findings_text(&outcome);
    assert!(text.ends_with("error[nothing-runs]: no train is left of all inputs"), "{text}");
}

#[test]
fn nobody_changes_at_a_station_that_forbids_it() {
    let transfers = "from_stop_id,to_stop_id,transfer_type\nM,M,3\nG,G,3\nG1,G2,3\nG2,G1,3\n";
    let feed = feed().file("transfers.txt", transfers);
    check(
        &feed,
        "warning[transfer-not-applied]: the transfer within a station is impossible for some of \
its stops
  --> feed/transfers.txt:4:7 transfer_type: \"3\"
  action: the transfer was left out
warning[transfer-not-applied]: the transfer within a station is impossible for some of \
its stops
  --> feed/transfers.txt:5:7 transfer_type: \"3\"
  action: the transfer was left out",
    );
    let network = super::network(&feed);
    let minutes: Vec<u16> = network.stations.iter().map(|it| it.transfer_minutes_min).collect();
    assert_eq!(minutes, [u16::MAX, 15, u16::MAX], "Gent, Lyon, Mons");
}

#[test]
fn trips_may_run_outside_the_period() {
    let feed = feed().rows("calendar.txt", "V,1,1,1,1,1,1,1,20270102,20270108").with(
        "trips.txt",
        "W,T2",
        "V,T2",
    );
    check_inputs(
        &[feed.folder()],
        &options(("2026-11-01", "2026-11-30")),
        "info[trips-outside-period]: no date from 2026-11-01 to 2026-11-30 has a run of 1 trip
  --> feed
  action: they were left out",
    );
    check_inputs(
        &[feed.folder()],
        &options(("2028-11-01", "2028-11-30")),
        "info[trips-outside-period]: no date from 2028-11-01 to 2028-11-30 has a run of 2 trips
  --> feed
  action: they were left out
info[station-not-served]: no train calls at 3 of the 3 stations
  --> feed
  action: they were left out, with the transfers from and to them
error[nothing-runs]: the timetable has no train that runs between 2028-11-01 and 2028-11-30",
    );
}

#[test]
fn a_service_may_end_in_2059() {
    let feed = feed().with("calendar.txt", "20261108", "20591231");
    check(
        &feed,
        "warning[period-cut]: the services run from 2026-11-02 to 2059-12-31, which is 12113 dates
  --> feed
  action: the period was cut to 2026-11-02 to 2027-12-06
  help: say which dates to compile with `--from DATE --until DATE`",
    );
    let info = "feed_publisher_name,feed_start_date,feed_end_date\nAcme,20261101,20261231\n";
    check(
        &feed.clone().file("feed_info.txt", info),
        "warning[period-cut]: the services run from 2026-11-02 to 2059-12-31, which is 12113 dates
  --> feed
  action: the period was cut to 2026-11-02 to 2026-12-31
  help: say which dates to compile with `--from DATE --until DATE`",
    );
    check_inputs(&[feed.folder()], &options(("", "2026-12-31")), "");
    check_inputs(
        &[feed.folder()],
        &options(("2026-12-31", "")),
        "warning[period-cut]: the services run from 2026-12-31 to 2059-12-31, which is 12054 dates
  --> feed
  action: the period was cut to 2026-12-31 to 2028-02-03
  help: say which dates to compile with `--from DATE --until DATE`",
    );
}

#[test]
fn other_routes_are_left_out() {
    let feed =
        feed().rows("routes.txt", "B,A,Bus,3\nC,A,Coach,200").with("trips.txt", "R,W,T2", "B,W,T2");
    check(
        &feed,
        "info[route-type-left-out]: route type 3 (Bus) is not asked for: 1 trip of 1 route
  --> feed
  action: they were left out
  help: add 3 to `--route-types` to have them",
    );
    let mut options = options(NO_PERIOD);
    options.feeds.route_types = "0,1".parse().expect("types");
    check_inputs(
        &[feed.folder()],
        &options,
        "info[route-type-left-out]: route type 2 (Rail) is not asked for: 1 trip of 1 route
  --> feed
  action: they were left out
  help: add 2 to `--route-types` to have them
info[route-type-left-out]: route type 3 (Bus) is not asked for: 1 trip of 1 route
  --> feed
  action: they were left out
  help: add 3 to `--route-types` to have them
error[nothing-runs]: the feed has no trips of route types 0,1
  --> feed
  help: it has those of types 2, 3; see `--route-types`",
    );
}

#[test]
fn transfers_may_be_for_some_only() {
    let transfers =
        "from_stop_id,to_stop_id,transfer_type,min_transfer_time,from_route_id,from_trip_id
G1,G2,2,400,,
G2,G1,2,61,,
G,M,2,601,,
G1,M,2,600,,
M,L,0,,,
L,M,1,,,
M,G,2,600,,
M,G1,3,,,
G1,G2,3,,,
L,G,3,,,
G,M,2,60,R,
G,M,0,,,T1
G,X,0,,,
";
    let feed = feed().file("transfers.txt", transfers);
    check(
        &feed,
        "warning[transfer-not-applied]: the transfer between two stations is impossible, and \
another row allows one
  --> feed/transfers.txt:9:6 transfer_type: \"3\"
  action: there is no footpath between the stations
warning[transfer-not-applied]: the transfer within a station is impossible for some of its stops
  --> feed/transfers.txt:10:7 transfer_type: \"3\"
  action: the transfer was left out
warning[transfer-not-applied]: the transfer is for some routes or trips only, which a network \
file cannot say
  --> feed/transfers.txt:12:10 from_route_id: \"R\"
  action: the transfer was left out
warning[transfer-not-applied]: the transfer is for some routes or trips only, which a network \
file cannot say
  --> feed/transfers.txt:13:9 from_trip_id: \"T1\"
  action: the transfer was left out
warning[unknown-reference]: stops.txt has no such stop_id
  --> feed/transfers.txt:14:3 to_stop_id: \"X\"
  action: the transfer was left out",
    );
    check_journeys(
        &feed,
        "T1 IC, Gent 08:00+, Mons 09:00/09:05, Lyon 12:00-; on 2 3 4 5 6 7 8
T2 IC, Lyon 20:00+, Gent 24:10-; on 2 3 4 5 6 7 8
change at Gent: 7 min
walk Gent to Mons: 11 min
walk Lyon to Mons: 15 min
walk Mons to Lyon: 15 min",
    );
}
