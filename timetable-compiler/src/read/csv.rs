//! CSV as it is found in the wild: the header's columns by name, rows one by one, and for every
//! value the line and column at which it stands.

use std::borrow::Cow;
use std::cell::RefCell;

use ::csv::{ByteRecord, ReaderBuilder};
use csv_core::ReadRecordResult;
use schema::names::fold;

use crate::notice::{Code, Findings, Notice, Place};
use crate::read::{Content, Input};

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A column that a form of CSV has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name; case, blanks and underscores do not matter in a header.
    pub name: &'static str,
    /// Whether a header without it is an error.
    pub required: bool,
}

/// A row of one of the inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowAt {
    /// Which input.
    pub input: usize,
    /// Where the row begins, in bytes.
    pub start: usize,
}

/// A file's bytes, and what findings call it.
#[derive(Debug, Clone, Copy)]
pub struct Source<'i> {
    /// Which input it is, or is part of.
    pub input: usize,
    /// Which of the input's files it is.
    pub part: usize,
    /// Its name, as findings have it.
    pub file: &'i str,
    /// What is in it.
    pub bytes: &'i [u8],
}

impl<'i> Source<'i> {
    /// An input that is one file; that of a folder is empty.
    pub fn of(input: usize, file: &'i Input) -> Self {
        let bytes = match &file.content {
            Content::File(bytes) => bytes.as_slice(),
            Content::Folder(_) => &[],
        };
        Self { input, part: 0, file: &file.name, bytes }
    }

    /// The place of the whole file.
    pub fn whole(&self) -> Place {
        let file = self.file.to_owned();
        Place { input: self.input, part: self.part, file, line: None, column: None, field: None }
    }

    /// Whether there is nothing but blanks in it.
    pub fn is_blank(&self) -> bool {
        let bytes = self.bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(self.bytes);
        bytes.iter().all(u8::is_ascii_whitespace)
    }

    fn place(&self, lines: &[usize], at: usize) -> Place {
        let line = lines.partition_point(|start| *start <= at).max(1);
        let before = &self.bytes[lines[line - 1]..at.min(self.bytes.len())];
        Place {
            line: Some(line as u32),
            column: Some(String::from_utf8_lossy(before).chars().count() as u32 + 1),
            ..self.whole()
        }
    }
}

/// How strictly rows are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Widths {
    /// A row has as many values as the header.
    Exact,
    /// Empty values at the end of a row may be left out or be too many.
    Loose,
}

/// A CSV file whose header was read.
pub struct Table<'i> {
    source: Source<'i>,
    widths: Widths,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    /// Number of columns of the header.
    width: usize,
    /// Where the rows begin, in bytes.
    body: usize,
    columns: &'static [Column],
    /// For each of `columns`, where it is in a row.
    positions: Vec<Option<usize>>,
}

/// A row of a table.
pub struct Row<'t, 'i> {
    table: &'t Table<'i>,
    start: usize,
    fields: ByteRecord,
}

/// The names of a file's header, before it is known which form the file has.
pub struct Header<'i> {
    source: Source<'i>,
    lines: Vec<usize>,
    start: usize,
    end: usize,
    cells: Vec<String>,
    /// Each cell as names are compared, and what of it stands behind a prefix.
    folded: Vec<(String, String)>,
    /// Columns that are not used and not worth a finding.
    unused: &'static [&'static str],
}

