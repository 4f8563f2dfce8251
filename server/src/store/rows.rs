//! Between rows and booking's types.

use chrono::{DateTime, FixedOffset, Utc};

use super::entities::{client, reservation, ticket, trip, trip_leg};
use super::error::StoreError;
use super::seal::Vault;
use crate::booking::{
    AcceptedTrip, BookedLeg, Reservation, ReservationId, Ticket, TicketId, TicketNumber, Trip,
    TripFacts, TripId, TripReference,
};

/// A reservation with its client and its ticket.
pub(super) type PlaceRow = (reservation::Model, client::Model, ticket::Model);

/// All rows of one trip.
#[derive(Debug)]
pub(super) struct TripRows {
    pub(super) trip: trip::Model,
    pub(super) legs: Vec<trip_leg::Model>,
    pub(super) places: Vec<PlaceRow>,
}

impl TripRows {
    /// The trip that the rows make.
    pub(super) fn into_trip(mut self, vault: &Vault) -> Result<Trip, StoreError> {
        self.legs.sort_by_key(|leg| leg.position);
        self.places.sort_by_key(|(reservation, ..)| reservation.position);
        let legs: Result<_, _> = self.legs.into_iter().map(leg_of).collect();
        let reservations: Result<_, _> =
            self.places.into_iter().map(|place| reservation_of(place, vault)).collect();
        let trip = self.trip;
        let reference = TripReference::parse(&trip.reference)
            .ok_or(StoreError::Corrupt("a trip's reference"))?;
        let price_cents =
            u64::try_from(trip.price_cents).map_err(|_| StoreError::Corrupt("a trip's price"))?;
        Ok(Trip::new(TripFacts {
            id: TripId(trip.id),
            reference,
            version: trip.version,
            booked_at: moment(trip.booked_at)?,
            cancelled_at: trip.cancelled_at.map(moment).transpose()?,
            fare_class: trip.fare_class.into(),
            currency: trip.currency,
            price_cents,
            current_until: moment(trip.current_until)?,
            legs: legs?,
            reservations: reservations?,
        })?)
    }
}

/// The rows of a new trip's legs.
pub(super) fn leg_rows(trip_id: i64, accepted: &AcceptedTrip) -> Vec<trip_leg::Model> {
    let legs = accepted.legs().iter().zip(0..);
    legs.map(|(BookedLeg { ride, price_cents }, position)| trip_leg::Model {
        trip_id,
        position,
        source_id: ride.source_id.clone(),
        train_type: ride.train_type.clone(),
        service_date: ride.service_date,
        origin_id: ride.origin_id.clone(),
        destination_id: ride.destination_id.clone(),
        origin_name: ride.origin_name.clone(),
        destination_name: ride.destination_name.clone(),
        departure_at: ride.departure.timestamp(),
        departure_offset_s: ride.departure.offset().local_minus_utc(),
        arrival_at: ride.arrival.timestamp(),
        arrival_offset_s: ride.arrival.offset().local_minus_utc(),
        price_cents: price_cents.map(i64::from),
    })
    .collect()
}

/// A leg row.
pub(super) fn leg_of(row: trip_leg::Model) -> Result<BookedLeg, StoreError> {
    let price_cents = row.price_cents.map(u32::try_from).transpose();
    Ok(BookedLeg {
        price_cents: price_cents.map_err(|_| StoreError::Corrupt("a leg's price"))?,
        ride: crate::booking::Ride {
            departure: local_moment(row.departure_at, row.departure_offset_s)?,
            arrival: local_moment(row.arrival_at, row.arrival_offset_s)?,
            source_id: row.source_id,
            train_type: row.train_type,
            service_date: row.service_date,
            origin_id: row.origin_id,
            destination_id: row.destination_id,
            origin_name: row.origin_name,
            destination_name: row.destination_name,
        },
    })
}

/// A reservation row with what belongs to it.
pub(super) fn reservation_of(
    (reservation, client, ticket): PlaceRow,
    vault: &Vault,
) -> Result<Reservation, StoreError> {
    Ok(Reservation {
        id: ReservationId(reservation.id),
        cancelled_version: reservation.cancelled_version,
        client: vault.open(&client)?,
        age: u8::try_from(reservation.age).map_err(|_| StoreError::Corrupt("an age"))?,
        ticket: ticket_of(&ticket)?,
    })
}

/// A ticket row.
pub(super) fn ticket_of(row: &ticket::Model) -> Result<Ticket, StoreError> {
    let number = u64::try_from(row.number).map_err(|_| StoreError::Corrupt("a ticket number"))?;
    Ok(Ticket {
        id: TicketId(row.id),
        number: TicketNumber(number),
        issued_at: moment(row.issued_at)?,
    })
}

/// A moment of a row.
pub(super) fn moment(unix_seconds: i64) -> Result<DateTime<Utc>, StoreError> {
    DateTime::from_timestamp(unix_seconds, 0).ok_or(StoreError::Corrupt("a moment"))
}

/// A moment of a row, with the UTC offset beside it.
pub(super) fn local_moment(
    unix_seconds: i64,
    offset_s: i32,
) -> Result<DateTime<FixedOffset>, StoreError> {
    let offset = FixedOffset::east_opt(offset_s).ok_or(StoreError::Corrupt("a UTC offset"))?;
    Ok(moment(unix_seconds)?.with_timezone(&offset))
}
