//! The published matrix over the wire: for every kind of organisation, role, purpose and relationship an answer has the
//! sections of the reviewed text, and where that gives none there is no answer.
//!
//! One child has a case of every kind with every organisation, set in the database, kinds that rest on the family's
//! agreement twice; each organisation's system may carry every role. Relationships that come with a later exchange are
//! listed in the output.

use crate::identity::{World, details};
use crate::support::matrix::{Matrix, Place};
use crate::support::wire::{MOVED, Reply, Wire, run};
use crate::support::{Suite, TestDb};
use chrono::{DateTime, Utc};
use schoolgate::crypto::to_hex;
use schoolgate::demo::agencies::{ANALYST, ANALYST_SYSTEM, TRUST, TRUST_SYSTEM};
use schoolgate::demo::pki::SystemName;
use schoolgate::directory::Scope;
use schoolgate::domain::purpose::{InvolvementKind, Purpose, Role, Section};
use schoolgate::store::Db;
use serde_json::json;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Registers the tests of this file.
pub fn register(suite: &mut Suite) {
    suite.on_sqlite_empty("policy_matrix::every_cell_over_the_wire", every_cell);
}

/// Purposes whose relationships come with later exchanges.
const LATER: [&str; 3] = ["cme", "records_transfer", "subject_access"];

/// A system that asks: kind of its organisation, and its relationships for purposes that are no case.
struct Asker {
    kind: &'static str,
    client_id: String,
    wire: Wire,
    handle: String,
}

