//! The schema and the server as the tools of front ends see them: `tests/front-end`. They need node
//! and what `npm ci` installs there; without it these tests are skipped with a loud line, and fail
//! where the environment has `CI`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::generated::root;

use crate::programs::{COMPILER, Server, api_keys, run};

#[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
fn is_ci() -> bool {
    std::env::var("CI").is_ok()
}

/// The folder, where its tools are installed.
fn folder() -> Option<PathBuf> {
    let folder = root().join("tests/front-end");
    let has_node = Command::new("npm").arg("--version").output().is_ok();
    if has_node && folder.join("node_modules").is_dir() {
        return Some(folder);
    }
    let missing = "node, or what `npm ci` in tests/front-end installs";
    assert!(!is_ci(), "expected {missing}, found none");
    let _ = writeln!(std::io::stderr(), "\n!! SKIPPED, FOR WANT OF {missing}\n");
    None
}

/// The folder, where there is a browser, too.
fn folder_with_browser() -> Option<PathBuf> {
    let folder = folder()?;
    tests::program("chromium").map(|_| folder)
}

/// Runs a script of package.json to its good end; what it said.
fn npm(folder: &Path, script: &str, arguments: &[&str]) -> String {
    let mut command = Command::new("npm");
    command.current_dir(folder).args(["run", "--silent", script, "--"]).args(arguments);
    let ended = command.output().expect("npm");
    let said = String::from_utf8_lossy(&ended.stdout).into_owned();
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "npm run {script}:\n{said}\n{errors}");
    said
}

#[test]
fn the_tools_of_front_ends_take_the_schema_and_their_client_books() {
    let Some(folder) = folder() else { return };
    println!("{}", npm(&folder, "check", &[]));
    let home = tempfile::tempdir().expect("a folder");
    // Only the documents that codegen found, as in production.
    let trusted = home.path().join("trusted");
    std::fs::create_dir(&trusted).expect("a folder");
    let manifest = folder.join("generated/codegen/persisted-documents.json");
    std::fs::copy(manifest, trusted.join("documents.json")).expect("the manifest");
    for arguments in [vec![], vec!["--trusted-documents", "trusted", "--only-trusted-documents"]] {
        let server = Server::start(home.path(), &arguments);
        let url = format!("{}/graphql", server.origin);
        let said = npm(&folder, "example", &[&url]);
        assert!(said.contains("searched, booked and cancelled"), "{said}");
        assert_eq!(server.stop().code, Some(0));
    }
}

#[test]
fn all_audits_of_graphql_over_http_pass() {
    let Some(folder) = folder() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let nothing: [&str; 0] = [];
    let server = Server::start(home.path(), &nothing);
    let url = format!("{}/graphql", server.origin);
    let said = npm(&folder, "audit", &[&url]);
    assert!(said.contains("61 of 61 audits"), "{said}");
    println!("{said}");
}

#[test]
fn the_client_of_graphql_ws_subscribes() {
    let Some(folder) = folder() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let nothing: [&str; 0] = [];
    let server = Server::start(home.path(), &nothing);
    let said = npm(&folder, "subscribe", &[&server.origin]);
    assert!(said.contains("heard a trip change; six close codes"), "{said}");
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn graphiql_runs_in_chromium_and_asks_nobody_but_the_server() {
    let Some(folder) = folder_with_browser() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let nothing: [&str; 0] = [];
    let server = Server::start(home.path(), &nothing);
    let home_of_keys = tempfile::tempdir().expect("a folder");
    assert_eq!(api_keys::command(home_of_keys.path(), "migrate").code, Some(0));
    let key = api_keys::create(home_of_keys.path(), "--scopes search,support");
    let with_keys = Server::start(home_of_keys.path(), &["--auth", "keys"]);
    let said = npm(&folder, "graphiql", &[&server.origin, &with_keys.origin, &key]);
    assert!(said.contains("answers of all examples, a booking"), "{said}");
    for server in [server, with_keys] {
        assert_eq!(server.stop().code, Some(0));
    }
}

/// On the bundled timetable, and on what has been cut off it.
#[test]
fn the_pages_of_the_compiler_fit_every_screen_in_light_and_dark() {
    let Some(folder) = folder_with_browser() else { return };
    let home = tempfile::tempdir().expect("a folder");
    let data = |name: &str| root().join("data").join(name).display().to_string();
    let timetable = data("european-timetable.csv");
    let rows = std::fs::read_to_string(&timetable).expect("a timetable");
    let some: Vec<&str> =
        rows.lines().enumerate().filter(|it| it.0 % 9 != 5).map(|it| it.1).collect();
    // Two rows with mistakes.
    let bad = "X1,Paris,Lyon,1250,14:00,TGV,Daily,1,1\nX2,Paris,Lyon,12:50,14:00,TGV,Daily,-1,1\n";
    std::fs::write(home.path().join("some.csv"), some.join("\n") + "\n").expect("a file");
    std::fs::write(home.path().join("bad.csv"), rows + bad).expect("a file");
    let stations = data("european-stations.csv");
    let options = format!("--stations {stations} --from 2027-06-01 --until 2027-08-15");
    for (command, code) in [
        (format!("build {timetable} {options} -o all --report-html build.html"), 0),
        (format!("build some.csv {options} -o some"), 0),
        (format!("check bad.csv {options} --report-html bad.html"), 1),
        ("inspect all --html inspect.html".to_owned(), 0),
        ("diff all some --html diff.html".to_owned(), 1),
    ] {
        let words: Vec<&str> = command.split(' ').collect();
        let ended = run(COMPILER, home.path(), &words);
        assert_eq!(ended.code, Some(code), "{command}: {}", ended.err);
    }
    let pages = ["build", "bad", "inspect", "diff"]
        .map(|name| home.path().join(format!("{name}.html")).display().to_string());
    let said = npm(&folder, "report", &pages.each_ref().map(String::as_str));
    assert!(said.contains("4 pages are seen"), "{said}");
}
