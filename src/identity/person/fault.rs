//! Why a provider's token proves nobody, one precise reason each.

/// Why a token of an identity provider is not taken in exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectFault {
    /// Not a signed token, or without what every one has.
    Malformed,
    /// A header with a key of its own, or with an extension.
    Header,
    /// Another algorithm than is registered for the provider.
    Algorithm,
    /// Another type than was said.
    Type,
    /// An issuer that is not registered for this organisation.
    Issuer,
    /// Another tenant of a registered issuer.
    Tenant,
    /// A key that the provider does not have.
    Key,
    /// A signature that does not hold.
    Signature,
    /// Made for another service, or for another system.
    Audience,
    /// Asked for by another client of the provider.
    Client,
    /// Past its end.
    Expired,
    /// Issued in the future, or not to be used yet.
    NotYet,
    /// Issued too long ago, or good for too long.
    Old,
    /// The person signed in too long ago.
    SignedInLongAgo,
    /// No second factor.
    Mfa,
    /// Already the token of one who acts for another.
    Delegated,
    /// Bound to a key or certificate that is not this connection's.
    Bound,
    /// Used before.
    Replayed,
    /// The provider does not give the person this role.
    Role,
    /// Only attested, where a second factor must be shown.
    Attested,
    /// Suspended.
    Suspended,
    /// Known as another organisation's.
    Elsewhere,
    /// The provider's keys cannot be had now.
    Unreachable,
}

impl SubjectFault {
    /// The one word that the audit keeps.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Malformed => "subject_malformed",
            Self::Header => "subject_header",
            Self::Algorithm => "subject_algorithm",
            Self::Type => "subject_type",
            Self::Issuer => "subject_issuer",
            Self::Tenant => "subject_tenant",
            Self::Key => "subject_key",
            Self::Signature => "subject_signature",
            Self::Audience => "subject_audience",
            Self::Client => "subject_client",
            Self::Expired => "subject_expired",
            Self::NotYet => "subject_not_yet",
            Self::Old => "subject_old",
            Self::SignedInLongAgo => "subject_signed_in_long_ago",
            Self::Mfa => "subject_mfa",
            Self::Delegated => "subject_delegated",
            Self::Bound => "subject_bound",
            Self::Replayed => "subject_replayed",
            Self::Role => "role_of_other_person",
            Self::Attested => "mfa_only_attested",
            Self::Suspended => "person_suspended",
            Self::Elsewhere => "person_of_other_organisation",
            Self::Unreachable => "provider_unreachable",
        }
    }

    /// What to do next.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::Malformed => {
                "the subject_token cannot be read; send the token as the identity provider gave it"
            }
            Self::Header => "the subject_token's header has a key or an extension; send a plain signed token",
            Self::Algorithm => {
                "the subject_token is signed with an algorithm that is not registered for its provider"
            }
            Self::Type => "the subject_token is not of the type that subject_token_type says",
            Self::Issuer => {
                "the subject_token's issuer is not registered for this organisation; ask the operator"
            }
            Self::Tenant => "the subject_token is of another tenant than is registered for this organisation",
            Self::Key => "the subject_token is signed with a key that its provider does not publish",
            Self::Signature => "the subject_token's signature does not hold; send it as it was given",
            Self::Audience => {
                "the subject_token was made for another service or system; ask for one for this one"
            }
            Self::Client => "the subject_token was given to another client; ask for one as this system's own",
            Self::Expired => "the subject_token has expired; ask the identity provider for a new one",
            Self::NotYet => "the subject_token does not hold yet; check the clocks",
            Self::Old => {
                "the subject_token is too old or holds for too long; ask the identity provider for a new one"
            }
            Self::SignedInLongAgo => {
                "the person signed in over eight hours ago, or the token does not say when; sign in anew"
            }
            Self::Mfa => "the subject_token shows no second factor; sign in with one",
            Self::Delegated => "the subject_token is of one who acts for another; the person's own is needed",
            Self::Bound => "the subject_token is bound to another key than this connection's",
            Self::Replayed => "the subject_token was used before; ask the identity provider for a new one",
            Self::Role => {
                "the identity provider's claims do not give this person this role; ask the operator to map it"
            }
            Self::Attested => {
                "this purpose needs a second factor that the token shows, not one that is only attested"
            }
            Self::Suspended => "this person is suspended; ask the operator why",
            Self::Elsewhere => "this person is registered with another organisation; ask the operator",
            Self::Unreachable => "the identity provider's keys cannot be fetched; try again",
        }
    }
}
