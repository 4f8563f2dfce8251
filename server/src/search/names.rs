//! Stations by name: exactly, as a caller means one, or as somebody types.

use std::collections::HashMap;

use schema::{NetworkView, StationIdx, names::fold};
use strsim::osa_distance;

/// Typing errors that are forgiven in a name.
const TYPOS_MAX: usize = 2;
/// How many suggestions an unknown name gets.
const SUGGESTIONS: usize = 5;

/// The stations' names, folded.
#[derive(Debug)]
pub struct StationNames {
    exact: HashMap<String, Vec<StationIdx>>,
    /// Each station's folded names, its own first.
    folded: Vec<Vec<String>>,
}

/// What a name means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One station.
    One(StationIdx),
    /// Several stations share it.
    Several(Vec<StationIdx>),
    /// None has it; these are like it.
    None(Vec<StationIdx>),
}

/// How well a name answers a text; the smaller the better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Whole,
    Prefix,
    Word,
    Typos(usize),
}

impl StationNames {
    /// The names of a network's stations.
    pub fn of(view: NetworkView<'_>) -> Self {
        let mut exact: HashMap<String, Vec<StationIdx>> = HashMap::new();
        let mut folded = Vec::with_capacity(view.station_count());
        for idx in view.stations() {
            let station = view.station(idx);
            let mut names = vec![fold(&station.name)];
            for alias in station.aliases.iter().map(|alias| fold(alias)) {
                if !names.contains(&alias) {
                    names.push(alias);
                }
            }
            for name in &names {
                exact.entry(name.clone()).or_default().push(idx);
            }
            folded.push(names);
        }
        Self { exact, folded }
    }

    /// The station of this name or alias; case and accents do not matter.
    pub fn find(&self, name: &str) -> Found {
        match self.exact.get(&fold(name)).map(Vec::as_slice) {
            Some([one]) => Found::One(*one),
            Some(several) => Found::Several(several.to_vec()),
            None => Found::None(self.like(name).into_iter().take(SUGGESTIONS).collect()),
        }
    }

    /// The stations that somebody who types `text` may mean: the name itself, then names that begin
    /// with it, then names with a word that does, then names with up to two typing errors. A
    /// station's own name counts before its aliases, and stations of one rank are in the order of
    /// their names. All stations where `text` is empty.
    pub fn like(&self, text: &str) -> Vec<StationIdx> {
        let text = fold(text);
        let mut ranked: Vec<_> = (0..self.folded.len())
            .filter_map(|at| Some((self.rank(at, &text)?, &self.folded[at][0], StationIdx::of(at))))
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, _, station)| station).collect()
    }

    fn rank(&self, at: usize, text: &str) -> Option<(Rank, bool)> {
        let names = self.folded[at].iter().enumerate();
        names.filter_map(|(nth, name)| Some((rank(name, text)?, nth > 0))).min()
    }
}

fn rank(name: &str, text: &str) -> Option<Rank> {
    if name == text {
        Some(Rank::Whole)
    } else if name.starts_with(text) {
        Some(Rank::Prefix)
    } else if name.match_indices(text).any(|(at, _)| at > 0 && name.as_bytes()[at - 1] == b' ') {
        Some(Rank::Word)
    } else {
        typos(name, text).map(Rank::Typos)
    }
}

/// Typing errors between a text and a name, or the beginning of one. Short texts forgive fewer: a
/// third of the letters at most.
fn typos(name: &str, text: &str) -> Option<usize> {
    let letters = text.chars().count();
    let allowed = TYPOS_MAX.min(letters / 3);
    // Comparing takes a time that grows with both lengths, and a text may be as long as a request.
    if letters > name.chars().count() + allowed {
        return None;
    }
    let beginning: String = name.chars().take(letters).collect();
    let errors = osa_distance(&beginning, text).min(osa_distance(name, text));
    (errors <= allowed).then_some(errors)
}
