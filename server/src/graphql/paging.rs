//! Cursor paging over lists that are known whole.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use async_graphql::{Result, ServerResult, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::error::{bad_argument, page_too_large};
use super::written::{Json, Selected, Writes, Written};

/// Rows of a page where the caller does not say.
pub const PAGE_DEFAULT: i32 = 20;
/// Rows of a page at most.
pub const PAGE_MAX: i32 = 100;

/// Where a page stands in its list.
#[derive(Debug, Clone, Default, SimpleObject)]
pub struct PageInfo {
    /// Whether more rows follow the page.
    pub has_next_page: bool,
    /// Whether rows come before the page.
    pub has_previous_page: bool,
    /// Cursor of the first row; pass it as `before` to page backwards.
    pub start_cursor: Option<String>,
    /// Cursor of the last row; pass it as `after` to page forwards.
    pub end_cursor: Option<String>,
}

impl PageInfo {
    /// Of a page that is read forwards, with the cursors of its rows.
    pub fn forward<'c>(
        has_next_page: bool,
        has_previous_page: bool,
        cursors: impl Iterator<Item = &'c String> + Clone,
    ) -> Self {
        let (start_cursor, end_cursor) = (cursors.clone().next().cloned(), cursors.last().cloned());
        Self { has_next_page, has_previous_page, start_cursor, end_cursor }
    }
}

/// The page that a caller asks for.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// Rows from the beginning, or after `after`.
    pub first: Option<i32>,
    /// Only rows after this cursor.
    pub after: Option<String>,
    /// Rows from the end, or before `before`.
    pub last: Option<i32>,
    /// Only rows before this cursor.
    pub before: Option<String>,
}

/// A list as cursors see it: of which network, and which list of it.
#[derive(Debug, Clone)]
pub struct ListKey {
    /// The network and the list, each with a colon after it.
    prefix: Arc<str>,
}

/// A cursor of another network than the one that answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleCursor {
    /// The argument it was passed as.
    pub argument: &'static str,
}

impl ListKey {
    /// The key of a list that `arguments` determine in the network of this version.
    pub fn of(network_version: &str, arguments: &str) -> Self {
        let list = blake3::hash(arguments.as_bytes()).to_hex();
        let network: String = network_version.chars().take(16).collect();
        Self { prefix: format!("{network}:{}:", &list[..16]).into() }
    }

    /// The cursor of row `at`.
    pub fn cursor(&self, at: usize) -> String {
        let mut text = String::new();
        self.push_cursor(at, &mut text);
        URL_SAFE_NO_PAD.encode(text)
    }

    /// The cursor of row `at`, before it is encoded.
    pub fn push_cursor(&self, at: usize, text: &mut String) {
        text.push_str(&self.prefix);
        // Writing to a string cannot fail.
        let _ = write!(text, "{at}");
    }

    fn position(
        &self,
        argument: &'static str,
        cursor: &str,
    ) -> Result<std::result::Result<usize, StaleCursor>> {
        let wrong = || bad_argument(argument, "expected a cursor that this list gave");
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| wrong())?;
        let text = String::from_utf8(bytes).map_err(|_| wrong())?;
        let mut parts = text.split(':');
        let (Some(network), Some(list), Some(at), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let mut own = self.prefix.split(':');
        if Some(network) != own.next() {
            return Ok(Err(StaleCursor { argument }));
        }
        if Some(list) != own.next() {
            return Err(wrong());
        }
        at.parse().map(Ok).map_err(|_| wrong())
    }
}

impl Page {
    /// The rows of a list of `len` rows that make up the page.
    ///
    /// # Errors
    ///
    /// Where `first` or `last` is out of range, where both are given, or where a cursor is not of
    /// this list. A cursor of another network is no error but a [`StaleCursor`].
    pub fn rows(
        &self,
        key: &ListKey,
        len: usize,
    ) -> Result<std::result::Result<Range<usize>, StaleCursor>> {
        let (first, last) = (page_size("first", self.first)?, page_size("last", self.last)?);
        if first.is_some() && last.is_some() {
            return Err(bad_argument("last", "expected either first or last, found both"));
        }
        let mut rows = 0..len;
        if let Some(after) = &self.after {
            match key.position("after", after)? {
                Ok(at) => rows.start = (at + 1).min(len),
                Err(stale) => return Ok(Err(stale)),
            }
        }
        if let Some(before) = &self.before {
            match key.position("before", before)? {
                Ok(at) => rows.end = at.min(len).max(rows.start),
                Err(stale) => return Ok(Err(stale)),
            }
        }
        Ok(Ok(match (first, last) {
            (_, Some(last)) => rows.end.saturating_sub(last).max(rows.start)..rows.end,
            (first, None) => {
                let first = first.unwrap_or(PAGE_DEFAULT as usize);
                rows.start..rows.end.min(rows.start + first)
            }
        }))
    }
}

