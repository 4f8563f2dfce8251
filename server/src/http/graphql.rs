//! GraphQL over HTTP: how a request is worded, which status and media type an answer has, and a
//! code on every error.

use std::any::Any;
use std::sync::Arc;

use async_graphql::parser::types::{DocumentOperations, ExecutableDocument, OperationType};
use async_graphql::{Request, Response as Answer, ServerError, Value, Variables};
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::guard;
use super::{App, RequestId, failure, graphiql};
use crate::graphql::answer_bytes;

/// Media type of answers to callers that know GraphQL over HTTP's own.
const GRAPHQL_JSON: &str = "application/graphql-response+json; charset=utf-8";
/// Media type of answers to all others.
pub const JSON: &str = "application/json; charset=utf-8";

/// What a request says, in its body or its query string.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    query: String,
    #[serde(default)]
    variables: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default)]
    operation_name: Option<String>,
    /// Only that it is an object, where it is said.
    #[serde(default, rename = "extensions")]
    _extensions: Option<serde_json::Map<String, serde_json::Value>>,
}

/// How an answer is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wording {
    GraphqlJson,
    Json,
}

/// `POST /graphql`: queries and mutations.
pub async fn post(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(wording) = wording(&headers) else {
        return not_acceptable();
    };
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    if !content_type.is_some_and(is_json) {
        let message = "expected a body of the media type application/json in UTF-8";
        return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UNSUPPORTED_MEDIA_TYPE", message);
    }
    let Ok(body) = to_bytes(body, guard::BODY_BYTES_MAX).await else {
        let message = format!("expected a whole body of at most {} bytes", guard::BODY_BYTES_MAX);
        return failure(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", &message);
    };
    match serde_json::from_slice(&body) {
        Ok(said) => execute(&app, &id, wording, said, true).await,
        Err(error) => bad_request(&error),
    }
}

/// `GET /graphql`: queries, and GraphiQL for browsers.
pub async fn get(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if accept.contains("text/html") {
        return graphiql::page();
    }
    let Some(wording) = wording(&headers) else {
        return not_acceptable();
    };
    match from_query_string(query.as_deref().unwrap_or_default()) {
        Ok(said) => execute(&app, &id, wording, said, false).await,
        Err(error) => bad_request(&error),
    }
}

/// A panic while answering: an error like any other to the caller, its cause in the log.
#[expect(clippy::needless_pass_by_value, reason = "the layer that calls it hands the panic over")]
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let cause = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message");
    tracing::error!(error.cause = cause, "request.panicked");
    failure(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the server failed to answer")
}

fn not_acceptable() -> Response {
    let message = "expected to be allowed to answer in application/graphql-response+json or \
                   application/json";
    failure(StatusCode::NOT_ACCEPTABLE, "NOT_ACCEPTABLE", message)
}

fn bad_request(error: &serde_json::Error) -> Response {
    let message = format!(
        "expected an object with a text `query`, and objects `variables` and `extensions` and a \
         text `operationName` where they are said: {error}"
    );
    failure(StatusCode::BAD_REQUEST, "BAD_REQUEST", &message)
}

fn from_query_string(text: &str) -> Result<Said, serde_json::Error> {
    let mut object = serde_json::Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let value = match &*name {
            "variables" | "extensions" if !value.is_empty() => serde_json::from_str(&value)?,
            _ => serde_json::Value::String(value.into_owned()),
        };
        object.insert(name.into_owned(), value);
    }
    serde_json::from_value(serde_json::Value::Object(object))
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    json && parts.all(|parameter| {
        parameter.split_once('=').is_none_or(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset")
                || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
    })
}

/// The wording that the caller accepts; GraphQL's own only where it is asked for by name.
fn wording(headers: &HeaderMap) -> Option<Wording> {
    let accept: Vec<&str> =
        headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok()).collect();
    if accept.is_empty() {
        return Some(Wording::Json);
    }
    let mut kinds = accept
        .iter()
        .flat_map(|it| it.split(','))
        .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    kinds.find_map(|kind| match kind.as_str() {
        "application/graphql-response+json" => Some(Wording::GraphqlJson),
        "application/json" | "application/*" | "*/*" => Some(Wording::Json),
        _ => None,
    })
}

