//! Service journeys of both files, by source id and date.

use chrono::NaiveDate;
use schema::{ArchivedSource, Fare, JourneyIdx, NONE, PriceCents, StationIdx, days};
use serde::Serialize;

use super::side::{Dates, Side};
use super::{FieldChange, OneSided, Stations, optional, push};

/// What became of the journeys. One may be retimed, repriced and retyped at once.
#[derive(Debug, Default, Serialize)]
pub struct Journeys<'n> {
    /// On these dates in the new file only.
    pub added: Vec<JourneyChange<'n, Journey<'n>>>,
    /// On these dates in the old file only.
    pub removed: Vec<JourneyChange<'n, Journey<'n>>>,
    /// Other calls: stations, times, what passengers may do.
    pub retimed: Vec<JourneyChange<'n, Retimed<'n>>>,
    /// Other fares between the same stations.
    pub repriced: Vec<JourneyChange<'n, Repriced<'n>>>,
    /// Another train type, number or operator.
    pub retyped: Vec<JourneyChange<'n, Retyped<'n>>>,
}

/// What became of one journey.
#[derive(Debug, Serialize)]
pub struct JourneyChange<'n, What> {
    /// Its id in the source.
    pub id: &'n str,
    /// All dates concerned.
    pub dates: Dates,
    /// What it is; several where it was not the same on all dates.
    pub variants: Vec<What>,
}

/// A journey on some dates.
#[derive(Debug, Serialize)]
pub struct Journey<'n> {
    /// The dates.
    pub dates: Dates,
    /// Its train type.
    pub train_type: &'n str,
    /// Its number.
    pub number: Option<&'n str>,
    /// Its operator.
    pub operator: Option<&'n str>,
    /// Where and when it stops, on the first of the dates.
    pub calls: Vec<CallAt<'n>>,
}

/// A stop, by the clock at the station.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CallAt<'n> {
    /// The station's key.
    pub key: &'n str,
    /// The station's name.
    pub name: &'n str,
    /// Arrival.
    pub arrival: String,
    /// Departure.
    pub departure: String,
    /// Whether one may board.
    pub boarding: bool,
    /// Whether one may alight.
    pub alighting: bool,
}

/// A journey that calls otherwise.
#[derive(Debug, Serialize)]
pub struct Retimed<'n> {
    /// As it was.
    pub old: Journey<'n>,
    /// As it is.
    pub new: Journey<'n>,
}

/// A journey with other fares.
#[derive(Debug, Serialize)]
pub struct Repriced<'n> {
    /// The journey as it is.
    pub journey: Journey<'n>,
    /// The rides whose fares differ.
    pub fares: Vec<RideFare<'n>>,
}

/// A ride with another fare.
#[derive(Debug, Serialize)]
pub struct RideFare<'n> {
    /// Key of the station at which it is boarded.
    pub from: &'n str,
    /// Key of the station at which it is left.
    pub to: &'n str,
    /// What it cost.
    pub old: Prices,
    /// What it costs.
    pub new: Prices,
}

/// Prices in the network's currency; none where there is no fare.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// In first class.
    pub first: Option<String>,
    /// In second class.
    pub second: Option<String>,
}

/// A journey that is called otherwise.
#[derive(Debug, Serialize)]
pub struct Retyped<'n> {
    /// The journey as it is.
    pub journey: Journey<'n>,
    /// What has changed.
    pub changes: Vec<FieldChange>,
}

impl Journeys<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty()
            && self.removed.is_empty()
            && self.retimed.is_empty()
            && self.repriced.is_empty()
            && self.retyped.is_empty()
    }
}

/// Compares the journeys of both files, id by id.
pub(super) fn compare<'n>(sides: [&Side<'n>; 2], stations: &Stations) -> (Journeys<'n>, OneSided) {
    let mut comparison =
        Comparison { sides, stations, found: Journeys::default(), runs_of_one: [0, 0] };
    let mut names = sides.map(|side| ById { side, at: 0 });
    loop {
        let ids = [names[0].id(), names[1].id()];
        let Some(id) = ids.iter().flatten().min().copied() else { break };
        let [old, new] = [0, 1]
            .map(|side| if ids[side] == Some(id) { names[side].take(id) } else { Vec::new() });
        comparison.compare(id, old, new);
    }
    let [runs_of_old, runs_of_new] = comparison.runs_of_one;
    (comparison.found, OneSided { runs_of_old, runs_of_new })
}

/// A journey under an id, with the dates that are yet to be explained.
struct Named {
    journey: JourneyIdx,
    /// On the shared axis.
    left: Vec<u64>,
    /// On the file's own axis.
    own: Vec<u64>,
}

