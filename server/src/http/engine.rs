//! From what a request says to what is answered: the document, its operation, its variables, and
//! then its execution within the time it may take.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_graphql::futures_util::StreamExt;
use async_graphql::futures_util::stream::BoxStream;
use async_graphql::parser::types::OperationType;
use async_graphql::{Request, Response as Executed, Variables};
use chrono::{DateTime, Utc};
use tokio::task::{AbortHandle, JoinError};
use tracing::{Instrument, Span};

use super::answer::Answer;
use super::code::Code;
use super::documents::{Document, Documents, Trusted};
use super::guard::{Needs, Refused};
use super::limits::Limits;
use super::request::Said;
use super::shed::{GateStats, Gates, Work};
use super::socket::{SocketStats, Sockets};
use super::{App, RequestId, values};
use crate::graphql::{AppSchema, Caller, Feed, executor};
use crate::limit::{Lookups, Shared};
use crate::search::Network;
use crate::sight::Metrics;
use crate::store::Store;

/// How long an operation may take before it is told, where nobody says otherwise.
const SLOW: Duration = Duration::from_millis(500);

/// What answers documents.
pub struct Engine {
    limits: Limits,
    documents: Documents,
    executor: AppSchema,
    /// What takes longer is told in the log.
    slow: Duration,
    gates: Gates,
    sockets: Sockets,
}

/// What an operation is executed on.
pub struct World {
    /// The network that answers it, however long it takes.
    pub network: Arc<Network>,
    /// The bookings.
    pub store: Store,
    /// Who asks.
    pub caller: Caller,
    /// Who watches.
    pub metrics: Arc<Metrics>,
    /// How often callers may look people up.
    pub lookups: Arc<Lookups>,
    /// When.
    pub now: DateTime<Utc>,
    /// What a subscription has instead of network and moment.
    pub feed: Option<Feed>,
}

impl World {
    /// That of a request which comes now.
    pub(super) fn of(app: &App, caller: Caller, feed: Option<Feed>) -> Self {
        Self {
            network: app.networks.current(),
            store: app.store.clone(),
            caller,
            lookups: Arc::clone(app.access.lookups()),
            metrics: Arc::clone(&app.watch.metrics),
            now: (app.clock)(),
            feed,
        }
    }
}

/// Why a document cannot be trusted. It names the file.
#[derive(Debug, thiserror::Error)]
#[error("expected trusted documents without mistakes, found {}: {message}", path.display())]
pub struct NotTrusted {
    path: std::path::PathBuf,
    message: String,
}

/// How a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// For queries.
    Get,
    /// For queries and mutations.
    Post,
    /// A WebSocket, for everything.
    Socket,
}

/// What a request comes to.
pub enum Outcome {
    /// An answer.
    Answer(Answer),
    /// Its operation needs another method.
    WrongMethod(Refused),
    /// An answer for everything that happens, where a WebSocket asks.
    Stream(BoxStream<'static, Answer>),
}

impl Engine {
    /// With these limits and trusted documents.
    ///
    /// # Errors
    ///
    /// Where a trusted document is refused.
    pub async fn new(limits: Limits, trusted: &Trusted) -> Result<Self, NotTrusted> {
        let documents = Documents::new(trusted, &limits).await;
        let documents = documents.map_err(|(path, message)| NotTrusted { path, message })?;
        let gates = Gates::new(&limits);
        Ok(Self {
            limits,
            documents,
            executor: executor(),
            slow: SLOW,
            gates,
            sockets: Sockets::default(),
        })
    }

    /// Tells in the log which operations take longer than this.
    #[must_use]
    pub fn telling_slow(mut self, slow: Duration) -> Self {
        self.slow = slow;
        self
    }

    /// Shares the documents that callers send with other servers.
    #[must_use]
    pub fn sharing(mut self, shared: Option<Shared>) -> Self {
        self.documents.share(shared);
        self
    }

    /// How much searches and bookings have to do.
    pub fn gate_stats(&self) -> [GateStats; 2] {
        self.gates.stats()
    }

    /// How WebSockets fare.
    pub fn socket_stats(&self) -> SocketStats {
        self.sockets.stats()
    }

    pub(super) fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// The limits.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The documents.
    pub fn documents(&self) -> &Documents {
        &self.documents
    }

