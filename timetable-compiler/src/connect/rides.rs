//! All rides, by the pair of stations they join.

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

/// The rides from one station to another.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// Where they end.
    pub to: StationIdx,
    start: u32,
    end: u32,
    /// Whether one of them has no price in first class, and in second.
    pub some_missing: (bool, bool),
}

/// The rides of a network.
pub struct Rides {
    /// By where they begin and end.
    edges: Vec<Edge>,
    /// Per station and one more: where the edges that begin there begin.
    edge_starts: Vec<u32>,
    /// By edge and departure, so that what a search looks at in turn lies side by side.
    all: Vec<Ride>,
    /// Bit `from * stations + to`: whether there is an edge. Most pairs of stations have none, and
    /// this says so at once.
    joined: Vec<u64>,
}

impl Rides {
    /// All rides of these trains.
    pub fn of<const W: usize>(trains: &Trains<'_, W>) -> Self {
        let stations = trains.shared.network.stations.len();
        let mut these = Self {
            edges: Vec::new(),
            edge_starts: vec![0],
            all: Vec::new(),
            joined: vec![0; (stations * stations).div_ceil(64)],
        };
        let mut rides = Vec::new();
        for station in 0..stations {
            rides.clear();
            for at in &trains.boardings[station] {
                add_rides(trains, at.run, at.call, &mut rides);
            }
            rides.sort_unstable_by_key(|(to, ride)| {
                (*to, ride.departure, ride.arrival, ride.run, ride.board, ride.alight)
            });
            for of_edge in rides.chunk_by_mut(|left, right| left.0 == right.0) {
                let to = of_edge[0].0;
                schema::days::insert(&mut these.joined, station * stations + to.at());
                these.add_edge(to, of_edge);
            }
            these.edge_starts.push(these.edges.len() as u32);
        }
        these
    }

    fn add_edge(&mut self, to: StationIdx, rides: &mut [(StationIdx, Ride)]) {
        mark_settling(rides);
        let some_missing = (
            rides.iter().any(|(_, ride)| ride.fare.first == NONE),
            rides.iter().any(|(_, ride)| ride.fare.second == NONE),
        );
        let start = self.all.len() as u32;
        self.all.extend(rides.iter().map(|(_, ride)| *ride));
        self.edges.push(Edge { to, start, end: self.all.len() as u32, some_missing });
    }

    /// The edges that begin at a station.
    pub fn from(&self, station: StationIdx) -> &[Edge] {
        let starts = &self.edge_starts[station.at()..];
        &self.edges[starts[0] as usize..starts[1] as usize]
    }

    /// The rides of an edge, by departure; at least one.
    #[inline]
    pub fn of_edge(&self, edge: &Edge) -> &[Ride] {
        &self.all[edge.start as usize..edge.end as usize]
    }

    /// The rides from one station to another, by departure.
    #[inline]
    pub fn between(&self, from: StationIdx, to: StationIdx) -> &[Ride] {
        self.edge(from, to).map_or(&[], |edge| self.of_edge(edge))
    }

    /// Whether a ride from one station to another has no price in first class, and in second.
    pub fn some_missing(&self, from: StationIdx, to: StationIdx) -> (bool, bool) {
        self.edge(from, to).map_or((false, false), |edge| edge.some_missing)
    }

    #[inline]
    fn edge(&self, from: StationIdx, to: StationIdx) -> Option<&Edge> {
        let stations = self.edge_starts.len() - 1;
        let bit = from.at() * stations + to.at();
        if self.joined[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let edges = self.from(from);
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
    if departure > trains.latest {
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

fn mark_settling(rides: &mut [(StationIdx, Ride)]) {
    let comparable = |left: Fare, right: Fare| {
        (left.first == NONE) == (right.first == NONE)
            && (left.second == NONE) == (right.second == NONE)
    };
    // The least of the rides that come after, and whether they are all comparable.
    let (mut later, mut mixed) = (None::<(i32, Fare)>, false);
    for (_, ride) in rides.iter_mut().rev() {
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
