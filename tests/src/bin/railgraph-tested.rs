//! The program `railgraph`, as cargo builds it for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    server::run()
}
