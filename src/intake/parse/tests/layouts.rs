//! Every layout of marks, encodings, dates and codes: each file beside what must come of it.

use super::*;
use proptest::prelude::*;

/// What a mark says in a test: date, session, code.
fn said(file: &File<Mark>) -> Vec<(u64, String, &str)> {
    let half = |half| if half == SessionHalf::Am { "am" } else { "pm" };
    file.rows
        .iter()
        .map(|(line, m)| (*line, format!("{} {}", m.date, half(m.half)), m.code.as_str()))
        .collect()
}

pub(super) fn read(bytes: &[u8]) -> Result<File<Mark>, FileError> {
    read_kept(bytes, Format::Csv, &Limits::default())
}

#[test]
fn days() {
    let file = read(
        b"LAESTAB,Adno,UPN,Date,AM,PM,Comment\r\n\
          9994001,1,,2026-09-03,/,\\,fine\r\n\
          ,2,,2026-09-03,,L,\r\n\
          ,3,,2026-09-03,,,\r\n\
          ,4,,2026-09-03,ill!,N,\r\n\
          ,5,Q207000016049,2026-09-03,/,\\,\r\n\
          ,6,,2026-09-31,/,,\r\n",
    )
    .unwrap();
    assert_eq!(
        said(&file),
        [
            (2, "2026-09-03 am".to_owned(), "/"),
            (2, "2026-09-03 pm".to_owned(), "\\"),
            (3, "2026-09-03 pm".to_owned(), "L"),
            (5, "2026-09-03 pm".to_owned(), "N"),
        ]
    );
    assert_eq!(file.rows[0].1.school.as_deref(), Some("9994001"));
    assert_eq!(
        places(&file),
        [(5, "am", "ill!"), (6, "upn", "Q207000016049"), (7, "date", "2026-09-31")],
        "what is wrong with a row is told once"
    );
    let tally = &file.tally;
    assert_eq!((tally.received, tally.rejected.rows, tally.comments_dropped, tally.layout), (8, 4, 1, "day"));
}

#[test]
fn days_as_objects() {
    let file = counted_marks(
        read_kept(
            b"{\"upn\":\"B801200005001\",\"date\":\"2026-09-03\",\"am\":\"/\",\"pm\":\"L\"}\n\
              {\"upn\":\"B801200005001\",\"date\":\"2026-09-04\",\"am\":\"/\",\"code\":\"L\"}\n\
              {\"upn\":\"B801200005001\",\"date\":\"2026-09-04\",\"session\":\"pm\",\"code\":\"L\"}\n\
              {\"upn\":\"B801200005001\",\"date\":\"2026-09-05\",\"am\":1,\"pm\":\"L\"}\n",
            Format::Ndjson,
            &Limits::default(),
        )
        .unwrap(),
    );
    let expected = [
        (1, "2026-09-03 am", "/"),
        (1, "2026-09-03 pm", "L"),
        (3, "2026-09-04 pm", "L"),
        (4, "2026-09-05 pm", "L"),
    ];
    assert_eq!(said(&file), expected.map(|(line, date, code)| (line, date.to_owned(), code)));
    assert_eq!(places(&file), [(2, "row", ""), (4, "am", "1")]);
}

/// Every mark received is read or rejected.
fn counted_marks(file: File<Mark>) -> File<Mark> {
    assert_eq!(file.tally.received, file.rows.len() + file.tally.rejected.rows);
    file
}

#[test]
fn wide() {
    let one_row = "School URN,UPN,Form,2026-09-03 AM,2026-09-03 PM,Thu 10 Sep 2026 AM,Notes\n";
    let two_rows = "School URN,UPN,Form,2026-09-03,,10 September 2026,Notes\n,,,AM,PM,AM,\n";
    for (header, first) in [(one_row, 2), (two_rows, 3)] {
        let text = format!(
            "{header}100000,B801200005001,7A,/,\\,L,x\n,B801200005001,7A,,01-Jan,,\n,,7A,/,/,,\n,B801200005001,7A,,,,\n"
        );
        let file = counted_marks(read(text.as_bytes()).unwrap());
        let third = if first == 2 { "Thu 10 Sep 2026 AM" } else { "10 September 2026 AM" };
        assert_eq!(
            said(&file),
            [
                (first, "2026-09-03 am".to_owned(), "/"),
                (first, "2026-09-03 pm".to_owned(), "\\"),
                (first, "2026-09-10 am".to_owned(), "L"),
            ],
            "{third}"
        );
        assert_eq!(
            places(&file),
            [(first + 1, "2026-09-03 PM", "01-Jan"), (first + 2, "school_pupil_id", "")]
        );
        let tally = &file.tally;
        assert_eq!(
            (tally.layout, tally.received, tally.rejected.rows, tally.comments_dropped),
            ("wide", 6, 3, 1)
        );
        assert_eq!(tally.columns_ignored, ["Form", "Notes"]);
    }
}

