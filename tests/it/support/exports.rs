//! Every sample caller's client on one running gateway, and the exports that the gateway was filled from, read again
//! as plain rows: what tests count by themselves.

use super::TestGate;
use chrono::{DateTime, NaiveDate, TimeZone as _, Utc};
use chrono_tz::Europe::London;
use reqwest::Method;
use schoolgate::clock::{Clock, Hand};
use schoolgate::demo::run::{Answered, Client};
use schoolgate::demo::{DemoChild, SchoolFiles};
use schoolgate::domain::identifiers::Upn;
use schoolgate::store::Db;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

/// A row of a file, by column.
pub type Row = HashMap<String, String>;

/// A running gateway with a client of each caller; clients keep their tokens.
pub struct Wire {
    /// The gateway.
    pub gate: TestGate,
    clients: HashMap<String, Client>,
    files: Mutex<HashMap<String, Arc<Vec<Row>>>>,
}

impl Wire {
    /// Starts a gateway on an empty database.
    pub async fn start(url: &str) -> Self {
        Self::over(TestGate::start(url).await)
    }

    /// Starts one whose day is set by hand, on the evening of 20 November 2026.
    pub async fn by_hand(url: &str) -> (Self, Hand) {
        let (clock, hand) = Clock::by_hand(moment("2026-11-20", "18:00:00"));
        (Self::over(TestGate::start_on(url, clock).await), hand)
    }

    /// With a client of each caller of a gateway that runs.
    pub fn over(gate: TestGate) -> Self {
        let clients = gate
            .demo
            .json
            .callers
            .iter()
            .map(|caller| (caller.name.clone(), gate.client(&caller.name)))
            .collect();
        Self { gate, clients, files: Mutex::default() }
    }

    /// A caller's client.
    pub fn client(&self, name: &str) -> &Client {
        &self.clients[name]
    }

    /// The summary of a handle, with a case reference where one is given.
    pub async fn ask(&self, name: &str, handle: &str, reference: Option<&str>, query: &str) -> Answered {
        let path = format!("/v1/pupils/{handle}/attendance-summary{query}");
        let headers: Vec<(&str, &str)> = reference.iter().map(|r| ("case-reference", *r)).collect();
        self.client(name).call(Method::GET, &path, &headers, Vec::new()).await.unwrap()
    }

    /// The summary of a caller's sample child.
    pub async fn summary(&self, name: &str, child: &DemoChild, query: &str) -> Answered {
        self.ask(name, child.pupil_id.as_deref().unwrap(), child.case_reference.as_deref(), query).await
    }

    /// The system that sends a school's registers.
    pub fn sender(urn: &str) -> String {
        format!("school_attendance_officer_{urn}")
    }

    /// Sends a file of a school as CSV; `what` is the path after the school, such as `attendance?strict=true`.
    pub async fn send(&self, urn: &str, what: &str, csv: &str) -> Answered {
        self.send_as(urn, what, "text/csv", csv.as_bytes().to_vec()).await
    }

    /// Sends a body of any type.
    pub async fn send_as(&self, urn: &str, what: &str, kind: &str, body: Vec<u8>) -> Answered {
        let puts = what.starts_with("calendar") || what.starts_with("registers");
        let method = if puts { Method::PUT } else { Method::POST };
        let path = format!("/v1/schools/{urn}/{what}");
        self.client(&Self::sender(urn)).call(method, &path, &[("content-type", kind)], body).await.unwrap()
    }

    /// Calls a path without a body.
    pub async fn get(&self, name: &str, path: &str) -> Answered {
        self.client(name).call(Method::GET, path, &[], Vec::new()).await.unwrap()
    }

    /// Calls a path with a JSON body.
    pub async fn json(&self, name: &str, method: Method, path: &str, body: &Value) -> Answered {
        let headers = [("content-type", "application/json")];
        self.client(name).call(method, path, &headers, body.to_string().into_bytes()).await.unwrap()
    }

    /// The schools and their exports.
    pub fn schools(&self) -> &[SchoolFiles] {
        &self.gate.demo.json.schools
    }

    /// The rows of an export, read once.
    pub fn rows(&self, path: &str) -> Arc<Vec<Row>> {
        let mut files = self.files.lock().unwrap();
        Arc::clone(files.entry(path.to_owned()).or_insert_with(|| {
            let mut reader = csv::Reader::from_path(self.gate.dir().join(path)).unwrap();
            Arc::new(reader.deserialize().map(Result::unwrap).collect())
        }))
    }

