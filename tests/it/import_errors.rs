//! `schoolgate import` on files in every form and with much wrong in them, and the error file that it leaves.

use crate::import_command::{Folder, demo};
use crate::support::Suite;
use crate::support::book::{Book, Cell};
use schoolgate::demo::SystemName;
use schoolgate::demo::agencies::{SUPPLIER, SUPPLIER_SYSTEM};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.plain("import_errors::every_form_and_the_error_file", one_folder);
}

fn one_folder() {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("demo");
    let json = demo(&dir);
    let school = Folder::new(&dir, &json);
    every_form(&school);
    refused_calendar(&school);
    error_file(&school);
    cannot_be_written(&school);
    two_schools(&school);
}

/// A spreadsheet and objects in lines are taken as CSV is, whatever the case of their names' endings.
fn every_form(school: &Folder<'_>) {
    let (csv, id) = school.marks("form.csv", ["G", "G"]);
    let rows = ["am", "pm"].map(|session| [id.as_str(), "2025-11-20", session, "G", "2025-11-21T17:00:00Z"]);
    let names = ["school_pupil_id", "date", "session", "code", "recorded_at"];
    let cells: Vec<Vec<Cell<'_>>> =
        [names].iter().chain(&rows).map(|row| row.iter().map(|cell| Cell::Text(cell)).collect()).collect();
    let book = Book::of(&cells.iter().map(Vec::as_slice).collect::<Vec<_>>()).bytes();
    let lines: String = rows
        .iter()
        .map(|row| {
            let object: serde_json::Map<_, _> =
                names.iter().zip(row).map(|(name, cell)| ((*name).to_owned(), (*cell).into())).collect();
            Value::from(object).to_string() + "\n"
        })
        .collect();
    let mut first = true;
    for (name, bytes) in [
        ("form.xlsx", book.clone()),
        ("form.ndjson", lines.clone().into_bytes()),
        ("FORM.CSV", fs::read(&csv).unwrap()),
        ("FORM.XLSX", book.clone()),
        ("Form.NDJSON", lines.into_bytes()),
    ] {
        let file = school.dir.join(name);
        fs::write(&file, bytes).unwrap();
        let (code, said) = school.import("attendance", &file, &[]);
        let counts = if first { "2 accepted, 0 unchanged" } else { "0 accepted, 2 unchanged" };
        first = false;
        assert_eq!((code, said.contains(counts)), (0, true), "{name}: {said}");
    }
    // What is wrong in a spreadsheet is given back as CSV.
    let wrong = ["nobody", "2025-11-20", "am", "G", ""].map(Cell::Text);
    let file = school.dir.join("wrong.XLSX");
    fs::write(&file, Book::of(&[&names.map(Cell::Text), &wrong]).bytes()).unwrap();
    let (code, said) = school.import("attendance", &file, &[]);
    assert_eq!((code, said.contains("wrong.XLSX.errors.csv")), (3, true), "{said}");
    let told = fs::read_to_string(school.dir.join("wrong.XLSX.errors.csv")).unwrap();
    assert!(told.contains("\nnobody,2025-11-20,am,G,,2,school_pupil_id,nobody,"), "{told}");
}

