//! Servers as they are run: short versions of what the program `running` does.

mod affected;
mod behind_nginx;
mod database_away;
mod failing_disk;
mod redis_away;
mod replica;
mod soak;
mod sqlite_syncs;
mod swap;
mod two_servers;

use std::path::PathBuf;

use tests::running::Program;
use tests::running::process::figure;

/// The server of these tests.
fn program() -> Program {
    Program(PathBuf::from(crate::programs::RAILGRAPH))
}

/// A figure of a server's metrics, by its name and labels as they are written there.
async fn metric(origin: &str, name: &str) -> u64 {
    let answer = reqwest::get(format!("{origin}/metrics")).await.expect("an answer");
    let text = answer.text().await.expect("a text");
    figure(&text, name).unwrap_or_else(|| panic!("no {name}: {text}"))
}
