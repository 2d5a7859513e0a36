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

fn read(bytes: &[u8]) -> Result<File<Mark>, FileError> {
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

#[test]
fn a_file_of_errors_comes_back() {
    let file = read(
        b"Adno,Date,Session,Code,Reason,line,column,value,what is wrong,what to do\n\
          7,2026-09-03,am,L,'=late,2,code,LATE,is not a code,write it\n\
          '-8,2026-09-03,am,L,'''+x,3,code,LATE,is not a code,write it\n",
    )
    .unwrap();
    assert_eq!(file.tally.rejected.errors, []);
    let told: Vec<_> = file
        .rows
        .iter()
        .map(|(_, m)| (m.school_pupil_id.as_deref().unwrap(), m.reason.as_deref().unwrap()))
        .collect();
    assert_eq!(told, [("7", "=late"), ("-8", "''+x")]);
    assert_eq!((file.tally.values_ignored, file.tally.columns_ignored.len()), (0, 0));
    // In any other file an apostrophe is the school's own.
    let file = read(b"Adno,Date,Session,Code,Reason\n7,2026-09-03,am,L,'=late\n").unwrap();
    assert_eq!(file.rows[0].1.reason.as_deref(), Some("'=late"));
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
fn rows_are_given_back_as_they_were_sent() {
    let lines = [2, 4].into();
    let given = |bytes: &[u8], format, content| {
        let given =
            originals(&mut Cursor::new(bytes), (format, content), &Limits::default(), &lines, 1_000).unwrap();
        (given.header, given.rows)
    };
    let own = |cells: &[&str]| cells.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
    let long =
        b"Adno,Form,Date,Session,Code,Comments\n1,7A,x,am,/,ill\n2,7A,x,am,/,\n=3,7A,\"a, b\",am,/,ill\n";
    let (header, rows) = given(long, Format::Csv, Content::Marks);
    assert_eq!(header, ["Adno", "Form", "Date", "Session", "Code", "Comments"]);
    assert_eq!(
        rows,
        [(2, own(&["1", "7A", "x", "am", "/", ""])), (4, own(&["=3", "7A", "a, b", "am", "/", ""]))]
    );
    // A wide file's two rows of names become one that is taken again.
    let wide = b",2026-09-03,\nUPN,AM,PM\nx,/,\\\ny,/,\\\n";
    let (header, rows) = given(wide, Format::Csv, Content::Marks);
    assert_eq!(
        (header, rows),
        (own(&["UPN", "2026-09-03 AM", "2026-09-03 PM"]), vec![(4, own(&["y", "/", "\\"]))])
    );
    let json = b"{\"Adno\":\"1\",\"x\":2}\n{\"date\":7,\"minutes_late\":3,\"am\":[1]}\n";
    let (header, rows) = given(json, Format::Ndjson, Content::Marks);
    assert_eq!((header.len(), rows.len(), rows[0].1[3].as_str(), rows[0].1[6].as_str()), (13, 1, "7", "3"));
    // What has been given back once and comes again has no columns of ours.
    let returned = b"date,am,pm,line,column,value,what is wrong,what to do\n'=1,open,open,9,date,=1,is,do\n";
    let (header, rows) = given(returned, Format::Csv, Content::Calendar);
    assert_eq!((header, rows), (own(&["date", "am", "pm"]), vec![(2, own(&["=1", "open", "open"]))]));
    let few =
        originals(&mut Cursor::new(&long[..]), (Format::Csv, Content::Marks), &Limits::default(), &lines, 20)
            .unwrap();
    assert_eq!(few.rows.len(), 1, "no more than is asked for");
}

#[test]
fn errors_past_the_most_are_counted_and_each_is_one() {
    let dates: Vec<String> = (1..=28).map(|day| format!("2026-09-{day:02} AM,2026-09-{day:02} PM")).collect();
    let header = format!("school,UPN,{}\n", dates.join(","));
    let wide = (0..50).fold(header, |all, row| all + &format!("{row},B801200005001{}\n", ",ZZZZ".repeat(56)));
    let of = |errors_max| {
        let limits = Limits { errors_max, ..Limits::default() };
        read_kept(wide.as_bytes(), Format::Csv, &limits).unwrap().tally
    };
    let (few, all) = (of(100), of(1_000_000));
    assert_eq!((few.rejected.rows, all.rejected.rows, all.rejected.errors.len()), (2_800, 2_800, 2_850));
    assert_eq!(
        (few.rejected.errors.len(), few.rejected.errors_left_out),
        (100, 2_750),
        "as many as there are"
    );
    assert_eq!(few.rejected.errors[..], all.rejected.errors[..100]);
    assert_eq!((few.rejected.lines_left_out, all.rejected.lines_left_out), (48, 0));
    // What is wrong with the school or the pupil is one error of the row, however many sessions it has.
    let wide = format!("UPN,{}\nB801200005002{}\n", dates.join(","), ",/".repeat(56));
    let tally = read_kept(wide.as_bytes(), Format::Csv, &Limits::default()).unwrap().tally;
    assert_eq!((tally.rejected.rows, tally.rejected.errors.len()), (56, 1));
}

#[test]
fn each_school_keeps_its_own_errors() {
    let schools = [1, 2].map(|n| SchoolId(uuid::Uuid::from_u128(n)));
    let mut whose = |number: &str| match number {
        "100001" | "301/4001" => Some(schools[0]),
        "100002" => Some(schools[1]),
        _ => None,
    };
    let rows = |school: &str, count: usize| format!("{school},7,2026-09-01,am,ZZZZ\n").repeat(count);
    // The many of one before and behind the few of the other, and rows of numbers that are nobody's.
    let strangers: String = (0..200).map(|n| rows(&format!("9{n:05}"), 1)).collect();
    let text = "school,Adno,date,session,code\n".to_owned()
        + &rows("100001", 300)
        + &rows("301/4001", 100)
        + &rows("100002", 20)
        + &strangers
        + &rows("100001", 50);
    let limits = Limits { errors_max: 90, ..Limits::default() };
    let mut read = |text: &str, format| {
        let mut source = Cursor::new(text.as_bytes().to_vec());
        read_marks(&mut source, format, (&limits, &mut whose), &mut |_, _| Ok(())).unwrap()
    };
    let tally = read(&text, Format::Csv);
    let of = |school: &SchoolId| {
        let rejected = &tally.rejected_of[school];
        (rejected.rows, rejected.errors.len(), rejected.errors_left_out, rejected.lines_left_out)
    };
    assert_eq!(of(&schools[0]), (450, 35, 415, 415));
    assert_eq!(of(&schools[1]), (20, 20, 0, 0), "every one of the other's");
    assert_eq!((tally.rejected.rows, tally.rejected.errors.len()), (200, 35));
    let lines: Vec<u64> = tally.rejected_of[&schools[0]].errors.iter().map(|error| error.line).collect();
    assert_eq!(lines, (2..37).collect::<Vec<u64>>(), "the first of the file");
    assert!(tally.rejected_of[&schools[1]].errors.iter().all(|error| (402..422).contains(&error.line)));
    // The same in the other layouts, where a line may have several marks.
    for (layout, header, cells) in [
        ("day", "school,Adno,date,am,pm\n", "7,2026-09-01,ZZZZ,ZZZZ"),
        ("wide", "school,Adno,2026-09-01 AM,2026-09-01 PM\n", "7,ZZZZ,ZZZZ"),
    ] {
        let row = |school: &str| format!("{school},{cells}\n");
        let tally =
            read(&(header.to_owned() + &row("100001").repeat(90) + &row("100002").repeat(9)), Format::Csv);
        let of =
            |school: &SchoolId| (&tally.rejected_of[school].rows, tally.rejected_of[school].lines_left_out);
        assert_eq!((tally.layout, of(&schools[0]), of(&schools[1])), (layout, (&180, 54), (&18, 0)));
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