    /// Answers what is said. It is executed in a task of its own, so that a panic ends it alone,
    /// the time limit holds even where a search never waits, and a mutation ends whether its
    /// caller waits for it or not.
    pub(super) async fn answer(
        self: &Arc<Self>,
        world: World,
        id: &RequestId,
        said: Said,
        method: Method,
    ) -> Outcome {
        let limits = &self.limits;
        let prepared = match self.prepare(said, method, &world.caller).await {
            Ok(prepared) => prepared,
            Err(Outcome::Answer(answer)) => return Outcome::Answer(answer.seen(id, limits)),
            Err(other) => return other,
        };
        if prepared.is_subscription {
            return Outcome::Stream(self.stream(prepared, world, id));
        }
        let told = Told::of(&prepared, &world, self.slow);
        let Prepared { document, operation, variables, is_mutation, work, .. } = prepared;
        let place = match self.gates.enter(work).await {
            Ok(place) => place,
            Err(refused) => return Outcome::Answer(refused.into()),
        };
        if let Some(answer) =
            told.span.in_scope(|| direct(&document, &variables, &world, id, limits))
        {
            told.end();
            return Outcome::Answer(answer);
        }
        let engine = Arc::clone(self);
        let work = async move {
            // Given back when the work is done, whether or not somebody waits for it.
            let _place = place;
            engine.execute(&document, operation.as_deref(), variables, world).await
        };
        let answer = within(limits, id, is_mutation, work).instrument(told.span.clone()).await;
        told.end();
        Outcome::Answer(answer.seen(id, limits))
    }

    /// Everything before the execution.
    async fn prepare(
        &self,
        said: Said,
        method: Method,
        caller: &Caller,
    ) -> Result<Prepared, Outcome> {
        let limits = &self.limits;
        let refused = |refused: Refused| Outcome::Answer(refused.into());
        let all_refused = |errors| Outcome::Answer(Answer::Refused(errors));
        let document = self.documents.find(&said.wanted, limits).await.map_err(all_refused)?;
        let name = said.operation.as_deref();
        let operation = &document.operation(name).map_err(refused)?.node;
        if method == Method::Get && operation.ty != OperationType::Query {
            let message = "expected a query: mutations are sent by POST";
            return Err(Outcome::WrongMethod(Refused::new(Code::MethodNotAllowed, message)));
        }
        let is_subscription = operation.ty == OperationType::Subscription;
        if is_subscription && method != Method::Socket {
            let message = "expected a query or a mutation: subscriptions are opened by a WebSocket \
                           at /graphql/ws";
            return Err(refused(Refused::new(Code::BadRequest, message)));
        }
        let needs = document.verdict().needs(name);
        needs.map_or(Ok(()), |needs| needs.check(caller.scopes)).map_err(refused)?;
        let is_of_bookings = needs.is_some_and(Needs::is_of_bookings);
        let work = if is_of_bookings { Work::Booking } else { Work::Search };
        // One of the network has nothing to do until there is another one.
        if !is_subscription || is_of_bookings {
            self.gates.check(work).map_err(refused)?;
        }
        let is_mutation = operation.ty == OperationType::Mutation;
        let definitions = &operation.variable_definitions;
        let (types, fallbacks) = (self.documents.types(), document.fallbacks(name));
        let variables = values::variables(types, definitions, fallbacks, said.variables);
        let variables = variables.map_err(all_refused)?;
        document.verdict().check(name, &variables, limits).map_err(refused)?;
        let operation = said.operation;
        Ok(Prepared { document, operation, variables, is_mutation, is_subscription, work })
    }

    /// The answers of a subscription, which lives for as long as somebody holds them.
    fn stream(
        self: &Arc<Self>,
        prepared: Prepared,
        world: World,
        id: &RequestId,
    ) -> BoxStream<'static, Answer> {
        let mut request = Request::new("")
            .variables(prepared.variables)
            .data(world.store)
            .data(world.caller)
            .data(world.metrics)
            .data(world.lookups);
        if let Some(feed) = world.feed {
            request = request.data(feed);
        }
        request.operation_name = prepared.operation;
        request.set_parsed_query(prepared.document.parsed().clone());
        let (engine, id) = (Arc::clone(self), id.clone());
        let answers = self.executor.execute_stream(request);
        answers.map(move |it| Answer::Executed(it).seen(&id, &engine.limits)).boxed()
    }

    /// Executes an operation of a document that was read, with variables that were checked. The
    /// executor trusts both.
    pub async fn execute(
        &self,
        document: &Document,
        operation: Option<&str>,
        variables: Variables,
        world: World,
    ) -> Executed {
        let direct = document.direct().and_then(|direct| {
            let metrics = Some(&*world.metrics);
            direct.answer(document.parsed(), &variables, &world.network, metrics)
        });
        if let Some(answer) = direct {
            return answer;
        }
        let mut request = Request::new("")
            .variables(variables)
            .data(world.network)
            .data(world.store)
            .data(world.caller)
            .data(world.metrics)
            .data(world.lookups)
            .data(world.now);
        request.operation_name = operation.map(str::to_owned);
        request.set_parsed_query(document.parsed().clone());
        self.executor.execute(request).await
    }
}

/// An operation under way, for those who watch.
struct Told {
    span: Span,
    document: Arc<Document>,
    name: Option<String>,
    is_mutation: bool,
    metrics: Arc<Metrics>,
    started: Instant,
    slow: Duration,
}

