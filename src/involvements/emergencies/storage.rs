//! The tables of emergencies.

use super::claim::{Child, Emergency};
use crate::domain::bars::{CLAIMS_A_DAY, NotOpened, Opening, SAME_CHILD};
use crate::domain::identifiers::{OrganisationId, PupilId, SystemId};
use crate::gate::{Asker, NamedChild};
use crate::store::{Db, StoreError, Touched as _, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// Who claims, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claimant<'a> {
    /// The authority that is acted for.
    pub(super) organisation: OrganisationId,
    /// Whose person it is, and whose the teams are.
    pub(super) own: OrganisationId,
    pub(super) system: SystemId,
    pub(super) person: &'a str,
    pub(super) teams: &'a [String],
    /// School time.
    pub(super) now: DateTime<Utc>,
    pub(super) today: NaiveDate,
}

/// What keeps any claim of a person's from opening anything now, whichever authority they act for. It counts the claim, and
/// holds that person's other claims of the day back until the transaction ends.
pub(super) async fn limit(tx: &mut Tx, who: Claimant<'_>) -> Result<Option<NotOpened>, StoreError> {
    const COUNT: &str = "INSERT INTO emergency_days (person, day, claims) VALUES ($1, $2, 1) \
         ON CONFLICT (person, day) DO UPDATE SET claims = emergency_days.claims + 1 RETURNING claims";
    let claims: i64 = on!(tx, c => sqlx::query_scalar(COUNT)
        .bind(who.person).bind(who.today).fetch_one(c).await)?;
    if lost(tx, who).await? {
        return Ok(Some(NotOpened::NotCountersigned));
    }
    Ok((claims > CLAIMS_A_DAY).then_some(NotOpened::ThreeToday))
}

/// Whether an earlier claim of the person's was not countersigned in time.
pub(super) async fn lost(tx: &mut Tx, who: Claimant<'_>) -> Result<bool, StoreError> {
    const LATE: &str = "SELECT COUNT(*) FROM emergencies WHERE person = $1 AND countersign_by < $2 AND countersigned_at IS NULL AND not_opened IS NULL";
    let late: i64 = on!(tx, c => sqlx::query_scalar(LATE)
        .bind(who.person).bind(who.today).fetch_one(c).await)?;
    Ok(late > 0)
}

/// Whether the person claimed a child so named within the week.
pub(super) async fn named_before(
    tx: &mut Tx,
    who: Claimant<'_>,
    digest: &[u8; 32],
) -> Result<bool, StoreError> {
    const NAMED: &str = "SELECT COUNT(*) FROM emergencies WHERE person = $1 AND claimed_at > $2 AND named = $3 \
         AND not_opened IS NULL";
    let since = who.now - SAME_CHILD;
    let named: i64 = on!(tx, c => sqlx::query_scalar(NAMED)
        .bind(who.person).bind(since).bind(digest.as_slice()).fetch_one(c).await)?;
    Ok(named > 0)
}

/// Writes one child's claim; one that opens nothing is never looked for.
pub(super) async fn insert(
    tx: &mut Tx,
    who: Claimant<'_>,
    (claim_id, id): (Uuid, Uuid),
    (claim, child): (&Emergency, &Child),
    (not_opened, countersign_by): (Option<NotOpened>, NaiveDate),
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO emergencies (id, claim_id, organisation_id, system_id, person, teams, category, \
         reason, call_back, claim_upn, claim_date_of_birth, claim_surname, claim_forename, named, claimed_at, opens_at, \
         closes_at, not_opened, looked_at, countersign_by, own_organisation_id) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)";
    let opening = Opening::from(who.now);
    let (upn, name) = (child.named.upn.as_ref(), child.named.name.as_ref());
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(id).bind(claim_id).bind(who.organisation.0).bind(who.system.0).bind(who.person)
            .bind(who.teams.join(" ")).bind(claim.category.as_str()).bind(&claim.text).bind(&claim.call_back)
            .bind(upn).bind(name.map(|n| n.2)).bind(name.map(|n| &n.0)).bind(name.map(|n| &n.1))
            .bind(child.digest.as_slice()).bind(who.now).bind(opening.from).bind(opening.until)
            .bind(not_opened.map(NotOpened::as_str)).bind(not_opened.map(|_| who.now)).bind(countersign_by)
            .bind(who.own.0)
            .execute(c).await?;
        must_touch("an emergency", &r, 1)
    })
}

