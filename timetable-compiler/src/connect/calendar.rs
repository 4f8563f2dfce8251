//! How the days of a network lie to each other.
//!
//! Minutes count from a service date's origin, and origins are 24 hours apart except around the
//! nights on which clocks change. So a train of the next date comes 1,440 minutes later on most
//! departure days, and 1,380 or 1,500 on some; and the calendar date at a station begins in a
//! minute that is not the same on all of them.

use std::ops::RangeInclusive;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use schema::{Instant, Network, PackedLeg, local_to_instant};

/// The days of a network's axis.
pub struct Calendar<'n> {
    network: &'n Network,
    /// The zones of its stations.
    pub zones: Vec<Tz>,
    /// How far service dates may lie from the departure day.
    pub shifts: RangeInclusive<i32>,
}

impl<'n> Calendar<'n> {
    /// The days of a network whose stations have these zones.
    pub fn of(network: &'n Network, of_stations: &[Tz]) -> Self {
        let mut zones = of_stations.to_vec();
        zones.sort_unstable_by_key(|zone| zone.name());
        zones.dedup();
        let mut calendar = Self { network, zones, shifts: 0..=0 };
        calendar.shifts = calendar.shifts_that_matter();
        calendar
    }

    /// The days of the axis.
    pub fn days(&self) -> std::ops::Range<i32> {
        0..self.network.period.axis_days as i32
    }

    /// The instant from which the minutes of a day count. It may lie up to
    /// [`PackedLeg::SHIFT_MAX`] off the axis.
    pub fn origin(&self, day: i32) -> Instant {
        self.network.period.origins[(day + PackedLeg::SHIFT_MAX) as usize]
    }

    /// How many minutes the origin of the service date `shift` later comes after that of a day.
    pub fn offset(&self, day: i32, shift: i32) -> i32 {
        self.origin(day + shift) - self.origin(day)
    }

    /// In which minute of a day the calendar date `shift` later begins in a zone.
    pub fn midnight(&self, zone: Tz, day: i32, shift: i32) -> i32 {
        let first = NaiveDate::default() + TimeDelta::days(self.network.period.axis_first.into());
        let date = first + TimeDelta::days((day + shift).into());
        local_to_instant(zone, date.and_time(NaiveTime::MIN)) - self.origin(day)
    }

    /// The minutes in which the calendar date of a day begins and ends in a zone.
    pub fn bounds(&self, zone: Tz, day: i32) -> (i32, i32) {
        (self.midnight(zone, day, 0), self.midnight(zone, day, 1))
    }

    /// The service dates, by how far they come after the departure day, of which trains can matter
    /// to an itinerary: those that can leave on the day or after it, before the last itinerary
    /// arrives.
    fn shifts_that_matter(&self) -> RangeInclusive<i32> {
        let network = self.network;
        let (mut first, mut last) = (i32::MAX, i32::MIN);
        let mut longest = network.transfers.duration_minutes_max as i32;
        for journey in &network.journeys {
            let start = journey.calls_start as usize;
            let calls = &network.calls[start..start + journey.calls_len as usize];
            let departure = i32::from(calls[0].departure);
            first = first.min(departure);
            last = last.max(calls[calls.len() - 2].departure.into());
            longest = longest.max(i32::from(calls[calls.len() - 1].arrival) - departure);
        }
        let bounds: Vec<(i32, i32, i32)> = (self.days())
            .flat_map(|day| self.zones.iter().map(move |zone| (day, *zone)))
            .map(|(day, zone)| (day, self.midnight(zone, day, 0), self.midnight(zone, day, 1)))
            .collect();
        let matters = |shift: &i32| {
            bounds.iter().any(|(day, start, end)| {
                let offset = self.offset(*day, *shift);
                offset + last >= *start && offset + first < end + longest
            })
        };
        let most = PackedLeg::SHIFT_MAX;
        let before = (-most..=0).find(matters).unwrap_or(0);
        let after = (0..=most).rev().find(matters).unwrap_or(0);
        before..=after
    }
}
