//! Where a reader is in its feed: a place and a MAC, bound to one feed. Nothing of a child is in it.

use super::FeedKey;
use crate::crypto::{from_hex, same, to_hex};
use uuid::Uuid;

/// A place in a feed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// Everything up to this place has been told; 0 at the beginning.
    pub(super) place: i64,
    /// Whether the reader is in the middle of a look at all its children.
    pub(super) within: bool,
}

/// Bytes of the MAC that a cursor carries.
const MAC: usize = 16;

impl Cursor {
    /// As it goes out: 50 hexadecimal digits.
    pub(super) fn sealed(self, key: &FeedKey, feed: Uuid) -> String {
        let mut bytes = self.bytes().to_vec();
        bytes.extend(self.mac(key, feed));
        to_hex(&bytes)
    }

    /// Reads one of this feed; `None` for any other, and for what is no cursor.
    pub(super) fn unsealed(text: &str, key: &FeedKey, feed: Uuid) -> Option<Self> {
        let bytes = from_hex(text)?;
        let (place, rest) = bytes.split_first_chunk::<8>()?;
        let (within, mac) = rest.split_first()?;
        let cursor = Self { place: i64::from_be_bytes(*place), within: *within == 1 };
        (*within <= 1 && same(mac, &cursor.mac(key, feed))).then_some(cursor)
    }

    fn bytes(self) -> [u8; 9] {
        let mut bytes = [u8::from(self.within); 9];
        bytes.iter_mut().zip(self.place.to_be_bytes()).for_each(|(to, from)| *to = from);
        bytes
    }

    fn mac(self, key: &FeedKey, feed: Uuid) -> [u8; MAC] {
        let whole = key.mac(*b"cursor", &[feed.as_bytes(), &self.bytes()]);
        let mut mac = [0; MAC];
        mac.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_by_its_own_feed_and_key_only() {
        let (key, feed) = (FeedKey::derived(&[1; 32]), Uuid::from_u128(7));
        for cursor in
            [Cursor::default(), Cursor { place: 1, within: true }, Cursor { place: i64::MAX, within: false }]
        {
            let text = cursor.sealed(&key, feed);
            assert_eq!(text.len(), 50);
            assert_eq!(Cursor::unsealed(&text, &key, feed), Some(cursor));
            assert_eq!(Cursor::unsealed(&text, &key, Uuid::from_u128(8)), None);
            assert_eq!(Cursor::unsealed(&text, &FeedKey::derived(&[2; 32]), feed), None);
            // Any digit changed, any length.
            for at in 0..text.len() {
                let mut digits: Vec<char> = text.chars().collect();
                digits[at] = if digits[at] == '0' { '1' } else { '0' };
                let changed: String = digits.into_iter().collect();
                assert_eq!(Cursor::unsealed(&changed, &key, feed), None, "{changed}");
                assert_eq!(Cursor::unsealed(text.get(..at).unwrap(), &key, feed), None);
            }
            assert_eq!(Cursor::unsealed(&format!("{text}00"), &key, feed), None);
        }
        for odd in ["", "ü", "0", "zz", "../../etc", &"0".repeat(50), &"0".repeat(100_000)] {
            assert_eq!(Cursor::unsealed(odd, &key, feed), None);
        }
    }
}
