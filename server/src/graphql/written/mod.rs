//! Answers written as JSON, without a future, a name and a value for every field.
//!
//! async-graphql resolves each field of each object in a future of its own and keeps what comes of
//! it in maps. For objects that are read from memory all of that costs more than the search. So an
//! object that [`Writes`] is written whole: what is selected of its type is worked out once
//! ([`Selected`], with fragments, aliases and arguments), and every object of the type is then
//! written by it, straight from the mapped file into the answer.
//!
//! The `#[Object]` of the same type stays what the schema is made of, and the oracle of tests: a
//! request that carries [`Plain`] is answered by it.

mod answer;
mod direct;
mod json;
mod selection;

use std::borrow::Cow;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContextSelectionSet, OutputType, PathSegment, Pos, Positioned, ServerError, ServerResult, Value,
};

pub use answer::answer_bytes;
pub use direct::Direct;
pub use json::{Json, push_integer};
pub use selection::{Selected, Source, Steps};

/// Room that an answer has from the start.
const RESERVED_BYTES: usize = 16 * 1024;

/// Request data: answers are to be resolved field by field, as async-graphql does it.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

/// An object that can be written whole.
pub trait Writes: OutputType {
    /// The interfaces that it implements.
    const INTERFACES: &'static [&'static str] = &[];

    /// A field that is selected of it, with its arguments and what is selected of its value.
    type Field: Send + Sync;

    /// The field that a selection names.
    ///
    /// # Errors
    ///
    /// Where its arguments are malformed.
    fn field(selected: &Selected<'_>) -> ServerResult<Self::Field>;

    /// Writes the value of a field.
    ///
    /// # Errors
    ///
    /// Where the field has none.
    fn write(&self, field: &Self::Field, json: &mut Json) -> Written;
}

/// Whether a value was written.
pub type Written = Result<(), Box<Failed>>;

/// A field that has no value, and why.
#[derive(Debug)]
pub struct Failed {
    error: async_graphql::Error,
    pos: Option<Pos>,
    /// From the field outwards.
    path: Vec<PathSegment>,
}

impl From<async_graphql::Error> for Box<Failed> {
    fn from(error: async_graphql::Error) -> Self {
        Self::new(Failed { error, pos: None, path: Vec::new() })
    }
}

impl Failed {
    fn into_server_error(mut self, outer: Vec<PathSegment>, pos: Pos) -> ServerError {
        let mut error = self.error.into_server_error(self.pos.unwrap_or(pos));
        self.path.reverse();
        error.path = outer;
        error.path.append(&mut self.path);
        error
    }
}

/// Writes an object, as far as it is selected.
///
/// # Errors
///
/// Where one of its fields has no value.
pub fn write_object<T: Writes>(object: &T, steps: &Steps<T>, json: &mut Json) -> Written {
    json.raw(b"{");
    for (nth, step) in steps.0.iter().enumerate() {
        if nth > 0 {
            json.raw(b",");
        }
        json.raw(step.key.as_bytes());
        match &step.field {
            None => json.string(&object.introspection_type_name()),
            Some(field) => object.write(field, json).map_err(|mut failed| {
                failed.pos.get_or_insert(step.pos);
                failed.path.push(PathSegment::Field(step.name()));
                failed
            })?,
        }
    }
    json.raw(b"}");
    Ok(())
}

/// Writes an object, or nothing.
///
/// # Errors
///
/// Where one of its fields has no value.
pub fn write_option<T: Writes>(object: Option<&T>, steps: &Steps<T>, json: &mut Json) -> Written {
    let Some(object) = object else {
        json.null();
        return Ok(());
    };
    write_object(object, steps, json)
}

/// Writes a list.
///
/// # Errors
///
/// Where one of its items has no value.
pub fn write_list<T>(
    items: impl Iterator<Item = T>,
    json: &mut Json,
    mut write: impl FnMut(T, &mut Json) -> Written,
) -> Written {
    json.raw(b"[");
    for (nth, item) in items.enumerate() {
        if nth > 0 {
            json.raw(b",");
        }
        write(item, json).map_err(|mut failed| {
            failed.path.push(PathSegment::Index(nth));
            failed
        })?;
    }
    json.raw(b"]");
    Ok(())
}

/// The value of a field of the query root that is written whole. Its value is
/// [`Value::Binary`], the bytes of finished JSON, which no scalar of the schema has.
pub struct Whole<T>(pub T);

impl<T: Writes> OutputType for Whole<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        context: &ContextSelectionSet<'_>,
        field: &Positioned<Field>,
    ) -> ServerResult<Value> {
        if context.data_opt::<Plain>().is_some() {
            return self.0.resolve(context, field).await;
        }
        let source = Source::executed(context);
        let steps = Selected::root(&source, field).steps::<T>();
        let steps = steps.map_err(|error| context.set_error_path(error))?;
        let mut json = Json::with_capacity(RESERVED_BYTES);
        write_object(&self.0, &steps, &mut json).map_err(|failed| {
            let outer = vec![PathSegment::Field(field.node.response_key().node.to_string())];
            failed.into_server_error(outer, field.pos)
        })?;
        Ok(Value::Binary(json.into_bytes().into()))
    }
}
