//! The network file in memory: bytes that nobody else can shorten.
//!
//! A mapped file that another process truncates, or overwrites in place, kills the process that
//! reads it (SIGBUS). So the file is copied first, into one without a name, and the copy is mapped.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use memmap2::Mmap;
use schema::OpenError;

use crate::search::Network;

/// The bundled network, at an address that 16 divides.
static BUNDLED: &Aligned<[u8]> = &Aligned(*include_bytes!("../../data/european-network.railgraph"));

#[repr(C, align(16))]
struct Aligned<B: ?Sized>(B);

/// Why there is no network to serve. One sentence: what was expected, what was found, what to do.
#[derive(Debug, thiserror::Error)]
pub enum NetworkFileError {
    /// It cannot be read.
    #[error(
        "expected a network file at {path}, found none that can be read ({source}); name another \
         with --network, or compile one with `timetable-compiler build`"
    )]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot.
        source: io::Error,
    },
    /// It cannot be copied.
    #[error(
        "expected room for a copy of {path} in the folder for temporary files, found none \
         ({source}); free some, or set TMPDIR to another folder"
    )]
    NoRoom {
        /// What was to be copied.
        path: PathBuf,
        /// Why it cannot.
        source: io::Error,
    },
    /// It is no network file that this build can read.
    #[error("{path}: {source}")]
    Invalid {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: OpenError,
    },
}

/// The bundled European network.
///
/// # Errors
///
/// Where it was compiled for another format than this build's.
pub fn bundled() -> Result<Network, NetworkFileError> {
    Network::open(Box::new(&BUNDLED.0[..])).map_err(|source| NetworkFileError::Invalid {
        path: PathBuf::from("the bundled network"),
        source,
    })
}

/// The network in a file.
#[derive(Debug)]
pub struct Loaded {
    /// The network.
    pub network: Network,
    /// When the file was written.
    pub written: DateTime<Utc>,
}

/// The network in a file.
///
/// # Errors
///
/// Where the file cannot be read, copied, or is no network file that this build can read.
pub fn load(path: &Path) -> Result<Loaded, NetworkFileError> {
    let path = path.to_owned();
    let unreadable = |source| NetworkFileError::Unreadable { path: path.clone(), source };
    // Before it is opened: opening a pipe waits for whoever writes to it.
    let metadata = std::fs::metadata(&path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if !metadata.is_file() {
        return Err(unreadable(io::Error::other("not a regular file")));
    }
    let mut file = File::open(&path).map_err(unreadable)?;
    let written = file.metadata().and_then(|it| it.modified()).map_err(unreadable)?.into();
    let no_room = |source| NetworkFileError::NoRoom { path: path.clone(), source };
    // Before it is filled: others need the room, too.
    let room = rustix::fs::statvfs(std::env::temp_dir()).map_err(|error| no_room(error.into()))?;
    if room.f_bavail * room.f_frsize < metadata.len() {
        return Err(no_room(io::Error::from(io::ErrorKind::StorageFull)));
    }
    let mut copy = tempfile::tempfile().map_err(no_room)?;
    io::copy(&mut file, &mut copy).map_err(no_room)?;
    if copy.metadata().map_err(no_room)?.len() == 0 {
        let source = OpenError::TooShort { found: 0 };
        return Err(NetworkFileError::Invalid { path, source });
    }
    #[expect(
        unsafe_code,
        reason = "the file has no name, so that no other process can change or shorten it, and \
                  this one closes it without writing again"
    )]
    // SAFETY: see the reason above.
    let map = unsafe { Mmap::map(&copy) }.map_err(no_room)?;
    let network = Network::open(Box::new(map))
        .map_err(|source| NetworkFileError::Invalid { path, source })?;
    Ok(Loaded { network, written })
}
