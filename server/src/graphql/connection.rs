//! Pages of lists that are known whole: rows with cursors, as Relay has them.

use std::borrow::Cow;
use std::ops::Range;

use async_graphql::{Object, OutputType, Result, TypeName};

use super::error::stale_cursor;
use super::paging::{ListKey, Page, PageInfo};

/// Which rows of a list a page has.
#[derive(Debug, Clone)]
pub struct Rows {
    key: ListKey,
    range: Range<usize>,
    total: usize,
}

impl Rows {
    /// The rows of a list.
    pub const fn of(key: ListKey, range: Range<usize>, total: usize) -> Self {
        Self { key, range, total }
    }

    /// No rows of an empty list.
    pub fn none() -> Self {
        Self::of(ListKey::of("", ""), 0..0, 0)
    }

    /// Where the page stands.
    pub fn page_info(&self) -> PageInfo {
        PageInfo::of(&self.key, &self.range, self.total)
    }

    /// The cursor of the page's `nth` row.
    pub fn cursor(&self, nth: usize) -> String {
        self.key.cursor(self.range.start + nth)
    }

    /// Rows on all pages.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// The page's rows with their cursors.
    pub fn edges<T: Clone>(&self, nodes: &[T]) -> Vec<Edge<T>> {
        let edge = |(nth, node): (usize, &T)| Edge { cursor: self.cursor(nth), node: node.clone() };
        nodes.iter().enumerate().map(edge).collect()
    }
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Connection<T> {
    /// Which rows they are.
    pub rows: Rows,
    /// The rows.
    pub nodes: Vec<T>,
}

impl<T> Connection<T> {
    /// The page of a list that `arguments` determine in the network of this version.
    ///
    /// # Errors
    ///
    /// Where the page is too large or a cursor is not of this list.
    pub fn page<I: Copy>(
        network_version: &str,
        arguments: &str,
        page: &Page,
        list: &[I],
        node: impl FnMut(I) -> T,
    ) -> Result<Self> {
        let key = ListKey::of(network_version, arguments);
        let range = page.rows(&key, list.len())?.map_err(stale_cursor)?;
        let nodes = list[range.clone()].iter().copied().map(node).collect();
        Ok(Self { rows: Rows::of(key, range, list.len()), nodes })
    }
}

impl<T: OutputType> TypeName for Connection<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", T::type_name()).into()
    }
}

/// A page of a list.
#[Object(name_type)]
impl<T: OutputType + Clone> Connection<T> {
    /// The rows with their cursors.
    async fn edges(&self) -> Vec<Edge<T>> {
        self.rows.edges(&self.nodes)
    }

    /// The rows.
    async fn nodes(&self) -> &[T] {
        &self.nodes
    }

    /// Where the page stands.
    async fn page_info(&self) -> PageInfo {
        self.rows.page_info()
    }

    /// Rows on all pages.
    async fn total_count(&self) -> usize {
        self.rows.total()
    }
}

/// A row of a list.
#[derive(Debug, Clone)]
pub struct Edge<T> {
    cursor: String,
    node: T,
}

impl<T: OutputType> TypeName for Edge<T> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", T::type_name()).into()
    }
}

/// A row of a list.
#[Object(name_type)]
impl<T: OutputType> Edge<T> {
    /// Its place in the list.
    async fn cursor(&self) -> &str {
        &self.cursor
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}
