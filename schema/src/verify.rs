//! What must hold between the tables of a network, so that reading them needs no further check.

use crate::days;
use crate::network::{ArchivedCallRef, ArchivedNetwork, ArchivedPackedLeg, NONE, PackedLeg};

/// Tables that contradict each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{table}[{row}] {contradiction}")]
pub struct InvariantError {
    /// The table.
    pub table: &'static str,
    /// Its row, from 0.
    pub row: usize,
    /// What is wrong with it.
    pub contradiction: &'static str,
}

type Checked = Result<(), InvariantError>;

fn check(holds: bool, table: &'static str, row: usize, contradiction: &'static str) -> Checked {
    if holds { Ok(()) } else { Err(InvariantError { table, row, contradiction }) }
}

/// Checks every index, every order and every bound that readers rely on.
pub fn verify(network: &ArchivedNetwork) -> Checked {
    verify_period(network)?;
    verify_stations(network)?;
    verify_journeys(network)?;
    verify_sources(network)?;
    verify_calls_by_station(network)?;
    verify_pairs(network)?;
    verify_rows(network)
}

/// Days from 1970-01-01, either way, that dates may lie apart from it: some 500 years.
const DAYS_FROM_EPOCH_MAX: u32 = 200_000;

/// Minutes that a row may take, so that instants can be added: more than a call's minutes allow.
const ROW_MINUTES_MAX: u32 = 100_000;

fn verify_period(network: &ArchivedNetwork) -> Checked {
    let period = &network.period;
    let days = period.axis_days.to_native() as usize;
    let say = |holds, what| check(holds, "period", 0, what);
    say(days > 0 && days <= 4000, "must have from 1 to 4000 dates")?;
    say(
        period.origins.len() == days + 2 * PackedLeg::SHIFT_MAX as usize,
        "must have an origin for every date",
    )?;
    say(period.origins.windows(2).all(|two| two[0] < two[1]), "must have rising origins")?;
    let is_near = |day: i32| day.unsigned_abs() <= DAYS_FROM_EPOCH_MAX;
    let instants = period.origins.iter().map(|minute| minute.to_native() / 1440);
    say(
        is_near(period.axis_first.to_native()) && instants.into_iter().all(is_near),
        "must lie within 500 years of 1970",
    )?;
    let longest = network.transfers.duration_minutes_max.max(period.row_minutes_max);
    say(longest <= ROW_MINUTES_MAX, "must have itineraries of at most 100,000 minutes")?;
    say(period.first <= period.last, "must not end before it begins")?;
    say(text(network, period.zone.0.to_native()), "names a text that does not exist")?;
    let words = days::words(days);
    say(network.day_sets.len().is_multiple_of(words), "must have whole day sets")?;
    let axis = i64::from(period.axis_first.to_native());
    let (first, last) = (i64::from(period.first.to_native()), i64::from(period.last.to_native()));
    say(axis <= first && last < axis + days as i64, "must lie on its day axis")?;
    let spare = words * 64 - days;
    let fits = |word: u64| spare == 0 || word >> (64 - spare) == 0;
    let mut last_words = network.day_sets.iter().skip(words - 1).step_by(words);
    say(last_words.all(|word| fits(word.to_native())), "has a day set with days off the axis")
}

fn text(network: &ArchivedNetwork, idx: u32) -> bool {
    (idx as usize) < network.texts.len()
}

fn optional_text(network: &ArchivedNetwork, idx: u32) -> bool {
    idx == NONE || text(network, idx)
}

fn day_set(network: &ArchivedNetwork, idx: u32) -> bool {
    let words = days::words(network.period.axis_days.to_native() as usize);
    (idx as usize + 1) * words <= network.day_sets.len()
}

