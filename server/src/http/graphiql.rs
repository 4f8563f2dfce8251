//! GraphiQL, from the program itself: no file beside it, no network around it.
//!
//! The bundle is made from npm packages by `server/graphiql/build.mjs` and embedded gzipped, as
//! every browser takes it. Its sizes and licences stand beside it, in `SIZES.txt` and
//! `LICENSES.txt`.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::answer::refuse;
use super::code::Code;
use super::guard::Refused;
use super::negotiate::Wording;

/// What the page may do: run and fetch what the server itself gives, and style itself, which the
/// editor does from scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; worker-src 'self' \
    blob:; connect-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self' data:; img-src \
    'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// Each file's name, media type and gzipped bytes.
static FILES: [(&str, &str, &[u8]); 5] = [
    ("graphiql.js", JAVASCRIPT, include_bytes!("../../graphiql/dist/graphiql.js.gz")),
    (
        "graphiql.css",
        "text/css; charset=utf-8",
        include_bytes!("../../graphiql/dist/graphiql.css.gz"),
    ),
    ("editor.worker.js", JAVASCRIPT, include_bytes!("../../graphiql/dist/editor.worker.js.gz")),
    ("graphql.worker.js", JAVASCRIPT, include_bytes!("../../graphiql/dist/graphql.worker.js.gz")),
    ("json.worker.js", JAVASCRIPT, include_bytes!("../../graphiql/dist/json.worker.js.gz")),
];

/// What each file's content is known by, so that after an upgrade nobody runs the files before.
static TAGS: LazyLock<[String; 5]> = LazyLock::new(|| {
    FILES.map(|(_, _, bytes)| format!("\"{}\"", &blake3::hash(bytes).to_hex()[..16]))
});

macro_rules! example {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../../schema/graphql/operations/", $name, ".graphql")),
            include_str!(concat!("../../../schema/graphql/operations/", $name, ".variables.json")),
        )
    };
}

/// The tabs that the page opens with: name, document and variables.
const EXAMPLES: [(&str, &str, &str); 14] = [
    example!("itineraries"),
    example!("next-page"),
    example!("stations"),
    example!("departures"),
    example!("service-journeys"),
    example!("network"),
    example!("client"),
    example!("trip"),
    example!("book-trip"),
    example!("cancel-trip"),
    example!("cancel-reservation"),
    example!("affected-trips"),
    example!("trip-changed"),
    example!("network-changed"),
];

/// The page.
pub fn page() -> Response {
    let tabs: Vec<_> = (EXAMPLES.iter())
        .map(|(name, query, variables)| {
            serde_json::json!({ "name": name, "query": query, "variables": variables })
        })
        .collect();
    let examples = serde_json::Value::Array(tabs);
    // `<` could end the element that the examples stand in.
    let examples = examples.to_string().replace('<', "\\u003c");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>Railgraph</title>\n<link rel=\"icon\" href=\"data:,\">\n\
         <link rel=\"stylesheet\" href=\"/graphiql/graphiql.css\">\n\
         <body>\n<div id=\"graphiql\"></div>\n\
         <script id=\"examples\" type=\"application/json\">{examples}</script>\n\
         <script src=\"/graphiql/graphiql.js\"></script>\n</body>\n</html>\n"
    );
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The same address answers queries, too.
        (header::VARY, "accept"),
    ];
    (headers, page).into_response()
}

/// `GET /graphiql/{file}`: a file of the bundle.
pub async fn asset(Path(name): Path<String>, asked: HeaderMap) -> Response {
    let found = FILES.iter().zip(&*TAGS).find(|((known, ..), _)| *known == name);
    let Some(((_, media_type, bytes), tag)) = found else {
        let refused = Refused::new(Code::NotFound, "expected a file of GraphiQL");
        return refuse(StatusCode::NOT_FOUND, Wording::Json, refused);
    };
    let kept: [(HeaderName, &str); 2] =
        [(header::CACHE_CONTROL, "public, no-cache"), (header::ETAG, tag)];
    let known = asked.get(header::IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|it| it.trim() == tag)) {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_ENCODING, "gzip"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (kept, headers, *bytes).into_response()
}
