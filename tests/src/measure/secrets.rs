//! Names that must be nowhere, and ciphertexts that must be refused.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use sea_orm::{ConnectionTrait, DatabaseConnection, Statement};
use server::booking::ClientId;
use server::store::Store;

use crate::random::Random;

/// A word that is in no timetable and no program.
pub fn unmistakable(kind: &str, number: usize) -> String {
    // Fifteen signs, so that base64 of each alignment has many of its own.
    format!("{kind}qxz{:08x}wk", 0x9e37_79b1_u32.wrapping_mul(number as u32 + 1))
}

/// Every spelling in which a secret might be written: as it is, in upper and lower case, in hex and
/// in base64 at each of the three places where it may begin.
pub fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let cases = [secret.to_owned(), secret.to_uppercase(), secret.to_lowercase()];
    let mut all = Vec::new();
    for text in &cases {
        let hex = hex(text);
        all.push(hex.to_uppercase().into_bytes());
        all.push(hex.into_bytes());
        for skipped in 0..3 {
            // Of what begins in the middle of a group of three, the whole groups are the same
            // whatever stands around them.
            let whole = &text.as_bytes()[skipped..];
            let whole = &whole[..whole.len() / 3 * 3];
            all.push(STANDARD.encode(whole).into_bytes());
            all.push(URL_SAFE.encode(whole).into_bytes());
        }
        all.push(text.clone().into_bytes());
    }
    all.sort();
    all.dedup();
    all
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// The spellings that are in these bytes.
pub fn found_in(bytes: &[u8], needles: &[Vec<u8>]) -> Vec<String> {
    // By the first eight bytes; every needle has more.
    let mut by_head: std::collections::HashMap<&[u8], Vec<&Vec<u8>>> =
        std::collections::HashMap::new();
    for needle in needles {
        by_head.entry(&needle[..8]).or_default().push(needle);
    }
    let mut found = Vec::new();
    for (at, head) in bytes.windows(8).enumerate() {
        let Some(candidates) = by_head.get(head) else { continue };
        let here = candidates.iter().filter(|needle| bytes[at..].starts_with(needle));
        found.extend(here.map(|needle| String::from_utf8_lossy(needle).into_owned()));
    }
    found
}

/// What of the needles is in the files of a folder and of the folders in it; also how many bytes
/// were looked at.
///
/// # Panics
///
/// Where a file cannot be read.
pub fn search_folder(folder: &Path, needles: &[Vec<u8>]) -> (u64, Vec<String>) {
    let (mut looked_at, mut found, mut folders) = (0, Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // Sockets are none, and files may go.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            looked_at += bytes.len() as u64;
            let here = found_in(&bytes, needles);
            found.extend(here.into_iter().map(|hit| format!("{hit} in {}", path.display())));
        }
    }
    (looked_at, found)
}

const COLUMNS: [&str; 4] = ["first_name", "last_name", "id_number", "data_key"];

/// Flips a bit of a stored ciphertext, or puts another one in its place, so many times, and counts
/// how often the client could still be read.
///
/// # Panics
///
/// Where the database refuses what its owner may do.
pub async fn forge(
    store: &Store,
    raw: &DatabaseConnection,
    clients: &[ClientId],
    times: usize,
    seed: u64,
) -> usize {
    let backend = raw.get_database_backend();
    let drop = match backend {
        sea_orm::DbBackend::Postgres => "DROP TRIGGER tr_clients_immutable ON clients",
        _ => "DROP TRIGGER tr_clients_immutable",
    };
    raw.execute_unprepared(drop).await.expect("no trigger");
    let mut random = Random::of(seed);
    let mut accepted = 0;
    for _ in 0..times {
        let (client, column) = (*random.of_slice(clients), *random.of_slice(&COLUMNS));
        let sealed = read(raw, client, column).await;
        let mut forged = sealed.clone();
        if random.once_in(2) {
            let bit = random.below(sealed.len() * 8);
            forged[bit / 8] ^= 1 << (bit % 8);
        } else {
            // Another client's, or another column's.
            while forged == sealed {
                let other = *random.of_slice(clients);
                forged = read(raw, other, random.of_slice::<&str>(&COLUMNS)).await;
            }
        }
        write(raw, client, column, forged).await;
        accepted += usize::from(store.client_by_id(client).await.is_ok());
        write(raw, client, column, sealed).await;
    }
    for client in clients {
        store.client_by_id(*client).await.expect("a client who is as before");
    }
    accepted
}

async fn read(raw: &DatabaseConnection, client: ClientId, column: &str) -> Vec<u8> {
    let sql = format!("SELECT {column} AS sealed FROM clients WHERE id = {}", client.0);
    let statement = Statement::from_string(raw.get_database_backend(), sql);
    let row = raw.query_one_raw(statement).await.expect("a row").expect("a row");
    row.try_get("", "sealed").expect("bytes")
}

async fn write(raw: &DatabaseConnection, client: ClientId, column: &str, bytes: Vec<u8>) {
    let sql = format!("UPDATE clients SET {column} = $1 WHERE id = {}", client.0);
    let backend = raw.get_database_backend();
    let statement = Statement::from_sql_and_values(backend, sql, [bytes.into()]);
    raw.execute_raw(statement).await.expect("a changed row");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_found_wherever_it_stands() {
        let secret = unmistakable("name", 7);
        let needles = spellings(&secret);
        for before in ["", "a", "ab", "abc"] {
            for text in [secret.clone(), secret.to_uppercase()] {
                let text = format!("{before}{text}, and more");
                for written in
                    [text.clone(), hex(&text), STANDARD.encode(&text), URL_SAFE.encode(&text)]
                {
                    assert!(!found_in(written.as_bytes(), &needles).is_empty(), "{written}");
                }
            }
        }
        assert!(found_in(unmistakable("name", 8).as_bytes(), &needles).is_empty());
    }
}
