//! What may be booked, and what a booking is.
//!
//! A **client** is the person who travels, known by last name and id number. A **trip** is one
//! itinerary that was bought for one to nine clients; each of them has a **reservation** in it,
//! and each reservation has one **ticket**.
//!
//! This module is pure: it touches no database, no disk and no clock (`now` is an argument). A
//! request that breaks a rule is an ordinary value, a [`Refusal`] with the rule's code and its
//! place in the caller's input, and all refusals of a request come back together.
//!
//! One rule cannot be judged here, because two callers can race for it: one active reservation
//! per client and connection on a date. The database is its arbiter; see `store`.

mod affected;
mod client;
mod id_number;
mod itinerary;
mod money;
mod refusal;
mod request;
mod trip;

pub use affected::{AffectedTrip, LegChange};
pub use client::{Client, ClientId, Identity, Person, PersonError, fold_name};
pub use id_number::{IdNumber, IdNumberCheck, IdNumberError};
pub use itinerary::{
    BookedLeg, ConnectionSignature, FareClass, InvalidOffer, LegPrices, Offer, OfferedLeg, Ride,
};
pub use money::{cents_to_decimal, decimal_equals_cents};
pub use refusal::{Refusal, RefusalCode};
pub use request::{AcceptedTrip, BookTrip, CancelTrip, IdempotencyKey, NewReservation, Traveller};
pub use trip::{
    CancelScope, InvalidTrip, Reservation, ReservationId, Ticket, TicketId, TicketNumber, Trip,
    TripAction, TripFacts, TripId, TripReference, TripStatus,
};

/// The most travellers one trip can have.
pub const TRAVELLERS_MAX: usize = 9;

/// The most trains one itinerary can have: two changes.
pub const LEGS_MAX: usize = 3;
