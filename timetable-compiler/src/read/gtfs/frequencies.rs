//! frequencies.txt: trips that run again and again, at a headway.

use std::collections::{BTreeMap, BTreeSet};

use super::cells::{Tables, clock, counted, malformed, number, small, time};
use super::files::frequencies::{END, EXACT, FORM, HEADWAY, START, TRIP};
use super::trips::{Fate, Trips};
use crate::notice::{Code, Findings, Notice};
use crate::read::csv::Row;

/// The most runs of one trip on a date.
const RUNS_MAX: usize = 5000;

/// When the runs of trips begin, in seconds; only of trips with frequencies.
pub type Starts = BTreeMap<u32, Vec<i32>>;

struct Window {
    start: i32,
    end: i32,
    headway: i32,
    row: usize,
}

/// Reads frequencies.txt. Trips of which a row cannot be used are dropped.
pub fn read(tables: &Tables<'_>, trips: &mut Trips, findings: &mut Findings) -> Starts {
    let mut unusable = BTreeSet::new();
    let mut windows: BTreeMap<u32, Vec<Window>> = BTreeMap::new();
    let (mut approximate, mut first) = (0, None);
    tables.each(FORM, findings, |row, findings| {
        let trip = trips.keys.refer((row, TRIP), tables, "the row was left out", findings);
        let window = window(row, findings);
        let is_exact = small((row, EXACT), 1, "it was taken for 0", findings) == Some(1);
        let is_kept = |trip: &u32| trips.rows[*trip as usize].fate == Fate::Kept;
        let Some(trip) = trip.filter(is_kept) else { return };
        let Some(window) = window else {
            unusable.insert(trip);
            return;
        };
        if !is_exact {
            approximate += 1;
            first.get_or_insert(row.at().start);
        }
        windows.entry(trip).or_default().push(window);
    });
    if let Some(start) = first {
        let rows = counted(approximate, "row");
        let sentence = format!("{rows}: known is how often trains run, not when, first here");
        let notice = tables.notice(Code::HeadwayApproximated, sentence, (FORM, start, HEADWAY));
        findings.add(notice.action("the trains run at the start of the window and every headway"));
    }
    // It never runs at the times of its stop times alone.
    for trip in unusable {
        trips.rows[trip as usize].fate = Fate::Dropped;
        windows.remove(&trip);
    }
    let starts = |(trip, windows): (u32, Vec<Window>)| {
        let starts = starts(&trips.rows[trip as usize].id, windows, tables, findings);
        (trip, starts)
    };
    windows.into_iter().map(starts).collect()
}

const LEFT_OUT: &str = "the trip was left out";

fn window(row: &Row<'_, '_>, findings: &mut Findings) -> Option<Window> {
    let mut at = |column| {
        let found = time(row.bytes(column));
        if found.is_none() {
            let sentence = "the time is not of the form HH:MM:SS, up to 192:00:00";
            malformed(row, column, sentence, LEFT_OUT, findings);
        }
        found
    };
    let (start, end) = (at(START), at(END));
    let headway = number(row.bytes(HEADWAY)).filter(|it| (1..=86_400).contains(it));
    if headway.is_none() {
        let sentence = "the headway is not from 1 to 86400 seconds";
        malformed(row, HEADWAY, sentence, LEFT_OUT, findings);
    }
    let (start, end) = start.zip(end)?;
    if start >= end {
        malformed(row, END, "the window ends before it starts", LEFT_OUT, findings);
        return None;
    }
    Some(Window { start, end, headway: headway? as i32, row: row.at().start })
}

fn starts(
    trip: &str,
    mut windows: Vec<Window>,
    tables: &Tables<'_>,
    findings: &mut Findings,
) -> Vec<i32> {
    windows.sort_by_key(|window| (window.start, window.end, window.headway));
    for two in windows.windows(2).filter(|two| two[1].start < two[0].end) {
        let sentence = format!(
            "the window of trip `{trip}` begins before {}, the end of the one before it",
            clock(two[0].end)
        );
        let notice = tables.notice(Code::FrequenciesOverlap, sentence, (FORM, two[1].row, START));
        findings.add(notice.action("the runs of both were taken, those of one time once"));
    }
    let runs = |window: &Window| ((window.end - window.start - 1) / window.headway + 1) as usize;
    let total: usize = windows.iter().map(runs).sum();
    if total > RUNS_MAX {
        let sentence =
            format!("trip `{trip}` has {} a date, more than {RUNS_MAX}", counted(total, "run"));
        let most = windows.iter().max_by_key(|window| (runs(window), window.start));
        let row = most.map_or(0, |window| window.row);
        let notice: Notice = tables.notice(Code::TooManyRuns, sentence, (FORM, row, HEADWAY));
        findings
            .add(notice.help("headways are in seconds; look for one that was meant in minutes"));
        return Vec::new();
    }
    let runs = |window: Window| (window.start..window.end).step_by(window.headway as usize);
    let mut starts: Vec<i32> = windows.into_iter().flat_map(runs).collect();
    starts.sort_unstable();
    starts.dedup();
    starts
}
