//! Health: whether the process lives, and what it is ready for.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::App;
use crate::store::Store;

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
    let parts = Parts::asked(&app).await;
    parts.answer(parts.searches && parts.bookings)
}

/// `GET /health/ready/search`: 200 where searches are answered, which need no database and do not
/// wait for it; what balancers go by.
pub async fn ready_to_search(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let parts = Parts::of(&app, None);
    parts.answer(parts.searches)
}

/// `GET /health/ready/booking`: 200 where bookings are answered.
pub async fn ready_to_book(State(app): State<App>) -> (StatusCode, Json<Value>) {
    let parts = Parts::asked(&app).await;
    parts.answer(parts.bookings)
}

/// For how long an answer of the database is good: anybody may ask for health, as often as he
/// likes.
const GOOD_FOR: Duration = Duration::from_millis(250);

/// Whether the database answers: it is asked once for all who want to know at the same time.
#[derive(Debug, Default)]
pub struct Health(Mutex<Option<(Instant, bool)>>);

impl Health {
    async fn answers(&self, store: &Store) -> bool {
        let mut last = self.0.lock().await;
        if let Some((at, answers)) = *last
            && at.elapsed() < GOOD_FOR
        {
            return answers;
        }
        let asked = store.health().await;
        // Said once each time that it goes away.
        let answered = last.is_none_or(|(_, answered)| answered);
        if let Err(error) = &asked
            && answered
        {
            tracing::warn!(error.cause = %error, "health.database_away");
        }
        *last = Some((Instant::now(), asked.is_ok()));
        asked.is_ok()
    }
}

/// What a server is ready for.
struct Parts {
    searches: bool,
    bookings: bool,
    body: Value,
}

impl Parts {
    /// With what the database says.
    async fn asked(app: &App) -> Self {
        let answers = app.health.answers(&app.store).await;
        Self::of(app, Some(answers))
    }

    /// `database`: whether it answers, where it was asked.
    fn of(app: &App, database: Option<bool>) -> Self {
        let is_stopping = app.stopping.load(std::sync::atomic::Ordering::Relaxed);
        let searches = !is_stopping;
        let bookings = searches && database == Some(true) && app.store.admits_writing();
        let word = |is_ready| match (is_stopping, is_ready) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "away",
        };
        let taken = app.networks.taken();
        let (first, last) = taken.network.view().period();
        let mut body = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "search": { "status": word(searches) },
            "network": {
                "status": "ready",
                "version": taken.network.header().version(),
                "takenAt": taken.at,
                "firstDate": first,
                "lastDate": last,
            },
        });
        if let Some(answers) = database {
            body["booking"] = json!({ "status": word(bookings) });
            body["database"] = json!({ "status": if answers { "ready" } else { "away" } });
        }
        Self { searches, bookings, body }
    }

    fn answer(&self, is_ready: bool) -> (StatusCode, Json<Value>) {
        let mut body = self.body.clone();
        body["status"] = json!(if is_ready { "ready" } else { "not ready" });
        let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        (status, Json(body))
    }
}
