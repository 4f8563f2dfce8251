//! Trains and their stops as callers see them.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, Result, SimpleObject};
use chrono::NaiveDate;
use schema::{JourneyIdx, StationIdx};

use super::node::NodeId;
use super::scalars::{Date, DateTime};
use super::station::{Station, StationInput};
use crate::search::{self, JourneyFilter, JourneyOnDay, Network};

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
        let JourneyOnDay { journey, day } = search::journey_by_source(network, id)?;
        Some(Self::on(network, journey, day))
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

/// What trains are asked for.
#[derive(Debug, Clone, Default, InputObject)]
pub struct ServiceJourneyFilter {
    /// It stops there.
    pub calls: Option<StationInput>,
    /// Its run begins there.
    pub origin: Option<StationInput>,
    /// Its run ends there.
    pub destination: Option<StationInput>,
    /// Its train type is one of these.
    pub train_types: Option<Vec<String>>,
    /// It is run by one of these.
    pub operators: Option<Vec<String>>,
    /// Its public number.
    pub number: Option<String>,
    /// It runs on this service date, and is answered as it runs on it.
    pub date: Option<Date>,
    /// Its id in the source.
    pub source_id: Option<String>,
}

impl ServiceJourneyFilter {
    /// The same in the network's own words.
    ///
    /// # Errors
    ///
    /// Where no station, or several, have a name.
    pub fn resolve(&self, network: &Network) -> Result<JourneyFilter> {
        let station = |input: &Option<StationInput>, argument: &str| {
            input.as_ref().map(|input| input.one(network, argument)).transpose()
        };
        let set = |names: &Option<Vec<String>>| {
            names.as_ref().map(|names| names.iter().cloned().collect())
        };
        Ok(JourneyFilter {
            calls: station(&self.calls, "filter.calls")?,
            origin: station(&self.origin, "filter.origin")?,
            destination: station(&self.destination, "filter.destination")?,
            train_types: set(&self.train_types),
            operators: set(&self.operators),
            number: self.number.clone(),
            date: self.date.map(|date| date.0),
            source_id: self.source_id.clone(),
        })
    }
}

/// A train that leaves a station.
#[derive(Clone)]
pub struct Departure {
    network: Arc<Network>,
    row: search::Departure,
}

impl Departure {
    /// A row of a station's departure board.
    pub fn new(network: &Arc<Network>, row: search::Departure) -> Self {
        Self { network: Arc::clone(network), row }
    }
}

/// A train that leaves a station.
#[Object]
impl Departure {
    /// The train.
    async fn service_journey(&self) -> ServiceJourney {
        ServiceJourney::on(&self.network, self.row.journey, self.row.day)
    }

    /// The date the train's run belongs to. It may be the day before the departure.
    async fn service_date(&self) -> Date {
        Date(self.network.view().date_of(self.row.day))
    }

    /// When it leaves, in the station's local time.
    async fn departure(&self) -> DateTime {
        let view = self.network.view();
        let call = &view.calls(self.row.journey)[self.row.call as usize];
        let station = StationIdx(call.station.0.to_native());
        DateTime::at(self.network.zone(station), self.row.departure)
    }

    /// Where the train's run ends.
    async fn destination(&self) -> Station {
        let calls = self.network.view().calls(self.row.journey);
        let station = StationIdx(calls[calls.len() - 1].station.0.to_native());
        Station::new(&self.network, station)
    }
}
