//! The server as its callers know it: over HTTP.

mod bad_input;
mod callers;
mod changes;
mod documented;
mod hostile;
mod limits;
mod load;
mod lookups;
mod metrics;
mod negotiation;
mod persisted;
mod queries;
mod scenarios;
mod shared;
mod slow;
mod subscriptions;
