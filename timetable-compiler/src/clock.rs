//! Local times of a train on each date as minutes of the service date.
//!
//! A zone's day is *plain* where no clock changes between its midnights; then a local time is
//! midnight plus minutes. On the few other days [`local_to_instant`] decides.

use std::collections::HashMap;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use schema::{Instant, local_minute_of_day, local_to_instant, service_origin};

use crate::read::values::{ArrivalTime, DAY_OFFSET_MAX};

const MINUTES_A_DAY: i32 = 1440;

/// How many dates before the period are tried for one on which no clock changes.
const ORDINARY_DATES_TRIED: i64 = 60;

/// A train by the clocks of its two cities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ride {
    /// The zone of the city of departure.
    pub from: Tz,
    /// The zone of the city of arrival.
    pub to: Tz,
    /// Minutes after midnight.
    pub departure: u16,
    /// By the clock of the city of arrival.
    pub arrival: ArrivalTime,
}

/// A ride on a date, in minutes from the service date's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Minute of departure.
    pub departure: i16,
    /// Minute of arrival; not after the departure where no date says how long the ride takes.
    pub arrival: i16,
    /// A local time of the ride does not exist on this date, and moved on.
    pub is_moved: bool,
    /// The local times of this date would end the ride before it begins; it takes as long as on
    /// an ordinary day.
    pub is_elapsed_kept: bool,
}

#[derive(Debug, Clone, Copy)]
struct LocalDay {
    midnight: Instant,
    is_plain: bool,
}

/// The days of all zones of a timetable.
#[derive(Debug)]
pub struct Clock {
    first: NaiveDate,
    /// Per service date, from which instant its minutes count.
    origins: Vec<Instant>,
    zones: HashMap<Tz, Vec<LocalDay>>,
}

impl Clock {
    /// Over the service dates from `first` to `last`, both included, of the reference zone.
    pub fn new(
        reference: Tz,
        first: NaiveDate,
        last: NaiveDate,
        zones: impl IntoIterator<Item = Tz>,
    ) -> Self {
        let dates = (last - first).num_days().max(0) + 1;
        let date = |at: i64| first + TimeDelta::days(at);
        let days = |zone: Tz| {
            (0..dates + i64::from(DAY_OFFSET_MAX)).map(|at| local_day(zone, date(at))).collect()
        };
        Self {
            first,
            origins: (0..dates).map(|at| service_origin(reference, date(at))).collect(),
            zones: zones.into_iter().map(|zone| (zone, days(zone))).collect(),
        }
    }

    /// The ride's times on each of `dates`, given as positions from the first service date.
    ///
    /// # Panics
    ///
    /// Where a zone was not named when the clock was made, or a date lies outside the period.
    pub fn times(&self, ride: Ride, dates: impl Iterator<Item = usize>) -> Vec<(usize, Times)> {
        let (from, to) = (&self.zones[&ride.from], &self.zones[&ride.to]);
        let later = usize::from(ride.arrival.days);
        dates
            .map(|at| {
                let (leaves, arrives) = (from[at], to[at + later]);
                let times = if leaves.is_plain && arrives.is_plain {
                    let departure = leaves.midnight + i32::from(ride.departure);
                    let arrival = arrives.midnight + i32::from(ride.arrival.minute);
                    (departure, arrival, false)
                } else {
                    slow_times(ride, self.date(at))
                };
                (at, self.dated(ride, at, times))
            })
            .collect()
    }

    /// The service date at a position.
    pub fn date(&self, at: usize) -> NaiveDate {
        self.first + TimeDelta::days(at as i64)
    }

    /// How many service dates there are.
    pub fn dates(&self) -> usize {
        self.origins.len()
    }

    fn dated(
        &self,
        ride: Ride,
        at: usize,
        (departure, arrival, is_moved): (Instant, Instant, bool),
    ) -> Times {
        let is_elapsed_kept = arrival <= departure;
        let arrival = if is_elapsed_kept {
            departure + ordinary_minutes(ride, self.date(at))
        } else {
            arrival
        };
        let origin = self.origins[at];
        Times {
            // Zones lie less than a day apart and rides take less than eleven: 16 bits hold both.
            departure: (departure - origin) as i16,
            arrival: (arrival - origin) as i16,
            is_moved,
            is_elapsed_kept,
        }
    }
}

/// The minutes that a ride takes on `date`, or where a clock changes on its way, on the last date
/// before on which none does. Zero or less for a ride that ends before it begins.
pub fn ordinary_minutes(ride: Ride, date: NaiveDate) -> i32 {
    let is_ordinary = |date: &NaiveDate| {
        (0..=i64::from(ride.arrival.days)).all(|later| {
            let date = *date + TimeDelta::days(later);
            local_day(ride.from, date).is_plain && local_day(ride.to, date).is_plain
        })
    };
    let ordinary = (0..ORDINARY_DATES_TRIED)
        .map(|days| date - TimeDelta::days(days))
        .find(is_ordinary)
        .unwrap_or(date);
    let (departure, arrival, _) = slow_times(ride, ordinary);
    arrival - departure
}

