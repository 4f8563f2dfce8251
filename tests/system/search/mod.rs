//! The search against its definition.

mod bundled;
mod exactness;
mod random;
