//! Runs the demonstration: a gateway over the synthetic authority, filled by its own systems through the real API.

mod bars;
mod client;
mod fill;
mod folder;
mod operators;

pub use client::{Answered, Client};
pub use operators::KEYS;

use super::{
    Authority, DemoJson, Options, Pki, directory_file, identity_provider, system_names, write_demo_json,
};
use crate::app::{self, Running};
use crate::clock::Clock;
use crate::config::{Config, Database};
use crate::crypto::{Keyring, note_verifier_key};
use crate::directory::changes::Missing;
use crate::store::{self, Db, StoreError};
use anyhow::{Context as _, Result, bail};
use chrono::NaiveDate;
use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Arguments of `schoolgate demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Folder for certificates, keys, configuration, exports and demo.json; made anew [default: schoolgate-demo]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// File to touch once the gateway answers
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
    /// Pupils of the authority, at least 60 a school
    #[arg(long, default_value_t = 600)]
    pub pupils: usize,
    /// Schools of the authority, 2 to 200
    #[arg(long, default_value_t = 3)]
    pub schools: usize,
    /// Seed: the same seed, day and size give the same registers
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Database instead of a file in the folder, such as `postgres://localhost/demo`; must be empty
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Issuer of an identity provider to register for the authority: its tokens prove people
    #[arg(long, value_name = "URL")]
    pub identity_provider: Option<String>,
    /// Authorities of that provider's own certificate, PEM [default: those of this machine]
    #[arg(long, value_name = "FILE", requires = "identity_provider")]
    pub identity_provider_ca: Option<PathBuf>,
    /// The gateway's own "today", YYYY-MM-DD [default: the machine's date]
    #[arg(long, value_name = "DATE")]
    pub today: Option<NaiveDate>,
}

/// A demonstration that answers.
pub struct Demo {
    /// What `demo.json` says.
    pub json: DemoJson,
    /// Its folder.
    pub dir: PathBuf,
    /// The gateway.
    pub running: Running,
    /// Keeps another demonstration from clearing the folder.
    _lock: File,
}

/// How far the making of a demonstration has come.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is being done.
    pub what: &'static str,
    /// How many of them are.
    pub done: usize,
    /// How many there are.
    pub of: usize,
}

/// Who is told of each step.
pub type Tell<'t> = &'t (dyn Fn(Step) + Sync);

const USUAL_API: u16 = 8443;
const USUAL_ADMIN: u16 = 9090;

/// Builds the authority, starts the gateway, and fills it through its own API.
pub async fn start(args: &DemoArgs) -> Result<Demo> {
    start_telling(args, &|_| ()).await
}

/// The same, telling how far it has come.
pub async fn start_telling(args: &DemoArgs, tell: Tell<'_>) -> Result<Demo> {
    // Always a day's evening: the registers end with that day's last session, whatever the machine's hour.
    begin(args, Clock::on(args.today.unwrap_or_else(|| Clock::machine().today())), tell).await
}

/// The same on a clock of the caller's own; its day is the demonstration's.
pub async fn start_on(args: &DemoArgs, clock: Clock) -> Result<Demo> {
    begin(args, clock, &|_| ()).await
}

async fn begin(args: &DemoArgs, clock: Clock, tell: Tell<'_>) -> Result<Demo> {
    // The client of the demonstration and the gateway both use ring; a second call changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let dir = args.dir.clone().unwrap_or_else(|| PathBuf::from("schoolgate-demo"));
    if !(2..=200).contains(&args.schools) || args.pupils < 60 * args.schools {
        bail!("the demonstration needs 2 to 200 schools and at least 60 pupils for each");
    }
    if let Some(ready) = &args.ready_file
        && ready.exists()
    {
        std::fs::remove_file(ready).with_context(|| format!("cannot remove `{}`", ready.display()))?;
    }
    if let Some(url) = &args.database {
        look_at(url, &dir).await?;
    }
    let mut options = Options::new(args.seed, clock.today());
    (options.schools, options.pupils) = (args.schools, args.pupils);
    let authority = Arc::new(tokio::task::spawn_blocking(move || Authority::generate(options)).await?);
    let lock = folder::make(&dir)?;
    let pki = Pki::create(&dir, &system_names(&authority), clock.now())?;
    let (api, admin) = ports(args.dir.is_none()).await?;
    let url = match &args.database {
        Some(url) => url.clone(),
        None => "sqlite:schoolgate.db".to_owned(),
    };
    folder::write_config(&dir, (api, admin), &url, args)?;
    let config = Config::load(&dir.join("schoolgate.toml"))?;
    let keyring = Keyring::load(&config.files.keys)?;
    make_tables(&config.database.url).await?;
    let running = app::start(&config, clock.clone()).await?;
    let origin = config.names.log_origin.as_str();
    let mut directory = directory_file(&authority, &pki);
    directory.identity_providers.extend(args.identity_provider.as_deref().map(identity_provider));
    operators::apply(&running.gate, (&dir, origin), &directory, Missing::End).await?;
    let base = format!("https://127.0.0.1:{}", running.api.port());
    let (callers, schools) = fill::fill(&authority, &dir, (&base, &running.gate), tell).await?;
    let json = DemoJson {
        api: base,
        portal: None,
        admin: format!("http://{}", running.admin),
        ca: super::pki::CA.to_owned(),
        log_origin: Some(config.names.log_origin.clone()),
        log_key: Some(note_verifier_key(&config.names.log_origin, &keyring.log.public())),
        today: clock.today(),
        identity_provider: args.identity_provider.clone(),
        callers,
        schools,
    };
    write_demo_json(&json, &dir)?;
    if let Some(ready) = &args.ready_file {
        std::fs::write(ready, "ready\n").with_context(|| format!("cannot write `{}`", ready.display()))?;
    }
    Ok(Demo { json, dir, running, _lock: lock })
}

