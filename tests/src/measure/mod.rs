//! What takes too long for the test suite: millions of ticket numbers and trips, thousands of
//! forgeries, bookings as fast as they go. The program `bookings` runs it and prints the figures;
//! the suite runs short versions.

pub mod archive;
pub mod filler;
pub mod overload;
pub mod secrets;
pub mod speed;
pub mod tickets;

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use server::booking::{BookTrip, FareClass, LegPrices, Offer, OfferedLeg, Ride, Traveller};
use server::store::{KeyFile, Randomness, Store, StoreConfig};

use crate::app::moment;
use crate::postgres::Cluster;

/// A database of its own, on the disk as in production.
pub struct Place {
    /// Where it is.
    pub url: String,
    /// Its keys.
    pub keys: PathBuf,
    /// Of its trips that departed long ago.
    pub archive: PathBuf,
    /// Holds all files of an SQLite database, the keys and the archive.
    pub folder: tempfile::TempDir,
    cluster: Option<Cluster>,
}

impl Place {
    /// A new one. `None` where PostgreSQL is wanted and missing.
    ///
    /// # Panics
    ///
    /// Where it cannot be made.
    pub fn new(postgres: bool) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let cluster = if postgres { Some(Cluster::start()?) } else { None };
        let url = match &cluster {
            Some(cluster) => cluster.url(),
            None => format!("sqlite://{}/railgraph.sqlite", folder.path().display()),
        };
        let (keys, archive) = (folder.path().join("keys"), folder.path().join("archive"));
        KeyFile::generate(&Randomness::system()).expect("keys").save(&keys).expect("a key file");
        Some(Self { url, keys, archive, folder, cluster })
    }

    /// A store on it.
    pub async fn store(&self) -> Store {
        open(&self.url, &self.keys, &self.archive).await
    }

    /// A connection past the store.
    ///
    /// # Panics
    ///
    /// Where it does not answer.
    pub async fn raw(&self) -> sea_orm::DatabaseConnection {
        let mut options = sea_orm::ConnectOptions::new(&self.url);
        options.max_connections(1).min_connections(1);
        sea_orm::Database::connect(options).await.expect("the database")
    }

    /// Every file in which the database keeps anything.
    pub fn database_folder(&self) -> PathBuf {
        match &self.cluster {
            Some(cluster) => cluster.data(),
            None => self.folder.path().to_owned(),
        }
    }
}

/// A store on a database, migrated and with its keys.
///
/// # Panics
///
/// Where it does not open.
pub async fn open(url: &str, keys: &Path, archive: &Path) -> Store {
    let mut config = StoreConfig::new(url, KeyFile::load(keys).expect("a key file"));
    config.archive = Some(archive.to_owned());
    config.key_path = Some(keys.to_owned());
    config.patience = std::time::Duration::from_secs(30);
    let store = Store::open(&config).await.expect("a database");
    store.migrate().await.expect("a migrated database");
    store.remember_keys().await.expect("keys");
    store
}

/// When the measured bookings are made.
pub fn now() -> DateTime<Utc> {
    moment(crate::app::NOW)
}

/// A request to book a train from Paris to Lyon, some days from [`now`], for one person.
///
/// # Panics
///
/// Never: the offer is a proper one.
pub fn request(person: &str, id_number: &str, day: i64) -> BookTrip {
    let departure = (now() + TimeDelta::days(1 + day)).fixed_offset();
    let ride = Ride {
        source_id: "TGV-6601".into(),
        train_type: "TGV INOUI".into(),
        service_date: departure.date_naive(),
        origin_id: "paris".into(),
        destination_id: "lyon".into(),
        origin_name: "Paris Gare de Lyon".into(),
        destination_name: "Lyon Part-Dieu".into(),
        departure,
        arrival: departure + TimeDelta::minutes(117),
    };
    let prices = LegPrices { first_cents: Some(9_000), second_cents: Some(4_500) };
    let legs = vec![OfferedLeg { ride, prices }];
    let traveller = Traveller {
        first_name: "Some".into(),
        last_name: person.into(),
        id_number: id_number.into(),
        age: 34,
    };
    BookTrip {
        caller: "measure".into(),
        itinerary_id: "itinerary".into(),
        offer: Some(Offer::new(legs, "EUR", chrono_tz::Europe::Paris).expect("an offer")),
        travellers: vec![traveller],
        fare_class: FareClass::Second,
        expected_price: None,
        idempotency_key: None,
    }
}

/// The value below which this part of the values is.
pub fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = (sorted.len() as f64 * part) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}
