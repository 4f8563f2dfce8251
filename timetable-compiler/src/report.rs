//! Findings as text for people and as JSON for programs, and what `explain` says of their codes.

use std::fmt::Write as _;
use std::io::{self, Write};

use clap::builder::styling::{AnsiColor, Style};
use serde_json::{Value, json};

use crate::notice::{Code, Findings, Notice, Place, Severity};

/// Characters of a value that a report shows.
const VALUE_SHOWN_MAX: usize = 80;

/// How a report looks.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// With colours.
    pub colour: bool,
    /// Findings below this severity are left out.
    pub least: Severity,
}

/// Writes all findings, and for codes with more than are kept their true number.
///
/// # Errors
///
/// What writing to `to` says.
pub fn write_text(to: &mut dyn Write, findings: &Findings, look: Look) -> io::Result<()> {
    let shown = |severity| severity >= look.least;
    for notice in findings.kept().iter().filter(|notice| shown(notice.severity)) {
        writeln!(to, "{}", text(notice, look.colour))?;
    }
    for (code, total) in findings.totals() {
        let kept = findings.kept().iter().filter(|notice| notice.code == *code).count();
        if shown(total.severity) && !total.allowed && total.found > kept {
            let more = total.found - kept;
            let head = head(total.severity, *code, look.colour);
            writeln!(to, "{head}: {more} more, {} in all", total.found)?;
        }
    }
    Ok(())
}

fn head(severity: Severity, code: Code, colour: bool) -> String {
    let word = format!("{}[{code}]", severity.word());
    if !colour {
        return word;
    }
    let colour = match severity {
        Severity::Error => AnsiColor::Red,
        Severity::Warning => AnsiColor::Yellow,
        Severity::Info => AnsiColor::Cyan,
    };
    let style = Style::new().fg_color(Some(colour.into())).bold();
    format!("{style}{word}{style:#}")
}

/// One finding: severity and code, sentence, place and value, what was done, mend.
pub fn text(notice: &Notice, colour: bool) -> String {
    let mut text = head(notice.severity, notice.code, colour);
    // Writing to a string cannot fail.
    let _ = write!(text, ": {}", notice.sentence);
    if let Some(place) = &notice.place {
        let _ = write!(text, "\n  --> {}", place_text(place));
        let value = notice.value.as_deref().map(shown_value);
        let _ = match (&place.field, value) {
            (Some(field), Some(value)) => write!(text, " {field}: {value}"),
            (None, Some(value)) => write!(text, " {value}"),
            (_, None) => Ok(()),
        };
    }
    if let Some(action) = &notice.action {
        let _ = write!(text, "\n  action: {action}");
    }
    if let Some(help) = &notice.help {
        let _ = write!(text, "\n  help: {help}");
    }
    text
}

fn place_text(place: &Place) -> String {
    let number = |number: Option<u32>| number.map_or_else(String::new, |it| format!(":{it}"));
    format!("{}{}{}", place.file, number(place.line), number(place.column))
}

/// A value in quotes, without what would move a terminal's cursor.
fn shown_value(value: &str) -> String {
    let short: String = value.chars().take(VALUE_SHOWN_MAX).collect();
    let more = if short.len() < value.len() { "…" } else { "" };
    format!("{short:?}{more}")
}

/// A text of lines, of which no character but their ends would move a terminal's cursor.
pub fn visible(text: &str) -> String {
    let shown = |it: char| match it {
        '\n' => "\n".to_owned(),
        it if it.is_control() => it.escape_unicode().to_string(),
        it => it.to_string(),
    };
    text.chars().map(shown).collect()
}

/// All findings that are kept, and the true number of each code.
pub fn json(findings: &Findings) -> Value {
    let totals: serde_json::Map<String, Value> =
        (findings.totals().iter()).map(|(code, total)| (code.to_string(), json!(total))).collect();
    json!({
        "errors": findings.count(Severity::Error),
        "warnings": findings.count(Severity::Warning),
        "infos": findings.count(Severity::Info),
        "totals": totals,
        "notices": findings.kept(),
    })
}