/// One child's claim as its claimant was told of it.
#[derive(sqlx::FromRow)]
pub(super) struct Told {
    pub(super) id: Uuid,
    pub(super) claimed_at: DateTime<Utc>,
    pub(super) countersign_by: NaiveDate,
    pub(super) why_not: Option<String>,
}

/// The claimant's own claim, child by child as they were sent; with what kept it from opening when it came, which it was
/// told then, and never with what a look for the child has found.
pub(super) async fn of_claim(
    db: &Db,
    (organisation, system, person): (OrganisationId, SystemId, &str),
    claim_id: Uuid,
) -> Result<Vec<Told>, StoreError> {
    // What opened nothing when it came was never looked for: it is marked so in the moment of the claim.
    const OWN: &str = "SELECT id, claimed_at, countersign_by, \
         CASE WHEN looked_at = claimed_at THEN not_opened END AS why_not FROM emergencies \
         WHERE claim_id = $1 AND organisation_id = $2 AND system_id = $3 AND person = $4 ORDER BY id";
    Ok(read!(db, c => sqlx::query_as(OWN)
        .bind(claim_id).bind(organisation.0).bind(system.0).bind(person).fetch_all(c).await)?)
}

/// A claim whose child has not been looked for.
#[derive(sqlx::FromRow)]
pub(super) struct Unlooked {
    pub(super) id: Uuid,
    organisation_id: Uuid,
    own_organisation_id: Uuid,
    person: String,
    teams: String,
    claim_upn: Option<String>,
    claim_date_of_birth: Option<NaiveDate>,
    claim_surname: Option<String>,
    claim_forename: Option<String>,
    claimed_at: DateTime<Utc>,
}

impl Unlooked {
    pub(super) fn named(&self) -> NamedChild {
        let (surname, forename) = (self.claim_surname.clone(), self.claim_forename.clone());
        let name = surname.zip(forename).zip(self.claim_date_of_birth);
        NamedChild { upn: self.claim_upn.clone(), name: name.map(|((s, f), born)| (s, f, born)) }
    }

