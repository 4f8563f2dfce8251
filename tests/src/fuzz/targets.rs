//! How an input is made for each target, and what must hold of it.

use std::hint::black_box;
use std::io::sink;
use std::ops::Range;
use std::sync::LazyLock;

use chrono::{DateTime, NaiveDate};
use rkyv::util::AlignedVec;
use schema::{HEADER_LEN, LayoverPolicy, NetworkFile, StationIdx};
use server::booking::{
    BookTrip, FareClass, IdNumber, IdNumberCheck, Identity, Traveller, fold_name,
};
use server::http::{Code, Documents, Limits, Trusted, Wanted};
use server::search::{
    Coverage, Filter, Network, Query, itineraries, itineraries_without_tables, next_date,
};
use timetable_compiler::compile::{Goal, Options, compile};
use timetable_compiler::diff::Difference;
use timetable_compiler::inspect::Summary;
use timetable_compiler::notice::Severity;
use timetable_compiler::read::{FolderFile, Input};
use timetable_compiler::report::{self, Look};
use zip::CompressionMethod;

use super::corpus::{CSV_WORDS, GRAPHQL_WORDS, GTFS_WORDS, ID_WORDS, zipped};
use super::mutate::{mutate, mutate_integers};
use super::{Parts, Target};
use crate::feed;
use crate::random::Random;

/// Damages an input of the corpus.
pub fn input(target: Target, corpus: &[Parts], random: &mut Random) -> Parts {
    let mut parts = random.of_slice(corpus).clone();
    match target {
        Target::Network => {
            let bytes = &mut parts[0].1;
            if random.once_in(4) {
                mutate(bytes, &others(corpus), &[], random);
            } else {
                let payload = HEADER_LEN.min(bytes.len());
                mutate_integers(&mut bytes[payload..], random);
            }
            if random.once_in(2) {
                fix_hashes(bytes);
            }
            return parts;
        }
        Target::Csv => damage_some(&mut parts, corpus, &CSV_WORDS, random),
        Target::Gtfs => {
            damage_some(&mut parts, corpus, &GTFS_WORDS, random);
            if random.once_in(2) {
                // Left as a folder.
                return parts;
            }
            let methods = [CompressionMethod::Stored, CompressionMethod::Deflated];
            let mut archive = zipped(&parts, *random.of_slice(&methods));
            if random.once_in(4) {
                mutate(&mut archive, &[], &["PK\u{1}\u{2}", "PK\u{5}\u{6}"], random);
            }
            parts = vec![("feed.zip", archive)];
        }
        Target::Guard => damage_some(&mut parts, corpus, &GRAPHQL_WORDS, random),
        Target::Ids => damage_some(&mut parts, corpus, &ID_WORDS, random),
    }
    if target == Target::Csv {
        parts.push(("choice", vec![random.next() as u8]));
    }
    parts
}

fn others(corpus: &[Parts]) -> Vec<&[u8]> {
    corpus.iter().flatten().map(|(_, bytes)| bytes.as_slice()).collect()
}

/// Damages one part, and each other one in one of three cases.
fn damage_some(parts: &mut Parts, corpus: &[Parts], words: &[&str], random: &mut Random) {
    let others = others(corpus);
    let one = random.below(parts.len());
    for (at, (_, bytes)) in parts.iter_mut().enumerate() {
        if at == one || random.once_in(3) {
            mutate(bytes, &others, words, random);
        }
    }
}

/// Gives a network file the lengths and hashes of what is in it, so that it is read further than
/// to these. The places are those of `schema`'s file header.
fn fix_hashes(bytes: &mut [u8]) {
    const PAYLOAD_LENGTH: Range<usize> = 16..24;
    const CONTENT_HASH: Range<usize> = 24..56;
    const HEADER_HASH: Range<usize> = 128..160;
    if bytes.len() < HEADER_LEN {
        return;
    }
    let length = (bytes.len() - HEADER_LEN) as u64;
    let content = blake3::hash(&bytes[HEADER_LEN..]);
    bytes[PAYLOAD_LENGTH].copy_from_slice(&length.to_le_bytes());
    bytes[CONTENT_HASH].copy_from_slice(content.as_bytes());
    let header = blake3::hash(&bytes[..HEADER_HASH.start]);
    bytes[HEADER_HASH].copy_from_slice(header.as_bytes());
}

