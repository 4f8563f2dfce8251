//! Two timetables of a few lines, and what is said to have changed from one to the other.

use rkyv::util::AlignedVec;
use schema::{Footpath, NetworkFile, StationIdx};
use serde_json::{Value, json};
use timetable_compiler::compile::{Compiled, Goal, Options, compile};
use timetable_compiler::diff::Difference;

use crate::{Dates, NINE, PERIOD, STATIONS, file, options};

const ROWS: &str = "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10
R2,Mons,Lyon,10:00,14:00,TGV,Mon-Fri,60,40
R3,Lyon,Gent,23:30,06:00 (+1d),NJ,Sat,,80";

fn built(period: Dates, stations: Option<&str>, rows: &str) -> Compiled {
    let stations = stations.map(|rows| file("s.csv", STATIONS, rows));
    let options = Options { stations, ..options(period) };
    let inputs = [file("t.csv", NINE, rows)];
    let outcome = compile(&inputs, &options, Goal::Build, &|_| ()).expect("options that fit");
    outcome.compiled.expect("a timetable without errors")
}

fn opened(compiled: &Compiled) -> NetworkFile<AlignedVec> {
    NetworkFile::open(compiled.encode().expect("bytes")).expect("a sound file")
}

#[track_caller]
fn check(old: &Compiled, new: &Compiled, expected: &str) -> Value {
    let (old, new) = (opened(old), opened(new));
    let difference = Difference::between(&old, &new);
    assert_eq!(difference.text(), expected.to_owned() + "\n");
    json!(difference)
}

/// The text of what changes where one row of the timetable is another.
#[track_caller]
fn check_row(old: &str, new: &str, expected: &str) -> Value {
    assert!(ROWS.contains(old), "{old}");
    let changed = ROWS.replace(old, new);
    let (before, after) = (built(PERIOD, None, ROWS), built(PERIOD, None, &changed));
    let difference = format!("{expected}\nthe sources or options it was compiled from differ");
    check(&before, &after, &difference)
}

#[test]
fn what_is_the_same_is_said_to_be() {
    let old = built(PERIOD, None, ROWS);
    let shuffled: Vec<&str> = ROWS.lines().rev().collect();
    let new = built(PERIOD, None, &shuffled.join("\n"));
    let json = check(&old, &new, "the network is the same");
    assert_eq!(json["same"], true);

    let mut other = built(PERIOD, None, ROWS);
    other.fingerprint = [7; 32];
    let expected = "the network is the same
the sources or options it was compiled from differ";
    assert_eq!(check(&old, &other, expected)["same"], true);

    let bytes = schema::encode(&other.network, other.fingerprint, "9.9").expect("bytes");
    let (old, other) = (opened(&old), NetworkFile::open(bytes).expect("a sound file"));
    let text = Difference::between(&old, &other).text();
    assert!(text.contains("compiled by version 9.9 instead of "), "{text}");
}

#[test]
fn another_encoding_is_no_difference() {
    let mut old = built(PERIOD, None, ROWS);
    let new = built(PERIOD, None, ROWS);
    old.network.texts.push("unused".to_owned());
    check(&old, &new, "all that passengers see is the same; only its encoding differs");
}

#[test]
fn stations_are_added_and_removed_with_their_trains_and_pairs() {
    let expected = "stations added: 1
  Nice

stations removed: 1
  Lyon

service journeys added: 1
  R4: TGV Mons 10:00 → Nice 14:00, on 10 dates, first 2026-11-02

service journeys removed: 2
  R2: TGV Mons 10:00 → Lyon 14:00, on 10 dates, first 2026-11-02
  R3: NJ Lyon 23:30 → Gent 06:00 (+1d), on 2 dates, first 2026-11-07

pairs newly connected: 2
  Gent → Nice
  Mons → Nice

pairs no longer connected: 5
  Gent → Lyon
  Lyon → Gent
  Lyon → Mons
  Mons → Gent
  Mons → Lyon

the sources or options it was compiled from differ";
    let new = "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10\nR4,Mons,Nice,10:00,14:00,TGV,Mon-Fri,60,40";
    let json = check(&built(PERIOD, None, ROWS), &built(PERIOD, None, new), expected);
    assert_eq!(json["stations"]["added"], json!([{"key": "Nice", "name": "Nice"}]));
    let removed = &json["journeys"]["removed"][1];
    assert_eq!((&removed["id"], &removed["dates"]["count"]), (&json!("R3"), &json!(2)));
    assert_eq!(json["pairs"]["removed"].as_array().map(Vec::len), Some(5));
    assert_eq!(json["pairs"]["added"][0]["to"]["key"], "Nice");
}

