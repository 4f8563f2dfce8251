//! What the operating system says of this process.

use std::fs;

/// Memory, processor time and files of this process; zero where the system does not say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Process {
    /// Bytes in memory, the network file's pages included.
    pub resident_bytes: u64,
    /// Bytes of them that are the process's own, of no file.
    pub anonymous_bytes: u64,
    /// Open files and sockets.
    pub open_fds: u64,
    /// Threads.
    pub threads: u64,
    /// Seconds of processor time so far.
    pub cpu_seconds: f64,
}

/// Ticks of a second in `/proc/self/stat`, on every Linux that there is.
const TICKS_PER_SECOND: f64 = 100.0;

impl Process {
    /// As it is now.
    pub fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let number = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let word = line.and_then(|line| line.split_whitespace().next());
            word.and_then(|word| word.parse().ok()).unwrap_or_default()
        };
        Self {
            resident_bytes: 1024 * number("VmRSS:"),
            anonymous_bytes: 1024 * number("RssAnon:"),
            open_fds: fs::read_dir("/proc/self/fd").map_or(0, |open| open.count() as u64),
            threads: number("Threads:"),
            cpu_seconds: cpu_seconds().unwrap_or_default(),
        }
    }
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in brackets, may contain anything; the fields after it do not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |nth: usize| fields.get(nth)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory_files_and_threads() {
        let now = Process::now();
        assert!(now.resident_bytes > 1 << 20, "{now:?}");
        assert!(now.anonymous_bytes > 0 && now.anonymous_bytes <= now.resident_bytes, "{now:?}");
        assert!(now.open_fds >= 3 && now.threads >= 1, "{now:?}");
        let begun = std::time::Duration::from_secs_f64(now.cpu_seconds);
        let mut sum = 0_u64;
        while Process::now().cpu_seconds <= begun.as_secs_f64() {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(1));
        }
    }
}
