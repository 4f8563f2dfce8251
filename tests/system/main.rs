//! Whole-system tests, in one binary.

mod search;
mod tidy;