#[test]
fn a_fault_found_by_the_taker_stands_in_its_own_column() {
    let text = "Adno,2026-09-03 AM,2026-09-03 PM\n7,/,\\\n8,L,\n";
    let mut taken = 0;
    let tally = read_marks(
        &mut Cursor::new(text.as_bytes()),
        Format::Csv,
        (&Limits::default(), &mut of_one_school),
        &mut |_, mark| {
            taken += 1;
            match (mark.school_pupil_id, mark.half) {
                (Some("7"), _) => {
                    Err(CellFault::new("school_pupil_id", "is not on this school's roll; send it first"))
                }
                (_, SessionHalf::Am) => Err(CellFault::new("code", "is not a code; correct it")),
                _ => Ok(()),
            }
        },
    )
    .unwrap();
    let errors: Vec<_> =
        tally.rejected.errors.iter().map(|e| (e.line, e.column.as_ref(), e.value.as_str())).collect();
    assert_eq!(errors, [(2, "school_pupil_id", "7"), (3, "2026-09-03 AM", "L")]);
    assert_eq!((taken, tally.received, tally.rejected.rows), (3, 3, 3));
}

#[test]
fn a_year_is_not_too_wide_and_more_is() {
    let header = |days: i64| {
        let first: NaiveDate = "2025-09-01".parse().unwrap();
        let columns = (0..days)
            .flat_map(|n| ["AM", "PM"].map(|half| format!(",{} {half}", first + chrono::TimeDelta::days(n))));
        format!("Adno{}\n", columns.collect::<String>())
    };
    let row = |days| format!("{}7{}\n", header(days), ",/,\\".repeat(usize::try_from(days).unwrap()));
    let file = counted_marks(read(row(200).as_bytes()).unwrap());
    assert_eq!((file.rows.len(), file.tally.rejected.rows, file.tally.codes_mended), (400, 0, 0));
    assert_eq!(read(row(365).as_bytes()).unwrap().rows.len(), 730);
    assert_eq!(read(row(600).as_bytes()), Err(FileError::TooManyColumns { max: 1_024 }));
}

#[test]
fn headers_of_no_layout_are_told_all_of_them() {
    for (header, word) in [
        ("Adno,When,What\n1,2,3\n", "`2026-09-03 AM`"),
        ("Adno,Date,AM\n", "column `pm` is missing"),
        ("Adno,Thu 03 Sep AM\n", "without its whole year"),
        ("Adno,03/09/2026 AM,04/09/2026 AM\n", "2026-09-03 or 2026-03-09"),
        ("Form,2026-09-03 AM\n", "one of these columns is needed"),
    ] {
        let error = read(header.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(word), "{header}: {error}");
    }
    let error = read(b"Adno,When,What\n").unwrap_err().to_string();
    assert!(error.contains("`date`, `am`, `pm`") && error.contains("`session`"), "{error}");
    // A file without a header begins with a child: none of it is in the message.
    let error = read(b"7,Quillfeather,2012-01-01,M\n8,Marsh,2013-01-01,F\n").unwrap_err().to_string();
    assert!(!error.contains("Quillfeather") && !error.contains("2012"), "{error}");
}

#[test]
fn windows_1252_is_taken_and_said() {
    let file =
        read(b"Adno,Date,Session,Code,Amended By\n1,2026-09-03,am,/,Zo\xEB O\x92Neill \x80\n").unwrap();
    assert_eq!(file.rows[0].1.amended_by.as_deref(), Some("Zoë O’Neill €"));
    assert_eq!(file.tally.encoding, "windows-1252");
    let file = read("Adno,Date,Session,Code,Amended By\n1,2026-09-03,am,/,Zoë\n".as_bytes()).unwrap();
    assert_eq!((file.rows[0].1.amended_by.as_deref(), file.tally.encoding), (Some("Zoë"), "utf-8"));
    let mixed =
        b"Adno,Date,Session,Code,Amended By\n1,2026-09-03,am,/,Zo\xC3\xAB\n1,2026-09-03,pm,/,Zo\xEB\n";
    assert_eq!(read(mixed), Err(FileError::MixedEncodings { line: 3, otherwise: "UTF-8" }));
    assert_eq!(
        read_kept(b"{\"upn\":\"Zo\xEB\"}\n", Format::Ndjson, &Limits::default()),
        Err(FileError::NotUtf8 { line: 1 })
    );
}

