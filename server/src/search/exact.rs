//! The search at request time: enumerates from both ends over the mapped timetable.
//!
//! The rides that leave the origin and those that reach the destination are few; a two-stop
//! itinerary joins one of each by a third. Filters hold while enumerating: a ride of a train that
//! is not allowed is never taken up. What BEST asks for beyond that is a [`Frontier`], kept while
//! enumerating; ALL stops at its bound. Memory is that of the rides at both ends and of the answer.

use schema::{ArchivedCallRef, DatedLeg, Instant, LayoverPolicy, NetworkView, StationIdx};

use super::filter::Filter;
use super::frontier::Frontier;
use super::itinerary::{Itinerary, Window};
use super::network::Network;
use super::{Coverage, ITINERARIES_MAX, Query, TooMany};

/// The itineraries that the query asks for, in no order.
pub fn itineraries(network: &Network, query: &Query) -> Result<Vec<Itinerary>, TooMany> {
    match query.coverage {
        Coverage::All => all(network, query),
        Coverage::Best => Ok(best(network, query)),
    }
}

fn all(network: &Network, query: &Query) -> Result<Vec<Itinerary>, TooMany> {
    let mut found = Vec::new();
    let enumeration = Enumeration::new(network, query);
    enumeration.run(Bounds::of(query.window), &mut |itinerary| {
        found.push(*itinerary);
        found.len() <= ITINERARIES_MAX
    });
    if found.len() > ITINERARIES_MAX { Err(TooMany) } else { Ok(found) }
}

/// An itinerary outside the window may dominate one in it: it leaves later, or arrives earlier. So
/// the window is searched first, and then what could dominate what was found.
fn best(network: &Network, query: &Query) -> Vec<Itinerary> {
    let mut frontier = Frontier::new(network.view());
    let enumeration = Enumeration::new(network, query);
    enumeration.run(Bounds::of(query.window), &mut |itinerary| {
        frontier.add(itinerary);
        true
    });
    let in_window = frontier.itineraries();
    let beyond = match query.window {
        Window::Departing { until, .. } => in_window
            .iter()
            .map(|it| it.arrival)
            .max()
            .map(|last| Bounds { departure: (until, last), arrival: (until, last) }),
        Window::Arriving { after, .. } => in_window
            .iter()
            .map(|it| it.departure)
            .min()
            .map(|first| Bounds { departure: (first, after), arrival: (first, after) }),
    };
    if let Some(bounds) = beyond {
        enumeration.run(bounds, &mut |itinerary| {
            frontier.add(itinerary);
            true
        });
    }
    let mut found = frontier.into_itineraries();
    found.retain(|it| query.window.contains(it.departure, it.arrival));
    found
}

/// First and last instant, both included, of departure and of arrival.
#[derive(Clone, Copy)]
struct Bounds {
    departure: (Instant, Instant),
    arrival: (Instant, Instant),
}

impl Bounds {
    const FIRST: Instant = Instant::MIN / 2;
    const LAST: Instant = Instant::MAX / 2;

    fn of(window: Window) -> Self {
        match window {
            Window::Departing { from, until } => {
                Self { departure: (from, until - 1), arrival: (from, Self::LAST) }
            }
            Window::Arriving { after, until } => {
                Self { departure: (Self::FIRST, until), arrival: (after + 1, until) }
            }
        }
    }

    /// The same, where an itinerary takes at most so many minutes.
    fn within(self, minutes_max: Instant) -> Self {
        let first_departure = self.departure.0.max(self.arrival.0 - minutes_max);
        let last_departure = self.departure.1.min(self.arrival.1);
        let first_arrival = self.arrival.0.max(self.departure.0);
        let last_arrival = self.arrival.1.min(self.departure.1 + minutes_max);
        Self {
            departure: (first_departure, last_departure),
            arrival: (first_arrival, last_arrival),
        }
    }

