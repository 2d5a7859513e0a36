//! The child behind a handle, and what ties an organisation to it: all that a decision needs, in one statement.
//!
//! One, whoever asks and whatever is found: neither how many reads there are nor how long they take tells a child that is
//! not the caller's from none.

use super::bars::{self, Bar};
use super::cases::{self, Case};
use super::enrolled::{Enrolled, State, fold};
use crate::crypto;
use crate::domain::identifiers::{OrganisationId, PupilId, SystemId};
use crate::store::{self, Db, SetSql, StoreError, Together, over_handles, read_group};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// What the database says of the child behind a handle.
#[derive(Clone, Debug)]
pub struct Behind {
    /// The child.
    pub pupil: PupilId,
    /// Its enrolments that count now, leavers' included.
    pub enrolled: Vec<Enrolled>,
    /// The organisation's live involvements with it.
    pub cases: Vec<Case>,
    /// Whether it had one that has ended.
    pub former: bool,
    /// What stands between it and anybody, and who protects it.
    pub bars: Vec<Bar>,
}

/// A state of an enrolment, a live involvement, a line about the child and somebody, or none of these.
#[derive(sqlx::FromRow)]
struct Row {
    n: i64,
    pupil_id: Uuid,
    school_id: Option<Uuid>,
    id: Option<Uuid>,
    version: Option<i64>,
    committed_at: Option<DateTime<Utc>>,
    whereabouts_protected: Option<bool>,
    home_authority: Option<String>,
    home_authority_assumed: Option<bool>,
    other_school_urn: Option<String>,
    starting_day: Option<NaiveDate>,
    last_day: Option<NaiveDate>,
    status: Option<String>,
    kind: Option<String>,
    case_reference: Option<String>,
    team: Option<String>,
    family_agreed_by: Option<String>,
    family_agreed_until: Option<NaiveDate>,
    family_withdrawn_on: Option<NaiveDate>,
    former_team: Option<String>,
    former_team_until: Option<NaiveDate>,
    live: Option<bool>,
    sort: Option<String>,
    whom_kind: Option<String>,
    whom: Option<String>,
    whom_organisation_id: Option<Uuid>,
    since: Option<DateTime<Utc>>,
}

// The last part is there for a child without either. The first names the types, which PostgreSQL takes from it; CROSS
// JOIN keeps SQLite to the order written.
const BEHIND: SetSql = over_handles!(
    "WITH child AS (SELECT s.n, h.pupil_id, h.organisation_id FROM ",
    " CROSS JOIN handles h WHERE h.system_id = s.system AND h.organisation_id = s.organisation \
     AND h.handle = s.handle AND h.retired_at IS NULL) \
     SELECT c.n, c.pupil_id, e.school_id, e.id, e.version, v.committed_at, e.whereabouts_protected, e.home_authority, \
     e.home_authority_assumed, e.other_school_urn, e.starting_day, e.last_day, e.status, NULL AS kind, \
     NULL AS case_reference, NULL AS team, NULL AS family_agreed_by, CAST(NULL AS DATE) AS family_agreed_until, \
     CAST(NULL AS DATE) AS family_withdrawn_on, NULL AS former_team, CAST(NULL AS DATE) AS former_team_until, \
     CAST(NULL AS BOOLEAN) AS live, NULL AS sort, NULL AS whom_kind, NULL AS whom, \
     CAST(NULL AS UUID) AS whom_organisation_id, CAST(NULL AS TIMESTAMPTZ) AS since \
     FROM child c CROSS JOIN enrolments e CROSS JOIN register_versions v \
     WHERE e.pupil_id = c.pupil_id AND v.school_id = e.school_id AND v.version = e.version \
     UNION ALL SELECT c.n, c.pupil_id, NULL, i.id, NULL, i.accepted_at, NULL, NULL, NULL, NULL, NULL, NULL, NULL, i.kind, \
     i.case_reference, i.team, i.family_agreed_by, i.family_agreed_until, i.family_withdrawn_on, \
     i.former_team, i.former_team_until, \
     (i.ended_at IS NULL OR i.ended_at > $2) AND (i.until_day IS NULL OR i.until_day >= $3), NULL, NULL, NULL, \
     NULL, i.matched_at \
     FROM child c CROSS JOIN involvements i \
     WHERE i.pupil_id = c.pupil_id AND i.organisation_id = c.organisation_id AND i.opened_at <= $2 \
     UNION ALL SELECT c.n, c.pupil_id, NULL, b.source_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, b.sort, b.whom_kind, b.whom, \
     b.whom_organisation_id, b.begins_at FROM child c CROSS JOIN bars b \
     WHERE b.pupil_id = c.pupil_id AND b.begins_at <= $2 AND (b.ends_at IS NULL OR b.ends_at > $2) \
     UNION ALL SELECT c.n, c.pupil_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, \
     NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM child c"
);

