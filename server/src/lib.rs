//! The server: train itineraries over GraphQL, and their bookings.
//!
//! Two pure cores: [`search`] knows what a good itinerary is, [`booking`] what may be booked. Around
//! them, from the outside in: [`http`] words requests and answers, [`graphql`] translates, [`store`]
//! keeps bookings. The arrows are `http → graphql → {search, booking, store}` and `store → booking`.

pub mod booking;
pub mod graphql;
pub mod http;
pub mod search;
pub mod store;
