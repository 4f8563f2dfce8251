//! calendar.txt, calendar_dates.txt and feed_info.txt: when services run, and which period the feed
//! is for.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use chrono::{Datelike, NaiveDate, TimeDelta};

use super::cells::{Keys, Tables, date, malformed, report_twin, small};
use super::files::{calendar, calendar_dates, feed_info};
use crate::notice::{Code, Findings, Notice};
use crate::read::csv::Row;

/// The longest period, in dates, that is taken from a feed without being asked for.
const DATES_UNASKED_MAX: i64 = 400;

/// The dates of a period, one bit for each.
pub type Dates = Rc<[u64]>;

/// A period of service dates, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first date.
    pub first: NaiveDate,
    /// Its last date.
    pub last: NaiveDate,
}

impl Period {
    /// How many dates it has.
    pub fn dates(self) -> usize {
        ((self.last - self.first).num_days() + 1).max(0) as usize
    }

    /// The date at a position.
    pub fn date(self, at: usize) -> NaiveDate {
        self.first + TimeDelta::days(at as i64)
    }
}

/// The dates of a set, as positions in the period.
pub fn dates_of(dates: &[u64]) -> impl Iterator<Item = usize> {
    let bits = |word: u64| (0..64).filter(move |bit| word >> bit & 1 == 1);
    dates.iter().enumerate().flat_map(move |(at, word)| bits(*word).map(move |bit| at * 64 + bit))
}

/// A row of calendar.txt.
struct Week {
    /// Seven bits from Monday on.
    days: u8,
    start: NaiveDate,
    end: NaiveDate,
}

impl Week {
    fn runs_on(&self, date: NaiveDate) -> bool {
        let day = date.weekday().num_days_from_monday();
        (self.start..=self.end).contains(&date) && self.days >> day & 1 == 1
    }

    /// The first and last date on which it runs.
    fn span(&self) -> Option<(NaiveDate, NaiveDate)> {
        let days = |at: NaiveDate, step: i64| {
            (0..7).map(move |by| at + TimeDelta::days(by * step)).find(|date| self.runs_on(*date))
        };
        Some((days(self.start, 1)?, days(self.end, -1)?))
    }
}

#[derive(Default)]
struct GtfsService {
    week: Option<Week>,
    /// Whether it is not known when it runs, for reasons that were reported.
    is_unusable: bool,
    /// Whether that is because its row in calendar.txt cannot be used.
    is_without_week: bool,
    /// Whether a row of calendar_dates.txt about it cannot be used.
    is_damaged: bool,
    added: BTreeSet<NaiveDate>,
    removed: BTreeSet<NaiveDate>,
}

/// The services of a feed.
pub struct Services {
    rows: Vec<GtfsService>,
    by_id: HashMap<Box<str>, u32>,
    /// The end of the feed by feed_info.txt.
    feed_end: Option<NaiveDate>,
    is_sound: bool,
}

impl Services {
    /// Reads both calendars and feed_info.txt.
    pub fn read(tables: &Tables<'_>, findings: &mut Findings) -> Self {
        let mut all = Self {
            rows: Vec::new(),
            by_id: HashMap::new(),
            feed_end: None,
            is_sound: !tables.lacks_calendar(),
        };
        let mut keys = Keys::of(calendar::FORM, calendar::SERVICE);
        tables.each(calendar::FORM, findings, |row, findings| {
            if keys.add(row, tables, findings).is_some() {
                let week = week(row, findings);
                let service = all.service(&row.get(calendar::SERVICE).unwrap_or_default());
                (service.is_unusable, service.is_without_week) = (week.is_none(), week.is_none());
                service.week = week;
            }
        });
        all.read_dates(tables, findings);
        tables.each(feed_info::FORM, findings, |row, findings| {
            for (column, is_end) in [(feed_info::START, false), (feed_info::END, true)] {
                let bytes = row.bytes(column);
                let end = date(bytes);
                if end.is_none() && !bytes.is_empty() {
                    malformed(row, column, DATE, "it was taken for missing", findings);
                }
                if is_end {
                    all.feed_end = all.feed_end.max(end);
                }
            }
        });
        all
    }

