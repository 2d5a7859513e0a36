//! The proved caller of one request, and what is noted about a request for a token.

use super::{Person, Unauthenticated};
use crate::directory::{Directory, Organisation, System};
use crate::domain::identifiers::OrganisationId;
use crate::domain::purpose::{Purpose, Role, SectionSet};
use crate::domain::words;
use chrono::NaiveDate;
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
    /// The organisation that counts, live: the one acted for, else the system's own.
    pub organisation: Arc<Organisation>,
    /// The organisation whose system it is, where that acts for another.
    pub by: Option<Arc<Organisation>>,
    /// Sections that a mandate leaves of what the organisation acted for may see; without a mandate none is taken away.
    pub sections: Option<SectionSet>,
    /// Code of the organisation that the token was asked for; [`Caller::acting`] holds it against the directory.
    pub(super) token_for: Option<String>,
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

    /// The organisation acted for, where that is another than the system's own.
    pub fn acting_for(&self) -> Option<&Organisation> {
        self.by.as_ref().map(|_| &*self.organisation)
    }

    /// The caller with another organisation in the place of the one that counts: a school, under its mandate.
    #[must_use]
    pub fn standing_as(&self, organisation: Organisation) -> Self {
        Self { organisation: Arc::new(organisation), ..self.clone() }
    }

    /// Of the sections of a summary those that a mandate, if the caller acts under one, leaves.
    pub fn within(&self, sections: SectionSet) -> SectionSet {
        self.sections.map_or(sections, |left| sections.and(left))
    }

    /// The caller as the organisation that its token names, if the directory still lets it act for that one today.
    pub fn acting(mut self, directory: &Directory, today: NaiveDate) -> Result<Self, Unauthenticated> {
        let Some(code) = self.token_for.as_deref() else { return Ok(self) };
        let acting = directory.acting(&self.system, code, self.role, today);
        let (organisation, within) = acting.map_err(|_| Unauthenticated::ActingWithdrawn)?;
        // In each of its roles it may act for the other only where the directory lets it in that one.
        let mut system = (*self.system).clone();
        system.roles.retain(|role| directory.acting(&self.system, code, *role, today).is_ok());
        if let Some(within) = within {
            system.scopes = within.scopes;
            self.sections = Some(within.sections);
        }
        self.system = Arc::new(system);
        self.by = Some(std::mem::replace(&mut self.organisation, Arc::new(organisation.clone())));
        Ok(self)
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
    /// The other organisation that the token is for, once it is known that it may be.
    pub acted_for: Option<(OrganisationId, String)>,
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
