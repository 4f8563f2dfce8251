//! Counts what is in a document, each fragment once.

use std::collections::HashMap;

use async_graphql::Positioned;
use async_graphql::parser::types::{
    Directive, ExecutableDocument, FragmentDefinition, OperationType, Selection, SelectionSet,
};

use super::super::code::Code;
use super::super::limits::Limits;
use super::Refused;

/// What a selection set has, through the fragments that it spreads.
#[derive(Debug, Default, Clone, Copy)]
struct Counts {
    selections: u64,
    aliases: u64,
    directives: u64,
    /// Fields at its top.
    fields: u64,
    depth: u64,
}

/// A fragment while fragments are counted.
enum Seen {
    /// It is being counted: whoever meets it again is a part of it.
    Open,
    Done(Counts),
}

struct Counter<'d> {
    document: &'d ExecutableDocument,
    seen: HashMap<&'d str, Seen>,
}

/// Counts what is in a document.
///
/// # Errors
///
/// Where there is more of anything than there may be, or a fragment is a part of itself.
pub fn check(document: &ExecutableDocument, limits: &Limits) -> Result<(), Refused> {
    if document.fragments.len() > limits.fragments as usize {
        return Err(Refused::more(Code::TooManyFragments, limits.fragments, "fragments"));
    }
    let mut counter = Counter { document, seen: HashMap::new() };
    let mut whole = Counts::default();
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        let mut counts = counter.selection_set(&operation.selection_set.node)?;
        let variables = &operation.variable_definitions;
        counts.directives += directives(&operation.directives)
            + variables.iter().map(|it| directives(&it.node.directives)).sum::<u64>();
        let (most, code, what) = match operation.ty {
            OperationType::Mutation => {
                (limits.mutations, Code::TooManyMutations, "fields at the root of a mutation")
            }
            // Of one stream, as the specification has it.
            OperationType::Subscription => {
                (1, Code::TooManyRootFields, "field at the root of a subscription")
            }
            OperationType::Query => {
                (limits.root_fields, Code::TooManyRootFields, "fields at the root")
            }
        };
        if counts.fields > most {
            return Err(Refused::more(code, most, what));
        }
        whole.add(counts);
    }
    // Fragments that no operation spreads are read by the validator all the same.
    for (name, fragment) in &document.fragments {
        if !counter.seen.contains_key(name.as_str()) {
            let counts = counter.fragment(name, fragment)?;
            whole.add(counts);
        }
    }
    for (found, most, code, what) in [
        (whole.selections, limits.selections, Code::TooManySelections, "selections"),
        (whole.aliases, limits.aliases, Code::TooManyAliases, "aliases"),
        (whole.directives, limits.directives, Code::TooManyDirectives, "directives"),
        (whole.depth, limits.depth, Code::QueryTooDeep, "fields in each other"),
    ] {
        if found > most {
            return Err(Refused::more(code, most, what));
        }
    }
    Ok(())
}

fn directives(directives: &[Positioned<Directive>]) -> u64 {
    directives.len() as u64
}

impl Counts {
    /// Adds another selection set's; of nesting, the deeper counts.
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.fields = self.fields.saturating_add(other.fields);
        self.depth = self.depth.max(other.depth);
    }
}

impl<'d> Counter<'d> {
    fn selection_set(&mut self, set: &'d SelectionSet) -> Result<Counts, Refused> {
        let mut counts = Counts::default();
        for selection in &set.items {
            counts.selections = counts.selections.saturating_add(1);
            counts.directives =
                counts.directives.saturating_add(directives(selection.node.directives()));
            match &selection.node {
                Selection::Field(field) => {
                    let mut inner = self.selection_set(&field.node.selection_set.node)?;
                    inner.aliases =
                        inner.aliases.saturating_add(u64::from(field.node.alias.is_some()));
                    counts.add(Counts { fields: 1, depth: inner.depth + 1, ..inner });
                }
                Selection::InlineFragment(fragment) => {
                    counts.add(self.selection_set(&fragment.node.selection_set.node)?);
                }
                Selection::FragmentSpread(spread) => {
                    let name = spread.node.fragment_name.node.as_str();
                    // One that does not exist is the validator's to refuse.
                    if let Some(fragment) = self.document.fragments.get(name) {
                        counts.add(self.fragment(name, fragment)?);
                    }
                }
            }
        }
        Ok(counts)
    }

    fn fragment(
        &mut self,
        name: &'d str,
        fragment: &'d Positioned<FragmentDefinition>,
    ) -> Result<Counts, Refused> {
        match self.seen.get(name) {
            Some(Seen::Done(counts)) => return Ok(*counts),
            Some(Seen::Open) => {
                let message = format!("expected no fragment to be a part of itself, found {name}");
                return Err(Refused::new(Code::FragmentCycle, message).at(fragment.pos));
            }
            None => {}
        }
        self.seen.insert(name, Seen::Open);
        let mut counts = self.selection_set(&fragment.node.selection_set.node)?;
        counts.directives = counts.directives.saturating_add(directives(&fragment.node.directives));
        self.seen.insert(name, Seen::Done(counts));
        Ok(counts)
    }
}
