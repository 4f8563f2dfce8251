//! A difference as text for people: what has changed, group by group.

use std::fmt::Write as _;

use super::journeys::{CallAt, Journey, JourneyChange, RideFare};
use super::pairs::Pair;
use super::side::Dates;
use super::{Difference, FieldChange, StationName};

/// How many of each kind are shown.
const SHOWN_MAX: usize = 20;

/// What has changed of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What kind.
    pub title: &'static str,
    /// How many there are.
    pub total: usize,
    /// The first of them, a line each.
    pub lines: Vec<String>,
}

/// All of it, or that there is nothing.
pub(super) fn text(of: &Difference<'_>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    for Group { title, total, lines } in groups(of, SHOWN_MAX) {
        let _ = writeln!(text, "{title}: {total}");
        for line in &lines {
            let _ = writeln!(text, "  {line}");
        }
        if total > lines.len() {
            let _ = writeln!(text, "  and {} more", total - lines.len());
        }
        text.push('\n');
    }
    text += &ending(of);
    text.trim_end().to_owned() + "\n"
}

/// What has changed, kind by kind, at most so many lines of each.
pub(super) fn groups(of: &Difference<'_>, most: usize) -> Vec<Group> {
    let mut text = Groups { groups: Vec::new(), most };
    text.group("network", &of.network, field);
    let stations = &of.stations;
    text.group("stations added", &stations.added, |it| station(*it));
    text.group("stations removed", &stations.removed, |it| station(*it));
    text.group("stations changed", &stations.changed, |it| {
        format!("{}: {}", station(it.station), fields(&it.changes))
    });
    let paths = &of.footpaths;
    let path = |from, to, minutes| format!("{from} → {to}: {minutes} min");
    text.group("footpaths added", &paths.added, |it| path(it.from, it.to, it.minutes));
    text.group("footpaths removed", &paths.removed, |it| path(it.from, it.to, it.minutes));
    text.group("footpaths changed", &paths.changed, |it| {
        format!("{} → {}: {} → {} min", it.from, it.to, it.old_minutes, it.new_minutes)
    });
    journeys(of, &mut text);
    text.group("pairs newly connected", &of.pairs.added, pair);
    text.group("pairs no longer connected", &of.pairs.removed, pair);
    text.group("pairs with other best connections", &of.pairs.changed, pair);
    text.groups
}

fn journeys(of: &Difference<'_>, text: &mut Groups) {
    let journeys = &of.journeys;
    text.group("service journeys added", &journeys.added, |it| line(it, &ride(&it.variants[0])));
    text.group("service journeys removed", &journeys.removed, |it| {
        line(it, &ride(&it.variants[0]))
    });
    text.group("service journeys retimed", &journeys.retimed, |it| {
        line(it, &retimed(&it.variants[0].old, &it.variants[0].new))
    });
    text.group("service journeys repriced", &journeys.repriced, |it| {
        let first = &it.variants[0];
        line(it, &format!("{}, {}", ride(&first.journey), fares(&first.fares)))
    });
    text.group("service journeys retyped", &journeys.retyped, |it| {
        let first = &it.variants[0];
        line(it, &format!("{}, {}", ride(&first.journey), fields(&first.changes)))
    });
}

/// What is said in the end, and where nothing else is.
pub(super) fn ending(of: &Difference<'_>) -> String {
    let mut text = String::new();
    let mut say = |line: String| {
        text += &line;
        text.push('\n');
    };
    for (name, runs) in [("old", of.dates.runs_of_old), ("new", of.dates.runs_of_new)] {
        if runs > 0 {
            say(format!("not compared: {runs} runs on dates that only the {name} file has"));
        }
    }
    let (old, new) = (&of.old, &of.new);
    if of.same {
        say(match () {
            () if old.hash == new.hash => "the network is the same".to_owned(),
            () => "all that passengers see is the same; only its encoding differs".to_owned(),
        });
    }
    if old.compiler != new.compiler {
        say(format!("compiled by version {} instead of {}", new.compiler, old.compiler));
    }
    if old.fingerprint != new.fingerprint {
        say("the sources or options it was compiled from differ".to_owned());
    }
    text
}

