//! The claim of an emergency, as it is sent, read and checked once.

use crate::crypto::sha256;
use crate::domain::bars::EmergencyCategory;
use crate::domain::calendar::london;
use crate::domain::identifiers::Upn;
use crate::domain::pupil::match_key;
use crate::gate::NamedChild;
use crate::http::{Error, ProblemKind};
use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use serde::Deserialize;
use std::fmt;
use utoipa::ToSchema;

/// An emergency as a social worker's system sends it: one child, or in `children` those of one household's incident.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EmergencyBody {
    /// `missing`, `immediate_harm`, `medical`, `police_protection` or `other`.
    category: String,
    /// What has happened and why it cannot wait, in the claimant's words: 10 to 1,000 characters.
    text: String,
    /// The number on which the claimant can be reached.
    call_back_number: String,
    /// Unique pupil number of the one child; or name and date of birth.
    #[serde(default)]
    upn: Option<String>,
    /// With `forename` and `date_of_birth`.
    #[serde(default)]
    surname: Option<String>,
    /// With `surname` and `date_of_birth`.
    #[serde(default)]
    forename: Option<String>,
    /// With `surname` and `forename`.
    #[serde(default)]
    date_of_birth: Option<NaiveDate>,
    /// The children of one household's incident, at most 12, where there is more than one.
    #[serde(default)]
    children: Vec<EmergencyChild>,
}

/// One child of an emergency: a UPN, or name and date of birth.
#[derive(Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmergencyChild {
    /// Unique pupil number.
    upn: Option<String>,
    /// With `forename` and `date_of_birth`.
    surname: Option<String>,
    /// With `surname` and `date_of_birth`.
    forename: Option<String>,
    /// With `surname` and `forename`.
    date_of_birth: Option<NaiveDate>,
}

impl fmt::Debug for EmergencyBody {
    /// Without whom it is about, and who asks.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("EmergencyBody").field("category", &self.category).finish_non_exhaustive()
    }
}

impl fmt::Debug for EmergencyChild {
    /// Without whom it names.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("EmergencyChild").finish_non_exhaustive()
    }
}

/// A claim that can be stored.
#[derive(Debug)]
pub(super) struct Emergency {
    pub(super) category: EmergencyCategory,
    pub(super) text: String,
    pub(super) call_back: String,
    pub(super) children: Vec<Child>,
}

/// One child of it.
#[derive(Clone, Debug)]
pub(super) struct Child {
    pub(super) named: NamedChild,
    /// SHA-256 of what names it, by which it is known again.
    pub(super) digest: [u8; 32],
}

/// Children of one household at most.
const MOST_CHILDREN: usize = 12;
/// Characters of what happened, at least and at most.
const TEXT: (usize, usize) = (10, 1_000);

fn bad(detail: impl Into<String>) -> Error {
    Error::problem(ProblemKind::BadRequest, detail)
}

impl Emergency {
    /// Checks a claim against its own rules, and against nothing else.
    pub(super) fn read(body: EmergencyBody, now: DateTime<Utc>) -> Result<Self, Error> {
        let category = EmergencyCategory::parse(&body.category).ok_or_else(|| {
            bad("`category` must be missing, immediate_harm, medical, police_protection or other")
        })?;
        let text = super::super::texts::checked("text", &body.text, TEXT)?;
        let call_back = super::super::texts::telephone("call_back_number", &body.call_back_number)?;
        let own = EmergencyChild {
            upn: body.upn,
            surname: body.surname,
            forename: body.forename,
            date_of_birth: body.date_of_birth,
        };
        let one = own.upn.is_some() || own.surname.is_some() || own.forename.is_some();
        let children = match (one, body.children) {
            (true, others) if others.is_empty() => vec![own],
            (false, others) if !others.is_empty() && own.date_of_birth.is_none() => others,
            (_, _) => return Err(bad("name one child, or several in `children`, and not both")),
        };
        if children.len() > MOST_CHILDREN {
            return Err(bad("`children` holds at most 12 of one household"));
        }
        let children = children.into_iter().map(|child| child.read(now)).collect::<Result<_, _>>()?;
        Ok(Self { category, text, call_back, children })
    }
}

impl EmergencyChild {
    fn read(self, now: DateTime<Utc>) -> Result<Child, Error> {
        let upn = self.upn.as_deref().map(Upn::parse).transpose().map_err(|_| {
            Error::problem(ProblemKind::InvalidIdentifier, "`upn` is not a valid unique pupil number")
        })?;
        let name = match (self.surname, self.forename, self.date_of_birth) {
            (Some(surname), Some(forename), Some(born)) => {
                let today = london(now).date();
                if born > today || today.year() - born.year() > 26 {
                    return Err(bad("`date_of_birth` is in the future or over 26 years ago"));
                }
                let (surname, forename) = (match_key(&surname), match_key(&forename));
                if [&surname, &forename].iter().any(|key| key.is_empty() || key.chars().count() > 200) {
                    return Err(bad(
                        "`surname` and `forename` must each hold a letter or digit, at most 200",
                    ));
                }
                Some((surname, forename, born))
            }
            (None, None, None) => None,
            _ => return Err(bad("give `surname`, `forename` and `date_of_birth` together")),
        };
        let upn = upn.map(|upn| upn.to_string());
        let digest = match (&upn, &name) {
            (Some(upn), _) => sha256(&[b"upn\n", upn.as_bytes()]),
            (None, Some((surname, forename, born))) => {
                let born = born.to_string();
                sha256(&[b"name\n", surname.as_bytes(), b"\n", forename.as_bytes(), b"\n", born.as_bytes()])
            }
            (None, None) => return Err(bad("give each child's `upn`, or its name and date of birth")),
        };
        Ok(Child { named: NamedChild { upn, name }, digest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &str) -> Result<Emergency, Error> {
        Emergency::read(serde_json::from_str(body).unwrap(), "2026-11-20T18:00:00Z".parse().unwrap())
    }

    const HEAD: &str =
        r#""category":"missing","text":"did not come home last night","call_back_number":"01632 960555""#;

    #[test]
    fn one_child_or_several_and_never_none() {
        let named = r#""surname":"Quill","forename":"Quill","date_of_birth":"2012-03-04""#;
        for (rest, children) in [
            (named.to_owned(), Some(1)),
            (r#""upn":"B801200005001""#.to_owned(), Some(1)),
            (format!(r#""children":[{{{named}}},{{"upn":"B801200005001"}}]"#), Some(2)),
            (format!(r#"{named},"children":[{{{named}}}]"#), None),
            (r#""surname":"Quill""#.to_owned(), None),
            (r#""upn":"B801200005002""#.to_owned(), None),
            (r#""children":[]"#.to_owned(), None),
            (r#""children":[{}]"#.to_owned(), None),
            (r#""surname":"Quill","forename":"Quill","date_of_birth":"2032-03-04""#.to_owned(), None),
        ] {
            let read = read(&format!("{{{HEAD},{rest}}}"));
            assert_eq!(read.ok().map(|claim| claim.children.len()), children, "{rest}");
        }
    }

    #[test]
    fn a_claim_does_not_show_whom_it_is_about() {
        let body = format!(
            r#"{{{HEAD},"children":[{{"surname":"Quill","forename":"Quill","date_of_birth":"2012-03-04"}}]}}"#
        );
        let sent: EmergencyBody = serde_json::from_str(&body).unwrap();
        let claim = read(&body).unwrap();
        for shown in [format!("{sent:?}"), format!("{:?}", sent.children), format!("{:?}", claim.children)] {
            assert!(!shown.contains("uill") && !shown.contains("2012"), "{shown}");
        }
    }
}
