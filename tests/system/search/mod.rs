//! The search against its definition.

mod exactness;
mod random;