fn verify_stations(network: &ArchivedNetwork) -> Checked {
    for (row, station) in network.stations.iter().enumerate() {
        let say = |holds, what| check(holds, "stations", row, what);
        say(text(network, station.zone.0.to_native()), "has an unknown zone")?;
        say(optional_text(network, station.country.to_native()), "has an unknown country")?;
        say(row == 0 || network.stations[row - 1].key < station.key, "is not sorted by key")?;
    }
    let stations = network.stations.len();
    for (row, path) in network.footpaths.iter().enumerate() {
        let say = |holds, what| check(holds, "footpaths", row, what);
        let ends = |path: &crate::network::ArchivedFootpath| {
            (path.from.0.to_native() as usize, path.to.0.to_native() as usize)
        };
        let (from, to) = ends(path);
        say(from < stations && to < stations, "leads to an unknown station")?;
        let sorted = row == 0 || ends(&network.footpaths[row - 1]) < (from, to);
        say(sorted, "is not sorted by its ends")?;
    }
    Ok(())
}

fn verify_journeys(network: &ArchivedNetwork) -> Checked {
    let mut calls_start = 0;
    for (row, journey) in network.journeys.iter().enumerate() {
        let say = |holds, what| check(holds, "journeys", row, what);
        let len = journey.calls_len.to_native() as usize;
        say(journey.calls_start == calls_start as u32 && len >= 2, "has a gap in its calls")?;
        let calls = network.calls.get(calls_start..calls_start + len).unwrap_or_default();
        say(calls.len() == len, "has more calls than there are")?;
        calls_start += len;
        // An arrival is rounded up and a departure down: within a minute they may seem to swap.
        let in_order = calls.windows(2).all(|two| two[0].departure <= two[1].arrival)
            && calls.iter().all(|call| {
                call.arrival.to_native() <= call.departure.to_native().saturating_add(1)
            });
        say(in_order, "has calls out of order")?;
        let stations = network.stations.len() as u32;
        say(calls.iter().all(|call| call.station.0 < stations), "calls at an unknown station")?;
        say(text(network, journey.train_type.0.to_native()), "has an unknown train type")?;
        say(optional_text(network, journey.number.to_native()), "has an unknown number")?;
        say(optional_text(network, journey.operator.to_native()), "has an unknown operator")?;
        say(day_set(network, journey.days.0.to_native()), "has an unknown day set")?;
        let fares = journey.fares_start.to_native();
        let end = fares as usize + len * (len - 1) / 2;
        say(fares == NONE || end <= network.fares.len(), "has an unknown fare table")?;
    }
    check(calls_start == network.calls.len(), "calls", calls_start, "belongs to no journey")
}

fn verify_sources(network: &ArchivedNetwork) -> Checked {
    let sources = &network.sources;
    for (row, source) in sources.iter().enumerate() {
        let say = |holds, what| check(holds, "sources", row, what);
        say((source.journey.0.to_native() as usize) < network.journeys.len(), "has no journey")?;
        say(day_set(network, source.days.0.to_native()), "has an unknown day set")?;
        say(
            row == 0 || sources[row - 1].journey.0 <= source.journey.0,
            "is not sorted by journey",
        )?;
    }
    let mut last: Option<(&str, u32)> = None;
    for (row, at) in network.sources_by_id.iter().enumerate() {
        let say = |holds, what| check(holds, "sources_by_id", row, what);
        say((at.to_native() as usize) < sources.len(), "names an unknown source")?;
        let source = &sources[at.to_native() as usize];
        let key = (source.id.as_str(), at.to_native());
        say(last.is_none_or(|last| last < key), "is not sorted by id")?;
        last = Some(key);
    }
    check(sources.len() == network.sources_by_id.len(), "sources_by_id", 0, "lacks a source")
}

fn verify_starts(
    starts: &rkyv::vec::ArchivedVec<rkyv::rend::u32_le>,
    stations: usize,
    rows: usize,
    table: &'static str,
) -> Checked {
    check(starts.len() == stations + 1, table, 0, "must have one start for every station")?;
    check(starts[0] == 0, table, 0, "must begin at 0")?;
    for (row, two) in starts.windows(2).enumerate() {
        check(two[0] <= two[1], table, row + 1, "begins before the one before it")?;
    }
    check(starts[stations].to_native() as usize == rows, table, stations, "must end with the table")
}

