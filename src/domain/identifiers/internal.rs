//! Internal identifiers: `UUIDv7`, one type per record, so that one cannot stand where another is meant.
//!
//! They never leave the gateway: they have no `Display` and no serialisation. Outside, a child is a handle.

use uuid::Uuid;

macro_rules! internal_ids {
    ($($(#[$meta:meta])* $name:ident),+ $(,)?) => { $(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);
    )+ };
}

internal_ids! {
    /// A child.
    PupilId,
    /// A school; the same value as its organisation's.
    SchoolId,
    /// An enrolment of a child at a school.
    EnrolmentId,
    /// An organisation of the directory.
    OrganisationId,
    /// A system of an organisation.
    SystemId,
    /// A team of an organisation.
    TeamId,
    /// An involvement of an agency with a child.
    InvolvementId,
    /// One upload of a file or batch by a school.
    ImportId,
}
