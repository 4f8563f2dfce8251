//! What is offered and what was booked: copies of the timetable, never indices into it.

use std::fmt;

use chrono::{DateTime, Days, FixedOffset, LocalResult, NaiveDate, NaiveTime, TimeDelta, Utc};
use chrono::{NaiveDateTime, TimeZone};
use chrono_tz::Tz;

use super::LEGS_MAX;

/// Comfort, and with it the fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FareClass {
    /// First class.
    First,
    /// Second class.
    Second,
}

/// One ride: a train, its day, and where it is boarded and left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ride {
    /// The train's id in the source: the CSV's Route ID, the GTFS trip_id.
    pub source_id: String,
    /// AVE, ICE, Nightjet, …
    pub train_type: String,
    /// The date the run belongs to; a departure after midnight may belong to the day before.
    pub service_date: NaiveDate,
    /// The origin's key, stable across compilations.
    pub origin_id: String,
    /// The destination's key, stable across compilations.
    pub destination_id: String,
    /// The origin as it is sold.
    pub origin_name: String,
    /// The destination as it is sold.
    pub destination_name: String,
    /// With the UTC offset of the origin.
    pub departure: DateTime<FixedOffset>,
    /// With the UTC offset of the destination.
    pub arrival: DateTime<FixedOffset>,
}

/// What a leg costs one traveller, in cents, in each class; `None` where it is not sold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LegPrices {
    /// In first class.
    pub first_cents: Option<u32>,
    /// In second class.
    pub second_cents: Option<u32>,
}

impl LegPrices {
    /// The price in one class.
    pub fn in_class(self, fare_class: FareClass) -> Option<u32> {
        match fare_class {
            FareClass::First => self.first_cents,
            FareClass::Second => self.second_cents,
        }
    }
}

/// One leg of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedLeg {
    /// What is ridden.
    pub ride: Ride,
    /// What it costs.
    pub prices: LegPrices,
}

/// One leg of a trip: what is ridden and what it cost one traveller in the trip's fare class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BookedLeg {
    /// What is ridden.
    pub ride: Ride,
    /// In cents. `None` only in trips of older data: today a leg without a fare is refused.
    pub price_cents: Option<u32>,
}

/// An itinerary of the current network, as it can be booked: one to three legs in the order of
/// travel, a currency, the zone of the first station.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    legs: Vec<OfferedLeg>,
    currency: String,
    origin_time_zone: Tz,
}

/// Why legs do not make an offer: a mistake of the calling code or of the network file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOffer {
    /// None, or more than three.
    #[error("an itinerary has one to three legs, not {0}")]
    LegCount(usize),
    /// A leg arrives before it departs, or departs before the one before it has arrived.
    #[error("leg {0} of the itinerary runs backwards in time")]
    Backwards(usize),
    /// Not three upper-case letters.
    #[error("the currency is not an ISO 4217 code of three upper-case letters")]
    Currency,
}

impl Offer {
    /// Checks and takes an itinerary.
    pub fn new(
        legs: Vec<OfferedLeg>,
        currency: impl Into<String>,
        origin_time_zone: Tz,
    ) -> Result<Self, InvalidOffer> {
        let currency = currency.into();
        if legs.is_empty() || legs.len() > LEGS_MAX {
            return Err(InvalidOffer::LegCount(legs.len()));
        }
        let mut earliest = DateTime::<Utc>::MIN_UTC;
        for (index, OfferedLeg { ride, .. }) in legs.iter().enumerate() {
            if ride.departure < earliest || ride.arrival < ride.departure {
                return Err(InvalidOffer::Backwards(index));
            }
            earliest = ride.arrival.to_utc();
        }
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidOffer::Currency);
        }
        Ok(Self { legs, currency, origin_time_zone })
    }

    /// In the order of travel.
    pub fn legs(&self) -> &[OfferedLeg] {
        &self.legs
    }

    /// ISO 4217.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// When the first train leaves.
    pub fn departure(&self) -> DateTime<FixedOffset> {
        self.legs[0].ride.departure
    }

    /// The date of the connection: the service date of its first leg.
    pub fn service_date(&self) -> NaiveDate {
        self.legs[0].ride.service_date
    }

    /// The connection that this is, on whatever date.
    pub fn signature(&self) -> ConnectionSignature {
        ConnectionSignature::of(self.legs.iter().map(|leg| &leg.ride))
    }

    /// Until when a trip with this itinerary is current: the end of the day on which it departs,
    /// in the zone of its first station.
    pub fn current_until(&self) -> DateTime<Utc> {
        end_of_day(self.departure().with_timezone(&self.origin_time_zone))
    }

    /// What the whole itinerary costs one traveller, or `None` where a leg is not sold in this
    /// class.
    pub fn price_cents(&self, fare_class: FareClass) -> Option<u64> {
        self.legs.iter().map(|leg| leg.prices.in_class(fare_class).map(u64::from)).sum()
    }
}

