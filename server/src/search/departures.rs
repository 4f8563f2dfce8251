//! What leaves a station: its departure board.

use schema::{Instant, JourneyIdx, StationIdx};

use super::network::Network;
use super::runs::runs;

/// A train that leaves a station.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Departure {
    /// When it leaves.
    pub departure: Instant,
    /// The train.
    pub journey: JourneyIdx,
    /// Its service date, as a day of the axis.
    pub day: i32,
    /// The call at which it may be boarded.
    pub call: u16,
}

/// All trains that may be boarded at a station from an instant on and before another, by departure
/// and then by train.
pub fn departures(
    network: &Network,
    station: StationIdx,
    from: Instant,
    until: Instant,
) -> Vec<Departure> {
    let view = network.view();
    let boardings = view.boardings(station);
    let mut found = Vec::new();
    let minute = |call: &schema::ArchivedCall| i32::from(call.departure.to_native());
    runs(view, boardings, minute, (from, until - 1), |_| true, &mut |at, day| {
        let journey = JourneyIdx(at.journey.0.to_native());
        let call = at.call.to_native();
        let minute = minute(&view.calls(journey)[call as usize]);
        found.push(Departure { departure: view.origin(day) + minute, journey, day, call });
    });
    found.sort_unstable();
    found
}
