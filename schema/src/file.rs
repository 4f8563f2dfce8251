//! The file around the payload: a header that names itself, and how it is opened.
//!
//! ```text
//!   0  magic "RAILGRPH"
//!   8  format version, u32 little endian, as are all numbers
//!  12  header length, u32: 160
//!  16  payload length, u64
//!  24  content hash: BLAKE3 of the payload, 32 bytes
//!  56  fingerprint of the sources, 32 bytes
//!  88  version of the compiler, UTF-8, padded with zeros to 40 bytes
//! 128  header hash: BLAKE3 of the 128 bytes before, 32 bytes
//! 160  payload: an archived `Network`
//! ```

use std::ops::Range;

use rkyv::ser::{Positional, Writer};
use rkyv::util::AlignedVec;

use crate::network::{ArchivedNetwork, Network};
use crate::verify::{InvariantError, verify};
use crate::view::NetworkView;

/// The version of the layout, of payload and header. A change to either counts it up.
pub const FORMAT_VERSION: u32 = 1;

/// Bytes of the header; the payload begins there.
pub const HEADER_LEN: usize = 160;

/// Bytes that are hashed and handed over at once.
const PART_LEN: usize = 1 << 18;

const MAGIC: [u8; 8] = *b"RAILGRPH";
const VERSION: Range<usize> = 8..12;
const LENGTH: Range<usize> = 12..16;
const PAYLOAD_LENGTH: Range<usize> = 16..24;
const CONTENT_HASH: Range<usize> = 24..56;
const FINGERPRINT: Range<usize> = 56..88;
const COMPILER: Range<usize> = 88..128;
const HEADER_HASH: Range<usize> = 128..160;

/// What the header says of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// BLAKE3 of the payload.
    pub content_hash: [u8; 32],
    /// BLAKE3 of the sources and options it was compiled from, in no order.
    pub fingerprint: [u8; 32],
    /// Version of the compiler that wrote it.
    pub compiler: String,
    /// Bytes of the payload.
    pub payload_len: u64,
}

impl Header {
    /// The content hash as 64 hexadecimal digits: the network's version.
    pub fn version(&self) -> String {
        hex(&self.content_hash)
    }

    /// The fingerprint of the sources as 64 hexadecimal digits.
    pub fn fingerprint_hex(&self) -> String {
        hex(&self.fingerprint)
    }
}

fn hex(bytes: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*bytes).to_hex().to_string()
}

/// Why bytes are no network file that this build can read. Each says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum OpenError {
    /// Shorter than a header: an empty or interrupted copy.
    #[error(
        "expected a network file of at least {HEADER_LEN} bytes, found {found}; the copy is \
         incomplete: copy it again, or compile it with `timetable-compiler build`"
    )]
    TooShort {
        /// Bytes that are there.
        found: usize,
    },
    /// Another kind of file.
    #[error(
        "expected a network file, which begins with \"RAILGRPH\", found \"{found}\"; compile the \
         timetable with `timetable-compiler build` and name its output"
    )]
    Foreign {
        /// The first bytes, as far as they can be printed.
        found: String,
    },
    /// Written in another version of the format.
    #[error(
        "expected network file format {FORMAT_VERSION}, found {found}; compile the timetable again \
         with the `timetable-compiler` of this release: `timetable-compiler build`"
    )]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// The header is not what was written.
    #[error(
        "expected a header with hash {expected}, found {found}; the file was damaged: copy it \
         again, or compile it with `timetable-compiler build`"
    )]
    HeaderHash {
        /// The hash that the file says.
        expected: String,
        /// The hash of what is there.
        found: String,
    },
    /// Cut off, or something was appended.
    #[error(
        "expected {expected} bytes, found {found}; the file was cut off or appended to: copy it \
         again, or compile it with `timetable-compiler build`"
    )]
    Length {
        /// Bytes that the header promises.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// The payload is not what was written.
    #[error(
        "expected content with hash {expected}, found {found}; the file was damaged: copy it \
         again, or compile it with `timetable-compiler build`"
    )]
    ContentHash {
        /// The hash that the header says.
        expected: String,
        /// The hash of what is there.
        found: String,
    },
    /// The hash is right, yet the payload is no archived network: the compiler that wrote it was
    /// built with other format features.
    #[error(
        "expected the layout of format {FORMAT_VERSION}, found another ({reason}); compile the \
         timetable again with the `timetable-compiler` of this release: `timetable-compiler build`"
    )]
    Layout {
        /// What rkyv's check says.
        reason: String,
    },
    /// The layout is right, yet the tables contradict each other: a defect of the compiler.
    #[error(
        "expected a consistent network, found that {0}; compile the timetable again with \
         `timetable-compiler build`, and report it if that does not help"
    )]
    Invariant(#[from] InvariantError),
}

