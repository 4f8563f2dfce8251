//! The scalars of the schema, mapped to and from chrono and `rust_decimal`.

use async_graphql::{InputValueError, InputValueResult, Pos, Result, Scalar, ScalarType, Value};
use chrono::{FixedOffset, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::Tz;
use schema::{Instant, PriceCents, utc_offset_minutes};

use super::error::bad_argument;
use super::written::push_integer;

fn text(value: Value, expected: &str) -> std::result::Result<String, InputValueError<String>> {
    match value {
        Value::String(text) => Ok(text),
        other => Err(InputValueError::custom(format!("expected {expected}, found {other}"))),
    }
}

fn wrong<T: async_graphql::InputType>(expected: &str, found: &str) -> InputValueError<T> {
    InputValueError::custom(format!("expected {expected}, found {found:?}"))
}

/// What is wrong with a value of one of our scalars; None where nothing is, or where the scalar is
/// none of ours.
pub fn scalar_fault(scalar: &str, value: Value) -> Option<String> {
    match scalar {
        "DateTime" => fault::<DateTime>(value),
        "Date" => fault::<Date>(value),
        "Duration" => fault::<Duration>(value),
        "Decimal" => fault::<Decimal>(value),
        _ => None,
    }
}

fn fault<T: ScalarType + async_graphql::InputType>(value: Value) -> Option<String> {
    let error = <T as ScalarType>::parse(value).err()?;
    let message = error.into_server_error(Pos::default()).message;
    // The library puts the type's name before what was said.
    let prefix = format!("Failed to parse \"{}\": ", T::type_name());
    Some(message.strip_prefix(&prefix).unwrap_or(&message).to_owned())
}

/// RFC 3339, with the UTC offset of the station it happens at: `2026-12-01T09:14:00+01:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateTime(pub chrono::DateTime<FixedOffset>);

const DATE_TIME: &str =
    "an RFC 3339 date and time with offset, such as \"2026-12-01T09:14:00+01:00\"";

/// RFC 3339, with the UTC offset of the station it happens at: `2026-12-01T09:14:00+01:00`.
#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, DATE_TIME).map_err(InputValueError::propagate)?;
        let parsed = chrono::DateTime::parse_from_rfc3339(&text);
        parsed.map(Self).map_err(|_| wrong(DATE_TIME, &text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.text())
    }
}

/// An instant as clocks in a zone show it.
pub fn moment(zone: Tz, instant: Instant) -> chrono::DateTime<FixedOffset> {
    let offset = FixedOffset::east_opt(utc_offset_minutes(zone, instant) * 60);
    let utc = chrono::DateTime::from_timestamp(i64::from(instant) * 60, 0).unwrap_or_default();
    let offset = offset.unwrap_or_else(|| FixedOffset::east_opt(0).expect("UTC is an offset"));
    offset.from_utc_datetime(&utc.naive_utc())
}

impl DateTime {
    /// As callers see it.
    pub fn text(self) -> String {
        self.0.format("%Y-%m-%dT%H:%M:%S%:z").to_string()
    }

    /// An instant as clocks in a zone show it.
    pub fn at(zone: Tz, instant: Instant) -> Self {
        Self(moment(zone, instant))
    }

    /// The first whole minute that is not before it.
    pub fn minute_from(self) -> Instant {
        let seconds = self.0.timestamp().saturating_add(59).div_euclid(60);
        clamp(seconds)
    }

    /// The last whole minute that is not after it.
    pub fn minute_until(self) -> Instant {
        clamp(self.0.timestamp().div_euclid(60))
    }
}

/// Instants that a request may name: years in which nothing overflows.
fn clamp(minutes: i64) -> Instant {
    minutes.clamp(-500_000_000, 500_000_000) as Instant
}

/// ISO 8601 calendar date: `2026-12-01`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date(pub NaiveDate);

const DATE: &str = "an ISO 8601 date, such as \"2026-12-01\"";

/// ISO 8601 calendar date: `2026-12-01`.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, DATE).map_err(InputValueError::propagate)?;
        let exact = text.len() == 10;
        let parsed = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|_| exact);
        parsed.map(Self).ok_or_else(|| wrong(DATE, &text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.format("%Y-%m-%d").to_string())
    }
}

/// ISO 8601 duration: `PT3H12M`. As input in weeks, days (of 24 hours), hours and minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duration(pub TimeDelta);

const DURATION: &str =
    "an ISO 8601 duration of days, hours and minutes, such as \"PT3H12M\" or \"P1D\"";

/// ISO 8601 duration: `PT3H12M`. As input in weeks, days (of 24 hours), hours and minutes.
#[Scalar]
impl ScalarType for Duration {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, DURATION).map_err(InputValueError::propagate)?;
        let minutes = duration_minutes(&text).ok_or_else(|| wrong(DURATION, &text))?;
        Ok(Self(TimeDelta::minutes(minutes)))
    }

    fn to_value(&self) -> Value {
        let mut text = Vec::new();
        push_duration(&mut text, self.0.num_minutes());
        Value::String(String::from_utf8(text).unwrap_or_default())
    }
}