#[test]
fn a_station_changes_name_place_zone_and_transfer_time() {
    let old = "Gent,BE,Europe/Brussels,51.03,3.71,Gand|Ghent\n\
        Mons,BE,Europe/Brussels,,,\nLyon,FR,Europe/Brussels,,,";
    let new = "Gent,BE,Europe/Brussels,51.035,3.71,Gand\n\
        Mons,FR,Europe/Brussels,,,\nLyon,FR,Europe/Paris,,,";
    let before = built(PERIOD, Some(old), ROWS);
    let mut after = built(PERIOD, Some(new), ROWS);
    after.network.stations[0].transfer_minutes_min = 7;
    after.network.stations[1].name = "Lyon Part-Dieu".to_owned();
    let expected = "stations changed: 3
  Gent: aliases Gand|Ghent → Gand, position 51.030000, 3.710000 → 51.035000, 3.710000, \
        minimum transfer minutes 15 → 7
  Lyon Part-Dieu (Lyon): name Lyon → Lyon Part-Dieu, zone Europe/Brussels → Europe/Paris
  Mons: country BE → FR

the sources or options it was compiled from differ";
    let json = check(&before, &after, expected);
    let change = &json["stations"]["changed"][2];
    assert_eq!(change["changes"], json!([{"field": "country", "old": "BE", "new": "FR"}]));
}

#[test]
fn footpaths_are_compared_by_their_stations() {
    let path = |from, to, minutes| Footpath { from: StationIdx(from), to: StationIdx(to), minutes };
    let (mut old, mut new) = (built(PERIOD, None, ROWS), built(PERIOD, None, ROWS));
    old.network.footpaths = vec![path(0, 1, 5), path(1, 0, 5), path(2, 0, 9)];
    new.network.footpaths = vec![path(0, 1, 6), path(0, 2, 8), path(2, 0, 9)];
    let expected = "footpaths added: 1
  Gent → Mons: 8 min

footpaths removed: 1
  Lyon → Gent: 5 min

footpaths changed: 1
  Gent → Lyon: 5 → 6 min";
    check(&old, &new, expected);
}

