//! The key file: what makes names and id numbers in the database readable.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use zeroize::{Zeroize, Zeroizing};

use super::random::{NoRandomness, Randomness};

/// 256 bits, wiped from memory when dropped.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// The keys of one installation.
///
/// Their file is a text file, one key a line; `#` begins a comment:
///
/// ```text
/// blind-index 64 hex digits
/// encryption 1 64 hex digits
/// encryption 2 64 hex digits
/// ```
///
/// There is one blind-index key, by which clients are found, and at least one encryption key,
/// each with a number of its own. New clients are sealed under the highest number; the others
/// stay as long as clients are sealed under them. Whoever loses the file loses every name in the
/// database, and whoever has both can read them: keep it apart from the database's backups.
#[derive(Clone)]
pub struct KeyFile {
    pub(super) blind_index: Key,
    pub(super) encryption: BTreeMap<i32, Key>,
}

/// Why there are no keys. No message contains a part of a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file is missing, or may not be read or written.
    #[error(
        "expected a key file at {path}, but it could not be {action}: {source}; mend the path or \
         the permissions"
    )]
    Io {
        /// Where it should be.
        path: PathBuf,
        /// `read` or `created`.
        action: &'static str,
        /// What the operating system says.
        source: io::Error,
    },
    /// A line that is no key.
    #[error(
        "expected `blind-index HEX` or `encryption NUMBER HEX` with 64 hex digits in line {line} \
         of the key file, found something else; restore the file from its backup"
    )]
    Line {
        /// Counted from 1.
        line: usize,
    },
    /// The same key, or the same number, twice.
    #[error(
        "expected each key once, but line {line} of the key file repeats one; remove the line \
         that was added by mistake"
    )]
    Repeated {
        /// Counted from 1.
        line: usize,
    },
    /// A kind of key is missing.
    #[error(
        "expected one blind-index key and at least one encryption key in the key file, found no \
         {missing} key; restore the file from its backup"
    )]
    Incomplete {
        /// Which.
        missing: &'static str,
    },
    /// No random bytes for new keys.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl KeyFile {
    /// Reads a key file.
    pub fn load(path: &Path) -> Result<Self, KeyFileError> {
        let text = std::fs::read_to_string(path).map_err(|source| KeyFileError::Io {
            path: path.into(),
            action: "read",
            source,
        })?;
        Self::parse(&Zeroizing::new(text))
    }

    /// Writes them to a new file that only its owner can read. An existing file is never
    /// overwritten.
    pub fn save(&self, path: &Path) -> Result<(), KeyFileError> {
        self.write_new(path).map_err(|source| KeyFileError::Io {
            path: path.into(),
            action: "created",
            source,
        })
    }

    /// New keys, which are in no file yet.
    pub fn generate(random: &Randomness) -> Result<Self, KeyFileError> {
        let blind_index = Zeroizing::new(random.bytes()?);
        let encryption = BTreeMap::from([(1, Zeroizing::new(random.bytes()?))]);
        Ok(Self { blind_index, encryption })
    }

    /// Reads the text of a key file.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let mut blind_index = None;
        let mut encryption = BTreeMap::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let content = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = content.split_whitespace().collect();
            let malformed = || KeyFileError::Line { line: line_number };
            let replaced = match words.as_slice() {
                [] => false,
                ["blind-index", key] => {
                    blind_index.replace(parse_key(key).ok_or_else(malformed)?).is_some()
                }
                ["encryption", number, key] => {
                    let number = number.parse().ok().filter(|&n: &i32| n > 0);
                    let number = number.ok_or_else(malformed)?;
                    let key = parse_key(key).ok_or_else(malformed)?;
                    encryption.insert(number, key).is_some()
                }
                _ => return Err(malformed()),
            };
            if replaced {
                return Err(KeyFileError::Repeated { line: line_number });
            }
        }
        let blind_index = blind_index.ok_or(KeyFileError::Incomplete { missing: "blind-index" })?;
        if encryption.is_empty() {
            return Err(KeyFileError::Incomplete { missing: "encryption" });
        }
        Ok(Self { blind_index, encryption })
    }

    fn write_new(&self, path: &Path) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        file.write_all(self.to_text().as_bytes())?;
        file.sync_all()
    }

    fn to_text(&self) -> Zeroizing<String> {
        // Never grown: a string that moves leaves its old copy behind.
        let capacity = 512 + 96 * self.encryption.len();
        let mut text = Zeroizing::new(String::with_capacity(capacity));
        text.push_str(
            "# Railgraph's keys. Without this file no name in the database can be read; with it\n\
             # and the database every name can. Keep it secret, and its backup elsewhere.\n",
        );
        text.push_str("blind-index ");
        push_hex(&mut text, &self.blind_index);
        for (number, key) in &self.encryption {
            // Writing to a string cannot fail.
            let _ = write!(text, "encryption {number} ");
            push_hex(&mut text, key);
        }
        text
    }
}

/// Keys never reach a log.
impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<i32> = self.encryption.keys().copied().collect();
        formatter.debug_struct("KeyFile").field("encryption", &numbers).finish_non_exhaustive()
    }
}

fn parse_key(hex: &str) -> Option<Key> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut key = Zeroizing::new([0; 32]);
    for (byte, index) in key.iter_mut().zip((0..64).step_by(2)) {
        let digits = &hex[index..index + 2];
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(key)
}

fn push_hex(text: &mut String, key: &[u8; 32]) {
    for byte in key {
        let mut digits = format!("{byte:02x}");
        text.push_str(&digits);
        digits.zeroize();
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error_of(text: &str) -> String {
        KeyFile::parse(text).expect_err("must be refused").to_string()
    }

    fn made_at(path: &Path) -> Result<KeyFile, KeyFileError> {
        let keys = KeyFile::generate(&Randomness::system())?;
        keys.save(path).map(|()| keys)
    }

    #[test]
    fn what_is_written_can_be_read() {
        let folder = tempfile::tempdir().expect("must succeed");
        let path = folder.path().join("keys");
        let made = made_at(&path).expect("must succeed");
        let read = KeyFile::load(&path).expect("must succeed");
        assert_eq!(made.blind_index, read.blind_index);
        assert_eq!(made.encryption, read.encryption);
        #[cfg(unix)]
        {
            let metadata = std::fs::metadata(&path).expect("must succeed");
            let permissions = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            assert_eq!(permissions & 0o777, 0o600);
        }
        let again = made_at(&path).expect_err("must be refused");
        assert!(again.to_string().contains("could not be created"), "{again}");
    }

    #[test]
    fn says_what_is_wrong() {
        let key = "0f".repeat(32);
        let good = format!("# ours\nblind-index {key}\nencryption 7 {key} # since May\n");
        assert_eq!(KeyFile::parse(&good).expect("must succeed").encryption.len(), 1);
        assert!(error_of(&format!("blind-index {key}")).contains("no encryption key"));
        assert!(error_of(&format!("encryption 1 {key}")).contains("no blind-index key"));
        assert!(error_of(&format!("{good}encryption 7 {key}")).contains("line 4"));
        for wrong in ["encryption 0 KEY", "encryption KEY", "encryption 1 KEYff", "key KEY"] {
            let error = error_of(&wrong.replace("KEY", &key));
            assert!(error.contains("line 1"), "{wrong}: {error}");
            assert!(!error.contains("0f0f"), "{error}");
        }
        assert!(error_of(&format!("blind-index +{}", &key[1..])).contains("line 1"));
        let shown = format!("{:?}", KeyFile::parse(&good).expect("must succeed"));
        assert_eq!(shown, "KeyFile { encryption: [7], .. }");
    }
}
