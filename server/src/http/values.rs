//! Whether values fit their types: variables before anything is executed, and what a document says
//! itself when it is read. A mistake is told with the place inside the value.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{BaseType, Type, VariableDefinition};
use async_graphql::{Name, Number, Positioned, ServerError, Value as ConstValue, Variables};
use async_graphql_value::Value;
use serde_json::Map;

use super::answer::coded;
use super::code::Code;
use super::types::{Input, Kind, Types};
use crate::graphql::scalar_fault;

/// The longest part of a value that a message repeats, in characters.
const SHOWN_MAX: usize = 80;

/// A value as it is looked at.
pub enum View<'v, V> {
    Null,
    Boolean,
    Number(&'v Number),
    String(&'v str),
    Enum(&'v str),
    List(&'v [V]),
    Object(&'v IndexMap<Name, V>),
    /// Whose value is checked when it is known.
    Variable(&'v Name),
    Binary,
}

/// Values of requests, and those of documents, in which variables may stand.
pub trait Viewed: Sized + std::fmt::Display {
    fn view(&self) -> View<'_, Self>;
}

impl Viewed for ConstValue {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Null => View::Null,
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::String(text),
            Self::Boolean(_) => View::Boolean,
            Self::Binary(_) => View::Binary,
            Self::Enum(name) => View::Enum(name),
            Self::List(list) => View::List(list),
            Self::Object(fields) => View::Object(fields),
        }
    }
}

impl Viewed for Value {
    fn view(&self) -> View<'_, Self> {
        match self {
            Self::Variable(name) => View::Variable(name),
            Self::Null => View::Null,
            Self::Number(number) => View::Number(number),
            Self::String(text) => View::String(text),
            Self::Boolean(_) => View::Boolean,
            Self::Binary(_) => View::Binary,
            Self::Enum(name) => View::Enum(name),
            Self::List(list) => View::List(list),
            Self::Object(fields) => View::Object(fields),
        }
    }
}

/// What is wrong with a value.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where in the value: `.travellers[0].age`.
    pub path: String,
    /// What was expected, and what found.
    pub message: String,
}

/// Checks values against types.
pub struct Checker<'t> {
    /// The types.
    pub types: &'t Types,
    /// Whether a variable may be null; only where variables stand in values.
    pub may_be_null: &'t dyn Fn(&Name) -> bool,
}

/// What a variable is where it is not given: the default of the place that it stands in. The
/// library takes it for null instead.
#[derive(Debug, Clone, PartialEq)]
pub struct Fallback {
    /// Which variable.
    pub variable: Name,
    /// The default of its place.
    pub value: ConstValue,
    /// Whether its place takes no null, though the variable may be null.
    pub must_be: bool,
}

/// The values of an operation's variables, defaults included.
///
/// # Errors
///
/// One for each variable that has a value it may not have, or none where it needs one.
pub fn variables(
    types: &Types,
    definitions: &[Positioned<VariableDefinition>],
    fallbacks: &[Fallback],
    mut given: Map<String, serde_json::Value>,
) -> Result<Variables, Vec<ServerError>> {
    let checker = Checker { types, may_be_null: &|_| false };
    let (mut variables, mut errors) = (Variables::default(), Vec::new());
    for definition in definitions {
        let (place, definition) = (definition.pos, &definition.node);
        let (name, ty) = (&definition.name.node, &definition.var_type.node);
        let fallback = fallbacks.iter().find(|it| it.variable == *name);
        let value = match given.remove(name.as_str()) {
            // Numbers of JSON that GraphQL cannot have are none of a type's values either.
            Some(value) => ConstValue::from_json(value).unwrap_or(ConstValue::Null),
            None => match (&definition.default_value, fallback) {
                (Some(value), _) => value.node.clone(),
                (None, Some(fallback)) => fallback.value.clone(),
                (None, None) if ty.nullable => continue,
                (None, None) => {
                    let fault = Fault::new(format!("expected a value of type {ty}, found none"));
                    errors.push(fault.of_variable(name, place));
                    continue;
                }
            },
        };
        let must_be = fallback.is_some_and(|it| it.must_be);
        let checked = if must_be && value == ConstValue::Null {
            Err(Fault::expected(format!("a value of type {ty}!, or none"), &value))
        } else {
            checker.check(ty, &value)
        };
        match checked {
            Ok(()) => drop(variables.insert(name.clone(), value)),
            Err(fault) => errors.push(fault.of_variable(name, place)),
        }
    }
    if errors.is_empty() { Ok(variables) } else { Err(errors) }
}

impl Fault {
    fn new(message: String) -> Self {
        Self { path: String::new(), message }
    }

    fn expected(what: impl std::fmt::Display, found: &impl std::fmt::Display) -> Self {
        Self::new(format!("expected {what}, found {}", shown(found)))
    }

    fn inside(mut self, segment: &str) -> Self {
        self.path.insert_str(0, segment);
        self
    }

    fn of_variable(self, name: &Name, place: async_graphql::Pos) -> ServerError {
        let message = format!("Variable \"${name}{}\": {}", self.path, self.message);
        let mut error = coded(ServerError::new(message, Some(place)), Code::BadUserInput);
        error.extensions.get_or_insert_default().set("variable", name.as_str());
        error
    }
}

