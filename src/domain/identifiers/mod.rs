//! Identifiers: those that the school world knows, parsed or refused, and our own internal ones, which never leave.

mod internal;

pub use internal::{
    EnrolmentId, ImportId, InvolvementId, OrganisationId, PupilId, SchoolId, SystemId, TeamId,
};
