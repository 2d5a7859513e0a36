//! Whatever comes is answered, and what a school writes is what is read.

use super::*;
use proptest::prelude::*;

/// A file out of pieces that mean something to the reader, so that chance gets past the first line.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        ",",
        "\n",
        "\r\n",
        "\r",
        "\"",
        "\"\"",
        "/",
        "\\",
        "7",
        "B801200005001",
        "2026-09-01",
        "am",
        "pm",
        "L",
        "é",
        "=",
        "{",
        "}",
        "\"date\"",
        ":",
        "[",
        "\u{0}",
        " ",
        "1,,2026-09-01,am,/\n",
        "{\"upn\":\"B801200005001\"}",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        every_reader(&bytes, &Limits::default());
    }

    #[test]
    fn any_pieces_are_answered(text in pieces()) {
        every_reader(text.as_bytes(), &Limits::default());
        every_reader(text.as_bytes(), &Limits { rows_max: 3, row_max_bytes: 20, cell_max_chars: 5, columns_max: 12, errors_max: 2, ..Limits::default() });
        for header in ["school_pupil_id,upn,date,session,code\n", "date,am,pm,comment\n", "school_pupil_id,upn,surname,forename,date_of_birth,sex,starting_day,enrolment_status\n"] {
            every_reader(format!("{header}{text}").as_bytes(), &Limits::default());
        }
    }

    /// What a school writes is what is read, in both formats.
    #[test]
    fn marks_survive_both_formats(id in "[!-~é王 ]{1,20}", code in "/|[A-Z][0-9]?", reason in "[ -~é\u{2019}]{0,60}") {
        prop_assume!(!id.trim().is_empty());
        let mut csv = csv::Writer::from_writer(Vec::new());
        csv.write_record(["school_pupil_id", "date", "session", "code", "reason"]).unwrap();
        csv.write_record([id.as_str(), "2026-09-01", "am", &code, &reason]).unwrap();
        let csv = read_kept(&csv.into_inner().unwrap(), Format::Csv, &Limits::default()).unwrap();
        let json = serde_json::json!({"school_pupil_id": id, "date": "2026-09-01", "session": "am", "code": code, "reason": reason});
        let json = read_kept(json.to_string().as_bytes(), Format::Ndjson, &Limits::default()).unwrap();
        prop_assert_eq!(&csv.tally.rejected.errors, &[]);
        prop_assert_eq!(csv.rows[0].1.school_pupil_id.as_deref(), Some(id.trim()));
        prop_assert_eq!(csv.rows[0].1.reason.as_deref().unwrap_or(""), reason.trim());
        prop_assert_eq!(&csv.rows[0].1.code, &code);
        prop_assert_eq!(&csv.rows[0].1, &json.rows[0].1);
    }
}
