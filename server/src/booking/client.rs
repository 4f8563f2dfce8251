//! The person who travels.

use std::fmt;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

use super::id_number::IdNumber;

/// The longest first or last name.
const NAME_LENGTH_MAX: usize = 100;

/// A client's number in the database; it never changes and is never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub i64);

/// Why a text is not a name. The messages never contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonError {
    /// Nothing but spaces.
    #[error("a name must not be empty")]
    Empty,
    /// More than 100 characters.
    #[error("a name has at most 100 characters")]
    TooLong,
    /// A control character, a line break for one.
    #[error("a name must not contain control characters")]
    ControlCharacter,
}

/// A person's names and id number, as they are stored: trimmed, NFC, within their limits.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    first_name: String,
    last_name: String,
    id_number: IdNumber,
}

impl Person {
    /// Takes names that were cleaned by [`clean_name`] and a normalised id number.
    pub(super) fn from_clean(first_name: String, last_name: String, id_number: IdNumber) -> Self {
        Self { first_name, last_name, id_number }
    }

    /// A stored person; it was cleaned when it was stored.
    pub fn from_stored(first_name: String, last_name: String, id_number: String) -> Self {
        Self::from_clean(first_name, last_name, IdNumber::from_stored(id_number))
    }

    /// What is left of a client who was erased: empty texts, which nobody's names are.
    pub fn erased() -> Self {
        Self::from_stored(String::new(), String::new(), String::new())
    }

    /// Whether the person was erased.
    pub fn is_erased(&self) -> bool {
        self.last_name.is_empty()
    }

    /// As the person first gave it.
    pub fn first_name(&self) -> &str {
        &self.first_name
    }

    /// As the person first gave it.
    pub fn last_name(&self) -> &str {
        &self.last_name
    }

    /// The normalised id number.
    pub fn id_number(&self) -> &IdNumber {
        &self.id_number
    }

    /// What tells this person from all others.
    pub fn identity(&self) -> Identity {
        Identity::new(&self.last_name, self.id_number.clone())
    }

    /// Whether `last_name`, however it is typed, is this person's. An erased person has none.
    pub fn has_last_name(&self, last_name: &str) -> bool {
        !self.is_erased() && fold_name(last_name) == fold_name(&self.last_name)
    }
}

/// Personal data never reaches a log through `Debug`.
impl fmt::Debug for Person {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Person(…)")
    }
}

/// What makes two travellers the same person: the last name without regard to case and
/// compatibility forms, and the id number. The first name is no part of it, since people shorten
/// it and have several.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity {
    last_name_folded: String,
    id_number: IdNumber,
}

impl Identity {
    /// The identity of a person with this last name and id number.
    pub fn new(last_name: &str, id_number: IdNumber) -> Self {
        Self { last_name_folded: fold_name(last_name), id_number }
    }

    /// The folded last name.
    pub fn last_name_folded(&self) -> &str {
        &self.last_name_folded
    }

    /// The normalised id number.
    pub fn id_number(&self) -> &IdNumber {
        &self.id_number
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identity(…)")
    }
}

/// A client: a person, once known, under a number. A client never changes: whoever books again
/// under the same identity is the same client, and the spelling of the first booking stays, the
/// first name's too. So a ticket that was issued never changes its name afterwards, and nobody
/// who knows an id number can rename its owner. It can only be erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    /// The client's number.
    pub id: ClientId,
    /// Names and id number.
    pub person: Person,
}

/// A last name for comparing: trimmed, without regard to case (`ß` and `SS`) and compatibility
/// forms (full-width letters). Definition D146 of the Unicode standard, then composed.
pub fn fold_name(name: &str) -> String {
    name.trim()
        .nfd()
        .default_case_fold()
        .nfkd()
        .default_case_fold()
        .nfkc()
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A name as it is stored: trimmed and composed (NFC).
pub(super) fn clean_name(name: &str) -> Result<String, PersonError> {
    let clean: String = name.trim().nfc().collect();
    if clean.is_empty() {
        return Err(PersonError::Empty);
    }
    if clean.chars().any(char::is_control) {
        return Err(PersonError::ControlCharacter);
    }
    if clean.chars().count() > NAME_LENGTH_MAX {
        return Err(PersonError::TooLong);
    }
    Ok(clean)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folds_as_people_compare() {
        let same = |one: &str, other: &str| {
            assert_eq!(fold_name(one), fold_name(other), "{one} and {other}");
        };
        same("Strauß", "STRAUSS");
        same("İnönü", "i\u{307}nönü");
        same("ＭÜＬＬＥＲ", "müller");
        same("Mu\u{308}ller", "MÜLLER");
        same("  Ångström ", "ångström");
        same("Παπαδόπουλος", "ΠΑΠΑΔΌΠΟΥΛΟΣ");
        assert_ne!(fold_name("Müller"), fold_name("Muller"));
        assert_ne!(fold_name("I"), fold_name("İ"));
    }

    #[test]
    fn cleans_names() {
        assert_eq!(clean_name("  Ame\u{301}lie "), Ok("Amélie".to_owned()));
        assert_eq!(clean_name(" \u{A0}\t"), Err(PersonError::Empty));
        assert_eq!(clean_name("A\nB"), Err(PersonError::ControlCharacter));
        assert_eq!(clean_name("A\u{85}B"), Err(PersonError::ControlCharacter));
        assert_eq!(clean_name(&"é".repeat(100)), Ok("é".repeat(100)));
        assert_eq!(clean_name(&"e\u{301}".repeat(100)), Ok("é".repeat(100)));
        assert_eq!(clean_name(&"é".repeat(101)), Err(PersonError::TooLong));
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let person = Person::from_stored("Ada".into(), "Lovelace".into(), "GB123456".into());
        let shown = format!("{:?} {:?}", person, person.identity());
        assert_eq!(shown, "Person(…) Identity(…)");
    }

    proptest! {
        #[test]
        fn folding_is_idempotent(name in any::<String>()) {
            let folded = fold_name(&name);
            prop_assert_eq!(fold_name(&folded), folded);
        }

        #[test]
        fn upper_and_lower_case_fold_alike(name in "[a-zA-Zà-ÿß -]{0,40}") {
            prop_assert_eq!(fold_name(&name.to_uppercase()), fold_name(&name));
        }
    }
}
