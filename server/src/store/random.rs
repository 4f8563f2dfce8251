//! Where random bytes come from: the operating system, or a test.

use std::fmt;
use std::sync::Arc;

/// The operating system gave no random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomness;

type Source = dyn Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync;

/// A source of random bytes. Keys and nonces depend on its being unpredictable; only tests have
/// reason to use another one than [`Randomness::system`].
#[derive(Clone)]
pub struct Randomness(Arc<Source>);

impl Randomness {
    /// That of the operating system.
    pub fn system() -> Self {
        Self::from_fn(|bytes| getrandom::fill(bytes).map_err(|_| NoRandomness))
    }

    /// A source of one's own.
    pub fn from_fn(
        fill: impl Fn(&mut [u8]) -> Result<(), NoRandomness> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(fill))
    }

    /// As many bytes as the array has.
    pub(super) fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        (self.0)(&mut bytes)?;
        Ok(bytes)
    }
}

impl fmt::Debug for Randomness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Randomness")
    }
}
