//! The rkyv types of the payload: plain integers, texts and sorted vectors.
//!
//! [`verify`](crate::verify) states what must hold between them;
//! [`NetworkView`](crate::NetworkView) is how they are read.

use rkyv::{Archive, Deserialize, Serialize};

use crate::{DaySetIdx, JourneyIdx, StationIdx, TextIdx, Transfers};

/// Says "none" in a field of 32 bits: no price, no text, no fare table.
pub const NONE: u32 = u32::MAX;

/// A price in hundredths of the network's currency, or [`NONE`].
pub type PriceCents = u32;

/// A whole timetable with its connection tables.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct Network {
    /// The dates and the zone.
    pub period: Period,
    /// Limits on transfers.
    pub transfers: Transfers,
    /// ISO 4217 code of all prices.
    pub currency: String,
    /// Interned texts, sorted.
    pub texts: Vec<String>,
    /// By [`StationIdx`], sorted by key.
    pub stations: Vec<Station>,
    /// Timetabled footpaths, sorted by (from, to).
    pub footpaths: Vec<Footpath>,
    /// By [`JourneyIdx`]; their order is the order of leg ids where two itineraries are equal.
    pub journeys: Vec<ServiceJourney>,
    /// The calls of all journeys, one journey after the other.
    pub calls: Vec<Call>,
    /// Fare tables: for a journey of n calls, n(n-1)/2 fares, that of the ride from call `b` to
    /// call `a` at `a(a-1)/2 + b`. Journeys with equal fares share one.
    pub fares: Vec<Fare>,
    /// What each journey is called in the source, sorted by (journey, days); of one journey and
    /// date there is one.
    pub sources: Vec<Source>,
    /// Positions in `sources`, sorted by (id, journey).
    pub sources_by_id: Vec<u32>,
    /// Interned sets of days, each of [`days::words`](crate::days::words) words.
    pub day_sets: Vec<u64>,
    /// Per station and one more: where its boardings begin.
    pub boarding_starts: Vec<u32>,
    /// The calls at which a journey may be boarded, per station sorted by departure.
    pub boardings: Vec<CallRef>,
    /// Per station and one more: where its alightings begin.
    pub alighting_starts: Vec<u32>,
    /// The calls at which a journey may be alighted from, per station sorted by arrival.
    pub alightings: Vec<CallRef>,
    /// Per origin and one more: where its pairs begin.
    pub pair_starts: Vec<u32>,
    /// Station pairs with a connection, per origin sorted by destination, and one more at the end.
    pub pairs: Vec<Pair>,
    /// The direct table, per pair sorted by departure.
    pub direct: Vec<DirectRow>,
    /// The one-stop table, per pair sorted by departure.
    pub one_stop: Vec<OneStopRow>,
    /// The two-stop table, per pair sorted by departure.
    pub two_stop: Vec<TwoStopRow>,
}

/// The dates and the zone of a network.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct Period {
    /// IANA name of the zone that service dates are of.
    pub zone: TextIdx,
    /// First date of the day axis, in days since 1970-01-01.
    pub axis_first: i32,
    /// Dates on the day axis.
    pub axis_days: u32,
    /// First service date, in days since 1970-01-01.
    pub first: i32,
    /// Last service date, in days since 1970-01-01.
    pub last: i32,
    /// The [`Instant`](crate::Instant) from which each date's minutes count; begins
    /// [`PackedLeg::SHIFT_MAX`] dates before the axis and ends as many after it.
    pub origins: Vec<i32>,
    /// The longest time, in minutes, from the departure to the arrival of a row of the tables.
    pub row_minutes_max: u32,
}

/// A place to board, as sold.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct Station {
    /// Its id in the source; unique.
    pub key: String,
    /// Its name as published.
    pub name: String,
    /// Other names it is known by, sorted.
    pub aliases: Vec<String>,
    /// ISO 3166-1 alpha-2 code, or [`NONE`].
    pub country: u32,
    /// IANA name of its zone.
    pub zone: TextIdx,
    /// Its place, where known.
    pub position: Option<Position>,
    /// Minimum transfer time in minutes.
    pub transfer_minutes_min: u16,
}

