//! What has changed from one network file to another, in the words of a timetable.
//!
//! Stations are the same where their keys are, journeys where their source ids are, and they are
//! compared date by date, on the dates that both files' periods have: a file that goes on for a
//! month longer has not a month's trains added. A train that runs on dates of one file alone and is
//! not in the other at all is added or removed nevertheless. What only one file's dates hold is
//! counted in [`Difference::dates`].
//!
//! Two files are the same when all that a reader can see is equal. The compiler's version, the
//! fingerprint of the sources and the order of the tables are no part of that.

mod journeys;
mod pairs;
mod side;
mod text;

use rkyv::string::ArchivedString;
use schema::{ArchivedStation, LayoverPolicy, NONE, NetworkFile, NetworkView, StationIdx};
use serde::Serialize;

pub use journeys::{
    CallAt, Journey, JourneyChange, Journeys, Prices, Repriced, Retimed, Retyped, RideFare,
};
pub use pairs::{Pair, Pairs};
use side::{Side, shared_days};
pub use text::Group;

/// All differences of two network files.
#[derive(Debug, Serialize)]
pub struct Difference<'n> {
    /// Whether a reader sees the same in both.
    pub same: bool,
    /// What the old file says of itself.
    pub old: Origin,
    /// What the new file says of itself.
    pub new: Origin,
    /// What holds for the whole network.
    pub network: Vec<FieldChange>,
    /// What lies on dates that one of the files does not have, and is not compared.
    pub dates: OneSided,
    /// Stations, by key.
    pub stations: Changes<StationName<'n>, StationChange<'n>>,
    /// Footpaths, by the keys of their stations.
    pub footpaths: Changes<Footpath<'n>, FootpathChange<'n>>,
    /// Service journeys, by source id.
    pub journeys: Journeys<'n>,
    /// Pairs of stations, by key.
    pub pairs: Pairs<'n>,
}

/// What a file says of itself.
#[derive(Debug, Serialize)]
pub struct Origin {
    /// BLAKE3 of its content.
    pub hash: String,
    /// BLAKE3 of the records and options it was compiled from.
    pub fingerprint: String,
    /// Version of the compiler.
    pub compiler: String,
    /// First service date.
    pub first: String,
    /// Last service date.
    pub last: String,
}

/// A value that has changed; none where there is no value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// What it is of.
    pub field: &'static str,
    /// What the old file says.
    pub old: Option<String>,
    /// What the new file says.
    pub new: Option<String>,
}

/// What is in one of the files only, and what is in both and not the same.
#[derive(Debug, Serialize)]
pub struct Changes<Whole, Changed> {
    /// In the new file only.
    pub added: Vec<Whole>,
    /// In the old file only.
    pub removed: Vec<Whole>,
    /// In both.
    pub changed: Vec<Changed>,
}

/// What lies on dates of one file only.
#[derive(Debug, Serialize)]
pub struct OneSided {
    /// Runs of journeys on dates that only the old file has.
    pub runs_of_old: u64,
    /// Runs of journeys on dates that only the new file has.
    pub runs_of_new: u64,
}

/// A station.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StationName<'n> {
    /// Its key.
    pub key: &'n str,
    /// Its name.
    pub name: &'n str,
}

/// A station of both files.
#[derive(Debug, Serialize)]
pub struct StationChange<'n> {
    /// Its key and its new name.
    #[serde(flatten)]
    pub station: StationName<'n>,
    /// What has changed.
    pub changes: Vec<FieldChange>,
}

/// A footpath.
#[derive(Debug, Serialize)]
pub struct Footpath<'n> {
    /// Key of the station at which it begins.
    pub from: &'n str,
    /// Key of the station at which it ends.
    pub to: &'n str,
    /// Minutes it needs.
    pub minutes: u16,
}

/// A footpath of both files.
#[derive(Debug, Serialize)]
pub struct FootpathChange<'n> {
    /// Key of the station at which it begins.
    pub from: &'n str,
    /// Key of the station at which it ends.
    pub to: &'n str,
    /// Minutes it needed.
    pub old_minutes: u16,
    /// Minutes it needs.
    pub new_minutes: u16,
}

