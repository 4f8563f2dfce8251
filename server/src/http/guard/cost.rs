//! What an operation may cost: fields of its answer, with lists as long as they are asked to be.
//!
//! What depends on variables is left open when a document is read, so that a document that is kept
//! is not walked again for each request.

use async_graphql::parser::types::{ExecutableDocument, Field, Selection, SelectionSet};
use async_graphql::{Name, Value as ConstValue, Variables};

use super::super::code::Code;
use super::super::limits::Limits;
use super::super::types::{self, Types, named};
use super::{Refused, introspection};
use crate::graphql::LIST_SIZES;

/// Rows of a list where nobody says how many.
const ROWS_DEFAULT: u64 = 20;

/// A value in a document, in which variables may stand.
type Value = async_graphql_value::Value;

/// The cost of an operation.
#[derive(Debug, Default)]
pub struct Cost {
    sum: Sum,
    /// Arguments that ask for rows by a variable, and the variable.
    pages: Vec<(Name, Name)>,
}

/// A number, and what has to be added for each of some rows.
#[derive(Debug, Default)]
struct Sum {
    fixed: u64,
    parts: Vec<(Rows, Sum)>,
}

/// How many rows a list has.
#[derive(Debug, Clone)]
enum Rows {
    Fixed(u64),
    /// The most that the literal and these variables say.
    Asked {
        literal: Option<u64>,
        variables: Vec<Name>,
    },
    /// As many as there are in a variable's list.
    Length(Name),
}

/// What each operation of a document costs.
///
/// # Errors
///
/// Where one costs more than it may whatever its variables, asks for too large a page, or asks for
/// more about the schema than it may.
pub fn of(
    document: &ExecutableDocument,
    types: &Types,
    limits: &Limits,
) -> Result<Vec<(Option<Name>, Cost)>, Refused> {
    let introspection = introspection::Counter::new(types, limits);
    let mut costs = Vec::with_capacity(document.operations.iter().len());
    for (name, operation) in document.operations.iter() {
        let root = types.root(operation.node.ty);
        let mut walk = Walk { document, types, limits, pages: Vec::new() };
        introspection.check(document, &operation.node.selection_set.node)?;
        let sum = walk.selection_set(&operation.node.selection_set.node, root, None)?;
        let cost = Cost { sum, pages: walk.pages };
        cost.fits(cost.sum.fixed, limits)?;
        costs.push((name.cloned(), cost));
    }
    Ok(costs)
}

impl Cost {
    /// Checks what depends on variables.
    ///
    /// # Errors
    ///
    /// Where a page is larger than it may be, or the whole costs more than it may.
    pub fn check(&self, variables: &Variables, limits: &Limits) -> Result<(), Refused> {
        for (argument, variable) in &self.pages {
            check_page(argument, variables.get(variable).and_then(as_i64), limits)?;
        }
        if self.sum.parts.is_empty() {
            return Ok(());
        }
        self.fits(self.sum.with(variables), limits)
    }

    #[expect(clippy::unused_self, reason = "it is the cost that fits or not")]
    fn fits(&self, found: u64, limits: &Limits) -> Result<(), Refused> {
        let most = limits.complexity;
        if found <= most {
            return Ok(());
        }
        let message = format!("expected an answer of at most {most} fields, found up to {found}");
        Err(Refused::new(Code::TooComplex, message))
    }
}

fn as_i64(value: &ConstValue) -> Option<i64> {
    match value {
        ConstValue::Number(number) => number.as_i64(),
        _ => None,
    }
}

fn check_page(argument: &Name, rows: Option<i64>, limits: &Limits) -> Result<(), Refused> {
    let most = i64::from(limits.page_rows);
    match rows {
        Some(rows) if rows > most => {
            let message = format!("{argument}: expected at most {most}, found {rows}");
            Err(Refused::new(Code::PageTooLarge, message).of_argument(argument))
        }
        _ => Ok(()),
    }
}

impl Sum {
    fn add(&mut self, rows: Rows, inner: Self) {
        let Rows::Fixed(rows) = rows else {
            self.parts.push((rows, inner));
            return;
        };
        self.fixed = self.fixed.saturating_add(inner.fixed.saturating_mul(rows));
        for part in inner.parts {
            let sum = Self { fixed: 0, parts: vec![part] };
            self.parts.push((Rows::Fixed(rows), sum));
        }
    }

    fn join(&mut self, other: Self) {
        self.fixed = self.fixed.saturating_add(other.fixed);
        self.parts.extend(other.parts);
    }

    fn with(&self, variables: &Variables) -> u64 {
        let parts = self.parts.iter().map(|(rows, sum)| {
            let rows = rows.with(variables);
            rows.saturating_mul(sum.with(variables))
        });
        parts.fold(self.fixed, u64::saturating_add)
    }
}