/// The bytes of a network file.
///
/// # Errors
///
/// What rkyv says where the network cannot be archived, which is out of memory.
pub fn encode(
    network: &Network,
    fingerprint: [u8; 32],
    compiler: &str,
) -> Result<AlignedVec, rkyv::rancor::Error> {
    let mut bytes = AlignedVec::new();
    bytes.resize(HEADER_LEN, 0);
    let header = encode_into(network, fingerprint, compiler, |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    bytes[..HEADER_LEN].copy_from_slice(&header);
    Ok(bytes)
}

/// Hands the payload of a network file to `sink`, a part at a time, so that it is never in memory
/// as a whole. The result is the header, which goes before it.
///
/// # Errors
///
/// What `sink` says.
pub fn encode_into(
    network: &Network,
    fingerprint: [u8; 32],
    compiler: &str,
    sink: impl FnMut(&[u8]) -> Result<(), rkyv::rancor::Error>,
) -> Result<[u8; HEADER_LEN], rkyv::rancor::Error> {
    let hasher = blake3::Hasher::new();
    let payload = Payload { sink, hasher, len: 0, part: Vec::with_capacity(PART_LEN) };
    let mut payload = rkyv::api::high::to_bytes_in(network, payload)?;
    payload.hand_over()?;
    Ok(header(payload.len as u64, payload.hasher.finalize(), fingerprint, compiler))
}

/// What was archived so far: hashed and handed over, but for the last part.
struct Payload<S> {
    sink: S,
    hasher: blake3::Hasher,
    len: usize,
    part: Vec<u8>,
}

impl<S: FnMut(&[u8]) -> Result<(), rkyv::rancor::Error>> Payload<S> {
    fn hand_over(&mut self) -> Result<(), rkyv::rancor::Error> {
        self.hasher.update(&self.part);
        (self.sink)(&self.part)?;
        self.part.clear();
        Ok(())
    }
}

impl<S> Positional for Payload<S> {
    fn pos(&self) -> usize {
        self.len
    }
}

impl<S: FnMut(&[u8]) -> Result<(), rkyv::rancor::Error>> Writer<rkyv::rancor::Error>
    for Payload<S>
{
    fn write(&mut self, bytes: &[u8]) -> Result<(), rkyv::rancor::Error> {
        self.len += bytes.len();
        self.part.extend_from_slice(bytes);
        if self.part.len() >= PART_LEN { self.hand_over() } else { Ok(()) }
    }
}

fn header(
    payload_len: u64,
    payload_hash: blake3::Hash,
    fingerprint: [u8; 32],
    compiler: &str,
) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[VERSION].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[LENGTH].copy_from_slice(&(HEADER_LEN as u32).to_le_bytes());
    header[PAYLOAD_LENGTH].copy_from_slice(&payload_len.to_le_bytes());
    header[CONTENT_HASH].copy_from_slice(payload_hash.as_bytes());
    header[FINGERPRINT].copy_from_slice(&fingerprint);
    let name = compiler.len().min(COMPILER.len());
    header[COMPILER][..name].copy_from_slice(&compiler.as_bytes()[..name]);
    let header_hash = blake3::hash(&header[..HEADER_HASH.start]);
    header[HEADER_HASH].copy_from_slice(header_hash.as_bytes());
    header
}

