//! The values of a timetable's fields: times, days of operation, prices, dates with times.
//!
//! Each function reads one value, or says which finding it is, in a sentence that goes on from the
//! field's name, with the mend where the meaning is clear.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveDateTime, Timelike, Weekday};
use rust_decimal::{Decimal, RoundingStrategy};
use schema::Instant;
use serde::Serialize;

use crate::notice::Code;

/// The furthest that an arrival's `(+Nd)` goes.
pub const DAY_OFFSET_MAX: u8 = 9;

/// The highest price, in cents.
pub const PRICE_CENTS_MAX: u32 = u32::MAX - 1;

const YEARS: std::ops::RangeInclusive<i32> = 1990..=2199;

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The finding.
    pub code: Code,
    /// What follows on the field's name: "has no colon".
    pub predicate: String,
    /// The mend.
    pub help: Option<String>,
}

impl Fault {
    fn new(code: Code, predicate: impl Into<String>) -> Self {
        Self { code, predicate: predicate.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// When a train arrives by the clock of the city of arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ArrivalTime {
    /// Days after the departure's date.
    pub days: u8,
    /// Minutes after midnight.
    pub minute: u16,
}

/// A set of days of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Weekdays(u8);

impl Weekdays {
    /// All seven.
    pub const DAILY: Self = Self(0x7F);

    /// Whether a day is in the set.
    pub fn contains(self, day: Weekday) -> bool {
        self.0 >> day.num_days_from_monday() & 1 == 1
    }

    fn insert(&mut self, day: Weekday) {
        self.0 |= 1 << day.num_days_from_monday();
    }
}

/// Minutes after midnight of a departure, `HH:MM`.
pub fn departure_time(text: &str) -> Result<u16, Fault> {
    let (clock, offset) = split_offset(text);
    let minute = clock_time(clock, false)?;
    match offset {
        None => Ok(minute),
        Some(_) => Err(Fault::new(
            Code::DepartureDayOffset,
            "has a day offset, which only arrivals may have",
        )
        .help(format!("write `{}`, and move the days of operation by the offset", time(minute)))),
    }
}

/// An arrival, `HH:MM` or `HH:MM (+1d)`.
pub fn arrival_time(text: &str) -> Result<ArrivalTime, Fault> {
    let (clock, offset) = split_offset(text);
    let minute = clock_time(clock, offset.is_none())?;
    let days = match offset {
        None => 0,
        Some(offset) => day_offset(offset).ok_or_else(|| {
            let fault = Fault::new(Code::TimeMalformed, "has a day offset that is not understood");
            fault.help(format!("write `{} (+1d)`", time(minute)))
        })?,
    };
    Ok(ArrivalTime { days, minute })
}

/// A time of day as timetables print it.
pub fn time(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// The offset is what follows on the clock's digits: `(+1d)`, `+1`.
fn split_offset(text: &str) -> (&str, Option<&str>) {
    match text.find(['(', '+']) {
        Some(at) => (text[..at].trim_end(), Some(text[at..].trim())),
        None => (text, None),
    }
}

fn day_offset(text: &str) -> Option<u8> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?.trim();
    let inner = inner.strip_prefix('+')?.trim();
    let digits = inner.strip_suffix(['d', 'D'])?.trim();
    let days: u8 = (digits.len() == 1).then(|| digits.parse().ok())??;
    (1..=DAY_OFFSET_MAX).contains(&days).then_some(days)
}

fn clock_time(text: &str, may_offset: bool) -> Result<u16, Fault> {
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        plain.then(|| digits.parse::<u16>().ok()).flatten()
    };
    let in_range = |hour: u16, minute: u16| hour < 24 && minute < 60;
    let Some((hours, minutes)) = text.split_once(':') else {
        let digits = text.replace(['.', ',', 'h', 'H', '-'], "");
        let fault = Fault::new(Code::TimeWithoutColon, "has no colon");
        return Err(match (digits.len(), number(&digits)) {
            (3 | 4, Some(digits)) if in_range(digits / 100, digits % 100) => {
                fault.help(format!("write `{:02}:{:02}`", digits / 100, digits % 100))
            }
            (1 | 2, Some(digits)) if in_range(digits, 0) => {
                fault.help(format!("write `{digits:02}:00`, if the hour is meant"))
            }
            (_, Some(_)) => fault,
            (_, None) => Fault::new(Code::TimeMalformed, "is not of the form `HH:MM`"),
        });
    };
    let seconds = minutes.split_once(':');
    let clock = (number(hours), number(seconds.map_or(minutes, |(minutes, _)| minutes)));
    let malformed = || Fault::new(Code::TimeMalformed, "is not of the form `HH:MM`");
    let (Some(hour), Some(minute)) = clock else {
        return Err(malformed());
    };
    if !in_range(hour, minute) {
        let fault = Fault::new(Code::TimeOutOfRange, "is no time that a clock shows");
        let later = may_offset && minute < 60 && (24..240).contains(&hour) && seconds.is_none();
        return Err(if later {
            let (days, hour) = (hour / 24, hour % 24);
            fault.help(format!("write `{hour:02}:{minute:02} (+{days}d)`"))
        } else {
            fault
        });
    }
    if seconds.is_some() || hours.len() != 2 || minutes.len() != 2 {
        return Err(malformed().help(format!("write `{hour:02}:{minute:02}`")));
    }
    Ok(hour * 60 + minute)
}

const DAY_NAMES: [(&str, &str); 7] = [
    ("mon", "monday"),
    ("tue", "tuesday"),
    ("wed", "wednesday"),
    ("thu", "thursday"),
    ("fri", "friday"),
    ("sat", "saturday"),
    ("sun", "sunday"),
];

/// Days of operation: `Daily`, days, ranges that may wrap, and lists of these. Case and blanks do
/// not matter.
pub fn weekdays(text: &str) -> Result<Weekdays, Fault> {
    let mut set = Weekdays::default();
    for part in text.split(',').map(str::trim) {
        if part.eq_ignore_ascii_case("daily") {
            set = Weekdays::DAILY;
        } else if let Some((first, last)) = part.split_once(['-', '–']) {
            let (mut day, last) = (weekday(first)?, weekday(last)?);
            set.insert(day);
            while day != last {
                day = day.succ();
                set.insert(day);
            }
        } else {
            set.insert(weekday(part)?);
        }
    }
    Ok(set)
}

fn weekday(text: &str) -> Result<Weekday, Fault> {
    let name = text.trim().to_lowercase();
    let found = (DAY_NAMES.iter()).position(|(short, long)| name == *short || name == *long);
    if let Some(day) = found.and_then(|at| Weekday::try_from(at as u8).ok()) {
        return Ok(day);
    }
    if name.is_empty() {
        let fault = Fault::new(Code::UnknownDays, "lacks a day");
        return Err(fault.help("write `Daily`, `Mon-Fri` or `Mon,Wed,Fri`"));
    }
    // To compare a text that fills a file takes a while.
    let near = (DAY_NAMES.iter().filter(|_| name.len() <= 64))
        .map(|(short, long)| {
            let of = |name_known| strsim::normalized_damerau_levenshtein(&name, name_known);
            (of(short).max(of(long)), *short)
        })
        .max_by(|left, right| left.0.total_cmp(&right.0));
    let shown: String = text.trim().chars().take(20).collect();
    let fault = Fault::new(Code::UnknownDays, format!("has the unknown day `{shown}`"));
    Err(match near {
        _ if name.starts_with("weekday") => fault.help("write `Mon-Fri`"),
        _ if name.starts_with("weekend") => fault.help("write `Sat-Sun`"),
        Some((score, day)) if score > 0.59 => {
            let day = format!("{}{}", day[..1].to_uppercase(), &day[1..]);
            fault.help(format!("`{day}` may be meant"))
        }
        _ => fault.help("write `Daily`, `Mon-Fri` or `Mon,Wed,Fri`"),
    })
}

/// What a price field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The price in cents; none where the field is empty.
    pub cents: Option<u32>,
}

