//! Looking people up by what only those should know whom it is about: counted, noted in the audit
//! log, and answered no sooner where nobody is found.

use std::sync::Arc;

use async_graphql::{Context, Error, ErrorExtensions, Result};

use super::error::store_failed;
use super::{Caller, now, store};
use crate::access::Scope;
use crate::booking;
use crate::limit::{Lookups, Taken, TooMany};
use crate::store::{LookedUp, StoreError};

/// A look-up under way.
pub struct LookUp<'c> {
    context: &'c Context<'c>,
    what: LookedUp,
    taken: Taken,
}

impl<'c> LookUp<'c> {
    /// Begins one.
    ///
    /// # Errors
    ///
    /// Where the caller has made as many as there may be, or none can be noted at the moment.
    pub async fn begin(context: &'c Context<'c>, what: LookedUp) -> Result<Self> {
        store(context).check_writing().map_err(|error| store_failed(&error))?;
        let lookups = context.data_unchecked::<Arc<Lookups>>();
        let taken = lookups.take(&Caller::of(context).name).await;
        Ok(Self { context, what, taken: taken.map_err(too_many)? })
    }

    /// Ends it, with what has come of it.
    ///
    /// # Errors
    ///
    /// Where the database cannot be asked, or cannot note that it was.
    pub async fn end<T>(
        mut self,
        found: std::result::Result<Option<T>, StoreError>,
    ) -> Result<Option<T>> {
        let is_hit = matches!(found, Ok(Some(_)));
        let found = match found {
            Ok(found) => self.note(is_hit).await.map(|()| found),
            Err(error) => Err(error),
        };
        // Whoever knows a trip and a traveller of it may look at it as often as he likes; whoever
        // could not be answered has learnt nothing.
        if found.is_err() || is_hit && self.what == LookedUp::Trip {
            self.taken.give_back().await;
        } else {
            self.taken.keep();
        }
        self.take_time().await;
        found.map_err(|error| store_failed(&error))
    }

    /// Ends one that is not noted: it has had an effect, which has a row of its own in the audit
    /// log, or could not be answered.
    pub async fn end_unnoted(mut self) {
        self.taken.give_back().await;
        self.take_time().await;
    }

    async fn note(&self, is_hit: bool) -> std::result::Result<(), StoreError> {
        let caller = &Caller::of(self.context).name;
        store(self.context).audit_lookup(self.what, is_hit, caller, now(self.context)).await
    }

    /// From whoever may see everything, nothing is to be hidden.
    async fn take_time(&self) {
        if !Caller::of(self.context).may(Scope::Support) {
            self.taken.take_time().await;
        }
    }
}

/// The trip with this reference, where it is the caller's to see: it has a traveller of this name,
/// or the caller may see every trip.
///
/// # Errors
///
/// Where the caller has looked too often, or the database cannot be asked.
pub async fn look_up_trip(
    context: &Context<'_>,
    reference: &str,
    last_name: Option<&str>,
) -> Result<Option<booking::Trip>> {
    if last_name.is_none() {
        if !Caller::of(context).may(Scope::Support) {
            return Ok(None);
        }
        let found = store(context).trip(reference, None).await;
        return found.map_err(|error| store_failed(&error));
    }
    let look_up = LookUp::begin(context, LookedUp::Trip).await?;
    let found = store(context).trip(reference, last_name).await;
    look_up.end(found).await
}

fn too_many(too_many: TooMany) -> Error {
    let TooMany { most, wait } = too_many;
    let wait_s = wait.as_millis().div_ceil(1_000).max(1) as u64;
    let message = format!("expected at most {most} look-ups a minute, found more");
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", "TOO_MANY_LOOKUPS");
        extensions.set("retryAfter", wait_s);
    })
}
