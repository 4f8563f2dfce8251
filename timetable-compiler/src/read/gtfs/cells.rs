//! What the tables of a feed have in common: opening them, keys, and the values of fields.

use std::cell::RefCell;
use std::collections::HashMap;

use chrono::NaiveDate;
use schema::NONE;

use super::archive::FeedFile;
use super::files::{FORMS, FileForm, calendar, calendar_dates};
use crate::notice::{Code, Findings, Notice, Place};
use crate::read::csv::{Header, Row, RowAt, Source, Table};
use crate::read::values::is_date_in_range;

/// The latest time of a service date, in seconds: a week and a day.
pub const SECONDS_MAX: i32 = 8 * 24 * 3600;

/// The tables of a feed.
pub struct Tables<'f> {
    input: usize,
    feed: &'f str,
    by_name: HashMap<&'static str, Table<'f>>,
    /// Files that lack a column, or are not there or empty although there is no feed without them.
    broken: RefCell<Vec<&'static str>>,
}

impl<'f> Tables<'f> {
    /// Opens all files that are there, with findings for their headers and for files that lack.
    pub fn open(
        input: usize,
        feed: &'f str,
        files: &'f [FeedFile<'_>],
        findings: &mut Findings,
    ) -> Self {
        let mut all = Self { input, feed, by_name: HashMap::new(), broken: RefCell::default() };
        for (part, form) in FORMS.iter().enumerate() {
            let file = files.iter().find(|file| file.name == form.name && file.bytes.is_some());
            let Some(file) = file else {
                if form.required {
                    all.report_missing(form.name, findings);
                }
                continue;
            };
            let bytes = file.bytes.as_deref().unwrap_or_default();
            let source = Source { input, part: part + 1, file: &file.shown, bytes };
            if source.is_blank() && !form.required {
                report_without_rows(source.whole(), "the file is empty", findings);
                continue;
            }
            let header = Header::read(source, findings).map(|header| header.without(form.unused));
            match header.and_then(|header| header.table(form.columns, findings)) {
                Some(table) => {
                    let mut required = form.columns.iter().enumerate();
                    if required.any(|(at, column)| column.required && !table.has(at)) {
                        all.broken.borrow_mut().push(form.name);
                    }
                    all.by_name.insert(form.name, table.loose());
                }
                None => all.broken.borrow_mut().push(form.name),
            }
        }
        let is_there = |form: FileForm| {
            files.iter().any(|file| file.name == form.name && file.bytes.is_some())
        };
        if !is_there(calendar::FORM) && !is_there(calendar_dates::FORM) {
            all.report_missing("calendar.txt or calendar_dates.txt", findings);
        }
        all
    }

    fn report_missing(&self, name: &'static str, findings: &mut Findings) {
        self.broken.borrow_mut().push(name);
        let notice = Notice::new(Code::MissingFile, format!("the feed lacks {name}"));
        findings.add(notice.at(self.whole()));
    }

    /// The place of the whole feed.
    pub fn whole(&self) -> Place {
        let (input, file) = (self.input, self.feed.to_owned());
        Place { input, part: 0, file, line: None, column: None, field: None }
    }

    /// A table, where the feed has it.
    pub fn get(&self, form: FileForm) -> Option<&Table<'f>> {
        self.by_name.get(form.name)
    }

    /// Whether references into a table can be judged.
    pub fn is_sound(&self, form: FileForm) -> bool {
        !self.broken.borrow().contains(&form.name)
    }

    /// Whether references into all tables can be judged.
    pub fn are_sound(&self) -> bool {
        self.broken.borrow().is_empty()
    }

    /// Whether a calendar is missing altogether, or its columns are.
    pub fn lacks_calendar(&self) -> bool {
        self.broken.borrow().iter().any(|name| name.starts_with("calendar"))
    }

    /// A row's field, as findings have it.
    pub fn place(&self, form: FileForm, start: usize, column: usize) -> Place {
        let at = RowAt { input: self.input, start };
        self.get(form).map_or_else(|| self.whole(), |table| table.place(at, column))
    }

    /// A finding about a row's field.
    pub fn notice(
        &self,
        code: Code,
        sentence: impl Into<String>,
        (form, start, column): (FileForm, usize, usize),
    ) -> Notice {
        let at = RowAt { input: self.input, start };
        let value = self.get(form).map(|table| table.value(at, column));
        let place = Some(self.place(form, start, column));
        Notice { place, value, ..Notice::new(code, sentence) }
    }

    /// The line of a row, for sentences.
    pub fn line(&self, form: FileForm, start: usize) -> usize {
        let at = RowAt { input: self.input, start };
        self.get(form).map_or(0, |table| table.line(at))
    }

    /// Whether two rows of a table are the same.
    pub fn are_same(&self, form: FileForm, left: usize, right: usize) -> bool {
        let at = |start| RowAt { input: self.input, start };
        self.get(form).is_some_and(|table| table.are_same(at(left), at(right)))
    }

    /// Calls `each` with every row of a file. What holds of the file as a whole is said once.
    pub fn each(
        &self,
        form: FileForm,
        findings: &mut Findings,
        mut each: impl FnMut(&Row<'_, 'f>, &mut Findings),
    ) {
        let Some(table) = self.get(form).filter(|_| self.is_sound(form)) else { return };
        let mut padded: Option<(RowAt, usize, String, usize)> = None;
        let rows = table.count_rows(findings, |row, findings| {
            if let Some(column) = row.padded_column() {
                let first = || (row.at(), column, row.padded_value(column), 0);
                padded.get_or_insert_with(first).3 += 1;
            }
            each(row, findings);
        });
        if rows == 0 && form.required {
            self.broken.borrow_mut().push(form.name);
            let notice = Notice::new(Code::NoRows, "the file has a header and no rows");
            findings.add(notice.at(table.whole()));
        } else if rows == 0 {
            report_without_rows(table.whole(), "the file has a header and no rows", findings);
        }
        if let Some((at, column, value, count)) = padded {
            let rows = counted(count, "row");
            let sentence = format!("there are blanks around values of {rows}, first here");
            let notice = Notice::new(Code::PaddedValue, sentence).at(table.place(at, column));
            let action = "the blanks were left out, of keys and of references to them";
            findings.add(notice.value(value).action(action));
        }
    }
}

