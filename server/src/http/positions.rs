//! Whether variables may stand where they stand, and what they are there where they are not given.

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    BaseType, ExecutableDocument, OperationDefinition, Type, VariableDefinition,
};
use async_graphql::{Name, Pos, ServerError, Value as ConstValue};
use async_graphql_value::Value;

use super::answer::coded;
use super::code::Code;
use super::types::{Kind, Slot, Types};
use super::values::Fallback;

/// What a part of a document uses: variables in places, and fragments.
#[derive(Debug, Default)]
pub struct Uses<'d> {
    variables: Vec<Use<'d>>,
    /// The fragments that it spreads.
    pub spreads: Vec<&'d Name>,
}

/// A variable in a place.
#[derive(Debug)]
struct Use<'d> {
    variable: &'d Name,
    ty: &'d Type,
    default: Option<&'d ConstValue>,
    place: Pos,
}

/// A part of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope<'d> {
    /// An operation, and its name.
    Operation(Option<&'d Name>),
    /// A fragment.
    Fragment(&'d Name),
}

/// What each part of a document uses.
#[derive(Debug, Default)]
pub struct Positions<'d> {
    uses: HashMap<Scope<'d>, Uses<'d>>,
}

impl<'d> Uses<'d> {
    /// Adds the variables in a value that stands in a place.
    pub fn of_value(&mut self, types: &'d Types, slot: &'d Slot, value: &'d Value, place: Pos) {
        self.of_type(types, &slot.ty, slot.default.as_ref(), value, place);
    }

    fn of_type(
        &mut self,
        types: &'d Types,
        ty: &'d Type,
        default: Option<&'d ConstValue>,
        value: &'d Value,
        place: Pos,
    ) {
        match (value, &ty.base) {
            (Value::Variable(variable), _) => {
                self.variables.push(Use { variable, ty, default, place });
            }
            (Value::List(list), BaseType::List(inner)) => {
                for value in list {
                    self.of_type(types, inner, None, value, place);
                }
            }
            (value, BaseType::List(inner)) => self.of_type(types, inner, None, value, place),
            (Value::Object(fields), BaseType::Named(name)) => {
                let Some(Kind::Input(input)) = types.get(name) else { return };
                for (name, value) in fields {
                    if let Some(slot) = input.fields.iter().find(|slot| slot.name == *name) {
                        self.of_value(types, slot, value, place);
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'d> Positions<'d> {
    /// Adds what a part uses.
    pub fn add(&mut self, scope: Scope<'d>, uses: Uses<'d>) {
        self.uses.insert(scope, uses);
    }

    /// Checks each operation's variables in all places that they stand in, through fragments.
    pub fn check(
        &self,
        document: &ExecutableDocument,
        errors: &mut Vec<ServerError>,
    ) -> HashMap<Option<Name>, Vec<Fallback>> {
        let mut all = HashMap::new();
        for (name, operation) in document.operations.iter() {
            let mut seen = HashSet::new();
            let mut found = Vec::new();
            self.collect(Scope::Operation(name), &mut seen, &mut found);
            let fallbacks = check_operation(&operation.node, &found, errors);
            all.insert(name.cloned(), fallbacks);
        }
        all
    }

    fn collect<'p>(
        &'p self,
        scope: Scope<'p>,
        seen: &mut HashSet<Scope<'p>>,
        found: &mut Vec<&'p Use<'d>>,
    ) {
        if !seen.insert(scope) {
            return;
        }
        if let Some(uses) = self.uses.get(&scope) {
            found.extend(&uses.variables);
            for spread in &uses.spreads {
                self.collect(Scope::Fragment(spread), seen, found);
            }
        }
    }
}

fn check_operation(
    operation: &OperationDefinition,
    found: &[&Use<'_>],
    errors: &mut Vec<ServerError>,
) -> Vec<Fallback> {
    let mut fallbacks = Vec::new();
    for definition in operation.variable_definitions.iter().map(|it| &it.node) {
        let name = &definition.name.node;
        let uses: Vec<_> = found.iter().filter(|it| it.variable == name).collect();
        for it in &uses {
            if !may_stand(definition, it) {
                let (found, expected) = (&definition.var_type.node, it.ty);
                let message = format!("expected a {expected} where ${name} stands, a {found}");
                let error = ServerError::new(message, Some(it.place));
                errors.push(coded(error, Code::ValidationFailed));
            }
        }
        let ty = &definition.var_type.node;
        let must_be = ty.nullable && uses.iter().any(|it| !it.ty.nullable);
        if must_be && definition.default_value.is_some() {
            // Its own default counts where it is not given; only a null is to be refused.
            let (variable, value) = (name.clone(), ConstValue::Null);
            fallbacks.push(Fallback { variable, value, must_be });
            continue;
        }
        // One value can stand for the default of several places only where they have the same.
        let Some(default) = uses.first().and_then(|it| it.default) else { continue };
        let is_one = uses.iter().all(|it| it.default == Some(default));
        if ty.nullable && definition.default_value.is_none() && is_one {
            let (variable, value) = (name.clone(), default.clone());
            fallbacks.push(Fallback { variable, value, must_be });
        } else if must_be && definition.default_value.is_none() {
            let message = format!("expected ${name} to be of type {ty}!, since its places differ");
            let error = ServerError::new(message, uses.first().map(|it| it.place));
            errors.push(coded(error, Code::ValidationFailed));
        }
    }
    fallbacks
}

/// Whether a variable may stand in a place, as the specification has it.
fn may_stand(definition: &VariableDefinition, place: &Use<'_>) -> bool {
    let ty = &definition.var_type.node;
    if place.ty.nullable || !ty.nullable {
        return is_compatible(ty, place.ty);
    }
    let default = definition.default_value.as_ref().map(|it| &it.node);
    let has_default = default.is_some_and(|it| *it != ConstValue::Null) || place.default.is_some();
    has_default && is_compatible_base(&ty.base, &place.ty.base)
}

fn is_compatible(variable: &Type, place: &Type) -> bool {
    (place.nullable || !variable.nullable) && is_compatible_base(&variable.base, &place.base)
}

fn is_compatible_base(variable: &BaseType, place: &BaseType) -> bool {
    match (variable, place) {
        (BaseType::Named(variable), BaseType::Named(place)) => variable == place,
        (BaseType::List(variable), BaseType::List(place)) => is_compatible(variable, place),
        _ => false,
    }
}
