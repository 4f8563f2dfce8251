//! One WebSocket, from its opening handshake to its end.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_graphql::futures_util::{FutureExt, StreamExt, stream};
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket};
use axum::http::{HeaderMap, HeaderValue, header};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tracing::Instrument;

use super::super::answer::Answer;
use super::super::code::Code;
use super::super::engine::{AbortOnDrop, Method, Outcome, World};
use super::super::guard::Refused;
use super::super::held::Held;
use super::super::request::Said;
use super::super::watch::{is_failure, request_span};
use super::super::{App, Peer, RequestId};
use super::message::{self, Close, Message};
use super::{PROTOCOL, Sockets};
use crate::graphql::{Caller, Feed, NetworkStream};
use crate::networks::Networks;

/// Messages that wait to be sent.
const WAITING_MAX: usize = 16;

/// The longest time between two pings.
const PING_MAX: Duration = Duration::from_secs(10);

/// Pings after which a client that says nothing is taken to have gone.
const UNANSWERED_MAX: u32 = 3;

/// How often the key is looked at: with the time that a revocation takes to be heard of, it acts on
/// an open connection within five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long the other end has to close, too.
const FAREWELL: Duration = Duration::from_secs(1);

/// A WebSocket.
pub struct Connection {
    app: App,
    id: RequestId,
    peer: Option<Peer>,
    headers: HeaderMap,
    caller: Option<Caller>,
    operations: HashMap<String, Operation>,
    begun: u64,
    outgoing: mpsc::Sender<Outgoing>,
    waiting: Option<mpsc::Receiver<Outgoing>>,
}

/// An operation under way; dropping it ends it.
struct Operation {
    number: u64,
    _task: AbortOnDrop,
    _counted: Counted,
}

/// A message of an operation.
struct Outgoing {
    /// Which.
    id: String,
    /// A name may be used again, and then stands for another operation.
    number: u64,
    text: String,
    is_last: bool,
}

/// Adds one for as long as it is there.
struct Counted(Arc<super::super::Engine>, fn(&Sockets) -> &AtomicU64);

impl Counted {
    fn new(app: &App, counter: fn(&Sockets) -> &AtomicU64) -> Self {
        counter(app.engine.sockets()).fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&app.engine), counter)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.1)(self.0.sockets()).fetch_sub(1, Ordering::Relaxed);
    }
}

/// Why a connection ends.
enum End {
    /// It is closed by us.
    Close(Close),
    /// The other end closes it.
    Closed,
    /// The other end has gone.
    Gone,
    /// The other end does not read.
    Slow,
}

impl From<Close> for End {
    fn from(close: Close) -> Self {
        Self::Close(close)
    }
}

impl Connection {
    /// One that was asked for in this request.
    pub fn new(app: App, id: RequestId, peer: Option<Peer>, headers: HeaderMap) -> Self {
        let (outgoing, waiting) = mpsc::channel(WAITING_MAX);
        let operations = HashMap::new();
        let waiting = Some(waiting);
        Self { app, id, peer, headers, caller: None, operations, begun: 0, outgoing, waiting }
    }

    /// Goes on until it ends.
    pub async fn run(mut self, mut socket: WebSocket, mut held: Held) {
        let _open = Counted::new(&self.app, |sockets| &sockets.open);
        let end = if socket.protocol().is_some_and(|it| it == PROTOCOL) {
            self.talk(&mut socket, &mut held).await
        } else {
            End::Close(Close::new(4406, "Subprotocol not acceptable"))
        };
        self.operations.clear();
        match end {
            End::Close(close) => {
                tracing::debug!(request.id = %self.id.0, socket.code = close.code, "socket.closed");
                let frame = CloseFrame { code: close.code, reason: close.reason.into() };
                let farewell = async {
                    let _ = socket.send(Frame::Close(Some(frame))).await;
                    // Whoever closes first waits, so that the reason is not lost.
                    last(&mut socket).await;
                };
                let _ = timeout(FAREWELL, farewell).await;
            }
            // The answer to it, which has been written, is sent.
            End::Closed => {
                let _ = timeout(FAREWELL, last(&mut socket)).await;
            }
            End::Slow => {
                self.app.engine.sockets().dropped.fetch_add(1, Ordering::Relaxed);
                tracing::info!(request.id = %self.id.0, "socket.dropped");
            }
            End::Gone => {}
        }
    }

