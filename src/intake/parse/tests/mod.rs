//! What schools send and what strangers might: each case beside what must come of it.

mod any_bytes;
mod book;
mod layouts;
mod long_files;
mod registers;
mod rejected;
mod sheet_limits;
mod sheets;

use std::io::Cursor;

use chrono::{DateTime, NaiveDate, Utc};

use super::*;
use crate::domain::identifiers::{SchoolId, Upn};

const PUPILS_HEADER: &str =
    "school_pupil_id,upn,surname,forename,date_of_birth,sex,starting_day,enrolment_status";

/// A mark that outlives its row.
#[derive(Clone, PartialEq, Eq)]
struct Mark {
    school: Option<String>,
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

impl std::fmt::Debug for Mark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mark(hidden)")
    }
}

fn read_kept(bytes: &[u8], format: Format, limits: &Limits) -> Result<File<Mark>, FileError> {
    let own = |text: Option<&str>| text.map(str::to_owned);
    let mut rows = Vec::new();
    let tally =
        read_marks(&mut Cursor::new(bytes), format, (limits, &mut of_one_school), &mut |line, row| {
            let mark = Mark {
                school: own(row.school),
                school_pupil_id: own(row.school_pupil_id),
                upn: row.upn.clone(),
                date: row.date,
                half: row.half,
                code: row.code.to_owned(),
                minutes_late: row.minutes_late,
                recorded_at: row.recorded_at,
                amended_from: own(row.amended_from),
                reason: own(row.reason),
                amended_by: own(row.amended_by),
            };
            rows.push((line, mark));
            Ok(())
        })?;
    Ok(File { rows, tally })
}

fn marks(text: &str) -> File<Mark> {
    counted(read_kept(text.as_bytes(), Format::Csv, &Limits::default()).unwrap())
}

fn marks_json(text: &str) -> File<Mark> {
    counted(read_kept(text.as_bytes(), Format::Ndjson, &Limits::default()).unwrap())
}

fn pupils(text: &str) -> File<PupilRow> {
    let today = "2026-11-20".parse().unwrap();
    counted(
        read_pupils(
            &mut Cursor::new(text.as_bytes()),
            Format::Csv,
            (&Limits::default(), &mut of_one_school),
            today,
        )
        .unwrap(),
    )
}

/// Every row received is read or rejected, and only rejected rows have errors.
fn counted<R>(file: File<R>) -> File<R> {
    assert_eq!(file.tally.received, file.rows.len() + file.tally.rejected.rows);
    let mut wrong: Vec<u64> = file.tally.rejected.errors.iter().map(|error| error.line).collect();
    wrong.dedup();
    if file.tally.rejected.errors_left_out == 0 {
        assert_eq!(wrong.len(), file.tally.rejected.rows);
    }
    assert!(file.rows.iter().all(|(line, _)| !wrong.contains(line)));
    assert!(
        file.tally.rejected.errors.iter().all(|error| !error.what.is_empty() && !error.what_to_do.is_empty())
    );
    file
}

fn places<R>(file: &File<R>) -> Vec<(u64, &str, &str)> {
    file.tally
        .rejected
        .errors
        .iter()
        .map(|error| (error.line, error.column.as_ref(), error.value.as_str()))
        .collect()
}

/// Has every reader read it, whatever it is.
fn every_reader(bytes: &[u8], limits: &Limits) {
    let today = "2026-11-20".parse().unwrap();
    for format in [Format::Csv, Format::Ndjson, Format::Xlsx] {
        let _ = read_calendar(&mut Cursor::new(bytes), format, (limits, &mut of_one_school)).map(counted);
        let _ =
            read_pupils(&mut Cursor::new(bytes), format, (limits, &mut of_one_school), today).map(counted);
        let _ = read_kept(bytes, format, limits).map(counted);
    }
}

