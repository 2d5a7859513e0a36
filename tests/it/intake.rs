//! Bad input over the wire: the right status, a report that says what to do, an audit entry, nothing half-written.

use crate::support::exports::{Row, Wire, csv_of, number, standing};
use crate::support::{Suite, TestDb};
use schoolgate::demo::SchoolFiles;
use schoolgate::demo::run::Answered;
use serde_json::{Value, json};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("intake::bad_rows_are_told_and_the_good_ones_stand", bad_rows);
    suite.both_empty("intake::bad_files_are_refused_whole", bad_files);
    suite.both_empty("intake::one_register_and_ndjson_are_the_same_way_in", other_forms);
    suite.both_empty("intake::a_school_reaches_its_own_registers_only", own_school);
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";
const IMPORTS: &str = "SELECT COUNT(*) FROM imports";
const ENTRIES: &str = "SELECT COUNT(*) FROM audit_entries WHERE class = 'access'";
const COLUMNS: &[&str] =
    &["school_pupil_id", "upn", "date", "session", "code", "minutes_late", "recorded_at"];
const AT: &str = "2026-11-20T17:00:00Z";

fn row(columns: &[&str], cells: &[&str]) -> Row {
    columns.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), (*cell).to_owned())).collect()
}

/// Two pupils on roll with marks on the day before, the first with a permanent UPN.
fn pupils(gate: &Wire, school: &SchoolFiles) -> [Row; 2] {
    let marks = gate.rows(&school.attendance);
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["starting_day"].as_str() < "2024-09-15"
            && row["whereabouts_protected"] == "false"
            && row["upn"].ends_with(|c: char| c.is_ascii_digit())
            && standing(&marks, &row["school_pupil_id"]).keys().any(|(date, _)| date == "2026-11-19")
    };
    let rows = gate.rows(&school.pupils);
    let mut found = rows.iter().filter(fits).cloned();
    [found.next().unwrap(), found.next().unwrap()]
}

async fn bad_rows(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let [pupil, other] = pupils(&gate, school);
    let (id, upn) = (pupil["school_pupil_id"].as_str(), pupil["upn"].as_str());
    // Row, the column at fault, a word of what is wrong, a word of what to do.
    let rows: &[(&[&str], &str, &str, &str)] = &[
        (&[id, "", "2026-11-19", "am", "%", "", AT], "code", "code", ""),
        (&[id, "", "2026-11-19", "am", "ABCD", "", AT], "code", "not an attendance code", "one to three"),
        (&[id, "", "2026-11-14", "am", "/", "", AT], "date", "no session", "correct"),
        (&[id, "", "2026-11-23", "am", "/", "", AT], "date", "after today", "held"),
        (&[id, "", "2026-02-30", "am", "/", "", AT], "date", "not in the calendar", "check"),
        (&[id, "", "19/11/2026", "am", "/", "", AT], "date", "not a date", "2026-11-19"),
        (
            &[id, "", "2024-11-19", "am", "/", "", AT],
            "date",
            "without a calendar",
            "PUT /v1/schools/{urn}/calendar/2024",
        ),
        (
            &["no-such-number", "", "2026-11-19", "am", "/", "", AT],
            "school_pupil_id",
            "not on this school's roll",
            "admission",
        ),
        (&["", "", "2026-11-19", "am", "/", "", AT], "school_pupil_id", "empty", "at least one"),
        (&["", "B801200005002", "2026-11-19", "am", "/", "", AT], "upn", "", ""),
        (
            &[id, other["upn"].as_str(), "2026-11-19", "am", "/", "", AT],
            "upn",
            "not the UPN of the pupil",
            "correct",
        ),
        (&[id, "", "2026-11-19", "noon", "/", "", AT], "session", "not a session", "am"),
        (&[id, "", "2026-11-19", "am", "L", "soon", AT], "minutes_late", "minutes", "whole minutes"),
        (&[id, "", "2026-11-19", "am", "/", "", "yesterday"], "recorded_at", "RFC 3339", "offset"),
    ];
    let mut file: Vec<Row> = rows.iter().map(|(cells, ..)| row(COLUMNS, cells)).collect();
    let last = row(COLUMNS, &["", upn, "2026-11-19", "am", "G", "", AT]);
    file.push(last);
    let csv = csv_of(COLUMNS, &file);
    // The token is asked for before entries are counted: it has one too.
    gate.client(&Wire::sender(&school.urn)).find(upn).await.unwrap();
    let (versions, entries) = (number(&db.db, VERSIONS).await, number(&db.db, ENTRIES).await);
    let strict = gate.send(&school.urn, "attendance?strict=true", &csv).await;
    assert_eq!((strict.status, &strict.body["applied"]), (422, &json!(false)), "{}", strict.body);
    refused_strict(&strict);
    assert_eq!(number(&db.db, VERSIONS).await, versions, "strict applies nothing");
    let answer = gate.send(&school.urn, "attendance", &csv).await;
    assert_eq!((answer.status, &answer.body["applied"]), (200, &json!(true)), "{}", answer.body);
    assert_eq!(number(&db.db, VERSIONS).await, versions + 1, "the one good row stands");
    assert_eq!(number(&db.db, ENTRIES).await, entries + 2, "each has its entry");
    assert_eq!(strict.body["errors"], answer.body["errors"]);
    let count = |name: &str| answer.body[name].as_u64().unwrap();
    assert_eq!((count("received"), count("accepted"), count("rejected")), (15, 1, 14), "{}", answer.body);
    let errors = answer.body["errors"].as_array().unwrap();
    for (index, (cells, column, what, to_do)) in rows.iter().enumerate() {
        // The header is line 1.
        let line = index + 2;
        let error = errors.iter().find(|e| e["line"] == line && e["column"] == *column);
        let error = error.unwrap_or_else(|| panic!("line {line}, {column}: {errors:?}"));
        let place = COLUMNS.iter().position(|c| c == column).unwrap();
        assert_eq!(error["value"], cells[place], "{error}");
        let said = |name: &str| error[name].as_str().unwrap().to_owned();
        assert!(said("what").contains(what), "{error}");
        assert!(!said("what").is_empty() && !said("what_to_do").is_empty(), "{error}");
        assert!(to_do.split('|').any(|word| said("what_to_do").contains(word)), "{error}");
    }
    let lines: std::collections::BTreeSet<u64> = errors.iter().filter_map(|e| e["line"].as_u64()).collect();
    assert_eq!(lines.len(), 14);
    gate.stop().await;
}

