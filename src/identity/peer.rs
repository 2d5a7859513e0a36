//! The client certificate of a connection, read once after TLS has verified it.

use crate::crypto::sha256;
use chrono::{DateTime, Utc};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Why a verified certificate is still of no use.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// Not DER of an X.509 certificate.
    #[error("the certificate cannot be read; issue it by the certificate profile")]
    Unreadable,
}

/// The peer of a connection, as its verified certificate describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// SHA-256 of the certificate, DER (RFC 8705 section 3.1).
    pub thumbprint: [u8; 32],
    /// Every URI among its subject alternative names.
    pub san_uris: Vec<String>,
    /// Start of its validity.
    pub not_before: DateTime<Utc>,
    /// End of its validity.
    pub not_after: DateTime<Utc>,
    /// Its `SubjectPublicKeyInfo`, DER.
    pub key: Vec<u8>,
    /// SHA-256 of its `SubjectPublicKeyInfo`, DER.
    pub key_digest: [u8; 32],
}

impl Peer {
    /// Reads a certificate that TLS has already verified; it checks no signature and no date itself.
    pub fn from_der(der: &[u8]) -> Result<Self, PeerError> {
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| PeerError::Unreadable)?;
        if !rest.is_empty() {
            return Err(PeerError::Unreadable);
        }
        let names = certificate.subject_alternative_name().map_err(|_| PeerError::Unreadable)?;
        let san_uris = names
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| if let GeneralName::URI(uri) = name { Some((*uri).to_owned()) } else { None })
            .collect();
        let at = |time: x509_parser::time::ASN1Time| {
            DateTime::from_timestamp(time.timestamp(), 0).ok_or(PeerError::Unreadable)
        };
        let validity = certificate.validity();
        let key = certificate.tbs_certificate.subject_pki.raw;
        Ok(Self {
            thumbprint: sha256(&[der]),
            san_uris,
            not_before: at(validity.not_before)?,
            not_after: at(validity.not_after)?,
            key: key.to_vec(),
            key_digest: sha256(&[key]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing;

    #[test]
    fn reads_the_name_the_digest_and_the_end_and_refuses_the_rest() {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = testing::certificate(&key, "urn:schoolgate:org:a:system:b");
        let peer = Peer::from_der(certificate.der()).unwrap();
        assert_eq!(peer.san_uris, ["urn:schoolgate:org:a:system:b"]);
        assert_eq!(peer.thumbprint, sha256(&[certificate.der()]));
        assert_eq!(peer.not_after.to_rfc3339(), "2040-01-01T00:00:00+00:00");
        assert!(Peer::from_der(&certificate.der()[1..]).is_err());
        assert!(Peer::from_der(&[certificate.der().as_ref(), b"x"].concat()).is_err());
    }
}