    fn contain(self, itinerary: &Itinerary) -> bool {
        let within = |(first, last), at| at >= first && at <= last;
        within(self.departure, itinerary.departure) && within(self.arrival, itinerary.arrival)
    }
}

type Visit<'v> = &'v mut dyn FnMut(&Itinerary) -> bool;

struct Enumeration<'q> {
    network: &'q Network,
    view: NetworkView<'q>,
    query: &'q Query,
    policy: LayoverPolicy,
    transfer_minutes_min: i32,
}

/// The rides into the destination, per station at which they begin, by departure.
struct LastLegs {
    starts: Vec<u32>,
    legs: Vec<(Instant, DatedLeg)>,
}

impl LastLegs {
    fn of(stations: usize, mut rides: Vec<(StationIdx, Instant, DatedLeg)>) -> Self {
        rides.sort_unstable_by_key(|(from, departure, leg)| (*from, *departure, *leg));
        let mut starts = vec![0; stations + 1];
        for (from, ..) in &rides {
            starts[from.at() + 1] += 1;
        }
        for at in 0..stations {
            starts[at + 1] += starts[at];
        }
        let legs = rides.into_iter().map(|(_, departure, leg)| (departure, leg)).collect();
        Self { starts, legs }
    }

    fn from(&self, station: StationIdx) -> &[(Instant, DatedLeg)] {
        &self.legs[self.starts[station.at()] as usize..self.starts[station.at() + 1] as usize]
    }
}

impl<'q> Enumeration<'q> {
    fn new(network: &'q Network, query: &'q Query) -> Self {
        let view = network.view();
        let policy = query.filter.policy(view);
        let asked = query.filter.transfer_minutes_min.unwrap_or(0);
        let transfer_minutes_min = asked.max(policy.shortest());
        Self { network, view, query, policy, transfer_minutes_min }
    }

    /// Visits every feasible itinerary within the bounds that satisfies the filter, until the
    /// visitor says no.
    fn run(&self, bounds: Bounds, visit: Visit<'_>) {
        let longest = self.view.duration_minutes_max();
        let longest = longest.min(self.filter().minutes_max.unwrap_or(longest));
        if !self.direct(bounds, visit) || self.filter().stops() == 0 {
            return;
        }
        let bounds = bounds.within(longest);
        let mut firsts = Vec::new();
        self.rides_from(self.query.origin, bounds.departure, &mut |leg| {
            firsts.push(leg);
        });
        if firsts.is_empty() {
            return;
        }
        let lasts = self.last_legs(bounds);
        for first in firsts {
            let to = self.view.to(first);
            if to == self.query.destination {
                continue;
            }
            let latest = (self.view.departure(first) + longest).min(bounds.arrival.1);
            let chain = Chain { first, latest, bounds };
            if !self.one_stop(&chain, &lasts, visit)
                || (self.filter().stops() > 1 && !self.two_stop(&chain, &lasts, visit))
            {
                return;
            }
        }
    }

    fn filter(&self) -> &Filter {
        &self.query.filter
    }

    /// Direct trains have no limit of duration, so they are looked up from the end that has bounds.
    fn direct(&self, bounds: Bounds, visit: Visit<'_>) -> bool {
        let mut goes_on = true;
        let (origin, destination) = (self.query.origin, self.query.destination);
        let mut offer = |leg: DatedLeg| {
            if goes_on && self.view.from(leg) == origin && self.view.to(leg) == destination {
                goes_on = self.visit_if_allowed(bounds, &[leg], visit);
            }
        };
        if bounds.departure.0 > Bounds::FIRST {
            self.rides_from(origin, bounds.departure, &mut offer);
        } else {
            self.rides_into(destination, bounds.arrival, &mut offer);
        }
        goes_on
    }

