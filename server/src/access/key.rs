//! API keys as they are written: `rg.ID.SECRET`.
//!
//! The id, 16 hex digits, is no secret: it is what lists, logs and the audit log name a key by. The
//! secret is 32 random bytes. What is stored is a hash of both: of 2²⁵⁶ secrets none can be tried,
//! so that a plain fast hash protects it as a slow one would, and what every request must pass
//! costs a microsecond. The id is hashed with it, so that a hash is worth nothing in another key's
//! row.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What all keys begin with, so that scanners for secrets can know them.
const PREFIX: &str = "rg";

/// What the hash is for; another use of the same bytes has another hash.
const CONTEXT: &str = "railgraph 2026-11-25 API key";

/// A text that is no API key. It does not repeat the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an API key like rg.ID.SECRET, found something else")]
pub struct InvalidKey;

/// A text that is no key's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of an API key, 16 hex digits, found something else")]
pub struct InvalidId;

/// The part of a key that is no secret: 16 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(String);

impl KeyId {
    /// Made of random bytes.
    pub fn new(random: [u8; 8]) -> Self {
        Self(format!("{:016x}", u64::from_be_bytes(random)))
    }

    /// Its digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for KeyId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = text.len() == 16 && text.bytes().all(is_digit);
        is_id.then(|| Self(text.to_owned())).ok_or(InvalidId)
    }
}

/// What is stored of a secret. Comparing two takes the same time wherever they differ.
pub type KeyHash = blake3::Hash;

/// A whole key. Its `Debug` has no secret.
pub struct Key {
    id: KeyId,
    secret: [u8; 32],
}

impl Key {
    /// Of random bytes.
    pub fn new(id: KeyId, secret: [u8; 32]) -> Self {
        Self { id, secret }
    }

    /// Its id.
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// What is stored of it.
    pub fn hash(&self) -> KeyHash {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(self.id.0.as_bytes());
        hasher.update(&self.secret);
        hasher.finalize()
    }

    /// As its owner writes it. It is shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}.{}.{}", self.id, URL_SAFE_NO_PAD.encode(self.secret))
    }
}

impl FromStr for Key {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        let mut parts = text.split('.');
        let (Some(PREFIX), Some(id), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(InvalidKey);
        };
        let secret = URL_SAFE_NO_PAD.decode(secret).map_err(|_| InvalidKey)?;
        let id = id.parse().map_err(|_| InvalidKey)?;
        Ok(Self { id, secret: secret.try_into().map_err(|_| InvalidKey)? })
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Key({})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key::new(KeyId::new([0, 1, 2, 3, 4, 5, 6, 255]), [7; 32])
    }

    #[test]
    fn a_key_is_read_as_it_is_written() {
        let text = key().reveal();
        assert_eq!(
            text,
            format!("rg.00010203040506ff.{}", "BwcH".repeat(11).trim_end_matches('H'))
        );
        let read: Key = text.parse().expect("a key");
        assert_eq!((read.id(), read.hash()), (key().id(), key().hash()));
        assert_eq!(format!("{read:?}"), "Key(00010203040506ff)");
    }

    #[test]
    fn what_is_no_key_is_not_repeated() {
        let text = key().reveal();
        for wrong in [
            String::new(),
            text.replace("rg.", "gr."),
            text.replace("ff.", "FF."),
            text.replace("ff.", "f."),
            format!("{text}A"),
            format!("{text}.A"),
            text[..text.len() - 1].to_owned(),
            "rg..".to_owned(),
        ] {
            let error = wrong.parse::<Key>().expect_err(&wrong);
            assert_eq!(
                error.to_string(),
                "expected an API key like rg.ID.SECRET, found something else"
            );
        }
    }

    #[test]
    fn the_hash_is_of_the_id_and_the_secret() {
        let other_id = Key::new(KeyId::new([9; 8]), [7; 32]);
        let other_secret = Key::new(key().id().clone(), [8; 32]);
        assert_ne!(key().hash(), other_id.hash());
        assert_ne!(key().hash(), other_secret.hash());
    }
}