/// A calendar that may not be meant says why nothing of it was applied, with the words of the API.
fn refused_calendar(school: &Folder<'_>) {
    let file = school.dir.join("short.csv");
    fs::write(&file, "date,am,pm\n2030-09-02,open,open\n").unwrap();
    let (code, said) = school.import("calendar", &file, &[]);
    assert_eq!(code, 3, "{said}");
    assert!(said.starts_with("not applied: ") && said.contains(" refused: nothing was applied"), "{said}");
    assert!(said.contains("confirm_short_year=true"), "{said}");
    let (code, said) = school.import("calendar", &file, &["--json"]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!((code, &told["applied"]), (3, &false.into()), "{said}");
    assert!(told["refused"].as_str().unwrap().contains("confirm_short_year=true"), "{said}");
    fs::write(&file, "date,am,pm\n2030-09-02,perhaps,open\n").unwrap();
    let (code, said) = school.import("calendar", &file, &["--confirm-short-year"]);
    assert_eq!((code, said.contains("a calendar is taken whole or not at all")), (3, true), "{said}");
}

fn names(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let all = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    all.filter(|path| path.to_string_lossy().ends_with(ending)).collect()
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

/// It is new, its owner's alone, follows no link, and is gone once nothing is wrong.
fn error_file(school: &Folder<'_>) {
    let (bad, _) = school.marks("again.csv", ["G", "XYZ"]);
    let (errors, elsewhere) = (school.dir.join("again.csv.errors.csv"), school.dir.join("elsewhere"));
    fs::write(&elsewhere, "kept").unwrap();
    symlink(&elsewhere, &errors).unwrap();
    let (code, said) = school.import("attendance", &bad, &[]);
    assert_eq!((code, fs::read_to_string(&elsewhere).unwrap().as_str()), (3, "kept"), "{said}");
    assert_eq!((fs::symlink_metadata(&errors).unwrap().is_file(), mode(&errors)), (true, 0o600));
    fs::set_permissions(&errors, fs::Permissions::from_mode(0o644)).unwrap();
    let (code, _) = school.import("attendance", &bad, &[]);
    assert_eq!((code, mode(&errors), names(school.dir, ".tmp").len()), (3, 0o600, 0));
    // A file that is refused whole says nothing of its rows: what is known of them stays.
    fs::write(&bad, "number,day\n1,2\n").unwrap();
    assert_eq!((school.import("attendance", &bad, &[]).0, errors.exists()), (1, true));
    let (good, _) = school.marks("again.csv", ["G", "G"]);
    let (code, said) = school.import("attendance", &good, &[]);
    assert_eq!((code, errors.exists()), (0, false), "{said}");
}

/// What was done is told even where the error file cannot be written.
fn cannot_be_written(school: &Folder<'_>) {
    let (bad, _) = school.marks("stuck.csv", ["G", "XYZ"]);
    fs::create_dir(school.dir.join("stuck.csv.errors.csv")).unwrap();
    for more in [&[][..], &["--json"]] {
        let (code, said) = school.import("attendance", &bad, more);
        assert_eq!(code, 1, "{said}");
        let (summary, complaint) = said.split_once("schoolgate: ").unwrap();
        assert!(complaint.contains("cannot write") && complaint.contains("stuck.csv.errors.csv"), "{said}");
        if more.is_empty() {
            assert!(summary.starts_with("applied: 2 rows received, "), "{said}");
        } else {
            let counts: Value = serde_json::from_str(summary).unwrap_or_else(|e| panic!("{e}: {said}"));
            assert_eq!((&counts["rejected"], &counts["applied"]), (&1.into(), &true.into()));
        }
        assert_eq!(names(school.dir, ".tmp"), Vec::<PathBuf>::new());
    }
}

/// A file of two schools with more wrong in each than a report lists: the error file has every row, and each school its
/// own counts.
fn two_schools(school: &Folder<'_>) {
    let supplier = SystemName::new(SUPPLIER, SUPPLIER_SYSTEM);
    let mut text = "school,school_pupil_id,date,session,code\n".to_owned();
    let wrong = [1_300, 1_100];
    for (school, count) in school.json.schools.iter().zip(wrong) {
        let rows = (0..count).map(|number| format!("{},nobody-{number},2025-11-20,am,G\n", school.urn));
        text.extend(rows);
    }
    let file = school.dir.join("many-wrong.csv");
    fs::write(&file, text).unwrap();
    let import = |more: &[&str]| {
        let output = school.import_as((&supplier.file_name(), &supplier.key()), "attendance", &file, more);
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = import(&["--json"]);
    let told: Value = serde_json::from_str(&said).unwrap_or_else(|e| panic!("{e}: {said}"));
    assert_eq!((code, &told["rejected"], &told["rows_left_out"]), (3, &2_400.into(), &0.into()), "{said}");
    assert_eq!(told["errors_left_out"], 0, "the error file has them all: {said}");
    let of_schools = told["schools"].as_array().unwrap().iter();
    let counts: Vec<_> = of_schools.map(|s| (s["received"].as_u64(), s["rejected"].as_u64())).collect();
    assert_eq!(counts, wrong.map(|count| (Some(count), Some(count))));
    let errors = fs::read_to_string(school.dir.join("many-wrong.csv.errors.csv")).unwrap();
    assert_eq!(errors.lines().count(), 2_401);
    for (school, count) in school.json.schools.iter().zip(wrong) {
        let own = errors.lines().filter(|line| line.starts_with(&format!("{},nobody-", school.urn)));
        assert_eq!(u64::try_from(own.count()).unwrap(), count);
    }
    let (code, said) = import(&["--strict"]);
    assert_eq!((code, said.matches(" refused: ").count()), (3, 2), "{said}");
    assert!(said.contains("and 2380 more") && !said.contains("left out"), "{said}");
}
