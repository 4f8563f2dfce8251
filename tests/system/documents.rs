//! What README.md and the other documents name is there: files, options, variables, programs.

use std::collections::BTreeSet;
use std::fs;

use tests::generated::root;
use tests::third_party::{self, ACCEPTED, chosen};

use crate::programs::help::{commands, help};
use crate::programs::{COMPILER, RAILGRAPH, run};

const DOCUMENTS: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "data/README.md",
    "server/ops/GOING-FURTHER.md",
    "timetable-compiler/BENCHMARKS.md",
];

/// Where the paths in texts begin, but for the repository itself.
const SOURCES: [&str; 7] = [
    "server/src",
    "timetable-compiler/src",
    "schema/src",
    "tests/src",
    "tests",
    "server",
    "timetable-compiler",
];

/// Programs that measure, by name.
const MEASURING: [(&str, &str); 7] = [
    ("agreement", env!("CARGO_BIN_EXE_agreement")),
    ("bookings", env!("CARGO_BIN_EXE_bookings")),
    ("histories", env!("CARGO_BIN_EXE_histories")),
    ("layer", env!("CARGO_BIN_EXE_layer")),
    ("national", env!("CARGO_BIN_EXE_national")),
    ("overload", env!("CARGO_BIN_EXE_overload")),
    ("running", env!("CARGO_BIN_EXE_running")),
];

/// Options of programs that are not ours.
const OF_OTHERS: [&str; 9] = [
    "--release",
    "--workspace",
    "--bin",
    "--bins",
    "--bench",
    "--nocapture",
    "--ignore-scripts",
    "--test",
    "--locked",
];

fn text(path: &str) -> String {
    let text = fs::read_to_string(root().join(path));
    text.unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn readme() -> String {
    text("README.md")
}

/// What stands between single backticks, on one line each.
fn spans(markdown: &str) -> Vec<String> {
    let prose = markdown.split("\n```").step_by(2);
    let spans = prose.flat_map(|prose| {
        // The rest of the line that ended a block is empty.
        prose.split('`').skip(1).step_by(2)
    });
    spans.map(|span| span.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The parts of a text that begin like this and go on with letters of this kind.
fn words<'t>(text: &'t str, start: &str, is_inside: fn(char) -> bool) -> BTreeSet<&'t str> {
    let starts = text.match_indices(start).map(|(at, _)| at);
    let starts = starts.filter(|at| {
        !text[..*at].ends_with(|it: char| it.is_alphanumeric() || it == '-' || it == '_')
    });
    let found = starts.map(|at| {
        let rest = &text[at..];
        let end = rest[start.len()..].find(|letter| !is_inside(letter));
        rest[..end.map_or(rest.len(), |end| end + start.len())].trim_end_matches(['-', '_'])
    });
    found.filter(|word| word.len() > start.len()).collect()
}

fn is_of_option(letter: char) -> bool {
    letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-'
}

fn is_of_variable(letter: char) -> bool {
    letter.is_ascii_uppercase() || letter.is_ascii_digit() || letter == '_'
}

#[test]
fn every_option_and_variable_of_the_readme_is_one() {
    let mut known: String = OF_OTHERS.join(" ");
    for program in [RAILGRAPH, COMPILER] {
        for (_, text) in commands(program) {
            known += &text;
        }
    }
    for (_, program) in MEASURING {
        for (_, text) in commands(program) {
            known += &text;
        }
    }
    let readme = readme();
    let options = words(&known, "--", is_of_option);
    let unknown: Vec<_> =
        words(&readme, "--", is_of_option).difference(&options).copied().collect();
    assert!(unknown.is_empty(), "no such options: {unknown:?}");
    // What tests alone go by stands in their sources.
    let tests = text("tests/system/search/exactness.rs") + &text("tests/src/postgres.rs");
    for start in ["RAILGRAPH_", "OTEL_", "DATABASE_", "REDIS_", "TEST_"] {
        for variable in words(&readme, start, is_of_variable) {
            // `RAILGRAPH_LIMIT_…` stands for all of them.
            assert!(known.contains(variable) || tests.contains(variable), "{variable}");
        }
    }
}

#[test]
fn every_measuring_command_of_the_readme_is_understood() {
    let readme = readme();
    let mut count = 0;
    for span in spans(&readme) {
        let words: Vec<&str> = span.split(' ').collect();
        let words = words
            .strip_prefix(&["cargo", "run", "--release", "-p", "tests", "--bin"][..])
            .unwrap_or(&words);
        let Some((_, program)) = MEASURING.iter().find(|(name, _)| words.first() == Some(name))
        else {
            continue;
        };
        let arguments: Vec<String> = words[1..]
            .iter()
            .filter(|it| !["--", "…", "NAME"].contains(it))
            .map(|it| (*it).to_owned())
            .collect();
        // Options that there are not, and commands, are refused before the help is printed.
        let _ = help(program, &arguments);
        count += 1;
    }
    assert!(count > 15, "{count}");
    let benches = words(&readme, "--bench ", |letter| letter.is_ascii_lowercase());
    let benches: Vec<_> = benches.iter().filter_map(|it| it.strip_prefix("--bench ")).collect();
    assert_eq!(benches, ["search"]);
    assert!(root().join("tests/benches/search.rs").is_file());
}

#[test]
fn what_measures_a_network_file_measures_the_bundled_one() {
    let file = root().join("data/european-network.railgraph").display().to_string();
    for (name, arguments, said) in [
        ("agreement", vec![file.as_str(), "--pairs", "300", "--sample", "2"], "300"),
        ("national", vec!["measure", &file], "median"),
        ("national", vec!["questions", &file, "--queries", "5"], "ALL"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let program = MEASURING.iter().find(|(it, _)| *it == name).expect("a program").1;
        let ended = run(program, folder.path(), &arguments);
        assert_eq!(ended.code, Some(0), "{name}: {}", ended.err);
        assert!(ended.out.contains(said), "{name}: {}", ended.out);
    }
}

/// Whether a path in a text leads somewhere.
fn leads(document: &str, path: &str) -> bool {
    let beside = document.rsplit_once('/').map_or("", |(folder, _)| folder);
    let starts = ["", beside].into_iter().chain(SOURCES);
    let mut paths = starts.flat_map(|start| {
        let path = root().join(start).join(path);
        [path.with_extension("rs"), path]
    });
    paths.any(|path| path.exists())
}

#[test]
fn links_and_paths_lead_somewhere() {
    let mut lost = Vec::new();
    for document in DOCUMENTS {
        let text = text(document);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let path = link.split('#').next().unwrap_or_default();
            if !link.starts_with("http") && !path.is_empty() && !leads(document, path) {
                lost.push(format!("{document}: [{link}]"));
            }
        }
        for span in spans(&text) {
            let is_path = |letter: char| letter.is_ascii_alphanumeric() || "-_./".contains(letter);
            let has_place = span.contains('/');
            let has_ending =
                [".rs", ".md", ".toml", ".graphql", ".conf"].iter().any(|it| span.ends_with(it));
            // What a build makes need not be there yet.
            let none = ["application/", "target/", ".", "/"];
            let is_none = none.iter().any(|it| span.starts_with(it));
            let is_named = !is_none && span.chars().all(is_path) && (has_place || has_ending);
            if is_named && !leads(document, &span) {
                lost.push(format!("{document}: `{span}`"));
            }
        }
    }
    assert!(lost.is_empty(), "nothing is at\n{}", lost.join("\n"));
}

/// All the code of the two programs and what they stand on.
fn code() -> String {
    let mut code = String::new();
    let mut folders: Vec<_> = SOURCES[..3].iter().map(|start| root().join(start)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                code += &fs::read_to_string(path).expect("code");
            }
        }
    }
    code
}

