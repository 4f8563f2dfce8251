//! stop_times.txt: the calls of each trip, in order and with times.

use schema::NONE;

use super::cells::{Tables, clock, counted, malformed, number, report_twin, small, time};
use super::files::stop_times::{
    ARRIVAL, DEPARTURE, DISTANCE, DROP_OFF, FORM, PICKUP, SEQUENCE, STOP, TRIP,
};
use super::files::trips;
use super::stops::Stops;
use super::trips::{Fate, Trips};
use crate::notice::{Code, Findings, Notice};
use crate::read::csv::Row;

/// A time that is blank.
const BLANK: i32 = -1;

/// A row of stop_times.txt, in as few bytes as there are millions of them.
#[derive(Clone, Copy)]
struct GtfsStopTimeRow {
    trip: u32,
    sequence: u32,
    stop: u32,
    /// Seconds, or [`BLANK`].
    arrival: i32,
    departure: i32,
    /// Along the trip's shape; not a number where it is not said.
    distance: f32,
    start: usize,
    may: (bool, bool),
}

/// A call of a trip. Times are seconds of the service date.
#[derive(Debug, Clone, Copy)]
pub struct GtfsCall {
    /// The stop.
    pub stop: u32,
    /// When the train arrives.
    pub arrival: i32,
    /// When it departs.
    pub departure: i32,
    /// Whether one may board, and alight.
    pub may: (bool, bool),
}

/// The calls of all kept trips.
pub struct Calls {
    calls: Vec<GtfsCall>,
    /// For each trip, where its calls begin and end.
    ranges: Vec<(u32, u32)>,
}

impl Calls {
    /// The calls of a trip.
    pub fn of(&self, trip: u32) -> &[GtfsCall] {
        let (start, end) = self.ranges[trip as usize];
        &self.calls[start as usize..end as usize]
    }
}

/// What is said once of all rows.
#[derive(Default)]
struct Tally {
    on_request: usize,
    first_on_request: Option<(usize, usize)>,
    unordered: usize,
    first_unordered: Option<usize>,
    with_seconds: usize,
    first_with_seconds: Option<usize>,
}

/// Reads stop_times.txt. Trips that it leaves without calls are dropped.
pub fn read(
    tables: &Tables<'_>,
    stops: &Stops,
    trips: &mut Trips,
    findings: &mut Findings,
) -> Calls {
    let mut tally = Tally::default();
    let mut rows = read_rows(tables, stops, trips, &mut tally, findings);
    let key = |row: &GtfsStopTimeRow| (row.trip, row.sequence, row.start);
    if !rows.is_sorted_by_key(key) {
        rows.sort_unstable_by_key(key);
    }
    let mut calls =
        Calls { calls: Vec::with_capacity(rows.len()), ranges: vec![(0, 0); trips.rows.len()] };
    let mut at = 0;
    for trip in 0..trips.rows.len() {
        let end = at + rows[at..].partition_point(|row| row.trip as usize <= trip);
        let mut one = Trip { tables, trips, at: trip, tally: &mut tally, findings };
        if trips.rows[trip].fate == Fate::Dropped {
            // What is wrong with a trip already hides nothing else.
            let count = one.without_twins(&mut rows[at..end]);
            let _ = one.check_order(&rows[at..at + count]);
        } else if trips.rows[trip].fate == Fate::Kept {
            let start = calls.calls.len();
            if one.calls(&mut rows[at..end], &mut calls.calls).is_none() {
                calls.calls.truncate(start);
                trips.rows[trip].fate = Fate::Dropped;
            }
            calls.ranges[trip] = (start as u32, calls.calls.len() as u32);
        }
        at = end;
    }
    report(tables, &tally, findings);
    calls
}

fn read_rows(
    tables: &Tables<'_>,
    stops: &Stops,
    trips: &mut Trips,
    tally: &mut Tally,
    findings: &mut Findings,
) -> Vec<GtfsStopTimeRow> {
    let mut rows = Vec::new();
    let mut last_sequence = vec![0_u32; trips.rows.len()];
    // Rows of a trip mostly follow on each other.
    let mut known: (Box<str>, u32) = ("".into(), NONE);
    tables.each(FORM, findings, |row, findings| {
        let id = row.get(TRIP).unwrap_or_default();
        if *known.0 != *id {
            known = (id.as_ref().into(), trips.keys.get(&id).unwrap_or(NONE));
        }
        let trip = known.1;
        if trip == NONE {
            if !trips.unknown.contains(&*id) {
                let action = "its stop times were left out";
                trips.keys.refer((row, TRIP), tables, action, findings);
                trips.unknown.insert(id.as_ref().into());
            }
            return;
        }
        if trips.rows[trip as usize].fate == Fate::Unwanted {
            return;
        }
        let Some(read) = read_row(row, trip, (tables, stops), tally, findings) else {
            trips.rows[trip as usize].fate = Fate::Dropped;
            return;
        };
        let last = &mut last_sequence[trip as usize];
        if read.sequence < *last {
            tally.unordered += 1;
            tally.first_unordered.get_or_insert(read.start);
        }
        *last = read.sequence;
        rows.push(read);
    });
    rows
}

