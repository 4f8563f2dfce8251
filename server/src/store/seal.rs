//! Names and id numbers at rest.
//!
//! Each client has a data key of its own, and the database holds it wrapped by a key-encryption
//! key from the key file. So a key-encryption key is replaced by wrapping the data keys anew,
//! without touching a name, and a client becomes unreadable when its data key goes. Everything
//! sealed is bound to the place where it stands (table, column, client), so that a ciphertext
//! moved to another row or column is refused like a forged one.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::entities::client;
use super::error::StoreError;
use super::keys::{Key, KeyFile};
use super::random::Randomness;
use crate::booking::{Client, ClientId, Identity, Person};

const NONCE_LENGTH: usize = 24;

/// Seals and opens clients.
pub(super) struct Vault {
    keys: KeyFile,
    current_key_id: i32,
    current_key: Key,
    idempotency: Key,
    random: Randomness,
}

impl Vault {
    pub(super) fn new(keys: KeyFile, random: Randomness) -> Option<Self> {
        let (&current_key_id, current_key) = keys.encryption.last_key_value()?;
        let current_key = current_key.clone();
        let context = "railgraph idempotency fingerprint 1";
        let idempotency = Zeroizing::new(blake3::derive_key(context, keys.blind_index.as_slice()));
        Some(Self { keys, current_key_id, current_key, idempotency, random })
    }

    /// Says which keys these are, and nothing of them: a hash under the index key. Encryption keys
    /// are replaced one by one, the index key is what clients are found by.
    pub(super) fn fingerprint(&self) -> Vec<u8> {
        let hash = blake3::keyed_hash(&self.keys.blind_index, b"railgraph key fingerprint 1");
        hash.as_bytes().to_vec()
    }

    /// The key under which idempotency keys and requests are hashed.
    pub(super) fn idempotency_key(&self) -> &[u8; 32] {
        &self.idempotency
    }

    /// What a client is found by: the same for the same identity, and nothing without the key.
    pub(super) fn blind_index(&self, identity: &Identity) -> Vec<u8> {
        let mut hasher = blake3::Hasher::new_keyed(&self.keys.blind_index);
        for part in [identity.last_name_folded(), identity.id_number().as_str()] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finalize().as_bytes().to_vec()
    }

    /// A person as a new row.
    pub(super) fn seal(
        &self,
        id: ClientId,
        person: &Person,
        created_at: i64,
    ) -> Result<client::Model, StoreError> {
        let data_key: Key = Zeroizing::new(self.random.bytes()?);
        let field = |column, text: &str| {
            self.encrypt(&data_key, text.as_bytes(), &Place { column, id, key_id: 0 })
        };
        let wrapping = Place { column: "data_key", id, key_id: self.current_key_id };
        Ok(client::Model {
            id: id.0,
            identity: self.blind_index(&person.identity()),
            first_name: field("first_name", person.first_name())?,
            last_name: field("last_name", person.last_name())?,
            id_number: field("id_number", person.id_number().as_str())?,
            data_key: self.encrypt(&self.current_key, data_key.as_slice(), &wrapping)?,
            key_encryption_key_id: self.current_key_id,
            created_at,
        })
    }

    /// A row as a client.
    pub(super) fn open(&self, row: &client::Model) -> Result<Client, StoreError> {
        let id = ClientId(row.id);
        let key_id = row.key_encryption_key_id;
        let wrapping_key =
            self.keys.encryption.get(&key_id).ok_or(StoreError::KeyMissing { key_id })?;
        let wrapping = Place { column: "data_key", id, key_id };
        let unwrapped = decrypt(wrapping_key, &row.data_key, &wrapping)?;
        let data_key: Key = Zeroizing::new(
            unwrapped.as_slice().try_into().map_err(|_| StoreError::Unreadable { client: id })?,
        );
        let field = |column, sealed: &[u8]| {
            let opened = decrypt(&data_key, sealed, &Place { column, id, key_id: 0 })?;
            String::from_utf8(opened.to_vec()).map_err(|_| StoreError::Unreadable { client: id })
        };
        let person = Person::from_stored(
            field("first_name", &row.first_name)?,
            field("last_name", &row.last_name)?,
            field("id_number", &row.id_number)?,
        );
        Ok(Client { id, person })
    }

