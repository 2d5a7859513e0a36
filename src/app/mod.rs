//! Builds what a process needs, starts its listeners, and stops cleanly.

mod background;
mod opening;

pub use opening::{Opened, open, open_beside, open_for_operators, prepare, register_operators};

use self::background::{UNREADY, background};
use crate::clock::Clock;
use crate::config::{self, Config, Limits, Safety, Suppression};
use crate::crypto::{Keyring, SignWith};
use crate::domain::attendance::summary::{PartCancelledDay, Reading, SicknessTotal};
use crate::domain::working_days::BankHolidays;
use crate::gate::{ConditionKey, Gate, KeyLimits, LaneLimits};
use crate::http::{
    AuditLayer, Certificates, ConnectionLimits, Metrics, SystemLimits, serve_plain, serve_tls,
};
use crate::identity::{LiveTrust, Outside, ProviderKeys, TokenKeys};
use crate::intake::Places;
use crate::involvements::{Matcher, ReviewKey, Sending};
use crate::router;
use crate::store;
use crate::summaries::{FeedKey, Streams};
use crate::tokens::{TokenState, metadata_address};
use anyhow::{Context as _, Result, bail};
use axum::extract::FromRef;
use chrono::TimeDelta;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What handlers are given. Cheap to clone, which every layer and every handler does once a request.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// What a process has built.
pub struct Parts {
    pub(crate) gate: Gate,
    pub(crate) tokens: TokenState,
    pub(crate) systems: SystemLimits,
    pub(crate) matcher: Matcher,
    pub(crate) places: Places,
    pub(crate) sending: Sending,
    pub(crate) streams: Streams,
    pub(crate) holidays: Arc<BankHolidays>,
    pub(crate) safety: Safety,
    pub(crate) suppression: Suppression,
    pub(crate) reading: Reading,
    pub(crate) feeds: FeedKey,
    pub(crate) review: ReviewKey,
    pub(crate) audit: AuditLayer,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) certificates: Certificates,
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

macro_rules! part {
    ($($type:ty = |$state:ident| $part:expr;)+) => { $(
        impl FromRef<AppState> for $type {
            fn from_ref($state: &AppState) -> Self {
                $part
            }
        }
    )+ };
}
part! {
    // A request has one set of policies from here to its end.
    Gate = |s| s.gate.with_set_in_force();
    Arc<TokenKeys> = |s| Arc::clone(&s.tokens.keys);
    SystemLimits = |s| s.systems.clone();
    Matcher = |s| s.matcher.clone();
    Places = |s| s.places.clone();
    Sending = |s| s.sending.clone();
    Streams = |s| s.streams.clone();
    Safety = |s| s.safety.clone();
    Suppression = |s| s.suppression;
    Reading = |s| s.reading;
    FeedKey = |s| s.feeds.clone();
    ReviewKey = |s| s.review.clone();
    Arc<BankHolidays> = |s| Arc::clone(&s.holidays);
    LiveTrust = |s| s.certificates.trust();
}

impl AppState {
    /// Whether the gateway can answer: its database is there, as new as this program, its directory is looked at, its
    /// policies hold, revocation lists are of use, and the log can be written.
    pub async fn is_ready(&self) -> bool {
        if self.gate.directory().age() > UNREADY || !self.certificates.is_open() {
            return false;
        }
        if !self.gate.policies_hold() {
            return false;
        }
        let current = store::versions(self.gate.db()).await.is_ok_and(|(ours, theirs)| theirs >= ours);
        current && self.gate.journal().is_writable().await
    }
}

/// A running gateway.
pub struct Running {
    /// Where the API listens.
    pub api: SocketAddr,
    /// Where the admin listener is.
    pub admin: SocketAddr,
    /// The gate, for the process that holds it.
    pub gate: Gate,
    opened: Opened,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
    audit: AuditLayer,
    certificates: Certificates,
    metrics: Metrics,
    tokens: Arc<TokenKeys>,
}

/// Starts the listeners of a configuration, whose paths `Config::load` has made relative to its file.
pub async fn start(config: &Config, clock: Clock) -> Result<Running> {
    let keyring = Keyring::load(&config.files.keys)?;
    let certificates = read_certificates(config, &clock)?;
    let (issuer, audience) = (&config.names.issuer, &config.names.audience);
    let keys = TokenKeys::new(&keyring.tokens, signed_with(config), issuer, audience)?;
    let providers = ProviderKeys::new(outside(config)?);
    let opened = open(&config.database.url, clock).await?;
    register_operators(&opened.gate, &config.files).await?;
    let feeds = (FeedKey::derived(&keyring.key_encryption), ReviewKey::derived(&keyring.key_encryption));
    opened.gate.keep_keys(ConditionKey::derived(&keyring.key_encryption), key_limits(&config.limits));
    let state = state(config, opened.gate.clone(), (keys, providers), feeds, certificates.clone());
    let api = bind(config.listeners.api).await?;
    let admin = bind(config.listeners.admin).await?;
    if !admin.local_addr()?.ip().is_loopback() {
        bail!("the admin listener has no encryption; give it a loopback address");
    }
    let (api_at, admin_at) = (api.local_addr()?, admin.local_addr()?);
    let stop = CancellationToken::new();
    let limits = ConnectionLimits::from(&config.limits);
    let mut tasks = background(&state, &stop);
    let tokens = Arc::clone(&state.tokens.keys);
    let (audit, gate, metrics) = (state.audit.clone(), state.gate.clone(), state.metrics.clone());
    let files = certificates.clone();
    let events = Arc::new(audit.clone());
    let admin_router = router::admin(state.clone());
    tasks.push(tokio::spawn(serve_tls(api, router::api(state), files, limits, events, stop.clone())));
    let stop_admin = stop.clone();
    tasks.push(tokio::spawn(async move {
        if let Err(error) = serve_plain(admin, admin_router, limits, stop_admin).await {
            tracing::error!(%error, "the admin listener ended");
        }
    }));
    Ok(Running {
        api: api_at,
        admin: admin_at,
        gate,
        opened,
        stop,
        tasks,
        audit,
        certificates,
        metrics,
        tokens,
    })
}

