//! Pages of a client's trips.

use std::fmt;
use std::str::FromStr;

use crate::booking::Trip;

/// Which of a client's trips.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Departing today or later at their origin; soonest first.
    Current,
    /// Departed before today at their origin; latest first.
    Past,
}

/// A place in a list of trips: after the trip with this departure and number. It stays valid when
/// trips come and go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TripCursor {
    pub(super) departure_at: i64,
    pub(super) trip_id: i64,
}

impl TripCursor {
    /// The place of a trip.
    pub fn of(trip: &Trip) -> Self {
        Self { departure_at: trip.departure().timestamp(), trip_id: trip.id().0 }
    }
}

impl fmt::Display for TripCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}{:016x}", self.departure_at, self.trip_id)
    }
}

/// A text that no store made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a cursor of a list of trips")]
pub struct InvalidCursor;

impl FromStr for TripCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let hexadecimal = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if text.len() != 32 || !hexadecimal {
            return Err(InvalidCursor);
        }
        let (departure_at, trip_id) = text.split_at(16);
        let number = |digits| u64::from_str_radix(digits, 16).map_err(|_| InvalidCursor);
        Ok(Self {
            departure_at: number(departure_at)?.cast_signed(),
            trip_id: number(trip_id)?.cast_signed(),
        })
    }
}

/// A trip and its place.
#[derive(Debug, Clone)]
pub struct TripEdge {
    /// Its place.
    pub cursor: TripCursor,
    /// The trip.
    pub trip: Trip,
}

/// Some of a client's trips.
#[derive(Debug, Clone)]
pub struct TripPage {
    /// In the order of [`When`].
    pub edges: Vec<TripEdge>,
    /// On all pages together.
    pub total_count: u64,
    /// Whether there are more after these.
    pub has_next: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_their_text() {
        for (departure_at, trip_id) in [(0, 0), (1_800_000_000, i64::MAX), (-5, 3)] {
            let cursor = TripCursor { departure_at, trip_id };
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for wrong in ["", "x", &"g".repeat(32), &"é".repeat(16), &"0".repeat(31)] {
            assert_eq!(wrong.parse::<TripCursor>(), Err(InvalidCursor), "{wrong}");
        }
    }
}
