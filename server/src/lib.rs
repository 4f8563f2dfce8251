//! The server: train itineraries over GraphQL, and their bookings.
//!
//! Two pure cores: [`search`] knows what a good itinerary is, [`booking`] what may be booked.
//! Around them, from the outside in: [`http`] words requests and answers, [`graphql`] translates,
//! [`store`] keeps bookings. The arrows are `http → graphql → {search, booking, store}` and `store
//! → booking`. [`access`], who may what, is as pure and known to all three; [`limit`], how often,
//! to the outer two. `serve` puts them together; it alone reads the configuration and the clock.
//! All may tell [`sight`] what they do.

pub mod access;
pub mod affected;
pub mod booking;
pub mod cli;
mod commands;
pub mod graphql;
pub mod http;
pub mod limit;
pub mod network_file;
pub mod networks;
pub mod search;
mod serve;
pub mod sight;
pub mod store;
mod upkeep;

pub use serve::run;
