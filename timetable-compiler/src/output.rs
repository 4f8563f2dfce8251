//! Writing a file so that a failure never leaves half of it, nor touches the one it replaces.

use std::fs::File;
use std::io;
use std::path::Path;

use tempfile::Builder;

/// Lets `write` fill the file at `path`: in fact a temporary file beside it, which is then synced
/// and renamed, and the folder synced.
///
/// # Errors
///
/// What `write` or the operating system says; `path` is as it was.
pub fn write_atomically<T>(
    path: &Path,
    write: impl FnOnce(&mut File, &Path) -> io::Result<T>,
) -> io::Result<T> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Servers run as another user than the compiler; the umask still applies.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let mut file = builder.prefix(".railgraph-").tempfile_in(folder)?;
    let place = file.path().to_owned();
    let written = write(file.as_file_mut(), &place)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    // A rename is only durable once its folder is; other systems than Unix open no folders.
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("network");
        for content in [b"old".as_slice(), b"newer"] {
            write_atomically(&path, |file, _| file.write_all(content)).expect("written");
            assert_eq!(std::fs::read(&path).expect("a file"), content);
        }
        assert_eq!(folder.path().read_dir().expect("a folder").count(), 1);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("missing").join("network");
        let error = write_atomically(&path, |_, _| Ok(())).expect_err("no folder");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }
}
