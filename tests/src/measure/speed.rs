//! How many bookings a second, against the same statements sent raw to the same database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode,
    Statement, TransactionOptions, TransactionTrait, Value,
};
use server::store::{Store, When};
use tokio::task::JoinSet;

use super::{Place, now, percentile, request};

/// Connections of the raw run on PostgreSQL; the store's pool has as many.
const CONNECTIONS: u32 = 12;

/// Bookings that share a commit in the raw run on SQLite; as many as callers wait.
const GROUP: usize = 64;

/// What was measured.
#[derive(Debug, Clone, Copy, Default)]
pub struct Speed {
    /// Bookings a second through the store.
    pub store_per_s: f64,
    /// Half of them took less, in milliseconds.
    pub median_ms: f64,
    /// 99 of 100 took less, in milliseconds.
    pub p99_ms: f64,
    /// Bookings that shared a commit, on SQLite.
    pub group: f64,
    /// Bookings a second by raw statements.
    pub raw_per_s: f64,
}

impl Speed {
    /// The store's bookings for one of the raw ones.
    pub fn ratio(self) -> f64 {
        self.store_per_s / self.raw_per_s
    }
}

/// Measures both, in turns.
///
/// # Panics
///
/// Where a booking fails.
pub async fn measure(place: &Place, callers: usize, seconds: f64, turns: usize) -> Speed {
    let store = place.store().await;
    let raw = Arc::new(raw_pool(place).await);
    let (mut times, mut raw_count, mut took, mut raw_took) = (Vec::new(), 0_u64, 0_f64, 0_f64);
    let serial = Arc::new(AtomicU64::new(0));
    // Whatever is prepared once is prepared before.
    book_for(&store, callers, 0.3, &serial).await;
    raw_for(&raw, callers, 0.3, &serial).await;
    for _ in 0..turns {
        let begun = Instant::now();
        times.extend(book_for(&store, callers, seconds / turns as f64, &serial).await);
        took += begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        raw_count += raw_for(&raw, callers, seconds / turns as f64, &serial).await;
        raw_took += begun.elapsed().as_secs_f64();
    }
    times.sort_by(f64::total_cmp);
    let written = store.write_stats();
    Speed {
        group: written.jobs as f64 / written.commits.max(1) as f64,
        store_per_s: times.len() as f64 / took,
        median_ms: percentile(&times, 0.5),
        p99_ms: percentile(&times, 0.99),
        raw_per_s: raw_count as f64 / raw_took,
    }
}