    fn service(&mut self, id: &str) -> &mut GtfsService {
        let at = *self.by_id.entry(id.into()).or_insert_with(|| {
            self.rows.push(GtfsService::default());
            self.rows.len() as u32 - 1
        });
        &mut self.rows[at as usize]
    }

    fn read_dates(&mut self, tables: &Tables<'_>, findings: &mut Findings) {
        use calendar_dates::{DATE as ON, FORM, KIND, SERVICE};
        let mut known: HashMap<(Box<str>, NaiveDate), usize> = HashMap::new();
        let mut removals = Vec::new();
        tables.each(FORM, findings, |row, findings| {
            let action = "the exception was left out";
            let (on, kind) = (date(row.bytes(ON)), row.bytes(KIND));
            let id = row.get(SERVICE).unwrap_or_default();
            let start = row.at().start;
            let is_kind = matches!(kind, b"1" | b"2");
            if id.is_empty() {
                malformed(row, SERVICE, "the value is empty", action, findings);
            }
            if !is_kind {
                malformed(row, KIND, "the value is neither 1 nor 2", action, findings);
            }
            if on.is_none() {
                malformed(row, ON, DATE, action, findings);
            }
            let Some(on) = on.filter(|_| !id.is_empty() && is_kind) else {
                if !id.is_empty() {
                    self.service(&id).is_damaged = true;
                }
                return;
            };
            if let Some(other) = known.insert((id.as_ref().into(), on), start) {
                return report_twin(tables, FORM, ON, (other, start), findings);
            }
            let is_addition = kind == b"1";
            let service = self.service(&id);
            if is_addition {
                service.added.insert(on);
            } else {
                service.removed.insert(on);
                removals.push((self.by_id[&*id], on, start));
            }
        });
        // Without a date that is left, a service whose rows were reported is one that was lost; one
        // whose calendar says that it never runs is not.
        for service in &mut self.rows {
            let never = service.week.as_ref().and_then(Week::span).is_none();
            let is_lost = service.week.is_none() || service.is_damaged;
            service.is_unusable |= never && service.added.is_empty() && is_lost;
        }
        let mut reported = BTreeSet::new();
        for (at, on, start) in removals {
            let service = &self.rows[at as usize];
            let (sentence, place) = match &service.week {
                Some(week) if week.runs_on(on) => continue,
                // Once for a service without a calendar, not for each of its dates.
                None if service.is_without_week || !reported.insert(at) => continue,
                None => ("calendar.txt has no such service", (FORM, start, SERVICE)),
                Some(_) => ("the service does not run on that date anyway", (FORM, start, ON)),
            };
            let notice = tables.notice(Code::RemovalWithoutEffect, sentence, place);
            findings.add(notice.action("the removal was left out"));
        }
    }

    /// The service with this id; a finding where there is none. One that cannot be used was
    /// reported.
    pub fn refer(
        &self,
        (row, column): (&Row<'_, '_>, usize),
        findings: &mut Findings,
    ) -> Option<u32> {
        let id = row.get(column).unwrap_or_default();
        let found = self.by_id.get(&*id).copied();
        if found.is_none() && self.is_sound {
            let sentence = "neither calendar has such a service_id";
            let notice = Notice::new(Code::UnknownReference, sentence).at(row.place(column));
            findings.add(notice.value(id).action("the trip was left out"));
        }
        found.filter(|at| !self.rows[*at as usize].is_unusable)
    }