impl<'i> Header<'i> {
    /// Reads the first row of a file. None where there is no row, which is a finding.
    pub fn read(mut source: Source<'i>, findings: &mut Findings) -> Option<Self> {
        if let Some(rest) = source.bytes.strip_prefix(BYTE_ORDER_MARK) {
            source.bytes = rest;
            let notice = Notice::new(Code::ByteOrderMark, "the file begins with a byte order mark");
            findings.add(notice.at(source.whole()).action("it was skipped"));
        }
        if source.is_blank() {
            let notice = Notice::new(Code::EmptyFile, "the file is empty");
            findings.add(notice.at(source.whole()));
            return None;
        }
        let bytes = source.bytes;
        if bytes.starts_with(b"\xFF\xFE") || bytes.starts_with(b"\xFE\xFF") {
            let notice = Notice::new(Code::NotUtf8, "the file is UTF-16, not UTF-8");
            findings.add(notice.at(source.whole()).help("save it as UTF-8"));
            return None;
        }
        let start = next_row(bytes, 0);
        // A header never spans lines: a quote that is not closed must not swallow the rows.
        let end = line_end(bytes, start);
        let record = first_record(&bytes[start..end]);
        let cell = |cell: &[u8]| String::from_utf8_lossy(cell).trim().to_owned();
        let cells: Vec<String> = record.iter().map(cell).collect();
        let header = Self {
            source,
            lines: line_starts(bytes),
            start,
            end,
            folded: cells.iter().map(|cell| (fold(cell), fold(bare(cell)))).collect(),
            cells,
            unused: &[],
        };
        header.report_bytes(&record, findings);
        Some(header)
    }

    /// The same header, of which these columns are known and not used.
    #[must_use]
    pub fn without(self, unused: &'static [&'static str]) -> Self {
        Self { unused, ..self }
    }

    /// Whether a cell has this name, with or without a prefix.
    pub fn has(&self, name: &str) -> bool {
        let wanted = fold(name);
        self.folded.iter().any(|(cell, bare)| *cell == wanted || *bare == wanted)
    }

    /// The table with these columns, and findings for those that are missing, double or not used.
    /// None where there is none of them: then the rows cannot be judged.
    pub fn table(self, columns: &'static [Column], findings: &mut Findings) -> Option<Table<'i>> {
        let mut positions = vec![None; columns.len()];
        let mut extra = Vec::new();
        let names: Vec<String> = columns.iter().map(|column| fold(column.name)).collect();
        let unused: Vec<String> = self.unused.iter().map(|name| fold(name)).collect();
        for exact in [true, false] {
            // Cells with the exact name come first, so that a prefixed twin is the double.
            for (at, (cell, bare)) in self.folded.iter().enumerate() {
                let found = if exact {
                    names.iter().position(|name| name == cell)
                } else if names.contains(cell) {
                    continue;
                } else {
                    names.iter().position(|name| name == bare)
                };
                match found {
                    Some(column) if positions[column].is_some() => {
                        self.report_double(at, columns[column].name, findings);
                    }
                    Some(column) => {
                        positions[column] = Some(at);
                        if !exact {
                            self.report_prefix(at, columns[column].name, findings);
                        }
                    }
                    None if !exact && !unused.contains(cell) => extra.push(at),
                    None => {}
                }
            }
        }
        if positions.iter().all(Option::is_none) {
            self.report_missing_header(columns[0], findings);
            return None;
        }
        self.report_missing(columns, &positions, &extra, findings);
        Some(Table {
            source: self.source,
            widths: Widths::Exact,
            lines: self.lines,
            width: self.cells.len(),
            body: self.end,
            columns,
            positions,
        })
    }

    fn place(&self, cell: usize) -> Place {
        if cell > CELLS_PLACED_MAX {
            return Place { line: Some(1), ..self.source.whole() };
        }
        let at = field_start(self.source.bytes, self.start, cell);
        self.source.place(&self.lines, at)
    }

    fn report_bytes(&self, record: &ByteRecord, findings: &mut Findings) {
        for (at, cell) in record.iter().enumerate() {
            if std::str::from_utf8(cell).is_err() {
                let notice = Notice::new(Code::NotUtf8, "a column's name is not UTF-8");
                let notice = notice.at(self.place(at)).value(self.cells[at].as_str());
                findings.add(notice.help("save the file as UTF-8"));
            }
        }
    }

    fn report_double(&self, cell: usize, name: &str, findings: &mut Findings) {
        let sentence = format!("the header has the column `{name}` twice");
        let notice = Notice::new(Code::DuplicateColumn, sentence).at(self.place(cell));
        findings.add(notice.value(self.cells[cell].as_str()));
    }

    fn report_prefix(&self, cell: usize, name: &str, findings: &mut Findings) {
        let text = &self.cells[cell];
        let prefix = text.rfind('.').map_or("", |dot| &text[..=dot]);
        let sentence = format!("the header's `{name}` has the stray prefix `{prefix}`");
        let notice = Notice::new(Code::StrayPrefix, sentence).at(self.place(cell));
        let notice = notice.value(text).action(format!("it was taken for `{name}`"));
        findings.add(notice.help(format!("write `{name}`")));
    }

    fn report_missing_header(&self, first: Column, findings: &mut Findings) {
        let notice = Notice::new(
            Code::MissingHeader,
            "the first line names none of the columns of a timetable",
        );
        let cell = self.cells.first().cloned().unwrap_or_default();
        let help = if self.cells.len() == 1 && cell.contains([';', '\t']) {
            "part the columns by commas".to_owned()
        } else {
            format!("the first of the columns is `{}`", first.name)
        };
        findings.add(notice.at(self.place(0)).value(cell).help(help));
    }

    fn report_missing(
        &self,
        columns: &[Column],
        positions: &[Option<usize>],
        extra: &[usize],
        findings: &mut Findings,
    ) {
        for (column, position) in columns.iter().zip(positions) {
            if column.required && position.is_none() {
                let sentence = format!("the header lacks the column `{}`", column.name);
                let notice = Notice::new(Code::MissingColumn, sentence).at(self.place(0));
                let cells = extra.iter().map(|at| &self.cells[*at]);
                // One more than twice as long is not meant, and takes a while to be compared.
                let mut short = cells.filter(|cell| cell.len() <= 2 * column.name.len() + 8);
                let near = short.find(|cell| {
                    strsim::normalized_damerau_levenshtein(&fold(cell), &fold(column.name)) > 0.7
                });
                findings.add(match near {
                    Some(cell) => {
                        notice.help(format!("`{cell}` may be meant; write `{}`", column.name))
                    }
                    None => notice,
                });
            }
        }
        for at in extra {
            let cell = &self.cells[*at];
            let notice = Notice::new(Code::ExtraColumn, "the column is not used");
            let notice = notice.at(self.place(*at)).value(cell);
            findings.add(notice.action("its values were left out"));
        }
    }
}

