//! Disks that fail: one that gets full, and one whose syncs come back with an error.

use std::env;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A disk of some megabytes, in memory. It is gone with this value.
#[derive(Debug)]
pub struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// Mounts it at an empty folder. None, after a loud line, where we may not mount.
    ///
    /// # Panics
    ///
    /// Where we may not, and the environment has `CI`.
    pub fn mount(place: &Path, megabytes: u32) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]).arg(place);
        let is_mounted = mount.stderr(Stdio::null()).status().is_ok_and(|it| it.success());
        if is_mounted {
            return Some(Self { place: place.to_owned() });
        }
        assert!(env::var_os("CI").is_none(), "no disk can be mounted, and in CI it must be");
        let line = "\n*** NO DISK CAN BE MOUNTED HERE: tests of full disks are SKIPPED. Run them \
                    as root. ***\n\n";
        // Past the test harness, which hides what a passing test prints.
        io::stderr().write_all(line.as_bytes()).expect("standard error");
        None
    }

    fn filler(&self) -> PathBuf {
        self.place.join("filler")
    }

    /// Fills it, but for some kilobytes.
    ///
    /// # Panics
    ///
    /// Where it does not get full.
    pub fn fill(&self, leave_kilobytes: u64) {
        let mut file = File::create(self.filler()).expect("a file");
        let zeros = [0; 4_096];
        let full = loop {
            if let Err(error) = file.write_all(&zeros) {
                break error;
            }
        };
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        let length = file.metadata().expect("its length").len();
        file.set_len(length.saturating_sub(leave_kilobytes * 1_024)).expect("a shorter file");
    }

    /// Makes room again.
    ///
    /// # Panics
    ///
    /// Where it was not filled.
    pub fn free(&self) {
        fs::remove_file(self.filler()).expect("what filled it");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Processes that were killed may still be on their way out.
        let _ = Command::new("umount").arg("--lazy").arg(&self.place).status();
    }
}

/// What stands between a program and its disk.
const SHIM: &str = r"
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(void) {
    return unlink(ONCE) == 0 || access(ALWAYS, F_OK) == 0;
}

static int sync_by(long call, int file) {
    if (fails()) {
        errno = EIO;
        return -1;
    }
    return (int) syscall(call, file);
}

int fsync(int file) { return sync_by(SYS_fsync, file); }
int fdatasync(int file) { return sync_by(SYS_fdatasync, file); }
";

/// A library that a program is started with, so that its syncs fail when they are to.
#[derive(Debug)]
pub struct FailingSyncs {
    folder: PathBuf,
}

impl FailingSyncs {
    /// Makes it, in a folder that the program may write to.
    ///
    /// # Panics
    ///
    /// Where there is no C compiler, which Rust needs for linking anyway.
    pub fn compile(folder: &Path) -> Self {
        let made = Self { folder: folder.to_owned() };
        let source = folder.join("syncs.c");
        fs::write(&source, SHIM).expect("a source");
        let macro_of = |name: &str, path: PathBuf| format!("-D{name}=\"{}\"", path.display());
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(made.shim()).arg(source);
        compiler.args([macro_of("ONCE", made.once()), macro_of("ALWAYS", made.always())]);
        let ended = compiler.output().expect("a C compiler");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        made
    }

    /// What `LD_PRELOAD` has to name.
    pub fn shim(&self) -> PathBuf {
        self.folder.join("syncs.so")
    }

    fn once(&self) -> PathBuf {
        self.folder.join("next-sync-fails")
    }

    fn always(&self) -> PathBuf {
        self.folder.join("syncs-fail")
    }

    /// The next sync fails, and those after it do not.
    ///
    /// # Panics
    ///
    /// Where the folder cannot be written to.
    pub fn fail_next(&self) {
        File::create(self.once()).expect("a file");
    }

    /// Whether that sync is yet to come.
    pub fn is_yet_to_fail(&self) -> bool {
        self.once().exists()
    }

    /// All syncs fail from now on, or none does.
    ///
    /// # Panics
    ///
    /// Where it is so already.
    pub fn fail_all(&self, fail: bool) {
        if fail {
            File::create(self.always()).expect("a file");
        } else {
            fs::remove_file(self.always()).expect("a file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn syncs_fail_once_or_as_long_as_they_are_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let syncs = FailingSyncs::compile(folder.path());
        let file = folder.path().join("file");
        let is_synced = || {
            let mut dd = Command::new("dd");
            dd.args(["if=/dev/zero", "bs=1", "count=1", "conv=fdatasync"]);
            dd.arg(format!("of={}", file.display())).env("LD_PRELOAD", syncs.shim());
            dd.stderr(Stdio::null()).status().expect("dd").success()
        };
        assert!(is_synced());
        syncs.fail_next();
        assert!(!is_synced() && !syncs.is_yet_to_fail() && is_synced());
        syncs.fail_all(true);
        assert!(!is_synced() && !is_synced());
        syncs.fail_all(false);
        assert!(is_synced());
    }

    #[test]
    fn a_small_disk_gets_full_and_has_room_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(disk) = SmallDisk::mount(folder.path(), 2) else { return };
        disk.fill(16);
        let file = folder.path().join("file");
        assert!(fs::write(&file, [1; 8_192]).is_ok());
        let error = fs::write(&file, vec![1; 65_536]).expect_err("full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        disk.free();
        assert!(fs::write(&file, vec![1; 65_536]).is_ok());
    }
}