#[test]
fn dates_are_proved_or_refused() {
    let file = |dates: &[&str]| {
        let rows: Vec<String> = dates.iter().map(|date| format!("1,{date},am,/\n")).collect();
        let rows = rows.concat();
        read(format!("Adno,Date,Session,Code\n{rows}").as_bytes()).unwrap()
    };
    let proved = file(&["03/09/2026", "25/09/2026"]);
    assert_eq!((proved.rows.len(), proved.tally.dates), (2, "dd/mm/yyyy"));
    assert_eq!(proved.rows[0].1.date, "2026-09-03".parse().unwrap());
    let open = file(&["03/09/2026", "04/09/2026"]);
    assert_eq!((open.rows.len(), open.tally.rejected.rows, open.tally.dates), (0, 2, "yyyy-mm-dd"));
    assert!(
        open.tally.rejected.errors[0].what_to_do.contains("3 September or 9 March"),
        "{:?}",
        open.tally.rejected.errors[0].what_to_do
    );
    assert!(!open.tally.rejected.errors[0].what.contains("September"), "what is printed has no cell in it");
    // The column was half read by a spreadsheet of another country: only what is certain stands.
    let mixed = file(&["2026-09-03", "25/09/2026", "3 September 2026"]);
    assert_eq!((mixed.rows.len(), mixed.tally.rejected.rows), (2, 1));
    let month_first = file(&["03/09/2026", "25/09/2026", "09/28/2026"]);
    assert_eq!((month_first.rows.len(), month_first.tally.rejected.rows), (0, 3));
}

#[test]
fn dates_of_a_roll_are_proved_column_by_column() {
    let file = pupils(&format!(
        "{PUPILS_HEADER},last_day,removal_ground\n\
         1,,A,B,13/01/2012,F,03/09/2024,single,,\n\
         2,,A,C,01/02/2012,F,04/09/2024,single,21/07/2026,9(1)(a)\n"
    ));
    assert_eq!(file.rows.len(), 0);
    assert_eq!(places(&file), [(2, "starting_day", "03/09/2024"), (3, "starting_day", "04/09/2024")]);
    let file = pupils(&format!(
        "{PUPILS_HEADER},last_day,removal_ground\n\
         1,,A,B,13/01/2012,F,2024-09-03,single,,\n\
         2,,A,C,01/02/2012,F,2024-09-04,single,21/07/2026,9(1)(a)\n"
    ));
    assert_eq!(file.rows[1].1.date_of_birth, "2012-02-01".parse().unwrap());
    assert_eq!(file.rows[1].1.stay.last_day(), Some("2026-07-21".parse().unwrap()));
}

#[test]
fn strokes_are_mended_and_counted() {
    let file = read(b"Adno,Date,Session,Code\n1,2026-09-03,am,\\\n1,2026-09-03,pm,/\n1,2026-09-04,am,//\n1,2026-09-04,pm,\\\n").unwrap();
    let codes: Vec<&str> = file.rows.iter().map(|(_, mark)| mark.code.as_str()).collect();
    assert_eq!((codes, file.tally.codes_mended), (vec!["/", "\\", "/", "\\"], 3));
}

proptest! {
    /// The way without a second look and the long way say the same of every cell.
    #[test]
    fn both_ways_of_reading_a_row_agree(
        id in "[0-9a-zé ]{0,3}",
        upn in prop::sample::select(vec!["", "B801200005001", "B801200005002", " B801200005001"]),
        date in prop::sample::select(vec!["2026-09-03", "2026-02-30", "03/09/2026", "25/09/2026", ""]),
        session in prop::sample::select(vec!["am", "PM", "morning", "x", ""]),
        code in prop::sample::select(vec!["/", "\\", "//", "L", "C1", "#", "#N/A", "é", "ABCD", ""]),
        minutes in prop::sample::select(vec!["", "5", "601", "-1", "+1"]),
        recorded in prop::sample::select(vec!["", "2026-09-03T08:55:00Z", "2026-09-03T09:55:00+01:00", "2026-09-03"]),
    ) {
        let row = format!("{id},{upn},{date},{session},{code},{minutes},{recorded}");
        let header = "school_pupil_id,upn,date,session,code,minutes_late,recorded_at";
        let plain = read(format!("{header}\n{row}\n").as_bytes()).unwrap();
        // A reason sends the row the long way, and changes nothing else.
        let long = read(format!("{header},reason\n{row},x\n").as_bytes()).unwrap();
        prop_assert_eq!(&plain.tally.rejected.errors, &long.tally.rejected.errors);
        prop_assert_eq!(plain.tally.codes_mended, long.tally.codes_mended);
        let without: Vec<_> = long.rows.into_iter().map(|(line, mark)| (line, Mark { reason: None, ..mark })).collect();
        prop_assert_eq!(plain.rows, without);
    }
}

#[test]
fn keys_stand_for_columns_however_many_there_are() {
    let others: String = (0..1_000).fold(String::new(), |all, n| all + &format!("\"Other {n}\":1,"));
    let row = |key: &str| {
        format!(
            "{{{others}\"{key}\":\"1\",\"Date\":\"2026-09-03\",\"AM/PM\":\"am\",\"Mark\":\"/\",\"Comments\":\"x\"}}\n"
        )
    };
    let file = marks_json(&(row("Adno") + &row("Admission Number") + &row("nobody's")));
    let numbers: Vec<_> = file.rows.iter().map(|(_, row)| row.school_pupil_id.clone()).collect();
    assert_eq!(numbers, [Some("1".to_owned()), Some("1".to_owned())]);
    assert_eq!(
        (file.tally.values_ignored, file.tally.comments_dropped, file.tally.rejected.rows),
        (3_001, 3, 1)
    );
}
