//! Working out an upload of marks: each against its roll, its calendar and the code set of its date, then merged.
//!
//! For one session the mark with the later `recorded_at` stands and the other stays as its history; a mark absent from
//! a later file is left as it is.

use super::ImportReport;
use super::local_codes::{Codes, read_codes};
use super::parse::{File, FileError, Format, Limits, MarkRow, SessionHalf, Source, read_marks};
use super::staging::{MarksOfYear, Plan, apart};
use crate::domain::attendance::{
    Code, Entered, Mark, Merge, MinutesLate, PackedYear, may_stand, merge, merge_received,
};
use crate::domain::calendar::{Half, SchoolCalendar, SchoolYear, Session};
use crate::domain::identifiers::{EnrolmentId, Upn};
use crate::gate::{Gate, OfSchool, Permit, Refusal};
use crate::registers::{self, Enrolment, Recording, RecordingKey, RollEvent};
use crate::store::StoreError;
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// What standing marks are held against, read once for the whole file.
struct Standing {
    roll: Vec<Enrolment>,
    by_number: HashMap<String, Vec<usize>>,
    by_upn: HashMap<String, Vec<usize>>,
    calendars: HashMap<SchoolYear, SchoolCalendar>,
    years: BTreeMap<(EnrolmentId, SchoolYear), MarksOfYear>,
    recordings: BTreeMap<RecordingKey, Recording>,
    codes: Codes,
    /// Recordings that this file brings, or of which it tells more than was known.
    brought: BTreeMap<RecordingKey, Recording>,
    today: NaiveDate,
}

/// A mark kept beyond the reading of its row.
#[derive(Clone)]
pub(super) struct KeptMark {
    school_pupil_id: Option<String>,
    upn: Option<Upn>,
    date: NaiveDate,
    half: SessionHalf,
    code: String,
    minutes_late: Option<u16>,
    recorded_at: Option<DateTime<Utc>>,
    amended_from: Option<String>,
    reason: Option<String>,
    amended_by: Option<String>,
}

impl From<&MarkRow<'_>> for KeptMark {
    fn from(row: &MarkRow<'_>) -> Self {
        Self {
            school_pupil_id: row.school_pupil_id.map(str::to_owned),
            upn: row.upn.clone(),
            date: row.date,
            half: row.half,
            code: row.code.to_owned(),
            minutes_late: row.minutes_late,
            recorded_at: row.recorded_at,
            amended_from: row.amended_from.map(str::to_owned),
            reason: row.reason.map(str::to_owned),
            amended_by: row.amended_by.map(str::to_owned),
        }
    }
}

/// Reads a file of marks into a list.
pub(super) fn kept(
    source: &mut dyn Source,
    format: Format,
    limits: &Limits,
) -> Result<File<KeptMark>, FileError> {
    let mut rows = Vec::new();
    let tally = read_marks(source, format, limits, &mut |line, row| {
        rows.push((line, KeptMark::from(row)));
        Ok(())
    })?;
    Ok(File { rows, tally })
}

/// Works out what a file of marks changes; `at` is the time of receipt, for marks without a time of their own.
pub(super) async fn plan(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: File<KeptMark>,
    at: DateTime<Utc>,
) -> Result<(Plan, ImportReport), Refusal> {
    let standing = read_standing(gate, permit, &file).await?;
    apart(move || merge_all(standing, &file, at)).await
}

fn merge_all(mut standing: Standing, file: &File<KeptMark>, at: DateTime<Utc>) -> (Plan, ImportReport) {
    let mut report = ImportReport::begin("attendance", &file.tally);
    let mut plan = Plan::default();
    let mut told = HashMap::new();
    for (line, row) in &file.rows {
        match place(&standing, row, at).and_then(|placed| once(&mut told, row, placed)) {
            Ok(placed) => take(&mut standing, &mut report, (row, &placed), at),
            Err((column, value, message)) => {
                let column = match (column, file.tally.layout, row.half) {
                    ("code", "day", SessionHalf::Am) => "am",
                    ("code", "day", SessionHalf::Pm) => "pm",
                    _ => column,
                };
                report.reject(*line, column, &value, &message);
            }
        }
    }
    let changed: Vec<MarksOfYear> = standing.years.into_values().filter(|year| year.changed).collect();
    let told: BTreeSet<EnrolmentId> = changed.iter().map(|year| year.enrolment).collect();
    plan.events = told.into_iter().map(|enrolment| (enrolment, RollEvent::MarkChanged)).collect();
    plan.marks = changed;
    plan.recordings = standing.brought.into_values().collect();
    (plan, report)
}

