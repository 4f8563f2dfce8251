//! The nine-column CSV: one row is one train, week after week, by the clocks of its cities.

use crate::notice::{Code, Findings, Notice};
use crate::read::csv::{Column, Row, Table};
use crate::read::row::{ARRIVAL, Common, DEPARTURE, FROM, TO, common, parsed, required};
use crate::read::values::{ArrivalTime, arrival_time, departure_time, time, weekdays};
use crate::read::{Located, Record, Rows, When};

const DAYS: usize = 8;

/// Its columns.
pub const COLUMNS: &[Column] = &[
    required("Route ID"),
    required("Departure City"),
    required("Arrival City"),
    required("Departure Time"),
    required("Arrival Time"),
    required("Train Type"),
    required("First Class ticket rate (in euro)"),
    required("Second Class ticket rate (in euro)"),
    required("Days of Operation"),
];

/// The minutes a train takes on an ordinary day, from the city of departure to that of arrival,
/// where the cities are known.
pub type Elapsed<'e> = &'e dyn Fn(Option<&str>, Option<&str>, u16, ArrivalTime) -> i32;

/// The records of all rows without a mistake, and findings for the others.
pub fn read(table: &Table<'_>, elapsed: Elapsed<'_>, findings: &mut Findings) -> Rows {
    let mut rows = Rows::default();
    let read = table.rows(findings, |row, findings| {
        let common = common(row, findings);
        rows.ids.extend(common.id.clone().map(|id| (id, row.at())));
        let departure = parsed(row, DEPARTURE, "the departure time", departure_time, findings);
        let arrival = parsed(row, ARRIVAL, "the arrival time", arrival_time, findings);
        let days = parsed(row, DAYS, "the pattern of days", weekdays, findings);
        let in_order = match (departure, arrival) {
            (Some(departure), Some(arrival)) => {
                let (from, to) = (common.from.as_deref(), common.to.as_deref());
                let minutes = elapsed(from, to, departure, arrival);
                check_order(row, (departure, arrival), minutes, findings)
            }
            _ => false,
        };
        if let (true, Some(departure), Some(arrival), Some(days)) =
            (in_order, departure, arrival, days)
        {
            let when = When::Weekly { departure, arrival, days };
            rows.records
                .extend(record(common, when).map(|record| Located { record, at: row.at() }));
        }
    });
    Rows { read, ..rows }
}

/// The record of a row, where all its common values are there.
pub(super) fn record(common: Common, when: When) -> Option<Record> {
    Some(Record {
        id: common.id?,
        from: common.from?,
        to: common.to?,
        train_type: common.train_type?,
        first_cents: common.first?.cents,
        second_cents: common.second?.cents,
        when,
    })
}

fn check_order(
    row: &Row<'_, '_>,
    (departure, arrival): (u16, ArrivalTime),
    minutes: i32,
    findings: &mut Findings,
) -> bool {
    if minutes > 0 {
        return true;
    }
    let by_clock =
        i32::from(arrival.days) * 1440 + i32::from(arrival.minute) - i32::from(departure);
    let clocks = match (row.get(FROM), row.get(TO)) {
        // Where the clocks differ, the sentence must not look wrong to who reads the two times.
        (Some(from), Some(to)) if by_clock != minutes => {
            format!(", by the clocks of {from} and {to}")
        }
        _ => String::new(),
    };
    let (code, relation) = if minutes == 0 {
        (Code::ArrivalEqualsDeparture, "the moment it departs")
    } else {
        (Code::ArrivalBeforeDeparture, "before it departs")
    };
    let sentence = format!(
        "the train arrives at {}, {relation} at {}{clocks}",
        time(arrival.minute),
        time(departure),
    );
    let value = row.get(ARRIVAL).unwrap_or_default().into_owned();
    let notice = Notice::new(code, sentence).at(row.place(ARRIVAL)).value(value);
    findings.add(if arrival.days == 0 {
        let next = time(arrival.minute);
        notice.help(format!("write `{next} (+1d)`, if it arrives on the next day"))
    } else {
        notice
    });
    false
}
