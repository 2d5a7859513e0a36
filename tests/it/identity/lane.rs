//! A person behind a system: whose cases count, what is given, who stands in the entry, and how it ends.

use super::REPORT;
use super::world::{TENANT, World, details, kind_of, now, refused};
use crate::operators::{approve, plainly, run_as, told};
use crate::support::gate::sections;
use crate::support::provider::Provider;
use crate::support::signed::parts;
use crate::support::wire::{MOVED, Wire, entry_of, log, log_size, run, send, within_a_second};
use crate::support::{Suite, TestDb, TestGate};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schoolgate::audit::{Class, Decision};
use schoolgate::demo::Standing;
use serde_json::{Value, json};
use std::time::Instant;
use uuid::Uuid;

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::a_person_sees_the_cases_of_their_teams", teams);
    suite.both_empty("identity::a_person_is_given_what_a_system_is_not", given);
    suite.both_empty("identity::a_person_or_a_token_is_shut_out_within_a_second", shut_out);
    suite.both_empty("identity::an_officers_authorisation_is_the_persons_where_one_is_proved", officer);
    suite.both_empty("identity::keys_on_another_host_are_the_directorys_to_name", keys_elsewhere);
    suite.both_empty("identity::a_persons_token_is_not_used_up_by_what_is_refused_without_it", not_used_up);
    suite.both_empty("identity::marks_come_from_a_claim_by_the_directorys_map", marks);
    suite.both_empty("identity::a_second_factor_that_is_only_attested_gives_less", attested);
    suite.both_empty("identity::what_clients_read_first_is_what_the_standards_ask", metadata);
}

fn claims_of(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts(token)[1]).unwrap()).unwrap()
}

/// One child of the caller's, with a case of the team `child-protection`.
fn child(world: &World) -> (String, String, String) {
    let child = world.gate.child("social_worker_cp", Standing::Mine);
    (child.pupil_id.clone().unwrap(), child.case_reference.clone().unwrap(), child.upn.clone())
}

/// A team that covers it while the directory says so; before and after, its cases are nobody's there.
async fn covered(test: &TestDb, world: &World, (handle, reference): (&str, &str)) {
    const ENDED: &str = "UPDATE covers SET hours = 'always', valid_until = valid_from";
    const HOLDS: &str = "UPDATE covers SET valid_until = '2099-12-31'";
    let duty = world.person(&["front-door"], "on duty").await;
    for (change, status) in [(ENDED, 404), (HOLDS, 200), (ENDED, 404)] {
        assert!(run!(test.db, change) > 0);
        run!(test.db, MOVED);
        world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
        let reply = duty.summary(handle, Some(reference)).await;
        assert_eq!(reply.status, status, "{change}");
        assert_eq!(entry_of(&test.db, &reply).await.by_cover, status == 200, "{change}");
    }
}

async fn teams(test: TestDb) {
    let world = World::start(&test).await;
    let (handle, reference, upn) = child(&world);
    let own = world.person(&["child-protection", "no-team-of-ours"], "sw-17").await;
    let reply = own.summary(&handle, Some(&reference)).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let entry = entry_of(&test.db, &reply).await;
    let named = format!("{} {TENANT} sw-17", world.provider.issuer);
    assert_eq!((entry.person.as_deref(), entry.by_cover), (Some(named.as_str()), false));
    assert_eq!(entry.connection.unwrap().system.as_deref(), Some("social-care"));
    // RFC 8693 section 4.1: the subject is the person, the system acts.
    let claims = claims_of(&own.token);
    assert_eq!(
        (claims["sub"].as_str(), claims["act"].clone()),
        (Some("sw-17"), json!({"sub": claims["client_id"]}))
    );
    let found =
        async |wire: &Wire, body: Value| send(wire.request("POST", "/v1/pupils/find").json(&body)).await;
    assert_eq!(found(&own, json!({"upn": upn})).await.json()["pupil_id"], handle.as_str());

    covered(&test, &world, (&handle, &reference)).await;

    // Another team, and no team: the case is as if it were not there, whichever way it is asked for.
    let unknown = own.summary(&Uuid::new_v4().simple().to_string(), Some(&reference)).await;
    for (who, groups) in [("another team's", vec!["looked-after"]), ("nobody's", vec![])] {
        let other = world.person(&groups, &format!("of {who}")).await;
        let reply = other.summary(&handle, Some(&reference)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (404, "not_found"), "{who}");
        assert_eq!(reply.bytes.len(), unknown.bytes.len(), "{who}: the one 404");
        assert_eq!(entry_of(&test.db, &reply).await.reason.as_deref(), Some("no_relationship"), "{who}");
        for body in [json!({"upn": upn}), json!({"case_reference": reference})] {
            assert_eq!(found(&other, body).await.status, 404, "{who}");
        }
        let line = json!({"pupil_id": handle, "case_reference": reference}).to_string();
        let many =
            other.request("POST", "/v1/attendance-summaries").header("content-type", "application/x-ndjson");
        let answer = send(many.body(line)).await;
        assert_eq!(answer.status, 200, "{who}");
        let lines = String::from_utf8(answer.bytes).unwrap();
        assert!(lines.contains("no_answer") && !lines.contains("\"enrolments\""), "{who}: {lines}");
    }
    // Claims and feeds are a system's.
    for (method, path) in [("GET", REPORT), ("GET", "/v1/attendance-summaries/changes")] {
        assert_eq!(send(own.request(method, path)).await.status, 403, "{path}");
    }
    world.gate.stop().await;
}

