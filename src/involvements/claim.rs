//! A claim: what an agency says of its case, read and checked once.

use crate::domain::calendar::london;
use crate::domain::identifiers::Upn;
use crate::domain::involvement;
use crate::domain::pupil;
use crate::domain::purpose::InvolvementKind;
use chrono::{DateTime, Datelike as _, DurationRound as _, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use std::fmt;
use utoipa::ToSchema;
use uuid::Uuid;

/// An involvement as an agency's system sends it.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClaimBody {
    /// Made by the client; in a day's caseload one a line, in `PUT` it stands in the path.
    #[serde(default)]
    pub id: Option<Uuid>,
    /// `front_door`, `assessment`, `cin`, `section_47_enquiry`, `cp`, `cla`, `early_help`, `family_support`,
    /// `school_nursing`, `mental_health_support`, `youth_justice` or `resident_concern`.
    pub kind: String,
    /// Code of the agency's team in the directory.
    pub team: String,
    /// The allocated person's name, if any.
    #[serde(default)]
    pub allocated_person: Option<String>,
    /// The agency's own case.
    pub source_case_id: String,
    /// What requests carry in `Case-Reference`: 1 to 64 visible ASCII characters.
    pub case_reference: String,
    /// When the case was opened.
    pub opened_at: DateTime<Utc>,
    /// Who recorded it at the agency.
    pub staff_id: String,
    /// The manager who renewed it, as the agency's own staff id: needed where a `section_47_enquiry` is to go on beyond
    /// its first term.
    #[serde(default)]
    pub renewed_by: Option<String>,
    /// Unique pupil number, if known.
    #[serde(default)]
    pub upn: Option<String>,
    /// The child's date of birth.
    pub date_of_birth: NaiveDate,
    /// The child's surname.
    pub surname: String,
    /// The child's forename; may be left out where there is a UPN.
    #[serde(default)]
    pub forename: String,
    /// The last day, where it ends before its kind's own term.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    /// The family's agreement, for kinds that need it.
    #[serde(default)]
    pub family_agreement: Option<FamilyAgreement>,
    /// Where no school may learn of it: `allegation_against_staff`, `relative_on_staff` or `other`.
    #[serde(default)]
    pub school_not_told: Option<String>,
    /// With `school_not_told`: the day on which somebody looks again whether it still has to be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub school_not_told_review: Option<NaiveDate>,
    /// Whether the school's safeguarding lead may see that it exists, for kinds that are shown only then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub released: bool,
}

impl fmt::Debug for ClaimBody {
    /// Without whom it is about, and who works on it.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("ClaimBody").field("id", &self.id).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A family's agreement to a service.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FamilyAgreement {
    /// Who of the family agreed.
    pub agreed_by: String,
    /// To what.
    pub agreed_to: String,
    /// Until when, if it is limited.
    #[serde(default)]
    pub until: Option<NaiveDate>,
    /// From when it is withdrawn.
    #[serde(default)]
    pub withdrawn_on: Option<NaiveDate>,
}

impl fmt::Debug for FamilyAgreement {
    /// Without who agreed, and to what.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("FamilyAgreement")
            .field("until", &self.until)
            .field("withdrawn_on", &self.withdrawn_on)
            .finish_non_exhaustive()
    }
}

/// A claim that can be stored.
#[derive(Clone)]
pub struct Claim {
    /// Made by the client.
    pub id: Uuid,
    /// Fixes the purpose.
    pub kind: InvolvementKind,
    /// The UPN, where one was given.
    pub upn: Option<Upn>,
    /// The surname as compared.
    pub surname_key: String,
    /// The forename as compared.
    pub forename_key: String,
    /// The day on which it was opened, in London.
    pub opened_on: NaiveDate,
    /// Whether a match counts at once.
    pub at_once: bool,
    /// The rest, as sent.
    pub body: ClaimBody,
}

