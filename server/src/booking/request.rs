//! The two requests, and the rules that a booking must keep.

use std::collections::HashSet;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use super::TRAVELLERS_MAX;
use super::client::{Identity, Person, clean_name};
use super::id_number::{IdNumber, IdNumberCheck};
use super::itinerary::{BookedLeg, ConnectionSignature, FareClass, Offer, write_text};
use super::money::{cents_to_decimal, decimal_equals_cents};
use super::refusal::{Refusal, RefusalCode};
use super::trip::CancelScope;

/// The oldest age that is believed.
const AGE_MAX: u8 = 130;

/// A traveller as the caller names one; nothing is checked yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Traveller {
    /// As typed.
    pub first_name: String,
    /// As typed.
    pub last_name: String,
    /// As typed.
    pub id_number: String,
    /// In years.
    pub age: i32,
}

/// Personal data never reaches a log through `Debug`.
impl fmt::Debug for Traveller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Traveller(…)")
    }
}

/// A caller's name for one request, so that sending it twice does it once. Of any length; two
/// callers may use the same text and never meet.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(pub String);

/// Callers put into their keys what they like, personal data too.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdempotencyKey(…)")
    }
}

/// A request to book a trip.
#[derive(Debug, Clone)]
pub struct BookTrip {
    /// Who sends it: the name of an API key. Not empty, and no personal data.
    pub caller: String,
    /// The itinerary's id as the caller sent it. It says whether two requests are the same, even
    /// when a new network no longer knows it.
    pub itinerary_id: String,
    /// What that id names in the current network; `None` when it names nothing.
    pub offer: Option<Offer>,
    /// Who travels.
    pub travellers: Vec<Traveller>,
    /// The class to be paid for.
    pub fare_class: FareClass,
    /// The total over all travellers that the caller was shown, if it says so.
    pub expected_price: Option<Decimal>,
    /// Makes a repeated request harmless.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// A request to cancel a trip, or one reservation of it.
#[derive(Clone)]
pub struct CancelTrip {
    /// Who sends it: the name of an API key. Not empty, and no personal data.
    pub caller: String,
    /// As typed.
    pub reference: String,
    /// How much of it.
    pub scope: CancelScope,
    /// That of one of the travellers; `None` only for callers who may see every trip.
    pub last_name: Option<String>,
    /// The version that the caller saw, if it says so.
    pub expected_version: Option<i32>,
    /// Makes a repeated request harmless.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Personal data never reaches a log through `Debug`.
impl fmt::Debug for CancelTrip {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CancelTrip")
            .field("reference", &self.reference)
            .field("scope", &self.scope)
            .field("expected_version", &self.expected_version)
            .finish_non_exhaustive()
    }
}

/// A traveller who passed every check.
#[derive(Debug, Clone)]
pub struct NewReservation {
    /// Who travels.
    pub person: Person,
    /// In years.
    pub age: u8,
}

/// A booking that keeps every rule but the one whose arbiter is the database.
#[derive(Debug, Clone)]
pub struct AcceptedTrip {
    reservations: Vec<NewReservation>,
    legs: Vec<BookedLeg>,
    fare_class: FareClass,
    currency: String,
    price_cents: u64,
    signature: ConnectionSignature,
    service_date: NaiveDate,
    current_until: DateTime<Utc>,
}

impl BookTrip {
    /// Checks the request at the moment `now`. All broken rules come back together, in order of
    /// precedence.
    pub fn accept(
        &self,
        check: IdNumberCheck,
        now: DateTime<Utc>,
    ) -> Result<AcceptedTrip, Vec<Refusal>> {
        let mut refusals = Vec::new();
        let reservations = self.check_travellers(check, &mut refusals);
        let price_cents = self.check_offer(now, &mut refusals);
        match (&self.offer, price_cents) {
            (Some(offer), Some(price_cents)) if refusals.is_empty() => {
                Ok(AcceptedTrip::new(offer, self.fare_class, price_cents, reservations))
            }
            _ => {
                Refusal::sort(&mut refusals);
                Err(refusals)
            }
        }
    }