async fn given(test: TestDb) {
    const LESS: &str = "UPDATE systems SET sections_without_person = 'headline' WHERE client_id = $1";
    const NONE: &str = "UPDATE sharing_agreements SET exceptions = ''";
    let world = World::start(&test).await;
    let (handle, reference, _) = child(&world);
    run!(test.db, LESS, world.caller().client_id.as_str());
    run!(test.db, NONE);
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    let system = Wire::of(&world.gate, "social_worker_cp").await;
    let person = world.person(&["child-protection"], "sw-17").await;
    let seen = async |wire: &Wire| {
        let reply = wire.summary(&handle, Some(&reference)).await;
        assert_eq!(reply.status, 200);
        let body = reply.json();
        let found: Vec<String> = sections(&body["enrolments"][0]).into_iter().map(str::to_owned).collect();
        (found, entry_of(&test.db, &reply).await)
    };
    let (without, entry) = seen(&system).await;
    assert_eq!((without, entry.person), (vec!["headline".to_owned()], None), "person: not asserted");
    let (with, entry) = seen(&person).await;
    for section in ["headline", "trend", "health", "sessions", "last_seen", "suspension"] {
        assert!(with.iter().any(|found| found == section), "{section}: {with:?}");
    }
    assert!(!with.iter().any(|found| found == "codes" || found == "enforcement"), "{with:?}");
    assert!(entry.person.is_some());
    // A search by name is a person's without an agreement's exception.
    let body = json!({"surname": "Nobody", "forename": "Here", "date_of_birth": "2015-01-01"});
    let ask = |wire: &Wire| wire.request("POST", "/v1/pupils/find").json(&body);
    assert_eq!(send(ask(&system)).await.status, 403);
    assert_eq!(send(ask(&person)).await.status, 404);
    world.gate.stop().await;
}