/// A price in euros with at most two decimals.
pub fn price(text: &str) -> Result<Price, Fault> {
    if text.is_empty() {
        return Ok(Price { cents: None });
    }
    let malformed = || Fault::new(Code::PriceMalformed, "is not a number");
    let plain = |text: &str| {
        let mut bytes = text.bytes();
        let known = bytes.all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
        known.then(|| Decimal::from_str_exact(text).ok()).flatten()
    };
    let Some(price) = plain(text) else {
        let bare: String =
            text.trim_matches(|sign: char| !sign.is_ascii_digit() && sign != '-').replace(',', ".");
        return Err(match plain(&bare) {
            Some(_) => malformed().help(format!("write `{bare}`")),
            None => malformed(),
        });
    };
    if price.is_sign_negative() && !price.is_zero() {
        return Err(Fault::new(Code::NegativePrice, "is below zero"));
    }
    let cents = price.checked_mul(Decimal::ONE_HUNDRED).map(|cents| cents.normalize());
    match cents {
        Some(cents) if cents.scale() > 0 => {
            let rounded = price.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
            let fault = Fault::new(Code::PriceTooPrecise, "has a fraction of a cent");
            Err(fault.help(format!("write `{rounded}`, if it is to be rounded")))
        }
        Some(cents) if cents <= Decimal::from(PRICE_CENTS_MAX) => {
            Ok(Price { cents: u32::try_from(cents).ok() })
        }
        _ => Err(Fault::new(Code::PriceTooHigh, "is above 42,949,672.94")),
    }
}

