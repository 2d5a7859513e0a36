//! How the values of an entry are written as text: words as their word, digests as hexadecimal, times to the microsecond.
//!
//! The identifiers and vocabularies of the domain cannot serialise themselves, so that none leaves by accident; here
//! they are written into the private record only.

use super::{Class, Decision};
use crate::crypto::{from_hex, to_hex};
use crate::domain::identifiers::{InvolvementId, OrganisationId, PupilId};
use crate::domain::purpose::{Purpose, Role};
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A SHA-256 digest; written as 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let bytes = from_hex(&text).and_then(|b| <[u8; 32]>::try_from(b).ok());
        bytes.map(Self).ok_or_else(|| D::Error::custom("not 64 hexadecimal digits"))
    }
}

/// A value with one text form.
pub trait Text: Sized {
    /// The text.
    fn to_text(&self) -> String;
    /// Reads exactly that text.
    fn of_text(text: &str) -> Option<Self>;
}

macro_rules! texts {
    (ids: $($id:ident),+; words: $($word:ident),+) => {
        $(impl Text for $id {
            fn to_text(&self) -> String { self.0.to_string() }
            fn of_text(text: &str) -> Option<Self> { uuid::Uuid::parse_str(text).ok().map(Self) }
        })+
        $(impl Text for $word {
            fn to_text(&self) -> String { self.as_str().to_owned() }
            fn of_text(text: &str) -> Option<Self> { Self::parse(text) }
        })+
    };
}

texts!(ids: InvolvementId, OrganisationId, PupilId; words: Class, Decision, Role, Purpose);

/// A word that is always there.
pub mod required_word {
    use super::{Deserialize, Deserializer, Serializer, Text};
    use serde::de::Error as _;

    pub fn serialize<T: Text, S: Serializer>(value: &T, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.to_text())
    }

    pub fn deserialize<'de, T: Text, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
        T::of_text(&String::deserialize(from)?).ok_or_else(|| D::Error::custom("unknown word"))
    }
}

/// A word or identifier that may be absent.
pub mod word {
    use super::{Deserializer, Serializer, Text, required_word};

    #[expect(clippy::ref_option, reason = "serde passes fields by reference")]
    pub fn serialize<T: Text, S: Serializer>(value: &Option<T>, to: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => required_word::serialize(value, to),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, T: Text, D: Deserializer<'de>>(from: D) -> Result<Option<T>, D::Error> {
        required_word::deserialize(from).map(Some)
    }
}

/// Sections, in the order of their definition.
pub mod sections {
    use super::{Deserialize, Deserializer, Serializer};
    use crate::domain::purpose::{Section, SectionSet};
    use serde::de::Error as _;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
    pub fn serialize<S: Serializer>(value: &SectionSet, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(value.iter().map(Section::as_str))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SectionSet, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        words.iter().map(|w| Section::parse(w).ok_or_else(|| D::Error::custom("unknown section"))).collect()
    }
}

/// Times in one form of one length: UTC with six decimals, which is what both databases keep.
pub mod time {
    use super::{DateTime, Deserialize, Deserializer, Serializer, Utc};
    use chrono::{NaiveDateTime, SecondsFormat};
    use serde::de::Error as _;

    pub fn serialize<S: Serializer>(value: &DateTime<Utc>, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&value.to_rfc3339_opts(SecondsFormat::Micros, true))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<DateTime<Utc>, D::Error> {
        let text = String::deserialize(from)?;
        let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.fZ").map_err(D::Error::custom)?;
        Ok(time.and_utc())
    }
}

/// Cuts a time to the microsecond, so that what is written is what is read.
pub fn to_micros(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(time)
}
