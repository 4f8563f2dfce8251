//! Id numbers: one spelling for each, and optional checks against typing errors.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

/// The longest id number after normalisation.
const LENGTH_MAX: usize = 32;

/// MRZ filler of ICAO 9303.
const FILLER: char = '<';

/// Which typing errors in id numbers are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdNumberCheck {
    /// None: every id number of letters and digits is taken.
    #[default]
    None,
    /// The number must be decimal digits of which the last is the Luhn check digit (ISO/IEC
    /// 7812-1, annex B), as on many national cards.
    Luhn,
    /// The number is that of a travel document, optionally followed by fillers and its check
    /// digit as in a machine-readable zone: `D23145890<7`, `AB2134<<<<5`. The filler is what says
    /// that a check digit follows, since without it `L898902C36` could be a number of ten signs.
    /// The check digit is verified (weights 7-3-1, ICAO 9303 part 3, 4.9) and then dropped: the
    /// number with it and the number without are the same person. Without a filler there is
    /// nothing to verify and the number is taken as it is.
    Icao9303,
}

/// A person's id number in its one spelling: NFKC, without spaces and hyphens, upper case; 1–32
/// letters and digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IdNumber(String);

/// Why a text is not an id number. The messages never contain it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdNumberError {
    /// Nothing is left after spaces and hyphens are removed.
    #[error("an id number must not be empty")]
    Empty,
    /// More than 32 letters and digits.
    #[error("an id number has at most 32 letters and digits, not counting spaces and hyphens")]
    TooLong,
    /// Something else than letters, digits, spaces and hyphens.
    #[error("an id number consists of letters and digits only, besides spaces and hyphens")]
    ForeignSign,
    /// The configured check failed.
    #[error("this id number's check digit does not match; one of its signs is mistyped")]
    CheckDigit,
}

impl IdNumber {
    /// Normalises and checks an id number as a person types it.
    pub fn parse(text: &str, check: IdNumberCheck) -> Result<Self, IdNumberError> {
        let normalised = normalise(text);
        let number = match check {
            IdNumberCheck::None | IdNumberCheck::Luhn => normalised,
            IdNumberCheck::Icao9303 => without_check_digit(normalised)?,
        };
        if number.is_empty() {
            return Err(IdNumberError::Empty);
        }
        if !number.chars().all(char::is_alphanumeric) {
            return Err(IdNumberError::ForeignSign);
        }
        if number.chars().count() > LENGTH_MAX {
            return Err(IdNumberError::TooLong);
        }
        if check == IdNumberCheck::Luhn && !luhn_holds(&number) {
            return Err(IdNumberError::CheckDigit);
        }
        Ok(Self(number))
    }

    /// The number of a stored client, which was normalised when it was stored; the checks in
    /// force today do not apply to it.
    pub fn from_stored(number: String) -> Self {
        Self(number)
    }

    /// The normalised number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The number with all but its last three signs hidden: `•••123`. A number of six signs or
    /// fewer is hidden altogether, since three of them would be half of it.
    pub fn masked(&self) -> String {
        let length = self.0.chars().count();
        let shown = if length > 6 { 3 } else { 0 };
        let tail: String = self.0.chars().skip(length - shown).collect();
        format!("•••{tail}")
    }
}

/// Personal data never reaches a log through `Debug`.
impl fmt::Debug for IdNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IdNumber(…)")
    }
}

fn normalise(text: &str) -> String {
    let mut current = text.to_owned();
    // Upper-casing can give what NFKC composes again, and the reverse; three rounds suffice for
    // every character of Unicode 16, the property test below watches over it.
    for _ in 0..3 {
        current = current
            .nfkc()
            .filter(|&c| !is_separator(c))
            .flat_map(char::to_uppercase)
            .nfkc()
            .collect();
    }
    current
}

