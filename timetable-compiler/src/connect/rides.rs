//! All rides of a class of days, by the pair of stations they join.

use schema::{Fare, NONE, StationIdx};

use super::runs::{Run, Shared, Trains};

/// A ride from one call of a run to a later one. Minutes are those of the departure day.
#[derive(Debug, Clone, Copy)]
pub struct Ride {
    /// The run.
    pub run: u32,
    /// The call at which it is boarded.
    pub board: u16,
    /// The call at which it is left.
    pub alight: u16,
    /// Minute of departure.
    pub departure: i32,
    /// Minute of arrival.
    pub arrival: i32,
    /// Its price.
    pub fare: Fare,
    /// No later ride of its edge arrives before it, and none costs less or is without a price that
    /// this one has: having boarded it, the later ones add nothing on its days.
    pub settles: bool,
    /// Its train can be boarded again after the alighting, there or at the end of a footpath, and
    /// has fares. Then a prefix that ends with this ride is not as good as another that may still
    /// board the train.
    pub reboardable: bool,
}

/// The rides from one station to another, by departure.
#[derive(Debug)]
pub struct Edge {
    /// Where they end.
    pub to: StationIdx,
    /// At least one.
    pub rides: Vec<Ride>,
    /// Whether one of them has no price in first class, and in second.
    pub some_missing: (bool, bool),
}

/// The rides of a class.
pub struct Rides {
    /// Per station the edges that begin there, by where they end.
    from: Vec<Vec<Edge>>,
    /// Bit `from * stations + to`: whether there is an edge. Most pairs of stations have none, and
    /// this says so at once.
    joined: Vec<u64>,
}

impl Rides {
    /// All rides of a class.
    pub fn of<const W: usize>(trains: &Trains<'_, W>) -> Self {
        let stations = trains.shared.network.stations.len();
        let mut from = Vec::with_capacity(stations);
        let mut joined = vec![0; (stations * stations).div_ceil(64)];
        for station in 0..stations {
            let mut rides = Vec::new();
            for at in &trains.boardings[station] {
                add_rides(trains, at.run, at.call, &mut rides);
            }
            let edges = edges(rides);
            for edge in &edges {
                schema::days::insert(&mut joined, station * stations + edge.to.at());
            }
            from.push(edges);
        }
        Self { from, joined }
    }

    /// The edges that begin at a station.
    pub fn from(&self, station: StationIdx) -> &[Edge] {
        &self.from[station.at()]
    }

    /// The rides from one station to another.
    pub fn between(&self, from: StationIdx, to: StationIdx) -> &[Ride] {
        self.edge(from, to).map_or(&[], |edge| &edge.rides)
    }

    /// Whether a ride from one station to another has no price in first class, and in second.
    pub fn some_missing(&self, from: StationIdx, to: StationIdx) -> (bool, bool) {
        self.edge(from, to).map_or((false, false), |edge| edge.some_missing)
    }

    #[inline]
    fn edge(&self, from: StationIdx, to: StationIdx) -> Option<&Edge> {
        let bit = from.at() * self.from.len() + to.at();
        if self.joined[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let edges = &self.from[from.at()];
        edges.binary_search_by_key(&to, |edge| edge.to).ok().map(|at| &edges[at])
    }
}

fn add_rides<const W: usize>(
    trains: &Trains<'_, W>,
    number: u32,
    board: u16,
    rides: &mut Vec<(StationIdx, Ride)>,
) {
    let run = &trains.runs[number as usize];
    let departure = run.offset + i32::from(trains.calls(run)[board as usize].departure);
    let latest = trains.class.end + trains.shared.network.transfers.duration_minutes_max as i32;
    if departure > latest {
        return;
    }
    for (alight, to, arrival) in trains.alightings_from(run, board + 1) {
        let fare = trains.fare(run, board, alight);
        let (reboardable, run) = (reboardable(trains, run, alight), number);
        let ride =
            Ride { run, board, alight, departure, arrival, fare, settles: false, reboardable };
        rides.push((to, ride));
    }
}

/// Whether a passenger who left the train here could board it again further on in time, for a fare
/// of its own.
pub fn reboardable<const W: usize>(trains: &Trains<'_, W>, run: &Run<W>, alight: u16) -> bool {
    let shared: &Shared<'_> = trains.shared;
    if shared.network.journeys[run.journey.at()].fares_start == NONE {
        return false;
    }
    let calls = &trains.calls(run)[alight as usize..];
    let here = calls[0];
    shared.changes[here.station.at()].iter().any(|(station, minutes)| {
        calls.iter().any(|call| {
            call.station == *station
                && call.flags.boarding()
                && i32::from(call.departure) >= i32::from(here.arrival) + minutes
        })
    })
}

fn edges(mut rides: Vec<(StationIdx, Ride)>) -> Vec<Edge> {
    rides.sort_by_key(|(to, ride)| {
        (*to, ride.departure, ride.arrival, ride.run, ride.board, ride.alight)
    });
    let mut edges: Vec<Edge> = Vec::new();
    for of_edge in rides.chunk_by(|left, right| left.0 == right.0) {
        let mut rides: Vec<Ride> = of_edge.iter().map(|(_, ride)| *ride).collect();
        mark_settling(&mut rides);
        let some_missing = (
            rides.iter().any(|ride| ride.fare.first == NONE),
            rides.iter().any(|ride| ride.fare.second == NONE),
        );
        edges.push(Edge { to: of_edge[0].0, rides, some_missing });
    }
    edges
}

fn mark_settling(rides: &mut [Ride]) {
    let comparable = |left: Fare, right: Fare| {
        (left.first == NONE) == (right.first == NONE)
            && (left.second == NONE) == (right.second == NONE)
    };
    // The least of the rides that come after, and whether they are all comparable.
    let (mut later, mut mixed) = (None::<(i32, Fare)>, false);
    for ride in rides.iter_mut().rev() {
        let (arrival, least) = later.unwrap_or((ride.arrival, ride.fare));
        mixed |= !comparable(ride.fare, least);
        ride.settles = !mixed
            && !ride.reboardable
            && ride.arrival <= arrival
            && ride.fare.costs_no_more_than(least);
        let (first, second) =
            (least.first.min(ride.fare.first), least.second.min(ride.fare.second));
        later = Some((arrival.min(ride.arrival), Fare { first, second }));
    }
}
