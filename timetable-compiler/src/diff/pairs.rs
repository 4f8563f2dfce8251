//! Pairs of stations of both files, by key: which are connected, and whether by the same best
//! connections.

use std::collections::HashMap;

use rayon::prelude::*;
use schema::{ArchivedPackedLeg, Connections, JourneyIdx, NetworkView, StationIdx, days};
use serde::Serialize;

use super::side::Side;
use super::{StationName, Stations};

/// What became of the pairs of stations.
#[derive(Debug, Default, Serialize)]
pub struct Pairs<'n> {
    /// With a connection in the new file only.
    pub added: Vec<Pair<'n>>,
    /// With a connection in the old file only.
    pub removed: Vec<Pair<'n>>,
    /// With a connection in both, and other best connections on a date of both.
    pub changed: Vec<Pair<'n>>,
}

/// Two stations.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Pair<'n> {
    /// Where a journey begins.
    pub from: StationName<'n>,
    /// Where it ends.
    pub to: StationName<'n>,
}

impl Pairs<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// Compares the connection tables of both files.
pub(super) fn compare<'n>(sides: [&Side<'n>; 2], stations: &Stations) -> Pairs<'n> {
    let comparison = Comparison { sides, stations, classes: classes(sides, stations) };
    let of_origin = |both: &[Option<StationIdx>; 2]| comparison.pairs_from(*both);
    let found: Vec<Pairs<'n>> = stations.all.par_iter().map(of_origin).collect();
    let mut all = Pairs::default();
    for pairs in found {
        all.added.extend(pairs.added);
        all.removed.extend(pairs.removed);
        all.changed.extend(pairs.changed);
    }
    all
}

