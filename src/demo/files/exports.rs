//! Register exports as a school's system writes them: canonical columns, UTF-8, one header line.

use super::{SchoolFiles, WriteError, write};
use crate::demo::authority::{Authority, Calendar, Enrolment, Mark, School};
use chrono::{DateTime, SecondsFormat, Utc};
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Columns of a calendar.
const CALENDAR: &str = "date,am,pm,term,note\n";
/// Columns of an admission register: SI 2024/208 reg 8 from `name_used` on, then what cohorts are made of.
const PUPILS: &str = "school_pupil_id,upn,surname,forename,date_of_birth,sex,year_group,starting_day,last_day,\
removal_ground,enrolment_status,boarder,part_time,home_authority,whereabouts_protected,name_used,address,\
parent_1_name,parent_1_address,parent_1_lives_with,parent_1_telephone,last_school_name,other_school_name,sen,free_meals,\
social_worker\n";
/// Columns of marks, a row a session.
const ATTENDANCE: &str =
    "school_pupil_id,upn,date,session,code,minutes_late,recorded_at,amended_from,reason,amended_by\n";

/// Where the files of a school are, relative to the demonstration's folder. `calendar` is this year's.
pub fn school_files(school: &School) -> SchoolFiles {
    let urn = &school.urn;
    SchoolFiles {
        urn: urn.clone(),
        laestab: school.laestab.clone(),
        name: school.name.clone(),
        calendar: calendar_path(school, &school.calendars[1]),
        pupils: format!("exports/{urn}-pupils.csv"),
        attendance: format!("exports/{urn}-attendance.csv"),
    }
}

/// The path of one year's calendar, `exports/<urn>-calendar-<start year>.csv`.
pub fn calendar_path(school: &School, calendar: &Calendar) -> String {
    format!("exports/{}-calendar-{}.csv", school.urn, calendar.start_year)
}

/// Writes both calendars, the admission register and the marks of a school under `dir/exports`.
pub fn write_exports(authority: &Authority, school: &School, dir: &Path) -> Result<SchoolFiles, WriteError> {
    let files = school_files(school);
    for calendar in &school.calendars {
        write(dir, &calendar_path(school, calendar), calendar_csv(calendar).as_bytes())?;
    }
    write(dir, &files.pupils, pupils_csv(school).as_bytes())?;
    let failed = |source| WriteError { path: files.attendance.clone(), source };
    let mut file = File::create(dir.join(&files.attendance)).map_err(failed)?;
    attendance_csv(authority, school, &mut file).map_err(failed)?;
    Ok(files)
}

fn calendar_csv(calendar: &Calendar) -> String {
    calendar.days.iter().fold(CALENDAR.to_owned(), |mut csv, day| {
        row(&mut csv, &[&day.date.to_string(), day.slot, day.slot, day.term, day.note]);
        csv
    })
}

fn pupils_csv(school: &School) -> String {
    school.enrolments.iter().fold(PUPILS.to_owned(), |mut csv, enrolment| {
        pupil(&mut csv, enrolment, school.phase);
        csv
    })
}

fn pupil(csv: &mut String, e: &Enrolment, phase: &str) {
    // As the school census writes it: K for support, E for a plan, which every pupil of a special school has.
    let sen = match (e.sen, phase) {
        (true, "special") => "E",
        (true, _) => "K",
        (false, _) => "N",
    };
    let word = |yes: bool| if yes { "true" } else { "false" };
    let year_group = if e.year_group == 0 { "R".to_owned() } else { e.year_group.to_string() };
    let last_day = e.last_day.map(|day| day.to_string()).unwrap_or_default();
    row(
        csv,
        &[
            &e.school_pupil_id,
            &e.child.upn,
            &e.child.surname,
            &e.child.forename,
            &e.child.date_of_birth.to_string(),
            e.child.sex,
            &year_group,
            &e.starting_day.to_string(),
            &last_day,
            e.ground.unwrap_or_default(),
            e.status,
            word(e.boarder),
            word(e.part_time),
            e.home_authority,
            word(e.whereabouts_protected),
            &e.child.forename,
            &e.child.address,
            &e.child.parent,
            &e.child.address,
            "true",
            &e.child.telephone,
            &e.last_school,
            e.other_school.as_deref().unwrap_or_default(),
            sen,
            word(e.free_meals),
            word(e.social_worker),
        ],
    );
}