#[test]
fn marks_as_exported() {
    let file = marks(
        "\u{FEFF}Adno,Unique Pupil Number,Date,Session,Mark,Minutes Late,Recorded At,Original Mark,Reason,Amended By,Comments,Tutor Group\r\n\
         001234,B801200005001,2026-09-01,AM,/,,2026-09-01T09:55:00+01:00,,,,,7A\r\n\
         001234,,2026-09-01,pm,\\,,,,,,was upset,7A\r\n\
         001234,,2026-09-02,morning, L ,12,,N,\"came late, told the office\",Jo O'Neill,,\r\n",
    );
    assert_eq!(file.tally.rejected.errors, []);
    let rows: Vec<_> = file.rows.iter().map(|(line, row)| (*line, row.half, row.code.as_str())).collect();
    assert_eq!(rows, [(2, SessionHalf::Am, "/"), (3, SessionHalf::Pm, "\\"), (4, SessionHalf::Am, "L")]);
    let first = &file.rows[0].1;
    assert_eq!(first.school_pupil_id.as_deref(), Some("001234"));
    assert_eq!(first.upn.as_ref().unwrap().as_str(), "B801200005001");
    assert_eq!(first.recorded_at.unwrap().to_rfc3339(), "2026-09-01T08:55:00+00:00");
    let amended = &file.rows[2].1;
    assert_eq!((amended.minutes_late, amended.amended_from.as_deref()), (Some(12), Some("N")));
    assert_eq!(amended.reason.as_deref(), Some("came late, told the office"));
    assert_eq!(amended.amended_by.as_deref(), Some("Jo O'Neill"));
    assert_eq!((file.tally.comments_dropped, file.tally.values_ignored), (1, 2));
    assert_eq!(file.tally.columns_ignored, ["Comments", "Tutor Group"]);
}

#[test]
fn wrong_marks_say_where() {
    let file = marks(
        "school_pupil_id,upn,date,session,code,minutes_late,recorded_at\n\
         1,Q207000016049,01/09/2026,all day,late!,-3,yesterday\n\
         ,,2026-09-01,am,/,,\n\
         1,,2026-09-01,am,,,\n\
         1,,2026-09-01,am,/\n\
         1,,2026-09-01,am,/,,,x\n\
         1,,2026-09-01,am,/,,,\n",
    );
    let expected: &[(u64, &str, &str)] = &[
        (2, "upn", "Q207000016049"),
        (2, "date", "01/09/2026"),
        (2, "session", "all day"),
        (2, "code", "late!"),
        (2, "minutes_late", "-3"),
        (2, "recorded_at", "yesterday"),
        (3, "school_pupil_id", ""),
        (4, "code", ""),
        (5, "row", ""),
        (6, "row", ""),
    ];
    assert_eq!(places(&file), expected);
    assert_eq!((file.rows.len(), file.rows[0].0), (1, 7));
    assert_eq!(
        (file.tally.rejected.errors[1].what.as_str(), file.tally.rejected.errors[1].what_to_do.as_str()),
        (
            "could be two different days",
            "01/09/2026 is 1 September or 9 January: write 2026-09-01 or 2026-01-09"
        )
    );
}

#[test]
fn calendars() {
    let read = |text: &str| {
        counted(
            read_calendar(
                &mut Cursor::new(text.as_bytes()),
                Format::Csv,
                (&Limits::default(), &mut of_one_school),
            )
            .unwrap(),
        )
    };
    let file = read(
        "date,am,pm,term,note\n2026-09-01,INSET,inset,Autumn 1,Training\n2026-09-02,open,closed,,\n2026-09-03,open,half\n",
    );
    assert_eq!((file.rows[0].1.am, file.rows[1].1.pm), (CalendarWord::Inset, CalendarWord::Closed));
    assert_eq!(file.rows[0].1.term.as_deref(), Some("Autumn 1"));
    assert_eq!(places(&file), [(4, "row", "")]);
    let file = read("date,am,pm\n2026-09-03,open,half\n");
    assert_eq!(places(&file), [(2, "pm", "half")]);
}

