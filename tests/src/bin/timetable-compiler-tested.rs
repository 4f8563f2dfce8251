//! The program `timetable-compiler`, as cargo builds it for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    timetable_compiler::run(std::env::args_os())
}
