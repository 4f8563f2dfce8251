//! What a search has found so far, and what it need not look for any more.

use schema::{Instant, NetworkView};

use super::fares::Fares;
use crate::search::ITINERARIES_MAX;
use crate::search::frontier::Frontier;
use crate::search::itinerary::Itinerary;

/// The itineraries found.
pub enum Found<'n> {
    /// All, as far as they are counted.
    All(Vec<Itinerary>),
    /// Those that none of the others dominates.
    Best(Frontier<'n>),
}

/// What all itineraries have in common that could still be found somewhere.
#[derive(Debug, Clone, Copy)]
pub struct Outlook {
    /// None departs later.
    pub departure: Instant,
    /// None arrives earlier.
    pub arrival: Instant,
    /// All have so many legs.
    pub legs: usize,
    /// None costs less.
    pub fares: Fares,
}

impl<'n> Found<'n> {
    /// Nothing yet, where all are wanted.
    pub const fn all() -> Self {
        Self::All(Vec::new())
    }

    /// Nothing yet, where the best are wanted.
    pub const fn best(view: NetworkView<'n>) -> Self {
        Self::Best(Frontier::new(view))
    }

    /// Adds an itinerary. False where no more are wanted.
    pub fn add(&mut self, itinerary: &Itinerary) -> bool {
        match self {
            Self::All(all) => {
                all.push(*itinerary);
                all.len() <= ITINERARIES_MAX
            }
            Self::Best(frontier) => {
                frontier.add(itinerary);
                true
            }
        }
    }

    /// Whether nothing of this kind is wanted, because one that is there dominates all of it.
    pub fn excludes(&self, outlook: Outlook) -> bool {
        let Self::Best(frontier) = self else { return false };
        let Outlook { departure, arrival, legs, fares } = outlook;
        frontier.departing_from(departure, arrival).any(|it| {
            let is_better =
                it.departure > departure || it.arrival < arrival || it.legs.len() < legs;
            is_better && it.legs.len() <= legs && fares.are_no_less_than(it.fare)
        })
    }

    /// What is there.
    pub fn itineraries(&self) -> &[Itinerary] {
        match self {
            Self::All(all) => all,
            Self::Best(frontier) => frontier.itineraries(),
        }
    }

    /// What is there.
    pub fn into_itineraries(self) -> Vec<Itinerary> {
        match self {
            Self::All(all) => all,
            Self::Best(frontier) => frontier.into_itineraries(),
        }
    }
}