impl<'n> Difference<'n> {
    /// Compares two opened files.
    pub fn between<Old, New>(old: &'n NetworkFile<Old>, new: &'n NetworkFile<New>) -> Self
    where
        Old: AsRef<[u8]>,
        New: AsRef<[u8]>,
    {
        let views = [old.view(), new.view()];
        let shared = shared_days(views);
        let matched = Stations::of(views);
        let [before, after] = [Side::of(views[0], &shared), Side::of(views[1], &shared)];
        let network = network_changes(views);
        let stations = matched.changes(views);
        let footpaths = footpaths(views);
        let (journeys, dates) = journeys::compare([&before, &after], &matched);
        let pairs = if old.header().content_hash == new.header().content_hash {
            Pairs::default()
        } else {
            pairs::compare([&before, &after], &matched)
        };
        let same = network.is_empty()
            && stations.is_empty()
            && footpaths.is_empty()
            && journeys.is_empty()
            && pairs.is_empty();
        let (old, new) = (Origin::of(old), Origin::of(new));
        Self { same, old, new, network, dates, stations, footpaths, journeys, pairs }
    }

    /// For people: what has changed, group by group, the first of each.
    pub fn text(&self) -> String {
        text::text(self)
    }

    /// What has changed, kind by kind, with at most so many lines of each.
    pub fn groups(&self, most: usize) -> Vec<Group> {
        text::groups(self, most)
    }

    /// What is to be said in the end: what was not compared, and what else differs.
    pub fn ending(&self) -> String {
        text::ending(self)
    }
}