async fn execute(app: &App, id: &RequestId, wording: Wording, said: Said, post: bool) -> Response {
    if let Err(refused) = guard::check(&said.query) {
        let error = coded(ServerError::new(refused.to_string(), None), refused.code());
        return respond(wording, StatusCode::BAD_REQUEST, &Answer::from_errors(vec![error]));
    }
    let document = match async_graphql::parser::parse_query(&said.query) {
        Ok(document) => document,
        Err(error) => {
            let error = coded(error.into(), "GRAPHQL_PARSE_FAILED");
            return respond(wording, StatusCode::BAD_REQUEST, &Answer::from_errors(vec![error]));
        }
    };
    if !post
        && operation_type(&document, said.operation_name.as_deref()) != Some(OperationType::Query)
    {
        let message = "expected a query: mutations are sent by POST";
        let mut response = failure(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message);
        response.headers_mut().insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return response;
    }
    let variables = said.variables.unwrap_or_default();
    let mut request = Request::new(said.query)
        .variables(Variables::from_json(serde_json::Value::Object(variables.clone())))
        .data(Arc::clone(&app.network))
        .data(app.store.clone())
        .data(app.caller.clone())
        .data((app.clock)());
    request.operation_name = said.operation_name;
    request.set_parsed_query(document);
    let mut answer = app.schema.execute(request).await;
    let refused = answer.data == Value::Null && answer.errors.iter().all(|it| it.path.is_empty());
    for error in &mut answer.errors {
        *error = with_code(id, std::mem::take(&mut error.message), error, refused);
        name_variable(error, &variables);
    }
    let status =
        if refused && !answer.errors.is_empty() { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    respond(wording, status, &answer)
}

fn operation_type(document: &ExecutableDocument, name: Option<&str>) -> Option<OperationType> {
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), _) => Some(operation.node.ty),
        (DocumentOperations::Multiple(all), Some(name)) => all.get(name).map(|it| it.node.ty),
        (DocumentOperations::Multiple(all), None) => all.values().map(|it| it.node.ty).next(),
    }
}

fn coded(mut error: ServerError, code: &str) -> ServerError {
    error.extensions.get_or_insert_default().set("code", code);
    error
}

/// The error as the caller may see it: with a code, and without the inside of the server.
fn with_code(id: &RequestId, message: String, error: &ServerError, refused: bool) -> ServerError {
    let mut seen = error.clone();
    seen.message = message;
    let has_code = seen.extensions.as_ref().is_some_and(|it| it.get("code").is_some());
    if has_code {
        return seen;
    }
    let of_input = ["Failed to parse", "Invalid value", "Invalid input", "Variable "];
    if of_input.iter().any(|beginning| seen.message.starts_with(beginning)) {
        return coded(seen, "BAD_USER_INPUT");
    }
    if refused {
        return coded(seen, "GRAPHQL_VALIDATION_FAILED");
    }
    tracing::error!(request.id = %id.0, error.cause = %seen.message, "request.failed");
    seen.message = format!("the server failed to answer; name request {} to its operators", id.0);
    coded(seen, "INTERNAL")
}

/// Says which variable a malformed value came from. The library's error names the value alone, so
/// that it is the one variable that has this value; where several have it, none is named.
fn name_variable(error: &mut ServerError, variables: &serde_json::Map<String, serde_json::Value>) {
    if !error.message.starts_with("Failed to parse") {
        return;
    }
    let is_found = |value: &serde_json::Value| {
        let found = format!("found {value}");
        error
            .message
            .split_once(&found)
            .is_some_and(|(_, rest)| !rest.starts_with(char::is_numeric))
    };
    let mut named = variables.iter().filter(|(_, value)| is_found(value)).map(|(name, _)| name);
    if let (Some(name), None) = (named.next(), named.next()) {
        error.message = format!("Variable \"${name}\": {}", error.message);
        error.extensions.get_or_insert_default().set("variable", name.as_str());
    }
}

/// Callers of the plain media type get 200 for whatever GraphQL itself has to say, as they expect.
fn respond(wording: Wording, status: StatusCode, answer: &Answer) -> Response {
    let (status, media_type) = match wording {
        Wording::GraphqlJson => (status, GRAPHQL_JSON),
        Wording::Json => (StatusCode::OK, JSON),
    };
    match answer_bytes(answer) {
        Ok(body) => (status, [(header::CONTENT_TYPE, media_type)], body).into_response(),
        Err(error) => {
            tracing::error!(error.cause = %error, "request.unprintable");
            let message = "the server failed to print the answer";
            failure(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
        }
    }
}
