//! Whole-system tests, in one binary.

mod generated;
mod http;
mod programs;
mod readme;
mod search;
mod store;
mod tidy;
