//! A school's roll as a file is held against it, row by row: to which pupil a row belongs, or why to none.
//!
//! A child must never come to stand under another's handle: where a row fits two pupils it fits none, and the school is
//! told what to correct.

use super::super::parse::PupilRow;
use crate::domain::identifiers::Upn;
use crate::domain::pupil::match_key;
use crate::registers::Enrolment;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// The roll with what earlier rows of the file made of it.
#[derive(Default)]
pub(super) struct Roll {
    all: Vec<Enrolment>,
    fields: HashMap<Uuid, String>,
    // Places in `all`; a place stays under a number or UPN that the enrolment no longer has, so each is looked at again.
    by_number: HashMap<String, Vec<usize>>,
    by_upn: HashMap<String, Vec<usize>>,
    by_pupil: HashMap<Uuid, Vec<usize>>,
    by_id: HashMap<Uuid, usize>,
    /// Enrolments that a row of the file was of.
    told: HashSet<Uuid>,
}

/// To whom a row belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Belongs<'r> {
    /// To this enrolment.
    To(&'r Enrolment),
    /// To the pupil of this enrolment, who came again after it had ended.
    Again(&'r Enrolment),
    /// To nobody on this roll.
    New,
}

/// The column at fault, and what is wrong and to do.
pub(super) type Fault = (&'static str, &'static str);

const ANOTHERS_NUMBER: Fault = (
    "school_pupil_id",
    "is another pupil's number: neither date of birth, name nor UPN are the same; give this pupil a number of its own",
);
const TWINS_UPN: Fault = (
    "upn",
    "is the UPN of a pupil here with the same date of birth, another number and another forename; correct the UPN, or, if \
     it is the same pupil, send the number with which the pupil is on roll",
);
const ANOTHERS_UPN: Fault = (
    "upn",
    "is also the UPN of another pupil of this school, on roll or a leaver; correct the one that is wrong, or leave it out \
     until that is known",
);

impl Roll {
    /// The roll as it stands, with the further fields of its admission entries.
    pub(super) fn new(enrolments: Vec<Enrolment>, fields: HashMap<Uuid, String>) -> Self {
        let mut roll = Self { fields, ..Self::default() };
        for enrolment in enrolments {
            roll.index(enrolment);
        }
        roll
    }

    fn index(&mut self, enrolment: Enrolment) {
        let place = self.by_id.get(&enrolment.id).copied().unwrap_or(self.all.len());
        let keys = [
            (&mut self.by_number, enrolment.school_pupil_id.clone()),
            (&mut self.by_upn, enrolment.upn.clone()),
        ];
        for (index, key) in keys {
            if let Some(key) = key {
                let places = index.entry(key).or_default();
                if !places.contains(&place) {
                    places.push(place);
                }
            }
        }
        if let Some(standing) = self.all.get_mut(place) {
            *standing = enrolment;
        } else {
            self.by_id.insert(enrolment.id, place);
            self.by_pupil.entry(enrolment.pupil_id).or_default().push(place);
            self.all.push(enrolment);
        }
    }

    /// What a row of the file made of an enrolment, for the rows after it.
    pub(super) fn put(&mut self, enrolment: Enrolment, fields: String) {
        self.told.insert(enrolment.id);
        self.fields.insert(enrolment.id, fields);
        self.index(enrolment);
    }

    /// Whether an earlier row of the file was of this enrolment.
    pub(super) fn is_told(&self, enrolment: &Enrolment) -> bool {
        self.told.contains(&enrolment.id)
    }

    /// The further fields of an enrolment's admission entry.
    pub(super) fn fields(&self, enrolment: &Enrolment) -> Option<&String> {
        self.fields.get(&enrolment.id)
    }

    /// Whether a child has an enrolment here.
    pub(super) fn has(&self, pupil: Uuid) -> bool {
        self.by_pupil.contains_key(&pupil)
    }

    /// Whether the child's whereabouts are protected by any of its enrolments here: the flag is the child's, and holds
    /// for a later stay as for the one in which it was raised.
    pub(super) fn is_protected(&self, pupil: Uuid) -> bool {
        self.places(self.by_pupil.get(&pupil)).any(|e| e.whereabouts_protected)
    }

    fn places<'r>(&'r self, places: Option<&'r Vec<usize>>) -> impl Iterator<Item = &'r Enrolment> {
        places.into_iter().flatten().filter_map(|place| self.all.get(*place))
    }

    /// To whom a row belongs: the enrolment with the school's own number, else with the same permanent UPN and date of
    /// birth. A changed name, date of birth or UPN alone is an amendment.
    pub(super) fn belongs(&self, row: &PupilRow) -> Result<Belongs<'_>, Fault> {
        let latest = |e: &&Enrolment| (e.starting_day == row.stay.starting_day(), e.starting_day);
        let numbered = self.places(self.by_number.get(&row.school_pupil_id));
        let numbered = numbered
            .filter(|e| e.school_pupil_id.as_deref() == Some(row.school_pupil_id.as_str()))
            .max_by_key(latest);
        let standing = match numbered {
            Some(standing) if !is_same_pupil(standing, row) => return Err(ANOTHERS_NUMBER),
            Some(standing) => Some(standing),
            None => {
                let keyed = self.with_upn(row).into_iter().filter(|e| {
                    e.upn_permanent && permanent(row).is_some() && e.date_of_birth == row.date_of_birth
                });
                match keyed.max_by_key(latest) {
                    // Twins' UPNs are mixed up more often than a pupil gets another number and forename at once.
                    Some(e) if e.forename_key != match_key(row.forename.as_str()) => return Err(TWINS_UPN),
                    keyed => keyed,
                }
            }
        };
        let pupil = standing.map(|e| e.pupil_id);
        let unchanged = standing.is_some_and(|e| e.upn.as_deref() == row.upn.as_ref().map(Upn::as_str));
        if !unchanged && self.with_upn(row).iter().any(|e| Some(e.pupil_id) != pupil) {
            return Err(ANOTHERS_UPN);
        }
        Ok(match standing {
            None => Belongs::New,
            Some(standing) if admitted_again(standing, row) => Belongs::Again(standing),
            Some(standing) => Belongs::To(standing),
        })
    }

    /// Enrolments that have the row's UPN.
    fn with_upn(&self, row: &PupilRow) -> Vec<&Enrolment> {
        let upn = row.upn.as_ref().map(Upn::as_str);
        self.places(upn.and_then(|upn| self.by_upn.get(upn))).filter(|e| e.upn.as_deref() == upn).collect()
    }
}

