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
            None => Found::None(self.suggestions(&fold(name))),
        }
    }

    /// Stations like a name that none has; where there is none, like its beginning: somebody who
    /// writes `Berlin Hbf` may mean `Berlin Hauptbahnhof`.
    fn suggestions(&self, folded: &str) -> Vec<StationIdx> {
        let mut text = folded;
        loop {
            let mut like = self.like(text);
            like.truncate(SUGGESTIONS);
            match text.rsplit_once(' ') {
                Some((beginning, _)) if like.is_empty() => text = beginning,
                _ => return like,
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn names(all: &[&str]) -> StationNames {
        let folded: Vec<Vec<String>> = all.iter().map(|name| vec![fold(name)]).collect();
        let at = |at: usize| vec![StationIdx::of(at)];
        let exact = folded.iter().enumerate().map(|(nth, it)| (it[0].clone(), at(nth))).collect();
        StationNames { exact, folded }
    }

    #[test]
    fn a_prefix_comes_before_a_word_and_a_word_before_typing_errors() {
        let all = ["Bad Wien", "Wiener Neustadt", "Wien", "Wein", "Graz"];
        let stations = names(&all);
        let like = |text: &str| -> Vec<&str> {
            stations.like(text).into_iter().map(|idx| all[idx.at()]).collect()
        };
        assert_eq!(like("wien"), ["Wien", "Wiener Neustadt", "Bad Wien", "Wein"]);
        assert_eq!(like("GRÄZ"), ["Graz"]);
        assert_eq!(like("gr"), ["Graz"], "two letters forgive no error");
        assert_eq!(like("zzzz"), [""; 0]);
        assert_eq!(like("").len(), all.len());
    }

    #[test]
    fn a_name_that_none_has_suggests_those_that_begin_like_it() {
        let stations = names(&["Berlin Hauptbahnhof", "Bern", "Paris"]);
        let none_but =
            |all: &[usize]| Found::None(all.iter().map(|at| StationIdx::of(*at)).collect());
        assert_eq!(stations.find("Berlin Hbf (tief)"), none_but(&[0]));
        assert_eq!(stations.find("Pariss"), none_but(&[2]));
        assert_eq!(stations.find("Atlantis"), none_but(&[]));
    }
}
