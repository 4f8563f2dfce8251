//! What a caller may use: of bytes, of a document, of time. Read once, at the start.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::address::Proxy;

/// What a caller may use. Each limit is an option of `serve` and an environment variable.
#[derive(Debug, Clone, Args)]
pub struct Limits {
    /// Bytes of a request's body at most.
    #[arg(long = "limit-body-bytes", env = "RAILGRAPH_LIMIT_BODY_BYTES")]
    #[arg(value_name = "BYTES", default_value_t = DEFAULT.body_bytes)]
    #[arg(value_parser = not_zero::<usize>)]
    pub body_bytes: usize,
    /// Bytes of a document at most.
    #[arg(long = "limit-document-bytes", env = "RAILGRAPH_LIMIT_DOCUMENT_BYTES")]
    #[arg(value_name = "BYTES", default_value_t = DEFAULT.document_bytes)]
    #[arg(value_parser = not_zero::<usize>)]
    pub document_bytes: usize,
    /// Tokens of a document at most.
    #[arg(long = "limit-tokens", env = "RAILGRAPH_LIMIT_TOKENS")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.tokens, value_parser = not_zero::<usize>)]
    pub tokens: usize,
    /// How deep brackets of all kinds may nest. The parser recurses, so that there is a highest.
    #[arg(long = "limit-nesting", env = "RAILGRAPH_LIMIT_NESTING", value_name = "COUNT")]
    #[arg(default_value_t = DEFAULT.nesting, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub nesting: u32,
    /// How deep fields may nest, through fragments.
    #[arg(long = "limit-depth", env = "RAILGRAPH_LIMIT_DEPTH")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.depth, value_parser = not_zero::<u64>)]
    pub depth: u64,
    /// Aliases of a document at most, each as often as fragments repeat it.
    #[arg(long = "limit-aliases", env = "RAILGRAPH_LIMIT_ALIASES")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.aliases)]
    pub aliases: u64,
    /// Fields at the root of a query at most.
    #[arg(long = "limit-root-fields", env = "RAILGRAPH_LIMIT_ROOT_FIELDS")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.root_fields)]
    #[arg(value_parser = not_zero::<u64>)]
    pub root_fields: u64,
    /// Fields at the root of a mutation at most.
    #[arg(long = "limit-mutations", env = "RAILGRAPH_LIMIT_MUTATIONS")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.mutations)]
    pub mutations: u64,
    /// Directives of a document at most, each as often as fragments repeat it.
    #[arg(long = "limit-directives", env = "RAILGRAPH_LIMIT_DIRECTIVES")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.directives)]
    pub directives: u64,
    /// Fragments of a document at most.
    #[arg(long = "limit-fragments", env = "RAILGRAPH_LIMIT_FRAGMENTS", value_name = "COUNT")]
    #[arg(default_value_t = DEFAULT.fragments)]
    #[arg(value_parser = clap::value_parser!(u32).range(..=64))]
    pub fragments: u32,
    /// Selections of a document at most, each as often as fragments repeat it.
    #[arg(long = "limit-selections", env = "RAILGRAPH_LIMIT_SELECTIONS")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.selections)]
    #[arg(value_parser = not_zero::<u64>)]
    pub selections: u64,
    /// Fields of an answer at most, as far as the request tells: a list counts what is in it as
    /// often as it has rows, those that are asked for or 20.
    #[arg(long = "limit-complexity", env = "RAILGRAPH_LIMIT_COMPLEXITY")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.complexity)]
    #[arg(value_parser = not_zero::<u64>)]
    pub complexity: u64,
    /// How many times as much about the schema may be asked for as tools commonly do.
    #[arg(long = "limit-introspection", env = "RAILGRAPH_LIMIT_INTROSPECTION")]
    #[arg(value_name = "TIMES", default_value_t = DEFAULT.introspection)]
    pub introspection: u64,
    /// Rows of a page at most.
    #[arg(long = "limit-page-rows", env = "RAILGRAPH_LIMIT_PAGE_ROWS", value_name = "COUNT")]
    #[arg(default_value_t = DEFAULT.page_rows)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=100))]
    pub page_rows: u32,
    /// Errors that an answer tells at most; it says how many more there were.
    #[arg(long = "limit-errors", env = "RAILGRAPH_LIMIT_ERRORS")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.errors)]
    pub errors: usize,
    /// Milliseconds that a query may take.
    #[arg(long = "limit-search-ms", env = "RAILGRAPH_LIMIT_SEARCH_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.search_ms, value_parser = not_zero::<u64>)]
    pub search_ms: u64,
    /// Milliseconds after which a mutation is not waited for. It may still take effect.
    #[arg(long = "limit-mutation-ms", env = "RAILGRAPH_LIMIT_MUTATION_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.mutation_ms, value_parser = not_zero::<u64>)]
    pub mutation_ms: u64,
    /// Milliseconds within which a request's headers must have come, or the next request of a
    /// connection must have begun.
    #[arg(long = "limit-header-ms", env = "RAILGRAPH_LIMIT_HEADER_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.header_ms, value_parser = not_zero::<u64>)]
    pub header_ms: u64,
    /// Milliseconds within which a request's body must have come.
    #[arg(long = "limit-body-ms", env = "RAILGRAPH_LIMIT_BODY_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.body_ms, value_parser = not_zero::<u64>)]
    pub body_ms: u64,
    /// Milliseconds for which nothing may move on a connection.
    #[arg(long = "limit-idle-ms", env = "RAILGRAPH_LIMIT_IDLE_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.idle_ms, value_parser = not_zero::<u64>)]
    pub idle_ms: u64,
    /// Milliseconds after which a connection is asked to end, and its caller to open another.
    #[arg(long = "limit-connection-ms", env = "RAILGRAPH_LIMIT_CONNECTION_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.connection_ms)]
    #[arg(value_parser = not_zero::<u64>)]
    pub connection_ms: u64,
    /// Milliseconds that requests get to end when their connection or the server does.
    #[arg(long = "limit-drain-ms", env = "RAILGRAPH_LIMIT_DRAIN_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.drain_ms)]
    pub drain_ms: u64,
    /// Bytes that documents kept for reuse may take, about.
    #[arg(long = "limit-kept-bytes", env = "RAILGRAPH_LIMIT_KEPT_BYTES")]
    #[arg(value_name = "BYTES", default_value_t = DEFAULT.kept_bytes)]
    pub kept_bytes: usize,
    /// Requests a second of each API key, as many at once, too; 0 for no limit. Where it is not
    /// said, 1,000 with API keys and no limit without.
    #[arg(long = "limit-requests-per-key", env = "RAILGRAPH_LIMIT_REQUESTS_PER_KEY")]
    #[arg(value_name = "COUNT")]
    pub requests_per_key: Option<u32>,
    /// Requests a second of each address, as many at once, too; 0 for no limit. Where it is not
    /// said, 1,000 with API keys and no limit without.
    #[arg(long = "limit-requests-per-address", env = "RAILGRAPH_LIMIT_REQUESTS_PER_ADDRESS")]
    #[arg(value_name = "COUNT")]
    pub requests_per_address: Option<u32>,
    /// Look-ups a minute of each API key by name and id number, and by reference and name where
    /// they miss; 0 for no limit. Where it is not said, 5 with API keys and no limit without.
    #[arg(long = "limit-lookups", env = "RAILGRAPH_LIMIT_LOOKUPS", value_name = "COUNT")]
    pub lookups: Option<u32>,
    /// Searches that are made at once; twice the processors where it is not said.
    #[arg(long = "limit-searches", env = "RAILGRAPH_LIMIT_SEARCHES", value_name = "COUNT")]
    #[arg(value_parser = permits)]
    pub searches_at_once: Option<usize>,
    /// Searches that wait to be made. Those beyond are refused.
    #[arg(long = "limit-searches-waiting", env = "RAILGRAPH_LIMIT_SEARCHES_WAITING")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.searches_waiting)]
    pub searches_waiting: usize,
    /// Bookings, and other requests that ask the database, that are under way at once.
    #[arg(long = "limit-bookings", env = "RAILGRAPH_LIMIT_BOOKINGS", value_name = "COUNT")]
    #[arg(default_value_t = DEFAULT.bookings_at_once, value_parser = permits)]
    pub bookings_at_once: usize,
    /// Bookings that wait to be made. Those beyond are refused.
    #[arg(long = "limit-bookings-waiting", env = "RAILGRAPH_LIMIT_BOOKINGS_WAITING")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.bookings_waiting)]
    pub bookings_waiting: usize,
    /// Milliseconds that a request waits in line. Those that would wait longer, going by how long
    /// requests have taken lately, are refused.
    #[arg(long = "limit-waiting-ms", env = "RAILGRAPH_LIMIT_WAITING_MS", value_name = "MS")]
    #[arg(default_value_t = DEFAULT.waiting_ms)]
    pub waiting_ms: u64,
    /// Connections that are open at once.
    #[arg(long = "limit-connections", env = "RAILGRAPH_LIMIT_CONNECTIONS", value_name = "COUNT")]
    #[arg(default_value_t = DEFAULT.connections, value_parser = not_zero::<usize>)]
    pub connections: usize,
    /// Connections that are open at once from one address, unless it is this machine's own or a
    /// trusted proxy's.
    #[arg(long = "limit-connections-per-address", value_name = "COUNT")]
    #[arg(env = "RAILGRAPH_LIMIT_CONNECTIONS_PER_ADDRESS")]
    #[arg(default_value_t = DEFAULT.connections_per_address, value_parser = not_zero::<usize>)]
    pub connections_per_address: usize,
    /// Operations that are under way at once on one WebSocket.
    #[arg(long = "limit-subscriptions", env = "RAILGRAPH_LIMIT_SUBSCRIPTIONS")]
    #[arg(value_name = "COUNT", default_value_t = DEFAULT.subscriptions)]
    pub subscriptions: usize,
    /// Milliseconds within which a WebSocket must have been initialised.
    #[arg(long = "limit-init-ms", env = "RAILGRAPH_LIMIT_INIT_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.init_ms, value_parser = not_zero::<u64>)]
    pub init_ms: u64,
    /// Milliseconds within which a message on a WebSocket must have been taken; whoever reads more
    /// slowly is dropped.
    #[arg(long = "limit-slow-reader-ms", env = "RAILGRAPH_LIMIT_SLOW_READER_MS")]
    #[arg(value_name = "MS", default_value_t = DEFAULT.slow_reader_ms)]
    #[arg(value_parser = not_zero::<u64>)]
    pub slow_reader_ms: u64,
    /// Address or network of a proxy, whose word on whom it was called by (`X-Forwarded-For`) and
    /// over what (`X-Forwarded-Proto`) is taken. May be repeated.
    #[arg(long = "trusted-proxy", env = "RAILGRAPH_TRUSTED_PROXY", value_name = "ADDRESS")]
    #[arg(value_delimiter = ',')]
    pub trusted_proxies: Vec<Proxy>,
}

