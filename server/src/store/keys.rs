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
/// integrity 64 hex digits
/// blind-index 1 64 hex digits
/// encryption 1 64 hex digits
/// encryption 2 64 hex digits
/// ```
///
/// By **blind-index** keys clients are found, under **encryption** keys they are sealed; there is
/// at least one of each, and each has a number of its own. New clients are sealed under the highest
/// number; the others stay as long as clients are sealed under them, or backups that may have to be
/// read. (In a file without numbers the blind-index key is number 1.) The **integrity** key, which
/// is never rotated, makes the audit log's hashes; a file without one has it from its first
/// blind-index key. Whoever loses the file loses every name in the database, and whoever has both
/// can read them: keep it apart from the database's backups.
#[derive(Clone)]
pub struct KeyFile {
    pub(super) integrity: Key,
    pub(super) blind_index: BTreeMap<i32, Key>,
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
        "expected `integrity HEX`, `blind-index NUMBER HEX` or `encryption NUMBER HEX` with 64 hex \
         digits in line {line} of the key file, found something else; restore it from its \
         backup"
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
        "expected at least one blind-index key and at least one encryption key in the key file, \
         found no {missing} key; restore the file from its backup"
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
        let one = || Ok::<_, NoRandomness>(BTreeMap::from([(1, Zeroizing::new(random.bytes()?))]));
        Ok(Self {
            integrity: Zeroizing::new(random.bytes()?),
            blind_index: one()?,
            encryption: one()?,
        })
    }

    /// The same with a new key of each kind that is rotated, under the next number.
    pub fn with_next(&self, random: &Randomness) -> Result<Self, KeyFileError> {
        let mut next = self.clone();
        for keys in [&mut next.blind_index, &mut next.encryption] {
            let number = keys.last_key_value().map_or(0, |(number, _)| *number) + 1;
            keys.insert(number, Zeroizing::new(random.bytes()?));
        }
        Ok(next)
    }

    /// The same with the newest key of each kind alone.
    #[must_use]
    pub fn with_newest_only(&self) -> Self {
        let mut newest = self.clone();
        for keys in [&mut newest.blind_index, &mut newest.encryption] {
            while keys.len() > 1 {
                keys.pop_first();
            }
        }
        newest
    }

    /// The numbers of the blind-index keys and of the encryption keys, ascending.
    pub fn numbers(&self) -> [Vec<i32>; 2] {
        [&self.blind_index, &self.encryption].map(|keys| keys.keys().copied().collect())
    }

    /// Reads the text of a key file.
    pub fn parse(text: &str) -> Result<Self, KeyFileError> {
        let (mut integrity, mut blind_index, mut encryption) =
            (None, BTreeMap::new(), BTreeMap::new());
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            let content = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = content.split_whitespace().collect();
            let malformed = || KeyFileError::Line { line: line_number };
            let (keys, number, key) = match words.as_slice() {
                [] => continue,
                ["integrity", key] => {
                    if integrity.replace(parse_key(key).ok_or_else(malformed)?).is_some() {
                        return Err(KeyFileError::Repeated { line: line_number });
                    }
                    continue;
                }
                ["blind-index", key] => (&mut blind_index, "1", key),
                ["blind-index", number, key] => (&mut blind_index, *number, key),
                ["encryption", number, key] => (&mut encryption, *number, key),
                _ => return Err(malformed()),
            };
            let number = number.parse().ok().filter(|&n: &i32| n > 0).ok_or_else(malformed)?;
            if keys.insert(number, parse_key(key).ok_or_else(malformed)?).is_some() {
                return Err(KeyFileError::Repeated { line: line_number });
            }
        }
        let missing = |missing| KeyFileError::Incomplete { missing };
        let (_, first) = blind_index.first_key_value().ok_or_else(|| missing("blind-index"))?;
        let derived = || blake3::derive_key("railgraph integrity 1", first.as_slice());
        let integrity = integrity.unwrap_or_else(|| Zeroizing::new(derived()));
        if encryption.is_empty() {
            return Err(missing("encryption"));
        }
        Ok(Self { integrity, blind_index, encryption })
    }

    /// Writes them over the file that was there, wholly or not at all, readable by its owner alone.
    pub fn replace(&self, path: &Path) -> Result<(), KeyFileError> {
        self.write_over(path).map_err(|source| KeyFileError::Io {
            path: path.into(),
            action: "written",
            source,
        })
    }

    fn write_over(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        // Readable by its owner alone from the start.
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(self.to_text().as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        std::fs::File::open(folder)?.sync_all()
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
        let count = self.blind_index.len() + self.encryption.len();
        let mut text = Zeroizing::new(String::with_capacity(512 + 96 * count));
        text.push_str(
            "# Railgraph's keys. Without this file no name in the database can be read; with it\n\
             # and the database every name can. Keep it secret, and its backup elsewhere.\n",
        );
        text.push_str("integrity ");
        push_hex(&mut text, &self.integrity);
        for (kind, keys) in [("blind-index", &self.blind_index), ("encryption", &self.encryption)] {
            for (number, key) in keys {
                // Writing to a string cannot fail.
                let _ = write!(text, "{kind} {number} ");
                push_hex(&mut text, key);
            }
        }
        text
    }
}

/// Keys never reach a log.
impl fmt::Debug for KeyFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [blind_index, encryption] = self.numbers();
        formatter
            .debug_struct("KeyFile")
            .field("blind_index", &blind_index)
            .field("encryption", &encryption)
            .finish_non_exhaustive()
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
        assert_eq!(made.integrity, read.integrity);
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
    fn a_file_is_replaced_by_one_with_more_keys_and_by_one_with_fewer() {
        let folder = tempfile::tempdir().expect("must succeed");
        let path = folder.path().join("keys");
        let first = made_at(&path).expect("must succeed");
        let both = first.with_next(&Randomness::system()).expect("must succeed");
        both.replace(&path).expect("must succeed");
        let read = KeyFile::load(&path).expect("must succeed");
        assert_eq!(read.numbers(), [vec![1, 2], vec![1, 2]]);
        assert_eq!(read.encryption[&1], first.encryption[&1]);
        read.with_newest_only().replace(&path).expect("must succeed");
        let read = KeyFile::load(&path).expect("must succeed");
        assert_eq!(read.numbers(), [vec![2], vec![2]]);
        assert_eq!(read.blind_index, both.with_newest_only().blind_index);
        assert_eq!(read.integrity, first.integrity);
        #[cfg(unix)]
        {
            let metadata = std::fs::metadata(&path).expect("must succeed");
            let permissions = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            assert_eq!(permissions & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_of_the_first_kind_is_read() {
        let key = "0f".repeat(32);
        let old = format!("blind-index {key}\nencryption 1 {key}\n");
        let read = KeyFile::parse(&old).expect("must succeed");
        assert_eq!(read.numbers(), [vec![1], vec![1]]);
        let again = KeyFile::parse(&read.to_text()).expect("must succeed");
        assert_eq!(again.integrity, read.integrity);
        assert!(*read.integrity != *read.blind_index[&1]);
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
        assert_eq!(shown, "KeyFile { blind_index: [1], encryption: [7], .. }");
    }
}
