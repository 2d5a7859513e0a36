//! What must not compile does not, for the reason meant.
//!
//! Each case `tests/compile_fail/NAME.rs` is given to the compiler against the library already built. The errors must
//! be exactly those that its `//~ E0000` comments state, by code and line; wording is not compared, so that the next
//! compiler's does not matter. Its twin `NAME.pass.rs` must compile, so that the case fails by its point alone.

use crate::support::Suite;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Registers a trial for each case found in the folder, and one that the folder is whole.
pub fn register(suite: &mut Suite) {
    let cases = cases();
    suite.plain("compile_fail::every_case_has_a_twin", {
        let cases = cases.clone();
        move || {
            assert!(!cases.is_empty(), "no case found in tests/compile_fail");
            for case in cases {
                assert!(twin(&case).is_file(), "{} has no twin {}", case.display(), twin(&case).display());
            }
        }
    });
    for case in cases {
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        suite.plain(&format!("compile_fail::{name}"), move || check(&case));
    }
    suite.plain("compile_fail::errors_are_read_by_code_and_line", reads_code_and_line);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compile_fail")
}

fn cases() -> Vec<PathBuf> {
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "rs") && !p.to_string_lossy().ends_with(".pass.rs"))
        .collect();
    cases.sort();
    cases
}

fn twin(case: &Path) -> PathBuf {
    case.with_extension("pass.rs")
}

fn check(case: &Path) {
    let expected = expected(&std::fs::read_to_string(case).unwrap());
    assert!(!expected.is_empty(), "{} states no error: mark the line with `//~ E0000`", case.display());
    let (errors, said) = compile(case);
    assert_eq!(errors, expected, "errors of {} (line, code); the compiler said:\n{said}", case.display());
    let (errors, said) = compile(&twin(case));
    assert!(errors.is_empty(), "{} must compile; the compiler said:\n{said}", twin(case).display());
}

/// The errors stated by `//~ E0000` comments: line number and code.
fn expected(source: &str) -> BTreeSet<(u64, String)> {
    let marked =
        (1..).zip(source.lines()).filter_map(|(number, line)| Some((number, line.split_once("//~ ")?.1)));
    marked.flat_map(|(number, codes)| codes.split_whitespace().map(move |c| (number, c.to_owned()))).collect()
}

/// Compiles one file against the library; gives its errors and the compiler's own words.
fn compile(file: &Path) -> (BTreeSet<(u64, String)>, String) {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let out = tempfile::tempdir().unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut search = std::ffi::OsString::from("dependency=");
    search.push(&deps);
    // What a handler's signature names comes through schoolgate; nothing else but the standard library may be named.
    let libraries = ["schoolgate"].map(|name| {
        let mut library = std::ffi::OsString::from(format!("{name}="));
        library.push(newest_library(&deps, name));
        [std::ffi::OsString::from("--extern"), library]
    });
    let done = Command::new(rustc)
        .args([
            "--edition=2024",
            "--crate-type=lib",
            "--crate-name=case",
            "--emit=metadata",
            "--error-format=json",
        ])
        .args(["--cap-lints=allow", "-L"])
        .arg(search)
        .args(libraries.as_flattened())
        .arg("--out-dir")
        .arg(out.path())
        .arg(file)
        .output()
        .unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    let errors = errors(&said);
    // A compiler that failed without an error of a known code has not judged the case at all.
    assert_eq!(done.status.success(), errors.is_empty(), "{}: the compiler said:\n{said}", file.display());
    (errors, said)
}

/// The library of this name that this test run was built with: the newest beside the test binary.
fn newest_library(deps: &Path, name: &str) -> PathBuf {
    let prefix = format!("lib{name}-");
    let mut found: Vec<(SystemTime, PathBuf)> = std::fs::read_dir(deps)
        .unwrap()
        .flatten()
        .filter(|e| {
            let path = e.path();
            path.extension().is_some_and(|x| x == "rlib")
                && e.file_name().to_string_lossy().starts_with(&prefix)
        })
        .filter_map(|e| Some((e.metadata().ok()?.modified().ok()?, e.path())))
        .collect();
    found.sort();
    found.pop().expect("the library is built before its tests").1
}

/// The errors in the compiler's JSON messages: line of the primary span, and code.
fn errors(messages: &str) -> BTreeSet<(u64, String)> {
    let parsed = messages.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok());
    parsed
        .filter(|m| m["level"] == "error")
        .filter_map(|m| {
            let code = m["code"]["code"].as_str()?.to_owned();
            let line =
                m["spans"].as_array()?.iter().find(|s| s["is_primary"] == true)?["line_start"].as_u64()?;
            Some((line, code))
        })
        .collect()
}

fn reads_code_and_line() {
    let messages = concat!(
        r#"{"level":"warning","code":{"code":"E9999"},"spans":[{"is_primary":true,"line_start":1}]}"#,
        "\n",
        r#"{"level":"error","code":{"code":"E0308"},"spans":[{"is_primary":false,"line_start":1},{"is_primary":true,"line_start":7}]}"#,
        "\n",
        r#"{"level":"error","code":null,"spans":[],"message":"aborting due to 1 previous error"}"#,
    );
    assert_eq!(errors(messages), BTreeSet::from([(7, "E0308".to_owned())]));
    assert_eq!(expected("one\ntwo //~ E0308\n"), BTreeSet::from([(2, "E0308".to_owned())]));
}
