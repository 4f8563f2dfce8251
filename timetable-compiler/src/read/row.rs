//! What both forms of CSV have in common: ids, cities, train types and prices.

use schema::names::fold;

use crate::notice::{Code, Findings, Notice};
use crate::read::csv::{Column, Row};
use crate::read::values::{self, Fault, Price};

/// The longest value that is read, in characters.
pub const VALUE_CHARACTERS_MAX: usize = 200;

pub const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

/// Where the common columns are in a form's list of columns.
pub const ID: usize = 0;
pub const FROM: usize = 1;
pub const TO: usize = 2;
pub const DEPARTURE: usize = 3;
pub const ARRIVAL: usize = 4;
pub const TRAIN_TYPE: usize = 5;
pub const FIRST: usize = 6;
pub const SECOND: usize = 7;

/// The common values of a row; what is wrong or missing is none, and was reported.
pub struct Common {
    pub id: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub train_type: Option<String>,
    pub first: Option<Price>,
    pub second: Option<Price>,
}

/// Reads the common values, and reports all that is wrong with them.
pub fn common(row: &Row<'_, '_>, findings: &mut Findings) -> Common {
    let common = Common {
        id: text(row, ID, findings),
        from: city(row, FROM, findings),
        to: city(row, TO, findings),
        train_type: text(row, TRAIN_TYPE, findings),
        first: price(row, FIRST, findings),
        second: price(row, SECOND, findings),
    };
    if let (Some(from), Some(to)) = (&common.from, &common.to)
        && fold(from) == fold(to)
    {
        let notice = Notice::new(Code::SameCities, "the train arrives where it departs");
        findings.add(notice.at(row.place(TO)).value(to));
    }
    let cents = |price: Option<Price>| price.and_then(|price| price.cents);
    if let (Some(first), Some(second)) = (cents(common.first), cents(common.second))
        && first < second
    {
        let sentence = "the first class costs less than the second";
        let notice = Notice::new(Code::FirstClassCheaper, sentence).at(row.place(FIRST));
        let value = row.get(FIRST).unwrap_or_default();
        findings.add(notice.value(value).help("the two prices may be swapped"));
    }
    common
}

/// A value that must be there, as it is written.
pub fn text(row: &Row<'_, '_>, column: usize, findings: &mut Findings) -> Option<String> {
    let value = row.get(column)?;
    if !row.is_utf8(column, findings) {
        return None;
    }
    if value.is_empty() {
        let notice = Notice::new(Code::EmptyValue, "the value is empty");
        findings.add(notice.at(row.place(column)).value(""));
        return None;
    }
    if !is_short(row, column, &value, findings) {
        return None;
    }
    Some(value.into_owned())
}

/// A name that search can find.
pub fn city(row: &Row<'_, '_>, column: usize, findings: &mut Findings) -> Option<String> {
    let name = text(row, column, findings)?;
    if fold(&name).is_empty() {
        let notice =
            Notice::new(Code::NameWithoutLetters, "the name has neither letters nor digits");
        findings.add(notice.at(row.place(column)).value(name));
        return None;
    }
    Some(name)
}

/// A value that must be there and that `parse` understands.
pub fn parsed<T>(
    row: &Row<'_, '_>,
    column: usize,
    what: &str,
    parse: impl Fn(&str) -> Result<T, Fault>,
    findings: &mut Findings,
) -> Option<T> {
    let value = text(row, column, findings)?;
    parse(&value).map_err(|fault| report(row, column, what, fault, &value, findings)).ok()
}

fn price(row: &Row<'_, '_>, column: usize, findings: &mut Findings) -> Option<Price> {
    let value = row.get(column)?;
    if !row.is_utf8(column, findings) || !is_short(row, column, &value, findings) {
        return None;
    }
    let what = if column == FIRST { "first class" } else { "second class" };
    if value.is_empty() {
        let sentence = format!("the train has no price in {what}");
        let notice = Notice::new(Code::PriceMissing, sentence);
        findings.add(notice.at(row.place(column)).value(""));
    }
    let what = format!("the price in {what}");
    values::price(&value).map_err(|fault| report(row, column, &what, fault, &value, findings)).ok()
}

fn is_short(row: &Row<'_, '_>, column: usize, value: &str, findings: &mut Findings) -> bool {
    let length = value.chars().count();
    if length > VALUE_CHARACTERS_MAX {
        let sentence = format!("the value has {length} characters, more than the 200 it may have");
        let notice = Notice::new(Code::ValueTooLong, sentence).at(row.place(column));
        findings.add(notice.value(value));
    }
    length <= VALUE_CHARACTERS_MAX
}

fn report(
    row: &Row<'_, '_>,
    column: usize,
    what: &str,
    fault: Fault,
    value: &str,
    findings: &mut Findings,
) {
    let notice = Notice::new(fault.code, format!("{what} {}", fault.predicate));
    let notice = notice.at(row.place(column)).value(value);
    findings.add(match fault.help {
        Some(help) => notice.help(help),
        None => notice,
    });
}
