//! Do the engines agree with each other on a network, and with the [`Oracle`] on a sample?

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveDate, TimeDelta};
use schema::{DaySetIdx, Fare, JourneyIdx, NONE, StationIdx, Transfers};
use server::search::{
    Coverage, Filter, Itinerary, Network, Query, Window, itineraries, itineraries_without_tables,
};
use timetable_compiler::timetable::{Call, ServiceJourney, Station, Timetable};

use crate::oracle::{self, Asked, Oracle};
use crate::random::Random;

/// How many itineraries were compared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Compared {
    /// Pairs of stations and dates.
    pub pairs: usize,
    /// Those of them with an itinerary.
    pub connected: usize,
    /// Itineraries of all of them.
    pub itineraries: usize,
}

/// A random pair of stations that are not the same.
pub fn random_pair(network: &Network, random: &mut Random) -> (StationIdx, StationIdx) {
    let stations = network.view().station_count();
    let origin = random.below(stations);
    let destination = (origin + 1 + random.below(stations - 1)) % stations;
    (StationIdx::of(origin), StationIdx::of(destination))
}

/// The whole day at the origin.
pub fn day_query(
    network: &Network,
    (origin, destination): (StationIdx, StationIdx),
    day: i32,
    coverage: Coverage,
) -> Query {
    let window = network.day_window(origin, day);
    Query { origin, destination, window, filter: Filter::default(), coverage }
}

/// Asks both engines for the best itineraries that depart on a day, and for those that arrive on
/// it, and says where they differ.
///
/// # Errors
///
/// The query and both answers.
pub fn check_engines(
    network: &Network,
    pair: (StationIdx, StationIdx),
    day: i32,
    compared: &mut Compared,
) -> Result<(), String> {
    let departing = day_query(network, pair, day, Coverage::Best);
    let until = match departing.window {
        Window::Departing { until, .. } | Window::Arriving { until, .. } => until,
    };
    let window = Window::Arriving { after: until - 1440, until };
    let arriving = Query { window, ..departing.clone() };
    let mut found = 0;
    for query in [departing, arriving] {
        let (from_tables, searched) =
            (itineraries(network, &query), itineraries_without_tables(network, &query));
        if from_tables != searched {
            return Err(format!("{query:?}\ntables: {from_tables:?}\nsearched: {searched:?}"));
        }
        found += from_tables.map_or(0, |found| found.len());
    }
    compared.pairs += 1;
    compared.connected += usize::from(found > 0);
    compared.itineraries += found;
    Ok(())
}

/// Compares the best itineraries of a pair on a date with the oracle's. It enumerates all that
/// depart on the date, and on later ones before the last of them arrives.
///
/// # Errors
///
/// Both, as lines.
pub fn check_with_oracle(
    network: &Network,
    oracle: &Oracle<'_>,
    pair: (StationIdx, StationIdx),
    day: i32,
    compared: &mut Compared,
) -> Result<(), String> {
    let view = network.view();
    let key = |station: StationIdx| view.station(station).key.as_str();
    let query = day_query(network, pair, day, Coverage::Best);
    let Window::Departing { from, until } = query.window else {
        return Err("a day is a window of departures".to_owned());
    };
    let asked = Asked::default();
    let enumerate = |window| oracle.all_departing(key(pair.0), key(pair.1), &asked, window);
    let mut all = enumerate((from, until - 1));
    if let Some(last) = all.iter().map(oracle::Itinerary::arrival).max() {
        all.extend(enumerate((until, last)));
    }
    let mut expected: Vec<String> = (Oracle::undominated(&all).iter())
        .filter(|it| query.window.contains(it.departure(), it.arrival()))
        .map(expected_line)
        .collect();
    expected.sort();
    let found = itineraries(network, &query).map_err(|_| "more than can be listed".to_owned())?;
    let mut found: Vec<String> = found.iter().map(|it| found_line(network, it)).collect();
    found.sort();
    compared.pairs += 1;
    compared.connected += usize::from(!found.is_empty());
    compared.itineraries += found.len();
    if found == expected {
        return Ok(());
    }
    Err(format!("{query:?}\nfound: {found:#?}\nexpected: {expected:#?}"))
}

/// An itinerary as both sides can write it.
fn line_of(rides: impl Iterator<Item = (String, String, u16, u16)>, times: (i32, i32)) -> String {
    let rides: Vec<String> = rides.map(|(id, date, b, a)| format!("{id} {date} {b}-{a}")).collect();
    format!("{:>10} {:>10} {}", times.0, times.1, rides.join(", "))
}