impl Rows {
    fn with(&self, variables: &Variables) -> u64 {
        let number = |name: &Name| {
            let value = as_i64(variables.get(name)?)?;
            Some(u64::try_from(value).unwrap_or_default())
        };
        match self {
            Self::Fixed(rows) => *rows,
            Self::Asked { literal, variables } => {
                let asked = variables.iter().filter_map(number).chain(*literal).max();
                asked.unwrap_or(ROWS_DEFAULT)
            }
            Self::Length(name) => match variables.get(name) {
                Some(ConstValue::List(list)) => list.len() as u64,
                _ => 1,
            },
        }
    }
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    types: &'d Types,
    limits: &'d Limits,
    pages: Vec<(Name, Name)>,
}

impl Walk<'_> {
    /// The cost of what is selected of a type, on a page of so many rows where it is one.
    fn selection_set(
        &mut self,
        set: &SelectionSet,
        parent: Option<&str>,
        page: Option<&Rows>,
    ) -> Result<Sum, Refused> {
        let mut sum = Sum::default();
        for selection in &set.items {
            match &selection.node {
                Selection::Field(field) => {
                    let (rows, inner) = self.field(&field.node, parent, page)?;
                    sum.fixed = sum.fixed.saturating_add(1);
                    sum.add(rows, inner);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref().map(|it| it.node.on.node.as_str());
                    let inner = &fragment.selection_set.node;
                    sum.join(self.selection_set(inner, on.or(parent), page)?);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    if let Some(fragment) = self.document.fragments.get(name) {
                        let fragment = &fragment.node;
                        let on = Some(fragment.type_condition.node.on.node.as_str());
                        sum.join(self.selection_set(&fragment.selection_set.node, on, page)?);
                    }
                }
            }
        }
        Ok(sum)
    }

    /// How often what is selected of a field is in the answer, and what it costs each time.
    fn field(
        &mut self,
        field: &Field,
        parent: Option<&str>,
        page: Option<&Rows>,
    ) -> Result<(Rows, Sum), Refused> {
        let name = field.name.node.as_str();
        if name.starts_with("__") {
            // Introspection has a limit of its own.
            return Ok((Rows::Fixed(0), Sum::default()));
        }
        let Some(found) = parent.and_then(|parent| self.types.field(parent, name)) else {
            // One that does not exist is the validator's to refuse.
            return Ok((
                Rows::Fixed(1),
                self.selection_set(&field.selection_set.node, None, None)?,
            ));
        };
        let asked = self.asked(field, found)?;
        let rows = match (&asked, found.is_list()) {
            (Some(asked), true) => asked.clone(),
            (_, false) => Rows::Fixed(1),
            (None, true) => match page.filter(|_| matches!(name, "edges" | "nodes")) {
                Some(page) => page.clone(),
                None => length(field, found, parent),
            },
        };
        let inner = &field.selection_set.node;
        Ok((rows, self.selection_set(inner, Some(named(&found.ty)), asked.as_ref())?))
    }

    /// The rows that a field is asked for, where it can be.
    fn asked(&mut self, field: &Field, found: &types::Field) -> Result<Option<Rows>, Refused> {
        let (mut literal, mut variables) = (None, Vec::new());
        let names: Vec<_> =
            ["first", "last"].into_iter().filter_map(|name| found.argument(name)).collect();
        for name in names.iter().map(|slot| &slot.name) {
            match field.get_argument(name).map(|it| &it.node) {
                Some(Value::Number(number)) => {
                    check_page(name, number.as_i64(), self.limits)?;
                    literal = literal.max(number.as_u64());
                }
                Some(Value::Variable(variable)) => {
                    self.pages.push((name.clone(), variable.clone()));
                    variables.push(variable.clone());
                }
                _ => {}
            }
        }
        Ok(match (names.is_empty(), variables.is_empty()) {
            (true, _) => None,
            (_, true) => Some(Rows::Fixed(literal.unwrap_or(ROWS_DEFAULT))),
            _ => Some(Rows::Asked { literal, variables }),
        })
    }
}

/// The rows of a list that takes no `first`: as many as are named in a list that it takes, or as
/// such lists usually have.
fn length(field: &Field, found: &types::Field, parent: Option<&str>) -> Rows {
    let lists = found.arguments.iter().filter(|slot| types::is_list(&slot.ty));
    for value in lists.filter_map(|slot| field.get_argument(&slot.name)) {
        match &value.node {
            Value::List(list) => return Rows::Fixed(list.len() as u64),
            Value::Variable(name) => return Rows::Length(name.clone()),
            _ => {}
        }
    }
    let is_it = |(of, name, _): &&(&str, &str, u64)| {
        Some(*of) == parent && *name == field.name.node.as_str()
    };
    Rows::Fixed(LIST_SIZES.iter().find(is_it).map_or(ROWS_DEFAULT, |(.., size)| *size))
}
