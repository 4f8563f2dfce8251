//! The edge: HTTP in, HTTP out. It knows how a request is worded and what a caller may see of a
//! failure, and nothing of trains.

mod answer;
mod arguments;
mod code;
mod connections;
mod documents;
mod engine;
mod graphiql;
mod graphql;
pub mod guard;
mod health;
mod idle;
mod limits;
mod negotiate;
mod positions;
mod request;
mod trusted;
mod types;
mod values;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use chrono::Utc;
use tracing::Instrument;

use self::answer::refuse;
use self::guard::Refused;
use self::negotiate::Wording;
use crate::graphql::Caller;
use crate::networks::Networks;
use crate::store::Store;

pub use code::Code;
pub use connections::serve;
pub use documents::{Documents, Trusted, Wanted};
pub use engine::{Engine, NotTrusted};
pub use limits::Limits;
pub use trusted::{FolderError, trusted_documents};

/// Says what time it is. Tests have clocks of their own.
pub type Clock = Arc<dyn Fn() -> chrono::DateTime<Utc> + Send + Sync>;

/// What all requests share.
#[derive(Clone)]
pub struct App {
    /// What answers documents.
    pub engine: Arc<Engine>,
    /// The network that answers.
    pub networks: Arc<Networks>,
    /// The bookings.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// Whether the server is about to stop: it still answers, and says that it is not ready.
    pub stopping: Arc<AtomicBool>,
    /// Who asks: without API keys, everybody is the same.
    pub caller: Caller,
}

/// The name of the header that says which request an answer, or a line of the log, belongs to.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request, for its answers and log lines.
#[derive(Clone, Debug)]
struct RequestId(String);

/// All paths of the server.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/graphql", get(graphql::get).post(graphql::post))
        .route("/graphiql/{file}", get(graphiql::asset))
        .route("/schema.graphql", get(sdl))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/ready/search", get(health::ready_to_search))
        .route("/health/ready/booking", get(health::ready_to_book))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(graphql::panicked))
        .layer(middleware::from_fn_with_state(Arc::clone(&app.stopping), say_goodbye))
        .layer(middleware::from_fn(observe))
        .with_state(app)
}

async fn sdl() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (headers, crate::graphql::sdl()).into_response()
}

async fn not_found() -> Response {
    let refused =
        Refused::new(Code::NotFound, "expected a path of this server; GraphQL is at /graphql");
    refuse(StatusCode::NOT_FOUND, Wording::Json, refused)
}

async fn method_not_allowed() -> Response {
    let refused = Refused::new(Code::MethodNotAllowed, "expected a method that this path has");
    refuse(StatusCode::METHOD_NOT_ALLOWED, Wording::Json, refused)
}

/// Asks callers for a new connection once the server is about to stop, so that none is in use when
/// it does.
async fn say_goodbye(
    State(stopping): State<Arc<AtomicBool>>,
    request: Request<axum::body::Body>,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if stopping.load(Ordering::Relaxed) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Gives the request an id, logs how it ended, and tells the caller the id.
async fn observe(mut request: Request<axum::body::Body>, next: Next) -> Response {
    let id = request_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = tracing::info_span!("request", request.id = %id);
    let started = std::time::Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let status = response.status();
    span.in_scope(|| {
        tracing::info!(
            http.method = %method,
            http.path = %path,
            http.status = status.as_u16(),
            duration.ms = milliseconds,
            "request.done"
        );
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn request_id() -> String {
    let mut bytes = [0; 8];
    // Without randomness the id is zeros: a request without a name is better than none.
    let _ = getrandom::fill(&mut bytes);
    format!("{:016x}", u64::from_be_bytes(bytes))
}

/// What a panic said.
fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}
