//! Processor time, as the operating system counts it.

use std::process::Command;
use std::time::Duration;

/// Processor time that this thread has taken; None where the system does not say.
pub fn thread_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Lets a process run on one processor alone and this one, which asks it, on the others, so that
/// what asking costs is not taken from whoever answers. False where that is not possible.
pub fn set_apart(process: u32) -> bool {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let only = |which: &str, process: u32| {
        let process = process.to_string();
        let done = Command::new("taskset").args(["-acp", which, &process]).output();
        done.is_ok_and(|done| done.status.success())
    };
    let others = format!("1-{}", processors - 1);
    processors > 1 && only("0", process) && only(&others, std::process::id())
}
