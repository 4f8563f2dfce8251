//! Counts the instructions of the hot paths: `cargo run --release -p tests --bin instructions --
//! check` compares them with `tests/benches/instructions.txt`, `write` writes them there.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program says what it did")]

use std::path::Path;
use std::process::{Command, ExitCode};

use tests::instructions::{
    COUNTED, HotPath, REBASELINE, TOLERANCE_PERMILLE, TUNABLES, figure, figures_path, figures_text,
    instructions, is_near,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["check"] => check(),
        ["write"] => write(),
        ["run", name] => HotPath::of(name).map_or_else(
            || Err(format!("no hot path is called {name}")),
            |path| {
                println!("{}", path.run());
                Ok(())
            },
        ),
        _ => Err("say `check`, `write`, or `run` and the name of a hot path".to_owned()),
    };
    done.map_or_else(
        |sentence| {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

/// Counts the instructions of a path in a process of its own.
fn count(path: HotPath, folder: &Path) -> Result<u64, String> {
    if cfg!(debug_assertions) {
        return Err("the figures are those of a release build: add --release".to_owned());
    }
    let output = folder.join(path.name());
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--compress-strings=yes", "--compress-pos=no"]);
    command.arg(format!("--toggle-collect={COUNTED}"));
    command.arg(format!("--callgrind-out-file={}", output.display()));
    command.arg(program).args(["run", path.name()]).env_clear().env(TUNABLES.0, TUNABLES.1);
    #[expect(clippy::disallowed_methods, reason = "valgrind is looked for where programs are")]
    command.env("PATH", std::env::var("PATH").unwrap_or_default());
    let ended = command.output().map_err(|error| format!("cannot run valgrind: {error}"))?;
    if !ended.status.success() {
        return Err(format!("valgrind: {}", String::from_utf8_lossy(&ended.stderr)));
    }
    let text = std::fs::read_to_string(&output).map_err(|error| error.to_string())?;
    let count = instructions(&text).map_err(|line| format!("callgrind wrote {line:?}"))?;
    if count == 0 {
        return Err(format!("callgrind did not find {COUNTED}"));
    }
    Ok(count)
}

fn counts() -> Result<Vec<(HotPath, u64)>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    HotPath::ALL.into_iter().map(|path| Ok((path, count(path, folder.path())?))).collect()
}

fn write() -> Result<(), String> {
    let text = figures_text(&counts()?);
    print!("{text}");
    std::fs::write(figures_path(), text).map_err(|error| error.to_string())
}

fn check() -> Result<(), String> {
    let figures = std::fs::read_to_string(figures_path()).unwrap_or_default();
    let mut far = Vec::new();
    for (path, count) in counts()? {
        let figure = figure(&figures, path).unwrap_or_default();
        let ratio = count as f64 / figure as f64;
        println!("{:<26}{count:>14} instructions, {ratio:.4} of {figure}", path.name());
        if !is_near(count, figure) {
            far.push(path.name());
        }
    }
    if far.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} differ by more than {} % from tests/benches/instructions.txt; where that is meant, \
         run `{REBASELINE}` and check in what it writes, with the reason",
        far.join(", "),
        TOLERANCE_PERMILLE / 10
    ))
}
