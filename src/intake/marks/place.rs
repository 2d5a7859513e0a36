//! Where a row of marks belongs: whose it is, which session, and which code, by the school's roll and calendars.
//!
//! Read once for a school and held against every row of the file, so nothing here may take memory or time by the row.

use super::super::local_codes::{Codes, read_codes};
use super::super::parse::{CellFault, MarkRow, SessionHalf};
use crate::domain::attendance::{Code, may_stand};
use crate::domain::calendar::{Half, SchoolCalendar, SchoolYear, Session};
use crate::domain::identifiers::{EnrolmentId, PupilId, Upn};
use crate::gate::{Gate, OfSchool, Permit};
use crate::registers::{self, Enrolment};
use crate::store::StoreError;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::HashMap;

/// A school's roll and calendars, as rows are held against them.
pub(in crate::intake) struct Placing {
    roll: Vec<OnRoll>,
    by_number: HashMap<String, Vec<usize>>,
    by_upn: HashMap<String, Vec<usize>>,
    calendars: Vec<(SchoolYear, SchoolCalendar)>,
    codes: Codes,
    last: Last,
    /// What was read: another roll or calendar has another number.
    version: i64,
    today: NaiveDate,
    at: DateTime<Utc>,
}

/// The pupil of the row before, since rows of one pupil mostly stand together: column, cell, and places on the roll.
#[derive(Default)]
struct Last {
    column: &'static str,
    cell: String,
    places: Vec<usize>,
}

struct OnRoll {
    enrolment: EnrolmentId,
    pupil: PupilId,
    upn: Option<String>,
    starting_day: NaiveDate,
    last_day: Option<NaiveDate>,
    boarder: bool,
}

/// A row with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Placed {
    /// The enrolment's place on the roll as read.
    pub(super) pupil: usize,
    pub(super) year: SchoolYear,
    /// The session's place in the packed year.
    pub(super) session: u16,
    pub(super) code: Code,
}

impl Placing {
    /// Reads roll and calendars as they count now. `at` is the time of receipt.
    pub(in crate::intake) async fn read(
        gate: &Gate,
        permit: &Permit<OfSchool>,
        at: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        // The version first: a roll switched to in between makes it look older, and it is then read again.
        let version = registers::roll_version(gate.db(), permit).await?;
        let enrolments = registers::school_roll(gate.db(), permit).await?;
        let stored = registers::school_calendars(gate.db(), permit).await?;
        let mut years: Vec<i64> = stored.iter().map(|row| row.school_year).collect();
        years.sort_unstable();
        years.dedup();
        let newest = years
            .into_iter()
            .filter_map(|year| registers::as_of(stored.iter().filter(|row| row.school_year == year), None));
        let calendars =
            newest.map(|row| Ok((row.year()?, row.calendar()?))).collect::<Result<_, StoreError>>()?;
        let codes = read_codes(gate, permit).await?;
        Ok(Self::of(&enrolments, (calendars, codes), (version, gate.clock().today(), at)))
    }