/// A number that is not 0, with which nothing would be answered.
fn not_zero<N: FromStr + From<bool> + PartialOrd>(text: &str) -> Result<N, String> {
    let number = text.parse().ok().filter(|number| *number >= N::from(true));
    number.ok_or_else(|| format!("expected a number from 1 on, found {text:?}"))
}

/// How many may be at it at once: as many as a semaphore counts with ease.
fn permits(text: &str) -> Result<usize, String> {
    let count = text.parse::<usize>().ok().filter(|count| (1..=1_000_000).contains(count));
    count.ok_or_else(|| format!("expected a number from 1 to 1000000, found {text:?}"))
}

const DEFAULT: Limits = Limits {
    body_bytes: 64 * 1024,
    document_bytes: 16 * 1024,
    tokens: 1_000,
    nesting: 32,
    depth: 15,
    aliases: 15,
    root_fields: 10,
    mutations: 1,
    directives: 10,
    fragments: 10,
    selections: 2_000,
    complexity: 10_000,
    introspection: 1,
    page_rows: 100,
    errors: 10,
    search_ms: 2_000,
    mutation_ms: 5_000,
    header_ms: 10_000,
    body_ms: 10_000,
    idle_ms: 15_000,
    connection_ms: 600_000,
    drain_ms: 20_000,
    kept_bytes: 32 * 1024 * 1024,
    requests_per_key: None,
    requests_per_address: None,
    lookups: None,
    searches_at_once: None,
    searches_waiting: 512,
    bookings_at_once: 128,
    bookings_waiting: 256,
    waiting_ms: 250,
    connections: 10_000,
    connections_per_address: 1_000,
    subscriptions: 50,
    init_ms: 3_000,
    slow_reader_ms: 5_000,
    trusted_proxies: Vec::new(),
};

impl Default for Limits {
    fn default() -> Self {
        DEFAULT
    }
}

impl Limits {
    /// The time that an operation may take.
    pub(super) const fn time(&self, is_mutation: bool) -> Duration {
        Duration::from_millis(if is_mutation { self.mutation_ms } else { self.search_ms })
    }
}
