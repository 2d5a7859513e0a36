//! Entity tags (RFC 9110 section 8.8.3), and the lists of them that conditions are.

use crate::crypto::{from_hex, hmac_sha256, same, to_hex};
use http::HeaderValue;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What tags and kept keys are made with. Derived from the gateway's own key, so that neither can be made or guessed from
/// the database alone, and all gateways on it make the same.
#[derive(Clone)]
pub struct ConditionKey(Arc<Zeroizing<[u8; 32]>>);

impl fmt::Debug for ConditionKey {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ConditionKey").finish_non_exhaustive()
    }
}

impl ConditionKey {
    /// From the key that wraps the gateway's others.
    pub fn derived(key_encryption: &[u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(hmac_sha256(key_encryption, &[b"schoolgate conditional requests"]))))
    }

    /// A MAC over parts, each told apart from the next by its length; apart for each use.
    pub(in crate::gate) fn mac(&self, usage: &[u8], parts: &[&[u8]]) -> [u8; 32] {
        let lengths: Vec<[u8; 8]> = parts.iter().map(|part| (part.len() as u64).to_be_bytes()).collect();
        let mut all: Vec<&[u8]> = vec![usage];
        for (length, part) in lengths.iter().zip(parts) {
            all.extend([length.as_slice(), *part]);
        }
        hmac_sha256(self.0.as_slice(), &all)
    }
}

/// Bytes of a tag: whatever it is of, it is as long.
const TAG: usize = 16;

/// What one body is known by to one asker. It is strong: equal tags are equal bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag([u8; TAG]);

impl Tag {
    pub(super) fn of(key: &ConditionKey, parts: &[&[u8]]) -> Self {
        let mut tag = [0; TAG];
        tag.iter_mut().zip(key.mac(b"tag", parts)).for_each(|(to, from)| *to = from);
        Self(tag)
    }

    pub(super) fn header(self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.to_string()).ok()
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "\"{}\"", to_hex(&self.0))
    }
}

/// What a condition names: anything that is there, or some tags.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Any,
    Tags(Vec<Listed>),
}

/// A tag of a list, ours or not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Listed {
    weak: bool,
    text: Vec<u8>,
}

/// A condition that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unreadable;

impl Condition {
    /// Reads a condition from the lines of its header; none where there is no line.
    pub(super) fn read(lines: &[HeaderValue]) -> Option<Result<Self, Unreadable>> {
        if lines.is_empty() {
            return None;
        }
        if let [only] = lines
            && only.as_bytes().trim_ascii() == b"*"
        {
            return Some(Ok(Self::Any));
        }
        let mut tags = Vec::new();
        for line in lines {
            match listed(line.as_bytes()) {
                Some(more) => tags.extend(more),
                None => return Some(Err(Unreadable)),
            }
        }
        Some(if tags.is_empty() { Err(Unreadable) } else { Ok(Self::Tags(tags)) })
    }

    /// Whether it names a tag by the weak comparison (RFC 9110 section 8.8.3.2), as `If-None-Match` does.
    pub(super) fn names_weakly(&self, tag: &Tag) -> bool {
        self.names(tag, |_| true)
    }

    /// The same by the strong comparison, as `If-Match` does: a weak tag names nothing.
    pub(super) fn names_strongly(&self, tag: &Tag) -> bool {
        self.names(tag, |listed| !listed.weak)
    }

    fn names(&self, tag: &Tag, counts: impl Fn(&Listed) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|listed| counts(listed) && listed.is(tag)),
        }
    }
}

impl Listed {
    fn is(&self, tag: &Tag) -> bool {
        let text = std::str::from_utf8(&self.text).ok().filter(|text| text.len() == 2 * TAG);
        text.and_then(from_hex)
            .is_some_and(|bytes| same(&bytes, &tag.0) && self.text == to_hex(&bytes).as_bytes())
    }
}