/// "2 errors, 1 warning", or nothing where there are none.
pub fn counts(findings: &Findings) -> String {
    let severities = [Severity::Error, Severity::Warning, Severity::Info];
    let mut parts: Vec<String> = (severities.into_iter())
        .map(|severity| (findings.count(severity), severity.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}{}", if count == 1 { "" } else { "s" }))
        .collect();
    let allowed = findings.totals().values().filter(|total| total.allowed);
    let allowed: usize = allowed.map(|total| total.found).sum();
    if allowed > 0 {
        parts.push(format!("{allowed} allowed"));
    }
    parts.join(", ")
}

/// What `explain` says of a code.
pub fn explain(code: Code) -> String {
    let it = code.explanation();
    format!(
        "{code} ({})\n\n{}\n\nWhy it matters: {}\nHow to mend it: {}\n",
        code.severity().word(),
        it.meaning,
        it.why,
        it.mend
    )
}

/// All codes, one a line.
pub fn codes() -> String {
    let line = |code: &Code| {
        let severity = code.severity().word();
        format!("{code:<26}{severity:<9}{}\n", code.explanation().meaning)
    };
    Code::ALL.iter().map(line).collect()
}

/// The list of all codes that is checked in as `NOTICES.md`.
pub fn codes_markdown() -> String {
    let mut text = String::from(
        "# What the timetable compiler says of timetables\n\n\
         Made from `src/codes.rs` by a test; `timetable-compiler explain CODE` says the same.\n\n\
         An **error** means that nothing is written. A **warning** is probably a mistake, and the \
         data is used all the same; with `--strict` it is an error. An **info** is worth knowing. \
         `--deny CODE` makes any finding an error, `--allow CODE` takes a warning or info off the \
         list.\n",
    );
    for code in Code::ALL {
        let (it, severity) = (code.explanation(), code.severity().word());
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n## {code}\n\n{severity}: {}\n\n- Why it matters: {}\n- How to mend it: {}\n",
            it.meaning, it.why, it.mend
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notice::{KEPT_PER_CODE, Policy};

    fn place(line: u32) -> Place {
        Place {
            input: 1,
            part: 0,
            file: "t.csv".to_owned(),
            line: Some(line),
            column: Some(7),
            field: Some("Arrival Time".to_owned()),
        }
    }

    fn written(findings: &Findings) -> String {
        let mut bytes = Vec::new();
        let look = Look { colour: false, least: Severity::Info };
        write_text(&mut bytes, findings, look).expect("memory");
        String::from_utf8(bytes).expect("text")
    }

    #[test]
    fn a_finding_says_what_where_and_how_to_mend_it() {
        let notice = Notice::new(Code::TimeWithoutColon, "the arrival time has no colon")
            .at(place(3))
            .value("12\u{1b}50")
            .help("write `12:50`");
        assert_eq!(
            text(&notice, false),
            "error[time-without-colon]: the arrival time has no colon\n  \
             --> t.csv:3:7 Arrival Time: \"12\\u{1b}50\"\n  help: write `12:50`"
        );
        assert!(text(&notice, true).starts_with("\u{1b}["));
    }

    #[test]
    fn what_would_move_the_cursor_is_seen_instead() {
        assert_eq!(visible("a → b\n\u{1b}[31mc\0\n"), "a → b\n\\u{1b}[31mc\\u{0}\n");
    }

    #[test]
    fn past_a_hundred_of_a_code_the_true_total_is_said() {
        let mut findings = Findings::default();
        for line in 0..KEPT_PER_CODE as u32 + 23 {
            findings.add(Notice::new(Code::NegativePrice, "below zero").at(place(line)));
        }
        let text = written(&findings);
        assert!(text.ends_with("error[negative-price]: 23 more, 123 in all\n"), "{text}");
        assert_eq!(text.matches("below zero").count(), KEPT_PER_CODE);
        assert_eq!(counts(&findings), "123 errors");
    }

    #[test]
    fn a_policy_changes_severities_and_hides_nothing_it_was_not_told_to() {
        let codes = [Code::StrayPrefix, Code::ExtraColumn, Code::NeverRuns];
        let severities = |policy: Policy| {
            let mut findings = Findings::new(policy);
            for code in codes {
                findings.add(Notice::new(code, ""));
            }
            let kept: Vec<_> = findings.kept().iter().map(|notice| notice.severity).collect();
            (kept, counts(&findings))
        };
        let (info, warning, error) = (Severity::Info, Severity::Warning, Severity::Error);
        let policy = |strict, deny: &[Code], allow: &[Code]| Policy {
            strict,
            deny: deny.iter().copied().collect(),
            allow: allow.iter().copied().collect(),
        };
        let none = severities(Policy::default());
        assert_eq!(none, (vec![warning, info, warning], "2 warnings, 1 info".to_owned()));
        let strict = severities(policy(true, &[], &[Code::NeverRuns]));
        assert_eq!(strict, (vec![error, info], "1 error, 1 info, 1 allowed".to_owned()));
        let denied = severities(policy(false, &[Code::ExtraColumn], &[]));
        assert_eq!(denied, (vec![warning, error, warning], "1 error, 2 warnings".to_owned()));
    }

    #[test]
    fn every_code_is_explained_in_sentences_and_has_a_name_of_its_own() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|it| it.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::of(code.name()), Some(*code));
            let kebab = |letter: char| matches!(letter, 'a'..='z' | '0'..='9' | '-');
            assert!(code.name().chars().all(kebab), "{code}");
            let it = code.explanation();
            assert!([it.meaning, it.why, it.mend].iter().all(|text| text.ends_with('.')), "{code}");
        }
    }

    #[test]
    fn the_list_of_codes_is_the_one_that_is_checked_in() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("NOTICES.md");
        let (made, checked_in) = (codes_markdown(), std::fs::read_to_string(&path));
        if checked_in.as_ref().ok() != Some(&made) {
            std::fs::write(&path, &made).expect("the folder of this package");
            panic!("NOTICES.md differed from the codes and was written anew: commit it");
        }
    }
}
