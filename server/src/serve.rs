//! The shell: reads the configuration once, puts the parts together, and says in one sentence why
//! it cannot.

use std::io::{ErrorKind, IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use clap::{CommandFactory, Parser};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::affected;
use crate::booking;
use crate::cli::{
    AuditCommand, Auth, Cli, ClientCommand, Command, DatabaseOptions, IdNumberCheck, KeysCommand,
    ServeOptions,
};
use crate::commands;
use crate::graphql::{self, Caller};
use crate::http::{
    self, Access, App, Callers, Engine, FolderError, NotTrusted, OpenConnections, Trusted, Watch,
};
use crate::limit::{self, Shared};
use crate::network_file::NetworkFileError;
use crate::networks;
use crate::sight::{self, Metrics, Traces, TracesError};
use crate::store::{
    self, KeyFile, KeyFileError, Keys, Randomness, StatementObserver, Store, StoreConfig,
};
use crate::upkeep;

/// Why the program ends before it has begun. Each is one sentence.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(
        "expected a loopback address to listen on, found {0}; without API keys every caller is an \
         admin, so listen on 127.0.0.1, or ask for keys with --auth keys"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "expected {address} to be free to listen on, found that it is not ({source}); end what \
         listens there, or name another address with --listen"
    )]
    Taken { address: SocketAddr, source: std::io::Error },
    #[error(
        "expected to listen on {address}, found an error ({source}); name an address of this \
         machine, and a port that this user may have, with --listen"
    )]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Network(#[from] NetworkFileError),
    #[error(transparent)]
    Database(#[from] store::OpenError),
    #[error(transparent)]
    Keys(#[from] KeyFileError),
    #[error(
        "expected the key file {} that the database was encrypted with, found none; restore it \
         from its backup, or name it with --encryption-key-file",
        .0.display()
    )]
    KeysLost(PathBuf),
    #[error(
        "expected the key file that the database was encrypted with, found another one at {}; \
         restore the right one from its backup, or name it with --encryption-key-file",
        .0.display()
    )]
    KeysOfAnother(PathBuf),
    #[error(transparent)]
    TrustedFolder(#[from] FolderError),
    #[error(transparent)]
    TrustedDocument(#[from] NotTrusted),
    #[error(
        "expected a key file, found none at {}; name it with --encryption-key-file or, for a new \
         database, make both with `railgraph migrate`",
        .0.display()
    )]
    KeysMissing(PathBuf),
    #[error(transparent)]
    Traces(#[from] TracesError),
    #[error(transparent)]
    Redis(#[from] limit::InvalidUrl),
    #[error("expected a day from today on for --expires, found {0}")]
    ExpiresBefore(NaiveDate),
    #[error(transparent)]
    Store(#[from] store::StoreError),
    #[error("expected the runtime to start, found an error: {0}")]
    Runtime(#[from] std::io::Error),
}

/// The program: does what the arguments say, and returns how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(StartError::from).and_then(|runtime| {
        let ended = runtime.block_on(async {
            match cli.command.unwrap_or(Command::Serve(Box::new(cli.serve))) {
                Command::Serve(options) => serve(*options).await.map(|()| ExitCode::SUCCESS),
                Command::Migrate(options) => migrate(&options).await.map(|()| ExitCode::SUCCESS),
                Command::Schema => {
                    say(graphql::sdl().trim_end());
                    Ok(ExitCode::SUCCESS)
                }
                Command::Completions { shell } => {
                    say(&completions(shell));
                    Ok(ExitCode::SUCCESS)
                }
                Command::Archive(options) => commands::archive(&options).await,
                Command::Audit(AuditCommand::Verify(options)) => {
                    commands::audit_verify(&options).await
                }
                Command::Keys(KeysCommand::Create(options)) => {
                    commands::keys_create(&options).await
                }
                Command::Keys(KeysCommand::List(options)) => commands::keys_list(&options).await,
                Command::Keys(KeysCommand::Revoke(options)) => {
                    commands::keys_revoke(&options).await
                }
                Command::Keys(KeysCommand::Rotate(options)) => {
                    commands::keys_rotate(&options).await
                }
                Command::Client(ClientCommand::Erase(options)) => {
                    commands::client_erase(&options).await
                }
            }
        });
        // What hangs, such as reading a file from a disk that is away, does not keep the process.
        runtime.shutdown_timeout(Duration::from_secs(1));
        ended
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "railgraph", &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// Says it on standard output. Nobody may be listening, as at the end of a pipe; that is no reason
/// to stop.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(error: &StartError) {
    let _ = writeln!(std::io::stderr(), "error: {error}");
}

#[expect(clippy::disallowed_methods, reason = "the one place at which the clock is read")]
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn migrate(options: &DatabaseOptions) -> Result<(), StartError> {
    let path = key_path(options);
    let had_keys = path.exists();
    let store = open_store(options, IfMissing::Create).await?;
    close(&store).await;
    if !had_keys {
        let path = path.display();
        say(&format!(
            "made {path}: names and id numbers are encrypted with it; back it up elsewhere"
        ));
    }
    say("the database has this program's version");
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        ErrorKind::AddrInUse => StartError::Taken { address, source },
        _ => StartError::Listen { address, source },
    })
}

