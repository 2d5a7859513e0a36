//! A claim: what an agency says of its case, read and checked once.

use crate::domain::identifiers::Upn;
use crate::domain::involvement;
use crate::domain::pupil;
use crate::domain::purpose::InvolvementKind;
use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Europe::London;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// An involvement as an agency's system sends it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
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
}

/// A family's agreement to a service.
#[derive(Clone, Debug, Deserialize, ToSchema)]
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

/// A claim that can be stored.
#[derive(Clone, Debug)]
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
    /// The last day on which it counts.
    pub until: Option<NaiveDate>,
    /// Whether a match counts at once.
    pub at_once: bool,
    /// The rest, as sent.
    pub body: ClaimBody,
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
    /// Opened in the future.
    #[error("`opened_at` is in the future")]
    OpenedAt,
}

/// Longest free text of a claim, in characters.
const LONGEST: usize = 200;

impl Claim {
    /// Checks a body against its own rules; `path_id` is the id of the path, where there is one.
    pub fn read(body: ClaimBody, path_id: Option<Uuid>, now: DateTime<Utc>) -> Result<Self, ClaimError> {
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
        let today = now.with_timezone(&London).date_naive();
        if body.date_of_birth > today || today.years_since(body.date_of_birth).is_none_or(|age| age > 26) {
            return Err(ClaimError::DateOfBirth);
        }
        if body.opened_at > now {
            return Err(ClaimError::OpenedAt);
        }
        if kind.needs_family_agreement() && body.family_agreement.is_none() {
            return Err(ClaimError::FamilyAgreement);
        }
        let opened = body.opened_at.with_timezone(&London).date_naive();
        let term = involvement::last_day(kind, opened);
        let until = [term, body.until].into_iter().flatten().min();
        Ok(Self {
            id,
            kind,
            surname_key: pupil::match_key(&body.surname),
            forename_key: pupil::match_key(&body.forename),
            until,
            at_once: upn.is_some() || kind == InvolvementKind::Section47Enquiry,
            upn,
            body,
        })
    }
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
    for (name, text) in fields.into_iter().chain(agreed) {
        let controls = text.chars().any(char::is_control);
        let may_be_empty = name == "forename" && body.upn.is_some();
        if (text.trim().is_empty() && !may_be_empty) || text.chars().count() > LONGEST || controls {
            return Err(ClaimError::Text(name));
        }
    }
    let category = body.school_not_told.as_deref();
    if category.is_some_and(|c| !["allegation_against_staff", "relative_on_staff", "other"].contains(&c)) {
        return Err(ClaimError::SchoolNotTold);
    }
    if body.allocated_person.as_ref().is_some_and(|name| name.chars().count() > LONGEST) {
        return Err(ClaimError::Text("allocated_person"));
    }
    if pupil::match_key(&body.surname).is_empty() {
        return Err(ClaimError::Text("surname"));
    }
    Ok(())
}
