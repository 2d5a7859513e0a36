//! Certificates and revocation lists of a test's own, good ones and such as no authority should make.

use crate::support::signed::prime;
use num_bigint::BigUint;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData,
    RevokedCertParams, SanType, SerialNumber, SigningKey,
};
use rustls::sign::{CertifiedKey, Signer};
use rustls::{SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use schoolgate::crypto::{from_hex, sha256};
use std::sync::Arc;

/// An authority that can sign.
pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// The system whose certificates are right in every test.
pub const RIGHT: &str = "urn:schoolgate:org:council:system:cases";

/// A time so many seconds from now, as `rcgen` has it.
macro_rules! at {
    ($seconds:expr) => {
        rcgen::date_time_ymd(1970, 1, 1)
            + std::time::Duration::from_secs(
                u64::try_from(schoolgate::clock::Clock::machine().now().timestamp() + $seconds).unwrap(),
            )
    };
}
pub(crate) use at;

/// An hour, in seconds.
pub const HOUR: i64 = 3_600;

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (at!(-HOUR), at!(24 * HOUR));
    params
}

fn of_authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = true;
    params
}

/// An authority of its own.
pub fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(of_authority(name), KeyPair::generate().unwrap()).unwrap()
}

/// An authority under another, with one thing changed.
pub fn under(issuer: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Authority {
    let mut params = of_authority(name);
    change(&mut params);
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), issuer).unwrap()
}

/// What a right client's certificate says.
pub fn of_client(uri: &str) -> CertificateParams {
    let mut params = named("cases");
    params.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    params.serial_number = Some(SerialNumber::from_slice(&uuid::Uuid::now_v7().into_bytes()));
    params
}

/// A client: its chain, its own certificate first, and what signs for it.
#[derive(Clone, Debug)]
pub struct Client {
    pub chain: Vec<Vec<u8>>,
    pub key: Key,
}

/// What a client signs its handshake with.
#[derive(Clone, Debug)]
pub enum Key {
    /// A key of its own, PKCS#8.
    Own(Vec<u8>),
    /// A key that is not at hand: the signature is made up.
    MadeUp,
}

impl Client {
    /// A right client of an authority, with one thing changed.
    pub fn of(issuer: &Authority, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = of_client(RIGHT);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        Self { chain: vec![certificate.der().to_vec()], key: Key::Own(key.serialize_der()) }
    }

    /// With these authorities sent along.
    pub fn with<'a>(mut self, others: impl IntoIterator<Item = &'a Authority>) -> Self {
        self.chain.extend(others.into_iter().map(|other| other.der().to_vec()));
        self
    }

    /// With its own certificate changed, byte for byte.
    pub fn changed(mut self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Self {
        let first = self.chain.remove(0);
        self.chain.insert(0, change(first));
        self
    }

    /// The serial number of its own certificate.
    pub fn serial(&self) -> Vec<u8> {
        elements(&self.tbs())[1].1.clone()
    }

    /// Its own certificate's signed part.
    pub fn tbs(&self) -> Vec<u8> {
        tbs(&self.chain[0])
    }

    /// Its certificate and key for the TLS library.
    pub fn certified(&self) -> CertifiedKey {
        let chain: Vec<CertificateDer<'static>> =
            self.chain.iter().cloned().map(CertificateDer::from).collect();
        let key: Arc<dyn rustls::sign::SigningKey> = match &self.key {
            Key::Own(pkcs8) => {
                let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pkcs8.clone()));
                rustls::crypto::ring::sign::any_supported_type(&key).unwrap()
            }
            Key::MadeUp => Arc::new(MadeUp),
        };
        CertifiedKey::new(chain, key)
    }

    /// In PEM: the chain, and the key.
    pub fn pem(&self) -> (String, String) {
        let chain: Vec<String> = self.chain.iter().map(|der| pem("CERTIFICATE", der)).collect();
        let Key::Own(key) = &self.key else { panic!("its key is not at hand") };
        (chain.concat(), pem("PRIVATE KEY", key))
    }
}

/// PEM of a kind.
pub fn pem(label: &str, der: &[u8]) -> String {
    schoolgate::crypto::to_pem(label, der).to_string()
}

/// Signs whatever it is given with the same bytes.
#[derive(Debug)]
struct MadeUp;

impl rustls::sign::SigningKey for MadeUp {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered.contains(&SignatureScheme::RSA_PSS_SHA256).then(|| Box::new(Self) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RSA
    }
}

impl Signer for MadeUp {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Ok(vec![7; 256])
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::RSA_PSS_SHA256
    }
}

/// A number without a sign, in DER.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let sign = if bytes[0] & 0x80 == 0 { &[][..] } else { &[0] };
    tlv(0x02, &[sign, bytes].concat())
}

/// What signs, whatever it is given.
type Signs = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key that no authority should have, with what signs by it all the same.
pub struct Odd {
    public: Vec<u8>,
    algorithm: &'static rcgen::SignatureAlgorithm,
    sign: Signs,
}

impl Odd {
    /// RSA by primes of so many bytes, with an exponent; PKCS #1 v1.5 over SHA-256 (RFC 8017 section 9.2).
    pub fn rsa<const BYTES: usize>(exponent: u32) -> Self {
        const NAMED: &str = "3031300d060960864801650304020105000420";
        let (one, exponent) = (BigUint::from(1_u8), BigUint::from(exponent));
        let factors = [prime::<BYTES>(&exponent), prime::<BYTES>(&exponent)];
        let private = exponent.modinv(&((&factors[0] - &one) * (&factors[1] - &one))).unwrap();
        let modulus = &factors[0] * &factors[1];
        let public = tlv(0x30, &[integer(&modulus.to_bytes_be()), integer(&exponent.to_bytes_be())].concat());
        let sign = move |message: &[u8]| {
            let info = [from_hex(NAMED).unwrap(), sha256(&[message]).to_vec()].concat();
            let padding = vec![0xff; 2 * BYTES - 3 - info.len()];
            let block = [&[0, 1][..], &padding, &[0], &info].concat();
            let signature = BigUint::from_bytes_be(&block).modpow(&private, &modulus).to_bytes_be();
            [vec![0; 2 * BYTES - signature.len()], signature].concat()
        };
        Self { public, algorithm: &rcgen::PKCS_RSA_SHA256, sign: Box::new(sign) }
    }