impl<'i> Table<'i> {
    /// The same table, whose rows may be narrower or wider than the header.
    #[must_use]
    pub fn loose(self) -> Self {
        Self { widths: Widths::Loose, ..self }
    }

    /// Calls `each` with every row that has as many values as the header; the others are findings,
    /// and so is a table without rows. Says how many rows there are, whatever is wrong with them.
    pub fn rows(
        &self,
        findings: &mut Findings,
        each: impl FnMut(&Row<'_, 'i>, &mut Findings),
    ) -> usize {
        let rows = self.count_rows(findings, each);
        if rows == 0 {
            let notice = Notice::new(Code::NoRows, "the file has a header and no rows");
            findings.add(notice.at(self.source.whole()));
        }
        rows
    }

    /// Calls `each` with every row that has as many values as the header; the others are findings.
    /// Says how many rows there are, whatever is wrong with them.
    pub fn count_rows(
        &self,
        findings: &mut Findings,
        mut each: impl FnMut(&Row<'_, 'i>, &mut Findings),
    ) -> usize {
        let mut rows = 0;
        let bytes = self.source.bytes;
        let mut start = next_row(bytes, self.body);
        // One reader for as long as rows keep to their lines: a reader per row would be slow.
        while start < bytes.len() {
            let mut reader = reader(&bytes[start..]);
            let base = start;
            let mut fields = ByteRecord::new();
            start = bytes.len();
            while reader.read_byte_record(&mut fields).unwrap_or(false) {
                rows += 1;
                let begin = fields.position().map_or(0, |position| position.byte() as usize);
                let row = Row {
                    table: self,
                    start: next_row(bytes, base + begin),
                    fields: std::mem::take(&mut fields),
                };
                if row.is_torn() {
                    row.report_torn(findings);
                    start = next_row(bytes, line_end(bytes, row.start));
                    break;
                }
                if row.is_whole(findings) {
                    row.report_controls(findings);
                    each(&row, findings);
                }
                fields = row.fields;
            }
        }
        rows
    }