    fn one_stop(&self, chain: &Chain, lasts: &LastLegs, visit: Visit<'_>) -> bool {
        self.changes(chain.first, &mut |station, earliest| {
            if station == self.query.origin {
                return true;
            }
            for leg in self.boardable(lasts, station, chain.first, earliest, chain.latest) {
                if !self.visit_if_allowed(chain.bounds, &[chain.first, leg], visit) {
                    return false;
                }
            }
            true
        })
    }

    fn two_stop(&self, chain: &Chain, lasts: &LastLegs, visit: Visit<'_>) -> bool {
        let (origin, destination) = (self.query.origin, self.query.destination);
        let first_to = self.view.to(chain.first);
        self.changes(chain.first, &mut |board_at, earliest| {
            if board_at == origin {
                return true;
            }
            let latest = chain.latest.min(self.latest_boarding(chain.first));
            let mut goes_on = true;
            self.rides_from(board_at, (earliest, latest), &mut |middle| {
                let to = self.view.to(middle);
                if !goes_on
                    || same_train(chain.first, middle)
                    || !self.layover_allowed(chain.first, middle)
                    || to == first_to
                    || to == destination
                {
                    return;
                }
                goes_on = self.changes(middle, &mut |station, earliest| {
                    if station == origin || station == board_at {
                        return true;
                    }
                    for leg in self.boardable(lasts, station, middle, earliest, chain.latest) {
                        let legs = [chain.first, middle, leg];
                        if !self.visit_if_allowed(chain.bounds, &legs, visit) {
                            return false;
                        }
                    }
                    true
                });
            });
            goes_on
        })
    }

    fn visit_if_allowed(&self, bounds: Bounds, legs: &[DatedLeg], visit: Visit<'_>) -> bool {
        let itinerary = Itinerary::of(self.view, legs);
        let wanted = bounds.contain(&itinerary) && self.filter().allows(self.view, &itinerary);
        !wanted || visit(&itinerary)
    }

    /// The stations at which one can board after a leg, each with the earliest instant of it.
    fn changes(&self, leg: DatedLeg, at: &mut dyn FnMut(StationIdx, Instant) -> bool) -> bool {
        let (station, arrival) = (self.view.to(leg), self.view.arrival(leg));
        let earliest = |minutes: i32| arrival + minutes.max(self.transfer_minutes_min);
        at(station, earliest(self.view.transfer_minutes_min(station)))
            && self.view.footpaths_from(station).iter().all(|path| {
                let minutes = i32::from(path.minutes.to_native());
                at(StationIdx(path.to.0.to_native()), earliest(minutes))
            })
    }

    /// The last instant at which the layover policy may still let one board after this leg.
    fn latest_boarding(&self, leg: DatedLeg) -> Instant {
        self.view.arrival(leg).saturating_add(self.policy.longest(true))
    }

    fn layover_allowed(&self, before: DatedLeg, after: DatedLeg) -> bool {
        if self.policy == LayoverPolicy::None {
            return true;
        }
        let arrival = self.view.arrival(before);
        let zone = self.network.zone(self.view.to(before));
        let begins = schema::local_minute_of_day(zone, arrival);
        self.policy.allows(self.view.departure(after) - arrival, begins)
    }

