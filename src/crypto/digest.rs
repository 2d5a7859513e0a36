//! Digests, random bytes, and their text forms.

use ring::digest::{Context, SHA256};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};

/// SHA-256 over the parts, one after the other.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut whole = Sha256::default();
    for part in parts {
        whole.update(part);
    }
    whole.finish()
}

/// SHA-256 of what comes piece by piece, for what is too long to hold.
pub struct Sha256(Context);

impl Default for Sha256 {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Sha256 {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

/// HMAC-SHA256 (RFC 2104) over the parts, one after the other.
pub fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut out = [0; 32];
    out.copy_from_slice(context.sign().as_ref());
    out
}

/// Whether two byte strings are the same, in a time that does not tell where they differ.
///
/// Compares their MACs, which are of one length, with the comparison that `ring` keeps constant in time.
pub fn same(a: &[u8], b: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"schoolgate comparison");
    hmac::verify(&key, a, hmac::sign(&key, b).as_ref()).is_ok()
}

/// `N` random bytes from the operating system; `None` when it gives none, on which the caller must fail closed.
pub fn random<const N: usize>() -> Option<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes)
}

/// Lower-case hexadecimal.
pub fn to_hex(bytes: &[u8]) -> String {
    // Every entry of the log has some of it, so it is written by bytes: no character is looked up or encoded.
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
    let mut text = Vec::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    // Digits are ASCII: this cannot fail.
    String::from_utf8(text).unwrap_or_default()
}

/// Reads hexadecimal of even length; anything else is `None`.
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let nibble = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_is_that_of_rfc_4231_case_2() {
        let mac = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(to_hex(&mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn hexadecimal_is_written_as_it_is_read() {
        let all: Vec<u8> = (0..=u8::MAX).collect();
        let text = to_hex(&all);
        let each: Vec<String> = all.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, each.concat());
        assert_eq!(from_hex(&text), Some(all));
    }

    #[test]
    fn same_tells_equal_from_different() {
        for (a, b, expected) in
            [(&b"ab"[..], &b"ab"[..], true), (b"ab", b"aB", false), (b"ab", b"abc", false)]
        {
            assert_eq!(same(a, b), expected, "{a:?} {b:?}");
        }
    }
}