    /// The file's name.
    pub const fn file(&self) -> &'i str {
        self.source.file
    }

    /// The place of the whole file.
    pub fn whole(&self) -> Place {
        self.source.whole()
    }

    /// Whether two rows have the same values in all columns, blanks around them aside.
    pub fn are_same(&self, left: RowAt, right: RowAt) -> bool {
        let fields = |row: RowAt| first_record(&self.source.bytes[row.start..]);
        let (left, right) = (fields(left), fields(right));
        let value = |at: usize, fields: &ByteRecord| {
            fields.get(at).unwrap_or_default().trim_ascii().to_vec()
        };
        (0..left.len().max(right.len())).all(|at| value(at, &left) == value(at, &right))
    }

    /// The line on which a row begins.
    pub fn line(&self, row: RowAt) -> usize {
        self.lines.partition_point(|start| *start <= row.start).max(1)
    }

    /// Whether the header has this column.
    pub fn has(&self, column: usize) -> bool {
        self.positions[column].is_some()
    }

    /// Whether the file has this form.
    pub fn is_of(&self, columns: &[Column]) -> bool {
        self.columns == columns
    }

    /// The value of a column of a row, without blanks around it.
    pub fn value(&self, row: RowAt, column: usize) -> String {
        let fields = first_record(&self.source.bytes[row.start..]);
        let field = self.positions[column].and_then(|position| fields.get(position));
        String::from_utf8_lossy(field.unwrap_or_default()).trim().to_owned()
    }

    /// Where a column of a row stands.
    pub fn place(&self, row: RowAt, column: usize) -> Place {
        let position = self.positions[column].unwrap_or(0);
        let at = field_start(self.source.bytes, row.start, position);
        let field = Some(self.columns[column].name.to_owned());
        Place { field, ..self.source.place(&self.lines, at) }
    }
}

impl Row<'_, '_> {
    /// Where the row stands.
    pub const fn at(&self) -> RowAt {
        RowAt { input: self.table.source.input, start: self.start }
    }

