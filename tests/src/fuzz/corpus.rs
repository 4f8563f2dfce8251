//! Valid inputs, and the words that mean something in them.

use std::io::{Cursor, Write};

use schema::{CallFlags, Fare, Footpath, Network, StationIdx};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::{Parts, Target};
use crate::feed;
use crate::generated::root;

/// Words of timetables in CSV.
pub const CSV_WORDS: [&str; 34] = [
    "\"",
    "\"\"",
    ",",
    "\n",
    "\r\n",
    "\r",
    ":",
    " (+1d)",
    "(+99d)",
    "-",
    "\u{feff}",
    "\u{0}",
    ".",
    "|",
    "é",
    ";",
    " ",
    "Daily",
    "Mon-Fri",
    "Sun-Mon",
    "Mon,Wed",
    "24:00",
    "23:59",
    "02:30",
    "1250",
    "model.",
    "Route ID",
    "departure_datetime",
    "Europe/London",
    "-9.99",
    "1e400",
    "2026-03-29T02:30:00+14:00",
    "\u{202e}",
    "\t",
];

/// Words of GTFS.
pub const GTFS_WORDS: [&str; 30] = [
    "\"",
    ",",
    "\n",
    "\r\n",
    "\u{feff}",
    "\u{0}",
    "25:10:00",
    "-1:00:00",
    "99999:00:00",
    "20261025",
    "20260229",
    "00000000",
    "stop_id",
    "trip_id",
    "parent_station",
    "frequencies.txt",
    "exact_times",
    "transfer_type",
    "location_type",
    "1",
    "2",
    "3",
    "4",
    "5",
    "A",
    "Nowhere/City",
    "-91",
    "181.0",
    "é",
    "0600",
];

/// Words of GraphQL.
pub const GRAPHQL_WORDS: [&str; 42] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "\"\"\"",
    "\\\"\"\"",
    "\\",
    "\\u",
    "\\u{110000}",
    "\\uD800",
    "#",
    "\n",
    "\r",
    "...",
    "... on Query",
    "fragment a on Query",
    "$",
    "$v: [[Int!]!] = [[1]]",
    "@include(if: true)",
    "!",
    ":",
    "=",
    "|",
    "&",
    "query",
    "mutation",
    "subscription",
    "null",
    "true",
    "-",
    "1e999",
    "-0.0e-999",
    "99999999999999999999",
    "__schema",
    "__typename",
    "\u{feff}",
    "\u{0}",
    "{a",
    "[[[[",
];

/// Signs of names and id numbers.
pub const ID_WORDS: [&str; 36] = [
    "-",
    " ",
    "\u{a0}",
    "\u{2011}",
    "\u{ad}",
    "\u{200b}",
    "<",
    "<<<<",
    "ß",
    "ẞ",
    "ﬁ",
    "İ",
    "ı",
    "ŉ",
    "ǰ",
    "ΐ",
    "\u{345}",
    "\u{301}",
    "\u{327}",
    "Σ",
    "ς",
    "Ω",
    "Å",
    "\u{1e9b}\u{323}",
    "가",
    "\u{1100}\u{1161}",
    "ｆｕｌｌ",
    "①",
    "²",
    "٣",
    "𝔘",
    "\u{1f88}",
    "\u{fb4f}",
    "\u{202e}",
    "\u{0}",
    "\u{10ffff}",
];

/// The corpus of a target.
pub fn of(target: Target) -> Vec<Parts> {
    match target {
        Target::Csv => csv(),
        Target::Gtfs => gtfs(),
        Target::Network => network(),
        Target::Guard => guard(),
        Target::Ids => ids(),
    }
}

const ISO: &str = "Route ID,Departure City,Arrival City,departure_datetime,arrival_datetime,\
    Train Type,First Class ticket rate (in euro),Second Class ticket rate (in euro)
