//! The program `railgraph`; see `railgraph --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::run()
}
