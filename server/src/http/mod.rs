//! The edge: HTTP in, HTTP out. It knows how a request is worded and what a caller may see of a
//! failure, and nothing of trains.

mod access;
mod address;
mod answer;
mod arguments;
mod code;
mod connections;
mod documents;
mod engine;
mod graphiql;
mod graphql;
pub mod guard;
mod headers;
mod health;
mod held;
mod idle;
mod keys;
mod limits;
mod negotiate;
mod open;
mod positions;
mod request;
mod shed;
mod socket;
mod trusted;
mod types;
mod values;
mod watch;

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use chrono::Utc;

use self::answer::{Answer, refuse};
use self::guard::Refused;
use self::negotiate::Wording;
use crate::limit::Shared;
use crate::networks::Networks;
use crate::store::Store;

pub use access::{Access, AccessStats, Callers};
pub use address::{InvalidProxy, Peer, Proxy};
pub use code::Code;
pub use connections::serve;
pub use documents::{Documents, Trusted, Wanted};
pub use engine::{Engine, NotTrusted};
pub use headers::parse_origin;
pub use health::Health;
pub use keys::{KeyStats, Keys};
pub use limits::Limits;
pub use open::OpenConnections;
pub use shed::GateStats;
pub use socket::SocketStats;
pub use trusted::{FolderError, trusted_documents};
pub use watch::Watch;

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
    /// Who watches.
    pub watch: Watch,
    /// Whether the server is about to stop: it still answers, and says that it is not ready.
    pub stopping: Arc<AtomicBool>,
    /// How many callers are connected.
    pub open: Arc<OpenConnections>,
    /// What is shared with other servers.
    pub shared: Option<Shared>,
    /// Who gets in.
    pub access: Arc<Access>,
    /// Whether the database answers.
    pub health: Arc<Health>,
    /// Origins whose pages may ask.
    pub origins: Vec<HeaderValue>,
}

/// The name of the header that says which request an answer, or a line of the log, belongs to.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The path of operations.
const GRAPHQL: &str = "/graphql";

/// The id of a request, for its answers and log lines.
#[derive(Clone, Debug)]
struct RequestId(String);

/// All paths of the server.
pub fn router(app: App) -> Router {
    let proxies: Arc<[Proxy]> = app.engine.limits().trusted_proxies.as_slice().into();
    let mut asked = Router::new()
        .route(GRAPHQL, get(graphql::get).post(graphql::post))
        .route("/schema.graphql", get(sdl));
    if !app.origins.is_empty() {
        // Browsers ask by a method that the paths do not have: that, too, is the layer's to answer.
        asked = asked.method_not_allowed_fallback(method_not_allowed);
        asked = asked.layer(headers::cors(&app.origins));
    }
    asked
        .route("/graphql/ws", get(socket::open))
        .route("/graphiql/{file}", get(graphiql::asset))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/ready/search", get(health::ready_to_search))
        .route("/health/ready/booking", get(health::ready_to_book))
        .route("/metrics", get(watch::metrics))
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(tower_http::catch_panic::CatchPanicLayer::custom(graphql::panicked))
        .layer(middleware::from_fn_with_state(proxies, headers::secure))
        .layer(middleware::from_fn_with_state(app.watch.clone(), watch::observe))
        .layer(middleware::from_fn(headers::name_asked))
        .with_state(app)
}

/// `GET /schema.graphql`: for whoever gets in.
async fn sdl(
    State(app): State<App>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Response {
    if let Err(refused) = app.access.admit(&headers, peer.map(|it| it.0)).await {
        return Answer::from(refused).respond(Wording::Json);
    }
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