/// A place on the earth (WGS 84).
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct Position {
    /// Degrees north × 10⁶.
    pub latitude_e6: i32,
    /// Degrees east × 10⁶.
    pub longitude_e6: i32,
}

/// A timetabled way between two stations.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct Footpath {
    /// Where the walk begins.
    pub from: StationIdx,
    /// Where it ends.
    pub to: StationIdx,
    /// Minutes from arrival to departure that it needs.
    pub minutes: u16,
}

/// One train as timetabled.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct ServiceJourney {
    /// Its first call in the network's calls.
    pub calls_start: u32,
    /// How many calls it has, at least two.
    pub calls_len: u16,
    /// Its train type.
    pub train_type: TextIdx,
    /// Its public number, or [`NONE`].
    pub number: u32,
    /// Who runs it, or [`NONE`].
    pub operator: u32,
    /// The service dates on which it runs.
    pub days: DaySetIdx,
    /// Where its fare table begins in the network's fares, or [`NONE`].
    pub fares_start: u32,
}

/// A stop of a journey. Minutes count from the service date's origin.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct Call {
    /// Where it stops.
    pub station: StationIdx,
    /// Minute of arrival.
    pub arrival: i16,
    /// Minute of departure.
    pub departure: i16,
    /// What passengers may do.
    pub flags: CallFlags,
}

/// What passengers may do at a call: bit 0 board, bit 1 alight.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct CallFlags(pub u8);

impl CallFlags {
    /// Boarding and alighting as said.
    pub const fn new(boarding: bool, alighting: bool) -> Self {
        Self(boarding as u8 | (alighting as u8) << 1)
    }

    /// Whether one may board.
    pub const fn boarding(self) -> bool {
        self.0 & 1 != 0
    }

    /// Whether one may alight.
    pub const fn alighting(self) -> bool {
        self.0 & 2 != 0
    }
}

/// The prices of a ride in both classes.
#[derive(
    Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy, Hash, PartialOrd, Ord,
)]
pub struct Fare {
    /// In first class, or [`NONE`].
    pub first: PriceCents,
    /// In second class, or [`NONE`].
    pub second: PriceCents,
}

impl Fare {
    /// A ride without a fare.
    pub const MISSING: Self = Self { first: NONE, second: NONE };

    /// A ride that costs nothing, to add others to.
    pub const ZERO: Self = Self { first: 0, second: 0 };

    /// The fare of both rides; a class that one of them lacks is missing in the sum.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        const fn sum(left: PriceCents, right: PriceCents) -> PriceCents {
            if left == NONE || right == NONE { NONE } else { left.saturating_add(right) }
        }
        Self { first: sum(self.first, other.first), second: sum(self.second, other.second) }
    }

    /// Whether it costs no more in either class. A missing price is no more than a missing one, and
    /// neither more nor less than a price.
    pub const fn costs_no_more_than(self, other: Self) -> bool {
        const fn no_more(left: PriceCents, right: PriceCents) -> bool {
            if left == NONE || right == NONE { left == right } else { left <= right }
        }
        no_more(self.first, other.first) && no_more(self.second, other.second)
    }
}

/// The days on which a journey is known by an id.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq)]
pub struct Source {
    /// The journey.
    pub journey: JourneyIdx,
    /// The service dates.
    pub days: DaySetIdx,
    /// The id in the source: the CSV's Route ID, the GTFS trip_id.
    pub id: String,
}

/// A call of a journey.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct CallRef {
    /// The journey.
    pub journey: JourneyIdx,
    /// Which of its calls, from 0.
    pub call: u16,
}

/// Where the rows of a station pair begin in each table; they end where the next pair's begin.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct Pair {
    /// The destination.
    pub destination: StationIdx,
    /// First row of the direct table.
    pub direct: u32,
    /// First row of the one-stop table.
    pub one_stop: u32,
    /// First row of the two-stop table.
    pub two_stop: u32,
}

