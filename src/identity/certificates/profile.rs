//! The certificate profile (certs/profile.md), as far as X.509 path validation leaves it open: keys, and what they are for.

use super::ChainFault;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION, OID_SIG_ED25519, Oid,
};
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

/// The shortest RSA key, in bits; `ring` verifies none that is shorter.
const RSA_BITS: usize = 2_048;
/// The longest that it verifies.
const RSA_BITS_MOST: usize = 8_192;

/// A certificate, read whole.
pub(super) fn read(der: &[u8]) -> Result<X509Certificate<'_>, ChainFault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(ChainFault::Unreadable),
    }
}

/// What is checked of a client's own certificate beside its path.
pub(super) fn check_client(certificate: &X509Certificate<'_>) -> Result<(), ChainFault> {
    strong(certificate)?;
    if certificate.is_ca() {
        return Err(ChainFault::AuthorityAsClient);
    }
    let usage = certificate.key_usage().map_err(|_| ChainFault::Unreadable)?.ok_or(ChainFault::KeyUsage)?;
    if !usage.value.digital_signature() || usage.value.key_cert_sign() || usage.value.crl_sign() {
        return Err(ChainFault::KeyUsage);
    }
    let extended = certificate.extended_key_usage().map_err(|_| ChainFault::Unreadable)?;
    if !extended.is_some_and(|usage| usage.value.client_auth) {
        return Err(ChainFault::WrongUsage);
    }
    Ok(())
}

/// What is checked of every issuer beside the path that it stands in.
pub(super) fn check_issuer(certificate: &X509Certificate<'_>) -> Result<(), ChainFault> {
    strong(certificate)?;
    let usage = certificate.key_usage().map_err(|_| ChainFault::Unreadable)?;
    if usage.is_some_and(|usage| !usage.value.key_cert_sign()) {
        return Err(ChainFault::KeyUsage);
    }
    Ok(())
}

/// Whether a key is of a kind that is used, and long enough.
pub(super) fn strong(certificate: &X509Certificate<'_>) -> Result<(), ChainFault> {
    let key = certificate.public_key();
    let kind = &key.algorithm.algorithm;
    let curve: Option<Oid<'_>> = key.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
    let fits = if *kind == OID_PKCS1_RSAENCRYPTION {
        match key.parsed() {
            Ok(PublicKey::RSA(rsa)) => {
                (RSA_BITS..=RSA_BITS_MOST).contains(&bits(rsa.modulus))
                    && rsa.try_exponent().is_ok_and(|exponent| exponent >= 65_537 && exponent % 2 == 1)
                    && !crate::crypto::can_be_factored(rsa.modulus)
            }
            Ok(_) | Err(_) => false,
        }
    } else if *kind == OID_KEY_TYPE_EC_PUBLIC_KEY {
        curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384)
    } else {
        *kind == OID_SIG_ED25519 && !crate::crypto::has_few_multiples(&key.subject_public_key.data)
    };
    if fits { Ok(()) } else { Err(ChainFault::WeakKey) }
}

/// The length of an unsigned number.
fn bits(bytes: &[u8]) -> usize {
    let significant: Vec<&u8> = bytes.iter().skip_while(|byte| **byte == 0).collect();
    let first = significant.first().map_or(8, |byte| byte.leading_zeros());
    (significant.len() * 8).saturating_sub(usize::try_from(first).unwrap_or(8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_key_is_that_of_its_number() {
        for (bytes, expected) in
            [(&[][..], 0), (&[0], 0), (&[1], 1), (&[0, 255], 8), (&[128, 0], 16), (&[0, 1, 0], 9)]
        {
            assert_eq!(bits(bytes), expected, "{bytes:?}");
        }
    }
}