    pub(super) fn teams(&self) -> Vec<String> {
        self.teams.split(' ').filter(|code| !code.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn asker<'a>(&'a self, teams: &'a [String]) -> Asker<'a> {
        let (organisation, own) =
            (OrganisationId(self.organisation_id), OrganisationId(self.own_organisation_id));
        Asker { organisation, own, teams, person: Some(&self.person) }
    }
}

/// The oldest claims whose child has not been looked for.
pub(super) async fn unlooked(db: &Db, limit: i64) -> Result<Vec<Unlooked>, StoreError> {
    const NEW: &str = "SELECT id, organisation_id, COALESCE(own_organisation_id, organisation_id) AS own_organisation_id, \
         person, teams, claim_upn, claim_date_of_birth, claim_surname, claim_forename, claimed_at FROM emergencies WHERE looked_at IS NULL ORDER BY claimed_at, id LIMIT $1";
    Ok(read!(db, c => sqlx::query_as(NEW).bind(limit).fetch_all(c).await)?)
}

/// Writes what the look for a child found: nobody, a child, or one that others must release first. A child that another claim
/// of the person's within a week fits too is nobody here, however it was named: that two names are one child's is told by
/// nothing else of a claim either. As many statements whatever was found.
pub(super) async fn looked(
    tx: &mut Tx,
    claim: &Unlooked,
    found: Result<Option<PupilId>, PupilId>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const SAME: &str = "SELECT COUNT(*) FROM emergencies WHERE person = $1 AND claimed_at > $2 AND claimed_at <= $3 \
         AND (pupil_id = $4 OR held_pupil_id = $4) AND id <> $5 AND not_opened IS NULL";
    const LOOKED: &str = "UPDATE emergencies SET looked_at = $2, pupil_id = $3, held_pupil_id = $4 \
         WHERE id = $1 AND looked_at IS NULL";
    let (pupil, held) = match found {
        Ok(pupil) => (pupil, None),
        Err(held) => (None, Some(held)),
    };
    let either = pupil.or(held).map_or(Uuid::nil(), |pupil| pupil.0);
    let since = claim.claimed_at - SAME_CHILD;
    let same: i64 = on!(tx, c => sqlx::query_scalar(SAME)
        .bind(&claim.person).bind(since).bind(claim.claimed_at).bind(either)
        .bind(claim.id).fetch_one(c).await)?;
    let kept = |pupil: Option<PupilId>| pupil.filter(|_| same == 0).map(|pupil| pupil.0);
    Ok(on!(tx, c => sqlx::query(LOOKED)
        .bind(claim.id).bind(at).bind(kept(pupil)).bind(kept(held))
        .execute(c).await.map(|r| r.touched()))?)
}

/// A claim whose child others must release first, and whom nobody has asked yet.
#[derive(sqlx::FromRow)]
pub(super) struct Unasked {
    pub(super) id: Uuid,
    pub(super) organisation_id: Uuid,
    pub(super) own_organisation_id: Uuid,
    pub(super) teams: String,
    pub(super) call_back: String,
    pub(super) held_pupil_id: Uuid,
}

/// Those claims.
pub(super) async fn unasked(db: &Db, limit: i64) -> Result<Vec<Unasked>, StoreError> {
    const HELD: &str = "SELECT id, organisation_id, COALESCE(own_organisation_id, organisation_id) AS own_organisation_id, teams, \
         call_back, held_pupil_id FROM emergencies \
         WHERE held_pupil_id IS NOT NULL AND held_at IS NULL ORDER BY id LIMIT $1";
    Ok(read!(db, c => sqlx::query_as(HELD).bind(limit).fetch_all(c).await)?)
}

/// Notes that those who protect the child were asked; none where another gateway has.
pub(super) async fn asked(tx: &mut Tx, id: Uuid, at: DateTime<Utc>) -> Result<u64, StoreError> {
    const ASKED: &str = "UPDATE emergencies SET held_at = $2 WHERE id = $1 AND held_at IS NULL";
    Ok(on!(tx, c => sqlx::query(ASKED).bind(id).bind(at).execute(c).await.map(|r| r.touched()))?)
}

/// Releases a claim to its claimant: from now on, school time, it is open for thirty minutes. Says how many were.
pub(in crate::involvements) async fn release(
    tx: &mut Tx,
    id: Uuid,
    pupil: PupilId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const RELEASE: &str = "UPDATE emergencies SET pupil_id = $2, accepted_at = $3, opens_at = $4, closes_at = $5 \
         WHERE id = $1 AND held_pupil_id = $2 AND pupil_id IS NULL AND not_opened IS NULL";
    let opening = Opening::from(now);
    Ok(on!(tx, c => sqlx::query(RELEASE)
        .bind(id).bind(pupil.0).bind(now).bind(opening.from).bind(opening.until)
        .execute(c).await.map(|r| r.touched()))?)
}

/// A claim as whoever countersigns it sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct OwnClaim {
    pub(super) claim_id: Uuid,
    own_organisation_id: Uuid,
    pub(super) person: String,
    pub(super) teams: String,
    pub(super) category: String,
    pub(super) reason: String,
    pub(super) claimed_at: DateTime<Utc>,
    pub(super) countersign_by: NaiveDate,
    pub(super) countersigned_at: Option<DateTime<Utc>>,
    pub(super) countersigned_by: Option<String>,
    pub(super) not_opened: Option<String>,
}

impl OwnClaim {
    /// Whether a manager of the organisation that acts for this one is of a team that the claimant is of too.
    pub(super) fn is_beside(&self, own: OrganisationId, acted_for: OrganisationId, teams: &[String]) -> bool {
        let acts = own != acted_for && self.own_organisation_id == own.0;
        acts && self.teams.split(' ').any(|team| teams.iter().any(|own| own == team))
    }

