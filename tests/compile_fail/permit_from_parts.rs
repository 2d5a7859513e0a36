//! A permit is not widened with a part of another.
use schoolgate::gate::{OfSchool, Permit};

pub fn widened(own: Permit<OfSchool>, school: OfSchool) -> Permit<OfSchool> {
    Permit { subject: school, ..own } //~ E0451
}