impl<Whole, Changed> Changes<Whole, Changed> {
    fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl Origin {
    fn of<B: AsRef<[u8]>>(file: &NetworkFile<B>) -> Self {
        let (header, (first, last)) = (file.header(), file.view().period());
        Self {
            hash: header.version(),
            fingerprint: header.fingerprint_hex(),
            compiler: header.compiler.clone(),
            first: first.to_string(),
            last: last.to_string(),
        }
    }
}

/// The stations of both files, sorted by key, each with its index in either.
pub(crate) struct Stations {
    all: Vec<[Option<StationIdx>; 2]>,
    /// Per file and station: where it stands in `all`.
    ranks: [Vec<u32>; 2],
}

impl Stations {
    fn of(views: [NetworkView<'_>; 2]) -> Self {
        let key = |side: usize, at: usize| {
            (at < views[side].station_count())
                .then(|| views[side].station(StationIdx::of(at)).key.as_str())
        };
        let (mut all, mut ranks, mut at) = (Vec::new(), [Vec::new(), Vec::new()], [0, 0]);
        loop {
            let keys = [key(0, at[0]), key(1, at[1])];
            let Some(least) = keys.iter().flatten().min().copied() else { break };
            let mut both = [None, None];
            for side in [0, 1] {
                if keys[side] == Some(least) {
                    both[side] = Some(StationIdx::of(at[side]));
                    ranks[side].push(all.len() as u32);
                    at[side] += 1;
                }
            }
            all.push(both);
        }
        Self { all, ranks }
    }

    /// Where a file's station stands among those of both.
    fn rank(&self, side: usize, station: StationIdx) -> u32 {
        self.ranks[side][station.at()]
    }

    fn changes<'n>(
        &self,
        views: [NetworkView<'n>; 2],
    ) -> Changes<StationName<'n>, StationChange<'n>> {
        let mut changes = Changes { added: Vec::new(), removed: Vec::new(), changed: Vec::new() };
        for both in &self.all {
            match *both {
                [Some(old), Some(new)] => {
                    let fields = station_fields(views, [old, new]);
                    if !fields.is_empty() {
                        let station = StationName::of(views[1].station(new));
                        changes.changed.push(StationChange { station, changes: fields });
                    }
                }
                [Some(old), None] => changes.removed.push(StationName::of(views[0].station(old))),
                [None, Some(new)] => changes.added.push(StationName::of(views[1].station(new))),
                [None, None] => {}
            }
        }
        changes
    }
}

impl<'n> StationName<'n> {
    fn of(station: &'n ArchivedStation) -> Self {
        Self { key: &station.key, name: &station.name }
    }
}

/// Adds a field whose two values differ.
fn push(changes: &mut Vec<FieldChange>, field: &'static str, [old, new]: [Option<String>; 2]) {
    if old != new {
        changes.push(FieldChange { field, old, new });
    }
}

fn station_fields(views: [NetworkView<'_>; 2], idx: [StationIdx; 2]) -> Vec<FieldChange> {
    let both = |value: &dyn Fn(NetworkView<'_>, &ArchivedStation) -> Option<String>| {
        [0, 1].map(|side| value(views[side], views[side].station(idx[side])))
    };
    let mut changes = Vec::new();
    let mut field = |name, value: &dyn Fn(NetworkView<'_>, &ArchivedStation) -> Option<String>| {
        push(&mut changes, name, both(value));
    };
    field("name", &|_, station| Some(station.name.as_str().to_owned()));
    field("aliases", &|_, station| {
        let aliases: Vec<&str> = station.aliases.iter().map(ArchivedString::as_str).collect();
        (!aliases.is_empty()).then(|| aliases.join("|"))
    });
    field("country", &|view, station| view.text(station.country.to_native()).map(str::to_owned));
    field("zone", &|view, station| view.text(station.zone.0.to_native()).map(str::to_owned));
    field("position", &|_, station| {
        let place = station.position.as_ref()?;
        let degrees = |e6: i32| f64::from(e6) / 1e6;
        let north = degrees(place.latitude_e6.to_native());
        Some(format!("{north:.6}, {:.6}", degrees(place.longitude_e6.to_native())))
    });
    field("minimum transfer minutes", &|_, station| Some(station.transfer_minutes_min.to_string()));
    changes
}

fn network_changes(views: [NetworkView<'_>; 2]) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let mut field = |name, value: &dyn Fn(NetworkView<'_>) -> String| {
        push(&mut changes, name, views.map(|view| Some(value(view))));
    };
    field("first date", &|view| view.period().0.to_string());
    field("last date", &|view| view.period().1.to_string());
    field("zone", &|view| view.zone().to_owned());
    field("currency", &|view| view.archived().currency.as_str().to_owned());
    field("default minimum transfer minutes", &|view| {
        view.archived().transfers.minutes_min_default.to_string()
    });
    field("maximum duration minutes", &|view| view.duration_minutes_max().to_string());
    field("layover policy", &|view| {
        let policy = match view.layover_policy() {
            LayoverPolicy::None => "none",
            LayoverPolicy::Strict => "strict",
            LayoverPolicy::Lenient => "lenient",
        };
        policy.to_owned()
    });
    changes
}

fn footpaths<'n>(views: [NetworkView<'n>; 2]) -> Changes<Footpath<'n>, FootpathChange<'n>> {
    let all = |view: NetworkView<'n>| {
        let key = move |station: u32| view.station(StationIdx(station)).key.as_str();
        // Sorted by their stations' indices, hence by key.
        let paths = view.archived().footpaths.iter().map(move |path| Footpath {
            from: key(path.from.0.to_native()),
            to: key(path.to.0.to_native()),
            minutes: path.minutes.to_native(),
        });
        paths.peekable()
    };
    let [mut old, mut new] = views.map(all);
    let mut changes = Changes { added: Vec::new(), removed: Vec::new(), changed: Vec::new() };
    loop {
        let ends = |path: &Footpath<'n>| (path.from, path.to);
        match (old.peek().map(ends), new.peek().map(ends)) {
            (None, None) => return changes,
            (Some(before), Some(after)) if before == after => {
                let minutes =
                    [&mut old, &mut new].map(|paths| paths.next().map_or(0, |it| it.minutes));
                if let [old_minutes, new_minutes] = minutes
                    && old_minutes != new_minutes
                {
                    let (from, to) = after;
                    changes.changed.push(FootpathChange { from, to, old_minutes, new_minutes });
                }
            }
            (Some(before), after) if after.is_none_or(|after| before < after) => {
                changes.removed.extend(old.next());
            }
            _ => changes.added.extend(new.next()),
        }
    }
}

/// A text that may be missing.
fn optional(view: NetworkView<'_>, idx: u32) -> Option<&str> {
    if idx == NONE { None } else { view.text(idx) }
}
