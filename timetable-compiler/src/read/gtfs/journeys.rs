//! From trips to service journeys: each trip as often as it runs, trips that one may stay seated
//! through joined, and equal runs folded into one journey.
//!
//! Publishers repeat a trip for every date, under another id each time. Runs with the same calls,
//! train type, number, operator and fares are one journey with several names. A name has dates of
//! its own: of two equal runs on one date, the second is a journey of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use chrono::NaiveDate;

use super::calendar::{Dates, Period, dates_of};
use super::cells::{Tables, clock, counted};
use super::fares::Fares;
use super::files::{transfers, trips};
use super::frequencies::Starts;
use super::routes::{Agencies, Routes};
use super::stop_times::{Calls, GtfsCall};
use super::stops::Stops;
use super::trips::{Fate, Trips};
use crate::notice::{Code, Findings, Notice};
use crate::timetable::{Call, ServiceJourney};

/// The most trips that are joined into one journey.
const CHAIN_TRIPS_MAX: usize = 8;
/// The most journeys that are made by joining.
const CHAINS_MAX: usize = 20_000;

/// All that journeys are made of.
pub struct Feed<'f> {
    pub tables: &'f Tables<'f>,
    pub agencies: &'f Agencies,
    pub routes: &'f Routes,
    pub stops: &'f Stops,
    pub trips: &'f Trips,
    pub calls: &'f Calls,
    pub starts: &'f Starts,
    pub period: Period,
    /// Of each service.
    pub dates: &'f [Dates],
}

/// A call as it is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct FoldedCall {
    station: u32,
    arrival: i16,
    departure: i16,
    may: (bool, bool),
}

/// What equal runs have in common.
#[derive(PartialEq, Eq, Hash)]
struct Pattern<'f> {
    calls: Vec<FoldedCall>,
    train_type: &'f str,
    number: Option<&'f str>,
    operator: Option<&'f str>,
    fares: Option<u32>,
}

/// Runs by their pattern.
pub struct Journeys<'f> {
    feed: &'f Feed<'f>,
    fares: Fares,
    runs: HashMap<Pattern<'f>, Vec<(String, Dates)>>,
    outside: usize,
    rideless: usize,
    first_rideless: usize,
}

impl<'f> Journeys<'f> {
    /// The runs of all trips that are used, joined ones not among them.
    pub fn of(feed: &'f Feed<'f>, fares: Fares, findings: &mut Findings) -> Self {
        let (runs, first_rideless) = (HashMap::new(), usize::MAX);
        let mut all = Self { feed, fares, runs, outside: 0, rideless: 0, first_rideless };
        for trip in 0..feed.trips.rows.len() as u32 {
            if feed.trips.rows[trip as usize].fate == Fate::Kept {
                all.add_trip(trip);
            }
        }
        all.report(findings);
        all
    }

    /// Trips on which nobody may board and then alight, and those that run on no date of the
    /// period.
    pub const fn left_out(&self) -> (usize, usize) {
        (self.rideless, self.outside)
    }

    fn report(&self, findings: &mut Findings) {
        let tables = self.feed.tables;
        if self.rideless > 0 {
            let sentence = format!(
                "nobody may board and then alight on {}, first this one",
                counted(self.rideless, "trip")
            );
            let place = (trips::FORM, self.first_rideless, trips::ID);
            let notice = tables.notice(Code::NoRide, sentence, place);
            findings.add(notice.action("they were left out"));
        }
        if self.outside > 0 {
            let Period { first, last } = self.feed.period;
            let count = counted(self.outside, "trip");
            let sentence = format!("no date from {first} to {last} has a run of {count}");
            let notice = Notice::new(Code::TripsOutsidePeriod, sentence).at(tables.whole());
            findings.add(notice.action("they were left out"));
        }
    }

