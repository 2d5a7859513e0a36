//! Key files: owner only, never overwritten, refused when others may read them.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Why a key file was refused.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not there, or not to be read or written.
    #[error("cannot use `{path}`: {source}; check that it is there and who owns it")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// Already there: keys are never overwritten.
    #[error("`{0}` is already there and is not overwritten; choose another place")]
    Exists(PathBuf),
    /// Others than its owner may use it.
    #[error("`{path}` may be used by others (mode {found:o}); run `chmod {wanted:o} {path}`")]
    Permissions {
        /// Which file or folder.
        path: PathBuf,
        /// Its permission bits.
        found: u32,
        /// The bits that it may have at most.
        wanted: u32,
    },
}

/// Makes a folder that only its owner may enter (0700); it must not be there.
pub fn make_private_directory(path: &Path) -> Result<(), KeyFileError> {
    DirBuilder::new().mode(0o700).create(path).map_err(|source| failed(path, source))
}

/// Refuses a folder that others than its owner may enter.
pub fn check_private_directory(path: &Path) -> Result<(), KeyFileError> {
    let mode = std::fs::metadata(path).map_err(|source| failed(path, source))?.permissions().mode();
    at_most(path, mode, 0o700)
}

/// Writes a new file that only its owner may read (0600), durably.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    write_with_mode(path, bytes, 0o600)
}

/// Writes a new file that everyone may read (0644), durably.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), KeyFileError> {
    write_with_mode(path, bytes, 0o644)
}

/// Reads a private file after checking, on the opened file, that only its owner may.
pub fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>, KeyFileError> {
    let mut file = File::open(path).map_err(|source| failed(path, source))?;
    let mode = file.metadata().map_err(|source| failed(path, source))?.permissions().mode();
    at_most(path, mode, 0o600)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes).map_err(|source| failed(path, source))?;
    Ok(bytes)
}

fn write_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), KeyFileError> {
    let mut options = OpenOptions::new();
    let mut file =
        options.write(true).create_new(true).mode(mode).open(path).map_err(|source| failed(path, source))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|source| failed(path, source))
}

fn at_most(path: &Path, mode: u32, wanted: u32) -> Result<(), KeyFileError> {
    let found = mode & 0o777;
    if found & !wanted == 0 {
        Ok(())
    } else {
        Err(KeyFileError::Permissions { path: path.to_owned(), found, wanted })
    }
}

fn failed(path: &Path, source: std::io::Error) -> KeyFileError {
    if source.kind() == std::io::ErrorKind::AlreadyExists {
        KeyFileError::Exists(path.to_owned())
    } else {
        KeyFileError::Io { path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_owner_only_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_private(&path, b"secret").unwrap();
        assert_eq!(read_private(&path).unwrap().as_slice(), b"secret");
        assert!(matches!(write_private(&path, b"other"), Err(KeyFileError::Exists(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(read_private(&path), Err(KeyFileError::Permissions { found: 0o640, .. })));
    }

    #[test]
    fn a_private_folder_is_refused_once_others_may_enter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        make_private_directory(&path).unwrap();
        check_private_directory(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
        assert!(check_private_directory(&path).is_err());
    }
}
