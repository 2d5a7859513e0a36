//! Rows that are rejected: whose errors are kept, how they are given back, and that they come back.

use super::layouts::read;
use super::*;

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
