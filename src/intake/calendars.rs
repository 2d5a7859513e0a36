//! Working out a calendar upload: the whole year at once, or nothing of it.

use super::ImportReport;
use super::parse::{CalendarRow, File};
use super::staging::Plan;
use crate::domain::calendar::{self, SchoolCalendar, SchoolYear};
use crate::gate::{Gate, OfSchool, Permit};
use crate::registers;
use crate::store::StoreError;

/// Works out what a calendar file changes. A calendar with a fault is rejected whole: a day missing from it would make
/// marks vanish from every figure.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: &File<CalendarRow>,
    year: Option<SchoolYear>,
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
                plan.calendar = Some(calendar);
            }
        }
    }
    Ok((plan, report))
}
