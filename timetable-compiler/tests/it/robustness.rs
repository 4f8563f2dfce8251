//! Whatever the bytes are, the compiler answers with findings: it neither panics nor hangs.

use proptest::prelude::*;
use timetable_compiler::compile::{Goal, compile};
use timetable_compiler::read::{Content, Input};

use crate::gtfs::{Feed, feed};
use crate::{ISO, NINE, NO_PERIOD, PERIOD, STATIONS, checked, options};

const ROWS: &str = "R1,Gent,Mons,07:00,09:00,IC,Daily,20,10
R2,\"Mons\",Köln,22:00,07:00 (+1d),NJ,\"Mon-Wed,Sat\",90.50,
R3,Köln,Gent,02:30,03:15,IC,Fri-Sun,20,10\n";

const DATED: &str = "R1,Gent,Mons,2026-11-03T07:00:00Z,2026-11-03T09:00:00Z,IC,20,10
R1,Gent,Mons,2026-11-04T08:00:00+01:00,2026-11-04T10:00:00+01:00,IC,20,10\n";

const PLACES: &str = "Gent,BE,Europe/Brussels,51.03,3.71,Gand|Ghent\nMons,BE,Europe/Brussels,,,\n";

/// Bytes put in the place of others.
type Edits = Vec<(prop::sample::Index, usize, Vec<u8>)>;

/// Signs that mean something in a timetable, and any others.
fn edits() -> impl Strategy<Value = Edits> {
    let telling = prop::sample::select(
        [
            "\"", ",", "\n", "\r", ":", "(+1d)", "-", "\u{feff}", "\u{0}", "9", ".", "|", "é", ";",
            " ",
        ]
        .map(|text| text.as_bytes().to_vec())
        .to_vec(),
    );
    let random = prop::collection::vec(any::<u8>(), 0..4);
    let edit = (any::<prop::sample::Index>(), 0..6_usize, prop_oneof![telling, random]);
    prop::collection::vec(edit, 1..8)
}

fn edited(text: &str, edits: &Edits) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for (at, removed, added) in edits {
        let start = at.index(bytes.len() + 1);
        let end = (start + removed).min(bytes.len());
        bytes.splice(start..end, added.iter().copied());
    }
    bytes
}

/// What is not compiled was found to have errors.
fn check(timetable: Vec<u8>, stations: Option<Vec<u8>>, dated: bool) {
    let mut options = options(if dated { NO_PERIOD } else { PERIOD });
    options.stations = stations.map(|bytes| Input::file("s.csv", bytes));
    let inputs = [Input::file("t.csv", timetable)];
    // A dated timetable whose header was edited may be a weekly one, which needs a period.
    if let Ok(outcome) = compile(&inputs, &options, Goal::Check, &|_| ()) {
        assert_eq!(outcome.compiled.is_none(), outcome.findings.has_errors());
    }
}

/// The feed of the tests with all the files that may be there.
fn whole_feed() -> Feed {
    feed()
        .file("calendar_dates.txt", "service_id,date,exception_type\nW,20261103,2\nX,20261104,1\n")
        .file(
            "transfers.txt",
            "from_stop_id,to_stop_id,transfer_type,min_transfer_time,\
            from_trip_id,to_trip_id\nG1,G2,2,300,,\nG1,M,2,600,,\n,,4,,T1,T2\n",
        )
        .file(
            "frequencies.txt",
            "trip_id,start_time,end_time,headway_secs\nT2,06:00:00,07:00:00,1800\n",
        )
        .file("fare_attributes.txt", "fare_id,price,currency_type\nF,9.90,CHF\nG,12,EUR\n")
        .file("fare_rules.txt", "fare_id,route_id,origin_id,contains_id\nF,R,a,\nF,,,b\n")
}

/// What is not compiled was found to have errors, and what is opens as a network file.
fn check_feed(input: Input) {
    let options = options(NO_PERIOD);
    let outcome = compile(&[input], &options, Goal::Build, &|_| ()).expect("fitting options");
    assert_eq!(outcome.compiled.is_none(), outcome.findings.has_errors());
    if let Some(compiled) = outcome.compiled {
        let opened = schema::NetworkFile::open(compiled.encode().expect("bytes"));
        assert!(opened.is_ok(), "{:?}", opened.err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check([NINE.as_bytes(), b"\n", &bytes].concat(), Some(bytes.clone()), false);
        check(bytes, None, false);
    }

    #[test]
    fn an_edited_timetable(edits in edits()) {
        let header = [NINE, "\n"].concat();
        check(edited(&[&header, ROWS].concat(), &edits), None, false);
        check([header.into_bytes(), edited(ROWS, &edits)].concat(), None, false);
    }

    #[test]
    fn an_edited_dated_timetable(edits in edits()) {
        check(edited(&[ISO, "\n", DATED].concat(), &edits), None, true);
    }

    #[test]
    fn an_edited_feed(file in any::<prop::sample::Index>(), edits in edits()) {
        let mut feed = whole_feed();
        let at = file.index(feed.files.len());
        if let Some(bytes) = feed.files.values_mut().nth(at) {
            *bytes = edited(&String::from_utf8_lossy(bytes), &edits);
        }
        check_feed(feed.folder());
    }

    #[test]
    fn an_edited_archive(edits in edits()) {
        let zip = whole_feed().zip("", zip::CompressionMethod::Deflated);
        let Content::File(mut bytes) = zip.content else { unreachable!("an archive is a file") };
        for (at, removed, added) in edits {
            // The first four bytes say that it is an archive.
            let start = 4 + at.index(bytes.len() - 4);
            let end = (start + removed).min(bytes.len());
            bytes.splice(start..end, added);
        }
        check_feed(Input::file("feed.zip", bytes));
    }

    #[test]
    fn an_edited_stations_file(edits in edits()) {
        let stations = edited(&[STATIONS, "\n", PLACES].concat(), &edits);
        check([NINE, "\n", ROWS].concat().into_bytes(), Some(stations), false);
    }
}

#[test]
fn a_great_many_mistakes_take_no_great_while() {
    let rows: Vec<_> = (0..20_000).map(|at| format!("R{at},\"Gent,Mons,0700,x,,,-1,\n")).collect();
    let outcome =
        checked(&[Input::file("t.csv", [NINE, "\n", &rows.concat()].concat())], &options(PERIOD));
    assert!(outcome.findings.count(timetable_compiler::notice::Severity::Error) >= 10_000);
    assert!(outcome.findings.kept().len() < 2_000);
}
