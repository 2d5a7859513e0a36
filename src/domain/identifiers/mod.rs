//! Identifiers: those that the school world knows, parsed or refused, and our own internal ones, which never leave.
//!
//! A parsed identifier is well formed and no more: nothing here knows whether it was ever issued, or to whom. Those of
//! a child hide their value from `Debug`, so that none ends in a log line by accident.

mod child;
mod internal;
mod issuers;
mod school;
mod upn;

pub use child::{NhsNumber, NhsNumberError, Uln, UlnError};
pub use internal::{
    EnrolmentId, ImportId, InvolvementId, OrganisationId, PupilId, SchoolId, SystemId, TeamId,
};
pub use school::{Laestab, LaestabError, LocalAuthorityCode, LocalAuthorityCodeError, Urn, UrnError};
pub use upn::{Upn, UpnError};