async fn read_standing(
    gate: &Gate,
    permit: &Permit<OfSchool>,
    file: &File<KeptMark>,
) -> Result<Standing, StoreError> {
    let db = gate.db();
    let roll = registers::school_roll(db, permit).await?;
    let (mut by_number, mut by_upn) =
        (HashMap::<String, Vec<usize>>::new(), HashMap::<String, Vec<usize>>::new());
    for (place, enrolment) in roll.iter().enumerate() {
        if let Some(number) = &enrolment.school_pupil_id {
            by_number.entry(number.clone()).or_default().push(place);
        }
        if let Some(upn) = &enrolment.upn {
            by_upn.entry(upn.clone()).or_default().push(place);
        }
    }
    let stored = registers::school_calendars(db, permit).await?;
    let wanted: HashSet<SchoolYear> = file.rows.iter().map(|(_, row)| SchoolYear::of(row.date)).collect();
    let (mut calendars, mut years) = (HashMap::new(), BTreeMap::new());
    for year in wanted {
        let states = stored.iter().filter(|row| row.school_year == i64::from(year.0));
        if let Some(row) = registers::as_of(states, None) {
            calendars.insert(year, row.calendar()?);
        }
        for row in registers::school_marks(db, permit, year).await? {
            let (marks, entered, minutes) = (row.marks()?, row.entered()?, row.minutes()?);
            let enrolment = row.enrolment();
            let year_of = MarksOfYear { enrolment, year, marks, entered, minutes, changed: false };
            years.insert((enrolment, year), year_of);
        }
    }
    let recordings = registers::recordings_of(db, permit).await?;
    let (codes, today) = (read_codes(gate, permit).await?, gate.clock().today());
    Ok(Standing {
        codes,
        roll,
        by_number,
        by_upn,
        calendars,
        years,
        recordings,
        brought: BTreeMap::new(),
        today,
    })
}

/// A row with its place: the enrolment, the session and the code.
struct Placed {
    enrolment: EnrolmentId,
    year: SchoolYear,
    index: usize,
    code: Code,
}

/// The column at fault, its cell, and what is wrong and to do.
type Fault = (&'static str, String, String);

fn place(standing: &Standing, row: &KeptMark, at: DateTime<Utc>) -> Result<Placed, Fault> {
    let enrolment = on_roll(standing, row)?;
    let date_fault = |message: String| ("date", row.date.to_string(), message);
    if row.date > standing.today {
        return Err(date_fault("is after today; send a mark once its session has been held".to_owned()));
    }
    if let Some(recorded) = row.recorded_at.filter(|recorded| *recorded > at + TimeDelta::minutes(5)) {
        let message = "is in the future; correct the time, or leave it out and the time of receipt is taken";
        return Err(("recorded_at", recorded.to_rfc3339(), message.to_owned()));
    }
    if enrolment.boarder {
        let message =
            "is a boarder, of whom no attendance is taken; correct the admission register if that is wrong";
        return Err(("school_pupil_id", number(row), message.to_owned()));
    }
    let year = SchoolYear::of(row.date);
    let calendar = standing.calendars.get(&year).ok_or_else(|| {
        date_fault(format!(
            "is in a school year without a calendar; send it first with PUT /v1/schools/{{urn}}/calendar/{}",
            year.0
        ))
    })?;
    let session = Session::new(row.date, half(row.half));
    let code = standing.codes.read(&row.code, row.date).map_err(|e| ("code", row.code.clone(), e))?;
    may_stand(code, calendar.slot(session)).map_err(|e| date_fault(e.to_string()))?;
    let index = year
        .session_index(session)
        .ok_or_else(|| date_fault("is outside its school year; correct the date".to_owned()))?;
    Ok(Placed { enrolment: enrolment.enrolment(), year, index, code })
}

/// Refuses a second mark of one file for one session that says something else, where neither says when it was recorded:
/// nothing tells which of the two is meant.
fn once(
    told: &mut HashMap<(EnrolmentId, SchoolYear, usize), (Code, Option<u16>)>,
    row: &KeptMark,
    placed: Placed,
) -> Result<Placed, Fault> {
    if row.recorded_at.is_some() {
        return Ok(placed);
    }
    let says = (placed.code, row.minutes_late);
    let first = *told.entry((placed.enrolment, placed.year, placed.index)).or_insert(says);
    if first == says {
        return Ok(placed);
    }
    let message = "is in the file twice for this session and says two things, of which the first was taken; keep the one \
                   that is right, or send when each was recorded";
    Err(("code", row.code.clone(), message.to_owned()))
}

fn half(word: SessionHalf) -> Half {
    match word {
        SessionHalf::Am => Half::Am,
        SessionHalf::Pm => Half::Pm,
    }
}

fn number(row: &KeptMark) -> String {
    row.school_pupil_id.clone().or_else(|| row.upn.as_ref().map(ToString::to_string)).unwrap_or_default()
}

/// The enrolment that a row is of: the school's own number, else the UPN, and on roll on that date.
fn on_roll<'a>(standing: &'a Standing, row: &KeptMark) -> Result<&'a Enrolment, Fault> {
    let upn = row.upn.as_ref().map(ToString::to_string);
    let (column, places) = match (&row.school_pupil_id, &upn) {
        (Some(number), _) => ("school_pupil_id", standing.by_number.get(number)),
        (None, Some(upn)) => ("upn", standing.by_upn.get(upn)),
        (None, None) => ("school_pupil_id", None),
    };
    let mut known = places.into_iter().flatten().filter_map(|place| standing.roll.get(*place)).peekable();
    if known.peek().is_none() {
        let message = "is not on this school's roll; send the pupil in the admission register first";
        return Err((column, number(row), message.to_owned()));
    }
    let there = |e: &&Enrolment| e.starting_day <= row.date && e.last_day.is_none_or(|last| row.date <= last);
    let enrolment = known.find(there).ok_or_else(|| {
        let message =
            "is not a date on which this pupil was on roll; correct the date, or the starting or last day";
        ("date", row.date.to_string(), message.to_owned())
    })?;
    if row.school_pupil_id.is_some() && upn.is_some() && enrolment.upn.is_some() && enrolment.upn != upn {
        let message =
            "is not the UPN of the pupil with this number; correct one of them, or leave the UPN out";
        return Err(("upn", upn.unwrap_or_default(), message.to_owned()));
    }
    Ok(enrolment)
}

