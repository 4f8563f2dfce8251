//! Metrics, in the text form of OpenMetrics. Counts and times are added where things happen; what
//! others count themselves is read from them at each scrape.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Metric, Registry};

use super::{Process, TraceStats};
use crate::limit::SharedStats;
use crate::networks::NetworkStats;
use crate::search::Engine;
use crate::store::{
    BreakerState, BreakerStats, LookupStats, PoolStats, ReplicaState, ReplicaStats, WriteStats,
};

/// One label.
type One = [(&'static str, &'static str); 1];

type Real = Gauge<f64, AtomicU64>;
type RealCounter = Counter<f64, AtomicU64>;

/// The media type of [`Metrics::text`].
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Request {
    method: String,
    path: String,
    status: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Code {
    code: String,
}

#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Status {
    status: Booked,
}

#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Change {
    mutation: Mutation,
    status: Booked,
}

/// How a booking or a change ended.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "label values are written as they are here")]
pub enum Booked {
    /// It took effect, or had before, under the same idempotency key.
    success,
    /// It breaks a rule.
    refused,
    /// The database was not there, or something broke.
    failed,
}

/// Which mutation.
#[derive(Debug, Clone, Copy, Hash, PartialEq, Eq, EncodeLabelValue)]
#[expect(non_camel_case_types, reason = "label values are written as GraphQL has them")]
pub enum Mutation {
    /// `bookTrip`.
    bookTrip,
    /// `cancelTrip`.
    cancelTrip,
    /// `cancelReservation`.
    cancelReservation,
}

/// What is read at a scrape.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The network file's version.
    pub network_version: String,
    /// Unix seconds of the end of its last date.
    pub network_ends_at: i64,
    /// Seconds since it was written; since this server took it where it is the bundled one.
    pub network_age_s: f64,
    /// The look-up cache.
    pub lookups: LookupStats,
    /// SQLite's writer.
    pub writes: WriteStats,
    /// The database's connections.
    pub pool: PoolStats,
    /// Network files.
    pub networks: NetworkStats,
    /// The circuit breakers.
    pub breakers: Vec<(&'static str, BreakerStats)>,
    /// The standby, where there is one.
    pub replica: Option<ReplicaStats>,
    /// What is at work, in line and was turned away.
    pub gates: Vec<(&'static str, Gate)>,
    /// Requests that were refused before any work, by reason.
    pub refused: Vec<(&'static str, u64)>,
    /// Subscriptions under way, answers sent on them, and clients dropped because they did not
    /// read.
    pub subscriptions: (u64, u64, u64),
    /// Whether changes of trips are heard from other servers, where there may be any.
    pub changes_heard: bool,
    /// Open connections, and those that were turned away.
    pub callers: (u64, u64),
    /// Seconds since API keys were last verified with success; none where there are no keys.
    pub keys_age_s: Option<u64>,
    /// What is shared with other servers, where something is.
    pub shared: Option<SharedStats>,
    /// Sent spans.
    pub traces: TraceStats,
    /// Lines of the log that were lost.
    pub log_lines_lost: u64,
    /// The process.
    pub process: Process,
    /// Tasks that are alive.
    pub tasks: u64,
}

/// A place in which requests wait for their turn.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gate {
    /// At work.
    pub at_work: u64,
    /// In line.
    pub waiting: u64,
    /// Turned away since the start.
    pub refused: u64,
}

/// All metrics of a server.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Histogram,
    requests_failed: Counter,
    socket_operations: Counter,
    errors: Family<Code, Counter>,
    searches: [Histogram; 2],
    itineraries: [Counter; 3],
    bookings: Family<Status, Counter>,
    booking_seconds: Histogram,
    changes: Family<Change, Counter>,
    statements: Histogram,
    statement_failures: Counter,
    slow_operations: Counter,
    active_trips: Gauge,
    audit_head: Gauge,
    read: Read,
}

