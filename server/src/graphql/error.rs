//! GraphQL errors, each with a code: for bad documents, bad callers and outages. What a search does
//! not find and what a booking may not do is data, not an error.

use async_graphql::{Error, ErrorExtensions};

use super::paging::StaleCursor;
use crate::store::StoreError;

/// An argument that is out of its range; the message names it.
pub fn bad_argument(argument: &str, message: impl std::fmt::Display) -> Error {
    Error::new(format!("{argument}: {message}")).extend_with(|_, extensions| {
        extensions.set("code", "BAD_USER_INPUT");
        extensions.set("argument", argument);
    })
}

/// A page larger than a list gives.
pub fn page_too_large(argument: &str, asked: i32, most: i32) -> Error {
    let message = format!("{argument}: expected at most {most}, found {asked}");
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", "PAGE_TOO_LARGE");
        extensions.set("argument", argument);
    })
}

/// A cursor of a network that has been replaced, in a list that has no `problems` to say so in.
pub fn stale_cursor(stale: StaleCursor) -> Error {
    let argument = stale.argument;
    let message = format!("{argument}: the cursor is of a network that was replaced; start again");
    Error::new(message).extend_with(|_, extensions| {
        extensions.set("code", "STALE_CURSOR");
        extensions.set("argument", argument);
    })
}

/// Something that is not the caller's to see.
pub fn forbidden(message: &str) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", "FORBIDDEN"))
}

/// The bookings cannot be read or written. Where they cannot be reached, the caller may try again;
/// anything else is masked on the way out.
pub fn store_failed(failure: &StoreError) -> Error {
    let mut causes = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(next) = cause {
        causes.push_str(": ");
        causes.push_str(&next.to_string());
        cause = next.source();
    }
    match failure {
        StoreError::Unavailable(_) | StoreError::Contention { .. } => {
            tracing::warn!(error.cause = %causes, "bookings.unavailable");
            Error::new("bookings are not available at the moment; searches are")
                .extend_with(|_, extensions| extensions.set("code", "BOOKINGS_UNAVAILABLE"))
        }
        StoreError::OutcomeUnknown(_) => {
            tracing::warn!(error.cause = %causes, "bookings.outcome_unknown");
            let message = "bookings are not available at the moment, and whether this request was \
                           carried out is not known; send it again with the same idempotency key";
            Error::new(message)
                .extend_with(|_, extensions| extensions.set("code", "BOOKINGS_UNAVAILABLE"))
        }
        _ => Error::new(causes),
    }
}
