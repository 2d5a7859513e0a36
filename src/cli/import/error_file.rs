//! The error file beside the file that was imported. It quotes cells of children's records: it is its owner's alone from
//! its first byte, whole or not there, and never written through what stands in its place.

use anyhow::{Context as _, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use uuid::Uuid;

/// Where the error file of a file is: by its whole name, since a folder may have the same list in two forms.
pub(super) fn path_of(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".errors.csv");
    file.with_file_name(name)
}

/// Takes away what an earlier run left; of a link the link alone.
pub(super) fn remove(path: &Path) -> Result<()> {
    let stale = fs::symlink_metadata(path).is_ok_and(|found| !found.is_dir());
    match fs::remove_file(path) {
        Err(error) if stale && error.kind() != io::ErrorKind::NotFound => Err(error)
            .with_context(|| format!("cannot remove `{}`, which an earlier run left", path.display())),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Writes it under another name in the same folder, and gives it its own once it is whole: what had that name is
/// replaced, a link and not what it points to.
pub(super) fn write(path: &Path, rows: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let cannot = || format!("cannot write `{}`", path.display());
    let unfinished = Unfinished(path.with_extension(format!("{}.tmp", Uuid::new_v4().simple())));
    let opened = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&unfinished.0);
    let mut file = BufWriter::new(opened.with_context(cannot)?);
    rows(&mut file)?;
    file.into_inner()
        .map_err(io::IntoInnerError::into_error)
        .and_then(|file: File| file.sync_all())
        .with_context(cannot)?;
    fs::rename(&unfinished.0, path).with_context(cannot)
}

/// A file that is gone if it has not got its name by the end.
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // Once it has its name there is nothing here any more.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn it_is_its_owners_alone_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (folder.path().join("a.errors.csv"), folder.path().join("elsewhere"));
        fs::write(&elsewhere, "kept").unwrap();
        symlink(&elsewhere, &path).unwrap();
        write(&path, |to| Ok(to.write_all(b"rows")?)).unwrap();
        let found = fs::symlink_metadata(&path).unwrap();
        assert!(found.is_file() && found.permissions().mode() & 0o777 == 0o600);
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&elsewhere).unwrap()),
            (b"rows".to_vec(), b"kept".to_vec())
        );
        // An earlier one that others could read is replaced, not written into.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, |to| Ok(to.write_all(b"more")?)).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        remove(&path).unwrap();
        symlink(&elsewhere, &path).unwrap();
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(
            (names(folder.path()), fs::read(&elsewhere).unwrap()),
            (vec!["elsewhere".to_owned()], b"kept".to_vec())
        );
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.errors.csv");
        fs::write(&path, "before").unwrap();
        let failed = write(&path, |to| {
            to.write_all(b"half")?;
            anyhow::bail!("cut off")
        });
        assert!(failed.is_err());
        assert_eq!(
            (names(folder.path()), fs::read(&path).unwrap()),
            (vec!["a.errors.csv".to_owned()], b"before".to_vec())
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(write(&path, |to| Ok(to.write_all(b"rows")?)).is_err());
        remove(&path).unwrap();
        assert_eq!(names(folder.path()), ["a.errors.csv"]);
    }
}
