//! Enrolments: a child at a school, with names and keys as **this** school gave them.

use super::{Upload, Versioned};
use crate::domain::identifiers::{EnrolmentId, PupilId, SchoolId};
use crate::domain::roll::{EnrolmentState, EnrolmentStatus};
use crate::gate::{DutyPermit, OfBarred, OfSchool, Permit};
use crate::store::{Db, StoreError, Touched, Tx, must_touch, on, read};
use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

/// One state of an enrolment.
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each column of the table; each is a fact of its own"
)]
#[derive(Clone, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Enrolment {
    /// The school.
    pub school_id: Uuid,
    /// The enrolment.
    pub id: Uuid,
    /// The upload that brought this state.
    pub version: i64,
    /// When it began to count, school time.
    pub committed_at: DateTime<Utc>,
    /// The child.
    pub pupil_id: Uuid,
    /// The school's own number for the pupil.
    pub school_pupil_id: Option<String>,
    /// Unique pupil number, as this school gave it.
    pub upn: Option<String>,
    /// Whether that number is permanent; only such a one ever matches.
    pub upn_permanent: bool,
    /// As this school gave it.
    pub surname: String,
    /// The surname as compared.
    pub surname_key: String,
    /// As this school gave it.
    pub forename: String,
    /// The forename as compared.
    pub forename_key: String,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// As this school gave it.
    pub sex: Option<String>,
    /// National curriculum year, stored, never derived.
    pub year_group: Option<String>,
    /// `single`, `main`, `subsidiary` or `guest`.
    pub status: String,
    /// Starting day, reg 8(2)(h).
    pub starting_day: NaiveDate,
    /// Last day on roll.
    pub last_day: Option<NaiveDate>,
    /// Paragraph of reg 9, as the school gave it.
    pub removal_ground: Option<String>,
    /// Whether the pupil boards: no attendance marks.
    pub boarder: bool,
    /// Whether a part-time timetable is agreed.
    pub part_time: bool,
    /// Three digits.
    pub home_authority: Option<String>,
    /// Whether that authority was taken from the school and not recorded: it grants nothing.
    pub home_authority_assumed: bool,
    /// Whether the whereabouts are protected: for everyone barred this enrolment does not exist.
    pub whereabouts_protected: bool,
    /// URN of the other school of a dual registration, as this school recorded it (reg 8(4)).
    pub other_school_urn: Option<String>,
}

impl Versioned for Enrolment {
    fn version(&self) -> i64 {
        self.version
    }
    fn committed_at(&self) -> DateTime<Utc> {
        self.committed_at
    }
}

impl Enrolment {
    /// The school.
    pub fn school(&self) -> SchoolId {
        SchoolId(self.school_id)
    }
    /// The enrolment.
    pub fn enrolment(&self) -> EnrolmentId {
        EnrolmentId(self.id)
    }
    /// The child.
    pub fn pupil(&self) -> PupilId {
        PupilId(self.pupil_id)
    }

    pub(super) fn for_protection(&self) -> EnrolmentState {
        EnrolmentState {
            enrolment: self.enrolment(),
            counted_from: self.committed_at,
            starting_day: self.starting_day,
            last_day: self.last_day,
            single: self.status == EnrolmentStatus::Single.as_str(),
            whereabouts_protected: self.whereabouts_protected,
        }
    }
}

const OF_SCHOOL: &str = "SELECT e.*, v.committed_at FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.school_id = $1 AND e.version = (SELECT MAX(n.version) FROM enrolments n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = e.school_id AND n.id = e.id) ORDER BY e.id";
const MATCHING: &str = "SELECT DISTINCT e.pupil_id FROM enrolments e \
     JOIN register_versions v ON v.school_id = e.school_id AND v.version = e.version \
     WHERE e.upn = $1 AND e.upn_permanent AND e.date_of_birth = $2 AND e.surname_key = $3 \
     AND e.version = (SELECT MAX(n.version) FROM enrolments n \
     JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
     WHERE n.school_id = e.school_id AND n.id = e.id)";

/// The roll of the permit's school, leavers included, as it counts now.
pub async fn school_roll(db: &Db, permit: &Permit<OfSchool>) -> Result<Vec<Enrolment>, StoreError> {
    Ok(read!(db, c => sqlx::query_as(OF_SCHOOL).bind(permit.school().0).fetch_all(c).await)?)
}

