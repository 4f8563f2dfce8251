//! The server as its callers know it: over HTTP.

mod bad_input;
mod changes;
mod documented;
mod hostile;
mod limits;
mod metrics;
mod negotiation;
mod persisted;
mod queries;
mod scenarios;
mod slow;
