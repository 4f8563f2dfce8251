//! The network as callers see it.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_graphql::Object;

use super::scalars::Date;
use crate::search;

/// The timetable that answers.
pub struct Network(pub Arc<search::Network>);

/// The timetable that answers.
#[Object]
impl Network {
    /// The network file's content hash; it changes with every change of the timetable.
    async fn version(&self) -> String {
        self.0.header().version()
    }

    /// The version of the compiler that wrote it.
    async fn compiled_by(&self) -> String {
        format!("timetable-compiler {}", self.0.header().compiler)
    }

    /// The first date on which trains of it begin their run.
    async fn first_date(&self) -> Date {
        Date(self.0.view().period().0)
    }

    /// The last date on which trains of it begin their run.
    async fn last_date(&self) -> Date {
        Date(self.0.view().period().1)
    }

    /// IANA name of the zone of its dates.
    async fn time_zone(&self) -> &str {
        self.0.view().zone()
    }

    /// How many stations it has.
    async fn station_count(&self) -> usize {
        self.0.view().station_count()
    }

    /// How many trains it has, by their ids in the source.
    async fn service_journey_count(&self) -> usize {
        self.0.summary().service_journeys
    }

    /// The train types that `trainTypes` filters by, sorted.
    async fn train_types(&self) -> &BTreeSet<String> {
        &self.0.summary().train_types
    }

    /// The operators that `operators` filters by, sorted.
    async fn operators(&self) -> &BTreeSet<String> {
        &self.0.summary().operators
    }
}