/// A value as far as a message repeats it.
fn shown(value: &impl std::fmt::Display) -> String {
    let text = value.to_string();
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl Checker<'_> {
    /// Checks a value.
    ///
    /// # Errors
    ///
    /// Where it does not fit the type.
    pub fn check<V: Viewed>(&self, ty: &Type, value: &V) -> Result<(), Fault> {
        match (value.view(), &ty.base) {
            // Its position has been checked against its type, and its value will be.
            (View::Variable(_), _) => Ok(()),
            (View::Null, _) if ty.nullable => Ok(()),
            (View::Null, _) => Err(Fault::expected(format!("a value of type {ty}"), value)),
            (View::List(list), BaseType::List(inner)) => {
                for (at, value) in list.iter().enumerate() {
                    self.check(inner, value).map_err(|it| it.inside(&format!("[{at}]")))?;
                }
                Ok(())
            }
            // One value stands for a list of it.
            (_, BaseType::List(inner)) => self.check(inner, value),
            (_, BaseType::Named(name)) => self.check_named(name, value),
        }
    }

    fn check_named<V: Viewed>(&self, name: &Name, value: &V) -> Result<(), Fault> {
        match (self.types.get(name), value.view()) {
            (Some(Kind::Input(input)), View::Object(fields)) => self.check_fields(input, fields),
            (Some(Kind::Input(_)), _) => Err(Fault::expected(format!("an object {name}"), value)),
            (Some(Kind::Enum(values)), View::Enum(text) | View::String(text))
                if values.contains(text) =>
            {
                Ok(())
            }
            (Some(Kind::Enum(values)), _) => {
                let mut names: Vec<&str> = values.iter().map(Name::as_str).collect();
                names.sort_unstable();
                Err(Fault::expected(format!("one of {}", names.join(", ")), value))
            }
            (Some(Kind::Scalar), view) => check_scalar(name, &view, value),
            (Some(Kind::Output(_)) | None, _) => {
                Err(Fault::new(format!("expected an input type, found {name}")))
            }
        }
    }

    fn check_fields<V: Viewed>(
        &self,
        input: &Input,
        fields: &IndexMap<Name, V>,
    ) -> Result<(), Fault> {
        for (name, value) in fields {
            let Some(slot) = input.fields.iter().find(|slot| slot.name == *name) else {
                let known: Vec<&str> = input.fields.iter().map(|it| it.name.as_str()).collect();
                let known = known.join(", ");
                let message = format!("expected fields of {known}, found {}", shown(name));
                return Err(Fault::new(message));
            };
            self.check(&slot.ty, value).map_err(|it| it.inside(&format!(".{name}")))?;
        }
        let is_missing = |slot: &&super::types::Slot| !slot.ty.nullable && slot.default.is_none();
        for slot in input.fields.iter().filter(is_missing) {
            if !fields.contains_key(&slot.name) {
                let message = format!("expected a value of type {}, found none", slot.ty);
                return Err(Fault::new(message).inside(&format!(".{}", slot.name)));
            }
        }
        let is_given = |value: &V| match value.view() {
            View::Null => false,
            View::Variable(name) => !(self.may_be_null)(name),
            _ => true,
        };
        if input.is_one_of && !(fields.len() == 1 && fields.values().all(is_given)) {
            let known: Vec<&str> = input.fields.iter().map(|it| it.name.as_str()).collect();
            let message = format!(
                "expected exactly one of {}, which must not be null, found {}",
                known.join(", "),
                if fields.len() == 1 { "null".to_owned() } else { fields.len().to_string() }
            );
            return Err(Fault::new(message));
        }
        Ok(())
    }
}

fn check_scalar<V: Viewed>(name: &Name, view: &View<'_, V>, value: &V) -> Result<(), Fault> {
    let (expected, fits) = match (name.as_str(), view) {
        ("Int", View::Number(number)) => (
            "Int, a whole number of 32 bits",
            number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        ),
        ("Int", _) => ("Int, a whole number of 32 bits", false),
        ("Float", view) => ("Float, a number", matches!(view, View::Number(_))),
        ("String", view) => ("String, a text", matches!(view, View::String(_))),
        ("Boolean", view) => ("Boolean, true or false", matches!(view, View::Boolean)),
        ("ID", View::String(_)) => ("ID", true),
        ("ID", View::Number(number)) => ("ID, a text or a whole number", number.is_i64()),
        ("ID", _) => ("ID, a text or a whole number", false),
        (name, view) => {
            let value = match view {
                View::String(text) => ConstValue::String((*text).to_owned()),
                View::Number(number) => ConstValue::Number((*number).clone()),
                _ => return Err(Fault::expected(name, value)),
            };
            let fault = scalar_fault(name, value);
            return fault.map_or(Ok(()), |message| Err(Fault::new(shown_whole(&message))));
        }
    };
    if fits { Ok(()) } else { Err(Fault::expected(expected, value)) }
}

/// A sentence that repeats a value, cut where the value is long.
fn shown_whole(message: &str) -> String {
    match message.char_indices().nth(4 * SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
