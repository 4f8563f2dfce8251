//! What the two programs contain that others wrote: names, licences, and the texts that go with
//! them wherever the programs go.
//!
//! Cargo says which packages a program is linked from, on Linux; the texts are those that lie in
//! the packages. Where a package may be used under one of several licences, it is used under the
//! first in [`ACCEPTED`].

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, Licensee, ParseMode};

use crate::generated::{COMMAND, root};

/// The licences that are accepted, the first preferred: one text for most packages.
pub const ACCEPTED: [&str; 14] = [
    "Apache-2.0",
    "MIT",
    "0BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "bzip2-1.0.6",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "PSF-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Words by which the text of a licence is told from others.
const MARKS: [(&str, &str); 10] = [
    ("Apache-2.0", "apache license version 2 0 january 2004"),
    ("MIT", "permission is hereby granted free of charge to any person obtaining"),
    ("BSD-3-Clause", "redistribution and use in source and binary forms"),
    ("BSL-1.0", "boost software license version 1 0"),
    ("CC0-1.0", "cc0 1 0 universal"),
    ("GPL-2.0", "gnu general public license version 2"),
    ("ISC", "permission to use copy modify and or distribute this software"),
    ("Unicode-3.0", "unicode license v3"),
    ("Unlicense", "this is free and unencumbered software"),
    ("Zlib", "the origin of this software must not be misrepresented"),
];

/// How the names of files with licences and notices begin.
const FILE_NAMES: [&str; 6] = ["license", "licence", "unlicense", "copying", "copyright", "notice"];

/// Folders of packages whose content no program is linked from.
const UNUSED: [(&str, &str); 1] = [("libsqlite3-sys", "sqlcipher")];

/// Where texts are looked for in a package: so many folders deep.
const DEPTH_MAX: usize = 4;

/// The platform whose packages are listed.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// A package that a program is linked from.
#[derive(Debug, Clone)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence as it says it, an SPDX expression.
    pub licence: String,
    authors: String,
    repository: String,
    folder: PathBuf,
}

/// The packages that a program of the workspace is linked from, its own left out, by name.
///
/// # Panics
///
/// Where cargo does not know, as when packages are to be fetched first and cannot be.
pub fn packages(program: &str) -> Vec<Package> {
    let known = known_packages();
    let tree = cargo(&[
        "tree",
        "--package",
        program,
        "--edges",
        "normal,no-proc-macro",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--locked",
        "--target",
        PLATFORM,
    ]);
    let linked: BTreeSet<(&str, &str)> = (tree.lines())
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect();
    let linked = linked.into_iter().filter_map(|(name, version)| {
        let package = known.get(&(name.to_owned(), version.to_owned()));
        package.unwrap_or_else(|| panic!("cargo does not know {name} {version}")).clone()
    });
    linked.collect()
}

/// All packages by name and version; none for those of the workspace.
fn known_packages() -> BTreeMap<(String, String), Option<Package>> {
    let metadata =
        cargo(&["metadata", "--format-version", "1", "--locked", "--filter-platform", PLATFORM]);
    let metadata: Value = serde_json::from_str(&metadata).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let packages = packages.map(|it| {
        let text = |name: &str| it[name].as_str().unwrap_or_default().to_owned();
        let authors: Vec<&str> =
            it["authors"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let manifest = PathBuf::from(text("manifest_path"));
        let package = Package {
            name: text("name"),
            version: text("version"),
            licence: text("license"),
            authors: authors.join(", "),
            repository: text("repository"),
            folder: manifest.parent().expect("a folder").to_owned(),
        };
        let key = (package.name.clone(), package.version.clone());
        (key, it["source"].is_string().then_some(package))
    });
    packages.collect()
}

fn cargo(arguments: &[&str]) -> String {
    let ended = Command::new(env!("CARGO")).current_dir(root()).args(arguments).output();
    let ended = ended.expect("cargo");
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "cargo {}: {errors}", arguments.join(" "));
    String::from_utf8(ended.stdout).expect("UTF-8")
}

/// The licences under which something with this SPDX expression is used; none where they are not
/// accepted.
pub fn chosen(expression: &str) -> Option<BTreeSet<String>> {
    let expression = Expression::parse_mode(expression, ParseMode::LAX).ok()?;
    let accepted = ACCEPTED.map(|it| Licensee::parse(it).expect("a licence"));
    let required = expression.minimized_requirements(&accepted).ok()?;
    Some(required.iter().map(|it| it.license.to_string()).collect())
}

