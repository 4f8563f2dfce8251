//! Trips, reservations and tickets, and how a trip may change.

use std::fmt;

use chrono::{DateTime, FixedOffset, Utc};

use super::client::Client;
use super::itinerary::{BookedLeg, FareClass};
use super::refusal::{Refusal, RefusalCode};
use super::{LEGS_MAX, TRAVELLERS_MAX};

/// A trip's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TripId(pub i64);

/// A reservation's number in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReservationId(pub i64);

/// A ticket's row in the database; the number printed on it is [`TicketNumber`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketId(pub i64);

/// What a traveller calls the trip: `TRP-` and eight upper-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TripReference(u32);

impl TripReference {
    /// The reference with these digits.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// Reads a reference as a person types it: spaces around it and case do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let digits = upper.strip_prefix("TRP-")?;
        let hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if digits.len() != 8 || !hexadecimal {
            return None;
        }
        u32::from_str_radix(digits, 16).ok().map(Self)
    }
}

impl fmt::Display for TripReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TRP-{:08X}", self.0)
    }
}

/// What is printed on a ticket: 15 digits that sort by the time of issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TicketNumber(pub u64);

impl fmt::Display for TicketNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:015}", self.0)
    }
}

/// Whether a trip or a reservation is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TripStatus {
    /// In force, or travelled.
    Confirmed,
    /// Given back; the connection can be booked again.
    Cancelled,
}

/// The numbered, write-once proof of a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its row.
    pub id: TicketId,
    /// What is printed on it.
    pub number: TicketNumber,
    /// In whole seconds.
    pub issued_at: DateTime<Utc>,
}

/// One client's place in a trip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Its row.
    pub id: ReservationId,
    /// The version of its trip in which it was cancelled; `None` while it is in force.
    pub cancelled_version: Option<i32>,
    /// Who travels.
    pub client: Client,
    /// The traveller's age on this trip, in years.
    pub age: u8,
    /// The proof of it.
    pub ticket: Ticket,
}

impl Reservation {
    /// In force or given back, by itself or with its trip.
    pub fn status(&self) -> TripStatus {
        match self.cancelled_version {
            None => TripStatus::Confirmed,
            Some(_) => TripStatus::Cancelled,
        }
    }
}

/// What is to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelScope {
    /// Every reservation that is in force.
    WholeTrip,
    /// One traveller's. The trip goes with the last of them.
    Reservation(ReservationId),
}

/// What may be done with a trip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TripAction {
    /// Give it back.
    CancelTrip,
    /// Give one traveller's reservation back.
    CancelReservation,
}

/// What a trip is made of. The fields are plain; what holds between them is [`Trip`]'s.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TripFacts {
    /// Its row.
    pub id: TripId,
    /// What the traveller calls it.
    pub reference: TripReference,
    /// Counts changes, from 1.
    pub version: i32,
    /// In whole seconds.
    pub booked_at: DateTime<Utc>,
    /// In whole seconds; `None` while the trip is confirmed.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// The class that was paid for.
    pub fare_class: FareClass,
    /// ISO 4217.
    pub currency: String,
    /// For all travellers together.
    pub price_cents: u64,
    /// Current before this moment, past from it on: the end of the day of departure, at the
    /// origin.
    pub current_until: DateTime<Utc>,
    /// In the order of travel.
    pub legs: Vec<BookedLeg>,
    /// In the order of the booking.
    pub reservations: Vec<Reservation>,
}

/// One itinerary that was bought: one to three legs, one to nine reservations. It is cancelled when
/// all of its reservations are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trip {
    facts: TripFacts,
}

/// Facts that cannot be a trip: the database was changed by something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTrip {
    /// A trip without legs, or with too many.
    #[error("a trip has one to three legs")]
    LegCount,
    /// A trip without travellers, or with too many.
    #[error("a trip has one to nine reservations")]
    ReservationCount,
    /// A reservation in force in a cancelled trip, or none in a confirmed one.
    #[error("a trip is cancelled, and not all of its reservations, or the reverse")]
    StatusMismatch,
    /// A version below 1.
    #[error("a trip's version counts from 1")]
    Version,
}

impl Trip {
    /// Checks what must hold and takes the facts.
    pub fn new(facts: TripFacts) -> Result<Self, InvalidTrip> {
        if !(1..=LEGS_MAX).contains(&facts.legs.len()) {
            return Err(InvalidTrip::LegCount);
        }
        if !(1..=TRAVELLERS_MAX).contains(&facts.reservations.len()) {
            return Err(InvalidTrip::ReservationCount);
        }
        if facts.version < 1 {
            return Err(InvalidTrip::Version);
        }
        let trip = Self { facts };
        let none_in_force =
            trip.reservations().iter().all(|place| place.status() == TripStatus::Cancelled);
        if none_in_force != (trip.status() == TripStatus::Cancelled) {
            return Err(InvalidTrip::StatusMismatch);
        }
        Ok(trip)
    }