/// Suspended by one operator's command: 401 within a second, and no new token; to let them back takes two.
async fn suspended(
    test: &TestDb,
    world: &World,
    (handle, reference): (&str, &str),
    (first, second): (&Wire, &Wire),
) {
    const ELSEWHERE: &str = "INSERT INTO persons (id, organisation_id, issuer, tenant, subject, display_name, teams, \
         created_at) SELECT $1, id, $2, $3, 'nurse-1', '', '', $4 FROM organisations WHERE code = 'exampleshire-nursing'";
    let status = async |wire: &Wire| wire.summary(handle, Some(reference)).await.status;
    let organisation = world.caller().organisation.clone();
    let run = |operator, act: &str, who: &str| {
        run_as(&world.gate, operator, &["person", act, &organisation, who, "--json"])
    };
    let listed = || plainly(&world.gate, &["person", "list"]).out;
    let narrowed = told(&run(0, "suspend", "sw-1"));
    assert_eq!((&narrowed["state"], &narrowed["narrowed"]), (&json!("effective"), &json!(1)));
    within_a_second("suspended", Instant::now(), async || status(first).await == 401).await;
    let reply = first.summary(handle, Some(reference)).await;
    let entry = entry_of(&test.db, &reply).await;
    let refused_as = (entry.decision, entry.reason.as_deref());
    assert_eq!(refused_as, (Decision::Unauthenticated, Some("person_suspended")));
    let reason = (400, "invalid_request", "person_suspended");
    let again = async |subject: &str| {
        let token = world.subject("id_token", &json!({}), &json!({"sub": subject}));
        refused(test, subject, reason, world.given(first, "id_token", &token)).await;
    };
    again("sw-1").await;
    assert_eq!(status(second).await, 200, "nobody else is");
    let named = listed();
    assert!(named.contains(&format!("person {organisation} ")) && named.contains("SUSPENDED"), "{named}");
    assert!(!named.contains("sw-1"), "no person is named in what is printed: {named}");
    // Whoever has not come yet is kept out before their first token.
    assert_eq!(told(&run(0, "suspend", "sw-99"))["state"], "effective");
    again("sw-99").await;
    // Another organisation's person is that one's to suspend, and nobody is let back who is not suspended.
    let (id, at) = (Uuid::now_v7(), chrono::DateTime::from_timestamp(now(), 0).unwrap());
    assert_eq!(run!(test.db, ELSEWHERE, id, world.provider.issuer.as_str(), TENANT, at), 1);
    let other = run(0, "suspend", "nurse-1");
    assert_eq!(
        (other.code, other.out.contains("another organisation's person")),
        (Some(1), true),
        "{other:?}"
    );
    let nobody = run(0, "release", "sw-2");
    assert_eq!((nobody.code, nobody.out.contains("nobody is suspended")), (Some(1), true), "{nobody:?}");
    let back = told(&run(0, "release", "sw-1"));
    assert_eq!(back["state"], "waiting");
    let id = back["change_id"].as_str().unwrap();
    assert_eq!((approve(&world.gate, 0, id).code, status(first).await), (Some(4), 401), "not alone");
    assert_eq!(approve(&world.gate, 1, id).code, Some(0));
    within_a_second("let in again", Instant::now(), async || status(first).await == 200).await;
    assert_eq!(listed().matches("SUSPENDED").count(), 1, "the other stays: {}", listed());
}

async fn shut_out(test: TestDb) {
    let world = World::start(&test).await;
    let (handle, reference, _) = child(&world);
    let status = async |wire: &Wire| wire.summary(&handle, Some(&reference)).await.status;
    let first = world.person(&["child-protection"], "sw-1").await;
    let second = world.person(&["child-protection"], "sw-2").await;
    let third = world.person(&["child-protection"], "sw-3").await;
    let system = Wire::of(&world.gate, "social_worker_cp").await;
    for wire in [&first, &second, &third, &system] {
        assert_eq!(status(wire).await, 200);
    }
    suspended(&test, &world, (&handle, &reference), (&first, &second)).await;

    // Revoked by its own system; another's is refused, and one that does not hold is as good as revoked.
    let revoke = async |wire: &Wire, client: &str, token: &str| {
        let form = [("client_id", client), ("token", token)];
        send(wire.http.post(format!("{}/oauth2/revoke", wire.base)).form(&form)).await
    };
    let client = world.caller().client_id.as_str();
    let nurse = world.gate.caller("school_nurse");
    let other = world.wire(nurse);
    let reply = revoke(&other, &nurse.client_id, &second.token).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (400, Some("invalid_grant")));
    let reply = revoke(&other, client, &second.token).await;
    assert_eq!((reply.status, reply.json()["error"].as_str()), (401, Some("invalid_client")));
    assert_eq!(status(&second).await, 200);
    for token in ["nonsense", second.token.as_str(), second.token.as_str()] {
        assert_eq!(revoke(&system, client, token).await.status, 200);
    }
    within_a_second("revoked", Instant::now(), async || status(&second).await == 401).await;
    let reply = second.summary(&handle, Some(&reference)).await;
    assert_eq!(entry_of(&test.db, &reply).await.reason.as_deref(), Some("token_revoked"));
    assert_eq!(status(&third).await, 200, "and no other token");
    // A provider that is taken out of the directory proves nobody any longer.
    run!(test.db, "UPDATE identity_providers SET issuer = 'https://gone.example'");
    run!(test.db, MOVED);
    within_a_second("withdrawn", Instant::now(), async || status(&third).await == 401).await;
    assert_eq!(status(&system).await, 200, "the system goes on");
    world.gate.stop().await;
}

