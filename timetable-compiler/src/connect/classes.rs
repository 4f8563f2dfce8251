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

/// The service dates, by how far they come after the departure day, of which trains can matter to
/// an itinerary: those that can leave on the day or after it, before the last itinerary arrives.
/// `days` are the bounds of all departure days. The fewer dates, the fewer classes.
fn shifts(network: &Network, days: &[(i32, i32)]) -> std::ops::RangeInclusive<i32> {
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
    let matters = |shift: &i32| {
        days.iter().zip(0..).any(|((start, end), day)| {
            let offset = origin(network, day + shift) - origin(network, day);
            offset + last >= *start && offset + first < end + longest
        })
    };
    let most = PackedLeg::SHIFT_MAX;
    let before = (-most..=0).find(matters).unwrap_or(0);
    let after = (0..=most).rev().find(matters).unwrap_or(0);
    before..=after
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
    let bounds: Vec<(i32, i32)> = (0..period.axis_days as i32)
        .map(|day| (midnight(day) - origin(day), midnight(day + 1) - origin(day)))
        .collect();
    let shifts = shifts(network, &bounds);
    let mut classes: BTreeMap<(i32, i32, Vec<i32>), Vec<u64>> = BTreeMap::new();
    for (day, (start, end)) in (0..).zip(bounds) {
        let offsets = shifts.clone().map(|shift| origin(day + shift) - origin(day)).collect();
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
