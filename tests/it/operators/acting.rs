//! An organisation acts for another: named in the token, asked again at every request, and both in every entry.

use super::{acting_for, by_both};
use crate::support::exports::number;
use crate::support::wire::{Wire, entry_of, log, log_size, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::{Decision, Entry};
use schoolgate::demo::agencies::{AUTHORITY, CHILDREN, CHILDREN_SYSTEM, NURSING, TRUST, TRUST_SYSTEM};
use schoolgate::demo::{Standing, SystemName};
use schoolgate::directory::changes::Record;
use schoolgate::directory::{ActsForEntry, DirectoryFile, OrganisationEntry};
use serde_json::json;

pub fn register(suite: &mut Suite) {
    suite.both_empty(
        "operators::a_childrens_trust_acts_for_its_authority_and_both_stand_in_the_entry",
        authority,
    );
    suite.both_empty("operators::a_trust_acts_for_one_school_at_a_time", trust);
}

const SOCIAL_WORK: (&str, &str) = ("social_worker", "child_protection");

async fn authority(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let system = SystemName::new(CHILDREN, CHILDREN_SYSTEM);
    let child = gate.child("social_worker_cp", Standing::Mine).clone();
    let reference = child.case_reference.clone().unwrap();
    let found = async |wire: &Wire| {
        let search = json!({"upn": child.upn, "case_reference": reference});
        send(wire.request("POST", "/v1/pupils/find").json(&search)).await
    };
    let (wire, token) = acting_for(&gate, (&system, Some(AUTHORITY)), SOCIAL_WORK).await;
    assert_eq!(token.json()["authorization_details"][0]["organisation"], AUTHORITY);
    let entry = token_entry(&test).await;
    assert_eq!(entry.acted_for.as_ref().unwrap().organisation, AUTHORITY);
    assert_eq!(entry.connection.unwrap().organisation.as_deref(), Some(CHILDREN));
    let mine = found(&wire).await;
    assert_eq!(mine.status, 200, "{}", mine.json());
    let handle = mine.json()["pupil_id"].as_str().unwrap().to_owned();
    assert_ne!(Some(&handle), child.pupil_id.as_ref(), "the authority's own system holds another one");
    let summary = wire.summary(&handle, Some(&reference)).await;
    assert_eq!((summary.status, &summary.json()["role"]), (200, &json!("social_worker")));
    let entry = entry_of(&test.db, &summary).await;
    let acted_for = entry.acted_for.clone().unwrap();
    assert_eq!((acted_for.organisation.as_str(), entry.decision), (AUTHORITY, Decision::Allowed));
    assert_eq!(entry.connection.as_ref().unwrap().organisation.as_deref(), Some(CHILDREN));
    assert_eq!(entry.organisation(), Some(acted_for.organisation_id), "the authority's officer reads it");
    // The authority's own handle resolves to nothing for the trust's system, and for the trust itself there is no child.
    assert_eq!(wire.summary(child.pupil_id.as_ref().unwrap(), Some(&reference)).await.status, 404);
    let (own, token) = acting_for(&gate, (&system, None), SOCIAL_WORK).await;
    assert_eq!(token.status, 200);
    assert!(token.json()["authorization_details"][0].get("organisation").is_none());
    let not_mine = own.summary(&handle, Some(&reference)).await;
    assert!([403, 404].contains(&not_mine.status), "{}", not_mine.status);
    assert_eq!(found(&own).await.json().get("pupil_id"), None);
    let own_name = acting_for(&gate, (&system, Some(CHILDREN)), SOCIAL_WORK).await.1;
    assert_eq!(own_name.status, 200, "its own name is itself");
    for (organisation, error, why) in [
        ("nobody", "invalid_authorization_details", "unknown_organisation"),
        ("", "invalid_authorization_details", "unknown_organisation"),
        (NURSING, "unauthorized_client", "not_acting"),
    ] {
        let (_, refused) = acting_for(&gate, (&system, Some(organisation)), SOCIAL_WORK).await;
        assert_eq!((refused.status, &refused.json()["error"]), (400, &json!(error)), "{organisation}");
        assert_eq!(token_entry(&test).await.reason.as_deref(), Some(why));
    }
    ends(&test, &gate, &wire).await;
    gate.stop().await;
}

/// The entry of the request for a token that was answered last; such an answer carries no receipt.
async fn token_entry(test: &TestDb) -> Entry {
    let all = log(&test.db, log_size(&test.db).await.saturating_sub(20)).await;
    let token = all.into_iter().rev().find(|l| l.entry.route.as_deref() == Some("/oauth2/token"));
    token.unwrap().entry
}

/// What lets it act ends: the token that it still has is worth nothing at the next request, and it gets no other.
async fn ends(test: &TestDb, gate: &TestGate, wire: &Wire) {
    let inner = &gate.demo.running.gate;
    let stands = inner.directory().current().records();
    let acts = stands.into_values().find_map(|r| {
        if let Record::ActsFor(a) = r { Some(a).filter(|a| a.organisation == CHILDREN) } else { None }
    });
    let until = inner.clock().today().pred_opt().unwrap();
    let ended = ActsForEntry { valid_until: until, ..acts.unwrap() };
    by_both(gate, &DirectoryFile { acts_for: vec![ended], ..DirectoryFile::default() }).await;
    let report = send(wire.request("GET", "/v1/involvements/report")).await;
    assert_eq!((report.status, report.problem().as_str()), (401, "unauthenticated"));
    assert_eq!(entry_of(&test.db, &report).await.reason.as_deref(), Some("acting_withdrawn"));
    let system = SystemName::new(CHILDREN, CHILDREN_SYSTEM);
    let (_, refused) = acting_for(gate, (&system, Some(AUTHORITY)), SOCIAL_WORK).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));
}

