//! Why a chain of certificates is refused, one word each, and why a file of the gateway's own cannot be used.

use std::path::PathBuf;

/// Why a client's chain is refused. The client is told no more than that it is; the audit and the operator get the word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    /// Past its end, or with an end before its beginning.
    #[error("a certificate of the chain has expired")]
    Expired,
    /// Before its beginning.
    #[error("a certificate of the chain is not valid yet")]
    NotYet,
    /// On its issuer's list.
    #[error("a certificate of the chain has been revoked")]
    Revoked,
    /// Its issuer has no list here.
    #[error("there is no revocation list of an issuer of the chain")]
    NoList,
    /// The list of its issuer is past its time.
    #[error("the revocation list of an issuer of the chain is past its time")]
    StaleList,
    /// The list of its issuer is not by its issuer, or of a kind that is not read.
    #[error("the revocation list of an issuer of the chain does not hold")]
    BadList,
    /// The lists cannot be read, or one is past its time: nobody is let in.
    #[error("the revocation lists cannot be used now")]
    Closed,
    /// No way to an authority.
    #[error("the chain leads to no authority")]
    UnknownAuthority,
    /// Signed by a key that is not the issuer's.
    #[error("a signature of the chain does not hold")]
    BadSignature,
    /// Signed by an algorithm that is not used here, SHA-1 among them.
    #[error("a signature of the chain is of an algorithm that is not used")]
    SignatureAlgorithm,
    /// Not for client authentication.
    #[error("the certificate is not for client authentication")]
    WrongUsage,
    /// A key usage that does not fit what the certificate does.
    #[error("the key usage of a certificate of the chain does not fit")]
    KeyUsage,
    /// An authority's certificate in the place of a client's.
    #[error("an authority's certificate is no client's")]
    AuthorityAsClient,
    /// An issuer that is no authority.
    #[error("an issuer of the chain is no authority")]
    NoAuthority,
    /// Longer than an authority allows.
    #[error("the chain is longer than an authority allows")]
    PathLength,
    /// A name outside what an authority may certify.
    #[error("a name is outside what an authority may certify")]
    NameConstraint,
    /// A critical extension that is not understood.
    #[error("a critical extension of the chain is not understood")]
    UnknownExtension,
    /// A key that is too short, or of a kind that is not used.
    #[error("a key of the chain is too weak")]
    WeakKey,
    /// So long or so tangled that it is not followed.
    #[error("the chain is too long")]
    TooLong,
    /// Not to be read as X.509 version 3.
    #[error("a certificate of the chain cannot be read")]
    Unreadable,
}

impl ChainFault {
    /// The one word that the audit keeps.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYet => "not_valid_yet",
            Self::Revoked => "revoked",
            Self::NoList => "revocation_unknown",
            Self::StaleList => "revocation_list_stale",
            Self::BadList => "revocation_list_invalid",
            Self::Closed => "revocation_lists_unusable",
            Self::UnknownAuthority => "unknown_authority",
            Self::BadSignature => "bad_signature",
            Self::SignatureAlgorithm => "signature_algorithm",
            Self::WrongUsage => "wrong_usage",
            Self::KeyUsage => "key_usage",
            Self::AuthorityAsClient => "authority_as_client",
            Self::NoAuthority => "not_an_authority",
            Self::PathLength => "path_length",
            Self::NameConstraint => "name_constraint",
            Self::UnknownExtension => "unknown_extension",
            Self::WeakKey => "weak_key",
            Self::TooLong => "chain_too_long",
            Self::Unreadable => "unreadable_certificate",
        }
    }
}

impl From<webpki::Error> for ChainFault {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the library adds faults; each not told apart is unreadable"
    )]
    fn from(error: webpki::Error) -> Self {
        use webpki::Error as Fault;
        match error {
            Fault::CertExpired { .. } | Fault::InvalidCertValidity => Self::Expired,
            Fault::CertNotValidYet { .. } => Self::NotYet,
            Fault::CertRevoked => Self::Revoked,
            Fault::UnknownRevocationStatus => Self::NoList,
            Fault::CrlExpired { .. } => Self::StaleList,
            Fault::IssuerNotCrlSigner
            | Fault::InvalidCrlSignatureForPublicKey
            | Fault::UnsupportedCrlSignatureAlgorithmContext(_)
            | Fault::UnsupportedCrlSignatureAlgorithmForPublicKeyContext(_) => Self::BadList,
            Fault::UnknownIssuer => Self::UnknownAuthority,
            Fault::InvalidSignatureForPublicKey => Self::BadSignature,
            Fault::SignatureAlgorithmMismatch
            | Fault::UnsupportedSignatureAlgorithmContext(_)
            | Fault::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => Self::SignatureAlgorithm,
            Fault::RequiredEkuNotFoundContext(_) | Fault::EmptyEkuExtension => Self::WrongUsage,
            Fault::CaUsedAsEndEntity => Self::AuthorityAsClient,
            Fault::EndEntityUsedAsCa => Self::NoAuthority,
            Fault::PathLenConstraintViolated => Self::PathLength,
            Fault::NameConstraintViolation => Self::NameConstraint,
            Fault::UnsupportedCriticalExtension => Self::UnknownExtension,
            Fault::MaximumPathDepthExceeded
            | Fault::MaximumPathBuildCallsExceeded
            | Fault::MaximumSignatureChecksExceeded
            | Fault::MaximumNameConstraintComparisonsExceeded => Self::TooLong,
            _ => Self::Unreadable,
        }
    }
}

/// Why a file of the gateway's own is not used, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum CertificateFault {
    /// Not there, or not to be read.
    #[error("cannot read `{path}`: {fault}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the operating system says.
        fault: std::io::Error,
    },
    /// A private key that others may read, or that is not there.
    #[error(transparent)]
    Key(#[from] crate::crypto::KeyFileError),
    /// Not what it should be.
    #[error("`{path}` holds no {what} that can be read; check the file")]
    Form {
        /// Which.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
    },
    /// An authority that is none, or whose key is too weak.
    #[error("`{path}`: certificate {number} {why}; take it out, or ask whoever issued it for a better one")]
    Authority {
        /// Which file.
        path: PathBuf,
        /// Its place in the file, from 1.
        number: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A revocation list that cannot be gone by.
    #[error("`{path}`: {why}; fetch the authority's newest list")]
    List {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A list of before the one in force.
    #[error("a revocation list is older than the one in force; fetch the authority's newest list")]
    Older,
    /// Certificate and key do not belong together, or are of an unknown kind.
    #[error("certificate and key cannot be used together: {0}; check that they belong to each other")]
    Pair(#[from] rustls::Error),
    /// The server's certificate is past its end.
    #[error("the server certificate `{0}` has expired; put a new one there")]
    Expired(PathBuf),
}