/// Which connection an itinerary is: the hash of its legs' source ids and stations. Times are
/// no part of it, so a train that is moved by five minutes stays the same connection; neither
/// are indices of the network file, so it survives recompiling. Dates are not either: with the
/// first leg's service date it names what a client can reserve once. (Two itineraries over the
/// same trains that differ only in the day of a later leg share both, and so exclude each other:
/// nobody boards the same first train twice.)
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionSignature([u8; 32]);

impl ConnectionSignature {
    fn of<'a>(rides: impl Iterator<Item = &'a Ride>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("railgraph connection signature 1");
        for ride in rides {
            for part in [&ride.source_id, &ride.origin_id, &ride.destination_id] {
                write_text(&mut hasher, part);
            }
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for ConnectionSignature {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConnectionSignature({})", blake3::Hash::from(self.0).to_hex())
    }
}

/// Adds a text with its length before it, so that `ab`, `c` and `a`, `bc` differ.
pub(super) fn write_text(hasher: &mut blake3::Hasher, text: &str) {
    hasher.update(&(text.len() as u64).to_le_bytes());
    hasher.update(text.as_bytes());
}

/// The first instant of the following calendar day.
fn end_of_day(moment: DateTime<Tz>) -> DateTime<Utc> {
    let zone = moment.timezone();
    let date = moment.date_naive();
    let next = date.checked_add_days(Days::new(1)).unwrap_or(date);
    first_instant(zone, next.and_time(NaiveTime::MIN))
}

/// Midnight, or where the clocks skip it the first time after it that exists. A zone that changes
/// sides of the date line skips a whole day, hence the search over more than one.
fn first_instant(zone: Tz, midnight: NaiveDateTime) -> DateTime<Utc> {
    const STEP_MINUTES: i64 = 15;
    const STEPS: i64 = 2 * 24 * 60 / STEP_MINUTES;
    for step in 0..STEPS {
        let local = midnight + TimeDelta::minutes(step * STEP_MINUTES);
        match zone.from_local_datetime(&local) {
            LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
                return instant.to_utc();
            }
            LocalResult::None => {}
        }
    }
    midnight.and_utc()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ride(source_id: &str, origin: &str, destination: &str) -> Ride {
        let departure =
            DateTime::parse_from_rfc3339("2026-12-01T09:14:00+01:00").expect("must succeed");
        Ride {
            source_id: source_id.into(),
            train_type: "ICE".into(),
            service_date: NaiveDate::from_ymd_opt(2026, 12, 1).expect("must succeed"),
            origin_id: origin.into(),
            destination_id: destination.into(),
            origin_name: origin.to_uppercase(),
            destination_name: destination.to_uppercase(),
            departure,
            arrival: departure + TimeDelta::minutes(90),
        }
    }

    fn leg(ride: Ride, first_cents: Option<u32>, second_cents: Option<u32>) -> OfferedLeg {
        OfferedLeg { ride, prices: LegPrices { first_cents, second_cents } }
    }

