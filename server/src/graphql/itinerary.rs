//! Itineraries as callers see them.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, ServerResult, SimpleObject};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schema::{DatedLeg, StationIdx};

use super::journey::ServiceJourney;
use super::scalars::{Date, DateTime, Decimal, Duration};
use super::station::Station;
use super::written::{
    Json, Selected, Steps, Writes, Written, write_list, write_object, write_option,
};
use crate::search::{self, Network, push_itinerary_id};

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

    fn leg(&self, leg: DatedLeg) -> Leg {
        Leg { network: Arc::clone(&self.network), leg }
    }

    fn transfer(&self, before: DatedLeg, after: DatedLeg) -> Transfer {
        let view = self.network.view();
        Transfer {
            from: Station::new(&self.network, view.to(before)),
            to: Station::new(&self.network, view.from(after)),
            layover: Duration::of_minutes(view.departure(after) - view.arrival(before)),
        }
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
        let mut text = String::new();
        push_itinerary_id(&self.network, &self.found, &mut text);
        ID(URL_SAFE_NO_PAD.encode(text))
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
        self.found.legs.iter().map(|leg| self.leg(*leg)).collect()
    }

    /// The changes between its rides, in order.
    async fn transfers(&self) -> Vec<Transfer> {
        self.found.legs.windows(2).map(|two| self.transfer(two[0], two[1])).collect()
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

/// Writes the price of a fare in a class.
fn write_price(
    network: &Network,
    fare: schema::Fare,
    class: FareClass,
    steps: &Steps<Money>,
    json: &mut Json,
) -> Written {
    write_option(price(network, fare, class).as_ref(), steps, json)
}

/// What is selected of an amount of money.
pub enum MoneyField {
    Amount,
    Currency,
}

impl Writes for Money {
    type Field = MoneyField;

    fn field(selected: &Selected<'_>) -> ServerResult<MoneyField> {
        match selected.name() {
            "amount" => Ok(MoneyField::Amount),
            "currency" => Ok(MoneyField::Currency),
            _ => Err(selected.unknown()),
        }
    }

    fn write(&self, field: &MoneyField, json: &mut Json) -> Written {
        match field {
            MoneyField::Amount => json.string(&self.amount.0.to_string()),
            MoneyField::Currency => json.string(&self.currency),
        }
        Ok(())
    }
}

/// What is selected of an itinerary.
pub enum ItineraryField {
    Id,
    Departure,
    Arrival,
    Duration,
    Stops,
    Legs(Steps<Leg>),
    Transfers(Steps<Transfer>),
    Price(FareClass, Steps<Money>),
}

impl Writes for Itinerary {
    type Field = ItineraryField;

    fn field(selected: &Selected<'_>) -> ServerResult<ItineraryField> {
        Ok(match selected.name() {
            "id" => ItineraryField::Id,
            "departure" => ItineraryField::Departure,
            "arrival" => ItineraryField::Arrival,
            "duration" => ItineraryField::Duration,
            "stops" => ItineraryField::Stops,
            "legs" => ItineraryField::Legs(selected.steps()?),
            "transfers" => ItineraryField::Transfers(selected.steps()?),
            "price" => ItineraryField::Price(fare_class(selected)?, selected.steps()?),
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &ItineraryField, json: &mut Json) -> Written {
        let (view, legs) = (self.network.view(), &self.found.legs);
        match field {
            ItineraryField::Id => {
                json.base64(|text| push_itinerary_id(&self.network, &self.found, text));
            }
            ItineraryField::Departure => {
                json.moment(self.network.zone(view.from(legs[0])), self.found.departure);
            }
            ItineraryField::Arrival => {
                json.moment(self.network.zone(view.to(self.last())), self.found.arrival);
            }
            ItineraryField::Duration => json.duration(self.found.minutes()),
            ItineraryField::Stops => json.integer(self.found.stops() as i64),
            ItineraryField::Legs(steps) => write_list(legs.iter(), json, |leg, json| {
                write_object(&self.leg(*leg), steps, json)
            })?,
            ItineraryField::Transfers(steps) => write_list(legs.windows(2), json, |two, json| {
                write_object(&self.transfer(two[0], two[1]), steps, json)
            })?,
            ItineraryField::Price(class, steps) => {
                write_price(&self.network, self.found.fare, *class, steps, json)?;
            }
        }
        Ok(())
    }
}

fn fare_class(selected: &Selected<'_>) -> ServerResult<FareClass> {
    selected.argument("fareClass", FareClass::default)
}

/// What is selected of a leg.
pub enum LegField {
    ServiceJourney(Steps<ServiceJourney>),
    ServiceDate,
    Origin(Steps<Station>),
    Destination(Steps<Station>),
    Departure,
    Arrival,
    Duration,
    Price(FareClass, Steps<Money>),
}

impl Writes for Leg {
    type Field = LegField;

    fn field(selected: &Selected<'_>) -> ServerResult<LegField> {
        Ok(match selected.name() {
            "serviceJourney" => LegField::ServiceJourney(selected.steps()?),
            "serviceDate" => LegField::ServiceDate,
            "origin" => LegField::Origin(selected.steps()?),
            "destination" => LegField::Destination(selected.steps()?),
            "departure" => LegField::Departure,
            "arrival" => LegField::Arrival,
            "duration" => LegField::Duration,
            "price" => LegField::Price(fare_class(selected)?, selected.steps()?),
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &LegField, json: &mut Json) -> Written {
        let (network, view, leg) = (&self.network, self.network.view(), self.leg);
        let station = |idx| Station::new(network, idx);
        match field {
            LegField::ServiceJourney(steps) => {
                let journey = ServiceJourney::on(network, leg.journey, leg.day);
                write_object(&journey, steps, json)?;
            }
            LegField::ServiceDate => json.date(view.date_of(leg.day)),
            LegField::Origin(steps) => write_object(&station(view.from(leg)), steps, json)?,
            LegField::Destination(steps) => write_object(&station(view.to(leg)), steps, json)?,
            LegField::Departure => json.moment(network.zone(view.from(leg)), view.departure(leg)),
            LegField::Arrival => json.moment(network.zone(view.to(leg)), view.arrival(leg)),
            LegField::Duration => json.duration(view.arrival(leg) - view.departure(leg)),
            LegField::Price(class, steps) => {
                let fare = view.fare(leg.journey, leg.board, leg.alight);
                write_price(network, fare, *class, steps, json)?;
            }
        }
        Ok(())
    }
}

/// What is selected of a change of train.
pub enum TransferField {
    From(Steps<Station>),
    To(Steps<Station>),
    Layover,
}

impl Writes for Transfer {
    type Field = TransferField;

    fn field(selected: &Selected<'_>) -> ServerResult<TransferField> {
        Ok(match selected.name() {
            "from" => TransferField::From(selected.steps()?),
            "to" => TransferField::To(selected.steps()?),
            "layover" => TransferField::Layover,
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &TransferField, json: &mut Json) -> Written {
        match field {
            TransferField::From(steps) => write_object(&self.from, steps, json)?,
            TransferField::To(steps) => write_object(&self.to, steps, json)?,
            TransferField::Layover => json.duration(self.layover.minutes() as i32),
        }
        Ok(())
    }
}