    /// Gives the trip back, or one reservation of it, until its first train has left.
    /// `expected_version` is the version that the caller saw, if it says so.
    pub fn cancel(
        mut self,
        scope: CancelScope,
        expected_version: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<Self, Refusal> {
        self.check_cancel(scope, expected_version, now)?;
        let version = self.facts.version + 1;
        self.facts.version = version;
        for place in &mut self.facts.reservations {
            if scope == CancelScope::WholeTrip || scope == CancelScope::Reservation(place.id) {
                place.cancelled_version.get_or_insert(version);
            }
        }
        let in_force = |place: &Reservation| place.status() == TripStatus::Confirmed;
        if !self.facts.reservations.iter().any(in_force) {
            self.facts.cancelled_at = Some(now);
        }
        Ok(self)
    }

    fn check_cancel(
        &self,
        scope: CancelScope,
        expected_version: Option<i32>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let refuse = |code, message: String, at| Err(Refusal::new(code, message, &[at]));
        if let CancelScope::Reservation(id) = scope {
            let place = self.reservations().iter().find(|place| place.id == id);
            let Some(place) = place else {
                return Err(Refusal::reservation_unknown());
            };
            if self.status() == TripStatus::Confirmed && place.status() == TripStatus::Cancelled {
                let message = "this reservation is already cancelled".to_owned();
                return refuse(RefusalCode::AlreadyCancelled, message, "reservationId");
            }
        }
        if self.status() == TripStatus::Cancelled {
            let message = "this trip is already cancelled".to_owned();
            return refuse(RefusalCode::AlreadyCancelled, message, "reference");
        }
        if self.departure() <= now {
            let message = format!("this trip departed at {}", self.departure().to_rfc3339());
            return refuse(RefusalCode::TripDeparted, message, "reference");
        }
        let version = self.facts.version;
        if expected_version.is_some_and(|expected| expected != version) {
            let message = format!("this trip has changed: its version is now {version}");
            return refuse(RefusalCode::VersionConflict, message, "expectedVersion");
        }
        Ok(())
    }

    /// What may still be done with the trip at the moment `now`.
    pub fn available_actions(&self, now: DateTime<Utc>) -> Vec<TripAction> {
        match self.check_cancel(CancelScope::WholeTrip, None, now) {
            Ok(()) => vec![TripAction::CancelTrip, TripAction::CancelReservation],
            Err(_) => Vec::new(),
        }
    }

    /// The trip as it was at an earlier version, for answering a repeated request as the first
    /// time. What a trip was bought as never changes; its version and what of it is cancelled do.
    #[must_use]
    pub fn as_of(mut self, version: i32, status: TripStatus) -> Self {
        self.facts.version = version;
        if status == TripStatus::Confirmed {
            self.facts.cancelled_at = None;
        }
        for place in &mut self.facts.reservations {
            place.cancelled_version = place.cancelled_version.filter(|&at| at <= version);
        }
        self
    }

    /// All facts of the trip.
    pub fn facts(&self) -> &TripFacts {
        &self.facts
    }

    /// Its row.
    pub fn id(&self) -> TripId {
        self.facts.id
    }

    /// What the traveller calls it.
    pub fn reference(&self) -> TripReference {
        self.facts.reference
    }

    /// In force or given back.
    pub fn status(&self) -> TripStatus {
        match self.facts.cancelled_at {
            None => TripStatus::Confirmed,
            Some(_) => TripStatus::Cancelled,
        }
    }

    /// Counts changes, from 1.
    pub fn version(&self) -> i32 {
        self.facts.version
    }

    /// When the first train leaves, with the offset of its station.
    pub fn departure(&self) -> DateTime<FixedOffset> {
        self.facts.legs[0].ride.departure
    }

    /// When the last train arrives, with the offset of its station.
    pub fn arrival(&self) -> DateTime<FixedOffset> {
        self.facts.legs[self.facts.legs.len() - 1].ride.arrival
    }

    /// Changes of train.
    pub fn stops(&self) -> usize {
        self.facts.legs.len() - 1
    }

    /// In the order of travel.
    pub fn legs(&self) -> &[BookedLeg] {
        &self.facts.legs
    }

    /// In the order of the booking.
    pub fn reservations(&self) -> &[Reservation] {
        &self.facts.reservations
    }

    /// Whether one of the travellers has this last name, however it is typed.
    pub fn has_traveller(&self, last_name: &str) -> bool {
        self.reservations().iter().any(|place| place.client.person.has_last_name(last_name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_references_as_people_type_them() {
        let reference = TripReference::from_bits(0x00AB_12FF);
        assert_eq!(reference.to_string(), "TRP-00AB12FF");
        for typed in ["TRP-00AB12FF", " trp-00ab12ff\n"] {
            assert_eq!(TripReference::parse(typed), Some(reference), "{typed:?}");
        }
        for wrong in ["", "00AB12FF", "TRP-AB12FF", "TRP-+0AB12FF", "TRP-00AB12FG", "TRP-00AB12FF0"]
        {
            assert_eq!(TripReference::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn ticket_numbers_have_fifteen_digits() {
        assert_eq!(TicketNumber(176_000_000_000_001).to_string(), "176000000000001");
    }
}