/// An itinerary that the server found.
pub fn found_line(network: &Network, it: &Itinerary) -> String {
    let view = network.view();
    let ride = |leg: &schema::DatedLeg| {
        let source = view.source_id(leg.journey, leg.day).to_owned();
        (source, view.date_of(leg.day).to_string(), leg.board, leg.alight)
    };
    line_of(it.legs.iter().map(ride), (it.departure, it.arrival))
}

/// One that the oracle found.
pub fn expected_line(it: &oracle::Itinerary) -> String {
    let ride = |ride: &oracle::Ride| {
        let (board, alight) = ride.calls;
        (ride.source.to_string(), ride.date.to_string(), board as u16, alight as u16)
    };
    line_of(it.rides.iter().map(ride), (it.departure(), it.arrival()))
}

/// The dates of a timetable that itineraries of a date have to do with: the days before have its
/// night trains, the days after what may dominate.
pub fn dates_around(network: &Network, date: NaiveDate) -> (NaiveDate, NaiveDate) {
    let view = network.view();
    let calls = view.archived().calls.iter();
    let last = calls.map(|call| call.arrival.to_native()).max().unwrap_or(0);
    let longest = view.archived().period.row_minutes_max.to_native();
    let days = |minutes: i64| TimeDelta::days(minutes.div_euclid(1440) + 1);
    (date - days(last.into()), date + days(i64::from(longest)) + TimeDelta::days(1))
}

/// The trains of some dates, as the readers would have left them.
///
/// # Panics
///
/// Where the network's zones are unknown.
pub fn cut(network: &Network, (first, last): (NaiveDate, NaiveDate)) -> Timetable {
    let view = network.view();
    let key = |station: u32| view.station(StationIdx(station)).key.as_str();
    let zone = |name: Option<&str>| name.and_then(|name| name.parse().ok()).expect("a zone");
    let transfers = &view.archived().transfers;
    let footpaths = view.archived().footpaths.iter().map(|path| {
        let (from, to) = (key(path.from.0.to_native()), key(path.to.0.to_native()));
        (from.to_owned(), to.to_owned(), path.minutes.to_native())
    });
    Timetable {
        zone: zone(Some(view.zone())),
        first,
        last,
        transfers: Transfers {
            minutes_min_default: transfers.minutes_min_default.to_native(),
            duration_minutes_max: view.duration_minutes_max() as u32,
            layover_policy: view.layover_policy(),
        },
        currency: "EUR".to_owned(),
        stations: (view.stations())
            .map(|station| Station {
                key: key(station.0).to_owned(),
                name: key(station.0).to_owned(),
                aliases: BTreeSet::new(),
                country: None,
                zone: zone(view.text(view.station(station).zone.0.to_native())),
                position: None,
                transfer_minutes_min: Some(view.transfer_minutes_min(station) as u16),
            })
            .collect(),
        footpaths: footpaths.collect(),
        journeys: (view.journeys())
            .map(|journey| service_journey(network, journey, (first, last)))
            .collect(),
    }
}

fn service_journey(
    network: &Network,
    journey: JourneyIdx,
    (first, last): (NaiveDate, NaiveDate),
) -> ServiceJourney {
    let view = network.view();
    let mut sources: BTreeMap<String, BTreeSet<NaiveDate>> = BTreeMap::new();
    for source in view.sources_of(journey) {
        let set = view.day_set(DaySetIdx(source.days.0.to_native()));
        let days = schema::days::iter(&set).map(|day| view.date_of(day as i32));
        let days = days.filter(|day| (first..=last).contains(day));
        sources.entry(source.id.to_string()).or_default().extend(days);
    }
    let calls = view.calls(journey);
    let pairs = (0..calls.len() as u16).flat_map(|alight| (0..alight).map(move |it| (it, alight)));
    let has_fares = view.journey(journey).fares_start.to_native() != NONE;
    let fares: Vec<Fare> = if has_fares {
        pairs.map(|(board, alight)| view.fare(journey, board, alight)).collect()
    } else {
        Vec::new()
    };
    ServiceJourney {
        sources,
        train_type: view.train_type(journey).to_owned(),
        number: None,
        operator: None,
        calls: (calls.iter())
            .map(|call| Call {
                station: view.station(StationIdx(call.station.0.to_native())).key.as_str().into(),
                arrival: call.arrival.to_native(),
                departure: call.departure.to_native(),
                may: (call.may().boarding(), call.may().alighting()),
            })
            .collect(),
        fares,
    }
}
