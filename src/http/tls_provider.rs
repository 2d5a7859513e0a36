//! The cryptography of TLS. This file stands alone: `tools/hybrid` compiles it by itself, and shakes hands with it.

use rustls::crypto::{CryptoProvider, SupportedKxGroup};

/// The cryptography of TLS: ring's, and with the feature `pq` one more way to agree on keys.
pub(super) fn provider() -> CryptoProvider {
    let usual = rustls::crypto::ring::default_provider();
    CryptoProvider { kx_groups: groups(&usual), ..usual }
}

/// Post-quantum first: whoever can is met there, and others as before (docs/decisions/0036).
#[cfg(feature = "pq")]
fn groups(usual: &CryptoProvider) -> Vec<&'static dyn SupportedKxGroup> {
    let first = rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768;
    std::iter::once(first).chain(usual.kx_groups.iter().copied()).collect()
}

#[cfg(not(feature = "pq"))]
fn groups(usual: &CryptoProvider) -> Vec<&'static dyn SupportedKxGroup> {
    usual.kx_groups.clone()
}
