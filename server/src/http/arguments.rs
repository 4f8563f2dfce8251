//! What a document says of values itself: arguments, and defaults of variables. Checked once, when
//! it is read, with variables standing for values that are checked when they are known.
//!
//! The library checks an argument only where no variable stands in it, panics on a variable's type
//! that does not exist inside a list, and never sees in which places variables stand.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use async_graphql::parser::types::{
    Directive, ExecutableDocument, Selection, SelectionSet, Type, VariableDefinition,
};
use async_graphql::{Name, Positioned, ServerError};
use async_graphql_value::Value;

use super::answer::coded;
use super::code::Code;
use super::positions::{Positions, Scope, Uses};
use super::types::{Kind, Slot, Types, named};
use super::values::{Checker, Fallback};

/// What is to be said of a document's values.
pub struct Checked {
    /// All mistakes.
    pub errors: Vec<ServerError>,
    /// What the variables of each operation are where they are not given.
    pub fallbacks: HashMap<Option<Name>, Vec<Fallback>>,
}

/// Checks all of a document's values.
pub fn check(document: &ExecutableDocument, types: &Types) -> Checked {
    let definitions: Vec<_> = document
        .operations
        .iter()
        .flat_map(|(_, operation)| &operation.node.variable_definitions)
        .collect();
    let nullable: HashSet<&Name> = definitions
        .iter()
        .filter(|it| it.node.var_type.node.nullable)
        .map(|it| &it.node.name.node)
        .collect();
    let may_be_null = |name: &Name| nullable.contains(name);
    let checker = Checker { types, may_be_null: &may_be_null };
    let mut errors = Vec::new();
    for definition in definitions {
        check_definition(&checker, definition, &mut errors);
    }
    let mut positions = Positions::default();
    for (name, operation) in document.operations.iter() {
        let root = types.root(operation.node.ty);
        let mut walk = Walk::new(types, &checker);
        walk.directives(&operation.node.directives);
        walk.selection_set(&operation.node.selection_set.node, root);
        errors.append(&mut walk.errors);
        positions.add(Scope::Operation(name), walk.uses);
    }
    for (name, fragment) in &document.fragments {
        let on = Some(fragment.node.type_condition.node.on.node.as_str());
        let mut walk = Walk::new(types, &checker);
        walk.directives(&fragment.node.directives);
        walk.selection_set(&fragment.node.selection_set.node, on);
        errors.append(&mut walk.errors);
        positions.add(Scope::Fragment(name), walk.uses);
    }
    let fallbacks = positions.check(document, &mut errors);
    Checked { errors, fallbacks }
}

fn check_definition(
    checker: &Checker<'_>,
    definition: &Positioned<VariableDefinition>,
    errors: &mut Vec<ServerError>,
) {
    let (place, definition) = (definition.pos, &definition.node);
    let (name, ty) = (&definition.name.node, &definition.var_type.node);
    let is_input = !matches!(checker.types.get(named(ty)), None | Some(Kind::Output(_)));
    if !is_input {
        let message = format!("expected an input type for ${name}, found {ty}");
        errors.push(coded(ServerError::new(message, Some(place)), Code::ValidationFailed));
    } else if let Some(value) = &definition.default_value
        && let Err(fault) = checker.check(ty, &value.node)
    {
        let message = format!("The default of ${name}{}: {}", fault.path, fault.message);
        errors.push(coded(ServerError::new(message, Some(place)), Code::BadUserInput));
    }
}

/// Walks one operation or fragment.
struct Walk<'w, 'd> {
    types: &'d Types,
    checker: &'w Checker<'w>,
    errors: Vec<ServerError>,
    uses: Uses<'d>,
}

impl<'w, 'd> Walk<'w, 'd> {
    fn new(types: &'d Types, checker: &'w Checker<'w>) -> Self {
        Self { types, checker, errors: Vec::new(), uses: Uses::default() }
    }

    /// Types and fields that do not exist are the validator's to refuse.
    fn selection_set(&mut self, set: &'d SelectionSet, parent: Option<&str>) {
        for selection in &set.items {
            self.directives(selection.node.directives());
            match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    let types = self.types;
                    let found = parent.and_then(|parent| types.field(parent, &field.name.node));
                    let Some(found) = found else { continue };
                    for (name, value) in &field.arguments {
                        if let Some(slot) = found.argument(&name.node) {
                            self.argument(slot, value);
                        }
                    }
                    let inner = Some(named(&found.ty).as_str());
                    self.selection_set(&field.selection_set.node, inner);
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    let on = fragment.type_condition.as_ref().map(|it| it.node.on.node.as_str());
                    self.selection_set(&fragment.selection_set.node, on.or(parent));
                }
                Selection::FragmentSpread(spread) => {
                    self.uses.spreads.push(&spread.node.fragment_name.node);
                }
            }
        }
    }

    fn argument(&mut self, slot: &'d Slot, value: &'d Positioned<Value>) {
        if let Err(fault) = self.checker.check(&slot.ty, &value.node) {
            let message = format!("{}{}: {}", slot.name, fault.path, fault.message);
            let mut error = coded(ServerError::new(message, Some(value.pos)), Code::BadUserInput);
            error.extensions.get_or_insert_default().set("argument", slot.name.as_str());
            self.errors.push(error);
        }
        self.uses.of_value(self.types, slot, &value.node, value.pos);
    }

    /// The two directives that there are take a condition.
    fn directives(&mut self, directives: &'d [Positioned<Directive>]) {
        for directive in directives {
            let is_ours = matches!(directive.node.name.node.as_str(), "skip" | "include");
            if let (true, Some(value)) = (is_ours, directive.node.get_argument("if")) {
                self.argument(&CONDITION, value);
            }
        }
    }
}

static CONDITION: LazyLock<Slot> = LazyLock::new(|| Slot {
    name: Name::new("if"),
    ty: Type::new("Boolean!").expect("a type"),
    default: None,
});