async fn trust(test: TestDb) {
    const OFFICE: (&str, &str) = ("school_attendance_officer", "own_record");
    let gate = TestGate::start(&test.url).await;
    let system = SystemName::new(TRUST, TRUST_SYSTEM);
    let inner = &gate.demo.running.gate;
    let code = |urn: &str| inner.directory().current().school_by_urn(urn).unwrap().1.code.clone();
    let [first, second] = [0, 1].map(|n| gate.demo.json.schools[n].urn.clone());
    let (wire, _) = acting_for(&gate, (&system, Some(&code(&first))), OFFICE).await;
    let imports =
        async |wire: &Wire, urn: &str| send(wire.request("GET", &format!("/v1/schools/{urn}/imports"))).await;
    let own = imports(&wire, &first).await;
    assert_eq!(own.status, 200);
    assert!(
        !own.json()["imports"].as_array().unwrap().is_empty(),
        "who runs a school sees what others sent for it"
    );
    let entry = entry_of(&test.db, &own).await;
    assert_eq!(entry.acted_for.unwrap().organisation, code(&first));
    assert_eq!(imports(&wire, &second).await.status, 403, "one school at a time");
    let before = number(&test.db, "SELECT COUNT(*) FROM imports").await;
    let file = std::fs::read(gate.dir().join(&gate.demo.json.schools[0].attendance)).unwrap();
    for (urn, status) in [(&first, 200), (&second, 403)] {
        let request = wire.request("POST", &format!("/v1/schools/{urn}/attendance"));
        let sent = send(request.header("content-type", "text/csv").body(file.clone())).await;
        assert_eq!(sent.status, status, "{}", sent.json());
    }
    assert_eq!(number(&test.db, "SELECT COUNT(*) FROM imports").await, before + 1);
    // Not in a role that it is not given for the school, although its system might hold it.
    let (_, refused) = acting_for(&gate, (&system, Some(&code(&first))), ("dsl", "own_record")).await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));
    // A school that is suspended is acted for by nobody.
    let stands = inner.directory().current().records();
    let school = stands.into_values().find_map(|r| {
        if let Record::Organisation(o) = r { Some(o).filter(|o| o.code == code(&first)) } else { None }
    });
    let suspended = OrganisationEntry { suspended: true, ..school.unwrap() };
    by_both(&gate, &DirectoryFile { organisations: vec![suspended], ..DirectoryFile::default() }).await;
    assert_eq!(imports(&wire, &first).await.status, 401);
    assert_eq!(acting_for(&gate, (&system, Some(&code(&first))), OFFICE).await.1.status, 400);
    assert_eq!(acting_for(&gate, (&system, Some(&code(&second))), OFFICE).await.1.status, 200);
    gate.stop().await;
}
