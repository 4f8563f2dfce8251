//! Answers: what of an error a caller may see, which status an answer has, and, in one place, how
//! it is written.

use async_graphql::{Response as Executed, ServerError, Value};
use axum::Extension;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::RequestId;
use super::code::Code;
use super::guard::{RETRY_AFTER, Refused};
use super::limits::Limits;
use super::negotiate::Wording;
use crate::graphql::answer_bytes;

/// The longest message of an error, in characters. Some repeat a part of the request.
const MESSAGE_MAX: usize = 500;

/// What there is to answer.
pub enum Answer {
    /// An operation was executed.
    Executed(Executed),
    /// None was: the request, or the server, was at fault.
    Refused(Vec<ServerError>),
}

/// The codes of an answer's errors, beside it for those who count them.
#[derive(Debug, Clone)]
pub struct Codes(pub Vec<String>);

/// The error with a code.
pub fn coded(mut error: ServerError, code: Code) -> ServerError {
    error.extensions.get_or_insert_default().set("code", code.name());
    error
}

pub(super) fn code(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get("code")? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

impl From<Refused> for Answer {
    fn from(refused: Refused) -> Self {
        Self::Refused(vec![refused.into()])
    }
}

impl Answer {
    /// The server failed in a way that is none of the caller's business. The cause is in the log.
    pub(super) fn failed(id: &RequestId, cause: &str) -> Self {
        tracing::error!(request.id = %id.0, error.cause = cause, "request.failed");
        Refused::new(Code::Internal, masked(id)).into()
    }

    /// As the caller may see it: each error with a code, without the inside of the server, and no
    /// more and no longer ones than an answer holds.
    pub(super) fn seen(mut self, id: &RequestId, limits: &Limits) -> Self {
        let errors = match &mut self {
            Self::Executed(executed) => &mut executed.errors,
            Self::Refused(errors) => errors,
        };
        let left_out = errors.len().saturating_sub(limits.errors.max(1));
        errors.truncate(errors.len() - left_out);
        for error in errors.iter_mut() {
            if code(error).is_none() {
                let cause = &error.message;
                tracing::error!(request.id = %id.0, error.cause = %cause, "request.failed");
                error.message = masked(id);
                *error = coded(error.clone(), Code::Internal);
            }
            if let Some((end, _)) = error.message.char_indices().nth(MESSAGE_MAX) {
                error.message.truncate(end);
                error.message.push('…');
            }
        }
        if let (Some(last), true) = (errors.last_mut(), left_out > 0) {
            let values = last.extensions.get_or_insert_default();
            values.set("errorsLeftOut", Value::from(left_out));
        }
        self
    }

    /// The answer, worded and written.
    pub fn respond(&self, wording: Wording) -> Response {
        let status = match self {
            Self::Executed(_) => StatusCode::OK,
            Self::Refused(errors) => status(errors.first().and_then(code), wording),
        };
        match self.write() {
            Ok(body) => {
                let kind = HeaderValue::from_static(wording.media_type());
                let codes = Codes(self.codes().map(str::to_owned).collect());
                let kind = [(header::CONTENT_TYPE, kind)];
                let mut response = (status, kind, Extension(codes), body).into_response();
                if status == StatusCode::UNAUTHORIZED {
                    let asked = HeaderValue::from_static("Bearer realm=\"railgraph\"");
                    response.headers_mut().insert(header::WWW_AUTHENTICATE, asked);
                }
                if let Some(wait) = self.wait_s() {
                    response.headers_mut().insert(header::RETRY_AFTER, wait.into());
                }
                response
            }
            Err(error) => {
                tracing::error!(error.cause = %error, "request.unprintable");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// The codes of its errors.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.errors().iter().filter_map(code)
    }

    pub(super) fn errors(&self) -> &[ServerError] {
        match self {
            Self::Executed(executed) => &executed.errors,
            Self::Refused(errors) => errors,
        }
    }

    /// In how many seconds the caller should try again, where an error says so.
    fn wait_s(&self) -> Option<u64> {
        let waits = self.errors().iter().filter_map(|error| {
            match error.extensions.as_ref()?.get(RETRY_AFTER)? {
                Value::Number(wait) => wait.as_u64(),
                _ => None,
            }
        });
        waits.max()
    }

    /// The one place at which an answer becomes bytes.
    pub(super) fn write(&self) -> serde_json::Result<Vec<u8>> {
        match self {
            Self::Executed(executed) => answer_bytes(executed),
            // Without data: nothing was executed.
            Self::Refused(errors) => serde_json::to_vec(&serde_json::json!({ "errors": errors })),
        }
    }
}

fn masked(id: &RequestId) -> String {
    format!("the server failed to answer; name request {} to its operators", id.0)
}

/// The status of a refusal. Callers of the plain media type get 200 for whatever GraphQL itself
/// has to say, as they expect.
fn status(code: Option<&str>, wording: Wording) -> StatusCode {
    let is = |other: Code| code == Some(other.name());
    if is(Code::Internal) {
        StatusCode::INTERNAL_SERVER_ERROR
    } else if is(Code::SearchTimeout) || is(Code::MutationTimeout) {
        StatusCode::GATEWAY_TIMEOUT
    } else if is(Code::Unauthenticated) {
        StatusCode::UNAUTHORIZED
    } else if is(Code::TooManyRequests) {
        StatusCode::TOO_MANY_REQUESTS
    } else if is(Code::Overloaded) || is(Code::AuthenticationUnavailable) {
        StatusCode::SERVICE_UNAVAILABLE
    } else if is(Code::DocumentNotTrusted) || is(Code::Forbidden) {
        StatusCode::FORBIDDEN
    } else if wording == Wording::Json {
        StatusCode::OK
    } else {
        StatusCode::BAD_REQUEST
    }
}

/// A refusal before GraphQL has anything to say, in GraphQL's form.
pub fn refuse(status: StatusCode, wording: Wording, refused: Refused) -> Response {
    let mut response = Answer::from(refused).respond(wording);
    *response.status_mut() = status;
    response
}
