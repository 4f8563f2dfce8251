//! What the whole-system tests share.

/// PostgreSQL for tests.
pub mod postgres;
