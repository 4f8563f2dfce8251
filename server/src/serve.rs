//! The shell: reads the configuration once, puts the parts together, and says in one sentence why
//! it cannot.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::booking;
use crate::cli::{Cli, Command, DatabaseOptions, IdNumberCheck, LogFormat, ServeOptions};
use crate::graphql::{self, Caller};
use crate::http::{self, App, Engine, FolderError, NotTrusted, Trusted};
use crate::network_file::{self, NetworkFileError};
use crate::search::Network;
use crate::store::{self, KeyFile, KeyFileError, Keys, Randomness, Store, StoreConfig};

/// Days before the end of the network's dates from which every start warns of it.
const ENDS_SOON_DAYS: i64 = 30;

/// How often what has expired is deleted.
const HOUSEKEEPING: std::time::Duration = std::time::Duration::from_hours(1);

/// Why the program ends before it has begun. Each is one sentence.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(
        "expected a loopback address to listen on, found {0}; without API keys every caller is an \
         admin, so listen on 127.0.0.1 and let a proxy on this machine decide who gets through"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "expected {address} to be free to listen on, found that it is not ({source}); end what \
         listens there, or name another address with --listen"
    )]
    Taken { address: SocketAddr, source: std::io::Error },
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
    #[error("expected the runtime to start, found an error: {0}")]
    Runtime(#[from] std::io::Error),
}

/// The program: does what the arguments say, and returns how it ended.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended = runtime.map_err(StartError::from).and_then(|runtime| {
        runtime.block_on(async {
            match cli.command.unwrap_or(Command::Serve(Box::new(cli.serve))) {
                Command::Serve(options) => serve(*options).await,
                Command::Migrate(options) => migrate(&options).await,
                Command::Schema => {
                    say(graphql::sdl().trim_end());
                    Ok(())
                }
            }
        })
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Says it on standard output. Nobody may be listening, as at the end of a pipe; that is no reason
/// to stop.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn complain(error: &StartError) {
    let _ = writeln!(std::io::stderr(), "error: {error}");
}

#[expect(clippy::disallowed_methods, reason = "the one place at which the clock is read")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn migrate(options: &DatabaseOptions) -> Result<(), StartError> {
    let store = open_store(options).await?;
    close(&store).await;
    say("the database has this program's version");
    Ok(())
}

async fn serve(options: ServeOptions) -> Result<(), StartError> {
    start_log(options.log);
    if !options.listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(options.listen));
    }
    let network = match &options.network {
        Some(path) => network_file::load(path)?,
        None => network_file::bundled()?,
    };
    tell_network(&network, options.network.as_deref());
    let engine = Arc::new(engine(&options).await?);
    let address = options.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| StartError::Taken { address, source })?;
    let address = listener.local_addr()?;
    let store = open_store(&options.database).await?;
    let app = App {
        engine: Arc::clone(&engine),
        network: Arc::new(network),
        store: store.clone(),
        clock: Arc::new(now),
        caller: Caller::open(),
    };
    tracing::info!(
        http.address = %address,
        graphiql.url = format!("http://{address}/graphql"),
        "server.ready"
    );
    if std::io::stdout().is_terminal() {
        say(&format!("\n  Railgraph is ready. GraphiQL: http://{address}/graphql\n"));
    } else {
        say(&format!("GraphiQL: http://{address}/graphql"));
    }
    let housekeeping = tokio::spawn(keep_house(store.clone()));
    http::serve(listener, http::router(app), engine.limits(), asked_to_stop()).await;
    housekeeping.abort();
    close(&store).await;
    tracing::info!("server.stopped");
    Ok(())
}

async fn engine(options: &ServeOptions) -> Result<Engine, StartError> {
    let trusted = match &options.trusted_documents {
        Some(folder) => http::trusted_documents(folder, options.only_trusted_documents)?,
        None => Trusted::default(),
    };
    Ok(Engine::new(options.limits.clone(), &trusted).await?)
}

