//! Itineraries as callers see them.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};
use schema::{DatedLeg, StationIdx};

use super::journey::ServiceJourney;
use super::scalars::{Date, DateTime, Decimal, Duration};
use super::station::Station;
use crate::search::{self, ItineraryId, Network};

/// A class that fares are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Default)]
pub enum FareClass {
    /// First class.
    First,
    /// Second class.
    #[default]
    Second,
}

impl From<FareClass> for search::FareClass {
    fn from(class: FareClass) -> Self {
        match class {
            FareClass::First => Self::First,
            FareClass::Second => Self::Second,
        }
    }
}

/// An amount of money.
#[derive(Debug, Clone, SimpleObject)]
pub struct Money {
    /// With two decimals.
    pub amount: Decimal,
    /// ISO 4217 code.
    pub currency: String,
}

impl Money {
    /// An amount in cents of a currency.
    pub fn of_cents(cents: impl Into<i64>, currency: &str) -> Self {
        Self { amount: Decimal::of_cents(cents.into()), currency: currency.to_owned() }
    }
}

/// One to three rides with feasible transfers, on a date.
#[derive(Clone)]
pub struct Itinerary {
    network: Arc<Network>,
    found: search::Itinerary,
}

impl Itinerary {
    /// An itinerary of this network.
    pub fn new(network: &Arc<Network>, found: search::Itinerary) -> Self {
        Self { network: Arc::clone(network), found }
    }

    fn last(&self) -> DatedLeg {
        self.found.legs[self.found.legs.len() - 1]
    }
}

fn moment(network: &Network, station: StationIdx, instant: schema::Instant) -> DateTime {
    DateTime::at(network.zone(station), instant)
}

fn price(network: &Network, fare: schema::Fare, class: FareClass) -> Option<Money> {
    let cents = search::FareClass::from(class).of(fare)?;
    Some(Money::of_cents(cents, &network.view().archived().currency))
}

/// One to three rides with feasible transfers, on a date.
#[Object]
impl Itinerary {
    /// Names its legs and dates; the same after a recompilation that leaves them alone.
    async fn id(&self) -> ID {
        ID(ItineraryId::of(&self.network, &self.found).encode())
    }

    /// When the first train leaves, in the origin's local time.
    async fn departure(&self) -> DateTime {
        let origin = self.network.view().from(self.found.legs[0]);
        moment(&self.network, origin, self.found.departure)
    }

    /// When the last train arrives, in the destination's local time.
    async fn arrival(&self) -> DateTime {
        let destination = self.network.view().to(self.last());
        moment(&self.network, destination, self.found.arrival)
    }

    /// From departure to arrival.
    async fn duration(&self) -> Duration {
        Duration::of_minutes(self.found.minutes())
    }

    /// Changes of train: 0, 1 or 2.
    async fn stops(&self) -> usize {
        self.found.stops()
    }

    /// Its rides, in order.
    async fn legs(&self) -> Vec<Leg> {
        let leg = |leg: &DatedLeg| Leg { network: Arc::clone(&self.network), leg: *leg };
        self.found.legs.iter().map(leg).collect()
    }

    /// The changes between its rides, in order.
    async fn transfers(&self) -> Vec<Transfer> {
        let view = self.network.view();
        let transfer = |two: &[DatedLeg]| Transfer {
            from: Station::new(&self.network, view.to(two[0])),
            to: Station::new(&self.network, view.from(two[1])),
            layover: Duration::of_minutes(view.departure(two[1]) - view.arrival(two[0])),
        };
        self.found.legs.windows(2).map(transfer).collect()
    }

    /// What one traveller pays for all legs. Null where a leg has no fare in this class.
    async fn price(
        &self,
        #[graphql(default, desc = "The class.")] fare_class: FareClass,
    ) -> Option<Money> {
        price(&self.network, self.found.fare, fare_class)
    }
}

/// A ride of one train.
#[derive(Clone)]
pub struct Leg {
    network: Arc<Network>,
    leg: DatedLeg,
}

/// A ride of one train.
#[Object]
impl Leg {
    /// The train.
    async fn service_journey(&self) -> ServiceJourney {
        ServiceJourney::on(&self.network, self.leg.journey, self.leg.day)
    }

    /// The date the train's run belongs to. It may be the day before the departure.
    async fn service_date(&self) -> Date {
        Date(self.network.view().date_of(self.leg.day))
    }

    /// Where the ride begins.
    async fn origin(&self) -> Station {
        Station::new(&self.network, self.network.view().from(self.leg))
    }

    /// Where it ends.
    async fn destination(&self) -> Station {
        Station::new(&self.network, self.network.view().to(self.leg))
    }

    /// When it begins, in its origin's local time.
    async fn departure(&self) -> DateTime {
        let view = self.network.view();
        moment(&self.network, view.from(self.leg), view.departure(self.leg))
    }

    /// When it ends, in its destination's local time.
    async fn arrival(&self) -> DateTime {
        let view = self.network.view();
        moment(&self.network, view.to(self.leg), view.arrival(self.leg))
    }

    /// From departure to arrival.
    async fn duration(&self) -> Duration {
        let view = self.network.view();
        Duration::of_minutes(view.arrival(self.leg) - view.departure(self.leg))
    }

    /// What one traveller pays for it. Null where it has no fare in this class.
    async fn price(
        &self,
        #[graphql(default, desc = "The class.")] fare_class: FareClass,
    ) -> Option<Money> {
        let DatedLeg { journey, board, alight, .. } = self.leg;
        price(&self.network, self.network.view().fare(journey, board, alight), fare_class)
    }
}

/// A change of train.
#[derive(Clone, SimpleObject)]
pub struct Transfer {
    /// Where the one train is left.
    from: Station,
    /// Where the other is boarded: the same station, or one that a footpath leads to.
    to: Station,
    /// From the arrival of the one to the departure of the other.
    layover: Duration,
}
