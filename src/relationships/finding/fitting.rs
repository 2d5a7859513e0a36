//! Which child an agency's claim fits, by exact details.

use crate::domain::identifiers::{PupilId, SchoolId, Upn};
use crate::store::{Db, StoreError, read};
use chrono::NaiveDate;
use std::fmt;
use uuid::Uuid;

/// What a claim says of its child.
#[derive(Clone, Copy)]
pub struct Claimed<'a> {
    /// The UPN, if one was given.
    pub upn: Option<&'a str>,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// Surname as compared.
    pub surname_key: &'a str,
    /// Forename as compared.
    pub forename_key: &'a str,
    /// Whether a name and date of birth are enough where no UPN fits.
    pub by_name: bool,
}

impl fmt::Debug for Claimed<'_> {
    /// Without whom it names.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Claimed").field("by_name", &self.by_name).finish_non_exhaustive()
    }
}

/// Whom a claim fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// Nobody.
    Nobody,
    /// Exactly this child.
    One(PupilId),
    /// Exactly one child, whose whereabouts are protected at some school.
    Protected(PupilId),
    /// More than one.
    Several,
}

/// The children whose newest enrolments fit, at most two, and whether any state of any enrolment of theirs is flagged.
macro_rules! fitting {
    ($keys:literal) => {
        concat!(
            "SELECT e.pupil_id, MAX(CASE WHEN p.whereabouts_protected THEN 1 ELSE 0 END) = 1 \
             FROM enrolments e CROSS JOIN register_versions v CROSS JOIN enrolments p CROSS JOIN register_versions q \
             WHERE ",
            $keys,
            " AND v.school_id = e.school_id AND v.version = e.version AND p.pupil_id = e.pupil_id \
             AND q.school_id = p.school_id AND q.version = p.version \
             AND e.version = (SELECT MAX(n.version) FROM enrolments n \
             JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
             WHERE n.school_id = e.school_id AND n.id = e.id) GROUP BY e.pupil_id LIMIT 2"
        )
    };
}

// CROSS JOIN keeps SQLite to the order written, which begins with the claim's keys.
const BY_UPN: &str =
    fitting!("e.upn = $1 AND e.upn_permanent AND e.date_of_birth = $2 AND e.surname_key = $3");
const BY_NAME: &str = fitting!("e.surname_key = $1 AND e.date_of_birth = $2 AND e.forename_key = $3");

/// Whom a claim fits: by permanent UPN, date of birth and surname; where that is nobody and `by_name` is asked for, by
/// name and date of birth. A temporary UPN is as none, since other children elsewhere may have the same.
pub async fn fitting(db: &Db, claim: Claimed<'_>) -> Result<Fit, StoreError> {
    let permanent = claim.upn.filter(|text| Upn::parse(text).is_ok_and(|upn| !upn.is_temporary()));
    if let Some(upn) = permanent {
        let rows: Vec<(Uuid, bool)> = read!(db, c => sqlx::query_as(BY_UPN)
            .bind(upn).bind(claim.date_of_birth).bind(claim.surname_key).fetch_all(c).await)?;
        if !rows.is_empty() {
            return Ok(fit(&rows));
        }
    }
    // A name without a letter or digit has an empty key, on which nothing is ever matched.
    if !claim.by_name || claim.surname_key.is_empty() || claim.forename_key.is_empty() {
        return Ok(Fit::Nobody);
    }
    let rows: Vec<(Uuid, bool)> = read!(db, c => sqlx::query_as(BY_NAME)
        .bind(claim.surname_key).bind(claim.date_of_birth).bind(claim.forename_key)
        .fetch_all(c).await)?;
    Ok(fit(&rows))
}

/// How the claim of an emergency names its child: by a permanent UPN, by name and date of birth, or both.
#[derive(Clone, Default)]
pub struct NamedChild {
    /// The UPN, if one was given.
    pub upn: Option<String>,
    /// Surname and forename as compared, and date of birth, if they were given.
    pub name: Option<(String, String, NaiveDate)>,
}

impl fmt::Debug for NamedChild {
    /// Without whom it names.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("NamedChild").finish_non_exhaustive()
    }
}

const BY_UPN_ALONE: &str = fitting!("e.upn = $1 AND e.upn_permanent");

/// Whom such a claim fits: by the UPN, by the name, or where both fit somebody by both. As many statements whatever was given and
/// whoever is found.
pub async fn fitting_named(db: &Db, named: &NamedChild) -> Result<Fit, StoreError> {
    let upn = named.upn.as_deref().unwrap_or_default();
    let by_upn: Vec<(Uuid, bool)> =
        read!(db, c => sqlx::query_as(BY_UPN_ALONE).bind(upn).fetch_all(c).await)?;
    // A name without a letter or digit has an empty key, on which nothing is ever matched.
    let name =
        named.name.as_ref().filter(|(surname, forename, _)| !surname.is_empty() && !forename.is_empty());
    let (surname, forename, born) =
        name.map_or(("", "", NaiveDate::default()), |(surname, forename, born)| (surname, forename, *born));
    let by_name: Vec<(Uuid, bool)> = read!(db, c => sqlx::query_as(BY_NAME)
        .bind(surname).bind(born).bind(forename).fetch_all(c).await)?;
    let by_name = if name.is_some() { by_name } else { Vec::new() };
    Ok(match (fit(&by_upn), fit(&by_name)) {
        (Fit::Nobody, by_name) => by_name,
        (by_upn, Fit::Nobody) => by_upn,
        (by_upn, by_name) if by_upn == by_name => by_upn,
        // A number of one child and the name of another is nobody's.
        (_, _) => Fit::Several,
    })
}

