//! Scopes: what an API key is good for.

use std::fmt;
use std::str::FromStr;

/// What a caller may be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Look for itineraries, stations and trains.
    Search,
    /// Book, and see and cancel what its travellers name.
    Book,
    /// See and cancel every trip, see id numbers whole, and ask about the schema.
    Support,
    /// Everything.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Search, Self::Book, Self::Support, Self::Admin];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Search => "search",
            Self::Book => "book",
            Self::Support => "support",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope.
    pub const NONE: Self = Self(0);

    /// The set of these.
    pub const fn of(scopes: &[Scope]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while at < scopes.len() {
            bits |= scopes[at].bit();
            at += 1;
        }
        Self(bits)
    }

    /// Whether a caller with these scopes may do what needs this one. An admin may do everything.
    pub const fn may(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }

    /// Whether a caller with these scopes may do what needs any of those.
    pub const fn may_any(self, needed: Self) -> bool {
        self.0 & (needed.0 | Scope::Admin.bit()) != 0
    }

    /// Those that are in the set.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().filter(move |scope| self.0 & scope.bit() != 0)
    }
}

/// As it is written: names with commas.
impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, scope) in self.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(formatter, "{comma}{}", scope.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Scopes({self})")
    }
}

/// A text that is no list of scopes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected scopes with commas, of search, book, support and admin, found {0:?}")]
pub struct InvalidScope(String);

impl FromStr for Scopes {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let mut scopes = Self::NONE;
        for name in text.split(',').map(str::trim) {
            let found = Scope::ALL.into_iter().find(|scope| scope.name() == name);
            scopes.0 |= found.ok_or_else(|| InvalidScope(name.to_owned()))?.bit();
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_as_they_are_written() {
        let scopes: Scopes = "support, search".parse().expect("scopes");
        assert_eq!(scopes.to_string(), "search,support");
        assert!(scopes.may(Scope::Search) && scopes.may(Scope::Support));
        assert!(!scopes.may(Scope::Book) && !scopes.may(Scope::Admin));
        for wrong in ["", "search,", "Search", "all"] {
            assert!(wrong.parse::<Scopes>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_admin_may_everything_and_nobody_without_a_scope_anything() {
        for scope in Scope::ALL {
            assert!(Scopes::of(&[Scope::Admin]).may(scope));
            assert!(!Scopes::NONE.may(scope));
            assert!(!Scopes::NONE.may_any(Scopes::of(&Scope::ALL)));
        }
    }
}
