//! `schoolgate serve`, and the commands that look at or prepare what it needs.

use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::store::Db;
use anyhow::{Context as _, Result};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// Which configuration.
#[derive(Clone, Debug, clap::Args)]
pub struct ServeArgs {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "schoolgate.toml", env = "SCHOOLGATE_CONFIG")]
    pub config: PathBuf,
}

impl ServeArgs {
    pub(super) fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.config)?)
    }
}

/// Serves until stopped by a signal, then lets what is under way end.
pub(super) async fn serve(args: &ServeArgs) -> Result<()> {
    log_to_stderr("info");
    let config = args.load()?;
    let running = app::start(&config, Clock::machine()).await?;
    tracing::info!(api = %running.api, admin = %running.admin, "serving");
    let mut hangup = signal(SignalKind::hangup())?;
    let stopped = until_stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            ended = &mut stopped => {
                ended?;
                break;
            }
            _ = hangup.recv() => {
                if running.renew_certificates() {
                    tracing::info!("certificates and revocation lists read again");
                }
                match running.renew_token_keys(&config) {
                    Ok(()) => tracing::info!("keys of tokens read again"),
                    Err(error) => tracing::error!(error = format!("{error:#}"), "the keys in use stand"),
                }
            }
        }
    }
    running.stop().await;
    Ok(())
}

/// Brings the database up to date and says from where to where.
pub(super) async fn migrate(args: &ServeArgs) -> Result<String> {
    let config = args.load()?;
    let db = Db::open(&config.database.url).await.context("the database cannot be opened")?;
    let (before, after) = app::prepare(&db).await?;
    let told = format!("{}: from migration {before} to {after}\n", db.engine());
    db.close().await;
    Ok(told)
}

/// Says what is wrong with a configuration; exit code 1 if anything is.
pub(super) fn check(args: &ServeArgs) -> Result<u8> {
    let config = args.load()?;
    let mut faults = config.check();
    if let Err(error) = crate::crypto::Keyring::load(&config.files.keys) {
        faults.push(error.to_string());
    }
    match app::read_certificates(&config, &Clock::machine()) {
        Ok(certificates) if !certificates.is_open() => {
            faults.push("a revocation list is past its time; fetch the authority's newest list".to_owned());
        }
        Ok(_) => {}
        Err(error) => faults.push(format!("{error:#}; certs/README.md says which files a deployment brings")),
    }
    for fault in &faults {
        super::say(&format!("{fault}\n"))?;
    }
    Ok(u8::from(!faults.is_empty()))
}

/// The configuration in force, environment included. Of a server's address only what cannot hold a password is shown.
pub(super) fn show(args: &ServeArgs) -> Result<String> {
    let mut config = args.load()?;
    if let Some((scheme, rest)) = config.database.url.split_once("://") {
        let address = rest.split(['?', '#']).next().unwrap_or("");
        let host = address.rsplit_once('@').map_or(address, |(_, host)| host);
        config.database.url = format!("{scheme}://{host}");
    }
    Ok(serde_json::to_string_pretty(&config)? + "\n")
}

/// Waits for an interrupt or a request to end.
pub(super) async fn until_stopped() -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Logs to standard error; `RUST_LOG` overrides the level.
pub(super) fn log_to_stderr(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    // A second call in one process keeps the first subscriber.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        // Colours are for a terminal's reader, and only where they are wanted: https://no-color.org.
        .with_ansi(
            std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
        )
        .try_init();
}