#[test]
fn headers_that_do_not_fit() {
    let header = |text: &str| match read_kept(text.as_bytes(), Format::Csv, &Limits::default()) {
        Err(FileError::Header(error)) => error,
        other => panic!("{text}: {other:?}"),
    };
    let error = header("Pupil,When,Mark,Attendance Code\n1,2026-09-01,/,/\n");
    let missing: Vec<_> = error.missing.iter().map(|(name, _)| *name).collect();
    let one_of: Vec<_> = error.missing_one_of.iter().map(|(name, _)| *name).collect();
    assert_eq!((missing, one_of), (vec!["date", "session"], vec!["school_pupil_id", "upn"]));
    assert_eq!((error.twice.clone(), error.recognised.clone()), (vec!["code"], vec!["code"]));
    assert_eq!(error.found, ["Pupil", "When", "Mark", "Attendance Code"]);
    let message = error.to_string();
    assert!(
        message.contains("`session`")
            && message.contains("`AM/PM`")
            && message.contains("`Unique Pupil Number`")
    );
    // Where there is no header the first line is a child's: it is in the report and not in the message.
    let error = header("1,B801200005001,2026-09-01,am,/\n");
    assert!(!format!("{error} {error:?}").contains("B801200005001") && error.found.len() == 5);
}

#[test]
fn files_refused_whole() {
    let limits = Limits { rows_max: 2, columns_max: 6, ..Limits::default() };
    for (bytes, error) in [
        (&b""[..], FileError::Empty),
        (b"\xEF\xBB\xBF \r\n", FileError::Empty),
        (b",,,\n", FileError::Empty),
        (b"surname\nSiobh\xE1n\nZo\xC3\xAB\n", FileError::MixedEncodings { line: 2, otherwise: "UTF-8" }),
        (b"surname\nSiobh\x81n\n", FileError::NoKnownEncoding { line: 2 }),
        (b"PK\x03\x04\n", FileError::SpreadsheetAsText),
        (b"\xFF\xFEd\0a\0", FileError::Utf16),
        (b"upn;date;session;code\n", FileError::Separator),
        (b"upn\tdate\tsession\tcode\n", FileError::Separator),
        (b"a,b,c,d,e,f,g\n", FileError::TooManyColumns { max: 6 }),
        (b"upn,date,session,code\n,,,x\n,,,x\n,,,x\n", FileError::TooManyRows { max: 2 }),
    ] {
        assert_eq!(read_kept(bytes, Format::Csv, &limits), Err(error));
    }
}

#[test]
fn lines_are_counted_as_an_editor_does() {
    for text in [
        "upn,school_pupil_id,date,session,code\r\n\r\n,1,2026-09-01,am,/\r\n,,,,\r\n,2,2026-09-01,am,/\r\n",
        "upn,school_pupil_id,date,session,code\n\n,1,2026-09-01,am,/\n,,,,\n,2,2026-09-01,am,/",
        "upn,school_pupil_id,date,session,code\r\r,1,2026-09-01,am,/\r,,,,\r,2,2026-09-01,am,/",
    ] {
        let lines: Vec<u64> = marks(text).rows.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [3, 5], "{text:?}");
    }
}

#[test]
fn an_open_quotation_mark_does_not_swallow_rows_unseen() {
    let file = marks(
        "school_pupil_id,date,session,code,comment\n1,2026-09-01,am,/,\"ill\n2,2026-09-01,am,/,\n3,2026-09-01,am,/,\n",
    );
    assert_eq!((file.rows.len(), places(&file)), (0, vec![(2, "row", "")]));
}

#[test]
fn limits_on_rows_and_cells() {
    let header = "school_pupil_id,date,session,code,reason\n";
    let read = |cell: &str, limits: &Limits| {
        let text = format!("{header}1,2026-09-01,am,/,{cell}\n2,2026-09-01,am,/,\n");
        counted(read_kept(text.as_bytes(), Format::Csv, limits).unwrap())
    };
    let limits = Limits { row_max_bytes: 3_000, ..Limits::default() };
    for (length, column) in [(201, "reason"), (1_001, "reason"), (3_000, "row")] {
        let file = read(&"x".repeat(length), &limits);
        assert_eq!(
            (
                file.rows.len(),
                file.tally.rejected.errors[0].column.as_ref(),
                file.tally.rejected.errors[0].line
            ),
            (1, column, 2),
            "{length}"
        );
        assert!(file.tally.rejected.errors[0].value.chars().count() <= 80);
    }
    let file = marks(&format!("{header}{}", "1,x,y,zzzz,\n".repeat(5_000)));
    assert_eq!(
        (file.tally.rejected.errors.len(), file.tally.rejected.errors_left_out, file.tally.rejected.rows),
        (10_000, 5_000, 5_000)
    );
}