/// Books new persons with this many callers for a while; what each took in milliseconds.
async fn book_for(
    store: &Store,
    callers: usize,
    seconds: f64,
    serial: &Arc<AtomicU64>,
) -> Vec<f64> {
    let begun = Instant::now();
    let until = begun + Duration::from_secs_f64(seconds);
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (store, serial) = (store.clone(), Arc::clone(serial));
        tasks.spawn(async move {
            let mut times = Vec::new();
            while Instant::now() < until {
                let number = serial.fetch_add(1, Ordering::Relaxed);
                let request = request("Speedy", &format!("S{number}"), 0);
                let sent = Instant::now();
                let now = now() + chrono::TimeDelta::from_std(sent - begun).expect("a time");
                store.book(&request, now).await.expect("a booking").expect("no refusal");
                times.push(sent.elapsed().as_secs_f64() * 1e3);
            }
            times
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

async fn raw_pool(place: &Place) -> DatabaseConnection {
    if place.url.starts_with("sqlite") {
        let raw = place.raw().await;
        for setting in [
            "synchronous = FULL",
            "temp_store = MEMORY",
            "secure_delete = ON",
            "cache_size = -65536",
        ] {
            raw.execute_unprepared(&format!("PRAGMA {setting}")).await.expect("a setting");
        }
        return raw;
    }
    let mut options = sea_orm::ConnectOptions::new(&place.url);
    options.max_connections(CONNECTIONS).min_connections(CONNECTIONS).sqlx_logging(false);
    sea_orm::Database::connect(options).await.expect("the database")
}

/// The store's statements without the store, for a while; how many bookings they made.
async fn raw_for(
    raw: &Arc<DatabaseConnection>,
    callers: usize,
    seconds: f64,
    serial: &Arc<AtomicU64>,
) -> u64 {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    if raw.get_database_backend() == DbBackend::Sqlite {
        let mut count = 0;
        while Instant::now() < until {
            let options = TransactionOptions {
                sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
                ..TransactionOptions::default()
            };
            let group = raw.begin_with_options(options).await.expect("a transaction");
            for _ in 0..GROUP {
                let savepoint = group.begin().await.expect("a savepoint");
                if raw_booking(&savepoint, serial.fetch_add(1, Ordering::Relaxed)).await {
                    savepoint.commit().await.expect("a released savepoint");
                    count += 1;
                } else {
                    savepoint.rollback().await.expect("a savepoint that is gone");
                }
            }
            group.commit().await.expect("a commit");
        }
        return count;
    }
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let (raw, serial) = (Arc::clone(raw), Arc::clone(serial));
        tasks.spawn(async move {
            let mut count = 0;
            while Instant::now() < until {
                let transaction = raw.begin().await.expect("a transaction");
                if raw_booking(&transaction, serial.fetch_add(1, Ordering::Relaxed)).await {
                    transaction.commit().await.expect("a commit");
                    count += 1;
                } else {
                    transaction.rollback().await.expect("a transaction that is gone");
                }
            }
            count
        });
    }
    tasks.join_all().await.into_iter().sum()
}

/// The statements of one booking as the store sends them, the insertions in one message, with
/// values of the same kinds and lengths; whether it was booked.
async fn raw_booking(transaction: &DatabaseTransaction, serial: u64) -> bool {
    let id = (1_i64 << 61) + serial as i64;
    let bytes = |length: usize, salt: u8| -> Value {
        let mut bytes = vec![0; length];
        let mut hasher = blake3::Hasher::new();
        hasher.update(&serial.to_le_bytes()).update(&[salt]).finalize_xof().fill(&mut bytes);
        bytes.into()
    };
    let backend = transaction.get_database_backend();
    let key = Statement::from_sql_and_values(
        backend,
        "INSERT INTO idempotency_keys (caller, key, fingerprint, trip_id, trip_version, \
         trip_status, created_at) VALUES ('raw', $1, $2, $3, 1, 'CONFIRMED', 0) \
         ON CONFLICT (caller, key) DO UPDATE SET fingerprint = excluded.fingerprint \
         WHERE idempotency_keys.created_at < 0",
        [bytes(32, 1), bytes(32, 2), id.into()],
    );
    transaction.execute_raw(key).await.expect("a row");
    let clients = Statement::from_sql_and_values(
        backend,
        "SELECT c.*, i.* FROM clients c JOIN client_identities i ON i.client_id = c.id \
         WHERE i.identity IN ($1)",
        [bytes(32, 3)],
    );
    transaction.query_all_raw(clients).await.expect("rows");
    let date: Value = chrono::NaiveDate::from_ymd_opt(2026, 12, 1).expect("a date").into();
    let values = [
        vec![id.into(), bytes(44, 4), bytes(46, 5), bytes(47, 6), bytes(72, 7)],
        vec![bytes(32, 3), id.into()],
        vec![id.into(), reference(serial).into(), bytes(32, 8), date.clone()],
        vec![id.into(), date.clone()],
        vec![id.into(), id.into(), id.into(), bytes(32, 8), date],
        vec![id.into(), id.into(), (900_000_000_000_000 + serial as i64).into()],
        vec![id.into(), id.into(), reference(serial).into(), bytes(32, 9)],
    ];
    let insertions = match backend {
        DbBackend::Postgres => {
            let mut number = 0;
            let mut numbered = INSERTIONS.map(|sql| {
                let mut parts = sql.split('?');
                let first = parts.next().unwrap_or_default().to_owned();
                parts.fold(first, |sql, part| {
                    number += 1;
                    format!("{sql}${number}{part}")
                })
            });
            let last = std::mem::take(&mut numbered[INSERTIONS.len() - 1]);
            let named = numbered.iter().take(INSERTIONS.len() - 1).zip(1..);
            let named: Vec<_> = named.map(|(sql, part)| format!("part{part} AS ({sql})")).collect();
            format!("WITH {} {last}", named.join(", "))
        }
        _ => INSERTIONS.join("; "),
    };
    let statement = Statement::from_sql_and_values(backend, insertions, values.concat());
    // Once in some million times the store has drawn the same reference.
    transaction.execute_raw(statement).await.is_ok()
}

const INSERTIONS: [&str; 7] = [
    "INSERT INTO clients (id, first_name, last_name, id_number, data_key, key_encryption_key_id, \
     created_at) VALUES (?, ?, ?, ?, ?, 1, 0)",
    "INSERT INTO client_identities (identity, key_id, client_id) VALUES (?, 1, ?)",
    "INSERT INTO trips (id, reference, status, version, booked_at, fare_class, currency, \
     price_cents, departure_at, arrival_at, current_until, stops, connection_signature, \
     service_date) VALUES (?, ?, 'CONFIRMED', 1, 0, 'SECOND', 'EUR', 4500, 1, 2, 3, 0, ?, ?)",
    "INSERT INTO trip_legs (trip_id, position, source_id, train_type, service_date, origin_id, \
     destination_id, origin_name, destination_name, departure_at, departure_offset_s, arrival_at, \
     arrival_offset_s, price_cents) VALUES (?, 0, 'TGV-6601', 'TGV INOUI', ?, 'paris', 'lyon', \
     'Paris Gare de Lyon', 'Lyon Part-Dieu', 1, 0, 2, 0, 4500)",
    "INSERT INTO reservations (id, trip_id, client_id, position, status, age, \
     connection_signature, service_date) VALUES (?, ?, ?, 0, 'CONFIRMED', 34, ?, ?)",
    "INSERT INTO tickets (id, reservation_id, number, issued_at) VALUES (?, ?, ?, 0)",
    "INSERT INTO audit_log (id, at, caller, effect, trip_id, trip_reference, trip_version, mac) \
     VALUES (?, 0, 'raw', 'BOOKED', ?, ?, 1, ?)",
];

/// Hardly one that a booking draws, and no other serial's.
fn reference(serial: u64) -> String {
    format!("TRP-{:08X}", (serial as u32).wrapping_mul(0x9E37_79B1))
}

/// What a page of a client's 20 trips takes, in milliseconds: the median and the 99th of 100. Two
/// hundred clients are asked for, in turn, among as many others as the database has.
///
/// # Panics
///
/// Where a booking or a look-up fails.
pub async fn pages(store: &Store, asked: usize) -> (f64, f64) {
    let mut clients = Vec::new();
    for person in 0..200 {
        for day in 0..20 {
            let request = request("Reader", &format!("R{person}"), day);
            let trip = store.book(&request, now()).await.expect("a booking").expect("no refusal");
            if day == 0 {
                clients.push(trip.reservations()[0].client.id);
            }
        }
    }
    let mut times = Vec::with_capacity(asked);
    for index in 0..asked {
        let client = clients[index % clients.len()];
        let begun = Instant::now();
        let page = store.trips_of(client, When::Current, now(), 20, None).await.expect("a page");
        times.push(begun.elapsed().as_secs_f64() * 1e3);
        assert_eq!(page.edges.len(), 20);
    }
    times.sort_by(f64::total_cmp);
    (percentile(&times, 0.5), percentile(&times, 0.99))
}