    /// The neutral point of Ed25519: whatever is signed, the same signature holds, and anybody can write it.
    pub fn neutral() -> Self {
        let point = || [&[1][..], &[0; 31]].concat();
        let sign = Box::new(move |_: &[u8]| [point(), vec![0; 32]].concat());
        Self { public: point(), algorithm: &rcgen::PKCS_ED25519, sign }
    }

    /// A right client of an authority that has this key, sent along, and that authority's list.
    pub fn client(self, root: &Authority, name: &str) -> (Client, String) {
        let issuer = CertifiedIssuer::signed_by(of_authority(name), self, root).unwrap();
        let key = KeyPair::generate().unwrap();
        let own = of_client(RIGHT).signed_by(&key, &issuer).unwrap();
        let chain = vec![own.der().to_vec(), issuer.der().to_vec()];
        (Client { chain, key: Key::Own(key.serialize_der()) }, list(&issuer, &[], -HOUR, 24 * HOUR))
    }
}

impl PublicKeyData for Odd {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Odd {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Ok((self.sign)(message))
    }
}

/// An RSA key by its public half alone: so many bits of modulus, and the exponent.
pub struct Rsa(Vec<u8>);

impl Rsa {
    /// Of a number that nobody can divide, and nobody has to.
    pub fn of(bits: usize, exponent: &[u8]) -> Self {
        let mut modulus: Vec<u8> =
            (0..bits.div_ceil(8)).map(|n| u8::try_from(n * 37 % 251).unwrap() | 1).collect();
        let top = (bits - 1) % 8;
        modulus[0] = u8::try_from((0xff_u16 >> (7 - top)) & 0xff).unwrap();
        Self(tlv(0x30, &[integer(&modulus), integer(exponent)].concat()))
    }
}

impl PublicKeyData for Rsa {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

/// A client with this public key, whose private half nobody has.
pub fn client_with_key(issuer: &Authority, key: &impl PublicKeyData) -> Client {
    let certificate = of_client(RIGHT).signed_by(key, issuer).unwrap();
    Client { chain: vec![certificate.der().to_vec()], key: Key::MadeUp }
}

/// A list of what an authority has revoked, made so many seconds ago and due again in so many.
pub fn list(issuer: &Issuer<'_, impl SigningKey>, serials: &[Vec<u8>], made: i64, due: i64) -> String {
    let revoked = serials.iter().map(|serial| RevokedCertParams {
        serial_number: SerialNumber::from_slice(serial),
        revocation_time: at!(made),
        reason_code: None,
        invalidity_date: None,
    });
    let params = CertificateRevocationListParams {
        this_update: at!(made),
        next_update: at!(due),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: revoked.collect(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().pem().unwrap()
}

/// One element of DER.
pub fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let head = match length {
        ..=0x7f => vec![tag, u8::try_from(length).unwrap()],
        0x80..=0xff => vec![tag, 0x81, u8::try_from(length).unwrap()],
        _ => vec![tag, 0x82, u8::try_from(length >> 8).unwrap(), u8::try_from(length & 0xff).unwrap()],
    };
    [head, content.to_vec()].concat()
}

/// The elements in one, each with its tag and content.
pub fn elements(der: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut rest = content(der).1;
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (length, inner) = content(&rest);
        found.push((rest[0], inner));
        rest = rest[length..].to_vec();
    }
    found
}

/// The whole length of the first element, and its content.
fn content(der: &[u8]) -> (usize, Vec<u8>) {
    let (head, length) = match der[1] {
        short @ ..=0x7f => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        _ => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
    };
    (head + length, der[head..head + length].to_vec())
}

/// The signed part of a certificate.
pub fn tbs(certificate: &[u8]) -> Vec<u8> {
    let (tag, inner) = elements(certificate).remove(0);
    tlv(tag, &inner)
}

/// A certificate with the elements of its signed part changed, signed anew; `algorithm` stands outside where it is given.
pub fn resigned(
    certificate: &[u8],
    issuer: &Authority,
    algorithm: Option<Vec<u8>>,
    change: impl FnOnce(&mut Vec<(u8, Vec<u8>)>),
) -> Vec<u8> {
    let mut parts = elements(&tbs(certificate));
    change(&mut parts);
    let inner: Vec<Vec<u8>> = parts.iter().map(|(tag, content)| tlv(*tag, content)).collect();
    let signed = tlv(0x30, &inner.concat());
    let (tag, own) = elements(certificate).remove(1);
    let algorithm = algorithm.unwrap_or_else(|| tlv(tag, &own));
    let signature = [vec![0], issuer.key().sign(&signed).unwrap()].concat();
    tlv(0x30, &[signed, algorithm, tlv(0x03, &signature)].concat())
}

/// A certificate with bytes of its signed part replaced, signed anew.
pub fn replaced(certificate: &[u8], issuer: &Authority, from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut found = false;
    let certificate = resigned(certificate, issuer, None, |parts| {
        for (_, content) in parts {
            if let Some(at) = content.windows(from.len()).position(|bytes| bytes == from) {
                content[at..at + to.len()].copy_from_slice(to);
                found = true;
            }
        }
    });
    assert!(found, "nothing to replace");
    certificate
}
