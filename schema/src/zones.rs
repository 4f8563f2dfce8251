//! Local times and instants, with the two nights a year on which they are not a plain shift.

use chrono::{
    DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeDelta, TimeZone,
    Timelike,
};
use chrono_tz::Tz;

use crate::Instant;

/// The zone's offset from UTC at `instant`, in minutes; east is positive. Offsets with seconds,
/// which no zone has had since 1972, are rounded down.
pub fn utc_offset_minutes(zone: Tz, instant: Instant) -> i32 {
    let utc = utc(instant);
    zone.offset_from_utc_datetime(&utc).fix().local_minus_utc().div_euclid(60)
}

/// The calendar date at `zone` when it is `instant`.
pub fn local_date(zone: Tz, instant: Instant) -> NaiveDate {
    utc(instant + utc_offset_minutes(zone, instant)).date()
}

/// Minutes since local midnight by the clock on the wall, 0 to 1439.
pub fn local_minute_of_day(zone: Tz, instant: Instant) -> u16 {
    let time = utc(instant + utc_offset_minutes(zone, instant)).time();
    (time.hour() * 60 + time.minute()) as u16
}

/// The instant at which clocks at `zone` show `local`.
///
/// Of the two instants of an autumn night's repeated hour it is the first; a time that a spring
/// night skips counts from before the change, so that 02:30 becomes 03:30.
pub fn local_to_instant(zone: Tz, local: NaiveDateTime) -> Instant {
    let minutes = |at: DateTime<Tz>| at.timestamp().div_euclid(60) as Instant;
    match zone.from_local_datetime(&local) {
        LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => minutes(at),
        LocalResult::None => {
            let before = local - TimeDelta::hours(3);
            zone.from_local_datetime(&before).earliest().map_or_else(
                || local.and_utc().timestamp().div_euclid(60) as Instant,
                |at| minutes(at) + 180,
            )
        }
    }
}

/// The origin of a service date's times: its noon minus twelve hours, which is midnight on all days
/// but those on which clocks change (GTFS' definition).
pub fn service_origin(zone: Tz, date: NaiveDate) -> Instant {
    let noon = NaiveTime::from_hms_opt(12, 0, 0).unwrap_or_default();
    local_to_instant(zone, date.and_time(noon)) - 720
}

fn utc(instant: Instant) -> NaiveDateTime {
    DateTime::from_timestamp(i64::from(instant) * 60, 0).unwrap_or_default().naive_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::Europe::{Brussels, London};

    fn at(text: &str) -> NaiveDateTime {
        NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").expect("a date and a time")
    }

    #[test]
    fn the_repeated_hour_is_the_first_one_and_the_skipped_one_moves_on() {
        let repeated = local_to_instant(Brussels, at("2026-10-25 02:30"));
        assert_eq!(utc_offset_minutes(Brussels, repeated), 120);
        let skipped = local_to_instant(Brussels, at("2027-03-28 02:30"));
        assert_eq!(local_minute_of_day(Brussels, skipped), 210);
        assert_eq!(skipped, local_to_instant(Brussels, at("2027-03-28 03:30")));
    }

    #[test]
    fn a_service_date_begins_twelve_hours_before_its_noon() {
        let origin = |day: &str| service_origin(Brussels, at(&format!("{day} 00:00")).date());
        assert_eq!(origin("2026-10-25") - origin("2026-10-24"), 25 * 60);
        assert_eq!(origin("2026-10-26") - origin("2026-10-25"), 24 * 60);
        assert_eq!(origin("2027-03-28") - origin("2027-03-27"), 23 * 60);
    }

    #[test]
    fn dates_are_those_of_the_zone() {
        let midnight = local_to_instant(Brussels, at("2026-12-01 00:15"));
        assert_eq!(local_date(Brussels, midnight).to_string(), "2026-12-01");
        assert_eq!(local_date(London, midnight).to_string(), "2026-11-30");
    }
}
