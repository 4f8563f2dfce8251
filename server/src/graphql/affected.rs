//! Trips that a new timetable affects, as support staff see them.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};

use super::error::store_failed;
use super::paging::PageInfo;
use super::scalars::DateTime;
use super::trip::{BookedLeg, Trip, trips_page, utc};
use super::{now, store};
use crate::booking;

/// How a train runs otherwise than it was booked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum LegChange {
    /// It does not run on that date.
    Gone,
    /// It runs, and does not take anybody from the one station to the other any more.
    StationChanged,
    /// It runs between the two stations at other times.
    Retimed,
}

/// A leg whose train runs otherwise than it was booked.
#[derive(Clone, SimpleObject)]
pub struct AffectedLeg {
    /// As booked.
    leg: BookedLeg,
    /// What has become of it.
    change: LegChange,
    /// When it departs now, in its origin's local time; null unless it was retimed.
    departure: Option<DateTime>,
    /// When it arrives now, in its destination's local time; null unless it was retimed.
    arrival: Option<DateTime>,
}

/// A trip some of whose trains run otherwise than they were booked.
#[derive(Clone)]
pub struct AffectedTrip(booking::AffectedTrip);

/// A trip some of whose trains run otherwise than they were booked.
#[Object]
impl AffectedTrip {
    /// As it was booked.
    async fn trip(&self) -> Trip {
        Trip(self.0.trip.clone())
    }

    /// The version of the network that says so, as `Network.version`.
    async fn network_version(&self) -> &str {
        &self.0.network_version
    }

    /// When that was found first, in UTC.
    async fn found_at(&self) -> DateTime {
        utc(self.0.found_at)
    }

    /// The legs that are not as they were booked.
    async fn legs(&self) -> Vec<AffectedLeg> {
        let currency = &self.0.trip.facts().currency;
        let leg = |(at, change): &(usize, booking::LegChange)| {
            let (change, times) = match change {
                booking::LegChange::Gone => (LegChange::Gone, None),
                booking::LegChange::StationChanged => (LegChange::StationChanged, None),
                booking::LegChange::Retimed { departure, arrival } => {
                    (LegChange::Retimed, Some((*departure, *arrival)))
                }
            };
            Some(AffectedLeg {
                leg: BookedLeg::of(self.0.trip.legs().get(*at)?, currency),
                change,
                departure: times.map(|(departure, _)| DateTime(departure)),
                arrival: times.map(|(_, arrival)| DateTime(arrival)),
            })
        };
        self.0.changes.iter().filter_map(leg).collect()
    }
}

/// A page of affected trips.
#[derive(SimpleObject)]
pub struct AffectedTripConnection {
    /// The trips with their cursors.
    edges: Vec<AffectedTripEdge>,
    /// The trips.
    nodes: Vec<AffectedTrip>,
    /// Where the page stands.
    page_info: PageInfo,
    /// Trips on all pages.
    total_count: u64,
}

/// An affected trip in a list.
#[derive(Clone, SimpleObject)]
pub struct AffectedTripEdge {
    /// Its place in the list.
    cursor: String,
    /// The trip.
    node: AffectedTrip,
}

/// A page of them.
pub async fn affected_trips(
    context: &Context<'_>,
    first: Option<i32>,
    after: Option<String>,
) -> Result<AffectedTripConnection> {
    let (first, cursor) = trips_page(first, after.as_deref())?;
    let found = store(context).affected_trips(now(context), first, cursor).await;
    let found = found.map_err(|error| store_failed(&error))?;
    let edges: Vec<AffectedTripEdge> = (found.trips.into_iter())
        .map(|(cursor, trip)| AffectedTripEdge {
            cursor: cursor.to_string(),
            node: AffectedTrip(trip),
        })
        .collect();
    Ok(AffectedTripConnection {
        nodes: edges.iter().map(|edge| edge.node.clone()).collect(),
        page_info: PageInfo::forward(
            found.has_next,
            after.is_some(),
            edges.iter().map(|edge| &edge.cursor),
        ),
        total_count: found.total_count,
        edges,
    })
}
