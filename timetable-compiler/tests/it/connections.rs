//! Connections of trains without prices: what a timetable of a few trains leads to.

use std::collections::BTreeSet;

use schema::{ArchivedPackedLeg, NetworkFile, NetworkView};
use timetable_compiler::compile::{Goal, compile};
use timetable_compiler::read::{FolderFile, Input};

use crate::{NO_PERIOD, options};

/// A feed whose trips are `id: STATION time, STATION time, …`, all on one day.
fn feed(trips: &str) -> Input {
    let mut stations = BTreeSet::new();
    let mut trips_txt = vec!["route_id,service_id,trip_id".to_owned()];
    let mut times = vec!["trip_id,arrival_time,departure_time,stop_id,stop_sequence".to_owned()];
    for line in trips.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (id, calls) = line.split_once(": ").expect("an id");
        trips_txt.push(format!("R,W,{id}"));
        for (at, call) in calls.split(", ").enumerate() {
            let (station, time) = call.split_once(' ').expect("a station and a time");
            stations.insert(station);
            times.push(format!("{id},{time}:00,{time}:00,{station},{at}"));
        }
    }
    let mut stops = vec!["stop_id,stop_name,stop_lat,stop_lon".to_owned()];
    stops.extend(stations.iter().map(|it| format!("{it},{it},50.0,4.0")));
    let files = [
        ("agency.txt", "agency_name,agency_url,agency_timezone\nA,a,Europe/Brussels\n".to_owned()),
        ("routes.txt", "route_id,route_short_name,route_type\nR,IC,2\n".to_owned()),
        ("calendar_dates.txt", "service_id,date,exception_type\nW,20261102,1\n".to_owned()),
        ("stops.txt", stops.join("\n")),
        ("trips.txt", trips_txt.join("\n")),
        ("stop_times.txt", times.join("\n")),
    ];
    let file = |(path, text): (&str, String)| FolderFile {
        path: path.to_owned(),
        bytes: Some(text.into_bytes()),
    };
    Input::folder("feed", files.map(file).into_iter().collect())
}

/// The connections between two stations that are best, each as the names of its trains.
#[track_caller]
fn check(trips: &str, (from, to): (&str, &str), expected: &[&str]) {
    let options = options(NO_PERIOD);
    let outcome = compile(&[feed(trips)], &options, Goal::Build, &|_| ()).expect("fitting options");
    let compiled = outcome.compiled.expect("a feed without errors");
    let file = NetworkFile::open(compiled.encode().expect("bytes")).expect("a sound file");
    let view = file.view();
    let station = |key: &str| view.station_by_key(key).expect("a station of the feed");
    let connections = view.connections(station(from), station(to));
    let mut found: Vec<String> = Vec::new();
    found.extend(connections.direct.iter().map(|row| trains(view, &row.legs)));
    found.extend(connections.one_stop.iter().map(|row| trains(view, &row.legs)));
    found.extend(connections.two_stop.iter().map(|row| trains(view, &row.legs)));
    assert_eq!(found, expected, "{from} to {to}");
}

fn trains(view: NetworkView<'_>, legs: &[ArchivedPackedLeg]) -> String {
    let train = |leg: &ArchivedPackedLeg| view.sources_of(leg.unpack().journey)[0].id.to_string();
    legs.iter().map(train).collect::<Vec<_>>().join(" ")
}

#[test]
fn later_and_quicker_trains_replace_earlier_and_slower_ones() {
    let trips = "
        slow: A 08:00, B 12:00
        fast: A 09:00, B 11:00
        late: A 10:00, B 13:00";
    check(trips, ("A", "B"), &["fast", "late"]);
}

#[test]
fn a_change_is_kept_where_two_trains_cross() {
    // East is first in S, west is first in T, and either train could be left in the other's.
    let trips = "
        east: X 09:00, S 10:00, T 10:20
        west: X 09:00, T 10:15, S 10:40
        on: S 11:00, T 11:10, Z 12:00";
    check(trips, ("X", "Z"), &["east on"]);
}

#[test]
fn a_change_is_kept_where_a_train_calls_twice() {
    let trips = "
        loop: X 08:00, S 08:15, S 08:30
        on: S 09:00, Z 10:00";
    check(trips, ("X", "Z"), &["loop on"]);
}

#[test]
fn of_equal_ways_the_one_with_the_longest_of_the_shortest_waits_stays() {
    let trips = "
        first: X 09:00, P 10:00, Q 10:30
        p: P 10:10, R 11:00
        q: Q 10:45, R 11:00
        last: R 11:20, Z 12:00";
    check(trips, ("X", "Z"), &["first q last"]);
}
