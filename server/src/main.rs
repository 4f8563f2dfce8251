//! The program `railgraph`; see `railgraph --help`.

use std::process::ExitCode;

/// For SQLite, too. The C library's allocator gives back what lies at the end of a heap alone, and
/// pages of SQLite's cache lie between other things: after every burst of requests what is free is
/// in holes. Of 163 MB that a server had then, 93 were in use; this one gives most holes back
/// (`cargo run --release -p tests --bin running -- soak`).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    server::run()
}