fn fit(rows: &[(Uuid, bool)]) -> Fit {
    match rows {
        [] => Fit::Nobody,
        [(pupil, false)] => Fit::One(PupilId(*pupil)),
        [(pupil, true)] => Fit::Protected(PupilId(*pupil)),
        _ => Fit::Several,
    }
}

/// A child whom a claim may be about, and a school where it is or was enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The child.
    pub pupil: PupilId,
    /// The school whose entry fits.
    pub school: SchoolId,
}

/// The children whose newest enrolments a claim nearly fits, with whether any state of any enrolment of theirs is flagged.
macro_rules! near {
    ($keys:literal) => {
        concat!(
            "SELECT DISTINCT e.pupil_id, e.school_id, EXISTS (SELECT 1 FROM enrolments p \
             JOIN register_versions q ON q.school_id = p.school_id AND q.version = p.version \
             WHERE p.pupil_id = e.pupil_id AND p.whereabouts_protected) \
             FROM enrolments e CROSS JOIN register_versions v WHERE ",
            $keys,
            " AND v.school_id = e.school_id AND v.version = e.version \
             AND e.version = (SELECT MAX(n.version) FROM enrolments n \
             JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
             WHERE n.school_id = e.school_id AND n.id = e.id) ORDER BY 1, 2 LIMIT 50"
        )
    };
}

const NEAR_NAME: &str = near!("e.surname_key = $1 AND e.date_of_birth = $2 AND e.forename_key = $3");
const NEAR_UPN: &str = near!(
    "e.upn = $1 AND e.upn_permanent AND (e.date_of_birth = $2 OR (e.surname_key = $3 AND e.forename_key = $4))"
);

/// The children among whom a person has to say whom a claim is about: those with its name and date of birth where they
/// are several, else one with its permanent UPN whose date of birth or name is another. Nobody where the whereabouts of
/// any of them are protected: whoever was shown the others would learn that there is one more.
pub async fn candidates(db: &Db, claim: Claimed<'_>) -> Result<Vec<Candidate>, StoreError> {
    let mut rows: Vec<(Uuid, Uuid, bool)> = Vec::new();
    if !claim.surname_key.is_empty() && !claim.forename_key.is_empty() {
        rows = read!(db, c => sqlx::query_as(NEAR_NAME)
            .bind(claim.surname_key).bind(claim.date_of_birth).bind(claim.forename_key).fetch_all(c).await)?;
    }
    let permanent = claim.upn.filter(|text| Upn::parse(text).is_ok_and(|upn| !upn.is_temporary()));
    if let Some(upn) = permanent.filter(|_| rows.is_empty()) {
        rows = read!(db, c => sqlx::query_as(NEAR_UPN)
            .bind(upn).bind(claim.date_of_birth).bind(claim.surname_key).bind(claim.forename_key)
            .fetch_all(c).await)?;
    }
    if rows.iter().any(|(_, _, protected)| *protected) {
        return Ok(Vec::new());
    }
    let candidate = |(pupil, school, _): (Uuid, Uuid, bool)| Candidate {
        pupil: PupilId(pupil),
        school: SchoolId(school),
    };
    Ok(rows.into_iter().map(candidate).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn whom_a_claim_nearly_fits_is_found_by_an_index() {
        for (text, begins) in [
            (NEAR_NAME, "SEARCH e USING INDEX enrolments_name (surname_key=? AND date_of_birth=?)"),
            (NEAR_UPN, "SEARCH e USING INDEX enrolments_upn (upn=?)"),
        ] {
            let steps = plan_of(text).await;
            assert_eq!(steps.first().map(String::as_str), Some(begins), "{text}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{text}: {steps:#?}");
        }
    }

    #[tokio::test]
    async fn whom_a_claim_fits_is_found_by_an_index() {
        for text in [BY_UPN, BY_NAME] {
            let steps = plan_of(text).await;
            let begins = "SEARCH e USING INDEX enrolments_name (surname_key=? AND date_of_birth=?)";
            assert_eq!(steps.first().map(String::as_str), Some(begins), "{text}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{text}: {steps:#?}");
        }
        let steps = plan_of(BY_UPN_ALONE).await;
        let begins = "SEARCH e USING INDEX enrolments_upn (upn=?)";
        assert_eq!(steps.first().map(String::as_str), Some(begins), "{steps:#?}");
    }
}