fn report_without_rows(place: Place, sentence: &str, findings: &mut Findings) {
    let notice = Notice::new(Code::HeaderOnly, sentence).at(place);
    findings.add(notice.action("the feed was read as if it lacked the file"));
}

/// Rows by their keys.
pub struct Keys {
    form: FileForm,
    column: usize,
    rows: HashMap<Box<str>, (u32, usize)>,
}

impl Keys {
    /// Of a file's column.
    pub fn of(form: FileForm, column: usize) -> Self {
        Self { form, column, rows: HashMap::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The number of the row with this key.
    pub fn get(&self, key: &str) -> Option<u32> {
        self.rows.get(key).map(|(at, _)| *at)
    }

    /// Gives a row's key the next number. None where the row lacks a key or has that of another,
    /// which is a finding.
    pub fn add(
        &mut self,
        row: &Row<'_, '_>,
        tables: &Tables<'_>,
        findings: &mut Findings,
    ) -> Option<u32> {
        let key = row.get(self.column).unwrap_or_default();
        if key.is_empty() {
            malformed(row, self.column, "the value is empty", "the row was left out", findings);
            return None;
        }
        if !row.is_utf8(self.column, findings) {
            return None;
        }
        let (at, start) = (self.rows.len() as u32, row.at().start);
        if let Some((_, other)) = self.rows.get(&*key) {
            self.report_twin(tables, *other, start, findings);
            return None;
        }
        self.rows.insert(key.into(), (at, start));
        Some(at)
    }

    fn report_twin(&self, tables: &Tables<'_>, one: usize, two: usize, findings: &mut Findings) {
        report_twin(tables, self.form, self.column, (one, two), findings);
    }

    /// The row that a field names. None where there is none, which is a finding that says what was
    /// done, unless the file that it would be in cannot be judged.
    pub fn refer(
        &self,
        (row, column): (&Row<'_, '_>, usize),
        tables: &Tables<'_>,
        action: &str,
        findings: &mut Findings,
    ) -> Option<u32> {
        let key = row.get(column).unwrap_or_default();
        let found = self.get(&key);
        if found.is_none() && tables.is_sound(self.form) {
            let sentence = format!("{} has no such {}", self.form.name, self.name());
            let notice = Notice::new(Code::UnknownReference, sentence).at(row.place(column));
            findings.add(notice.value(key).action(action));
        }
        found
    }

    fn name(&self) -> &'static str {
        self.form.columns[self.column].name
    }
}

/// Reports a row that has the key of another.
pub fn report_twin(
    tables: &Tables<'_>,
    form: FileForm,
    column: usize,
    (one, two): (usize, usize),
    findings: &mut Findings,
) {
    let line = tables.line(form, one);
    if tables.are_same(form, one, two) {
        let sentence = format!("the row is that of line {line} again");
        let notice = tables.notice(Code::RepeatedKey, sentence, (form, two, column));
        findings.add(notice.action("it was counted once"));
    } else {
        let sentence = format!("the row has the key of line {line} and other values");
        let notice = tables.notice(Code::DuplicateKey, sentence, (form, two, column));
        findings.add(notice.help("remove one of the rows, or give it another key"));
    }
}

/// Reports a value that cannot be used.
pub fn malformed(
    row: &Row<'_, '_>,
    column: usize,
    sentence: &str,
    action: &str,
    findings: &mut Findings,
) {
    let notice = Notice::new(Code::ValueMalformed, sentence).at(row.place(column));
    findings.add(notice.value(row.get(column).unwrap_or_default()).action(action));
}

/// A text that may be missing.
pub fn text(row: &Row<'_, '_>, column: usize, findings: &mut Findings) -> Option<String> {
    let value = row.get(column).filter(|value| !value.is_empty())?;
    row.is_utf8(column, findings).then(|| value.into_owned())
}

/// A number that may be missing: then it is 0. A finding where it is none of `0..=most`.
pub fn small(
    (row, column): (&Row<'_, '_>, usize),
    most: u32,
    action: &str,
    findings: &mut Findings,
) -> Option<u8> {
    let bytes = row.bytes(column);
    if bytes.is_empty() {
        return Some(0);
    }
    let found = number(bytes).filter(|number| *number <= most).map(|number| number as u8);
    if found.is_none() {
        let sentence = format!("the value is none of 0 to {most}");
        malformed(row, column, &sentence, action, findings);
    }
    found
}

/// A whole number, leading zeros or not.
pub fn number(bytes: &[u8]) -> Option<u32> {
    let is_short = !bytes.is_empty() && bytes.len() <= 12;
    let mut digits = is_short.then_some(bytes)?.iter();
    let number = digits.try_fold(0_u64, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0'))
    })?;
    u32::try_from(number).ok().filter(|number| *number != NONE)
}

