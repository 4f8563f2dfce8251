//! Itineraries with one stop and with two: the rides at both ends, joined at a station or by a
//! third train.
//!
//! Whatever is joined is looked at from its best side first: the latest departure that leads there,
//! the earliest arrival that follows, the lowest fares. Where that is hopeless, all of it is passed
//! over.

use schema::{ArchivedCall, DatedLeg, Fare, Instant, JourneyIdx, NetworkView, StationIdx};

use super::Bounds;
use super::ends::{Bound, End, Ends, Part};
use super::fares::Fares;
use super::found::{Found, Outlook};
use super::rides::{Rides, same_train};
use crate::search::Query;
use crate::search::filter::Via;
use crate::search::itinerary::{FareClass, Itinerary};
use crate::search::runs::days;

/// The rides at both ends.
pub struct Joins<'s, 'n> {
    rides: &'s Rides<'n>,
    view: NetworkView<'n>,
    query: &'s Query,
    bounds: Bounds,
    /// Minutes from departure to arrival at most.
    longest: i32,
    /// All rides out of the origin, by departure.
    out: Vec<End>,
    firsts: Ends,
    lasts: Ends,
    /// What a ride between two others costs, of which nothing is known.
    middle_fares: Fares,
}

/// Where a run may be boarded after a first ride.
struct Boarding<'e> {
    call: u16,
    departure: Instant,
    firsts: Part<'e>,
    is_via: bool,
}

/// One leg or two that wait for a last one.
struct Chain<'c> {
    legs: &'c [DatedLeg],
    departure: Instant,
    arrival: Instant,
    fare: Fare,
}

impl<'s, 'n> Joins<'s, 'n> {
    /// Lists the rides at both ends.
    pub fn of(rides: &'s Rides<'n>, query: &'s Query, bounds: Bounds, longest: i32) -> Self {
        let out = Ends::out(rides, query, bounds);
        let firsts = Ends::firsts(rides, query, &out);
        let lasts = Ends::lasts(rides, query, bounds);
        let view = rides.view;
        let has_fares = !view.archived().fares.is_empty();
        let middle_fares = if has_fares { Fares::MIXED } else { Fares::of(Fare::MISSING) };
        Self { rides, view, query, bounds, longest, out, firsts, lasts, middle_fares }
    }

    /// Whether nothing of this kind is wanted.
    #[inline]
    fn is_hopeless(&self, outlook: Outlook, found: &Found<'_>) -> bool {
        outlook.arrival - outlook.departure > self.longest
            || self.query.filter.price_max.is_some_and(|(class, most)| match class {
                FareClass::First => outlook.fares.first.exceeds(most),
                FareClass::Second => outlook.fares.second.exceeds(most),
            })
            || found.excludes(outlook)
    }

    /// Joins first rides with last ones. False where no more is wanted.
    pub fn one_stop(&self, found: &mut Found<'n>) -> bool {
        self.out.iter().rev().all(|first| {
            let lasts = self.lasts.from(self.view.to(first.leg), first.arrival);
            let End { departure, arrival, fare, leg, .. } = *first;
            self.join_lasts(&Chain { legs: &[leg], departure, arrival, fare }, lasts, found)
        })
    }

    /// Adds a last leg to a chain in every way. False where no more is wanted.
    fn join_lasts(&self, chain: &Chain<'_>, lasts: Part<'_>, found: &mut Found<'n>) -> bool {
        let legs = chain.legs.len() + 1;
        let (fares, before) = (Fares::of(chain.fare), chain.legs[chain.legs.len() - 1]);
        let latest = chain.departure + self.longest;
        let boarding_last = chain.arrival.saturating_add(self.rides.layover_minutes_max());
        for (last, bound) in lasts.ends.iter().zip(lasts.bounds) {
            let Chain { departure, .. } = *chain;
            let fares = fares.and(bound.fares);
            let outlook = Outlook { departure, arrival: bound.time, legs, fares };
            if last.at > boarding_last || last.at > latest || self.is_hopeless(outlook, found) {
                break;
            }
            let follows = last.arrival <= latest
                && !same_train(before, last.leg)
                && self.rides.layover_allowed(before, last.leg)
                && (legs < 3 || self.view.from(last.leg) != self.view.from(before));
            if !follows {
                continue;
            }
            let mut all = [last.leg; 3];
            all[..legs - 1].copy_from_slice(chain.legs);
            let itinerary = Itinerary::of(self.view, &all[..legs]);
            let is_wanted =
                self.bounds.contain(&itinerary) && self.query.filter.allows(self.view, &itinerary);
            if is_wanted && !found.add(&itinerary) {
                return false;
            }
        }
        true
    }

