//! An agency's live involvements with a child.

use crate::domain::identifiers::{InvolvementId, OrganisationId, PupilId};
use crate::domain::purpose::InvolvementKind;
use crate::store::{Db, StoreError, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// A live involvement of one agency with one child.
#[derive(Clone, Debug)]
pub struct Case {
    /// The involvement.
    pub id: InvolvementId,
    /// Its kind, which fixes the purpose.
    pub kind: InvolvementKind,
    /// The stored case reference; compared and recorded, never logged.
    pub case_reference: String,
    /// Code of the agency's team that has it.
    pub team: String,
    /// Code of the team that had it before and still sees it.
    pub former_team: Option<String>,
    /// Whether the family's agreement is recorded, not past and not withdrawn.
    pub family_agreement: bool,
    /// When it came to count, or its team took it over, school time.
    pub matched_at: Option<DateTime<Utc>>,
    /// When those who protect the child accepted the claim, school time.
    pub accepted_at: Option<DateTime<Utc>>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub id: Uuid,
    pub kind: String,
    pub case_reference: String,
    pub team: String,
    pub family_agreed_by: Option<String>,
    pub family_agreed_until: Option<NaiveDate>,
    pub family_withdrawn_on: Option<NaiveDate>,
    pub former_team: Option<String>,
    pub former_team_until: Option<NaiveDate>,
    pub live: bool,
    pub matched_at: Option<DateTime<Utc>>,
    pub accepted_at: Option<DateTime<Utc>>,
}

/// The live involvements of an organisation with a child: matched, opened, not past their term, not ended.
pub async fn cases_of(
    db: &Db,
    organisation: OrganisationId,
    pupil: PupilId,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Case>, StoreError> {
    const LIVE: &str = "SELECT id, kind, case_reference, team, family_agreed_by, family_agreed_until, family_withdrawn_on, \
         former_team, former_team_until, TRUE AS live, matched_at, accepted_at \
         FROM involvements WHERE pupil_id = $1 AND organisation_id = $2 AND opened_at <= $3 \
         AND (ended_at IS NULL OR ended_at > $3) AND (until_day IS NULL OR until_day >= $4) ORDER BY id";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(LIVE)
        .bind(pupil.0).bind(organisation.0).bind(now).bind(today).fetch_all(c).await)?;
    rows.into_iter().map(|row| row.case(today)).collect()
}

impl Row {
    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    /// The live cases among these, and whether there is one that has ended.
    pub(super) fn split(rows: Vec<Self>, today: NaiveDate) -> Result<(Vec<Case>, bool), StoreError> {
        let former = rows.iter().any(|row| !row.live);
        let live = rows.into_iter().filter(|row| row.live).map(|row| row.case(today));
        Ok((live.collect::<Result<_, _>>()?, former))
    }

    /// The case as it is on a day.
    pub(super) fn case(self, today: NaiveDate) -> Result<Case, StoreError> {
        let current = self.family_agreed_until.is_none_or(|day| day >= today)
            && self.family_withdrawn_on.is_none_or(|day| day > today);
        Ok(Case {
            id: InvolvementId(self.id),
            kind: InvolvementKind::parse(&self.kind).ok_or(StoreError::Corrupt("involvements.kind"))?,
            case_reference: self.case_reference,
            team: self.team,
            former_team: self.former_team.filter(|_| self.former_team_until.is_some_and(|day| day >= today)),
            family_agreement: self.family_agreed_by.is_some() && current,
            matched_at: self.matched_at,
            accepted_at: self.accepted_at,
        })
    }
}