/// Who asks, by which handle, and when.
#[derive(Clone, Debug)]
struct HandleAsked {
    holder: (SystemId, OrganisationId),
    handle: Vec<u8>,
    moment: (DateTime<Utc>, NaiveDate),
}

/// The child behind a handle of this system acting for this organisation, with what ties the organisation to it; anything
/// else is nobody.
pub async fn behind(
    db: &Db,
    holder: (SystemId, OrganisationId),
    handle: &[u8],
    moment: (DateTime<Utc>, NaiveDate),
) -> Result<Option<Behind>, StoreError> {
    db.together(HandleAsked { holder, handle: handle.to_vec(), moment }).await
}

impl Together for HandleAsked {
    type Answer = Option<Behind>;

    async fn answer_all(db: &Db, asked: &[Self]) -> Result<Vec<Option<Behind>>, StoreError> {
        // What has ended by the latest of the moments has ended for all of them.
        let Some(latest) = asked.iter().map(|a| a.moment).max() else { return Ok(Vec::new()) };
        let set = store::listed(asked.iter().map(Self::written));
        let rows: Vec<Row> = read_group!(db, asked.len(), c => sqlx::query_as(BEHIND.of(db))
            .bind(set).bind(latest.0).bind(latest.1).fetch_all(c).await)?;
        let each = store::by_question(asked.len(), rows.into_iter().map(|row| (row.n, row)))?;
        each.into_iter().zip(asked).map(|(rows, asked)| Behind::of(rows, asked.moment.1)).collect()
    }
}

impl HandleAsked {
    fn written(&self) -> String {
        let (system, organisation) = self.holder;
        let mut text = String::with_capacity(96);
        for part in [system.0.as_bytes().as_slice(), organisation.0.as_bytes(), &self.handle] {
            text.push_str(&crypto::to_hex(part));
        }
        text
    }
}

impl Behind {
    /// What the rows of one question say; none is nobody.
    fn of(rows: Vec<Row>, today: NaiveDate) -> Result<Option<Self>, StoreError> {
        let Some(pupil) = rows.first().map(|row| PupilId(row.pupil_id)) else { return Ok(None) };
        let (mut states, mut cases, mut bars) = (Vec::new(), Vec::new(), Vec::new());
        for row in rows {
            if row.kind.is_some() {
                cases.extend(row.case());
            } else if row.sort.is_some() {
                bars.extend(row.bar());
            } else {
                states.extend(row.state());
            }
        }
        states.sort_unstable_by_key(|(place, _)| *place);
        cases.sort_unstable_by_key(cases::Row::id);
        let (cases, former) = cases::Row::split(cases, today)?;
        Ok(Some(Self {
            pupil,
            enrolled: fold(states.into_iter().map(|(_, state)| state).collect(), today),
            cases,
            former,
            bars: bars.into_iter().map(bars::Row::bar).collect::<Result<_, _>>()?,
        }))
    }
}

impl Row {
    fn case(self) -> Option<cases::Row> {
        Some(cases::Row {
            id: self.id?,
            kind: self.kind?,
            case_reference: self.case_reference?,
            team: self.team?,
            family_agreed_by: self.family_agreed_by,
            family_agreed_until: self.family_agreed_until,
            family_withdrawn_on: self.family_withdrawn_on,
            former_team: self.former_team,
            former_team_until: self.former_team_until,
            live: self.live?,
            matched_at: self.since,
            accepted_at: self.committed_at,
        })
    }

    fn bar(self) -> Option<bars::Row> {
        Some(bars::Row {
            source_id: self.id?,
            sort: self.sort?,
            whom_kind: self.whom_kind?,
            whom: self.whom?,
            whom_organisation_id: self.whom_organisation_id,
            begins_at: self.since?,
        })
    }

    /// The state, and its place in the order of school, enrolment and version.
    fn state(self) -> Option<((Uuid, Uuid, i64), State)> {
        let (school_id, id) = (self.school_id?, self.id?);
        let state = State {
            school_id,
            id,
            committed_at: self.committed_at?,
            whereabouts_protected: self.whereabouts_protected?,
            home_authority: self.home_authority,
            home_authority_assumed: self.home_authority_assumed?,
            other_school_urn: self.other_school_urn,
            starting_day: self.starting_day?,
            last_day: self.last_day,
            status: self.status?,
        };
        Some(((school_id, id, self.version?), state))
    }
}
