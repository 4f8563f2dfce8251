//! Attacks a target for a while: `cargo run -p tests --bin fuzz -- TARGET [--seconds N]
//! [--seed N]`. Ends with 1 where an input makes it panic, hang or take too much memory, and says
//! how to repeat that: `fuzz TARGET --seed N --input N`.
//!
//! A build without `--release` is the one to take: its arithmetic panics where it overflows.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program says what it did")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Parser;
use tests::fuzz::{Fuzzer, INPUT_MS_MAX, MEMORY_MB_MAX, Target, write};

/// Clock ticks of `/proc/PID/stat` a second, on every Linux there is.
const TICKS_A_SECOND: u64 = 100;

/// What a thread of the server has.
const STACK_BYTES: usize = 2 * 1024 * 1024;

/// Attacks a target with damaged inputs.
#[derive(Debug, Parser)]
struct Arguments {
    /// csv, gtfs, network, guard or ids.
    #[arg(value_parser = target)]
    target: Target,
    /// How long.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Which inputs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the input of this number, in this process.
    #[arg(long)]
    input: Option<u64>,
    /// Where the input that fails is written to.
    #[arg(long, default_value = "target/fuzz")]
    failures: PathBuf,
    /// The process that tries the inputs: where it says which one it is at.
    #[arg(long, hide = true)]
    progress: Option<PathBuf>,
}

fn target(name: &str) -> Result<Target, String> {
    let names = Target::ALL.map(Target::name).join(", ");
    Target::of(name).ok_or_else(|| format!("the targets are {names}"))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let fuzzer = Fuzzer::new(arguments.target, arguments.seed);
    match (&arguments.progress, arguments.input) {
        (Some(progress), _) => {
            // On a stack as small as those of the server's threads.
            let ended = std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().stack_size(STACK_BYTES);
                let attack = || attack(&fuzzer, &arguments, progress);
                thread.spawn_scoped(scope, attack).expect("a thread").join()
            });
            return if ended.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        (None, Some(number)) => {
            let parts = fuzzer.input(number);
            let folder = place(&arguments, number);
            write(&parts, &folder).expect("a folder to write to");
            println!("the input is in {}", folder.display());
            fuzzer.run(&parts);
            println!("nothing is wrong with it");
        }
        (None, None) => return watch(&fuzzer, &arguments),
    }
    ExitCode::SUCCESS
}

/// The process that tries inputs until its time is over.
fn attack(fuzzer: &Fuzzer, arguments: &Arguments, progress: &Path) {
    let progress = File::options().write(true).open(progress).expect("a file");
    let (started, limit) = (Instant::now(), Duration::from_secs(arguments.seconds));
    let (mut number, mut slowest) = (0_u64, (Duration::ZERO, 0));
    while started.elapsed() < limit {
        progress.write_at(&number.to_le_bytes(), 0).expect("a file");
        let parts = fuzzer.input(number);
        let begun = Instant::now();
        fuzzer.run(&parts);
        slowest = slowest.max((begun.elapsed(), number));
        number += 1;
    }
    let a_second = number as f64 / started.elapsed().as_secs_f64();
    let milliseconds = slowest.0.as_secs_f64() * 1e3;
    println!(
        "{number} inputs, {a_second:.0} a second, slowest {milliseconds:.1} ms (input {})",
        slowest.1
    );
}

/// What ended a run before its time.
struct Failure {
    number: u64,
    reason: String,
}

fn watch(fuzzer: &Fuzzer, arguments: &Arguments) -> ExitCode {
    let name = arguments.target.name();
    println!(
        "{name}: {} s, seed {}, at most {INPUT_MS_MAX} ms an input and {MEMORY_MB_MAX} MB",
        arguments.seconds, arguments.seed
    );
    let folder = tempfile::tempdir().expect("a folder");
    let progress = folder.path().join("progress");
    std::fs::write(&progress, 0_u64.to_le_bytes()).expect("a file");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([name, "--seconds", &arguments.seconds.to_string()])
        .args(["--seed", &arguments.seed.to_string(), "--progress"])
        .arg(&progress)
        .stdin(Stdio::null())
        .spawn()
        .expect("this program");
    let mut memory_mb = 0;
    let Err(failure) = follow(&mut child, &progress, &mut memory_mb) else {
        println!("{name}: nothing found, {memory_mb} MB at most");
        return ExitCode::SUCCESS;
    };
    let Failure { number, reason } = failure;
    let place = place(arguments, number);
    write(&fuzzer.input(number), &place).expect("a folder to write to");
    eprintln!(
        "error: input {number} of seed {} {reason}; it is in {}; repeat it with `cargo run \
         -p tests --bin fuzz -- {name} --seed {} --input {number}`",
        arguments.seed,
        place.display(),
        arguments.seed
    );
    ExitCode::FAILURE
}

fn place(arguments: &Arguments, number: u64) -> PathBuf {
    let name = format!("{}-{}-{number}", arguments.target.name(), arguments.seed);
    arguments.failures.join(name)
}

/// Follows the process to its end, and ends it where it takes too long or too much.
fn follow(child: &mut Child, progress: &Path, memory_mb: &mut u64) -> Result<(), Failure> {
    let number = || {
        let bytes = std::fs::read(progress).unwrap_or_default();
        bytes.try_into().map(u64::from_le_bytes).unwrap_or_default()
    };
    let mut since = (number(), 0);
    loop {
        sleep(Duration::from_millis(50));
        if let Some(status) = child.try_wait().expect("a process") {
            return ended(status, number());
        }
        let id = child.id();
        *memory_mb = (*memory_mb).max(peak_mb(id));
        let (now, milliseconds) = (number(), processor_ms(id));
        if since.0 != now {
            since = (now, milliseconds);
        }
        let taken = milliseconds.saturating_sub(since.1);
        let reason = if taken > INPUT_MS_MAX {
            format!("took {taken} ms of processor time and was not done")
        } else if *memory_mb > MEMORY_MB_MAX {
            format!("made it {memory_mb} MB")
        } else {
            continue;
        };
        // It may have ended by itself meanwhile.
        let _ = child.kill();
        let _ = child.wait();
        return Err(Failure { number: now, reason });
    }
}

fn ended(status: ExitStatus, number: u64) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    Err(Failure { number, reason: format!("ended it with {status}") })
}

fn peak_mb(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1000
}

/// Processor time of all threads.
fn processor_ms(id: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name in brackets may hold anything; user and system time are the 12th and 13th after it.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|it| it.parse::<u64>().ok()).sum();
    ticks * 1000 / TICKS_A_SECOND
}
