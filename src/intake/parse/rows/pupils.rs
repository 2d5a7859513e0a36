//! The admission register: one row a pupil, with the entries of SI 2024/208 reg 8 as this school gives them.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;

use super::super::cells::{Fault, Row, fault, flag, folded, lines, text};
use super::super::columns::{Given, PUPILS, REGISTER_COLUMNS};
use super::super::taking::read_file;
use super::super::{File, FileError, Format, Limits, Source, WhoseRow};
use super::mark_cells::{school_number, school_pupil_id};
use crate::domain::identifiers::{LocalAuthorityCode, Upn, Urn};
use crate::domain::pupil::{Name, Sex, YearGroup, check_date_of_birth};
use crate::domain::roll::{EnrolmentStatus, RemovalGround, Stay, StayError};
use crate::domain::words;

/// Pupils are younger than this: to 25 with an education, health and care plan.
const BELOW_AGE: u8 = 26;

words! {
    /// Special educational needs, as cohorts are counted.
    SpecialNeeds {
        /// None recorded.
        Nothing = "none",
        /// Support within school.
        Support = "support",
        /// An education, health and care plan.
        Plan = "plan",
    }
}

/// One pupil's entry. The stay has the starting day, the last day and the ground of removal.
#[derive(Clone, PartialEq, Eq)]
pub struct PupilRow {
    /// The school, by URN or LAESTAB as given, in a file of several schools.
    pub school: Option<String>,
    /// The school's own number of the pupil, at most 64 characters.
    pub school_pupil_id: String,
    /// The UPN; not every pupil has one.
    pub upn: Option<Upn>,
    /// Surname as given.
    pub surname: Name,
    /// Forename as given.
    pub forename: Name,
    /// Date of birth.
    pub date_of_birth: NaiveDate,
    /// Sex as recorded.
    pub sex: Sex,
    /// National curriculum year, as the school says; never derived.
    pub year_group: Option<YearGroup>,
    /// First day, last day and ground of removal.
    pub stay: Stay,
    /// How the pupil is enrolled here.
    pub enrolment_status: EnrolmentStatus,
    /// Whether the pupil boards; no if not given.
    pub boarder: bool,
    /// Whether a part-time timetable is agreed; no if not given.
    pub part_time: bool,
    /// The authority in whose area the pupil lives.
    pub home_authority: Option<LocalAuthorityCode>,
    /// Whether the pupil's whereabouts must be protected. `false`, given or not, changes nothing: protection is never
    /// lifted by a file.
    pub whereabouts_protected: bool,
    /// The other school where the pupil is registered (reg 8(4)): two schools that name each other so, one main and one
    /// subsidiary, see how the other met the sessions that they mark D.
    pub other_school_urn: Option<Urn>,
    /// The further entries of the admission register that were given, by canonical column; at most 500 characters each.
    pub register: BTreeMap<&'static str, String>,
    /// Special educational needs.
    pub sen: Option<SpecialNeeds>,
    /// Whether eligible for free school meals.
    pub free_meals: Option<bool>,
    /// Whether the pupil has a social worker.
    pub social_worker: Option<bool>,
    /// Why the entry was amended, should the row amend one (SI 2024/208 reg 6(1)); at most 200 characters.
    pub reason: Option<String>,
    /// The day on which it was.
    pub amended_on: Option<NaiveDate>,
    /// The name of the person who amended it, at most 100 characters.
    pub amended_by: Option<String>,
    given: Given,
}

impl PupilRow {
    /// Whether the file has this column, or the object this key, empty or not. What it does not have says nothing.
    pub fn has(&self, column: &str) -> bool {
        PUPILS.position(column).is_some_and(|place| self.given.has(place))
    }

