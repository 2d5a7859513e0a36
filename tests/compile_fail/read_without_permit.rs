//! A register is not read without a permit, nor with one about something else.
use schoolgate::gate::{OfOrganisation, Permit};
use schoolgate::registers::{Enrolment, school_roll};
use schoolgate::store::{Db, StoreError};

pub async fn without(db: &Db) -> Result<Vec<Enrolment>, StoreError> {
    school_roll(db).await //~ E0061
}

pub async fn with_another(db: &Db, permit: &Permit<OfOrganisation>) -> Result<Vec<Enrolment>, StoreError> {
    school_roll(db, permit).await //~ E0308
}
