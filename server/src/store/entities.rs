//! The tables as SeaORM sees them. Private to the store: what leaves it are booking's types.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::booking;

/// `CONFIRMED` or `CANCELLED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(super) enum Status {
    #[sea_orm(string_value = "CONFIRMED")]
    Confirmed,
    #[sea_orm(string_value = "CANCELLED")]
    Cancelled,
}

impl From<booking::TripStatus> for Status {
    fn from(status: booking::TripStatus) -> Self {
        match status {
            booking::TripStatus::Confirmed => Self::Confirmed,
            booking::TripStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Status> for booking::TripStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Confirmed => Self::Confirmed,
            Status::Cancelled => Self::Cancelled,
        }
    }
}

/// `FIRST` or `SECOND`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, DeriveActiveEnum, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[sea_orm(rs_type = "String", db_type = "Text")]
pub(super) enum FareClass {
    #[sea_orm(string_value = "FIRST")]
    First,
    #[sea_orm(string_value = "SECOND")]
    Second,
}

impl From<booking::FareClass> for FareClass {
    fn from(class: booking::FareClass) -> Self {
        match class {
            booking::FareClass::First => Self::First,
            booking::FareClass::Second => Self::Second,
        }
    }
}

impl From<FareClass> for booking::FareClass {
    fn from(class: FareClass) -> Self {
        match class {
            FareClass::First => Self::First,
            FareClass::Second => Self::Second,
        }
    }
}

pub(super) mod client {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "clients")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub first_name: Vec<u8>,
        pub last_name: Vec<u8>,
        pub id_number: Vec<u8>,
        pub data_key: Vec<u8>,
        pub key_encryption_key_id: i32,
        pub created_at: i64,
        pub erased_at: Option<i64>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod client_identity {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "client_identities")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub identity: Vec<u8>,
        pub key_id: i32,
        pub client_id: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::client::Entity",
            from = "Column::ClientId",
            to = "super::client::Column::Id"
        )]
        Client,
        #[sea_orm(
            belongs_to = "super::reservation::Entity",
            from = "Column::ClientId",
            to = "super::reservation::Column::ClientId"
        )]
        Reservation,
    }

    impl Related<super::client::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Client.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod audit_log {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit_log")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub at: i64,
        pub caller: String,
        pub effect: String,
        pub trip_id: Option<i64>,
        pub trip_reference: Option<String>,
        pub trip_version: Option<i32>,
        pub subject: Option<String>,
        pub mac: Vec<u8>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod api_key {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "api_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: String,
        pub name: String,
        pub hash: Vec<u8>,
        pub scopes: String,
        pub created_at: i64,
        pub expires_at: i64,
        pub revoked_at: Option<i64>,
        pub last_used_at: Option<i64>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod trip {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    /// Serialised, it is a part of the archive's lines: a change is a new format there.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "trips")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub reference: String,
        pub status: super::Status,
        pub version: i32,
        pub booked_at: i64,
        pub cancelled_at: Option<i64>,
        pub fare_class: super::FareClass,
        pub currency: String,
        pub price_cents: i64,
        pub departure_at: i64,
        pub arrival_at: i64,
        pub current_until: i64,
        pub stops: i16,
        #[serde(with = "crate::store::base64_bytes")]
        pub connection_signature: Vec<u8>,
        pub service_date: Date,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod trip_leg {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    /// Serialised, it is a part of the archive's lines: a change is a new format there.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "trip_legs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub trip_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i16,
        pub source_id: String,
        pub train_type: String,
        pub service_date: Date,
        pub origin_id: String,
        pub destination_id: String,
        pub origin_name: String,
        pub destination_name: String,
        pub departure_at: i64,
        pub departure_offset_s: i32,
        pub arrival_at: i64,
        pub arrival_offset_s: i32,
        pub price_cents: Option<i64>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod affected_trip {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "affected_trips")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub trip_id: i64,
        pub network_version: String,
        pub found_at: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::trip::Entity",
            from = "Column::TripId",
            to = "super::trip::Column::Id"
        )]
        Trip,
    }

    impl Related<super::trip::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Trip.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod affected_leg {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "affected_legs")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub trip_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub position: i16,
        pub change: String,
        pub departure_at: Option<i64>,
        pub departure_offset_s: Option<i32>,
        pub arrival_at: Option<i64>,
        pub arrival_offset_s: Option<i32>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod reservation {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    /// Serialised, it is a part of the archive's lines: a change is a new format there.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "reservations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub trip_id: i64,
        pub client_id: i64,
        pub position: i16,
        pub status: super::Status,
        pub age: i16,
        #[serde(with = "crate::store::base64_bytes")]
        pub connection_signature: Vec<u8>,
        pub service_date: Date,
        pub cancelled_version: Option<i32>,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::client::Entity",
            from = "Column::ClientId",
            to = "super::client::Column::Id"
        )]
        Client,
        #[sea_orm(
            belongs_to = "super::trip::Entity",
            from = "Column::TripId",
            to = "super::trip::Column::Id"
        )]
        Trip,
        #[sea_orm(has_one = "super::ticket::Entity")]
        Ticket,
    }

    impl Related<super::client::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Client.def()
        }
    }

    impl Related<super::trip::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Trip.def()
        }
    }

    impl Related<super::ticket::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Ticket.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod ticket {
    use sea_orm::entity::prelude::*;
    use serde::{Deserialize, Serialize};

    /// Serialised, it is a part of the archive's lines: a change is a new format there.
    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel, Serialize, Deserialize)]
    #[sea_orm(table_name = "tickets")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub reservation_id: i64,
        pub number: i64,
        pub issued_at: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::reservation::Entity",
            from = "Column::ReservationId",
            to = "super::reservation::Column::Id"
        )]
        Reservation,
    }

    impl Related<super::reservation::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Reservation.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod ticket_number {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "ticket_numbers")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i16,
        pub last: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod idempotency_key {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "idempotency_keys")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub caller: String,
        #[sea_orm(primary_key, auto_increment = false)]
        pub key: Vec<u8>,
        pub fingerprint: Vec<u8>,
        pub trip_id: i64,
        pub trip_version: i32,
        pub trip_status: super::Status,
        pub created_at: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod archive_segment {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "archive_segments")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub file: String,
        pub trips: i32,
        pub bytes: i64,
        pub hash: Vec<u8>,
        pub created_at: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod archived_trip {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "archived_trips")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub trip_id: i64,
        pub reference: String,
        pub version: i32,
        pub departure_at: i64,
        pub segment_id: i64,
        pub frame_offset: i64,
        pub frame_length: i32,
        pub line: i32,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::archive_segment::Entity",
            from = "Column::SegmentId",
            to = "super::archive_segment::Column::Id"
        )]
        Segment,
    }

    impl Related<super::archive_segment::Entity> for Entity {
        fn to() -> RelationDef {
            Relation::Segment.def()
        }
    }

    impl ActiveModelBehavior for ActiveModel {}
}

pub(super) mod archived_place {
    use sea_orm::entity::prelude::*;

    #[derive(Debug, Clone, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "archived_places")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub client_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub departure_at: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub trip_id: i64,
    }

    #[derive(Debug, Clone, Copy, EnumIter, DeriveRelation)]
    pub enum Relation {
        #[sea_orm(
            belongs_to = "super::archived_trip::Entity",
            from = "Column::TripId",
            to = "super::archived_trip::Column::TripId"
        )]
        Trip,
    }

    impl ActiveModelBehavior for ActiveModel {}
}
