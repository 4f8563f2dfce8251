//! What the database's files hold.

use sea_orm::{ConnectionTrait, Statement};
use server::store::{KeyFile, Randomness, StoreError};

use tests::measure::secrets::{forge, search_folder, spellings, unmistakable};

use super::bench::{key, request_for, traveller};
use super::{Bench, on_both};

on_both! {
    no_name_and_no_id_number_is_in_the_clear;
    a_changed_ciphertext_is_refused;
    a_ciphertext_of_another_client_is_refused;
    another_key_file_finds_nobody;
    tickets_and_clients_cannot_be_changed;
    the_database_itself_refuses_nonsense;
    two_hundred_people_are_in_no_file;
    flipped_and_swapped_ciphertexts_are_refused;
}

const FIRST: &str = "Quetzalcoatlina";
const LAST: &str = "Xylophonographer";
const NUMBER: &str = "ZZ917364501827";

/// All bytes that the database has written for us.
async fn bytes_of(bench: &Bench) -> Vec<u8> {
    if bench.is_sqlite() {
        let files = std::fs::read_dir(bench.folder()).unwrap();
        let paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        assert!(paths.iter().any(|path| path.to_string_lossy().ends_with("-wal")));
        return paths.iter().flat_map(|path| std::fs::read(path).unwrap()).collect();
    }
    let raw = bench.raw().await;
    let mut text = String::new();
    for table in ["clients", "trips", "trip_legs", "reservations", "tickets", "idempotency_keys"] {
        let sql = format!("SELECT coalesce(string_agg(t::text, ' '), '') AS a FROM {table} t");
        let statement = Statement::from_string(raw.get_database_backend(), sql);
        let row = raw.query_one_raw(statement).await.unwrap().unwrap();
        text.push_str(&row.try_get::<String>("", "a").unwrap());
    }
    text.into_bytes()
}

async fn no_name_and_no_id_number_is_in_the_clear(bench: Bench) {
    let mut request = request_for(&[traveller(FIRST, LAST, NUMBER)]);
    request.idempotency_key = Some(key(&format!("for {LAST}")));
    let trip = bench.book(&request).await;
    let haystack = bytes_of(&bench).await;
    let contains = |needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    for needle in [FIRST, LAST, NUMBER] {
        for spelling in [needle.to_owned(), needle.to_lowercase(), needle.to_uppercase()] {
            let digits: Vec<_> = spelling.bytes().map(|byte| format!("{byte:02x}")).collect();
            let hex = digits.concat();
            assert!(!contains(spelling.as_bytes()), "{spelling}");
            assert!(!contains(hex.as_bytes()), "{spelling} as hex");
        }
    }
    // The search does find what is there.
    assert!(contains(trip.reference().to_string().as_bytes()));
    assert!(!format!("{trip:?} {request:?}").contains(LAST));
}

async fn a_changed_ciphertext_is_refused(bench: Bench) {
    let trip = bench.book(&request_for(&[traveller(FIRST, LAST, NUMBER)])).await;
    let client = &trip.reservations()[0].client;
    let raw = bench.raw().await;
    // What an attacker with the database's own rights can do: the trigger is in his way, he
    // removes it.
    let drop = if bench.is_sqlite() {
        "DROP TRIGGER tr_clients_immutable"
    } else {
        "DROP TRIGGER tr_clients_immutable ON clients"
    };
    raw.execute_unprepared(drop).await.unwrap();
    for column in ["first_name", "last_name", "id_number", "data_key"] {
        let backend = raw.get_database_backend();
        let select = format!("SELECT {column} AS sealed FROM clients");
        let row = raw.query_one_raw(Statement::from_string(backend, select)).await.unwrap();
        let sealed: Vec<u8> = row.unwrap().try_get("", "sealed").unwrap();
        let mut flipped = sealed.clone();
        flipped[30] ^= 1;
        let write = async |bytes: Vec<u8>| {
            let sql = format!("UPDATE clients SET {column} = $1");
            let statement = Statement::from_sql_and_values(backend, sql, [bytes.into()]);
            raw.execute_raw(statement).await.unwrap();
        };
        write(flipped).await;
        let error = bench.store.client_by_id(client.id).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreadable { .. }), "{column}: {error}");
        write(sealed).await;
        assert_eq!(bench.store.client_by_id(client.id).await.unwrap().as_ref(), Some(client));
    }
}

async fn a_ciphertext_of_another_client_is_refused(bench: Bench) {
    let people = [traveller(FIRST, LAST, NUMBER), traveller("B", "C", "D1")];
    let trip = bench.book(&request_for(&people)).await;
    let [one, other] = [0, 1].map(|index| trip.reservations()[index].client.id);
    let sql = format!(
        "UPDATE clients SET data_key = (SELECT data_key FROM clients WHERE id = {}) WHERE id = {}",
        one.0, other.0
    );
    bench.raw().await.execute_unprepared(&sql).await.unwrap();
    assert!(bench.store.client_by_id(other).await.is_err());
    assert!(bench.store.client_by_id(one).await.is_ok());
}

