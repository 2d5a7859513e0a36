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
    pub(super) organisation: OrganisationId,
    pub(super) system: SystemId,
    pub(super) person: &'a str,
    pub(super) teams: &'a [String],
    /// School time.
    pub(super) now: DateTime<Utc>,
    pub(super) today: NaiveDate,
}

/// What keeps any claim of a person's from opening anything now. It counts the claim, and holds that person's other claims
/// of the day back until the transaction ends.
pub(super) async fn limit(tx: &mut Tx, who: Claimant<'_>) -> Result<Option<NotOpened>, StoreError> {
    const COUNT: &str = "INSERT INTO emergency_days (organisation_id, person, day, claims) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (organisation_id, person, day) DO UPDATE SET claims = emergency_days.claims + 1 RETURNING claims";
    let claims: i64 = on!(tx, c => sqlx::query_scalar(COUNT)
        .bind(who.organisation.0).bind(who.person).bind(who.today).fetch_one(c).await)?;
    if lost(tx, who).await? {
        return Ok(Some(NotOpened::NotCountersigned));
    }
    Ok((claims > CLAIMS_A_DAY).then_some(NotOpened::ThreeToday))
}

/// Whether an earlier claim of the person's was not countersigned in time.
pub(super) async fn lost(tx: &mut Tx, who: Claimant<'_>) -> Result<bool, StoreError> {
    const LATE: &str = "SELECT COUNT(*) FROM emergencies WHERE organisation_id = $1 AND person = $2 \
         AND countersign_by < $3 AND countersigned_at IS NULL AND not_opened IS NULL";
    let late: i64 = on!(tx, c => sqlx::query_scalar(LATE)
        .bind(who.organisation.0).bind(who.person).bind(who.today).fetch_one(c).await)?;
    Ok(late > 0)
}

/// Whether the person claimed a child so named within the week.
pub(super) async fn named_before(
    tx: &mut Tx,
    who: Claimant<'_>,
    digest: &[u8; 32],
) -> Result<bool, StoreError> {
    const NAMED: &str = "SELECT COUNT(*) FROM emergencies WHERE organisation_id = $1 AND person = $2 \
         AND claimed_at > $3 AND named = $4 AND not_opened IS NULL";
    let since = who.now - SAME_CHILD;
    let named: i64 = on!(tx, c => sqlx::query_scalar(NAMED)
        .bind(who.organisation.0).bind(who.person).bind(since).bind(digest.as_slice()).fetch_one(c).await)?;
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
         closes_at, not_opened, looked_at, countersign_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
    let opening = Opening::from(who.now);
    let (upn, name) = (child.named.upn.as_ref(), child.named.name.as_ref());
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(id).bind(claim_id).bind(who.organisation.0).bind(who.system.0).bind(who.person)
            .bind(who.teams.join(" ")).bind(claim.category.as_str()).bind(&claim.text).bind(&claim.call_back)
            .bind(upn).bind(name.map(|n| n.2)).bind(name.map(|n| &n.0)).bind(name.map(|n| &n.1))
            .bind(child.digest.as_slice()).bind(who.now).bind(opening.from).bind(opening.until)
            .bind(not_opened.map(NotOpened::as_str)).bind(not_opened.map(|_| who.now)).bind(countersign_by)
            .execute(c).await?;
        must_touch("an emergency", &r, 1)
    })
}

/// A claim whose child has not been looked for.
#[derive(sqlx::FromRow)]
pub(super) struct Unlooked {
    pub(super) id: Uuid,
    organisation_id: Uuid,
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
        Asker { organisation: OrganisationId(self.organisation_id), teams, person: Some(&self.person) }
    }
}

/// The oldest claims whose child has not been looked for.
pub(super) async fn unlooked(db: &Db, limit: i64) -> Result<Vec<Unlooked>, StoreError> {
    const NEW: &str = "SELECT id, organisation_id, person, teams, claim_upn, claim_date_of_birth, claim_surname, \
         claim_forename, claimed_at FROM emergencies WHERE looked_at IS NULL ORDER BY claimed_at, id LIMIT $1";
    Ok(read!(db, c => sqlx::query_as(NEW).bind(limit).fetch_all(c).await)?)
}

/// Writes what the look for a child found: nobody, a child, or one that others must release first. One child more than
/// once within a week is the person's own limit, however it was named. As many statements whatever was found.
pub(super) async fn looked(
    tx: &mut Tx,
    claim: &Unlooked,
    found: Result<Option<PupilId>, PupilId>,
    at: DateTime<Utc>,
) -> Result<u64, StoreError> {
    const SAME: &str = "SELECT COUNT(*) FROM emergencies WHERE organisation_id = $1 AND person = $2 \
         AND claimed_at > $3 AND claimed_at <= $4 AND (pupil_id = $5 OR held_pupil_id = $5) AND id <> $6 \
         AND not_opened IS NULL";
    const LOOKED: &str = "UPDATE emergencies SET looked_at = $2, pupil_id = $3, held_pupil_id = $4, not_opened = $5 \
         WHERE id = $1 AND looked_at IS NULL";
    let (pupil, held) = match found {
        Ok(pupil) => (pupil, None),
        Err(held) => (None, Some(held)),
    };
    let either = pupil.or(held).map_or(Uuid::nil(), |pupil| pupil.0);
    let since = claim.claimed_at - SAME_CHILD;
    let same: i64 = on!(tx, c => sqlx::query_scalar(SAME)
        .bind(claim.organisation_id).bind(&claim.person).bind(since).bind(claim.claimed_at).bind(either)
        .bind(claim.id).fetch_one(c).await)?;
    let again = (same > 0).then_some(NotOpened::SameChildThisWeek.as_str());
    let kept = |pupil: Option<PupilId>| pupil.filter(|_| again.is_none()).map(|pupil| pupil.0);
    Ok(on!(tx, c => sqlx::query(LOOKED)
        .bind(claim.id).bind(at).bind(kept(pupil)).bind(kept(held)).bind(again)
        .execute(c).await.map(|r| r.touched()))?)
}

