//! Working out a calendar upload: the whole year at once, or nothing of it.

use super::parse::{CalendarRow, File};
use super::staging::Plan;
use super::{Confirmed, ImportReport};
use crate::domain::calendar::{self, SchoolCalendar, SchoolYear};
use crate::gate::{Gate, OfSchool, Permit};
use crate::registers;
use crate::store::StoreError;
use chrono::NaiveDate;
use std::collections::HashSet;

/// Works out what a calendar file changes. A calendar with a fault is rejected whole: a day missing from it would make
/// marks vanish from every figure.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: &File<CalendarRow>,
    (year, confirmed): (Option<SchoolYear>, Confirmed),
) -> Result<(Plan, ImportReport), StoreError> {
    let mut report = ImportReport::begin("calendar", &file.tally);
    let mut plan = Plan::default();
    let Some(year) = year.or_else(|| file.rows.first().map(|(_, row)| SchoolYear::of(row.date))) else {
        return Ok((plan, report));
    };
    if report.rejected > 0 {
        return Ok((plan, report));
    }
    let rows = file.rows.iter().map(|(_, row)| calendar::CalendarRow {
        date: row.date,
        am: row.am.as_str(),
        pm: row.pm.as_str(),
        term: row.term.as_deref().unwrap_or(""),
        note: row.note.as_deref().unwrap_or(""),
    });
    match SchoolCalendar::from_rows(year, rows) {
        Err(error) => report.reject(1, "date", "", &error.to_string()),
        Ok(calendar) => {
            let known = registers::school_calendars(gate.db(), permit).await?;
            let same_year = known.iter().filter(|row| row.school_year == i64::from(year.0));
            let standing =
                registers::as_of(same_year, None).map(registers::CalendarRow::calendar).transpose()?;
            if standing.as_ref() == Some(&calendar) {
                report.unchanged = file.rows.len();
            } else {
                report.accepted = file.rows.len();
                if let Some(standing) = &standing {
                    report.marks_without_session = shut_out(gate, permit, standing, &calendar).await?;
                }
                ask(&mut report, &calendar, confirmed);
                plan.calendar = Some(calendar);
            }
        }
    }
    Ok((plan, report))
}

/// How many marks stand on sessions that the calendar shuts and that were open.
async fn shut_out(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    standing: &SchoolCalendar,
    calendar: &SchoolCalendar,
) -> Result<usize, StoreError> {
    let year = calendar.year();
    let shut: HashSet<usize> = standing
        .sessions()
        .filter(|session| !calendar.is_open(*session))
        .filter_map(|session| year.session_index(session))
        .collect();
    if shut.is_empty() {
        return Ok(0);
    }
    let mut marks = 0;
    for row in registers::school_marks(gate.db(), permit, year).await? {
        marks += row.marks()?.iter().filter(|(at, _)| shut.contains(at)).count();
    }
    Ok(marks)
}

/// A file that was cut off, or of one term only, looks like a whole year: it would empty figures in silence.
fn ask(report: &mut ImportReport, calendar: &SchoolCalendar, confirmed: Confirmed) {
    let marks = report.marks_without_session;
    if marks > 0 && confirmed.marks_without_session != Some(marks) {
        report.to_confirm.push(format!(
            "the calendar shuts sessions on which {marks} marks stand, which would leave every figure; check that the \
             file is whole, and if the school did not meet then, send it with confirm_marks_without_session={marks}"
        ));
    }
    let last = calendar.last_session().map(|session| session.date);
    let june = NaiveDate::from_ymd_opt(calendar.year().0 + 1, 6, 1);
    if let (Some(last), Some(june)) = (last, june)
        && last < june
        && !confirmed.short_year
    {
        report.to_confirm.push(format!(
            "the last session of the year is on {last}, before June; check that the file has the whole year, and if the \
             school closes then, send it with confirm_short_year=true"
        ));
    }
}
