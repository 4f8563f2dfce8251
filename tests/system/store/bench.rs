//! A store in a new database, and requests with good defaults.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, FixedOffset, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sea_orm::{ConnectionTrait, Statement};
use server::booking::{
    BookTrip, CancelScope, CancelTrip, ClientId, FareClass, IdempotencyKey, LegPrices, Offer,
    OfferedLeg, Refusal, RefusalCode, Ride, Traveller, Trip,
};
use server::store::{KeyFile, Randomness, Store, StoreConfig, StoreError};
use tempfile::TempDir;
use tests::postgres;

/// What every request comes back with.
pub type Answer = Result<Result<Trip, Vec<Refusal>>, StoreError>;

/// A refusal as tests read it: its code and its path.
pub type Seen = (RefusalCode, String);

/// A new database and a store on it.
pub struct Bench {
    pub store: Store,
    pub config: StoreConfig,
    /// Statements sent so far.
    statements: Arc<AtomicU64>,
    folder: TempDir,
}

impl Bench {
    pub async fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/railgraph.db", folder.path().display());
        Self::open(url, folder).await
    }

    pub async fn postgres() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        Some(Self::open(postgres::database().await?, folder).await)
    }

    async fn open(url: String, folder: TempDir) -> Self {
        let keys = KeyFile::generate(&Randomness::system()).unwrap();
        let mut config = StoreConfig::new(url, keys);
        let statements = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&statements);
        config.patience = std::time::Duration::from_secs(30);
        config.archive = Some(folder.path().join("archive"));
        config.observer = Some(Arc::new(move |_, _| {
            counter.fetch_add(1, Ordering::Relaxed);
        }));
        let store = Store::open(&config).await.unwrap();
        store.migrate().await.unwrap();
        Self { store, config, statements, folder }
    }

    /// The same database, opened once more as another server would, with changed settings.
    pub async fn reopen(&self, change: impl FnOnce(&mut StoreConfig)) -> Store {
        let mut config = self.config.clone();
        change(&mut config);
        Store::open(&config).await.unwrap()
    }

    /// A connection past the store.
    pub async fn raw(&self) -> sea_orm::DatabaseConnection {
        sea_orm::Database::connect(&self.config.url).await.unwrap()
    }

    /// One connection past the store, and no other: its settings and transactions stay.
    pub async fn raw_alone(&self) -> sea_orm::DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(&self.config.url);
        options.max_connections(1).min_connections(1);
        sea_orm::Database::connect(options).await.unwrap()
    }

    /// The wrapped data key and the sealed names of a client, as they stand in the database.
    pub async fn sealed_bytes(&self, client: ClientId) -> Vec<Vec<u8>> {
        let raw = self.raw().await;
        let columns = ["data_key", "first_name", "last_name", "id_number"];
        let sql = format!("SELECT {} FROM clients WHERE id = {}", columns.join(", "), client.0);
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        let row = raw.query_one_raw(statement).await.unwrap().unwrap();
        columns.map(|column| row.try_get("", column).unwrap()).to_vec()
    }

    pub fn is_sqlite(&self) -> bool {
        self.config.url.starts_with("sqlite")
    }

    pub fn archive_folder(&self) -> std::path::PathBuf {
        self.folder().join("archive")
    }

    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn statements(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }

    /// Books what must be bookable.
    pub async fn book(&self, request: &BookTrip) -> Trip {
        self.store.book(request, now()).await.unwrap().unwrap()
    }

    /// Books what must be refused.
    pub async fn refused(&self, request: &BookTrip) -> Vec<Seen> {
        seen(&self.store.book(request, now()).await)
    }

    pub async fn cancel(&self, trip: &Trip) -> Trip {
        self.store.cancel(&cancelling(trip), now()).await.unwrap().unwrap()
    }
}

/// The refusals of an answer.
pub fn seen(answer: &Answer) -> Vec<Seen> {
    let refusals = answer.as_ref().unwrap().as_ref().unwrap_err();
    refusals.iter().map(|refusal| (refusal.code, refusal.path.join("."))).collect()
}

/// A code and a path, as expected.
pub fn refusal(code: RefusalCode, path: &str) -> Seen {
    (code, path.to_owned())
}

pub fn at(text: &str) -> DateTime<FixedOffset> {
    DateTime::parse_from_rfc3339(text).unwrap()
}

/// The moment of every test that does not say otherwise.
pub fn now() -> DateTime<Utc> {
    at("2026-11-01T12:00:00Z").to_utc()
}

pub fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A traveller of 34 years.
pub fn traveller(first_name: &str, last_name: &str, id_number: &str) -> Traveller {
    Traveller {
        first_name: first_name.into(),
        last_name: last_name.into(),
        id_number: id_number.into(),
        age: 34,
    }
}

pub fn ada() -> Traveller {
    traveller("Ada", "Lovelace", "GB 123-456")
}

pub fn alan() -> Traveller {
    traveller("Alan", "Turing", "GB 654-321")
}

/// An hour's ride of R1 from Paris to Lyon and, with two, on to Nice; 45 euros each in second
/// class, 90 in first.
pub fn legs(departure: &str, count: usize) -> Vec<OfferedLeg> {
    let stations = ["Paris", "Lyon", "Nice", "Genova"];
    let begin = at(departure);
    let leg = |index: usize| {
        let departure = begin + TimeDelta::minutes(90 * index as i64);
        OfferedLeg {
            ride: Ride {
                source_id: format!("R{}", index + 1),
                train_type: "TGV".into(),
                service_date: begin.date_naive(),
                origin_id: stations[index].to_lowercase(),
                destination_id: stations[index + 1].to_lowercase(),
                origin_name: stations[index].into(),
                destination_name: stations[index + 1].into(),
                departure,
                arrival: departure + TimeDelta::minutes(60),
            },
            prices: LegPrices { first_cents: Some(9_000), second_cents: Some(4_500) },
        }
    };
    (0..count).map(leg).collect()
}

pub fn offer_in(departure: &str, zone: Tz) -> Offer {
    Offer::new(legs(departure, 1), "EUR", zone).unwrap()
}

pub fn offer(departure: &str) -> Offer {
    offer_in(departure, chrono_tz::Europe::Paris)
}

/// Ada's trip from Paris to Lyon on the first of December.
pub fn request() -> BookTrip {
    BookTrip {
        caller: "test".into(),
        itinerary_id: "itinerary-1".into(),
        offer: Some(offer("2026-12-01T09:00:00+01:00")),
        travellers: vec![ada()],
        fare_class: FareClass::Second,
        expected_price: None,
        idempotency_key: None,
    }
}

pub fn request_for(travellers: &[Traveller]) -> BookTrip {
    BookTrip { travellers: travellers.to_vec(), ..request() }
}

pub fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey(text.into())
}

/// A support worker's request to cancel.
pub fn cancelling(trip: &Trip) -> CancelTrip {
    CancelTrip {
        caller: "test".into(),
        reference: trip.reference().to_string(),
        scope: CancelScope::WholeTrip,
        last_name: None,
        expected_version: None,
        idempotency_key: None,
    }
}
