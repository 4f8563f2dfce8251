//! GraphQL: translation only. Public types are written for the caller and mapped by hand; there is
//! no rule and no SQL here.

mod error;
mod itineraries;
mod itinerary;
mod mutation;
mod network;
mod node;
mod paging;
mod query;
mod scalars;
mod station;
mod trip;

use async_graphql::{Context, EmptySubscription, Schema};
use chrono::{DateTime, Utc};

use crate::store::Store;
pub use mutation::Mutation;
pub use query::Query;

/// The schema.
pub type AppSchema = Schema<Query, Mutation, EmptySubscription>;

/// Who asks. A request carries it, beside the network that answers it, the store and the time.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its name among callers; idempotency keys are its own.
    pub name: String,
    /// Whether it has the scope `support`: sees id numbers whole, and trips by reference alone.
    pub support: bool,
}

impl Caller {
    /// Everybody, where the server listens to its own machine only: an admin.
    pub fn open() -> Self {
        Self { name: "open".to_owned(), support: true }
    }

    fn of<'c>(context: &Context<'c>) -> &'c Self {
        context.data_unchecked()
    }
}

fn store<'c>(context: &Context<'c>) -> &'c Store {
    context.data_unchecked()
}

fn now(context: &Context<'_>) -> DateTime<Utc> {
    *context.data_unchecked()
}

/// The schema, ready to execute requests. Each must carry, as data, an `Arc<search::Network>`, a
/// [`Store`], a [`Caller`] and the `DateTime<Utc>` at which it came.
pub fn schema() -> AppSchema {
    let schema = Schema::build(Query, Mutation, EmptySubscription);
    schema.register_output_type::<trip::Node>().finish()
}

/// The row of the client with this id, as `Client.id` gave it.
pub fn client_row(id: &str) -> Option<i64> {
    match node::NodeId::decode(id)? {
        node::NodeId::Client(own) => own.parse().ok(),
        _ => None,
    }
}

/// The schema in GraphQL's own language, as it is checked in.
pub fn sdl() -> String {
    schema().sdl()
}
