//! Why a request was not carried out.

/// The rule that a request broke. The order is the order of precedence: refusals of one request
/// are sorted by it, so that a caller who shows only the first shows the most basic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RefusalCode {
    /// A trip needs at least one traveller.
    NoTravellers,
    /// A trip has at most nine travellers.
    TooManyTravellers,
    /// A first or last name is empty, too long or has control characters.
    InvalidName,
    /// An id number is empty, too long, has other signs than letters and digits, or fails the
    /// configured check.
    InvalidIdNumber,
    /// An age is not from 0 to 130.
    InvalidAge,
    /// The same person is named twice in one trip.
    DuplicateTraveller,
    /// The itinerary is not in the current network.
    ItineraryUnknown,
    /// The itinerary has left its first station.
    ItineraryDeparted,
    /// A leg is not sold in this fare class.
    NoFare,
    /// The price is not the one that the caller saw.
    PriceChanged,
    /// A traveller has an active reservation for this connection on this date.
    AlreadyBooked,
    /// There is no such trip, or none of its travellers has this last name.
    TripUnknown,
    /// The trip has no such reservation.
    ReservationUnknown,
    /// The trip, or the reservation, was cancelled before.
    AlreadyCancelled,
    /// The trip has left its first station, and is no longer changed.
    TripDeparted,
    /// The trip has changed since the caller read it.
    VersionConflict,
    /// The idempotency key was used for another request.
    IdempotencyConflict,
}

/// One broken rule of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule.
    pub code: RefusalCode,
    /// One sentence for a person. It never repeats a name or an id number, because refusals are
    /// logged.
    pub message: String,
    /// Where in the GraphQL input, in its spelling: `["travellers", "1", "age"]`.
    pub path: Vec<String>,
}

impl Refusal {
    /// A refusal of the value at `path`.
    pub fn new(code: RefusalCode, message: impl Into<String>, path: &[&str]) -> Self {
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        Self { code, message: message.into(), path }
    }

    /// A refusal of a whole traveller, or of one of its fields.
    pub fn of_traveller(
        code: RefusalCode,
        message: impl Into<String>,
        index: usize,
        field: Option<&str>,
    ) -> Self {
        let index = index.to_string();
        let mut path = vec!["travellers", index.as_str()];
        path.extend(field);
        Self::new(code, message, &path)
    }

    /// Traveller `index` has an active reservation for this connection on this date.
    pub fn already_booked(index: usize) -> Self {
        let message = "this traveller already has a reservation for this connection on this date";
        Self::of_traveller(RefusalCode::AlreadyBooked, message, index, None)
    }

    /// The idempotency key belongs to another request.
    pub fn idempotency_conflict() -> Self {
        let message = "this idempotency key was used for another request within the last 24 hours; \
                       use a new key";
        Self::new(RefusalCode::IdempotencyConflict, message, &["idempotencyKey"])
    }

    /// No trip has this reference, or none of its travellers the given last name. The two are
    /// not told apart, so that a reference cannot be probed.
    pub fn trip_unknown() -> Self {
        let message = "there is no trip with this reference and this traveller";
        Self::new(RefusalCode::TripUnknown, message, &["reference"])
    }

    /// The trip has no such reservation.
    pub fn reservation_unknown() -> Self {
        let message = "this trip has no such reservation";
        Self::new(RefusalCode::ReservationUnknown, message, &["reservationId"])
    }

    /// Sorts refusals by precedence, and those of one rule by their order in the input.
    pub fn sort(refusals: &mut [Self]) {
        // Stable: within a code the travellers are already in the order of the input.
        refusals.sort_by_key(|refusal| refusal.code);
    }
}