    #[test]
    fn signature_is_pinned() {
        // A change of this value would let every client book every connection a second time.
        let signature = ConnectionSignature::of([&ride("R1", "paris", "lyon")].into_iter());
        let expected = "3affd2c0fb074b1fe7d80c4a56c5873f9ad921b4bf26d06d4841ff6128de0b37";
        assert_eq!(format!("{signature:?}"), format!("ConnectionSignature({expected})"));
    }

    #[test]
    fn signature_depends_on_legs_only() {
        let one = ride("R1", "paris", "lyon");
        let mut retimed = one.clone();
        retimed.departure += TimeDelta::minutes(5);
        retimed.origin_name = "Paris Gare de Lyon".into();
        let of = |rides: &[&Ride]| ConnectionSignature::of(rides.iter().copied());
        assert_eq!(of(&[&one]), of(&[&retimed]));
        assert_ne!(of(&[&one]), of(&[&ride("R2", "paris", "lyon")]));
        assert_ne!(of(&[&one]), of(&[&ride("R1", "pari", "slyon")]));
        assert_ne!(of(&[&one]), of(&[&one, &ride("R2", "lyon", "nice")]));
    }

    #[test]
    fn price_needs_a_fare_on_every_leg() {
        let mut later = ride("R2", "lyon", "nice");
        later.departure += TimeDelta::hours(2);
        later.arrival += TimeDelta::hours(2);
        let legs = vec![
            leg(ride("R1", "paris", "lyon"), Some(9_000), Some(4_500)),
            leg(later, None, Some(2_050)),
        ];
        let offer = Offer::new(legs, "EUR", chrono_tz::Europe::Paris).expect("must succeed");
        assert_eq!(offer.price_cents(FareClass::Second), Some(6_550));
        assert_eq!(offer.price_cents(FareClass::First), None);
    }

    #[test]
    fn refuses_what_is_no_itinerary() {
        let paris = chrono_tz::Europe::Paris;
        let one = || leg(ride("R1", "paris", "lyon"), None, None);
        assert_eq!(Offer::new(vec![], "EUR", paris), Err(InvalidOffer::LegCount(0)));
        let four = vec![one(), one(), one(), one()];
        assert_eq!(Offer::new(four, "EUR", paris), Err(InvalidOffer::LegCount(4)));
        let overlapping = vec![one(), one()];
        assert_eq!(Offer::new(overlapping, "EUR", paris), Err(InvalidOffer::Backwards(1)));
        assert_eq!(Offer::new(vec![one()], "euro", paris), Err(InvalidOffer::Currency));
    }

    fn check_end_of_day(departure: &str, zone: Tz, expected: &str) {
        let departure = DateTime::parse_from_rfc3339(departure).expect("must succeed");
        let end = end_of_day(departure.with_timezone(&zone));
        assert_eq!(end.to_rfc3339(), expected, "{departure} in {zone}");
    }

    #[test]
    fn a_day_ends_at_the_origin() {
        use chrono_tz::{America::Sao_Paulo, Asia::Tokyo, Europe::Lisbon, Europe::Madrid};
        let winter = "2026-12-01T23:30:00+00:00";
        check_end_of_day(winter, Lisbon, "2026-12-02T00:00:00+00:00");
        check_end_of_day(winter, Madrid, "2026-12-02T23:00:00+00:00");
        check_end_of_day(winter, Tokyo, "2026-12-02T15:00:00+00:00");
        // A departure at midnight belongs to the day it begins.
        check_end_of_day("2026-07-01T00:00:00+02:00", Madrid, "2026-07-01T22:00:00+00:00");
        // The clocks skip midnight: the day begins at one.
        check_end_of_day("2018-11-03T12:00:00-03:00", Sao_Paulo, "2018-11-04T03:00:00+00:00");
        // The zone skips the whole of 30 December.
        let apia = chrono_tz::Pacific::Apia;
        check_end_of_day("2011-12-29T12:00:00-10:00", apia, "2011-12-30T10:00:00+00:00");
    }
}