    pub(super) fn of(
        enrolments: &[Enrolment],
        (calendars, codes): (Vec<(SchoolYear, SchoolCalendar)>, Codes),
        (version, today, at): (i64, NaiveDate, DateTime<Utc>),
    ) -> Self {
        let mut by_number: HashMap<String, Vec<usize>> = HashMap::new();
        let mut by_upn: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, enrolment) in enrolments.iter().enumerate() {
            if let Some(number) = &enrolment.school_pupil_id {
                by_number.entry(number.clone()).or_default().push(place);
            }
            if let Some(upn) = &enrolment.upn {
                by_upn.entry(upn.clone()).or_default().push(place);
            }
        }
        let roll = enrolments
            .iter()
            .map(|e| OnRoll {
                enrolment: e.enrolment(),
                pupil: e.pupil(),
                upn: e.upn.clone(),
                starting_day: e.starting_day,
                last_day: e.last_day,
                boarder: e.boarder,
            })
            .collect();
        Self { roll, by_number, by_upn, calendars, codes, last: Last::default(), version, today, at }
    }

    /// What was read; another roll or calendar has another number.
    pub(super) fn version(&self) -> i64 {
        self.version
    }

    /// The time of receipt, for marks without a time of their own.
    pub(super) fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// How many enrolments the roll has.
    pub(super) fn pupils(&self) -> usize {
        self.roll.len()
    }

    /// The enrolment at a place on the roll as read.
    pub(super) fn enrolment(&self, pupil: usize) -> Option<EnrolmentId> {
        self.roll.get(pupil).map(|e| e.enrolment)
    }

    /// Finds a row's place, or says which cell keeps it from having one.
    pub(super) fn place(&mut self, row: &MarkRow<'_>) -> Result<Placed, CellFault> {
        let pupil = self.on_roll(row)?;
        if row.date > self.today {
            return Err(CellFault::new("date", "is after today; send a mark once its session has been held"));
        }
        let soon = self.at + TimeDelta::minutes(5);
        if row.recorded_at.is_some_and(|recorded| recorded > soon) {
            let message =
                "is in the future; correct the time, or leave it out and the time of receipt is taken";
            return Err(CellFault::new("recorded_at", message));
        }
        if self.roll.get(pupil).is_some_and(|e| e.boarder) {
            let message = "is a boarder, of whom no attendance is taken; correct the admission register if that is wrong";
            return Err(CellFault::new(number_column(row), message));
        }
        let year = SchoolYear::of(row.date);
        let calendar = self.calendars.iter().find(|(of, _)| *of == year).map(|(_, calendar)| calendar);
        let calendar = calendar.ok_or_else(|| no_calendar(year))?;
        let session = Session::new(row.date, half(row.half));
        let code = self.codes.read(row.code, row.date).map_err(|error| CellFault::new("code", error))?;
        may_stand(code, calendar.slot(session)).map_err(|error| CellFault::new("date", error.to_string()))?;
        let place = year.session_index(session).and_then(|place| u16::try_from(place).ok());
        let session =
            place.ok_or_else(|| CellFault::new("date", "is outside its school year; correct the date"))?;
        Ok(Placed { pupil, year, session, code })
    }

    /// The enrolment that a row is of: the school's own number, else the UPN, and on roll on that date.
    fn on_roll(&mut self, row: &MarkRow<'_>) -> Result<usize, CellFault> {
        let column = number_column(row);
        let key = row.school_pupil_id.or_else(|| row.upn.as_ref().map(Upn::as_str)).unwrap_or_default();
        if self.last.cell != key || self.last.column != column {
            let known = if column == "upn" { self.by_upn.get(key) } else { self.by_number.get(key) };
            let known = known.ok_or_else(|| {
                let message = "is not on this school's roll; send the pupil in the admission register first";
                CellFault::new(column, message)
            })?;
            self.last.column = column;
            key.clone_into(&mut self.last.cell);
            self.last.places.clone_from(known);
        }
        let there = |e: &OnRoll| e.starting_day <= row.date && e.last_day.is_none_or(|last| row.date <= last);
        let here = || self.last.places.iter().filter_map(|place| Some((*place, self.roll.get(*place)?)));
        let mut fitting = here().filter(|(_, e)| there(e));
        let first = fitting.next();
        if let Some((_, one)) = first
            && fitting.any(|(_, other)| other.pupil != one.pupil)
        {
            let message = "is of two pupils on this school's roll; send each one's own number, and correct the admission register";
            return Err(CellFault::new(column, message));
        }
        let pupil = first.map(|(place, _)| place);
        let pupil = pupil.ok_or_else(|| {
            let message =
                "is not a date on which this pupil was on roll; correct the date, or the starting or last day";
            CellFault::new("date", message)
        })?;
        let held = self.roll.get(pupil).and_then(|e| e.upn.as_deref());
        if let (Some(_), Some(given), Some(held)) = (row.school_pupil_id, &row.upn, held)
            && given.as_str() != held
        {
            let message =
                "is not the UPN of the pupil with this number; correct one of them, or leave the UPN out";
            return Err(CellFault::new("upn", message));
        }
        Ok(pupil)
    }
}

/// The column by which a row names its pupil.
fn number_column(row: &MarkRow<'_>) -> &'static str {
    if row.school_pupil_id.is_none() && row.upn.is_some() { "upn" } else { "school_pupil_id" }
}

fn no_calendar(year: SchoolYear) -> CellFault {
    let message = format!(
        "is in a school year without a calendar; send it first with PUT /v1/schools/{{urn}}/calendar/{}",
        year.0
    );
    CellFault::new("date", message)
}

fn half(word: SessionHalf) -> Half {
    match word {
        SessionHalf::Am => Half::Am,
        SessionHalf::Pm => Half::Pm,
    }
}
