//! Certificates of the demonstration: its own authority, the server's, one client certificate for each system, and
//! those that must be refused.
//!
//! Keys come from the operating system, never from the seed, and the signing authorities' keys are not written: nobody
//! can make another certificate that this gateway accepts. Validity is in real time, whatever day the data ends on.

use crate::crypto::{
    Authority, IssueError, Issued, Leaf, Validity, from_pem, jwk_of_info, to_hex, verifying_key_info,
};
use crate::directory::{CertificateEntry, KeyEntry};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

/// Why certificates could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// A certificate could not be made.
    #[error(transparent)]
    Make(#[from] IssueError),
    /// A file could not be written.
    #[error("certificates could not be written; check the folder's permissions and free space: {0}")]
    Write(#[from] std::io::Error),
}

/// A system, as its certificate names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SystemName {
    /// Code of its organisation.
    pub organisation: String,
    /// Code of the system.
    pub system: String,
}

impl SystemName {
    /// A name from two codes.
    pub fn new(organisation: &str, system: &str) -> Self {
        Self { organisation: organisation.to_owned(), system: system.to_owned() }
    }

    /// The URI in the certificate's subject alternative name.
    pub fn uri(&self) -> String {
        format!("urn:schoolgate:org:{}:system:{}", self.organisation, self.system)
    }

    /// File name without extension; unique, since codes have no dot.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.organisation, self.system)
    }

    /// Path of its certificate, relative to the demonstration's folder.
    pub fn certificate(&self) -> String {
        format!("certs/{}.pem", self.file_name())
    }

    /// Path of its private key, relative to the demonstration's folder.
    pub fn key(&self) -> String {
        format!("certs/{}.key", self.file_name())
    }
}

/// The certificates as the directory must know them.
#[derive(Clone, Debug, Default)]
pub struct Pki {
    /// What to register for each system.
    pub entries: BTreeMap<SystemName, CertificateEntry>,
    /// The public keys of the same, as JSON Web Keys.
    pub keys: BTreeMap<SystemName, KeyEntry>,
}

/// The signing authority, trusted for the server and for clients alike.
pub const CA: &str = "certs/ca.pem";
/// The server's certificate for `localhost` and 127.0.0.1.
pub const SERVER_CERTIFICATE: &str = "certs/server.pem";
/// The server's private key.
pub const SERVER_KEY: &str = "certs/server.key";
/// Certificates that must be refused, each with a key of the same name: one that has expired, one with a registered
/// system's name from an authority that is not trusted, and a trusted one whose system is not registered.
pub const REFUSED: [&str; 3] =
    ["certs/refused-expired.pem", "certs/refused-other-ca.pem", "certs/refused-unregistered.pem"];

impl Pki {
    /// Makes every certificate and writes it under `dir/certs`, keys readable by their owner only.
    ///
    /// `systems` each get one, valid for 30 days from an hour before `now`. The first of them lends its name to the
    /// certificates that must be refused.
    pub fn create(dir: &Path, systems: &[SystemName], now: DateTime<Utc>) -> Result<Self, PkiError> {
        // Certificates hold whole seconds, and so must what the directory says of them.
        let now = now.trunc_subsecs(0);
        std::fs::create_dir_all(dir.join("certs"))?;
        let ca = authority("schoolgate demonstration CA", now)?;
        std::fs::write(dir.join(CA), ca.pem())?;
        let validity = Validity { from: now - TimeDelta::hours(1), until: now + TimeDelta::days(30) };
        write_leaf(dir, "server", Leaf::Server("localhost"), validity, &ca)?;
        let mut made = Self::default();
        for name in systems {
            let (entry, key) = write_client(dir, &name.file_name(), name, validity, &ca)?;
            made.entries.insert(name.clone(), entry);
            made.keys.extend(key.map(|key| (name.clone(), key)));
        }
        refused(dir, systems.first(), now, &ca)?;
        Ok(made)
    }
}

/// Writes the certificates that must be refused.
fn refused(
    dir: &Path,
    first: Option<&SystemName>,
    now: DateTime<Utc>,
    ca: &Authority,
) -> Result<(), PkiError> {
    let known = first.cloned().unwrap_or_else(|| SystemName::new("nobody", "nothing"));
    let unknown = SystemName::new(&known.organisation, "unregistered");
    let other = authority("another CA", now)?;
    let ended = Validity { from: now - TimeDelta::days(31), until: now - TimeDelta::days(1) };
    let live = Validity { from: now - TimeDelta::hours(1), until: now + TimeDelta::days(30) };
    write_client(dir, "refused-expired", &known, ended, ca)?;
    write_client(dir, "refused-other-ca", &known, live, &other)?;
    write_client(dir, "refused-unregistered", &unknown, live, ca)?;
    Ok(())
}

fn authority(name: &str, now: DateTime<Utc>) -> Result<Authority, PkiError> {
    let validity = Validity { from: now - TimeDelta::days(32), until: now + TimeDelta::days(90) };
    Ok(Authority::make(name, validity)?)
}

/// A certificate as the directory says it, and its key for assertions.
type Written = (CertificateEntry, Option<KeyEntry>);

fn write_client(
    dir: &Path,
    file: &str,
    system: &SystemName,
    validity: Validity,
    issuer: &Authority,
) -> Result<Written, PkiError> {
    let leaf = Leaf::Client { uri: &system.uri(), name: &system.file_name() };
    write_leaf(dir, file, leaf, validity, issuer)
}

