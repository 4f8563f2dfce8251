//! Stations, and how a request names one.

use std::sync::Arc;

use async_graphql::{ID, Object, OneofObject, SimpleObject};
use schema::StationIdx;

use super::node::NodeId;
use super::paging::PageInfo;
use crate::search::{Found, Network};

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

    /// How a message may call it.
    pub fn label(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Id(id) => id,
        }
    }
}

/// A page of stations.
#[derive(SimpleObject)]
pub struct StationConnection {
    /// The stations with their cursors.
    pub edges: Vec<StationEdge>,
    /// The stations.
    pub nodes: Vec<Station>,
    /// Where the page stands.
    pub page_info: PageInfo,
    /// Stations on all pages.
    pub total_count: usize,
}

/// A station in a list.
#[derive(SimpleObject)]
pub struct StationEdge {
    /// Its place in the list.
    pub cursor: String,
    /// The station.
    pub node: Station,
}
