//! Tokens of a document, as far as they have to be counted before a parser that recurses sees it.

/// Why a text is no document, before any grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// More tokens than may be.
    Tokens,
    /// Brackets deeper than may be.
    Nesting,
    /// A string that begins at this byte does not end. The parser would take its quotes in
    /// another way, and see brackets that were not counted.
    Unterminated(usize),
}

/// Counts tokens and nesting in one pass over the bytes. Brackets in strings and comments do not
/// count.
pub fn check(document: &str, tokens_max: usize, nesting_max: u32) -> Result<(), Fault> {
    let bytes = document.as_bytes();
    let (mut tokens, mut depth, mut at) = (0_usize, 0_u32, 0);
    while at < bytes.len() {
        let start = at;
        at = match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = end_of_line(bytes, at);
                continue;
            }
            // A byte order mark.
            0xef if bytes[at..].starts_with(b"\xef\xbb\xbf") => {
                at += 3;
                continue;
            }
            b'"' => end_of_string(bytes, at).ok_or(Fault::Unterminated(start))?,
            b'.' if bytes[at..].starts_with(b"...") => at + 3,
            byte if is_word(byte) => end_of_word(bytes, at),
            byte => {
                match byte {
                    b'{' | b'[' | b'(' => depth += 1,
                    b'}' | b']' | b')' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                at + 1
            }
        };
        if depth > nesting_max {
            return Err(Fault::Nesting);
        }
        tokens += 1;
        if tokens > tokens_max {
            return Err(Fault::Tokens);
        }
    }
    Ok(())
}

/// Signs of names and numbers; what a sign other than ASCII begins is for the parser to refuse.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+') || !byte.is_ascii()
}

/// The byte after the name or number that begins at `start`.
fn end_of_word(bytes: &[u8], start: usize) -> usize {
    let is_number = matches!(bytes[start], b'-' | b'0'..=b'9');
    let is_after = |at: &usize| {
        let is_point =
            is_number && bytes[*at] == b'.' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        !is_word(bytes[*at]) && !is_point
    };
    (start..bytes.len()).find(is_after).unwrap_or(bytes.len())
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let rest = bytes[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    rest.map_or(bytes.len(), |length| start + length)
}

/// The byte after the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let is_block = bytes[start..].starts_with(b"\"\"\"");
    let mut at = start + if is_block { 3 } else { 1 };
    while at < bytes.len() {
        let rest = &bytes[at..];
        at += match bytes[at] {
            b'\\' if is_block && rest.starts_with(b"\\\"\"\"") => 4,
            b'"' if is_block && rest.starts_with(b"\"\"\"") => return Some(at + 3),
            b'"' if !is_block => return Some(at + 1),
            b'\n' | b'\r' if !is_block => return None,
            b'\\' if !is_block && !matches!(rest.get(1), Some(b'\n' | b'\r')) => 2,
            _ => 1,
        };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nesting(document: &str) -> Result<(), Fault> {
        check(document, usize::MAX, 32)
    }

    #[test]
    fn nesting_is_counted_outside_strings_and_comments() {
        let nested = |depth: usize| format!("{}{}", "{".repeat(depth), "}".repeat(depth));
        assert_eq!(nesting(&nested(32)), Ok(()));
        assert_eq!(nesting(&nested(33)), Err(Fault::Nesting));
        assert_eq!(nesting(&format!("{{ a(b: \"{}\") }}", "[".repeat(99))), Ok(()));
        assert_eq!(nesting(&format!("{{ a(b: \"\\\"{}\") }}", "[".repeat(99))), Ok(()));
        assert_eq!(nesting(&format!("{{ a(b: \"\"\"\"{}\"\"\") }}", "[".repeat(99))), Ok(()));
        assert_eq!(nesting(&format!("# {}\n{{ a }}", "[".repeat(99))), Ok(()));
        assert_eq!(nesting(&format!("# a\n{}", "[".repeat(99))), Err(Fault::Nesting));
        assert_eq!(nesting(&format!("\"a\" {}", "(".repeat(99))), Err(Fault::Nesting));
    }

    #[test]
    fn a_string_that_does_not_end_hides_no_brackets() {
        // To the parser these are two empty strings, and then brackets.
        let hidden = format!("{{ a(b: [\"\"\"\" {}", "[".repeat(99));
        assert_eq!(nesting(&hidden), Err(Fault::Unterminated(8)));
        assert_eq!(nesting("{ a(b: \"x\n\") }"), Err(Fault::Unterminated(7)));
        assert_eq!(nesting("{ a(b: \"x\\\n\") }"), Err(Fault::Unterminated(7)));
        assert_eq!(nesting("\"\"\"\\\"\"\""), Err(Fault::Unterminated(0)));
    }

    #[test]
    fn tokens_are_counted_as_the_grammar_has_them() {
        for (document, tokens) in [
            ("", 0),
            (" ,\t\n\r\u{feff}# a b c", 0),
            ("{ a }", 3),
            ("query($a:[Int!]=[-1.5e10]){...b@c(d:\"e f\",g:\"\"\"h\"\"\")}", 28),
            ("é", 1),
        ] {
            assert_eq!(check(document, tokens, 32), Ok(()), "{document}");
            let fewer = tokens.checked_sub(1).map(|fewer| check(document, fewer, 32));
            assert!(fewer.is_none_or(|it| it == Err(Fault::Tokens)), "{document}");
        }
    }
}
