//! The network file: the contract between the timetable compiler and the server.
//!
//! The compiler builds a [`Network`] and turns it into bytes with [`encode`]; the server opens
//! those bytes with [`NetworkFile::open`], which checks everything once, and reads them in place
//! from then on. This crate takes bytes and gives a view; it opens no file and reads no clock.
//!
//! # Vocabulary
//!
//! * **Service date**: the date a run of a [`ServiceJourney`] belongs to. Its times are minutes
//!   from that date's *origin*, noon minus twelve hours in the network's zone, and may be negative
//!   or pass 24:00.
//! * **Day axis**: the dates that the file's day sets speak of, see [`days`]. A [`DayIdx`] counts
//!   from its first date.
//! * **Departure day**: the calendar date, at the origin's own zone, on which an itinerary leaves.
//!   The rows of the connection tables are dated by it.
//! * **Instant**: minutes since 1970-01-01T00:00Z, the one scale on which runs are compared.
//! * **Connection**: an undated chain of one to three legs with the departure days on which it is
//!   best; a row of a connection table.
//!
//! # Limits
//!
//! 2²⁷ service journeys, 65,535 calls a journey, 4,000 dates, prices up to 42,949,672.94 a leg. The
//! payload may pass 2 GB: pointers in it are 64 bits wide.

pub mod days;
mod file;
mod idx;
pub mod names;
mod network;
mod transfer;
mod verify;
mod view;
mod zones;

pub use file::{FORMAT_VERSION, HEADER_LEN, Header, NetworkFile, OpenError, encode, encode_into};
pub use idx::{DayIdx, DaySetIdx, JourneyIdx, StationIdx, TextIdx};
pub use network::{
    ArchivedCall, ArchivedCallRef, ArchivedNetwork, ArchivedPackedLeg, ArchivedServiceJourney,
    ArchivedSource, ArchivedStation, Call, CallFlags, CallRef, DirectRow, Fare, Footpath, Leg,
    NONE, Network, OneStopRow, PackedLeg, Pair, Period, Position, PriceCents, ServiceJourney,
    Source, Station, TwoStopRow,
};
pub use transfer::{LayoverPolicy, MAX_STOPS, Transfers};
pub use verify::InvariantError;
pub use view::{Connections, DatedLeg, NetworkView};
pub use zones::{
    local_date, local_minute_of_day, local_to_instant, service_origin, utc_offset_minutes,
};

/// Minutes since 1970-01-01T00:00Z.
pub type Instant = i32;
