//! A server in the test's own process, behind a real socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::http::{HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use server::graphql::Caller;
use server::http::{
    self, Access, App, Callers, Clock, Engine, Keys, Limits, OpenConnections, SocketStats, Trusted,
};
use server::limit::Shared;
use server::networks::Networks;
use server::search::Network;
use server::store::{KeyFile, NewApiKey, Randomness, Store, StoreConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// When the tests begin: the evening before the first date of their networks.
pub const NOW: &str = "2026-11-30T20:00:00Z";

/// A running server, which ends with this value.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// The network that answers.
    pub networks: Arc<Networks>,
    client: reqwest::Client,
    now: Arc<Mutex<DateTime<Utc>>>,
    engine: Arc<Engine>,
    store: Store,
    _stop: oneshot::Sender<()>,
    /// The database's, where it is the server's own; it goes with the server.
    folder: Option<TempDir>,
}

/// A moment.
///
/// # Panics
///
/// Where the text is none.
pub fn moment(text: &str) -> DateTime<Utc> {
    text.parse().expect("an RFC 3339 moment")
}

/// A store on a new database, and the keys it was made with.
///
/// # Panics
///
/// Where the database does not open.
pub async fn store(url: &str, keys: Option<KeyFile>) -> Store {
    let keys = keys.unwrap_or_else(|| KeyFile::generate(&Randomness::system()).expect("keys"));
    let config =
        StoreConfig { patience: std::time::Duration::from_secs(30), ..StoreConfig::new(url, keys) };
    let store = Store::open(&config).await.expect("a database");
    store.migrate().await.expect("a migrated database");
    store
}

/// Starts a server over this network and store.
///
/// # Panics
///
/// Where no port is free.
pub async fn start(network: Network, store: Store, caller: Caller) -> Server {
    start_with(network, store, caller, Limits::default(), &Trusted::default()).await
}

/// Starts a server with these limits and trusted documents.
///
/// # Panics
///
/// Where no port is free, or a document is not what it should be.
pub async fn start_with(
    network: Network,
    store: Store,
    caller: Caller,
    limits: Limits,
    trusted: &Trusted,
) -> Server {
    let setup = Setup { limits, trusted: trusted.clone(), ..Setup::default() };
    start_for(network, store, setup, |_, _| Callers::Everybody(caller)).await
}

/// What else there is to a server.
#[derive(Default)]
pub struct Setup {
    /// Its limits.
    pub limits: Limits,
    /// Its trusted documents.
    pub trusted: Trusted,
    /// Origins whose pages may ask.
    pub origins: Vec<HeaderValue>,
    /// What it shares with others.
    pub shared: Option<Shared>,
}

/// Starts a server for these callers.
///
/// # Panics
///
/// Where no port is free, or a document is not what it should be.
pub async fn start_for(
    network: Network,
    store: Store,
    setup: Setup,
    callers: impl FnOnce(&Store, &Clock) -> Callers,
) -> Server {
    let now = Arc::new(Mutex::new(moment(NOW)));
    let own = Arc::clone(&now);
    let clock: Clock = Arc::new(move || *own.lock().expect("a clock"));
    let callers = callers(&store, &clock);
    let access = Access::new(callers, &setup.limits, setup.shared.as_ref());
    let engine = Engine::new(setup.limits, &setup.trusted).await.expect("trusted documents");
    let engine = Arc::new(engine.sharing(setup.shared.clone()));
    let open = OpenConnections::new(engine.limits());
    let networks = Arc::new(Networks::new(network, moment(NOW)));
    let stopping = Arc::default();
    let app = App {
        engine: Arc::clone(&engine),
        networks: Arc::clone(&networks),
        stopping: Arc::clone(&stopping),
        store: store.clone(),
        clock,
        watch: http::Watch::default(),
        open: open.clone(),
        shared: setup.shared,
        access: Arc::new(access),
        health: Arc::default(),
        origins: setup.origins,
    };
    tokio::spawn(store.clone().hear_changes());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel();
    let own_engine = Arc::clone(&engine);
    tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        let router = http::router(app);
        http::serve(listener, router, engine.limits(), &open, &stopping, stopped).await;
    });
    let client = reqwest::Client::new();
    Server { address, networks, client, now, engine: own_engine, store, _stop: stop, folder: None }
}

/// Starts a server that asks for API keys, with an SQLite database of its own.
///
/// # Panics
///
/// Where it does not start.
pub async fn with_keys(network: Network, setup: Setup) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let mut server = start_for(network, store(&url, None).await, setup, |store, clock| {
        Callers::Keys(Keys::new(store.clone(), clock.clone()))
    })
    .await;
    server.folder = Some(folder);
    server
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answered {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null where that is no JSON.
    pub body: Value,
}

impl Answered {
    /// The code of the first error; empty where there is none.
    pub fn code(&self) -> &str {
        self.body["errors"][0]["extensions"]["code"].as_str().unwrap_or_default()
    }

