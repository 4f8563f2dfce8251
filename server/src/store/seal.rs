//! Names and id numbers at rest.
//!
//! Each client has a data key of its own, and the database holds it wrapped by a key-encryption
//! key from the key file. So a key-encryption key is replaced by wrapping the data keys anew,
//! without touching a name, and a client becomes unreadable when its data key goes. Everything
//! sealed is bound to the place where it stands (table, column, client), so that a ciphertext
//! moved to another row or column is refused like a forged one.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use super::entities::client;
use super::error::StoreError;
use super::keys::{Key, KeyFile};
use super::random::Randomness;
use crate::booking::{Client, ClientId, Identity, Person};

const NONCE_LENGTH: usize = 24;

/// The keys in use at one moment.
pub(super) struct Ring {
    keys: KeyFile,
    /// The numbers of the index keys that the database has: a new client is entered under each.
    registered: Vec<i32>,
    current: (i32, Key),
    idempotency: Key,
    audit: Key,
}

impl Ring {
    fn new(keys: KeyFile, registered: Vec<i32>) -> Option<Self> {
        let (&number, key) = keys.encryption.last_key_value()?;
        let derive = |context| Zeroizing::new(blake3::derive_key(context, &*keys.integrity));
        Some(Self {
            current: (number, key.clone()),
            idempotency: derive("railgraph idempotency fingerprint 1"),
            audit: derive("railgraph audit 1"),
            registered,
            keys,
        })
    }

    /// The key under which idempotency keys and requests are hashed.
    pub(super) fn idempotency_key(&self) -> &[u8; 32] {
        &self.idempotency
    }

    /// The key of the audit log's hashes.
    pub(super) fn audit_key(&self) -> &[u8; 32] {
        &self.audit
    }

    /// The keys, as they are in the key file.
    pub(super) fn keys(&self) -> &KeyFile {
        &self.keys
    }

    /// The index keys that the database has; empty before it was asked.
    pub(super) fn registered(&self) -> &[i32] {
        &self.registered
    }

    /// What a client may be found by, one under each index key that there is.
    pub(super) fn search_indexes(&self, identity: &Identity) -> Vec<Vec<u8>> {
        self.keys.blind_index.values().map(|key| blind_index(key, identity)).collect()
    }

    /// What a client has to be found by, with the number of the key.
    pub(super) fn own_indexes(&self, identity: &Identity) -> Vec<(i32, Vec<u8>)> {
        let keys = self.registered.iter();
        let keys = keys.filter_map(|id| Some((*id, self.keys.blind_index.get(id)?)));
        keys.map(|(id, key)| (id, blind_index(key, identity))).collect()
    }
}

/// Says which key this is, and nothing of it.
pub(super) fn fingerprint(key: &Key) -> Vec<u8> {
    blake3::keyed_hash(key, b"railgraph key fingerprint 1").as_bytes().to_vec()
}

/// The same for the same identity, and nothing without the key.
fn blind_index(key: &Key, identity: &Identity) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for part in [identity.last_name_folded(), identity.id_number().as_str()] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().as_bytes().to_vec()
}

/// Seals and opens clients.
pub(super) struct Vault {
    /// Replaced as a whole when keys are rotated.
    ring: RwLock<Arc<Ring>>,
    random: Randomness,
}

impl Vault {
    pub(super) fn new(keys: KeyFile, random: Randomness) -> Option<Self> {
        Some(Self { ring: RwLock::new(Arc::new(Ring::new(keys, Vec::new())?)), random })
    }

