//! How far rolls have been followed, and whom to tell.

use crate::domain::identifiers::{OrganisationId, PupilId, SchoolId};
use crate::domain::purpose::InvolvementKind;
use crate::gate::OpenCase;
use crate::store::{Db, StoreError, Touched as _, Tx, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// The last event of a kind that was followed at a school; none where the school was never looked at.
pub(super) async fn followed(db: &Db, school: SchoolId, follows: &str) -> Result<Option<i64>, StoreError> {
    const AT: &str = "SELECT sequence FROM followed_rolls WHERE school_id = $1 AND follows = $2";
    Ok(read!(db, c => sqlx::query_scalar(AT).bind(school.0).bind(follows).fetch_optional(c).await)?)
}

/// Begins to follow at a place.
pub(super) async fn begin(tx: &mut Tx, school: SchoolId, follows: &str, at: i64) -> Result<(), StoreError> {
    const BEGIN: &str = "INSERT INTO followed_rolls (school_id, follows, sequence) VALUES ($1, $2, $3) \
         ON CONFLICT (school_id, follows) DO NOTHING";
    on!(tx, c => sqlx::query(BEGIN).bind(school.0).bind(follows).bind(at).execute(c).await.map(|_| ()))?;
    Ok(())
}

/// Goes on from one place to another; `false` where another gateway has.
pub(super) async fn go_on(
    tx: &mut Tx,
    (school, follows): (SchoolId, &str),
    (from, to): (i64, i64),
) -> Result<bool, StoreError> {
    const ON: &str =
        "UPDATE followed_rolls SET sequence = $4 WHERE school_id = $1 AND follows = $2 AND sequence = $3";
    let touched = on!(tx, c => sqlx::query(ON).bind(school.0).bind(follows).bind(from).bind(to)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// A live involvement whose team is told.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct Told {
    pub(super) organisation_id: Uuid,
    pub(super) id: Uuid,
    pub(super) kind: String,
    pub(super) team: String,
    matched_at: Option<DateTime<Utc>>,
    accepted_at: Option<DateTime<Utc>>,
}

impl Told {
    /// The case, as the gate asks about it.
    pub(super) fn case(&self, kind: InvolvementKind) -> OpenCase<'_> {
        let organisation = OrganisationId(self.organisation_id);
        OpenCase { organisation, team: &self.team, kind, since: (self.matched_at, self.accepted_at) }
    }
}

/// The live involvements of every agency with a child.
pub(super) async fn live(
    db: &Db,
    pupil: PupilId,
    (now, today): (DateTime<Utc>, NaiveDate),
) -> Result<Vec<Told>, StoreError> {
    const LIVE: &str = "SELECT organisation_id, id, kind, team, matched_at, accepted_at FROM involvements WHERE pupil_id = $1 \
         AND opened_at <= $2 AND (ended_at IS NULL OR ended_at > $2) AND (until_day IS NULL OR until_day >= $3) \
         ORDER BY organisation_id, id";
    Ok(read!(db, c => sqlx::query_as(LIVE).bind(pupil.0).bind(now).bind(today).fetch_all(c).await)?)
}
