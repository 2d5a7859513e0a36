//! What is to be told of one child: a pure question about what was told of it before.

use super::super::figures::{self, Entitled};
use super::super::window::Span;
use super::FeedKey;
use super::storage::Told;
use crate::directory::Directory;
use crate::domain::identifiers::PupilId;
use crate::registers::ChildRecord;
use crate::store::StoreError;
use chrono::NaiveDate;
use uuid::Uuid;

/// What there is to do about a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// Nothing: it has been looked at for this publication, or was never told of and may not be.
    Nothing,
    /// To say that it is gone. Why, is in no answer.
    Gone,
    /// To look at what may be read of it, as at the publication that ended this week.
    Look,
}

/// Decides by what was told, whether the reader may follow the child now, and the Sunday of the last publication.
pub(super) fn due(told: Option<&Told>, follows: bool, sunday: NaiveDate) -> Due {
    match (told.filter(|told| !told.is_gone()), follows) {
        (None, false) => Due::Nothing,
        (Some(_), false) => Due::Gone,
        (Some(told), true) if told.publication >= sunday => Due::Nothing,
        (_, true) => Due::Look,
    }
}

/// Whether a child that was looked at is to be listed: it is new, or its bytes are not those of the time before.
pub(super) fn is_news(told: Option<&Told>, digest: &[u8; 32]) -> bool {
    told.is_none_or(|told| told.is_gone() || told.digest != digest)
}

/// The digest of everything that may be read of a child at a publication. The window and `as_of` are not in it: they move
/// for everybody, every week. Bound to one feed and child, so that two alike cannot be told from the database.
pub(super) fn digest(
    (key, feed, pupil): (&FeedKey, Uuid, PupilId),
    entitled: Entitled,
    record: &ChildRecord,
    span: Span,
    directory: &Directory,
) -> Result<[u8; 32], StoreError> {
    let body = figures::body(entitled, record, span, directory)?;
    let bytes = serde_json::to_vec(&(&body.enrolments, &body.combined))
        .map_err(|_| StoreError::Corrupt("a summary that cannot be written"))?;
    Ok(key.mac(*b"digest", &[feed.as_bytes(), pupil.0.as_bytes(), &bytes]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};

    fn told(publication: &str, gone_at: Option<DateTime<Utc>>) -> Told {
        Told {
            pupil: PupilId(Uuid::from_u128(1)),
            handle: String::new(),
            digest: vec![7; 32],
            publication: publication.parse().unwrap(),
            place: 1,
            gone_at,
        }
    }

    #[test]
    fn a_child_is_looked_at_once_a_publication_and_ends_at_once() {
        let sunday: NaiveDate = "2026-11-15".parse().unwrap();
        let gone = Some(DateTime::UNIX_EPOCH);
        for (told, follows, expected) in [
            (None, false, Due::Nothing),
            (None, true, Due::Look),
            (Some(told("2026-11-08", None)), true, Due::Look),
            (Some(told("2026-11-15", None)), true, Due::Nothing),
            // A clock set back tells nothing twice.
            (Some(told("2026-11-22", None)), true, Due::Nothing),
            (Some(told("2026-11-15", None)), false, Due::Gone),
            (Some(told("2026-11-08", None)), false, Due::Gone),
            (Some(told("2026-11-15", gone)), false, Due::Nothing),
            (Some(told("2026-11-15", gone)), true, Due::Look),
        ] {
            assert_eq!(due(told.as_ref(), follows, sunday), expected, "{told:?} {follows}");
        }
    }

    #[test]
    fn who_comes_back_is_listed_whatever_has_changed() {
        let before = told("2026-11-08", None);
        assert!(!is_news(Some(&before), &[7; 32]));
        assert!(is_news(Some(&before), &[8; 32]));
        assert!(is_news(None, &[7; 32]));
        assert!(is_news(Some(&told("2026-11-08", Some(DateTime::UNIX_EPOCH))), &[7; 32]));
    }
}