    /// The entries that are kept as one: each by its column, with what the row says.
    pub fn further(&self) -> impl Iterator<Item = (&'static str, Option<String>)> + '_ {
        let register =
            REGISTER_COLUMNS.iter().map(move |column| (*column, self.register.get(column).cloned()));
        register.chain([
            ("sen", self.sen.map(|sen| sen.as_str().to_owned())),
            ("free_meals", self.free_meals.map(|free_meals| free_meals.to_string())),
            ("social_worker", self.social_worker.map(|social_worker| social_worker.to_string())),
        ])
    }
}

/// The optional columns that any of these rows does not have.
pub fn columns_left<'r>(rows: impl Iterator<Item = &'r PupilRow>) -> Vec<&'static str> {
    let Some(common) = rows.map(|row| row.given).reduce(Given::and) else { return Vec::new() };
    let columns = PUPILS.columns.iter().enumerate();
    // Whose a row is, and what it tells of its amendments, are no entries of the register.
    let is_entry = |name| !["school", "reason", "amended_on", "amended_by"].contains(&name);
    let left =
        columns.filter(|(place, column)| !column.needed && is_entry(column.name) && !common.has(*place));
    left.map(|(_, column)| column.name).collect()
}

impl fmt::Debug for PupilRow {
    /// Hides the row: it is about a child.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PupilRow(hidden)")
    }
}

