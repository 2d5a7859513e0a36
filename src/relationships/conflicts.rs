//! Whom a person is not to see, since they have an interest of their own.

use crate::directory::PersonKey;
use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A conflict of interest of one person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// With one child.
    Child(PupilId),
    /// With every child of a school.
    School(SchoolId),
}

/// The conflicts of a person that stand, as either of two organisations recorded them: the one that is acted for and the
/// person's own. One with a child whose claim is not matched bars nobody yet.
pub async fn conflicts_of(
    db: &Db,
    (organisation, own): (OrganisationId, OrganisationId),
    person: &PersonKey,
    now: DateTime<Utc>,
) -> Result<Vec<Conflict>, StoreError> {
    let rows: Vec<(Option<Uuid>, Option<Uuid>)> = read!(db, c => sqlx::query_as(STANDING)
        .bind(organisation.0).bind(&person.issuer).bind(&person.tenant).bind(&person.subject).bind(now)
        .bind(own.0).fetch_all(c).await)?;
    let conflict = |(pupil, school): (Option<Uuid>, Option<Uuid>)| {
        let child = pupil.map(|id| Conflict::Child(PupilId(id)));
        child.or_else(|| school.map(|id| Conflict::School(SchoolId(id))))
    };
    Ok(rows.into_iter().filter_map(conflict).collect())
}

const STANDING: &str = "SELECT COALESCE(i.pupil_id, i.held_pupil_id) AS pupil_id, x.school_id FROM conflicts x \
     LEFT JOIN involvements i ON i.organisation_id = x.organisation_id AND i.id = x.involvement_id \
     WHERE x.organisation_id IN ($1, $6) AND x.subject = $4 AND x.issuer = $2 AND x.tenant = $3 \
     AND (x.ended_at IS NULL OR x.ended_at > $5)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::plan_of;

    #[tokio::test]
    async fn a_persons_conflicts_are_found_by_an_index() {
        let steps = plan_of(STANDING).await;
        let expected = "SEARCH x USING INDEX conflicts_person (organisation_id=? AND subject=?)";
        assert_eq!(steps.first().map(String::as_str), Some(expected), "{steps:#?}");
        assert!(!steps.iter().any(|step| step.starts_with("SCAN")), "{steps:#?}");
    }
}
