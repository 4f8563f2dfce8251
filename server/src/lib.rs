//! The server: itineraries and bookings over GraphQL.

/// What may be booked, and what a booking is; pure.
pub mod booking;
