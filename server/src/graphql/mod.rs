//! GraphQL: translation only. Public types are written for the caller and mapped by hand; there is
//! no rule and no SQL here.

mod error;
mod itineraries;
mod itinerary;
mod network;
mod node;
mod paging;
mod query;
mod scalars;
mod station;

use async_graphql::{EmptyMutation, EmptySubscription, Schema};

pub use query::Query;

/// The schema.
pub type AppSchema = Schema<Query, EmptyMutation, EmptySubscription>;

/// The schema, ready to execute requests that carry the network they are answered from.
pub fn schema() -> AppSchema {
    Schema::build(Query, EmptyMutation, EmptySubscription).finish()
}

/// The schema in GraphQL's own language, as it is checked in.
pub fn sdl() -> String {
    schema().sdl()
}