    /// Joins first rides with last ones by every train between them.
    pub fn two_stop(&self, found: &mut Found<'n>) {
        if self.firsts.is_empty() || self.lasts.is_empty() {
            return;
        }
        let via = ViaCalls::of(self.rides, self.query.filter.via);
        let mut boardings = Vec::new();
        let times = self.middle_departures();
        for journey in self.view.journeys() {
            let calls = self.view.calls(journey);
            let Some(first) = self.first_boarding(calls) else { continue };
            if !self.rides.allows(journey) {
                continue;
            }
            let minute = |call: &ArchivedCall| i32::from(call.departure.to_native());
            let minutes = (minute(&calls[first]), minute(&calls[calls.len() - 1]));
            for day in days(self.view, minutes, times) {
                let origin = self.view.origin(day);
                let is_in_time = origin + minutes.1 + 1 >= times.0 && origin + minutes.0 <= times.1;
                if !is_in_time || !self.view.runs(journey, day) {
                    continue;
                }
                boardings.clear();
                if !self.ride(journey, day, first, &via, &mut boardings, found) {
                    return;
                }
            }
        }
    }

    /// The first and the last instant at which a train between two others can be boarded.
    fn middle_departures(&self) -> (Instant, Instant) {
        let arrivals = self.out.iter().map(|first| first.arrival);
        let first = arrivals.clone().min().unwrap_or(Bounds::LAST);
        let last = arrivals.max().unwrap_or(Bounds::FIRST);
        let latest = last.saturating_add(self.rides.layover_minutes_max());
        (first, latest.min(self.bounds.arrival.1))
    }

    /// The first call at which a train may be boarded after a first ride, where it calls later at a
    /// station from which a last ride leaves.
    #[inline]
    fn first_boarding(&self, calls: &[ArchivedCall]) -> Option<usize> {
        let station = |call: &ArchivedCall| StationIdx(call.station.0.to_native());
        let boards = |call: &ArchivedCall| call.may().boarding() && self.firsts.has(station(call));
        let alights = |call: &ArchivedCall| call.may().alighting() && self.lasts.has(station(call));
        let first = calls.iter().position(boards)?;
        calls[first + 1..].iter().any(alights).then_some(first)
    }

