//! `--help` teaches: every command has examples, and a shell runs each of them to its good end.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use tempfile::TempDir;
use tests::app::traveller;
use tests::feed;
use tests::fuzz::{Target, corpus};
use tests::generated::root;
use zip::CompressionMethod;

use super::railgraph::itineraries;
use super::{COMPILER, RAILGRAPH, Running, Server, run};

const BOOK: &str = include_str!("../../../schema/graphql/operations/book-trip.graphql");
const CANCEL: &str = include_str!("../../../schema/graphql/operations/cancel-trip.graphql");
const CLIENT: &str = include_str!("../../../schema/graphql/operations/client.graphql");

/// What stands in the examples of `--help` for what only a database knows.
const KEY_ID: &str = "0123456789abcdef";
const CLIENT_ID: &str = "Q2xpZW50OjE";
const DATABASE: &str = "postgres://railgraph@127.0.0.1/railgraph";

/// A folder in which both programs are found by their names, as after an installation.
struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let desk = Self { folder };
        for name in ["bin", ".zfunc", ".config/fish/completions"] {
            fs::create_dir_all(desk.path().join(name)).expect("a folder");
        }
        for (name, program) in [("railgraph", RAILGRAPH), ("timetable-compiler", COMPILER)] {
            symlink(program, desk.path().join("bin").join(name)).expect("a link");
        }
        desk
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path().join(name), bytes).expect("a file");
    }

    /// A line as a shell runs it here, with nothing but the two programs around it.
    fn shell(&self, line: &str) -> Command {
        let mut command = Command::new("sh");
        command.current_dir(self.path()).env_clear().env("HOME", self.path());
        command.env("PATH", format!("{}:/usr/bin:/bin", self.path().join("bin").display()));
        command.env("RAILGRAPH_LISTEN", "127.0.0.1:0").args(["-c", line]);
        command
    }

    #[track_caller]
    fn run(&self, line: &str) -> String {
        let mut command = self.shell(line);
        let ended = command.stdin(Stdio::null()).output().expect("a shell");
        let (out, err) = (ended.stdout, String::from_utf8_lossy(&ended.stderr).into_owned());
        // A difference is no failure.
        let is_done = match ended.status.code() {
            Some(code) if line.contains("compiler diff") => code < 2,
            code => code == Some(0),
        };
        assert!(is_done, "{line}: {:?}\n{err}", ended.status);
        String::from_utf8(out).expect("UTF-8")
    }

    /// Starts a server, looks whether it lives, and ends it.
    async fn serve(&self, line: &str) {
        let mut server = Server::over(Running::spawn(self.shell(&format!("exec env {line}"))));
        server.origin = server.origin.replace("0.0.0.0", "127.0.0.1");
        assert_eq!(server.page("/health/live").await.0, 200, "{line}");
        let ended = server.stop();
        assert_eq!(ended.code, Some(0), "{line}: {}", ended.err);
    }
}

/// What `--help` after these words says.
pub fn help(program: &str, words: &[String]) -> String {
    let mut arguments = words.to_vec();
    arguments.push("--help".to_owned());
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(program, folder.path(), &arguments);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{words:?}");
    ended.out
}

/// All commands of a program, the program itself first, each with what its `--help` says.
pub fn commands(program: &str) -> Vec<(Vec<String>, String)> {
    let mut found: Vec<(Vec<String>, String)> = Vec::new();
    let mut left = vec![Vec::new()];
    while let Some(words) = left.pop() {
        let text = help(program, &words);
        let listed = text.split("\nCommands:\n").nth(1).unwrap_or_default();
        let listed = listed.lines().take_while(|line| !line.is_empty());
        let names = listed.filter(|line| !line.starts_with("   "));
        let names = names.filter_map(|line| line.split_whitespace().next());
        let mut inner: Vec<Vec<String>> = names
            .filter(|name| *name != "help")
            .map(|name| [words.clone(), vec![name.to_owned()]].concat())
            .collect();
        inner.reverse();
        left.extend(inner);
        found.push((words, text));
    }
    found
}

