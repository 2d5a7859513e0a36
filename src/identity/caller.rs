//! The proved caller of one request, and what is noted about a request for a token.

use super::Person;
use crate::directory::{Organisation, System};
use crate::domain::identifiers::OrganisationId;
use crate::domain::purpose::{Purpose, Role};
use crate::domain::words;
use std::sync::Arc;

words! {
    /// How the caller came to be proved.
    Lane {
        /// A system without a proved person.
        System = "system",
        /// A system that acts for a proved person.
        Person = "person",
    }
}

/// Who asks, proved: a system of an organisation, in one role, for one purpose.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The organisation, live.
    pub organisation: Arc<Organisation>,
    /// Its system.
    pub system: Arc<System>,
    /// The one role of this request.
    pub role: Role,
    /// The one purpose of this request.
    pub purpose: Purpose,
    /// The person for whom the system acts; none: not asserted.
    pub person: Option<Arc<Person>>,
    /// Identifier of the token (`jti`); of no token, when the command line acts.
    pub token_id: Option<String>,
    /// SHA-256 of the certificate of the connection or, on the command line, of the credential whose key was shown.
    pub thumbprint: [u8; 32],
}

impl Caller {
    /// How it came to be proved.
    pub const fn lane(&self) -> Lane {
        if self.person.is_some() { Lane::Person } else { Lane::System }
    }
}

/// What the answer to a request for a token notes for the audit; every such answer carries it as an extension.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// SHA-256 of the certificate of the connection.
    pub thumbprint: Option<[u8; 32]>,
    /// Short name of the organisation, once known.
    pub organisation_code: Option<String>,
    /// The organisation, once known.
    pub organisation_id: Option<OrganisationId>,
    /// Short name of the system, once known.
    pub system_code: Option<String>,
    /// The role asked for, once read.
    pub role: Option<Role>,
    /// The purpose asked for, once read.
    pub purpose: Option<Purpose>,
    /// The person, once a token has proved them.
    pub person: Option<String>,
    /// What was asked for: `issue_token` or `revoke_token`.
    pub action: &'static str,
    /// `given` or `refused`.
    pub decision: &'static str,
    /// Why, in one fixed word.
    pub why: &'static str,
}

impl Noted {
    /// Whether what was asked for was given.
    pub fn given(&self) -> bool {
        self.decision == "given"
    }
}
