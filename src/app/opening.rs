//! Opening a database with the gate in front of it: by policies that hold, and by nothing else.

use crate::audit::{Journal, Options};
use crate::clock::Clock;
use crate::config::Files;
use crate::crypto;
use crate::directory::LiveDirectory;
use crate::gate::{Gate, policy_in_force, shut_policy};
use crate::operators;
use crate::store::{self, Db};
use anyhow::{Context as _, Result, bail};
use std::time::Duration;
use tokio::task::JoinHandle;

/// A database with the gate in front of it: what `serve`, `demo` and `import` share.
pub struct Opened {
    /// The gate.
    pub gate: Gate,
    journal: JoinHandle<()>,
    db: Db,
}

/// Opens a database that `schoolgate migrate` has made, brings it up to date, loads the directory and the policies, and
/// starts the journal. Fails closed: policies that do not validate, or a directory that cannot be read, and nothing is
/// served. A database without tables is refused: it may be the wrong one, and a new log would begin in it.
pub async fn open(database_url: &str, clock: Clock) -> Result<Opened> {
    let db = Db::open_existing(database_url).await.context("the database cannot be opened")?;
    let (_, theirs) = store::versions(&db).await?;
    if theirs == 0 {
        db.close().await;
        bail!(
            "the database has no tables; check that it is the right one, or run `schoolgate migrate` to make them"
        );
    }
    store::migrate(&db).await.context("the database cannot be brought up to date")?;
    with_gate(db, clock, Shut::Refused).await
}

/// The same for a command that works beside gateways: it leaves the database's form alone, and so wants its own.
pub async fn open_beside(database_url: &str, clock: Clock) -> Result<Opened> {
    with_gate(existing(database_url).await?, clock, Shut::Refused).await
}

/// The same for operators, who can put other policies in force where those that are in force do not hold. Such a gate answers
/// everything with no.
pub async fn open_for_operators(database_url: &str, clock: Clock) -> Result<Opened> {
    with_gate(existing(database_url).await?, clock, Shut::Taken).await
}

/// A database of this program's form.
async fn existing(database_url: &str) -> Result<Db> {
    let db = Db::open_existing(database_url).await.context("the database cannot be opened")?;
    let (ours, theirs) = store::versions(&db).await?;
    if ours != theirs {
        db.close().await;
        bail!(
            "the database is at migration {theirs} and this program at {ours}; use the program that serves it, or bring \
             it up to date with `schoolgate migrate`"
        );
    }
    Ok(db)
}

/// What becomes of policies in force that do not hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shut {
    /// Nothing is opened.
    Refused,
    /// A gate is opened that gives nothing.
    Taken,
}

/// Makes the database of a new gateway, or brings one up to date; says from which migration to which.
pub async fn prepare(db: &Db) -> Result<(i64, i64)> {
    let (_, before) = store::versions(db).await?;
    store::migrate(db).await.context("the database cannot be brought up to date")?;
    Ok((before, store::versions(db).await?.1))
}

async fn with_gate(db: Db, clock: Clock, shut: Shut) -> Result<Opened> {
    crypto::install_jwt();
    let directory = LiveDirectory::open(&db).await.context("the directory cannot be read")?;
    let set = directory.current().policies.clone();
    let policy = match policy_in_force(set.as_deref()) {
        Err(_) if shut == Shut::Taken => shut_policy(set.as_deref()).context("the policies do not hold")?,
        loaded => loaded?,
    };
    let (journal, task) = Journal::start(db.clone(), Options::default());
    let gate = Gate::new(db.clone(), directory, policy, journal, clock);
    operators::record_built_in(&gate).await.context("the policies in force cannot be recorded")?;
    Ok(Opened { gate, journal: task, db })
}

/// Registers the operators for whom a gateway was made, from the folder beside its keys, where the database has none.
pub async fn register_operators(gate: &Gate, files: &Files) -> Result<()> {
    let folder = files.keys.with_file_name("operators");
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten() {
        let path = entry?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|extension| extension == "pub") {
            let pem = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
            let key =
                crypto::ed25519_public_from_pem(&pem).with_context(|| format!("`{}`", path.display()))?;
            found.push((format!("operator-{stem}"), key));
        }
    }
    operators::first_operators(gate, &found).await?;
    Ok(())
}

impl Opened {
    /// Lets the journal end, and closes the database.
    pub async fn close(self) {
        let Self { gate, journal, db } = self;
        drop(gate);
        if tokio::time::timeout(Duration::from_secs(10), journal).await.is_err() {
            tracing::warn!("the journal did not end in time");
        }
        db.close().await;
    }
}
