//! Spreadsheets made by hand, as Excel would save them or as somebody would forge them.

use std::fmt::Write as _;
use std::io::Write as _;

/// A cell.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'c> {
    /// Nothing.
    Empty,
    /// A text in the cell itself.
    Text(&'c str),
    /// A text among those that cells share.
    Shared(usize),
    /// A number.
    Number(&'c str),
    /// A number that is shown as a date.
    Date(&'c str),
    /// A formula with what it showed last.
    Formula(&'c str, &'c str),
    /// An error.
    Error(&'c str),
}

/// A workbook, part by part.
#[derive(Clone, Debug)]
pub struct Book {
    /// The name of each part, and its bytes.
    pub parts: Vec<(String, Vec<u8>)>,
}

impl Book {
    /// With sheets, each with its state (`visible`, `hidden`), and the texts that cells share.
    pub fn new(sheets: &[(&str, &str)], shared: &[&str], from_1904: bool) -> Self {
        let mut book = Self { parts: Vec::new() };
        let (mut list, mut related) = (String::new(), String::new());
        for (at, (state, xml)) in sheets.iter().enumerate() {
            let number = at + 1;
            let _ = write!(
                list,
                r#"<sheet name="Sheet{number}" sheetId="{number}" state="{state}" r:id="rId{number}"/>"#
            );
            let _ = write!(
                related,
                r#"<Relationship Id="rId{number}" Type="x/worksheet" Target="worksheets/sheet{number}.xml"/>"#
            );
            book.put(&format!("xl/worksheets/sheet{number}.xml"), xml);
        }
        let mut texts = String::new();
        for text in shared {
            let _ = write!(texts, "<si><t xml:space=\"preserve\">{}</t></si>", escaped(text));
        }
        book.put(
            "[Content_Types].xml",
            "<Types><Default Extension=\"xml\" ContentType=\"application/xml\"/></Types>",
        );
        book.put("_rels/.rels", "<Relationships/>");
        book.put(
            "xl/workbook.xml",
            &format!(
                r#"<?xml version="1.0"?><workbook xmlns:r="x"><workbookPr date1904="{}"/><sheets>{list}</sheets></workbook>"#,
                u8::from(from_1904)
            ),
        );
        book.put("xl/_rels/workbook.xml.rels", &format!("<Relationships>{related}</Relationships>"));
        book.put(
            "xl/sharedStrings.xml",
            &format!("<sst count=\"4000000000\" uniqueCount=\"4000000000\">{texts}</sst>"),
        );
        book.put(
            "xl/styles.xml",
            r#"<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd/mm/yyyy"/></numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs>
               <cellXfs><xf numFmtId="0"/><xf numFmtId="164"/></cellXfs></styleSheet>"#,
        );
        book
    }

    /// With one visible sheet of cells.
    pub fn of(rows: &[&[Cell<'_>]]) -> Self {
        Self::new(&[("visible", &sheet(rows))], &["/", "\\", "L"], false)
    }

    /// Puts a part behind the others.
    pub fn put(&mut self, name: &str, text: &str) {
        self.parts.push((name.to_owned(), text.as_bytes().to_vec()));
    }

    /// The archive.
    pub fn bytes(&self) -> Vec<u8> {
        let (mut archive, mut directory) = (Vec::new(), Vec::new());
        for (name, bytes) in &self.parts {
            let mut crc = flate2::Crc::new();
            crc.update(bytes);
            let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(bytes).unwrap();
            let packed = encoder.finish().unwrap();
            let at = u32::try_from(archive.len()).unwrap();
            let mut common = Vec::new();
            common.extend([20, 0, 0, 0, 8, 0, 0, 0, 0, 0]);
            common.extend(crc.sum().to_le_bytes());
            common.extend(u32::try_from(packed.len()).unwrap().to_le_bytes());
            common.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
            common.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
            common.extend([0, 0]);
            archive.extend(b"PK\x03\x04");
            archive.extend(&common);
            archive.extend(name.as_bytes());
            archive.extend(packed);
            directory.extend(b"PK\x01\x02\x14\x00");
            directory.extend(&common);
            directory.extend([0; 10]);
            directory.extend(at.to_le_bytes());
            directory.extend(name.as_bytes());
        }
        let parts = u16::try_from(self.parts.len()).unwrap().to_le_bytes();
        let at = u32::try_from(archive.len()).unwrap();
        let size = u32::try_from(directory.len()).unwrap();
        archive.extend(directory);
        archive.extend(b"PK\x05\x06\0\0\0\0");
        archive.extend([parts, parts].concat());
        archive.extend(size.to_le_bytes());
        archive.extend(at.to_le_bytes());
        archive.extend([0, 0]);
        archive
    }
}

/// The XML of a sheet of cells; empty ones are left out, as spreadsheets do.
pub fn sheet(rows: &[&[Cell<'_>]]) -> String {
    let mut xml =
        "<?xml version=\"1.0\"?><worksheet><dimension ref=\"A1:XFD1048576\"/><sheetData>".to_owned();
    for (row, cells) in rows.iter().enumerate() {
        let _ = write!(xml, "<row r=\"{}\">", row + 1);
        for (column, cell) in cells.iter().enumerate() {
            let name = format!("{}{}", letters(column), row + 1);
            let _ = match cell {
                Cell::Empty => Ok(()),
                Cell::Text(text) => {
                    write!(xml, "<c r=\"{name}\" t=\"inlineStr\"><is><t>{}</t></is></c>", escaped(text))
                }
                Cell::Shared(place) => write!(xml, "<c r=\"{name}\" t=\"s\"><v>{place}</v></c>"),
                Cell::Number(number) => write!(xml, "<c r=\"{name}\"><v>{number}</v></c>"),
                Cell::Date(number) => write!(xml, "<c r=\"{name}\" s=\"1\"><v>{number}</v></c>"),
                Cell::Formula(formula, shown) => {
                    write!(
                        xml,
                        "<c r=\"{name}\" t=\"str\"><f>{}</f><v>{}</v></c>",
                        escaped(formula),
                        escaped(shown)
                    )
                }
                Cell::Error(error) => write!(xml, "<c r=\"{name}\" t=\"e\"><v>{error}</v></c>"),
            };
        }
        xml.push_str("</row>");
    }
    xml + "</sheetData></worksheet>"
}

fn letters(column: usize) -> String {
    let last = char::from(b'A' + u8::try_from(column % 26).unwrap());
    if column < 26 { last.to_string() } else { letters(column / 26 - 1) + &last.to_string() }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