    fn encrypt(&self, key: &Key, text: &[u8], place: &Place) -> Result<Vec<u8>, StoreError> {
        let nonce: [u8; NONCE_LENGTH] = self.random.bytes()?;
        let context = place.associated_data();
        let payload = Payload { msg: text, aad: context.as_bytes() };
        let ciphertext = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| StoreError::Unreadable { client: place.id })?;
        Ok([nonce.as_slice(), &ciphertext].concat())
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Vault")
    }
}

/// Where a ciphertext stands.
struct Place {
    column: &'static str,
    id: ClientId,
    /// The key-encryption key of a wrapped data key, 0 elsewhere.
    key_id: i32,
}

impl Place {
    fn associated_data(&self) -> String {
        format!("railgraph/1 clients {} {} {}", self.column, self.id.0, self.key_id)
    }
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new((&**key).into())
}

fn decrypt(key: &Key, sealed: &[u8], place: &Place) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let unreadable = || StoreError::Unreadable { client: place.id };
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or_else(unreadable)?;
    let context = place.associated_data();
    let payload = Payload { msg: ciphertext, aad: context.as_bytes() };
    cipher(key)
        .decrypt(&XNonce::from(*nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| unreadable())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault() -> Vault {
        let random = Randomness::system();
        Vault::new(KeyFile::generate(&random).expect("must succeed"), random).expect("must succeed")
    }

    fn ada() -> Person {
        Person::from_stored("Ada".into(), "Lovelace".into(), "GB123456".into())
    }

    #[test]
    fn opens_what_it_sealed() {
        let vault = vault();
        let row = vault.seal(ClientId(7), &ada(), 0).expect("must succeed");
        let client = vault.open(&row).expect("must succeed");
        assert_eq!(client, Client { id: ClientId(7), person: ada() });
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let vault = vault();
        let row = vault.seal(ClientId(7), &ada(), 0).expect("must succeed");
        let fields: [fn(&mut client::Model) -> &mut Vec<u8>; 4] = [
            |row| &mut row.first_name,
            |row| &mut row.last_name,
            |row| &mut row.id_number,
            |row| &mut row.data_key,
        ];
        for field in fields {
            for bit in 0..field(&mut row.clone()).len() * 8 {
                let mut forged = row.clone();
                field(&mut forged)[bit / 8] ^= 1 << (bit % 8);
                assert!(vault.open(&forged).is_err(), "bit {bit}");
            }
            for length in 0..field(&mut row.clone()).len() {
                let mut forged = row.clone();
                field(&mut forged).truncate(length);
                assert!(vault.open(&forged).is_err(), "length {length}");
            }
        }
    }

    #[test]
    fn a_ciphertext_in_another_place_is_refused() {
        let vault = vault();
        let row = vault.seal(ClientId(7), &ada(), 0).expect("must succeed");
        let mut swapped = row.clone();
        std::mem::swap(&mut swapped.first_name, &mut swapped.last_name);
        assert!(vault.open(&swapped).is_err());
        assert!(vault.open(&client::Model { id: 8, ..row.clone() }).is_err());
        let other_key = client::Model { key_encryption_key_id: 2, ..row };
        let error = vault.open(&other_key).expect_err("must be refused");
        assert_eq!(error.to_string(), "expected encryption key 2 in the key file, found none");
    }

    #[test]
    fn the_blind_index_is_keyed_and_unambiguous() {
        let vault = vault();
        let index = |last_name: &str, id_number: &str| {
            let person = Person::from_stored("A".into(), last_name.into(), id_number.into());
            vault.blind_index(&person.identity())
        };
        assert_eq!(index("STRAUSS", "A1"), index("Strauß", "A1"));
        assert_ne!(index("Strauss", "A1"), index("StraussA", "1"));
        assert_ne!(
            vault.blind_index(&ada().identity()),
            self::vault().blind_index(&ada().identity())
        );
    }
}