/// Per file and journey a number that is equal where calls, fares and names are.
fn classes(sides: [&Side<'_>; 2], stations: &Stations) -> [Vec<u32>; 2] {
    let mut known: HashMap<blake3::Hash, u32> = HashMap::new();
    [0, 1].map(|at| {
        let side = sides[at];
        let of_journey = |journey: JourneyIdx| {
            let content = content(side, journey, |station| stations.rank(at, station));
            let next = known.len() as u32;
            *known.entry(content).or_insert(next)
        };
        side.view.journeys().map(of_journey).collect()
    })
}

fn content(side: &Side<'_>, journey: JourneyIdx, rank: impl Fn(StationIdx) -> u32) -> blake3::Hash {
    let (view, row, calls) = (side.view, side.view.journey(journey), side.view.calls(journey));
    let mut hasher = blake3::Hasher::new();
    for call in calls {
        hasher.update(&rank(StationIdx(call.station.0.to_native())).to_le_bytes());
        hasher.update(&call.arrival.to_native().to_le_bytes());
        hasher.update(&call.departure.to_native().to_le_bytes());
        hasher.update(&[call.flags.0]);
    }
    let fares = |alight: u16| (0..alight).map(move |board| (board, alight));
    if side.has_fares(journey) {
        for (board, alight) in (1..calls.len() as u16).flat_map(fares) {
            let fare = view.fare(journey, board, alight);
            hasher.update(&fare.first.to_le_bytes());
            hasher.update(&fare.second.to_le_bytes());
        }
    }
    let (number, operator) = (row.number.to_native(), row.operator.to_native());
    for name in [Some(view.train_type(journey)), view.text(number), view.text(operator)] {
        let name = name.unwrap_or("\u{1}");
        hasher.update(name.as_bytes()).update(&[0]);
    }
    hasher.finalize()
}

struct Comparison<'s, 'n> {
    sides: [&'s Side<'n>; 2],
    stations: &'s Stations,
    classes: [Vec<u32>; 2],
}

/// A leg whose journey is a class.
type Leg = (u32, i32, u16, u16);

/// The legs of a row; what it lacks is [`NO_LEG`].
type Legs = [Leg; 3];

const NO_LEG: Leg = (u32::MAX, 0, 0, 0);

impl<'n> Comparison<'_, 'n> {
    fn pairs_from(&self, origins: [Option<StationIdx>; 2]) -> Pairs<'n> {
        let mut found = Pairs::default();
        let destinations = |side: usize| {
            let all = origins[side].map(|origin| destinations(self.sides[side].view, origin));
            let all = all.into_iter().flatten();
            all.map(move |station| self.stations.rank(side, station)).peekable()
        };
        let (mut old, mut new) = (destinations(0), destinations(1));
        loop {
            let (before, after) = (old.peek().copied(), new.peek().copied());
            let Some(rank) = before.into_iter().chain(after).min() else { return found };
            old.next_if_eq(&rank);
            new.next_if_eq(&rank);
            let ends =
                [0, 1].map(|side| Some((origins[side]?, self.stations.all[rank as usize][side]?)));
            let into = match (before == Some(rank), after == Some(rank)) {
                (true, true) if self.are_rows_equal(ends) => continue,
                (true, true) => &mut found.changed,
                (true, false) => &mut found.removed,
                (false, _) => &mut found.added,
            };
            let side = usize::from(after == Some(rank));
            let view = self.sides[side].view;
            if let Some((from, to)) = ends[side] {
                let [from, to] = [from, to].map(|it| StationName::of(view.station(it)));
                into.push(Pair { from, to });
            }
        }
    }

    fn are_rows_equal(&self, ends: [Option<(StationIdx, StationIdx)>; 2]) -> bool {
        let [Some(old), Some(new)] = ends else { return false };
        let connections = |side: usize, (from, to)| self.sides[side].view.connections(from, to);
        let (old, new) = (connections(0, old), connections(1, new));
        if old.len() == new.len() && self.rows(0, &old).eq(self.rows(1, &new)) {
            return true;
        }
        // Other journeys may stand for the same trains, each for a part of the days.
        self.merged(0, &old) == self.merged(1, &new)
    }

    /// The rows of a pair, without those of other dates.
    fn rows<'r>(
        &'r self,
        side: usize,
        of: &'r Connections<'_>,
    ) -> impl Iterator<Item = (Legs, &'r [u64])> {
        let leg = move |packed: &ArchivedPackedLeg| {
            let it = packed.unpack();
            (self.classes[side][it.journey.at()], it.shift, it.board, it.alight)
        };
        let row = move |packed: &[ArchivedPackedLeg], days: u32| {
            let mut legs = [NO_LEG; 3];
            for (into, packed) in legs.iter_mut().zip(packed) {
                *into = leg(packed);
            }
            (legs, self.sides[side].shared_set(days))
        };
        let direct = of.direct.iter().map(move |it| row(&it.legs, it.days.0.to_native()));
        let one_stop = of.one_stop.iter().map(move |it| row(&it.legs, it.days.0.to_native()));
        let two_stop = of.two_stop.iter().map(move |it| row(&it.legs, it.days.0.to_native()));
        direct.chain(one_stop).chain(two_stop).filter(|(_, days)| !days::is_empty(days))
    }

    fn merged(&self, side: usize, of: &Connections<'_>) -> Vec<(Legs, Vec<u64>)> {
        let mut rows: Vec<_> = self.rows(side, of).collect();
        rows.sort_unstable();
        let mut merged: Vec<(Legs, Vec<u64>)> = Vec::with_capacity(rows.len());
        for (legs, days_of_row) in rows {
            match merged.last_mut() {
                Some((last, days)) if *last == legs => days::union(days, days_of_row),
                _ => merged.push((legs, days_of_row.to_vec())),
            }
        }
        merged
    }
}

/// The stations that the tables connect with an origin, by index.
fn destinations(
    view: NetworkView<'_>,
    origin: StationIdx,
) -> impl Iterator<Item = StationIdx> + use<'_> {
    let network = view.archived();
    let start = network.pair_starts[origin.at()].to_native() as usize;
    let end = network.pair_starts[origin.at() + 1].to_native() as usize;
    network.pairs[start..end].iter().map(|pair| StationIdx(pair.destination.0.to_native()))
}
