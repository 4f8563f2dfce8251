//! An executed operation's answer as bytes.

use async_graphql::{Name, PathSegment, Response, Value};

use super::json::push_string;

/// The answer as JSON: `data` with what was written whole as it is, and `errors`
/// where there are any.
///
/// # Errors
///
/// Where an error's extensions cannot be told in JSON.
pub fn answer_bytes(answer: &Response) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(written_len(&answer.data) + 64);
    bytes.extend_from_slice(b"{\"data\":");
    if answer.errors.iter().any(|error| is_missing(&answer.data, &error.path)) {
        push_value(&without_holes(answer), &mut bytes)?;
    } else if answer.data == Value::Null && answer.errors.is_empty() {
        // All that was selected is skipped; the executor has nothing for no fields.
        bytes.extend_from_slice(b"{}");
    } else {
        push_value(&answer.data, &mut bytes)?;
    }
    if !answer.errors.is_empty() {
        bytes.extend_from_slice(b",\"errors\":");
        serde_json::to_writer(&mut bytes, &answer.errors)?;
    }
    bytes.push(b'}');
    Ok(bytes)
}

/// Whether the data lack the field at the end of a path.
fn is_missing(data: &Value, path: &[PathSegment]) -> bool {
    hole(data, path).is_some()
}

/// How much of a path leads to an object that lacks the field that comes next.
fn hole(mut data: &Value, path: &[PathSegment]) -> Option<usize> {
    for (depth, segment) in path.iter().enumerate() {
        data = match (data, segment) {
            (Value::Object(fields), PathSegment::Field(name)) => match fields.get(name.as_str()) {
                Some(value) => value,
                None => return Some(depth),
            },
            (Value::List(items), PathSegment::Index(at)) => items.get(*at)?,
            (Value::Null, _) if depth == 0 => return Some(0),
            _ => return None,
        };
    }
    None
}

/// The data as the specification has them: an object that lacks the value of a field which is never
/// null is null itself. The executor leaves the field out instead. The objects of this schema that
/// can lack one are the root and those that may be null.
fn without_holes(answer: &Response) -> Value {
    let mut data = answer.data.clone();
    for error in &answer.errors {
        if let Some(depth) = hole(&data, &error.path) {
            let mut at = &mut data;
            for segment in &error.path[..depth] {
                at = match (at, segment) {
                    (Value::Object(fields), PathSegment::Field(name)) => {
                        fields.entry(Name::new(name)).or_insert(Value::Null)
                    }
                    (Value::List(items), PathSegment::Index(nth)) => &mut items[*nth],
                    (other, _) => other,
                };
            }
            *at = Value::Null;
        }
    }
    data
}

fn written_len(data: &Value) -> usize {
    match data {
        Value::Object(fields) => fields.iter().map(|(name, it)| name.len() + written_len(it)).sum(),
        Value::Binary(bytes) => bytes.len() + 4,
        _ => 16,
    }
}

fn push_value(value: &Value, bytes: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Binary(written) => bytes.extend_from_slice(written),
        Value::Object(fields) => {
            bytes.push(b'{');
            for (nth, (name, value)) in fields.iter().enumerate() {
                if nth > 0 {
                    bytes.push(b',');
                }
                push_string(bytes, name);
                bytes.push(b':');
                push_value(value, bytes)?;
            }
            bytes.push(b'}');
        }
        Value::List(items) => {
            bytes.push(b'[');
            for (nth, item) in items.iter().enumerate() {
                if nth > 0 {
                    bytes.push(b',');
                }
                push_value(item, bytes)?;
            }
            bytes.push(b']');
        }
        Value::String(text) => push_string(bytes, text),
        other => serde_json::to_writer(bytes, other)?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use async_graphql::{ServerError, value};

    use super::*;

    #[test]
    fn an_object_that_lacks_a_field_which_is_never_null_is_null() {
        let text = |data: Value, path: &[&str]| {
            let path = path.iter().map(|name| PathSegment::Field((*name).to_owned())).collect();
            let mut answer = Response::new(data);
            answer.errors.push(ServerError { path, ..ServerError::new("gone", None) });
            let text = String::from_utf8(answer_bytes(&answer).expect("JSON")).expect("UTF-8");
            text.split(",\"errors\"").next().unwrap_or_default().to_owned()
        };
        assert_eq!(text(value!({ "b": 1 }), &["a"]), "{\"data\":null");
        assert_eq!(text(Value::Null, &["a"]), "{\"data\":null");
        let nothing = answer_bytes(&Response::new(Value::Null)).expect("JSON");
        assert_eq!(nothing, b"{\"data\":{}}");
        assert_eq!(text(value!({ "a": null, "b": 1 }), &["a"]), "{\"data\":{\"a\":null,\"b\":1}");
        let client = value!({ "client": { "firstName": "Ada" }, "b": 1 });
        assert_eq!(
            text(client, &["client", "currentTrips"]),
            "{\"data\":{\"client\":null,\"b\":1}"
        );
    }
}
