//! The program's options: what `railgraph --help` says, and the configuration's manual.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use axum::http::HeaderValue;
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::access::{KeyId, Scopes};
use crate::http::{Limits, parse_origin};
use crate::store::AuditHead;

const EXAMPLES: &str = "\
Examples:
  Serve the bundled European network on http://127.0.0.1:8080, with bookings in an SQLite file:
    railgraph

  Serve a network file that `timetable-compiler build` wrote, with bookings in PostgreSQL:
    railgraph --network country.railgraph --listen 127.0.0.1:9000 \\
        --database-url postgres://railgraph@127.0.0.1/railgraph

  Ask callers for keys, so that other machines may call; first make the database and a key:
    railgraph migrate
    railgraph keys create --name shop --scopes search,book
    railgraph --auth keys --listen 0.0.0.0:8080

`railgraph COMMAND --help` has more of each. Exit codes: 0 done; 1 a sentence on standard error says
what was expected, what was found and what to do; 2 wrong usage.";

const SERVE_EXAMPLES: &str = "\
Examples:
  railgraph serve
  railgraph serve --network country.railgraph --listen 127.0.0.1:9000
  RAILGRAPH_LISTEN=127.0.0.1:9000 railgraph serve --log pretty --slow-ms 100";

const MIGRATE_EXAMPLES: &str = "\
Examples:
  railgraph migrate
  DATABASE_URL=postgres://railgraph@127.0.0.1/railgraph railgraph migrate";

const SCHEMA_EXAMPLES: &str = "\
Example:
  railgraph schema > schema.graphql";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  railgraph completions bash >> ~/.bash_completion
  railgraph completions zsh > ~/.zfunc/_railgraph
  railgraph completions fish > ~/.config/fish/completions/railgraph.fish";

const ARCHIVE_EXAMPLES: &str = "\
Examples:
  railgraph archive
  railgraph archive --before 2026-01-01
  railgraph archive --verify
  railgraph archive --restore";

const AUDIT_EXAMPLES: &str = "\
Example:
  railgraph audit verify";

const CREATE_EXAMPLES: &str = "\
Examples:
  railgraph keys create --name shop --scopes search,book
  railgraph keys create --name 'support desk' --scopes search,book,support --expires 90d";

const LIST_EXAMPLES: &str = "\
Example:
  railgraph keys list";

const REVOKE_EXAMPLES: &str = "\
Example:
  railgraph keys revoke 0123456789abcdef";

const ROTATE_EXAMPLES: &str = "\
Examples:
  Where all servers read one key file:
    railgraph keys rotate
    railgraph keys rotate --drop-old

  Where they do not: give the file to all of them before the second command.
    railgraph keys rotate --prepare
    railgraph keys rotate";

const ERASE_EXAMPLES: &str = "\
Examples:
  railgraph client erase
  railgraph client erase --id Q2xpZW50OjE";

/// Train itineraries with at most two stops, and their bookings, over GraphQL.
#[derive(Debug, Parser)]
#[command(
    name = "railgraph",
    version,
    args_conflicts_with_subcommands = true,
    after_help = EXAMPLES
)]
pub struct Cli {
    /// What to do; `serve` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `serve`.
    #[command(flatten)]
    pub serve: ServeOptions,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serves the network and its bookings.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Box<ServeOptions>),
    /// Brings the database to this program's version.
    #[command(after_help = MIGRATE_EXAMPLES)]
    Migrate(DatabaseOptions),
    /// Prints the GraphQL schema.
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Prints what makes a shell complete commands and options.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Moves trips that departed over a year ago to the archive; what a server does every day.
    #[command(after_help = ARCHIVE_EXAMPLES)]
    Archive(ArchiveOptions),
    /// The audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// API keys, and the keys that names and id numbers are encrypted with.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Clients.
    #[command(subcommand)]
    Client(ClientCommand),
}

/// What is archived.
#[derive(Debug, Clone, Args)]
pub struct ArchiveOptions {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// Trips that departed before this day; a year ago where it is not said.
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub before: Option<NaiveDate>,
    /// Instead, bring archived trips back: all, or those of one file.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "all")]
    #[arg(conflicts_with = "before")]
    pub restore: Option<String>,
    /// Instead, look the archive through; exits with 0 where it is whole and 1 where not.
    #[arg(long, conflicts_with_all = ["before", "restore"])]
    pub verify: bool,
}

/// What is done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Reads the whole log and tells whether anything was changed, removed, added or moved; exits
    /// with 0 or 1.
    #[command(after_help = AUDIT_EXAMPLES)]
    Verify(AuditVerifyOptions),
}

