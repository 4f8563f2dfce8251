//! Itinerary ids: they name the legs and dates in the source's own words, so that a recompilation
//! that leaves these trains alone leaves the ids alone too.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{Datelike, NaiveDate};
use schema::{DatedLeg, JourneyIdx, StationIdx};

use super::itinerary::Itinerary;
use super::network::Network;

/// What begins every id, before it is encoded.
const KIND: &str = "Itinerary";
/// Separates parts; control characters do not occur in ids and keys that a compiler lets pass.
const LEG: char = '\u{1e}';
const PART: char = '\u{1f}';

/// One to three legs by what the source calls them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItineraryId {
    legs: Vec<LegId>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct LegId {
    source: String,
    date: NaiveDate,
    from: String,
    to: String,
    /// Which of the rides between these stations it is, for a train that calls there repeatedly.
    nth: usize,
}

/// A text that is no itinerary id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the id of an itinerary")]
pub struct MalformedId;

impl ItineraryId {
    /// The id that a caller sent.
    ///
    /// # Errors
    ///
    /// Where it is none.
    pub fn decode(text: &str) -> Result<Self, MalformedId> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| MalformedId)?;
        let text = String::from_utf8(bytes).map_err(|_| MalformedId)?;
        let mut parts = text.split(LEG);
        if parts.next() != Some(KIND) {
            return Err(MalformedId);
        }
        let legs = parts.map(leg_id).collect::<Option<Vec<_>>>().ok_or(MalformedId)?;
        let length = 1..=schema::MAX_STOPS + 1;
        if length.contains(&legs.len()) { Ok(Self { legs }) } else { Err(MalformedId) }
    }

    /// The itinerary in this network; None where one of its trains does not run as named, or where
    /// they are no feasible chain.
    pub fn find(&self, network: &Network) -> Option<Itinerary> {
        let view = network.view();
        let legs = self.legs.iter().map(|leg| leg.find(network)).collect::<Option<Vec<_>>>()?;
        let itinerary = Itinerary::of(view, &legs);
        let joined = legs.windows(2).all(|two| may_change(network, two[0], two[1]));
        let distinct = (0..legs.len()).all(|at| {
            legs[..at].iter().all(|before| {
                view.from(*before) != view.from(legs[at]) && view.to(*before) != view.to(legs[at])
            })
        });
        let ends = view.from(legs[0]) != view.to(legs[legs.len() - 1]);
        let short = legs.len() == 1 || itinerary.minutes() <= view.duration_minutes_max();
        (joined && distinct && ends && short).then_some(itinerary)
    }
}

/// The id of an itinerary, before it is encoded in base64.
pub fn push_itinerary_id(network: &Network, itinerary: &Itinerary, text: &mut String) {
    let view = network.view();
    text.push_str(KIND);
    for leg in itinerary.legs.iter() {
        let (from, to) = (view.from(*leg), view.to(*leg));
        let mut all = rides(network, leg.journey, from, to);
        let nth = all.position(|calls| calls == (leg.board, leg.alight)).unwrap_or(0);
        let date = view.date_of(leg.day);
        let (source, from, to) =
            (view.source_id(leg.journey, leg.day), &view.station(from).key, &view.station(to).key);
        let date = date.year() * 10_000 + (date.month() * 100 + date.day()) as i32;
        // Writing to a string cannot fail.
        let _ = write!(text, "{LEG}{source}{PART}{date:08}{PART}{from}{PART}{to}{PART}{nth}");
    }
}

impl LegId {
    fn find(&self, network: &Network) -> Option<DatedLeg> {
        let view = network.view();
        let (from, to) = (view.station_by_key(&self.from)?, view.station_by_key(&self.to)?);
        let day = view.day_of(self.date);
        let journey = view
            .sources_by_id(&self.source)
            .find(|source| view.in_day_set(schema::DaySetIdx(source.days.0.to_native()), day))?
            .journey
            .0
            .to_native();
        let journey = JourneyIdx(journey);
        let (board, alight) = rides(network, journey, from, to).nth(self.nth)?;
        Some(DatedLeg { journey, day, board, alight })
    }
}

fn leg_id(text: &str) -> Option<LegId> {
    let mut parts = text.split(PART);
    let mut part = || parts.next();
    let (source, date, from, to, nth) = (part()?, part()?, part()?, part()?, part()?);
    if part().is_some() {
        return None;
    }
    Some(LegId {
        source: source.to_owned(),
        date: NaiveDate::parse_from_str(date, "%Y%m%d").ok()?,
        from: from.to_owned(),
        to: to.to_owned(),
        nth: nth.parse().ok()?,
    })
}

/// What has become of a ride that is known by what the source calls its train.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RideNow {
    /// The date is none of the network's, which has nothing to say of it.
    OtherPeriod,
    /// There is no such train on this date.
    Gone,
    /// The train runs, and not from the one station to the other.
    Elsewhere,
    /// Where the train is boarded and left, in its order; more than one where it calls repeatedly.
    Runs(Vec<DatedLeg>),
}

/// Looks a ride up by its train's id in the source, its service date and the keys of its stations.
pub fn ride_now(
    network: &Network,
    source: &str,
    date: NaiveDate,
    (from, to): (&str, &str),
) -> RideNow {
    let view = network.view();
    let (first, last) = view.period();
    if date < first || date > last {
        return RideNow::OtherPeriod;
    }
    let day = view.day_of(date);
    let runs = |source: &&schema::ArchivedSource| {
        view.in_day_set(schema::DaySetIdx(source.days.0.to_native()), day)
    };
    let Some(source) = view.sources_by_id(source).find(runs) else {
        return RideNow::Gone;
    };
    let journey = JourneyIdx(source.journey.0.to_native());
    let (Some(from), Some(to)) = (view.station_by_key(from), view.station_by_key(to)) else {
        return RideNow::Elsewhere;
    };
    let legs = rides(network, journey, from, to);
    let legs: Vec<_> =
        legs.map(|(board, alight)| DatedLeg { journey, day, board, alight }).collect();
    if legs.is_empty() { RideNow::Elsewhere } else { RideNow::Runs(legs) }
}

/// The rides of a journey from one station to another, as pairs of calls.
fn rides(
    network: &Network,
    journey: JourneyIdx,
    from: StationIdx,
    to: StationIdx,
) -> impl Iterator<Item = (u16, u16)> {
    let calls = network.view().calls(journey);
    let at = move |call: u16| &calls[call as usize];
    let len = calls.len() as u16;
    (0..len)
        .filter(move |board| at(*board).station.0 == from.0 && at(*board).may().boarding())
        .flat_map(move |board| {
            (board + 1..len)
                .filter(move |alight| {
                    at(*alight).station.0 == to.0 && at(*alight).may().alighting()
                })
                .map(move |alight| (board, alight))
        })
}

fn may_change(network: &Network, before: DatedLeg, after: DatedLeg) -> bool {
    let view = network.view();
    let (station, next) = (view.to(before), view.from(after));
    let needed = if station == next {
        Some(view.transfer_minutes_min(station))
    } else {
        let path = view.footpaths_from(station).iter().find(|path| path.to.0 == next.0);
        path.map(|path| i32::from(path.minutes.to_native()))
    };
    let same_train = before.journey == after.journey && before.day == after.day;
    let minutes = view.departure(after) - view.arrival(before);
    !same_train && needed.is_some_and(|needed| minutes >= needed)
}