    /// The period: what was asked for, else the span of the services that are used.
    pub fn period(
        &self,
        used: impl Iterator<Item = u32>,
        (from, until): (Option<NaiveDate>, Option<NaiveDate>),
        tables: &Tables<'_>,
        findings: &mut Findings,
    ) -> Option<Period> {
        let used: BTreeSet<u32> = used.collect();
        let spans = used.iter().flat_map(|at| {
            let service = &self.rows[*at as usize];
            let week = service.week.as_ref().and_then(Week::span);
            let added = service.added.first().copied().zip(service.added.last().copied());
            week.into_iter().chain(added)
        });
        let span = spans.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)));
        let (first, last) = match (from, until) {
            (Some(from), Some(until)) => return Some(Period { first: from, last: until }),
            (from, until) => {
                let span = span.or_else(|| from.or(until).map(|date| (date, date)))?;
                (from.unwrap_or(span.0), until.unwrap_or(span.1))
            }
        };
        // What was asked for lies outside the feed: nothing runs, which is said elsewhere.
        let last = last.max(first);
        let whole = Period { first, last };
        if whole.dates() as i64 <= DATES_UNASKED_MAX {
            return Some(whole);
        }
        Some(self.cut(whole, until.is_some(), tables, findings))
    }

    fn cut(
        &self,
        whole: Period,
        is_end_asked: bool,
        tables: &Tables<'_>,
        findings: &mut Findings,
    ) -> Period {
        let more = TimeDelta::days(DATES_UNASKED_MAX - 1);
        let latest = whole.first + more;
        let feed_end = self.feed_end.filter(|end| (whole.first..=latest).contains(end));
        let cut = if is_end_asked {
            Period { first: whole.last - more, last: whole.last }
        } else {
            Period { first: whole.first, last: feed_end.unwrap_or(latest) }
        };
        let sentence = format!(
            "the services run from {} to {}, which is {} dates",
            whole.first,
            whole.last,
            whole.dates()
        );
        let notice = Notice::new(Code::PeriodCut, sentence).at(tables.whole());
        let action = format!("the period was cut to {} to {}", cut.first, cut.last);
        let help = "say which dates to compile with `--from DATE --until DATE`";
        findings.add(notice.action(action).help(help));
        cut
    }

    /// The dates of a period on which each service runs.
    pub fn dates(&self, period: Period) -> Vec<Dates> {
        let words = period.dates().div_ceil(64);
        let dates = |service: &GtfsService| {
            let mut bits = vec![0_u64; words];
            let mut set = |date: NaiveDate, runs: bool| {
                let at = (date - period.first).num_days();
                if (0..period.dates() as i64).contains(&at) {
                    let (word, bit) = (at as usize / 64, 1 << (at % 64));
                    bits[word] = if runs { bits[word] | bit } else { bits[word] & !bit };
                }
            };
            if let Some(week) = &service.week {
                let (mut date, last) = (week.start.max(period.first), week.end.min(period.last));
                while date <= last {
                    set(date, week.runs_on(date));
                    date += TimeDelta::days(1);
                }
            }
            service.added.iter().for_each(|date| set(*date, true));
            service.removed.iter().for_each(|date| set(*date, false));
            bits.into()
        };
        self.rows.iter().map(dates).collect()
    }
}

const WEEKDAYS: [usize; 7] = [
    calendar::MONDAY,
    calendar::TUESDAY,
    calendar::WEDNESDAY,
    calendar::THURSDAY,
    calendar::FRIDAY,
    calendar::SATURDAY,
    calendar::SUNDAY,
];

const DATE: &str = "the date is not of the form YYYYMMDD, from 1990 to 2199";

fn week(row: &Row<'_, '_>, findings: &mut Findings) -> Option<Week> {
    let action = "the trips of the service were left out";
    let mut days = Some(0);
    for (at, column) in WEEKDAYS.into_iter().enumerate() {
        let runs = small((row, column), 1, action, findings);
        days = days.zip(runs).map(|(days, runs)| days | runs << at);
    }
    let mut on = |column| {
        let on = date(row.bytes(column));
        if on.is_none() {
            malformed(row, column, DATE, action, findings);
        }
        on
    };
    let (start, end) = (on(calendar::START), on(calendar::END));
    let (start, end) = start.zip(end)?;
    if start > end {
        let sentence = format!("the service ends on {end}, before it starts on {start}");
        let notice = Notice::new(Code::CalendarReversed, sentence).at(row.place(calendar::END));
        let value = row.get(calendar::END).unwrap_or_default();
        findings.add(notice.value(value).help("swap the two dates, or correct one"));
        return None;
    }
    Some(Week { days: days?, start, end })
}
