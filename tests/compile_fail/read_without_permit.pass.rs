//! A school's register is read with the permit about that school.
use schoolgate::gate::{OfSchool, Permit};
use schoolgate::registers::{Enrolment, school_roll};
use schoolgate::store::{Db, StoreError};

pub async fn with(db: &Db, permit: &Permit<OfSchool>) -> Result<Vec<Enrolment>, StoreError> {
    school_roll(db, permit).await
}
