//! Any bytes to every reader: each answers, whatever they are.

use schoolgate::intake::parse::{
    Content, Format, Limits, of_one_school, originals, read_calendar, read_marks, read_pupils,
};
use std::io::Cursor;

/// Small, so that every limit is met by small inputs.
const LIMITS: Limits = Limits {
    rows_max: 1_000,
    columns_max: 64,
    row_max_bytes: 4_096,
    cell_max_chars: 100,
    sheet_max_bytes: 1 << 20,
    list_max_bytes: 1 << 20,
    errors_max: 50,
};

/// Reads bytes as text in both formats.
pub fn text(bytes: &[u8]) {
    every_reader(bytes, Format::Csv);
    every_reader(bytes, Format::Ndjson);
}

/// Reads bytes as a spreadsheet.
pub fn sheets(bytes: &[u8]) {
    every_reader(bytes, Format::Xlsx);
}

fn every_reader(bytes: &[u8], format: Format) {
    let today = chrono::NaiveDate::from_ymd_opt(2026, 11, 20).unwrap_or_default();
    let _ = read_calendar(&mut Cursor::new(bytes), format, (&LIMITS, &mut of_one_school));
    let _ = read_pupils(&mut Cursor::new(bytes), format, (&LIMITS, &mut of_one_school), today);
    let mut taken = 0_usize;
    let read = read_marks(&mut Cursor::new(bytes), format, (&LIMITS, &mut of_one_school), &mut |_, mark| {
        taken += usize::from(!mark.code.is_empty());
        Ok(())
    });
    if let Ok(tally) = read {
        assert_eq!(tally.received, taken + tally.rejected.rows, "every mark is read or rejected");
        let lines = tally.rejected.errors.iter().map(|error| error.line).collect();
        let given = originals(&mut Cursor::new(bytes), (format, Content::Marks), &LIMITS, &lines, 10_000);
        assert!(given.is_ok(), "what could be read can be given back");
    }
}
