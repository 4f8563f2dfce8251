//! How much may be asked about the schema itself. Its types refer to each other, so that a short
//! document can ask for an answer that has no end; the measure is what tools commonly ask for.

use async_graphql::parser::parse_query;
use async_graphql::parser::types::{ExecutableDocument, Selection, SelectionSet};

use super::super::code::Code;
use super::super::limits::Limits;
use super::super::types::Types;
use super::Refused;

/// The document that tools read a schema with, all its options on.
const STANDARD: &str = include_str!("introspection.graphql");

/// One field of an answer. Lists have an average length, which is a fraction.
const FIELD: u64 = 1_000;

/// Counts what is asked about the schema.
pub struct Counter<'t> {
    types: &'t Types,
    most: u64,
}

impl<'t> Counter<'t> {
    /// Counts for a schema.
    pub fn new(types: &'t Types, limits: &Limits) -> Self {
        let standard = types.introspection_cost();
        // A quarter more, for tools that ask for a little more than others.
        let most = standard.saturating_mul(limits.introspection).saturating_mul(5) / 4;
        Self { types, most }
    }

    /// Checks an operation.
    ///
    /// # Errors
    ///
    /// Where it asks for more than it may.
    pub fn check(&self, document: &ExecutableDocument, set: &SelectionSet) -> Result<(), Refused> {
        let is_nested = is_root_nested(document, set);
        if !is_nested && root_cost(document, set, self.types) <= self.most {
            return Ok(());
        }
        let message = "expected no more questions about the schema than tools ask, found more; \
                       the schema is at /schema.graphql";
        Err(Refused::new(Code::IntrospectionTooLarge, message))
    }
}

fn is_root_nested(document: &ExecutableDocument, set: &SelectionSet) -> bool {
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            let is_ours = field.node.name.node.starts_with("__");
            is_ours && is_nested(document, &field.node.selection_set.node, false)
        }
        other => is_root_nested(document, inner(document, other)),
    })
}

/// Whether lists that lead from types to types stand in each other: their lengths multiply, and no
/// tool asks that.
fn is_nested(document: &ExecutableDocument, set: &SelectionSet, is_inside: bool) -> bool {
    const LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];
    set.items.iter().any(|selection| match &selection.node {
        Selection::Field(field) => {
            let is_list = LISTS.contains(&field.node.name.node.as_str());
            let set = &field.node.selection_set.node;
            is_inside && is_list || is_nested(document, set, is_inside || is_list)
        }
        other => is_nested(document, inner(document, other), is_inside),
    })
}

/// What the standard document costs.
///
/// # Panics
///
/// Where it does not parse, which a test would show.
pub fn standard_cost(types: &Types) -> u64 {
    let document = parse_query(STANDARD).expect("the standard document");
    let operation = document.operations.iter().next().expect("an operation").1;
    root_cost(&document, &operation.node.selection_set.node, types)
}

/// The cost of the introspection in an operation's root.
fn root_cost(document: &ExecutableDocument, set: &SelectionSet, types: &Types) -> u64 {
    let costs = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) if field.node.name.node.starts_with("__") => {
            cost(document, &field.node.selection_set.node, types)
        }
        Selection::Field(_) => 0,
        other => root_cost(document, inner(document, other), types),
    });
    costs.fold(0, u64::saturating_add)
}

fn cost(document: &ExecutableDocument, set: &SelectionSet, types: &Types) -> u64 {
    let costs = set.items.iter().map(|selection| match &selection.node {
        Selection::Field(field) => {
            let rows = rows(&field.node.name.node, types);
            let inner = cost(document, &field.node.selection_set.node, types);
            rows.saturating_mul(inner.saturating_add(FIELD)) / FIELD
        }
        other => cost(document, inner(document, other), types),
    });
    costs.fold(0, u64::saturating_add)
}

static NOTHING: SelectionSet = SelectionSet { items: Vec::new() };

/// What a fragment selects; nothing where there is none of its name.
fn inner<'d>(document: &'d ExecutableDocument, selection: &'d Selection) -> &'d SelectionSet {
    match selection {
        Selection::Field(_) => &NOTHING,
        Selection::InlineFragment(fragment) => &fragment.node.selection_set.node,
        Selection::FragmentSpread(spread) => {
            let fragment = document.fragments.get(&spread.node.fragment_name.node);
            fragment.map_or(&NOTHING, |it| &it.node.selection_set.node)
        }
    }
}

/// How often a field's inside is in the answer on average, in thousandths.
fn rows(field: &str, types: &Types) -> u64 {
    let counts = types.counts();
    let average = |many: u64, of: u64| many.saturating_mul(FIELD) / of.max(1);
    match field {
        "types" => counts.types * FIELD,
        "fields" => average(counts.fields, counts.types),
        "args" => average(counts.arguments, counts.fields),
        "inputFields" => average(counts.inputs, counts.types),
        "enumValues" => average(counts.values, counts.types),
        "directives" | "locations" => 5 * FIELD,
        // Most types are wrapped once or not at all.
        "ofType" => FIELD / 2,
        "interfaces" | "possibleTypes" => FIELD / 5,
        _ => FIELD,
    }
}
