//! Mandates: a system of a supplier, a trust or an authority may act for a school, within scopes, from a day to a day.
//!
//! Without one its certificate reaches no school. A mandate adds nothing to what the system's own registration holds:
//! both must give the scope. A school's own system needs none for its own school, and can hold none for another.

use super::super::load::list;
use crate::directory::{Directory, Scope};
use crate::domain::identifiers::{SchoolId, SystemId};
use crate::domain::purpose::{Section, SectionSet};
use crate::store::{Db, StoreError, read};
use chrono::NaiveDate;
use std::collections::HashMap;
use uuid::Uuid;

/// What a school lets a system of another organisation do in its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// What it may call for the school.
    pub scopes: Vec<Scope>,
    /// Sections of a summary that it may be given for the school.
    pub sections: SectionSet,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// Why a system may not act for a school. Which schools exist and who holds a mandate is about no child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoMandate {
    /// There is none.
    #[error("no mandate lets this system act for this school; ask the school to have one registered")]
    Missing,
    /// The next one begins later.
    #[error("this system's mandate for this school begins on {0}; send from then on")]
    NotBegun(NaiveDate),
    /// The last one has ended.
    #[error("this system's mandate for this school ended on {0}; ask the school to have it renewed")]
    Ended(NaiveDate),
    /// It is live and does not give this.
    #[error("this system's mandate for this school does not give `{0}`; ask the school to have it added")]
    Scope(Scope),
}

impl NoMandate {
    /// The word by which the audit entry tells refusals apart.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "no_mandate",
            Self::NotBegun(_) => "mandate_not_begun",
            Self::Ended(_) => "mandate_ended",
            Self::Scope(_) => "mandate_without_scope",
        }
    }
}

impl Directory {
    /// The mandate by which a system may do something for a school on a day.
    pub fn mandate(
        &self,
        system: SystemId,
        school: SchoolId,
        scope: Scope,
        day: NaiveDate,
    ) -> Result<&Mandate, NoMandate> {
        let all = self.mandates.get(&(system, school)).map_or(&[][..], Vec::as_slice);
        let live = |m: &&Mandate| m.valid_from <= day && day <= m.valid_until;
        if let Some(mandate) = all.iter().filter(live).find(|m| m.scopes.contains(&scope)) {
            return Ok(mandate);
        }
        if all.iter().any(|m| live(&m)) {
            return Err(NoMandate::Scope(scope));
        }
        let next = all.iter().map(|m| m.valid_from).filter(|from| day < *from).min();
        let last = all.iter().map(|m| m.valid_until).filter(|until| *until < day).max();
        Err(next.map_or(last.map_or(NoMandate::Missing, NoMandate::Ended), NoMandate::NotBegun))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    system_id: Uuid,
    school_id: Uuid,
    scopes: String,
    sections: String,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
}

/// Reads every mandate.
pub(in crate::directory) async fn load(
    db: &Db,
) -> Result<HashMap<(SystemId, SchoolId), Vec<Mandate>>, StoreError> {
    const ALL: &str = "SELECT system_id, school_id, scopes, sections, valid_from, valid_until FROM mandates";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let mut all: HashMap<_, Vec<Mandate>> = HashMap::new();
    for row in rows {
        let Row { valid_from, valid_until, .. } = row;
        let scopes = list(&row.scopes, Scope::parse, "mandates.scopes")?;
        let sections = list(&row.sections, Section::parse, "mandates.sections")?.into_iter().collect();
        let of = (SystemId(row.system_id), SchoolId(row.school_id));
        all.entry(of).or_default().push(Mandate { scopes, sections, valid_from, valid_until });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn mandate(scopes: &[Scope], from: &str, until: &str) -> Mandate {
        Mandate {
            scopes: scopes.to_vec(),
            sections: SectionSet::EMPTY,
            valid_from: day(from),
            valid_until: day(until),
        }
    }

    #[test]
    fn a_mandate_is_for_one_school_its_scopes_and_its_days() {
        let (system, school) = (SystemId(Uuid::from_u128(1)), SchoolId(Uuid::from_u128(2)));
        let other = SchoolId(Uuid::from_u128(3));
        let registers = [Scope::Registers];
        let (first, second) = (
            mandate(&registers, "2026-09-01", "2026-10-31"),
            mandate(&registers, "2026-12-01", "2027-07-31"),
        );
        let bare = mandate(&[Scope::Audit], "2026-11-10", "2026-11-20");
        let mut directory = Directory::default();
        directory.mandates.insert((system, school), vec![second, bare, first]);
        let asked = |school, on: &str| directory.mandate(system, school, Scope::Registers, day(on)).err();
        for (on, expected) in [
            ("2026-08-31", Some(NoMandate::NotBegun(day("2026-09-01")))),
            ("2026-09-01", None),
            ("2026-10-31", None),
            ("2026-11-01", Some(NoMandate::NotBegun(day("2026-11-10")))),
            ("2026-11-20", Some(NoMandate::Scope(Scope::Registers))),
            ("2026-11-21", Some(NoMandate::NotBegun(day("2026-12-01")))),
            ("2027-07-31", None),
            ("2027-08-01", Some(NoMandate::Ended(day("2027-07-31")))),
        ] {
            assert_eq!(asked(school, on), expected, "{on}");
            assert_eq!(asked(other, on), Some(NoMandate::Missing), "{on}");
        }
        let of_another = SystemId(Uuid::from_u128(4));
        assert_eq!(
            directory.mandate(of_another, school, Scope::Registers, day("2026-09-01")),
            Err(NoMandate::Missing)
        );
    }
}