#[test]
fn marks_as_json() {
    let file = marks_json(
        "{\"upn\":\"B801200005001\",\"date\":\"2026-09-01\",\"session\":\"am\",\"code\":\"/\",\"minutes_late\":null}\n\n\
         {\"Adno\":\" 7 \",\"date\":\"2026-09-01\",\"session\":\"pm\",\"code\":\"\\\\\",\"minutes_late\":5,\"comment\":\"x\",\"x\":{\"a\":[1]}}\r\n",
    );
    assert_eq!(file.tally.rejected.errors, []);
    assert_eq!((file.rows[0].1.code.as_str(), file.rows[1].1.code.as_str()), ("/", "\\"));
    assert_eq!((file.rows[1].0, file.rows[1].1.minutes_late), (3, Some(5)));
    assert_eq!(file.rows[1].1.school_pupil_id.as_deref(), Some("7"), "without the space around it");
    assert_eq!((file.tally.comments_dropped, file.tally.values_ignored), (1, 1));
}

#[test]
fn wrong_json_says_where() {
    let deep = format!("{{\"x\":{}{}}}", "[".repeat(200), "]".repeat(200));
    let rest = "\"date\":\"2026-09-01\",\"session\":\"am\",\"code\":\"/\"}";
    let rows = [
        ("{\"upn\":\"B801200005001\",\"date\":\"20".to_owned(), "row", ""),
        (deep, "row", ""),
        ("[1]".to_owned(), "row", ""),
        ("\"B801200005001\"".to_owned(), "row", ""),
        ("{]".to_owned(), "row", ""),
        ("{} {}".to_owned(), "row", ""),
        ("{\"upn\":\"\\ud800\"}".to_owned(), "row", ""),
        (format!("{{\"school_pupil_id\":7,{rest}"), "school_pupil_id", "7"),
        (format!("{{\"school_pupil_id\":[\"A\"],{rest}"), "school_pupil_id", ""),
        (format!("{{\"school_pupil_id\":\"7\",\"minutes_late\":1.5,{rest}"), "minutes_late", "1.5"),
        (format!("{{\"school_pupil_id\":\"7\",\"minutes_late\":true,{rest}"), "minutes_late", "true"),
        (format!("{{\"school_pupil_id\":\"7\",\"Adno\":\"8\",{rest}"), "school_pupil_id", ""),
        (format!("{{\"school_pupil_id\":\"7\\u0000\",{rest}"), "school_pupil_id", "7\0"),
    ];
    let text: Vec<&str> = rows.iter().map(|(row, ..)| row.as_str()).collect();
    let file = marks_json(&text.join("\n"));
    let expected: Vec<_> =
        (1..).zip(&rows).map(|(line, (_, column, value))| (line, *column, *value)).collect();
    assert_eq!(places(&file), expected);
    assert_eq!(file.tally.rejected.rows, rows.len());
}

#[test]
fn reports_and_debug_do_not_leak() {
    let file = pupils(&format!("{PUPILS_HEADER}\n1,,Quillfeather,B,2012-01-01,x,2024-09-03,single\n"));
    assert!(!format!("{:?}", file.tally.rejected.errors).contains("Quillfeather"));
    assert!(file.tally.rejected.errors.iter().all(|error| !error.value.contains("Quillfeather")));
    let file = pupils(&format!("{PUPILS_HEADER}\n1,,Quillfeather,B,2012-01-01,F,2024-09-03,single\n"));
    assert_eq!(format!("{:?}", file.rows), "[(2, PupilRow(hidden))]");
    let file = marks("school_pupil_id,date,session,code,amended_by\n1,2026-09-01,am,/,Quillfeather\n");
    assert_eq!(format!("{:?}", file.rows), "[(2, Mark(hidden))]");
}
