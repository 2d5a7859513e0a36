//! How callers are proved: what access tokens are signed with, and the way out to identity providers.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How callers are proved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// What access tokens are signed with; those that the other kind signed are read all the same.
    pub tokens_signed_with: TokenAlgorithm,
    /// The authorities of identity providers' own certificates, PEM; without, those of this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_authorities: Option<PathBuf>,
    /// Whether an identity provider on this machine itself may be spoken to without TLS.
    pub allow_loopback_http: bool,
}

/// What access tokens are signed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenAlgorithm {
    /// Ed25519, RFC 8037.
    #[default]
    #[serde(rename = "EdDSA")]
    EdDsa,
    /// ECDSA on P-256, RFC 7518.
    #[serde(rename = "ES256")]
    Es256,
}
