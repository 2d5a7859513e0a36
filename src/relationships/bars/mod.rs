//! What stands between a child and somebody, who protects the child, and the claim of an emergency.
//!
//! Whether a line names a caller is for whoever knows the caller; here they are read, all of a child's, whoever asks.

mod emergency;

pub use emergency::{EmergencyClaim, emergency};

use crate::domain::bars::{BarSort, WhomKind};
use crate::domain::identifiers::{OrganisationId, PupilId, TeamId};
use crate::store::{self, Db, SetSql, StoreError, over_ids, read, read_many};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use uuid::Uuid;

/// A line about a child and somebody, in force now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// The shield, decision or protection that it follows from.
    pub source: Uuid,
    /// What it says.
    pub sort: BarSort,
    /// Of whom.
    pub whom: Whom,
    /// Since when, school time.
    pub begins_at: DateTime<Utc>,
}

/// Whom a line names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// A whole organisation.
    Organisation(OrganisationId),
    /// One team.
    Team(TeamId),
    /// One person, and the organisation as whose they were named.
    Person {
        /// Issuer, tenant and subject, as entries write them.
        key: String,
        /// Whose person it is; none where that was not noted.
        organisation: Option<OrganisationId>,
    },
    /// The education safeguarding lead of an authority.
    Lead(OrganisationId),
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub source_id: Uuid,
    pub sort: String,
    pub whom_kind: String,
    pub whom: String,
    pub whom_organisation_id: Option<Uuid>,
    pub begins_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct OfChild {
    pupil_id: Uuid,
    #[sqlx(flatten)]
    row: Row,
}

impl Row {
    pub(super) fn bar(self) -> Result<Bar, StoreError> {
        let id = || Uuid::parse_str(&self.whom).map_err(|_| StoreError::Corrupt("bars.whom"));
        let kind = WhomKind::parse(&self.whom_kind).ok_or(StoreError::Corrupt("bars.whom_kind"))?;
        Ok(Bar {
            source: self.source_id,
            sort: BarSort::parse(&self.sort).ok_or(StoreError::Corrupt("bars.sort"))?,
            whom: match kind {
                WhomKind::Organisation => Whom::Organisation(OrganisationId(id()?)),
                WhomKind::Team => Whom::Team(TeamId(id()?)),
                WhomKind::Lead => Whom::Lead(OrganisationId(id()?)),
                WhomKind::Person => {
                    let organisation = self.whom_organisation_id.map(OrganisationId);
                    Whom::Person { key: self.whom, organisation }
                }
            },
            begins_at: self.begins_at,
        })
    }
}

/// The lines about a child that are in force at a moment, school time.
pub async fn bars_on(db: &Db, pupil: PupilId, now: DateTime<Utc>) -> Result<Vec<Bar>, StoreError> {
    const OF_PUPIL: &str = "SELECT source_id, sort, whom_kind, whom, whom_organisation_id, begins_at FROM bars \
         WHERE pupil_id = $1 AND begins_at <= $2 AND (ends_at IS NULL OR ends_at > $2) ORDER BY source_id, place";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(OF_PUPIL).bind(pupil.0).bind(now).fetch_all(c).await)?;
    rows.into_iter().map(Row::bar).collect()
}

/// The organisations that hold or held a handle for a child, with when each was first given one.
pub async fn holders_of(db: &Db, pupil: PupilId) -> Result<Vec<(OrganisationId, DateTime<Utc>)>, StoreError> {
    const HOLDERS: &str = "SELECT organisation_id, issued_at FROM handles WHERE pupil_id = $1 AND retired_at IS NULL \
         UNION ALL SELECT organisation_id, issued_at FROM handles WHERE pupil_id = $1 AND retired_at IS NOT NULL \
         ORDER BY 2";
    let rows: Vec<(Uuid, DateTime<Utc>)> =
        read!(db, c => sqlx::query_as(HOLDERS).bind(pupil.0).fetch_all(c).await)?;
    let mut first: Vec<(OrganisationId, DateTime<Utc>)> = Vec::new();
    for (organisation, since) in rows {
        let organisation = OrganisationId(organisation);
        if first.iter().all(|(known, _)| *known != organisation) {
            first.push((organisation, since));
        }
    }
    Ok(first)
}

// CROSS JOIN keeps SQLite to the order written, which begins with the set.
const OF_PUPILS: SetSql = over_ids!(
    "SELECT b.pupil_id, b.source_id, b.sort, b.whom_kind, b.whom, b.whom_organisation_id, b.begins_at FROM ",
    " CROSS JOIN bars b WHERE b.pupil_id = s.id AND b.begins_at <= $2 AND (b.ends_at IS NULL OR b.ends_at > $2) \
     ORDER BY b.pupil_id, b.source_id, b.place"
);

/// The same of each of these children.
pub async fn bars_on_each(
    db: &Db,
    pupils: &[PupilId],
    now: DateTime<Utc>,
) -> Result<HashMap<PupilId, Vec<Bar>>, StoreError> {
    let set = store::ids(pupils.iter().map(|pupil| pupil.0));
    let rows: Vec<OfChild> =
        read_many!(db, c => sqlx::query_as(OF_PUPILS.of(db)).bind(set).bind(now).fetch_all(c).await)?;
    let mut all: HashMap<PupilId, Vec<Bar>> = HashMap::new();
    for OfChild { pupil_id, row } in rows {
        all.entry(PupilId(pupil_id)).or_default().push(row.bar()?);
    }
    Ok(all)
}