/// How idempotency keys are kept.
fn key_limits(limits: &Limits) -> KeyLimits {
    KeyLimits {
        kept: TimeDelta::hours(i64::from(limits.idempotency_key_hours)),
        most: limits.idempotency_keys_per_system,
    }
}

/// The certificates that a configuration names, as they can be used now.
pub fn read_certificates(config: &Config, clock: &Clock) -> Result<Certificates> {
    Ok(Certificates::of(config, |trust| LiveTrust::new(trust, clock.clone()), clock.now())?)
}

/// Which kind of key signs tokens.
const fn signed_with(config: &Config) -> SignWith {
    match config.identity.tokens_signed_with {
        config::TokenAlgorithm::EdDsa => SignWith::EdDsa,
        config::TokenAlgorithm::Es256 => SignWith::Es256,
    }
}

/// The way out to identity providers.
fn outside(config: &Config) -> Result<Outside> {
    let read =
        |path: &PathBuf| std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()));
    let authorities = config.identity.provider_authorities.as_ref().map(read).transpose()?;
    Ok(Outside::new(authorities.as_deref(), config.identity.allow_loopback_http)?)
}

fn state(
    config: &Config,
    gate: Gate,
    (keys, providers): (TokenKeys, ProviderKeys),
    (feeds, review): (FeedKey, ReviewKey),
    held: Certificates,
) -> AppState {
    let safety = Safety::new(&config.names.safety_telephone);
    let tokens = TokenState {
        gate: gate.clone(),
        keys: Arc::new(keys),
        providers,
        // Not the API's: equal allowances of one limiter would share their counts.
        limits: SystemLimits::of(config.limits.organisation_requests_per_minute),
        requests_per_minute: config.limits.token_requests_per_minute,
    };
    let metrics = Metrics::with_writes(store::write_seconds());
    let alarmed = metrics.clone();
    gate.alarm_of_policies(move || alarmed.alarm("policy_error"));
    gate.limit_lanes(LaneLimits {
        caseload_multiple: config.limits.system_lane_caseload_multiple,
        least_reads: config.limits.system_lane_least_reads,
    });
    let holidays = Arc::new(BankHolidays::default().with(config.calendar.days()));
    AppState(Arc::new(Parts {
        audit: AuditLayer::new(
            gate.clone(),
            safety.clone(),
            metrics.clone(),
            Duration::from_secs(config.limits.request_seconds),
        )
        .with_metadata_at(metadata_address(&config.names.audience)),
        tokens,
        systems: SystemLimits::of(config.limits.organisation_requests_per_minute),
        matcher: Matcher::new(metrics.clone()),
        places: Places::new(&config.limits, metrics.clone()),
        sending: Sending::new(Arc::clone(&holidays)),
        holidays,
        streams: Streams::new(&config.limits),
        safety,
        suppression: config.suppression,
        reading: reading(config.figures),
        feeds,
        review,
        limits: config.limits,
        metrics,
        certificates: held,
        gate,
    }))
}

/// The configuration's choices in the domain's words.
const fn reading(figures: config::Figures) -> Reading {
    Reading {
        sickness_total: match figures.sickness_total {
            config::SicknessTotal::HalfDays => SicknessTotal::HalfDays,
            config::SicknessTotal::DaysWithAny => SicknessTotal::DaysWithAny,
        },
        part_cancelled_day: match figures.part_cancelled_day {
            config::PartCancelledDay::WholeDay => PartCancelledDay::WholeDay,
            config::PartCancelledDay::HalfDay => PartCancelledDay::HalfDay,
        },
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

impl Running {
    /// Reads certificates, key, authorities and lists again; says whether all could be used. What could not stays as it is.
    pub fn renew_certificates(&self) -> bool {
        let unusable = self.certificates.look(true);
        self.certificates.tell(&unusable, &self.metrics);
        unusable.is_empty()
    }

    /// Reads the keys of tokens again: a further one in their folder is published at once and signs from its moment on.
    pub fn renew_token_keys(&self, config: &Config) -> Result<()> {
        let keyring = Keyring::load(&config.files.keys)?;
        Ok(self.tokens.renew(&keyring.tokens, signed_with(config))?)
    }

    /// Stops accepting, lets what is under way end, writes what is left to write, and closes.
    pub async fn stop(self) {
        let Self { opened, stop, tasks, audit, gate, .. } = self;
        stop.cancel();
        for task in tasks {
            if task.await.is_err() {
                tracing::error!("a task ended by a fault");
            }
        }
        audit.turn_minute(true).await;
        drop((audit, gate));
        opened.close().await;
    }
}
