//! JSON text that grows.

use async_graphql::resolver_utils::EnumType;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Datelike, NaiveDate};
use chrono_tz::Tz;
use schema::{Instant, utc_offset_minutes};

use crate::graphql::scalars::push_duration;

/// JSON text that grows.
#[derive(Debug)]
pub struct Json {
    bytes: Vec<u8>,
    scratch: String,
}

impl Json {
    /// No text, and room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), scratch: String::new() }
    }

    /// The text.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Text as it is.
    #[inline]
    pub fn raw(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
    }

    /// Nothing.
    pub fn null(&mut self) {
        self.raw(b"null");
    }

    /// Yes or no.
    pub fn boolean(&mut self, value: bool) {
        self.raw(if value { b"true" } else { b"false" });
    }

    /// A text.
    pub fn string(&mut self, text: &str) {
        push_string(&mut self.bytes, text);
    }

    /// A text or nothing.
    pub fn string_or_null(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.string(text),
            None => self.null(),
        }
    }

    /// A value of an enumeration.
    pub fn enumeration<E: EnumType>(&mut self, value: E) {
        let name = E::items().iter().find(|item| item.value == value).map(|item| item.name);
        self.string_or_null(name);
    }

    /// A number.
    pub fn integer(&mut self, number: i64) {
        push_integer(&mut self.bytes, number);
    }

    /// A number or nothing; numbers that JSON has not are nothing.
    pub fn float_or_null(&mut self, number: Option<f64>) {
        match number.filter(|number| number.is_finite()) {
            // Memory takes it.
            Some(number) => drop(serde_json::to_writer(&mut self.bytes, &number)),
            None => self.null(),
        }
    }

    /// A text in base64, as ids and cursors are.
    pub fn base64(&mut self, write: impl FnOnce(&mut String)) {
        self.scratch.clear();
        write(&mut self.scratch);
        let start = self.bytes.len();
        self.raw(b"\"");
        let length = base64::encoded_len(self.scratch.len(), false).unwrap_or(0);
        self.bytes.resize(start + 1 + length, 0);
        let encoded =
            URL_SAFE_NO_PAD.encode_slice(&self.scratch, &mut self.bytes[start + 1..]).unwrap_or(0);
        self.bytes.truncate(start + 1 + encoded);
        self.raw(b"\"");
    }

    /// An instant as clocks in a zone show it, in RFC 3339.
    pub fn moment(&mut self, zone: Tz, instant: Instant) {
        let offset = utc_offset_minutes(zone, instant);
        let local = instant + offset;
        self.raw(b"\"");
        self.digits_of_date(date(local.div_euclid(1440)));
        self.raw(b"T");
        self.clock(local.rem_euclid(1440), b":00");
        self.raw(if offset < 0 { b"-" } else { b"+" });
        self.clock(offset.abs(), b"\"");
    }

    /// A date in ISO 8601.
    pub fn date(&mut self, date: NaiveDate) {
        self.raw(b"\"");
        self.digits_of_date(date);
        self.raw(b"\"");
    }

    /// A duration in ISO 8601.
    pub fn duration(&mut self, minutes: i32) {
        self.raw(b"\"");
        push_duration(&mut self.bytes, i64::from(minutes));
        self.raw(b"\"");
    }

    /// Hours, which may pass 24, and minutes: `HH:MM`.
    pub fn hours_and_minutes(&mut self, minutes: i32) {
        self.raw(b"\"");
        if minutes < 100 * 60 {
            self.clock(minutes, b"\"");
        } else {
            self.integer(i64::from(minutes / 60));
            self.raw(b":");
            self.two_digits((minutes % 60) as u32);
            self.raw(b"\"");
        }
    }

    fn clock(&mut self, minutes: i32, end: &[u8]) {
        self.two_digits((minutes / 60) as u32);
        self.raw(b":");
        self.two_digits((minutes % 60) as u32);
        self.raw(end);
    }

    fn digits_of_date(&mut self, date: NaiveDate) {
        let year = date.year().unsigned_abs();
        self.two_digits(year / 100);
        self.two_digits(year % 100);
        self.raw(b"-");
        self.two_digits(date.month());
        self.raw(b"-");
        self.two_digits(date.day());
    }

    fn two_digits(&mut self, number: u32) {
        self.raw(&[b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]);
    }
}

fn date(days: i32) -> NaiveDate {
    NaiveDate::from_epoch_days(days).unwrap_or_default()
}

/// A text in quotes.
pub fn push_string(bytes: &mut Vec<u8>, text: &str) {
    let is_plain = |byte: &u8| *byte >= b' ' && *byte != b'"' && *byte != b'\\';
    if text.as_bytes().iter().all(is_plain) {
        bytes.push(b'"');
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'"');
    } else {
        // A text that is escaped cannot fail to be, and memory takes it.
        let _ = serde_json::to_writer(bytes, text);
    }
}

/// A number's digits.
pub fn push_integer(bytes: &mut Vec<u8>, number: i64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        bytes.push(b'-');
    }
    bytes.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Json)) -> String {
        let mut json = Json::with_capacity(0);
        write(&mut json);
        String::from_utf8(json.into_bytes()).expect("UTF-8")
    }

    #[test]
    fn values_are_written_as_a_library_writes_them() {
        for text in ["", "Köln", "a \"quoted\" name", "back\\slash", "tab\tline\n", "\u{1}", "🚆"]
        {
            assert_eq!(written(|json| json.string(text)), serde_json::json!(text).to_string());
            let encoded = format!("\"{}\"", URL_SAFE_NO_PAD.encode(text));
            assert_eq!(written(|json| json.base64(|scratch| scratch.push_str(text))), encoded);
        }
        for number in [0, 7, -7, 10, 1_234_567_890, i64::MAX, i64::MIN] {
            assert_eq!(written(|json| json.integer(number)), number.to_string());
        }
        for number in [0.0, -0.5, 50.878_33, f64::NAN] {
            let expected = serde_json::json!(number).to_string();
            assert_eq!(written(|json| json.float_or_null(Some(number))), expected);
        }
        assert_eq!(written(|json| json.hours_and_minutes(25 * 60 + 5)), "\"25:05\"");
        assert_eq!(written(|json| json.hours_and_minutes(123 * 60)), "\"123:00\"");
    }
}
