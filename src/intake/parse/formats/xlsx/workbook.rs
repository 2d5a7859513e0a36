//! What a sheet's cells are read with: the sheets and where they are, the texts that cells share, which of the number
//! formats are dates, and from which day dates count.

use std::collections::HashMap;

use super::super::super::Source;
use super::super::super::report::SpreadsheetError;
use super::archive::Archive;
use super::part::{Tag, Token, Xml};

/// Bytes of all texts that cells share: a year's codes are a few, names and numbers of 2,000 pupils 100 KiB.
const TEXTS_MAX_BYTES: usize = 64 * 1024 * 1024;
/// Bytes of one of them: a cell has at most 32,767 characters, of four bytes at most.
const TEXT_MAX_BYTES: usize = 4 * 32_767;
/// Sheets, each of which is opened to find the one that is wanted.
const SHEETS_MAX: usize = 256;
/// Parts that a workbook names: its sheets, their drawings and themes.
const RELATED_MAX: usize = 4_096;
/// Formats and texts.
const MANY: usize = 4_000_000;

/// A workbook without its cells.
#[derive(Default)]
pub(super) struct Workbook {
    pub(super) sheets: Vec<Sheet>,
    /// Whether dates count from 1904, as old Macintoshes had it, and not from 1900.
    pub(super) from_1904: bool,
    /// What each style makes of a number.
    pub(super) styles: Vec<Kind>,
    texts: Texts,
    pub(super) comments: usize,
}

/// One sheet.
pub(super) struct Sheet {
    pub(super) part: String,
    pub(super) visible: bool,
}

/// What a number is by its format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Date,
    Time,
}

/// Texts one behind the other, with the end of each.
#[derive(Default)]
struct Texts {
    all: String,
    ends: Vec<usize>,
}

impl Workbook {
    pub(super) fn read(archive: &Archive, source: &mut dyn Source) -> Result<Self, SpreadsheetError> {
        let mut book = Self::default();
        let parts = relationships(archive, source)?;
        book.read_sheets(archive, source, &parts)?;
        if archive.has("xl/styles.xml") {
            book.styles = styles(archive, source)?;
        }
        if archive.has("xl/sharedStrings.xml") {
            book.texts = texts(archive, source)?;
        }
        let comments: Vec<String> = archive.names("xl/comments").map(str::to_owned).collect();
        for part in comments {
            each_tag(archive, source, &part, &mut |tag| {
                book.comments += usize::from(tag.name() == "comment");
                Ok(())
            })?;
        }
        Ok(book)
    }

    /// The text at a place among those that cells share.
    pub(super) fn text(&self, place: usize) -> Option<&str> {
        let begin = match place.checked_sub(1) {
            Some(before) => *self.texts.ends.get(before)?,
            None => 0,
        };
        self.texts.all.get(begin..*self.texts.ends.get(place)?)
    }

    fn read_sheets(
        &mut self,
        archive: &Archive,
        source: &mut dyn Source,
        parts: &HashMap<String, String>,
    ) -> Result<(), SpreadsheetError> {
        each_tag(archive, source, "xl/workbook.xml", &mut |tag| {
            match tag.name() {
                "workbookPr" => {
                    let from = tag.attribute("date1904")?;
                    self.from_1904 |= from.is_some_and(|value| value == "1" || value == "true");
                }
                "sheet" => {
                    let id = tag.attribute("id")?.ok_or(SpreadsheetError::Broken)?;
                    let visible = tag.attribute("state")?.is_none_or(|state| state == "visible");
                    let part = parts.get(&id).ok_or(SpreadsheetError::Broken)?;
                    // Sheets of charts have no cells.
                    if part.to_ascii_lowercase().starts_with("xl/worksheets/") {
                        // A long sheet named again and again would be read as often.
                        if self.sheets.iter().any(|sheet| sheet.part.eq_ignore_ascii_case(part)) {
                            return Err(SpreadsheetError::Broken);
                        }
                        self.sheets.push(Sheet { part: part.clone(), visible });
                    }
                    if self.sheets.len() > SHEETS_MAX {
                        return Err(SpreadsheetError::TooLarge);
                    }
                }
                _ => {}
            }
            Ok(())
        })
    }
}

/// The parts that the workbook's ids stand for.
fn relationships(
    archive: &Archive,
    source: &mut dyn Source,
) -> Result<HashMap<String, String>, SpreadsheetError> {
    let mut parts = HashMap::new();
    each_tag(archive, source, "xl/_rels/workbook.xml.rels", &mut |tag| {
        if tag.name() == "Relationship"
            && let (Some(id), Some(target)) = (tag.attribute("Id")?, tag.attribute("Target")?)
        {
            let part = target.strip_prefix('/').map_or_else(|| format!("xl/{target}"), str::to_owned);
            parts.insert(id, part);
        }
        if parts.len() > RELATED_MAX {
            return Err(SpreadsheetError::TooLarge);
        }
        Ok(())
    })?;
    Ok(parts)
}