    /// The row of a pupil in a school's admission register, where it is there.
    pub fn pupil(&self, school: &SchoolFiles, upn: &str) -> Option<Row> {
        self.rows(&school.pupils).iter().find(|row| row["upn"] == upn).cloned()
    }

    /// Stops the gateway.
    pub async fn stop(self) {
        self.gate.stop().await;
    }
}

/// A moment of a day in London.
pub fn moment(day: &str, time: &str) -> DateTime<Utc> {
    let day: NaiveDate = day.parse().unwrap();
    London.from_local_datetime(&day.and_time(time.parse().unwrap())).unwrap().with_timezone(&Utc)
}

/// Writes rows as CSV with the columns named.
pub fn csv_of(columns: &[&str], rows: &[Row]) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns).unwrap();
    for row in rows {
        writer.write_record(columns.iter().map(|c| row.get(*c).map_or("", String::as_str))).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The columns of a row, in an order that is always the same.
pub fn columns_of(row: &Row) -> Vec<&str> {
    row.keys().map(String::as_str).collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

/// The whole row as a file of one row, with some cells changed.
pub fn changed(row: &Row, changes: &[(&str, &str)]) -> String {
    let mut row = row.clone();
    for (column, value) in changes {
        row.insert((*column).to_owned(), (*value).to_owned());
    }
    csv_of(&columns_of(&row), std::slice::from_ref(&row))
}

/// What stands of an export's marks: by date and session, the code with the latest `recorded_at`.
pub fn standing(marks: &[Row], number: &str) -> BTreeMap<(String, String), Row> {
    let mut stands: BTreeMap<(String, String), Row> = BTreeMap::new();
    for row in marks.iter().filter(|row| row["school_pupil_id"] == number) {
        let key = (row["date"].clone(), row["session"].clone());
        // Times of one export are all UTC and to the second, so that they compare as text.
        if stands.get(&key).is_none_or(|other| other["recorded_at"] < row["recorded_at"]) {
            stands.insert(key, row.clone());
        }
    }
    stands
}

/// One number from the database.
pub async fn number(db: &Db, sql: &'static str) -> i64 {
    match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(sql).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(sql).fetch_one(pool).await.unwrap(),
    }
}

/// A UPN with the digits given and the letter that fits them.
pub fn upn(digits: &str) -> String {
    let fits = |letter: char| {
        let text = format!("{letter}{digits}");
        Upn::parse(&text).is_ok().then_some(text)
    };
    ('A'..='Z').find_map(fits).unwrap()
}

/// Sends a file that must be taken whole.
pub async fn taken(gate: &Wire, urn: &str, what: &str, csv: &str) -> Value {
    let answer = gate.send(urn, what, csv).await;
    assert_eq!((answer.status, &answer.body["rejected"]), (200, &json!(0)), "{what}: {}", answer.body);
    answer.body
}

/// A pupil who is on roll now, at this school alone, with marks.
pub fn ordinary(gate: &Wire, school: &SchoolFiles) -> Row {
    let marks = gate.rows(&school.attendance);
    let fits = |row: &&Row| {
        row["last_day"].is_empty()
            && row["enrolment_status"] == "single"
            && row["whereabouts_protected"] == "false"
            && row["starting_day"].as_str() < "2026-09-01"
            && standing(&marks, &row["school_pupil_id"]).keys().any(|(date, _)| date == "2026-11-19")
    };
    gate.rows(&school.pupils).iter().find(fits).cloned().unwrap()
}

/// A pupil nobody has yet, after the pattern of another.
pub fn newcomer(of: &Row, number: &str, upn: &str, surname: &str, starting_day: &str) -> Row {
    let mut row = of.clone();
    for (column, value) in
        [("school_pupil_id", number), ("upn", upn), ("surname", surname), ("starting_day", starting_day)]
    {
        row.insert(column.to_owned(), value.to_owned());
    }
    row
}

pub const MARK: &[&str] =
    &["school_pupil_id", "date", "session", "code", "recorded_at", "amended_from", "reason", "amended_by"];

pub fn mark(cells: [&str; 8]) -> Row {
    MARK.iter().zip(cells).map(|(column, cell)| ((*column).to_owned(), cell.to_owned())).collect()
}

pub fn one_mark(cells: [&str; 8]) -> String {
    csv_of(MARK, &[mark(cells)])
}

/// The handle by which a school's system knows a pupil.
pub async fn handle(gate: &Wire, urn: &str, upn: &str) -> String {
    gate.client(&Wire::sender(urn)).find(upn).await.unwrap().unwrap()
}
