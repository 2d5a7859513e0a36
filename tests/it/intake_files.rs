//! Schools' files in every form over the wire: what is taken and what its report says, what is refused, and what an
//! office can mend and send again.

use crate::support::book::{Book, Cell};
use crate::support::exports::{Row, Wire, columns_of, csv_of, number};
use crate::support::wire::{connect, run, tls_of, until};
use crate::support::{Suite, TestDb};
use chrono::TimeDelta;
use reqwest::Method;
use schoolgate::demo::run::Answered;
use schoolgate::demo::{DemoCaller, SchoolFiles};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("intake_files::every_layout_is_one_register", layouts);
    suite.both_empty("intake_files::spreadsheets_and_encodings_are_refused_whole", refused_whole);
    suite.both_empty("intake_files::a_school_maps_codes_of_its_own", local_codes);
    suite.both_empty("intake_files::errors_are_mended_and_sent_again", mended);
    suite.both_empty("intake_files::uploads_are_whole_or_nothing", whole_or_nothing);
}

const VERSIONS: &str = "SELECT COUNT(*) FROM register_versions";
const IMPORTS: &str = "SELECT COUNT(*) FROM imports";
const ENTRIES: &str = "SELECT COUNT(*) FROM audit_entries WHERE class = 'access'";
const ERRORS: &str = "SELECT COUNT(*) FROM import_errors";
const CSV: &str = "text/csv";
const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// Pupils on roll with a permanent UPN, long enough for every date of these tests.
pub fn pupils(gate: &Wire, school: &SchoolFiles) -> Vec<Row> {
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["boarder"] != "true"
            && row["starting_day"].as_str() < "2025-09-15"
            && row["whereabouts_protected"] == "false"
            && row["upn"].ends_with(|c: char| c.is_ascii_digit())
    };
    let found: Vec<Row> = gate.rows(&school.pupils).iter().filter(fits).cloned().collect();
    assert!(found.len() > 3);
    found
}

pub fn counts(answer: &Answered) -> [u64; 4] {
    ["received", "accepted", "unchanged", "rejected"]
        .map(|name| answer.body[name].as_u64().unwrap_or(u64::MAX))
}

fn said(answer: &Answered) -> [&str; 3] {
    ["layout", "encoding", "dates"].map(|name| answer.body[name].as_str().unwrap_or("none"))
}

/// 19 November 2026 in every form: whichever comes first is taken, and the others find it all there.
async fn layouts(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let found = pupils(&gate, school);
    let [a, b] = [0, 1].map(|at| found[at]["school_pupil_id"].as_str());
    let day =
        format!("Adno,Form,Date,AM,PM,Comments\n{a},7A,19/11/2026,I,I,poorly\n{b},7A,19/11/2026,//,/,\n");
    let first = gate.send(&school.urn, "attendance", &day).await;
    assert_eq!((first.status, counts(&first)[0], counts(&first)[3]), (200, 4, 0), "{}", first.body);
    assert_eq!(said(&first), ["day", "utf-8", "dd/mm/yyyy"]);
    assert_eq!((&first.body["codes_mended"], &first.body["comments_dropped"]), (&json!(2), &json!(1)));
    let wide = format!("Adno,2026-11-19,\n,AM,PM\n{a},I,I\n{b},/,\\\n").into_bytes();
    let mut windows = b"Adno,Date,Session,Code,T\xFCtor\n".to_vec();
    for (id, codes) in [(a, ["I", "I"]), (b, ["/", "\\"])] {
        for (session, code) in ["am", "pm"].into_iter().zip(codes) {
            windows.extend(format!("{id},2026-11-19,{session},{code},x\n").into_bytes());
        }
    }
    let (header, a_row, b_row) = (
        [Cell::Text("Adno"), Cell::Date("46345"), Cell::Empty],
        [Cell::Text(a), Cell::Text("I"), Cell::Text("I")],
        [Cell::Text(b), Cell::Shared(0), Cell::Shared(1)],
    );
    let halves = [Cell::Empty, Cell::Text("AM"), Cell::Text("PM")];
    let book = Book::of(&[&header, &halves, &a_row, &b_row]).bytes();
    let lines = format!(
        "{{\"school_pupil_id\":\"{a}\",\"date\":\"2026-11-19\",\"am\":\"I\",\"pm\":\"I\"}}\n\
         {{\"school_pupil_id\":\"{b}\",\"date\":\"2026-11-19\",\"am\":\"/\",\"pm\":\"\\\\\"}}\n"
    );
    for (kind, body, expected) in [
        (CSV, day.into_bytes(), ["day", "utf-8", "dd/mm/yyyy"]),
        (CSV, wide, ["wide", "utf-8", "yyyy-mm-dd"]),
        (CSV, windows, ["long", "windows-1252", "yyyy-mm-dd"]),
        (XLSX, book, ["wide", "xlsx", "yyyy-mm-dd"]),
        ("application/x-ndjson", lines.into_bytes(), ["day", "utf-8", "yyyy-mm-dd"]),
    ] {
        let answer = gate.send_as(&school.urn, "attendance", kind, body).await;
        assert_eq!((answer.status, counts(&answer)), (200, [4, 0, 4, 0]), "{expected:?}: {}", answer.body);
        assert_eq!(said(&answer), expected);
    }
    // A year is 380 columns and more, and one upload.
    let dates: Vec<String> = (0..200)
        .map(|n| ("2025-11-17".parse::<chrono::NaiveDate>().unwrap() + TimeDelta::days(n)).to_string())
        .collect();
    let header = dates.iter().fold(String::new(), |all, date| all + "," + date + " AM," + date + " PM");
    let year = format!("Adno{header}\n{a},G{}\n", ",".repeat(399));
    let answer = gate.send(&school.urn, "attendance", &year).await;
    assert_eq!((answer.status, counts(&answer)[0], counts(&answer)[3]), (200, 1, 0), "{}", answer.body);
    roll_and_calendar_as_spreadsheets(&gate, school, &found[0]).await;
    gate.stop().await;
}

