//! Reports as pages for a browser: one file each, with nothing to fetch, in light and dark and on
//! screens of every width.

mod findings;
mod map;
mod network;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::compile::{Goal, ReadInput};
use crate::diff::Difference;
use crate::inspect::{Summary, size};
use crate::notice::Findings;
use crate::report;
pub use network::Picture;

/// Lines of each kind that the page of a difference shows.
const DIFFERENCES_SHOWN_MAX: usize = 500;

/// Kinds of differences with more lines than this are folded until somebody opens them.
const DIFFERENCES_OPEN_MAX: usize = 12;

/// What a compilation came to.
pub struct Compilation<'c> {
    /// What was wanted.
    pub goal: Goal,
    /// What was read.
    pub read: &'c [ReadInput],
    /// What there was to say of it.
    pub findings: &'c Findings,
    /// What it became; none where there are errors.
    pub network: Option<(&'c Summary, &'c Picture)>,
    /// What was done and how many seconds it took.
    pub seconds: &'c [(&'static str, f64)],
}

/// The page of a compilation.
pub fn of_compilation(of: &Compilation<'_>) -> String {
    let counts = report::counts(of.findings);
    let counts = if counts.is_empty() { "no findings".to_owned() } else { counts };
    let status = match (of.goal, of.network.is_some()) {
        (Goal::Build, true) => "Compiled",
        (Goal::Build, false) => "Not compiled",
        (Goal::Check, true) => "Checked",
        (Goal::Check, false) => "Checked, and nothing that a build would write",
    };
    document(
        "Timetable report",
        &html! {
            p class="status" { (status) ": " (counts) "." }
            (findings::read(of.read, of.findings))
            (findings::notices(of.findings))
            @if let Some((summary, picture)) = of.network {
                (network::sections(picture))
                // A check writes no file.
                @if of.goal == Goal::Build { (sizes(summary)) }
            }
            (times(of.seconds))
            (findings::explanations(of.findings))
        },
    )
}

/// The page of a network file.
pub fn of_network(name: &str, summary: &Summary, picture: &Picture) -> String {
    document(
        "Network file",
        &html! {
            p class="status" { (name) ": " (summary.line()) "." }
            (network::sections(picture))
            (sizes(summary))
        },
    )
}

/// The page of a difference: what has changed, and both networks.
pub fn of_difference(
    names: [&str; 2],
    difference: &Difference<'_>,
    pictures: [&Picture; 2],
) -> String {
    let groups = difference.groups(DIFFERENCES_SHOWN_MAX);
    document(
        "What has changed",
        &html! {
            p class="status" { "From " (names[0]) " to " (names[1]) "." }
            @for line in difference.ending().lines() { p { (line) "." } }
            @if !groups.is_empty() {
                section {
                    h2 { "Changes" }
                    table {
                        tbody {
                            @for group in &groups {
                                tr { td { a href={ "#" (anchor(group.title)) } { (group.title) } }
                                     td class="number" { (number(group.total)) } }
                            }
                        }
                    }
                }
            }
            @for group in &groups {
                details open[group.total <= DIFFERENCES_OPEN_MAX] {
                    summary { h2 { (group.title) ": " (number(group.total)) } }
                    // Inside, since browsers open what a link leads into.
                    ul class="lines" id=(anchor(group.title)) {
                        @for line in &group.lines { li { (line) } }
                    }
                    @if group.total > group.lines.len() {
                        p class="soft" { "and " (number(group.total - group.lines.len())) " more; "
                            code { "diff --json" } " has all" }
                    }
                }
            }
            @if difference.same {
                (network::sections(pictures[1]))
            } @else {
                (network::both(names, pictures))
            }
        },
    )
}

fn anchor(title: &str) -> String {
    title.replace(' ', "-")
}

fn sizes(summary: &Summary) -> Markup {
    html! {
        section {
            h2 { "The file" }
            p { "Version " code { (summary.hash) } ", " (size(summary.file_bytes)) "." }
            div class="wide" {
                table {
                    thead { tr { th { "part" } th class="number" { "bytes" } th { "" } } }
                    tbody {
                        @for part in &summary.bytes {
                            @let share = part.bytes as f64 * 100.0 / summary.file_bytes as f64;
                            tr {
                                td { (part.name) }
                                td class="number" { (number(part.bytes)) }
                                td { (bar(share)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn times(seconds: &[(&'static str, f64)]) -> Markup {
    html! {
        section {
            h2 { "Time" }
            table {
                tbody {
                    @for (what, seconds) in seconds {
                        tr { td { (what) } td class="number" { (format!("{seconds:.2} s")) } }
                    }
                }
            }
        }
    }
}

/// A sentence in which what stands between backticks is code.
fn sentence(text: &str) -> Markup {
    html! {
        @for (nth, part) in text.split('`').enumerate() {
            @if nth % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A bar of this many parts of a hundred.
fn bar(percent: f64) -> Markup {
    html! {
        svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" {
            rect width=(format!("{percent:.1}")) height="8" {}
        }
    }
}

/// A number with its thousands apart.
fn number(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join("\u{202f}")
}

fn document(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                main { h1 { (title) } (body) }
            }
        }
    };
    page.into_string() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_backticks_is_code() {
        let page = sentence("Write `a < b`, or `c`.").into_string();
        assert_eq!(page, "Write <code>a &lt; b</code>, or <code>c</code>.");
    }

    #[test]
    fn thousands_stand_apart() {
        for (value, text) in [(0, "0"), (999, "999"), (1_000, "1 000"), (12_345_678, "12 345 678")]
        {
            assert_eq!(number(value).replace('\u{202f}', " "), text);
        }
    }
}
