//! Cursors of feeds: a place in one organisation's feed, which is none in another's.

use crate::crypto::{from_hex, same, sha256, to_hex};
use crate::domain::identifiers::OrganisationId;

/// Bytes of the check, after the eight of the place.
const CHECK: usize = 8;

/// The cursor after a place of an organisation's feed.
pub(super) fn after(organisation: OrganisationId, place: i64) -> String {
    let place = place.to_be_bytes();
    let check: Vec<u8> = check(organisation, place).into_iter().take(CHECK).collect();
    to_hex(&[place.as_slice(), &check].concat())
}

/// The place of a cursor; none where it is of another feed, or made up.
pub(super) fn place(organisation: OrganisationId, cursor: &str) -> Option<i64> {
    let bytes = from_hex(cursor).filter(|bytes| bytes.len() == 8 + CHECK)?;
    let (place, check_sent) = bytes.split_first_chunk::<8>()?;
    let expected: Vec<u8> = check(organisation, *place).into_iter().take(CHECK).collect();
    same(&expected, check_sent).then(|| i64::from_be_bytes(*place))
}

/// The organisation's identifier is internal and known to nobody outside, so that nobody makes a cursor up.
fn check(organisation: OrganisationId, place: [u8; 8]) -> [u8; 32] {
    sha256(&[b"schoolgate notifications cursor\n", organisation.0.as_bytes(), &place])
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn a_cursor_is_a_place_in_one_feed_only() {
        let (here, there) = (OrganisationId(Uuid::from_u128(1)), OrganisationId(Uuid::from_u128(2)));
        let cursor = after(here, 41);
        assert_eq!((place(here, &cursor), place(there, &cursor)), (Some(41), None));
        let (place_of_other, _) =
            after(here, 42).split_at_checked(16).map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let (_, check_of_this) = cursor.split_at_checked(16).unwrap();
        let mixed = format!("{place_of_other}{check_of_this}");
        for made_up in ["", "41", &mixed, check_of_this] {
            assert_eq!(place(here, made_up), None, "{made_up}");
        }
    }
}
