//! Signatures and keys of a forger's own making, after the published rules that Wycheproof's groups collect (docs/security.md
//! says which): with the right private key at hand, so that nothing but the rule refuses them.

use crate::support::signed::{Pair, TestKey, parts, rsa_numbers};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use num_bigint::BigUint;
use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use schoolgate::crypto::from_hex;
use serde_json::{Value, json};

/// A good token with each signature in turn that must not hold by the key which signed it.
pub fn tokens(key: &TestKey, good: &str) -> Vec<(String, String)> {
    let [header, payload, signature] = parts(good);
    let signed = format!("{header}.{payload}");
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let own = match &key.pair {
        Pair::Ed(_) => ed(&signature),
        Pair::Ec(_) => ec(&signature),
        Pair::Rsa(_) if key.alg == "PS256" => pss(key, signed.as_bytes()),
        Pair::Rsa(_) => pkcs1(key, signed.as_bytes()),
        Pair::Secret(_) => panic!("a secret signs nothing here"),
    };
    let more = if matches!(key.pair, Pair::Rsa(_)) { numbers(&signature) } else { Vec::new() };
    let all = own.into_iter().chain(more).chain(lengths(&signature));
    all.map(|(what, bytes)| {
        assert_ne!(bytes, signature, "{what}");
        (format!("{}, {what}", key.alg), format!("{signed}.{}", URL_SAFE_NO_PAD.encode(bytes)))
    })
    .collect()
}

type Signature = (&'static str, Vec<u8>);

/// Of any kind: another length, another bit, nothing but zeros or ones.
fn lengths(good: &[u8]) -> Vec<Signature> {
    let (first, last) = (good[..good.len() - 1].to_vec(), good[1..].to_vec());
    let flipped = |at: usize, bit: u8| {
        let mut bytes = good.to_vec();
        bytes[at] ^= bit;
        bytes
    };
    vec![
        ("nothing", Vec::new()),
        ("a byte short", first),
        ("its first byte gone", last),
        ("a zero behind", [good, &[0]].concat()),
        ("a zero before", [&[0], good].concat()),
        ("twice", good.repeat(2)),
        ("half", good[..good.len() / 2].to_vec()),
        ("zeros", vec![0; good.len()]),
        ("ones", vec![0xff; good.len()]),
        ("its first bit turned", flipped(0, 0x80)),
        ("its last bit turned", flipped(good.len() - 1, 1)),
    ]
}

fn sized(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; length.saturating_sub(bytes.len())], bytes].concat()
}

/// RFC 8032 section 5.1.7: S is below the order of the group, so that there is one signature and no second.
fn ed(good: &[u8]) -> Vec<Signature> {
    const ORDER: &str = "1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed";
    let order = BigUint::from_bytes_be(&from_hex(ORDER).unwrap());
    let (r, s) = good.split_at(32);
    let with = |r: &[u8], s: &BigUint| {
        let mut bytes = s.to_bytes_le();
        bytes.resize(32, 0);
        [r, &bytes].concat()
    };
    let number = BigUint::from_bytes_le(s);
    let neutral = [&[1][..], &[0; 31]].concat();
    let (mut high, mut other_sign) = (good.to_vec(), good.to_vec());
    high[63] |= 0xe0;
    other_sign[31] ^= 0x80;
    vec![
        ("S and the order", with(r, &(&number + &order))),
        ("S and twice the order", with(r, &(&number + &order + &order))),
        ("S negative", with(r, &(&order - &number))),
        ("S the order itself", with(r, &order)),
        ("the neutral R, S nothing", with(&neutral, &BigUint::ZERO)),
        ("the neutral R, S the order", with(&neutral, &order)),
        ("the neutral R", with(&neutral, &number)),
        ("the highest bits of S", high),
        ("R of the other sign", other_sign),
        ("R and S the other way round", [s, r].concat()),
    ]
}

