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
    /// The local times that clocks skip on this date, and that count from before the change.
    pub skipped: Skipped,
    /// The local times of this date would end the ride before it begins; it takes as long as on
    /// an ordinary day.
    pub is_elapsed_kept: bool,
}

/// Which local times of a ride do not exist on a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Skipped {
    /// That of the departure.
    pub departure: bool,
    /// That of the arrival.
    pub arrival: bool,
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
                    (departure, arrival, Skipped::default())
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
        (departure, arrival, skipped): (Instant, Instant, Skipped),
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
            skipped,
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

/// Departure, arrival, and which of their local times do not exist.
fn slow_times(ride: Ride, date: NaiveDate) -> (Instant, Instant, Skipped) {
    let later = TimeDelta::days(ride.arrival.days.into());
    let departure = at_clock(ride.from, date, ride.departure);
    let arrival = at_clock(ride.to, date + later, ride.arrival.minute);
    let skipped = Skipped {
        departure: local_minute_of_day(ride.from, departure) != ride.departure,
        arrival: local_minute_of_day(ride.to, arrival) != ride.arrival.minute,
    };
    (departure, arrival, skipped)
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
    use chrono_tz::Europe::{Belgrade, Brussels, Helsinki, Istanbul, London, Paris, Sofia};

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn ride(from: Tz, to: Tz, departure: &str, arrival: &str, days: u8) -> Ride {
        let minute = |text: &str| crate::read::values::departure_time(text).expect("a time");
        let arrival = ArrivalTime { days, minute: minute(arrival) };
        Ride { from, to, departure: minute(departure), arrival }
    }

    /// A ride on a date, in minutes from the date's noon minus 12 h by the clock of Brussels.
    fn check(ride: Ride, on: &str, expected: &str) {
        let clock = Clock::new(Brussels, date(on), date(on), [ride.from, ride.to]);
        let (_, times) = clock.times(ride, std::iter::once(0))[0];
        let mut found = format!("{} to {}", times.departure, times.arrival);
        for (holds, what) in [
            (times.skipped.departure, ", departure skipped"),
            (times.skipped.arrival, ", arrival skipped"),
            (times.is_elapsed_kept, ", elapsed kept"),
        ] {
            found.push_str(if holds { what } else { "" });
        }
        assert_eq!(found, expected, "{ride:?} on {on}");
    }

    #[test]
    fn local_times_become_minutes_of_the_service_date() {
        let eurostar = ride(London, Paris, "07:01", "10:19", 0);
        for on in ["2026-11-02", "2026-10-25", "2027-03-28"] {
            check(eurostar, on, "481 to 619");
        }
        let early = ride(Helsinki, Helsinki, "00:20", "06:00", 0);
        check(early, "2026-11-02", "-40 to 300");
    }

    #[test]
    fn a_night_train_takes_an_hour_less_in_spring_and_an_hour_more_in_autumn() {
        let night = ride(Brussels, Brussels, "22:00", "07:00", 1);
        check(night, "2027-03-26", "1320 to 1860");
        check(night, "2027-03-27", "1320 to 1800");
        check(night, "2026-10-24", "1320 to 1920");
        // From the evening of the change on, all is as ever.
        check(night, "2027-03-28", "1320 to 1860");
        check(night, "2026-10-25", "1320 to 1860");
    }

    #[test]
    fn a_train_at_half_past_two_on_the_nights_of_change() {
        let at = |departure, arrival| ride(Brussels, Brussels, departure, arrival, 0);
        // The origin of a spring day is 23:00 of the evening before, so 03:30 is its minute 210.
        let spring = "2027-03-28";
        check(at("02:30", "05:00"), spring, "210 to 300, departure skipped");
        check(at("02:30", "03:15"), spring, "210 to 255, departure skipped, elapsed kept");
        check(at("01:30", "02:15"), spring, "150 to 195, arrival skipped");
        // Of the repeated hour it is the first; the origin is 01:00 by the summer clock.
        let autumn = "2026-10-25";
        check(at("02:30", "05:00"), autumn, "90 to 300");
        check(at("02:30", "02:50"), autumn, "90 to 110");
        // Both clocks repeat an hour: of Sofia's 03:50 the first counts, Belgrade has one 03:10.
        let west = ride(Sofia, Belgrade, "03:50", "03:10", 0);
        check(west, "2026-10-24", "170 to 190");
        check(west, autumn, "110 to 190");
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