struct Groups {
    groups: Vec<Group>,
    most: usize,
}

impl Groups {
    /// A group with its true total and its first lines, if there is anything in it.
    fn group<Item>(&mut self, title: &'static str, all: &[Item], line: impl Fn(&Item) -> String) {
        if !all.is_empty() {
            let lines = all.iter().take(self.most).map(line).collect();
            self.groups.push(Group { title, total: all.len(), lines });
        }
    }
}

fn field(change: &FieldChange) -> String {
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    format!("{} {} → {}", change.field, value(&change.old), value(&change.new))
}

fn fields(changes: &[FieldChange]) -> String {
    changes.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// A station's name, with its key where that is another.
fn station(it: StationName<'_>) -> String {
    if it.key == it.name { it.name.to_owned() } else { format!("{} ({})", it.name, it.key) }
}

fn pair(it: &Pair<'_>) -> String {
    format!("{} → {}", station(it.from), station(it.to))
}

/// A journey's id, what there is to say of it, and when.
fn line<What>(change: &JourneyChange<'_, What>, what: &str) -> String {
    format!("{}: {what}, {}", change.id, dates(&change.dates))
}

fn dates(dates: &Dates) -> String {
    let first = dates.first().map_or_else(String::new, |date| date.to_string());
    match dates.count {
        1 => format!("on {first}"),
        count => format!("on {count} dates, first {first}"),
    }
}

/// A train and where it runs from and to: `IC Gent 07:00 → Mons 09:00`.
fn ride(journey: &Journey<'_>) -> String {
    format!("{} {}", journey.train_type, ends(journey))
}

fn ends(journey: &Journey<'_>) -> String {
    match journey.calls.as_slice() {
        [first, .., last] => {
            format!("{} {} → {} {}", first.name, first.departure, last.name, last.arrival)
        }
        _ => String::new(),
    }
}

/// Both ends as they were and are; where these are the same, the first call that is not.
fn retimed(old: &Journey<'_>, new: &Journey<'_>) -> String {
    let (was, is) = (ends(old), ends(new));
    if was != is {
        return format!("{} {was}, now {is}", new.train_type);
    }
    let call = |call: Option<&CallAt<'_>>| {
        call.map_or_else(
            || "the end".to_owned(),
            |it| {
                let may = match (it.boarding, it.alighting) {
                    (true, true) => "",
                    (true, false) => ", boarding only",
                    (false, true) => ", alighting only",
                    (false, false) => ", no passengers",
                };
                format!("{} {}-{}{may}", it.name, it.arrival, it.departure)
            },
        )
    };
    let longest = old.calls.len().max(new.calls.len());
    let differing = (0..longest).map(|at| (old.calls.get(at), new.calls.get(at)));
    let first = differing.into_iter().find(|(old, new)| old != new);
    let (was, is) = first.unwrap_or_default();
    format!("{} {}: {}, now {}", new.train_type, ends(new), call(was), call(is))
}

fn fares(fares: &[RideFare<'_>]) -> String {
    let Some(first) = fares.first() else { return String::new() };
    let class = |name: &str, old: &Option<String>, new: &Option<String>| {
        let price = |price: &Option<String>| price.clone().unwrap_or_else(|| "none".to_owned());
        (old != new).then(|| format!("{name} {} → {}", price(old), price(new)))
    };
    let classes = [
        class("first class", &first.old.first, &first.new.first),
        class("second class", &first.old.second, &first.new.second),
    ];
    let classes: Vec<String> = classes.into_iter().flatten().collect();
    let more = match fares.len() {
        1 => String::new(),
        more => format!(", and {} more rides of it", more - 1),
    };
    format!("{}{more}", classes.join(", "))
}
