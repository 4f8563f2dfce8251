//! Pages of lists that are known whole: rows with cursors, as Relay has them.

use std::borrow::Cow;
use std::ops::Range;

use async_graphql::{Object, OutputType, Result, ServerResult, TypeName};

use super::error::stale_cursor;
use super::paging::{ListKey, Page, PageInfo};
use super::written::{Json, Selected, Steps, Writes, Written, write_list, write_object};

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

    /// Rows on all pages.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// The page's rows with their cursors.
    pub fn edges<T: Clone>(&self, nodes: &[T]) -> impl ExactSizeIterator<Item = Edge<T>> {
        let edge = |(nth, node): (usize, &T)| Edge {
            list: self.key.clone(),
            at: self.range.start + nth,
            node: node.clone(),
        };
        nodes.iter().enumerate().map(edge)
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
        self.rows.edges(&self.nodes).collect()
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
    list: ListKey,
    at: usize,
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
    async fn cursor(&self) -> String {
        self.list.cursor(self.at)
    }

    /// The row.
    async fn node(&self) -> &T {
        &self.node
    }
}

/// What is selected of a page.
pub enum ConnectionField<T: Writes + Clone> {
    Edges(Steps<Edge<T>>),
    Nodes(Steps<T>),
    PageInfo(Steps<PageInfo>),
    TotalCount,
}

impl<T: Writes + Clone> ConnectionField<T> {
    /// The field of this name, where pages of all lists have it.
    ///
    /// # Errors
    ///
    /// Where they have not, or where arguments in it are malformed.
    pub fn of(selected: &Selected<'_>) -> ServerResult<Self> {
        Ok(match selected.name() {
            "edges" => Self::Edges(selected.steps()?),
            "nodes" => Self::Nodes(selected.steps()?),
            "pageInfo" => Self::PageInfo(selected.steps()?),
            "totalCount" => Self::TotalCount,
            _ => return Err(selected.unknown()),
        })
    }

    /// Writes its value.
    ///
    /// # Errors
    ///
    /// Where a field of a row has none.
    pub fn write(&self, rows: &Rows, nodes: &[T], json: &mut Json) -> Written {
        match self {
            Self::Edges(steps) => {
                write_list(rows.edges(nodes), json, |edge, json| write_object(&edge, steps, json))
            }
            Self::Nodes(steps) => {
                write_list(nodes.iter(), json, |node, json| write_object(node, steps, json))
            }
            Self::PageInfo(steps) => write_object(&rows.page_info(), steps, json),
            Self::TotalCount => {
                json.integer(rows.total() as i64);
                Ok(())
            }
        }
    }
}

impl<T: Writes + Clone> Writes for Connection<T> {
    type Field = ConnectionField<T>;

    fn field(selected: &Selected<'_>) -> ServerResult<ConnectionField<T>> {
        ConnectionField::of(selected)
    }

    fn write(&self, field: &ConnectionField<T>, json: &mut Json) -> Written {
        field.write(&self.rows, &self.nodes, json)
    }
}

/// What is selected of a row.
pub enum EdgeField<T: Writes> {
    Cursor,
    Node(Steps<T>),
}

impl<T: Writes> Writes for Edge<T> {
    type Field = EdgeField<T>;

    fn field(selected: &Selected<'_>) -> ServerResult<EdgeField<T>> {
        Ok(match selected.name() {
            "cursor" => EdgeField::Cursor,
            "node" => EdgeField::Node(selected.steps()?),
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &EdgeField<T>, json: &mut Json) -> Written {
        match field {
            EdgeField::Cursor => json.base64(|text| self.list.push_cursor(self.at, text)),
            EdgeField::Node(steps) => write_object(&self.node, steps, json)?,
        }
        Ok(())
    }
}