async fn another_key_file_finds_nobody(bench: Bench) {
    let trip = bench.book(&request_for(&[traveller(FIRST, LAST, NUMBER)])).await;
    let other_keys = KeyFile::generate(&Randomness::system()).unwrap();
    let store = bench.reopen(|config| config.keys = other_keys).await;
    assert_eq!(store.client(LAST, NUMBER).await.unwrap(), None);
    let error = store.trip_by_id(trip.id()).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
    assert!(!error.to_string().contains(LAST));
}

/// The short run of `bookings secrets`, with a backup and the archive besides.
async fn two_hundred_people_are_in_no_file(bench: Bench) {
    let mut needles = Vec::new();
    for person in 0..200 {
        let [name, number] = ["name", "number"].map(|kind| unmistakable(kind, person));
        needles.extend([&name, &number].into_iter().flat_map(|secret| spellings(secret)));
        let mut request = request_for(&[traveller(&name, &name, &number)]);
        request.idempotency_key = Some(key(&format!("{name} {number}")));
        bench.book(&request).await;
    }
    let later = super::bench::at("2028-06-01T12:00:00Z").to_utc();
    bench.store.archive(super::bench::date("2027-12-31"), "test", later).await.unwrap();
    if bench.is_sqlite() {
        let backup = format!("VACUUM INTO '{}/backup.db'", bench.folder().display());
        bench.raw().await.execute_unprepared(&backup).await.unwrap();
    } else {
        let dump = bench.folder().join("tables.txt");
        std::fs::write(dump, bytes_of(&bench).await).unwrap();
    }
    for file in std::fs::read_dir(bench.archive_folder()).unwrap() {
        let path = file.unwrap().path();
        std::fs::write(path.with_extension("text"), tests::archive_text(&path)).unwrap();
    }
    let (bytes, found) = search_folder(bench.folder(), &needles);
    assert_eq!(found, [""; 0]);
    assert!(bytes > 200_000, "{bytes} bytes searched");
    // The search does find what is there.
    let planted = format!("x{}", unmistakable("name", 150));
    std::fs::write(bench.folder().join("planted"), planted).unwrap();
    assert_eq!(search_folder(bench.folder(), &needles).1.len(), 1);
}

/// The short run of `bookings secrets`.
async fn flipped_and_swapped_ciphertexts_are_refused(bench: Bench) {
    let people: Vec<_> =
        (0..9).map(|n| traveller(&format!("F{n}"), &format!("L{n}"), &format!("N{n}"))).collect();
    let trip = bench.book(&request_for(&people)).await;
    let clients: Vec<_> = trip.reservations().iter().map(|place| place.client.id).collect();
    let raw = bench.raw_alone().await;
    assert_eq!(forge(&bench.store, &raw, &clients, 300, 3).await, 0);
}

async fn tickets_and_clients_cannot_be_changed(bench: Bench) {
    bench.book(&request_for(&[traveller(FIRST, LAST, NUMBER)])).await;
    let raw = bench.raw().await;
    let refused = [
        "UPDATE tickets SET number = number + 1",
        "UPDATE tickets SET issued_at = issued_at",
        "UPDATE clients SET last_name = first_name",
        "UPDATE clients SET id = id + 1",
        "UPDATE trip_legs SET origin_name = 'Roma'",
    ];
    for sql in refused {
        let error = raw.execute_unprepared(sql).await.unwrap_err();
        assert!(error.to_string().contains("cannot be changed"), "{sql}: {error}");
    }
    // Keys can: that is how they are rotated.
    let allowed = "UPDATE clients SET data_key = data_key, key_encryption_key_id = 1";
    raw.execute_unprepared(allowed).await.unwrap();
}

async fn the_database_itself_refuses_nonsense(bench: Bench) {
    bench.book(&request_for(&[traveller(FIRST, LAST, NUMBER)])).await;
    let raw = bench.raw().await;
    let refused = [
        "UPDATE trips SET status = 'LOST'",
        "UPDATE trips SET status = 'CANCELLED'",
        "UPDATE trips SET version = 0",
        "UPDATE trips SET reference = 'TRP-0000000g'",
        "UPDATE trips SET currency = 'Eur'",
        "UPDATE trips SET price_cents = -1",
        "UPDATE trips SET stops = 3",
        "UPDATE reservations SET age = 131",
        "UPDATE reservations SET client_id = 1",
        "UPDATE client_identities SET identity = (SELECT data_key FROM clients)",
        "UPDATE client_identities SET key_id = 9",
        "UPDATE clients SET key_encryption_key_id = 9",
        "UPDATE clients SET erased_at = 1",
        "UPDATE reservations SET status = 'CANCELLED'",
        "UPDATE reservations SET cancelled_version = 2",
        "INSERT INTO ticket_numbers (id, last) VALUES (2, 0)",
        "DELETE FROM trips",
    ];
    for sql in refused {
        assert!(raw.execute_unprepared(sql).await.is_err(), "{sql}");
    }
}
