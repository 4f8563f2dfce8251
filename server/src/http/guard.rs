//! What a document may be before the parser sees it: short, and not deeply nested. The parser
//! recurses, so that a few kilobytes of brackets would overflow its stack.

/// Bytes of a request's body at most.
pub const BODY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a document at most.
pub const DOCUMENT_BYTES_MAX: usize = 16 * 1024;
/// How deep brackets of all kinds may nest.
pub const NESTING_MAX: usize = 32;

/// Why a document is refused unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too long.
    #[error("expected a document of at most {DOCUMENT_BYTES_MAX} bytes, found {0}")]
    TooLong(usize),
    /// Too deep.
    #[error("expected brackets nested at most {NESTING_MAX} deep, found more")]
    TooDeep,
}

impl Refused {
    /// The code that callers see.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong(_) => "DOCUMENT_TOO_LONG",
            Self::TooDeep => "DOCUMENT_TOO_DEEP",
        }
    }
}

/// Checks a document in one pass over its bytes.
///
/// # Errors
///
/// Where it is too long or nested too deeply. Brackets in strings and comments do not count.
pub fn check(document: &str) -> Result<(), Refused> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(Refused::TooLong(document.len()));
    }
    let bytes = document.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'{' | b'[' | b'(' => {
                depth += 1;
                if depth > NESTING_MAX {
                    return Err(Refused::TooDeep);
                }
            }
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            b'#' => at = end_of_line(bytes, at),
            b'"' => at = end_of_string(bytes, at),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let rest = bytes[start..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
    rest.map_or(bytes.len(), |length| start + length)
}

/// The last byte of the string that begins at `start`; the end where it does not end.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let block = bytes[start..].starts_with(b"\"\"\"");
    let mut at = start + if block { 3 } else { 1 };
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if block && bytes[at..].starts_with(b"\\\"\"\"") => at += 3,
            b'\\' if !block => at += 1,
            b'"' if block && bytes[at..].starts_with(b"\"\"\"") => return at + 2,
            b'"' | b'\n' | b'\r' if !block => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_is_counted_outside_strings_and_comments() {
        let nested = |depth: usize| format!("{}{}", "{".repeat(depth), "}".repeat(depth));
        assert_eq!(check(&nested(32)), Ok(()));
        assert_eq!(check(&nested(33)), Err(Refused::TooDeep));
        assert_eq!(check(&format!("{{ a(b: \"{}\") }}", "[".repeat(99))), Ok(()));
        assert_eq!(check(&format!("{{ a(b: \"\\\"{}\") }}", "[".repeat(99))), Ok(()));
        assert_eq!(check(&format!("{{ a(b: \"\"\"\"{}\"\"\") }}", "[".repeat(99))), Ok(()));
        assert_eq!(check(&format!("# {}\n{{ a }}", "[".repeat(99))), Ok(()));
        assert_eq!(check(&format!("# a\n{}", "[".repeat(99))), Err(Refused::TooDeep));
        assert_eq!(check(&format!("\"a\" {}", "(".repeat(99))), Err(Refused::TooDeep));
    }

    #[test]
    fn documents_are_short() {
        assert_eq!(check(&" ".repeat(16 * 1024)), Ok(()));
        assert_eq!(check(&" ".repeat(16 * 1024 + 1)), Err(Refused::TooLong(16 * 1024 + 1)));
    }
}