/// Marks are drawn, written and forgotten pupil by pupil.
fn attendance_csv(authority: &Authority, school: &School, to: &mut impl Write) -> io::Result<()> {
    let mut csv = ATTENDANCE.to_owned();
    // The date's text is the same for all: kept from one mark to the next, since there are hundreds of thousands.
    let mut date = (chrono::NaiveDate::MIN, String::new());
    for enrolment in &school.enrolments {
        for mark in &authority.marks(school, enrolment) {
            if date.0 != mark.date {
                date = (mark.date, mark.date.to_string());
            }
            session(&mut csv, enrolment, mark, &date.1, &school.attendance_lead.0);
        }
        to.write_all(csv.as_bytes())?;
        csv.clear();
    }
    to.write_all(csv.as_bytes())
}

/// One session: a row, and a second one with the reason and the person where the entry was changed.
fn session(csv: &mut String, e: &Enrolment, mark: &Mark, date: &str, lead: &str) {
    let minutes = mark.minutes_late.map(|m| m.to_string()).unwrap_or_default();
    let (id, upn, half) = (e.school_pupil_id.as_str(), e.child.upn.as_str(), mark.session.as_str());
    let first = time(mark.recorded_at);
    match &mark.amendment {
        None => row(csv, &[id, upn, date, half, mark.code, &minutes, &first, "", "", ""]),
        Some(change) => {
            row(csv, &[id, upn, date, half, change.from, "", &first, "", "", ""]);
            let at = time(change.at);
            row(csv, &[id, upn, date, half, mark.code, &minutes, &at, change.from, change.reason, lead]);
        }
    }
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Writes a line, in quotes where RFC 4180 asks for them.
fn row(csv: &mut String, cells: &[&str]) {
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            csv.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&cell.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(cell);
        }
    }
    csv.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::authority::Options;
    use chrono::NaiveDate;
    use std::collections::{HashMap, HashSet};

    fn authority(seed: u64) -> Authority {
        Authority::generate(Options::new(seed, NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()))
    }

    fn written(authority: &Authority, dir: &Path) -> Vec<SchoolFiles> {
        authority.schools.iter().map(|school| write_exports(authority, school, dir).unwrap()).collect()
    }

    fn rows(path: &Path) -> Vec<HashMap<String, String>> {
        csv::Reader::from_path(path).unwrap().deserialize().map(|row| row.unwrap()).collect()
    }

    #[test]
    fn exports_parse_and_agree_with_each_other() {
        let dir = tempfile::tempdir().unwrap();
        for files in written(&authority(1), dir.path()) {
            let pupils = rows(&dir.path().join(&files.pupils));
            let known: HashSet<_> =
                pupils.iter().map(|p| (p["school_pupil_id"].clone(), p["upn"].clone())).collect();
            assert_eq!(known.len(), pupils.len());
            let mut slots = HashMap::new();
            for year in [2025, 2026] {
                let path = format!("exports/{}-calendar-{year}.csv", files.urn);
                for day in rows(&dir.path().join(path)) {
                    slots.insert(day["date"].clone(), day["am"].clone());
                }
            }
            let marks = rows(&dir.path().join(&files.attendance));
            let mut before: HashMap<(String, String, String), HashMap<String, String>> = HashMap::new();
            let mut amendments = 0;
            for mark in marks {
                assert!(known.contains(&(mark["school_pupil_id"].clone(), mark["upn"].clone())));
                assert!(slots[&mark["date"]] == "open" || mark["code"] == "#");
                let key = (mark["school_pupil_id"].clone(), mark["date"].clone(), mark["session"].clone());
                if let Some(original) = before.get(&key) {
                    amendments += 1;
                    assert_eq!(mark["amended_from"], original["code"]);
                    assert!(mark["recorded_at"] > original["recorded_at"]);
                    assert!(!mark["reason"].is_empty() && !mark["amended_by"].is_empty());
                }
                before.insert(key, mark);
            }
            assert!(amendments > 100, "{amendments}");
        }
    }

    #[test]
    fn the_same_seed_writes_the_same_bytes() {
        let bytes = |seed| {
            let dir = tempfile::tempdir().unwrap();
            let files = written(&authority(seed), dir.path());
            let read = |path: &String| std::fs::read(dir.path().join(path)).unwrap();
            files
                .iter()
                .flat_map(|f| [read(&f.calendar), read(&f.pupils), read(&f.attendance)])
                .collect::<Vec<_>>()
        };
        let first = bytes(1);
        assert!(first == bytes(1));
        assert!(first != bytes(2));
    }

    #[test]
    fn cells_with_commas_and_quotes_come_back_as_they_were() {
        let mut csv = String::from("a,b,c\n");
        row(&mut csv, &["O'Neill", "1 Mill \"Hill\", Exampleton", "李\n"]);
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let record = reader.records().next().unwrap().unwrap();
        assert_eq!(record.iter().collect::<Vec<_>>(), ["O'Neill", "1 Mill \"Hill\", Exampleton", "李\n"]);
    }
}
