//! What leaves a station.

use std::sync::Arc;

use serde_json::{Value, json};
use tests::feed::{self, CITIES};

use super::answer;

/// The rows of a board, as lines, or the error's code and message.
async fn board(station: &str, arguments: &str) -> Vec<String> {
    let document = format!(
        "{{ station(station: {{name: \"{station}\"}}) {{ departures({arguments}) {{ nodes {{
            departure serviceDate destination {{ name }} serviceJourney {{ sourceId }}
        }} }} }} }}"
    );
    let answer = answer(&Arc::new(feed::network(CITIES)), &document, &json!({})).await;
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    if let Some(error) = answer["errors"].get(0) {
        return vec![format!("{} {}", text(&error["extensions"]["code"]), text(&error["message"]))];
    }
    let nodes = answer["data"]["station"]["departures"]["nodes"].as_array().cloned();
    let line = |row: &Value| {
        format!(
            "{} {} {} {}",
            text(&row["departure"]),
            text(&row["serviceDate"]),
            text(&row["serviceJourney"]["sourceId"]),
            text(&row["destination"]["name"]),
        )
    };
    nodes.expect("rows").iter().map(line).collect()
}

#[tokio::test]
async fn a_board_has_what_leaves_in_its_window() {
    assert_eq!(
        board("Aachen", "from: \"2026-12-01T08:00:00+01:00\"").await,
        [
            "2026-12-01T08:00:00+01:00 2026-12-01 AB1 Bonn",
            "2026-12-01T08:05:00+01:00 2026-12-01 AC1 Celle"
        ],
        "two hours, the last minute excluded"
    );
    assert_eq!(
        board("Aachen", "from: \"2026-12-01T08:00:30+01:00\", window: \"PT2H1M\"").await,
        [
            "2026-12-01T08:05:00+01:00 2026-12-01 AC1 Celle",
            "2026-12-01T10:00:00+01:00 2026-12-01 AB2 Bonn"
        ],
    );
    let sunday = board("Aachen", "from: \"2026-12-06T00:00:00+01:00\", window: \"P1D\"").await;
    assert_eq!(
        sunday,
        [
            "2026-12-06T08:00:00+01:00 2026-12-06 AB1 Bonn",
            "2026-12-06T10:00:00+01:00 2026-12-06 AB2 Bonn"
        ],
        "AC1 does not run at the weekend"
    );
    assert_eq!(board("Emden", "from: \"2026-12-01T00:00:00Z\", window: \"P7D\"").await, [""; 0]);
}

#[tokio::test]
async fn a_board_is_paged_and_bounded() {
    let first =
        board("Aachen", "from: \"2026-12-01T00:00:00+01:00\", window: \"P1D\", first: 1").await;
    assert_eq!(first, ["2026-12-01T08:00:00+01:00 2026-12-01 AB1 Bonn"]);
    for (arguments, expected) in [
        (
            "window: \"P8D\"",
            "BAD_USER_INPUT window: expected from PT1M to P7D, found 11520 minutes",
        ),
        ("window: \"PT0M\"", "BAD_USER_INPUT window: expected from PT1M to P7D, found 0 minutes"),
        ("first: 101", "PAGE_TOO_LARGE first: expected at most 100, found 101"),
        ("after: \"nonsense\"", "BAD_USER_INPUT after: expected a cursor that this list gave"),
    ] {
        let arguments = format!("from: \"2026-12-01T00:00:00Z\", {arguments}");
        assert_eq!(board("Aachen", &arguments).await, [expected]);
    }
}