    /// Goes along a run, from the first call at which it may be boarded. False where no more is
    /// wanted.
    fn ride<'e>(
        &'e self,
        journey: JourneyIdx,
        day: i32,
        first: usize,
        via: &ViaCalls,
        boardings: &mut Vec<Boarding<'e>>,
        found: &mut Found<'n>,
    ) -> bool {
        let origin = self.view.origin(day);
        // Of the boardings so far, and of those of them that are via the station asked for.
        let (mut any, mut any_via): (Option<Bound>, Option<Bound>) = (None, None);
        for (at, call) in self.view.calls(journey).iter().enumerate().skip(first) {
            let station = StationIdx(call.station.0.to_native());
            let is_via = via.alights_at(station);
            let bound = if is_via { any } else { any_via };
            if let Some(bound) = bound
                && call.may().alighting()
                && self.lasts.has(station)
            {
                let arrival = origin + i32::from(call.arrival.to_native());
                let lasts = self.lasts.from(station, arrival);
                if self.is_worth_leaving(bound, lasts, found) {
                    let leg = DatedLeg { journey, day, board: 0, alight: at as u16 };
                    for boarding in boardings.iter().rev().filter(|it| is_via || it.is_via) {
                        if !self.join_firsts(boarding, leg, lasts, found) {
                            return false;
                        }
                    }
                }
            }
            if call.may().boarding() && self.firsts.has(station) {
                let departure = origin + i32::from(call.departure.to_native());
                let firsts = self.firsts.until(station, departure);
                let Some(bound) = firsts.bounds.last().copied() else { continue };
                let is_via = via.boards_at(station);
                any = Some(bound.or_later(any));
                any_via = if is_via { Some(bound.or_later(any_via)) } else { any_via };
                let call = at as u16;
                boardings.push(Boarding { call, departure, firsts, is_via });
            }
        }
        true
    }

    /// Whether to leave a train, for any of these last rides, is worth it after any of the first
    /// rides of this bound.
    #[inline]
    fn is_worth_leaving(&self, firsts: Bound, lasts: Part<'_>, found: &Found<'_>) -> bool {
        lasts.bounds.first().is_some_and(|lasts| {
            let fares = firsts.fares.and(self.middle_fares).and(lasts.fares);
            let (departure, arrival) = (firsts.time, lasts.time);
            !self.is_hopeless(Outlook { departure, arrival, legs: 3, fares }, found)
        })
    }

    /// Joins the first rides of a boarding with last rides by the run that both have to do with,
    /// which is left where `leg` ends. False where no more is wanted.
    fn join_firsts(
        &self,
        boarding: &Boarding<'_>,
        leg: DatedLeg,
        lasts: Part<'_>,
        found: &mut Found<'n>,
    ) -> bool {
        let view = self.view;
        let middle = DatedLeg { board: boarding.call, ..leg };
        let (arrival, to) = (view.arrival(middle), view.to(middle));
        let fare = view.fare(middle.journey, middle.board, middle.alight);
        let Some(end) = lasts.bounds.first() else { return true };
        let following = Fares::of(fare).and(end.fares);
        let longest_layover = self.rides.layover_minutes_max();
        let earliest =
            boarding.departure.saturating_sub(longest_layover).max(arrival - self.longest);
        for (first, bound) in boarding.firsts.ends.iter().zip(boarding.firsts.bounds).rev() {
            let fares = bound.fares.and(following);
            let outlook = Outlook { departure: bound.time, arrival: end.time, legs: 3, fares };
            if first.at < earliest || self.is_hopeless(outlook, found) {
                break;
            }
            let follows = first.departure + self.longest >= arrival
                && !same_train(first.leg, middle)
                && view.to(first.leg) != to
                && self.rides.layover_allowed(first.leg, middle);
            if !follows {
                continue;
            }
            let (legs, fare) = (&[first.leg, middle], first.fare.plus(fare));
            let chain = Chain { legs, departure: first.departure, arrival, fare };
            if !self.join_lasts(&chain, lasts, found) {
                return false;
            }
        }
        true
    }
}

/// Where a train between two others may be boarded and left so that the itinerary changes at a
/// station: there, or at the other end of a footpath. Everywhere, where no station is asked for.
struct ViaCalls {
    boards_at: Option<Vec<StationIdx>>,
    alights_at: Option<Vec<StationIdx>>,
}

impl ViaCalls {
    fn of(rides: &Rides<'_>, via: Option<Via>) -> Self {
        let boards_at = |Via(station)| rides.changes_from(station).map(|(it, _)| it).collect();
        let alights_at = |Via(station)| rides.changes_into(station).map(|(it, _)| it).collect();
        Self { boards_at: via.map(boards_at), alights_at: via.map(alights_at) }
    }

    fn boards_at(&self, station: StationIdx) -> bool {
        self.boards_at.as_ref().is_none_or(|all| all.contains(&station))
    }

    fn alights_at(&self, station: StationIdx) -> bool {
        self.alights_at.as_ref().is_none_or(|all| all.contains(&station))
    }
}
