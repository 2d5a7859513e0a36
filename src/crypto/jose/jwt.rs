//! The cryptography of JSON Web Tokens, over `ring`: `EdDSA` (Ed25519) and ES256 to sign, and to verify also ES384, PS256
//! and RS256, which identity providers use.
//!
//! HMAC and `none` are not merely refused: there is no code for them.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ED25519, EcdsaKeyPair,
    Ed25519KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

/// Makes this the process's provider. To be called before the first token is read or written; later calls do nothing.
///
/// Without it the crate panics at its first use, and keeps panicking.
pub fn install() {
    // A second call finds the first one's provider, which is this one.
    let _ = PROVIDER.install_default();
}

/// The one algorithm and the key by which what the holder of a certificate signs is verified: from the certificate's
/// `SubjectPublicKeyInfo`, DER, where that is Ed25519 or P-256.
pub fn key_of(info: &[u8]) -> Option<(Algorithm, DecodingKey)> {
    if let Some(public) = info.strip_prefix(crate::crypto::keys::ED25519_INFO) {
        return Some((Algorithm::EdDSA, DecodingKey::from_ed_der(public)));
    }
    let point = info.strip_prefix(crate::crypto::keys::P256_INFO)?;
    Some((Algorithm::ES256, DecodingKey::from_ec_der(point)))
}

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the crate fixes the signature")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    match (algorithm, key.family()) {
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => {
            let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes())
                .map_err(|_| ErrorKind::InvalidEddsaKey)?;
            Ok(Box::new(EdDsaSigner(pair)))
        }
        (Algorithm::ES256, AlgorithmFamily::Ec) => {
            let random = SystemRandom::new();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_bytes(), &random)
                .map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            Ok(Box::new(Es256Signer { pair, random }))
        }
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the crate fixes the signature")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let scheme: &'static dyn VerificationAlgorithm = match (algorithm, key.family()) {
        (Algorithm::EdDSA, AlgorithmFamily::Ed) => &ED25519,
        (Algorithm::ES256, AlgorithmFamily::Ec) => &ECDSA_P256_SHA256_FIXED,
        (Algorithm::ES384, AlgorithmFamily::Ec) => &ECDSA_P384_SHA384_FIXED,
        (Algorithm::RS256, AlgorithmFamily::Rsa) => return rsa(*algorithm, &RSA_PKCS1_2048_8192_SHA256, key),
        (Algorithm::PS256, AlgorithmFamily::Rsa) => return rsa(*algorithm, &RSA_PSS_2048_8192_SHA256, key),
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    let key = UnparsedPublicKey::new(scheme, key.try_get_as_bytes()?.to_vec());
    Ok(Box::new(RingVerifier { algorithm: *algorithm, key }))
}

/// A verifier for RSA, of 2048 bits at least, by the numbers of the key.
fn rsa(
    algorithm: Algorithm,
    scheme: &'static RsaParameters,
    key: &DecodingKey,
) -> Result<Box<dyn JwtVerifier>> {
    let DecodingKeyKind::RsaModulusExponent { n, e } = key.kind() else {
        return Err(ErrorKind::InvalidKeyFormat.into());
    };
    Ok(Box::new(RsaVerifier {
        algorithm,
        scheme,
        key: RsaPublicKeyComponents { n: n.clone(), e: e.clone() },
    }))
}

struct RsaVerifier {
    algorithm: Algorithm,
    scheme: &'static RsaParameters,
    key: RsaPublicKeyComponents<Vec<u8>>,
}

impl Verifier<Vec<u8>> for RsaVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key.verify(self.scheme, message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for RsaVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct EdDsaSigner(Ed25519KeyPair);

impl Signer<Vec<u8>> for EdDsaSigner {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for EdDsaSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct Es256Signer {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer<Vec<u8>> for Es256Signer {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, Error> {
        let signature = self.pair.sign(&self.random, message).map_err(|_| Error::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for Es256Signer {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

struct RingVerifier {
    algorithm: Algorithm,
    key: UnparsedPublicKey<Vec<u8>>,
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        self.key.verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{Ed25519Key, es256_pkcs8, from_pem, verifying_key_info};
    use jsonwebtoken::crypto::{sign, verify};

    #[test]
    fn both_algorithms_sign_and_verify_and_refuse_another_message() {
        install();
        install();
        let ed = Ed25519Key::generate().unwrap();
        let ec = es256_pkcs8().unwrap();
        let info = verifying_key_info(&ec).unwrap();
        let point = &info[info.len() - 65..];
        for (algorithm, private, public) in [
            (Algorithm::EdDSA, EncodingKey::from_ed_der(ed.pkcs8()), DecodingKey::from_ed_der(&ed.public())),
            (Algorithm::ES256, EncodingKey::from_ec_der(&ec), DecodingKey::from_ec_der(point)),
        ] {
            let signature = sign(b"message", &private, algorithm).unwrap();
            assert!(verify(&signature, b"message", &public, algorithm).unwrap());
            assert!(!verify(&signature, b"massage", &public, algorithm).unwrap());
        }
        assert!(from_pem(b"").is_err());
    }

    #[test]
    fn a_secret_is_no_key() {
        install();
        let key = EncodingKey::from_secret(b"secret");
        assert!(sign(b"message", &key, Algorithm::HS256).is_err());
        assert!(sign(b"message", &key, Algorithm::EdDSA).is_err());
    }
}