/// The row's UPN, if it is permanent.
pub(super) fn permanent(row: &PupilRow) -> Option<&Upn> {
    row.upn.as_ref().filter(|upn| !upn.is_temporary())
}

/// Whether a row can be of the pupil that has its number: schools give numbers again.
fn is_same_pupil(standing: &Enrolment, row: &PupilRow) -> bool {
    let upn = permanent(row).map(Upn::as_str);
    let same_upn = upn.is_some() && standing.upn_permanent && standing.upn.as_deref() == upn;
    let same_born = standing.date_of_birth == row.date_of_birth;
    let same_surname = standing.surname_key == match_key(row.surname.as_str());
    let same_forename = standing.forename_key == match_key(row.forename.as_str());
    same_upn || (same_born && (same_surname || same_forename)) || (same_surname && same_forename)
}

/// Whether a row is a later stay of a pupil whose earlier one has ended.
fn admitted_again(standing: &Enrolment, row: &PupilRow) -> bool {
    standing.last_day.is_some_and(|last| row.stay.starting_day() > last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intake::parse::{Format, Limits, of_one_school, read_pupils};
    use chrono::DateTime;
    use std::io::Cursor;

    const UPNS: [&str; 3] = ["B801200005001", "P207000016049", "M80120000500A"];

    /// A row: number, UPN, surname, forename, date of birth, starting day.
    fn row(cells: [&str; 6]) -> PupilRow {
        let [number, upn, surname, forename, born, starts] = cells;
        let csv = format!(
            "school_pupil_id,upn,surname,forename,date_of_birth,sex,starting_day,enrolment_status\n\
             {number},{upn},{surname},{forename},{born},female,{starts},single\n"
        );
        let today = "2026-11-20".parse().unwrap();
        let file =
            read_pupils(&mut Cursor::new(csv), Format::Csv, (&Limits::default(), &mut of_one_school), today)
                .unwrap();
        assert_eq!(file.tally.rejected.errors, []);
        file.rows.into_iter().next().unwrap().1
    }

    fn enrolment(id: u128, pupil: u128, cells: [&str; 6], last_day: Option<&str>) -> Enrolment {
        let row = row(cells);
        Enrolment {
            school_id: Uuid::from_u128(9),
            id: Uuid::from_u128(id),
            version: 1,
            committed_at: DateTime::UNIX_EPOCH,
            pupil_id: Uuid::from_u128(pupil),
            school_pupil_id: Some(row.school_pupil_id.clone()),
            upn: row.upn.as_ref().map(ToString::to_string),
            upn_permanent: permanent(&row).is_some(),
            surname: row.surname.as_str().to_owned(),
            surname_key: match_key(row.surname.as_str()),
            forename: row.forename.as_str().to_owned(),
            forename_key: match_key(row.forename.as_str()),
            date_of_birth: row.date_of_birth,
            sex: None,
            year_group: None,
            status: "single".to_owned(),
            starting_day: row.stay.starting_day(),
            last_day: last_day.map(|day| day.parse().unwrap()),
            removal_ground: None,
            boarder: false,
            part_time: false,
            home_authority: None,
            other_school_urn: None,
            home_authority_assumed: false,
            whereabouts_protected: false,
        }
    }

    const ANNE: [&str; 6] = ["1", UPNS[0], "Hill", "Anne", "2015-05-04", "2020-09-01"];
    const LEFT: [&str; 6] = ["2", UPNS[1], "Dale", "Ben", "2014-02-03", "2019-09-01"];
    const TEMP: [&str; 6] = ["3", UPNS[2], "Moor", "Cas", "2016-03-02", "2021-09-01"];

    fn roll() -> Roll {
        let all = vec![
            enrolment(1, 101, ANNE, None),
            enrolment(2, 102, LEFT, Some("2024-07-19")),
            enrolment(3, 103, TEMP, None),
        ];
        Roll::new(all, HashMap::new())
    }

    #[derive(Debug, PartialEq, Eq)]
    enum Said {
        To(u128),
        Again(u128),
        New,
        Refused(Fault),
    }

    fn said(roll: &Roll, cells: [&str; 6]) -> Said {
        match roll.belongs(&row(cells)) {
            Ok(Belongs::To(e)) => Said::To(e.id.as_u128()),
            Ok(Belongs::Again(e)) => Said::Again(e.id.as_u128()),
            Ok(Belongs::New) => Said::New,
            Err(fault) => Said::Refused(fault),
        }
    }

    #[test]
    fn each_row_belongs_to_one_pupil_or_is_refused() {
        let roll = roll();
        let [a, b, t] = UPNS;
        for (cells, expected, why) in [
            (ANNE, Said::To(1), "the same"),
            (
                ["1", a, "Wood", "Anne", "2015-05-04", "2020-09-01"],
                Said::To(1),
                "a surname changed, the UPN kept",
            ),
            (
                ["1", a, "Wood", "Ann", "2015-05-04", "2020-09-01"],
                Said::To(1),
                "both names changed, the UPN kept",
            ),
            (["1", "", "Hill", "Anne", "2015-04-05", "2020-09-01"], Said::To(1), "a date of birth corrected"),
            (["7", a, "Wood", "Anne", "2015-05-04", "2020-09-01"], Said::To(1), "renumbered, the UPN kept"),
            (
                ["1", "", "Fell", "Zoe", "2016-01-01", "2026-09-01"],
                Said::Refused(ANOTHERS_NUMBER),
                "a number given again",
            ),
            (
                ["8", a, "Hill", "Beth", "2015-05-04", "2020-09-01"],
                Said::Refused(TWINS_UPN),
                "a twin with her sister's UPN",
            ),
            (
                ["8", a, "Fell", "Zoe", "2016-01-01", "2026-09-01"],
                Said::Refused(ANOTHERS_UPN),
                "two pupils with one UPN",
            ),
            (
                ["8", b, "Fell", "Zoe", "2016-01-01", "2026-09-01"],
                Said::Refused(ANOTHERS_UPN),
                "a leaver's UPN reused",
            ),
            (
                ["1", b, "Hill", "Anne", "2015-05-04", "2020-09-01"],
                Said::Refused(ANOTHERS_UPN),
                "corrected to another's",
            ),
            (
                ["8", t, "Fell", "Zoe", "2016-01-01", "2026-09-01"],
                Said::Refused(ANOTHERS_UPN),
                "a temporary one twice",
            ),
            (["3", "", "Moor", "Cas", "2016-03-02", "2021-09-01"], Said::To(3), "a UPN taken away"),
            (
                ["8", "", "Hill", "Anne", "2015-05-04", "2020-09-01"],
                Said::New,
                "never on name and birth alone",
            ),
            (["2", b, "Dale", "Ben", "2014-02-03", "2025-09-01"], Said::Again(2), "come back"),
            (
                ["9", b, "Dale", "Ben", "2014-02-03", "2025-09-01"],
                Said::Again(2),
                "come back with another number",
            ),
            (["2", b, "Dale", "Ben", "2014-02-03", "2019-09-01"], Said::To(2), "the stay that has ended"),
        ] {
            assert_eq!(said(&roll, cells), expected, "{why}");
        }
    }

    #[test]
    fn later_rows_of_a_file_see_what_earlier_ones_made() {
        let mut roll = roll();
        let zoe = ["8", "A801200005009", "Fell", "Zoe", "2016-01-01", "2026-09-01"];
        // Whichever letter fits these digits.
        let upn = ('A'..='Z')
            .map(|c| format!("{c}{}", zoe[1].get(1..).unwrap()))
            .find(|u| Upn::parse(u).is_ok())
            .unwrap();
        let cells = |number: &'static str, forename: &'static str, born: &'static str| {
            [number, upn.as_str(), "Fell", forename, born, "2026-09-01"]
        };
        assert_eq!(said(&roll, cells("8", "Zoe", "2016-01-01")), Said::New);
        roll.put(enrolment(8, 108, cells("8", "Zoe", "2016-01-01"), None), "{}".to_owned());
        assert_eq!(said(&roll, cells("8", "Zoe", "2016-01-01")), Said::To(8));
        assert!(roll.is_told(&enrolment(8, 108, cells("8", "Zoe", "2016-01-01"), None)));
        assert_eq!(said(&roll, cells("9", "Yara", "2016-01-01")), Said::Refused(TWINS_UPN));
        assert_eq!(said(&roll, cells("9", "Yara", "2017-01-01")), Said::Refused(ANOTHERS_UPN));
        // Renumbered by an earlier row: the old number is free.
        roll.put(enrolment(8, 108, cells("80", "Zoe", "2016-01-01"), None), "{}".to_owned());
        let other = ["8", "", "Lake", "Xan", "2018-01-01", "2026-09-01"];
        assert_eq!(
            (said(&roll, other), said(&roll, cells("80", "Zoe", "2016-01-01"))),
            (Said::New, Said::To(8))
        );
    }

    #[test]
    fn what_stands_with_one_upn_twice_can_still_be_sent_again() {
        let mut roll = roll();
        let same = ["5", UPNS[0], "Fell", "Zoe", "2016-01-01", "2020-09-01"];
        roll.put(enrolment(5, 105, same, None), String::new());
        assert_eq!((said(&roll, same), said(&roll, ANNE)), (Said::To(5), Said::To(1)));
        let corrected = ["5", "", "Fell", "Zoe", "2016-01-01", "2020-09-01"];
        assert_eq!(said(&roll, corrected), Said::To(5));
    }
}