async fn roll_and_calendar_as_spreadsheets(gate: &Wire, school: &SchoolFiles, pupil: &Row) {
    let columns = columns_of(pupil);
    let header: Vec<Cell<'_>> = columns.iter().map(|column| Cell::Text(column)).collect();
    let cells: Vec<Cell<'_>> = columns.iter().map(|column| Cell::Text(&pupil[*column])).collect();
    let roll = Book::of(&[&header, &cells]).bytes();
    let answer = gate.send_as(&school.urn, "pupils", XLSX, roll).await;
    assert_eq!((answer.status, counts(&answer)), (200, [1, 0, 1, 0]), "{}", answer.body);
    assert_eq!(said(&answer), ["rows", "xlsx", "yyyy-mm-dd"]);
    let calendar = gate.rows(&school.calendar);
    let rows: Vec<Vec<Cell<'_>>> = calendar
        .iter()
        .filter(|row| row["date"].as_str() >= "2026-08-01")
        .map(|row| {
            ["date", "am", "pm", "term", "note"].iter().map(|column| Cell::Text(&row[*column])).collect()
        })
        .collect();
    let header = ["date", "am", "pm", "term", "note"].map(Cell::Text);
    let all: Vec<&[Cell<'_>]> =
        [header.as_slice()].into_iter().chain(rows.iter().map(Vec::as_slice)).collect();
    let answer = gate.send_as(&school.urn, "calendar/2026?dry_run=true", XLSX, Book::of(&all).bytes()).await;
    assert_eq!((answer.status, counts(&answer)[3], counts(&answer)[1]), (200, 0, 0), "{}", answer.body);
}

async fn refused_whole(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let found = pupils(&gate, school);
    let id = found[0]["school_pupil_id"].as_str();
    gate.client(&Wire::sender(&school.urn)).find(&found[0]["upn"]).await.unwrap();
    let header = [Cell::Text("Adno"), Cell::Text("Date"), Cell::Text("Session"), Cell::Text("Code")];
    let cells = [Cell::Text(id), Cell::Text("2026-11-19"), Cell::Text("am"), Cell::Text("G")];
    let good = Book::of(&[&header, &cells]);
    let with = |part: &str, bytes: Vec<u8>| {
        let mut book = good.clone();
        book.parts.push((part.to_owned(), bytes));
        book.bytes()
    };
    let csv = format!("Adno,Date,Session,Code\n{id},2026-11-19,am,G\n");
    let mixed =
        [format!("{csv}{id},2026-11-18,am,G,Zoë\n").as_bytes(), b"x,2026-11-18,am,G,Zo\xEB\n"].concat();
    let (versions, mut imports) = (number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await);
    for (kind, body, word) in [
        (XLSX, with("xl/vbaProject.bin", b"macros".to_vec()), "macros"),
        (XLSX, with("xl/externalLinks/externalLink1.xml", b"<a/>".to_vec()), "other files"),
        (XLSX, with("xl/media/image1.png", vec![0; 32 * 1024 * 1024]), "unpacks to more"),
        (XLSX, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1 and so on".to_vec(), "password"),
        (XLSX, csv.clone().into_bytes(), "cannot be opened"),
        (XLSX, good.bytes()[..400].to_vec(), "cannot be opened"),
        (CSV, good.bytes(), "is a spreadsheet"),
        (CSV, mixed, "line 4 is not UTF-8"),
        (CSV, format!("Adno,03/09/2026 AM\n{id},/\n").into_bytes(), "2026-09-03 or 2026-03-09"),
        (CSV, b"Adno,When,What\n1,2,3\n".to_vec(), "`2026-09-03 AM`"),
        (CSV, format!("Adno{}\n", ",2026-09-03 AM".repeat(1_100)).into_bytes(), "1024 columns"),
    ] {
        let entries = number(&db.db, ENTRIES).await;
        let answer = gate.send_as(&school.urn, "attendance", kind, body).await;
        assert_eq!(answer.status, 422, "{word}: {}", answer.body);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(word) && !detail.contains(id), "{word}: {detail}");
        assert!(answer.receipt.is_some(), "{word}");
        assert_eq!(number(&db.db, ENTRIES).await, entries + 1, "{word}: one entry");
        imports += 1;
        assert_eq!(
            (number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await),
            (versions, imports),
            "{word}"
        );
        stands_in_history(&gate, &school.urn, &answer).await;
    }
    // Formulas are errors of their own cells: what they show was computed at some other time.
    let formula = [Cell::Text(id), Cell::Text("2026-11-18"), Cell::Text("am"), Cell::Formula("A1", "G")];
    let answer =
        gate.send_as(&school.urn, "attendance", XLSX, Book::of(&[&header, &cells, &formula]).bytes()).await;
    assert_eq!((answer.status, counts(&answer)[3]), (200, 1), "{}", answer.body);
    let error = &answer.body["errors"][0];
    assert_eq!((&error["line"], &error["column"]), (&json!(3), &json!("code")));
    assert!(error["what_to_do"].as_str().unwrap().contains("paste them as values"), "{error}");
    gate.stop().await;
}

/// A file that was refused whole is the newest of its school's history, with the reason and nothing else of it.
async fn stands_in_history(gate: &Wire, urn: &str, refused: &Answered) {
    let sender = Wire::sender(urn);
    assert_eq!(refused.body["type"], "urn:schoolgate:problem:unprocessable_file");
    let listed = gate.get(&sender, &format!("/v1/schools/{urn}/imports?limit=1")).await;
    let newest = &listed.body["imports"][0];
    assert_eq!((&newest["import_id"], &newest["applied"]), (&refused.body["import_id"], &json!(false)));
    assert_eq!((&newest["refused"], &newest["received"]), (&refused.body["detail"], &json!(0)), "{newest}");
    let path = format!("/v1/imports/{}", newest["import_id"].as_str().unwrap());
    let report = gate.get(&sender, &path).await;
    assert_eq!((report.status, &report.body["refused"]), (200, &refused.body["detail"]), "{}", report.body);
    assert_eq!(gate.get(&sender, &format!("{path}/errors")).await.status, 404, "it has no rejected rows");
}

async fn local_codes(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let [school, other] = gate.schools() else { panic!("two schools") };
    let found = pupils(&gate, school);
    let id = found[0]["school_pupil_id"].as_str();
    let path = format!("/v1/schools/{}/local-codes", school.urn);
    let sender = Wire::sender(&school.urn);
    let empty = gate.get(&sender, &path).await;
    assert_eq!((empty.status, &empty.body["version"], &empty.body["codes"]), (200, &json!(0), &json!([])));
    let file = format!("Adno,Date,AM,PM\n{id},2026-11-17,HO,G\n");
    let unmapped = gate.send(&school.urn, "attendance?dry_run=true", &file).await;
    assert_eq!(counts(&unmapped)[3], 1, "{}", unmapped.body);
    let error = &unmapped.body["errors"][0];
    assert_eq!((&error["column"], &error["value"]), (&json!("am"), &json!("HO")));
    assert!(error["what_to_do"].as_str().unwrap().contains("/local-codes"), "{error}");
    let map = |code: &str, from: &str| json!({"codes": [{"local_code": code, "code": "G", "from": from}]});
    for (body, word) in [
        (map("L", "2026-09-01"), "entry 1 is a code of the regulations"),
        (map("//", "2026-09-01"), "entry 1 is a code of the regulations"),
        (map("H", "2024-08-01"), "entry 1 is a code of the regulations"),
        (map("LONG", "2026-09-01"), "one to three characters"),
        (json!({"codes": [{"local_code": "HO"}]}), "openapi.json"),
        (json!({"codes": {}}), "openapi.json"),
    ] {
        let answer = gate.json(&sender, Method::PUT, &path, &body).await;
        assert_eq!(answer.status, 400, "{word}: {}", answer.body);
        assert!(answer.body["detail"].as_str().unwrap().contains(word), "{}", answer.body);
        assert!(answer.receipt.is_some());
    }
    assert_eq!(number(&db.db, "SELECT COUNT(*) FROM local_code_maps").await, 0);
    let entries = number(&db.db, ENTRIES).await;
    let set = gate.json(&sender, Method::PUT, &path, &map("HO", "2026-11-01")).await;
    assert_eq!((set.status, &set.body["version"]), (200, &json!(1)), "{}", set.body);
    assert_eq!(number(&db.db, ENTRIES).await, entries + 1);
    assert_eq!(gate.get(&sender, &path).await.body, set.body);
    let mapped = gate.send(&school.urn, "attendance", &file).await;
    assert_eq!((mapped.status, counts(&mapped)[3]), (200, 0), "{}", mapped.body);
    // Of that school and those dates only.
    let before = format!("Adno,Date,AM,PM\n{id},2026-10-06,HO,\n");
    assert_eq!(counts(&gate.send(&school.urn, "attendance", &before).await)[3], 1);
    let there = pupils(&gate, other);
    let theirs = format!("Adno,Date,AM,PM\n{},2026-11-17,HO,\n", there[0]["school_pupil_id"]);
    assert_eq!(counts(&gate.send(&other.urn, "attendance", &theirs).await)[3], 1);
    for (name, status) in [(Wire::sender(&other.urn).as_str(), 403), ("social_worker_cp", 403)] {
        assert_eq!(gate.get(name, &path).await.status, status, "{name}");
        assert_eq!(
            gate.json(name, Method::PUT, &path, &map("HO", "2026-11-01")).await.status,
            status,
            "{name}"
        );
    }
    // The whole map is replaced; what it was before stays on record.
    let set = gate.json(&sender, Method::PUT, &path, &json!({"codes": []})).await;
    assert_eq!((&set.body["version"], &set.body["codes"]), (&json!(2), &json!([])));
    assert_eq!(number(&db.db, "SELECT COUNT(*) FROM local_codes").await, 1);
    assert_eq!(counts(&gate.send(&school.urn, "attendance", &file).await)[3], 1);
    gate.stop().await;
}

async fn mended(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let [school, other] = gate.schools() else { panic!("two schools") };
    let found = pupils(&gate, school);
    let [a, b] = [0, 1].map(|at| found[at]["school_pupil_id"].as_str());
    let sender = Wire::sender(&school.urn);
    let file = format!(
        "Adno,Form,Date,Session,Code,Comments\n{a},=7A,2026-11-17,am,G,\n{b},7A,2026-11-17,am,LATE,upset\n\
         {b},=7A,2026-11-31,pm,?,upset\n"
    );
    let answer = gate.send(&school.urn, "attendance", &file).await;
    assert_eq!((answer.status, counts(&answer)[3]), (200, 2), "{}", answer.body);
    let id = answer.body["import_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/imports/{id}/errors");
    let entries = number(&db.db, ENTRIES).await;
    let errors = gate.get(&sender, &path).await;
    assert_eq!((errors.status, errors.receipt.is_some()), (200, true));
    assert_eq!(number(&db.db, ENTRIES).await, entries + 1, "reading it has an entry");
    let text = String::from_utf8(errors.bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "\u{FEFF}Adno,Form,Date,Session,Code,Comments,line,column,value,what is wrong,what to do"
    );
    assert!(lines[1].starts_with(&format!("{b},7A,2026-11-17,am,LATE,,3,code,LATE,")), "{}", lines[1]);
    assert!(lines[2].starts_with(&format!("{b},'=7A,2026-11-31,pm,?,,4,date,2026-11-31,")), "{}", lines[2]);
    assert_eq!(lines.len(), 3);
    assert!(!text.contains("upset"), "comments are nowhere");
    for (name, status) in [(Wire::sender(&other.urn).as_str(), 404), ("social_worker_cp", 403)] {
        assert_eq!(gate.get(name, &path).await.status, status, "{name}");
    }
    // Mended in a spreadsheet and sent as it is.
    let back = text.replace("LATE,,3", "L,,3").replace("2026-11-31,pm,?", "2026-11-17,pm,G");
    let answer = gate.send(&school.urn, "attendance", &back).await;
    assert_eq!((answer.status, counts(&answer)[0], counts(&answer)[3]), (200, 2, 0), "{}", answer.body);
    assert_eq!(answer.body["columns_ignored"], json!(["Form", "Comments"]));
    let none = format!("/v1/imports/{}/errors", answer.body["import_id"].as_str().unwrap());
    assert_eq!(gate.get(&sender, &none).await.status, 404, "nothing was rejected");
    history(&gate, school, other).await;
    // After 30 days the rows are gone, and the counts stay.
    assert!(number(&db.db, ERRORS).await > 0);
    let old =
        chrono::DateTime::parse_from_rfc3339("2026-10-20T00:00:00Z").unwrap().with_timezone(&chrono::Utc);
    run!(db.db, "UPDATE import_errors SET noted_at = $1", old);
    let gone = schoolgate::intake::expire_entries(&gate.gate.demo.running.gate).await.unwrap();
    assert!(gone > 0);
    assert_eq!(number(&db.db, ERRORS).await, 0);
    assert_eq!(gate.get(&sender, &path).await.status, 404);
    let report = gate.get(&sender, &format!("/v1/imports/{id}")).await;
    assert_eq!(
        (&report.body["rejected"], &report.body["errors"]),
        (&json!(2), &json!([])),
        "{}",
        report.body
    );
    gate.stop().await;
}

/// The list of uploads: the newest first, page by page, without a cell of any file.
async fn history(gate: &Wire, school: &SchoolFiles, other: &SchoolFiles) {
    let sender = Wire::sender(&school.urn);
    let path = format!("/v1/schools/{}/imports", school.urn);
    let refused =
        gate.send(&school.urn, "attendance?strict=true", "Adno,Date,AM,PM\nx,2026-11-17,/,\n").await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    let tried = gate.send(&school.urn, "attendance?dry_run=true", "Adno,Date,AM,PM\nx,2026-11-17,/,\n").await;
    let all = gate.get(&sender, &format!("{path}?limit=200")).await;
    assert_eq!(all.status, 200, "{}", all.body);
    let imports = all.body["imports"].as_array().unwrap();
    let ids: Vec<&Value> = imports.iter().map(|import| &import["import_id"]).collect();
    assert_eq!((ids[0], ids[1]), (&tried.body["import_id"], &refused.body["import_id"]));
    let newest = &imports[1];
    for (name, value) in [
        ("kind", json!("attendance")),
        ("layout", json!("day")),
        ("encoding", json!("utf-8")),
        ("applied", json!(false)),
        ("received", json!(1)),
        ("rejected", json!(1)),
    ] {
        assert_eq!(newest[name], value, "{newest}");
    }
    assert_eq!(newest["system"], gate.gate.caller(&sender).client_id.as_str(), "{newest}");
    assert!(!all.body.to_string().contains("\"x\"") && newest.get("errors").is_none());
    // Even what was refused or only tried can be mended from its rows.
    for answer in [&refused, &tried] {
        let path = format!("/v1/imports/{}/errors", answer.body["import_id"].as_str().unwrap());
        assert_eq!(gate.get(&sender, &path).await.status, 200);
    }
    let mut paged = Vec::new();
    let mut next = format!("{path}?limit=2");
    loop {
        let page = gate.get(&sender, &next).await;
        let page_ids: Vec<Value> = page.body["imports"]
            .as_array()
            .unwrap()
            .iter()
            .map(|import| import["import_id"].clone())
            .collect();
        assert!(page_ids.len() <= 2);
        paged.extend(page_ids);
        let Some(cursor) = page.body["next_cursor"].as_str() else { break };
        next = format!("{path}?limit=2&cursor={cursor}");
    }
    assert_eq!(paged.iter().collect::<Vec<_>>(), ids);
    assert_eq!(gate.get(&Wire::sender(&other.urn), &path).await.status, 403);
    assert_eq!(gate.get(&sender, &format!("{path}?limt=2")).await.status, 400);
}

async fn whole_or_nothing(db: TestDb) {
    let gate = Wire::start(&db.url).await;
    let school = &gate.schools()[0];
    let found = pupils(&gate, school);
    let sender = Wire::sender(&school.urn);
    let caller = gate.gate.caller(&sender);
    let token = gate.client(&sender).token().await.unwrap();
    let before = (number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await);
    let head = |length: &str, kind: &str| {
        let (method, what) = kind.split_once(' ').unwrap();
        format!(
            "{method} /v1/schools/{}/{what} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
             content-type: text/csv\r\n{length}\r\nconnection: close\r\n\r\n",
            school.urn
        )
    };
    // One byte more than is taken is refused before any is sent, and as late as the limit where none is announced.
    let entries = number(&db.db, ENTRIES).await;
    let limit = schoolgate::config::Limits::default().upload_bytes;
    assert_eq!(limit, 256 * 1024 * 1024);
    let kinds = ["POST attendance", "POST pupils", "PUT calendar/2026"];
    for kind in kinds {
        let mut stream = connect(&gate.gate, tls_of(&gate.gate, caller)).await.unwrap();
        let long = head(&format!("content-length: {}", limit + 1), kind);
        stream.write_all(long.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        assert!(
            answer.starts_with("HTTP/1.1 413") && answer.contains("send it in parts"),
            "{kind}: {answer}"
        );
    }
    assert_eq!(number(&db.db, ENTRIES).await, entries + 3);
    let unannounced = unannounced(&gate, caller, &head("transfer-encoding: chunked", kinds[0]), limit).await;
    assert!(
        unannounced.starts_with("HTTP/1.1 413") && unannounced.contains("send it in parts"),
        "{unannounced}"
    );
    assert_eq!(number(&db.db, ENTRIES).await, entries + 4);
    let register = vec![b' '; 4 * 1024 * 1024 + 1];
    let answer = gate.send_as(&school.urn, "registers/2026-11-19/am", "application/json", register).await;
    assert_eq!((answer.status, answer.receipt.is_some()), (413, true), "{}", answer.body);
    // The line breaks off in the middle of a row that could stand.
    let entries = number(&db.db, ENTRIES).await;
    let mut stream = connect(&gate.gate, tls_of(&gate.gate, caller)).await.unwrap();
    let row = format!("Adno,Date,AM,PM\n{},2026-11-17,G,", found[0]["school_pupil_id"]);
    stream.write_all(head("content-length: 5000", kinds[0]).as_bytes()).await.unwrap();
    stream.write_all(row.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    drop(stream);
    until("the upload that broke off has its entry", Duration::from_secs(20), async || {
        number(&db.db, ENTRIES).await == entries + 1
    })
    .await;
    assert_eq!((number(&db.db, VERSIONS).await, number(&db.db, IMPORTS).await), before, "nothing was taken");
    let whole = csv_of(
        &["Adno", "Date", "AM", "PM"],
        &[[("Adno", found[0]["school_pupil_id"].as_str()), ("Date", "2026-11-17"), ("AM", "G"), ("PM", "")]
            .map(|(column, cell)| (column.to_owned(), cell.to_owned()))
            .into()],
    );
    let answer = gate.send(&school.urn, "attendance", &whole).await;
    assert_eq!((answer.status, counts(&answer)[0], counts(&answer)[3]), (200, 1, 0), "{}", answer.body);
    gate.stop().await;
}

/// What is answered to a body of one byte more than the limit that does not say how long it is.
async fn unannounced(gate: &Wire, caller: &DemoCaller, head: &str, limit: usize) -> String {
    const PIECE: usize = 1024 * 1024;
    let mut stream = connect(&gate.gate, tls_of(&gate.gate, caller)).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = [format!("{PIECE:x}\r\n").into_bytes(), vec![b'x'; PIECE], b"\r\n".to_vec()].concat();
    for _ in 0..limit / PIECE {
        stream.write_all(&piece).await.unwrap();
    }
    stream.write_all(b"1\r\nx\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
