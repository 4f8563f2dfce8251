//! What a document may be. The guard is the first that sees it, and takes time in proportion to
//! its length: before the parser, which recurses, it counts bytes, tokens and brackets; after it,
//! fields, aliases and so on, each as often as fragments repeat it, with memory, so that fragments
//! that spread each other cost no more than they are long.

mod cost;
mod counts;
pub(super) mod introspection;
mod lexer;
mod needs;

use std::time::Duration;

use async_graphql::parser::types::ExecutableDocument;
use async_graphql::{Name, Pos, ServerError, Value, Variables};

use super::code::Code;
use super::limits::Limits;
use super::types::Types;

pub(super) use cost::Cost;
pub(super) use needs::Needs;

/// Why a document is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The code that callers see.
    pub code: Code,
    /// What was expected, and what found.
    pub message: String,
    /// Where.
    pub place: Option<Pos>,
    /// The argument at fault.
    pub argument: Option<Name>,
    /// What else callers are told, in `extensions`.
    pub values: Vec<(&'static str, Value)>,
}

/// The extension that says in how many seconds to try again. The answer has it as a header, too.
pub(super) const RETRY_AFTER: &str = "retryAfter";

impl Refused {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), place: None, argument: None, values: Vec::new() }
    }

    pub(super) fn with_value(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.values.push((name, value.into()));
        self
    }

    /// Tells callers how long to wait, in whole seconds and one at least.
    pub(super) fn with_wait(self, wait: Duration) -> Self {
        self.with_value(RETRY_AFTER, wait_s(wait))
    }

    fn more(code: Code, most: impl std::fmt::Display, what: &str) -> Self {
        Self::new(code, format!("expected at most {most} {what}, found more"))
    }

    pub(super) fn at(self, place: Pos) -> Self {
        Self { place: Some(place), ..self }
    }

    fn of_argument(self, name: &Name) -> Self {
        Self { argument: Some(name.clone()), ..self }
    }
}

/// A time to wait in whole seconds, one at least.
pub(super) fn wait_s(wait: Duration) -> u64 {
    wait.as_millis().div_ceil(1_000).max(1) as u64
}

impl From<Refused> for ServerError {
    fn from(refused: Refused) -> Self {
        let error = Self::new(refused.message, refused.place);
        let mut error = super::answer::coded(error, refused.code);
        if let Some(argument) = refused.argument {
            error.extensions.get_or_insert_default().set("argument", argument.as_str());
        }
        for (name, value) in refused.values {
            error.extensions.get_or_insert_default().set(name, value);
        }
        error
    }
}

/// What the guard found out about a document that it let pass.
#[derive(Debug)]
pub struct Verdict {
    /// What each operation costs.
    pub(super) costs: Vec<(Option<Name>, Cost)>,
    /// What scopes each operation needs.
    pub(super) needs: Vec<(Option<Name>, Needs)>,
}

/// Checks a document before the parser.
///
/// # Errors
///
/// Where it is too long, has too many tokens, nests too deeply, or has a string without an end.
pub fn check(document: &str, limits: &Limits) -> Result<(), Refused> {
    check_length(document, limits)?;
    lexer::check(document, limits.tokens, limits.nesting).map_err(|fault| match fault {
        lexer::Fault::Tokens => Refused::more(Code::TooManyTokens, limits.tokens, "tokens"),
        lexer::Fault::Nesting => {
            let message = format!("expected brackets at most {} deep, found more", limits.nesting);
            Refused::new(Code::DocumentTooDeep, message)
        }
        lexer::Fault::Unterminated(at) => {
            let before = &document[..at];
            let line = before.split('\n').count();
            let column = before.rsplit('\n').next().map_or(0, |it| it.chars().count()) + 1;
            Refused::new(
                Code::ParseFailed,
                format!("expected the end of the string at {line}:{column}"),
            )
            .at(Pos { line, column })
        }
    })
}

/// Checks the length of a document.
pub(super) fn check_length(document: &str, limits: &Limits) -> Result<(), Refused> {
    let (most, found) = (limits.document_bytes, document.len());
    if found <= most {
        return Ok(());
    }
    let message = format!("expected a document of at most {most} bytes, found {found}");
    Err(Refused::new(Code::DocumentTooLong, message))
}

/// Parses a document that [`check`] let pass, and counts what is in it.
///
/// # Errors
///
/// Where it does not follow the grammar, or has more of anything than it may.
pub(super) fn read(
    document: &str,
    types: &Types,
    limits: &Limits,
) -> Result<(ExecutableDocument, Verdict), Refused> {
    let parsed = async_graphql::parser::parse_query(document).map_err(|error| {
        let error = ServerError::from(error);
        let refused = Refused::new(Code::ParseFailed, error.message);
        match error.locations.first() {
            Some(place) => refused.at(*place),
            None => refused,
        }
    })?;
    counts::check(&parsed, limits)?;
    let costs = cost::of(&parsed, types, limits)?;
    let needs = needs::of(&parsed, types);
    Ok((parsed, Verdict { costs, needs }))
}

impl Verdict {
    /// What an operation of the document needs.
    pub(super) fn needs(&self, operation: Option<&str>) -> Option<&Needs> {
        let is_it = |name: &Option<Name>| name.as_deref() == operation || self.needs.len() == 1;
        self.needs.iter().find(|(name, _)| is_it(name)).map(|(_, needs)| needs)
    }

    /// Checks what depends on variables: rows of pages, and the cost of the whole.
    ///
    /// # Errors
    ///
    /// Where a page, or the whole, is too large.
    pub(super) fn check(
        &self,
        operation: Option<&str>,
        variables: &Variables,
        limits: &Limits,
    ) -> Result<(), Refused> {
        let is_it = |name: &Option<Name>| name.as_deref() == operation || self.costs.len() == 1;
        let found = self.costs.iter().find(|(name, _)| is_it(name));
        found.map_or(Ok(()), |(_, cost)| cost.check(variables, limits))
    }
}