    /// The message of the first error; empty where there is none.
    pub fn message(&self) -> &str {
        self.body["errors"][0]["message"].as_str().unwrap_or_default()
    }

    /// A header; empty where there is none.
    ///
    /// # Panics
    ///
    /// Where it is no ASCII.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// Of a response.
    ///
    /// # Panics
    ///
    /// Where it breaks off.
    pub async fn of(response: reqwest::Response) -> Self {
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.expect("a body");
        Self { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }
}

/// Starts a server over this network with an SQLite database of its own.
///
/// # Panics
///
/// Where it does not start.
pub async fn on_sqlite(network: Network) -> Server {
    on_sqlite_with(network, Limits::default(), &Trusted::default()).await
}

/// Starts a server with these limits and trusted documents, and an SQLite database of its own.
///
/// # Panics
///
/// Where it does not start.
pub async fn on_sqlite_with(network: Network, limits: Limits, trusted: &Trusted) -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite://{}", folder.path().join("railgraph.sqlite").display());
    let store = store(&url, None).await;
    let mut server = start_with(network, store, Caller::open(), limits, trusted).await;
    server.folder = Some(folder);
    server
}

impl Server {
    /// Sets its clock.
    ///
    /// # Panics
    ///
    /// Where the text is no moment.
    pub fn set_clock(&self, text: &str) {
        *self.now.lock().expect("a clock") = moment(text);
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The URL of its database, where that is its own.
    ///
    /// # Panics
    ///
    /// Where it is not.
    pub fn database_url(&self) -> String {
        let folder = self.folder.as_ref().expect("a database of its own");
        format!("sqlite://{}", folder.path().join("railgraph.sqlite").display())
    }

    /// How its WebSockets fare.
    pub fn socket_stats(&self) -> SocketStats {
        self.engine.socket_stats()
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// A key of this server's with these scopes, until the year 2030.
    ///
    /// # Panics
    ///
    /// Where the scopes are none.
    pub async fn key(&self, scopes: &str) -> String {
        let new = NewApiKey {
            name: format!("{scopes} of the test"),
            scopes: scopes.parse().expect("scopes"),
            expires_at: moment("2030-01-01T00:00:00Z"),
        };
        let key = self.store.create_api_key(&new, "test", moment(NOW)).await;
        key.expect("a key").reveal()
    }

    /// What the server answers to whoever shows this key.
    ///
    /// # Panics
    ///
    /// Where it does not answer.
    pub async fn ask(&self, key: &str, query: &str, variables: Value) -> Answered {
        let request = self.client.post(self.url("/graphql")).bearer_auth(key);
        let request = request.header("accept", "application/graphql-response+json");
        let request = request.json(&json!({ "query": query, "variables": variables }));
        Answered::of(request.send().await.expect("an answer")).await
    }

    /// A client to send other requests with.
    pub fn http(&self) -> &reqwest::Client {
        &self.client
    }

    /// What the server answers to a document.
    ///
    /// # Panics
    ///
    /// Where it does not answer, or not in JSON.
    pub async fn answer(&self, query: &str, variables: Value) -> Value {
        let request = self.client.post(self.url("/graphql"));
        let request = request.json(&json!({ "query": query, "variables": variables }));
        let response = request.send().await.expect("an answer");
        response.json().await.expect("JSON")
    }

    /// The data of the answer.
    ///
    /// # Panics
    ///
    /// Where there are errors.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let mut answer = self.answer(query, variables).await;
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].take()
    }

    /// The id of the first itinerary between two cities on a date.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub async fn itinerary(&self, from: &str, to: &str, date: &str) -> String {
        let query = "query($from: String!, $to: String!, $date: Date!) {
            itineraries(origin: {name: $from}, destination: {name: $to}, dateTime: {date: $date}) {
                nodes { id }
            }
        }";
        let data = self.data(query, json!({ "from": from, "to": to, "date": date })).await;
        data["itineraries"]["nodes"][0]["id"].as_str().expect("an itinerary").to_owned()
    }

    /// The payload of a booking.
    pub async fn book(&self, input: Value) -> Value {
        let query = include_str!("../../schema/graphql/operations/book-trip.graphql");
        self.data(query, json!({ "input": input })).await["bookTrip"].take()
    }
}

/// A traveller's input.
pub fn traveller(first_name: &str, last_name: &str, id_number: &str, age: i32) -> Value {
    json!({
        "firstName": first_name, "lastName": last_name, "idNumber": id_number, "age": age
    })
}

/// The codes and paths of a payload's refusals.
///
/// # Panics
///
/// Where the payload has none.
pub fn refusals(payload: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let path = |value: &Value| {
        let segments = value.as_array().expect("a path").iter().map(text);
        segments.collect::<Vec<_>>().join(".")
    };
    let refusals = payload["refusals"].as_array().expect("refusals");
    refusals.iter().map(|it| (text(&it["code"]), path(&it["path"]))).collect()
}
