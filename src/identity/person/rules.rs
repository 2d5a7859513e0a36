//! What a provider's claims stand for here, by the directory's word: second factor, roles, teams.

use super::SubjectFault;
use super::claims::Claims;
use crate::directory::{IdentityProvider, Mfa};
use crate::domain::purpose::Role;
use crate::domain::staff::Marked;
use chrono::{Days, NaiveDate};

/// Days for which written evidence of a provider's second factor counts.
const EVIDENCE_DAYS: u64 = 366;
/// Teams and marks of one person at most, so that a token stays of a size that every header takes.
const TEAMS: usize = 50;

/// Whether the person signed in with a second factor: shown by the token (`false`) or only attested (`true`).
pub(super) fn only_attested(
    provider: &IdentityProvider,
    claims: &Claims,
    today: NaiveDate,
) -> Result<bool, SubjectFault> {
    match &provider.mfa {
        Mfa::Claim { name, values } => {
            let shown = claims.texts(name).iter().any(|text| values.iter().any(|value| value == text));
            if shown { Ok(false) } else { Err(SubjectFault::Mfa) }
        }
        Mfa::Attested { on, .. } => {
            let current = *on <= today && today <= *on + Days::new(EVIDENCE_DAYS);
            if current { Ok(true) } else { Err(SubjectFault::Mfa) }
        }
    }
}

/// Whether the claims give a person a role.
pub(super) fn gives(provider: &IdentityProvider, claims: &Claims, role: Role) -> bool {
    let values = claims.texts(&provider.role_claim);
    values.iter().any(|value| provider.roles.get(*value).is_some_and(|roles| roles.contains(&role)))
}

/// The marks on a person, each once.
pub(super) fn marks(provider: &IdentityProvider, claims: &Claims) -> Vec<Marked> {
    let Some(claim) = &provider.mark_claim else { return Vec::new() };
    let values = claims.texts(claim);
    let mut marks: Vec<Marked> =
        values.iter().filter_map(|value| provider.marks.get(*value)).flatten().cloned().collect();
    marks.sort_unstable();
    marks.dedup();
    marks.truncate(TEAMS);
    marks
}

/// The codes of the teams that a person is in, each once.
pub(super) fn teams(provider: &IdentityProvider, claims: &Claims) -> Vec<String> {
    let Some(claim) = &provider.group_claim else { return Vec::new() };
    let mut codes: Vec<String> = claims
        .texts(claim)
        .iter()
        .filter_map(|value| provider.teams.get(*value))
        .flatten()
        .cloned()
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes.truncate(TEAMS);
    codes
}
