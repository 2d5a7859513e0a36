//! Which children a caller may mean: exact matches among those it is already tied to.
//!
//! One text for each kind of search, each with an index behind it. How many statements a search takes depends on what
//! was asked for, and on nothing that is found.

mod fitting;

pub use fitting::{Candidate, Claimed, Fit, NamedChild, candidates, fitting, fitting_named};

use crate::domain::identifiers::{EnrolmentId, OrganisationId, PupilId, SchoolId};
use crate::domain::purpose::{InvolvementKind, Purpose};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, Utc};
use std::fmt;
use uuid::Uuid;

/// Whom a search is for. At least one of the three is given, which the edge checks.
#[derive(Clone, Default)]
pub struct Sought {
    /// A stored case reference of the caller's own.
    pub case_reference: Option<String>,
    /// A UPN, permanent or temporary, as a school gave it.
    pub upn: Option<String>,
    /// Surname and forename as compared, and date of birth.
    pub name: Option<(String, String, NaiveDate)>,
}

impl fmt::Debug for Sought {
    /// What is given, and not whom it names.
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Sought")
            .field("by_case_reference", &self.case_reference.is_some())
            .field("by_upn", &self.upn.is_some())
            .field("by_name", &self.name.is_some())
            .finish_non_exhaustive()
    }
}

/// Among whom to look.
#[derive(Clone, Copy, Debug)]
pub enum Among {
    /// Children with a live involvement of this organisation, of a kind that has this purpose.
    Cases {
        /// Whose.
        organisation: OrganisationId,
        /// Which.
        purpose: Purpose,
    },
    /// Children on the roll of this school, or of the schools whose returns come to this authority. By a case reference
    /// nobody is on a roll.
    Rolls {
        /// The school or the authority.
        organisation: OrganisationId,
    },
}

/// A child that a search met. Whether the caller may know of the enrolment, protected ones above all, is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The child.
    pub pupil: PupilId,
    /// The enrolment by whose newest state it was met; none where a case reference alone met it.
    pub enrolment: Option<(SchoolId, EnrolmentId)>,
}

/// The newest counted state of an enrolment is the one that a search meets.
macro_rules! newest {
    () => {
        "AND v.school_id = e.school_id AND v.version = e.version AND e.version = (SELECT MAX(n.version) \
         FROM enrolments n JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = e.school_id AND n.id = e.id) ORDER BY 1, 2, 3 LIMIT 200"
    };
}
/// A live involvement of the caller's, of a kind that has its purpose.
macro_rules! live {
    () => {
        "AND i.organisation_id = $1 AND i.opened_at <= $2 AND (i.ended_at IS NULL OR i.ended_at > $2) \
         AND (i.until_day IS NULL OR i.until_day >= $3) AND i.kind IN ($4, $5) "
    };
}

/// An enrolment at a school of the caller's, so that what other schools' rolls hold takes no place among the hits.
macro_rules! own {
    () => {
        "AND o.id = e.school_id AND (o.id = $1 OR o.returns_to = $1) "
    };
}

// CROSS JOIN keeps SQLite to the order written, which begins with what is sought; to PostgreSQL it is any other join.
const ROLLS_BY_UPN: &str = concat!(
    "SELECT e.pupil_id, e.school_id, e.id FROM enrolments e CROSS JOIN register_versions v ",
    "CROSS JOIN organisations o WHERE e.upn = $2 ",
    own!(),
    newest!()
);
const ROLLS_BY_NAME: &str = concat!(
    "SELECT e.pupil_id, e.school_id, e.id FROM enrolments e CROSS JOIN register_versions v ",
    "CROSS JOIN organisations o WHERE e.surname_key = $2 AND e.date_of_birth = $4 AND e.forename_key = $3 ",
    own!(),
    newest!()
);
const CASES_BY_UPN: &str = concat!(
    "SELECT DISTINCT e.pupil_id, e.school_id, e.id FROM enrolments e CROSS JOIN register_versions v ",
    "CROSS JOIN involvements i WHERE e.upn = $6 AND i.pupil_id = e.pupil_id ",
    live!(),
    newest!()
);
const CASES_BY_NAME: &str = concat!(
    "SELECT DISTINCT e.pupil_id, e.school_id, e.id FROM enrolments e CROSS JOIN register_versions v ",
    "CROSS JOIN involvements i WHERE e.surname_key = $6 AND e.date_of_birth = $8 AND e.forename_key = $7 ",
    "AND i.pupil_id = e.pupil_id ",
    live!(),
    newest!()
);
const CASES_BY_REFERENCE: &str = concat!(
    "SELECT DISTINCT i.pupil_id FROM involvements i WHERE i.case_reference = $6 AND i.pupil_id IS NOT NULL ",
    live!(),
    "ORDER BY 1 LIMIT 50"
);

type Row = (Uuid, Uuid, Uuid);

