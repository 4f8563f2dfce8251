//! What an itinerary must satisfy, beyond being feasible. Filters are part of the search: BEST is
//! what is best among the itineraries that satisfy them.

use std::collections::BTreeSet;

use schema::{DatedLeg, JourneyIdx, LayoverPolicy, NONE, NetworkView, PriceCents, StationIdx};

use super::itinerary::{FareClass, Itinerary};

/// A station at which an itinerary changes trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Via(pub StationIdx);

/// What an itinerary must satisfy. The default asks for nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// At most so many changes of train.
    pub stops_max: Option<usize>,
    /// Every leg's train is of one of these types.
    pub train_types: Option<BTreeSet<String>>,
    /// No leg's train is of one of these types.
    pub train_types_excluded: BTreeSet<String>,
    /// Every leg's train is run by one of these.
    pub operators: Option<BTreeSet<String>>,
    /// Minutes that every transfer takes at least, where the station or footpath needs fewer.
    pub transfer_minutes_min: Option<i32>,
    /// In place of the network's own layover policy.
    pub layover_policy: Option<LayoverPolicy>,
    /// At most this price, in this class; itineraries without a price are left out.
    pub price_max: Option<(FareClass, PriceCents)>,
    /// At most so many minutes from departure to arrival.
    pub minutes_max: Option<i32>,
    /// It changes trains there: leaves a train there, or boards one.
    pub via: Option<Via>,
}

/// Which of the network's texts a name is. They are sorted.
pub fn text_idx(view: NetworkView<'_>, name: &str) -> Option<u32> {
    let texts = &view.archived().texts;
    texts.binary_search_by(|text| text.as_str().cmp(name)).ok().map(|at| at as u32)
}

/// The trains that a filter allows, by the texts of a network.
#[derive(Debug, Clone)]
pub struct Trains {
    types: Option<Vec<u32>>,
    types_excluded: Vec<u32>,
    operators: Option<Vec<u32>>,
}

impl Trains {
    /// Whether a journey is one of them.
    #[inline]
    pub fn allow(&self, view: NetworkView<'_>, journey: JourneyIdx) -> bool {
        let journey = view.journey(journey);
        let one_of = |names: &Option<Vec<u32>>, name: u32| {
            names.as_ref().is_none_or(|names| names.contains(&name))
        };
        let train_type = journey.train_type.0.to_native();
        one_of(&self.types, train_type)
            && !self.types_excluded.contains(&train_type)
            && one_of(&self.operators, journey.operator.to_native())
    }
}

impl Filter {
    /// Whether it asks for nothing, so that every itinerary satisfies it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The changes of train that it allows.
    pub fn stops(&self) -> usize {
        self.stops_max.unwrap_or(schema::MAX_STOPS).min(schema::MAX_STOPS)
    }

    /// The layover policy that holds.
    pub fn policy(&self, view: NetworkView<'_>) -> LayoverPolicy {
        self.layover_policy.unwrap_or_else(|| view.layover_policy())
    }

    /// The trains that it allows, in this network.
    pub fn trains(&self, view: NetworkView<'_>) -> Trains {
        // A name that the network does not know names no train.
        let all = |names: &BTreeSet<String>| {
            names.iter().filter_map(|name| text_idx(view, name)).collect()
        };
        Trains {
            types: self.train_types.as_ref().map(all),
            types_excluded: all(&self.train_types_excluded),
            operators: self.operators.as_ref().map(all),
        }
    }

    /// Whether an itinerary satisfies what is asked of it as a whole: stops, price, duration, via.
    pub fn allows(&self, view: NetworkView<'_>, itinerary: &Itinerary) -> bool {
        itinerary.stops() <= self.stops()
            && self.price_max.is_none_or(|(class, most)| {
                class.of(itinerary.fare).is_some_and(|price| price != NONE && price <= most)
            })
            && self.minutes_max.is_none_or(|most| itinerary.minutes() <= most)
            && self.via.is_none_or(|Via(station)| {
                let changes_at =
                    |two: &[DatedLeg]| view.to(two[0]) == station || view.from(two[1]) == station;
                itinerary.legs.windows(2).any(changes_at)
            })
    }
}