/// One way to ask about the child: the relationship, whether the family agreed, and the reference.
type Way = (&'static str, bool, Option<String>);

#[derive(Debug, Default)]
struct Count {
    tokens: usize,
    asked: usize,
    filled: BTreeSet<(String, String, String, String)>,
}

async fn every_cell(test: TestDb) {
    let world = World::start(&test).await;
    let matrix = Matrix::reviewed();
    let askers = prepared(&test.db, &world).await;
    let mut count = Count::default();
    for asker in &askers {
        for role in Role::ALL {
            for purpose in Purpose::ALL {
                let (role, purpose) = (role.as_str(), purpose.as_str());
                let mut wire = asker.wire.clone();
                let reply = wire.ask_token(&asker.client_id, role, purpose).await;
                count.tokens += 1;
                assert_eq!(reply.status, 200, "{role} {purpose}: {}", reply.json());
                reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
                let by = (asker, role, purpose);
                ask_every_way(&mut count, &matrix, by, &wire).await;
            }
        }
    }
    persons(&mut count, &matrix, &world, &askers[0]).await;
    println!(
        "policy_matrix: {} tokens, {} asked, {} of {} rows filled over the wire; later: {}",
        count.tokens,
        count.asked,
        count.filled.len(),
        matrix.len(),
        LATER.join(", ")
    );
    // All but a successor school's, that of the other school of a dual registration and that of a claim of an emergency,
    // which have trials of their own.
    let not_here = ["predecessor_enrolment", "dual_enrolment", "emergency"];
    let missing = matrix.places().filter(|place| !count.filled.contains(*place));
    let of = |place: &Place| place.3.split(' ').next().unwrap_or_default().to_owned();
    let missing: Vec<_> = missing.filter(|place| !not_here.contains(&of(place).as_str())).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    world.gate.stop().await;
}

/// The same for the authority's people, of each role and purpose that the matrix gives them anything for.
async fn persons(count: &mut Count, matrix: &Matrix, world: &World, asker: &Asker) {
    for role in Role::ALL {
        for purpose in Purpose::ALL {
            let (role, purpose) = (role.as_str(), purpose.as_str());
            // An officer in person needs an authorisation of their own, which has a trial of its own.
            if matrix.of(purpose, role) == 0 || purpose == "attendance_duty" {
                continue;
            }
            let change = json!({"roles": [role], "groups": ["child-protection"]});
            let token = world.subject("id_token", &json!({}), &change);
            let (kind, details) = (crate::identity::kind_of("id_token"), details(role, purpose));
            let form = [
                ("subject_token", token.as_str()),
                ("subject_token_type", kind.as_str()),
                ("authorization_details", details.as_str()),
            ];
            let reply = world.exchange(&asker.wire, &form).await;
            count.tokens += 1;
            assert_eq!(reply.status, 200, "{role} {purpose}: {}", reply.json());
            let mut wire = asker.wire.clone();
            reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
            ask_every_way(count, matrix, (asker, role, purpose), &wire).await;
        }
    }
}

async fn ask_every_way(
    count: &mut Count,
    matrix: &Matrix,
    (asker, role, purpose): (&Asker, &str, &str),
    wire: &Wire,
) {
    let reason = Purpose::parse(purpose).unwrap();
    let mut ways = ways(asker.kind, reason.is_a_case());
    let never = matrix.rows_of(purpose, role, asker.kind) == 0;
    if never {
        // Before the child is looked at: no case could change it, the one of the right kind neither.
        let right = |way: &Way| InvolvementKind::parse(way.0).is_none_or(|kind| kind.purpose() == reason);
        ways.sort_by_key(|way| !right(way));
        ways.truncate(2);
    }
    for (relationship, agreed, reference) in ways {
        let reply = wire.summary(&asker.handle, reference.as_deref()).await;
        let due = matrix.given(purpose, role, asker.kind, relationship, agreed);
        let place = format!("{} {role} {purpose} {relationship} {agreed}: {}", asker.kind, reply.json());
        count.asked += 1;
        if due.is_empty() {
            // An emergency has a route of its own, and a claim before it.
            let statuses: &[u16] = if never || purpose == "emergency" { &[403, 404] } else { &[404, 422] };
            assert!(statuses.contains(&reply.status), "{} {place}", reply.status);
            assert!(reply.json().get("enrolments").is_none(), "{place}");
        } else {
            assert_eq!((reply.status, sections(&reply)), (200, due), "{place}");
            count.filled.extend(matrix.place_of(purpose, role, asker.kind, relationship));
        }
    }
}

/// Every way to ask: under each case where the purpose is one, and else once, by the enrolment.
fn ways(kind: &str, case: bool) -> Vec<Way> {
    if !case {
        let relationship = match kind {
            "school" => "enrolment",
            "local_authority" => "authorised_officer",
            _ => "none",
        };
        return vec![(relationship, true, None)];
    }
    let agreed = InvolvementKind::ALL.iter().map(|kind| (kind.as_str(), true, Some(reference(*kind, true))));
    let without = InvolvementKind::ALL.iter().filter(|kind| kind.needs_family_agreement());
    agreed.chain(without.map(|kind| (kind.as_str(), false, Some(reference(*kind, false))))).collect()
}

fn reference(kind: InvolvementKind, agreed: bool) -> String {
    format!("{kind}-{}", if agreed { "agreed" } else { "not-agreed" })
}

fn sections(reply: &Reply) -> BTreeSet<String> {
    let body = reply.json();
    let enrolments = body["enrolments"].as_array().unwrap();
    assert_eq!(enrolments.len(), 1, "{body}");
    enrolments[0]["sections"].as_object().unwrap().keys().cloned().collect()
}

/// Sets the facts: every system here carries every role for every purpose; the child has every case with each.
async fn prepared(db: &Db, world: &World) -> Vec<Asker> {
    const OFFICER: &str =
        "UPDATE officer_authorisations SET system_id = (SELECT id FROM systems WHERE client_id = $1)";
    let gate = &world.gate;
    let words = |all: Vec<&str>| all.join(" ");
    let (roles, sections) = (
        words(Role::ALL.iter().map(|role| role.as_str()).collect()),
        words(Section::ALL.iter().map(|section| section.as_str()).collect()),
    );
    let (purposes, scopes) = (
        words(Purpose::ALL.iter().map(|purpose| purpose.as_str()).collect()),
        words(Scope::ALL.iter().map(|scope| scope.as_str()).collect()),
    );
    let school = gate.demo.json.callers.iter().find(|c| c.name.starts_with("school_attendance_officer_"));
    let school = school.unwrap();
    let child = school.children[0].upn.as_str();
    run!(
        *db,
        "UPDATE systems SET roles = $1, scopes = $2, sections_without_person = $3",
        &roles,
        &scopes,
        &sections
    );
    run!(*db, "UPDATE sharing_agreements SET purposes = $1", &purposes);
    let named = |name: &str| gate.caller(name).client_id.clone();
    let of = |organisation: &str, system: &str| SystemName::new(organisation, system).file_name();
    let mut askers = Vec::new();
    for (kind, client_id) in [
        ("local_authority", named("social_worker_cp")),
        ("school", school.client_id.clone()),
        ("health_provider", named("school_nurse")),
        ("partner", named("mental_health_practitioner")),
        ("vendor", of(ANALYST, ANALYST_SYSTEM)),
        ("trust", of(TRUST, TRUST_SYSTEM)),
    ] {
        let wire = Wire::with_certificate(gate, &format!("certs/{client_id}.pem"));
        let handle = tied(db, &client_id, child).await;
        askers.push(Asker { kind, client_id, wire, handle });
    }
    run!(*db, OFFICER, &askers[0].client_id);
    run!(*db, MOVED);
    gate.demo.running.gate.directory().refresh(gate.demo.running.gate.db()).await.unwrap();
    askers
}

/// Gives an organisation a case of every kind with a child, and its system a handle.
async fn tied(db: &Db, client_id: &str, upn: &str) -> String {
    const WHO: &str = "SELECT s.id, s.organisation_id, (SELECT pupil_id FROM enrolments WHERE upn = $2 LIMIT 1) \
         FROM systems s WHERE s.client_id = $1";
    const OLD: &str = "DELETE FROM involvements WHERE organisation_id = $1 AND pupil_id = $2";
    const CASE: &str = "INSERT INTO involvements (organisation_id, id, system_id, kind, team, source_case_id, \
         case_reference, opened_at, staff_id, claim_date_of_birth, claim_surname, claim_forename, family_agreed_by, \
         family_agreed_to, at_once, pupil_id, matched_at, received_at) \
         VALUES ($1, $2, $3, $4, 'child-protection', $5, $5, $6, 'S1', $7, 'N', 'N', $8, $8, $9, $10, $6, $6)";
    const FORGET: &str = "DELETE FROM handles WHERE system_id = $1 AND pupil_id = $2";
    const HANDLE: &str = "INSERT INTO handles (system_id, organisation_id, handle, pupil_id, issued_at) \
         VALUES ($1, $2, $3, $4, $5)";
    let (system, organisation, pupil): (Uuid, Uuid, Uuid) = match db {
        Db::Sqlite { read, .. } => {
            sqlx::query_as(WHO).bind(client_id).bind(upn).fetch_one(read).await.unwrap()
        }
        Db::Postgres(pool) => sqlx::query_as(WHO).bind(client_id).bind(upn).fetch_one(pool).await.unwrap(),
    };
    run!(*db, OLD, organisation, pupil);
    run!(*db, FORGET, system, pupil);
    let at: DateTime<Utc> = "2026-11-02T09:00:00Z".parse().unwrap();
    let handle = Uuid::new_v4().into_bytes().to_vec();
    run!(*db, HANDLE, system, organisation, &handle, pupil, at);
    for kind in InvolvementKind::ALL {
        let states: &[bool] = if kind.needs_family_agreement() { &[true, false] } else { &[true] };
        for agreed in states {
            let by = agreed.then_some("a parent");
            let born = at.date_naive();
            run!(
                *db,
                CASE,
                organisation,
                Uuid::new_v4(),
                system,
                kind.as_str(),
                reference(*kind, *agreed),
                at,
                born,
                by,
                true,
                pupil
            );
        }
    }
    to_hex(&handle)
}
