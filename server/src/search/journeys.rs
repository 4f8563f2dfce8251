//! The trains of a timetable, by their ids in the source.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use schema::{ArchivedSource, DaySetIdx, JourneyIdx, NetworkView, StationIdx};

use super::filter::text_idx;
use super::network::Network;

/// What trains are asked for. The default asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JourneyFilter {
    /// It stops there, to let passengers on or off.
    pub calls: Option<StationIdx>,
    /// Its run begins there.
    pub origin: Option<StationIdx>,
    /// Its run ends there.
    pub destination: Option<StationIdx>,
    /// It is of one of these types.
    pub train_types: Option<BTreeSet<String>>,
    /// It is run by one of these.
    pub operators: Option<BTreeSet<String>>,
    /// Its public number.
    pub number: Option<String>,
    /// It runs on this service date.
    pub date: Option<NaiveDate>,
    /// Its id in the source.
    pub source_id: Option<String>,
}

/// A train on one of its service dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JourneyOnDay {
    /// The train.
    pub journey: JourneyIdx,
    /// The service date, as a day of the axis.
    pub day: i32,
}

/// The trains that a filter asks for, by their ids in the source; each on the date asked for, or on
/// the first on which it has the id.
pub fn journeys(network: &Network, filter: &JourneyFilter) -> Vec<JourneyOnDay> {
    let view = network.view();
    let Some(names) = Names::of(view, filter) else { return Vec::new() };
    let mut known: Vec<Option<bool>> = vec![None; view.journey_count()];
    let mut is_asked_for = |journey: JourneyIdx| {
        *known[journey.at()].get_or_insert_with(|| matches(view, filter, &names, journey))
    };
    let sources: Vec<&ArchivedSource> = if let Some(id) = &filter.source_id {
        view.sources_by_id(id).collect()
    } else {
        let order = view.archived().sources_by_id.iter();
        order.map(|at| &view.archived().sources[at.to_native() as usize]).collect()
    };
    let day = filter.date.map(|date| view.day_of(date));
    let (mut found, mut last_id) = (Vec::new(), None);
    for source in sources {
        let id = source.id.as_str();
        if !is_asked_for(JourneyIdx(source.journey.0.to_native())) || last_id == Some(id) {
            continue;
        }
        if let Some(on_day) = on_day(view, source, day) {
            found.push(on_day);
            last_id = Some(id);
        }
    }
    found
}

/// The train with this id in the source, on the first date on which it has it.
pub fn journey_by_source(network: &Network, id: &str) -> Option<JourneyOnDay> {
    let view = network.view();
    view.sources_by_id(id).find_map(|source| on_day(view, source, None))
}

fn on_day(
    view: NetworkView<'_>,
    source: &ArchivedSource,
    asked: Option<i32>,
) -> Option<JourneyOnDay> {
    let days = DaySetIdx(source.days.0.to_native());
    let day = match asked {
        Some(day) => view.in_day_set(days, day).then_some(day)?,
        None => schema::days::iter(&view.day_set(days)).next()? as i32,
    };
    Some(JourneyOnDay { journey: JourneyIdx(source.journey.0.to_native()), day })
}

/// The filter's names as texts of the network.
struct Names {
    train_types: Option<Vec<u32>>,
    operators: Option<Vec<u32>>,
    number: Option<u32>,
}

impl Names {
    /// None where a name is asked for that no train has.
    fn of(view: NetworkView<'_>, filter: &JourneyFilter) -> Option<Self> {
        let all = |names: &BTreeSet<String>| {
            names.iter().filter_map(|name| text_idx(view, name)).collect::<Vec<u32>>()
        };
        let number = filter.number.as_deref().map(|number| text_idx(view, number).ok_or(()));
        Some(Self {
            train_types: filter.train_types.as_ref().map(all),
            operators: filter.operators.as_ref().map(all),
            number: number.transpose().ok()?,
        })
    }
}

fn matches(
    view: NetworkView<'_>,
    filter: &JourneyFilter,
    names: &Names,
    journey: JourneyIdx,
) -> bool {
    let calls = view.calls(journey);
    let station = |at: usize| StationIdx(calls[at].station.0.to_native());
    let row = view.journey(journey);
    let one_of =
        |all: &Option<Vec<u32>>, name: u32| all.as_ref().is_none_or(|names| names.contains(&name));
    filter.origin.is_none_or(|origin| station(0) == origin)
        && filter.destination.is_none_or(|end| station(calls.len() - 1) == end)
        && one_of(&names.train_types, row.train_type.0.to_native())
        && one_of(&names.operators, row.operator.to_native())
        && names.number.is_none_or(|number| row.number.to_native() == number)
        && filter.calls.is_none_or(|asked| {
            let stops = |call: &schema::ArchivedCall| {
                call.station.0.to_native() == asked.0
                    && (call.may().boarding() || call.may().alighting())
            };
            calls.iter().any(stops)
        })
}