fn start_log(format: Option<LogFormat>) {
    let filter = EnvFilter::builder()
        .with_default_directive(tracing::level_filters::LevelFilter::INFO.into())
        .from_env_lossy()
        .add_directive("sqlx=warn".parse().expect("a directive"))
        .add_directive("sea_orm_migration=warn".parse().expect("a directive"));
    let pretty = std::io::stderr().is_terminal();
    let format = format.unwrap_or(if pretty { LogFormat::Pretty } else { LogFormat::Json });
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in one process, as tests do it, keeps the log of the first.
    let _ = match format {
        LogFormat::Json => log.json().flatten_event(true).with_current_span(true).try_init(),
        LogFormat::Pretty => log.with_target(false).try_init(),
    };
}

fn tell_network(network: &Network, path: Option<&Path>) {
    let (first, last) = network.view().period();
    tracing::info!(
        network.version = network.header().version(),
        network.path = path.map_or_else(|| "bundled".into(), |path| path.display().to_string()),
        network.first_date = %first,
        network.last_date = %last,
        network.stations = network.view().station_count(),
        "network.opened"
    );
    if (last - now().date_naive()).num_days() < ENDS_SOON_DAYS {
        tracing::warn!(network.last_date = %last, "network.ends_soon");
    }
}

/// The keys of a database, and where they belong.
struct FoundKeys {
    keys: KeyFile,
    path: PathBuf,
    /// They were just made, and are in no file yet.
    are_new: bool,
}

async fn open_store(options: &DatabaseOptions) -> Result<Store, StartError> {
    let found = find_keys(options)?;
    let check = match options.id_number_check {
        IdNumberCheck::None => booking::IdNumberCheck::None,
        IdNumberCheck::Luhn => booking::IdNumberCheck::Luhn,
        IdNumberCheck::Icao9303 => booking::IdNumberCheck::Icao9303,
    };
    let config = StoreConfig {
        id_number_check: check,
        ..StoreConfig::new(options.database_url.as_str(), found.keys.clone())
    };
    let store = Store::open(&config).await?;
    match prepare(&store, &found).await {
        Ok(()) => Ok(store),
        Err(error) => {
            close(&store).await;
            Err(error)
        }
    }
}

/// Migrates the database and makes sure that its keys are the right ones. New keys are saved before
/// the database is told of them, so that it never knows keys that are nowhere.
async fn prepare(store: &Store, found: &FoundKeys) -> Result<(), StartError> {
    store.migrate().await?;
    if store.keys().await? == Keys::Unknown {
        if found.are_new {
            found.keys.save(&found.path)?;
            tracing::warn!(
                keys.path = %found.path.display(),
                hint = "names and id numbers are encrypted with it; back it up elsewhere",
                "keys.created"
            );
        }
        store.remember_keys().await?;
    }
    match store.keys().await? {
        Keys::Known => Ok(()),
        _ if found.are_new => Err(StartError::KeysLost(found.path.clone())),
        _ => Err(StartError::KeysOfAnother(found.path.clone())),
    }
}

async fn close(store: &Store) {
    if let Err(error) = store.close().await {
        tracing::warn!(error.cause = %error, "database.not_closed");
    }
}

/// The keys in the file that is named, or in the one beside an SQLite database, or new ones.
fn find_keys(options: &DatabaseOptions) -> Result<FoundKeys, StartError> {
    if let Some(path) = &options.encryption_key_file {
        let (keys, path) = (KeyFile::load(path)?, path.clone());
        return Ok(FoundKeys { keys, path, are_new: false });
    }
    let path = match store::sqlite_file(&options.database_url) {
        Some(database) => {
            let mut name = database.into_os_string();
            name.push(".key");
            PathBuf::from(name)
        }
        None => PathBuf::from("railgraph.key"),
    };
    let are_new = !path.exists();
    let keys =
        if are_new { KeyFile::generate(&Randomness::system())? } else { KeyFile::load(&path)? };
    Ok(FoundKeys { keys, path, are_new })
}

/// Forgets old idempotency keys, at the start and every hour.
async fn keep_house(store: Store) {
    let mut hours = tokio::time::interval(HOUSEKEEPING);
    loop {
        hours.tick().await;
        match store.purge_idempotency_keys(now()).await {
            Ok(0) => {}
            Ok(keys) => tracing::info!(idempotency.keys = keys, "idempotency.purged"),
            Err(error) => tracing::warn!(error.cause = %error, "idempotency.not_purged"),
        }
    }
}

async fn asked_to_stop() {
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        () = terminate => {}
        result = tokio::signal::ctrl_c() => {
            if result.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}