#[test]
fn a_journey_is_retimed_and_the_connections_with_it() {
    let json = check_row(
        "10:00,14:00",
        "10:30,14:05",
        "service journeys retimed: 1
  R2: TGV Mons 10:00 → Lyon 14:00, now Mons 10:30 → Lyon 14:05, on 10 dates, first 2026-11-02

pairs with other best connections: 3
  Gent → Lyon
  Mons → Gent
  Mons → Lyon
",
    );
    let change = &json["journeys"]["retimed"][0];
    assert_eq!(
        change["dates"]["ranges"],
        json!([["2026-11-02", "2026-11-06"], ["2026-11-09", "2026-11-13"]])
    );
    let variant = &change["variants"][0];
    assert_eq!(variant["old"]["calls"][1]["arrival"], "14:00");
    assert_eq!(variant["new"]["calls"][1]["arrival"], "14:05");
    assert_eq!(json["pairs"]["changed"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_journey_that_calls_elsewhere_is_retimed() {
    let rows = ROWS.replace("R1,Gent,Mons,07:00,09:00", "R1,Gent,Lyon,07:00,09:00");
    let (old, new) = (opened(&built(PERIOD, None, ROWS)), opened(&built(PERIOD, None, &rows)));
    let difference = Difference::between(&old, &new);
    let text = difference.text();
    let expected = "  R1: IC Gent 07:00 → Mons 09:00, now Gent 07:00 → Lyon 09:00, on 14 dates";
    assert!(text.contains(expected), "{text}");
    assert!(difference.journeys.repriced.is_empty(), "{text}");
}

#[test]
fn a_journey_is_repriced() {
    let json = check_row(
        "NJ,Sat,,80",
        "NJ,Sat,99.50,85",
        "service journeys repriced: 1
  R3: NJ Lyon 23:30 → Gent 06:00 (+1d), first class none → 99.50, second class 80.00 → 85.00, \
        on 2 dates, first 2026-11-07

pairs with other best connections: 3
  Lyon → Gent
  Lyon → Mons
  Mons → Gent
",
    );
    let fares = &json["journeys"]["repriced"][0]["variants"][0]["fares"];
    let old = json!({"first": null, "second": "80.00"});
    let new = json!({"first": "99.50", "second": "85.00"});
    assert_eq!(fares, &json!([{"from": "Lyon", "to": "Gent", "old": old, "new": new}]));
    assert_eq!(json["journeys"]["retimed"], json!([]));
}

#[test]
fn a_journey_is_retyped() {
    let json = check_row(
        "TGV",
        "ICE",
        "service journeys retyped: 1
  R2: ICE Mons 10:00 → Lyon 14:00, train type TGV → ICE, on 10 dates, first 2026-11-02

pairs with other best connections: 3
  Gent → Lyon
  Mons → Gent
  Mons → Lyon
",
    );
    let changes = &json["journeys"]["retyped"][0]["variants"][0]["changes"];
    assert_eq!(changes, &json!([{"field": "train type", "old": "TGV", "new": "ICE"}]));
}

#[test]
fn a_journey_that_runs_on_more_dates_is_added_on_these() {
    let json = check_row(
        "Mon-Fri",
        "Mon-Sat",
        "service journeys added: 1
  R2: TGV Mons 10:00 → Lyon 14:00, on 2 dates, first 2026-11-07

pairs with other best connections: 3
  Gent → Lyon
  Mons → Gent
  Mons → Lyon
",
    );
    assert_eq!(json["journeys"]["removed"], json!([]));
}

#[test]
fn a_period_that_moves_on_adds_no_trains() {
    let later = ("2026-11-09", "2026-11-22");
    let json = check(
        &built(PERIOD, None, ROWS),
        &built(later, None, &ROWS.replace("10:00", "10:05")),
        "network: 2
  first date 2026-11-02 → 2026-11-09
  last date 2026-11-15 → 2026-11-22

service journeys retimed: 1
  R2: TGV Mons 10:00 → Lyon 14:00, now Mons 10:05 → Lyon 14:00, on 5 dates, first 2026-11-09

pairs with other best connections: 3
  Gent → Lyon
  Mons → Gent
  Mons → Lyon

not compared: 13 runs on dates that only the old file has
not compared: 13 runs on dates that only the new file has
the sources or options it was compiled from differ",
    );
    assert_eq!(json["dates"], json!({"runs_of_old": 13, "runs_of_new": 13}));
    let pairs = &json["pairs"];
    assert_eq!((&pairs["added"], &pairs["removed"]), (&json!([]), &json!([])));
}

#[test]
fn periods_without_a_common_date_are_compared_as_far_as_that_goes() {
    let (old, new) = (built(PERIOD, None, ROWS), built(("2027-03-01", "2027-03-07"), None, ROWS));
    let json = check(
        &old,
        &new,
        "network: 2
  first date 2026-11-02 → 2027-03-01
  last date 2026-11-15 → 2027-03-07

not compared: 26 runs on dates that only the old file has
not compared: 13 runs on dates that only the new file has
the sources or options it was compiled from differ",
    );
    assert_eq!(json["same"], false);
}

#[test]
fn the_limits_of_the_whole_network_are_compared() {
    let old = built(PERIOD, None, ROWS);
    let mut new = built(PERIOD, None, ROWS);
    new.network.currency = "CHF".to_owned();
    new.network.transfers.duration_minutes_max = 600;
    new.network.transfers.minutes_min_default = 5;
    new.network.transfers.layover_policy = schema::LayoverPolicy::Strict;
    let expected = "network: 4
  currency EUR → CHF
  default minimum transfer minutes 15 → 5
  maximum duration minutes 2880 → 600
  layover policy none → strict";
    check(&old, &new, expected);
}

#[test]
fn the_first_of_many_are_shown_with_their_true_number() {
    let rows = |minute: u32| {
        let row =
            |nth: u32| format!("T{nth:02},Gent,Mons,{:02}:{minute:02},23:50,IC,Daily,,", nth % 20);
        (0..30).map(row).collect::<Vec<_>>().join("\n")
    };
    let (old, new) = (built(PERIOD, None, &rows(0)), built(PERIOD, None, &rows(1)));
    let (old, new) = (opened(&old), opened(&new));
    let difference = Difference::between(&old, &new);
    let text = difference.text();
    assert!(text.starts_with("service journeys retimed: 30\n  T00: "), "{text}");
    assert!(text.contains("\n  T19: ") && !text.contains("\n  T20: "), "{text}");
    assert!(text.contains("\n  and 10 more\n"), "{text}");
    assert_eq!(difference.journeys.retimed.len(), 30);
}

#[test]
fn clocks_that_change_do_not_retime_a_train() {
    // Local times stay, the minutes of the service date do not: two journeys, one id.
    let places = "London,GB,Europe/London,,,\nParis,FR,Europe/Paris,,,";
    let rows = "E1,London,Paris,07:00,10:20,EST,Daily,100,50";
    let period = ("2026-10-20", "2026-10-30");
    let old = built(period, Some(places), rows);
    let json = check(
        &old,
        &built(period, Some(places), &rows.replace("100,50", "100,55")),
        "service journeys repriced: 1
  E1: EST London 07:00 → Paris 10:20, second class 50.00 → 55.00, on 11 dates, first 2026-10-20

pairs with other best connections: 1
  London → Paris

the sources or options it was compiled from differ",
    );
    assert_eq!(json["journeys"]["repriced"][0]["dates"]["count"], 11);
}