/// A moment of the ISO form, with its seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Whole seconds since 1970-01-01T00:00Z.
    pub seconds: i64,
    /// Whether a part of the next second has passed too.
    pub has_fraction: bool,
}

impl Moment {
    /// The minute in which a train has left: rounded down.
    pub const fn departure(self) -> Instant {
        self.seconds.div_euclid(60) as Instant
    }

    /// The minute by which a train has arrived: rounded up.
    pub const fn arrival(self) -> Instant {
        (self.seconds + self.has_fraction as i64 + 59).div_euclid(60) as Instant
    }

    /// Whether it is a whole minute.
    pub const fn is_whole(self) -> bool {
        self.seconds.rem_euclid(60) == 0 && !self.has_fraction
    }
}

/// An ISO 8601 date and time with `Z` or an offset.
pub fn moment(text: &str) -> Result<Moment, Fault> {
    let parsed: Option<DateTime<FixedOffset>> =
        DateTime::parse_from_rfc3339(text).ok().or_else(|| {
            let with_offset = text.strip_suffix(['Z', 'z']).map(|local| format!("{local}+00:00"));
            let text = with_offset.as_deref().unwrap_or(text);
            let forms = ["%Y-%m-%dT%H:%M%z", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%d %H:%M%z"];
            forms.iter().find_map(|form| DateTime::parse_from_str(text, form).ok())
        });
    if let Some(moment) = parsed {
        if !YEARS.contains(&moment.year()) {
            return Err(Fault::new(
                Code::DateOutOfRange,
                format!("has the year {}", moment.year()),
            ));
        }
        return Ok(Moment { seconds: moment.timestamp(), has_fraction: moment.nanosecond() > 0 });
    }
    let forms = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M"];
    let local = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    Err(match local {
        Some(local) => Fault::new(Code::DatetimeWithoutZone, "has neither `Z` nor an offset")
            .help(format!("write `{}Z`, if it is UTC", local.format("%Y-%m-%dT%H:%M:%S"))),
        None => Fault::new(Code::DatetimeMalformed, "is not of the form `2025-10-24T12:30:00Z`"),
    })
}

/// Whether a timetable may have this date.
pub fn is_date_in_range(date: NaiveDate) -> bool {
    YEARS.contains(&date.year())
}