/// Tries an input.
pub fn run(target: Target, parts: &Parts) {
    match target {
        Target::Csv => csv(parts),
        Target::Gtfs => {
            let file = |(name, bytes): &(&str, Vec<u8>)| FolderFile {
                path: (*name).to_owned(),
                bytes: Some(bytes.clone()),
            };
            gtfs(match parts.as_slice() {
                [(_, archive)] => Input::file("feed.zip", archive.clone()),
                files => Input::folder("feed", files.iter().map(file).collect()),
            });
        }
        Target::Network => network(&parts[0].1),
        Target::Guard => document(&parts[0].1),
        Target::Ids => ids(&parts[0].1, &parts[1].1),
    }
}

fn csv(parts: &Parts) {
    let choice = parts.get(2).map_or(0, |(_, bytes)| bytes[0]);
    let date = |text: &str| text.parse::<NaiveDate>().ok();
    let (from, until) = match choice % 4 {
        0 => (date("2026-12-01"), date("2026-12-07")),
        1 => (date("2027-03-27"), date("2027-03-29")),
        2 => (date("2026-01-01"), date("2027-12-31")),
        _ => (None, None),
    };
    let is_listed = choice & 4 != 0;
    let stations = is_listed.then(|| Input::file("stations.csv", parts[1].1.clone()));
    let options = Options { stations, from, until, ..feed::options() };
    compiled(&[Input::file("timetable.csv", parts[0].1.clone())], &options);
}

fn gtfs(feed: Input) {
    let options = Options { stations: None, from: None, until: None, ..feed::options() };
    compiled(&[feed], &options);
}

/// What is compiled has no errors, what has errors is not compiled, every finding can be told, and
/// what is small enough to be compiled to the end is a sound file.
fn compiled(inputs: &[Input], options: &Options) {
    const BUILT_JOURNEYS_MAX: usize = 40;
    const BUILT_DATES_MAX: u32 = 40;
    let Ok(outcome) = compile(inputs, options, Goal::Check, &|_| ()) else { return };
    assert_eq!(outcome.compiled.is_none(), outcome.findings.has_errors());
    let look = Look { colour: true, least: Severity::Info };
    report::write_text(&mut sink(), &outcome.findings, look).expect("a text");
    black_box(report::json(&outcome.findings));
    let Some(compiled) = outcome.compiled else { return };
    let network = &compiled.network;
    if network.journeys.len() > BUILT_JOURNEYS_MAX || network.period.axis_days > BUILT_DATES_MAX {
        return;
    }
    let outcome = compile(inputs, options, Goal::Build, &|_| ()).expect("the same options");
    let bytes = outcome.compiled.expect("the same timetable").encode().expect("bytes");
    search(&Network::open(Box::new(bytes)).expect("a sound file"));
}

/// A file that opens can be described, compared and searched.
fn network(bytes: &[u8]) {
    let aligned = || {
        let mut aligned = AlignedVec::<16>::with_capacity(bytes.len());
        aligned.extend_from_slice(bytes);
        aligned
    };
    let Ok(file) = NetworkFile::open(aligned()) else { return };
    black_box(Summary::of(&file).text());
    let good = feed::compiled(feed::CITIES).encode().expect("bytes");
    let good = NetworkFile::open(good).expect("a sound file");
    black_box(Difference::between(&good, &file).text());
    black_box(Difference::between(&file, &good).text());
    if let Ok(network) = Network::open(Box::new(aligned())) {
        search(&network);
    }
}

