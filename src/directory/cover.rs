//! Which team covers which, and when; and marks on persons. Who covers sees what the covered team sees, while it does.

use super::Directory;
use crate::domain::identifiers::{OrganisationId, TeamId};
use crate::domain::staff::{CoverKind, Hours, Mark};
use crate::store::{Db, StoreError, read};
use chrono::{NaiveDate, NaiveDateTime};
use uuid::Uuid;

/// A team covers another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Who covers.
    pub team: TeamId,
    /// Whom; may be another organisation's.
    pub covered: TeamId,
    /// Why.
    pub kind: CoverKind,
    /// When.
    pub hours: Hours,
    /// The same as it was written.
    pub hours_text: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

/// A mark on a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonMark {
    /// Whose staff it is.
    pub organisation: OrganisationId,
    /// The identity provider that names the person.
    pub issuer: String,
    /// Its tenant; empty where it has none.
    pub tenant: String,
    /// The person, as the provider names them.
    pub subject: String,
    /// What the person may do.
    pub mark: Mark,
    /// Of which team a manager is one.
    pub team: Option<TeamId>,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_until: NaiveDate,
}

impl Directory {
    /// The teams that a team covers at a moment, London time, each with why; in the order of their ids, each kind once.
    /// Cover is never handed on: who covers a team does not cover those that it covers.
    pub fn covered_teams(&self, team: TeamId, now: NaiveDateTime) -> Vec<(TeamId, CoverKind)> {
        let covers = self.covers.iter().filter(|cover| {
            cover.team == team && cover.hours.hold(now, (cover.valid_from, cover.valid_until))
        });
        let mut covered: Vec<_> = covers.map(|cover| (cover.covered, cover.kind)).collect();
        covered.sort_unstable();
        covered.dedup();
        covered
    }

    /// The marks on a person on a day.
    pub fn marks_on<'a>(
        &'a self,
        (issuer, tenant, subject): (&'a str, &'a str, &'a str),
        day: NaiveDate,
    ) -> impl Iterator<Item = &'a PersonMark> {
        self.marks.iter().filter(move |m| {
            m.issuer == issuer
                && m.tenant == tenant
                && m.subject == subject
                && m.valid_from <= day
                && day <= m.valid_until
        })
    }

    /// Whether a person has a mark in an organisation on a day; a manager, of any team or of the one that is named.
    pub fn has_mark(
        &self,
        person: (&str, &str, &str),
        organisation: OrganisationId,
        (mark, team): (Mark, Option<TeamId>),
        day: NaiveDate,
    ) -> bool {
        self.marks_on(person, day)
            .any(|m| m.organisation == organisation && m.mark == mark && (team.is_none() || m.team == team))
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    team_id: Uuid,
    covered_id: Uuid,
    kind: String,
    hours: String,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
}

/// Reads which team covers which.
pub(super) async fn load(db: &Db) -> Result<Vec<Cover>, StoreError> {
    const ALL: &str = "SELECT team_id, covered_id, kind, hours, valid_from, valid_until FROM covers";
    let rows: Vec<Row> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let covers = rows.into_iter().map(|row| {
        Ok(Cover {
            team: TeamId(row.team_id),
            covered: TeamId(row.covered_id),
            kind: CoverKind::parse(&row.kind).ok_or(StoreError::Corrupt("covers.kind"))?,
            hours: Hours::parse(&row.hours).ok_or(StoreError::Corrupt("covers.hours"))?,
            hours_text: row.hours,
            valid_from: row.valid_from,
            valid_until: row.valid_until,
        })
    });
    covers.collect()
}

#[derive(sqlx::FromRow)]
struct MarkRow {
    organisation_id: Uuid,
    issuer: String,
    tenant: String,
    subject: String,
    mark: String,
    team_id: Option<Uuid>,
    valid_from: NaiveDate,
    valid_until: NaiveDate,
}

