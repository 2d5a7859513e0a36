//! Who acts for whom: a trust for a school that it runs, a children's trust or a shared service for an authority, and a
//! supplier for a school under its mandate. One organisation at a time, named in the access token, asked for again at
//! every request.

pub(super) mod mandates;

use super::load::list;
use super::{Directory, Organisation, Scope, System};
use crate::domain::identifiers::{OrganisationId, SchoolId};
use crate::domain::organisation::{OrganisationKind, Standing};
use crate::domain::purpose::{Role, SectionSet};
use crate::store::{Db, StoreError, read};
use chrono::NaiveDate;
use uuid::Uuid;

/// An organisation acts for another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActsFor {
    /// Who acts.
    pub organisation: OrganisationId,
    /// For whom.
    pub acted_for: OrganisationId,
    /// In which roles.
    pub roles: Vec<Role>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// What of its registration a system keeps while it acts under a mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Within {
    /// Parts of the API.
    pub scopes: Vec<Scope>,
    /// Sections of a summary.
    pub sections: SectionSet,
}

/// Why a system may not act for an organisation today. Who takes part and acts for whom is about no child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotActing {
    /// The directory has no such organisation.
    #[error("the directory has no organisation of this code")]
    Unknown,
    /// Nothing lets this system's organisation act for it in this role today.
    #[error("the directory does not let this system act for this organisation in this role today")]
    Refused,
}

impl Directory {
    /// The organisation for which a system of another acts in a role on a day; under a mandate also what the mandate
    /// leaves of the system's registration.
    pub fn acting(
        &self,
        system: &System,
        code: &str,
        role: Role,
        day: NaiveDate,
    ) -> Result<(&Organisation, Option<Within>), NotActing> {
        let organisation = self.organisation_by_code(code).ok_or(NotActing::Unknown)?;
        if organisation.standing != Standing::Live {
            return Err(NotActing::Refused);
        }
        let lets = |a: &&ActsFor| {
            a.organisation == system.organisation
                && a.acted_for == organisation.id
                && a.valid_from <= day
                && day <= a.valid_until
                && a.roles.contains(&role)
        };
        if self.acts_for.iter().any(|a| lets(&a)) {
            return Ok((organisation, None));
        }
        if organisation.kind != OrganisationKind::School {
            return Err(NotActing::Refused);
        }
        let within = self.mandated(system, SchoolId(organisation.id.0), day).ok_or(NotActing::Refused)?;
        Ok((organisation, Some(within)))
    }

    /// What the mandates that are live on a day leave of a system's registration. Sections come only from those that
    /// give summaries at all.
    fn mandated(&self, system: &System, school: SchoolId, day: NaiveDate) -> Option<Within> {
        let all = self.mandates.get(&(system.id, school))?;
        let mut live = all.iter().filter(|m| m.valid_from <= day && day <= m.valid_until).peekable();
        live.peek()?;
        let mut within = Within { scopes: Vec::new(), sections: SectionSet::EMPTY };
        for mandate in live {
            let held = mandate.scopes.iter().filter(|scope| system.scopes.contains(scope));
            within.scopes.extend(held);
            if mandate.scopes.contains(&Scope::Summaries) {
                within.sections = within.sections.iter().chain(mandate.sections.iter()).collect();
            }
        }
        Some(within)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    organisation_id: Uuid,
    for_id: Uuid,
    roles: String,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
}

/// Reads who acts for whom.
pub(super) async fn load(db: &Db) -> Result<Vec<ActsFor>, StoreError> {
    const ALL: &str = "SELECT organisation_id, for_id, roles, valid_from, valid_until FROM acts_for";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let acts = rows.into_iter().map(|row| {
        Ok(ActsFor {
            organisation: OrganisationId(row.organisation_id),
            acted_for: OrganisationId(row.for_id),
            roles: list(&row.roles, Role::parse, "acts_for.roles")?,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
        })
    });
    acts.collect()
}
