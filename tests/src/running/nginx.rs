//! nginx with the configuration that operators get.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::signal;
use crate::postgres::free_port;

/// Where it logs.
const LOG: &str = "log";

/// A running nginx in front of two servers; it ends with this value.
pub struct Nginx {
    child: Child,
    /// `http://`, address and port.
    pub origin: String,
    folder: TempDir,
}

impl Nginx {
    /// Starts it in front of the servers at these ports; none, after a loud line, where it is not
    /// installed.
    ///
    /// # Panics
    ///
    /// Where it does not start, or is missing in CI.
    pub fn start(servers: [u16; 2]) -> Option<Self> {
        let program = crate::program("nginx")?;
        let folder = tempfile::tempdir().expect("a folder");
        let port = free_port().expect("a port");
        let mut settings = include_str!("../../../server/ops/nginx.conf").to_owned();
        for (usual, own) in [("8080", port), ("8081", servers[0]), ("8082", servers[1])] {
            let [usual, own] =
                [usual.to_owned(), own.to_string()].map(|it| format!("127.0.0.1:{it}"));
            assert!(settings.contains(&usual), "{usual}");
            settings = settings.replace(&usual, &own);
        }
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, settings).expect("its settings");
        let mut command = Command::new(program);
        command.args(["-g", "daemon off;", "-p"]).arg(folder.path()).arg("-c").arg(&file);
        let log = std::fs::File::create(folder.path().join(LOG)).expect("its log");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().expect("nginx");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "nginx does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { child, origin: format!("http://127.0.0.1:{port}"), folder })
    }

    /// What it has logged.
    ///
    /// # Panics
    ///
    /// Where that cannot be read.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join(LOG)).expect("its log")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // So that its workers end with it.
        signal(self.child.id(), "TERM");
        let _ = self.child.wait();
    }
}
