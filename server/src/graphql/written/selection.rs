//! What a document selects of an object: its fields, those of fragments among them, each once.

use std::cell::Cell;
use std::collections::HashMap;

use async_graphql::parser::types::{
    Directive, Field, FragmentDefinition, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::{
    ContextSelectionSet, InputType, Name, Pos, Positioned, ServerError, ServerResult, Value,
    Variables,
};

use super::Writes;

/// Something to write of an object.
#[derive(Debug)]
pub struct Step<F> {
    /// The response key with quotes and colon, as it is written.
    pub key: Box<str>,
    /// Where the document selects it.
    pub pos: Pos,
    /// What; None for `__typename`.
    pub field: Option<F>,
}

impl<F> Step<F> {
    /// The response key.
    pub fn name(&self) -> String {
        self.key.trim_end_matches(':').trim_matches('"').to_owned()
    }
}

/// All that is to be written of an object.
pub struct Steps<T: Writes>(pub Vec<Step<T::Field>>);

/// What selections refer to: fragments and variables.
pub struct Source<'c> {
    operation: &'c OperationDefinition,
    fragments: &'c HashMap<Name, Positioned<FragmentDefinition>>,
    variables: &'c Variables,
    uses_variables: Cell<bool>,
}

impl<'c> Source<'c> {
    /// Those of an operation.
    pub const fn of(
        operation: &'c OperationDefinition,
        fragments: &'c HashMap<Name, Positioned<FragmentDefinition>>,
        variables: &'c Variables,
    ) -> Self {
        Self { operation, fragments, variables, uses_variables: Cell::new(false) }
    }

    /// Those of the operation that is executed.
    pub fn executed(context: &ContextSelectionSet<'c>) -> Self {
        let env = context.query_env;
        Self::of(&env.operation.node, &env.fragments, &env.variables)
    }

    /// Whether what was selected depends on variables.
    pub fn uses_variables(&self) -> bool {
        self.uses_variables.get()
    }

    fn variable(&self, name: &Name) -> Value {
        self.uses_variables.set(true);
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        let definitions = self.operation.variable_definitions.iter();
        let default = definitions
            .filter(|it| it.node.name.node == *name)
            .find_map(|it| it.node.default_value.as_ref().map(|default| default.node.clone()));
        default.unwrap_or_default()
    }

    fn constant(&self, value: &async_graphql_value::Value) -> Value {
        let value = value.clone();
        let constant = value.into_const_with(|name| Ok::<_, ()>(self.variable(&name)));
        constant.unwrap_or_default()
    }

    /// Whether directives leave a selection out.
    fn is_skipped(&self, directives: &[Positioned<Directive>]) -> bool {
        directives.iter().any(|directive| {
            let condition = directive.node.get_argument("if").map(|it| self.constant(&it.node));
            match directive.node.name.node.as_str() {
                "skip" => condition == Some(Value::Boolean(true)),
                "include" => condition == Some(Value::Boolean(false)),
                _ => false,
            }
        })
    }
}

/// A field that is selected, once or several times under the same response key.
pub struct Selected<'c> {
    source: &'c Source<'c>,
    fields: Vec<&'c Positioned<Field>>,
}

impl<'c> Selected<'c> {
    /// A field of the query root, which other selections of the root may name again: what they
    /// select of it is to be in each one's value, since only one of them is kept.
    pub fn root(source: &'c Source<'c>, field: &'c Positioned<Field>) -> Self {
        let key = &field.node.response_key().node;
        let mut all = Self::of_root(source);
        let same = all.iter().position(|it| it.fields[0].node.response_key().node == *key);
        same.map_or_else(|| Self { source, fields: vec![field] }, |at| all.swap_remove(at))
    }

    /// All fields of the query root.
    pub fn of_root(source: &'c Source<'c>) -> Vec<Self> {
        let mut all = Vec::new();
        collect(source, &source.operation.selection_set.node, "Query", &[], &mut all);
        all
    }

    /// The field's name in its type.
    pub fn name(&self) -> &'c str {
        &self.fields[0].node.name.node
    }

    /// The name that its value has in the answer.
    pub fn key(&self) -> &'c Name {
        &self.fields[0].node.response_key().node
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
        let field = self.fields[0];
        let given = field.node.get_argument(name).map(|value| self.source.constant(&value.node));
        match (given, default) {
            (None, Some(default)) => Ok(default()),
            (given, _) => A::parse(given).map_err(|error| error.into_server_error(field.pos)),
        }
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
            let set = &field.node.selection_set.node;
            collect(self.source, set, &type_name, T::INTERFACES, &mut selected);
        }
        selected.iter().map(Self::step::<T>).collect::<ServerResult<_>>().map(Steps)
    }

    fn step<T: Writes>(&self) -> ServerResult<Step<T::Field>> {
        let key = format!("\"{}\":", self.key()).into_boxed_str();
        let is_type_name = self.name() == "__typename";
        let field = if is_type_name { None } else { Some(T::field(self)?) };
        Ok(Step { key, pos: self.fields[0].pos, field })
    }

    /// The error of a field that the type has not: documents are validated before.
    pub fn unknown(&self) -> ServerError {
        let message = format!("Unknown field \"{}\"", self.name());
        ServerError::new(message, Some(self.fields[0].pos))
    }
}

/// Adds what a selection set selects of an object of a type, in the order of first mention.
fn collect<'c>(
    source: &'c Source<'c>,
    set: &'c SelectionSet,
    type_name: &str,
    interfaces: &[&str],
    all: &mut Vec<Selected<'c>>,
) {
    for selection in &set.items {
        let (directives, condition, inner) = match &selection.node {
            Selection::Field(field) => {
                let key = &field.node.response_key().node;
                if source.is_skipped(&field.node.directives) {
                    continue;
                }
                match all.iter_mut().find(|same| same.key() == key) {
                    Some(same) => same.fields.push(field),
                    None => all.push(Selected { source, fields: vec![field] }),
                }
                continue;
            }
            Selection::FragmentSpread(spread) => {
                let name = &spread.node.fragment_name.node;
                let Some(fragment) = source.fragments.get(name) else { continue };
                let condition = Some(&fragment.node.type_condition);
                (&spread.node.directives, condition, &fragment.node.selection_set)
            }
            Selection::InlineFragment(fragment) => (
                &fragment.node.directives,
                fragment.node.type_condition.as_ref(),
                &fragment.node.selection_set,
            ),
        };
        let applies = condition.is_none_or(|condition| {
            let on = condition.node.on.node.as_str();
            on == type_name || interfaces.contains(&on)
        });
        if applies && !source.is_skipped(directives) {
            collect(source, &inner.node, type_name, interfaces, all);
        }
    }
}