    fn dates(&self, trip: u32) -> &'f Dates {
        &self.feed.dates[self.feed.trips.rows[trip as usize].service as usize]
    }

    fn add_trip(&mut self, trip: u32) {
        let feed = self.feed;
        let (row, calls) = (&feed.trips.rows[trip as usize], feed.calls.of(trip));
        if !allows_a_ride(calls) {
            self.rideless += 1;
            self.first_rideless = self.first_rideless.min(row.start);
            return;
        }
        let dates = self.dates(trip);
        if dates.iter().all(|word| *word == 0) {
            self.outside += 1;
            return;
        }
        let Some(starts) = feed.starts.get(&trip) else {
            self.add_run(&[trip], row.id.to_string(), calls, 0, dates);
            return;
        };
        for start in starts {
            let source = format!("{}@{}", row.id, clock(*start));
            self.add_run(&[trip], source, calls, start - calls[0].departure, dates);
        }
    }

    /// Adds a run of these trips, of which the first names the train.
    fn add_run(
        &mut self,
        chain: &[u32],
        source: String,
        calls: &[GtfsCall],
        later: i32,
        dates: &Dates,
    ) {
        let feed = self.feed;
        let trip = &feed.trips.rows[chain[0] as usize];
        let route = &feed.routes.rows[trip.route as usize];
        let is_one_route =
            chain.iter().all(|other| feed.trips.rows[*other as usize].route == trip.route);
        let zones = || calls.iter().map(|call| feed.stops.fare_zone(call.stop)).collect::<Vec<_>>();
        // What a ride over two routes costs, no rule of GTFS says.
        let fares = (is_one_route && self.fares.currency.is_some())
            .then(|| self.fares.table(trip.route, route.agency, &zones()));
        let folded = |call: &GtfsCall| FoldedCall {
            station: feed.stops.station(call.stop),
            arrival: (call.arrival + later + 59).div_euclid(60) as i16,
            departure: (call.departure + later).div_euclid(60) as i16,
            may: call.may,
        };
        let mut folded: Vec<FoldedCall> = calls.iter().map(folded).collect();
        // Nobody sees when a train comes to its first call or leaves its last one.
        if let [first, .., last] = &mut folded[..] {
            first.arrival = first.departure;
            last.departure = last.arrival;
        }
        let pattern = Pattern {
            calls: folded,
            train_type: &route.train_type,
            number: trip.number.as_deref(),
            operator: route.agency.and_then(|agency| feed.agencies.name(agency)),
            fares: fares.flatten(),
        };
        self.runs.entry(pattern).or_default().push((source, Rc::clone(dates)));
    }

    /// Adds journeys for the rides over trips that one may stay seated for. They have no other
    /// rides: one boards on the first of the trips and alights on the last.
    pub fn join(&mut self, in_seat: &BTreeMap<(u32, u32), usize>, findings: &mut Findings) {
        let mut next: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for ((from, to), start) in in_seat {
            match self.check_joint(*from, *to) {
                Ok(()) => next.entry(*from).or_default().push(*to),
                Err(sentence) => {
                    let place = (transfers::FORM, *start, transfers::FROM_TRIP);
                    let notice = self.feed.tables.notice(Code::InSeatNotJoined, sentence, place);
                    findings.add(notice.action("passengers must change between the trips"));
                }
            }
        }
        let mut chains: Vec<Vec<u32>> = next.keys().map(|trip| vec![*trip]).collect();
        let mut joined = 0;
        while let Some(chain) = chains.pop() {
            let followers = chain.last().and_then(|last| next.get(last)).into_iter().flatten();
            for trip in followers.filter(|trip| !chain.contains(trip)) {
                let mut longer = chain.clone();
                longer.push(*trip);
                joined += 1;
                if longer.len() > CHAIN_TRIPS_MAX || joined > CHAINS_MAX {
                    let sentence = format!(
                        "more than {CHAIN_TRIPS_MAX} trips follow on each other, or there are \
                         more than {CHAINS_MAX} ways to stay seated"
                    );
                    let place = self.feed.tables.whole();
                    let notice = Notice::new(Code::InSeatNotJoined, sentence).at(place);
                    findings.add(notice.action("passengers must change after as many"));
                    if joined > CHAINS_MAX {
                        return;
                    }
                } else if self.add_chain(&longer) {
                    chains.push(longer);
                }
            }
        }
    }

    fn check_joint(&self, from: u32, to: u32) -> Result<(), &'static str> {
        let feed = self.feed;
        let (before, after) = (feed.calls.of(from), feed.calls.of(to));
        let (Some(end), Some(start)) = (before.last(), after.first()) else {
            return Err("one of the trips has no calls");
        };
        if feed.starts.contains_key(&from) || feed.starts.contains_key(&to) {
            return Err("one of the trips runs at a headway");
        }
        if feed.stops.station(end.stop) != feed.stops.station(start.stop) {
            return Err("the second trip does not start where the first ends");
        }
        if start.departure < end.arrival {
            return Err("the second trip starts before the first ends, by times of one date");
        }
        let both = self.dates(from).iter().zip(self.dates(to).iter());
        if both.map(|(one, two)| one & two).all(|word| word == 0) {
            return Err("the trips run on no date together");
        }
        Ok(())
    }

    /// Says whether there is a date on which all trips run.
    fn add_chain(&mut self, chain: &[u32]) -> bool {
        let feed = self.feed;
        let dates = chain[1..].iter().fold(self.dates(chain[0]).to_vec(), |mut dates, trip| {
            dates.iter_mut().zip(self.dates(*trip).iter()).for_each(|(one, two)| *one &= two);
            dates
        });
        if dates.iter().all(|word| *word == 0) {
            return false;
        }
        let mut calls: Vec<GtfsCall> = Vec::new();
        for (at, trip) in chain.iter().enumerate() {
            let (is_first, is_last) = (at == 0, at == chain.len() - 1);
            let mut of_trip = feed.calls.of(*trip).iter().map(|call| GtfsCall {
                may: (call.may.0 && is_first, call.may.1 && is_last),
                ..*call
            });
            if let Some(joint) = calls.last_mut() {
                // The last call of the trip before and the first of this one are one call.
                joint.departure = of_trip.next().map_or(joint.departure, |call| call.departure);
                joint.may = (false, false);
            }
            calls.extend(of_trip);
        }
        if allows_a_ride(&calls) {
            let ids: Vec<&str> =
                chain.iter().map(|it| &*feed.trips.rows[*it as usize].id).collect();
            self.add_run(chain, ids.join("+"), &calls, 0, &dates.into());
        }
        true
    }

    /// The journeys, and the currency of their fares.
    pub fn fold(self, keys: &BTreeMap<u32, Arc<str>>) -> (Vec<ServiceJourney>, Option<String>) {
        let mut journeys = Vec::new();
        let (feed, fares) = (self.feed, self.fares);
        for (pattern, mut runs) in self.runs {
            runs.sort();
            let call = |call: &FoldedCall| Call {
                station: Arc::clone(&keys[&call.station]),
                arrival: call.arrival,
                departure: call.departure,
                may: call.may,
            };
            for sources in layers(runs, feed.period) {
                journeys.push(ServiceJourney {
                    sources,
                    train_type: pattern.train_type.to_owned(),
                    number: pattern.number.map(str::to_owned),
                    operator: pattern.operator.map(str::to_owned),
                    calls: pattern.calls.iter().map(call).collect(),
                    fares: fares.of_table(pattern.fares),
                });
            }
        }
        (journeys, fares.currency)
    }

    /// The stations at which some run calls.
    pub fn served(&self) -> BTreeSet<u32> {
        self.runs.keys().flat_map(|it| it.calls.iter().map(|call| call.station)).collect()
    }
}