/// Looks whether a named database may be filled, before the folder is cleared; changes nothing in it.
async fn look_at(url: &str, dir: &Path) -> Result<()> {
    let url = match url.strip_prefix("sqlite:") {
        Some(file) => format!("sqlite:{}", dir.join(file).display()),
        None => url.to_owned(),
    };
    let faults = Database { url: url.clone(), allow_unverified_tls: false }.faults();
    if !faults.is_empty() {
        bail!("{}", faults.join("; "));
    }
    let db = match Db::open_existing(&url).await {
        Err(StoreError::Missing(_)) => return Ok(()),
        other => other.context("the database cannot be opened")?,
    };
    let bare = must_be_bare(&db).await;
    db.close().await;
    bare
}

/// Makes the tables of a demonstration's own database.
async fn make_tables(url: &str) -> Result<()> {
    let db = Db::open(url).await.context("the database cannot be opened")?;
    let made = match must_be_bare(&db).await {
        Ok(()) => app::prepare(&db).await.map(|_| ()),
        Err(refusal) => Err(refusal),
    };
    db.close().await;
    made
}

/// A demonstration fills a database; it never adds to one, and one with any table is somebody's.
async fn must_be_bare(db: &Db) -> Result<()> {
    if store::versions(db).await?.1 == 0 && store::schema_of(db).await?.is_empty() {
        return Ok(());
    }
    bail!("the database has tables already; give the demonstration an empty one")
}

/// The usual ports where both are free and wanted, else free ones, which the configuration then names.
async fn ports(usual: bool) -> Result<(u16, u16)> {
    if usual {
        let taken = [
            TcpListener::bind(("127.0.0.1", USUAL_API)).await,
            TcpListener::bind(("127.0.0.1", USUAL_ADMIN)).await,
        ];
        if taken.iter().all(Result::is_ok) {
            return Ok((USUAL_API, USUAL_ADMIN));
        }
    }
    let free = [TcpListener::bind(("127.0.0.1", 0)).await?, TcpListener::bind(("127.0.0.1", 0)).await?];
    let [api, admin] = free;
    Ok((api.local_addr()?.port(), admin.local_addr()?.port()))
}

impl Demo {
    /// The three calls of the README, for this run: a summary, what a stranger gets, and who saw it.
    pub fn calls(&self) -> Result<String> {
        let named = |name: &str| self.json.callers.iter().find(|c| c.name == name);
        let (Some(worker), Some(stranger), Some(officer)) =
            (named("social_worker_cp"), named("stranger"), named("data_protection_officer_agency"))
        else {
            bail!("the demonstration lacks one of its callers");
        };
        let mine = worker.children.iter().find(|c| c.case_reference.is_some() && c.pupil_id.is_some());
        let (child, reference) = mine
            .and_then(|c| Some((c.pupil_id.as_deref()?, c.case_reference.as_deref()?)))
            .context("the demonstration's social worker has no child")?;
        let api = &self.json.api;
        let summary = format!("{api}/v1/pupils/{child}/attendance-summary");
        let case = format!("-H 'Case-Reference: {reference}' \\\n  ");
        let mut text = String::new();
        for (what, caller, extra, url) in [
            (
                "1. A social worker's system asks how a child on a child protection plan has attended",
                worker,
                case.as_str(),
                &summary,
            ),
            (
                "2. Another authority's system asks the same and learns nothing",
                stranger,
                case.as_str(),
                &summary,
            ),
            (
                "3. The data protection officer sees who asked, why, and what was given",
                officer,
                "",
                &format!("{api}/v1/audit/entries?order=newest&limit=5"),
            ),
        ] {
            let tls = format!(
                "--cacert {} --cert {} --key {}",
                self.path(&self.json.ca),
                self.path(&caller.certificate),
                self.path(&caller.key)
            );
            let token = format!(
                "$(curl -sS {tls} {api}/oauth2/token \\\n    -d grant_type=client_credentials -d client_id={} \\\n    \
                 --data-urlencode 'authorization_details=[{{\"type\":\"schoolgate\",\"role\":\"{}\",\"purpose\":\"{}\"}}]' \
                 \\\n    | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')",
                caller.client_id, caller.role, caller.purpose
            );
            // Writing into a String cannot fail.
            let _ = write!(
                text,
                "{what}:\n\ncurl -sSi {tls} \\\n  {extra}-H \"Authorization: Bearer {token}\" \\\n  '{url}'\n\n"
            );
        }
        Ok(text)
    }

    /// A path as a shell reads it.
    fn path(&self, relative: &str) -> String {
        let path = self.dir.join(Path::new(relative)).display().to_string();
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        if path.chars().all(plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) }
    }
}
