//! Colours and pretty lines are for terminals: there they are, and nowhere else, and with
//! `NO_COLOR` nowhere at all. `script` gives the programs a terminal.

use std::path::Path;
use std::process::Command;

use tests::feed;

use super::{COMPILER, RAILGRAPH, Running};

const ESCAPE: char = '\u{1b}';

/// What a program says on a terminal, with these variables; its lines end in `\r\n` there.
fn on_terminal(folder: &Path, variables: &[(&str, &str)], line: &str) -> String {
    let mut command = Command::new("script");
    command.current_dir(folder).env_clear().envs(variables.iter().copied());
    command.env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
    command.args(["--quiet", "--return", "--command", line, "/dev/null"]);
    Running::spawn(command).end().out
}

/// What it says to two pipes.
fn elsewhere(folder: &Path, variables: &[(&str, &str)], line: &str) -> String {
    let mut command = Command::new("sh");
    command.current_dir(folder).env_clear().envs(variables.iter().copied());
    command.env("TERM", "xterm").args(["-c", line]);
    let ended = Running::spawn(command).end();
    ended.out + &ended.err
}

/// Each line on a terminal and elsewhere, with and without `NO_COLOR`.
fn check(folder: &Path, line: &str, said: &str, is_coloured: bool) {
    let plain = [("NO_COLOR", "1")];
    // https://no-color.org: empty is as if it were not there.
    let empty = [("NO_COLOR", "")];
    for (text, expected) in [
        (on_terminal(folder, &[], line), is_coloured),
        (on_terminal(folder, &empty, line), is_coloured),
        (on_terminal(folder, &plain, line), false),
        (elsewhere(folder, &[], line), false),
        (elsewhere(folder, &plain, line), false),
    ] {
        assert!(text.contains(said), "{line}: no {said} in:\n{text}");
        assert_eq!(text.contains(ESCAPE), expected, "{line}: {text:?}");
    }
}

#[test]
fn the_compiler_colours_findings_and_wrong_usage_on_terminals_only() {
    if tests::program("script").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let rows = "AB1,Aachen,Bonn,1250,13:50,RE,Daily,20,10";
    std::fs::write(folder.path().join("t.csv"), feed::csv(rows)).expect("a timetable");
    let checked = format!("{COMPILER} check t.csv --from 2026-12-01 --until 2026-12-02");
    check(folder.path(), &checked, "time-without-colon", true);
    check(folder.path(), &format!("{COMPILER} build"), "--output", true);
    // What is asked for is a result, and goes on as it is.
    check(folder.path(), &format!("{COMPILER} explain time-without-colon"), "mend it", false);
}

#[test]
fn the_server_colours_wrong_usage_on_terminals_only() {
    if tests::program("script").is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    check(folder.path(), &format!("{RAILGRAPH} --unknown"), "--unknown", true);
    let failed = format!("{RAILGRAPH} --network missing.railgraph --listen 127.0.0.1:0");
    let text = on_terminal(folder.path(), &[("NO_COLOR", "1")], &failed);
    assert!(text.contains("expected a network file") && !text.contains(ESCAPE), "{text:?}");
}

/// What the log of a server looks like.
fn log(folder: &str, is_terminal: bool, variables: &[(&str, &str)], options: &str) -> String {
    let place = tempfile::Builder::new().prefix(folder).tempdir().expect("a folder");
    // It ends by itself: its port is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address");
    let line = format!("{RAILGRAPH} --listen {port} {options}");
    let said = if is_terminal { on_terminal } else { elsewhere };
    let text = said(place.path(), variables, &line);
    assert!(text.contains("network.opened") && text.contains("error: expected"), "{text}");
    text
}

#[test]
fn the_log_is_pretty_on_terminals_and_json_elsewhere_unless_something_else_is_said() {
    if tests::program("script").is_none() {
        return;
    }
    let plain = [("NO_COLOR", "1")];
    let is_json = |text: &str| text.contains("\"event\":\"network.opened\"");
    let on_terminal = log("a", true, &[], "");
    assert!(!is_json(&on_terminal) && on_terminal.contains(ESCAPE), "{on_terminal:?}");
    let without = log("b", true, &plain, "");
    assert!(!is_json(&without) && !without.contains(ESCAPE), "{without:?}");
    let json = log("c", true, &[], "--log json");
    assert!(is_json(&json) && !json.contains(ESCAPE), "{json:?}");
    let elsewhere = log("d", false, &[], "");
    assert!(is_json(&elsewhere) && !elsewhere.contains(ESCAPE), "{elsewhere:?}");
    let pretty = log("e", false, &[], "--log pretty");
    assert!(!is_json(&pretty) && !pretty.contains(ESCAPE), "{pretty:?}");
}
