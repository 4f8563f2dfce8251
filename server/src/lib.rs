//! The server: train itineraries over GraphQL, and their bookings.

pub mod graphql;
pub mod search;
