//! The shell: reads the configuration once, puts the parts together, and says in one sentence why
//! it cannot.

use std::io::IsTerminal;
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
use crate::http::{self, App};
use crate::network_file::{self, NetworkFileError};
use crate::search::Network;
use crate::store::{self, KeyFile, KeyFileError, Randomness, Store, StoreConfig};

/// Days before the end of the network's dates from which every start warns of it.
const ENDS_SOON_DAYS: i64 = 30;

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
        "expected the key file {} that {} was encrypted with, found none; restore it from its \
         backup, or name it with --encryption-key-file",
        keys.display(), database.display()
    )]
    KeysLost { keys: PathBuf, database: PathBuf },
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
            match cli.command.unwrap_or(Command::Serve(cli.serve)) {
                Command::Serve(options) => serve(options).await,
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

#[expect(clippy::print_stdout, reason = "what the program is asked for goes to its output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "a start that fails is told to whoever started it")]
fn complain(error: &StartError) {
    eprintln!("error: {error}");
}

#[expect(clippy::disallowed_methods, reason = "the one place at which the clock is read")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn migrate(options: &DatabaseOptions) -> Result<(), StartError> {
    open_store(options).await?;
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
    let store = open_store(&options.database).await?;
    let address = options.listen;
    let listener =
        TcpListener::bind(address).await.map_err(|source| StartError::Taken { address, source })?;
    let address = listener.local_addr()?;
    let app = App {
        schema: graphql::schema(),
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
    http::serve(listener, http::router(app), asked_to_stop()).await;
    if let Err(error) = store.close().await {
        tracing::warn!(error.cause = %error, "database.not_closed");
    }
    tracing::info!("server.stopped");
    Ok(())
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

async fn open_store(options: &DatabaseOptions) -> Result<Store, StartError> {
    let keys = open_keys(options)?;
    let check = match options.id_number_check {
        IdNumberCheck::None => booking::IdNumberCheck::None,
        IdNumberCheck::Luhn => booking::IdNumberCheck::Luhn,
        IdNumberCheck::Icao9303 => booking::IdNumberCheck::Icao9303,
    };
    let config = StoreConfig {
        id_number_check: check,
        ..StoreConfig::new(options.database_url.as_str(), keys)
    };
    let store = Store::open(&config).await?;
    store.migrate().await?;
    Ok(store)
}

/// The SQLite file that a database URL names.
fn sqlite_path(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(PathBuf::from(path.split('?').next().unwrap_or_default()))
}

/// The keys of the database. They are made with it: where the database is there already, and its
/// keys are not, new ones could read nothing of it.
fn open_keys(options: &DatabaseOptions) -> Result<KeyFile, StartError> {
    if let Some(path) = &options.encryption_key_file {
        return Ok(KeyFile::load(path)?);
    }
    let database = sqlite_path(&options.database_url);
    let path = match &database {
        Some(database) => {
            let mut name = database.clone().into_os_string();
            name.push(".key");
            PathBuf::from(name)
        }
        None => PathBuf::from("railgraph.key"),
    };
    if path.exists() {
        return Ok(KeyFile::load(&path)?);
    }
    match database {
        Some(database) if database.exists() => {
            return Err(StartError::KeysLost { keys: path, database });
        }
        Some(database)
            if !database.parent().is_none_or(|it| it.as_os_str().is_empty() || it.is_dir()) =>
        {
            // No folder for either: the database says it best.
            return Ok(KeyFile::generate(&Randomness::system())?);
        }
        _ => {}
    }
    let keys = KeyFile::create(&path, &Randomness::system())?;
    tracing::warn!(
        keys.path = %path.display(),
        hint = "names and id numbers are encrypted with it; back it up apart from the database",
        "keys.created"
    );
    Ok(keys)
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
