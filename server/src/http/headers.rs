//! Headers that keep browsers from doing more with an answer than it is for, and those that let
//! pages of other origins ask.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::REQUEST_ID;
use super::address::{Peer, Proxy, came_over_tls};

/// How long browsers remember that they may ask.
const PREFLIGHT_KEPT: std::time::Duration = std::time::Duration::from_hours(1);

/// What every answer says, unless it says something of its own.
const USUAL: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// A year, as lists of such servers ask for.
const ONLY_TLS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the headers that every answer has. That a browser is to come over TLS only is said where it
/// came over TLS, as a trusted proxy tells.
pub async fn secure(
    State(proxies): State<std::sync::Arc<[Proxy]>>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip());
    let over_tls = peer.is_some_and(|peer| came_over_tls(request.headers(), peer, &proxies));
    let mut response = next.run(request).await;
    for (name, value) in USUAL {
        response.headers_mut().entry(name).or_insert(value);
    }
    if over_tls {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, ONLY_TLS);
    }
    response
}

/// Puts the name that was asked where HTTP/1.1 has it: HTTP/2 says it in the URI, and what the URI
/// says counts.
pub async fn name_asked(mut request: Request, next: Next) -> Response {
    let authority = request.uri().authority().map(|it| HeaderValue::from_str(it.as_str()));
    if let Some(Ok(host)) = authority {
        request.headers_mut().insert(header::HOST, host);
    }
    next.run(request).await
}

/// An origin whose pages may ask, as browsers write it: `https://app.example`.
///
/// # Errors
///
/// Where the text is none.
pub fn parse_origin(text: &str) -> Result<HeaderValue, String> {
    let invalid = || format!("expected an origin like https://app.example, found {text:?}");
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let host = rest.ok_or_else(invalid)?;
    let is_host =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b':' | b'[' | b']');
    if host.is_empty() || !host.bytes().all(is_host) {
        return Err(invalid());
    }
    HeaderValue::from_str(text).map_err(|_| invalid())
}

/// Lets pages of these origins ask; keys are sent in a header, so that cookies have no part in it.
pub fn cors(origins: &[HeaderValue]) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins.iter().cloned()))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::ACCEPT])
        .expose_headers([REQUEST_ID, header::RETRY_AFTER])
        .max_age(PREFLIGHT_KEPT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_browsers_send() {
        for good in ["https://app.example", "http://localhost:3000", "https://[::1]:8443"] {
            assert!(parse_origin(good).is_ok(), "{good}");
        }
        for wrong in ["*", "null", "app.example", "https://", "https://a/", "https://A.example"] {
            let error = parse_origin(wrong).expect_err(wrong);
            assert!(error.starts_with("expected an origin like"), "{error}");
        }
    }
}