/// FIPS 186-5 section 6.4.2: r and s from 1 to below the order; RFC 7518 section 3.4: both of the curve's length, one behind
/// the other, and never in DER. That s may be replaced by its negative is no fault of a signature: what is used once is told
/// by what was signed.
fn ec(good: &[u8]) -> Vec<Signature> {
    const P256: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    const P384: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf\
         581a0db248b0a77aecec196accc52973";
    let length = good.len() / 2;
    let order = from_hex(if length == 32 { P256 } else { P384 }).unwrap();
    let other = if length == 32 { 48 } else { 66 };
    let (r, s) = good.split_at(length);
    let (zero, one) = (vec![0; length], sized(&BigUint::from(1_u8), length));
    let both = |r: &[u8], s: &[u8]| [r, s].concat();
    let integer = |bytes: &[u8]| {
        let sign = if bytes[0] & 0x80 == 0 { &[][..] } else { &[0] };
        let content = [sign, bytes].concat();
        [&[2, u8::try_from(content.len()).unwrap()][..], &content].concat()
    };
    let inner = [integer(r), integer(s)].concat();
    let der = [&[0x30, u8::try_from(inner.len()).unwrap()][..], &inner].concat();
    let longer = |part: &[u8]| sized(&BigUint::from_bytes_be(part), other);
    vec![
        ("r nothing", both(&zero, s)),
        ("s nothing", both(r, &zero)),
        ("r the order", both(&order, s)),
        ("s the order", both(r, &order)),
        ("both the order", both(&order, &order)),
        ("both one", both(&one, &one)),
        ("r one, s nothing", both(&one, &zero)),
        ("r and s the other way round", both(s, r)),
        ("in DER", der),
        ("each with a zero before", [&[0], r, &[0], s].concat()),
        ("of another curve's length", both(&longer(r), &longer(s))),
    ]
}

/// What anybody can write without a key: numbers that stay what they are.
fn numbers(good: &[u8]) -> Vec<Signature> {
    let (n, _) = rsa_numbers();
    let one = BigUint::from(1_u8);
    let written = |number: &BigUint| sized(number, good.len());
    vec![
        ("the number one", written(&one)),
        ("the modulus less one", written(&(&n - &one))),
        ("the modulus", written(&n)),
        ("it and the modulus", written(&(BigUint::from_bytes_be(good) + &n))),
    ]
}

/// What the private key makes of a block: a signature that holds for whoever does not look at its form.
fn raw(block: &[u8]) -> Vec<u8> {
    let (n, d) = rsa_numbers();
    sized(&BigUint::from_bytes_be(block).modpow(&d, &n), 256)
}

/// Mask generation, RFC 8017 appendix B.2.1.
fn mask(seed: &[u8], hash: &'static Algorithm, length: usize) -> Vec<u8> {
    let pieces =
        (0_u32..).flat_map(|count| digest(hash, &[seed, &count.to_be_bytes()].concat()).as_ref().to_vec());
    pieces.take(length).collect()
}

/// A block of PSS (RFC 8017 section 9.1.1) for 2048 bits, over SHA-256: salt of a length, mask by a hash, and the last byte.
fn pss_block(message: &[u8], salt: usize, by: &'static Algorithm, end: u8) -> Vec<u8> {
    let salt = vec![0x5a; salt];
    let hashed = digest(&SHA256, &[&[0; 8][..], digest(&SHA256, message).as_ref(), &salt].concat());
    let length = 256 - 32 - 1;
    let block = [vec![0; length - 1 - salt.len()], vec![1], salt].concat();
    let mut masked: Vec<u8> =
        block.iter().zip(mask(hashed.as_ref(), by, length)).map(|(one, other)| one ^ other).collect();
    masked[0] &= 0x7f;
    [&masked[..], hashed.as_ref(), &[end]].concat()
}

