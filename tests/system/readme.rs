//! README.md does what it says: each command of its `sh` blocks is run, in the order in which a
//! reader meets them, and each `json` block is what the request before it is answered.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use chrono::{Days, NaiveDate, TimeDelta};
use serde_json::Value;
use tempfile::TempDir;
use tests::fuzz::{Target, corpus};
use tests::generated::root;
use zip::CompressionMethod;

use crate::programs::{COMPILER, RAILGRAPH, Server, now, run};

/// Where README.md's requests go.
const ORIGIN: &str = "http://127.0.0.1:8080";
/// Fields whose values differ each time.
const VARYING: [&str; 8] =
    ["id", "reference", "number", "bookedAt", "issuedAt", "cursor", "startCursor", "endCursor"];
/// How README.md writes the key that `keys create` prints.
const KEY: &str = "rg.ID.SECRET";
/// The length from which on such a value is one that a later request may repeat.
const NAME_LENGTH_MIN: usize = 8;
/// Commands that have tests of their own, or are these tests.
const TRIED_ELSEWHERE: [&str; 3] =
    ["cargo test", ".ci/run", "cargo run --release -p tests --bin regenerate"];

#[tokio::test]
async fn every_command_of_the_readme_does_what_it_says() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let mut reader = Reader::new();
    for (language, text) in blocks(&readme) {
        match language {
            "sh" => {
                for command in commands(text) {
                    reader.run(&command).await;
                }
            }
            "json" => reader.compare(text),
            _ => {}
        }
    }
}

/// The fenced blocks of a Markdown text: language and content.
fn blocks(markdown: &str) -> Vec<(&str, &str)> {
    let fenced = markdown.split("\n```").skip(1).step_by(2);
    fenced.filter_map(|block| block.split_once('\n')).collect()
}

