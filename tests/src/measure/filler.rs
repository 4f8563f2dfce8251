//! Rows by the million, made by the database itself.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend};

/// Trips that departed in 2024, one traveller and one leg each, of clients who are there already.
/// They count as trips from before the audit log.
///
/// # Panics
///
/// Where the database refuses them.
pub async fn old_trips(raw: &DatabaseConnection, count: u64) {
    let postgres = raw.get_database_backend() == DbBackend::Postgres;
    let (numbers, hash, reference, date) = if postgres {
        (
            format!("(SELECT n::bigint FROM generate_series(1, {count}) AS g(n)) AS numbers"),
            "sha256(convert_to(n::text, 'UTF8'))",
            "'TRP-' || lpad(upper(to_hex(n)), 8, '0')",
            "DATE '2024-06-01'",
        )
    } else {
        (
            format!(
                "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g \
                 WHERE n < {count}) SELECT n FROM g) AS numbers"
            ),
            "CAST(printf('%032d', n) AS BLOB)",
            "printf('TRP-%08X', n)",
            "'2024-06-01'",
        )
    };
    let clients = "(SELECT count(*) FROM clients)";
    let sql = [
        "CREATE TABLE some_clients AS \
         SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM clients"
            .to_owned(),
        format!(
            "INSERT INTO trips (id, reference, status, version, booked_at, fare_class, currency, \
             price_cents, departure_at, arrival_at, current_until, stops, connection_signature, \
             service_date) SELECT n, {reference}, 'CONFIRMED', 1, 1716000000, 'SECOND', 'EUR', \
             4500, 1717225200 + n, 1717232400 + n, 1717279200 + n, 0, {hash}, {date} FROM {numbers}"
        ),
        format!(
            "INSERT INTO trip_legs SELECT n, 0, 'TGV-6601', 'TGV INOUI', {date}, 'paris', 'lyon', \
             'Paris Gare de Lyon', 'Lyon Part-Dieu', 1717225200 + n, 7200, 1717232400 + n, 7200, \
             4500 FROM {numbers}"
        ),
        format!(
            "INSERT INTO reservations (id, trip_id, client_id, position, status, age, \
             connection_signature, service_date) SELECT n, n, c.id, 0, 'CONFIRMED', 34, {hash}, \
             {date} FROM {numbers} JOIN some_clients c ON c.place = n % {clients}"
        ),
        format!(
            "INSERT INTO tickets (id, reservation_id, number, issued_at) \
             SELECT n, n, 171600000000000 + n, 1716000000 FROM {numbers}"
        ),
        format!("INSERT INTO audit_unlogged (trip_id, trip_version) SELECT n, 1 FROM {numbers}"),
        "DROP TABLE some_clients".to_owned(),
    ];
    for sql in sql {
        raw.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}

/// Clients that nobody can read, so that those who can are some among many.
///
/// # Panics
///
/// Where the database refuses them.
pub async fn clients(raw: &DatabaseConnection, count: u64) {
    let postgres = raw.get_database_backend() == DbBackend::Postgres;
    let (numbers, bytes) = if postgres {
        (
            format!("(SELECT n::bigint FROM generate_series(1, {count}) AS g(n)) AS numbers"),
            "sha256(convert_to(n::text, 'UTF8'))",
        )
    } else {
        (
            format!(
                "(WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g \
                 WHERE n < {count}) SELECT n FROM g) AS numbers"
            ),
            "CAST(printf('%032d', n) AS BLOB)",
        )
    };
    for sql in [
        format!(
            "INSERT INTO clients (id, first_name, last_name, id_number, data_key, \
             key_encryption_key_id, created_at) \
             SELECT n, {bytes}, {bytes}, {bytes}, {bytes}, 1, 0 FROM {numbers}"
        ),
        format!(
            "INSERT INTO client_identities (identity, key_id, client_id) \
             SELECT {bytes}, 1, n FROM {numbers}"
        ),
    ] {
        raw.execute_unprepared(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }
}
