//! The ISO 8601 form of the CSV: one row is one dated run, its times instants.

use crate::notice::{Code, Findings, Notice};
use crate::read::csv::{Column, Row, Table};
use crate::read::nine::record;
use crate::read::row::{ARRIVAL, DEPARTURE, common, parsed, required};
use crate::read::values::{Moment, moment};
use crate::read::{Located, Rows, When};

/// The longest ride, in minutes: ten days.
pub const RIDE_MINUTES_MAX: i32 = 10 * 1440;

/// Its columns.
pub const COLUMNS: &[Column] = &[
    required("Route ID"),
    required("Departure City"),
    required("Arrival City"),
    required("departure_datetime"),
    required("arrival_datetime"),
    required("Train Type"),
    required("First Class ticket rate (in euro)"),
    required("Second Class ticket rate (in euro)"),
];

/// The records of all rows without a mistake, and findings for the others.
pub fn read(table: &Table<'_>, findings: &mut Findings) -> Rows {
    let mut rows = Rows::default();
    let read = table.rows(findings, |row, findings| {
        let common = common(row, findings);
        rows.ids.extend(common.id.clone().map(|id| (id, row.at())));
        let departure = parsed(row, DEPARTURE, "the departure", moment, findings);
        let arrival = parsed(row, ARRIVAL, "the arrival", moment, findings);
        report_seconds(row, DEPARTURE, departure, findings);
        report_seconds(row, ARRIVAL, arrival, findings);
        let (Some(departure), Some(arrival)) = (departure, arrival) else {
            return;
        };
        if !check_order(row, departure, arrival, findings) {
            return;
        }
        let when = When::Dated { departure: departure.departure(), arrival: arrival.arrival() };
        rows.records.extend(record(common, when).map(|record| Located { record, at: row.at() }));
    });
    Rows { read, ..rows }
}

fn report_seconds(
    row: &Row<'_, '_>,
    column: usize,
    moment: Option<Moment>,
    findings: &mut Findings,
) {
    if moment.is_some_and(|moment| !moment.is_whole()) {
        let (sentence, action) = if column == DEPARTURE {
            ("the departure has seconds", "it was rounded down to the minute")
        } else {
            ("the arrival has seconds", "it was rounded up to the minute")
        };
        let notice = Notice::new(Code::SecondsRounded, sentence).at(row.place(column));
        let value = row.get(column).unwrap_or_default().into_owned();
        findings.add(notice.value(value).action(action));
    }
}

fn check_order(
    row: &Row<'_, '_>,
    departure: Moment,
    arrival: Moment,
    findings: &mut Findings,
) -> bool {
    let before =
        (arrival.seconds, arrival.has_fraction) < (departure.seconds, departure.has_fraction);
    let minutes = arrival.arrival() - departure.departure();
    let (code, sentence) = if before {
        (Code::ArrivalBeforeDeparture, "the train arrives before it departs".to_owned())
    } else if arrival == departure {
        let sentence = "the train arrives at the moment it departs".to_owned();
        (Code::ArrivalEqualsDeparture, sentence)
    } else if minutes > RIDE_MINUTES_MAX {
        let days = minutes / 1440;
        (Code::RideTooLong, format!("the train takes {days} days, more than the 10 it may take"))
    } else {
        return true;
    };
    let value = row.get(ARRIVAL).unwrap_or_default().into_owned();
    findings.add(Notice::new(code, sentence).at(row.place(ARRIVAL)).value(value));
    false
}
