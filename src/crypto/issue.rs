//! Certificates for demonstrations, tests and development: an authority, what it issues, and its revocation list. The
//! authorities of a deployment are elsewhere, and their keys never come here.

use super::{random, sha256};
use chrono::{DateTime, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData,
    RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use std::time::Duration;

/// Why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// The certificate library refused.
    #[error("a certificate could not be made; check the names of organisations and systems: {0}")]
    Make(#[from] rcgen::Error),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers; try again")]
    Random,
}

/// From when until when something holds.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// First second.
    pub from: DateTime<Utc>,
    /// First second after it.
    pub until: DateTime<Utc>,
}

/// What a certificate is for.
#[derive(Clone, Copy, Debug)]
pub enum Leaf<'a> {
    /// A server under this DNS name, and under the loopback address where that is `localhost`.
    Server(&'a str),
    /// A client with this URI, and a name for people.
    Client {
        /// SAN URI.
        uri: &'a str,
        /// Common name; nothing reads it.
        name: &'a str,
    },
}

/// An authority that can sign, and cannot sign for another authority.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    /// The certificate, PEM.
    pub pem: String,
    /// Its private key, PEM: for a file that only its owner may read.
    pub key_pem: String,
    /// Its serial number.
    pub serial: Vec<u8>,
    /// SHA-256 of the certificate, DER.
    pub thumbprint: [u8; 32],
    /// SHA-256 of its public key, `SubjectPublicKeyInfo`, DER.
    pub key_digest: [u8; 32],
}

/// rcgen's times are of a crate that nothing else here uses; its own epoch and a duration are enough.
macro_rules! at {
    ($time:expr) => {
        date_time_ymd(1970, 1, 1) + Duration::from_secs(u64::try_from($time.timestamp()).unwrap_or(0))
    };
}

fn params(name: &str, validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = at!(validity.from);
    params.not_after = at!(validity.until);
    params
}

impl Authority {
    /// Makes one; its key is in memory alone.
    pub fn make(name: &str, validity: Validity) -> Result<Self, IssueError> {
        let mut params = params(name, validity);
        Self::as_authority(&mut params);
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// One that was kept, by the name that it was made under, its certificate and its key, PEM.
    pub fn kept(name: &str, pem: &str, key_pem: &str) -> Result<Self, IssueError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        Self::as_authority(&mut params);
        Ok(Self { issuer: Issuer::new(params, KeyPair::from_pem(key_pem)?), pem: pem.to_owned() })
    }

    fn as_authority(params: &mut CertificateParams) {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// Its private key, PEM: for a file that only its owner may read.
    pub fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// Issues a certificate for a new key.
    pub fn issue(&self, leaf: Leaf<'_>, validity: Validity) -> Result<Issued, IssueError> {
        let (name, usage, names) = match leaf {
            Leaf::Server(name) => {
                let mut names = vec![SanType::DnsName(name.try_into()?)];
                if name == "localhost" {
                    names.push(SanType::IpAddress([127, 0, 0, 1].into()));
                }
                (name, ExtendedKeyUsagePurpose::ServerAuth, names)
            }
            Leaf::Client { uri, name } => {
                (name, ExtendedKeyUsagePurpose::ClientAuth, vec![SanType::URI(uri.try_into()?)])
            }
        };
        let mut params = params(name, validity);
        params.subject_alt_names = names;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let serial: [u8; 16] = random().ok_or(IssueError::Random)?;
        // Positive, and never shorter.
        let serial: Vec<u8> = std::iter::once(0x4b).chain(serial).collect();
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            pem: certificate.pem(),
            key_pem: key.serialize_pem(),
            serial,
            thumbprint: sha256(&[certificate.der()]),
            key_digest: sha256(&[&key.subject_public_key_info()]),
        })
    }

    /// Its list of revoked serial numbers, each with when, PEM; `number` grows from list to list.
    pub fn list(
        &self,
        revoked: &[(Vec<u8>, DateTime<Utc>)],
        number: u64,
        validity: Validity,
    ) -> Result<String, IssueError> {
        let revoked = revoked.iter().map(|(serial, time)| RevokedCertParams {
            serial_number: SerialNumber::from_slice(serial),
            revocation_time: at!(time),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: at!(validity.from),
            next_update: at!(validity.until),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(params.signed_by(&self.issuer)?.pem()?)
    }
}
