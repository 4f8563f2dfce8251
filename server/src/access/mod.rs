//! Who may what: scopes, API keys as they are written, and the one table that says which scope each
//! field of the schema needs. Pure: no socket, no database, no clock.

mod key;
mod policy;
mod scope;

pub use key::{InvalidId, InvalidKey, Key, KeyHash, KeyId};
pub use policy::{Need, POLICY, beyond, need};
pub use scope::{InvalidScope, Scope, Scopes};
