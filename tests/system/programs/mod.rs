//! The two programs as processes, each in a folder of its own with an empty environment.

pub mod api_keys;
mod bad_starts;
mod colours;
mod compiler;
pub mod help;
mod origins;
mod railgraph;
mod records;
mod sight;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub const RAILGRAPH: &str = env!("CARGO_BIN_EXE_railgraph-tested");
pub const COMPILER: &str = env!("CARGO_BIN_EXE_timetable-compiler-tested");

/// How long a program may be silent before a test gives it up.
const PATIENCE: Duration = Duration::from_mins(2);

/// The machine's time, which is what a program goes by.
#[expect(clippy::disallowed_methods, reason = "a program of its own has no other clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// A running program. It is killed when this value is dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    err: File,
}

/// How a program ended, and what it said.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    /// What is left of standard output.
    pub out: String,
    pub err: String,
}

impl Running {
    /// Starts a program in a folder, with these arguments.
    pub fn start(program: &str, folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().args(arguments);
        Self::spawn(command)
    }

    /// Starts a command.
    pub fn spawn(command: Command) -> Self {
        let err = tempfile::tempfile().expect("a file");
        let own = err.try_clone().expect("a file");
        Self::spawn_over(command, own, err)
    }

    /// Starts a command that says what it has to say on standard error to somebody else.
    pub fn spawn_with_err(command: Command, err: impl Into<Stdio>) -> Self {
        Self::spawn_over(command, err, tempfile::tempfile().expect("a file"))
    }

    fn spawn_over(mut command: Command, to: impl Into<Stdio>, err: File) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(to);
        let mut child = command.spawn().expect("a program");
        let out = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in out.lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self { child, lines, err }
    }

    /// The next line that it says, or `None` where there will be none.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program is silent: {}", self.err()),
        }
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let id = self.child.id().to_string();
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill -TERM \"$1\"", "kill", &id]);
        assert!(kill.status().expect("a shell").success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let mut out = String::new();
        while let Some(line) = self.line() {
            out += &line;
            out.push('\n');
        }
        let code = self.child.wait().expect("an end").code();
        Ended { code, out, err: self.err() }
    }

    fn err(&mut self) -> String {
        let mut text = String::new();
        self.err.rewind().expect("a file");
        self.err.read_to_string(&mut text).expect("a text");
        text
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a program to its end.
pub fn run(program: &str, folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Ended {
    Running::start(program, folder, arguments).end()
}

impl Ended {
    /// What it said on standard error, log lines left out.
    pub fn said(&self) -> Vec<&str> {
        self.err.lines().filter(|line| !line.starts_with('{')).collect()
    }

    /// Whether it logged an event.
    pub fn logged(&self, event: &str) -> bool {
        let event = format!("\"event\":\"{event}\"");
        self.err.lines().any(|line| line.contains(&event))
    }
}

/// A running `railgraph serve`.
pub struct Server {
    running: Running,
    /// `http://`, address and port.
    pub origin: String,
    /// Sends requests to it.
    pub http: reqwest::Client,
}

impl Server {
    /// Starts it in a folder, with these arguments and on a port of its own.
    pub fn start(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut command = Command::new(RAILGRAPH);
        command.current_dir(folder).env_clear().env("RAILGRAPH_LISTEN", "127.0.0.1:0");
        command.args(arguments);
        Self::over(Running::spawn(command))
    }

    /// The one that a program has just become.
    pub fn over(mut running: Running) -> Self {
        let Some(line) = running.line() else { panic!("no server: {}", running.err()) };
        let origin = line.strip_prefix("GraphiQL: ").and_then(|it| it.strip_suffix("/graphql"));
        let origin = origin.unwrap_or_else(|| panic!("no address: {line}")).to_owned();
        Self { running, origin, http: reqwest::Client::new() }
    }

    /// The status, media type and text of a page, as a browser asks for it.
    pub async fn page(&self, path: &str) -> (u16, String, String) {
        let request = self.http.get(format!("{}{path}", self.origin));
        let answer = request.header("accept", "text/html,*/*").send().await.expect("an answer");
        let kind = answer.headers().get("content-type").map(|it| it.to_str().expect("ASCII"));
        let (status, kind) = (answer.status().as_u16(), kind.unwrap_or_default().to_owned());
        (status, kind, answer.text().await.expect("a text"))
    }

    /// The data of the answer to a document.
    pub async fn data(&self, query: &str, variables: Value) -> Value {
        let request = self.http.post(format!("{}/graphql", self.origin));
        let request = request.json(&json!({ "query": query, "variables": variables }));
        let answer = request.send().await.expect("an answer");
        let mut answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer.get("errors"), None, "{query}");
        answer["data"].take()
    }

    /// Ends it as a service manager does.
    pub fn stop(self) -> Ended {
        self.running.terminate();
        self.running.end()
    }
}