/// Reads the marks on persons.
pub(super) async fn load_marks(db: &Db) -> Result<Vec<PersonMark>, StoreError> {
    const ALL: &str = "SELECT organisation_id, issuer, tenant, subject, mark, team_id, valid_from, valid_until FROM person_marks";
    let rows: Vec<MarkRow> = read!(db, c => sqlx::query_as(ALL).fetch_all(c).await)?;
    let marks = rows.into_iter().map(|row| {
        Ok(PersonMark {
            organisation: OrganisationId(row.organisation_id),
            issuer: row.issuer,
            tenant: row.tenant,
            subject: row.subject,
            mark: Mark::parse(&row.mark).ok_or(StoreError::Corrupt("person_marks.mark"))?,
            team: row.team_id.map(TeamId),
            valid_from: row.valid_from,
            valid_until: row.valid_until,
        })
    });
    marks.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn team(n: u128) -> TeamId {
        TeamId(Uuid::from_u128(n))
    }

    fn cover(by: u128, covered: u128, kind: CoverKind, hours: &str) -> Cover {
        Cover {
            team: team(by),
            covered: team(covered),
            kind,
            hours: Hours::parse(hours).unwrap(),
            hours_text: hours.to_owned(),
            valid_from: "2026-11-02".parse().unwrap(),
            valid_until: "2026-11-20".parse().unwrap(),
        }
    }

    #[test]
    fn a_team_covers_in_its_hours_and_hands_nothing_on() {
        let night = "mon-fri 17:00-09:00";
        let directory = Directory {
            covers: vec![
                cover(1, 2, CoverKind::OutOfHours, night),
                cover(1, 3, CoverKind::OutOfHours, night),
                cover(2, 4, CoverKind::Duty, "always"),
                cover(1, 3, CoverKind::Management, "always"),
            ],
            ..Directory::default()
        };
        let covered = |by, at: &str| {
            let at = NaiveDateTime::parse_from_str(at, "%Y-%m-%d %H:%M").unwrap();
            directory.covered_teams(team(by), at)
        };
        let managed = (team(3), CoverKind::Management);
        let night = [(team(2), CoverKind::OutOfHours), (team(3), CoverKind::OutOfHours), managed];
        assert_eq!(covered(1, "2026-11-18 12:00"), [managed]);
        assert_eq!(covered(1, "2026-11-18 18:00"), night);
        assert_eq!(covered(1, "2026-11-02 08:00"), [managed], "the night before is before the first day");
        assert_eq!(covered(1, "2026-11-21 08:59"), night[..2], "the last night ends in the morning");
        assert_eq!(covered(1, "2026-11-21 18:00"), []);
        assert_eq!(covered(2, "2026-11-18 18:00"), [(team(4), CoverKind::Duty)]);
        assert_eq!(covered(4, "2026-11-18 18:00"), []);
    }

    #[test]
    fn a_mark_is_one_persons_in_one_organisation_on_its_days() {
        let (here, there) = (OrganisationId(Uuid::from_u128(1)), OrganisationId(Uuid::from_u128(2)));
        let mark = |subject: &str, mark, team| PersonMark {
            organisation: here,
            issuer: "https://id.example".to_owned(),
            tenant: String::new(),
            subject: subject.to_owned(),
            mark,
            team,
            valid_from: "2026-11-02".parse().unwrap(),
            valid_until: "2026-11-20".parse().unwrap(),
        };
        let directory = Directory {
            marks: vec![mark("anna", Mark::Manager, Some(team(1))), mark("ben", Mark::SeniorOfficer, None)],
            ..Directory::default()
        };
        let check = |subject, organisation, asked, day: &str, expected| {
            let person = ("https://id.example", "", subject);
            let has = directory.has_mark(person, organisation, asked, day.parse().unwrap());
            assert_eq!(has, expected, "{subject} {asked:?} on {day}");
        };
        check("anna", here, (Mark::Manager, Some(team(1))), "2026-11-20", true);
        check("anna", here, (Mark::Manager, None), "2026-11-02", true);
        check("anna", here, (Mark::Manager, Some(team(2))), "2026-11-20", false);
        check("anna", there, (Mark::Manager, Some(team(1))), "2026-11-20", false);
        check("anna", here, (Mark::Manager, Some(team(1))), "2026-11-21", false);
        check("anna", here, (Mark::SeniorOfficer, None), "2026-11-20", false);
        check("ben", here, (Mark::SeniorOfficer, None), "2026-11-20", true);
        check("Ben", here, (Mark::SeniorOfficer, None), "2026-11-20", false);
    }
}