/// SI 2024/208 reg 12: where a person is proved the written authorisation is theirs, and the system's is not enough.
async fn officer(test: TestDb) {
    const ENDED: &str = "UPDATE officer_authorisations SET valid_until = $1 WHERE subject = 'officer-1'";
    let world = World::start(&test).await;
    let caller = world.gate.caller("attendance_officer_la");
    let handle = world.gate.child("attendance_officer_la", Standing::Mine).pupil_id.clone().unwrap();
    let details = details("attendance_officer_la", "attendance_duty");
    let id_token = kind_of("id_token");
    let person = async |subject: &str| {
        let mut wire = world.wire(caller);
        let change = json!({"aud": caller.client_id, "roles": ["attendance_officer_la"], "sub": subject});
        let token = world.subject("id_token", &json!({}), &change);
        let form = [
            ("client_id", caller.client_id.as_str()),
            ("authorization_details", details.as_str()),
            ("subject_token", token.as_str()),
            ("subject_token_type", id_token.as_str()),
        ];
        let reply = world.exchange(&wire, &form).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
        wire
    };
    let (anna, ben) = (person("officer-1").await, person("officer-2").await);
    let system = Wire::of(&world.gate, "attendance_officer_la").await;
    let status = async |wire: &Wire| wire.summary(&handle, None).await.status;
    assert_eq!((status(&system).await, status(&anna).await), (200, 403), "the system's is not the person's");
    let add = ["officer", "add", &caller.organisation, &caller.client_id, "R12/9", "--name", "Anna Officer"];
    let days = ["--from", "2026-09-01", "--until", "2027-08-31", "--subject", "officer-1", "--json"];
    let waiting = told(&run_as(&world.gate, 0, &[&add[..], &days].concat()));
    assert_eq!((&waiting["state"], &waiting["new"]), (&json!("waiting"), &json!(1)));
    assert_eq!(status(&anna).await, 403);
    assert_eq!(approve(&world.gate, 1, waiting["change_id"].as_str().unwrap()).code, Some(0));
    within_a_second("authorised", Instant::now(), async || status(&anna).await == 200).await;
    let reply = ben.summary(&handle, None).await;
    let entry = entry_of(&test.db, &reply).await;
    assert_eq!(
        (reply.status, entry.reason.as_deref()),
        (403, Some("officer_not_authorised")),
        "hers is nobody else's"
    );
    let listed = plainly(&world.gate, &["officer", "list"]).out;
    assert!(listed.contains("R12/9 of person ") && !listed.contains("officer-1"), "{listed}");
    let end = ["officer", "suspend", &caller.organisation, &caller.client_id, "R12/9", "--json"];
    assert_eq!(told(&run_as(&world.gate, 1, &end))["state"], "effective");
    // The command ends it by the machine's day, and the demonstration's is earlier.
    assert_eq!(run!(test.db, ENDED, "2026-11-19".parse::<chrono::NaiveDate>().unwrap()), 1);
    run!(test.db, MOVED);
    within_a_second("ended", Instant::now(), async || status(&anna).await == 403).await;
    assert_eq!(status(&system).await, 200, "the system's stands");
    world.gate.stop().await;
}

/// A discovery document names no keys elsewhere; the directory does, and from then on those that were kept are not used.
async fn keys_elsewhere(test: TestDb) {
    const ISSUER: &str = "UPDATE identity_providers SET issuer = $1";
    const KEYS: &str = "UPDATE identity_providers SET keys_url = $1";
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let moved = async || {
        run!(test.db, MOVED);
        world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    };
    let token = |issuer: &str| world.subject("id_token", &json!({}), &json!({"iss": issuer}));
    let own = world.provider.issuer.clone();
    assert_eq!(world.given(&wire, "id_token", &token(&own)).await.status, 200, "of its own place");
    let elsewhere = format!("{own}/elsewhere");
    assert_eq!(run!(test.db, ISSUER, elsewhere.as_str()), 1);
    moved().await;
    let reason = (503, "temporarily_unavailable", "provider_unreachable");
    refused(&test, "named elsewhere", reason, world.given(&wire, "id_token", &token(&elsewhere))).await;
    let fetched = world.provider.fetched();
    assert_eq!(run!(test.db, KEYS, format!("{own}/jwks")), 1);
    moved().await;
    assert_eq!(
        world.given(&wire, "id_token", &token(&elsewhere)).await.status,
        200,
        "named by the directory"
    );
    assert_eq!(world.provider.fetched(), fetched + 1, "fetched from there at once");
    assert_eq!(run!(test.db, KEYS, format!("{own}/gone")), 1);
    moved().await;
    refused(&test, "from where none are", reason, world.given(&wire, "id_token", &token(&elsewhere))).await;
    world.gate.stop().await;
}