/// The tags of one line: `#entity-tag`, of which empty elements are left out.
fn listed(mut rest: &[u8]) -> Option<Vec<Listed>> {
    let mut tags = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        match rest {
            [] => return Some(tags),
            [b',', after @ ..] => rest = after,
            _ => {
                let (weak, opened) = match rest {
                    [b'W', b'/', b'"', after @ ..] => (true, after),
                    [b'"', after @ ..] => (false, after),
                    _ => return None,
                };
                let end = opened.iter().position(|byte| *byte == b'"')?;
                let (text, after) = opened.split_at_checked(end)?;
                if !text.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..)) {
                    return None;
                }
                tags.push(Listed { weak, text: text.to_vec() });
                rest = after.split_first()?.1.trim_ascii_start();
                if !matches!(rest, [] | [b',', ..]) {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn tag(parts: &[&[u8]]) -> Tag {
        Tag::of(&ConditionKey::derived(&[7; 32]), parts)
    }

    fn read(lines: &[&[u8]]) -> Option<Result<Condition, Unreadable>> {
        let lines: Vec<HeaderValue> =
            lines.iter().map(|line| HeaderValue::from_bytes(line).unwrap()).collect();
        Condition::read(&lines)
    }

    #[test]
    fn a_tag_is_of_each_of_its_parts_and_of_its_key() {
        let whole = tag(&[b"ab", b"c"]);
        for other in [tag(&[b"a", b"bc"]), tag(&[b"ab", b"d"]), tag(&[b"abc"]), tag(&[b"ab", b"c", b""])] {
            assert!(whole != other);
        }
        assert!(Tag::of(&ConditionKey::derived(&[8; 32]), &[b"ab", b"c"]) != whole);
        assert_eq!(whole.to_string().len(), 34);
        assert_eq!(whole.header().unwrap().as_bytes().first(), Some(&b'"'));
    }

    #[test]
    fn lists_are_read_as_rfc_9110_writes_them() {
        let named = |weak, text: &str| Listed { weak, text: text.as_bytes().to_vec() };
        for (lines, expected) in [
            (&[&b"*"[..]][..], Ok(Condition::Any)),
            (&[b"\"a\""], Ok(Condition::Tags(vec![named(false, "a")]))),
            (&[b" W/\"a\" ,, \"b,c\" "], Ok(Condition::Tags(vec![named(true, "a"), named(false, "b,c")]))),
            (&[b"\"a\"", b"\"b\""], Ok(Condition::Tags(vec![named(false, "a"), named(false, "b")]))),
            (&[b"\"\""], Ok(Condition::Tags(vec![named(false, "")]))),
            (&[b""], Err(Unreadable)),
            (&[b","], Err(Unreadable)),
            (&[b"a"], Err(Unreadable)),
            (&[b"\"a"], Err(Unreadable)),
            (&[b"\"a\"b"], Err(Unreadable)),
            (&[b"\"a\" \"b\""], Err(Unreadable)),
            (&[b"w/\"a\""], Err(Unreadable)),
            (&[b"\"a b\""], Err(Unreadable)),
            (&[b"*, \"a\""], Err(Unreadable)),
            (&[b"*", b"*"], Err(Unreadable)),
        ] {
            assert_eq!(read(lines), Some(expected), "{lines:?}");
        }
        assert_eq!(read(&[]), None);
        assert!(matches!(read(&[b"\"\xe9\""]), Some(Ok(Condition::Tags(_)))), "text of old");
    }

    proptest! {
        #[test]
        fn any_list_is_read_as_it_was_written_and_any_bytes_are_read_or_refused(
            tags in proptest::collection::vec((any::<bool>(), "[!#-~]{0,12}"), 1..6),
            between in "[ \t]{0,2},[ \t,]{0,3}",
            bytes in proptest::collection::vec(any::<u8>(), 0..48),
        ) {
            let written: Vec<String> =
                tags.iter().map(|(weak, text)| format!("{}\"{text}\"", if *weak { "W/" } else { "" })).collect();
            let expected = tags.iter().map(|(weak, text)| Listed { weak: *weak, text: text.clone().into_bytes() });
            let line = HeaderValue::from_str(&written.join(&between)).unwrap();
            prop_assert_eq!(Condition::read(&[line]), Some(Ok(Condition::Tags(expected.collect()))));
            if let Ok(line) = HeaderValue::from_bytes(&bytes) {
                prop_assert!(Condition::read(&[line]) != Some(Ok(Condition::Tags(Vec::new()))));
            }
        }
    }

    #[test]
    fn a_weak_tag_is_good_for_reading_and_for_no_update() {
        let own = tag(&[b"a"]);
        let condition = |text: String| read(&[text.as_bytes()]).unwrap().unwrap();
        for (text, weakly, strongly) in [
            (own.to_string(), true, true),
            (format!("W/{own}"), true, false),
            (format!("\"x\", {own}"), true, true),
            (own.to_string().to_uppercase(), false, false),
            (tag(&[b"b"]).to_string(), false, false),
            ("*".to_owned(), true, true),
        ] {
            let condition = condition(text.clone());
            assert_eq!(
                (condition.names_weakly(&own), condition.names_strongly(&own)),
                (weakly, strongly),
                "{text}"
            );
        }
    }
}
