//! Random damage to valid inputs, on stable Rust: what must hold whatever the bytes are.
//!
//! An input is a pure function of its target, a seed and a number, so that a failure is repeated by
//! naming the three, and even one that kills the process is known by its number. There is no
//! coverage to steer by; in its place the corpus has one of everything, the dictionaries have the
//! words that mean something, and network files are given the hash that lets them past the door.
//!
//! The program `fuzz` runs a target in a process of its own and watches its processor time and its
//! memory from outside.

pub mod corpus;
mod mutate;
mod targets;

use std::path::Path;

use crate::random::Random;

/// Processor time that one input may take, in milliseconds.
pub const INPUT_MS_MAX: u64 = 2_000;

/// Memory that a run may take, in MB.
pub const MEMORY_MB_MAX: u64 = 1_000;

/// What is attacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The compiler, with timetables and stations in CSV.
    Csv,
    /// The compiler, with GTFS in zip archives.
    Gtfs,
    /// Opening network files, and searching in those that open.
    Network,
    /// The guard before the GraphQL parser, and the parser behind it.
    Guard,
    /// Id numbers and names, normalised.
    Ids,
}

/// One input: its parts, each with a file name.
pub type Parts = Vec<(&'static str, Vec<u8>)>;

impl Target {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Csv, Self::Gtfs, Self::Network, Self::Guard, Self::Ids];

    /// Its name, as an argument.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Gtfs => "gtfs",
            Self::Network => "network",
            Self::Guard => "guard",
            Self::Ids => "ids",
        }
    }

    /// The target of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|target| target.name() == name)
    }
}

/// A target with its corpus.
pub struct Fuzzer {
    target: Target,
    seed: u64,
    corpus: Vec<Parts>,
}

impl Fuzzer {
    /// For inputs of a seed.
    pub fn new(target: Target, seed: u64) -> Self {
        Self { target, seed, corpus: corpus::of(target) }
    }

    /// The input of this number.
    pub fn input(&self, number: u64) -> Parts {
        let mut random = Random::of(self.seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f));
        random.next();
        targets::input(self.target, &self.corpus, &mut random)
    }

    /// Tries an input.
    ///
    /// # Panics
    ///
    /// Where something does not hold.
    pub fn run(&self, parts: &Parts) {
        targets::run(self.target, parts);
    }
}

/// Writes the parts of an input into a folder.
///
/// # Errors
///
/// What the operating system says.
pub fn write(parts: &Parts, folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, bytes) in parts {
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// A second of each, so that a target that is broken is seen before the long run.
    fn smoke(target: Target) {
        let fuzzer = Fuzzer::new(target, 1);
        for parts in &fuzzer.corpus {
            fuzzer.run(parts);
        }
        let (started, mut number) = (Instant::now(), 0);
        while started.elapsed() < Duration::from_secs(1) {
            fuzzer.run(&fuzzer.input(number));
            number += 1;
        }
        assert!(number > 20, "{number} inputs in a second");
    }

    #[test]
    fn csv() {
        smoke(Target::Csv);
    }

    #[test]
    fn gtfs() {
        smoke(Target::Gtfs);
    }

    #[test]
    fn network() {
        smoke(Target::Network);
    }

    /// Without this, the hash would be all that is ever attacked.
    #[test]
    fn damaged_network_files_are_opened() {
        let fuzzer = Fuzzer::new(Target::Network, 1);
        let opened = (0..2000).filter(|number| {
            let mut bytes = rkyv::util::AlignedVec::<16>::new();
            bytes.extend_from_slice(&fuzzer.input(*number)[0].1);
            let is_of_corpus = fuzzer.corpus.iter().any(|parts| parts[0].1 == bytes[..]);
            !is_of_corpus && schema::NetworkFile::open(bytes).is_ok()
        });
        let opened = opened.count();
        assert!(opened > 100, "{opened} of 2000");
    }

    #[test]
    fn guard() {
        smoke(Target::Guard);
    }

    #[test]
    fn ids() {
        smoke(Target::Ids);
    }

    #[test]
    fn an_input_is_known_by_its_seed_and_number() {
        for target in Target::ALL {
            let inputs = |seed| {
                let fuzzer = Fuzzer::new(target, seed);
                (0..50).map(|number| fuzzer.input(number)).collect::<Vec<_>>()
            };
            assert!(inputs(5) == inputs(5), "{}", target.name());
            assert!(inputs(5) != inputs(6), "{}", target.name());
            assert_eq!(Target::of(target.name()), Some(target));
        }
    }
}