/// How the audit log is verified.
#[derive(Debug, Clone, Args)]
pub struct AuditVerifyOptions {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// A head that was noted before, as the log line `audit.head` has it: a database that was set
    /// back to an earlier state does not contain it.
    #[arg(long, value_name = "NUMBER:HASH")]
    pub head: Option<AuditHead>,
}

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Makes an API key and prints it, this once.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(KeysCreateOptions),
    /// Lists all API keys, without their secrets.
    #[command(after_help = LIST_EXAMPLES)]
    List(DatabaseOptions),
    /// Revokes an API key; servers refuse it within some seconds.
    #[command(after_help = REVOKE_EXAMPLES)]
    Revoke(KeysRevokeOptions),
    /// Makes new keys and brings every client under them, while servers go on working. Can be
    /// interrupted and run again.
    #[command(after_help = ROTATE_EXAMPLES)]
    Rotate(KeysRotateOptions),
}

/// What API key is made.
#[derive(Debug, Clone, Args)]
pub struct KeysCreateOptions {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// Whose it is, for people: 1 to 100 characters.
    #[arg(long, value_parser = parse_name)]
    pub name: String,
    /// What it is good for, with commas: search, book, support, admin.
    #[arg(long)]
    pub scopes: Scopes,
    /// Its last day, or how many days it is good for, as in `90d`.
    #[arg(long, value_name = "DATE|DAYS", default_value = "365d")]
    pub expires: Expires,
}

/// Which API key is revoked.
#[derive(Debug, Clone, Args)]
pub struct KeysRevokeOptions {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// Its id: the part in the middle of the key, as `keys list` has it.
    pub id: KeyId,
}

/// Until when an API key is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expires {
    /// This is its last day, in UTC.
    On(NaiveDate),
    /// So many days from now on.
    After(u32),
}

/// The longest time that an API key is made for.
const EXPIRES_DAYS_MAX: u32 = 3_660;

impl FromStr for Expires {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        if let Some(days) = days.filter(|days| (1..=EXPIRES_DAYS_MAX).contains(days)) {
            return Ok(Self::After(days));
        }
        text.parse()
            .map(Self::On)
            .map_err(|_| format!("expected a date like 2027-12-31, or 1d to {EXPIRES_DAYS_MAX}d"))
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let is_name = (1..=100).contains(&text.chars().count()) && !text.contains(char::is_control);
    let invalid = || "expected 1 to 100 characters, no control characters among them".to_owned();
    is_name.then(|| text.to_owned()).ok_or_else(invalid)
}

/// How keys are rotated.
#[derive(Debug, Clone, Args)]
pub struct KeysRotateOptions {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// Only put new keys into the key file, to be given to all servers before the rotation.
    #[arg(long, conflicts_with = "drop_old")]
    pub prepare: bool,
    /// Only remove the old keys from the key file, after the rotation.
    #[arg(long)]
    pub drop_old: bool,
}

/// What is done with clients.
#[derive(Debug, Subcommand)]
pub enum ClientCommand {
    /// Erases a client: trips stay, the names can never be read again. Asks for last name and id
    /// number on standard input.
    #[command(after_help = ERASE_EXAMPLES)]
    Erase(ClientEraseOptions),
}

/// Who is erased.
#[derive(Debug, Clone, Args)]
pub struct ClientEraseOptions {
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// The client's id as GraphQL gives it, instead of the questions.
    #[arg(long)]
    pub id: Option<String>,
}

