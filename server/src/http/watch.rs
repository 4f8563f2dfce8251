//! What is told of requests: an id and a log line for each, counts and times, and `/metrics`.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, State};
use axum::http::{HeaderValue, Method, Request, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use opentelemetry::trace::Status;
use tracing::{Instrument, Span};
use tracing_appender::non_blocking::ErrorCounter;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::answer::Codes;
use super::code::Code;
use super::{App, GRAPHQL, REQUEST_ID, RequestId, request_id};
use crate::limit::Shared;
use crate::sight::{Gate, MEDIA_TYPE, Metrics, Process, Snapshot, Traces, traces};

/// Who watches.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where traces go, if they do.
    pub traces: Option<Traces>,
    /// Counts lines of the log that were lost.
    pub log_lost: Option<ErrorCounter>,
}

/// Gives the request an id, tells how it ended, and tells the caller the id.
pub async fn observe(
    State(watch): State<Watch>,
    mut request: Request<Body>,
    next: Next,
) -> Response {
    let id = request_id();
    request.extensions_mut().insert(RequestId(id.clone()));
    // Only methods and paths that there are, so that nobody can make up metrics, and nothing that
    // somebody wrote into an address is in the log.
    let method = known_method(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let span = request_span(&id);
    traces::go_on(&span, request.headers());
    let started = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (took, status) = (started.elapsed(), response.status());
    span.in_scope(|| {
        tracing::info!(
            http.method = method,
            http.path = route,
            http.status = status.as_u16(),
            duration.ms = took.as_secs_f64() * 1e3,
            "request.done"
        );
    });
    let codes = response.extensions_mut().remove().map_or(vec![], |Codes(codes)| codes);
    // An operation that failed is answered with 200, maybe.
    let has_failed = status.is_server_error() || is_failure(codes.iter().map(AsRef::as_ref));
    if watch.traces.is_some() {
        trace(&span, method, &route, status.as_u16(), has_failed);
    }
    watch.metrics.request(method, &route, status.as_u16(), took);
    if has_failed && route == GRAPHQL {
        watch.metrics.request_failed();
    }
    for code in &codes {
        watch.metrics.error(code);
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// Whether an answer with errors of these codes is one that the server should not have given.
pub(super) fn is_failure<'a>(codes: impl Iterator<Item = &'a str>) -> bool {
    codes.filter_map(Code::named).any(Code::is_of_server)
}

/// Around everything that is done for a request. It is there whatever level is logged, for its id.
pub(super) fn request_span(id: &str) -> Span {
    tracing::error_span!("request", request.id = %id)
}

/// A method that HTTP has; all others are one, under OpenTelemetry's name for them.
fn known_method(method: &Method) -> &'static str {
    const METHODS: [&str; 9] =
        ["GET", "POST", "OPTIONS", "HEAD", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE"];
    METHODS.into_iter().find(|known| method == known).unwrap_or("_OTHER")
}

/// Under the names that OpenTelemetry has for them.
fn trace(span: &Span, method: &'static str, route: &str, status: u16, has_failed: bool) {
    span.set_attribute("otel.kind", "server");
    span.set_attribute("http.request.method", method);
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status));
    if has_failed {
        span.set_status(Status::error(""));
    }
}

/// `GET /metrics`: for Prometheus. There is no personal data in it.
pub async fn metrics(State(app): State<App>) -> Response {
    let text = app.watch.metrics.text(&snapshot(&app));
    ([(header::CONTENT_TYPE, MEDIA_TYPE)], text).into_response()
}

fn snapshot(app: &App) -> Snapshot {
    let taken = app.networks.taken();
    let (_, last) = taken.network.view().period();
    let ends = last.succ_opt().unwrap_or(last).and_time(chrono::NaiveTime::MIN).and_utc();
    let access = app.access.stats();
    let gates = app.engine.gate_stats().map(|gate| Gate {
        at_work: gate.at_work,
        waiting: gate.waiting,
        refused: gate.refused,
    });
    let sockets = app.engine.socket_stats();
    let refused_keys = access.keys.map_or((0, 0), |keys| (keys.refused, keys.unverified));
    Snapshot {
        network_version: taken.network.header().version(),
        network_ends_at: ends.timestamp(),
        network_age_s: ((app.clock)() - taken.written).as_seconds_f64(),
        lookups: app.store.lookup_stats(),
        writes: app.store.write_stats(),
        pool: app.store.pool_stats(),
        networks: app.networks.stats(),
        breakers: app.store.breakers().into(),
        replica: app.store.replica_stats(),
        gates: ["searches", "bookings"].into_iter().zip(gates).collect(),
        refused: vec![
            ("key", refused_keys.0),
            ("key unverified", refused_keys.1),
            ("rate of key", access.requests_refused_by_key),
            ("rate of address", access.requests_refused_by_address),
            ("look-ups", access.lookups_refused),
        ],
        subscriptions: (sockets.operations, sockets.answers, sockets.dropped),
        changes_heard: app.store.change_stats().is_heard,
        callers: app.open.stats(),
        keys_age_s: access.keys.map(|keys| keys.age_s),
        shared: app.shared.as_ref().map(Shared::stats),
        log_lines_lost: app.watch.log_lost.as_ref().map_or(0, |it| it.dropped_lines() as u64),
        traces: app.watch.traces.as_ref().map(Traces::stats).unwrap_or_default(),
        process: Process::now(),
        tasks: tokio::runtime::Handle::current().metrics().num_alive_tasks() as u64,
    }
}