/// Departure, arrival, and whether one of the local times does not exist.
fn slow_times(ride: Ride, date: NaiveDate) -> (Instant, Instant, bool) {
    let later = TimeDelta::days(ride.arrival.days.into());
    let departure = at_clock(ride.from, date, ride.departure);
    let arrival = at_clock(ride.to, date + later, ride.arrival.minute);
    let exists = local_minute_of_day(ride.from, departure) == ride.departure
        && local_minute_of_day(ride.to, arrival) == ride.arrival.minute;
    (departure, arrival, !exists)
}

fn at_clock(zone: Tz, date: NaiveDate, minute: u16) -> Instant {
    let midnight = date.and_time(NaiveTime::MIN);
    local_to_instant(zone, midnight + TimeDelta::minutes(minute.into()))
}

fn local_day(zone: Tz, date: NaiveDate) -> LocalDay {
    let midnight = at_clock(zone, date, 0);
    let next = at_clock(zone, date + TimeDelta::days(1), 0);
    LocalDay {
        midnight,
        is_plain: next - midnight == MINUTES_A_DAY && local_minute_of_day(zone, midnight) == 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::America::Havana;
    use chrono_tz::Atlantic::Azores;
    use chrono_tz::Europe::{Brussels, Helsinki, Istanbul, London, Paris};

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn ride(from: Tz, to: Tz, departure: &str, arrival: &str, days: u8) -> Ride {
        let minute = |text: &str| crate::read::values::departure_time(text).expect("a time");
        let arrival = ArrivalTime { days, minute: minute(arrival) };
        Ride { from, to, departure: minute(departure), arrival }
    }

    /// Local times, as a timetable has them, on a date: minutes from the date's noon minus 12 h.
    fn check(ride: Ride, on: &str, departure: i16, arrival: i16, moved: bool, kept: bool) {
        let clock = Clock::new(Brussels, date(on), date(on), [ride.from, ride.to]);
        let expected = Times { departure, arrival, is_moved: moved, is_elapsed_kept: kept };
        let found = clock.times(ride, std::iter::once(0));
        assert_eq!(found, [(0, expected)], "{ride:?} on {on}");
    }

    #[test]
    fn local_times_become_minutes_of_the_service_date() {
        let eurostar = ride(London, Paris, "07:01", "10:19", 0);
        for on in ["2026-11-02", "2026-10-25", "2027-03-28"] {
            check(eurostar, on, 481, 619, false, false);
        }
        check(ride(Helsinki, Helsinki, "00:20", "06:00", 0), "2026-11-02", -40, 300, false, false);
    }

    #[test]
    fn a_night_train_takes_an_hour_less_in_spring_and_an_hour_more_in_autumn() {
        let night = ride(Brussels, Brussels, "22:00", "07:00", 1);
        check(night, "2027-03-26", 1320, 1860, false, false);
        check(night, "2027-03-27", 1320, 1800, false, false);
        check(night, "2026-10-24", 1320, 1920, false, false);
        // From the evening of the change on, all is as ever.
        check(night, "2027-03-28", 1320, 1860, false, false);
        check(night, "2026-10-25", 1320, 1860, false, false);
    }

    #[test]
    fn a_train_at_half_past_two_on_the_nights_of_change() {
        // The origin of a spring day is 23:00 of the evening before, so 03:30 is its minute 210.
        check(ride(Brussels, Brussels, "02:30", "05:00", 0), "2027-03-28", 210, 300, true, false);
        check(ride(Brussels, Brussels, "02:30", "03:15", 0), "2027-03-28", 210, 255, true, true);
        // Of the repeated hour it is the first; the origin is 01:00 by the summer clock.
        check(ride(Brussels, Brussels, "02:30", "05:00", 0), "2026-10-25", 90, 300, false, false);
        check(ride(Brussels, Brussels, "02:30", "02:50", 0), "2026-10-25", 90, 110, false, false);
        check(ride(Brussels, Brussels, "01:30", "02:15", 0), "2027-03-28", 150, 195, true, false);
    }

    #[test]
    fn a_ride_that_ends_before_it_begins_is_known_by_its_ordinary_minutes() {
        let on = date("2027-01-15");
        assert_eq!(ordinary_minutes(ride(Brussels, Brussels, "10:00", "09:00", 0), on), -60);
        assert_eq!(ordinary_minutes(ride(Helsinki, London, "10:00", "09:00", 0), on), 60);
        let spring = date("2027-03-28");
        assert_eq!(ordinary_minutes(ride(Brussels, Brussels, "02:30", "03:15", 0), spring), 45);
    }

    #[test]
    fn the_fast_way_equals_the_slow_one() {
        let zones = [Brussels, London, Helsinki, Istanbul, Havana, Azores];
        let (first, last) = (date("2026-10-01"), date("2027-11-30"));
        let clock = Clock::new(Brussels, first, last, zones);
        for from in zones {
            for to in zones {
                for minute in (0..1440).step_by(25) {
                    let arrival = ArrivalTime { days: 1, minute: 1439 - minute };
                    let ride = Ride { from, to, departure: minute, arrival };
                    for (at, times) in clock.times(ride, 0..clock.dates()) {
                        let on = clock.date(at);
                        let origin = service_origin(Brussels, on);
                        let slow = slow_times(ride, on);
                        assert_eq!(i32::from(times.departure), slow.0 - origin, "{ride:?} {on}");
                        if !times.is_elapsed_kept {
                            assert_eq!(i32::from(times.arrival), slow.1 - origin, "{ride:?} {on}");
                        }
                    }
                }
            }
        }
    }
}
