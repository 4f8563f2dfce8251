//! The root of subscriptions. What happens is waited for elsewhere; here it becomes GraphQL.

use std::pin::Pin;
use std::sync::Arc;

use async_graphql::futures_util::{Stream, StreamExt, stream};
use async_graphql::{Context, Result, Subscription as Root};
use chrono::{DateTime, Utc};

use super::error::{bad_argument, store_failed};
use super::lookup::look_up_trip;
use super::network::Network;
use super::store;
use super::trip::Trip;
use crate::search;

/// What can be waited for.
pub struct Subscription;

/// Networks, each when it takes over.
pub type NetworkStream = Pin<Box<dyn Stream<Item = Arc<search::Network>> + Send>>;

/// What a subscription gets new for everything that happens, where other operations carry the
/// network and the moment at which they came.
#[derive(Clone)]
pub struct Feed {
    /// Tells of networks from now on.
    pub networks: Arc<dyn Fn() -> NetworkStream + Send + Sync>,
    /// Says what time it is.
    pub clock: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
}

/// What can be waited for.
#[Root]
impl Subscription {
    /// The trip, after every change and cancellation of it from now on. Of changes that follow each
    /// other faster than they are read, the last is told.
    async fn trip_changed(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "TRP- and eight hex digits.")] reference: String,
        #[graphql(desc = "Without the scope `support` it must be that of one of its travellers.")]
        last_name: Option<String>,
    ) -> Result<impl Stream<Item = Result<Trip>>> {
        // Heard from before the trip is read, so that nothing is missed in between.
        let changes = store(context).changes();
        let trip = look_up_trip(context, &reference, last_name.as_deref()).await?;
        let changes = changes.of(&trip.ok_or_else(unknown_trip)?);
        Ok(stream::unfold(changes, async |mut changes| {
            let next = changes.next().await?;
            Some((next.map(Trip).map_err(|error| store_failed(&error)), changes))
        }))
    }

    /// The timetable that answers, whenever another one has taken over.
    async fn network_changed(&self, context: &Context<'_>) -> impl Stream<Item = Network> {
        (context.data_unchecked::<Feed>().networks)().map(Network)
    }
}

fn unknown_trip() -> async_graphql::Error {
    bad_argument(
        "reference",
        "expected that of a trip, and without the scope support the lastName of one of its \
         travellers",
    )
}