/// The children anywhere with this permanent UPN, date of birth and surname: whom an admission joins. It takes the
/// permit of the school that admits and gives it nothing but whether two rows are one child.
pub async fn pupils_matching(
    db: &Db,
    _admitting: &Permit<OfSchool>,
    (upn, date_of_birth, surname_key): (&str, NaiveDate, &str),
) -> Result<Vec<PupilId>, StoreError> {
    let ids: Vec<Uuid> = read!(db, c => sqlx::query_scalar(MATCHING)
        .bind(upn).bind(date_of_birth).bind(surname_key).fetch_all(c).await)?;
    Ok(ids.into_iter().map(PupilId).collect())
}

/// Raises the flag of protected whereabouts in the enrolments of a child that go on: at the school whose safeguarding lead
/// raises it, or else at every one. Says in how many.
pub async fn raise_protection(
    tx: &mut Tx,
    permit: &Permit<OfBarred>,
    today: NaiveDate,
) -> Result<u64, StoreError> {
    const AT_SCHOOL: &str = "UPDATE enrolments SET whereabouts_protected = TRUE WHERE pupil_id = $1 AND school_id = $3 \
         AND version = (SELECT MAX(n.version) FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = enrolments.school_id AND n.id = enrolments.id) AND (last_day IS NULL OR last_day >= $2)";
    const ANYWHERE: &str = "UPDATE enrolments SET whereabouts_protected = TRUE WHERE pupil_id = $1 \
         AND version = (SELECT MAX(n.version) FROM enrolments n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = enrolments.school_id AND n.id = enrolments.id) AND (last_day IS NULL OR last_day >= $2)";
    let pupil = permit.pupil().0;
    let touched = match permit.school() {
        Some(school) => on!(tx, c => sqlx::query(AT_SCHOOL).bind(pupil).bind(today).bind(school.0)
            .execute(c).await.map(|r| r.touched())),
        None => on!(tx, c => sqlx::query(ANYWHERE).bind(pupil).bind(today)
            .execute(c).await.map(|r| r.touched())),
    };
    Ok(touched?)
}

/// Lowers it in every state of every enrolment of the child, those of uploads under way too.
pub async fn lower_protection(tx: &mut Tx, permit: &Permit<OfBarred>) -> Result<u64, StoreError> {
    const LOWER: &str =
        "UPDATE enrolments SET whereabouts_protected = FALSE WHERE pupil_id = $1 AND whereabouts_protected";
    Ok(on!(tx, c => sqlx::query(LOWER).bind(permit.pupil().0).execute(c).await.map(|r| r.touched()))?)
}

/// How many uploads have admitted children, to be handed to [`admit`] once the upload is worked out.
pub async fn admissions_generation(db: &Db, _admitting: &Permit<OfSchool>) -> Result<i64, StoreError> {
    const READ: &str = "SELECT generation FROM admissions_generation WHERE id = 1";
    Ok(read!(db, c => sqlx::query_scalar(READ).fetch_one(c).await)?)
}

/// Takes the next place among uploads that admit, in the transaction that switches to one. `false` when another upload
/// has admitted since `seen`: the caller drops the transaction, looks at [`any_entered`], and tries again with the
/// newest generation, or two schools that admit one child at the same time would make two of it. The look-up is left
/// out of here, since nobody else can write while this transaction is open.
pub async fn admit(tx: &mut Tx, _admitting: &Permit<OfSchool>, seen: i64) -> Result<bool, StoreError> {
    const NEXT: &str =
        "UPDATE admissions_generation SET generation = generation + 1 WHERE id = 1 AND generation = $1";
    let moved = on!(tx, c => sqlx::query(NEXT).bind(seen).execute(c).await.map(|r| r.touched()))?;
    Ok(moved == 1)
}