D1,Aachen,Bonn,2026-12-03T07:00:00Z,2026-12-03T09:00:00Z,IC,20,10
D1,Aachen,Bonn,2026-12-04T08:00:00+01:00,2026-12-04T10:00:00+01:00,IC,20,10
D2,Bonn,Celle,2027-03-28T01:30:00+01:00,2027-03-28T05:00:00+02:00,NJ,,99.95
";

const WILD: &str = "model.Route ID;src.Train Type\nR1;IC\n";

fn csv() -> Vec<Parts> {
    let part = |timetable: &str| {
        vec![
            ("timetable.csv", timetable.as_bytes().to_vec()),
            ("stations.csv", feed::STATIONS.as_bytes().to_vec()),
        ]
    };
    let nine = feed::csv(feed::CITIES);
    vec![part(&nine), part(ISO), part(&nine.replace('\n', "\r\n")), part(WILD), part("")]
}

/// The files of a small feed with one of everything.
const FEED: [(&str, &str); 10] = [
    (
        "agency.txt",
        "agency_id,agency_name,agency_url,agency_timezone\n\
         R,Rail,https://rail.example,Europe/Madrid\n",
    ),
    (
        "stops.txt",
        "stop_id,stop_name,stop_lat,stop_lon,location_type,parent_station,stop_timezone\n\
         A,Aracena,37.9,-6.5,1,,\nA1,Aracena 1,37.9,-6.5,0,A,\nB,Baeza,38.0,-3.4,0,,\n\
         C,Cuenca,40.1,-2.1,1,,Europe/London\nC1,Cuenca 1,40.1,-2.1,0,C,\nC9,Door,40.1,-2.1,2,C,\n",
    ),
    (
        "routes.txt",
        "route_id,agency_id,route_short_name,route_long_name,route_type\nL1,R,AVE,Line 1,101\n\
         L2,R,C2,,2\nL3,R,,Bus,3\n",
    ),
    (
        "trips.txt",
        "route_id,service_id,trip_id,trip_short_name,direction_id,block_id\nL1,W,T1,03011,0,b\n\
         L1,E,T2,03013,0,b\nL2,W,T3,,1,\nL3,X,T4,,0,\n",
    ),
    (
        "stop_times.txt",
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type,\
         drop_off_type,timepoint\n\
         T1,08:00:00,08:00:00,A1,1,0,1,1\nT1,09:10:30,09:12:00,B,2,0,0,1\n\
         T1,10:30:00,10:30:00,C1,3,1,0,1\n\
         T2,23:50:00,23:50:00,A1,10,0,0,1\nT2,25:10:00,25:10:00,C1,20,0,0,1\n\
         T3,11:00:00,11:00:00,C1,1,0,0,1\nT3,,,B,2,3,3,0\nT3,13:00:00,13:00:00,A1,3,0,0,1\n\
         T4,06:00:00,06:00:00,A1,1,0,0,1\nT4,06:20:00,06:20:00,B,2,0,0,1\n",
    ),
    (
        "calendar.txt",
        "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
         W,1,1,1,1,1,0,0,20261020,20261031\nE,0,0,0,0,0,1,1,20261020,20261031\n",
    ),
    (
        "calendar_dates.txt",
        "service_id,date,exception_type\nW,20261028,2\nE,20261028,1\nX,20261025,1\n",
    ),
    (
        "frequencies.txt",
        "trip_id,start_time,end_time,headway_secs,exact_times\nT4,06:00:00,09:00:00,1800,1\n",
    ),
    (
        "transfers.txt",
        "from_stop_id,to_stop_id,transfer_type,min_transfer_time\nB,B,2,420\nA,C,2,900\nA1,B,3,\n",
    ),
    (
        "feed_info.txt",
        "feed_publisher_name,feed_publisher_url,feed_lang,feed_start_date,feed_end_date\n\
         Rail,https://rail.example,es,20261020,20261031\n",
    ),
];