/// For whom the system would act is judged first: a person does not have to sign in again for a word that was wrong.
async fn not_used_up(test: TestDb) {
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let token = world.subject("id_token", &json!({}), &json!({}));
    let id_token = kind_of("id_token");
    let ask = async |organisation: Option<&str>| {
        let mut detail =
            json!({"type": "schoolgate", "role": "social_worker", "purpose": "child_protection"});
        if let Some(code) = organisation {
            detail["organisation"] = json!(code);
        }
        let details = json!([detail]).to_string();
        let form = [
            ("subject_token", token.as_str()),
            ("subject_token_type", &id_token),
            ("authorization_details", &details),
        ];
        world.exchange(&wire, &form).await
    };
    let unknown = (400, "invalid_authorization_details", "unknown_organisation");
    refused(&test, "no such organisation", unknown, ask(Some("nowhere"))).await;
    let other = (400, "unauthorized_client", "not_acting");
    refused(&test, "one that it does not act for", other, ask(Some("northmarch"))).await;
    assert_eq!(ask(None).await.status, 200, "the token is good still");
    let again = (400, "invalid_request", "subject_replayed");
    refused(&test, "once", again, ask(None)).await;
    world.gate.stop().await;
}

/// What the provider's claim says of marks, the directory maps, and the entry of the token names them.
async fn marks(test: TestDb) {
    let world = World::start(&test).await;
    let wire = world.wire(world.caller());
    let given = async |claims: Value| {
        let from = log_size(&test.db).await;
        let token = world.subject("id_token", &json!({}), &claims);
        let reply = world.given(&wire, "id_token", &token).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        let own = claims_of(reply.json()["access_token"].as_str().unwrap());
        let mut entries = log(&test.db, from).await;
        entries.retain(|item| item.entry.class == Class::Access);
        assert_eq!(entries.len(), 1);
        (own["person"]["marks"].clone(), entries.remove(0).entry.marks)
    };
    let all = json!({"marks": ["data_matcher", "manager:child-protection", "head_of_everything"]});
    let (carried, noted) = given(all.clone()).await;
    assert_eq!(carried, json!(["manager:child-protection", "data_matcher"]));
    assert_eq!(noted, ["manager:child-protection", "data_matcher"]);
    assert_eq!(given(json!({"marks": "manager"})).await, (Value::Null, Vec::new()), "a manager is of a team");
    assert_eq!(given(json!({})).await, (Value::Null, Vec::new()));
    // What the map does not have any longer nobody is given.
    run!(test.db, "DELETE FROM identity_provider_marks WHERE mark = 'data_matcher'");
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    assert_eq!(given(all).await.1, ["manager:child-protection"]);
    world.gate.stop().await;
}

/// The nursing trust's provider, which only attests: no health, which is most of what a school nurse is given.
async fn attested(test: TestDb) {
    const PROVIDER: &str = "INSERT INTO identity_providers (id, organisation_id, issuer, tenant, tenant_claim, algorithms, \
         role_claim, group_claim, mfa_values, mfa_evidence, mfa_evidence_on, suspended) \
         SELECT $1, id, $2, '', 'tid', 'ES256', 'roles', 'groups', '', 'Assurance 12', $3, FALSE FROM organisations \
         WHERE code = 'exampleshire-nursing'";
    const CLIENT: &str = "INSERT INTO identity_provider_clients (provider_id, system_id, client_id) \
         SELECT $1, id, 'nurses' FROM systems WHERE client_id = $2";
    const ROLE: &str = "INSERT INTO identity_provider_roles (provider_id, claim_value, role) \
         VALUES ($1, 'nurse', 'school_nurse')";
    const TEAM: &str = "INSERT INTO identity_provider_teams (provider_id, claim_value, team_id) \
         SELECT $1, 'nurses', id FROM teams WHERE code = 'school-nurses'";
    let world = World::start(&test).await;
    let nurse = world.gate.caller("school_nurse");
    let (id, issuer) = (Uuid::now_v7(), format!("{}/attested", world.provider.issuer));
    let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    run!(test.db, PROVIDER, id, issuer.as_str(), day("2026-09-01"));
    run!(test.db, CLIENT, id, nurse.client_id.as_str());
    run!(test.db, ROLE, id);
    run!(test.db, TEAM, id);
    run!(test.db, MOVED);
    world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
    let token = |change: Value| {
        let base = json!({"iss": issuer, "aud": "nurses", "tid": null, "amr": null, "roles": ["nurse"], "groups": ["nurses"]});
        let mut whole = base;
        crate::support::signed::patch(&mut whole, &change);
        world.key.token(&json!({"typ": "JWT"}), &world.claims("id_token", &whole))
    };
    let mut wire = world.wire(nurse);
    let id_token = kind_of("id_token");
    let ask = async |wire: &Wire, token: String, purpose: &str| {
        let details = details("school_nurse", purpose);
        let form = [
            ("subject_token", token.as_str()),
            ("subject_token_type", &id_token),
            ("client_id", &nurse.client_id),
            ("authorization_details", &details),
        ];
        world.exchange(wire, &form).await
    };
    let reply = ask(&wire, token(json!({"jti": "a1"})), "school_health").await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
    let child = world.gate.child("school_nurse", Standing::Mine);
    let (handle, reference) = (child.pupil_id.clone().unwrap(), child.case_reference.clone().unwrap());
    let body = wire.summary(&handle, Some(&reference)).await.json();
    let seen = sections(&body["enrolments"][0]);
    assert!(seen.contains(&"headline") && !seen.contains(&"health"), "{seen:?}");
    let by_system =
        Wire::of(&world.gate, "school_nurse").await.summary(&handle, Some(&reference)).await.json();
    assert!(sections(&by_system["enrolments"][0]).contains(&"health"), "the row gives it otherwise");
    let reason = (400, "invalid_authorization_details", "mfa_only_attested");
    refused(&test, "an emergency", reason, ask(&wire, token(json!({"jti": "a2"})), "emergency")).await;
    // Evidence counts for a year from its day, and not before it.
    for (on, what) in [("2025-11-01", "old evidence"), ("2026-11-21", "evidence of the future")] {
        run!(test.db, "UPDATE identity_providers SET mfa_evidence_on = $1 WHERE id = $2", day(on), id);
        run!(test.db, MOVED);
        world.gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
        let reason = (400, "invalid_request", "subject_mfa");
        refused(&test, what, reason, ask(&wire, token(json!({"jti": on})), "school_health")).await;
    }
    world.gate.stop().await;
}

