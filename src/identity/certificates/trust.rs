//! Whether a chain of certificates is let in: one question to the path validation of `webpki`, and the profile on top.

use super::authorities::Authorities;
use super::lists::RevocationLists;
use super::{ChainFault, profile};
use chrono::{DateTime, TimeDelta, Utc};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use webpki::{EndEntityCert, ExpirationPolicy, KeyUsage, RevocationCheckDepth, RevocationOptionsBuilder};

/// `id-kp-clientAuth`, RFC 5280 section 4.2.1.12, in DER without its head.
const CLIENT_AUTH: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 2];

/// Authorities and their lists at one time.
#[derive(Clone, Debug)]
pub struct Trust {
    authorities: Arc<Authorities>,
    lists: Arc<RevocationLists>,
    /// How old a list may be, whatever it says itself.
    longest: TimeDelta,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Trust {
    /// Of authorities, and lists that are of use until they are so old.
    pub fn new(authorities: Authorities, lists: RevocationLists, longest: TimeDelta) -> Self {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        Self { authorities: Arc::new(authorities), lists: Arc::new(lists), longest, algorithms }
    }

    /// The same lists, with other authorities: one that has none of these lists vouches for nobody.
    #[must_use]
    pub fn with_authorities(&self, authorities: Authorities) -> Self {
        Self { authorities: Arc::new(authorities), ..self.clone() }
    }

    /// The authorities.
    pub fn authorities(&self) -> &Authorities {
        &self.authorities
    }

    /// The lists.
    pub fn lists(&self) -> &RevocationLists {
        &self.lists
    }

    /// Whether every list is of this time. Without lists there is none that is not.
    pub fn is_current(&self, now: DateTime<Utc>) -> bool {
        self.lists.are_current(self.longest, now)
    }

    /// Whether a chain, the client's own certificate first, is let in at this time.
    pub fn check(&self, chain: &[CertificateDer<'_>], now: DateTime<Utc>) -> Result<(), ChainFault> {
        if !self.is_current(now) {
            return Err(ChainFault::StaleList);
        }
        self.path(chain, now, ExpirationPolicy::Enforce)
    }

    /// Whether a chain that has been let in still would be, as far as authorities and lists say so: that a list has become
    /// too old shuts out no connection that is open, since it says no less than before.
    pub fn still(&self, chain: &[CertificateDer<'_>], now: DateTime<Utc>) -> Result<(), ChainFault> {
        self.path(chain, now, ExpirationPolicy::Ignore)
    }

    fn path(
        &self,
        chain: &[CertificateDer<'_>],
        now: DateTime<Utc>,
        expired: ExpirationPolicy,
    ) -> Result<(), ChainFault> {
        let (leaf, others) = chain.split_first().ok_or(ChainFault::Unreadable)?;
        let client = EndEntityCert::try_from(leaf)?;
        let lists = self.lists.all();
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options
                .with_depth(RevocationCheckDepth::Chain)
                .with_status_policy(webpki::UnknownStatusPolicy::Deny)
                .with_expiration_policy(expired)
                .build()
        });
        let seconds = u64::try_from(now.timestamp()).map_err(|_| ChainFault::NotYet)?;
        let path = client.verify_for_usage(
            self.algorithms.all,
            &self.authorities.roots.roots,
            others,
            UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
            KeyUsage::required_if_present(CLIENT_AUTH),
            revocation,
            None,
        );
        let path = path.map_err(|fault| of_weak_key(fault.into(), others))?;
        profile::check_client(&profile::read(leaf)?)?;
        path.intermediate_certificates()
            .try_for_each(|issuer| profile::check_issuer(&profile::read(&issuer.der())?))
    }
}

/// A key that is too weak verifies nothing, so that what it signed does not hold: where one is sent along, it is that.
fn of_weak_key(fault: ChainFault, others: &[CertificateDer<'_>]) -> ChainFault {
    let signed = matches!(fault, ChainFault::BadSignature | ChainFault::SignatureAlgorithm);
    let weak = |der: &CertificateDer<'_>| {
        profile::read(der).is_ok_and(|issuer| profile::strong(&issuer) == Err(ChainFault::WeakKey))
    };
    if signed && others.iter().any(weak) { ChainFault::WeakKey } else { fault }
}