async fn store_of(options: &ServeOptions, auth: Auth, watch: &Watch) -> Result<Store, StartError> {
    let if_missing = match auth {
        Auth::Open => IfMissing::Create,
        Auth::Keys => IfMissing::Refuse,
    };
    let configure = |config| StoreConfig {
        id_number_check: check(options.id_number_check),
        replica_url: options.replica_url.clone().filter(|url| !url.is_empty()),
        observer: Some(observer(Arc::clone(&watch.metrics))),
        ..config
    };
    open_configured(&options.database, if_missing, configure).await
}

async fn serve(options: ServeOptions) -> Result<(), StartError> {
    // Dropped last of all, so that everything that is said until then is written.
    let (watch, _log) = start_watching(&options)?;
    let auth = options.auth.unwrap_or(Auth::Open);
    if auth == Auth::Open && !options.listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(options.listen));
    }
    let shared = shared(&options).await?;
    let clock: http::Clock = Arc::new(now);
    let file = options.network.as_deref().map(|path| networks::Watch::new(path, clock.clone()));
    let networks = Arc::new(networks::first(options.network.as_deref(), now())?);
    let engine = Arc::new(engine(&options).await?.sharing(shared.clone()));
    let listener = listen(options.listen).await?;
    let address = listener.local_addr()?;
    let store = store_of(&options, auth, &watch).await?;
    let callers = match auth {
        Auth::Open => Callers::Everybody(Caller::open()),
        Auth::Keys => Callers::Keys(http::Keys::new(store.clone(), clock.clone())),
    };
    let access = Arc::new(Access::new(callers, &options.limits, shared.as_ref()));
    let traces = watch.traces.clone();
    let mut jobs = upkeep::start(&store, &clock, &watch.metrics, key_path(&options.database));
    if let Some(file) = file {
        let every = Duration::from_millis(options.network_poll_ms);
        jobs.spawn(file.run(Arc::clone(&networks), every));
    }
    let pace = affected::Pace::default();
    jobs.spawn(affected::watch(Arc::clone(&networks), store.clone(), clock.clone(), pace));
    let stopping = Arc::new(AtomicBool::new(false));
    let open = OpenConnections::new(engine.limits());
    let app = App {
        engine: Arc::clone(&engine),
        networks,
        stopping: Arc::clone(&stopping),
        store: store.clone(),
        clock: clock.clone(),
        watch,
        open: open.clone(),
        shared,
        access,
        health: Arc::default(),
        origins: options.allow_origins.clone(),
    };
    let asked = asked_to_stop();
    say_ready(address);
    let notice = Duration::from_millis(options.stop_notice_ms);
    let stop = async {
        asked.await;
        tracing::info!(stop.notice_ms = options.stop_notice_ms, "server.stopping");
        // Balancers are told first, while everything they still send is answered.
        stopping.store(true, Ordering::Relaxed);
        tokio::time::sleep(notice).await;
    };
    http::serve(listener, http::router(app), engine.limits(), &open, &stopping, stop).await;
    drop(jobs);
    // A database that hangs does not keep the process.
    let ended = async {
        upkeep::finish(&store).await;
        close(&store).await;
    };
    if tokio::time::timeout(CLOSE_MAX, ended).await.is_err() {
        tracing::warn!("database.not_closed_in_time");
    }
    tracing::info!("server.stopped");
    if let Some(traces) = traces {
        traces.finish().await;
    }
    Ok(())
}

