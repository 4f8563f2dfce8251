//! BEST without filters, read from the connection tables: one look-up and a scan of neighbouring
//! rows, whose days say which are best on the dates asked for.

use schema::{ArchivedPackedLeg, Connections, DatedLeg, DaySetIdx, NetworkView, StationIdx, days};

use super::Query;
use super::itinerary::{Itinerary, Window};
use super::network::Network;

/// Itineraries for which there is room before it is known how many there are.
const RESERVED_MAX: usize = 64;

/// The best itineraries of a query that has no filters, in no order.
pub fn best(network: &Network, query: &Query) -> Vec<Itinerary> {
    let view = network.view();
    let connections = view.connections(query.origin, query.destination);
    let mut found = Vec::new();
    if connections.is_empty() {
        return found;
    }
    // Most rows are best on a part of the dates; growing would cost more than what is left over.
    found.reserve(connections.len().min(RESERVED_MAX));
    let (first, last) = departure_days(network, query);
    for day in first.max(0)..=last.min(view.axis_days() as i32 - 1) {
        on_day(view, &connections, day, query.window, &mut found);
    }
    found
}

/// The calendar days at the origin on which itineraries of the window may depart.
fn departure_days(network: &Network, query: &Query) -> (i32, i32) {
    let (from, until) = match query.window {
        Window::Departing { from, until } => (from, until - 1),
        Window::Arriving { after, until } => {
            let longest = network.view().archived().period.row_minutes_max.to_native();
            (after - longest as i32, until)
        }
    };
    (network.local_day(query.origin, from), network.local_day(query.origin, until))
}

fn on_day(
    view: NetworkView<'_>,
    connections: &Connections<'_>,
    day: i32,
    window: Window,
    found: &mut Vec<Itinerary>,
) {
    let mut add = |days: u32, packed: &[ArchivedPackedLeg]| {
        if !view.in_day_set(DaySetIdx(days), day) {
            return;
        }
        let mut legs =
            [DatedLeg { journey: schema::JourneyIdx(0), day: 0, board: 0, alight: 0 }; 3];
        for (leg, packed) in legs.iter_mut().zip(packed) {
            let it = packed.unpack();
            let (board, alight) = (it.board, it.alight);
            *leg = DatedLeg { journey: it.journey, day: day + it.shift, board, alight };
        }
        let itinerary = Itinerary::of(view, &legs[..packed.len()]);
        if window.contains(itinerary.departure, itinerary.arrival) {
            found.push(itinerary);
        }
    };
    for row in connections.direct {
        add(row.days.0.to_native(), &row.legs);
    }
    for row in connections.one_stop {
        add(row.days.0.to_native(), &row.legs);
    }
    for row in connections.two_stop {
        add(row.days.0.to_native(), &row.legs);
    }
}

/// The departure days on which the tables connect the pair.
pub fn days_with_connections(
    network: &Network,
    origin: StationIdx,
    destination: StationIdx,
) -> Vec<u64> {
    let view = network.view();
    let mut all = vec![0; days::words(view.axis_days())];
    for set in view.connections(origin, destination).day_sets() {
        days::union(&mut all, &view.day_set(set));
    }
    all
}
