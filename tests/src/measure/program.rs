//! The program `railgraph` as a process beside the one that measures it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// A running server, in a folder of its own. Both go with this value.
pub struct Program {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

/// The program that stands beside the running one.
fn path() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    own.with_file_name("railgraph-tested")
}

impl Program {
    /// Starts it with these arguments, and waits until it is ready.
    ///
    /// # Panics
    ///
    /// Where it is not there, or does not start.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = path();
        let mut command = Command::new(&path);
        command.current_dir(folder.path()).env_clear().args(arguments);
        command.env("RAILGRAPH_LISTEN", "127.0.0.1:0").env("RUST_LOG", "error");
        let spawned = command.stdout(Stdio::piped()).spawn();
        let mut child = spawned.unwrap_or_else(|error| {
            let path = path.display();
            panic!("{path}: {error}; build it with `cargo build --release -p tests --bins`")
        });
        let mut line = String::new();
        let out = child.stdout.take().expect("a pipe");
        BufReader::new(out).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("GraphiQL: http://");
        let address = address.and_then(|it| it.strip_suffix("/graphql"));
        let address = address.and_then(|it| it.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address: {line}"));
        Self { child, address, _folder: folder }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