/// An opened network file: bytes that were checked once and are trusted from then on.
///
/// `B` owns or borrows bytes that nobody changes while it lives: a vector, a private map, a static.
/// It must begin at an address that 16 divides.
pub struct NetworkFile<B> {
    bytes: B,
    header: Header,
}

impl<B: AsRef<[u8]>> NetworkFile<B> {
    /// Checks header, hash, layout and invariants, in this order.
    ///
    /// # Errors
    ///
    /// The first thing that is not as it should be.
    pub fn open(bytes: B) -> Result<Self, OpenError> {
        let header = read_header(bytes.as_ref())?;
        let payload = &bytes.as_ref()[HEADER_LEN..];
        let found = blake3::hash(payload);
        if found.as_bytes() != &header.content_hash {
            let (expected, found) = (header.version(), found.to_hex().to_string());
            return Err(OpenError::ContentHash { expected, found });
        }
        let network = rkyv::access::<ArchivedNetwork, rkyv::rancor::Error>(payload)
            .map_err(|error| OpenError::Layout { reason: error.to_string() })?;
        verify(network)?;
        Ok(Self { bytes, header })
    }

    /// What the header says.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes of the whole file.
    pub fn bytes(&self) -> &[u8] {
        self.bytes.as_ref()
    }

    /// The network, read in place.
    #[inline]
    pub fn view(&self) -> NetworkView<'_> {
        #[expect(
            unsafe_code,
            reason = "`open` has checked these bytes with `rkyv::access`, they cannot be changed \
                      through `self`, and checking them again would cost a second per request"
        )]
        // SAFETY: see the reason above; the payload's position in the file is a constant.
        let network = unsafe {
            rkyv::access_unchecked::<ArchivedNetwork>(&self.bytes.as_ref()[HEADER_LEN..])
        };
        NetworkView::new(network)
    }
}

impl<B> std::fmt::Debug for NetworkFile<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetworkFile").field("header", &self.header).finish_non_exhaustive()
    }
}

fn read_header(bytes: &[u8]) -> Result<Header, OpenError> {
    if bytes.len() >= MAGIC.len() && bytes[..MAGIC.len()] != MAGIC {
        let found = String::from_utf8_lossy(&bytes[..MAGIC.len()]);
        return Err(OpenError::Foreign { found: found.escape_default().to_string() });
    }
    if bytes.len() < HEADER_LEN {
        return Err(OpenError::TooShort { found: bytes.len() });
    }
    let version = u32::from_le_bytes(array(bytes, VERSION));
    if version != FORMAT_VERSION {
        return Err(OpenError::Version { found: version });
    }
    let (expected, found) = (array(bytes, HEADER_HASH), blake3::hash(&bytes[..HEADER_HASH.start]));
    if found.as_bytes() != &expected {
        let (expected, found) = (hex(&expected), found.to_hex().to_string());
        return Err(OpenError::HeaderHash { expected, found });
    }
    let payload_len = u64::from_le_bytes(array(bytes, PAYLOAD_LENGTH));
    let (expected, found) = (payload_len.saturating_add(HEADER_LEN as u64), bytes.len() as u64);
    if expected != found {
        return Err(OpenError::Length { expected, found });
    }
    let compiler = String::from_utf8_lossy(&bytes[COMPILER]).trim_end_matches('\0').to_owned();
    let (content_hash, fingerprint) = (array(bytes, CONTENT_HASH), array(bytes, FINGERPRINT));
    Ok(Header { content_hash, fingerprint, compiler, payload_len })
}

fn array<const N: usize>(bytes: &[u8], range: Range<usize>) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[range]);
    array
}