/// A claim whose child others must release first, and whom nobody has asked yet.
#[derive(sqlx::FromRow)]
pub(super) struct Unasked {
    pub(super) id: Uuid,
    pub(super) organisation_id: Uuid,
    pub(super) teams: String,
    pub(super) call_back: String,
    pub(super) held_pupil_id: Uuid,
}

/// Those claims.
pub(super) async fn unasked(db: &Db, limit: i64) -> Result<Vec<Unasked>, StoreError> {
    const HELD: &str = "SELECT id, organisation_id, teams, call_back, held_pupil_id FROM emergencies \
         WHERE held_pupil_id IS NOT NULL AND held_at IS NULL ORDER BY id LIMIT $1";
    Ok(read!(db, c => sqlx::query_as(HELD).bind(limit).fetch_all(c).await)?)
}

/// Notes that those who protect the child were asked; none where another gateway has.
pub(super) async fn asked(tx: &mut Tx, id: Uuid, at: DateTime<Utc>) -> Result<u64, StoreError> {
    const ASKED: &str = "UPDATE emergencies SET held_at = $2 WHERE id = $1 AND held_at IS NULL";
    Ok(on!(tx, c => sqlx::query(ASKED).bind(id).bind(at).execute(c).await.map(|r| r.touched()))?)
}

/// Releases a claim to its claimant: from now on it is open for thirty minutes. Says how many were.
pub(in crate::involvements) async fn release(
    tx: &mut Tx,
    id: Uuid,
    pupil: PupilId,
    (now, at): (DateTime<Utc>, DateTime<Utc>),
) -> Result<u64, StoreError> {
    const RELEASE: &str = "UPDATE emergencies SET pupil_id = $2, accepted_at = $3, opens_at = $4, closes_at = $5 \
         WHERE id = $1 AND held_pupil_id = $2 AND pupil_id IS NULL AND not_opened IS NULL";
    let opening = Opening::from(now);
    Ok(on!(tx, c => sqlx::query(RELEASE)
        .bind(id).bind(pupil.0).bind(at).bind(opening.from).bind(opening.until)
        .execute(c).await.map(|r| r.touched()))?)
}

/// A claim as whoever countersigns it sees it.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(super) struct OwnClaim {
    pub(super) claim_id: Uuid,
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

/// A claim of an organisation's own.
pub(super) async fn claimed(
    db: &Db,
    organisation: OrganisationId,
    id: Uuid,
) -> Result<Option<OwnClaim>, StoreError> {
    const OWN: &str = "SELECT claim_id, person, teams, category, reason, claimed_at, countersign_by, \
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

/// How often a claim was renewed.
pub(super) async fn renewals(tx: &mut Tx, id: Uuid) -> Result<i64, StoreError> {
    const COUNT: &str = "SELECT COUNT(*) FROM emergency_renewals WHERE emergency_id = $1";
    Ok(on!(tx, c => sqlx::query_scalar(COUNT).bind(id).fetch_one(c).await)?)
}

/// Writes a renewal.
pub(super) async fn renew(
    tx: &mut Tx,
    (id, number): (Uuid, i64),
    reason: &str,
    (opening, waits): (Opening, bool),
    asked_at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const RENEW: &str = "INSERT INTO emergency_renewals (emergency_id, number, reason, asked_at, opens_at, closes_at, \
         waits) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    on!(tx, c => {
        let r = sqlx::query(RENEW)
            .bind(id).bind(number).bind(reason).bind(asked_at).bind(opening.from).bind(opening.until).bind(waits)
            .execute(c).await?;
        must_touch("a renewal", &r, 1)
    })
}

/// Writes what a manager said of a renewal that waits: allowed it opens now, else never. Says whether it still waited.
pub(super) async fn answer(
    tx: &mut Tx,
    (id, number): (Uuid, i64),
    (manager, allowed): (&str, bool),
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    const ANSWER: &str = "UPDATE emergency_renewals SET answered_at = $3, answered_by = $4, allowed = $5, \
         opens_at = $6, closes_at = $7 WHERE emergency_id = $1 AND number = $2 AND waits AND answered_at IS NULL";
    let opening = if allowed { Opening::from(now) } else { Opening { from: now, until: now } };
    let touched = on!(tx, c => sqlx::query(ANSWER)
        .bind(id).bind(number).bind(now).bind(manager).bind(allowed).bind(opening.from).bind(opening.until)
        .execute(c).await.map(|r| r.touched()))?;
    Ok(touched == 1)
}

/// Renewals that waited for a manager since before a moment, and of which nobody was told; the rows are marked as told.
pub(in crate::involvements) async fn waiting_renewals(
    tx: &mut Tx,
    before: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<Vec<(Uuid, Uuid, i64)>, StoreError> {
    const TELL: &str = "UPDATE emergency_renewals SET told_at = $2 WHERE waits AND answered_at IS NULL \
         AND told_at IS NULL AND asked_at <= $1 RETURNING emergency_id, number";
    const WHOSE: &str = "SELECT organisation_id FROM emergencies WHERE id = $1";
    let told: Vec<(Uuid, i64)> = on!(tx, c => sqlx::query_as(TELL).bind(before).bind(at).fetch_all(c).await)?;
    let mut all = Vec::with_capacity(told.len());
    for (id, number) in told {
        let organisation: Uuid = on!(tx, c => sqlx::query_scalar(WHOSE).bind(id).fetch_one(c).await)?;
        all.push((organisation, id, number));
    }
    Ok(all)
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