    /// The travellers whose identity is well-formed, with their place in the request: those of
    /// whom it can be asked whether they have booked already, whatever else is wrong.
    pub fn identities(&self, check: IdNumberCheck) -> Vec<(usize, Identity)> {
        let identity = |traveller: &Traveller| {
            let last_name = clean_name(&traveller.last_name).ok()?;
            let id_number = IdNumber::parse(&traveller.id_number, check).ok()?;
            Some(Identity::new(&last_name, id_number))
        };
        let travellers = self.travellers.iter().take(TRAVELLERS_MAX).enumerate();
        travellers.filter_map(|(index, one)| Some((index, identity(one)?))).collect()
    }

    /// What makes two requests the same: all that the caller sent, save the key itself. Keyed,
    /// since names and id numbers could be guessed from a plain hash.
    pub fn fingerprint(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(key);
        write_text(&mut hasher, "bookTrip");
        write_text(&mut hasher, &self.itinerary_id);
        write_text(
            &mut hasher,
            match self.fare_class {
                FareClass::First => "FIRST",
                FareClass::Second => "SECOND",
            },
        );
        // 97.0 and 97.00 are the same price, so the request is the same.
        let price = self.expected_price.map(|price| price.normalize().to_string());
        write_text(&mut hasher, price.as_deref().unwrap_or_default());
        for traveller in &self.travellers {
            write_text(&mut hasher, &traveller.first_name);
            write_text(&mut hasher, &traveller.last_name);
            write_text(&mut hasher, &traveller.id_number);
            hasher.update(&traveller.age.to_le_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    fn check_travellers(
        &self,
        check: IdNumberCheck,
        refusals: &mut Vec<Refusal>,
    ) -> Vec<NewReservation> {
        let count = self.travellers.len();
        if count == 0 {
            let message = "a trip needs at least one traveller";
            refusals.push(Refusal::new(RefusalCode::NoTravellers, message, &["travellers"]));
        }
        if count > TRAVELLERS_MAX {
            let message = format!("a trip has at most {TRAVELLERS_MAX} travellers, not {count}");
            refusals.push(Refusal::new(RefusalCode::TooManyTravellers, message, &["travellers"]));
        }
        let mut seen = HashSet::new();
        let mut accepted = Vec::with_capacity(count.min(TRAVELLERS_MAX));
        for (index, traveller) in self.travellers.iter().enumerate() {
            let checked = CheckedTraveller::new(traveller, index, check, refusals);
            if checked.identity().is_some_and(|identity| !seen.insert(identity)) {
                let code = RefusalCode::DuplicateTraveller;
                let message = "this traveller is named twice in the trip";
                refusals.push(Refusal::of_traveller(code, message, index, None));
            }
            accepted.extend(checked.into_reservation());
        }
        accepted
    }

    /// The price for all travellers, if there is one.
    fn check_offer(&self, now: DateTime<Utc>, refusals: &mut Vec<Refusal>) -> Option<u64> {
        let Some(offer) = &self.offer else {
            let message = "this itinerary is not in the current timetable; search again";
            let code = RefusalCode::ItineraryUnknown;
            refusals.push(Refusal::new(code, message, &["itineraryId"]));
            return None;
        };
        if offer.departure() <= now {
            let message = format!("this itinerary departed at {}", offer.departure().to_rfc3339());
            let code = RefusalCode::ItineraryDeparted;
            refusals.push(Refusal::new(code, message, &["itineraryId"]));
        }
        let Some(each_cents) = offer.price_cents(self.fare_class) else {
            let message = "this itinerary is not sold in this fare class";
            refusals.push(Refusal::new(RefusalCode::NoFare, message, &["fareClass"]));
            return None;
        };
        let total_cents = each_cents * self.travellers.len() as u64;
        // Without a proper number of travellers there is no total to compare with.
        let comparable = (1..=TRAVELLERS_MAX).contains(&self.travellers.len());
        if let Some(expected) = self.expected_price.filter(|_| comparable)
            && !decimal_equals_cents(expected, total_cents)
        {
            let (total, currency) = (cents_to_decimal(total_cents), offer.currency());
            let message = format!("the price for all travellers is now {total} {currency}");
            refusals.push(Refusal::new(RefusalCode::PriceChanged, message, &["expectedPrice"]));
        }
        Some(total_cents)
    }
}

impl CancelTrip {
    /// What makes two requests the same: all that the caller sent, save the key itself.
    pub fn fingerprint(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(key);
        match self.scope {
            CancelScope::WholeTrip => write_text(&mut hasher, "cancelTrip"),
            CancelScope::Reservation(id) => {
                write_text(&mut hasher, "cancelReservation");
                hasher.update(&id.0.to_le_bytes());
            }
        }
        write_text(&mut hasher, &self.reference);
        for field in [self.last_name.clone(), self.expected_version.map(|v| v.to_string())] {
            hasher.update(&[u8::from(field.is_some())]);
            write_text(&mut hasher, &field.unwrap_or_default());
        }
        *hasher.finalize().as_bytes()
    }
}

impl AcceptedTrip {
    fn new(
        offer: &Offer,
        fare_class: FareClass,
        price_cents: u64,
        reservations: Vec<NewReservation>,
    ) -> Self {
        let legs = offer.legs().iter().map(|leg| BookedLeg {
            ride: leg.ride.clone(),
            price_cents: leg.prices.in_class(fare_class),
        });
        Self {
            reservations,
            legs: legs.collect(),
            fare_class,
            currency: offer.currency().to_owned(),
            price_cents,
            signature: offer.signature(),
            service_date: offer.service_date(),
            current_until: offer.current_until(),
        }
    }

    /// In the order of the request; one to nine.
    pub fn reservations(&self) -> &[NewReservation] {
        &self.reservations
    }

    /// In the order of travel; one to three.
    pub fn legs(&self) -> &[BookedLeg] {
        &self.legs
    }

    /// The class to be paid for.
    pub fn fare_class(&self) -> FareClass {
        self.fare_class
    }

    /// ISO 4217.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// For all travellers together.
    pub fn price_cents(&self) -> u64 {
        self.price_cents
    }

    /// The connection; with the service date, what a client can reserve once.
    pub fn signature(&self) -> ConnectionSignature {
        self.signature
    }

    /// The date of the connection.
    pub fn service_date(&self) -> NaiveDate {
        self.service_date
    }

    /// The end of the day of departure, at the origin.
    pub fn current_until(&self) -> DateTime<Utc> {
        self.current_until
    }
}

/// One traveller's fields, each as far as it is in order.
struct CheckedTraveller {
    first_name: Option<String>,
    last_name: Option<String>,
    id_number: Option<IdNumber>,
    age: Option<u8>,
}

impl CheckedTraveller {
    fn new(
        traveller: &Traveller,
        index: usize,
        check: IdNumberCheck,
        refusals: &mut Vec<Refusal>,
    ) -> Self {
        let mut refuse = |code, message: String, field| {
            refusals.push(Refusal::of_traveller(code, message, index, Some(field)));
        };
        let mut name = |text: &str, field| {
            clean_name(text)
                .map_err(|error| refuse(RefusalCode::InvalidName, error.to_string(), field))
                .ok()
        };
        let first_name = name(&traveller.first_name, "firstName");
        let last_name = name(&traveller.last_name, "lastName");
        let id_number = IdNumber::parse(&traveller.id_number, check)
            .map_err(|error| refuse(RefusalCode::InvalidIdNumber, error.to_string(), "idNumber"))
            .ok();
        let age = u8::try_from(traveller.age).ok().filter(|&age| age <= AGE_MAX);
        if age.is_none() {
            let message = format!("an age is from 0 to {AGE_MAX} years");
            refuse(RefusalCode::InvalidAge, message, "age");
        }
        Self { first_name, last_name, id_number, age }
    }

    fn identity(&self) -> Option<Identity> {
        Some(Identity::new(self.last_name.as_ref()?, self.id_number.clone()?))
    }

    fn into_reservation(self) -> Option<NewReservation> {
        let person = Person::from_clean(self.first_name?, self.last_name?, self.id_number?);
        Some(NewReservation { person, age: self.age? })
    }
}