/// Merges one placed mark into its packed year, and writes down what became history.
fn take(
    standing: &mut Standing,
    report: &mut ImportReport,
    (row, placed): (&KeptMark, &Placed),
    at: DateTime<Utc>,
) {
    let key = (placed.enrolment, placed.year);
    let year = standing.years.entry(key).or_insert_with(|| MarksOfYear {
        enrolment: placed.enrolment,
        year: placed.year,
        marks: PackedYear::EMPTY,
        entered: Entered::default(),
        minutes: MinutesLate::default(),
        changed: false,
    });
    let current = year.marks.get(placed.index).map(|code| Mark {
        code,
        entered: year.entered.get(placed.index).unwrap_or(1),
        minutes_late: year.minutes.get(placed.index),
    });
    let incoming = Mark::new(placed.year, placed.code, row.recorded_at.unwrap_or(at), row.minutes_late);
    let outcome = match row.recorded_at {
        Some(_) => merge(current, incoming),
        None => merge_received(current, incoming),
    };
    if outcome.incoming_stands() {
        year.marks.set(placed.index, incoming.code);
        year.entered.set(placed.index, incoming.entered);
        year.minutes.set(placed.index, incoming.minutes_late);
        year.changed = true;
    }
    count(report, outcome, row);
    let told = row.reason.is_some() || row.amended_by.is_some() || row.amended_from.is_some();
    // The same mark told again may bring its reason only now.
    if outcome.has_history() || (told && outcome != Merge::Unchanged) {
        standing.record(recording((row, placed), incoming, true));
    }
    if let Some(current) = current.filter(|c| outcome.has_history() && c.code != incoming.code) {
        standing.record(recording((row, placed), current, false));
    }
}

impl Standing {
    /// Keeps a recording, unless all that it tells is known.
    fn record(&mut self, told: Recording) {
        let known = self.brought.get(&told.key).or_else(|| self.recordings.get(&told.key));
        let mut whole = told.clone();
        if let Some(known) = known {
            whole.complete_from(known.clone());
            if whole == *known {
                return;
            }
        }
        self.brought.insert(told.key, whole);
    }
}

fn count(report: &mut ImportReport, outcome: Merge, row: &KeptMark) {
    match outcome {
        Merge::Unchanged => report.unchanged += 1,
        Merge::OlderKept => report.kept_as_history += 1,
        Merge::Set | Merge::Confirmed | Merge::Amended => report.accepted += 1,
    }
    if outcome == Merge::Amended || (outcome == Merge::Set && row.amended_from.is_some()) {
        report.amended += 1;
        if row.reason.is_none() || row.amended_by.is_none() {
            report.amended_without_reason_or_name += 1;
        }
    }
}

/// A mark as a recording; only the row's own carries what the row tells of it.
fn recording((row, placed): (&KeptMark, &Placed), mark: Mark, own: bool) -> Recording {
    let told = |text: &Option<String>| text.clone().filter(|_| own);
    Recording {
        key: RecordingKey {
            enrolment: placed.enrolment,
            date: row.date,
            half: half(row.half),
            recorded_at: mark.recorded_at(placed.year),
            code: mark.code.as_str().to_owned(),
        },
        amended_from: told(&row.amended_from),
        reason: told(&row.reason),
        amended_by: told(&row.amended_by),
    }
}
