//! How often a caller may: requests by key and by address, look-ups by key. Counted in this
//! process, or where there is a Redis, by all servers together; where that is away, by each for
//! itself.

mod lookups;
mod rate;
mod shared;

pub use lookups::{Lookups, Taken, TooMany};
pub use rate::Rate;
pub use shared::{InvalidUrl, Shared, SharedStats};
