//! Why a token of ours does not hold, one precise reason each.

/// Why a token does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// Not one of our tokens at all.
    #[error("the access token cannot be read; ask for a new one")]
    Malformed,
    /// Another algorithm than its key's.
    #[error("the access token is not signed as this gateway signs; use the one that this gateway gave")]
    Algorithm,
    /// A header with a key of its own, or with an extension.
    #[error("the access token's header has members that are not ours; use the one that this gateway gave")]
    Header,
    /// A key that is not ours, or no longer in use.
    #[error("the access token is signed with a key that is not in use; ask for a new one")]
    Key,
    /// Not `typ: at+jwt`.
    #[error("this token is not an access token; use the one that this gateway gave")]
    Type,
    /// Wrong signature.
    #[error("the access token's signature does not hold; ask for a new one")]
    Signature,
    /// Another issuer.
    #[error("the access token was issued elsewhere; ask this gateway for one")]
    Issuer,
    /// Another audience.
    #[error("the access token is meant for another service; ask this gateway for one")]
    Audience,
    /// Past its end.
    #[error("the access token has expired; ask for a new one")]
    Expired,
    /// Before its start.
    #[error("the access token does not hold yet; check the clocks")]
    NotYet,
    /// Taken back.
    #[error("the access token was revoked; ask for a new one")]
    Revoked,
}

impl TokenFault {
    /// The one word that the audit keeps.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "token_malformed",
            Self::Algorithm => "token_algorithm",
            Self::Header => "token_header",
            Self::Key => "token_key",
            Self::Type => "token_type",
            Self::Signature => "token_signature",
            Self::Issuer => "token_issuer",
            Self::Audience => "token_audience",
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet",
            Self::Revoked => "token_revoked",
        }
    }
}
