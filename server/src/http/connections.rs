//! Connections: accepted, given a time in which they must say something, and drained at the end.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, StatusCode, Version};
use axum::response::Response;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tower_service::Service;

use super::address::Peer;
use super::held::Held;
use super::idle::Idle;
use super::limits::Limits;
use super::open::OpenConnections;

/// The time without a new connection after which nobody is taken to wait for one.
const NOBODY_WAITS: Duration = Duration::from_millis(2);
/// The time that taking connections may take when the server ends.
const WAITING_TIMEOUT: Duration = Duration::from_millis(200);
/// Bytes of a request's headers at most.
const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Requests that a connection may have under way at once.
const STREAMS_MAX: u32 = 100;

/// Answers connections, which are counted in `open`, until `stop` is done, then lets those in
/// flight end. Callers are asked for new connections from when `stopping` says so.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    open: &Arc<OpenConnections>,
    stopping: &Arc<AtomicBool>,
    stop: impl Future<Output = ()>,
) {
    let (tell_stop, told_stop) = watch::channel(());
    let (alive, mut all_gone) = mpsc::channel(1);
    let (open, stopping) = (Arc::clone(open), Arc::clone(stopping));
    let connections = Connections::new(router, limits, open, stopping, told_stop, alive);
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => connections.spawn(stream, peer),
                Err(error) => {
                    // Out of descriptors, most likely: waiting lets some be closed.
                    tracing::warn!(error.cause = %error, "connection.refused");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            () = &mut stop => break,
        }
    }
    take_waiting(&listener, &connections).await;
    drop(listener);
    drop(connections);
    let _ = tell_stop.send(());
    let drain = Duration::from_millis(limits.drain_ms);
    if tokio::time::timeout(drain, all_gone.recv()).await.is_err() {
        tracing::warn!("connections.cut");
    }
}

/// Takes the connections that the kernel has taken already: with the listener they would be reset,
/// and with them what was sent on them.
async fn take_waiting(listener: &TcpListener, connections: &Connections) {
    let until = tokio::time::Instant::now() + WAITING_TIMEOUT;
    while tokio::time::Instant::now() < until
        && let Ok(Ok((stream, peer))) = tokio::time::timeout(NOBODY_WAITS, listener.accept()).await
    {
        connections.spawn(stream, peer);
    }
}

struct Connections {
    builder: Builder<TokioExecutor>,
    router: Router,
    /// Whether the server is about to stop.
    stopping: Arc<AtomicBool>,
    /// Tells connections that the server stops.
    stop: watch::Receiver<()>,
    /// Each connection has a copy until it is gone.
    alive: mpsc::Sender<()>,
    open: Arc<OpenConnections>,
    header: Duration,
    idle: Duration,
    life: Duration,
    drain: Duration,
}

impl Connections {
    fn new(
        router: Router,
        limits: &Limits,
        open: Arc<OpenConnections>,
        stopping: Arc<AtomicBool>,
        stop: watch::Receiver<()>,
        alive: mpsc::Sender<()>,
    ) -> Self {
        let header = Duration::from_millis(limits.header_ms);
        let idle = Duration::from_millis(limits.idle_ms);
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header)
            .max_buf_size(HEADER_BYTES_MAX);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES_MAX as u32)
            .max_concurrent_streams(STREAMS_MAX);
        let life = Duration::from_millis(limits.connection_ms);
        let drain = Duration::from_millis(limits.drain_ms);
        Self { builder, router, stopping, stop, alive, open, header, idle, life, drain }
    }

    /// Answers a connection. It is closed where its first request has not come in time, however
    /// it is sent; where nothing moves on it; and when it is old. Where it then goes on, it is cut.
    fn spawn(&self, stream: TcpStream, peer: SocketAddr) {
        let Some(counted) = self.open.count(peer.ip()) else {
            refuse(&stream);
            return;
        };
        // One that does not take its leave, as over HTTP/1 it is told to, is asked to end.
        let (header, life, drain) = (self.header, self.life + self.idle, self.drain);
        let has_asked = Arc::new(AtomicBool::new(false));
        let held = Held::new(counted, self.alive.clone(), self.stop.clone());
        let service = TowerToHyperService::new(Requests {
            router: self.router.clone(),
            peer,
            held: held.clone(),
            has_asked: Arc::clone(&has_asked),
            old_from: Instant::now() + self.life,
            stopping: Arc::clone(&self.stopping),
        });
        let io = TokioIo::new(Idle::new(stream, self.idle));
        let connection = self.builder.serve_connection_with_upgrades(io, service).into_owned();
        let mut stop = self.stop.clone();
        tokio::spawn(async move {
            // A connection that becomes a WebSocket is held by that, too.
            let _held = held;
            let mut connection = std::pin::pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                // Half of a preface, or headers of HTTP/2 byte by byte, are none of hyper's limits.
                () = never_asks(header, &has_asked) => return,
                () = async { tokio::select! {
                    () = tokio::time::sleep(life) => {}
                    _ = stop.changed() => {}
                } } => {
                    // What is under way is answered first.
                    connection.as_mut().graceful_shutdown();
                    let Ok(ended) = tokio::time::timeout(drain, connection).await else {
                        return;
                    };
                    ended
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error.cause = %error, "connection.failed");
            }
        });
    }
}

/// Answers the requests of a connection.
#[derive(Clone)]
struct Requests {
    router: Router,
    peer: SocketAddr,
    held: Held,
    has_asked: Arc<AtomicBool>,
    /// When its next answer says that it is the last one, so that no request is on its way when
    /// the connection is closed.
    old_from: Instant,
    /// Whether the next answer says so whenever it is, as the server is about to stop.
    stopping: Arc<AtomicBool>,
}

impl<B> Service<Request<B>> for Requests
where
    Router: Service<Request<B>, Response = Response, Error = Infallible>,
    <Router as Service<Request<B>>>::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        self.has_asked.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(Peer(self.peer));
        request.extensions_mut().insert(self.held.clone());
        // HTTP/2 has frames for it.
        let may_be_last = request.version() <= Version::HTTP_11;
        let (old_from, stopping) = (self.old_from, Arc::clone(&self.stopping));
        let answer = self.router.call(request);
        Box::pin(async move {
            let mut answer = answer.await?;
            let ends = stopping.load(Ordering::Relaxed) || Instant::now() >= old_from;
            if ends && may_be_last && answer.status() != StatusCode::SWITCHING_PROTOCOLS {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}

/// Tells a connection that it is one too many, if it listens, and closes it.
fn refuse(stream: &TcpStream) {
    const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
        content-length: 0\r\nconnection: close\r\n\r\n";
    match stream.try_write(REFUSAL) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
        Err(error) => tracing::debug!(error.cause = %error, "connection.failed"),
    }
}

/// Done where nothing has been asked in this time.
async fn never_asks(time: Duration, has_asked: &AtomicBool) {
    tokio::time::sleep(time).await;
    if has_asked.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
}
