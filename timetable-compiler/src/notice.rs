//! Findings: what the compiler says about the data it read.
//!
//! A [`Notice`] has a stable [`Code`], a sentence, the place and value it speaks of and, where
//! known, the mend. [`Findings`] collects them, applies the caller's [`Policy`] and keeps the first
//! [`KEPT_PER_CODE`] of each code; the rest are counted. Nothing here prints.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

pub use crate::codes::Code;

/// Findings of one code that are kept with their sentences; past it they are only counted.
pub const KEPT_PER_CODE: usize = 100;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the data is used as it is.
    Info,
    /// Probably not what was meant; the data is used all the same, or the finding says what was
    /// left out.
    Warning,
    /// The data cannot be used: nothing is written.
    Error,
}

impl Severity {
    /// The word that reports begin with.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Where in the sources something stands. Ordered as a reader meets it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Which of the files read, in order; the stations file is the first.
    #[serde(skip)]
    pub input: usize,
    /// Which file of a folder or an archive, in the order in which they are read.
    #[serde(skip)]
    pub part: usize,
    /// The file as the caller named it.
    pub file: String,
    /// Line, from 1; none for a finding about the whole file.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// The header's name for the field.
    pub field: Option<String>,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Notice {
    /// What kind of finding it is.
    pub code: Code,
    /// How much it matters, after the policy was applied.
    pub severity: Severity,
    /// What was found, as a sentence without a full stop.
    pub sentence: String,
    /// Where it was found; none for a finding about the timetable as a whole.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// The value that was found.
    pub value: Option<String>,
    /// What was done about it: left out, taken for something else.
    pub action: Option<String>,
    /// How to mend it.
    pub help: Option<String>,
}

impl Notice {
    /// A finding about no place in particular, with the code's own severity.
    pub fn new(code: Code, sentence: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            sentence: sentence.into(),
            place: None,
            value: None,
            action: None,
            help: None,
        }
    }

    /// The same finding at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same finding with the value it speaks of.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }

    /// The same finding with what was done about it.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.action = Some(action.into());
        self
    }

    /// The same finding with its mend.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What the caller thinks of some codes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Warnings are errors.
    pub strict: bool,
    /// These are errors, whatever they were.
    pub deny: BTreeSet<Code>,
    /// These are counted and not listed.
    pub allow: BTreeSet<Code>,
}

/// How often a code was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Total {
    /// The severity after the policy was applied.
    pub severity: Severity,
    /// How many of it were found.
    pub found: usize,
    /// Whether the caller allows it, so that none is listed.
    pub allowed: bool,
}

/// The findings of a run.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    policy: Policy,
    kept: Vec<Notice>,
    totals: BTreeMap<Code, Total>,
}

impl Findings {
    /// None yet.
    pub fn new(policy: Policy) -> Self {
        Self { policy, ..Self::default() }
    }

    /// Adds a finding, its severity as the policy has it.
    pub fn add(&mut self, mut notice: Notice) {
        let (code, policy) = (notice.code, &self.policy);
        let strictly = policy.strict && notice.severity == Severity::Warning;
        let allowed = policy.allow.contains(&code) && notice.severity != Severity::Error;
        if policy.deny.contains(&code) || (strictly && !allowed) {
            notice.severity = Severity::Error;
        }
        let total = self.totals.entry(code).or_insert(Total {
            severity: notice.severity,
            found: 0,
            allowed,
        });
        total.found += 1;
        if total.found <= KEPT_PER_CODE && !allowed {
            self.kept.push(notice);
        }
    }

    /// Puts the findings in the order in which a reader of the sources meets them.
    pub fn sort(&mut self) {
        // Findings about the whole come last: they are conclusions.
        self.kept.sort_by(|left, right| {
            let key = |notice: &Notice| (notice.place.is_none(), notice.place.clone(), notice.code);
            key(left).cmp(&key(right))
        });
    }

    /// The findings that are kept.
    pub fn kept(&self) -> &[Notice] {
        &self.kept
    }

    /// How often each code was found.
    pub fn totals(&self) -> &BTreeMap<Code, Total> {
        &self.totals
    }

    /// How many findings of a severity there are, without those that are allowed.
    pub fn count(&self, severity: Severity) -> usize {
        let totals = self.totals.values();
        let counted = totals.filter(|total| total.severity == severity && !total.allowed);
        counted.map(|total| total.found).sum()
    }

    /// Whether nothing may be written.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }
}