/// Follows a path like `http::guard::needs` through folders and files to a name in the last one.
fn is_in_code(path: &str) -> bool {
    if let Some((kind, function)) = path.split_once("::")
        && kind.starts_with(char::is_uppercase)
    {
        let code = code();
        return code.contains(&format!(" {kind}")) && code.contains(&format!("fn {function}"));
    }
    SOURCES.iter().any(|start| {
        let (mut place, mut code) = (root().join(start), None);
        for name in path.split("::") {
            let (folder, file) = (place.join(name), place.join(format!("{name}.rs")));
            match &code {
                _ if folder.is_dir() => {
                    code = fs::read_to_string(folder.join("mod.rs"))
                        .ok()
                        .or(fs::read_to_string(&file).ok());
                    place = folder;
                }
                _ if file.is_file() => code = fs::read_to_string(&file).ok(),
                Some(code) if code.contains(&format!(" {name}")) => return true,
                _ => return false,
            }
        }
        code.is_some()
    })
}

#[test]
fn the_architecture_names_what_there_is() {
    let text = text("ARCHITECTURE.md");
    let lost: Vec<String> = spans(&text)
        .into_iter()
        .filter(|span| span.contains("::") && !span.contains(' '))
        .filter(|span| !is_in_code(span))
        .collect();
    assert!(lost.is_empty(), "not in the code: {lost:?}");
    assert!(text.lines().count() <= 120, "one page: {} lines", text.lines().count());
    assert!(!is_in_code("http::guard::nothing_of_the_kind") && is_in_code("search::tables"));
}

#[test]
fn licences_of_what_the_programs_contain_are_accepted() {
    for program in ["server", "timetable-compiler"] {
        let packages = third_party::packages(program);
        assert!(packages.len() > 50, "{program}: {}", packages.len());
        for it in packages {
            assert!(chosen(&it.licence).is_some(), "{} {}: {}", it.name, it.version, it.licence);
        }
        let notices = format!("{program}/THIRD-PARTY.txt");
        assert!(readme().contains(&format!("({notices})")), "README.md names no {notices}");
    }
    let bundle = text("server/graphiql/dist/LICENSES.txt");
    let (list, texts) = bundle.split_once("\n\n").expect("a list and texts");
    let licences: Vec<(&str, &str)> =
        list.lines().filter_map(|line| line.rsplit_once(": ")).collect();
    assert!(licences.iter().any(|(_, licence)| *licence == "MIT"), "{licences:?}");
    let is_font = |name: &str| name.ends_with(" (font)");
    for (name, licence) in &licences {
        // Fonts have licences of their own kind, which ask for the text, or the maker's name.
        let is_accepted = chosen(licence).is_some()
            || is_font(name) && ["OFL-1.1", "CC-BY-4.0"].contains(licence);
        assert!(is_accepted, "{name}: {licence} is none of {ACCEPTED:?}");
    }
    assert_eq!(licences.iter().filter(|(name, _)| is_font(name)).count(), 3, "{licences:?}");
    for text in ["SIL OPEN FONT LICENSE", "Copyright Microsoft", "Attribution 4.0 International"] {
        assert!(texts.contains(text), "{text}");
    }
}