/// Starts the log, and the traces where they are wanted.
fn start_watching(options: &ServeOptions) -> Result<(Watch, sight::log::Log), TracesError> {
    let traces = options.otlp_endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
    let traces = traces.map(|endpoint| Traces::to(endpoint, options.trace_part)).transpose()?;
    let log = sight::log::start(options.log, traces.as_ref());
    let log_lost = Some(log.lost.clone());
    Ok((Watch { metrics: Arc::default(), traces, log_lost }, log))
}

fn say_ready(address: SocketAddr) {
    let url = format!("http://{address}/graphql");
    tracing::info!(http.address = %address, graphiql.url = url, "server.ready");
    if std::io::stdout().is_terminal() {
        say(&format!("\n  Railgraph is ready. GraphiQL: {url}\n"));
    } else {
        say(&format!("GraphiQL: {url}"));
    }
}

/// What servers share, where they do; said either way.
async fn shared(options: &ServeOptions) -> Result<Option<Shared>, StartError> {
    let Some(url) = options.redis_url.as_deref().filter(|url| !url.is_empty()) else {
        tracing::info!(
            hint = "with REDIS_URL, limits and persisted queries are shared by all servers",
            "limits.per_process"
        );
        return Ok(None);
    };
    let shared = Shared::open(url).await?;
    tracing::info!(redis.answers = shared.stats().is_there, "limits.shared");
    Ok(Some(shared))
}

async fn engine(options: &ServeOptions) -> Result<Engine, StartError> {
    let trusted = match &options.trusted_documents {
        Some(folder) => http::trusted_documents(folder, options.only_trusted_documents)?,
        None => Trusted::default(),
    };
    let engine = Engine::new(options.limits.clone(), &trusted).await?;
    Ok(engine.telling_slow(Duration::from_millis(options.slow_ms)))
}

/// How long the database has to be closed when the server stops.
const CLOSE_MAX: Duration = Duration::from_secs(8);

/// The keys of a database, and where they belong.
pub(crate) struct FoundKeys {
    pub(crate) keys: KeyFile,
    pub(crate) path: PathBuf,
    /// They were just made, and are in no file yet.
    are_new: bool,
}

/// What to do where there is no key file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfMissing {
    /// Make one: in open mode on a loopback address, where somebody tries the program out.
    Create,
    /// Do not start: keys that an operator does not know of are keys that nobody backs up.
    Refuse,
}

pub(crate) async fn open_store(
    options: &DatabaseOptions,
    if_missing: IfMissing,
) -> Result<Store, StartError> {
    open_configured(options, if_missing, |config| config).await
}

/// Opens the database, as it is configured beyond what every command says of it.
async fn open_configured(
    options: &DatabaseOptions,
    if_missing: IfMissing,
    configure: impl FnOnce(StoreConfig) -> StoreConfig,
) -> Result<Store, StartError> {
    let found = find_keys(options, if_missing).await?;
    let config = configure(StoreConfig {
        key_path: Some(found.path.clone()),
        archive: Some(archive_folder(options)),
        ..StoreConfig::new(options.database_url.as_str(), found.keys.clone())
    });
    let store = Store::open(&config).await?;
    match prepare(&store, &found).await {
        Ok(()) => Ok(store),
        Err(error) => {
            close(&store).await;
            Err(error)
        }
    }
}

/// Fails where the database cannot be what was meant, whatever its keys. An SQLite file that is not
/// there is not made.
async fn reach(options: &DatabaseOptions) -> Result<(), StartError> {
    if store::sqlite_file(&options.database_url).is_none() {
        let keys = KeyFile::generate(&Randomness::system())?;
        let config = StoreConfig::new(options.database_url.as_str(), keys);
        close(&Store::open(&config).await?).await;
    }
    Ok(())
}

