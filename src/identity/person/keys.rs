//! Identity providers' public keys: fetched once, kept, and fetched again when they are old or a token names one that is
//! not there; never for each request, and for one provider by one request at a time.

use super::SubjectFault;
use super::outside::{Outside, OutsideError};
use crate::crypto::JwsKey;
use crate::directory::{IdentityProvider, ProviderId};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Keys are fetched for an unknown name once in so many seconds at most, so that made-up names cost the provider nothing.
pub const REFRESH_SECONDS: u64 = 30;
/// Age at which keys are fetched again even though the name is known: a provider may have taken one back.
const AGED: Duration = Duration::from_hours(1);
/// Age past which keys that cannot be fetched again are not used.
const OLDEST: Duration = Duration::from_hours(12);
/// Keys of one provider that are kept at most.
const MOST: usize = 100;

/// The keys of every provider that was asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ProviderKeys {
    outside: Outside,
    refresh: Duration,
    held: Arc<Mutex<HashMap<ProviderId, Arc<Cell>>>>,
}

/// Whose keys they are and where from: from elsewhere others come, whatever was kept before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Source {
    issuer: String,
    keys_url: Option<String>,
}

/// The keys of one provider, and the one who fetches them.
#[derive(Debug, Default)]
struct Cell {
    source: Source,
    kept: Mutex<Kept>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct Kept {
    keys: Arc<Vec<JwsKey>>,
    /// When those were fetched.
    fetched: Option<Instant>,
    /// When it was last tried.
    tried: Option<Instant>,
}

impl ProviderKeys {
    /// None yet; fetched by this way out.
    pub fn new(outside: Outside) -> Self {
        Self { outside, refresh: Duration::from_secs(REFRESH_SECONDS), held: Arc::default() }
    }

    /// The same, fetching for an unknown name more or less often.
    #[must_use]
    pub const fn refreshing_after(mut self, refresh: Duration) -> Self {
        self.refresh = refresh;
        self
    }

    /// The provider's key of this name.
    pub(super) async fn key(&self, provider: &IdentityProvider, kid: &str) -> Result<JwsKey, SubjectFault> {
        let cell = self.cell(provider);
        if let Some(key) = cell.fresh(kid) {
            return Ok(key);
        }
        {
            let _one = cell.fetching.lock().await;
            // Whoever waited finds what the one before has fetched.
            if let Some(key) = cell.fresh(kid) {
                return Ok(key);
            }
            if cell.may_try(self.refresh) {
                match self.fetched(provider).await {
                    Ok(keys) => cell.keep(keys),
                    Err(error) => {
                        tracing::warn!(%error, issuer = provider.issuer, "an identity provider's keys");
                    }
                }
            }
        }
        cell.usable(kid)
    }

    /// What is kept of the provider as the directory has it now.
    fn cell(&self, provider: &IdentityProvider) -> Arc<Cell> {
        let source = Source { issuer: provider.issuer.clone(), keys_url: provider.keys_url.clone() };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let cell = held.entry(provider.id).or_default();
        if cell.source != source {
            *cell = Arc::new(Cell { source, ..Cell::default() });
        }
        Arc::clone(cell)
    }

    /// The keys as the provider publishes them; those that are of no use here are left out.
    async fn fetched(&self, provider: &IdentityProvider) -> Result<Vec<JwsKey>, OutsideError> {
        let address = match &provider.keys_url {
            Some(address) => address.clone(),
            None => self.discovered(provider).await?,
        };
        let document = self.outside.json(&address).await?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or(OutsideError::Form)?;
        let readable = keys.iter().filter_map(|jwk| JwsKey::parse(jwk).ok()).filter(|key| key.kid.is_some());
        Ok(told_apart(readable.take(MOST).collect()))
    }

