//! Spreadsheets: what is taken, what is refused, and what strangers might forge.

use super::book::{Book, Cell, sheet};
use super::*;
use Cell::{Date, Empty, Error, Formula, Number, Shared, Text};
use proptest::prelude::*;

pub(super) fn read(book: &Book) -> Result<File<Mark>, FileError> {
    read_kept(&book.bytes(), Format::Xlsx, &Limits::default())
}

pub(super) fn refused(book: &Book) -> SpreadsheetError {
    match read(book) {
        Err(FileError::Spreadsheet(error)) => error,
        other => panic!("{other:?}"),
    }
}

const LONG: &[Cell<'_>] =
    &[Text("Adno"), Text("UPN"), Text("Date"), Text("Session"), Text("Code"), Text("Reason")];

pub(super) fn long() -> Book {
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
