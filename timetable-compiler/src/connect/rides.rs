//! All rides of a network, by the pair of stations they join.

use schema::{Fare, NONE, Network, StationIdx};

/// A ride from one call of a journey to a later one.
#[derive(Debug, Clone, Copy)]
pub struct Ride {
    /// The journey's number.
    pub journey: u32,
    /// The call at which it is boarded.
    pub board: u16,
    /// The call at which it is left.
    pub alight: u16,
    /// Minute of departure, from the service date's origin.
    pub departure: i32,
    /// Minute of arrival.
    pub arrival: i32,
    /// Its price.
    pub fare: Fare,
    /// Number of its day set.
    pub days: u32,
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

/// The rides of a network.
#[derive(Debug)]
pub struct Rides {
    /// Per station the edges that begin there, by where they end.
    from: Vec<Vec<Edge>>,
    /// Per station the rides that end there, as (arrival, start, position in its edge), sorted.
    into: Vec<Vec<(i32, StationIdx, u32)>>,
}

impl Rides {
    /// All rides of the network.
    pub fn of(network: &Network) -> Self {
        let stations = network.stations.len();
        let mut all: Vec<Vec<(StationIdx, Ride)>> = vec![Vec::new(); stations];
        for journey in 0..network.journeys.len() {
            add_rides(network, journey, &mut all);
        }
        let from: Vec<Vec<Edge>> = all.into_iter().map(edges).collect();
        let mut into = vec![Vec::new(); stations];
        for (station, edges) in from.iter().enumerate() {
            for edge in edges {
                let rides = edge.rides.iter().zip(0..);
                into[edge.to.at()]
                    .extend(rides.map(|(ride, at)| (ride.arrival, StationIdx::of(station), at)));
            }
        }
        for rides in &mut into {
            rides.sort_unstable();
        }
        Self { from, into }
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

    fn edge(&self, from: StationIdx, to: StationIdx) -> Option<&Edge> {
        let edges = &self.from[from.at()];
        edges.binary_search_by_key(&to, |edge| edge.to).ok().map(|at| &edges[at])
    }

    /// The rides that arrive at a station in a minute of their service date, with their starts.
    pub fn arriving(
        &self,
        station: StationIdx,
        minute: i32,
    ) -> impl Iterator<Item = (StationIdx, &Ride)> {
        let rides = &self.into[station.at()];
        let start = rides.partition_point(|(arrival, ..)| *arrival < minute);
        rides[start..]
            .iter()
            .take_while(move |(arrival, ..)| *arrival == minute)
            .map(move |(_, from, at)| (*from, &self.between(*from, station)[*at as usize]))
    }
}

fn add_rides(network: &Network, number: usize, all: &mut [Vec<(StationIdx, Ride)>]) {
    let journey = &network.journeys[number];
    let start = journey.calls_start as usize;
    let calls = &network.calls[start..start + journey.calls_len as usize];
    for alight in 1..calls.len() {
        if !calls[alight].flags.alighting() {
            continue;
        }
        let reboardable = journey.fares_start != NONE && may_reboard(network, calls, alight);
        for board in (0..alight).filter(|board| calls[*board].flags.boarding()) {
            let fare = match journey.fares_start {
                NONE => Fare::MISSING,
                start => network.fares[start as usize + alight * (alight - 1) / 2 + board],
            };
            let ride = Ride {
                journey: number as u32,
                board: board as u16,
                alight: alight as u16,
                departure: calls[board].departure.into(),
                arrival: calls[alight].arrival.into(),
                fare,
                days: journey.days.0,
                settles: false,
                reboardable,
            };
            all[calls[board].station.at()].push((calls[alight].station, ride));
        }
    }
}

/// Whether a passenger who left the train here could board it again further on in time.
fn may_reboard(network: &Network, calls: &[schema::Call], alight: usize) -> bool {
    let here = &calls[alight];
    let waits = network.footpaths.iter().filter(|path| path.from == here.station);
    let walks = waits.map(|path| (path.to, path.minutes));
    let stays = (here.station, network.stations[here.station.at()].transfer_minutes_min);
    walks.chain([stays]).any(|(station, minutes)| {
        calls[alight..].iter().any(|call| {
            call.station == station
                && call.flags.boarding()
                && i32::from(call.departure) >= i32::from(here.arrival) + i32::from(minutes)
        })
    })
}

fn edges(mut rides: Vec<(StationIdx, Ride)>) -> Vec<Edge> {
    rides.sort_by_key(|(to, ride)| {
        (*to, ride.departure, ride.arrival, ride.journey, ride.board, ride.alight)
    });
    let mut edges: Vec<Edge> = Vec::new();
    for (to, ride) in rides {
        match edges.last_mut() {
            Some(edge) if edge.to == to => edge.rides.push(ride),
            _ => edges.push(Edge { to, rides: vec![ride], some_missing: (false, false) }),
        }
    }
    for edge in &mut edges {
        mark_settling(&mut edge.rides);
        edge.some_missing = (
            edge.rides.iter().any(|ride| ride.fare.first == NONE),
            edge.rides.iter().any(|ride| ride.fare.second == NONE),
        );
    }
    edges
}

fn mark_settling(rides: &mut [Ride]) {
    // The ones of the next date come later by at least 23 hours, the length of the shortest day.
    let of_next_date =
        rides.iter().map(|ride| ride.arrival).min().map_or(i32::MAX, |first| first + 23 * 60);
    let comparable = |left: Fare, right: Fare| {
        (left.first == NONE) == (right.first == NONE)
            && (left.second == NONE) == (right.second == NONE)
    };
    let alike = rides.windows(2).all(|two| comparable(two[0].fare, two[1].fare));
    let least = Fare {
        first: rides.iter().map(|ride| ride.fare.first).min().unwrap_or(NONE),
        second: rides.iter().map(|ride| ride.fare.second).min().unwrap_or(NONE),
    };
    let mut earliest = of_next_date;
    for ride in rides.iter_mut().rev() {
        earliest = earliest.min(ride.arrival);
        ride.settles = ride.arrival <= earliest && alike && ride.fare == least && !ride.reboardable;
    }
}
