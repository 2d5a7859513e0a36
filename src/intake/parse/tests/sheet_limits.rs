//! Limits of spreadsheets and of lists: what a small file that strangers wrote may make of itself.

use super::book::Book;
use super::sheets::{long, read, refused};
use super::*;

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
