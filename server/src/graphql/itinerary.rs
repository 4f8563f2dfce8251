//! Itineraries as callers see them.

use std::sync::Arc;

use async_graphql::{Enum, ID, Object, SimpleObject};
use chrono::NaiveDate;
use schema::{DatedLeg, JourneyIdx, StationIdx};

use super::node::NodeId;
use super::paging::PageInfo;
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

/// One train as timetabled.
#[derive(Clone)]
pub struct ServiceJourney {
    network: Arc<Network>,
    journey: JourneyIdx,
    day: i32,
}

impl ServiceJourney {
    /// The train as it runs on a service date.
    pub fn on(network: &Arc<Network>, journey: JourneyIdx, day: i32) -> Self {
        Self { network: Arc::clone(network), journey, day }
    }

    /// The train with this id in the source, as it runs on the first of its dates.
    pub fn by_source(network: &Arc<Network>, id: &str) -> Option<Self> {
        let view = network.view();
        let source = view.sources_by_id(id).next()?;
        let days = view.day_set(schema::DaySetIdx(source.days.0.to_native()));
        let day = schema::days::iter(&days).next()?;
        Some(Self::on(network, JourneyIdx(source.journey.0.to_native()), day as i32))
    }

    fn source(&self) -> &str {
        self.network.view().source_id(self.journey, self.day)
    }

    fn local(&self, station: StationIdx, minute: i16) -> String {
        let view = self.network.view();
        let instant = view.origin(self.day) + i32::from(minute);
        let zone = self.network.zone(station);
        let date: NaiveDate = schema::local_date(zone, instant);
        let days = (date - view.date_of(self.day)).num_days().max(0);
        let minute = schema::local_minute_of_day(zone, instant);
        format!("{:02}:{:02}", days * 24 + i64::from(minute) / 60, minute % 60)
    }
}

/// One train as timetabled.
#[Object]
impl ServiceJourney {
    /// Opaque, unique across types, the same in every network that has the train.
    pub async fn id(&self) -> ID {
        NodeId::ServiceJourney(self.source().to_owned()).encode()
    }

    /// The id in the source: the CSV's Route ID, the GTFS trip_id.
    async fn source_id(&self) -> &str {
        self.source()
    }

    /// Its train type: AVE, ICE, Nightjet, …
    async fn train_type(&self) -> &str {
        self.network.view().train_type(self.journey)
    }

    /// Its public number, where the source has one.
    async fn number(&self) -> Option<&str> {
        let view = self.network.view();
        view.text(view.journey(self.journey).number.to_native())
    }

    /// Who runs it, where the source says.
    async fn operator(&self) -> Option<&str> {
        let view = self.network.view();
        view.text(view.journey(self.journey).operator.to_native())
    }

    /// Its stops, in order.
    async fn calls(&self) -> Vec<Call> {
        let calls = self.network.view().calls(self.journey);
        let last = calls.len() - 1;
        let call = |(at, call): (usize, &schema::ArchivedCall)| {
            let station = StationIdx(call.station.0.to_native());
            Call {
                station: Station::new(&self.network, station),
                arrival: (at > 0).then(|| self.local(station, call.arrival.to_native())),
                departure: (at < last).then(|| self.local(station, call.departure.to_native())),
            }
        };
        calls.iter().enumerate().map(call).collect()
    }
}

/// A stop of a train, in the local time of its station.
#[derive(Clone, SimpleObject)]
pub struct Call {
    /// Where it stops.
    station: Station,
    /// HH:MM from the service date's midnight, hours may pass 24; null at the first stop.
    arrival: Option<String>,
    /// HH:MM from the service date's midnight, hours may pass 24; null at the last stop.
    departure: Option<String>,
}

/// A page of itineraries, and why it holds nothing, or less than asked for.
#[derive(SimpleObject)]
pub struct ItineraryConnection {
    /// The itineraries with their cursors.
    pub edges: Vec<ItineraryEdge>,
    /// The itineraries.
    pub nodes: Vec<Itinerary>,
    /// Where the page stands.
    pub page_info: PageInfo,
    /// Itineraries on all pages.
    pub total_count: usize,
    /// The departures (or arrivals) that were searched; null where nothing was.
    pub search_window: Option<SearchWindow>,
    /// Why there is nothing, or less than asked for.
    pub problems: Vec<SearchProblem>,
}

/// An itinerary in a list.
#[derive(SimpleObject)]
pub struct ItineraryEdge {
    /// Its place in the list.
    pub cursor: String,
    /// The itinerary.
    pub node: Itinerary,
}

/// An interval that was searched.
#[derive(SimpleObject)]
pub struct SearchWindow {
    /// Departures from here on, or arrivals after here.
    pub start: DateTime,
    /// Departures before here, or arrivals until here.
    pub end: DateTime,
}

/// Why a search found nothing, or less than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum SearchProblemCode {
    /// No station has this id, name or alias.
    UnknownStation,
    /// Several stations have this name or alias.
    AmbiguousStation,
    /// Origin and destination are one station.
    SameStation,
    /// The moment lies before or after the dates of the network.
    OutsideNetworkPeriod,
    /// No itinerary with at most two stops joins the stations, on any date.
    NotWithinTwoStops,
    /// Nothing departs, or arrives, in the searched window.
    NothingInWindow,
    /// More itineraries than an answer may hold; narrow the window or add a filter.
    TooManyItineraries,
    /// The cursor was given by a network that has been replaced; start from the first page.
    StaleCursor,
}

/// Why a search found nothing, or less than asked for.
#[derive(SimpleObject)]
pub struct SearchProblem {
    /// What kind of problem it is.
    pub code: SearchProblemCode,
    /// One sentence for a developer.
    pub message: String,
    /// The argument at fault: origin, destination, dateTime, after, …
    pub argument: Option<String>,
    /// For UNKNOWN_STATION and AMBIGUOUS_STATION: the stations that may be meant.
    pub suggestions: Vec<Station>,
    /// For NOTHING_IN_WINDOW: the next date on which there is something.
    pub next_date: Option<Date>,
}

impl SearchProblem {
    /// A problem with an argument.
    pub fn new(code: SearchProblemCode, argument: &str, message: String) -> Self {
        let (suggestions, next_date) = (Vec::new(), None);
        Self { code, message, argument: Some(argument.to_owned()), suggestions, next_date }
    }
}
