//! Processor time, as the operating system counts it.

use std::time::Duration;

/// Processor time that this thread has taken; None where the system does not say.
pub fn thread_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}
