//! `/graphql`: GraphQL over HTTP.

use std::any::Any;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;

use super::answer::{Answer, refuse};
use super::code::Code;
use super::engine::{Method, Outcome, World};
use super::guard::Refused;
use super::limits::Limits;
use super::negotiate::{BodyKind, Wording, accepted, body_kind};
use super::request::{self, Said};
use super::{App, Peer, RequestId, graphiql};
use crate::graphql::Caller;

/// `POST /graphql`: queries and mutations.
pub async fn post(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(wording) = accepted(&headers).wording else {
        return not_acceptable();
    };
    let caller = match app.access.admit(&headers, peer.map(|it| it.0)).await {
        Ok(caller) => caller,
        Err(refused) => return Answer::from(refused).respond(wording),
    };
    let kind = body_kind(&headers);
    if kind != BodyKind::Json {
        return unsupported(wording, kind);
    }
    let body = match read(body, app.engine.limits()).await {
        Ok(body) => body,
        Err((status, refused)) => {
            let mut response = refuse(status, wording, refused);
            // What is left of the body is not read.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            return response;
        }
    };
    answer(&app, &id, caller, wording, request::from_body(&body), Method::Post).await
}

/// `GET /graphql`: queries, and GraphiQL for browsers.
pub async fn get(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let accepted = accepted(&headers);
    if accepted.is_browser {
        return graphiql::page();
    }
    let Some(wording) = accepted.wording else {
        return not_acceptable();
    };
    let said = request::from_query_string(query.as_deref().unwrap_or_default());
    let mut response = match app.access.admit(&headers, peer.map(|it| it.0)).await {
        Ok(caller) => answer(&app, &id, caller, wording, said, Method::Get).await,
        Err(refused) => Answer::from(refused).respond(wording),
    };
    // The same address answers browsers with a page.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept"));
    response
}

/// A panic around GraphQL: an error like any other to the caller, its cause in the log.
#[expect(clippy::needless_pass_by_value, reason = "the layer that calls it hands the panic over")]
pub fn panicked(panic: Box<dyn Any + Send>) -> Response {
    let cause = super::panic_message(&*panic);
    tracing::error!(error.cause = cause, "request.panicked");
    let refused = Refused::new(Code::Internal, "the server failed to answer");
    refuse(StatusCode::INTERNAL_SERVER_ERROR, Wording::Json, refused)
}

fn not_acceptable() -> Response {
    let message = "expected to be allowed to answer in application/graphql-response+json or \
                   application/json";
    let refused = Refused::new(Code::NotAcceptable, message);
    refuse(StatusCode::NOT_ACCEPTABLE, Wording::Json, refused)
}

fn unsupported(wording: Wording, kind: BodyKind) -> Response {
    let code = match kind {
        BodyKind::Multipart => Code::MultipartNotSupported,
        _ => Code::UnsupportedMediaType,
    };
    let message = "expected a body of the media type application/json in UTF-8";
    refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, wording, Refused::new(code, message))
}

/// The whole body, within the time and the length it may have.
async fn read(body: Body, limits: &Limits) -> Result<axum::body::Bytes, (StatusCode, Refused)> {
    let most = limits.body_bytes;
    let time = std::time::Duration::from_millis(limits.body_ms);
    match tokio::time::timeout(time, to_bytes(body, most)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(_)) => {
            let message = format!("expected a whole body of at most {most} bytes");
            Err((StatusCode::PAYLOAD_TOO_LARGE, Refused::new(Code::BodyTooLarge, message)))
        }
        Err(_) => {
            let message = format!("expected the whole body within {} ms", limits.body_ms);
            Err((StatusCode::REQUEST_TIMEOUT, Refused::new(Code::BodyTimeout, message)))
        }
    }
}

async fn answer(
    app: &App,
    id: &RequestId,
    caller: Caller,
    wording: Wording,
    said: Result<Said, Refused>,
    method: Method,
) -> Response {
    let said = match said {
        Ok(said) => said,
        Err(refused) => return refuse(StatusCode::BAD_REQUEST, wording, refused),
    };
    let world = World::of(app, caller, None);
    match app.engine.answer(world, id, said, method).await {
        Outcome::Answer(answer) => Answer::respond(&answer, wording),
        Outcome::WrongMethod(refused) => {
            let mut response = refuse(StatusCode::METHOD_NOT_ALLOWED, wording, refused);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
        Outcome::Stream(_) => unreachable!("only WebSockets get streams"),
    }
}
