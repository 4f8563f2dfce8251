//! The rides of allowed trains, on their dates, from and into a station, and the rule of a change.

use schema::{
    ArchivedCall, ArchivedCallRef, DatedLeg, Instant, JourneyIdx, LayoverPolicy, NetworkView,
    StationIdx,
};

use crate::search::Query;
use crate::search::filter::Trains;
use crate::search::network::Network;
use crate::search::runs::runs;

/// What a query may ride, and how it may change.
pub struct Rides<'q> {
    /// The network's tables.
    pub view: NetworkView<'q>,
    network: &'q Network,
    trains: Trains,
    policy: LayoverPolicy,
    transfer_minutes_min: i32,
}

impl<'q> Rides<'q> {
    /// Those that the query allows.
    pub fn of(network: &'q Network, query: &Query) -> Self {
        let view = network.view();
        let policy = query.filter.policy(view);
        let asked = query.filter.transfer_minutes_min.unwrap_or(0);
        Self {
            view,
            network,
            trains: query.filter.trains(view),
            policy,
            transfer_minutes_min: asked.max(policy.shortest()),
        }
    }

    /// Whether a leg may ride this journey.
    pub fn allows(&self, journey: JourneyIdx) -> bool {
        self.trains.allow(self.view, journey)
    }

    /// The stations at which one can board after alighting at one, each with the minutes that the
    /// change needs.
    pub fn changes_from(&self, station: StationIdx) -> impl Iterator<Item = (StationIdx, i32)> {
        let paths = self.view.footpaths_from(station).iter().map(|path| {
            let to = StationIdx(path.to.0.to_native());
            (to, self.needed(i32::from(path.minutes.to_native())))
        });
        std::iter::once((station, self.own(station))).chain(paths)
    }

    /// The stations at which one can alight before boarding at one, each with the minutes that the
    /// change needs.
    pub fn changes_into(&self, station: StationIdx) -> impl Iterator<Item = (StationIdx, i32)> {
        let paths = self.network.footpaths_into(station).iter();
        let paths = paths.map(|(from, minutes)| (*from, self.needed(i32::from(*minutes))));
        std::iter::once((station, self.own(station))).chain(paths)
    }

    fn own(&self, station: StationIdx) -> i32 {
        self.needed(self.view.transfer_minutes_min(station))
    }

    fn needed(&self, minutes: i32) -> i32 {
        minutes.max(self.transfer_minutes_min)
    }

    /// The longest layover that the policy allows by day.
    pub const fn layover_minutes_max(&self) -> i32 {
        self.policy.longest(true)
    }

    /// Whether the layover policy allows to alight from the one and board the other.
    pub fn layover_allowed(&self, before: DatedLeg, after: DatedLeg) -> bool {
        if self.policy == LayoverPolicy::None {
            return true;
        }
        let arrival = self.view.arrival(before);
        let zone = self.network.zone(self.view.to(before));
        let begins = schema::local_minute_of_day(zone, arrival);
        self.policy.allows(self.view.departure(after) - arrival, begins)
    }

    /// Every ride that leaves a station from the first to the last instant.
    pub fn from(
        &self,
        station: StationIdx,
        times: (Instant, Instant),
        ride: &mut dyn FnMut(DatedLeg),
    ) {
        let minute = |call: &ArchivedCall| i32::from(call.departure.to_native());
        self.runs(self.view.boardings(station), minute, times, &mut |at, day| {
            let journey = JourneyIdx(at.journey.0.to_native());
            let board = at.call.to_native();
            let calls = self.view.calls(journey);
            for alight in board + 1..calls.len() as u16 {
                if calls[alight as usize].may().alighting() {
                    ride(DatedLeg { journey, day, board, alight });
                }
            }
        });
    }

    /// Every ride that reaches a station from the first to the last instant.
    pub fn into(
        &self,
        station: StationIdx,
        times: (Instant, Instant),
        ride: &mut dyn FnMut(DatedLeg),
    ) {
        let minute = |call: &ArchivedCall| i32::from(call.arrival.to_native());
        self.runs(self.view.alightings(station), minute, times, &mut |at, day| {
            let journey = JourneyIdx(at.journey.0.to_native());
            let alight = at.call.to_native();
            let calls = self.view.calls(journey);
            for board in 0..alight {
                if calls[board as usize].may().boarding() {
                    ride(DatedLeg { journey, day, board, alight });
                }
            }
        });
    }

    fn runs(
        &self,
        calls: &[ArchivedCallRef],
        minute: impl Fn(&ArchivedCall) -> i32,
        times: (Instant, Instant),
        run: &mut dyn FnMut(&ArchivedCallRef, i32),
    ) {
        runs(self.view, calls, minute, times, |journey| self.allows(journey), run);
    }
}

/// Whether two legs ride the same run.
pub fn same_train(left: DatedLeg, right: DatedLeg) -> bool {
    left.journey == right.journey && left.day == right.day
}
