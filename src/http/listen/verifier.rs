//! The client's part of a handshake, for the TLS library: certificates are judged by what is trusted at that moment.

use crate::identity::{ChainFault, LiveTrust};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, PeerIncompatible,
    SignatureScheme,
};
use rustls_pki_types::{CertificateDer, UnixTime};
use std::sync::Arc;

/// Asks every client for a certificate, and lets in whom [`LiveTrust`] lets in.
#[derive(Debug)]
pub(super) struct Verifier {
    trust: LiveTrust,
    subjects: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// With the names of the authorities as they are now.
    pub(super) fn new(trust: LiveTrust) -> Self {
        let algorithms = crate::http::tls_provider::provider().signature_verification_algorithms;
        Self { subjects: trust.current().authorities().subjects(), trust, algorithms }
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.subjects
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> =
            std::iter::once(end_entity).chain(intermediates).cloned().collect();
        self.trust.check(&chain).map_err(told)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // No handshake of that version comes this far.
        Err(PeerIncompatible::Tls12NotOfferedOrEnabled.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A fault as the library takes it: those that TLS has an alert for as such, so that the client hears of it.
fn told(fault: ChainFault) -> Error {
    use CertificateError as Alert;
    let alert = match fault {
        ChainFault::Expired => Alert::Expired,
        ChainFault::NotYet => Alert::NotValidYet,
        ChainFault::Revoked => Alert::Revoked,
        ChainFault::UnknownAuthority => Alert::UnknownIssuer,
        ChainFault::BadSignature => Alert::BadSignature,
        ChainFault::WrongUsage => Alert::InvalidPurpose,
        ChainFault::NoList
        | ChainFault::StaleList
        | ChainFault::BadList
        | ChainFault::Closed
        | ChainFault::SignatureAlgorithm
        | ChainFault::KeyUsage
        | ChainFault::AuthorityAsClient
        | ChainFault::NoAuthority
        | ChainFault::PathLength
        | ChainFault::NameConstraint
        | ChainFault::UnknownExtension
        | ChainFault::WeakKey
        | ChainFault::TooLong
        | ChainFault::Unreadable => Alert::Other(OtherError(Arc::new(fault))),
    };
    alert.into()
}

/// The word for why a certificate was refused.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library has faults that are not of ours; what is not told apart is unreadable"
)]
pub(super) fn word(fault: &CertificateError) -> &'static str {
    let fault = match fault {
        CertificateError::Expired => ChainFault::Expired,
        CertificateError::NotValidYet => ChainFault::NotYet,
        CertificateError::Revoked => ChainFault::Revoked,
        CertificateError::UnknownIssuer => ChainFault::UnknownAuthority,
        CertificateError::BadSignature => ChainFault::BadSignature,
        CertificateError::InvalidPurpose => ChainFault::WrongUsage,
        CertificateError::Other(OtherError(ours)) => {
            ours.downcast_ref().copied().unwrap_or(ChainFault::Unreadable)
        }
        _ => ChainFault::Unreadable,
    };
    fault.word()
}
