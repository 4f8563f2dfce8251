//! The files in the repository that are made from others, and how each is made.
//!
//! They are checked in, so that a reader and a build find them without making them first. The
//! program `regenerate` writes them all; a test compares each with what it is made from.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use timetable_compiler::{Exit, Streams, run_with};

use crate::{european, third_party};

/// The command that writes all generated files.
pub const COMMAND: &str = "cargo run --release -p tests --bin regenerate";

const TIMETABLE: &str = "data/european-timetable.csv";
const NETWORK: &str = "data/european-network.railgraph";

/// A file as its sources have it.
pub struct Generated {
    /// Its path in the repository.
    pub path: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The repository.
///
/// # Panics
///
/// Where this package is not in a workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// All generated files, made anew. Nothing in the repository is written.
///
/// # Panics
///
/// Where a source is missing or has an error.
pub fn files() -> Vec<Generated> {
    let timetable = european::timetable(
        &source("data/european-stations.csv"),
        &source("data/european-lines.txt"),
    );
    let timetable = timetable.expect("lines and stations without errors").into_bytes();
    let network = network(&timetable);
    let notices = timetable_compiler::report::codes_markdown();
    vec![
        Generated { path: TIMETABLE, bytes: timetable },
        Generated { path: NETWORK, bytes: network },
        Generated {
            path: "schema/graphql/schema.graphql",
            bytes: server::graphql::sdl().into_bytes(),
        },
        Generated { path: "timetable-compiler/NOTICES.md", bytes: notices.into_bytes() },
        third_party("server/THIRD-PARTY.txt", "server", "railgraph"),
        third_party(
            "timetable-compiler/THIRD-PARTY.txt",
            "timetable-compiler",
            "timetable-compiler",
        ),
    ]
}

fn third_party(path: &'static str, package: &str, program: &str) -> Generated {
    Generated { path, bytes: third_party::notices(package, program).into_bytes() }
}

fn source(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the command of data/README.md compiles this timetable to.
///
/// It runs in a folder of its own with a copy of its other input, so that it never reads a
/// timetable that is yet to be replaced. No path is a part of a network file.
fn network(timetable: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let place = |path: &str| folder.path().join(path);
    fs::create_dir(place("data")).expect("a folder");
    fs::write(place(TIMETABLE), timetable).expect("a timetable");
    let stations = "data/european-stations.csv";
    fs::copy(root().join(stations), place(stations)).expect("a copy of the stations");

    let arguments = compiler_arguments(&source("data/README.md"));
    let arguments = arguments.into_iter().map(|argument| match argument.strip_prefix("data/") {
        Some(_) => place(&argument).into_os_string(),
        None => OsString::from(argument),
    });
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let streams = Streams { out: &mut out, err: &mut err, colour: false, progress: false };
    let name = OsString::from("timetable-compiler");
    let exit = run_with(std::iter::once(name).chain(arguments), streams);
    assert!(exit == Exit::Done, "{}", String::from_utf8_lossy(&err));
    fs::read(place(NETWORK)).expect("the output that data/README.md names")
}

/// The compiler's arguments in the one command of a text's `sh` blocks that calls it.
fn compiler_arguments(readme: &str) -> Vec<String> {
    let commands: Vec<&str> = (readme.split("```sh\n").skip(1))
        .filter_map(|block| block.split("```").next()?.split_once("-p timetable-compiler -- "))
        .map(|(_, arguments)| arguments)
        .collect();
    let [arguments] = commands.as_slice() else {
        panic!("expected one build command in data/README.md, found {}", commands.len());
    };
    arguments.split_whitespace().filter(|word| *word != "\\").map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_those_of_the_one_command() {
        let command =
            "cargo run --release -p timetable-compiler -- build a \\\n  --from 2026-11-01";
        let readme = format!("A `word`.\n\n```sh\n{command}\n```\n\nMore.\n");
        assert_eq!(compiler_arguments(&readme), ["build", "a", "--from", "2026-11-01"]);
    }
}
