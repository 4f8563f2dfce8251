//! What was read and what there was to say of it.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::{number, sentence};
use crate::compile::ReadInput;
use crate::inspect::size;
use crate::notice::{Code, Findings, Severity, Total};
use crate::report;

/// Findings of one code that are shown; the JSON report has more.
const EXAMPLES_MAX: usize = 10;

/// What was read of each input and what is left of it, and what was done about findings.
pub(super) fn read(inputs: &[ReadInput], findings: &Findings) -> Markup {
    html! {
        section {
            h2 { "Read" }
            div class="wide" {
                table class="inputs" {
                    thead { tr {
                        th { "input" } th { "form" } th class="number" { "size" }
                        th class="number" { "read" } th class="number" { "kept" }
                        th class="number" { "not used" } th class="number" { "dropped" }
                    } }
                    tbody {
                        @for input in inputs {
                            tr {
                                td { code { (input.name) } }
                                td { (input.form) }
                                td class="number" { (size(input.bytes)) }
                                td class="number" { (number(input.read)) " " (input.of) }
                                td class="number" { (number(input.kept())) }
                                td class="number" { (number(input.unused)) }
                                td class="number" { (number(input.dropped)) }
                            }
                        }
                    }
                }
            }
            p class="soft" {
                "Kept is what the network has. Not used is what was not asked for, what runs on no "
                "date of the period, and stations that no train serves. Dropped is what has a "
                "defect."
            }
            (actions(findings))
        }
    }
}

/// What was repaired and what was left out, as the findings say it.
fn actions(findings: &Findings) -> Markup {
    // What is done differs in details from finding to finding: the first stands for all of a code.
    let mut by_code: BTreeMap<Code, (&str, bool)> = BTreeMap::new();
    for notice in findings.kept() {
        if let Some(action) = notice.action.as_deref() {
            let (first, differ) = by_code.entry(notice.code).or_insert((action, false));
            *differ |= *first != action;
        }
    }
    let rows = by_code.into_iter().filter_map(|(code, (action, differ))| {
        let total = findings.totals().get(&code)?;
        let like = if differ { ", and the like" } else { "" };
        Some((code, format!("{action}{like}"), total.found))
    });
    let rows: Vec<_> = rows.collect();
    html! {
        @if !rows.is_empty() {
            h3 { "Repaired or left out" }
            div class="wide" {
                table {
                    thead { tr { th { "what was done" } th { "because of" }
                        th class="number" { "findings" } } }
                    tbody {
                        @for (code, action, found) in rows {
                            tr { td { (sentence(&action)) } td { (link(code)) }
                                td class="number" { (number(found)) } }
                        }
                    }
                }
            }
        }
    }
}

fn link(code: Code) -> Markup {
    html! { a href={ "#code-" (code) } { (code) } }
}

/// All findings, the gravest first.
pub(super) fn notices(findings: &Findings) -> Markup {
    let mut totals: Vec<(&Code, &Total)> = findings.totals().iter().collect();
    totals.sort_by_key(|(_, total)| (std::cmp::Reverse(total.severity), total.found));
    html! {
        section {
            h2 { "Findings" }
            @if totals.is_empty() { p { "None." } }
            @for (code, total) in totals {
                @let class = total.severity.word();
                @let heading = html! {
                    b class=(class) { (total.severity.word()) } " " (link(*code)) ": "
                    (number(total.found))
                };
                // Of those that are allowed, none is listed.
                @if total.allowed {
                    p { (heading) " (allowed)" }
                } @else {
                    details open[total.severity == Severity::Error] {
                        summary { (heading) }
                        @let shown = findings.kept().iter().filter(|it| it.code == *code);
                        @for notice in shown.take(EXAMPLES_MAX) {
                            pre { (report::text(notice, false)) }
                        }
                        @if total.found > EXAMPLES_MAX {
                            p class="soft" { (number(total.found - EXAMPLES_MAX)) " more" }
                        }
                    }
                }
            }
        }
    }
}

/// What the codes that were found mean.
pub(super) fn explanations(findings: &Findings) -> Markup {
    html! {
        @if !findings.totals().is_empty() {
            section {
                h2 { "What the findings mean" }
                @for code in findings.totals().keys() {
                    @let it = code.explanation();
                    h3 id={ "code-" (code) } { (code) }
                    p { (sentence(it.meaning)) }
                    p { b { "Why it matters: " } (sentence(it.why)) }
                    p { b { "How to mend it: " } (sentence(it.mend)) }
                }
            }
        }
    }
}
