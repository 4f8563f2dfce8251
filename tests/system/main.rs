//! Whole-system tests, in one binary.

mod http;
mod search;
mod store;
mod tidy;