const fn check(check: IdNumberCheck) -> booking::IdNumberCheck {
    match check {
        IdNumberCheck::None => booking::IdNumberCheck::None,
        IdNumberCheck::Luhn => booking::IdNumberCheck::Luhn,
        IdNumberCheck::Icao9303 => booking::IdNumberCheck::Icao9303,
    }
}

fn observer(metrics: Arc<Metrics>) -> StatementObserver {
    Arc::new(move |took, failed| metrics.statement(took, failed))
}

/// Migrates the database and makes sure that its keys are the right ones. New keys are saved before
/// the database is told of them, so that it never knows keys that are nowhere.
async fn prepare(store: &Store, found: &FoundKeys) -> Result<(), StartError> {
    store.migrate().await?;
    if found.are_new && store.keys().await? == Keys::Unknown {
        found.keys.save(&found.path)?;
        tracing::warn!(
            keys.path = %found.path.display(),
            hint = "names and id numbers are encrypted with it; back it up elsewhere",
            "keys.created"
        );
    }
    if store.keys().await? != Keys::Others {
        // Also keys that were added to the file since.
        store.remember_keys().await?;
    }
    match store.keys().await? {
        Keys::Known => Ok(()),
        _ if found.are_new => Err(StartError::KeysLost(found.path.clone())),
        _ => Err(StartError::KeysOfAnother(found.path.clone())),
    }
}

pub(crate) async fn close(store: &Store) {
    if let Err(error) = store.close().await {
        tracing::warn!(error.cause = %error, "database.not_closed");
    }
}

/// A file or folder of the program beside an SQLite database, or in the working folder.
fn beside(options: &DatabaseOptions, ending: &str) -> PathBuf {
    match store::sqlite_file(&options.database_url) {
        Some(database) => {
            let mut name = database.into_os_string();
            name.push(ending);
            PathBuf::from(name)
        }
        None => PathBuf::from(format!("railgraph{ending}")),
    }
}

fn key_path(options: &DatabaseOptions) -> PathBuf {
    options.encryption_key_file.clone().unwrap_or_else(|| beside(options, ".key"))
}

fn archive_folder(options: &DatabaseOptions) -> PathBuf {
    options.archive_folder.clone().unwrap_or_else(|| beside(options, ".archive"))
}

/// The keys in the file that is named, or in the one beside an SQLite database, or new ones.
pub(crate) async fn find_keys(
    options: &DatabaseOptions,
    if_missing: IfMissing,
) -> Result<FoundKeys, StartError> {
    let path = key_path(options);
    if options.encryption_key_file.is_some() || path.exists() {
        warn_if_readable(&path);
        return Ok(FoundKeys { keys: KeyFile::load(&path)?, path, are_new: false });
    }
    match if_missing {
        IfMissing::Create => {
            let keys = KeyFile::generate(&Randomness::system())?;
            Ok(FoundKeys { keys, path, are_new: true })
        }
        IfMissing::Refuse => {
            reach(options).await?;
            Err(StartError::KeysMissing(path))
        }
    }
}

/// Says so where others than its owner can read the key file.
fn warn_if_readable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode());
    if mode & 0o077 != 0 {
        tracing::warn!(
            keys.path = %path.display(),
            keys.mode = format!("{:03o}", mode & 0o777),
            hint = "others can read it; chmod 600",
            "keys.readable_by_others"
        );
    }
}

/// Done when somebody asks the program to stop. Signals count from this call on, not from the first
/// time that the result is waited for.
fn asked_to_stop() -> impl Future<Output = ()> {
    let listened = [SignalKind::terminate(), SignalKind::interrupt()].map(signal);
    async move {
        let [terminate, interrupt] = listened.map(|listened| async move {
            match listened {
                Ok(mut signals) => {
                    signals.recv().await;
                }
                Err(_) => std::future::pending().await,
            }
        });
        tokio::select! {
            () = terminate => {}
            () = interrupt => {}
        }
    }
}
