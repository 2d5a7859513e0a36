//! Spreadsheets: what is taken, what is refused, and what strangers might forge.

use super::book::{Book, Cell, sheet};
use super::*;
use Cell::{Date, Empty, Error, Formula, Number, Shared, Text};
use proptest::prelude::*;

fn read(book: &Book) -> Result<File<Mark>, FileError> {
    read_kept(&book.bytes(), Format::Xlsx, &Limits::default())
}

fn refused(book: &Book) -> SpreadsheetError {
    match read(book) {
        Err(FileError::Spreadsheet(error)) => error,
        other => panic!("{other:?}"),
    }
}

const LONG: &[Cell<'_>] =
    &[Text("Adno"), Text("UPN"), Text("Date"), Text("Session"), Text("Code"), Text("Reason")];

fn long() -> Book {
    Book::of(&[
        LONG,
        &[Number("1234"), Text("B801200005001"), Date("46268"), Text("am"), Shared(0)],
        &[],
        &[Text("0012"), Empty, Text("2026-09-03"), Text("pm"), Shared(2), Text("bus & late <5")],
    ])
}

#[test]
fn long_layout() {
    let file = read(&long()).unwrap();
    assert_eq!(file.tally.rejected.errors, []);
    let told: Vec<_> = file
        .rows
        .iter()
        .map(|(line, m)| (*line, m.school_pupil_id.as_deref().unwrap(), m.date.to_string(), m.code.as_str()))
        .collect();
    assert_eq!(told, [(2, "1234", "2026-09-03".to_owned(), "/"), (4, "0012", "2026-09-03".to_owned(), "L")]);
    assert_eq!(file.rows[1].1.reason.as_deref(), Some("bus & late <5"));
    assert_eq!((file.tally.encoding, file.tally.layout), ("xlsx", "long"));
}

#[test]
fn day_and_wide_layouts_and_other_files() {
    let day = Book::of(&[
        &[Text("UPN"), Text("Date"), Text("AM"), Text("PM")],
        &[Text("B801200005001"), Date("46268"), Shared(1), Shared(1)],
    ]);
    let file = read(&day).unwrap();
    assert_eq!((file.rows.len(), file.tally.codes_mended, file.tally.layout), (2, 1, "day"));
    // Dates over two columns each, as merged cells are stored: in the first of them.
    let wide = Book::of(&[
        &[Text("UPN"), Date("46268"), Empty, Date("46269")],
        &[Empty, Text("AM"), Text("PM"), Text("AM")],
        &[Text("B801200005001"), Shared(0), Empty, Text("I")],
    ]);
    let file = read(&wide).unwrap();
    let told: Vec<_> = file.rows.iter().map(|(_, m)| (m.date.to_string(), m.code.as_str())).collect();
    assert_eq!(told, [("2026-09-03".to_owned(), "/"), ("2026-09-04".to_owned(), "I")]);
    let calendar =
        Book::of(&[&[Text("date"), Text("am"), Text("pm")], &[Date("46268"), Text("open"), Text("open")]]);
    let file = read_calendar(
        &mut Cursor::new(calendar.bytes()),
        Format::Xlsx,
        (&Limits::default(), &mut of_one_school),
    )
    .unwrap();
    assert_eq!(file.rows[0].1.date.to_string(), "2026-09-03");
}

#[test]
fn dates_count_from_1900_or_1904() {
    let rows: &[&[Cell<'_>]] = &[LONG, &[Text("1"), Empty, Date("44806"), Text("am"), Text("/")]];
    let file = read(&Book::new(&[("visible", &sheet(rows))], &[], true)).unwrap();
    assert_eq!(file.rows[0].1.date.to_string(), "2026-09-03");
    // A date without its format is a number, and no number is taken for a date; nor is a day of text beside real dates.
    let file = read(&Book::of(&[
        LONG,
        &[Text("1"), Empty, Number("46268"), Text("am"), Text("/")],
        &[Text("1"), Empty, Date("46268.5"), Text("am"), Text("/")],
        &[Text("1"), Empty, Date("46268"), Text("am"), Text("/")],
        &[Text("1"), Empty, Text("25/09/2026"), Text("am"), Text("/")],
    ]))
    .unwrap();
    assert_eq!(file.rows.len(), 1);
    assert_eq!(
        places(&file),
        [(2, "date", "46268"), (3, "date", "2026-09-03T12:00:00"), (5, "date", "25/09/2026")]
    );
}

#[test]
fn formulas_and_errors_are_never_values() {
    let file = read(&Book::of(&[
        LONG,
        &[Formula("A9+1", "1234"), Empty, Date("46268"), Text("am"), Text("/")],
        &[Text("1"), Empty, Date("46268"), Text("am"), Error("#N/A")],
        &[Text("1"), Empty, Date("46268"), Text("am"), Formula("IF(B1,\"/\",\"N\")", "/")],
        &[Text("1"), Empty, Date("46268"), Text("am"), Text("01-Jan")],
    ]))
    .unwrap();
    let told: Vec<_> =
        file.tally.rejected.errors.iter().map(|e| (e.line, e.column.as_ref(), e.what.as_str())).collect();
    assert_eq!(
        told,
        [
            (2, "school_pupil_id", "holds a formula, not a value"),
            (3, "code", "holds an error of the spreadsheet"),
            (4, "code", "holds a formula, not a value"),
            (5, "code", "was a code before a spreadsheet made a date of it"),
        ]
    );
    assert!(file.rows.is_empty());
    let wide = read(&Book::of(&[
        &[Text("UPN"), Text("2026-09-03 AM"), Text("2026-09-03 PM")],
        &[Text("B801200005001"), Formula("B1", "/"), Text("\\")],
    ]))
    .unwrap();
    assert_eq!((places(&wide), wide.rows.len()), (vec![(2, "2026-09-03 AM", "/")], 1));
}

#[test]
fn a_name_that_a_formula_makes_is_refused() {
    let row: &[Cell<'_>] = &[Text("1"), Empty, Date("46268"), Text("am"), Text("/")];
    let names = |at: usize, cell: Cell<'static>| {
        let mut names = LONG.to_vec();
        names[at] = cell;
        read(&Book::of(&[&names, row])).unwrap_err()
    };
    for (at, cell, word) in [
        (
            0,
            Formula("A9", "Adno"),
            "column 1 holds a formula, not a value; copy the cells and paste them as values",
        ),
        (4, Formula("A9", "Code"), "column 5 holds a formula"),
        (3, Formula("A9", "of nothing that is known"), "column 4 holds a formula"),
        (2, Error("#REF!"), "column 3 holds an error of the spreadsheet"),
    ] {
        let error = names(at, cell).to_string();
        assert!(error.contains(word), "{error}");
    }
    // In either row of names; what is behind them is a cell of its own row.
    let halves: &[Cell<'_>] = &[Text("UPN"), Text("AM"), Formula("B2", "PM")];
    let marks: &[Cell<'_>] = &[Text("B801200005001"), Text("/"), Text("\\")];
    let error = read(&Book::of(&[&[Empty, Date("46268"), Empty], halves, marks])).unwrap_err();
    assert_eq!(error, FileError::HeaderCell { column: 3, what: FORMULA });
    let calendar = Book::of(&[&[Text("Date"), Formula("A1", "AM"), Text("PM")]]);
    let of_one = (&Limits::default(), &mut of_one_school as &mut WhoseRow<'_>);
    let error = read_calendar(&mut Cursor::new(calendar.bytes()), Format::Xlsx, of_one).unwrap_err();
    assert_eq!(error, FileError::HeaderCell { column: 2, what: FORMULA });
    // A sheet that is not the one that is meant is not looked at.
    let (meant, other) = (sheet(&[LONG, row]), sheet(&[&[Formula("A1", "Notes"), Text("for the office")]]));
    let book = Book::new(&[("visible", &other), ("visible", &meant)], &[], false);
    assert_eq!(read(&book).unwrap().rows.len(), 1);
}

const FORMULA: &str =
    "holds a formula, not a value; copy the cells and paste them as values, then send the file again";

#[test]
fn one_sheet_is_meant_or_it_is_said_which() {
    let marks = sheet(&[LONG, &[Text("1"), Empty, Date("46268"), Text("am"), Text("/")]]);
    let other = sheet(&[&[Text("Notes"), Text("for the office")]]);
    let of = |sheets: &[(&str, &str)]| Book::new(sheets, &[], false);
    assert_eq!(read(&of(&[("visible", &other), ("visible", &marks)])).unwrap().rows.len(), 1);
    assert_eq!(read(&of(&[("hidden", &marks), ("visible", &marks)])).unwrap().rows.len(), 1);
    assert_eq!(refused(&of(&[("hidden", &marks), ("veryHidden", &marks)])), SpreadsheetError::NoSheet);
    assert_eq!(
        refused(&of(&[("visible", &marks), ("hidden", &other), ("visible", &other), ("visible", &marks)])),
        SpreadsheetError::SeveralSheets { first: 1, second: 3 }
    );
    assert_eq!(
        refused(&of(&[("visible", &other), ("visible", &other)])),
        SpreadsheetError::NoneOfTheSheets { sheets: 2 }
    );
    // With one sheet the header says what is wrong.
    assert!(matches!(read(&of(&[("visible", &other)])), Err(FileError::Header(_))));
    assert_eq!(read(&of(&[("visible", &sheet(&[]))])), Err(FileError::Empty));
}

#[test]
fn what_could_compute_or_fetch_is_refused() {
    for (part, text, error) in [
        ("xl/vbaProject.bin", "x", SpreadsheetError::Macros),
        ("xl/macrosheets/sheet1.xml", "<a/>", SpreadsheetError::Macros),
        ("xl/externalLinks/externalLink1.xml", "<a/>", SpreadsheetError::ExternalLinks),
        ("xl/connections.xml", "<a/>", SpreadsheetError::ExternalLinks),
        ("XL\\EmbeddIngs\\oleObject1.bin", "x", SpreadsheetError::Embedded),
    ] {
        let mut book = long();
        book.put(part, text);
        assert_eq!(refused(&book), error, "{part}");
    }
    let mut typed = long();
    typed.parts.retain(|(name, _)| name != "[Content_Types].xml");
    typed.put(
        "[Content_Types].xml",
        "<Types><Override ContentType=\"application/vnd.ms-excel.sheet.macroEnabled.main+xml\"/></Types>",
    );
    assert_eq!(refused(&typed), SpreadsheetError::Macros);
    let mut empty = long();
    empty.parts.retain(|(name, _)| name != "xl/workbook.xml");
    assert_eq!(refused(&empty), SpreadsheetError::NoWorkbook);
    let mut locked = long().bytes();
    let at = locked.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
    locked[at + 8] |= 1;
    assert_eq!(
        read_kept(&locked, Format::Xlsx, &Limits::default()),
        Err(FileError::Spreadsheet(SpreadsheetError::Password))
    );
}

#[test]
fn other_files_under_the_name_of_a_spreadsheet() {
    for (bytes, error) in [
        (&b""[..], FileError::Empty),
        (b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 old", FileError::OldSpreadsheet),
        (b"Adno,Date,Session,Code\n", FileError::Spreadsheet(SpreadsheetError::Broken)),
        (
            b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
            FileError::Spreadsheet(SpreadsheetError::NoWorkbook),
        ),
    ] {
        assert_eq!(read_kept(bytes, Format::Xlsx, &Limits::default()), Err(error));
    }
    let whole = long().bytes();
    for cut in [whole.len() / 3, whole.len() / 2, whole.len() - 1] {
        assert!(read_kept(&whole[..cut], Format::Xlsx, &Limits::default()).is_err(), "{cut}");
    }
}

/// Puts a part in the place of the one that is there.
fn with(book: &Book, name: &str, text: &str) -> Book {
    let mut book = book.clone();
    book.parts.retain(|(part, _)| part != name);
    book.put(name, text);
    book
}

/// A workbook that names so many sheets: all of one part, or each of its own.
fn naming(sheets: usize, related: usize, one: bool) -> Book {
    let list = (0..sheets)
        .fold(String::new(), |all, n| all + &format!("<sheet id=\"a{}\"/>", if one { 0 } else { n }));
    let targets = (1..=related).fold(String::new(), |all, n| {
        all + &format!("<Relationship Id=\"a{}\" Target=\"worksheets/sheet{n}.xml\"/>", n - 1)
    });
    let mut book = with(&long(), "xl/workbook.xml", &format!("<workbook><sheets>{list}</sheets></workbook>"));
    book = with(&book, "xl/_rels/workbook.xml.rels", &format!("<Relationships>{targets}</Relationships>"));
    for n in 1..sheets.min(300) {
        book.put(&format!("xl/worksheets/sheet{}.xml", n + 1), "<worksheet><sheetData/></worksheet>");
    }
    book
}

#[test]
fn a_workbook_names_only_so_many_sheets_and_parts() {
    let rows = |book: &Book| read(book).unwrap().rows.len();
    assert_eq!(rows(&naming(256, 4_096, false)), rows(&long()), "as many as may be");
    for (book, why) in [
        (naming(257, 257, false), SpreadsheetError::TooLarge),
        (naming(1, 4_097, false), SpreadsheetError::TooLarge),
        (naming(2, 2, true), SpreadsheetError::Broken),
        (naming(300_000, 1, true), SpreadsheetError::TooLarge),
    ] {
        assert_eq!(refused(&book), why);
    }
    // What describes the workbook has a few megabytes at most, whatever it is made of: noise does not pack.
    let noise: String = (0..5_000_000_u32)
        .map(|n| char::from(b'a' + u8::try_from(n.wrapping_mul(n) / 7 % 26).unwrap()))
        .collect();
    for part in ["[Content_Types].xml", "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml"] {
        assert_eq!(refused(&with(&long(), part, &noise)), SpreadsheetError::TooLarge, "{part}");
    }
}

#[test]
fn bombs_do_not_go_off() {
    let mut bomb = long();
    bomb.parts.push(("xl/media/image1.png".to_owned(), vec![0; 64 * 1024 * 1024]));
    assert_eq!(refused(&bomb), SpreadsheetError::TooLarge);
    // The sizes in the directory say nothing: the same with sizes of nought.
    let mut lying = bomb.bytes();
    let at = lying.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    lying[at + 20..at + 28].fill(0);
    assert_eq!(
        read_kept(&lying, Format::Xlsx, &Limits::default()),
        Err(FileError::Spreadsheet(SpreadsheetError::TooLarge))
    );
    let mut many = long();
    for number in 0..1_100 {
        many.put(&format!("xl/media/{number}"), "");
    }
    assert_eq!(refused(&many), SpreadsheetError::TooLarge);
    // One cell of megabytes, a document type with entities, and cells at the far end of the sheet.
    let of = |cells: &str| {
        let xml = format!("<worksheet><sheetData><row r=\"1\">{cells}</row></sheetData></worksheet>");
        Book::new(&[("visible", &xml)], &[], false)
    };
    let noise: String =
        (0..1_500_000_u32).map(|n| char::from(b'a' + u8::try_from(n * 7 % 26).unwrap())).collect();
    assert_eq!(refused(&of(&format!("<c t=\"str\"><v>{noise}</v></c>"))), SpreadsheetError::Broken);
    let typed = Book::new(&[("visible", "<!DOCTYPE x [<!ENTITY a \"b\">]><worksheet/>")], &[], false);
    assert_eq!(refused(&typed), SpreadsheetError::Broken);
    assert_eq!(
        read(&of("<c r=\"A1\" t=\"str\"><v>Adno</v></c><c r=\"XFD1\" t=\"str\"><v>x</v></c>")),
        Err(FileError::TooManyColumns { max: 1_024 })
    );
    for cells in [
        "<c r=\"ZZZZ1\"><v>1</v></c>",
        "<c r=\"B1\"><v>1</v></c><c r=\"A1\"><v>1</v></c>",
        "<c t=\"s\"><v>99999999999999999999</v></c>",
        "<c t=\"s\"><v>7</v></c>",
        "<c><v>one</v></c>",
        "<c t=\"w\"><v>1</v></c>",
        "<c><v>&unknown;</v></c>",
        "</row><row r=\"1\">",
        "</row><row r=\"99999999999999999999\">",
    ] {
        assert_eq!(refused(&of(cells)), SpreadsheetError::Broken, "{cells}");
    }
}

#[test]
fn shared_texts_make_no_long_file_of_a_small_one() {
    // As many rows as there may be, each of one text: a row that is too long is never put together.
    let with = |text: &str, rows: usize| {
        let cells = r#"<row><c t="s"><v>0</v></c><c t="s"><v>1</v></c></row>"#;
        let head = r#"<row><c t="str"><v>Adno</v></c><c t="str"><v>Date</v></c><c t="str"><v>Session</v></c><c t="str"><v>Code</v></c></row>"#;
        let xml = format!("<worksheet><sheetData>{head}{}</sheetData></worksheet>", cells.repeat(rows));
        let mut book = Book::new(&[("visible", &xml)], &[], false);
        book.parts.retain(|(name, _)| name != "xl/sharedStrings.xml");
        book.put("xl/sharedStrings.xml", &format!("<sst><si><t>{text}</t></si><si><t>x</t></si></sst>"));
        book
    };
    // A cell has at most 32,767 characters, however many runs they are in.
    let runs = format!("</t></si><si>{}<t>", format!("<r><t>{}</t></r>", "a".repeat(1_000)).repeat(132));
    assert_eq!(refused(&with(&runs, 1)), SpreadsheetError::TooLarge);
    let file = read(&with(&"a".repeat(65_536), 5_000)).unwrap();
    assert_eq!((file.rows.len(), file.tally.rejected.rows), (0, 5_000));
    assert!(
        file.tally.rejected.errors[0].what.contains("more bytes than a row may"),
        "{}",
        file.tally.rejected.errors[0].what
    );
    let limits = Limits { sheet_max_bytes: 5_000_000, ..Limits::default() };
    let many = with(&"a".repeat(50_000), 101).bytes();
    let error = read_kept(&many, Format::Xlsx, &limits).unwrap_err();
    assert_eq!(error, FileError::Spreadsheet(SpreadsheetError::TooLarge));
    assert!(read_kept(&many, Format::Xlsx, &Limits::default()).is_ok());
}

#[test]
fn a_list_is_held_up_to_its_limit() {
    let text = format!("date,am,pm\n{}", "2026-09-03,open,open\n".repeat(100));
    let of = |list_max_bytes| {
        let limits = Limits { list_max_bytes, ..Limits::default() };
        read_calendar(&mut Cursor::new(text.as_bytes()), Format::Csv, (&limits, &mut of_one_school))
    };
    assert_eq!(of(1_000).unwrap_err(), FileError::TooMuch { max: 1_000 });
    assert_eq!(of(100_000).unwrap().rows.len(), 100);
}

#[test]
fn comments_are_counted_and_not_read() {
    let mut book = long();
    book.put("xl/comments1.xml", "<comments><commentList><comment ref=\"A2\"><text><t>was upset</t></text></comment></commentList></comments>");
    let file = read(&book).unwrap();
    assert_eq!((file.tally.comments_dropped, file.rows.len()), (1, 2));
}

#[test]
fn what_is_told_beside_a_text_is_not_part_of_it() {
    let mut book = long();
    for (name, bytes) in &mut book.parts {
        if name == "xl/sharedStrings.xml" {
            *bytes = b"<sst><si><r><t>/</t></r><rPh sb=\"0\" eb=\"1\"><t>x</t></rPh></si><si/><si><t>L</t></si></sst>".to_vec();
        }
    }
    let codes: Vec<String> = read(&book).unwrap().rows.into_iter().map(|(_, mark)| mark.code).collect();
    assert_eq!(codes, ["/", "L"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// An archive with any of its bytes changed is answered.
    #[test]
    fn any_archive_is_answered(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = long().bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        every_reader(&bytes, &Limits::default());
    }

    /// So is any text where a sheet's cells should be.
    #[test]
    fn any_sheet_is_answered(pieces in prop::collection::vec(prop::sample::select(vec![
        "<row>", "</row>", "<row r=\"2\">", "<c>", "<c r=\"A1\" t=\"s\">", "</c>", "<v>", "</v>", "<f/>", "1", "46268", "<is>", "<t>", "</t>",
        "&amp;", "&#x110000;", "<!--", "-->", "</sheetData>", "<", ">", "\u{0}", "é", "<c r=\"ZZ9\"", " s=\"9\"", "<rPh>",
    ]), 0..40)) {
        let xml = format!("<worksheet><sheetData>{}", pieces.concat());
        every_reader(&Book::new(&[("visible", &xml)], &["/"], false).bytes(), &Limits::default());
    }
}