    /// The value of a column without blanks around it; bytes that are not UTF-8 are replaced, and
    /// blanks stand for control characters. None where the header lacks the column.
    pub fn get(&self, column: usize) -> Option<Cow<'_, str>> {
        let text = self.raw(column)?;
        if text.contains(char::is_control) {
            return Some(Cow::Owned(text.replace(char::is_control, " ").trim().to_owned()));
        }
        Some(text)
    }

    /// The value of a column without blanks around it, control characters and all.
    fn raw(&self, column: usize) -> Option<Cow<'_, str>> {
        let field = self.fields.get(self.table.positions[column]?)?;
        Some(match String::from_utf8_lossy(field) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        })
    }

    /// A finding for every value that has control characters.
    fn report_controls(&self, findings: &mut Findings) {
        // The others begin with this byte in UTF-8. Nearly no row has one.
        const FIRST_BYTE: u8 = 0xC2;
        let may_be = |byte: &u8| byte.is_ascii_control() || *byte == FIRST_BYTE;
        if !self.fields.as_slice().iter().any(may_be) {
            return;
        }
        for column in 0..self.table.columns.len() {
            let value = self.raw(column).unwrap_or_default();
            let Some(found) = value.chars().find(|it| it.is_control()) else { continue };
            let sentence = format!("the value has the control character U+{:04X}", found as u32);
            let notice = Notice::new(Code::ControlCharacter, sentence).at(self.place(column));
            findings.add(notice.value(value).action("it was taken for a blank"));
        }
    }

    /// The bytes of a column without blanks around them; empty where there is none.
    pub fn bytes(&self, column: usize) -> &[u8] {
        let field = self.table.positions[column].and_then(|at| self.fields.get(at));
        field.unwrap_or_default().trim_ascii()
    }

    /// The first of the used columns whose value has blanks around it.
    pub fn padded_column(&self) -> Option<usize> {
        let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
        self.table.positions.iter().position(|at| {
            let field = at.and_then(|at| self.fields.get(at)).unwrap_or_default();
            is_blank(field.first()) || is_blank(field.last())
        })
    }

    /// The value of a column with the blanks around it.
    pub fn padded_value(&self, column: usize) -> String {
        let field = self.table.positions[column].and_then(|at| self.fields.get(at));
        String::from_utf8_lossy(field.unwrap_or_default()).into_owned()
    }

    /// Whether the value of a column is UTF-8; a finding where it is not.
    pub fn is_utf8(&self, column: usize, findings: &mut Findings) -> bool {
        let Some(position) = self.table.positions[column] else {
            return true;
        };
        let Some(field) = self.fields.get(position) else {
            return true;
        };
        if std::str::from_utf8(field).is_ok() {
            return true;
        }
        let table = self.table;
        let bytes = table.source.bytes;
        let from = field_start(bytes, self.start, position);
        let raw = &bytes[from..line_end(bytes, from)];
        let good = std::str::from_utf8(raw).map_or_else(|error| error.valid_up_to(), str::len);
        let byte = raw.get(good).copied().unwrap_or_default();
        let sentence = format!("the value has the byte 0x{byte:02X}, which is not UTF-8");
        let place = Place {
            field: Some(table.columns[column].name.to_owned()),
            ..table.source.place(&table.lines, from + good)
        };
        let notice = Notice::new(Code::NotUtf8, sentence).at(place);
        let value = String::from_utf8_lossy(field).into_owned();
        findings.add(notice.value(value).help("save the file as UTF-8"));
        false
    }

    /// Where a column stands.
    pub fn place(&self, column: usize) -> Place {
        self.table.place(self.at(), column)
    }

    /// Whether the row runs past its line in a way that no timetable means.
    fn is_torn(&self) -> bool {
        let breaks = |field: &[u8]| field.iter().any(|byte| matches!(byte, b'\r' | b'\n'));
        let used = self.table.positions.iter().flatten();
        self.fields.iter().any(breaks)
            && (self.fields.len() != self.table.width
                || used.filter_map(|at| self.fields.get(*at)).any(breaks))
    }

    fn report_torn(&self, findings: &mut Findings) {
        let field = (self.fields.iter())
            .position(|field| field.iter().any(|byte| matches!(byte, b'\r' | b'\n')))
            .unwrap_or(0);
        let table = self.table;
        let bytes = table.source.bytes;
        let at = field_start(bytes, self.start, field);
        let text = &bytes[at..line_end(bytes, at)];
        let notice = Notice::new(
            Code::UnclosedQuote,
            "the value begins with a quote that is not closed on its line",
        );
        let value = String::from_utf8_lossy(text).trim_end().to_owned();
        findings.add(
            notice
                .at(table.source.place(&table.lines, at))
                .value(value)
                .help("close the quote, or remove it"),
        );
    }

    fn is_whole(&self, findings: &mut Findings) -> bool {
        let table = self.table;
        let (found, expected) = (self.fields.len(), table.width);
        if found == expected && !(found > 1 && self.is_empty()) {
            return true;
        }
        let is_blank_line = found < expected && self.is_empty();
        let start = table.source.place(&table.lines, self.start);
        if is_blank_line || found > 1 && self.is_empty() {
            let notice = Notice::new(Code::BlankRow, "the row is empty").at(start);
            findings.add(notice.action("the row was left out"));
            return false;
        }
        let sentence = format!("the row has {found} values and the header {expected} columns");
        let raw = &table.source.bytes[self.start..line_end(table.source.bytes, self.start)];
        let value = String::from_utf8_lossy(raw).trim_end().to_owned();
        if table.widths == Widths::Loose && self.lacks_nothing() {
            let action = if found < expected {
                "the values that are missing were taken for empty"
            } else {
                "the empty values at its end were left out"
            };
            let notice = Notice::new(Code::RowWidth, sentence).at(start).value(value);
            findings.add(notice.action(action));
            return true;
        }
        let (code, help) = if found < expected {
            (Code::TooFewColumns, "an empty value still needs its comma")
        } else {
            (Code::TooManyColumns, "put a value that holds a comma in double quotes")
        };
        findings.add(Notice::new(code, sentence).at(start).value(value).help(help));
        false
    }

    fn is_empty(&self) -> bool {
        self.fields.iter().all(|field| field.iter().all(u8::is_ascii_whitespace))
    }

    /// Whether all columns that are required have a value, and those past the header none.
    fn lacks_nothing(&self) -> bool {
        let table = self.table;
        let required = table.columns.iter().zip(&table.positions).filter(|(it, _)| it.required);
        let is_there = |at: &Option<usize>| {
            let field = at.and_then(|at| self.fields.get(at)).unwrap_or_default();
            !field.trim_ascii().is_empty()
        };
        required.map(|(_, at)| at).all(is_there)
            && self.fields.iter().skip(table.width).all(|field| field.trim_ascii().is_empty())
    }
}

