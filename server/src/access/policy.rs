//! The table of what each field of the schema needs. It is held against a document before anything
//! of it is executed, so that it holds however a field is then answered.
//!
//! It is about fields; what is more about one object than another is checked where the object is
//! found: a trip needs the last name of one of its travellers, or `support`; what is found by its
//! id alone and is of bookings needs `support`.

use super::scope::{Scope, Scopes};

/// The scopes of which a caller needs one.
pub type Need = Scopes;

/// Whoever has a key at all.
const ANY_KEY: Need = Scopes::of(&Scope::ALL);
const SEARCH: Need = Scopes::of(&[Scope::Search]);
const BOOK: Need = Scopes::of(&[Scope::Book]);
/// What has been booked.
const BOOKINGS: Need = Scopes::of(&[Scope::Book, Scope::Support]);
/// Which objects are found depends on the scope, too.
const NODES: Need = Scopes::of(&[Scope::Search, Scope::Support]);
/// Keys of front ends end up in other people's hands, and a front end needs the schema when it is
/// built: then any key reads it at `/schema.graphql`. Asking for it piece by piece is for people
/// with GraphiQL.
const SUPPORT: Need = Scopes::of(&[Scope::Support]);

/// Type, field, and what it needs. A field that is missing here is an admin's alone; a test finds
/// it.
pub const POLICY: &[(&str, &str, Need)] = &[
    ("Query", "itineraries", SEARCH),
    ("Query", "itinerary", SEARCH),
    ("Query", "stations", SEARCH),
    ("Query", "serviceJourneys", SEARCH),
    ("Query", "station", SEARCH),
    ("Query", "affectedTrips", SUPPORT),
    ("Query", "client", BOOKINGS),
    ("Query", "trip", BOOKINGS),
    ("Query", "node", NODES),
    ("Query", "nodes", NODES),
    ("Query", "network", ANY_KEY),
    ("Query", "__schema", SUPPORT),
    ("Query", "__type", SUPPORT),
    ("Mutation", "bookTrip", BOOK),
    ("Mutation", "cancelTrip", BOOKINGS),
    ("Mutation", "cancelReservation", BOOKINGS),
    ("Subscription", "tripChanged", BOOKINGS),
    ("Subscription", "networkChanged", ANY_KEY),
    ("AffectedTrip", "trip", SUPPORT),
    ("AffectedTrip", "networkVersion", SUPPORT),
    ("AffectedTrip", "foundAt", SUPPORT),
    ("AffectedTrip", "legs", SUPPORT),
    ("AffectedTripConnection", "edges", SUPPORT),
    ("AffectedTripConnection", "nodes", SUPPORT),
    ("AffectedTripConnection", "pageInfo", SUPPORT),
    ("AffectedTripConnection", "totalCount", SUPPORT),
    ("AffectedTripEdge", "cursor", SUPPORT),
    ("AffectedTripEdge", "node", SUPPORT),
    ("AffectedLeg", "leg", SUPPORT),
    ("AffectedLeg", "change", SUPPORT),
    ("AffectedLeg", "departure", SUPPORT),
    ("AffectedLeg", "arrival", SUPPORT),
    ("BookTripPayload", "trip", BOOKINGS),
    ("BookTripPayload", "refusals", BOOKINGS),
    ("BookedLeg", "sourceId", BOOKINGS),
    ("BookedLeg", "trainType", BOOKINGS),
    ("BookedLeg", "serviceDate", BOOKINGS),
    ("BookedLeg", "originName", BOOKINGS),
    ("BookedLeg", "destinationName", BOOKINGS),
    ("BookedLeg", "departure", BOOKINGS),
    ("BookedLeg", "arrival", BOOKINGS),
    ("BookedLeg", "price", BOOKINGS),
    ("Call", "station", SEARCH),
    ("Call", "arrival", SEARCH),
    ("Call", "departure", SEARCH),
    ("CancelReservationPayload", "trip", BOOKINGS),
    ("CancelReservationPayload", "refusals", BOOKINGS),
    ("CancelTripPayload", "trip", BOOKINGS),
    ("CancelTripPayload", "refusals", BOOKINGS),
    ("Client", "id", BOOKINGS),
    ("Client", "firstName", BOOKINGS),
    ("Client", "lastName", BOOKINGS),
    ("Client", "idNumber", BOOKINGS),
    ("Client", "currentTrips", BOOKINGS),
    ("Client", "pastTrips", BOOKINGS),
    ("Departure", "serviceJourney", SEARCH),
    ("Departure", "serviceDate", SEARCH),
    ("Departure", "departure", SEARCH),
    ("Departure", "destination", SEARCH),
    ("DepartureConnection", "edges", SEARCH),
    ("DepartureConnection", "nodes", SEARCH),
    ("DepartureConnection", "pageInfo", SEARCH),
    ("DepartureConnection", "totalCount", SEARCH),
    ("DepartureEdge", "cursor", SEARCH),
    ("DepartureEdge", "node", SEARCH),
    ("Itinerary", "id", SEARCH),
    ("Itinerary", "departure", SEARCH),
    ("Itinerary", "arrival", SEARCH),
    ("Itinerary", "duration", SEARCH),
    ("Itinerary", "stops", SEARCH),
    ("Itinerary", "legs", SEARCH),
    ("Itinerary", "transfers", SEARCH),
    ("Itinerary", "price", SEARCH),
    ("ItineraryConnection", "edges", SEARCH),
    ("ItineraryConnection", "nodes", SEARCH),
    ("ItineraryConnection", "pageInfo", SEARCH),
    ("ItineraryConnection", "totalCount", SEARCH),
    ("ItineraryConnection", "searchWindow", SEARCH),
    ("ItineraryConnection", "problems", SEARCH),
    ("ItineraryEdge", "cursor", SEARCH),
    ("ItineraryEdge", "node", SEARCH),
    ("Leg", "serviceJourney", SEARCH),
    ("Leg", "serviceDate", SEARCH),
    ("Leg", "origin", SEARCH),
    ("Leg", "destination", SEARCH),
    ("Leg", "departure", SEARCH),
    ("Leg", "arrival", SEARCH),
    ("Leg", "duration", SEARCH),
    ("Leg", "price", SEARCH),
    ("Money", "amount", ANY_KEY),
    ("Money", "currency", ANY_KEY),
    ("Network", "version", ANY_KEY),
    ("Network", "compiledBy", ANY_KEY),
    ("Network", "firstDate", ANY_KEY),
    ("Network", "lastDate", ANY_KEY),
    ("Network", "timeZone", ANY_KEY),
    ("Network", "stationCount", ANY_KEY),
    ("Network", "serviceJourneyCount", ANY_KEY),
    ("Network", "trainTypes", ANY_KEY),
    ("Network", "operators", ANY_KEY),
    ("Node", "id", ANY_KEY),
    ("PageInfo", "hasNextPage", ANY_KEY),
    ("PageInfo", "hasPreviousPage", ANY_KEY),
    ("PageInfo", "startCursor", ANY_KEY),
    ("PageInfo", "endCursor", ANY_KEY),
    ("Refusal", "code", BOOKINGS),
    ("Refusal", "message", BOOKINGS),
    ("Refusal", "path", BOOKINGS),
    ("Reservation", "id", BOOKINGS),
    ("Reservation", "status", BOOKINGS),
    ("Reservation", "client", BOOKINGS),
    ("Reservation", "age", BOOKINGS),
    ("Reservation", "ticket", BOOKINGS),
    ("SearchProblem", "code", SEARCH),
    ("SearchProblem", "message", SEARCH),
    ("SearchProblem", "argument", SEARCH),
    ("SearchProblem", "suggestions", SEARCH),
    ("SearchProblem", "nextDate", SEARCH),
    ("SearchWindow", "start", SEARCH),
    ("SearchWindow", "end", SEARCH),
    ("ServiceJourney", "id", SEARCH),
    ("ServiceJourney", "sourceId", SEARCH),
    ("ServiceJourney", "trainType", SEARCH),
    ("ServiceJourney", "number", SEARCH),
    ("ServiceJourney", "operator", SEARCH),
    ("ServiceJourney", "calls", SEARCH),
    ("ServiceJourneyConnection", "edges", SEARCH),
    ("ServiceJourneyConnection", "nodes", SEARCH),
    ("ServiceJourneyConnection", "pageInfo", SEARCH),
    ("ServiceJourneyConnection", "totalCount", SEARCH),
    ("ServiceJourneyEdge", "cursor", SEARCH),
    ("ServiceJourneyEdge", "node", SEARCH),
    ("Station", "id", SEARCH),
    ("Station", "name", SEARCH),
    ("Station", "country", SEARCH),
    ("Station", "timeZone", SEARCH),
    ("Station", "latitude", SEARCH),
    ("Station", "longitude", SEARCH),
    ("Station", "departures", SEARCH),
    ("StationConnection", "edges", SEARCH),
    ("StationConnection", "nodes", SEARCH),
    ("StationConnection", "pageInfo", SEARCH),
    ("StationConnection", "totalCount", SEARCH),
    ("StationEdge", "cursor", SEARCH),
    ("StationEdge", "node", SEARCH),
    ("Ticket", "id", BOOKINGS),
    ("Ticket", "number", BOOKINGS),
    ("Ticket", "issuedAt", BOOKINGS),
    ("Transfer", "from", SEARCH),
    ("Transfer", "to", SEARCH),
    ("Transfer", "layover", SEARCH),
    ("Trip", "id", BOOKINGS),
    ("Trip", "reference", BOOKINGS),
    ("Trip", "status", BOOKINGS),
    ("Trip", "availableActions", BOOKINGS),
    ("Trip", "version", BOOKINGS),
    ("Trip", "bookedAt", BOOKINGS),
    ("Trip", "fareClass", BOOKINGS),
    ("Trip", "departure", BOOKINGS),
    ("Trip", "arrival", BOOKINGS),
    ("Trip", "stops", BOOKINGS),
    ("Trip", "legs", BOOKINGS),
    ("Trip", "price", BOOKINGS),
    ("Trip", "reservations", BOOKINGS),
    ("TripConnection", "edges", BOOKINGS),
    ("TripConnection", "nodes", BOOKINGS),
    ("TripConnection", "pageInfo", BOOKINGS),
    ("TripConnection", "totalCount", BOOKINGS),
    ("TripEdge", "cursor", BOOKINGS),
    ("TripEdge", "node", BOOKINGS),
];

/// What is needed where an object is reached through another one: the type and field that lead to
/// it, the field of it, and the need.
///
/// Whoever knows one trip of a traveller does not know the traveller's id number, and must not see
/// the other trips.
const BEYOND: &[(&str, &str, &str, Need)] = &[
    ("Reservation", "client", "currentTrips", SUPPORT),
    ("Reservation", "client", "pastTrips", SUPPORT),
];

/// What a field of a type needs.
pub fn need(type_name: &str, field: &str) -> Need {
    let is_it = |entry: &&(&str, &str, Need)| entry.0 == type_name && entry.1 == field;
    let found = POLICY.iter().find(is_it);
    found.map_or(Scopes::of(&[Scope::Admin]), |entry| entry.2)
}

/// What a field needs besides, because of the type and field that lead to its object.
pub fn beyond(through: (&str, &str), field: &str) -> Option<Need> {
    let is_it =
        |entry: &&(&str, &str, &str, Need)| (entry.0, entry.1) == through && entry.2 == field;
    BEYOND.iter().find(is_it).map(|entry| entry.3)
}
