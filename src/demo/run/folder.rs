//! The demonstration's folder: made anew by the same `init` as a real gateway's.

use super::DemoArgs;
use crate::cli::init::{InitArgs, init};
use crate::cli::operator::{OperatorKeyArgs, operator_key};
use anyhow::{Context as _, Result, bail};
use std::fs::File;
use std::path::Path;

/// Says that a folder is a demonstration's, so that no other folder is ever cleared.
const MARK: &str = ".schoolgate-demo";

/// Clears an earlier demonstration, and makes operators' keys, the gateway's own keys and a configuration.
pub(super) fn make(dir: &Path) -> Result<File> {
    let used = dir.read_dir().is_ok_and(|mut entries| entries.next().is_some());
    if used && !dir.join(MARK).exists() {
        bail!("`{}` has files that are not a demonstration's; choose an empty folder", dir.display());
    }
    if used {
        lock(dir)?;
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot clear `{}`", dir.display()))?;
    }
    let private = dir.join("operator-keys");
    std::fs::create_dir_all(&private).with_context(|| format!("cannot make `{}`", dir.display()))?;
    std::fs::write(dir.join(MARK), "made by schoolgate demo; cleared by its next start\n")?;
    // Real operators make these on their own machines; only a demonstration has both in one place.
    let key = |name: &str| operator_key(&OperatorKeyArgs { file: private.join(name) });
    let operators = vec![key("first.key")?, key("second.key")?];
    init(&InitArgs {
        dir: dir.to_owned(),
        operators,
        log_origin: Some("demo.schoolgate.invalid/log".to_owned()),
    })?;
    lock(dir)
}

/// Holds the folder for this process; a demonstration that runs in it is not cleared away.
fn lock(dir: &Path) -> Result<File> {
    let mark = File::open(dir.join(MARK))?;
    if mark.try_lock().is_err() {
        bail!(
            "a demonstration is running in `{}`; stop it, or choose another folder with --dir",
            dir.display()
        );
    }
    Ok(mark)
}

/// Requests for tokens of one system a minute: whoever tries the gateway out asks more often than a system at work.
const TOKENS: u32 = 6_000;
/// Requests of one organisation a minute: a benchmark asks as fast as it is answered.
const REQUESTS: u32 = 60_000_000;
/// A demonstration's children are looked at again and again.
const READS: u32 = 1_000_000;

/// Writes the configuration of the demonstration over the sample that `init` made.
pub(super) fn write_config(
    dir: &Path,
    (api, admin): (u16, u16),
    database_url: &str,
    args: &DemoArgs,
) -> Result<()> {
    let url = match database_url.strip_prefix("sqlite:") {
        Some(file) => {
            let folder = dir.canonicalize().with_context(|| format!("cannot find `{}`", dir.display()))?;
            format!("sqlite:{}", folder.join(file).display())
        }
        None => database_url.to_owned(),
    };
    let authorities = match &args.identity_provider_ca {
        Some(file) => {
            let file = file.canonicalize().with_context(|| format!("cannot find `{}`", file.display()))?;
            format!("provider_authorities = \"{}\"\n", file.display())
        }
        None => String::new(),
    };
    let plain = args.identity_provider.as_ref().is_some_and(|url| url.starts_with("http://"));
    if url.contains(['"', '\\', '\n']) || authorities.contains('\\') {
        bail!("the database's address or folder has a character that a configuration cannot hold");
    }
    let text = format!(
        "# The demonstration's configuration: everything on loopback, certificates of its own authority.\n\n\
         [listeners]\napi = \"127.0.0.1:{api}\"\nadmin = \"127.0.0.1:{admin}\"\n\n\
         [database]\nurl = \"{url}\"\n\n\
         [files]\nkeys = \"keys\"\nserver_certificate = \"certs/server.pem\"\nserver_key = \"certs/server.key\"\n\
         client_authorities = \"certs/ca.pem\"\n\n\
         [names]\nissuer = \"https://127.0.0.1:{api}\"\naudience = \"https://127.0.0.1:{api}/v1\"\n\
         log_origin = \"demo.schoolgate.invalid/log\"\nsafety_telephone = \"01632 960999\"\n\n\
         [identity]\n{authorities}allow_loopback_http = {plain}\n\n\
         [limits]\ntoken_requests_per_minute = {TOKENS}\norganisation_requests_per_minute = {REQUESTS}\n\
         system_lane_least_reads = {READS}\n"
    );
    let path = dir.join("schoolgate.toml");
    std::fs::remove_file(&path).context("cannot replace the configuration")?;
    // The address of a database may hold a password.
    crate::crypto::write_private(&path, text.as_bytes()).context("cannot write the configuration")
}