    fn boardable<'l>(
        &'l self,
        lasts: &'l LastLegs,
        station: StationIdx,
        before: DatedLeg,
        earliest: Instant,
        latest: Instant,
    ) -> impl Iterator<Item = DatedLeg> + 'l {
        let legs = lasts.from(station);
        let start = legs.partition_point(|(departure, _)| *departure < earliest);
        let end = latest.min(self.latest_boarding(before));
        legs[start..]
            .iter()
            .take_while(move |(departure, _)| *departure <= end)
            .map(|(_, leg)| *leg)
            .filter(move |leg| {
                self.view.arrival(*leg) <= latest
                    && !same_train(before, *leg)
                    && self.layover_allowed(before, *leg)
            })
    }

    fn last_legs(&self, bounds: Bounds) -> LastLegs {
        let view = self.view;
        let mut rides = Vec::new();
        self.rides_into(self.query.destination, bounds.arrival, &mut |leg| {
            let departure = view.departure(leg);
            if view.from(leg) != self.query.origin && departure >= bounds.departure.0 {
                rides.push((view.from(leg), departure, leg));
            }
        });
        LastLegs::of(view.station_count(), rides)
    }

    /// Every ride that leaves a station from the first to the last instant.
    fn rides_from(
        &self,
        station: StationIdx,
        (first, last): (Instant, Instant),
        ride: &mut dyn FnMut(DatedLeg),
    ) {
        let view = self.view;
        let minute = |at: &ArchivedCallRef| i32::from(call(view, at).departure.to_native());
        let boardings = view.boardings(station);
        self.runs(boardings, minute, (first, last), &mut |at, day| {
            let journey = schema::JourneyIdx(at.journey.0.to_native());
            let board = at.call.to_native();
            let calls = view.calls(journey);
            for alight in board + 1..calls.len() as u16 {
                if calls[alight as usize].may().alighting() {
                    ride(DatedLeg { journey, day, board, alight });
                }
            }
        });
    }

    /// Every ride that reaches a station from the first to the last instant.
    fn rides_into(
        &self,
        station: StationIdx,
        (first, last): (Instant, Instant),
        ride: &mut dyn FnMut(DatedLeg),
    ) {
        let view = self.view;
        let minute = |at: &ArchivedCallRef| i32::from(call(view, at).arrival.to_native());
        let alightings = view.alightings(station);
        self.runs(alightings, minute, (first, last), &mut |at, day| {
            let journey = schema::JourneyIdx(at.journey.0.to_native());
            let alight = at.call.to_native();
            let calls = view.calls(journey);
            for board in 0..alight {
                if calls[board as usize].may().boarding() {
                    ride(DatedLeg { journey, day, board, alight });
                }
            }
        });
    }

    /// The runs, on their dates, whose minute at a call lies from the first to the last instant.
    /// The calls are sorted by that minute.
    fn runs(
        &self,
        calls: &'q [ArchivedCallRef],
        minute: impl Fn(&ArchivedCallRef) -> i32,
        (first, last): (Instant, Instant),
        run: &mut dyn FnMut(&ArchivedCallRef, i32),
    ) {
        let (Some(morning), Some(evening)) = (calls.first(), calls.last()) else {
            return;
        };
        let view = self.view;
        // A day's origin lies within a day of its place on an axis of equal days.
        let epoch = i64::from(view.origin(0));
        let day = |instant: i64| (instant - epoch).div_euclid(1440);
        let axis = view.axis_days() as i64 - 1;
        let from = day(i64::from(first) - i64::from(minute(evening)) - 1440).clamp(0, axis + 1);
        let to = day(i64::from(last) - i64::from(minute(morning)) + 1440).clamp(-1, axis);
        for day in from as i32..=to as i32 {
            let origin = view.origin(day);
            let start = calls.partition_point(|at| origin + minute(at) < first);
            for at in &calls[start..] {
                if origin + minute(at) > last {
                    break;
                }
                let journey = schema::JourneyIdx(at.journey.0.to_native());
                if view.runs(journey, day) && self.filter().allows_journey(view, journey) {
                    run(at, day);
                }
            }
        }
    }
}

/// The first leg of a chain, the last instant at which the chain may end, and the bounds it is
/// searched in.
struct Chain {
    first: DatedLeg,
    latest: Instant,
    bounds: Bounds,
}

fn same_train(left: DatedLeg, right: DatedLeg) -> bool {
    left.journey == right.journey && left.day == right.day
}

fn call<'n>(view: NetworkView<'n>, at: &ArchivedCallRef) -> &'n schema::ArchivedCall {
    &view.calls(schema::JourneyIdx(at.journey.0.to_native()))[at.call.to_native() as usize]
}
