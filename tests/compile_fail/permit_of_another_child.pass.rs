//! A permit tells its child, for readers below the gate.
use schoolgate::domain::identifiers::PupilId;
use schoolgate::gate::{OfChild, Permit};

pub fn told(permit: &Permit<OfChild>) -> PupilId {
    permit.pupil()
}
