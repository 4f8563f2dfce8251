//! What a document selects of an object: its fields, those of fragments among them, each once.

use async_graphql::parser::types::{Field, Selection, SelectionSet};
use async_graphql::{ContextSelectionSet, InputType, Pos, Positioned, ServerError, ServerResult};

use super::Writes;

/// Something to write of an object.
#[derive(Debug)]
pub struct Step<F> {
    /// The response key with quotes and colon, as it is written.
    pub key: Box<[u8]>,
    /// The response key.
    pub name: String,
    /// Where the document selects it.
    pub pos: Pos,
    /// What; None for `__typename`.
    pub field: Option<F>,
}

/// All that is to be written of an object.
pub struct Steps<T: Writes>(pub Vec<Step<T::Field>>);

/// A field that is selected, once or several times under the same response key.
pub struct Selected<'c> {
    context: &'c ContextSelectionSet<'c>,
    fields: Vec<&'c Positioned<Field>>,
}

impl<'c> Selected<'c> {
    /// A field of the query root, which other selections of the root may name again: what they
    /// select of it is to be in each one's value, since only one of them is kept.
    pub fn root(context: &'c ContextSelectionSet<'c>, field: &'c Positioned<Field>) -> Self {
        let key = &field.node.response_key().node;
        let root = &context.query_env.operation.node.selection_set.node;
        let mut all = Vec::new();
        collect(context, root, "Query", &mut all);
        let same =
            all.into_iter().find(|same: &Self| same.fields[0].node.response_key().node == *key);
        same.unwrap_or_else(|| Self { context, fields: vec![field] })
    }

    /// The field's name in its type.
    pub fn name(&self) -> &'c str {
        &self.fields[0].node.name.node
    }

    /// An argument of the field that has no default.
    ///
    /// # Errors
    ///
    /// Where it is malformed.
    pub fn required<A: InputType>(&self, name: &str) -> ServerResult<A> {
        self.value(name, None)
    }

    /// An argument of the field.
    ///
    /// # Errors
    ///
    /// Where it is malformed.
    pub fn argument<A: InputType>(&self, name: &str, default: fn() -> A) -> ServerResult<A> {
        self.value(name, Some(default))
    }

    fn value<A: InputType>(&self, name: &str, default: Option<fn() -> A>) -> ServerResult<A> {
        let context = self.context.with_field(self.fields[0]);
        let value = context.param_value(name, default);
        value.map(|(_, value)| value).map_err(|error| context.set_error_path(error))
    }

    /// What is selected of the field's value, an object.
    ///
    /// # Errors
    ///
    /// Where arguments are malformed.
    pub fn steps<T: Writes>(&self) -> ServerResult<Steps<T>> {
        let type_name = T::type_name();
        let mut selected: Vec<Self> = Vec::new();
        for field in &self.fields {
            collect(self.context, &field.node.selection_set.node, &type_name, &mut selected);
        }
        selected.iter().map(Self::step::<T>).collect::<ServerResult<_>>().map(Steps)
    }

    fn step<T: Writes>(&self) -> ServerResult<Step<T::Field>> {
        let field = self.fields[0];
        let name = field.node.response_key().node.to_string();
        let key = format!("\"{name}\":").into_bytes().into_boxed_slice();
        let is_type_name = self.name() == "__typename";
        let of_type = if is_type_name { None } else { Some(T::field(self)?) };
        Ok(Step { key, name, pos: field.pos, field: of_type })
    }

    /// The error of a field that the type has not: documents are validated before.
    pub fn unknown(&self) -> ServerError {
        let message = format!("Unknown field \"{}\"", self.name());
        ServerError::new(message, Some(self.fields[0].pos))
    }
}

/// Adds what a selection set selects of an object of a type, in the order of first mention.
/// Skipped fields are gone from the document already.
fn collect<'c>(
    context: &'c ContextSelectionSet<'c>,
    set: &'c SelectionSet,
    type_name: &str,
    all: &mut Vec<Selected<'c>>,
) {
    for selection in &set.items {
        let (condition, inner) = match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                let same =
                    all.iter_mut().find(|same| same.fields[0].node.response_key().node == *key);
                match same {
                    Some(same) => same.fields.push(field),
                    None => all.push(Selected { context, fields: vec![field] }),
                }
                continue;
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let Some(fragment) = context.query_env.fragments.get(name) else { continue };
                (Some(&fragment.node.type_condition), &fragment.node.selection_set)
            }
            Selection::InlineFragment(fragment) => {
                (fragment.node.type_condition.as_ref(), &fragment.node.selection_set)
            }
        };
        let applies = condition.is_none_or(|condition| {
            let on = condition.node.on.node.as_str();
            let implements = &context.schema_env.registry.implements;
            on == type_name || implements.get(type_name).is_some_and(|all| all.contains(on))
        });
        if applies {
            collect(context, &inner.node, type_name, all);
        }
    }
}
