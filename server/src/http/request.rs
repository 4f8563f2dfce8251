//! What a request says, in its body or its query string.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::code::Code;
use super::documents::{Hash, Wanted};
use super::guard::Refused;

/// The parameters of a request, as they are worded.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Worded {
    query: Option<String>,
    /// GraphQL over HTTP's own name for a persisted document: `sha256:` and the hash.
    document_id: Option<String>,
    operation_name: Option<String>,
    variables: Option<Map<String, Value>>,
    extensions: Option<Map<String, Value>>,
}

/// What a request says.
#[derive(Debug)]
pub struct Said {
    /// Which document.
    pub wanted: Wanted,
    /// Which of its operations.
    pub operation: Option<String>,
    /// With which variables.
    pub variables: Map<String, Value>,
}

/// Reads a body.
///
/// # Errors
///
/// Where it is no request, or several.
pub fn from_body(body: &[u8]) -> Result<Said, Refused> {
    let is_batch = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if is_batch {
        let message = "expected one request, found a list; send each by itself";
        return Err(Refused::new(Code::BatchNotSupported, message));
    }
    said(serde_json::from_slice(body).map_err(|error| bad_request(&error))?)
}

/// Reads what was sent as a part of something else.
///
/// # Errors
///
/// Where it is no request.
pub fn from_value(value: Value) -> Result<Said, Refused> {
    said(serde_json::from_value(value).map_err(|error| bad_request(&error))?)
}

/// Reads a query string. A parameter that is named twice has its last value.
///
/// # Errors
///
/// Where it is no request.
pub fn from_query_string(text: &str) -> Result<Said, Refused> {
    let mut object = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let value = match &*name {
            "variables" | "extensions" if value.is_empty() => Value::Null,
            "variables" | "extensions" => {
                serde_json::from_str(&value).map_err(|error| bad_request(&error))?
            }
            "query" | "documentId" | "operationName" => Value::String(value.into_owned()),
            _ => continue,
        };
        object.insert(name.into_owned(), value);
    }
    said(serde_json::from_value(Value::Object(object)).map_err(|error| bad_request(&error))?)
}

fn said(worded: Worded) -> Result<Said, Refused> {
    let persisted = worded.extensions.as_ref().and_then(|it| it.get("persistedQuery"));
    let hash = match (persisted, &worded.document_id) {
        (Some(persisted), _) => {
            let hash = persisted.get("sha256Hash").and_then(Value::as_str);
            let is_first = persisted.get("version").and_then(Value::as_u64) == Some(1);
            Some(hash.filter(|_| is_first).and_then(parse_hash).ok_or_else(|| {
                let message = "expected extensions.persistedQuery to have the version 1 and a \
                               sha256Hash of 64 hex digits";
                Refused::new(Code::BadRequest, message)
            })?)
        }
        (None, Some(id)) => {
            let hash = id.strip_prefix("sha256:").unwrap_or(id);
            Some(parse_hash(hash).ok_or_else(|| {
                let message = "expected documentId to be sha256: and 64 hex digits";
                Refused::new(Code::BadRequest, message)
            })?)
        }
        (None, None) => None,
    };
    if worded.query.is_none() && hash.is_none() {
        let message = "expected a text `query`, or the hash of a persisted one";
        return Err(Refused::new(Code::BadRequest, message));
    }
    Ok(Said {
        wanted: Wanted { text: worded.query, hash },
        operation: worded.operation_name,
        variables: worded.variables.unwrap_or_default(),
    })
}

/// A hash as hex digits.
pub fn parse_hash(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    let is_whole = text.len() == 2 * hash.len() && text.is_ascii();
    for (at, byte) in hash.iter_mut().enumerate().take_while(|_| is_whole) {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    is_whole.then_some(hash)
}

fn bad_request(error: &serde_json::Error) -> Refused {
    let message = format!(
        "expected an object with a text `query`, and objects `variables` and `extensions` and a \
         text `operationName` where they are said: {error}"
    );
    Refused::new(Code::BadRequest, message)
}