/// The children that match, in an order that is always the same. Where UPN and name are both given, one enrolment has to
/// fit both; where a reference comes with either, the caller holds it against the cases of whom is met.
pub async fn sought(
    db: &Db,
    among: Among,
    sought: &Sought,
    moment: (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Hit>, StoreError> {
    if matches!(among, Among::Rolls { .. }) && sought.case_reference.is_some() {
        return Ok(Vec::new());
    }
    let by_upn = match &sought.upn {
        Some(upn) => Some(by_upn(db, among, upn, moment).await?),
        None => None,
    };
    let by_name = match &sought.name {
        Some(name) => Some(by_name(db, among, name, moment).await?),
        None => None,
    };
    match (by_upn, by_name, &sought.case_reference) {
        (Some(hits), Some(others), _) => Ok(hits.into_iter().filter(|hit| others.contains(hit)).collect()),
        (Some(hits), None, _) | (None, Some(hits), _) => Ok(hits),
        (None, None, Some(reference)) => by_reference(db, among, reference, moment).await,
        (None, None, None) => Ok(Vec::new()),
    }
}

async fn by_upn(
    db: &Db,
    among: Among,
    upn: &str,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Hit>, StoreError> {
    let rows: Vec<Row> = match among {
        Among::Rolls { organisation } => read!(db, c => sqlx::query_as(ROLLS_BY_UPN)
            .bind(organisation.0).bind(upn).fetch_all(c).await)?,
        Among::Cases { organisation, purpose } => {
            let (first, second) = kinds_of(purpose);
            read!(db, c => sqlx::query_as(CASES_BY_UPN)
                .bind(organisation.0).bind(now).bind(today).bind(first).bind(second)
                .bind(upn).fetch_all(c).await)?
        }
    };
    Ok(rows.into_iter().map(Hit::of).collect())
}

async fn by_name(
    db: &Db,
    among: Among,
    (surname, forename, born): &(String, String, NaiveDate),
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Hit>, StoreError> {
    let rows: Vec<Row> = match among {
        Among::Rolls { organisation } => read!(db, c => sqlx::query_as(ROLLS_BY_NAME)
            .bind(organisation.0).bind(surname).bind(forename).bind(born).fetch_all(c).await)?,
        Among::Cases { organisation, purpose } => {
            let (first, second) = kinds_of(purpose);
            read!(db, c => sqlx::query_as(CASES_BY_NAME)
                .bind(organisation.0).bind(now).bind(today).bind(first).bind(second)
                .bind(surname).bind(forename).bind(born).fetch_all(c).await)?
        }
    };
    Ok(rows.into_iter().map(Hit::of).collect())
}

async fn by_reference(
    db: &Db,
    among: Among,
    reference: &str,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Hit>, StoreError> {
    let Among::Cases { organisation, purpose } = among else { return Ok(Vec::new()) };
    let (first, second) = kinds_of(purpose);
    let ids: Vec<Uuid> = read!(db, c => sqlx::query_scalar(CASES_BY_REFERENCE)
        .bind(organisation.0).bind(now).bind(today).bind(first).bind(second)
        .bind(reference).fetch_all(c).await)?;
    Ok(ids.into_iter().map(|id| Hit { pupil: PupilId(id), enrolment: None }).collect())
}

impl Hit {
    fn of((pupil, school, enrolment): Row) -> Self {
        Self { pupil: PupilId(pupil), enrolment: Some((SchoolId(school), EnrolmentId(enrolment))) }
    }
}

/// The kinds that have a purpose; none has more than two.
pub(super) fn kinds_of(purpose: Purpose) -> (&'static str, &'static str) {
    let mut kinds =
        InvolvementKind::ALL.iter().filter(|kind| kind.purpose() == purpose).map(|kind| kind.as_str());
    let first = kinds.next().unwrap_or("");
    (first, kinds.next().unwrap_or(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[test]
    fn neither_a_search_nor_a_claim_shows_whom_it_names() {
        let (quill, born) = ("Quill".to_owned(), "2012-03-04".parse().unwrap());
        let name = Some((quill.clone(), quill.clone(), born));
        let sought = Sought { case_reference: Some(quill.clone()), upn: Some(quill.clone()), name };
        let claimed = Claimed {
            upn: Some(&quill),
            date_of_birth: born,
            surname_key: &quill,
            forename_key: &quill,
            by_name: true,
        };
        for shown in [format!("{sought:?}"), format!("{claimed:?}")] {
            assert!(shown.contains("by_name: true"), "{shown}");
            assert!(!shown.contains("Quill") && !shown.contains("2012"), "{shown}");
        }
    }

    #[tokio::test]
    async fn every_search_goes_by_an_index() {
        for (text, begins) in [
            (ROLLS_BY_UPN, "SEARCH e USING INDEX enrolments_upn (upn=?)"),
            (ROLLS_BY_NAME, "SEARCH e USING INDEX enrolments_name (surname_key=? AND date_of_birth=?)"),
            (CASES_BY_UPN, "SEARCH e USING INDEX enrolments_upn (upn=?)"),
            (CASES_BY_NAME, "SEARCH e USING INDEX enrolments_name (surname_key=? AND date_of_birth=?)"),
            (
                CASES_BY_REFERENCE,
                "SEARCH i USING INDEX involvements_reference (organisation_id=? AND case_reference=?)",
            ),
        ] {
            let steps = plan_of(text).await;
            assert_eq!(steps.first().map(String::as_str), Some(begins), "{text}: {steps:#?}");
            assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{text}: {steps:#?}");
        }
    }
}