/// The rows that a caller asks for.
///
/// # Errors
///
/// Where they are fewer than none, or more than [`PAGE_MAX`].
pub fn page_size(argument: &str, asked: Option<i32>) -> Result<Option<usize>> {
    match asked {
        Some(asked) if asked < 0 => {
            Err(bad_argument(argument, format!("expected 0 to {PAGE_MAX}, found {asked}")))
        }
        Some(asked) if asked > PAGE_MAX => Err(page_too_large(argument, asked, PAGE_MAX)),
        asked => Ok(asked.map(|asked| asked as usize)),
    }
}

impl PageInfo {
    /// What there is to say of these rows of a list of `len`.
    pub fn of(key: &ListKey, rows: &Range<usize>, len: usize) -> Self {
        let cursor = |at: usize| (!rows.is_empty()).then(|| key.cursor(at));
        Self {
            has_next_page: rows.end < len,
            has_previous_page: rows.start > 0,
            start_cursor: cursor(rows.start),
            end_cursor: cursor(rows.end.saturating_sub(1)),
        }
    }
}

/// What is selected of where a page stands.
pub enum PageInfoField {
    HasNextPage,
    HasPreviousPage,
    StartCursor,
    EndCursor,
}

impl Writes for PageInfo {
    type Field = PageInfoField;

    fn field(selected: &Selected<'_>) -> ServerResult<PageInfoField> {
        Ok(match selected.name() {
            "hasNextPage" => PageInfoField::HasNextPage,
            "hasPreviousPage" => PageInfoField::HasPreviousPage,
            "startCursor" => PageInfoField::StartCursor,
            "endCursor" => PageInfoField::EndCursor,
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &PageInfoField, json: &mut Json) -> Written {
        match field {
            PageInfoField::HasNextPage => json.boolean(self.has_next_page),
            PageInfoField::HasPreviousPage => json.boolean(self.has_previous_page),
            PageInfoField::StartCursor => json.string_or_null(self.start_cursor.as_deref()),
            PageInfoField::EndCursor => json.string_or_null(self.end_cursor.as_deref()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: &Page, len: usize) -> Range<usize> {
        page.rows(&key(), len).expect("a page").expect("a cursor of this network")
    }

    fn key() -> ListKey {
        ListKey::of("0123456789abcdef", "a list")
    }

    #[test]
    fn pages_cut_a_list_from_both_ends() {
        let page = || Page::default();
        assert_eq!(rows(&page(), 50), 0..20);
        assert_eq!(rows(&Page { first: Some(7), ..page() }, 5), 0..5);
        assert_eq!(rows(&Page { last: Some(2), ..page() }, 5), 3..5);
        let after = Some(key().cursor(2));
        assert_eq!(rows(&Page { first: Some(2), after: after.clone(), ..page() }, 9), 3..5);
        assert_eq!(rows(&Page { last: Some(2), before: after, ..page() }, 9), 0..2);
        assert_eq!(rows(&Page { first: Some(0), ..page() }, 5), 0..0);
    }

    #[test]
    fn a_cursor_knows_its_network_and_its_list() {
        let other_list = ListKey::of("0123456789abcdef", "another list");
        let other_network = ListKey::of("fedcba9876543210", "a list");
        let page = Page { after: Some(key().cursor(2)), ..Page::default() };
        assert!(page.rows(&other_list, 5).is_err());
        let stale = page.rows(&other_network, 5).expect("no error");
        assert_eq!(stale, Err(StaleCursor { argument: "after" }));
        let nonsense = Page { before: Some("nonsense".to_owned()), ..Page::default() };
        assert!(nonsense.rows(&key(), 5).is_err());
    }
}
