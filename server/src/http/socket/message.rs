//! The messages of graphql-transport-ws.

use serde_json::{Map, Value, json};

use super::super::answer::Answer;
use super::super::request::{self, Said};

/// Why a connection is closed: the code, and a reason of at most 123 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Close {
    pub code: u16,
    pub reason: String,
}

/// The longest reason that fits.
const REASON_MAX: usize = 123;

impl Close {
    /// The reason is shortened where it is too long.
    pub fn new(code: u16, reason: impl Into<String>) -> Self {
        let mut reason = reason.into();
        while reason.len() > REASON_MAX {
            reason.pop();
        }
        Self { code, reason }
    }

    fn malformed(expected: &str) -> Self {
        Self::new(4400, format!("expected {expected}"))
    }
}

/// What a client says.
#[derive(Debug)]
pub enum Message {
    /// First of all, once; with what it shows as its `authorization`.
    Init(Option<String>),
    /// To be answered.
    Ping(Option<Map<String, Value>>),
    /// An answer.
    Pong,
    /// Asks for an operation under a name.
    Subscribe(String, Box<Said>),
    /// Ends the operation of this name.
    Complete(String),
}

/// Reads a message.
///
/// # Errors
///
/// Where it is none, the reason to close.
pub fn read(text: &str) -> Result<Message, Close> {
    let mut message: Map<String, Value> =
        serde_json::from_str(text).map_err(|_| Close::malformed("a message that is an object"))?;
    let kind = message.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(match kind.as_str() {
        "connection_init" => Message::Init(shown(object(&mut message)?)?),
        "ping" => Message::Ping(object(&mut message)?),
        "pong" => {
            object(&mut message)?;
            Message::Pong
        }
        "subscribe" => {
            let payload = message.remove("payload").unwrap_or_default();
            let said = request::from_value(payload).map_err(|it| Close::new(4400, it.message))?;
            Message::Subscribe(id(&message)?, Box::new(said))
        }
        "complete" => Message::Complete(id(&message)?),
        _ => return Err(Close::malformed("a message of a type that clients send")),
    })
}

fn id(message: &Map<String, Value>) -> Result<String, Close> {
    let id = message.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    id.map(str::to_owned).ok_or_else(|| Close::malformed("a text id that is not empty"))
}

fn object(message: &mut Map<String, Value>) -> Result<Option<Map<String, Value>>, Close> {
    match message.remove("payload") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(payload)) => Ok(Some(payload)),
        Some(_) => Err(Close::malformed("a payload that is an object")),
    }
}

fn shown(payload: Option<Map<String, Value>>) -> Result<Option<String>, Close> {
    match payload.and_then(|mut payload| payload.remove("authorization")) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(shown)) => Ok(Some(shown)),
        Some(_) => Err(Close::malformed("the payload's authorization to be a text")),
    }
}

/// Takes the connection.
pub fn ack() -> String {
    json!({ "type": "connection_ack" }).to_string()
}

/// Asks whether the client is there.
pub fn ping() -> String {
    json!({ "type": "ping" }).to_string()
}

/// Says that the server is there.
pub fn pong(payload: Option<Map<String, Value>>) -> String {
    match payload {
        Some(payload) => json!({ "type": "pong", "payload": payload }).to_string(),
        None => json!({ "type": "pong" }).to_string(),
    }
}

/// Ends an operation.
pub fn complete(id: &str) -> String {
    json!({ "id": id, "type": "complete" }).to_string()
}

/// An answer of an operation, and whether it is its last message: a refusal is.
///
/// # Errors
///
/// Where it cannot be written.
pub fn answer(id: &str, answer: &Answer) -> serde_json::Result<(String, bool)> {
    let id = serde_json::to_string(id)?;
    match answer {
        Answer::Executed(_) => {
            let payload = String::from_utf8_lossy(&answer.write()?).into_owned();
            Ok((format!(r#"{{"id":{id},"type":"next","payload":{payload}}}"#), false))
        }
        Answer::Refused(errors) => {
            let errors = serde_json::to_string(errors)?;
            Ok((format!(r#"{{"id":{id},"type":"error","payload":{errors}}}"#), true))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_is_malformed() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"type":"next"}"#,
            r#"{"type":"connection_init","payload":1}"#,
            r#"{"type":"connection_init","payload":{"authorization":1}}"#,
            r#"{"type":"ping","payload":[]}"#,
            r#"{"type":"pong","payload":"x"}"#,
            r#"{"type":"complete"}"#,
            r#"{"type":"complete","id":""}"#,
            r#"{"type":"subscribe","id":"1"}"#,
            r#"{"type":"subscribe","id":"1","payload":{}}"#,
            r#"{"type":"subscribe","payload":{"query":"{a}"}}"#,
            r#"{"type":"subscribe","id":1,"payload":{"query":"{a}"}}"#,
        ] {
            let close = read(text).expect_err(text);
            assert_eq!(close.code, 4400, "{text}");
            assert!(close.reason.len() <= 123 && close.reason.starts_with("expected"), "{close:?}");
        }
        assert_eq!(Close::new(4409, "é".repeat(100)).reason.len(), 122);
    }
}