/// RFC 7518 section 3.5: PSS by SHA-256 alone, its salt as long as the hash.
fn pss(key: &TestKey, message: &[u8]) -> Vec<Signature> {
    let of = |salt, by, end| raw(&pss_block(message, salt, by, end));
    let hashed = digest(&SHA256, message);
    vec![
        ("padded as PKCS #1 v1.5", key.sign("RS256", message)),
        ("without salt", of(0, &SHA256, 0xbc)),
        ("a salt of 20 bytes", of(20, &SHA256, 0xbc)),
        ("a salt of 31 bytes", of(31, &SHA256, 0xbc)),
        ("a salt of 64 bytes", of(64, &SHA256, 0xbc)),
        ("the longest salt", of(222, &SHA256, 0xbc)),
        ("a mask by SHA-1", of(32, &SHA1_FOR_LEGACY_USE_ONLY, 0xbc)),
        ("another last byte", of(32, &SHA256, 0xcc)),
        ("of its hash", key.sign("PS256", hashed.as_ref())),
        ("the bare hash", raw(hashed.as_ref())),
    ]
}

/// SHA-256 by name and with NULL (RFC 8017 section 9.2), before the hash.
const NAMED: &str = "3031300d060960864801650304020105000420";
/// The same without NULL, and SHA-1.
const UNNAMED: [&str; 2] = ["302f300b06096086480165030402010420", "3021300906052b0e03021a05000414"];

/// A block of PKCS #1 v1.5: its type, so many bytes of padding, and what follows.
fn block(kind: u8, padding: usize, rest: &[u8]) -> Vec<u8> {
    [&[0, kind][..], &vec![if kind == 0 { 0 } else { 0xff }; padding], &[0], rest].concat()
}

/// RFC 8017 section 8.2.2: the whole block is compared, and has one form.
fn pkcs1(key: &TestKey, message: &[u8]) -> Vec<Signature> {
    let hashed = digest(&SHA256, message);
    let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, message);
    let with = |name: &str, hash: &[u8]| [from_hex(name).unwrap(), hash.to_vec()].concat();
    let right = with(NAMED, hashed.as_ref());
    let whole = |kind, rest: &[u8]| raw(&block(kind, 253 - rest.len(), rest));
    let short = [&right[..], &vec![0x5a; 253 - 8 - right.len()]].concat();
    let seven = [&right[..], &vec![0; 253 - 7 - right.len()]].concat();
    let joined = [&[0, 1][..], &vec![0xff; 254 - right.len()], &right].concat();
    assert_eq!(whole(1, &right), key.sign("RS256", message), "what is made here is what a library makes");
    vec![
        ("padded as PSS", key.sign("PS256", message)),
        ("without NULL", whole(1, &with(UNNAMED[0], hashed.as_ref()))),
        ("by SHA-1", whole(1, &with(UNNAMED[1], sha1.as_ref()))),
        ("the bare hash, padded", whole(1, hashed.as_ref())),
        ("the bare hash", raw(hashed.as_ref())),
        ("short padding and bytes behind", raw(&block(1, 8, &short))),
        ("shorter padding and zeros behind", raw(&block(1, 7, &seven))),
        ("a block to encipher", whole(2, &right)),
        ("a block of type 0", whole(0, &right)),
        ("nothing between padding and hash", raw(&joined)),
        ("of its hash", key.sign("RS256", hashed.as_ref())),
    ]
}

/// What signs, whatever it is given.
type Signs = Box<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// A key as a provider publishes it, a token's algorithm, what signs for it, and why such a token is refused.
pub struct Published {
    pub what: &'static str,
    pub jwk: Value,
    pub alg: &'static str,
    pub sign: Signs,
    pub why: &'static str,
}

impl Published {
    /// By the key's own algorithm and its own half; members of the JWK changed, null taking one away.
    fn changed(what: &'static str, alg: &'static str, change: &Value, why: &'static str) -> Self {
        let key = TestKey::new("", alg);
        let mut jwk = key.jwk();
        crate::support::signed::patch(&mut jwk, change);
        Self { what, jwk, alg, sign: Box::new(move |message| key.sign(alg, message)), why }
    }

