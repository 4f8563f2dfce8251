//! What a new timetable does to a ride that was booked.

use chrono::{DateTime, FixedOffset, Utc};

use super::Trip;

/// How a train runs otherwise than it was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LegChange {
    /// It does not run on that date.
    Gone,
    /// It runs, and does not take anybody from the one station to the other any more.
    StationChanged,
    /// It runs between the two stations at other times.
    Retimed {
        /// When it departs now, with the UTC offset of the origin.
        departure: DateTime<FixedOffset>,
        /// When it arrives now, with the UTC offset of the destination.
        arrival: DateTime<FixedOffset>,
    },
}

/// A trip some of whose trains run otherwise than they were booked.
#[derive(Debug, Clone)]
pub struct AffectedTrip {
    /// As it was booked.
    pub trip: Trip,
    /// The version of the network file that says so.
    pub network_version: String,
    /// When that was found first.
    pub found_at: DateTime<Utc>,
    /// The places of the legs in the trip, from 0, and what has become of each.
    pub changes: Vec<(usize, LegChange)>,
}
