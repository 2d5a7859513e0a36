//! The files that a deployment brings, and whether they have changed since they were looked at.

use super::{Authorities, CertificateFault, RevocationLists, profile};
use crate::crypto;
use chrono::{DateTime, Utc};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where they are.
#[derive(Clone, Debug)]
pub struct CertificateFiles {
    /// The server's certificate with its chain, PEM.
    pub server_certificate: PathBuf,
    /// Its private key, PEM, 0600.
    pub server_key: PathBuf,
    /// The authorities of client certificates, PEM.
    pub client_authorities: PathBuf,
    /// Their revocation lists, PEM or DER.
    pub revocation_lists: Vec<PathBuf>,
}

/// What tells that a file has been written since: its number, length and time; nothing where it is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Vec<Option<(u64, u64, i64, i64)>>);

impl Stamp {
    /// Of these files now.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Self {
        let stamp = |path: &Path| {
            let file = std::fs::metadata(path).ok()?;
            Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
        };
        Self(paths.into_iter().map(stamp).collect())
    }
}

/// The server's own certificate and key, which belong together.
#[derive(Clone, Debug)]
pub struct ServerPair {
    /// For the TLS library.
    pub certified: CertifiedKey,
    /// The end of the certificate.
    pub not_after: DateTime<Utc>,
}

fn file(path: &Path) -> Result<Vec<u8>, CertificateFault> {
    std::fs::read(path).map_err(|fault| CertificateFault::File { path: path.to_owned(), fault })
}

impl CertificateFiles {
    /// Reads the server's certificate and key, and holds them to belong together and to be of this time.
    pub fn server_pair(&self, now: DateTime<Utc>) -> Result<ServerPair, CertificateFault> {
        let faulty = |path: &Path, what| CertificateFault::Form { path: path.to_owned(), what };
        let read: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(&file(&self.server_certificate)?).collect();
        let chain: Vec<CertificateDer<'static>> =
            read.map_err(|_| faulty(&self.server_certificate, "certificates in PEM"))?;
        let leaf = chain.first().ok_or_else(|| faulty(&self.server_certificate, "certificates in PEM"))?;
        let parsed =
            profile::read(leaf).map_err(|_| faulty(&self.server_certificate, "certificates in PEM"))?;
        let not_after = DateTime::from_timestamp(parsed.validity().not_after.timestamp(), 0)
            .ok_or_else(|| faulty(&self.server_certificate, "certificates in PEM"))?;
        if not_after <= now {
            return Err(CertificateFault::Expired(self.server_certificate.clone()));
        }
        let key = PrivateKeyDer::from_pem_slice(&crypto::read_private(&self.server_key)?)
            .map_err(|_| faulty(&self.server_key, "private key in PEM"))?;
        let certified = CertifiedKey::new(chain, any_supported_type(&key)?);
        certified.keys_match()?;
        Ok(ServerPair { certified, not_after })
    }

    /// Reads the authorities.
    pub fn authorities(&self) -> Result<Authorities, CertificateFault> {
        Authorities::read(&file(&self.client_authorities)?, &self.client_authorities)
    }

    /// Reads the lists, of these authorities and of those between.
    pub fn lists(
        &self,
        authorities: &Authorities,
        now: DateTime<Utc>,
    ) -> Result<RevocationLists, CertificateFault> {
        let mut lists = RevocationLists::default();
        for path in &self.revocation_lists {
            lists.add(&file(path)?, path, authorities, now)?;
        }
        Ok(lists)
    }

    /// Of the server's certificate and key.
    pub fn server_stamp(&self) -> Stamp {
        Stamp::of([self.server_certificate.as_path(), &self.server_key])
    }

    /// Of the authorities and their lists.
    pub fn trust_stamp(&self) -> Stamp {
        let lists = self.revocation_lists.iter().map(PathBuf::as_path);
        Stamp::of(std::iter::once(self.client_authorities.as_path()).chain(lists))
    }
}