impl fmt::Debug for Claim {
    /// Without whom it is about.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Claim")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("at_once", &self.at_once)
            .finish_non_exhaustive()
    }
}

/// Why a claim cannot be stored. Nothing in it depends on any other organisation's data.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// No id, or one that differs from the path.
    #[error("give the involvement a UUID of your own in `id`")]
    Id,
    /// Not a kind of involvement.
    #[error("`kind` is not a kind of involvement; docs/involvements.md lists them")]
    Kind,
    /// Not a visible ASCII text of at most 64 characters.
    #[error("`case_reference` must be 1 to 64 visible ASCII characters")]
    CaseReference,
    /// A name, team, staff or case text that is empty, too long, or holds what no database and no log line takes.
    #[error("`{0}` must be 1 to 200 characters, none of them a control character")]
    Text(&'static str),
    /// Not a valid UPN.
    #[error("`upn` is not a valid unique pupil number; leave it out if it is not known")]
    Upn,
    /// The date of birth cannot be right.
    #[error("`date_of_birth` is in the future or over 26 years ago")]
    DateOfBirth,
    /// The kind needs the family's agreement.
    #[error("`family_agreement` is needed for this kind")]
    FamilyAgreement,
    /// Not a category.
    #[error("`school_not_told` must be allegation_against_staff, relative_on_staff or other")]
    SchoolNotTold,
    /// A category without a day of review, or the other way round.
    #[error(
        "give `school_not_told_review`, a day at most a year ahead, with `school_not_told`, and not without it"
    )]
    SchoolNotToldReview,
    /// Opened in the future by more than clocks differ, or long ago.
    #[error("`opened_at` is in the future, or before 1990")]
    OpenedAt,
    /// A day of another age.
    #[error("`{0}` must lie between 1990 and 2100")]
    Day(&'static str),
}

/// Longest free text of a claim, in characters.
const LONGEST: usize = 200;
/// First year of any day but a date of birth: no child of today was known to anybody before.
const FIRST_YEAR: i32 = 1990;
/// Last year of any day.
const LAST_YEAR: i32 = 2100;
/// How far ahead a review may lie.
const REVIEW_DAYS: i64 = 366;
/// How far a client's clock may be ahead of ours, as with the time of a mark.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

impl Claim {
    /// Checks a body against its own rules; `path_id` is the id of the path, where there is one.
    pub fn read(mut body: ClaimBody, path_id: Option<Uuid>, now: DateTime<Utc>) -> Result<Self, ClaimError> {
        let id = match (path_id, body.id) {
            (Some(path), None) => path,
            (Some(path), Some(own)) if path == own => path,
            (None, Some(own)) => own,
            (Some(_), Some(_)) | (None, None) => return Err(ClaimError::Id),
        };
        let kind = InvolvementKind::parse(&body.kind).ok_or(ClaimError::Kind)?;
        let reference = &body.case_reference;
        if !involvement::is_case_reference(reference) {
            return Err(ClaimError::CaseReference);
        }
        texts(&body)?;
        let upn = body.upn.as_deref().map(Upn::parse).transpose().map_err(|_| ClaimError::Upn)?;
        let today = london(now).date();
        if body.date_of_birth > today || today.years_since(body.date_of_birth).is_none_or(|age| age > 26) {
            return Err(ClaimError::DateOfBirth);
        }
        days(&body, now)?;
        // Both databases keep microseconds, and what is kept must compare equal to what is sent again.
        body.opened_at =
            body.opened_at.duration_trunc(TimeDelta::microseconds(1)).map_err(|_| ClaimError::OpenedAt)?;
        if kind.needs_family_agreement() && body.family_agreement.is_none() {
            return Err(ClaimError::FamilyAgreement);
        }
        let permanent = upn.as_ref().is_some_and(|upn| !upn.is_temporary());
        Ok(Self {
            id,
            kind,
            surname_key: pupil::match_key(&body.surname),
            forename_key: pupil::match_key(&body.forename),
            opened_on: london(body.opened_at).date(),
            at_once: permanent || kind == InvolvementKind::Section47Enquiry,
            upn,
            body,
        })
    }
}

