//! The demonstration's two operators, whose keys only a demonstration has in one place: one proposes, the other approves.

use super::Demo;
use crate::crypto::{Ed25519Key, from_pem, read_private};
use crate::directory::DirectoryFile;
use crate::directory::changes::{Missing, Signer, State, change};
use crate::gate::Gate;
use crate::operators;
use anyhow::{Context as _, Result};
use std::path::Path;
use uuid::Uuid;

/// The key files of both, in the demonstration's folder.
pub const KEYS: [&str; 2] = ["operator-keys/first.key", "operator-keys/second.key"];

/// Applies a directory file as one change of both operators.
pub(super) async fn apply(
    gate: &Gate,
    (dir, gateway): (&Path, &str),
    file: &DirectoryFile,
    missing: Missing,
) -> Result<()> {
    let [first, second] = KEYS.map(|key| key_of(&dir.join(key)));
    let (first, second) = (first?, second?);
    let edits = operators::planned(gate, file, missing)?;
    let (directory, now) = (gate.directory().current(), gate.clock().now());
    let proposal = Signer::new(&directory, &first, gateway, now)?.change(Uuid::now_v7(), edits);
    let done = operators::propose(gate, gateway, &proposal).await?;
    if done.state == State::Waiting {
        let kept = change(gate.db(), done.change).await?.context("the change is not there")?;
        let signer = Signer::new(&directory, &second, gateway, now)?;
        operators::decide(gate, gateway, &signer.decision(kept.id, &kept.signed.bytes, true)).await?;
    }
    Ok(())
}

fn key_of(path: &Path) -> Result<Ed25519Key> {
    Ok(Ed25519Key::from_pkcs8(&from_pem(&read_private(path)?)?)?)
}

impl Demo {
    /// Applies a file that has some records of the directory as one change of both operators.
    pub async fn add_to_directory(&self, file: &DirectoryFile) -> Result<()> {
        let gateway = self.json.log_origin.as_deref().unwrap_or_default();
        apply(&self.running.gate, (&self.dir, gateway), file, Missing::Stand).await
    }
}
