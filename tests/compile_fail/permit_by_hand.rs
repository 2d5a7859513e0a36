//! No permit is made by hand: only the gate knows its parts.
use schoolgate::gate::{OfOrganisation, Permit};

pub fn forged() -> Permit<OfOrganisation> {
    Permit { subject: loop {}, holder: loop {}, trail: loop {} } //~ E0451
}
