//! Revocation lists (RFC 5280 section 5): read from files, checked when they are read, and of use for a time only.

use super::authorities::Authorities;
use super::{CertificateFault, profile};
use chrono::{DateTime, TimeDelta, Utc};
use rustls_pki_types::CertificateRevocationListDer;
use rustls_pki_types::pem::PemObject as _;
use std::collections::HashMap;
use std::path::Path;
use webpki::{CertRevocationList, OwnedCertRevocationList};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

/// How far an authority's clock may be ahead of this one.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// One list, and its times.
#[derive(Debug)]
struct List {
    read: CertRevocationList<'static>,
    this_update: DateTime<Utc>,
    next_update: DateTime<Utc>,
}

/// The lists that are in force.
#[derive(Debug, Default)]
pub struct RevocationLists(Vec<List>);

impl RevocationLists {
    /// Adds those of one file: PEM with one or more, or one in DER.
    pub fn add(
        &mut self,
        bytes: &[u8],
        path: &Path,
        authorities: &Authorities,
        now: DateTime<Utc>,
    ) -> Result<(), CertificateFault> {
        let faulty = |why| CertificateFault::List { path: path.to_owned(), why };
        for der in ders(bytes).ok_or_else(|| faulty("holds no revocation list in PEM or DER"))? {
            self.0.push(list(&der, authorities, now).map_err(faulty)?);
        }
        // The newest first: the first that speaks for a certificate is the one that is gone by.
        self.0.sort_by_key(|list| std::cmp::Reverse(list.this_update));
        Ok(())
    }

    /// Whether there are any: without, nothing is known of revocation by list.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the newest list of each issuer is of this time.
    pub fn are_current(&self, longest: TimeDelta, now: DateTime<Utc>) -> bool {
        self.newest().values().all(|list| now < list.next_update && now < list.this_update + longest)
    }

    /// The age of the oldest, and until when the first to end holds; of each issuer the newest counts.
    pub fn times(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let newest = self.newest();
        let made = newest.values().map(|list| list.this_update).min()?;
        let ends = newest.values().map(|list| list.next_update).min()?;
        Some((made, ends))
    }

    /// Whether one of these is older than what another set holds of the same issuer: lists only grow newer, and an older one
    /// in a newer one's place forgets revocations.
    pub fn go_back_from(&self, before: &Self) -> bool {
        let newest = self.newest();
        before
            .newest()
            .iter()
            .any(|(of, list)| newest.get(of).is_some_and(|now| now.this_update < list.this_update))
    }

    /// As the verifier takes them.
    pub(super) fn all(&self) -> Vec<&CertRevocationList<'static>> {
        self.0.iter().map(|list| &list.read).collect()
    }

    /// The newest list of each issuer and part of its certificates.
    fn newest(&self) -> HashMap<(Vec<u8>, Vec<u8>), &List> {
        let mut newest = HashMap::new();
        for list in &self.0 {
            let part = list.read.issuing_distribution_point().unwrap_or_default().to_vec();
            newest.entry((list.read.issuer().to_vec(), part)).or_insert(list);
        }
        newest
    }
}

fn ders(bytes: &[u8]) -> Option<Vec<CertificateRevocationListDer<'static>>> {
    // A sequence: how DER begins, and PEM never does.
    if bytes.first() == Some(&0x30) {
        return Some(vec![bytes.to_vec().into()]);
    }
    let read: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(bytes).collect();
    read.ok().filter(|list| !list.is_empty())
}

/// One list, with its signature checked where an authority of ours has signed it; those of others the verifier checks.
fn list(der: &[u8], authorities: &Authorities, now: DateTime<Utc>) -> Result<List, &'static str> {
    let read = OwnedCertRevocationList::from_der(der)
        .map_err(|_| "is not a revocation list that is read here (RFC 5280, complete, direct)")?;
    let (_, parsed) = CertificateRevocationList::from_der(der).map_err(|_| "cannot be read")?;
    let at = |time: x509_parser::time::ASN1Time| DateTime::from_timestamp(time.timestamp(), 0);
    let this_update = at(parsed.last_update()).ok_or("says no time of its own")?;
    let next_update = parsed.next_update().and_then(at).ok_or("says no time of the next one")?;
    if now + AHEAD < this_update {
        return Err("is of a time to come; check the clocks");
    }
    let signers: Vec<_> = authorities
        .certificates
        .iter()
        .filter_map(|der| profile::read(der).ok())
        .filter(|authority| authority.subject().as_raw() == parsed.issuer().as_raw())
        .collect();
    let signed = |authority: &x509_parser::certificate::X509Certificate<'_>| {
        parsed.verify_signature(authority.public_key()).is_ok()
    };
    if !signers.is_empty() && !signers.iter().any(signed) {
        return Err("has a signature that is not its authority's");
    }
    Ok(List { read: read.into(), this_update, next_update })
}
