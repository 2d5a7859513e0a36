//! Numbers of schools, which change: when a school becomes an academy it has a new URN, and often a new LAESTAB.
//!
//! A number that a school had still finds it, and that of a school which another took over from finds the other. A
//! number that is somebody's now finds that one, whoever had it before.

use super::{Directory, FormerNumbers, Organisation};
use crate::domain::identifiers::{Laestab, OrganisationId, SchoolId};
use crate::domain::organisation::OrganisationKind;
use crate::store::{Db, StoreError, read};
use chrono::NaiveDate;
use std::collections::HashMap;
use uuid::Uuid;

/// How many schools may have followed one another.
const FOLLOWED_MAX: usize = 16;

impl Directory {
    /// The school with this unique reference number, now or before; of one that another took over from, the other.
    pub fn school_by_urn(&self, urn: &str) -> Option<(SchoolId, &Organisation)> {
        self.school_with(|now, former| match former {
            None => now.urn.as_deref() == Some(urn),
            Some(former) => former.urn.as_deref() == Some(urn),
        })
    }

    /// The same by a number in either of its forms: URN, or LAESTAB with or without its stroke.
    pub fn school_by_number(&self, number: &str) -> Option<SchoolId> {
        let Ok(laestab) = Laestab::parse(number).map(|l| l.to_string()) else {
            return self.school_by_urn(number).map(|(school, _)| school);
        };
        let found = self.school_with(|now, former| match former {
            None => now.laestab.as_ref() == Some(&laestab),
            Some(former) => former.laestab.as_ref() == Some(&laestab),
        });
        found.map(|(school, _)| school)
    }

    fn school_with(
        &self,
        is: impl Fn(&Organisation, Option<&FormerNumbers>) -> bool,
    ) -> Option<(SchoolId, &Organisation)> {
        let schools = || self.organisations.values().filter(|o| o.kind == OrganisationKind::School);
        let now = schools().find(|school| is(school, None));
        let former = || {
            let had = schools().filter_map(|school| {
                let numbers = school.former_numbers.iter().filter(|former| is(school, Some(former)));
                Some((numbers.map(|former| former.until).max()?, school))
            });
            had.max_by_key(|(until, _)| *until).map(|(_, school)| school)
        };
        let mut found = now.or_else(former)?;
        for _ in 0..FOLLOWED_MAX {
            match self.successor(found.id) {
                Some(next) => found = next,
                None => break,
            }
        }
        Some((SchoolId(found.id.0), found))
    }

    /// The school that took over from another.
    pub fn successor(&self, school: OrganisationId) -> Option<&Organisation> {
        self.organisations.values().find(|o| o.predecessor == Some(school))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    organisation_id: Uuid,
    urn: Option<String>,
    laestab: Option<String>,
    until: NaiveDate,
}

/// Reads the numbers that schools had, into their organisations.
pub(super) async fn load_into(
    db: &Db,
    organisations: &mut HashMap<OrganisationId, Organisation>,
) -> Result<(), StoreError> {
    const ALL: &str =
        "SELECT organisation_id, urn, laestab, until FROM organisation_numbers ORDER BY until, urn, laestab";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    for Row { organisation_id, urn, laestab, until } in rows {
        if let Some(organisation) = organisations.get_mut(&OrganisationId(organisation_id)) {
            organisation.former_numbers.push(FormerNumbers { urn, laestab, until });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Contact;
    use crate::domain::organisation::Standing;

    fn school(n: u128, urn: &str, laestab: &str) -> Organisation {
        Organisation {
            id: OrganisationId(Uuid::from_u128(n)),
            code: format!("school-{n}"),
            kind: OrganisationKind::School,
            name: String::new(),
            standing: Standing::Live,
            urn: Some(urn.to_owned()),
            laestab: Some(laestab.to_owned()),
            la_code: None,
            phase: None,
            returns_to: None,
            attendance_lead: Contact::default(),
            dsl: Contact::default(),
            predecessor: None,
            former_numbers: Vec::new(),
            area: Vec::new(),
        }
    }

    #[test]
    fn an_old_number_finds_the_successor_and_a_number_in_use_its_holder() {
        let mut renumbered = school(1, "100001", "9994001");
        let until = "2026-08-31".parse().unwrap();
        renumbered.former_numbers = vec![FormerNumbers {
            urn: Some("100009".to_owned()),
            laestab: Some("9994009".to_owned()),
            until,
        }];
        let closed = school(2, "100002", "9994002");
        let mut academy = school(3, "100003", "9994003");
        academy.predecessor = Some(closed.id);
        let mut again = school(4, "100004", "9994004");
        again.predecessor = Some(academy.id);
        // A number that was the first school's is the fifth's now.
        let fifth = school(5, "100005", "9994005");
        renumbered.former_numbers.push(FormerNumbers {
            urn: Some("100005".to_owned()),
            laestab: None,
            until,
        });
        let mut directory = Directory::default();
        for organisation in [renumbered, closed, academy, again, fifth] {
            directory.organisations.insert(organisation.id, organisation);
        }
        for (number, expected) in [
            ("100001", Some(1)),
            ("100009", Some(1)),
            ("999/4009", Some(1)),
            ("100002", Some(4)),
            ("9994002", Some(4)),
            ("9994003", Some(4)),
            ("100004", Some(4)),
            ("100005", Some(5)),
            ("100006", None),
            ("", None),
        ] {
            let expected = expected.map(|n| SchoolId(Uuid::from_u128(n)));
            assert_eq!(directory.school_by_number(number), expected, "{number}");
        }
    }
}
