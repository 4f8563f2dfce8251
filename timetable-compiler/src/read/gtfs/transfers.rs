//! transfers.txt: minimum transfer times, footpaths, and trips that one may stay seated for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::cells::{Tables, malformed, number, small};
use super::files::transfers::{
    FORM, FROM, FROM_ROUTE, FROM_TRIP, KIND, SECONDS, TO, TO_ROUTE, TO_TRIP,
};
use super::stops::Stops;
use super::trips::{Fate, Trips};
use crate::notice::{Code, Findings};
use crate::read::csv::Row;

/// The longest transfer, in seconds.
const SECONDS_MAX: u32 = 24 * 3600;

const WITH_TIME: u8 = 2;
const IMPOSSIBLE: u8 = 3;
const IN_SEAT: u8 = 4;
const NOT_IN_SEAT: u8 = 5;

/// Minutes that no itinerary waits.
const NEVER: u16 = u16::MAX;

const LEFT_OUT: &str = "the transfer was left out";

/// What transfers.txt says.
#[derive(Default)]
pub struct GtfsTransfers {
    /// The longest minimum transfer time, in minutes, within a station.
    pub within: HashMap<u32, u16>,
    /// Minutes from one station to another.
    pub footpaths: BTreeMap<(u32, u32), u16>,
    /// Trips that passengers stay seated from and for, and where the row begins.
    pub in_seat: BTreeMap<(u32, u32), usize>,
}

impl GtfsTransfers {
    /// Reads transfers.txt. Footpaths without a time take the network's minimum transfer.
    pub fn read(
        tables: &Tables<'_>,
        stops: &Stops,
        trips: &Trips,
        minutes_default: u16,
        findings: &mut Findings,
    ) -> Self {
        let mut all = Self::default();
        let mut impossible: Vec<((u32, u32), usize)> = Vec::new();
        let mut not_in_seat = BTreeSet::new();
        tables.each(FORM, findings, |row, findings| {
            let kind = small((row, KIND), u32::from(NOT_IN_SEAT), LEFT_OUT, findings);
            match kind {
                None => {}
                Some(kind @ (IN_SEAT | NOT_IN_SEAT)) => {
                    let pair = trip_pair(row, tables, trips, findings);
                    if let (Some(pair), IN_SEAT) = (pair, kind) {
                        all.in_seat.insert(pair, row.at().start);
                    }
                    not_in_seat.extend(pair.filter(|_| kind == NOT_IN_SEAT));
                }
                Some(_) if is_special(row) => {
                    let sentence = "the transfer is for some routes or trips only, which a \
                                    network file cannot say";
                    let place = (FORM, row.at().start, first_special(row));
                    let notice = tables.notice(Code::TransferNotApplied, sentence, place);
                    findings.add(notice.action(LEFT_OUT));
                }
                Some(kind) => {
                    let from = stops.keys.refer((row, FROM), tables, LEFT_OUT, findings);
                    let to = stops.keys.refer((row, TO), tables, LEFT_OUT, findings);
                    let seconds = seconds(row, kind, findings);
                    if let (Some(from), Some(to), Ok(seconds)) = (from, to, seconds) {
                        let pair = (stops.station(from), stops.station(to));
                        if kind == IMPOSSIBLE && from == to && pair.0 == from {
                            // The station as a whole.
                            all.within.insert(from, NEVER);
                        } else if kind == IMPOSSIBLE {
                            impossible.push((pair, row.at().start));
                        } else {
                            all.add(pair, kind, seconds, minutes_default);
                        }
                    }
                }
            }
        });
        all.in_seat.retain(|pair, _| !not_in_seat.contains(pair));
        all.remove_impossible(&impossible, tables, findings);
        all
    }

    fn add(&mut self, pair: (u32, u32), kind: u8, seconds: Option<u32>, minutes_default: u16) {
        let minutes = seconds.map(|seconds| seconds.div_ceil(60) as u16);
        let longest = |known: &mut u16, minutes: u16| *known = (*known).max(minutes);
        if pair.0 != pair.1 {
            let minutes = minutes.unwrap_or(minutes_default);
            longest(self.footpaths.entry(pair).or_insert(minutes), minutes);
        } else if let (WITH_TIME, Some(minutes)) = (kind, minutes) {
            longest(self.within.entry(pair.0).or_insert(minutes), minutes);
        }
    }

    fn remove_impossible(
        &mut self,
        impossible: &[((u32, u32), usize)],
        tables: &Tables<'_>,
        findings: &mut Findings,
    ) {
        let there: BTreeSet<(u32, u32)> = self.footpaths.keys().copied().collect();
        for (pair @ (from, to), start) in impossible {
            self.footpaths.remove(pair);
            let (sentence, action) = if from == to {
                ("the transfer within a station is impossible for some of its stops", LEFT_OUT)
            } else if there.contains(pair) {
                let sentence = "the transfer between two stations is impossible, and another row \
                                allows one";
                (sentence, "there is no footpath between the stations")
            } else {
                continue;
            };
            let notice = tables.notice(Code::TransferNotApplied, sentence, (FORM, *start, KIND));
            findings.add(notice.action(action));
        }
    }
}

fn is_special(row: &Row<'_, '_>) -> bool {
    [FROM_ROUTE, TO_ROUTE, FROM_TRIP, TO_TRIP].iter().any(|column| !row.bytes(*column).is_empty())
}

fn first_special(row: &Row<'_, '_>) -> usize {
    let columns = [FROM_ROUTE, TO_ROUTE, FROM_TRIP, TO_TRIP];
    columns.into_iter().find(|column| !row.bytes(*column).is_empty()).unwrap_or(KIND)
}

/// A value that cannot be used, which was reported.
struct Unusable;

/// The minimum transfer time, where there is one.
fn seconds(row: &Row<'_, '_>, kind: u8, findings: &mut Findings) -> Result<Option<u32>, Unusable> {
    let bytes = row.bytes(SECONDS);
    if bytes.is_empty() {
        if kind == WITH_TIME {
            let sentence = "a transfer of type 2 has no time";
            let action = "the network's minimum transfer time was taken";
            malformed(row, SECONDS, sentence, action, findings);
        }
        return Ok(None);
    }
    let found = number(bytes).filter(|seconds| *seconds <= SECONDS_MAX);
    if found.is_none() {
        let sentence = "the time is not a number of seconds, up to a day";
        malformed(row, SECONDS, sentence, LEFT_OUT, findings);
    }
    found.map(Some).ok_or(Unusable)
}

/// The two trips of a row, if both are used.
fn trip_pair(
    row: &Row<'_, '_>,
    tables: &Tables<'_>,
    trips: &Trips,
    findings: &mut Findings,
) -> Option<(u32, u32)> {
    let from = trips.keys.refer((row, FROM_TRIP), tables, LEFT_OUT, findings);
    let to = trips.keys.refer((row, TO_TRIP), tables, LEFT_OUT, findings);
    let is_kept = |trip: &u32| trips.rows[*trip as usize].fate == Fate::Kept;
    from.zip(to).filter(|(from, to)| is_kept(from) && is_kept(to))
}