/// A duration of so many minutes in ISO 8601.
pub fn push_duration(text: &mut Vec<u8>, minutes: i64) {
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let mut unit = |before: &[u8], number: i64, unit: u8| {
        text.extend_from_slice(before);
        push_integer(text, number);
        text.push(unit);
    };
    match (hours, minutes) {
        (hours, 0) if hours > 0 && hours % 24 == 0 => unit(b"P", hours / 24, b'D'),
        (0, minutes) => unit(b"PT", minutes, b'M'),
        (hours, 0) => unit(b"PT", hours, b'H'),
        (hours, minutes) => {
            unit(b"PT", hours, b'H');
            unit(b"", minutes, b'M');
        }
    }
}

impl Duration {
    /// So many minutes.
    pub fn of_minutes(minutes: i32) -> Self {
        Self(TimeDelta::minutes(minutes.into()))
    }

    /// Its whole minutes.
    pub fn minutes(self) -> i64 {
        self.0.num_minutes()
    }
}

/// The longest interval that one request looks at, in minutes: a week.
const WINDOW_MINUTES_MAX: i64 = 7 * 1440;

/// The minutes of an interval that a request asks for.
///
/// # Errors
///
/// Where it is empty, or longer than a week.
pub fn window_minutes(argument: &str, asked: Option<Duration>, default: i32) -> Result<i32> {
    let minutes = asked.map_or(i64::from(default), Duration::minutes);
    if (1..=WINDOW_MINUTES_MAX).contains(&minutes) {
        return Ok(minutes as i32);
    }
    let days = WINDOW_MINUTES_MAX / 1440;
    Err(bad_argument(argument, format!("expected from PT1M to P{days}D, found {minutes} minutes")))
}

fn duration_minutes(text: &str) -> Option<i64> {
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((_, "")) => return None,
        Some((days, time)) => (days, time),
        None => (text.strip_prefix('P')?, ""),
    };
    let of_days = units(days, &[('W', 7 * 1440), ('D', 1440)])?;
    let of_time = units(time, &[('H', 60), ('M', 1)])?;
    let any = !days.is_empty() || !time.is_empty();
    any.then(|| of_days.checked_add(of_time)).flatten()
}

/// The sum of numbers with these units, each at most once and in this order.
fn units(mut text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut sum = 0_i64;
    for (unit, minutes) in units {
        let digits = text.len() - text.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        if digits > 0 && text[digits..].starts_with(*unit) {
            let number: i64 = text[..digits].parse().ok().filter(|it| *it <= 1_000_000)?;
            sum += number * minutes;
            text = &text[digits + 1..];
        }
    }
    text.is_empty().then_some(sum)
}

/// Decimal number as a string: `"97.00"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal(pub rust_decimal::Decimal);

const DECIMAL: &str = "a decimal number as a string, such as \"97.00\"";

/// Decimal number as a string: `"97.00"`.
#[Scalar]
impl ScalarType for Decimal {
    fn parse(value: Value) -> InputValueResult<Self> {
        let text = text(value, DECIMAL).map_err(InputValueError::propagate)?;
        let parsed = rust_decimal::Decimal::from_str_exact(&text);
        parsed.map(Self).map_err(|_| wrong(DECIMAL, &text))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

impl Decimal {
    /// A price, with two decimals.
    pub fn of_cents(cents: i64) -> Self {
        Self(rust_decimal::Decimal::new(cents, 2))
    }

    /// The highest price in cents that is not more than it; None where it is negative or past all
    /// prices.
    pub fn cents_at_most(self) -> Option<PriceCents> {
        let cents = (self.0 * rust_decimal::Decimal::ONE_HUNDRED).floor();
        u32::try_from(cents.mantissa() / 10_i128.pow(cents.scale())).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_of_days_hours_and_minutes() {
        for (text, minutes) in [
            ("PT3H12M", Some(192)),
            ("P1D", Some(1440)),
            ("P1DT30M", Some(1470)),
            ("P2W", Some(20_160)),
            ("PT0M", Some(0)),
            ("PT90M", Some(90)),
            ("P", None),
            ("PT", None),
            ("P1DT", None),
            ("PT3M2H", None),
            ("P1Y", None),
            ("PT1.5H", None),
            ("3h", None),
            ("-PT3H", None),
        ] {
            assert_eq!(duration_minutes(text), minutes, "{text}");
        }
    }

    #[test]
    fn a_moment_between_minutes_is_rounded_into_the_window() {
        let at = |text: &str| {
            DateTime(chrono::DateTime::parse_from_rfc3339(text).expect("a date and time"))
        };
        let moment = at("2026-12-01T09:14:30+01:00");
        assert_eq!(moment.minute_from(), at("2026-12-01T09:15:00+01:00").minute_from());
        assert_eq!(moment.minute_until(), at("2026-12-01T09:14:00+01:00").minute_from());
    }

    #[test]
    fn a_price_limit_is_rounded_down_to_cents() {
        let decimal = |text: &str| Decimal(text.parse().expect("a number"));
        assert_eq!(decimal("97").cents_at_most(), Some(9700));
        assert_eq!(decimal("97.009").cents_at_most(), Some(9700));
        assert_eq!(decimal("-1").cents_at_most(), None);
    }
}