    /// Where the provider's own discovery document says that its keys are (`OpenID` Connect Discovery 1.0 section 4).
    async fn discovered(&self, provider: &IdentityProvider) -> Result<String, OutsideError> {
        let issuer = provider.issuer.trim_end_matches('/');
        let document = self.outside.json(&format!("{issuer}/.well-known/openid-configuration")).await?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        // A document of another issuer says nothing of this one's keys.
        let own = text("issuer").is_some_and(|said| said == provider.issuer);
        let address = text("jwks_uri").filter(|_| own).ok_or(OutsideError::Form)?;
        // What is published there decides who is let in: an address elsewhere is the directory's to name, as `keys_url`.
        if same_place(address, issuer) { Ok(address.to_owned()) } else { Err(OutsideError::Elsewhere) }
    }
}

/// Those whose name is their own: what is signed by a name that two have could be by either.
fn told_apart(keys: Vec<JwsKey>) -> Vec<JwsKey> {
    let mut named: HashMap<Option<String>, usize> = HashMap::new();
    for key in &keys {
        *named.entry(key.kid.clone()).or_default() += 1;
    }
    keys.into_iter().filter(|key| named.get(&key.kid) == Some(&1)).collect()
}

/// Whether two addresses are of one scheme, host and port.
fn same_place(one: &str, other: &str) -> bool {
    let place = |text: &str| reqwest::Url::parse(text).ok().map(|url| url.origin());
    place(one).is_some_and(|origin| origin.is_tuple() && Some(origin) == place(other))
}

impl Cell {
    // What is kept is whole after every step, so that a panic elsewhere does not spoil it.
    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key that is kept and not too old to be used unasked.
    fn fresh(&self, kid: &str) -> Option<JwsKey> {
        let kept = self.kept();
        kept.fetched.filter(|at| at.elapsed() < AGED)?;
        kept.named(kid)
    }

    /// Whether it is time to ask the provider again; notes that it is asked.
    fn may_try(&self, refresh: Duration) -> bool {
        let mut kept = self.kept();
        let may = kept.tried.is_none_or(|at| at.elapsed() >= refresh);
        if may {
            kept.tried = Some(Instant::now());
        }
        may
    }

    fn keep(&self, keys: Vec<JwsKey>) {
        let mut kept = self.kept();
        (kept.keys, kept.fetched) = (Arc::new(keys), Some(Instant::now()));
    }

    /// A key after all that could be done to have it.
    fn usable(&self, kid: &str) -> Result<JwsKey, SubjectFault> {
        let kept = self.kept();
        if kept.fetched.is_none_or(|at| at.elapsed() >= OLDEST) {
            return Err(SubjectFault::Unreachable);
        }
        kept.named(kid).ok_or(SubjectFault::Key)
    }
}

impl Kept {
    fn named(&self, kid: &str) -> Option<JwsKey> {
        self.keys.iter().find(|key| key.kid.as_deref() == Some(kid)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Mfa;
    use uuid::Uuid;

    #[test]
    fn what_a_discovery_document_names_is_of_the_issuers_own_place() {
        let issuer = "https://login.example/t1";
        for (address, own) in [
            ("https://login.example/keys", true),
            ("https://login.example:443/t1/keys", true),
            ("https://LOGIN.example/keys", true),
            ("https://login.example:8443/keys", false),
            ("http://login.example/keys", false),
            ("https://login.example.evil.example/keys", false),
            ("https://evil.example/login.example", false),
            ("https://login.example@evil.example/keys", false),
            ("data:application/json,{}", false),
            ("/keys", false),
        ] {
            assert_eq!(same_place(address, issuer), own, "{address}");
        }
        assert!(!same_place("data:,", "data:,"), "what has no host is nobody's");
    }

    #[tokio::test]
    async fn keys_from_elsewhere_are_not_those_that_were_kept() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let keys = ProviderKeys::new(Outside::new(None, false).unwrap());
        let mut provider = IdentityProvider {
            id: ProviderId(Uuid::now_v7()),
            issuer: "https://login.example".to_owned(),
            tenant: String::new(),
            tenant_claim: "tid".to_owned(),
            algorithms: Vec::new(),
            keys_url: None,
            clients: HashMap::new(),
            role_claim: "roles".to_owned(),
            roles: HashMap::new(),
            group_claim: None,
            teams: HashMap::new(),
            mark_claim: None,
            marks: HashMap::new(),
            mfa: Mfa::Claim { name: "amr".to_owned(), values: vec!["mfa".to_owned()] },
            suspended: false,
        };
        let jwk = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "kid": "k1",
            "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
        keys.cell(&provider).keep(vec![JwsKey::parse(&jwk).unwrap()]);
        assert!(keys.cell(&provider).fresh("k1").is_some(), "kept while nothing changes");
        provider.keys_url = Some("https://keys.example/new".to_owned());
        let moved = keys.cell(&provider);
        assert!(moved.fresh("k1").is_none() && moved.may_try(Duration::from_hours(1)), "fetched at once");
        provider.issuer = "https://other.example".to_owned();
        assert!(keys.cell(&provider).fresh("k1").is_none());
    }
}
