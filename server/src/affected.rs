//! After a new network file: which booked trips have trains that run otherwise now.
//!
//! Trips are compared a page at a time, by one server (see `store::Turn`), at the start, whenever a
//! network takes over, a minute later, and every hour, for what was booked while it did. What is
//! found is kept in the database for support staff, and forgotten when it does not hold any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::booking::{LegChange, Ride};
use crate::graphql::moment;
use crate::http::Clock;
use crate::networks::Networks;
use crate::search::{Network, RideNow, ride_now};
use crate::store::{BookedTrip, LEASE, Store, StoreError, Turn};

/// The job's name in the database.
const JOB: &str = "affected-trips";

/// When trips are compared though no network took over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Once, so long after one did: others of these servers may have gone on booking by the network
    /// before for a moment, and requests that were under way did, too.
    pub settled: Duration,
    /// From then on.
    pub every: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settled: Duration::from_mins(1), every: Duration::from_hours(1) }
    }
}

/// How long to wait where another server has the turn, or the database is away.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Trips compared at once.
const TRIPS_AT_ONCE: u64 = 200;

/// What was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compared {
    /// Trips that are to be travelled yet.
    pub trips: u64,
    /// Those of them that are affected.
    pub affected: u64,
}

/// Compares after each new network, for ever.
pub async fn watch(networks: Arc<Networks>, store: Store, clock: Clock, pace: Pace) {
    let mut changes = networks.changes();
    changes.mark_changed();
    let mut wait = pace.settled;
    loop {
        let (changed, is_due) = tokio::select! {
            changed = changes.changed() => (changed, false),
            () = tokio::time::sleep(wait) => (Ok(()), true),
        };
        if changed.is_err() {
            return;
        }
        wait = if is_due { pace.every } else { pace.settled };
        let network = Arc::clone(&changes.borrow_and_update().network);
        while !compare_once(&network, &store, &clock, is_due).await {
            tokio::time::sleep(TRY_AGAIN_AFTER).await;
            if changes.has_changed().unwrap_or(true) {
                break;
            }
        }
    }
}

/// Whether the network has been compared, by this server or another.
async fn compare_once(network: &Network, store: &Store, clock: &Clock, is_due: bool) -> bool {
    let version = network.header().version();
    let begun = Instant::now();
    let compared = async {
        if !is_due && store.last_done(JOB).await? == version {
            return Ok(Some(None));
        }
        let Some(turn) = store.take_turn(JOB, LEASE).await? else { return Ok(None) };
        compare(network, store, clock, turn).await.map(|compared| Some(Some(compared)))
    };
    match compared.await {
        Ok(Some(None)) => true,
        Ok(Some(Some(Compared { trips, affected }))) => {
            tracing::info!(
                network.version = version,
                trips.compared = trips,
                trips.affected = affected,
                duration.ms = begun.elapsed().as_secs_f64() * 1e3,
                "trips.compared"
            );
            true
        }
        Ok(None) => false,
        Err(error) => {
            let error: StoreError = error;
            tracing::warn!(error.cause = %error, "trips.not_compared");
            false
        }
    }
}

/// Compares all trips that are to be travelled yet with a network.
///
/// # Errors
///
/// Those of the store; [`StoreError::TurnLost`] where another server has taken over.
pub async fn compare(
    network: &Network,
    store: &Store,
    clock: &Clock,
    turn: Turn,
) -> Result<Compared, StoreError> {
    let version = network.header().version();
    let (mut compared, mut after) = (Compared::default(), None);
    let mut kept = Instant::now();
    loop {
        let now = clock();
        let page = store.booked_trips(now, TRIPS_AT_ONCE, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.place);
        let judged: Vec<_> = page.iter().map(|trip| (trip.id, changes(network, trip))).collect();
        compared.trips += judged.len() as u64;
        compared.affected += judged.iter().filter(|(_, it)| !it.is_empty()).count() as u64;
        store.note_affected(turn, &version, judged, now).await?;
        // Where nothing is affected, nothing is written, and another server would take over.
        if kept.elapsed() >= turn.lease() / 6 {
            store.keep_turn(turn).await?;
            kept = Instant::now();
        }
    }
    store.forget_affected(turn, clock()).await?;
    store.end_turn(turn, version).await?;
    Ok(compared)
}

fn changes(network: &Network, trip: &BookedTrip) -> Vec<(usize, LegChange)> {
    let rides = trip.rides.iter().enumerate();
    rides.filter_map(|(at, ride)| Some((at, change(network, ride)?))).collect()
}

/// What has become of a ride; none where it runs as booked, or the network does not have its date.
pub fn change(network: &Network, ride: &Ride) -> Option<LegChange> {
    let stations = (ride.origin_id.as_str(), ride.destination_id.as_str());
    let legs = match ride_now(network, &ride.source_id, ride.service_date, stations) {
        RideNow::OtherPeriod => return None,
        RideNow::Gone => return Some(LegChange::Gone),
        RideNow::Elsewhere => return Some(LegChange::StationChanged),
        RideNow::Runs(legs) => legs,
    };
    let view = network.view();
    let times = legs.iter().map(|leg| {
        let departure = moment(network.zone(view.from(*leg)), view.departure(*leg));
        (departure, moment(network.zone(view.to(*leg)), view.arrival(*leg)))
    });
    // Of several rides, the one nearest to what was booked.
    let (departure, arrival) = times.min_by_key(|(departure, arrival)| {
        let apart = (*departure - ride.departure).abs() + (*arrival - ride.arrival).abs();
        apart.num_seconds()
    })?;
    let as_booked = departure == ride.departure && arrival == ride.arrival;
    (!as_booked).then_some(LegChange::Retimed { departure, arrival })
}
