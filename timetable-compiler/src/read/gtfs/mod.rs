//! GTFS: from the files of a feed to a [`Timetable`].
//!
//! A feed is a folder or a zip archive of CSV files that refer to each other by ids. Ids and all
//! other values are taken without blanks around them. What is safe to repair is repaired, and the
//! finding says how; a trip that cannot be repaired is left out, and where that happens to more of
//! them than the caller allows, nothing is written.
//!
//! # Limits
//!
//! - A block_id does not mean that one may stay seated; only transfers of type 4 do.
//! - Transfers that are for some routes or trips only are left out.
//! - Prices come from fare_attributes.txt and fare_rules.txt; newer files of fares are not read.
//! - Trips without fixed stops or times (locations, booking rules) are left out.

mod archive;
mod calendar;
mod cells;
mod fares;
mod files;
mod frequencies;
mod journeys;
mod options;
mod routes;
mod stop_times;
mod stops;
mod transfers;
mod trips;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::NaiveDate;
use schema::Transfers;

pub(crate) use cells::counted;
pub use files::is_read;
pub use options::{FeedOptions, MergeStations, RouteTypes};

use crate::notice::{Code, Findings, Notice};
use crate::read::Input;
use crate::timetable::{Station, Timetable};
use cells::Tables;
use journeys::{Feed, Journeys};
use routes::{Agencies, Routes};
use stops::Stops;
use transfers::GtfsTransfers;
use trips::Trips;

/// How a feed is read.
#[derive(Debug, Clone, Copy)]
pub struct Request<'o> {
    /// What the caller chose.
    pub options: &'o FeedOptions,
    /// First service date, where it was given.
    pub from: Option<NaiveDate>,
    /// Last service date, where it was given.
    pub until: Option<NaiveDate>,
    /// Limits on transfers.
    pub transfers: Transfers,
}

/// What a feed says.
#[derive(Debug)]
pub struct FeedTimetable {
    /// Its timetable; none where that is an error. The currency is empty where there are no fares.
    pub timetable: Option<Timetable>,
    /// What became of its trips.
    pub trips: TripCounts,
}

/// What became of a feed's trips. All are 0 where a whole table lacks: then everything that refers
/// to it is left out, and nobody needs the number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TripCounts {
    /// All of them.
    pub read: usize,
    /// Those of routes that were not asked for.
    pub unwanted: usize,
    /// Those that were left out for their defects.
    pub dropped: usize,
    /// Those on which nobody may board and then alight.
    pub rideless: usize,
    /// Those that run on no date of the period.
    pub outside: usize,
}

/// Reads the `input`th of the inputs. None where it cannot be read, which is a finding.
pub fn read(
    input: usize,
    source: &Input,
    request: Request<'_>,
    findings: &mut Findings,
) -> Option<FeedTimetable> {
    let files = archive::files(input, source, findings)?;
    let tables = &Tables::open(input, &source.name, &files, findings);
    let agencies = &Agencies::read(tables, findings);
    let stops = &Stops::read(tables, findings);
    let routes = &Routes::read(tables, agencies, &request.options.route_types, findings);
    let services = calendar::Services::read(tables, findings);
    let mut trips = Trips::read(tables, routes, &services, findings);
    let calls = &stop_times::read(tables, stops, &mut trips, findings);
    let starts = &frequencies::read(tables, &mut trips, findings);
    let trips = &trips;
    let minutes_default = request.transfers.minutes_min_default;
    let transfers = GtfsTransfers::read(tables, stops, trips, minutes_default, findings);
    let fares = fares::Fares::read(tables, agencies, routes, stops, findings);
    let unwanted = trips.unwanted(routes);
    routes.report_left_out(&unwanted, tables, findings);
    let mut counts = if tables.are_sound() { trips.counts() } else { TripCounts::default() };
    if counts.read == counts.unwanted && counts.unwanted > 0 {
        let types: Vec<_> = unwanted.keys().map(u32::to_string).collect();
        let wanted = &request.options.route_types;
        let sentence = format!("the feed has no trips of route types {wanted}");
        let notice = Notice::new(Code::NothingRuns, sentence).at(tables.whole());
        let help = format!("it has those of types {}; see `--route-types`", types.join(", "));
        findings.add(notice.help(help));
    }
    let used = trips.kept().map(|trip| trip.service);
    let period = services.period(used, (request.from, request.until), tables, findings);
    let Some(period) = period else {
        if trips.kept().next().is_some() {
            let sentence = "no service of the feed runs on any date";
            findings.add(Notice::new(Code::NothingRuns, sentence).at(tables.whole()));
        }
        return Some(FeedTimetable { timetable: None, trips: counts });
    };
    let dates = &services.dates(period);
    let feed = Feed { tables, agencies, routes, stops, trips, calls, starts, period, dates };
    let mut journeys = Journeys::of(&feed, fares, findings);
    if tables.are_sound() {
        (counts.rideless, counts.outside) = journeys.left_out();
    }
    journeys.join(&transfers.in_seat, findings);
    let timetable = timetable(&feed, journeys, &transfers, request, findings);
    Some(FeedTimetable { timetable, trips: counts })
}

fn timetable(
    feed: &Feed<'_>,
    journeys: Journeys<'_>,
    transfers: &GtfsTransfers,
    request: Request<'_>,
    findings: &mut Findings,
) -> Option<Timetable> {
    let zone = feed.agencies.zone?;
    let served = journeys.served();
    let key = |at: &u32| (*at, Arc::from(feed.stops.id(*at)));
    let keys: BTreeMap<u32, Arc<str>> = served.iter().map(key).collect();
    let mut station = |at: &u32| -> Station {
        let minutes = transfers.within.get(at).copied();
        feed.stops.resolve(*at, zone, minutes, feed.tables, findings)
    };
    let stations = served.iter().map(&mut station).collect();
    feed.stops.report_unserved(served.len(), feed.tables, findings);
    let footpaths = transfers.footpaths.iter().filter_map(|((from, to), minutes)| {
        let of = |at| keys.get(at).map(ToString::to_string);
        Some((of(from)?, of(to)?, *minutes))
    });
    let footpaths = footpaths.collect();
    let (journeys, currency) = journeys.fold(&keys);
    Some(Timetable {
        zone,
        first: feed.period.first,
        last: feed.period.last,
        transfers: request.transfers,
        currency: currency.unwrap_or_default(),
        stations,
        footpaths,
        journeys,
    })
}
