//! House rules that the compiler does not enforce: the arrows between the parts, the size of
//! things, and what has no place in the repository.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every file below a folder with this ending, build products left out.
fn files(folder: &str, ending: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"))
        {
            let (path, name) = (entry.path(), entry.file_name());
            let skipped = ["target", "node_modules", "dist", ".git"];
            if path.is_dir() {
                if !skipped.iter().any(|skipped| name == *skipped) {
                    folders.push(path);
                }
            } else if name.to_string_lossy().ends_with(ending) {
                let text = fs::read_to_string(&path).expect("a text");
                let path = path.strip_prefix(root()).expect("a path in the workspace");
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no {ending} in {folder}");
    found.sort();
    found
}

/// The lines of code in which one of these words stands, comments and tests left out.
fn lines_with(folder: &str, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in files(folder, ".rs") {
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (line, number) in code.lines().zip(1..) {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{path}:{number}: {}", line.trim()));
            }
        }
    }
    found
}

#[track_caller]
fn assert_none(found: &[String], rule: &str) {
    assert!(found.is_empty(), "{rule}:\n{}", found.join("\n"));
}

const OUTSIDE: [&str; 10] = [
    "axum",
    "async_graphql",
    "sea_orm",
    "sqlx",
    "tokio",
    "std::fs",
    "std::net",
    "Utc::now",
    "SystemTime",
    "Instant::now",
];

#[test]
fn the_search_is_pure() {
    let mut words = OUTSIDE.to_vec();
    words.extend(["crate::booking", "crate::store", "crate::graphql", "crate::http"]);
    assert_none(&lines_with("server/src/search", &words), "search touches nothing outside");
}

#[test]
fn the_booking_rules_are_pure() {
    let mut words = OUTSIDE.to_vec();
    words.extend(["crate::search", "crate::store", "crate::graphql", "crate::http", "schema::"]);
    assert_none(&lines_with("server/src/booking", &words), "booking touches nothing outside");
}

#[test]
fn who_may_what_is_pure() {
    let mut words = OUTSIDE.to_vec();
    words.extend(["crate::", "schema::"]);
    assert_none(&lines_with("server/src/access", &words), "access touches nothing outside");
}

#[test]
fn the_schema_crate_does_no_io() {
    let words = ["std::fs", "std::net", "std::io", "tokio", "Utc::now", "SystemTime"];
    assert_none(&lines_with("schema/src", &words), "schema is bytes in, view out");
}

#[test]
fn arrows_inside_the_server_point_inwards() {
    let store =
        ["crate::graphql", "crate::http", "crate::limit", "crate::search", "async_graphql", "axum"];
    assert_none(&lines_with("server/src/store", &store), "store knows booking and access alone");
    let limit = ["crate::", "async_graphql", "axum", "sea_orm", "sqlx"];
    assert_none(&lines_with("server/src/limit", &limit), "limit counts, no more");
    let graphql = ["crate::http", "axum", "sea_orm", "sqlx"];
    assert_none(&lines_with("server/src/graphql", &graphql), "graphql translates, no more");
    let http = ["sea_orm", "sqlx", "crate::booking"];
    assert_none(&lines_with("server/src/http", &http), "http knows no booking and no SQL");
}

#[test]
fn arrows_between_packages_are_the_designs() {
    let ours = ["schema", "timetable-compiler", "server", "migrations"];
    for (package, allowed) in [
        ("schema", &[][..]),
        ("migrations", &[][..]),
        ("timetable-compiler", &["schema"][..]),
        ("server", &["schema", "migrations"][..]),
    ] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml"));
        let manifest = manifest.expect("a manifest");
        for other in ours.iter().filter(|other| !allowed.contains(other)) {
            let named = manifest.lines().any(|line| {
                line.starts_with(&format!("{other}.")) || line.starts_with(&format!("{other} "))
            });
            assert!(!named, "{package} must not depend on {other}");
        }
    }
}

#[test]
fn the_top_level_is_the_designs() {
    let allowed = [
        "Cargo.toml",
        "Cargo.lock",
        "README.md",
        "ARCHITECTURE.md",
        "LICENSE-APACHE",
        "LICENSE-MIT",
        "schema",
        "timetable-compiler",
        "server",
        "migrations",
        "data",
        "tests",
        "target",
        "rustfmt.toml",
        "clippy.toml",
    ];
    for entry in fs::read_dir(root()).expect("the workspace") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        // Names that begin with a dot are tools'; what a start of the server leaves is ignored by
        // git.
        let runtime = name.starts_with("railgraph.sqlite") || name == "railgraph.key";
        assert!(name.starts_with('.') || runtime || allowed.contains(&name.as_str()), "{name}");
    }
}

#[test]
fn lines_functions_and_files_are_short() {
    let mut long = Vec::new();
    for folder in ["schema", "timetable-compiler", "server", "migrations", "tests"] {
        for (path, text) in files(folder, ".rs") {
            if text.lines().count() > 800 {
                long.push(format!("{path}: {} lines", text.lines().count()));
            }
            let wide = text.lines().zip(1..).filter(|(line, _)| line.chars().count() > 100);
            long.extend(wide.map(|(_, number)| format!("{path}:{number}: wider than 100")));
            long.extend(long_functions(&path, &text));
        }
    }
    assert_none(&long, "lines have 100 characters, functions 70 lines, files 800");
}

fn long_functions(path: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut long = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let words: Vec<&str> = code.split_whitespace().take(4).collect();
        if !words.contains(&"fn") || code.starts_with("//") {
            continue;
        }
        let indent = &line[..line.len() - code.len()];
        let end = format!("{indent}}}");
        let length = lines[at..].iter().position(|line| *line == end).unwrap_or(0) + 1;
        if length > 70 {
            long.push(format!("{path}:{}: a function of {length} lines", at + 1));
        }
    }
    long
}

#[test]
fn nothing_names_the_machine_it_was_made_on() {
    let marks = [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/")];
    for ending in [".rs", ".toml", ".md", ".graphql", ".json", ".sql", ".mjs", ".csv", ".txt"] {
        for (path, text) in files(".", ending) {
            for mark in marks {
                assert!(!text.contains(mark), "{path} names {mark}");
            }
        }
    }
}