/// Spaces and hyphens of any kind, the invisible ones included: they come along when a number is
/// pasted from a document.
fn is_separator(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '-' | '\u{AD}' | '\u{58A}' | '\u{5BE}' | '\u{1400}' | '\u{1806}' | '\u{180E}'
                | '\u{200B}'..='\u{200D}' | '\u{2010}'..='\u{2015}' | '\u{2043}'
                | '\u{2060}' | '\u{207B}' | '\u{208B}' | '\u{2212}' | '\u{2E17}' | '\u{2E1A}'
                | '\u{2E3A}' | '\u{2E3B}' | '\u{2E40}' | '\u{301C}' | '\u{3030}' | '\u{30A0}'
                | '\u{FE31}' | '\u{FE32}' | '\u{FE58}' | '\u{FE63}' | '\u{FEFF}' | '\u{FF0D}'
        )
}

/// Verifies and removes a check digit that stands after fillers.
fn without_check_digit(number: String) -> Result<String, IdNumberError> {
    let Some((document, rest)) = number.split_once(FILLER) else {
        return Ok(number);
    };
    let supplied = rest.trim_start_matches(FILLER);
    let [digit] = supplied.as_bytes() else {
        return Err(IdNumberError::ForeignSign);
    };
    match (digit.is_ascii_digit(), icao_check_digit(document)) {
        (false, _) | (true, None) => Err(IdNumberError::ForeignSign),
        (true, Some(expected)) if expected == digit - b'0' => Ok(document.to_owned()),
        (true, Some(_)) => Err(IdNumberError::CheckDigit),
    }
}

/// The check digit of ICAO 9303 part 3, 4.9: digits count as themselves, letters as 10 to 35,
/// weighted 7, 3, 1 in turn, modulo 10. Fillers count as zero, so trailing ones change nothing.
fn icao_check_digit(document: &str) -> Option<u8> {
    let weights = [7, 3, 1].into_iter().cycle();
    let mut sum = 0_u32;
    for (c, weight) in document.chars().zip(weights) {
        if !c.is_ascii_alphanumeric() {
            return None;
        }
        sum = (sum + c.to_digit(36)? * weight) % 10;
    }
    u8::try_from(sum).ok()
}