/// The file that goes with a program.
///
/// # Panics
///
/// Where a package's licence is not accepted, or cannot be read.
pub fn notices(program: &str, title: &str) -> String {
    let packages = packages(program);
    let mut list = String::new();
    let mut texts: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    for package in &packages {
        let Package { name, version, licence, repository, .. } = package;
        let Some(chosen) = chosen(licence) else {
            panic!("{name} {version} has the licence \"{licence}\", which is not accepted");
        };
        let under: Vec<&str> = chosen.iter().map(String::as_str).collect();
        // Writing to a string cannot fail.
        let _ = writeln!(list, "{name} {version}: {} {repository}", under.join(", "));
        for text in package_texts(package, &chosen) {
            let entry = texts.entry(words(&text)).or_insert((text, BTreeSet::new()));
            entry.1.insert(format!("{name} {version}"));
        }
    }
    let mut file = heading(title, &packages) + &list;
    let mut texts: Vec<_> = texts.into_values().collect();
    texts.sort_by(|one, two| one.1.cmp(&two.1).then_with(|| one.0.cmp(&two.0)));
    for (text, of) in texts {
        let of: Vec<&str> = of.iter().map(String::as_str).collect();
        let of = if text == apache() { "all under Apache-2.0".to_owned() } else { of.join(", ") };
        let _ = write!(file, "\n{}\n{of}\n\n{}\n", "-".repeat(80), text.trim_matches('\n'));
    }
    file
}

fn heading(title: &str, packages: &[Package]) -> String {
    let has_sqlite = packages.iter().any(|it| it.name == "libsqlite3-sys");
    let sqlite = if has_sqlite { ", SQLite (public domain, in libsqlite3-sys)" } else { "" };
    format!(
        "What {title} contains that others wrote: {} packages, listed with their versions, the\n\
         licences they are used under, and where they come from; Rust's standard library\n\
         (Apache-2.0){sqlite}. The texts follow.\n\n\
         Made by `{COMMAND}`.\n\n",
        packages.len()
    )
}

/// The texts that go with a package used under these licences.
fn package_texts(package: &Package, chosen: &BTreeSet<String>) -> Vec<String> {
    let mut texts = Vec::new();
    for path in licence_files(package) {
        let text = std::fs::read(&path).expect("a file of a package");
        let text = String::from_utf8_lossy(&text).replace("\r\n", "\n").replace('\t', "    ");
        let marks = marks(&text);
        let is_own = path.parent() == Some(&package.folder);
        // Apache's text is added once for all.
        let is_other = |mark: &&str| *mark == "Apache-2.0" || !chosen.contains(*mark);
        let is_other = !marks.is_empty() && marks.iter().all(is_other);
        let is_apache = marks == ["Apache-2.0"];
        let is_left_out = is_apache || (is_own && is_other) || marks.contains(&"GPL-2.0");
        if !is_left_out {
            texts.push(text);
        }
    }
    for licence in chosen {
        let is_told = |text: &String| marks(text).contains(&licence.as_str());
        let has_mark = MARKS.iter().any(|(name, _)| name == licence);
        if licence == "Apache-2.0" {
            texts.push(apache().to_owned());
        } else if texts.is_empty() || (has_mark && !texts.iter().any(is_told) && !is_bsd(licence)) {
            let text = spdx::license_id(licence).expect("a licence").text();
            texts.push(format!("Copyright (c) {}\n\n{text}", package.authors));
        }
    }
    texts
}

fn is_bsd(licence: &str) -> bool {
    licence.starts_with("BSD")
}

fn apache() -> &'static str {
    spdx::license_id("Apache-2.0").expect("a licence").text()
}

/// The files with licences and notices in a package, by path.
fn licence_files(package: &Package) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![(package.folder.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of a package") {
            let path = entry.expect("an entry").path();
            let is_unused = |(name, unused): &(&str, &str)| {
                package.name == *name && path == package.folder.join(unused)
            };
            if path.is_dir() {
                if depth < DEPTH_MAX && !UNUSED.iter().any(is_unused) {
                    folders.push((path, depth + 1));
                }
            } else if has_licence_name(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn has_licence_name(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let is_code = [".rs", ".c", ".h", ".html", ".json", ".toml", ".spdx"];
    FILE_NAMES.iter().any(|start| name.starts_with(start))
        && !is_code.iter().any(|end| name.ends_with(end))
}

/// The licences whose texts stand in this one.
fn marks(text: &str) -> Vec<&'static str> {
    let words = words(text);
    MARKS.iter().filter(|(_, mark)| words.contains(mark)).map(|(name, _)| *name).collect()
}

/// A text's words, in small letters, with nothing between them: what two texts are compared by.
fn words(text: &str) -> String {
    let words = text.split(|letter: char| !letter.is_alphanumeric()).filter(|it| !it.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_licences_the_preferred_is_chosen_and_others_are_not_accepted() {
        let chosen = |expression| chosen(expression).map(|it| Vec::from_iter(it).join(" "));
        for (expression, expected) in [
            ("MIT OR Apache-2.0", Some("Apache-2.0")),
            ("MIT/Apache-2.0", Some("Apache-2.0")),
            ("Unlicense OR MIT", Some("MIT")),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", Some("Apache-2.0 Unicode-3.0")),
            ("GPL-3.0-only OR MIT", Some("MIT")),
            ("GPL-3.0-only", None),
            ("MIT AND AGPL-3.0-only", None),
            ("", None),
        ] {
            assert_eq!(chosen(expression).as_deref(), expected, "{expression}");
        }
    }

    #[test]
    fn texts_are_known_by_their_words() {
        let mit = "Permission is hereby granted, free of charge,\n  to any person obtaining a copy";
        assert_eq!(marks(mit), ["MIT"]);
        assert_eq!(marks(apache()), ["Apache-2.0"]);
        assert_eq!(words("A  copy,\nof it."), words("a copy of it"));
    }
}