/// The commands of a shell text, as words. Only what README.md needs: quotes, comments, and lines
/// that go on after a backslash.
fn commands(text: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words) = (Vec::new(), Vec::new());
    let mut word: Option<String> = None;
    let mut chars = text.chars().chain(['\n']).peekable();
    while let Some(letter) = chars.next() {
        match letter {
            '\'' | '"' => {
                let quoted = chars.by_ref().take_while(|it| *it != letter);
                word.get_or_insert_default().extend(quoted);
            }
            '\\' if chars.peek() == Some(&'\n') => {
                chars.next();
            }
            '#' if word.is_none() => while chars.next_if(|it| *it != '\n').is_some() {},
            ' ' => words.extend(word.take()),
            '\n' => {
                words.extend(word.take());
                if !words.is_empty() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            '\\' | '|' | '&' | ';' | '<' | '>' | '$' | '`' | '(' | ')' | '*' | '?' => {
                panic!("expected a plain command, found {letter} in:\n{text}")
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    commands
}

/// Somebody who follows README.md.
struct Reader {
    folder: TempDir,
    server: Option<Server>,
    /// What the last request was answered.
    answer: Option<Value>,
    /// Values in README.md that differ each time, and what they are this time.
    seen: BTreeMap<String, String>,
    /// Whether a date of a request had passed, so that the answer is of another day.
    is_late: bool,
}

impl Reader {
    /// In a folder in which the data can be read, and replaced without harm, and with a feed.
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("data")).expect("a folder");
        for entry in fs::read_dir(root().join("data")).expect("the data") {
            let entry = entry.expect("a file");
            let link = folder.path().join("data").join(entry.file_name());
            symlink(entry.path(), link).expect("a link");
        }
        let parts = corpus::of(Target::Gtfs).remove(0);
        let feed = corpus::zipped(&parts, CompressionMethod::Deflated);
        fs::write(folder.path().join("feed.zip"), feed).expect("a feed");
        Self { folder, server: None, answer: None, seen: BTreeMap::new(), is_late: false }
    }

    async fn run(&mut self, command: &[String]) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let line = words.join(" ");
        let is_named = |name: &&str| line == **name || line.starts_with(&format!("{name} "));
        if TRIED_ELSEWHERE.iter().any(is_named) {
            return;
        }
        match words.as_slice() {
            ["cargo", "run", "--release", "-p", "server"] => self.start(&[]).await,
            ["cargo", "run", "--release", "-p", "server", "--", arguments @ ..] => {
                self.start(arguments).await;
            }
            ["cargo", "run", "--release", "-p", "timetable-compiler", "--", arguments @ ..] => {
                drop(self.done(COMPILER, arguments));
            }
            ["curl", arguments @ ..] => self.request(arguments).await,
            _ => panic!("expected a command that this test knows, found: {line}"),
        }
    }

    /// Runs a program to its good end, and returns what it prints.
    fn done(&self, program: &str, arguments: &[&str]) -> String {
        let ended = run(program, self.folder.path(), arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.err);
        ended.out
    }

    /// Starts the server in place of the one before, on a port of its own and, where PostgreSQL is
    /// named, on a database of its own.
    async fn start(&mut self, arguments: &[&str]) {
        let mut words: Vec<String> = arguments.iter().map(|it| (*it).to_owned()).collect();
        for at in 0..words.len() {
            if at > 0 && words[at - 1] == "--listen" {
                "127.0.0.1:0".clone_into(&mut words[at]);
            } else if words[at].starts_with("postgres://") {
                let Some(url) = tests::postgres::database().await else { return };
                words[at] = url;
            }
        }
        let is_server = words.first().is_none_or(|word| word == "serve" || word.starts_with("--"));
        if !is_server {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let printed = self.done(RAILGRAPH, &words);
            if let Some(key) = printed.split_whitespace().find(|word| word.starts_with("rg.")) {
                self.seen.insert(KEY.to_owned(), key.to_owned());
            }
            return;
        }
        if let Some(server) = self.server.take() {
            assert_eq!(server.stop().code, Some(0));
        }
        self.server = Some(Server::start(self.folder.path(), &words));
    }

    /// Sends a request as curl would.
    async fn request(&mut self, arguments: &[&str]) {
        let (mut path, mut body) = (None, None);
        let mut headers = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || *arguments.next().expect("a value after an option of curl");
            match *argument {
                "-s" | "-sS" | "-fsS" | "--silent" => {}
                "-H" | "--header" => headers.push(value().split_once(": ").expect("a header")),
                "-d" | "--data" => {
                    body = Some((value(), "application/x-www-form-urlencoded"));
                }
                "--json" => body = Some((value(), "application/json")),
                url => path = url.strip_prefix(ORIGIN).or_else(|| panic!("no {ORIGIN} in {url}")),
            }
        }
        let path = path.expect("a URL");
        let server = self.server.as_ref().expect("a server that was started before");
        let url = format!("{}{path}", server.origin);
        let mut request = server.http.get(&url);
        if let Some((body, kind)) = body {
            let (body, is_late) = self.said(body);
            request = server.http.post(&url).body(body);
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                headers.push(("content-type", kind));
            }
            self.is_late |= is_late;
        }
        for (name, value) in headers {
            request = request.header(name, self.said(value).0);
        }
        let answer = request.send().await.expect("an answer");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer.get("errors"), None, "{path}: {answer}");
        self.answer = Some(answer);
    }

    /// A body with this run's values, and whether a date in it has passed: then it is one in a
    /// month.
    fn said(&self, body: &str) -> (String, bool) {
        let mut body = body.to_owned();
        for (old, new) in &self.seen {
            body = body.replace(old, new);
        }
        let today = now().date_naive();
        let passed = dates(&body).into_iter().filter(|date| *date < today).min();
        if let Some(first) = passed {
            let later: TimeDelta = today + Days::new(30) - first;
            for date in dates(&body).into_iter().rev() {
                body = body.replace(&date.to_string(), &(date + later).to_string());
            }
        }
        (body, passed.is_some())
    }

    /// Compares the last answer with what README.md says.
    fn compare(&mut self, text: &str) {
        let expected: Value = serde_json::from_str(text).expect("JSON in README.md");
        let answer = self.answer.take().expect("a request before the JSON");
        let mut differences = Vec::new();
        self.differ("", &expected, &answer, &mut differences);
        assert!(
            differences.is_empty(),
            "README.md differs:\n{}\nthe answer is:\n{answer:#}",
            differences.join("\n")
        );
    }

    fn differ(&mut self, path: &str, expected: &Value, found: &Value, into: &mut Vec<String>) {
        let name = path.rsplit('.').next().unwrap_or_default();
        match (expected, found) {
            (Value::Object(expected), Value::Object(found)) if expected.keys().eq(found.keys()) => {
                for (key, value) in expected {
                    self.differ(&format!("{path}.{key}"), value, &found[key], into);
                }
            }
            (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
                for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
                    self.differ(&format!("{path}.{at}"), expected, found, into);
                }
            }
            (Value::String(expected), Value::String(found)) if VARYING.contains(&name) => {
                // A short one is no name that a later request could mean.
                if expected.len() >= NAME_LENGTH_MIN {
                    self.seen.insert(expected.clone(), found.clone());
                }
            }
            _ if expected == found => {}
            // Of another day, so that only the shape can be the same.
            (Value::String(_), Value::String(_))
            | (Value::Number(_), Value::Number(_))
            | (Value::Array(_), Value::Array(_))
                if self.is_late => {}
            _ => into.push(format!("{path}: expected {expected}, found {found}")),
        }
    }
}

/// The calendar dates in a text, sorted, each once.
fn dates(text: &str) -> Vec<NaiveDate> {
    let starts = text.char_indices().map(|(at, _)| at);
    let found = starts.filter_map(|at| text.get(at..at + 10)?.parse().ok());
    let mut dates: Vec<NaiveDate> = found.collect();
    dates.sort();
    dates.dedup();
    dates
}

#[test]
fn commands_are_split_as_a_shell_splits_them() {
    let text = "# one\ncargo run -p server\n\ncurl -s \\\n  -d '{\"a\": \"b c\"}' \"x y\"z # end\n";
    assert_eq!(
        commands(text),
        [
            vec!["cargo", "run", "-p", "server"],
            vec!["curl", "-s", "-d", "{\"a\": \"b c\"}", "x yz"]
        ]
    );
    assert_eq!(
        blocks("a\n\n```sh\nb\nc\n```\n\nd\n\n```json\n{}\n```\n"),
        [("sh", "b\nc"), ("json", "{}")]
    );
}

#[test]
fn a_date_that_has_passed_is_one_in_a_month() {
    let reader = Reader::new();
    let (body, is_late) = reader.said("{\"from\": \"2020-06-01\", \"to\": \"2020-06-03T10:00\"}");
    let date = |days| (now().date_naive() + Days::new(days)).to_string();
    assert_eq!(body, format!("{{\"from\": \"{}\", \"to\": \"{}T10:00\"}}", date(30), date(32)));
    assert!(is_late);
    assert_eq!(reader.said("on 2999-06-01"), ("on 2999-06-01".to_owned(), false));
}