    async fn talk(&mut self, socket: &mut WebSocket, held: &mut Held) -> End {
        let limits = self.app.engine.limits();
        let late = tokio::time::sleep(Duration::from_millis(limits.init_ms));
        // Something moves long before the connection would be taken for idle.
        let every = Duration::from_millis(limits.idle_ms / 3);
        let every = every.clamp(Duration::from_millis(10), PING_MAX);
        let mut pings = tokio::time::interval(every);
        pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looks = tokio::time::interval(LOOK_EVERY.min(every));
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let Some(mut waiting) = self.waiting.take() else { return End::Gone };
        let (mut late, mut heard) = (std::pin::pin!(late), Instant::now());
        loop {
            let said = tokio::select! {
                () = held.stopped() => Err(Close::new(1001, "Going away").into()),
                () = &mut late, if self.caller.is_none() => {
                    Err(Close::new(4408, "Connection initialisation timeout").into())
                }
                frame = socket.recv() => {
                    heard = Instant::now();
                    self.hear(frame).await
                }
                Some(outgoing) = waiting.recv() => Ok(self.take(outgoing)),
                _ = pings.tick(), if self.caller.is_some() => {
                    if heard.elapsed() > every * UNANSWERED_MAX {
                        Err(Close::new(4499, "Terminated").into())
                    } else {
                        Ok(Some(message::ping()))
                    }
                }
                _ = looks.tick(), if self.caller.is_some() => {
                    self.look_again().await.map(|()| None)
                }
            };
            match said {
                Ok(Some(text)) => {
                    if let Err(end) = self.send(socket, text).await {
                        return end;
                    }
                }
                Ok(None) => {}
                Err(end) => return end,
            }
        }
    }

    async fn send(&self, socket: &mut WebSocket, text: String) -> Result<(), End> {
        let patience = Duration::from_millis(self.app.engine.limits().slow_reader_ms);
        match timeout(patience, socket.send(Frame::Text(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Slow),
        }
    }

    /// What a frame comes to: what to say to it.
    async fn hear(
        &mut self,
        frame: Option<Result<Frame, axum::Error>>,
    ) -> Result<Option<String>, End> {
        let text = match frame {
            Some(Ok(Frame::Text(text))) => text,
            Some(Ok(Frame::Binary(_))) => {
                return Err(Close::new(4400, "expected messages that are text").into());
            }
            // Pings of the WebSocket itself are answered by it.
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => return Ok(None),
            Some(Ok(Frame::Close(_))) => return Err(End::Closed),
            None => return Err(End::Gone),
            Some(Err(error)) => return Err(broken(&error)),
        };
        match message::read(&text)? {
            Message::Init(shown) => self.init(shown).await.map(Some),
            Message::Ping(payload) => Ok(Some(message::pong(payload))),
            Message::Pong => Ok(None),
            Message::Subscribe(id, said) => self.subscribe(id, *said).await,
            Message::Complete(id) => {
                self.operations.remove(&id);
                Ok(None)
            }
        }
    }

    async fn init(&mut self, shown: Option<String>) -> Result<String, End> {
        if self.caller.is_some() {
            return Err(Close::new(4429, "Too many initialisation requests").into());
        }
        if let Some(shown) = shown {
            let value = HeaderValue::from_str(&shown);
            let value = value.map_err(|_| Close::new(4403, "Forbidden"))?;
            self.headers.insert(header::AUTHORIZATION, value);
        }
        let admitted = self.app.access.admit(&self.headers, self.peer).await;
        self.caller = Some(admitted.map_err(|refused| close_for(&refused))?);
        Ok(message::ack())
    }

    /// Whether the key is still good. Where it cannot be verified, it goes on as it is.
    async fn look_again(&mut self) -> Result<(), End> {
        match self.app.access.know(&self.headers).await {
            Ok(caller) => self.caller = Some(caller),
            Err(refused) if refused.code == Code::AuthenticationUnavailable => {}
            Err(refused) => return Err(close_for(&refused).into()),
        }
        Ok(())
    }

    async fn subscribe(&mut self, id: String, said: Said) -> Result<Option<String>, End> {
        let Some(caller) = self.caller.clone() else {
            return Err(Close::new(4401, "Unauthorized").into());
        };
        if self.operations.contains_key(&id) {
            let reason = format!("Subscriber for {id} already exists");
            return Err(Close::new(4409, reason).into());
        }
        self.app.watch.metrics.socket_operation();
        let most = self.app.engine.limits().subscriptions;
        let refused = if self.operations.len() >= most {
            let message = format!("expected at most {most} operations at once, found more");
            Err(Refused::new(Code::TooManySubscriptions, message))
        } else {
            self.app.access.count(&self.headers, self.peer, &caller).await
        };
        if let Err(refused) = refused {
            let answer = Answer::from(refused);
            count_errors(&self.app, &answer);
            return Ok(message::answer(&id, &answer).ok().map(|it| it.0));
        }
        self.begun += 1;
        let (outgoing, app) = (self.outgoing.clone(), self.app.clone());
        let has_failed = AtomicBool::new(false);
        let teller = Teller { app, id: id.clone(), number: self.begun, outgoing, has_failed };
        let work = teller.carry_out(self.id.clone(), caller, said);
        let task = tokio::spawn(work.instrument(request_span(&self.id.0)));
        let operation = Operation {
            number: self.begun,
            _task: AbortOnDrop(task.abort_handle()),
            _counted: Counted::new(&self.app, |sockets| &sockets.operations),
        };
        self.operations.insert(id, operation);
        Ok(None)
    }

    /// A message of an operation, unless that was ended in the meantime.
    fn take(&mut self, outgoing: Outgoing) -> Option<String> {
        let operation = self.operations.get(&outgoing.id)?;
        if operation.number != outgoing.number {
            return None;
        }
        if outgoing.is_last {
            self.operations.remove(&outgoing.id);
        } else {
            self.app.engine.sockets().answers.fetch_add(1, Ordering::Relaxed);
        }
        Some(outgoing.text)
    }
}

/// Errors count wherever they are told.
fn count_errors(app: &App, answer: &Answer) {
    for code in answer.codes() {
        app.watch.metrics.error(code);
    }
}

/// Sends what is written and reads until there is no more.
async fn last(socket: &mut WebSocket) {
    while let Some(Ok(_)) = socket.recv().await {}
}

fn close_for(refused: &Refused) -> Close {
    match refused.code {
        Code::TooManyRequests | Code::AuthenticationUnavailable => {
            Close::new(1013, "Try again later")
        }
        _ => Close::new(4403, "Forbidden"),
    }
}

/// What to do where a frame cannot be read.
fn broken(error: &axum::Error) -> End {
    let text = error.to_string();
    if text.contains("too long") || text.contains("too large") || text.contains("Space limit") {
        return Close::new(1009, "expected a shorter message").into();
    }
    End::Gone
}

/// Tells what comes of an operation.
struct Teller {
    app: App,
    id: String,
    number: u64,
    outgoing: mpsc::Sender<Outgoing>,
    /// Whether it has failed: it counts as one that did once, however many answers say so.
    has_failed: AtomicBool,
}

impl Teller {
    async fn carry_out(self, request: RequestId, caller: Caller, said: Said) {
        let started = Instant::now();
        let work = AssertUnwindSafe(self.answers(&request, caller, said));
        if let Err(panic) = work.catch_unwind().await {
            let cause = format!("panicked: {}", super::super::panic_message(&*panic));
            self.tell(&Answer::failed(&request, &cause)).await;
        }
        tracing::info!(
            operation.failed = self.has_failed.load(Ordering::Relaxed),
            duration.ms = started.elapsed().as_secs_f64() * 1e3,
            "operation.done"
        );
    }

