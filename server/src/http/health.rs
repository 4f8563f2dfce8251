//! Health: whether the process lives, and what it is ready for.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::App;

/// `GET /health/live`: 200 as long as the process answers.
pub async fn live(State(app): State<App>) -> Json<Value> {
    Json(json!({
        "status": "live",
        "version": env!("CARGO_PKG_VERSION"),
        "network": app.networks.current().header().version(),
    }))
}

/// `GET /health/ready`: 200 where searches and bookings are answered, else 503; what is and what
/// is not is in the body.
pub async fn ready(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let database = app.store.health().await;
    if let Err(error) = &database {
        tracing::warn!(error.cause = %error, "health.database_away");
    }
    let taken = app.networks.taken();
    let (first, last) = taken.network.view().period();
    let status = if database.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "status": if database.is_ok() { "ready" } else { "not ready" },
        "version": env!("CARGO_PKG_VERSION"),
        "network": {
            "status": "ready",
            "version": taken.network.header().version(),
            "takenAt": taken.at,
            "firstDate": first,
            "lastDate": last,
        },
        "database": { "status": if database.is_ok() { "ready" } else { "away" } },
    });
    (status, Json(body))
}
