//! The server: itineraries and bookings over GraphQL.

/// What may be booked, and what a booking is; pure.
pub mod booking;
/// Bookings at rest, in SQLite or PostgreSQL.
pub mod store;
