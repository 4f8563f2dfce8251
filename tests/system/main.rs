//! Whole-system tests, in one binary.

mod generated;
mod graphql;
mod http;
mod programs;
mod readme;
mod search;
mod store;
mod tidy;