/// Days of another age are refused before anything is worked out from them: not every date can be counted from, and not
/// every database keeps it.
fn days(body: &ClaimBody, now: DateTime<Utc>) -> Result<(), ClaimError> {
    let known = |year: i32| (FIRST_YEAR..=LAST_YEAR).contains(&year);
    if !known(body.opened_at.year()) || body.opened_at > now + AHEAD {
        return Err(ClaimError::OpenedAt);
    }
    let family = body.family_agreement.as_ref();
    let others = [
        ("until", body.until),
        ("school_not_told_review", body.school_not_told_review),
        ("family_agreement/until", family.and_then(|f| f.until)),
        ("family_agreement/withdrawn_on", family.and_then(|f| f.withdrawn_on)),
    ];
    let review = body.school_not_told_review;
    if review.is_some_and(|day| day > london(now).date() + TimeDelta::days(REVIEW_DAYS)) {
        return Err(ClaimError::SchoolNotToldReview);
    }
    for (name, day) in others {
        if day.is_some_and(|day| !known(day.year())) {
            return Err(ClaimError::Day(name));
        }
    }
    Ok(())
}

fn texts(body: &ClaimBody) -> Result<(), ClaimError> {
    let fields = [
        ("team", &body.team),
        ("source_case_id", &body.source_case_id),
        ("staff_id", &body.staff_id),
        ("surname", &body.surname),
        ("forename", &body.forename),
    ];
    let agreed = body.family_agreement.iter().flat_map(|family| {
        [("family_agreement/agreed_by", &family.agreed_by), ("family_agreement/agreed_to", &family.agreed_to)]
    });
    let optional = [("allocated_person", &body.allocated_person), ("renewed_by", &body.renewed_by)]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text.as_ref()?)));
    for (name, text) in fields.into_iter().chain(agreed).chain(optional) {
        let controls = text.chars().any(char::is_control);
        let may_be_empty = name == "allocated_person" || (name == "forename" && body.upn.is_some());
        if (text.trim().is_empty() && !may_be_empty) || text.chars().count() > LONGEST || controls {
            return Err(ClaimError::Text(name));
        }
    }
    let category = body.school_not_told.as_deref();
    if category.is_some_and(|c| !["allegation_against_staff", "relative_on_staff", "other"].contains(&c)) {
        return Err(ClaimError::SchoolNotTold);
    }
    if body.school_not_told_review.is_some() != category.is_some() {
        return Err(ClaimError::SchoolNotToldReview);
    }
    // Without a letter or digit there is nothing to match on.
    if pupil::match_key(&body.surname).is_empty() {
        return Err(ClaimError::Text("surname"));
    }
    if body.upn.is_none() && pupil::match_key(&body.forename).is_empty() {
        return Err(ClaimError::Text("forename"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_does_not_show_whom_it_is_about() {
        let body = r#"{"id":"00000000-0000-4000-8000-000000000001","kind":"early_help","team":"Quill","allocated_person":"Quill",
            "source_case_id":"Quill","case_reference":"Quill","opened_at":"2026-10-01T09:00:00Z","staff_id":"Quill",
            "date_of_birth":"2012-03-04","surname":"Quill","forename":"Quill",
            "family_agreement":{"agreed_by":"Quill","agreed_to":"Quill"}}"#;
        let body: ClaimBody = serde_json::from_str(body).unwrap();
        let now = "2026-11-20T09:00:00Z".parse().unwrap();
        let claim = Claim::read(body.clone(), None, now).unwrap();
        for shown in [format!("{body:?}"), format!("{:?}", body.family_agreement), format!("{claim:?}")] {
            let shown = shown.to_lowercase();
            assert!(!shown.contains("quill") && !shown.contains("2012"), "{shown}");
        }
    }
}
