//! Servers as they are run: short versions of what the program `running` does.

mod affected;
mod database_away;
mod replica;
mod soak;
mod swap;
mod two_servers;

use std::path::PathBuf;

use tests::running::Program;

/// The server of these tests.
fn program() -> Program {
    Program(PathBuf::from(crate::programs::RAILGRAPH))
}