fn luhn_holds(number: &str) -> bool {
    let mut sum = 0;
    for (position, c) in number.chars().rev().enumerate() {
        let Some(digit) = c.to_digit(10) else {
            return false;
        };
        sum += match (position % 2, digit) {
            (0, _) => digit,
            (_, 0..=4) => digit * 2,
            (_, _) => digit * 2 - 9,
        };
    }
    // A lone check digit guards nothing.
    number.len() > 1 && sum % 10 == 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, check: IdNumberCheck, expected: Result<&str, IdNumberError>) {
        let parsed = IdNumber::parse(text, check);
        let parsed = parsed.as_ref().map(IdNumber::as_str).map_err(|&error| error);
        assert_eq!(parsed, expected, "{text:?}");
    }

    #[test]
    fn has_one_spelling() {
        let plain = IdNumberCheck::None;
        check("ab-123 456", plain, Ok("AB123456"));
        check("AB\u{2011}123\u{A0}456", plain, Ok("AB123456"));
        check("\u{FF21}\u{FF22}\u{FF11}\u{FF0D}\u{FF12}", plain, Ok("AB12"));
        check(" \u{2014}a\u{AD}b\u{200B}1 ", plain, Ok("AB1"));
        check("straße1", plain, Ok("STRASSE1"));
        check("αβ 123456", plain, Ok("ΑΒ123456"));
    }

    #[test]
    fn refuses_what_is_none() {
        let plain = IdNumberCheck::None;
        check("", plain, Err(IdNumberError::Empty));
        check(" - \u{2013} ", plain, Err(IdNumberError::Empty));
        check("12/34", plain, Err(IdNumberError::ForeignSign));
        check("12\u{0}34", plain, Err(IdNumberError::ForeignSign));
        check("D23145890<7", plain, Err(IdNumberError::ForeignSign));
        check(&"7".repeat(32), plain, Ok("7".repeat(32).as_str()));
        check(&"7-".repeat(33), plain, Err(IdNumberError::TooLong));
    }

    #[test]
    fn luhn_as_published() {
        // The examples of ISO/IEC 7812-1's explanations in circulation.
        check("7992 7398 713", IdNumberCheck::Luhn, Ok("79927398713"));
        check("17893729974", IdNumberCheck::Luhn, Ok("17893729974"));
        check("4539 3195 0343 6467", IdNumberCheck::Luhn, Ok("4539319503436467"));
        for wrong in ["79927398710", "79927398714", "8273 1232 7352 0569", "X992", "0", "٧٩"] {
            check(wrong, IdNumberCheck::Luhn, Err(IdNumberError::CheckDigit));
        }
    }

    #[test]
    fn icao_9303_as_published() {
        let icao = IdNumberCheck::Icao9303;
        // Part 3, appendix A, example 2.
        check("AB2134<<<<5", icao, Ok("AB2134"));
        // Part 5, the specimen TD1 card; part 4, the specimen passport.
        check("D23145890<7", icao, Ok("D23145890"));
        check("L898902C3<6", icao, Ok("L898902C3"));
        // Part 3, appendix A, example 1: a date is checked in the same way.
        assert_eq!(icao_check_digit("520727"), Some(3));

        check("AB2143<<<<5", icao, Err(IdNumberError::CheckDigit));
        check("L898902C3", icao, Ok("L898902C3"));
        check("l898902c3 < 6", icao, Ok("L898902C3"));
        check("L898902C3<", icao, Err(IdNumberError::ForeignSign));
        check("L898902C3<66", icao, Err(IdNumberError::ForeignSign));
        check("L8<98902C3<6", icao, Err(IdNumberError::ForeignSign));
        check("<<<0", icao, Err(IdNumberError::Empty));
    }

    #[test]
    fn masks_all_but_three() {
        let masked = |number: &str| IdNumber::from_stored(number.to_owned()).masked();
        assert_eq!(masked("AB123456"), "•••456");
        assert_eq!(masked("123456"), "•••");
        assert_eq!(format!("{:?}", IdNumber::from_stored("AB123456".to_owned())), "IdNumber(…)");
    }

    proptest! {
        /// Whatever is typed: no panic, and normalising twice is normalising once.
        #[test]
        fn normalising_is_idempotent(text in any::<String>()) {
            if let Ok(number) = IdNumber::parse(&text, IdNumberCheck::None) {
                let again = IdNumber::parse(number.as_str(), IdNumberCheck::None);
                prop_assert_eq!(again, Ok(number));
            }
        }

        /// Spaces, hyphens and case never make another number.
        #[test]
        fn separators_and_case_do_not_count(
            signs in proptest::collection::vec("[A-Za-z0-9]", 1..=32),
            gaps in proptest::collection::vec("[ \u{A0}\u{2009}\u{2010}-\u{2015}-]{0,3}", 32),
        ) {
            let plain: String = signs.concat();
            let spaced: String =
                signs.iter().zip(&gaps).flat_map(|(sign, gap)| [gap.as_str(), sign]).collect();
            let expected = IdNumber::parse(&plain.to_uppercase(), IdNumberCheck::None);
            prop_assert!(expected.is_ok());
            prop_assert_eq!(IdNumber::parse(&spaced, IdNumberCheck::None), expected);
        }
    }

    #[test]
    fn every_character_normalises_once() {
        // Ideographs and the planes above have no case, and Hangul has none either.
        let unchanging = |c| matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}');
        for c in ('\0'..='\u{1FFFF}').filter(|&c| !unchanging(c)) {
            let once = normalise(c.encode_utf8(&mut [0; 4]));
            assert_eq!(normalise(&once), once, "U+{:04X}", u32::from(c));
        }
    }
}
