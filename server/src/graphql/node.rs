//! Opaque ids of objects, unique across types.

use async_graphql::ID;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The type of an object and what is its own in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeId {
    /// The station's key in the source.
    Station(String),
    /// The journey's id in the source.
    ServiceJourney(String),
    /// The client's id in the database.
    Client(String),
    /// The trip's id in the database.
    Trip(String),
    /// The reservation's id in the database.
    Reservation(String),
    /// The ticket's id in the database.
    Ticket(String),
}

impl NodeId {
    /// The id as callers see it.
    pub fn encode(&self) -> ID {
        let (kind, own) = match self {
            Self::Station(own) => ("Station", own),
            Self::ServiceJourney(own) => ("ServiceJourney", own),
            Self::Client(own) => ("Client", own),
            Self::Trip(own) => ("Trip", own),
            Self::Reservation(own) => ("Reservation", own),
            Self::Ticket(own) => ("Ticket", own),
        };
        let mut text = String::new();
        Self::push(kind, own, &mut text);
        ID(URL_SAFE_NO_PAD.encode(text))
    }

    /// The id of an object of a type, before it is encoded.
    pub fn push(kind: &str, own: &str, text: &mut String) {
        for part in [kind, ":", own] {
            text.push_str(part);
        }
    }

    /// The id that a caller sent; None where it is none of ours.
    pub fn decode(id: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id).ok()?).ok()?;
        let (kind, own) = text.split_once(':')?;
        let own = own.to_owned();
        match kind {
            "Station" => Some(Self::Station(own)),
            "ServiceJourney" => Some(Self::ServiceJourney(own)),
            "Client" => Some(Self::Client(own)),
            "Trip" => Some(Self::Trip(own)),
            "Reservation" => Some(Self::Reservation(own)),
            "Ticket" => Some(Self::Ticket(own)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_what_it_was_and_nothing_else_is_one() {
        let id = NodeId::Station("Köln: Hbf".to_owned());
        assert_eq!(NodeId::decode(&id.encode()), Some(id));
        assert_eq!(NodeId::decode("nonsense"), None);
        assert_eq!(NodeId::decode(&URL_SAFE_NO_PAD.encode("Planet:Mars")), None);
    }
}