fn gtfs() -> Vec<Parts> {
    let part = |(name, text): &(&'static str, &str)| (*name, text.as_bytes().to_vec());
    let whole: Parts = FEED.iter().map(part).collect();
    // The least there can be.
    let least = ["agency.txt", "stops.txt", "routes.txt", "trips.txt", "stop_times.txt"];
    let is_needed = |name: &str| least.contains(&name) || name == "calendar_dates.txt";
    let small = whole.iter().filter(|(name, _)| is_needed(name)).cloned().collect();
    vec![whole, small]
}

/// The zip archive of these files.
///
/// # Panics
///
/// Where memory is full.
pub fn zipped(parts: &Parts, method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in parts {
        archive.start_file(*name, options).expect("memory");
        archive.write_all(bytes).expect("memory");
    }
    archive.finish().expect("memory").into_inner()
}

fn network() -> Vec<Parts> {
    let encode = |change: &dyn Fn(&mut Network)| {
        let mut compiled = feed::compiled(feed::CITIES);
        change(&mut compiled.network);
        vec![("network.railgraph", compiled.encode().expect("bytes").to_vec())]
    };
    let two = "AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10\nBC1,Bonn,Celle,09:30,12:00,ICE,Daily,9,";
    let small = feed::compiled(two).encode().expect("bytes");
    let path = |from, to| Footpath { from: StationIdx(from), to: StationIdx(to), minutes: 10 };
    vec![
        encode(&|_| {}),
        vec![("network.railgraph", small.to_vec())],
        encode(&|network| network.footpaths = vec![path(0, 2), path(1, 3), path(2, 0)]),
        encode(&|network| {
            network.transfers.layover_policy = schema::LayoverPolicy::Strict;
            network.calls[1].flags = CallFlags::new(false, true);
            network.fares[0] = Fare::MISSING;
        }),
    ]
}

const HOSTILE: [&str; 8] = [
    "{ a(b: [[[[[[[[1]]]]]]]], c: {d: {e: {f: {g: 1}}}}) }",
    "query q($v: [[[[Int]]]] = [[[[1]]]]) @a(b: [[[[1]]]]) { c(d: $v) @e(f: {g: [1]}) { h } }",
    "{ ...a } fragment a on Query { ...b ...b } fragment b on Query { ...c ...c } \
     fragment c on Query { __typename }",
    "{ a: __typename b: __typename c: __typename ... { ... on Query { ... { d: __typename } } } }",
    "{ a(b: \"\"\"x \\\"\"\" { [ ( \"\"\", c: \"\\u0041\\\" { [ (\") } # { [ (\n",
    "{ a(b: $c, d: null, e: -1.5e10, f: ENUM, g: true) }",
    "subscription s { a } mutation m { b } query q { c } { d }",
    "{ __schema { types { fields { type { ofType { ofType { ofType { name } } } } } } } }",
];

fn guard() -> Vec<Parts> {
    let mut corpus: Vec<Parts> = (HOSTILE.iter())
        .map(|document| vec![("document.graphql", document.as_bytes().to_vec())])
        .collect();
    let folder = root().join("schema/graphql/operations");
    let mut paths: Vec<_> = (folder.read_dir().expect("the operations"))
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "graphql"))
        .collect();
    paths.sort();
    for path in paths {
        corpus.push(vec![("document.graphql", std::fs::read(path).expect("a document"))]);
    }
    corpus
}

fn ids() -> Vec<Parts> {
    let people = [
        ("Lovelace", "ab-123 456"),
        ("Straße", "L898902C3<6"),
        ("ΣΊΣΥΦΟΣ", "79927398713"),
        ("İstanbul", "AB2134<<<<5"),
        ("O’Neill-Ñúñez", "４５３９ ３１９５"),
        ("김철수", "D23145890<7"),
        ("Nguyễn", "αβ 123456"),
        ("الخوارزمي", "٧٩٩٢"),
        ("ﬁnﬂ", "X\u{2011}1\u{ad}2"),
    ];
    let parts = people.iter().map(|(name, number)| {
        vec![("name.txt", name.as_bytes().to_vec()), ("number.txt", number.as_bytes().to_vec())]
    });
    parts.collect()
}
