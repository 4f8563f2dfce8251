//! `/graphql/ws`: operations over a WebSocket, as graphql-transport-ws has it.
//!
//! A connection is one task that reads, writes and keeps the protocol's state, and one task for
//! each operation under way. These hand their messages over a short channel: where the client does
//! not read, the channel is full, the operations wait, and the client is dropped when a message is
//! not taken in time. So nothing is kept for whoever does not want it.

mod connection;
mod message;

use std::sync::atomic::{AtomicU64, Ordering};

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;

use self::connection::Connection;
use super::answer::refuse;
use super::code::Code;
use super::guard::Refused;
use super::held::Held;
use super::negotiate::Wording;
use super::{App, Peer, RequestId};

/// The one protocol.
const PROTOCOL: &str = "graphql-transport-ws";

/// How WebSockets fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SocketStats {
    /// Those that are open.
    pub open: u64,
    /// Operations under way on them.
    pub operations: u64,
    /// Messages with an answer that were sent since the start.
    pub answers: u64,
    /// Clients that were dropped since the start because they did not read.
    pub dropped: u64,
}

/// Counts for [`SocketStats`].
#[derive(Debug, Default)]
pub(super) struct Sockets {
    open: AtomicU64,
    operations: AtomicU64,
    answers: AtomicU64,
    dropped: AtomicU64,
}

impl Sockets {
    pub(super) fn stats(&self) -> SocketStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SocketStats {
            open: read(&self.open),
            operations: read(&self.operations),
            answers: read(&self.answers),
            dropped: read(&self.dropped),
        }
    }
}

/// `GET /graphql/ws`.
pub async fn open(
    State(app): State<App>,
    Extension(id): Extension<RequestId>,
    peer: Option<Extension<Peer>>,
    held: Option<Extension<Held>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let (Ok(upgrade), Some(Extension(held))) = (upgrade, held) else {
        let message = "expected a WebSocket of HTTP/1.1 with the protocol graphql-transport-ws";
        let refused = Refused::new(Code::BadRequest, message);
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED, Wording::Json, refused);
        response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    if app.stopping.load(Ordering::Relaxed) {
        let refused = Refused::new(Code::Overloaded, "expected a server that goes on running");
        return refuse(StatusCode::SERVICE_UNAVAILABLE, Wording::Json, refused);
    }
    if !may_ask(&headers, &app.origins) {
        let message = "expected a page of this server, or of an origin whose pages may ask";
        let refused = Refused::new(Code::Forbidden, message);
        return refuse(StatusCode::FORBIDDEN, Wording::Json, refused);
    }
    let most = app.engine.limits().body_bytes;
    let upgrade = upgrade.protocols([PROTOCOL]).max_message_size(most).max_frame_size(most);
    let connection = Connection::new(app, id, peer.map(|it| it.0), headers);
    upgrade.on_upgrade(move |socket| connection.run(socket, held))
}

/// Whether whoever asks is no page of another origin. Browsers let every page open a WebSocket to
/// everywhere, and say whose page it is.
fn may_ask(headers: &HeaderMap, origins: &[HeaderValue]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    if origins.contains(origin) {
        return true;
    }
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let asks = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
    let asks = asks.and_then(|uri| uri.authority().map(ToString::to_string));
    own.is_some() && own == asks.as_deref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_origins_may_not_ask() {
        let origins = [HeaderValue::from_static("https://app.example")];
        let may = |origin: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, HeaderValue::from_static("127.0.0.1:8080"));
            if let Some(origin) = origin {
                headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
            }
            may_ask(&headers, &origins)
        };
        for good in [None, Some("http://127.0.0.1:8080"), Some("https://app.example")] {
            assert!(may(good), "{good:?}");
        }
        for other in ["http://127.0.0.1:80", "https://evil.example", "null", "", "http://a b"] {
            assert!(!may(Some(other)), "{other:?}");
        }
    }
}