/// A ride as a table row has it, in 8 bytes.
#[derive(
    Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord, Hash,
)]
pub struct PackedLeg {
    /// The journey in the upper 27 bits; below it, how many dates the service date comes after the
    /// departure day, plus 16.
    journey_and_shift: u32,
    /// The call at which it is boarded.
    board: u16,
    /// The call at which it is left.
    alight: u16,
}

/// A ride of an undated connection.
#[derive(Debug, PartialEq, Eq, Clone, Copy, PartialOrd, Ord, Hash)]
pub struct Leg {
    /// The journey.
    pub journey: JourneyIdx,
    /// How many dates the service date comes after the departure day.
    pub shift: i32,
    /// The call at which it is boarded.
    pub board: u16,
    /// The call at which it is left.
    pub alight: u16,
}

impl PackedLeg {
    /// The furthest that a service date may be from the departure day, either way.
    pub const SHIFT_MAX: i32 = 15;

    /// Packs a leg. None where the journey's index or the shift does not fit.
    pub fn pack(leg: Leg) -> Option<Self> {
        let fits = leg.journey.0 < 1 << 27 && leg.shift.abs() <= Self::SHIFT_MAX;
        fits.then(|| Self {
            journey_and_shift: leg.journey.0 << 5 | (leg.shift + 16) as u32,
            board: leg.board,
            alight: leg.alight,
        })
    }
}

impl ArchivedPackedLeg {
    /// The leg that was packed.
    #[inline]
    pub fn unpack(&self) -> Leg {
        let packed = self.journey_and_shift.to_native();
        Leg {
            journey: JourneyIdx(packed >> 5),
            shift: (packed & 31) as i32 - 16,
            board: self.board.to_native(),
            alight: self.alight.to_native(),
        }
    }
}

/// A direct connection and the departure days on which it is best. 12 bytes.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct DirectRow {
    /// The days.
    pub days: DaySetIdx,
    /// Its ride.
    pub legs: [PackedLeg; 1],
}

/// A one-stop connection and the departure days on which it is best. 20 bytes.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct OneStopRow {
    /// The days.
    pub days: DaySetIdx,
    /// Its rides.
    pub legs: [PackedLeg; 2],
}

/// A two-stop connection and the departure days on which it is best. 28 bytes.
#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Eq, Clone, Copy)]
pub struct TwoStopRow {
    /// The days.
    pub days: DaySetIdx,
    /// Its rides.
    pub legs: [PackedLeg; 3],
}

const _: () = {
    assert!(size_of::<ArchivedDirectRow>() == 12);
    assert!(size_of::<ArchivedOneStopRow>() == 20);
    assert!(size_of::<ArchivedTwoStopRow>() == 28);
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_survives_packing() {
        for shift in [-15, -1, 0, 2, 15] {
            let leg = Leg { journey: JourneyIdx((1 << 27) - 1), shift, board: 3, alight: u16::MAX };
            let bytes = rkyv::to_bytes::<rkyv::rancor::Error>(
                &PackedLeg::pack(leg).expect("a leg within the limits"),
            )
            .expect("bytes");
            let archived = rkyv::access::<ArchivedPackedLeg, rkyv::rancor::Error>(&bytes);
            assert_eq!(archived.expect("the same bytes").unpack(), leg);
        }
        let far = Leg { journey: JourneyIdx(0), shift: 16, board: 0, alight: 1 };
        assert_eq!(PackedLeg::pack(far), None);
    }

    #[test]
    fn a_missing_price_is_neither_more_nor_less() {
        let fare = |first, second| Fare { first, second };
        assert!(fare(1, 2).costs_no_more_than(fare(1, 2)));
        assert!(fare(NONE, 2).costs_no_more_than(fare(NONE, 3)));
        assert!(!fare(NONE, 2).costs_no_more_than(fare(9, 2)));
        assert!(!fare(9, 2).costs_no_more_than(fare(NONE, 2)));
        assert_eq!(fare(1, NONE).plus(fare(2, 3)), fare(3, NONE));
    }
}
