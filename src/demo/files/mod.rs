//! What the demonstration writes: the register exports of each school and `demo.json`.

mod demo_json;
mod exports;

pub use demo_json::{DemoJson, SchoolFiles, write_demo_json};
pub use exports::{calendar_path, school_files, write_exports};

use std::io;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
#[error("`{path}` could not be written; check the folder's permissions and free space")]
pub struct WriteError {
    /// Relative to the demonstration's folder.
    pub path: String,
    /// What the system said.
    #[source]
    pub source: io::Error,
}

/// Writes a whole file under a folder, making its parent.
fn write(dir: &std::path::Path, path: &str, bytes: &[u8]) -> Result<(), WriteError> {
    let full = dir.join(path);
    let parent = full.parent().map_or(Ok(()), std::fs::create_dir_all);
    parent
        .and_then(|()| std::fs::write(&full, bytes))
        .map_err(|source| WriteError { path: path.to_owned(), source })
}
