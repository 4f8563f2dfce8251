//! One of the two files, with its days on the axis that both share.

use chrono::NaiveDate;
use chrono_tz::Tz;
use schema::{JourneyIdx, NetworkView, StationIdx, days, local_date, local_minute_of_day};
use serde::Serialize;

/// The dates that are compared: the first, and how many.
#[derive(Debug, Clone, Copy)]
pub(super) struct SharedDays {
    first: NaiveDate,
    len: usize,
}

/// The dates of both periods. Where the periods are the same, those around them that the day axis
/// has, too, so that nothing in the tables escapes.
pub(super) fn shared_days([old, new]: [NetworkView<'_>; 2]) -> SharedDays {
    let axis = |view: NetworkView<'_>| (view.date_of(0), view.axis_days());
    if (old.period(), axis(old)) == (new.period(), axis(new)) {
        return SharedDays { first: old.date_of(0), len: old.axis_days() };
    }
    let first = old.period().0.max(new.period().0);
    let last = old.period().1.min(new.period().1);
    SharedDays { first, len: usize::try_from((last - first).num_days() + 1).unwrap_or(0) }
}

/// A file's network and its sets of days on the shared axis.
pub(super) struct Side<'n> {
    pub view: NetworkView<'n>,
    shared: SharedDays,
    /// Each of the file's sets, cut and moved to the shared axis.
    sets: Vec<u64>,
}

/// Dates, folded into ranges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Dates {
    /// How many.
    pub count: u32,
    /// First and last date of each range, both included.
    pub ranges: Vec<(NaiveDate, NaiveDate)>,
}

impl Dates {
    /// The first date.
    pub fn first(&self) -> Option<NaiveDate> {
        self.ranges.first().map(|(first, _)| *first)
    }

    /// Adds other dates. One that is in both, which two journeys of one id may run on, counts once.
    pub(super) fn join(&mut self, other: &Self) {
        let all = self.ranges.iter().chain(&other.ranges);
        let mut dates: Vec<NaiveDate> = all
            .flat_map(|(first, last)| first.iter_days().take_while(move |date| date <= last))
            .collect();
        dates.sort_unstable();
        dates.dedup();
        *self = Self::of(dates.into_iter());
    }

    fn of(dates: impl Iterator<Item = NaiveDate>) -> Self {
        let (mut count, mut ranges) = (0, Vec::<(NaiveDate, NaiveDate)>::new());
        for date in dates {
            count += 1;
            match ranges.last_mut() {
                Some((_, last)) if last.succ_opt() == Some(date) => *last = date,
                _ => ranges.push((date, date)),
            }
        }
        Self { count, ranges }
    }
}

impl<'n> Side<'n> {
    pub fn of(view: NetworkView<'n>, shared: &SharedDays) -> Self {
        let shared = *shared;
        let words = days::words(shared.len);
        let own_words = days::words(view.axis_days());
        let offset = view.day_of(shared.first);
        let own = view.archived().day_sets.as_slice();
        let count = own.len() / own_words;
        let mut sets = vec![0; count * words];
        for set in 0..count {
            let days_of_set = view.day_set(schema::DaySetIdx::of(set));
            for day in days::iter(&days_of_set) {
                let at = i64::try_from(day).unwrap_or_default() - i64::from(offset);
                if let Ok(at) = usize::try_from(at)
                    && at < shared.len
                {
                    days::insert(&mut sets[set * words..(set + 1) * words], at);
                }
            }
        }
        Self { view, shared, sets }
    }

    /// A set of days on the shared axis.
    pub fn shared_set(&self, set: u32) -> &[u64] {
        let words = days::words(self.shared.len);
        &self.sets[set as usize * words..(set as usize + 1) * words]
    }

    /// The dates of a set on the shared axis.
    pub fn shared_dates(&self, set: &[u64]) -> Dates {
        let date = |day: usize| self.shared.first + chrono::Days::new(day as u64);
        Dates::of(days::iter(set).map(date))
    }

    /// The dates of a set on the file's own axis.
    pub fn own_dates(&self, set: &[u64]) -> Dates {
        Dates::of(days::iter(set).map(|day| self.view.date_of(day as i32)))
    }

    /// The file's own day that a date is.
    pub fn day(&self, date: NaiveDate) -> i32 {
        self.view.day_of(date)
    }

    /// A minute of a service date by the clock at a station: `07:05`, `00:10 (+1d)`.
    pub fn clock(&self, station: StationIdx, day: i32, minute: i32) -> String {
        let zone = self.view.text(self.view.station(station).zone.0.to_native());
        let zone: Tz = zone.and_then(|zone| zone.parse().ok()).unwrap_or(Tz::UTC);
        let instant = self.view.origin(day) + minute;
        let clock = local_minute_of_day(zone, instant);
        let time = format!("{:02}:{:02}", clock / 60, clock % 60);
        match (local_date(zone, instant) - self.view.date_of(day)).num_days() {
            0 => time,
            days => format!("{time} ({days:+}d)"),
        }
    }

    /// The minutes between the origins of both files' service dates, on a date of both.
    pub fn origin_offset(&self, other: &Self, date: NaiveDate) -> i32 {
        if self.view.zone() == other.view.zone() {
            return 0;
        }
        other.view.origin(other.day(date)) - self.view.origin(self.day(date))
    }

    /// Whether a journey has fares.
    pub fn has_fares(&self, journey: JourneyIdx) -> bool {
        self.view.journey(journey).fares_start != schema::NONE
    }
}