    /// The same under another algorithm's name.
    fn named(self, alg: &'static str) -> Self {
        Self { alg, ..self }
    }
}

fn encoded(bytes: &[u8]) -> Value {
    URL_SAFE_NO_PAD.encode(bytes).into()
}

/// Keys by whose like nothing is signed: RFC 7517 and 7518, RFC 8037, FIPS 186-5.
pub fn keys() -> Vec<Published> {
    [numbers_of_keys(), points_of_keys(), uses_of_keys()].into_iter().flatten().collect()
}

fn numbers_of_keys() -> Vec<Published> {
    let (n, _) = rsa_numbers();
    let n = n.to_bytes_be();
    let rsa = |what, change: Value| Published::changed(what, "RS256", &change, "key");
    let with = |number: &[u8]| json!({"n": encoded(number)});
    let even = [&n[..255], &[n[255] & 0xfe]].concat();
    let anybodys = Published {
        // Raised to the power of one a signature is its own block: nobody's secret is needed.
        sign: Box::new(|message| {
            let rest = [from_hex(NAMED).unwrap(), digest(&SHA256, message).as_ref().to_vec()].concat();
            block(1, 253 - rest.len(), &rest)
        }),
        ..rsa("the exponent 1", json!({"e": encoded(&[1])}))
    };
    vec![
        anybodys,
        rsa("the exponent 0", json!({"e": encoded(&[0])})),
        rsa("the exponent 3", json!({"e": encoded(&[3])})),
        rsa("an even exponent", json!({"e": encoded(&[1, 0, 0])})),
        rsa("an exponent with a zero before", json!({"e": encoded(&[0, 1, 0, 1])})),
        rsa("an exponent without end", json!({"e": encoded(&[1; 64])})),
        rsa("no exponent", json!({"e": null})),
        rsa("no modulus", json!({"n": null})),
        rsa("a modulus of nothing", with(&[])),
        rsa("a modulus of zero", with(&[0; 256])),
        rsa("an even modulus", with(&even)),
        rsa("a modulus that can be factored", with(&of_the_cards())),
        rsa("1024 bits", with(&n[128..])),
        rsa("2040 bits", with(&n[1..])),
        rsa("2040 bits with a zero before", with(&[&[0], &n[1..]].concat())),
        rsa("2048 bits with a zero before", with(&[&[0], &n[..]].concat())),
        rsa("more than 8192 bits", with(&n.repeat(5))),
        rsa(
            "a modulus in standard base64",
            json!({"n": base64::engine::general_purpose::STANDARD.encode(&n)}),
        ),
    ]
}

/// A modulus of the form that one maker's cards gave their keys (CVE-2017-15361).
fn of_the_cards() -> Vec<u8> {
    let primes = (3_u32..168).filter(|n| (2..*n).all(|of| n % of != 0));
    let product: BigUint = primes.product();
    let power = BigUint::from(65_537_u32).modpow(&BigUint::from(91_u8), &product);
    let high = BigUint::from(3_u8) << 2_046;
    // The next above what is a multiple of the primes, and odd.
    let modulus: BigUint = (&high / &product + 1_u8) * &product + power;
    sized(&if modulus.bit(0) { modulus } else { modulus + product }, 256)
}