/// Reads an admission register; dates of birth are held against `today`, the London day.
pub fn read_pupils(
    source: &mut dyn Source,
    format: Format,
    (limits, whose): (&Limits, &mut WhoseRow<'_>),
    today: NaiveDate,
) -> Result<File<PupilRow>, FileError> {
    read_file(source, format, &PUPILS, (limits, whose), &|row| read_row(row, today))
}

fn read_row(row: &mut Row<'_>, today: NaiveDate) -> Option<PupilRow> {
    let school = row.optional("school", |cell| school_number(cell).map(str::to_owned));
    let school_pupil_id = row.needed("school_pupil_id", |cell| school_pupil_id(cell).map(str::to_owned));
    let upn = row.optional("upn", |cell| Upn::parse(cell).map_err(fault));
    let surname = row.needed("surname", |cell| Name::parse(cell).map_err(fault));
    let forename = row.needed("forename", |cell| Name::parse(cell).map_err(fault));
    let date_of_birth = born(row, today);
    let sex = row.needed("sex", sex);
    let year_group = row.optional("year_group", year_group);
    let stay = stay(row, date_of_birth);
    let enrolment_status = row.needed("enrolment_status", enrolment_status);
    let boarder = row.optional("boarder", flag).unwrap_or(false);
    let part_time = row.optional("part_time", flag).unwrap_or(false);
    let home_authority =
        row.optional("home_authority", |cell| LocalAuthorityCode::parse(cell).map_err(fault));
    let whereabouts_protected = row.optional("whereabouts_protected", flag).unwrap_or(false);
    let other_school_urn = row.optional("other_school_urn", |cell| Urn::parse(cell).map_err(fault));
    let register =
        REGISTER_COLUMNS.iter().filter_map(|column| Some((*column, entry(row, column)?))).collect();
    let sen = row.optional("sen", special_needs);
    let free_meals = row.optional("free_meals", flag);
    let social_worker = row.optional("social_worker", flag);
    let reason = row.optional("reason", |cell| text(cell, 200).map(str::to_owned));
    let amended_on = amended_on(row, today);
    let amended_by = row.optional("amended_by", |cell| text(cell, 100).map(str::to_owned));
    Some(PupilRow {
        school,
        school_pupil_id: school_pupil_id?,
        upn,
        surname: surname?,
        forename: forename?,
        date_of_birth: date_of_birth?,
        sex: sex?,
        year_group,
        stay: stay?,
        enrolment_status: enrolment_status?,
        boarder,
        part_time,
        home_authority,
        whereabouts_protected,
        other_school_urn,
        register,
        sen,
        free_meals,
        social_worker,
        reason,
        amended_on,
        amended_by,
        given: row.given(),
    })
}

fn amended_on(row: &mut Row<'_>, today: NaiveDate) -> Option<NaiveDate> {
    let day = row.optional_date("amended_on")?;
    if day > today {
        row.fault("amended_on", "is after today; write the day on which the entry was amended");
        return None;
    }
    Some(day)
}

fn born(row: &mut Row<'_>, today: NaiveDate) -> Option<NaiveDate> {
    let born = row.needed_date("date_of_birth")?;
    match check_date_of_birth(born, today, BELOW_AGE) {
        Ok(()) => Some(born),
        Err(error) => {
            row.fault("date_of_birth", &fault(error));
            None
        }
    }
}

/// First day, last day and ground, which hold only together.
fn stay(row: &mut Row<'_>, date_of_birth: Option<NaiveDate>) -> Option<Stay> {
    let starting_day = row.needed_date("starting_day");
    let last_day = row.optional_date("last_day");
    let ground = row.optional("removal_ground", removal_ground);
    let starting_day = starting_day?;
    if date_of_birth.is_some_and(|born| starting_day <= born) {
        row.fault("starting_day", "is not after the date of birth; check both dates");
        return None;
    }
    // A wrong cell has its own error; to say on top that it is missing would be untrue.
    if row.is_wrong("last_day") || row.is_wrong("removal_ground") {
        return None;
    }
    let stay = Stay::new(starting_day, last_day, ground);
    stay.map_err(|error| {
        let column = match error {
            StayError::GroundMissing => "removal_ground",
            StayError::Reversed | StayError::LastDayMissing => "last_day",
        };
        row.fault(column, &fault(error));
    })
    .ok()
}

/// One further entry of the admission register: dates and yes or no in one form, all else as given.
fn entry(row: &mut Row<'_>, column: &'static str) -> Option<String> {
    if column.ends_with("_from") {
        return row.optional_date(column).map(|day| day.to_string());
    }
    row.optional(column, |cell| {
        if column.ends_with("_lives_with") {
            flag(cell).map(|lives_with| lives_with.to_string())
        } else {
            lines(cell, 500).map(str::to_owned)
        }
    })
}

fn sex(cell: &str) -> Result<Sex, Fault> {
    match folded(cell).as_str() {
        "f" | "female" | "girl" => Ok(Sex::Female),
        "m" | "male" | "boy" => Ok(Sex::Male),
        "u" | "unknown" | "notknown" => Ok(Sex::Unknown),
        _ => Err("is not a sex as registers record it; write `female`, `male` or `unknown`".into()),
    }
}

fn year_group(cell: &str) -> Result<YearGroup, Fault> {
    let year = folded(cell);
    let year =
        year.strip_prefix("year").or_else(|| year.strip_prefix('y')).unwrap_or(&year).to_ascii_uppercase();
    let year = year.strip_prefix('0').unwrap_or(&year);
    let year = if year == "RECEPTION" { "R" } else { year };
    YearGroup::parse(year)
        .ok_or_else(|| "is not a national curriculum year; write `N1`, `N2`, `R`, `1` to `14` or `X`".into())
}

fn enrolment_status(cell: &str) -> Result<EnrolmentStatus, Fault> {
    match folded(cell).as_str() {
        "single" | "c" | "currentsingle" | "singleregistration" => Ok(EnrolmentStatus::Single),
        "main" | "m" | "currentmain" | "maindual" | "maindualregistration" => Ok(EnrolmentStatus::Main),
        "subsidiary" | "s" | "currentsubsidiary" | "subsidiarydual" => Ok(EnrolmentStatus::Subsidiary),
        "guest" | "g" => Ok(EnrolmentStatus::Guest),
        _ => Err("is not an enrolment status; write `single`, `main`, `subsidiary` or `guest`".into()),
    }
}

fn removal_ground(cell: &str) -> Result<RemovalGround, Fault> {
    let paragraph: String =
        cell.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    RemovalGround::parse(paragraph.strip_prefix("reg").unwrap_or(&paragraph)).ok_or_else(|| {
        "is not a ground of the regulations of 2024; write its paragraph, such as `9(1)(a)`".into()
    })
}

fn special_needs(cell: &str) -> Result<SpecialNeeds, Fault> {
    match folded(cell).as_str() {
        "none" | "n" | "nosen" => Ok(SpecialNeeds::Nothing),
        "support" | "k" | "sensupport" => Ok(SpecialNeeds::Support),
        "plan" | "e" | "ehcp" | "ehcplan" => Ok(SpecialNeeds::Plan),
        _ => Err("is not a kind of special educational need; write `none`, `support` or `plan`".into()),
    }
}