impl Told {
    fn of(prepared: &Prepared, world: &World, slow: Duration) -> Self {
        let Prepared { document, operation, is_mutation, .. } = prepared;
        let span = tracing::debug_span!(
            "operation",
            graphql.operation.name = operation.as_deref(),
            graphql.operation.r#type = if *is_mutation { "mutation" } else { "query" },
            graphql.operation.hash = %document.hash(),
        );
        Self {
            span,
            document: Arc::clone(document),
            name: operation.clone(),
            is_mutation: *is_mutation,
            metrics: Arc::clone(&world.metrics),
            started: Instant::now(),
            slow,
        }
    }

    fn end(self) {
        let took = self.started.elapsed();
        if took <= self.slow {
            return;
        }
        self.metrics.slow_operation();
        tracing::warn!(
            operation.name = self.name,
            operation.hash = %self.document.hash(),
            operation.mutation = self.is_mutation,
            duration.ms = took.as_secs_f64() * 1e3,
            "operation.slow"
        );
    }
}

/// Answers a search that needs no executor at once: it never waits, so that a task of its own would
/// cost more than it. None where the executor has to see to it.
fn direct(
    document: &Document,
    variables: &Variables,
    world: &World,
    id: &RequestId,
    limits: &Limits,
) -> Option<Answer> {
    let direct = document.direct()?;
    let started = Instant::now();
    let metrics = Some(&*world.metrics);
    let search = || direct.answer(document.parsed(), variables, &world.network, metrics);
    match std::panic::catch_unwind(AssertUnwindSafe(search)) {
        // Where it took longer than it may, its time was up before its answer was there.
        Ok(Some(_)) if started.elapsed() > limits.time(false) => Some(late(false, limits).into()),
        Ok(answer) => answer.map(Answer::Executed),
        Err(panic) => {
            let cause = format!("panicked: {}", super::panic_message(&*panic));
            Some(Answer::failed(id, &cause))
        }
    }
}

/// Does the work in a task of its own, within the time that it may take.
async fn within(
    limits: &Limits,
    id: &RequestId,
    is_mutation: bool,
    work: impl Future<Output = Executed> + Send + 'static,
) -> Answer {
    let task = tokio::spawn(work.instrument(tracing::Span::current()));
    let _abort = (!is_mutation).then(|| AbortOnDrop(task.abort_handle()));
    match tokio::time::timeout(limits.time(is_mutation), task).await {
        Ok(Ok(executed)) => Answer::Executed(executed),
        Ok(Err(error)) => Answer::failed(id, &cause(error)),
        Err(_) => late(is_mutation, limits).into(),
    }
}

struct Prepared {
    document: Arc<Document>,
    operation: Option<String>,
    variables: Variables,
    is_mutation: bool,
    is_subscription: bool,
    work: Work,
}

/// Ends a query that nobody waits for.
pub(super) struct AbortOnDrop(pub AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn late(is_mutation: bool, limits: &Limits) -> Refused {
    if is_mutation {
        let message = format!(
            "expected the mutation to be done within {} ms; it may still take effect: send it \
             again with the same idempotencyKey",
            limits.mutation_ms
        );
        Refused::new(Code::MutationTimeout, message)
    } else {
        let message = format!("expected the query to be done within {} ms", limits.search_ms);
        Refused::new(Code::SearchTimeout, message)
    }
}

fn cause(error: JoinError) -> String {
    match error.try_into_panic() {
        Ok(panic) => format!("panicked: {}", super::panic_message(&*panic)),
        Err(error) => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::negotiate::Wording;
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_that_says_nothing_but_the_requests_id() {
        let (id, limits) = (RequestId("0123".to_owned()), Limits::default());
        for is_mutation in [false, true] {
            let work = async { panic!("the secret") };
            let answer = within(&limits, &id, is_mutation, work).await.seen(&id, &limits);
            for wording in [Wording::Json, Wording::GraphqlJson] {
                let response = answer.respond(wording);
                assert_eq!(response.status().as_u16(), 500);
                let body = axum::body::to_bytes(response.into_body(), 1_000).await.expect("bytes");
                let body = String::from_utf8_lossy(&body).into_owned();
                assert!(body.contains("\"INTERNAL\"") && body.contains("0123"), "{body}");
                assert!(!body.contains("secret") && !body.contains("data"), "{body}");
            }
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_takes_too_long_is_answered_in_time_even_where_it_never_waits() {
        let (id, long) = (RequestId("0123".to_owned()), Duration::from_millis(1_500));
        let limits = Limits { search_ms: 20, mutation_ms: 20, ..Limits::default() };
        for (is_mutation, code) in [(false, "SEARCH_TIMEOUT"), (true, "MUTATION_TIMEOUT")] {
            let started = std::time::Instant::now();
            let busy = async move {
                std::thread::sleep(long);
                Executed::default()
            };
            let answer = within(&limits, &id, is_mutation, busy).await;
            assert!(started.elapsed() < long, "{:?}", started.elapsed());
            let response = answer.respond(Wording::GraphqlJson);
            assert_eq!(response.status().as_u16(), 504);
            let body = axum::body::to_bytes(response.into_body(), 1_000).await.expect("bytes");
            assert!(String::from_utf8_lossy(&body).contains(code));
        }
    }
}
