//! Media types: what a caller sends, and what it takes.

use axum::http::{HeaderMap, header};

/// Media type of answers to callers that know GraphQL over HTTP's own.
const GRAPHQL_JSON: &str = "application/graphql-response+json; charset=utf-8";
/// Media type of answers to all others.
pub const JSON: &str = "application/json; charset=utf-8";

/// How an answer is worded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wording {
    /// The status tells whether the request was one.
    GraphqlJson,
    /// The status of whatever GraphQL itself has to say is 200, as callers of old expect.
    Json,
}

impl Wording {
    /// Its media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::GraphqlJson => GRAPHQL_JSON,
            Self::Json => JSON,
        }
    }
}

/// What a caller takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// How it wants answers worded; None where it takes neither of the two.
    pub wording: Option<Wording>,
    /// Whether it would rather have a page: a browser.
    pub is_browser: bool,
}

/// A media range of an Accept header.
struct Range {
    kind: String,
    /// How much it is wanted, in thousandths.
    quality: u16,
}

/// What the Accept headers say. Without one, the plain media type is taken.
pub fn accepted(headers: &HeaderMap) -> Accepted {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|it| it.to_str().ok());
    let ranges: Vec<Range> = values.flat_map(|value| value.split(',')).filter_map(range).collect();
    if headers.get(header::ACCEPT).is_none() {
        return Accepted { wording: Some(Wording::Json), is_browser: false };
    }
    let named = quality(&ranges, &["application/graphql-response+json"]);
    let plain = quality(&ranges, &["application/json", "application/*", "*/*"]);
    // Of its own media type, wildcards do not speak: who sends them may not know it.
    let wording = match (named.unwrap_or(0), plain.unwrap_or(0)) {
        (0, 0) => None,
        (named, plain) if named >= plain => Some(Wording::GraphqlJson),
        _ => Some(Wording::Json),
    };
    let page = quality(&ranges, &["text/html"]).unwrap_or(0);
    let is_browser = page > 0 && page >= named.max(plain).unwrap_or(0);
    Accepted { wording, is_browser }
}

/// The quality of the most exact of these kinds that is named.
fn quality(ranges: &[Range], kinds: &[&str]) -> Option<u16> {
    let of = |kind: &&str| ranges.iter().find(|range| range.kind == *kind).map(|it| it.quality);
    kinds.iter().find_map(of)
}

/// A media range; None where it is malformed, or wants another charset than ours.
fn range(text: &str) -> Option<Range> {
    let mut parts = text.split(';').map(str::trim);
    let kind = parts.next()?.to_ascii_lowercase();
    let mut quality = 1_000;
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let (name, value) = (name.trim(), value.trim().trim_matches('"'));
        if name.eq_ignore_ascii_case("q") {
            let value: f32 = value.parse().ok().filter(|value| (0.0..=1.0).contains(value))?;
            quality = (value * 1_000.0).round() as u16;
        } else if name.eq_ignore_ascii_case("charset") && !is_utf8(value) {
            return None;
        }
    }
    Some(Range { kind, quality })
}

fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// JSON in UTF-8.
    Json,
    /// Several parts, as for uploads.
    Multipart,
    /// Anything else.
    Other,
}

/// What the Content-Type header says of the body.
pub fn body_kind(headers: &HeaderMap) -> BodyKind {
    let value = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let mut parts = value.unwrap_or_default().split(';').map(str::trim);
    let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_ours = parts.filter_map(|part| part.split_once('=')).all(|(name, value)| {
        !name.trim().eq_ignore_ascii_case("charset") || is_utf8(value.trim().trim_matches('"'))
    });
    match kind.as_str() {
        "application/json" if is_ours => BodyKind::Json,
        kind if kind.starts_with("multipart/") => BodyKind::Multipart,
        _ => BodyKind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wording(accept: &str) -> Option<Wording> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, accept.parse().expect("a header"));
        accepted(&headers).wording
    }

    #[test]
    fn the_media_type_is_the_one_that_is_wanted_most() {
        use Wording::{GraphqlJson, Json};
        for (accept, expected) in [
            ("application/json", Some(Json)),
            ("application/graphql-response+json", Some(GraphqlJson)),
            ("APPLICATION/JSON; charset=UTF-8", Some(Json)),
            ("application/json, application/graphql-response+json", Some(GraphqlJson)),
            ("application/json, application/graphql-response+json;q=0.9", Some(Json)),
            ("application/graphql-response+json;q=0.5, application/json;q=0.4", Some(GraphqlJson)),
            ("application/graphql-response+json;q=0, application/json;q=0.1", Some(Json)),
            ("application/graphql-response+json; q=0", None),
            ("application/json;q=0, */*", None),
            ("*/*", Some(Json)),
            ("application/*;q=0.2", Some(Json)),
            ("application/graphql-response+json, */*;q=0.1", Some(GraphqlJson)),
            ("text/csv", None),
            ("application/json;q=2", None),
            ("application/json;q=x", None),
            ("application/json; charset=iso-8859-1", None),
            ("", None),
        ] {
            assert_eq!(wording(accept), expected, "{accept}");
        }
        assert_eq!(accepted(&HeaderMap::new()).wording, Some(Json));
    }

    #[test]
    fn a_browser_is_known_by_what_it_would_rather_have() {
        let is_browser = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a header"));
            accepted(&headers).is_browser
        };
        assert!(is_browser("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert!(!is_browser("application/json, text/html;q=0.5"));
        assert!(!is_browser("*/*"));
        assert!(!is_browser("text/html;q=0, application/json"));
    }
}
