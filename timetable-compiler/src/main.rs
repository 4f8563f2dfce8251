//! The program.

use std::process::ExitCode;

fn main() -> ExitCode {
    timetable_compiler::run(std::env::args_os())
}
