//! A permit's child is not exchanged for another.
use schoolgate::domain::identifiers::PupilId;
use schoolgate::gate::{OfChild, Permit};

pub fn exchanged(mut permit: Permit<OfChild>, other: PupilId) -> Permit<OfChild> {
    permit.subject.pupil = other; //~ E0616
    permit
}