async fn metadata(test: TestDb) {
    let key = crate::support::signed::TestKey::new("k1", "ES256");
    let provider = Provider::start(&[&key]).await;
    let gate = TestGate::with_provider(&test.url, &provider).await;
    let wire = Wire::of(&gate, "social_worker_cp").await;
    let read = async |path: &str| {
        let reply = send(wire.bare("GET", path)).await;
        assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/json")), "{path}");
        reply.json()
    };
    let issuer = gate.demo.json.api.as_str();
    let server = read("/.well-known/oauth-authorization-server").await;
    assert_eq!(server["issuer"], issuer);
    for (name, path) in [
        ("token_endpoint", "/oauth2/token"),
        ("revocation_endpoint", "/oauth2/revoke"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(server[name], format!("{issuer}{path}"));
    }
    assert_eq!(server["tls_client_certificate_bound_access_tokens"], true);
    assert_eq!(
        server["token_endpoint_auth_methods_supported"],
        json!(["tls_client_auth", "private_key_jwt"])
    );
    assert!(server["grant_types_supported"].as_array().unwrap().contains(&json!(super::world::EXCHANGE)));
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/v1"] {
        let resource = read(path).await;
        assert_eq!(
            (resource["resource"].as_str(), resource["authorization_servers"].clone()),
            (Some(format!("{issuer}/v1").as_str()), json!([issuer]))
        );
    }
    // Whoever has the published keys reads our tokens: each names one of them, and no private member is there.
    let keys = read("/.well-known/jwks.json").await;
    let header: Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts(&wire.token)[0]).unwrap()).unwrap();
    let keys = keys["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2, "one of each kind");
    assert!(keys.iter().all(|key| key.get("d").is_none() && key["use"] == "sig"));
    assert!(keys.iter().any(|key| key["kid"] == header["kid"] && key["alg"] == header["alg"]));
    assert_eq!(header["typ"], "at+jwt");
    // Whoever reads them again and again is told to wait, and nobody else is.
    let ask = async |wire: &Wire| send(wire.bare("GET", "/.well-known/jwks.json")).await;
    let mut limited = None;
    for _ in 0..2_000 {
        limited = Some(ask(&wire).await).filter(|reply| reply.status == 429);
        if limited.is_some() {
            break;
        }
    }
    let limited = limited.unwrap();
    assert_eq!(limited.problem(), "too_many_requests");
    assert!(limited.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()));
    let other = Wire::of(&gate, "school_nurse").await;
    assert_eq!(ask(&other).await.status, 200);
    gate.stop().await;
}
