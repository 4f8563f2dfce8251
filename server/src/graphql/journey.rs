//! Trains and their stops as callers see them.

use std::sync::Arc;

use async_graphql::{ID, InputObject, Object, Result, ServerResult};
use chrono::NaiveDate;
use schema::{JourneyIdx, StationIdx};

use super::node::NodeId;
use super::scalars::{Date, DateTime};
use super::station::{Station, StationInput};
use super::written::{Json, Selected, Steps, Writes, Written, write_list, write_object};
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

    /// Minutes from the service date's midnight by the clocks at a station.
    fn local(&self, station: StationIdx, minute: i16) -> i32 {
        let view = self.network.view();
        let instant = view.origin(self.day) + i32::from(minute);
        let zone = self.network.zone(station);
        let date: NaiveDate = schema::local_date(zone, instant);
        let days = (date - view.date_of(self.day)).num_days().max(0);
        days as i32 * 1440 + i32::from(schema::local_minute_of_day(zone, instant))
    }

    fn stops(&self) -> impl Iterator<Item = Call> {
        let calls = self.network.view().calls(self.journey);
        let last = calls.len() - 1;
        calls.iter().enumerate().map(move |(at, call)| {
            let station = StationIdx(call.station.0.to_native());
            Call {
                station: Station::new(&self.network, station),
                arrival: (at > 0).then(|| self.local(station, call.arrival.to_native())),
                departure: (at < last).then(|| self.local(station, call.departure.to_native())),
            }
        })
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
        self.stops().collect()
    }
}

/// A stop of a train, in the local time of its station.
#[derive(Clone)]
pub struct Call {
    station: Station,
    /// Minutes from the service date's midnight.
    arrival: Option<i32>,
    departure: Option<i32>,
}

fn hours_and_minutes(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

/// A stop of a train, in the local time of its station.
#[Object]
impl Call {
    /// Where it stops.
    async fn station(&self) -> &Station {
        &self.station
    }

    /// HH:MM from the service date's midnight, hours may pass 24; null at the first stop.
    async fn arrival(&self) -> Option<String> {
        self.arrival.map(hours_and_minutes)
    }

    /// HH:MM from the service date's midnight, hours may pass 24; null at the last stop.
    async fn departure(&self) -> Option<String> {
        self.departure.map(hours_and_minutes)
    }
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

    fn station(&self, call: u16) -> StationIdx {
        let calls = self.network.view().calls(self.row.journey);
        StationIdx(calls[call as usize].station.0.to_native())
    }

    fn last(&self) -> StationIdx {
        self.station((self.network.view().calls(self.row.journey).len() - 1) as u16)
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
        DateTime::at(self.network.zone(self.station(self.row.call)), self.row.departure)
    }

    /// Where the train's run ends.
    async fn destination(&self) -> Station {
        Station::new(&self.network, self.last())
    }
}

/// What is selected of a train.
pub enum ServiceJourneyField {
    Id,
    SourceId,
    TrainType,
    Number,
    Operator,
    Calls(Steps<Call>),
}

impl Writes for ServiceJourney {
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Field = ServiceJourneyField;

    fn field(selected: &Selected<'_>) -> ServerResult<ServiceJourneyField> {
        Ok(match selected.name() {
            "id" => ServiceJourneyField::Id,
            "sourceId" => ServiceJourneyField::SourceId,
            "trainType" => ServiceJourneyField::TrainType,
            "number" => ServiceJourneyField::Number,
            "operator" => ServiceJourneyField::Operator,
            "calls" => ServiceJourneyField::Calls(selected.steps()?),
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &ServiceJourneyField, json: &mut Json) -> Written {
        let view = self.network.view();
        let row = view.journey(self.journey);
        match field {
            ServiceJourneyField::Id => {
                json.base64(|text| NodeId::push("ServiceJourney", self.source(), text));
            }
            ServiceJourneyField::SourceId => json.string(self.source()),
            ServiceJourneyField::TrainType => json.string(view.train_type(self.journey)),
            ServiceJourneyField::Number => {
                json.string_or_null(view.text(row.number.to_native()));
            }
            ServiceJourneyField::Operator => {
                json.string_or_null(view.text(row.operator.to_native()));
            }
            ServiceJourneyField::Calls(steps) => {
                write_list(self.stops(), json, |call, json| write_object(&call, steps, json))?;
            }
        }
        Ok(())
    }
}

/// What is selected of a stop of a train.
pub enum CallField {
    Station(Steps<Station>),
    Arrival,
    Departure,
}

impl Writes for Call {
    type Field = CallField;

    fn field(selected: &Selected<'_>) -> ServerResult<CallField> {
        Ok(match selected.name() {
            "station" => CallField::Station(selected.steps()?),
            "arrival" => CallField::Arrival,
            "departure" => CallField::Departure,
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &CallField, json: &mut Json) -> Written {
        let mut time = |minutes: Option<i32>| match minutes {
            Some(minutes) => json.hours_and_minutes(minutes),
            None => json.null(),
        };
        match field {
            CallField::Station(steps) => return write_object(&self.station, steps, json),
            CallField::Arrival => time(self.arrival),
            CallField::Departure => time(self.departure),
        }
        Ok(())
    }
}

/// What is selected of a train that leaves a station.
pub enum DepartureField {
    ServiceJourney(Steps<ServiceJourney>),
    ServiceDate,
    Departure,
    Destination(Steps<Station>),
}

impl Writes for Departure {
    type Field = DepartureField;

    fn field(selected: &Selected<'_>) -> ServerResult<DepartureField> {
        Ok(match selected.name() {
            "serviceJourney" => DepartureField::ServiceJourney(selected.steps()?),
            "serviceDate" => DepartureField::ServiceDate,
            "departure" => DepartureField::Departure,
            "destination" => DepartureField::Destination(selected.steps()?),
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &DepartureField, json: &mut Json) -> Written {
        let (network, row) = (&self.network, self.row);
        match field {
            DepartureField::ServiceJourney(steps) => {
                write_object(&ServiceJourney::on(network, row.journey, row.day), steps, json)?;
            }
            DepartureField::ServiceDate => json.date(network.view().date_of(row.day)),
            DepartureField::Departure => {
                json.moment(network.zone(self.station(row.call)), row.departure);
            }
            DepartureField::Destination(steps) => {
                write_object(&Station::new(network, self.last()), steps, json)?;
            }
        }
        Ok(())
    }
}
