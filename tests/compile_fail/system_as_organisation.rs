//! One record's identifier cannot stand where another's is meant.
use schoolgate::domain::identifiers::{OrganisationId, SystemId};

pub fn whose(system: SystemId) -> OrganisationId {
    system //~ E0308
}