fn styles(archive: &Archive, source: &mut dyn Source) -> Result<Vec<Kind>, SpreadsheetError> {
    let mut formats = HashMap::new();
    let mut styles = Vec::new();
    let mut xml = Xml::new(archive.part(source, "xl/styles.xml")?);
    let mut in_cells = false;
    loop {
        match xml.next()? {
            Token::Open(tag) => match tag.name() {
                "numFmt" => {
                    if let (Some(id), Some(code)) = (tag.attribute("numFmtId")?, tag.attribute("formatCode")?)
                    {
                        formats.insert(id, kind_of(&code));
                    }
                }
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = tag.attribute("numFmtId")?.unwrap_or_default();
                    let kind = formats.get(&id).copied().unwrap_or_else(|| built_in(&id));
                    styles.push(kind);
                }
                _ => {}
            },
            Token::Close(name) => in_cells &= name != "cellXfs",
            Token::Ended => return Ok(styles),
            Token::Text(_) | Token::Nothing => {}
        }
        if styles.len() > MANY || formats.len() > MANY {
            return Err(SpreadsheetError::TooLarge);
        }
    }
}

/// The formats that need no definition (ECMA-376 part 1, 18.8.30).
fn built_in(id: &str) -> Kind {
    match id.parse::<u32>() {
        Ok(14..=17 | 22 | 27..=31 | 36 | 50..=58) => Kind::Date,
        Ok(18..=21 | 32..=35 | 45..=47) => Kind::Time,
        Ok(_) | Err(_) => Kind::Number,
    }
}

/// What a format makes of a number, by the letters of its code that stand for parts of a date.
fn kind_of(code: &str) -> Kind {
    let (mut date, mut time, mut month) = (false, false, false);
    let mut letters = code.chars();
    while let Some(letter) = letters.next() {
        match letter.to_ascii_lowercase() {
            // What is quoted, escaped or padded is shown as it stands.
            '"' => while letters.next().is_some_and(|c| c != '"') {},
            '\\' | '_' | '*' => {
                letters.next();
            }
            '[' => {
                let inside: String = letters.by_ref().take_while(|c| *c != ']').collect();
                time |= matches!(inside.to_ascii_lowercase().as_str(), "h" | "hh" | "m" | "mm" | "s" | "ss");
            }
            'y' | 'd' => date = true,
            'h' | 's' => time = true,
            'm' => month = true,
            // The second half of a code is for negative numbers, which no date is.
            ';' => break,
            _ => {}
        }
    }
    match (date, time, month) {
        (true, ..) | (false, false, true) => Kind::Date,
        (false, true, _) => Kind::Time,
        (false, false, false) => Kind::Number,
    }
}

fn texts(archive: &Archive, source: &mut dyn Source) -> Result<Texts, SpreadsheetError> {
    let mut texts = Texts::default();
    let mut xml = Xml::new(archive.part(source, "xl/sharedStrings.xml")?);
    // How a text is pronounced is beside it, and not part of it.
    let (mut taken, mut aside) = (false, false);
    loop {
        match xml.next()? {
            Token::Open(tag) => match tag.name() {
                "t" => taken = !aside,
                "rPh" => aside = true,
                _ => {}
            },
            Token::Text(text) if taken => texts.all.push_str(&text),
            Token::Close(name) => match name.as_str() {
                "t" => taken = false,
                "rPh" => aside = false,
                "si" => {
                    if texts.all.len() - texts.ends.last().copied().unwrap_or(0) > TEXT_MAX_BYTES {
                        return Err(SpreadsheetError::TooLarge);
                    }
                    texts.ends.push(texts.all.len());
                }
                _ => {}
            },
            Token::Ended => return Ok(texts),
            Token::Text(_) | Token::Nothing => {}
        }
        if texts.all.len() > TEXTS_MAX_BYTES || texts.ends.len() > MANY {
            return Err(SpreadsheetError::TooLarge);
        }
    }
}

/// Gives the beginning of every element of a part.
fn each_tag(
    archive: &Archive,
    source: &mut dyn Source,
    part: &str,
    take: &mut dyn FnMut(&Tag<'_>) -> Result<(), SpreadsheetError>,
) -> Result<(), SpreadsheetError> {
    let mut xml = Xml::new(archive.part(source, part)?);
    loop {
        match xml.next()? {
            Token::Open(tag) => take(&tag)?,
            Token::Ended => return Ok(()),
            Token::Close(_) | Token::Text(_) | Token::Nothing => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_that_are_dates() {
        for (code, expected) in [
            ("General", Kind::Number),
            ("0.00", Kind::Number),
            ("0.00E+00", Kind::Number),
            ("@", Kind::Number),
            ("dd/mm/yyyy", Kind::Date),
            ("[$-F800]dddd, mmmm dd, yyyy", Kind::Date),
            ("mmm", Kind::Date),
            ("yyyy\\-mm\\-dd", Kind::Date),
            ("\"day\" 0", Kind::Number),
            ("#,##0_d;[Red]\\-#,##0", Kind::Number),
            ("h:mm AM/PM", Kind::Time),
            ("[h]:mm:ss", Kind::Time),
            ("0;d", Kind::Number),
        ] {
            assert_eq!(kind_of(code), expected, "{code}");
        }
        assert_eq!(
            (built_in("14"), built_in("20"), built_in("0"), built_in("x")),
            (Kind::Date, Kind::Time, Kind::Number, Kind::Number)
        );
    }
}
