//! Holding gathered marks against what stands: each session for itself, whatever the order in which rows came.

use super::super::ImportReport;
use super::gathered::{Brought, Gathered};
use super::{MarksOfYear, Standing};
use crate::domain::attendance::{
    Entered, Mark, Merge, MinutesLate, PackedYear, merge as decide, merge_received,
};
use crate::domain::calendar::{SchoolYear, Session};
use crate::domain::identifiers::EnrolmentId;
use crate::registers::{Recording, RecordingKey};
use crate::store::StoreError;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// What merging found.
pub(super) struct Merged {
    /// The packed years that are other than what stood.
    pub(super) changed: Vec<MarksOfYear>,
    /// Recordings of sessions that have more than one, as far as the file tells of them.
    pub(super) recordings: BTreeMap<RecordingKey, Recording>,
    /// Of those, the ones of rows that are counted as unchanged: they bring something new if they are kept.
    pub(super) told_again: BTreeSet<RecordingKey>,
    pub(super) report: ImportReport,
}

/// Merges every gathered mark into what stands.
pub(super) fn merge(
    gathered: &Gathered,
    mut standing: Standing,
    report: ImportReport,
) -> Result<Merged, StoreError> {
    let mut merged =
        Merged { changed: Vec::new(), recordings: BTreeMap::new(), told_again: BTreeSet::new(), report };
    merged.report.unchanged += gathered.repeated;
    for (pupil, years) in gathered.pupils.iter().enumerate() {
        let Some(enrolment) = gathered.placing.enrolment(pupil) else { continue };
        for brought in years {
            let row = standing.remove(&(enrolment, brought.year));
            let replaces = row.is_some();
            let (marks, entered, minutes) = match row {
                Some(row) => (row.marks()?, row.entered()?, row.minutes()?),
                None => (PackedYear::EMPTY, Entered::default(), MinutesLate::default()),
            };
            let year = brought.year;
            let of_year = MarksOfYear { enrolment, year, marks, entered, minutes, replaces };
            let mut merging = Merging { merged: &mut merged, of_year, changed: false };
            brought.each(|at, rows| merging.session(at, rows, gathered.placing.at()));
            let Merging { of_year, changed, .. } = merging;
            if changed {
                merged.changed.push(of_year);
            }
        }
    }
    Ok(merged)
}

/// One enrolment's year on its way.
struct Merging<'m> {
    merged: &'m mut Merged,
    of_year: MarksOfYear,
    changed: bool,
}

/// A session of an enrolment.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    enrolment: EnrolmentId,
    year: SchoolYear,
}

impl Merging<'_> {
    /// Merges the rows of one session, those with a time of their own first.
    fn session(&mut self, at: usize, rows: &[Brought], received: DateTime<Utc>) {
        let (timed, untimed): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.entered.is_some());
        timed.into_iter().chain(untimed).for_each(|row| self.row(at, row, received));
    }

    fn current(&self, at: usize) -> Option<Mark> {
        let of = &self.of_year;
        of.marks.get(at).map(|code| Mark {
            code,
            entered: of.entered.get(at).unwrap_or(1),
            minutes_late: of.minutes.get(at),
        })
    }

    /// Merges one row, and writes down what became history.
    fn row(&mut self, at: usize, row: &Brought, received: DateTime<Utc>) {
        let year = self.of_year.year;
        let current = self.current(at);
        let (incoming, outcome) = if let Some(entered) = row.entered {
            let mark = Mark { code: row.code, entered, minutes_late: row.minutes_late };
            (mark, decide(current, mark))
        } else {
            let mark = Mark::new(year, row.code, received, row.minutes_late);
            (mark, merge_received(current, mark))
        };
        if outcome.incoming_stands() {
            self.of_year.marks.set(at, incoming.code);
            self.of_year.entered.set(at, incoming.entered);
            if incoming.minutes_late.is_some() || current.is_some_and(|mark| mark.minutes_late.is_some()) {
                self.of_year.minutes.set(at, incoming.minutes_late);
            }
            self.changed = true;
        }
        count(&mut self.merged.report, outcome, row);
        let place = Place { at, enrolment: self.of_year.enrolment, year };
        let told = row.told.is_some();
        if let (Merge::Unchanged, true, Some(current)) = (outcome, told, current) {
            // The same mark told again may bring its reason only now.
            let key = self.record(place, current, Some(row));
            self.merged.told_again.extend(key);
        } else if outcome.has_history() || told {
            self.record(place, incoming, Some(row));
        }
        // Both sides of a step, whichever came first: what is kept must not depend on the order of arrival.
        if let Some(current) = current.filter(|_| outcome.has_history()) {
            self.record(place, current, None);
        }
    }

    /// Keeps a recording; only the row's own mark carries what the row tells of it.
    fn record(&mut self, place: Place, mark: Mark, row: Option<&Brought>) -> Option<RecordingKey> {
        let Session { date, half } = place.year.session(place.at)?;
        let key = RecordingKey {
            enrolment: place.enrolment,
            date,
            half,
            recorded_at: mark.recorded_at(place.year),
            code: mark.code.as_str().to_owned(),
        };
        let told = row.and_then(|row| row.told.as_deref()).cloned().unwrap_or_default();
        let text = |text: Option<std::sync::Arc<str>>| text.map(|text| text.as_ref().to_owned());
        let mut recording = Recording {
            key: key.clone(),
            minutes_late: mark.minutes_late,
            amended_from: text(told.amended_from),
            reason: text(told.reason),
            amended_by: text(told.amended_by),
        };
        if let Some(known) = self.merged.recordings.remove(&key) {
            recording.complete_from(known);
        }
        self.merged.recordings.insert(key.clone(), recording);
        Some(key)
    }
}

