//! Redis for tests: a server of our own on a free port, from an installed `redis-server`. Where
//! there is none, [`Redis::start`] gives `None` after one loud line, and panics where the
//! environment has `CI`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long it may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running Redis. It ends with this value.
pub struct Redis {
    port: u16,
    folder: TempDir,
    child: Option<Child>,
}

impl Redis {
    /// Starts one.
    ///
    /// # Panics
    ///
    /// Where it is there and does not start, or is missing in CI.
    pub fn start() -> Option<Self> {
        crate::program("redis-server")?;
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let folder = tempfile::tempdir().expect("a folder");
        let mut redis = Self { port, folder, child: None };
        redis.run();
        Some(redis)
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Runs it, where it does not run.
    ///
    /// # Panics
    ///
    /// Where it does not start.
    pub fn run(&mut self) {
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]);
        command.args(["--port", &self.port.to_string()]).arg("--dir").arg(self.folder.path());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("redis-server"));
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(began.elapsed() < PATIENCE, "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Tells it a command without blanks in its words.
    ///
    /// # Panics
    ///
    /// Where it does not do so.
    pub fn say(&self, command: &str) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        socket.write_all(format!("{command}\r\n").as_bytes()).expect("a command");
        let mut answer = [0; 5];
        socket.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"+OK\r\n", "{command}");
    }

    /// Kills it.
    ///
    /// # Panics
    ///
    /// Where it cannot be killed.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a process that ends");
            child.wait().expect("an end");
        }
    }

    /// Lets it stand still, or go on: it is there, and does not answer.
    ///
    /// # Panics
    ///
    /// Where it does not run.
    pub fn pause(&self, is_paused: bool) {
        let id = self.child.as_ref().expect("a running Redis").id().to_string();
        let signal = if is_paused { "-STOP" } else { "-CONT" };
        let mut kill = Command::new("sh");
        kill.args(["-c", "kill \"$1\" \"$2\"", "kill", signal, &id]);
        assert!(kill.status().expect("a shell").success());
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
}
