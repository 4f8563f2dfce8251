//! Departure days on which all arithmetic is the same.
//!
//! Minutes count from a service date's origin, and origins are 24 hours apart except around the
//! nights on which clocks change. The days of a class agree on how far the origins around them are
//! away and on when the calendar date at the station begins and ends, so that one undated search
//! serves them all: in most networks one class has all days but three or four per change.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime, TimeDelta};
use chrono_tz::Tz;
use schema::{Instant, Network, PackedLeg, days, local_to_instant};

/// Days that are alike. All its minutes count from the origin of the departure day itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayClass {
    /// The departure days.
    pub days: Vec<u64>,
    /// When the calendar date begins at the station.
    pub start: i32,
    /// When it ends.
    pub end: i32,
    shift_min: i32,
    offsets: Vec<i32>,
}

impl DayClass {
    /// The shifts for which there is an offset.
    pub fn shifts(&self) -> std::ops::Range<i32> {
        self.shift_min..self.shift_min + self.offsets.len() as i32
    }

    /// The origin of the service date that comes `shift` dates after the departure day.
    pub fn offset(&self, shift: i32) -> i32 {
        self.offsets[(shift - self.shift_min) as usize]
    }
}

/// The furthest that service dates may lie from the departure day, for all itineraries of a
/// network.
pub fn shifts(network: &Network) -> std::ops::RangeInclusive<i32> {
    let last = network.calls.iter().map(|call| i32::from(call.departure)).max().unwrap_or(0);
    let first = network.calls.iter().map(|call| i32::from(call.departure)).min().unwrap_or(0);
    let longest = (network.journeys.iter())
        .map(|journey| {
            let start = journey.calls_start as usize;
            let end = start + journey.calls_len as usize - 1;
            i32::from(network.calls[end].arrival) - i32::from(network.calls[start].departure)
        })
        .max()
        .unwrap_or(0);
    let whole = longest.max(network.transfers.duration_minutes_max as i32);
    // A day more on either side: zones differ from the network's own by less than one.
    let before = -(last.div_euclid(1440) + 1);
    let after = whole.div_euclid(1440) + 2 - first.div_euclid(1440).min(0);
    before.max(-PackedLeg::SHIFT_MAX)..=after.min(PackedLeg::SHIFT_MAX)
}

/// The instant from which the minutes of a day of the axis count. The day may lie up to
/// [`PackedLeg::SHIFT_MAX`] off it.
pub fn origin(network: &Network, day: i32) -> Instant {
    network.period.origins[(day + PackedLeg::SHIFT_MAX) as usize]
}

/// When the calendar date of a day of the axis begins in a zone.
pub fn midnight(network: &Network, zone: Tz, day: i32) -> Instant {
    let first = NaiveDate::default() + TimeDelta::days(network.period.axis_first.into());
    let date = first + TimeDelta::days(day.into());
    local_to_instant(zone, date.and_time(NaiveTime::MIN))
}

/// The classes of departure days at a station in this zone, by their first day.
pub fn classes(network: &Network, zone: Tz) -> Vec<DayClass> {
    let period = &network.period;
    let origin = |day| origin(network, day);
    let midnight = |day| midnight(network, zone, day);
    let shifts = shifts(network);
    let mut classes: BTreeMap<(i32, i32, Vec<i32>), Vec<u64>> = BTreeMap::new();
    for day in 0..period.axis_days as i32 {
        let offsets = shifts.clone().map(|shift| origin(day + shift) - origin(day)).collect();
        let (start, end) = (midnight(day) - origin(day), midnight(day + 1) - origin(day));
        let set = classes
            .entry((start, end, offsets))
            .or_insert_with(|| vec![0; days::words(period.axis_days as usize)]);
        days::insert(set, day as usize);
    }
    let mut classes: Vec<DayClass> = (classes.into_iter())
        .map(|((start, end, offsets), days)| DayClass {
            days,
            start,
            end,
            shift_min: *shifts.start(),
            offsets,
        })
        .collect();
    classes.sort_by_key(|class| days::iter(&class.days).next());
    classes
}