fn read_row(
    row: &Row<'_, '_>,
    trip: u32,
    (tables, stops): (&Tables<'_>, &Stops),
    tally: &mut Tally,
    findings: &mut Findings,
) -> Option<GtfsStopTimeRow> {
    let action = "the trip was left out";
    let at = |column, findings: &mut Findings| match row.bytes(column) {
        b"" => Some(BLANK),
        bytes => {
            let time = time(bytes);
            if time.is_none() {
                let sentence = "the time is not of the form HH:MM:SS, up to 192:00:00";
                malformed(row, column, sentence, action, findings);
            }
            time
        }
    };
    let (arrival, departure) = (at(ARRIVAL, findings), at(DEPARTURE, findings));
    let stop = stops.keys.refer((row, STOP), tables, action, findings);
    let sequence = number(row.bytes(SEQUENCE));
    if sequence.is_none() {
        malformed(row, SEQUENCE, "the value is not a whole number", action, findings);
    }
    let mut may = |column| {
        let taken = "it was taken for 0, as usual";
        let kind = small((row, column), 3, taken, findings).unwrap_or(0);
        if kind > 1 {
            tally.on_request += 1;
            tally.first_on_request.get_or_insert((row.at().start, column));
        }
        kind != 1
    };
    let may = (may(PICKUP), may(DROP_OFF));
    let distance = std::str::from_utf8(row.bytes(DISTANCE)).ok();
    let distance = distance.and_then(|text| text.parse().ok());
    Some(GtfsStopTimeRow {
        trip,
        sequence: sequence?,
        stop: stop?,
        arrival: arrival?,
        departure: departure?,
        distance: distance.unwrap_or(f32::NAN),
        start: row.at().start,
        may,
    })
}

/// A trip whose calls are made.
struct Trip<'t, 'f> {
    tables: &'t Tables<'f>,
    trips: &'t Trips,
    at: usize,
    tally: &'t mut Tally,
    findings: &'t mut Findings,
}

impl Trip<'_, '_> {
    /// Adds the calls of these rows, sorted by their place in the trip. None where the trip must
    /// be left out, which is a finding.
    fn calls(&mut self, rows: &mut [GtfsStopTimeRow], calls: &mut Vec<GtfsCall>) -> Option<()> {
        let count = self.without_twins(rows);
        let rows = &mut rows[..count];
        if rows.len() < 2 {
            let sentence = if rows.is_empty() {
                "the trip has no stop times"
            } else {
                "the trip has one stop time only"
            };
            let start = self.trips.rows[self.at].start;
            let place = (trips::FORM, start, trips::ID);
            let notice = self.tables.notice(Code::TripTooShort, sentence, place);
            self.findings.add(notice.action("the trip was left out"));
            return None;
        }
        self.fill_times(rows)?;
        self.check_order(rows)?;
        let last = rows.len() - 1;
        for (at, row) in rows.iter().enumerate() {
            if row.arrival % 60 != 0 || row.departure % 60 != 0 {
                self.tally.with_seconds += 1;
                self.tally.first_with_seconds.get_or_insert(row.start);
            }
            calls.push(GtfsCall {
                stop: row.stop,
                arrival: row.arrival,
                departure: row.departure,
                // Nobody boards where the train ends, nor alights where it begins.
                may: (row.may.0 && at < last, row.may.1 && at > 0),
            });
        }
        Some(())
    }

    /// Puts the rows in front that are no others again; says how many they are.
    fn without_twins(&mut self, rows: &mut [GtfsStopTimeRow]) -> usize {
        let mut count = 0;
        for at in 0..rows.len() {
            let row = rows[at];
            if count > 0 && rows[count - 1].sequence == row.sequence {
                let pair = (rows[count - 1].start, row.start);
                report_twin(self.tables, FORM, SEQUENCE, pair, self.findings);
            } else {
                rows[count] = row;
                count += 1;
            }
        }
        count
    }

    fn notice(&self, code: Code, sentence: &str, row: &GtfsStopTimeRow, column: usize) -> Notice {
        let trip = &self.trips.rows[self.at].id;
        let sentence = format!("in trip `{trip}`, {sentence}");
        self.tables.notice(code, sentence, (FORM, row.start, column))
    }

    /// Fills blank times: one of a call by its other, both by those of the calls around it.
    fn fill_times(&mut self, rows: &mut [GtfsStopTimeRow]) -> Option<()> {
        for row in rows.iter_mut() {
            match (row.arrival, row.departure) {
                (BLANK, departure) => row.arrival = departure,
                (arrival, BLANK) => row.departure = arrival,
                _ => {}
            }
        }
        let ends = [&rows[0], &rows[rows.len() - 1]];
        if let Some(row) = ends.into_iter().find(|row| row.arrival == BLANK) {
            let sentence = "the first or the last call has no time";
            let notice = self.notice(Code::TimeMissing, sentence, row, ARRIVAL);
            self.findings.add(notice.action("the trip was left out"));
            return None;
        }
        let blank = rows.iter().filter(|row| row.arrival == BLANK).count();
        let Some(first) = rows.iter().position(|row| row.arrival == BLANK) else {
            return Some(());
        };
        let has_distances = rows.is_sorted_by(|one, two| one.distance < two.distance);
        let mut before = 0;
        for at in 1..rows.len() {
            if rows[at].arrival != BLANK {
                interpolate(&mut rows[before..=at], has_distances);
                before = at;
            }
        }
        let verb = if blank == 1 { "has" } else { "have" };
        let sentence = format!("{} {verb} no time", counted(blank, "call"));
        let notice = self.notice(Code::TimeInterpolated, &sentence, &rows[first], ARRIVAL);
        let by = if has_distances { "distance" } else { "number of calls" };
        let time = clock(rows[first].arrival);
        let action = if blank == 1 {
            format!("the time was set to {time}, by {by} between the calls around it")
        } else {
            format!("the times were set by {by} between the calls around them, the first to {time}")
        };
        self.findings.add(notice.action(action));
        Some(())
    }

    /// Reports every time that is before the one before it; blank ones aside.
    fn check_order(&mut self, rows: &[GtfsStopTimeRow]) -> Option<()> {
        let (mut last, mut is_ordered) = (BLANK, true);
        for row in rows {
            for (time, column) in [(row.arrival, ARRIVAL), (row.departure, DEPARTURE)] {
                if time == BLANK {
                    continue;
                }
                if time < last {
                    let what = format!("the time is before {}, the one before it", clock(last));
                    let notice = self.notice(Code::TimesRunBackwards, &what, row, column);
                    self.findings.add(notice.action("the trip was left out"));
                    is_ordered = false;
                }
                last = time;
            }
        }
        is_ordered.then_some(())
    }
}

/// Times of the rows between the first and the last, in whole minutes.
fn interpolate(rows: &mut [GtfsStopTimeRow], has_distances: bool) {
    let last = rows.len() - 1;
    let (start, end) = (rows[0].departure, rows[last].arrival);
    let (from, to) = (rows[0].distance, rows[last].distance);
    for (at, row) in rows.iter_mut().enumerate().take(last).skip(1) {
        let share = if has_distances {
            f64::from(row.distance - from) / f64::from(to - from)
        } else {
            at as f64 / last as f64
        };
        let time = start + (f64::from(end - start) * share).round() as i32;
        // To the minute, but not before the departure that it follows.
        let time = (time - time % 60).max(start);
        (row.arrival, row.departure) = (time, time);
    }
}

fn report(tables: &Tables<'_>, tally: &Tally, findings: &mut Findings) {
    if let Some(start) = tally.first_unordered {
        let rows = counted(tally.unordered, "row");
        let sentence = format!("stop_sequence goes back in {rows}, first here");
        let notice = tables.notice(Code::SequenceOutOfOrder, sentence, (FORM, start, SEQUENCE));
        findings
            .add(notice.action("the calls of each trip were put in the order of stop_sequence"));
    }
    if let Some((start, column)) = tally.first_on_request {
        let count = counted(tally.on_request, "call");
        let sentence = format!("passengers must ask to board or alight at {count}, first here");
        let notice = tables.notice(Code::StopOnRequest, sentence, (FORM, start, column));
        findings.add(notice.action("they were taken for ordinary ones"));
    }
    if let Some(start) = tally.first_with_seconds {
        let calls = counted(tally.with_seconds, "call");
        let sentence = format!("there are seconds in the times of {calls}, first here");
        let notice = tables.notice(Code::SecondsRounded, sentence, (FORM, start, ARRIVAL));
        findings.add(notice.action("departures were rounded down and arrivals up"));
    }
}