/// A file's journeys in the order of their ids.
struct ById<'s, 'n> {
    side: &'s Side<'n>,
    at: usize,
}

impl<'n> ById<'_, 'n> {
    fn source(&self) -> Option<&'n ArchivedSource> {
        let network = self.side.view.archived();
        let at = network.sources_by_id.get(self.at)?;
        Some(&network.sources[at.to_native() as usize])
    }

    fn id(&self) -> Option<&'n str> {
        self.source().map(|source| source.id.as_str())
    }

    /// All journeys of the id at which it stands.
    fn take(&mut self, id: &str) -> Vec<Named> {
        let mut all = Vec::new();
        while let Some(source) = self.source().filter(|source| source.id == *id) {
            let journey = JourneyIdx(source.journey.0.to_native());
            let view = self.side.view;
            let (named, runs) =
                (source.days.0.to_native(), view.journey(journey).days.0.to_native());
            let mut left = self.side.shared_set(named).to_vec();
            days::intersect(&mut left, self.side.shared_set(runs));
            let mut own = view.day_set(schema::DaySetIdx(named));
            days::intersect(&mut own, &view.day_set(schema::DaySetIdx(runs)));
            all.push(Named { journey, left, own });
            self.at += 1;
        }
        all
    }
}

struct Comparison<'s, 'n> {
    sides: [&'s Side<'n>; 2],
    stations: &'s Stations,
    found: Journeys<'n>,
    runs_of_one: [u64; 2],
}