    /// The keys in use now.
    pub(super) fn ring(&self) -> Arc<Ring> {
        let ring = self.ring.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&ring)
    }

    /// Uses other keys from now on.
    pub(super) fn replace(&self, keys: KeyFile, registered: Vec<i32>) {
        if let Some(ring) = Ring::new(keys, registered) {
            *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        }
    }

    /// A person as a new row.
    pub(super) fn seal(
        &self,
        ring: &Ring,
        id: ClientId,
        person: &Person,
        created_at: i64,
    ) -> Result<client::Model, StoreError> {
        let data_key: Key = Zeroizing::new(self.random.bytes()?);
        let field = |column, text: &str| {
            self.encrypt(&data_key, text.as_bytes(), &Place { column, id, key_id: 0 })
        };
        let (key_id, key) = &ring.current;
        let wrapping = Place { column: "data_key", id, key_id: *key_id };
        Ok(client::Model {
            id: id.0,
            first_name: field("first_name", person.first_name())?,
            last_name: field("last_name", person.last_name())?,
            id_number: field("id_number", person.id_number().as_str())?,
            data_key: self.encrypt(key, data_key.as_slice(), &wrapping)?,
            key_encryption_key_id: *key_id,
            created_at,
            erased_at: None,
        })
    }

    /// A client's data key, wrapped by the current key instead of another one.
    pub(super) fn rewrap(&self, row: &client::Model) -> Result<(i32, Vec<u8>), StoreError> {
        let ring = self.ring();
        let (id, (key_id, key)) = (ClientId(row.id), &ring.current);
        let data_key = unwrap(&ring, row)?;
        let wrapping = Place { column: "data_key", id, key_id: *key_id };
        Ok((*key_id, self.encrypt(key, data_key.as_slice(), &wrapping)?))
    }

    /// A row as a client.
    pub(super) fn open(&self, row: &client::Model) -> Result<Client, StoreError> {
        let id = ClientId(row.id);
        if row.erased_at.is_some() {
            return Ok(Client { id, person: Person::erased() });
        }
        let data_key = unwrap(&self.ring(), row)?;
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

fn unwrap(ring: &Ring, row: &client::Model) -> Result<Key, StoreError> {
    let (id, key_id) = (ClientId(row.id), row.key_encryption_key_id);
    let wrapping_key =
        ring.keys.encryption.get(&key_id).ok_or(StoreError::KeyMissing { key_id })?;
    let unwrapped =
        decrypt(wrapping_key, &row.data_key, &Place { column: "data_key", id, key_id })?;
    let data_key = unwrapped.as_slice().try_into();
    Ok(Zeroizing::new(data_key.map_err(|_| StoreError::Unreadable { client: id })?))
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
        let row = vault.seal(&vault.ring(), ClientId(7), &ada(), 0).expect("must succeed");
        let client = vault.open(&row).expect("must succeed");
        assert_eq!(client, Client { id: ClientId(7), person: ada() });
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let vault = vault();
        let row = vault.seal(&vault.ring(), ClientId(7), &ada(), 0).expect("must succeed");
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
        let row = vault.seal(&vault.ring(), ClientId(7), &ada(), 0).expect("must succeed");
        let mut swapped = row.clone();
        std::mem::swap(&mut swapped.first_name, &mut swapped.last_name);
        assert!(vault.open(&swapped).is_err());
        assert!(vault.open(&client::Model { id: 8, ..row.clone() }).is_err());
        let other_key = client::Model { key_encryption_key_id: 2, ..row };
        let error = vault.open(&other_key).expect_err("must be refused");
        assert_eq!(error.to_string(), "expected encryption key 2 in the key file, found none");
    }

    #[test]
    fn a_data_key_is_wrapped_anew_and_opens_the_same() {
        let random = Randomness::system();
        let vault = vault();
        let row = vault.seal(&vault.ring(), ClientId(7), &ada(), 0).expect("must succeed");
        let both = vault.ring().keys().with_next(&random).expect("must succeed");
        vault.replace(both.clone(), vec![1, 2]);
        let (key_id, data_key) = vault.rewrap(&row).expect("must succeed");
        let rewrapped = client::Model { data_key, key_encryption_key_id: key_id, ..row.clone() };
        vault.replace(both.with_newest_only(), vec![2]);
        assert_eq!(vault.open(&rewrapped).expect("must succeed").person, ada());
        let error = vault.open(&row).expect_err("must be refused");
        assert_eq!(error.to_string(), "expected encryption key 1 in the key file, found none");
    }

    #[test]
    fn the_blind_index_is_keyed_and_unambiguous() {
        let vault = vault();
        let index = |vault: &Vault, last_name: &str, id_number: &str| {
            let person = Person::from_stored("A".into(), last_name.into(), id_number.into());
            vault.ring().search_indexes(&person.identity())
        };
        assert_eq!(index(&vault, "STRAUSS", "A1"), index(&vault, "Strauß", "A1"));
        assert_ne!(index(&vault, "Strauss", "A1"), index(&vault, "StraussA", "1"));
        assert_ne!(index(&vault, "Strauss", "A1"), index(&self::vault(), "Strauss", "A1"));
    }
}