fn count(report: &mut ImportReport, outcome: Merge, row: &Brought) {
    match outcome {
        Merge::Unchanged => report.unchanged += 1,
        Merge::OlderKept => report.kept_as_history += 1,
        Merge::Set | Merge::Confirmed | Merge::Amended => report.accepted += 1,
    }
    let told = row.told.as_deref();
    let tells_original = told.is_some_and(|told| told.amended_from.is_some());
    if outcome == Merge::Amended || (outcome == Merge::Set && tells_original) {
        report.amended += 1;
        if told.is_none_or(|told| told.reason.is_none() || told.amended_by.is_none()) {
            report.amended_without_reason_or_name += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Placing;
    use super::*;
    use crate::domain::attendance::Code;
    use crate::domain::calendar::{CalendarRow, SchoolCalendar};
    use crate::intake::local_codes::Codes;
    use crate::intake::parse::{CellFault, MarkRow, SessionHalf};
    use crate::registers::Enrolment;
    use std::collections::HashMap;
    use std::sync::Arc;
    use uuid::Uuid;

    const RECEIVED: &str = "2026-11-20T18:00:00Z";

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn pupil(number: &str, id: u128, upn: Option<&str>) -> Enrolment {
        Enrolment {
            school_id: Uuid::from_u128(9),
            id: Uuid::from_u128(id),
            version: 1,
            committed_at: DateTime::UNIX_EPOCH,
            pupil_id: Uuid::from_u128(100 + id),
            school_pupil_id: Some(number.to_owned()),
            upn: upn.map(str::to_owned),
            upn_permanent: upn.is_some(),
            surname: "Hill".to_owned(),
            surname_key: "hill".to_owned(),
            forename: number.to_owned(),
            forename_key: number.to_owned(),
            date_of_birth: "2015-05-04".parse().unwrap(),
            sex: None,
            year_group: None,
            status: "single".to_owned(),
            starting_day: "2026-09-01".parse().unwrap(),
            last_day: (number == "left").then(|| "2026-11-01".parse().unwrap()),
            removal_ground: None,
            boarder: number == "boards",
            part_time: false,
            home_authority: None,
            other_school_urn: None,
            home_authority_assumed: false,
            whereabouts_protected: false,
        }
    }

    fn gathered() -> Gathered {
        let days = ["2026-11-02", "2026-11-19", "2026-11-20", "2026-11-23"];
        let rows = days.map(|day| CalendarRow {
            date: day.parse().unwrap(),
            am: "open",
            pm: "open",
            term: "Autumn",
            note: "",
        });
        let year = SchoolYear(2026);
        let calendar = SchoolCalendar::from_rows(year, rows).unwrap();
        let roll = [
            pupil("1", 1, Some("B801200005001")),
            pupil("left", 2, None),
            pupil("boards", 3, None),
            pupil("4", 4, Some("P207000016049")),
            pupil("5", 5, Some("P207000016049")),
        ];
        let moment = (7, "2026-11-20".parse().unwrap(), at(RECEIVED));
        Gathered::new(Placing::of(&roll, (vec![(year, calendar)], Codes::default()), moment), Arc::default())
    }

    /// Date, code, time and reason of a row; the session is the morning's.
    type Row<'a> = (&'a str, &'a str, Option<&'a str>, Option<&'a str>);

    fn mark((date, code, recorded_at, reason): Row<'_>) -> MarkRow<'_> {
        MarkRow {
            school: None,
            school_pupil_id: Some("1"),
            upn: None,
            date: date.parse().unwrap(),
            half: SessionHalf::Am,
            code,
            minutes_late: None,
            recorded_at: recorded_at.map(at),
            amended_from: None,
            reason,
            amended_by: None,
        }
    }

    fn merged(rows: &[Row<'_>], standing: &[MarksOfYear]) -> Merged {
        let mut gathered = gathered();
        for row in rows {
            gathered.take(&mark(*row)).unwrap();
        }
        let standing: HashMap<_, _> = standing
            .iter()
            .map(|y| {
                let packed = (&y.marks, &y.entered, &y.minutes);
                ((y.enrolment, y.year), crate::registers::MarksRow::first_of(y.enrolment, y.year, packed))
            })
            .collect();
        merge(&gathered, standing, ImportReport::default()).unwrap()
    }

    fn counts(report: &ImportReport) -> [usize; 4] {
        [report.accepted, report.unchanged, report.amended, report.kept_as_history]
    }

    const DAY: &str = "2026-11-19";
    const EARLY: Option<&str> = Some("2026-11-19T08:55:00Z");
    const LATER: Option<&str> = Some("2026-11-19T10:00:00Z");

    #[test]
    fn a_first_load_makes_no_recording_and_the_same_again_changes_nothing() {
        let rows = [(DAY, "/", EARLY, None), ("2026-11-20", "I", Some("2026-11-20T09:00:00Z"), None)];
        let first = merged(&rows, &[]);
        assert_eq!((counts(&first.report), first.recordings.len()), ([2, 0, 0, 0], 0));
        assert_eq!((first.changed.len(), first.changed[0].replaces), (1, false));
        let again = merged(&rows, &first.changed);
        assert_eq!(
            (counts(&again.report), again.changed.len(), again.recordings.len()),
            ([0, 2, 0, 0], 0, 0)
        );
    }

    #[test]
    fn what_is_gathered_of_a_long_file_is_no_more_than_its_different_rows() {
        let rows: [Row<'_>; 3] =
            [(DAY, "N", EARLY, None), (DAY, "I", LATER, Some("telephoned")), ("2026-11-20", "/", None, None)];
        for times in [1, 20_000] {
            let mut gathered = gathered();
            for row in rows.iter().cycle().take(times * rows.len()) {
                gathered.take(&mark(*row)).unwrap();
            }
            let (mut held, mut years) = (0, 0);
            for year in gathered.pupils.iter().flatten() {
                years += 1;
                year.each(|_, rows| held += rows.len());
            }
            assert_eq!((held, years, gathered.repeated), (3, 1, (times - 1) * rows.len()), "{times} times");
        }
    }

    #[test]
    fn the_order_of_rows_in_a_file_and_of_files_never_matters() {
        let rows: [Row<'_>; 4] = [
            (DAY, "N", EARLY, None),
            (DAY, "I", LATER, Some("telephoned")),
            (DAY, "O", LATER, None),
            (DAY, "N", EARLY, None),
        ];
        let mut outcomes = Vec::new();
        for turn in 0..4 {
            let mut turned = rows.to_vec();
            turned.rotate_left(turn);
            let whole = merged(&turned, &[]);
            let first = merged(&turned[..2], &[]);
            let second = merged(&turned[2..], &first.changed);
            let apart = second.changed.first().or(first.changed.first()).unwrap().clone();
            assert_eq!(whole.report.unchanged, 1, "a row that repeats another brings nothing");
            for year in [&whole.changed[0], &apart] {
                outcomes.push((year.marks.clone(), year.entered.clone()));
            }
            assert_eq!(whole.recordings.len(), 3, "each of the three is kept");
            let reasons: Vec<_> = whole.recordings.values().filter_map(|r| r.reason.as_deref()).collect();
            assert_eq!(reasons, ["telephoned"]);
        }
        assert!(outcomes.iter().all(|outcome| *outcome == outcomes[0]));
        // At the same second the greater code stands.
        let place = SchoolYear(2026).index(DAY.parse().unwrap()).unwrap() * 2;
        assert_eq!(outcomes[0].0.get(place).map(Code::as_str), Some("O"));
    }

    #[test]
    fn a_reason_that_comes_later_is_kept_with_the_mark_that_it_is_of() {
        let first = merged(&[(DAY, "N", EARLY, None), (DAY, "I", LATER, None)], &[]);
        for time in [LATER, None] {
            let again = merged(&[(DAY, "I", time, Some("telephoned"))], &first.changed);
            assert_eq!((counts(&again.report), again.changed.len()), ([0, 1, 0, 0], 0));
            let [(key, recording)] = Vec::from_iter(&again.recordings)[..] else { panic!("one recording") };
            let told = (key.recorded_at, key.code.as_str(), recording.reason.as_deref());
            assert_eq!(told, (at(LATER.unwrap()), "I", Some("telephoned")));
            assert!(again.told_again.contains(key));
        }
    }

    #[test]
    fn a_row_without_a_time_is_taken_once_and_contradicts_no_other() {
        let rows: [Row<'_>; 3] =
            [(DAY, "I", None, None), (DAY, "N", EARLY, None), (DAY, "I", None, Some("told"))];
        let first = merged(&rows, &[]);
        assert_eq!((counts(&first.report), first.recordings.len()), ([2, 1, 1, 0], 2));
        let again = merged(&rows, &first.changed);
        assert_eq!((counts(&again.report), again.changed.len()), ([0, 2, 0, 1], 0));
        let mut gathered = gathered();
        let second = mark((DAY, "O", None, None));
        assert_eq!(gathered.take(&mark((DAY, "I", None, None))), Ok(()));
        let fault = gathered.take(&second).unwrap_err();
        assert_eq!((fault.column, fault.message.contains("says two things")), ("code", true));
        let timed = mark((DAY, "O", LATER, None));
        assert_eq!((gathered.take(&timed), gathered.take(&second).is_err()), (Ok(()), true));
    }

    #[test]
    fn a_row_without_a_place_says_which_cell_keeps_it_from_one() {
        let mut gathered = gathered();
        let good = mark((DAY, "/", EARLY, None));
        let upn = |text: &str| text.parse().ok();
        let rows: [(MarkRow<'_>, &str, &str); 10] = [
            (
                MarkRow { school_pupil_id: Some("0"), ..good.clone() },
                "school_pupil_id",
                "is not on this school's roll",
            ),
            (
                MarkRow { school_pupil_id: None, upn: upn("M80120000500A"), ..good.clone() },
                "upn",
                "is not on this",
            ),
            (MarkRow { upn: upn("P207000016049"), ..good.clone() }, "upn", "is not the UPN of the pupil"),
            (
                MarkRow { school_pupil_id: None, upn: upn("P207000016049"), ..good.clone() },
                "upn",
                "is of two pupils on this school's roll",
            ),
            (
                MarkRow { school_pupil_id: Some("left"), ..good.clone() },
                "date",
                "is not a date on which this pupil",
            ),
            (MarkRow { school_pupil_id: Some("boards"), ..good.clone() }, "school_pupil_id", "is a boarder"),
            (mark(("2026-11-23", "/", None, None)), "date", "is after today"),
            (mark((DAY, "/", Some("2026-11-20T18:06:00Z"), None)), "recorded_at", "is in the future"),
            (mark((DAY, "H", EARLY, None)), "code", "withdrawn"),
            (mark(("2026-11-18", "/", EARLY, None)), "date", "has no session then"),
        ];
        for (row, column, says) in rows {
            let CellFault { column: found, message } = gathered.take(&row).unwrap_err();
            assert_eq!(found, column, "{says}");
            assert!(message.contains(says) && message.contains("; "), "{message}");
        }
        assert!(gathered.pupils.iter().all(Vec::is_empty), "nothing of them was taken");
        let by_upn = MarkRow { school_pupil_id: None, upn: upn("B801200005001"), ..good.clone() };
        assert_eq!((gathered.take(&by_upn), gathered.take(&good)), (Ok(()), Ok(())));
        assert_eq!(gathered.repeated, 1, "the same pupil by either number");
    }
}