/// The commands among a text's lines, those that go on after a backslash as one.
fn examples(text: &str, name: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    let is_command = |line: &&str| {
        let mut words = line.split(' ').skip_while(|word| word.contains('='));
        words.next() == Some(name)
    };
    lines.filter(is_command).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_compilers_examples_run() {
    let desk = Desk::new();
    desk.write("trains.csv", feed::csv(feed::CITIES));
    desk.write("cities.csv", feed::STATIONS);
    let parts = corpus::of(Target::Gtfs).remove(0);
    desk.write("feed.zip", corpus::zipped(&parts, CompressionMethod::Deflated));
    desk.run(
        "timetable-compiler build trains.csv --from 2026-12-13 --until 2027-12-11 -o old.railgraph",
    );
    for (words, text) in commands(COMPILER) {
        let examples = examples(&text, "timetable-compiler");
        assert!(!examples.is_empty(), "{words:?} has no example:\n{text}");
        for line in examples {
            desk.run(&line);
        }
    }
    let written = ["report.html", "network.html", "changes.json", ".bash_completion"];
    for name in written {
        assert!(fs::metadata(desk.path().join(name)).is_ok_and(|it| it.len() > 100), "{name}");
    }
}

#[tokio::test]
async fn the_servers_examples_run() {
    let desk = Desk::new();
    let network = root().join("data/european-network.railgraph");
    fs::copy(network, desk.path().join("country.railgraph")).expect("a copy");
    let (key, client) = people(&desk).await;
    let database = tests::postgres::database().await;
    let mut count = 0;
    for (words, text) in commands(RAILGRAPH) {
        let examples = examples(&text, "railgraph");
        let has_commands = text.contains("\nCommands:\n");
        assert!(has_commands || !examples.is_empty(), "{words:?} has no example:\n{text}");
        for line in examples {
            let line = line.replace(KEY_ID, &key).replace(CLIENT_ID, &client);
            let line = line.replace("127.0.0.1:9000", "127.0.0.1:0").replace(":8080", ":0");
            let line = match &database {
                Some(url) => line.replace(DATABASE, url),
                None if line.contains(DATABASE) => continue,
                None => line,
            };
            let is_server = words.is_empty() && !line.contains("railgraph migrate");
            let is_server = is_server && !line.contains("railgraph keys");
            if is_server || words == ["serve"] {
                desk.serve(&line).await;
            } else if line.ends_with("client erase") {
                desk.run(&format!("{line} < answers"));
            } else {
                desk.run(&line);
            }
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}

/// Two clients to be erased and a key to be revoked: the key's id, and the second client's.
async fn people(desk: &Desk) -> (String, String) {
    let server = Server::start(desk.path(), &["serve"]);
    let found = itineraries(&server, "London", "Wien").await;
    for (name, id_number) in [("Lovelace", "X1234567"), ("Hopper", "Y7654321")] {
        let input = json!({
            "itineraryId": found["nodes"][0]["id"],
            "travellers": [traveller("Ada", name, id_number, 36)],
        });
        let booked = server.data(BOOK, json!({ "input": input })).await["bookTrip"].take();
        assert_eq!(booked["refusals"], json!([]));
        // Whoever is yet to travel is not erased.
        let input = json!({ "reference": booked["trip"]["reference"] });
        let cancelled = server.data(CANCEL, json!({ "input": input })).await;
        assert_eq!(cancelled["cancelTrip"]["refusals"], json!([]));
    }
    let of = json!({ "lastName": "Hopper", "idNumber": "Y7654321" });
    let client = server.data(CLIENT, of).await["client"]["id"].take();
    assert_eq!(server.stop().code, Some(0));
    desk.write("answers", "Lovelace\nX1234567\n");
    let key = desk.run("railgraph keys create --name old --scopes search");
    (key[3..19].to_owned(), client.as_str().expect("an id").to_owned())
}
