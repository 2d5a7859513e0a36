//! The authorities whose certificates are let in.

use super::{CertificateFault, profile};
use rustls::{DistinguishedName, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;

/// Authorities, each held to be one: certificates of version 3 that may sign others, with keys that are strong enough.
#[derive(Clone, Debug)]
pub struct Authorities {
    pub(super) roots: RootCertStore,
    /// Their certificates, for what signs their revocation lists.
    pub(super) certificates: Vec<CertificateDer<'static>>,
}

impl Authorities {
    /// Reads them from PEM; `path` is the file that errors name.
    pub fn read(pem: &[u8], path: &Path) -> Result<Self, CertificateFault> {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let certificates = read.ok().filter(|list: &Vec<_>| !list.is_empty());
        let certificates = certificates
            .ok_or_else(|| CertificateFault::Form { path: path.to_owned(), what: "certificates in PEM" })?;
        let mut roots = RootCertStore::empty();
        for (number, der) in (1..).zip(&certificates) {
            let faulty = |why| CertificateFault::Authority { path: path.to_owned(), number, why };
            let certificate = profile::read(der).map_err(|_| faulty("cannot be read"))?;
            if !certificate.is_ca() {
                return Err(faulty("is not an authority's"));
            }
            profile::strong(&certificate).map_err(|_| faulty("has a key that is too weak"))?;
            profile::check_issuer(&certificate).map_err(|_| faulty("may not sign certificates"))?;
            roots.add(der.clone()).map_err(|_| faulty("cannot be read"))?;
        }
        Ok(Self { roots, certificates })
    }

    /// Their names, as a client is told whose certificates are asked for.
    pub fn subjects(&self) -> Vec<DistinguishedName> {
        self.roots.subjects()
    }
}