    /// Whether a team of an organisation is one of the claimant's own.
    pub(super) fn is_own_team(&self, (organisation, team): (OrganisationId, &str)) -> bool {
        self.own_organisation_id == organisation.0 && self.teams.split(' ').any(|own| own == team)
    }
}

/// A claim of an organisation's own.
pub(super) async fn claimed(
    db: &Db,
    organisation: OrganisationId,
    id: Uuid,
) -> Result<Option<OwnClaim>, StoreError> {
    const OWN: &str = "SELECT claim_id, COALESCE(own_organisation_id, organisation_id) AS own_organisation_id, person, teams, \
         category, reason, claimed_at, countersign_by, \
         countersigned_at, countersigned_by, not_opened FROM emergencies WHERE id = $1 AND organisation_id = $2";
    Ok(read!(db, c => sqlx::query_as(OWN).bind(id).bind(organisation.0).fetch_optional(c).await)?)
}

/// Countersigns a claim, of all its children at once. Says for how many it was not signed before.
pub(super) async fn countersign(
    tx: &mut Tx,
    claim_id: Uuid,
    manager: &str,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const SIGN: &str = "UPDATE emergencies SET countersigned_at = $2, countersigned_by = $3 \
         WHERE claim_id = $1 AND countersigned_at IS NULL";
    Ok(on!(tx, c => sqlx::query(SIGN)
        .bind(claim_id).bind(at).bind(manager).execute(c).await.map(|r| r.touched()))?)
}

/// Claims that nobody countersigned by their day, and of which nobody was told: organisation and claim, each once.
pub(in crate::involvements) async fn tell_late(
    tx: &mut Tx,
    today: NaiveDate,
    at: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    const TELL: &str = "UPDATE emergencies SET told_at = $2 WHERE countersign_by < $1 AND countersigned_at IS NULL \
         AND told_at IS NULL RETURNING organisation_id, claim_id";
    let mut told: Vec<(Uuid, Uuid)> =
        on!(tx, c => sqlx::query_as(TELL).bind(today).bind(at).fetch_all(c).await)?;
    told.sort_unstable();
    told.dedup();
    Ok(told)
}

/// Deletes at most `limit` claims from before the first of two times, once they are countersigned or opened nothing, and from
/// before the second whatever became of them; with their renewals.
pub(in crate::involvements) async fn forget(
    tx: &mut Tx,
    (since, whatever): (DateTime<Utc>, DateTime<Utc>),
    limit: i64,
) -> Result<u64, StoreError> {
    const RENEWALS: &str = "DELETE FROM emergency_renewals WHERE emergency_id IN (SELECT id FROM emergencies \
         WHERE claimed_at < $1 AND (countersigned_at IS NOT NULL OR not_opened IS NOT NULL OR claimed_at < $2) \
         ORDER BY claimed_at, id LIMIT $3)";
    const CLAIMS: &str = "DELETE FROM emergencies WHERE id IN (SELECT id FROM emergencies \
         WHERE claimed_at < $1 AND (countersigned_at IS NOT NULL OR not_opened IS NOT NULL OR claimed_at < $2) \
         ORDER BY claimed_at, id LIMIT $3)";
    on!(tx, c => sqlx::query(RENEWALS).bind(since).bind(whatever).bind(limit).execute(c).await.map(|_| ()))?;
    Ok(on!(tx, c => sqlx::query(CLAIMS).bind(since).bind(whatever).bind(limit)
        .execute(c).await.map(|r| r.touched()))?)
}

/// Deletes at most `limit` counts of days before one.
pub(in crate::involvements) async fn forget_days(
    tx: &mut Tx,
    before: NaiveDate,
    limit: i64,
) -> Result<u64, StoreError> {
    const DAYS: &str = "DELETE FROM emergency_days WHERE (person, day) IN \
         (SELECT person, day FROM emergency_days WHERE day < $1 LIMIT $2)";
    Ok(on!(tx, c => sqlx::query(DAYS).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?)
}
