//! Whole-system tests, in one binary.

mod documents;
mod front_end;
mod generated;
mod graphql;
mod http;
mod operations;
mod ops;
mod programs;
mod readme;
mod running;
mod search;
mod store;
mod tidy;
