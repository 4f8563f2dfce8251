//! An executed operation's answer as bytes.

use async_graphql::{Response, Value};

use super::json::push_string;

/// The answer as JSON: `data` with what was [written whole](super::Whole) as it is, and `errors`
/// where there are any.
///
/// # Errors
///
/// Where an error's extensions cannot be told in JSON.
pub fn answer_bytes(answer: &Response) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(written_len(&answer.data) + 64);
    bytes.extend_from_slice(b"{\"data\":");
    push_value(&answer.data, &mut bytes)?;
    if !answer.errors.is_empty() {
        bytes.extend_from_slice(b",\"errors\":");
        serde_json::to_writer(&mut bytes, &answer.errors)?;
    }
    bytes.push(b'}');
    Ok(bytes)
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