fn reader(bytes: &[u8]) -> ::csv::Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes)
}

/// The last cell of a header whose column in its line is told: to count up to each of many
/// thousand takes a time that grows with their square.
const CELLS_PLACED_MAX: usize = 1000;

/// The first row of `bytes`; empty where there is none. Findings look rows up again and again, and
/// a reader takes longer to make than a row to read, so that a thread makes one and uses it again.
fn first_record(bytes: &[u8]) -> ByteRecord {
    thread_local! {
        static READER: RefCell<csv_core::Reader> = RefCell::new(csv_core::Reader::new());
    }
    READER.with_borrow_mut(|reader| {
        reader.reset();
        read_record(reader, bytes)
    })
}

fn read_record(reader: &mut csv_core::Reader, bytes: &[u8]) -> ByteRecord {
    let (mut output, mut ends) = (vec![0; 1024], vec![0; 64]);
    let (mut read, mut written, mut fields) = (0, 0, 0);
    loop {
        let (result, taken, put, ended) =
            reader.read_record(&bytes[read..], &mut output[written..], &mut ends[fields..]);
        (read, written, fields) = (read + taken, written + put, fields + ended);
        match result {
            // All bytes are there from the start, so that an empty input is their end.
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull => output.resize(2 * output.len(), 0),
            ReadRecordResult::OutputEndsFull => ends.resize(2 * ends.len(), 0),
            ReadRecordResult::Record | ReadRecordResult::End => break,
        }
    }
    let starts = std::iter::once(0).chain(ends[..fields].iter().copied());
    starts.zip(&ends[..fields]).map(|(start, end)| &output[start..*end]).collect()
}

/// What stands before the dot of a header cell is a prefix.
fn bare(cell: &str) -> &str {
    cell.rsplit_once('.').map_or(cell, |(_, name)| name.trim())
}

/// The first byte at or after `at` that is no line break.
fn next_row(bytes: &[u8], at: usize) -> usize {
    let breaks = bytes[at..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    at + breaks.count()
}

/// Where the line that holds `at` ends: at its line break or the end of the file.
fn line_end(bytes: &[u8], at: usize) -> usize {
    let rest = bytes[at..].iter();
    at + rest.take_while(|byte| !matches!(byte, b'\r' | b'\n')).count()
}

fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let ends = |at: &usize| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    let starts = (0..bytes.len()).filter(ends).map(|at| at + 1);
    std::iter::once(0).chain(starts).collect()
}

/// Where the `field`th value of the row at `start` begins, its quote included.
fn field_start(bytes: &[u8], start: usize, field: usize) -> usize {
    let (mut at, mut passed, mut quoted) = (start, 0, false);
    let mut begins = true;
    while passed < field && at < bytes.len() {
        match bytes[at] {
            b'"' if begins => quoted = true,
            b'"' if quoted && bytes.get(at + 1) == Some(&b'"') => at += 1,
            b'"' if quoted => quoted = false,
            b',' if !quoted => passed += 1,
            b'\r' | b'\n' if !quoted => break,
            _ => {}
        }
        begins = !quoted && bytes[at] == b',';
        at += 1;
    }
    at
}
