//! Why a caller is not proved: one precise reason each, none of which tells anything about a child.

use super::TokenFault;

/// Why a request is not served before anything is asked about a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// No client certificate.
    #[error("no client certificate; connect with your system's certificate")]
    NoCertificate,
    /// A certificate that is not registered, not yet or no longer valid, or revoked.
    #[error("this certificate is not registered, or no longer valid; ask the operator to register it")]
    UnknownCertificate,
    /// The certificate's name is not that of the system it is registered for.
    #[error(
        "the certificate's SAN URI is not that of its registered system; issue it by the certificate profile"
    )]
    OtherName,
    /// No `Authorization` header.
    #[error("no access token; ask for one at /oauth2/token and send it as `Authorization: Bearer`")]
    NoToken,
    /// An `Authorization` header of another form.
    #[error("the Authorization header is not `Bearer` and one token; send it in that form")]
    NotBearer,
    /// A token that does not hold.
    #[error(transparent)]
    Token(#[from] TokenFault),
    /// A token bound to another certificate.
    #[error(
        "the access token is bound to another certificate; ask for one over this connection's certificate"
    )]
    OtherCertificate,
    /// A token of another system.
    #[error("the access token belongs to another client; ask for one as this client")]
    OtherClient,
    /// The person may not be served.
    #[error("the person is suspended; ask the operator why")]
    PersonSuspended,
    /// The person's identity provider is no longer registered, or no longer gives anybody the role.
    #[error("the person's identity provider is no longer registered for this role; ask the operator")]
    PersonWithdrawn,
    /// The directory no longer gives the role to the system.
    #[error("the directory no longer gives this role to this system; ask for a token with a role it has")]
    RoleWithdrawn,
    /// The directory does not let the system act for the organisation that the token names.
    #[error(
        "the directory does not let this system act for that organisation today; ask for a token for one that it acts for"
    )]
    ActingWithdrawn,
    /// The organisation may not be served.
    #[error("the organisation is suspended; ask the operator why")]
    Suspended,
}

impl Unauthenticated {
    /// The one word that the audit keeps.
    pub const fn why(self) -> &'static str {
        match self {
            Self::NoCertificate => "no_certificate",
            Self::UnknownCertificate => "unknown_certificate",
            Self::OtherName => "certificate_name",
            Self::NoToken => "no_token",
            Self::NotBearer => "not_bearer",
            Self::Token(fault) => fault.why(),
            Self::OtherCertificate => "token_of_other_certificate",
            Self::OtherClient => "token_of_other_client",
            Self::PersonSuspended => "person_suspended",
            Self::PersonWithdrawn => "person_withdrawn",
            Self::RoleWithdrawn => "role_withdrawn",
            Self::ActingWithdrawn => "acting_withdrawn",
            Self::Suspended => "suspended",
        }
    }

    /// The `error` of `WWW-Authenticate` (RFC 6750 section 3.1); none where no token was sent at all.
    pub const fn bearer_error(self) -> Option<&'static str> {
        match self {
            Self::NotBearer => Some("invalid_request"),
            Self::NoToken | Self::Suspended => None,
            Self::NoCertificate
            | Self::UnknownCertificate
            | Self::OtherName
            | Self::Token(_)
            | Self::OtherCertificate
            | Self::OtherClient
            | Self::PersonSuspended
            | Self::PersonWithdrawn
            | Self::RoleWithdrawn
            | Self::ActingWithdrawn => Some("invalid_token"),
        }
    }
}
