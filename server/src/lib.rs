//! The server: train itineraries over GraphQL, and their bookings.

pub mod search;
