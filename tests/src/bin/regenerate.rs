//! Writes every generated file of the repository anew: `cargo run --release -p tests --bin
//! regenerate`.

use std::io::{self, Write};

use tests::generated::{files, root};
use timetable_compiler::output::write_atomically;

#[expect(clippy::print_stdout, reason = "a program says what it did")]
fn main() -> io::Result<()> {
    for file in files() {
        let path = root().join(file.path);
        let is_new = std::fs::read(&path).ok().as_ref() != Some(&file.bytes);
        if is_new {
            write_atomically(&path, |to, _| to.write_all(&file.bytes))?;
        }
        println!("{} {}", if is_new { "wrote    " } else { "unchanged" }, file.path);
    }
    Ok(())
}
