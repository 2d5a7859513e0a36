//! The program itself, run as its users run it.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

/// What a run of the program left.
#[derive(Debug)]
pub struct Ran {
    /// The exit code; `None` if a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs the program in a folder, with an empty environment, so that no variable of this machine changes what it says.
pub fn schoolgate<A: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = A>) -> Ran {
    let done = Command::new(env!("CARGO_BIN_EXE_schoolgate"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .output()
        .unwrap();
    Ran {
        code: done.status.code(),
        out: String::from_utf8(done.stdout).unwrap(),
        err: String::from_utf8(done.stderr).unwrap(),
    }
}
