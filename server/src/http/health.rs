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
    let parts = Parts::of(&app).await;
    parts.answer(parts.searches && parts.bookings)
}

/// `GET /health/ready/search`: 200 where searches are answered, which need no database; what
/// balancers go by.
pub async fn ready_to_search(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let parts = Parts::of(&app).await;
    parts.answer(parts.searches)
}

/// `GET /health/ready/booking`: 200 where bookings are answered.
pub async fn ready_to_book(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let parts = Parts::of(&app).await;
    parts.answer(parts.bookings)
}

/// What a server is ready for.
struct Parts {
    searches: bool,
    bookings: bool,
    body: Value,
}

impl Parts {
    async fn of(app: &App) -> Self {
        let database = app.store.health().await;
        if let Err(error) = &database {
            tracing::warn!(error.cause = %error, "health.database_away");
        }
        let is_stopping = app.stopping.load(std::sync::atomic::Ordering::Relaxed);
        let (searches, bookings) = (!is_stopping, !is_stopping && database.is_ok());
        let word = |is_ready| match (is_stopping, is_ready) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "away",
        };
        let taken = app.networks.taken();
        let (first, last) = taken.network.view().period();
        let body = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "search": { "status": word(searches) },
            "booking": { "status": word(bookings) },
            "network": {
                "status": "ready",
                "version": taken.network.header().version(),
                "takenAt": taken.at,
                "firstDate": first,
                "lastDate": last,
            },
            "database": { "status": if database.is_ok() { "ready" } else { "away" } },
        });
        Self { searches, bookings, body }
    }

    fn answer(&self, is_ready: bool) -> (StatusCode, Json<Value>) {
        let mut body = self.body.clone();
        body["status"] = json!(if is_ready { "ready" } else { "not ready" });
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(body))
    }
}
