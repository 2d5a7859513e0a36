//! Opening the database beside the running gateways, signing, and the exit code.

use super::super::{DONE, FAILED, complain, say};
use super::args::{DecideArgs, SignArgs};
use super::build::Stands;
use super::told::{self, Planned};
use crate::app::{self, Opened};
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto::{Ed25519Key, from_pem, read_private, sha256, to_hex};
use crate::directory::Directory;
use crate::directory::changes::{self, Missing, Records};
use crate::operators::{self, OperatorFault};
use anyhow::{Context as _, Result, bail};
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use uuid::Uuid;

/// The operator is not who it takes, or may not do this.
const NOT_AUTHORISED: u8 = 4;
/// Something else was in the way; the same command may go through later.
const TRY_AGAIN: u8 = 5;

/// The configuration and the gate of a command; the first operators are registered, if nobody was yet.
pub(super) async fn open(serve: &super::super::serve::ServeArgs) -> Result<(Config, Opened)> {
    let config = serve.load()?;
    let opened = app::open_for_operators(&config.database.url, Clock::machine()).await?;
    app::register_operators(&opened.gate, &config.files).await?;
    Ok((config, opened))
}

/// Proposes a change of some records; what the command does not name stands.
pub(super) async fn change(
    args: &SignArgs,
    wanted: impl FnOnce(Stands<'_>) -> Result<Records>,
) -> Result<u8> {
    change_with(args, Missing::Stand, wanted).await
}

/// Proposes a change.
pub(super) async fn change_with(
    args: &SignArgs,
    missing: Missing,
    wanted: impl FnOnce(Stands<'_>) -> Result<Records>,
) -> Result<u8> {
    super::super::serve::log_to_stderr("warn");
    let (config, opened) = open(&args.serve).await?;
    let wanted = async |directory: Arc<Directory>| {
        let today = opened.gate.clock().today();
        Ok((wanted((&directory.records(), today))?, String::new()))
    };
    let outcome = proposed(&config, &opened, args, missing, wanted).await;
    opened.close().await;
    told(args.json, outcome)
}

/// Proposes a change of some records, with words that are told before it.
pub(super) async fn change_by(
    args: &SignArgs,
    wanted: impl AsyncFnOnce(Arc<Directory>) -> Result<(Records, String)>,
) -> Result<u8> {
    super::super::serve::log_to_stderr("warn");
    let (config, opened) = open(&args.serve).await?;
    let outcome = proposed(&config, &opened, args, Missing::Stand, wanted).await;
    opened.close().await;
    told(args.json, outcome)
}

async fn proposed(
    config: &Config,
    opened: &Opened,
    args: &SignArgs,
    missing: Missing,
    wanted: impl AsyncFnOnce(Arc<Directory>) -> Result<(Records, String)>,
) -> Result<()> {
    let (gate, gateway) = (&opened.gate, config.names.log_origin.as_str());
    let key = key_of(&args.key)?;
    let signer = operators::signer(gate, &key, gateway).await?;
    let directory = gate.directory().current();
    let stands = directory.records();
    let at = (gate.clock().today(), gate.clock().now());
    let (wanted, before) = wanted(directory).await?;
    let edits = changes::plan(&stands, wanted, missing, at).map_err(OperatorFault::from)?;
    let planned = Planned::of(&stands, &edits);
    if !args.json {
        say(&before)?;
    }
    // What stands already is no change, and asking for it again is no fault.
    if args.dry_run || edits.is_empty() {
        return say(&planned.told(args.json, None));
    }
    let proposal = signer.change(Uuid::now_v7(), edits);
    let done = operators::propose(gate, gateway, &proposal).await?;
    say(&planned.told(args.json, Some(done)))
}

/// Approves or refuses a change.
pub(super) async fn decide(args: &DecideArgs, approve: bool) -> Result<u8> {
    super::super::serve::log_to_stderr("warn");
    let (config, opened) = open(&args.serve).await?;
    let outcome = decided(&config, &opened, args, approve).await;
    opened.close().await;
    told(args.json, outcome)
}

async fn decided(config: &Config, opened: &Opened, args: &DecideArgs, approve: bool) -> Result<()> {
    let (gate, gateway) = (&opened.gate, config.names.log_origin.as_str());
    let key = key_of(&args.key)?;
    let signer = operators::signer(gate, &key, gateway).await?;
    let kept = changes::change(gate.db(), args.id).await?.ok_or(OperatorFault::Unknown)?;
    let digest = to_hex(&sha256(&[&kept.signed.bytes]));
    match &args.digest {
        Some(seen) if !seen.eq_ignore_ascii_case(&digest) => return Err(OperatorFault::OtherDocument.into()),
        None if approve => {
            bail!("look at it with `schoolgate change show {}` and give the digest with --digest", args.id)
        }
        Some(_) | None => {}
    }
    let decision = signer.decision(kept.id, &kept.signed.bytes, approve);
    let done = operators::decide(gate, gateway, &decision).await?;
    say(&told::decided(done, args.json))
}

fn key_of(path: &Path) -> Result<Ed25519Key> {
    let pem = read_private(path)?;
    let key = from_pem(&pem).and_then(|der| Ed25519Key::from_pkcs8(&der));
    key.with_context(|| format!("`{}`", path.display()))
}

/// Says what was in the way, and gives the exit code.
fn told(json: bool, outcome: Result<()>) -> Result<u8> {
    let Err(error) = outcome else { return Ok(DONE) };
    let code = match error.downcast_ref::<OperatorFault>() {
        Some(fault) if fault.is_of_authority() => NOT_AUTHORISED,
        Some(fault) if fault.is_passing() => TRY_AGAIN,
        Some(_) | None => FAILED,
    };
    if json {
        say(&format!("{}\n", json!({"error": format!("{error:#}")})))?;
    } else {
        complain(&error);
    }
    Ok(code)
}