/// A strict file is refused as a problem document that carries its report.
fn refused_strict(strict: &Answered) {
    assert_eq!(strict.body["type"], "urn:schoolgate:problem:rows_rejected", "{}", strict.body);
    let detail = strict.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("14 rows were rejected and the file was sent strict"), "{detail}");
    assert_eq!((&strict.body["refused"], &strict.body["rejected"]), (&json!(detail), &json!(14)));
}

async fn bad_files(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let [pupil, _] = pupils(&gate, school);
    gate.client(&Wire::sender(&school.urn)).find(&pupil["upn"]).await.unwrap();
    let (versions, mut imports) = (number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await);
    let good =
        csv_of(COLUMNS, &[row(COLUMNS, &[&pupil["school_pupil_id"], "", "2026-11-19", "am", "G", "", AT])]);
    let utf16 = b"\xff\xfes\0c\0h\0".to_vec();
    let windows = [good.as_bytes(), b"1,Zo\xeb,2026-11-19,am,/,,\n"].concat();
    let files: Vec<(&str, &str, Vec<u8>, u16, &str)> = vec![
        (
            "attendance",
            "text/csv",
            good.replace("session,code", "sitting,what_stood").into_bytes(),
            422,
            "`session` is missing",
        ),
        (
            "attendance",
            "text/csv",
            good.replace("recorded_at", "date").into_bytes(),
            422,
            "more than one column",
        ),
        ("attendance", "text/csv", good.replace(',', ";").into_bytes(), 422, "commas"),
        ("attendance", "text/csv", Vec::new(), 422, "empty"),
        ("attendance", "text/csv", utf16, 422, "UTF-16"),
        ("attendance", "text/csv", [windows.as_slice(), "é\n".as_bytes()].concat(), 422, "is not UTF-8"),
        ("attendance", "application/json", good.clone().into_bytes(), 415, "text/csv"),
        ("pupils", "text/plain", good.clone().into_bytes(), 415, "text/csv"),
        ("pupils", "text/csv", good.clone().into_bytes(), 422, "`surname` is missing"),
        ("calendar/2026", "text/csv", good.clone().into_bytes(), 422, "`am` is missing"),
        ("calendar/20x6", "text/csv", b"date,am,pm\n".to_vec(), 400, "school year"),
        ("attendance?stricly=true", "text/csv", good.clone().into_bytes(), 400, ""),
        ("registers/2026-11-19/noon", "application/json", b"[]".to_vec(), 400, "`am` or `pm`"),
        ("registers/19-11-2026/am", "application/json", b"[]".to_vec(), 400, "YYYY-MM-DD"),
        ("registers/2026-11-19/am", "application/json", b"[{\"code\":".to_vec(), 400, ""),
        ("registers/2026-11-19/am", "application/json", b"[{\"code\":\"/\",\"mark\":1}]".to_vec(), 400, ""),
        ("registers/2026-11-19/am", "application/json", "[".repeat(5000).into_bytes(), 400, ""),
    ];
    for (what, kind, body, status, word) in files {
        let entries = number(&db.db, ENTRIES).await;
        let answer = gate.send_as(&school.urn, what, kind, body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap_or_else(|| panic!("{what}: {}", answer.body));
        assert!(detail.contains(word) && !detail.is_empty(), "{what}: {detail}");
        assert!(
            answer.body["type"].as_str().unwrap().starts_with("urn:schoolgate:problem:"),
            "{}",
            answer.body
        );
        assert!(answer.receipt.is_some(), "{what}");
        assert_eq!(number(&db.db, ENTRIES).await, entries + 1, "{what}: one entry");
        // What was a file at all stands in the history, with the reason.
        imports += i64::from(status == 422);
        assert_eq!(
            (number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await),
            (versions, imports),
            "{what}"
        );
    }
    bad_calendars(&gate, &school.urn).await;
    assert_eq!(number(&db.db, VERSIONS).await, versions);
    gate.stop().await;
}

/// A calendar with one fault is rejected whole: a day missing from it would make marks vanish.
async fn bad_calendars(gate: &Wire, urn: &str) {
    for (line, word) in [("2026-11-19,maybe,open,,", "am"), ("2025-11-19,open,open,,", "2025-11-19")] {
        let csv = format!("date,am,pm,term,note\n2026-11-18,open,open,,\n{line}\n");
        let answer = gate.send(urn, "calendar/2026", &csv).await;
        assert_eq!((answer.status, &answer.body["applied"]), (422, &json!(false)), "{}", answer.body);
        assert_eq!(answer.body["type"], "urn:schoolgate:problem:rows_rejected", "{}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains("whole or not at all"), "{}", answer.body);
        assert!(answer.body["rejected"].as_u64() > Some(0), "{}", answer.body);
        assert!(answer.body["errors"].to_string().contains(word), "{}", answer.body);
    }
}

/// The counts of a report.
fn counts(answer: &Answered) -> [u64; 5] {
    ["received", "accepted", "unchanged", "amended", "rejected"]
        .map(|name| answer.body[name].as_u64().unwrap())
}

async fn other_forms(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let [pupil, other] = pupils(&gate, school);
    let (id, upn) = (pupil["school_pupil_id"].as_str(), other["upn"].as_str());
    let rows = [
        row(COLUMNS, &[id, "", "2026-11-17", "am", "L", "12", AT]),
        row(COLUMNS, &["", upn, "2026-11-17", "pm", "G", "", AT]),
        row(COLUMNS, &[id, "", "2026-11-17", "pm", "%", "", AT]),
        row(COLUMNS, &[id, "", "2026-11-22", "pm", "/", "", AT]),
    ];
    let lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().filter(|(_, cell)| !cell.is_empty());
            let mut line: Value =
                cells.map(|(c, v)| (c.clone(), json!(v))).collect::<serde_json::Map<_, _>>().into();
            if let Some(minutes) = line.get_mut("minutes_late") {
                *minutes = json!(12);
            }
            line.to_string()
        })
        .collect();
    let lines = lines.join("\n");
    let csv = csv_of(COLUMNS, &rows);
    let dry = "attendance?dry_run=true";
    let as_csv = gate.send(&school.urn, dry, &csv).await;
    let as_lines = gate.send_as(&school.urn, dry, "application/x-ndjson", lines.clone().into_bytes()).await;
    assert_eq!((counts(&as_csv), counts(&as_lines)), ([4, 2, 0, 2, 2], [4, 2, 0, 2, 2]));
    let told = |answer: &Answered, header: u64| -> Vec<(u64, Value, Value)> {
        let errors = answer.body["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|e| (e["line"].as_u64().unwrap() - header, e["column"].clone(), e["what"].clone()))
            .collect()
    };
    assert_eq!(told(&as_csv, 1), told(&as_lines, 0));
    let taken = gate.send_as(&school.urn, "attendance", "application/x-ndjson", lines.into_bytes()).await;
    assert_eq!(counts(&taken), [4, 2, 0, 2, 2]);
    assert_eq!(
        counts(&gate.send(&school.urn, "attendance", &csv).await),
        [4, 0, 2, 0, 2],
        "CSV finds it all there"
    );
    let broken =
        gate.send_as(&school.urn, "attendance", "application/x-ndjson", b"{\"date\":\n[1]\n".to_vec()).await;
    assert_eq!((broken.status, counts(&broken)), (200, [2, 0, 0, 0, 2]), "{}", broken.body);
    // One register: the marks of one session.
    let register = json!([
        {"school_pupil_id": id, "code": "I", "recorded_at": AT},
        {"upn": upn, "code": "L", "minutes_late": 3, "recorded_at": AT},
        {"school_pupil_id": "no-such-number", "code": "/"},
    ]);
    let body = register.to_string().into_bytes();
    let answer = gate.send_as(&school.urn, "registers/2026-11-16/am", "application/json", body).await;
    assert_eq!((answer.status, counts(&answer)[0], counts(&answer)[1]), (200, 3, 2), "{}", answer.body);
    assert_eq!((&answer.body["errors"][0]["line"], &answer.body["rejected"]), (&json!(3), &json!(1)));
    let name = Wire::sender(&school.urn);
    let handle = gate.client(&name).find(&pupil["upn"]).await.unwrap().unwrap();
    let body =
        gate.ask(&name, &handle, None, "?from=2026-11-16&to=2026-11-16&sections=sessions,codes").await.body;
    assert!(body["enrolments"][0]["sections"]["codes"]["I"].as_u64() > Some(0), "{body}");
    assert_eq!(body["enrolments"][0]["sections"]["sessions"][0]["am"], "A", "{body}");
    gate.stop().await;
}

async fn own_school(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let [a, b] = gate.schools() else { panic!("two schools") };
    let [pupil, _] = pupils(&gate, a);
    let csv =
        csv_of(COLUMNS, &[row(COLUMNS, &[&pupil["school_pupil_id"], "", "2026-11-19", "am", "G", "", AT])]);
    let answer = gate.send(&a.urn, "attendance", &csv).await;
    assert_eq!(counts(&answer)[1], 1);
    let path = format!("/v1/imports/{}", answer.body["import_id"].as_str().unwrap());
    let again = gate.get(&Wire::sender(&a.urn), &path).await;
    assert_eq!((again.status, &again.body), (200, &answer.body), "the same report");
    let others = gate.get(&Wire::sender(&b.urn), &path).await;
    let nobodys = gate.get(&Wire::sender(&b.urn), "/v1/imports/0190b8f0-0000-7000-8000-000000000000").await;
    assert_eq!((others.status, nobodys.status), (404, 404));
    assert_eq!(
        (&others.body["type"], &others.body["detail"]),
        (&nobodys.body["type"], &nobodys.body["detail"])
    );
    assert_eq!(gate.get("social_worker_cp", &path).await.status, 403);
    let before = (number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await);
    // Another school's number, one that no school has, and an agency that sends registers.
    let sender = gate.client(&Wire::sender(&b.urn));
    for urn in [a.urn.as_str(), "999999", "nonsense"] {
        for (method, what) in [
            ("POST", "attendance"),
            ("POST", "pupils"),
            ("PUT", "calendar/2026"),
            ("PUT", "registers/2026-11-19/am"),
        ] {
            let path = format!("/v1/schools/{urn}/{what}");
            let headers = [("content-type", "text/csv")];
            let method = method.parse().unwrap();
            let answer = sender.call(method, &path, &headers, csv.clone().into_bytes()).await.unwrap();
            assert_eq!(
                (answer.status, &answer.body["type"]),
                (403, &json!("urn:schoolgate:problem:forbidden")),
                "{path}"
            );
        }
    }
    let path = format!("/v1/schools/{}/attendance", a.urn);
    let headers = [("content-type", "text/csv")];
    let agency =
        gate.client("attendance_officer_la").call("POST".parse().unwrap(), &path, &headers, csv.into_bytes());
    assert_eq!(agency.await.unwrap().status, 403);
    assert_eq!((number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await), before);
    gate.stop().await;
}
