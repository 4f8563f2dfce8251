//! What an operator installs: alerts that fire when they should, and a dashboard of figures that
//! there are.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tests::app::{self, traveller};
use tests::feed;
use tests::generated::root;

#[test]
fn alerts_fire_when_they_should_and_not_before() {
    if tests::program("promtool").is_none() {
        return;
    }
    for arguments in [["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]] {
        let mut promtool = Command::new("promtool");
        let ended = promtool.current_dir(root().join("server/ops")).args(arguments).output();
        let ended = ended.expect("promtool");
        let said = String::from_utf8_lossy(&ended.stdout).into_owned()
            + &String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{said}");
    }
}

#[test]
fn every_alert_is_tested() {
    let read = |name: &str| fs::read_to_string(root().join("server/ops").join(name)).expect("it");
    let (alerts, tested) = (read("alerts.yml"), read("alerts_test.yml"));
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let untested: Vec<_> =
        names.filter(|name| !tested.contains(&format!("alertname: {name}\n"))).collect();
    assert_eq!(untested, Vec::<&str>::new());
}

/// The names of metrics in an expression.
fn metrics(expression: &str) -> BTreeSet<String> {
    let words = expression.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    // Functions, and figures of a replica and a Redis, which this server does not have.
    let others =
        ["histogram_quantile", "label_values", "group_left", "database_reads_total", "redis_up"];
    let is_metric = |word: &&str| word.contains('_') && !others.contains(word);
    words.filter(is_metric).map(str::to_owned).collect()
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("expr").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| expressions(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[tokio::test]
async fn alerts_and_dashboard_ask_for_figures_that_there_are() {
    let server = app::on_sqlite(feed::network("AB1,Aachen,Bonn,08:00,09:00,RE,Daily,20,10")).await;
    let id = server.itinerary("Aachen", "Bonn", "2026-12-02").await;
    let travellers = [traveller("A", "B", "C1", 30)];
    server.book(json!({ "itineraryId": id, "travellers": travellers })).await;
    server.answer("{ nonsense }", json!({})).await;
    let scrape = server.http().get(server.url("/metrics")).send().await.expect("an answer");
    let scrape = scrape.text().await.expect("a text");
    let names = scrape.lines().filter(|line| !line.starts_with('#'));
    let names = names.filter_map(|line| line.split(['{', ' ']).next());
    let there: BTreeSet<&str> = names.collect();
    let read = |name: &str| fs::read_to_string(root().join("server/ops").join(name)).expect("it");
    let mut asked = Vec::new();
    let dashboard = serde_json::from_str(&read("grafana.json")).expect("JSON");
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 20, "{asked:?}");
    let alerts = read("alerts.yml");
    for rule in alerts.split("- alert:").skip(1) {
        let expression = rule.split("expr:").nth(1).and_then(|rest| rest.split("for:").next());
        asked.push(expression.expect("an expression").to_owned());
    }
    let missing: BTreeSet<String> = asked
        .iter()
        .flat_map(|expression| metrics(expression))
        .filter(|name| !there.contains(name.as_str()))
        .collect();
    assert_eq!(missing, BTreeSet::new());
}