/// What is set at each scrape.
#[derive(Debug, Default)]
struct Read {
    network_files: Family<One, Counter>,
    network_file_refused: Gauge,
    networks_held: Gauge,
    breaker_state: Family<One, Gauge>,
    breaker_opened: Family<One, Counter>,
    breaker_refused: Family<One, Counter>,
    reads: Family<One, Counter>,
    replica_failures: Counter,
    replica_behind: Gauge,
    replica_state: Gauge,
    at_work: Family<One, Gauge>,
    waiting: Family<One, Gauge>,
    shed: Family<One, Counter>,
    refused: Family<One, Counter>,
    subscriptions: Gauge,
    subscription_answers: Counter,
    slow_readers: Counter,
    changes_heard: Gauge,
    callers: Gauge,
    callers_refused: Counter,
    keys_age: Gauge,
    redis_up: Family<One, Gauge>,
    redis_away: Counter,
    answered_alone: Counter,
    network: Family<[(&'static str, String); 1], Gauge>,
    network_ends_at: Gauge,
    network_age: Real,
    lookup_hit_ratio: Real,
    lookups: Family<One, Counter>,
    group_jobs: Counter,
    group_commits: Counter,
    connections: Family<One, Gauge>,
    connections_max: Gauge,
    spans_exported: Counter,
    spans_lost: Counter,
    log_lines_lost: Counter,
    resident: Gauge,
    anonymous: Gauge,
    fds: Gauge,
    threads: Gauge,
    cpu: RealCounter,
    tasks: Gauge,
}

/// Adds a metric to the registry and hands it back.
fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

/// From a microsecond to some seconds.
fn search_buckets() -> impl Iterator<Item = f64> {
    exponential_buckets(1e-6, 4.0, 12)
}

/// From half a millisecond to some sixteen seconds.
fn request_buckets() -> impl Iterator<Item = f64> {
    exponential_buckets(5e-4, 2.0, 16)
}

/// Searches by engine, and itineraries by stops, with their labels looked up once.
fn searches(to: &mut Registry) -> ([Histogram; 2], [Counter; 3]) {
    let search_seconds =
        Family::<One, Histogram>::new_with_constructor(|| Histogram::new(search_buckets()));
    let of_stops = Family::<One, Counter>::default();
    let searches = ["tables", "exact"]
        .map(|engine| search_seconds.get_or_create(&[("engine", engine)]).clone());
    let itineraries =
        ["0", "1", "2"].map(|stops| of_stops.get_or_create(&[("stops", stops)]).clone());
    to.register(
        "search_duration_seconds",
        "Searches for itineraries, by the engine that answered",
        search_seconds,
    );
    to.register("search_itineraries", "Itineraries found, by changes of train", of_stops);
    (searches, itineraries)
}

/// What a failed request is.
const FAILED: &str = "Requests and operations not answered as they should be by the server's fault";

const SOCKETS: &str = "Operations that were asked for over WebSockets";

/// Bookings by how they ended, each from zero on.
fn bookings(to: &mut Registry) -> Family<Status, Counter> {
    let bookings = Family::<Status, Counter>::default();
    for status in [Booked::success, Booked::refused, Booked::failed] {
        let _ = bookings.get_or_create(&Status { status });
    }
    add(to, "booking_requests", "bookTrip, by how it ended", bookings)
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All at zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::default();
        let to = &mut registry;
        let (searches, itineraries) = searches(to);
        let request_seconds = Histogram::new(request_buckets());
        Self {
            requests: add(to, "http_requests", "Requests that were answered", Family::default()),
            request_seconds: add(
                to,
                "http_request_duration_seconds",
                "Requests, from their first byte to their answer",
                request_seconds,
            ),
            requests_failed: add(to, "graphql_requests_failed", FAILED, Counter::default()),
            socket_operations: add(to, "graphql_socket_operations", SOCKETS, Counter::default()),
            errors: add(
                to,
                "graphql_errors",
                "Errors told to callers, by extensions.code",
                Family::default(),
            ),
            searches,
            itineraries,
            bookings: bookings(to),
            booking_seconds: add(
                to,
                "booking_duration_seconds",
                "bookTrip, with its commit",
                Histogram::new(request_buckets()),
            ),
            changes: add(
                to,
                "mutation_requests",
                "Mutations, by how they ended",
                Family::default(),
            ),
            statements: add(
                to,
                "database_statement_duration_seconds",
                "Statements of the database",
                Histogram::new(exponential_buckets(1e-4, 2.0, 16)),
            ),
            statement_failures: add(
                to,
                "database_statement_failures",
                "Statements that failed, broken constraints included",
                Counter::default(),
            ),
            slow_operations: add(
                to,
                "graphql_slow_operations",
                "Operations that took longer than --slow-ms",
                Counter::default(),
            ),
            active_trips: add(
                to,
                "active_trips_total",
                "Confirmed trips that have not departed yet, counted twice a minute",
                Gauge::default(),
            ),
            audit_head: add(
                to,
                "audit_head_rows",
                "Rows of the audit log that this server knows to be sealed",
                Gauge::default(),
            ),
            read: Read::new(to),
            registry,
        }
    }

    /// A request was answered.
    pub fn request(&self, method: &str, path: &str, status: u16, took: Duration) {
        let labels = Request { method: method.to_owned(), path: path.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// An operation was asked for over a WebSocket.
    pub fn socket_operation(&self) {
        self.socket_operations.inc();
    }

    /// A request, or an operation over a WebSocket, could not be answered as it should.
    pub fn request_failed(&self) {
        self.requests_failed.inc();
    }

    /// A caller was told an error.
    pub fn error(&self, code: &str) {
        self.errors.get_or_create(&Code { code: code.to_owned() }).inc();
    }

    /// A search was made; itineraries found with none, one and two stops.
    pub fn search(&self, engine: Engine, took: Duration, by_stops: [u64; 3]) {
        let [tables, exact] = &self.searches;
        let histogram = match engine {
            Engine::Tables => tables,
            Engine::Exact => exact,
        };
        histogram.observe(took.as_secs_f64());
        for (counter, found) in self.itineraries.iter().zip(by_stops) {
            counter.inc_by(found);
        }
    }

    /// A mutation ended.
    pub fn mutation(&self, mutation: Mutation, status: Booked, took: Duration) {
        self.changes.get_or_create(&Change { mutation, status }).inc();
        if mutation == Mutation::bookTrip {
            self.bookings.get_or_create(&Status { status }).inc();
            self.booking_seconds.observe(took.as_secs_f64());
        }
    }

    /// A statement ended.
    pub fn statement(&self, took: Duration, failed: bool) {
        self.statements.observe(took.as_secs_f64());
        if failed {
            self.statement_failures.inc();
        }
    }

    /// An operation took long.
    pub fn slow_operation(&self) {
        self.slow_operations.inc();
    }

    /// Confirmed trips that have not departed yet.
    pub fn set_active_trips(&self, trips: u64) {
        self.active_trips.set(trips.cast_signed());
    }

    /// The audit log is sealed up to this row.
    pub fn set_audit_head(&self, sequence: i64) {
        self.audit_head.set(sequence);
    }

    /// Everything, as Prometheus reads it.
    pub fn text(&self, snapshot: &Snapshot) -> String {
        self.read.set(snapshot);
        let mut text = String::new();
        // A string takes whatever is written.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Takes over what others have counted.
fn count(counter: &Counter, value: u64) {
    counter.inner().store(value, Ordering::Relaxed);
}

impl Read {
    fn new(to: &mut Registry) -> Self {
        let read = Self::default();
        let build = Family::<One, Gauge>::default();
        build.get_or_create(&[("version", env!("CARGO_PKG_VERSION"))]).set(1);
        to.register("build_info", "The program", build);
        to.register("network_info", "The network file that answers", read.network.clone());
        to.register(
            "network_ends_at_seconds",
            "End of its last date",
            read.network_ends_at.clone(),
        );
        to.register(
            "network_age_seconds",
            "Since the file that was taken was written; of the bundled one, since the start",
            read.network_age.clone(),
        );
        to.register(
            "client_lookup_cache_hit_ratio",
            "Part of look-ups of clients that asked no database",
            read.lookup_hit_ratio.clone(),
        );
        to.register("client_lookups", "Look-ups of clients", read.lookups.clone());
        to.register(
            "database_group_commit_jobs",
            "Jobs that SQLite's writer committed",
            read.group_jobs.clone(),
        );
        to.register(
            "database_group_commits",
            "Commits that they shared",
            read.group_commits.clone(),
        );
        to.register(
            "database_connections",
            "Connections to the database, readers' ones for SQLite",
            read.connections.clone(),
        );
        to.register("database_connections_max", "At most", read.connections_max.clone());
        read.register_edges(to);
        read.register_subscriptions(to);
        to.register("trace_spans_exported", "Spans a collector took", read.spans_exported.clone());
        to.register("trace_spans_lost", "Spans it did not take", read.spans_lost.clone());
        to.register("log_lines_lost", "Lines nobody took", read.log_lines_lost.clone());
        to.register(
            "process_resident_memory_bytes",
            "Memory, the network file's pages included",
            read.resident.clone(),
        );
        to.register(
            "process_anonymous_memory_bytes",
            "Memory without files",
            read.anonymous.clone(),
        );
        to.register("process_open_fds", "Open files and sockets", read.fds.clone());
        to.register("process_threads", "Threads", read.threads.clone());
        to.register("process_cpu_seconds", "Processor time", read.cpu.clone());
        to.register("tokio_tasks", "Tasks that are alive", read.tasks.clone());
        read
    }

    /// What stands between callers and their answers.
    fn register_edges(&self, to: &mut Registry) {
        to.register("network_files", "Network files, by result", self.network_files.clone());
        to.register(
            "network_file_refused",
            "1 while the file at the path is refused, and the one before answers",
            self.network_file_refused.clone(),
        );
        to.register(
            "networks_held",
            "Networks in memory: the one that answers, and those that requests still use",
            self.networks_held.clone(),
        );
        to.register(
            "database_breaker_state",
            "0 closed, 1 half open, 2 open",
            self.breaker_state.clone(),
        );
        to.register("database_breaker_opened", "Times that it opened", self.breaker_opened.clone());
        to.register(
            "database_breaker_refused",
            "Requests that it refused",
            self.breaker_refused.clone(),
        );
        to.register("database_reads", "Reads, by who answered them", self.reads.clone());
        to.register(
            "database_replica_failures",
            "Times that the replica failed",
            self.replica_failures.clone(),
        );
        to.register(
            "database_replica_behind_bytes",
            "What it has not applied of the primary's log",
            self.replica_behind.clone(),
        );
        to.register(
            "database_replica_state",
            "0 none or not asked yet, 1 read, 2 behind, 3 away, 4 no standby of this primary",
            self.replica_state.clone(),
        );
        to.register("requests_at_work", "Requests at work", self.at_work.clone());
        to.register("requests_waiting", "Requests in line", self.waiting.clone());
        to.register("requests_shed", "Requests that were one too many", self.shed.clone());
        to.register(
            "requests_refused",
            "Requests that were refused before any work, by reason",
            self.refused.clone(),
        );
        to.register("connections_open", "Connections of callers", self.callers.clone());
        to.register(
            "connections_refused",
            "Connections that were one too many",
            self.callers_refused.clone(),
        );
        to.register(
            "api_keys_age_seconds",
            "Since keys were last verified with success",
            self.keys_age.clone(),
        );
        to.register("redis_up", "Whether REDIS_URL answers", self.redis_up.clone());
        to.register("redis_away", "Times that it went away", self.redis_away.clone());
        to.register(
            "redis_answered_alone",
            "Questions that this process answered by itself, since it was away",
            self.answered_alone.clone(),
        );
    }

    fn register_subscriptions(&self, to: &mut Registry) {
        to.register("subscriptions_open", "Subscriptions under way", self.subscriptions.clone());
        to.register(
            "subscription_answers",
            "Answers sent to subscriptions",
            self.subscription_answers.clone(),
        );
        to.register(
            "subscription_slow_readers",
            "Clients that were dropped since they did not read",
            self.slow_readers.clone(),
        );
        to.register(
            "trip_changes_heard",
            "Whether changes of trips are heard",
            self.changes_heard.clone(),
        );
    }

    fn set_edges(&self, now: &Snapshot) {
        let number = |gauge: &Gauge, value: u64| {
            gauge.set(value.cast_signed());
        };
        let taken = self.network_files.get_or_create(&[("result", "taken")]);
        count(&taken, now.networks.swaps);
        drop(taken);
        let refused = self.network_files.get_or_create(&[("result", "refused")]);
        count(&refused, now.networks.refusals);
        drop(refused);
        number(&self.network_file_refused, u64::from(now.networks.is_refused));
        number(&self.networks_held, now.networks.held);
        for (of, stats) in &now.breakers {
            let state = match stats.state {
                BreakerState::Closed => 0,
                BreakerState::HalfOpen => 1,
                BreakerState::Open => 2,
            };
            self.breaker_state.get_or_create(&[("of", *of)]).set(state);
            count(&self.breaker_opened.get_or_create(&[("of", *of)]), stats.opened);
            count(&self.breaker_refused.get_or_create(&[("of", *of)]), stats.refused);
        }
        if let Some(replica) = now.replica {
            let reads = |from| self.reads.get_or_create(&[("from", from)]).clone();
            count(&reads("replica"), replica.from_replica);
            count(&reads("primary"), replica.from_primary);
            count(&self.replica_failures, replica.failures);
            self.replica_behind.set(replica.behind_bytes);
            self.replica_state.set(match replica.state {
                None => 0,
                Some(ReplicaState::Read) => 1,
                Some(ReplicaState::Behind) => 2,
                Some(ReplicaState::Away) => 3,
                Some(ReplicaState::Refused) => 4,
            });
        }
        for (of, gate) in &now.gates {
            number(&self.at_work.get_or_create(&[("of", *of)]), gate.at_work);
            number(&self.waiting.get_or_create(&[("of", *of)]), gate.waiting);
            count(&self.shed.get_or_create(&[("of", *of)]), gate.refused);
        }
        for (reason, refused) in &now.refused {
            count(&self.refused.get_or_create(&[("reason", *reason)]), *refused);
        }
        let (open, answers, dropped) = now.subscriptions;
        number(&self.subscriptions, open);
        count(&self.subscription_answers, answers);
        count(&self.slow_readers, dropped);
        self.changes_heard.set(i64::from(now.changes_heard));
        number(&self.callers, now.callers.0);
        count(&self.callers_refused, now.callers.1);
        number(&self.keys_age, now.keys_age_s.unwrap_or_default());
        if let Some(shared) = now.shared {
            // Only where there is one to be up.
            let up = self.redis_up.get_or_create(&[("from", "REDIS_URL")]);
            up.set(i64::from(shared.is_there));
            count(&self.redis_away, shared.times_away);
            count(&self.answered_alone, shared.answered_alone);
        }
    }

    fn set(&self, now: &Snapshot) {
        self.set_edges(now);
        let number = |gauge: &Gauge, value: u64| {
            gauge.set(value.cast_signed());
        };
        self.network.clear();
        self.network.get_or_create(&[("version", now.network_version.clone())]).set(1);
        self.network_ends_at.set(now.network_ends_at);
        self.network_age.set(now.network_age_s);
        self.lookup_hit_ratio.set(now.lookups.hit_ratio());
        count(&self.lookups.get_or_create(&[("cache", "hit")]), now.lookups.hits);
        count(&self.lookups.get_or_create(&[("cache", "miss")]), now.lookups.misses);
        count(&self.group_jobs, now.writes.jobs);
        count(&self.group_commits, now.writes.commits);
        let PoolStats { open, idle, most } = now.pool;
        let connections = |state, value| {
            self.connections.get_or_create(&[("state", state)]).set(i64::from(value));
        };
        connections("busy", open.saturating_sub(idle));
        connections("idle", idle);
        self.connections_max.set(i64::from(most));
        count(&self.spans_exported, now.traces.exported);
        count(&self.spans_lost, now.traces.lost);
        count(&self.log_lines_lost, now.log_lines_lost);
        let process = now.process;
        number(&self.resident, process.resident_bytes);
        number(&self.anonymous, process.anonymous_bytes);
        number(&self.fds, process.open_fds);
        number(&self.threads, process.threads);
        self.cpu.inner().store(process.cpu_seconds.to_bits(), Ordering::Relaxed);
        number(&self.tasks, now.tasks);
    }
}