/// Asks for a bounded number of pairs and dates in every way there is.
fn search(network: &Network) {
    let view = network.view();
    let stations: Vec<StationIdx> = view.stations().take(5).collect();
    let days = view.axis_days() as i32;
    let filters = [
        Filter::default(),
        Filter {
            stops_max: Some(1),
            layover_policy: Some(LayoverPolicy::Strict),
            transfer_minutes_min: Some(20),
            ..Filter::default()
        },
    ];
    for name in ["Aachen", "aix", "Drazdany", ""] {
        black_box(network.names().find(name));
    }
    for journey in view.journeys().take(20) {
        let id = view.source_id(journey, 0);
        black_box(view.sources_by_id(id).count());
    }
    let ends = stations.iter().flat_map(|from| stations.iter().map(move |to| (*from, *to)));
    for (origin, destination) in ends.filter(|(from, to)| from != to) {
        for (day, filter) in [(0, &filters[0]), (days / 2, &filters[1]), (days - 1, &filters[0])] {
            let window = network.day_window(origin, day);
            for coverage in [Coverage::Best, Coverage::All] {
                let filter = filter.clone();
                let query = Query { origin, destination, window, filter, coverage };
                let found = itineraries(network, &query).map(|found| found.len());
                let exact = itineraries_without_tables(network, &query).map(|found| found.len());
                black_box((found.ok(), exact.ok()));
                black_box(next_date(network, &query, day, 3));
            }
        }
    }
}

/// What answers documents, without anything to answer from.
struct Guarded {
    runtime: tokio::runtime::Runtime,
    documents: Documents,
    limits: Limits,
}

static GUARDED: LazyLock<Guarded> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let limits = Limits::default();
    let documents = runtime.block_on(Documents::new(&Trusted::default(), &limits));
    Guarded { runtime, documents: documents.expect("no documents"), limits }
});

/// What the guard lets pass, the parser and the validator survive, and each refusal has a code.
fn document(bytes: &[u8]) {
    let Guarded { runtime, documents, limits } = &*GUARDED;
    let text = String::from_utf8_lossy(bytes).into_owned();
    let wanted = Wanted { text: Some(text), hash: None };
    if let Err(errors) = runtime.block_on(documents.find(&wanted, limits)) {
        assert!(!errors.is_empty());
        for error in errors {
            let code = error.extensions.as_ref().and_then(|it| it.get("code")).cloned();
            let is_known = |known: &&Code| code == Some(known.name().into());
            assert!(Code::ALL.iter().any(|known| is_known(&known)), "{error:?}");
        }
    }
}

/// Names and numbers have one form, whatever separates their signs.
fn ids(name: &[u8], number: &[u8]) {
    let (name, number) = (String::from_utf8_lossy(name), String::from_utf8_lossy(number));
    let folded = fold_name(&name);
    assert_eq!(fold_name(&folded), folded, "folding twice is folding once");
    let station = schema::names::fold(&name);
    assert_eq!(schema::names::fold(&station), station, "folding twice is folding once");
    for check in [IdNumberCheck::None, IdNumberCheck::Luhn, IdNumberCheck::Icao9303] {
        let Ok(parsed) = IdNumber::parse(&number, check) else { continue };
        black_box(parsed.masked());
        let again = IdNumber::parse(parsed.as_str(), check);
        assert_eq!(again.as_ref(), Ok(&parsed), "normalising twice is normalising once");
        let spaced: String = number.chars().flat_map(|sign| [sign, '\u{a0}', '-']).collect();
        if number.is_ascii() {
            assert_eq!(
                IdNumber::parse(&spaced, check).as_ref(),
                Ok(&parsed),
                "spaces do not count"
            );
        }
        let identity = Identity::new(&name, parsed);
        assert_eq!(identity.last_name_folded(), folded);
    }
    let traveller = Traveller {
        first_name: name.clone().into_owned(),
        last_name: name.into_owned(),
        id_number: number.into_owned(),
        age: 30,
    };
    let request = BookTrip {
        caller: "fuzz".into(),
        itinerary_id: String::new(),
        offer: None,
        travellers: vec![traveller.clone(), traveller],
        fare_class: FareClass::Second,
        expected_price: None,
        idempotency_key: None,
    };
    let accepted = request.accept(IdNumberCheck::None, DateTime::UNIX_EPOCH);
    assert!(accepted.is_err(), "there is no itinerary");
    black_box(request.identities(IdNumberCheck::Luhn));
}
