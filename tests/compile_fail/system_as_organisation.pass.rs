//! An organisation's identifier stands where an organisation's is meant.
use schoolgate::domain::identifiers::{OrganisationId, SystemId};

pub fn whose(_system: SystemId, owner: OrganisationId) -> OrganisationId {
    owner
}
