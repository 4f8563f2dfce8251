//! Whole-system tests, one binary.

mod store;