fn write_leaf(
    dir: &Path,
    file: &str,
    leaf: Leaf<'_>,
    validity: Validity,
    issuer: &Authority,
) -> Result<Written, PkiError> {
    let Issued { pem, key_pem, thumbprint, key_digest, .. } = issuer.issue(leaf, validity)?;
    std::fs::write(dir.join(format!("certs/{file}.pem")), pem)?;
    write_key(&dir.join(format!("certs/{file}.key")), &key_pem)?;
    let (valid_from, valid_until) = (validity.from, validity.until);
    let key_digest = to_hex(&key_digest);
    let kid: String = key_digest.chars().take(16).collect();
    // The library makes P-256 keys, which have such a form.
    let info = from_pem(key_pem.as_bytes()).and_then(|key| verifying_key_info(&key));
    let jwk = info.ok().and_then(|info| jwk_of_info(&info, &kid).ok());
    let key = jwk.map(|jwk| KeyEntry { kid, jwk, valid_from, valid_until });
    Ok((
        CertificateEntry {
            thumbprint: to_hex(&thumbprint),
            key_digest,
            valid_from,
            valid_until,
            by_system: false,
        },
        key,
    ))
}

/// Writes a private key that only its owner can read, from its first byte on.
fn write_key(path: &Path, pem: &str) -> std::io::Result<()> {
    use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // A file that was already there keeps its mode otherwise.
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(pem.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::sha256;
    use rustls::server::WebPkiClientVerifier;
    use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection};
    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    use std::os::unix::fs::PermissionsExt;
    use std::sync::Arc;
    use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

    #[expect(
        clippy::disallowed_methods,
        reason = "rustls verifies in real time, so the certificates must be of now"
    )]
    fn made() -> (tempfile::TempDir, Pki, Vec<SystemName>) {
        let dir = tempfile::tempdir().unwrap();
        let systems =
            vec![SystemName::new("exampleshire", "social-care"), SystemName::new("school-100000", "mis")];
        let pki = Pki::create(dir.path(), &systems, Utc::now()).unwrap();
        (dir, pki, systems)
    }

    fn certificate(dir: &Path, name: &str) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(dir.join(name)).unwrap()
    }

    fn key(dir: &Path, certificate: &str) -> PrivateKeyDer<'static> {
        PrivateKeyDer::from_pem_file(dir.join(certificate.replace(".pem", ".key"))).unwrap()
    }

    /// A TLS 1.3 handshake in memory, both ends verifying; the error is whichever end's comes first.
    fn handshake(dir: &Path, client: &str) -> Result<(), rustls::Error> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(certificate(dir, CA))?;
        let roots = Arc::new(roots);
        let verifier =
            WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().unwrap();
        let server = ServerConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate(dir, SERVER_CERTIFICATE)], key(dir, SERVER_CERTIFICATE))?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate(dir, client)], key(dir, client))?;
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut client = ClientConnection::new(Arc::new(client), name)?;
        let mut server = ServerConnection::new(Arc::new(server))?;
        while client.is_handshaking() || server.is_handshaking() {
            let mut wire = Vec::new();
            client.write_tls(&mut wire).unwrap();
            server.read_tls(&mut wire.as_slice()).unwrap();
            server.process_new_packets()?;
            let mut wire = Vec::new();
            server.write_tls(&mut wire).unwrap();
            client.read_tls(&mut wire.as_slice()).unwrap();
            client.process_new_packets()?;
        }
        Ok(())
    }

    #[test]
    fn systems_shake_hands_and_the_others_are_refused_for_their_own_reason() {
        use rustls::CertificateError::{ExpiredContext, UnknownIssuer};
        let (dir, _, systems) = made();
        for system in &systems {
            handshake(dir.path(), &system.certificate()).unwrap();
        }
        let error = |name| handshake(dir.path(), name).unwrap_err();
        assert!(matches!(error(REFUSED[0]), rustls::Error::InvalidCertificate(ExpiredContext { .. })));
        assert!(
            matches!(
                error(REFUSED[1]),
                rustls::Error::InvalidCertificate(UnknownIssuer | rustls::CertificateError::BadSignature)
            ),
            "{:?}",
            error(REFUSED[1])
        );
        handshake(dir.path(), REFUSED[2]).unwrap();
        assert!(handshake(dir.path(), SERVER_CERTIFICATE).is_err(), "a server's certificate is no client's");
    }

    #[test]
    fn digests_names_and_dates_are_those_of_the_files() {
        let (dir, pki, systems) = made();
        for system in &systems {
            let der = certificate(dir.path(), &system.certificate());
            let entry = &pki.entries[system];
            let (_, parsed) = X509Certificate::from_der(&der).unwrap();
            assert_eq!(entry.thumbprint, to_hex(&sha256(&[&der])));
            assert_eq!(entry.key_digest, to_hex(&sha256(&[parsed.public_key().raw])));
            assert_eq!(parsed.validity().not_before.timestamp(), entry.valid_from.timestamp());
            assert_eq!(parsed.validity().not_after.timestamp(), entry.valid_until.timestamp());
            let names = parsed.subject_alternative_name().unwrap().unwrap();
            assert_eq!(names.value.general_names, [GeneralName::URI(&system.uri())]);
        }
    }

    #[test]
    fn private_keys_are_their_owners_only_and_the_signing_keys_are_nowhere() {
        let (dir, ..) = made();
        let files: Vec<_> =
            std::fs::read_dir(dir.path().join("certs")).unwrap().map(|f| f.unwrap()).collect();
        let keys: Vec<_> =
            files.iter().filter(|f| f.path().extension().is_some_and(|e| e == "key")).collect();
        assert_eq!(keys.len(), 6);
        assert!(keys.iter().all(|f| f.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
        assert!(!dir.path().join("certs/ca.key").exists());
    }
}