    async fn answers(&self, request: &RequestId, caller: Caller, said: Said) {
        let app = &self.app;
        let world = World::of(app, caller, Some(feed(app)));
        let limits = app.engine.limits();
        match app.engine.answer(world, request, said, Method::Socket).await {
            Outcome::Answer(answer) => {
                if self.tell(&answer).await {
                    self.end().await;
                }
            }
            Outcome::WrongMethod(refused) => {
                self.tell(&Answer::from(refused).seen(request, limits)).await;
            }
            Outcome::Stream(mut answers) => {
                while let Some(answer) = answers.next().await {
                    self.tell(&answer).await;
                }
                self.end().await;
            }
        }
    }

    /// Tells an answer; whether more may follow.
    async fn tell(&self, answer: &Answer) -> bool {
        count_errors(&self.app, answer);
        if is_failure(answer.codes()) && !self.has_failed.swap(true, Ordering::Relaxed) {
            self.app.watch.metrics.request_failed();
        }
        match message::answer(&self.id, answer) {
            Ok((text, is_last)) => {
                self.send(text, is_last).await;
                !is_last
            }
            Err(error) => {
                tracing::error!(error.cause = %error, "request.unprintable");
                true
            }
        }
    }

    async fn end(&self) {
        self.send(message::complete(&self.id), true).await;
    }

    async fn send(&self, text: String, is_last: bool) {
        let outgoing = Outgoing { id: self.id.clone(), number: self.number, text, is_last };
        // The connection may have ended.
        let _ = self.outgoing.send(outgoing).await;
    }
}

fn feed(app: &App) -> Feed {
    let networks = Arc::clone(&app.networks);
    Feed { networks: Arc::new(move || changes(&networks)), clock: app.clock.clone() }
}

/// The networks that take over from now on.
fn changes(networks: &Networks) -> NetworkStream {
    let taken = stream::unfold(networks.changes(), async |mut changes| {
        changes.changed().await.ok()?;
        let network = Arc::clone(&changes.borrow_and_update().network);
        Some((network, changes))
    });
    Box::pin(taken)
}