/// `H:MM:SS` in seconds of the service date; hours go on past 24.
pub fn time(bytes: &[u8]) -> Option<i32> {
    let mut parts = bytes.split(|byte| *byte == b':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || hours.len() > 3 {
        return None;
    }
    let two = |part: &[u8]| (part.len() == 2).then(|| number(part)).flatten();
    let in_sixty = |part: &[u8]| two(part).filter(|number| *number < 60);
    let (hours, minutes, seconds) = (number(hours)?, in_sixty(minutes)?, in_sixty(seconds)?);
    let time = (hours * 3600 + minutes * 60 + seconds) as i32;
    (time <= SECONDS_MAX).then_some(time)
}

/// `YYYYMMDD`.
pub fn date(bytes: &[u8]) -> Option<NaiveDate> {
    let date = number(bytes).filter(|_| bytes.len() == 8)?;
    let date = NaiveDate::from_ymd_opt((date / 10_000) as i32, date / 100 % 100, date % 100)?;
    is_date_in_range(date).then_some(date)
}

/// "1 trip", "2 trips".
pub fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Seconds of a service date as GTFS writes them.
pub fn clock(seconds: i32) -> String {
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_hours_minutes_and_seconds() {
        for (text, expected) in [
            ("7:05:00", Some(25_500)),
            ("07:05:09", Some(25_509)),
            ("110:29:00", Some(397_740)),
            ("192:00:00", Some(691_200)),
            ("192:00:01", None),
            ("7:5:00", None),
            ("07:60:00", None),
            ("07:05", None),
            ("-1:00:00", None),
            ("0007:05:00", None),
            ("", None),
        ] {
            assert_eq!(time(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn dates_and_numbers_are_digits() {
        assert_eq!(date(b"20240229"), NaiveDate::from_ymd_opt(2024, 2, 29));
        for text in ["20230229", "2024-02-29", "18991231", "240229", ""] {
            assert_eq!(date(text.as_bytes()), None, "{text}");
        }
        assert_eq!(number(b"007"), Some(7));
        for text in ["", "+7", "-1", "7.0", "4294967295", "9999999999999"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
    }
}