fn verify_calls_by_station(network: &ArchivedNetwork) -> Checked {
    let stations = network.stations.len();
    let (boardings, alightings) = (&network.boardings, &network.alightings);
    verify_starts(&network.boarding_starts, stations, boardings.len(), "boarding_starts")?;
    verify_starts(&network.alighting_starts, stations, alightings.len(), "alighting_starts")?;
    for (table, starts, rows, departing) in [
        ("boardings", &network.boarding_starts, boardings, true),
        ("alightings", &network.alighting_starts, alightings, false),
    ] {
        for station in 0..stations {
            let range =
                starts[station].to_native() as usize..starts[station + 1].to_native() as usize;
            let mut last = i16::MIN;
            for row in range {
                let say = |holds, what| check(holds, table, row, what);
                let call = call(network, &rows[row]);
                say(call.is_some(), "names an unknown call")?;
                let Some(call) = call else { continue };
                say(call.station.0 == station as u32, "is listed under another station")?;
                let minute = if departing { call.departure } else { call.arrival }.to_native();
                say(last <= minute, "is not sorted by time")?;
                last = minute;
            }
        }
    }
    Ok(())
}

fn call<'n>(
    network: &'n ArchivedNetwork,
    at: &ArchivedCallRef,
) -> Option<&'n crate::network::ArchivedCall> {
    let journey = network.journeys.get(at.journey.0.to_native() as usize)?;
    let call = at.call.to_native();
    (call < journey.calls_len.to_native())
        .then(|| &network.calls[journey.calls_start.to_native() as usize + call as usize])
}

fn verify_pairs(network: &ArchivedNetwork) -> Checked {
    let (stations, pairs) = (network.stations.len(), &network.pairs);
    check(!pairs.is_empty(), "pairs", 0, "must have a last row that ends the tables")?;
    verify_starts(&network.pair_starts, stations, pairs.len() - 1, "pair_starts")?;
    for (row, two) in pairs.windows(2).enumerate() {
        let (this, next) = (&two[0], &two[1]);
        let rising = this.direct <= next.direct
            && this.one_stop <= next.one_stop
            && this.two_stop <= next.two_stop;
        check(rising, "pairs", row + 1, "begins before the one before it")?;
        let known = (this.destination.0.to_native() as usize) < stations;
        check(known, "pairs", row, "leads to an unknown station")?;
    }
    for origin in 0..stations {
        let range = network.pair_starts[origin].to_native() as usize
            ..network.pair_starts[origin + 1].to_native() as usize;
        let sorted =
            pairs[range.clone()].windows(2).all(|two| two[0].destination.0 < two[1].destination.0);
        check(sorted, "pairs", range.start, "is not sorted by destination")?;
    }
    let last = &pairs[pairs.len() - 1];
    let end = last.direct.to_native() as usize == network.direct.len()
        && last.one_stop.to_native() as usize == network.one_stop.len()
        && last.two_stop.to_native() as usize == network.two_stop.len();
    check(end, "pairs", pairs.len() - 1, "must end with the tables")
}

fn verify_rows(network: &ArchivedNetwork) -> Checked {
    let leg = |leg: &ArchivedPackedLeg| {
        let leg = leg.unpack();
        leg.board < leg.alight
            && leg.shift >= -PackedLeg::SHIFT_MAX
            && network
                .journeys
                .get(leg.journey.at())
                .is_some_and(|journey| leg.alight < journey.calls_len.to_native())
    };
    let wrong = "has a leg that no journey rides";
    let unknown = "has an unknown day set";
    for (row, it) in network.direct.iter().enumerate() {
        check(it.legs.iter().all(leg), "direct", row, wrong)?;
        check(day_set(network, it.days.0.to_native()), "direct", row, unknown)?;
    }
    for (row, it) in network.one_stop.iter().enumerate() {
        check(it.legs.iter().all(leg), "one_stop", row, wrong)?;
        check(day_set(network, it.days.0.to_native()), "one_stop", row, unknown)?;
    }
    for (row, it) in network.two_stop.iter().enumerate() {
        check(it.legs.iter().all(leg), "two_stop", row, wrong)?;
        check(day_set(network, it.days.0.to_native()), "two_stop", row, unknown)?;
    }
    Ok(())
}