fn points_of_keys() -> Vec<Published> {
    let ec = |what, change: Value, why| Published::changed(what, "ES256", &change, why);
    let ed = |what, change: Value| Published::changed(what, "EdDSA", &change, "key");
    let off = {
        let mut off = ec("a point beside the curve", json!({}), "signature");
        let mut y = URL_SAFE_NO_PAD.decode(off.jwk["y"].as_str().unwrap()).unwrap();
        y[31] ^= 1;
        off.jwk["y"] = encoded(&y);
        off
    };
    let turned = {
        let mut turned = ec("its coordinates the other way round", json!({}), "signature");
        let (x, y) = (turned.jwk["x"].take(), turned.jwk["y"].take());
        (turned.jwk["x"], turned.jwk["y"]) = (y, x);
        turned
    };
    let neutral = [&[1][..], &[0; 31]].concat();
    let anybodys = Published {
        // Whatever is signed, the neutral point and nothing hold by it.
        sign: Box::new(|_| [&[1][..], &[0; 63]].concat()),
        ..ed("the neutral point", json!({"x": encoded(&neutral)}))
    };
    let beyond = [&[0xee][..], &[0xff; 30], &[0x7f]].concat();
    vec![
        off,
        turned,
        ec("the origin", json!({"x": encoded(&[0; 32]), "y": encoded(&[0; 32])}), "signature"),
        ec("coordinates above the prime", json!({"x": encoded(&[0xff; 32])}), "signature"),
        ec("a coordinate with a zero before", json!({"x": encoded(&[0; 33])}), "key"),
        ec("a coordinate too short", json!({"y": encoded(&[1; 31])}), "key"),
        ec("one coordinate", json!({"y": null}), "key"),
        ec("another curve's name", json!({"crv": "P-384"}), "key"),
        ec("a curve of 521 bits", json!({"crv": "P-521"}), "key"),
        ec("the curve of Bitcoin", json!({"crv": "secp256k1"}), "key"),
        ec("no curve", json!({"crv": null}), "key"),
        anybodys,
        ed("the neutral point beyond the prime", json!({"x": encoded(&beyond)})),
        ed("a point of order 4", json!({"x": encoded(&[0; 32])})),
        ed("a point too short", json!({"x": encoded(&[9; 31])})),
        ed("a point too long", json!({"x": encoded(&[9; 33])})),
        ed("Ed448", json!({"crv": "Ed448"})),
        ed("a curve to agree on keys", json!({"crv": "X25519"})),
    ]
}

fn uses_of_keys() -> Vec<Published> {
    let of = |what, alg, change: Value| Published::changed(what, alg, &change, "key");
    let other =
        |what, alg, change: Value, said| Published::changed(what, alg, &change, "algorithm").named(said);
    vec![
        of("for enciphering", "ES256", json!({"use": "enc"})),
        of("for nothing", "ES256", json!({"use": ""})),
        of("for signing only", "ES256", json!({"use": null, "key_ops": ["sign"]})),
        of("for no operation", "ES256", json!({"use": null, "key_ops": []})),
        of("for signatures by use and not by operation", "ES256", json!({"key_ops": ["encrypt"]})),
        of(
            "for signatures by operation and not by use",
            "ES256",
            json!({"use": "enc", "key_ops": ["verify"]}),
        ),
        of("for wrapping keys", "RS256", json!({"alg": "RSA-OAEP"})),
        of("for an HMAC", "ES256", json!({"alg": "HS256"})),
        of("for none", "ES256", json!({"alg": "none"})),
        of("for an algorithm of another kind of key", "RS256", json!({"alg": "ES256"})),
        of("for an algorithm of another curve", "ES256", json!({"alg": "ES384"})),
        of("of another kind", "ES256", json!({"kty": "RSA"})),
        of("of no kind", "ES256", json!({"kty": null})),
        of("with its private half", "ES256", json!({"d": encoded(&[7; 32])})),
        of("with a secret", "EdDSA", json!({"k": encoded(&[7; 32])})),
        other("a P-384 key for ES256", "ES384", json!({}), "ES256"),
        other("a P-256 key for ES384", "ES256", json!({}), "ES384"),
        other("an Ed25519 key for ES256", "EdDSA", json!({}), "ES256"),
        other("an RSA key for ES256", "RS256", json!({}), "ES256"),
        other("a key for PS256 alone", "RS256", json!({"alg": "PS256"}), "RS256"),
        other("a key for RS256 alone", "PS256", json!({"alg": "RS256"}), "PS256"),
    ]
}
