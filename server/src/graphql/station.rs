//! Stations, and how a request names one.

use std::sync::Arc;

use async_graphql::{ID, Object, OneofObject, Result, ServerResult};
use schema::StationIdx;

use super::connection::Connection;
use super::error::bad_argument;
use super::journey::Departure;
use super::node::NodeId;
use super::paging::Page;
use super::scalars::{DateTime, Duration, window_minutes};
use super::written::{Json, Selected, Steps, Writes, Written, write_object};
use crate::search::{self, Found, Network};

/// Minutes of a departure board where the caller does not say.
const BOARD_MINUTES: i32 = 120;

/// A place to board.
#[derive(Clone)]
pub struct Station {
    network: Arc<Network>,
    idx: StationIdx,
}

impl Station {
    /// The station of this index.
    pub fn new(network: &Arc<Network>, idx: StationIdx) -> Self {
        Self { network: Arc::clone(network), idx }
    }

    fn archived(&self) -> &schema::ArchivedStation {
        self.network.view().station(self.idx)
    }

    fn degrees(&self) -> Option<(f64, f64)> {
        let position = self.archived().position.as_ref()?;
        let degrees = |e6: i32| f64::from(e6) / 1e6;
        Some((degrees(position.latitude_e6.into()), degrees(position.longitude_e6.into())))
    }
}

/// A place to board, as sold; platforms are folded into it.
#[Object]
impl Station {
    /// Opaque, unique across types, the same in every network that has the station.
    pub async fn id(&self) -> ID {
        NodeId::Station(self.archived().key.to_string()).encode()
    }

    /// Its name as published.
    async fn name(&self) -> &str {
        &self.archived().name
    }

    /// ISO 3166-1 alpha-2 code of its country.
    async fn country(&self) -> Option<&str> {
        self.network.view().text(self.archived().country.to_native())
    }

    /// IANA name of the zone that its times are in.
    async fn time_zone(&self) -> &str {
        self.network.view().text(self.archived().zone.0.to_native()).unwrap_or_default()
    }

    /// Degrees north (WGS 84).
    async fn latitude(&self) -> Option<f64> {
        Some(self.degrees()?.0)
    }

    /// Degrees east (WGS 84).
    async fn longitude(&self) -> Option<f64> {
        Some(self.degrees()?.1)
    }

    /// The departure board: the trains that may be boarded here, by departure.
    async fn departures(
        &self,
        #[graphql(desc = "From this moment on.")] from: DateTime,
        #[graphql(
            default_with = "Some(Duration::of_minutes(BOARD_MINUTES))",
            desc = "For so long, a week at most."
        )]
        window: Option<Duration>,
        #[graphql(desc = "Rows of the page; 20 where it is not said, at most 100.")] first: Option<
            i32,
        >,
        #[graphql(desc = "Only rows after this cursor.")] after: Option<String>,
    ) -> Result<Connection<Departure>> {
        self.board(from, window, &Page { first, after, ..Page::default() })
    }
}

impl Station {
    /// A page of the departure board.
    ///
    /// # Errors
    ///
    /// Where the window or the page is too large, or the cursor of another list.
    pub fn board(
        &self,
        from: DateTime,
        window: Option<Duration>,
        page: &Page,
    ) -> Result<Connection<Departure>> {
        let minutes = window_minutes("window", window, BOARD_MINUTES)?;
        let from = from.minute_from();
        let rows = search::departures(&self.network, self.idx, from, from + minutes);
        let version = self.network.header().version();
        let list = format!("departures {} {from} {minutes}", self.idx.0);
        Connection::page(&version, &list, page, &rows, |row| Departure::new(&self.network, row))
    }
}

/// A station by id, or by name or alias; case and accents do not matter.
#[derive(Debug, Clone, OneofObject)]
pub enum StationInput {
    /// The id that `Station.id` gave.
    Id(ID),
    /// A name or an alias.
    Name(String),
}

impl StationInput {
    /// What it names in this network.
    pub fn find(&self, network: &Network) -> Found {
        match self {
            Self::Name(name) => network.names().find(name),
            Self::Id(id) => match NodeId::decode(id) {
                Some(NodeId::Station(key)) => {
                    network.view().station_by_key(&key).map_or(Found::None(Vec::new()), Found::One)
                }
                _ => Found::None(Vec::new()),
            },
        }
    }

    /// The one station that it names.
    ///
    /// # Errors
    ///
    /// Where it names none or several: an argument's, for lists that have no `problems`.
    pub fn one(&self, network: &Network, argument: &str) -> Result<StationIdx> {
        let name = |idx: &StationIdx| network.view().station(*idx).name.to_string();
        let (what, like) = match self.find(network) {
            Found::One(station) => return Ok(station),
            Found::Several(stations) => ("several stations are", stations),
            Found::None(stations) => ("no station is", stations),
        };
        let names: Vec<String> = like.iter().map(name).collect();
        let hint = if names.is_empty() { "" } else { "; it may be " };
        let message = format!("{what} called {:?}{hint}{}", self.label(), names.join(", "));
        Err(bad_argument(argument, message))
    }

    /// How a message may call it.
    pub fn label(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Id(id) => id,
        }
    }
}

/// What is selected of a station.
pub enum StationField {
    Id,
    Name,
    Country,
    TimeZone,
    Latitude,
    Longitude,
    Departures(Box<Board>),
}

/// What is asked of a departure board.
pub struct Board {
    from: DateTime,
    window: Option<Duration>,
    page: Page,
    steps: Steps<Connection<Departure>>,
}

impl Board {
    fn of(selected: &Selected<'_>) -> ServerResult<Self> {
        Ok(Self {
            from: selected.required("from")?,
            window: selected.argument("window", || Some(Duration::of_minutes(BOARD_MINUTES)))?,
            page: Page {
                first: selected.argument("first", || None)?,
                after: selected.argument("after", || None)?,
                ..Page::default()
            },
            steps: selected.steps()?,
        })
    }
}

impl Writes for Station {
    const INTERFACES: &'static [&'static str] = &["Node"];
    type Field = StationField;

    fn field(selected: &Selected<'_>) -> ServerResult<StationField> {
        Ok(match selected.name() {
            "id" => StationField::Id,
            "name" => StationField::Name,
            "country" => StationField::Country,
            "timeZone" => StationField::TimeZone,
            "latitude" => StationField::Latitude,
            "longitude" => StationField::Longitude,
            "departures" => StationField::Departures(Box::new(Board::of(selected)?)),
            _ => return Err(selected.unknown()),
        })
    }

    fn write(&self, field: &StationField, json: &mut Json) -> Written {
        let (view, row) = (self.network.view(), self.archived());
        match field {
            StationField::Id => json.base64(|text| NodeId::push("Station", &row.key, text)),
            StationField::Name => json.string(&row.name),
            StationField::Country => json.string_or_null(view.text(row.country.to_native())),
            StationField::TimeZone => {
                json.string(view.text(row.zone.0.to_native()).unwrap_or_default());
            }
            StationField::Latitude => json.float_or_null(self.degrees().map(|it| it.0)),
            StationField::Longitude => json.float_or_null(self.degrees().map(|it| it.1)),
            StationField::Departures(asked) => {
                let board = self.board(asked.from, asked.window, &asked.page)?;
                write_object(&board, &asked.steps, json)?;
            }
        }
        Ok(())
    }
}