impl<'n> Comparison<'_, 'n> {
    fn compare(&mut self, id: &'n str, mut old: Vec<Named>, mut new: Vec<Named>) {
        if old.is_empty() || new.is_empty() {
            for (side, all) in [(0, &old), (1, &new)] {
                let variants = all.iter().map(|named| {
                    let dates = self.sides[side].own_dates(&named.own);
                    self.journey(side, named.journey, dates)
                });
                let variants: Vec<_> = variants.filter(|it| it.dates.count > 0).collect();
                self.one_sided(side, id, variants);
            }
            return;
        }
        for (side, all) in [(0, &old), (1, &new)] {
            let count = |set: &[u64]| u64::from(days::count(set));
            let runs: u64 = all.iter().map(|it| count(&it.own) - count(&it.left)).sum();
            self.runs_of_one[side] += runs;
        }
        // Equal ones first, so that several journeys of one id and date are not crossed.
        for is_equal in [true, false] {
            for before in &mut old {
                for after in &mut new {
                    let mut both = before.left.clone();
                    if !days::intersect(&mut both, &after.left) {
                        continue;
                    }
                    let explained = self.pair(id, [before.journey, after.journey], &both, is_equal);
                    if explained {
                        days::subtract(&mut before.left, &both);
                        days::subtract(&mut after.left, &both);
                    }
                }
            }
        }
        for (side, all) in [(0, &old), (1, &new)] {
            let left = all.iter().filter(|named| !days::is_empty(&named.left));
            let variants = left.map(|named| {
                self.journey(side, named.journey, self.sides[side].shared_dates(&named.left))
            });
            let variants: Vec<_> = variants.collect();
            self.one_sided(side, id, variants);
        }
    }

    fn one_sided(&mut self, side: usize, id: &'n str, variants: Vec<Journey<'n>>) {
        let into = [&mut self.found.removed, &mut self.found.added];
        for variant in variants {
            let dates = variant.dates.clone();
            add(into[side], id, dates, variant);
        }
    }

    /// Whether the two were found equal, where equal ones are looked for; else notes how they
    /// differ.
    fn pair(&mut self, id: &'n str, pair: [JourneyIdx; 2], both: &[u64], is_equal: bool) -> bool {
        let dates = self.sides[1].shared_dates(both);
        let Some(date) = dates.first() else { return false };
        let retimed = self.are_calls_other(pair, date);
        let fares = self.fares(pair);
        let changes = self.names(pair);
        if is_equal {
            return !retimed && fares.is_empty() && changes.is_empty();
        }
        let journey = |side: usize, dates: &Dates| self.journey(side, pair[side], dates.clone());
        let retimed = retimed.then(|| Retimed { old: journey(0, &dates), new: journey(1, &dates) });
        let repriced = (!fares.is_empty()).then(|| Repriced { journey: journey(1, &dates), fares });
        let retyped =
            (!changes.is_empty()).then(|| Retyped { journey: journey(1, &dates), changes });
        if let Some(what) = retimed {
            add(&mut self.found.retimed, id, dates.clone(), what);
        }
        if let Some(what) = repriced {
            add(&mut self.found.repriced, id, dates.clone(), what);
        }
        if let Some(what) = retyped {
            add(&mut self.found.retyped, id, dates, what);
        }
        true
    }

    fn are_stations_other(&self, pair: [JourneyIdx; 2]) -> bool {
        let [old, new] = [0, 1].map(|side| {
            let calls = self.sides[side].view.calls(pair[side]).iter();
            calls.map(move |call| self.stations.rank(side, StationIdx(call.station.0.to_native())))
        });
        !old.eq(new)
    }

    fn are_calls_other(&self, pair: [JourneyIdx; 2], date: NaiveDate) -> bool {
        let offset = self.sides[0].origin_offset(self.sides[1], date);
        let [old, new] = [0, 1].map(|side| self.sides[side].view.calls(pair[side]));
        let are_times_equal = old.iter().zip(new).all(|(old, new)| {
            let minutes = |minute: rkyv::rend::i16_le| i32::from(minute.to_native());
            minutes(old.arrival) == minutes(new.arrival) + offset
                && minutes(old.departure) == minutes(new.departure) + offset
                && old.may() == new.may()
        });
        !are_times_equal || self.are_stations_other(pair)
    }

    /// The rides with other fares, where the stations are the same.
    fn fares(&self, pair: [JourneyIdx; 2]) -> Vec<RideFare<'n>> {
        let mut fares = Vec::new();
        let has_fares = (0..2).any(|side| self.sides[side].has_fares(pair[side]));
        if !has_fares || self.are_stations_other(pair) {
            return fares;
        }
        let calls = self.sides[1].view.calls(pair[1]);
        let key = |call: usize| {
            let station = StationIdx(calls[call].station.0.to_native());
            self.sides[1].view.station(station).key.as_str()
        };
        for alight in 1..calls.len() {
            for board in 0..alight {
                let [old, new] = [0, 1].map(|side| {
                    self.sides[side].view.fare(pair[side], board as u16, alight as u16)
                });
                if old != new {
                    let (from, to) = (key(board), key(alight));
                    let (old, new) = (Prices::of(old), Prices::of(new));
                    fares.push(RideFare { from, to, old, new });
                }
            }
        }
        fares
    }

    fn names(&self, pair: [JourneyIdx; 2]) -> Vec<FieldChange> {
        let mut changes = Vec::new();
        let views = [0, 1].map(|side| (self.sides[side].view, pair[side]));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let types = views.map(|(view, journey)| Some(view.train_type(journey).to_owned()));
        push(&mut changes, "train type", types);
        let numbers = views
            .map(|(view, journey)| owned(optional(view, view.journey(journey).number.to_native())));
        push(&mut changes, "number", numbers);
        let operators = views.map(|(view, journey)| {
            owned(optional(view, view.journey(journey).operator.to_native()))
        });
        push(&mut changes, "operator", operators);
        changes
    }

    fn journey(&self, side: usize, journey: JourneyIdx, dates: Dates) -> Journey<'n> {
        let side = self.sides[side];
        let (view, row) = (side.view, side.view.journey(journey));
        let day = dates.first().map_or(0, |date| side.day(date));
        let call = |call: &schema::ArchivedCall| {
            let station = StationIdx(call.station.0.to_native());
            let clock = |minute: rkyv::rend::i16_le| {
                side.clock(station, day, i32::from(minute.to_native()))
            };
            let may = call.may();
            CallAt {
                key: &view.station(station).key,
                name: &view.station(station).name,
                arrival: clock(call.arrival),
                departure: clock(call.departure),
                boarding: may.boarding(),
                alighting: may.alighting(),
            }
        };
        Journey {
            dates,
            train_type: view.train_type(journey),
            number: optional(view, row.number.to_native()),
            operator: optional(view, row.operator.to_native()),
            calls: view.calls(journey).iter().map(call).collect(),
        }
    }
}

impl Prices {
    fn of(fare: Fare) -> Self {
        let price = |cents: PriceCents| {
            (cents != NONE).then(|| format!("{}.{:02}", cents / 100, cents % 100))
        };
        Self { first: price(fare.first), second: price(fare.second) }
    }
}

/// Adds a variant to the id's change, the last one or a new one.
fn add<'n, What>(
    into: &mut Vec<JourneyChange<'n, What>>,
    id: &'n str,
    dates: Dates,
    variant: What,
) {
    match into.last_mut() {
        Some(last) if last.id == id => {
            last.dates.join(&dates);
            last.variants.push(variant);
        }
        _ => into.push(JourneyChange { id, dates, variants: vec![variant] }),
    }
}
