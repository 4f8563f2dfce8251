//! A server as a process of its own, as an operator starts it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long a process may take to do what it was asked to.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that serves when its first argument is `serve`.
#[derive(Debug, Clone)]
pub struct Program(pub PathBuf);

impl Program {
    /// The server that cargo builds beside the program that runs.
    ///
    /// # Panics
    ///
    /// Where it is not built.
    pub fn beside() -> Self {
        let own = std::env::current_exe().expect("this program");
        let path = own.with_file_name("railgraph-tested");
        let shown = path.display();
        assert!(path.exists(), "no {shown}; build it: `cargo build --release -p tests --bins`");
        Self(path)
    }
}

/// A running server. It is killed when this value is dropped.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// `http://`, address and port.
    pub origin: String,
    log: PathBuf,
    http: reqwest::Client,
}

impl Process {
    /// Starts one in a folder and waits until it is ready. It listens on a port of its own, unless
    /// the arguments name one; its log is a file in the folder.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub fn start(program: &Program, folder: &Path, arguments: &[&str]) -> Self {
        let log = tempfile::Builder::new().prefix("log-").tempfile_in(folder).expect("a file");
        let (file, log) = log.keep().expect("a log file");
        let mut command = Command::new(&program.0);
        command.arg("serve").args(arguments).current_dir(folder).env_clear();
        if !arguments.contains(&"--listen") {
            command.args(["--listen", "127.0.0.1:0"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().expect("the program");
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        let said = || std::fs::read_to_string(&log).unwrap_or_default();
        let origin = line.trim().strip_prefix("GraphiQL: ");
        let origin = origin.and_then(|it| it.strip_suffix("/graphql"));
        let origin = origin.unwrap_or_else(|| panic!("no server: {line}{}", said())).to_owned();
        let address = origin.strip_prefix("http://").and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address: {origin}"));
        Self { child, address, origin, log, http: reqwest::Client::new() }
    }

    /// The id of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal, such as `TERM`, `STOP` or `CONT`.
    ///
    /// # Panics
    ///
    /// Where there is no such signal.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Waits for its end.
    ///
    /// # Panics
    ///
    /// Where it does not end within a minute.
    pub fn ended(&mut self) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return status;
            }
            assert!(begun.elapsed() < PATIENCE, "the server does not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How often it has logged an event.
    pub fn logged(&self, event: &str) -> usize {
        self.log().matches(&format!("\"event\":\"{event}\"")).count()
    }

    /// Bytes of memory that it has in use.
    ///
    /// # Panics
    ///
    /// Where the kernel does not say.
    pub fn memory_bytes(&self) -> u64 {
        let path = format!("/proc/{}/status", self.id());
        let status = std::fs::read_to_string(path).expect("its status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        kilobytes.and_then(|it| it.trim().parse::<u64>().ok()).expect("kilobytes") * 1024
    }

    /// What it answers to a document; an error where it does not, or not in JSON.
    pub async fn ask(&self, query: &str, variables: &Value) -> Result<Value, String> {
        ask(&self.http, &self.origin, query, variables).await
    }

    /// The status and the JSON of a path.
    ///
    /// # Panics
    ///
    /// Where it does not answer.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        let request = self.http.get(format!("{}{path}", self.origin));
        let answer = request.send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// Waits until this is so.
    ///
    /// # Panics
    ///
    /// Where it is not within a minute.
    pub async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is_so(self) {
            assert!(begun.elapsed() < PATIENCE, "not within a minute: {what}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a process a signal.
///
/// # Panics
///
/// Where there is no such process or signal.
pub fn signal(process: u32, name: &str) {
    let mut kill = Command::new("sh");
    kill.args(["-c", "kill -\"$1\" \"$2\"", "kill", name, &process.to_string()]);
    assert!(kill.status().expect("a shell").success(), "SIG{name} to {process}");
}

/// What a server answers to a document.
pub async fn ask(
    http: &reqwest::Client,
    origin: &str,
    query: &str,
    variables: &Value,
) -> Result<Value, String> {
    let request = http.post(format!("{origin}/graphql"));
    let request = request.json(&json!({ "query": query, "variables": variables }));
    let answer = request.send().await.map_err(|error| format!("{error:?}"))?;
    answer.json().await.map_err(|error| format!("{error:?}"))
}

/// A figure in a server's metrics, by its name and labels as they are written there.
pub fn figure<T: FromStr>(metrics: &str, name: &str) -> Option<T> {
    metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?.parse().ok()
}