type Sources = BTreeMap<String, BTreeSet<NaiveDate>>;

/// As few sets of names as it takes for no two names of a set to share a date.
fn layers(runs: Vec<(String, Dates)>, period: Period) -> Vec<Sources> {
    let mut layers: Vec<(Vec<u64>, Sources)> = Vec::new();
    for (source, dates) in runs {
        let mut left = dates.to_vec();
        let mut at = 0;
        while left.iter().any(|word| *word != 0) {
            if at == layers.len() {
                layers.push((vec![0; left.len()], Sources::new()));
            }
            let (taken, sources) = &mut layers[at];
            let free: Vec<u64> = left.iter().zip(&*taken).map(|(it, taken)| it & !taken).collect();
            if free.iter().any(|word| *word != 0) {
                let dates = dates_of(&free).map(|at| period.date(at)).collect();
                sources.insert(source.clone(), dates);
            }
            left.iter_mut().zip(&free).for_each(|(left, free)| *left &= !free);
            taken.iter_mut().zip(&free).for_each(|(taken, free)| *taken |= free);
            at += 1;
        }
    }
    layers.into_iter().map(|(_, sources)| sources).collect()
}

fn allows_a_ride(calls: &[GtfsCall]) -> bool {
    let first = calls.iter().position(|call| call.may.0);
    let last = calls.iter().rposition(|call| call.may.1);
    first.zip(last).is_some_and(|(first, last)| first < last)
}