/// How the server runs. Each option is also an environment variable.
#[derive(Debug, Clone, Args)]
pub struct ServeOptions {
    /// Address and port to listen on. Without API keys every caller is an admin, so that only a
    /// loopback address is taken then.
    #[arg(long, env = "RAILGRAPH_LISTEN", value_name = "ADDRESS:PORT")]
    #[arg(default_value = "127.0.0.1:8080", value_parser = socket_address)]
    pub listen: SocketAddr,
    /// Network file to serve; the bundled European one where it is not said.
    #[arg(long, env = "RAILGRAPH_NETWORK", value_name = "FILE")]
    pub network: Option<PathBuf>,
    /// How often the network file is looked at, in milliseconds. A new one is taken while requests
    /// are answered; one that is no network file is refused, and the one before answers on.
    #[arg(long, env = "RAILGRAPH_NETWORK_POLL_MS", value_name = "MS", default_value_t = 1_000)]
    #[arg(value_parser = clap::value_parser!(u64).range(20..=3_600_000))]
    pub network_poll_ms: u64,
    /// The database.
    #[command(flatten)]
    pub database: DatabaseOptions,
    /// A streaming standby of the PostgreSQL database, to read trips and clients from. It is read
    /// where it shows all that was acknowledged before, else the database itself.
    #[arg(long, env = "DATABASE_REPLICA_URL", value_name = "URL", hide_env_values = true)]
    pub replica_url: Option<String>,
    /// Which typing errors in id numbers are refused.
    #[arg(long, env = "RAILGRAPH_ID_NUMBER_CHECK", default_value = "none")]
    pub id_number_check: IdNumberCheck,
    /// Whether callers need API keys; `open` on a loopback address where it is not said.
    #[arg(long, env = "RAILGRAPH_AUTH")]
    pub auth: Option<Auth>,
    /// Origin whose pages may ask, like `https://app.example`. May be repeated.
    #[arg(long = "allow-origin", env = "RAILGRAPH_ALLOW_ORIGIN", value_name = "ORIGIN")]
    #[arg(value_delimiter = ',', value_parser = parse_origin)]
    pub allow_origins: Vec<HeaderValue>,
    /// `redis://HOST:PORT`: a Redis through which servers share limits and persisted queries.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// How to log; pretty on a terminal and JSON elsewhere where it is not said.
    #[arg(long, env = "RAILGRAPH_LOG")]
    pub log: Option<LogFormat>,
    /// Operations that take longer than this, in milliseconds, are told in the log by their hash.
    #[arg(long, env = "RAILGRAPH_SLOW_MS", value_name = "MS", default_value_t = 500)]
    pub slow_ms: u64,
    /// Address of a collector that traces are sent to, by OTLP in protobuf over HTTP; none are
    /// sent where it is not said.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Part of the traces that are sent, from 0 to 1. A caller's own trace is gone on with if the
    /// caller has decided so.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG", value_name = "PART", default_value_t = 0.1)]
    #[arg(value_parser = part)]
    pub trace_part: f64,
    /// Folder of documents that front ends were built with: `.graphql` files, or `.json` objects
    /// of documents by their SHA-256. Read at the start; callers may name them by hash.
    #[arg(long, env = "RAILGRAPH_TRUSTED_DOCUMENTS", value_name = "DIR")]
    pub trusted_documents: Option<PathBuf>,
    /// Takes no other documents than trusted ones.
    #[arg(long, env = "RAILGRAPH_ONLY_TRUSTED_DOCUMENTS", requires = "trusted_documents")]
    pub only_trusted_documents: bool,
    /// How long to go on after SIGTERM before no more connections are taken, in milliseconds: for
    /// balancers to see that the server is not ready any more. What is under way then has 20
    /// seconds to end.
    #[arg(long, env = "RAILGRAPH_STOP_NOTICE_MS", value_name = "MS", default_value_t = 0)]
    #[arg(value_parser = clap::value_parser!(u64).range(..=60_000))]
    pub stop_notice_ms: u64,
    /// What a caller may use.
    #[command(flatten, next_help_heading = "Limits")]
    pub limits: Limits,
}

/// Where bookings are kept.
#[derive(Debug, Clone, Args)]
pub struct DatabaseOptions {
    /// `sqlite://PATH`, or `postgres://USER:PASSWORD@HOST/DATABASE`. An SQLite file that is missing
    /// is created.
    #[arg(
        long,
        env = "DATABASE_URL",
        value_name = "URL",
        default_value = "sqlite://railgraph.sqlite",
        hide_env_values = true
    )]
    pub database_url: String,
    /// File with the keys that names and id numbers are encrypted with. Where it is not said, it is
    /// beside the SQLite file, or `railgraph.key` for PostgreSQL, and made with the database.
    #[arg(long, env = "RAILGRAPH_ENCRYPTION_KEY_FILE", value_name = "FILE")]
    pub encryption_key_file: Option<PathBuf>,
    /// Folder of archived trips. Where it is not said, it is beside the SQLite file, or
    /// `railgraph.archive` for PostgreSQL; several servers need one that all can reach.
    #[arg(long, env = "RAILGRAPH_ARCHIVE_FOLDER", value_name = "FOLDER")]
    pub archive_folder: Option<PathBuf>,
}

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Auth {
    /// Whoever shows an API key of `railgraph keys create`.
    Keys,
    /// Every caller of this machine, as an admin.
    Open,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// Which typing errors in id numbers are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum IdNumberCheck {
    /// None.
    None,
    /// The number is of decimal digits, the last a Luhn check digit.
    Luhn,
    /// Where fillers and a check digit follow, as in `D23145890<7`, it is that of ICAO 9303.
    Icao9303,
}

fn socket_address(text: &str) -> Result<SocketAddr, String> {
    let expected = "expected an IP address and a port, like 127.0.0.1:8080";
    text.parse().map_err(|_| expected.to_owned())
}

fn date(text: &str) -> Result<NaiveDate, String> {
    text.parse().map_err(|_| "expected a date like 2026-12-31".to_owned())
}

fn part(text: &str) -> Result<f64, String> {
    let part = text.parse().ok().filter(|part| (0.0..=1.0).contains(part));
    part.ok_or_else(|| "expected a number from 0 to 1".to_owned())
}
