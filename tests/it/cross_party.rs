//! Who gets what of whom: every caller of the demonstration against every child of it, over the wire, held against the
//! reviewed matrix and against what the database says of them. Nothing too much, and nothing too little.

use crate::support::matrix::Matrix;
use crate::support::wire::{Reply, Wire, handles_for_all, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::crypto::to_hex;
use schoolgate::demo::{DemoCaller, Standing};
use schoolgate::domain::purpose::InvolvementKind;
use schoolgate::store::Db;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Registers the test of this file.
pub fn register(suite: &mut Suite) {
    suite.both_empty("cross_party::every_caller_and_every_child", every_pair);
}

/// A row of an organisation's case: the child, kind, reference, family's agreement, and whether it is live.
type Case = (Uuid, String, String, bool, bool);
/// An enrolment: child, school, whether its whereabouts are protected in any state, and the home authority that is recorded.
type Place = (Uuid, Uuid, bool, Option<String>);

/// What the database says of one caller.
struct Known {
    kind: String,
    la_code: Option<String>,
    roles: Vec<String>,
    organisation: Uuid,
    handles: Vec<(Uuid, Vec<u8>)>,
    cases: BTreeMap<Uuid, Vec<Case>>,
    returns_here: BTreeSet<Uuid>,
}

macro_rules! rows {
    ($db:expr, $text:expr $(, $value:expr)*) => {
        match $db {
            Db::Sqlite { read, .. } => sqlx::query_as($text)$(.bind($value))*.fetch_all(read).await.unwrap(),
            Db::Postgres(pool) => sqlx::query_as($text)$(.bind($value))*.fetch_all(pool).await.unwrap(),
        }
    };
}

impl Known {
    async fn of(db: &Db, client_id: &str) -> Self {
        const WHO: &str = "SELECT o.id, o.kind, o.la_code, s.roles FROM organisations o JOIN systems s ON s.organisation_id = o.id \
             WHERE s.client_id = $1";
        const HANDLES: &str = "SELECT h.pupil_id, h.handle FROM handles h JOIN systems s ON s.id = h.system_id \
             WHERE s.client_id = $1 AND h.organisation_id = s.organisation_id AND h.retired_at IS NULL";
        const CASES: &str = "SELECT pupil_id, kind, case_reference, family_agreed_by IS NOT NULL AND \
             family_withdrawn_on IS NULL, ended_at IS NULL AND (until_day IS NULL OR until_day >= $2) \
             FROM involvements WHERE organisation_id = $1 AND pupil_id IS NOT NULL";
        const RETURNING: &str = "SELECT id FROM organisations WHERE returns_to = $1";
        let who: Vec<(Uuid, String, Option<String>, String)> = rows!(db, WHO, client_id);
        let (organisation, kind, la_code, roles) = who.into_iter().next().unwrap();
        let roles = roles.split(' ').map(str::to_owned).collect();
        let handles = rows!(db, HANDLES, client_id);
        let day: chrono::NaiveDate = crate::support::gate::TODAY.parse().unwrap();
        let mut cases: BTreeMap<Uuid, Vec<Case>> = BTreeMap::new();
        let all: Vec<Case> = rows!(db, CASES, organisation, day);
        for case in all {
            cases.entry(case.0).or_default().push(case);
        }
        let returning: Vec<(Uuid,)> = rows!(db, RETURNING, organisation);
        let returns_here = returning.into_iter().map(|row| row.0).collect();
        Self { kind, la_code, roles, organisation, handles, cases, returns_here }
    }
}

/// What an answer must be: its status, and the sections of an enrolment where it is 200.
#[derive(Debug, PartialEq, Eq)]
struct Due(u16, BTreeSet<String>);

fn due(
    matrix: &Matrix,
    caller: &DemoCaller,
    known: &Known,
    child: Uuid,
    reference: &str,
    at: &[Place],
) -> Due {
    let nothing = |status| Due(status, BTreeSet::new());
    let given = |relationship: &str, agreed| {
        let sections = matrix.given(&caller.purpose, &caller.role, &known.kind, relationship, agreed);
        if sections.is_empty() { nothing(404) } else { Due(200, sections) }
    };
    match caller.purpose.as_str() {
        // The same for every child: this role is never told of one.
        "audit_review" => nothing(403),
        "own_record" if at.iter().any(|place| place.1 == known.organisation) => given("enrolment", true),
        "attendance_duty" if at.iter().any(|place| known.returns_here.contains(&place.1) && !place.2) => {
            given("authorised_officer", true)
        }
        "own_record" | "attendance_duty" => nothing(404),
        // For everyone barred a child whose whereabouts are protected is nobody.
        _ if at.iter().all(|place| place.2) => nothing(404),
        "resident_concern" if !at.iter().any(|place| known.la_code.is_some() && place.3 == known.la_code) => {
            nothing(404)
        }
        purpose => {
            let live = known.cases.get(&child).into_iter().flatten().filter(|case| case.4);
            let of = |case: &&Case| {
                let kind = InvolvementKind::parse(&case.1).unwrap();
                kind.purpose().as_str() == purpose && case.2 == reference
            };
            // A case of another team's work is not there for a system none of whose roles rests on it.
            let rests = |case: &&Case| {
                let purpose = InvolvementKind::parse(&case.1).unwrap().purpose();
                let has_row = |role: &String| {
                    !matrix.given(purpose.as_str(), role, &known.kind, &case.1, true).is_empty()
                };
                known.roles.iter().any(has_row)
            };
            match live.clone().find(of) {
                Some(case) => given(&case.1, case.3),
                None if live.clone().any(|case| rests(&case)) => nothing(422),
                None => nothing(404),
            }
        }
    }
}

/// The sections of every enrolment of an answer, and of the combined part.
fn told(reply: &Reply) -> BTreeSet<String> {
    let body = reply.json();
    let parts = body["enrolments"].as_array().into_iter().flatten().chain(body.get("combined"));
    let sections = parts.filter_map(|part| part["sections"].as_object());
    sections.flat_map(|sections| sections.keys().cloned()).collect()
}

/// Whether some enrolment of an answer has marks.
fn has_marks(reply: &Reply) -> bool {
    let body = reply.json();
    body["enrolments"].as_array().unwrap().iter().any(|one| one["completeness"]["recorded"] != json!(false))
}

#[derive(Debug, Default)]
struct Count {
    asked: usize,
    told: usize,
    refused: usize,
    barred: usize,
}

/// Whoever a bar names is given no section under any reference, whatever case it has; says how often it asked.
async fn behind_a_bar(wire: &Wire, known: &Known, (child, handle): (Uuid, &[u8])) -> usize {
    let cases = known.cases.get(&child).into_iter().flatten();
    let references: BTreeSet<&str> = cases.map(|case| case.2.as_str()).chain(["NOBODY-1"]).collect();
    for reference in &references {
        let reply = wire.summary(&to_hex(handle), Some(reference)).await;
        assert!([200, 404].contains(&reply.status), "{reference}: {}", reply.json());
        assert_eq!(told(&reply), BTreeSet::new(), "{reference}: {}", reply.json());
    }
    references.len()
}

async fn every_pair(test: TestDb) {
    const PLACES: &str = "SELECT pupil_id, school_id, MAX(CASE WHEN whereabouts_protected THEN 1 ELSE 0 END) = 1, \
         MAX(CASE WHEN home_authority_assumed THEN NULL ELSE home_authority END) \
         FROM enrolments GROUP BY pupil_id, school_id";
    const NUMBERS: &str = "SELECT DISTINCT pupil_id, upn FROM enrolments WHERE upn IS NOT NULL";
    let gate = TestGate::start(&test.url).await;
    handles_for_all(&test.db).await;
    let matrix = Matrix::reviewed();
    let places: Vec<Place> = rows!(&test.db, PLACES);
    let numbers: Vec<(Uuid, String)> = rows!(&test.db, NUMBERS);
    let numbers: BTreeMap<Uuid, String> = numbers.into_iter().collect();
    let mut count = Count::default();
    for caller in &gate.demo.json.callers {
        let known = Known::of(&test.db, &caller.client_id).await;
        let wire = Wire::of(&gate, &caller.name).await;
        assert!(known.handles.len() >= 130, "{} has {}", caller.name, known.handles.len());
        let shielded: Vec<&str> = caller
            .children
            .iter()
            .filter(|child| child.standing == Standing::Shielded)
            .map(|child| child.upn.as_str())
            .collect();
        for (child, handle) in &known.handles {
            if numbers.get(child).is_some_and(|upn| shielded.contains(&upn.as_str())) {
                count.barred += behind_a_bar(&wire, &known, (*child, handle)).await;
                continue;
            }
            let at: Vec<Place> = places.iter().filter(|place| place.0 == *child).cloned().collect();
            let cases = known.cases.get(child).into_iter().flatten();
            let mut references: BTreeSet<&str> = cases.map(|case| case.2.as_str()).collect();
            references.insert("NOBODY-1");
            for reference in references {
                let due = due(&matrix, caller, &known, *child, reference, &at);
                let reply = wire.summary(&to_hex(handle), Some(reference)).await;
                let place = format!("{} {child} {reference}: {}", caller.name, reply.json());
                assert_eq!(reply.status, due.0, "{place}");
                // Of a boarder no marks are kept: there is nothing to make most sections of.
                if reply.status == 200 && has_marks(&reply) {
                    assert_eq!(told(&reply), due.1, "{place}");
                }
                assert!(told(&reply).is_subset(&due.1), "{place}");
                count.asked += 1;
                count.told += usize::from(reply.status == 200);
                count.refused += usize::from(reply.status != 200);
            }
            found(&mut count, &wire, (caller, &known, &matrix), (*child, &at), numbers.get(child)).await;
        }
    }
    println!(
        "cross_party: {} asked, {} told, {} refused, {} behind a bar",
        count.asked, count.told, count.refused, count.barred
    );
    assert!(count.asked > 5_000 && count.told > 500 && count.refused > 3_000, "{count:?}");
    assert!(count.barred > 1, "{count:?}");
    gate.stop().await;
}

/// By its number a child is found by whom some relationship gives a section, and by nobody else.
async fn found(
    count: &mut Count,
    wire: &Wire,
    (caller, known, matrix): (&DemoCaller, &Known, &Matrix),
    (child, at): (Uuid, &[Place]),
    upn: Option<&String>,
) {
    let Some(upn) = upn else { return };
    let body: Value = json!({ "upn": upn });
    let reply = send(wire.request("POST", "/v1/pupils/find").json(&body)).await;
    let cases = known.cases.get(&child).into_iter().flatten();
    let mut ways = cases.map(|case| due(matrix, caller, known, child, &case.2, at)).collect::<Vec<_>>();
    ways.push(due(matrix, caller, known, child, "NOBODY-1", at));
    let may = ways.iter().any(|due| due.0 == 200);
    let status = if caller.purpose == "audit_review" {
        403
    } else if may {
        200
    } else {
        404
    };
    assert_eq!(reply.status, status, "{} looks for {child}: {}", caller.name, reply.json());
    count.asked += 1;
    count.told += usize::from(may);
    count.refused += usize::from(!may);
}
