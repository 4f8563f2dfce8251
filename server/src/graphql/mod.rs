//! GraphQL: translation only. Public types are written for the caller and mapped by hand; there is
//! no rule and no SQL here.

mod affected;
mod connection;
mod error;
mod itineraries;
mod itinerary;
mod itinerary_page;
mod journey;
mod lookup;
mod mutation;
mod network;
mod node;
mod paging;
mod query;
mod scalars;
mod station;
mod subscription;
mod trip;
mod written;

use std::sync::Arc;

use async_graphql::async_trait::async_trait;
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation};
use async_graphql::{
    Context, Schema, SchemaBuilder, ServerError, ValidationMode, ValidationResult,
};
use chrono::{DateTime, Utc};

use crate::access::{Scope, Scopes};
use crate::sight::Metrics;
use crate::store::Store;
pub use mutation::Mutation;
pub use query::Query;
pub use scalars::{moment, scalar_fault};
pub use subscription::{Feed, NetworkStream, Subscription};
pub use written::{Direct, Plain, answer_bytes};

/// The schema.
pub type AppSchema = Schema<Query, Mutation, Subscription>;

/// Who asks. A request carries it, beside the network that answers it, the store and the time.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its name among callers; idempotency keys are its own.
    pub name: String,
    /// What it may.
    pub scopes: Scopes,
}

impl Caller {
    /// Everybody, where the server listens to its own machine only: an admin.
    pub fn open() -> Self {
        Self { name: "open".to_owned(), scopes: Scopes::of(&[Scope::Admin]) }
    }

    /// Whether it may do what needs this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.may(scope)
    }

    fn of<'c>(context: &Context<'c>) -> &'c Self {
        context.data_unchecked()
    }
}

fn store<'c>(context: &Context<'c>) -> &'c Store {
    context.data_unchecked()
}

/// Those who watch, where somebody does.
fn metrics<'c>(context: &Context<'c>) -> Option<&'c Metrics> {
    context.data_opt::<Arc<Metrics>>().map(Arc::as_ref)
}

fn now(context: &Context<'_>) -> DateTime<Utc> {
    match context.data_opt::<Feed>() {
        Some(feed) => (feed.clock)(),
        None => *context.data_unchecked(),
    }
}

/// How many rows the lists usually have that nobody asks for a number of: type, field, rows.
pub const LIST_SIZES: &[(&str, &str, u64)] = &[
    ("Itinerary", "legs", 3),
    ("Itinerary", "transfers", 2),
    ("ItineraryConnection", "problems", 2),
    ("SearchProblem", "suggestions", 5),
    ("AffectedTrip", "legs", 3),
    ("Trip", "legs", 3),
    ("Trip", "reservations", 9),
    ("BookTripPayload", "refusals", 9),
    ("CancelTripPayload", "refusals", 9),
];

fn build() -> SchemaBuilder<Query, Mutation, Subscription> {
    let schema = Schema::build(Query, Mutation, Subscription);
    schema.register_output_type::<trip::Node>()
}

/// The schema, ready to execute requests that were validated before. Each must carry, as data, an
/// `Arc<search::Network>`, a [`Store`], a [`Caller`], an `Arc<limit::Lookups>` and the
/// `DateTime<Utc>` at which it came; it may carry an `Arc<Metrics>`. A subscription carries,
/// instead of the network, which would be kept for as long as it lives, and of the moment, a
/// [`Feed`]; nothing that it can ask for needs the network.
pub fn executor() -> AppSchema {
    build().validation_mode(ValidationMode::Fast).finish()
}

/// The schema, ready to validate documents. It executes none: the answer to a document without
/// mistakes has neither data nor errors. Values of variables do not matter to it.
pub fn validator() -> AppSchema {
    build().validation_mode(ValidationMode::Strict).extension(ValidateOnly).finish()
}

/// Ends a request after its validation.
struct ValidateOnly;

impl ExtensionFactory for ValidateOnly {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for ValidateOnly {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await?;
        // Errors, though none, so that nothing is executed.
        Err(Vec::new())
    }
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
    build().finish().sdl()
}