/// Whether anybody has meanwhile entered one of `keys` (permanent UPN, date of birth, surname): whom the new enrolments
/// join must then be looked up again.
pub async fn any_entered(
    db: &Db,
    _admitting: &Permit<OfSchool>,
    keys: &[(String, NaiveDate, String)],
) -> Result<bool, StoreError> {
    for (upn, born, surname) in keys {
        let found: Vec<Uuid> = read!(db, c => sqlx::query_scalar(MATCHING)
            .bind(upn).bind(*born).bind(surname).fetch_all(c).await)?;
        if !found.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Adds a child, of whom nothing is known but that it exists; it counts for nobody before an enrolment does.
pub async fn add_pupil(
    tx: &mut Tx,
    _upload: &Upload,
    pupil: PupilId,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO pupils (id, created_at) VALUES ($1, $2)";
    on!(tx, c => {
        let r = sqlx::query(INSERT).bind(pupil.0).bind(at).execute(c).await?;
        must_touch("pupil", &r, 1)
    })
}

/// Takes back a child that no enrolment came to count for.
pub async fn remove_pupil(
    tx: &mut Tx,
    _admitting: &Permit<OfSchool>,
    pupil: PupilId,
) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM pupils WHERE id = $1";
    on!(tx, c => {
        let r = sqlx::query(DELETE).bind(pupil.0).execute(c).await?;
        must_touch("pupil", &r, 1)
    })
}

/// Whether each of the next children after `after` has an enrolment, staged or not, in the order of their ids; only of
/// those made before `before`.
pub async fn pupils_enrolled(
    db: &Db,
    _duty: &DutyPermit,
    (after, before): (Uuid, DateTime<Utc>),
    limit: i64,
) -> Result<Vec<(PupilId, bool)>, StoreError> {
    const PAGE: &str = "SELECT p.id, (p.created_at >= $2 OR EXISTS (SELECT 1 FROM enrolments e \
         WHERE e.pupil_id = p.id)) FROM pupils p WHERE p.id > $1 ORDER BY p.id LIMIT $3";
    let page: Vec<(Uuid, bool)> = read!(db, c => sqlx::query_as(PAGE)
        .bind(after).bind(before).bind(limit).fetch_all(c).await)?;
    Ok(page.into_iter().map(|(pupil, enrolled)| (PupilId(pupil), enrolled)).collect())
}

/// Takes back a child unless an enrolment has come meanwhile, and says how many went.
pub async fn remove_unenrolled(tx: &mut Tx, _duty: &DutyPermit, pupil: PupilId) -> Result<u64, StoreError> {
    const DELETE: &str =
        "DELETE FROM pupils WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM enrolments e WHERE e.pupil_id = $1)";
    Ok(on!(tx, c => sqlx::query(DELETE).bind(pupil.0).execute(c).await.map(|r| r.touched()))?)
}

/// Stages a state of an enrolment under an upload; its own version and time are not looked at.
pub async fn add_enrolment(tx: &mut Tx, upload: &Upload, e: &Enrolment) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO enrolments (school_id, id, version, pupil_id, school_pupil_id, upn, \
         upn_permanent, surname, surname_key, forename, forename_key, date_of_birth, sex, year_group, status, \
         starting_day, last_day, removal_ground, boarder, part_time, home_authority, home_authority_assumed, \
         whereabouts_protected, other_school_urn) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, \
         $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)";
    on!(tx, c => {
        let r = sqlx::query(INSERT)
            .bind(upload.school.0).bind(e.id).bind(upload.version).bind(e.pupil_id).bind(&e.school_pupil_id)
            .bind(&e.upn).bind(e.upn_permanent).bind(&e.surname).bind(&e.surname_key).bind(&e.forename)
            .bind(&e.forename_key).bind(e.date_of_birth).bind(&e.sex).bind(&e.year_group).bind(&e.status)
            .bind(e.starting_day).bind(e.last_day).bind(&e.removal_ground).bind(e.boarder).bind(e.part_time)
            .bind(&e.home_authority).bind(e.home_authority_assumed).bind(e.whereabouts_protected)
            .bind(&e.other_school_urn)
            .execute(c).await?;
        must_touch("enrolment", &r, 1)
    })
}

/// Stages the other fields of the admission entry, as a JSON object.
pub async fn add_admission_entry(
    tx: &mut Tx,
    upload: &Upload,
    enrolment: EnrolmentId,
    fields: &str,
) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO admission_entries (school_id, enrolment_id, version, fields) VALUES ($1, $2, $3, $4)";
    on!(tx, c => {
        let r = sqlx::query(INSERT).bind(upload.school.0).bind(enrolment.0).bind(upload.version).bind(fields)
            .execute(c).await?;
        must_touch("admission entry", &r, 1)
    })
}

/// The other fields of the admission entries of the permit's school, JSON by enrolment, as they count now.
pub async fn school_admission_entries(
    db: &Db,
    permit: &Permit<OfSchool>,
) -> Result<Vec<(EnrolmentId, String)>, StoreError> {
    const NEWEST: &str = "SELECT a.enrolment_id, a.fields FROM admission_entries a \
         JOIN register_versions v ON v.school_id = a.school_id AND v.version = a.version \
         WHERE a.school_id = $1 AND a.version = (SELECT MAX(n.version) FROM admission_entries n \
         JOIN register_versions w ON w.school_id = n.school_id AND w.version = n.version \
         WHERE n.school_id = a.school_id AND n.enrolment_id = a.enrolment_id)";
    let rows: Vec<(Uuid, String)> =
        read!(db, c => sqlx::query_as(NEWEST).bind(permit.school().0).fetch_all(c).await)?;
    Ok(rows.into_iter().map(|(id, fields)| (EnrolmentId(id), fields)).collect())
}
