//! The server as its callers know it: over HTTP.

mod bad_input;
mod changes;
mod queries;
mod scenarios;
