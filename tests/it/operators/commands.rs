//! The commands, as an operator runs them beside a gateway that serves.

use super::{approve, feed, plainly, propose, run_as, told};
use crate::support::exports::number;
use crate::support::wire::{Wire, entry_of, log, log_size, run, send, within_a_second};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::{Class, Decision};
use schoolgate::cli::operator::{OperatorKeyArgs, operator_key};
use schoolgate::demo::SystemName;
use schoolgate::demo::agencies::{NURSING, STRANGER};
use schoolgate::directory::MandateEntry;
use schoolgate::directory::changes::{self, Record};
use serde_json::{Value, json};
use std::time::Instant;

pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::a_change_waits_for_a_second_operator_and_narrowing_does_not", waits);
    suite.both_empty("operators::a_whole_file_is_one_change_of_its_differences", whole_file);
    suite.both_empty("operators::every_kind_of_record_is_added_listed_and_suspended", kinds);
    suite.both_empty("operators::teams_cover_marks_and_who_acts_for_whom_change_by_commands", staff);
    suite.both_empty(
        "operators::a_file_takes_back_no_certificate_that_a_system_registered_itself",
        own_certificate,
    );
    suite.both_empty("operators::schools_come_from_the_national_list_and_keep_their_numbers", schools);
}

async fn waits(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let system = SystemName::new(STRANGER, "social-care");
    let client = system.file_name();
    let wire = Wire::of(&gate, "stranger").await;
    let asked = async || wire.ask_token(&client, "virtual_school", "looked_after").await;
    let from = log_size(&test.db).await;
    let add =
        ["system", "add", "--client-id", &client, "--role", "social_worker", "--role", "virtual_school"];
    let dry = run_as(&gate, 0, &[&add[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, Some(0), "{dry:?}");
    assert!(
        dry.out.contains(&format!("changed  system {client}")) && dry.out.ends_with("nothing was changed\n")
    );
    assert_eq!(log_size(&test.db).await, from, "nothing happened");
    let proposed = told(&run_as(&gate, 0, &[&add[..], &["--json"]].concat()));
    let id = proposed["change_id"].as_str().unwrap();
    assert_eq!((&proposed["state"], &proposed["changed"]), (&json!("waiting"), &json!(1)));
    // It shows in the feed of whom it affects, nowhere else, and gives nothing.
    let told_of = async |wire: &Wire, kind: &str| {
        feed(wire)
            .await
            .into_iter()
            .filter(|n| n["kind"] == kind && n["body"]["change_id"] == id)
            .collect::<Vec<_>>()
    };
    let pending = told_of(&wire, "change_pending").await;
    let expected = json!([{"record": format!("system {client}"), "effect": "changed"}]);
    assert_eq!((pending.len(), &pending[0]["body"]["records"]), (1, &expected));
    let nurse = Wire::of(&gate, "school_nurse").await;
    assert_eq!(told_of(&nurse, "change_pending").await, Vec::<Value>::new());
    let refused = asked().await;
    assert_eq!((refused.status, &refused.json()["error"]), (400, &json!("unauthorized_client")));
    // Nobody approves it alone, and a stranger's key approves nothing.
    let unseen = run_as(&gate, 1, &["change", "approve", id]);
    assert_eq!((unseen.code, unseen.err.contains("change show")), (Some(1), true), "{unseen:?}");
    let otherwise = run_as(&gate, 1, &["change", "approve", id, "--digest", &"0".repeat(64)]);
    assert_eq!(
        (otherwise.code, otherwise.err.contains("another document")),
        (Some(1), true),
        "{otherwise:?}"
    );
    let shown: Value = told(&plainly(&gate, &["change", "show", id]));
    let role = &shown["records"][0]["would_stand"]["system"]["roles"];
    assert_ne!(&shown["records"][0]["stands"]["system"]["roles"], role, "both as it stands and as it would");
    let same = approve(&gate, 0, id);
    let says = "schoolgate: operator `operator-1` proposed this change and cannot approve it; another operator must\n";
    assert_eq!((same.code, same.err.ends_with(says)), (Some(4), true), "{same:?}");
    let stranger = gate.dir().join("stranger.key");
    operator_key(&OperatorKeyArgs { file: stranger.clone() }).unwrap();
    let other = plainly(&gate, &["change", "approve", id, "--as", stranger.to_str().unwrap()]);
    assert_eq!(other.code, Some(4), "{other:?}");
    assert!(other.err.contains("this key is no operator's of this gateway"), "{other:?}");
    assert_eq!(asked().await.status, 400);
    let approved = approve(&gate, 1, id);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    assert!(approved.out.starts_with(&format!("change {id} has taken effect; entry ")), "{approved:?}");
    within_a_second("the role is given", Instant::now(), async || asked().await.status == 200).await;
    assert_eq!(told_of(&wire, "change_effective").await.len(), 1);
    let again = approve(&gate, 1, id);
    assert_eq!(again.code, Some(1));
    assert!(again.err.contains("this change is effective already"), "{again:?}");
    let none = run_as(&gate, 1, &["change", "approve", &uuid::Uuid::now_v7().to_string()]);
    assert_eq!((none.code, none.err.contains("there is no change of this id")), (Some(1), true), "{none:?}");
    narrows(&gate, &client, &wire).await;
    entries(&test, from).await;
    replayed(&gate, id).await;
    gate.stop().await;
}

/// What only narrows takes effect at once.
async fn narrows(gate: &TestGate, client: &str, wire: &Wire) {
    let asked = async || wire.ask_token(client, "social_worker", "child_protection").await;
    assert_eq!(asked().await.status, 200);
    let narrowed = told(&run_as(gate, 0, &["system", "suspend", client, "--json"]));
    assert_eq!((&narrowed["state"], &narrowed["narrowed"]), (&json!("effective"), &json!(1)));
    within_a_second("the system is let in nowhere", Instant::now(), async || asked().await.status == 401)
        .await;
    let again = told(&run_as(gate, 0, &["system", "suspend", client, "--json"]));
    assert_eq!(
        (&again["state"], &again["records"]),
        (&json!("planned"), &json!([])),
        "nothing is left to do"
    );
    // To let it in again takes two.
    let back = told(&run_as(gate, 1, &["system", "add", "--client-id", client, "--json"]));
    assert_eq!(back["state"], "waiting");
    let refused = run_as(gate, 1, &["change", "refuse", back["change_id"].as_str().unwrap()]);
    assert_eq!(refused.code, Some(0), "who proposed may take it back: {refused:?}");
    assert!(refused.out.contains("is refused and never takes effect"), "{refused:?}");
    assert_eq!(asked().await.status, 401);
}

/// Each step has its one entry, with who took it; so has each attempt of somebody who may not.
async fn entries(test: &TestDb, from: u64) {
    let all = log(&test.db, from).await;
    let admin = all.iter().filter(|l| l.entry.class == Class::Admin).map(|l| &l.entry);
    let steps: Vec<_> = admin
        .map(|e| {
            let detail =
                if e.decision == Decision::Allowed { e.person.as_deref() } else { e.reason.as_deref() };
            (e.action.as_deref().unwrap(), e.decision, detail.unwrap())
        })
        .collect();
    let (yes, no) = (Decision::Allowed, Decision::Refused);
    let expected = [
        ("propose_change", yes, "operator operator-1"),
        ("decide_change", no, "same_operator"),
        ("sign_change", no, "unknown_operator"),
        ("approve_change", yes, "operator operator-2"),
        ("decide_change", no, "not_waiting"),
        ("narrow_directory", yes, "operator operator-1"),
        ("propose_change", yes, "operator operator-2"),
        ("refuse_change", yes, "operator operator-2"),
    ];
    assert_eq!(steps, expected);
    let first = all.iter().find(|l| l.entry.class == Class::Admin).unwrap();
    let change = first.entry.record.as_deref().unwrap().strip_prefix("change ").unwrap().parse().unwrap();
    let kept = changes::change(&test.db, change).await.unwrap().unwrap();
    let digest = schoolgate::crypto::sha256(&[&kept.signed.bytes]);
    assert_eq!(first.entry.written.unwrap().0, digest, "the entry names the bytes that were signed");
}

/// A signed change that was taken in is not taken in again.
async fn replayed(gate: &TestGate, id: &str) {
    let db = gate.demo.running.gate.db();
    let kept = changes::change(db, id.parse().unwrap()).await.unwrap().unwrap();
    let fault = propose(gate, &kept.signed).await.unwrap_err();
    assert_eq!(fault.to_string(), "this change was taken in before and is not taken twice; make it again");
}

async fn whole_file(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let shown = plainly(&gate, &["directory", "show"]);
    let path = gate.dir().join("directory.json");
    std::fs::write(&path, &shown.out).unwrap();
    let file = path.to_str().unwrap();
    let same = told(&run_as(&gate, 0, &["directory", "apply", file, "--json"]));
    assert_eq!(
        (&same["state"], &same["records"]),
        (&json!("planned"), &json!([])),
        "what stands is no change"
    );
    let mut changed: Value = serde_json::from_str(&shown.out).unwrap();
    let school =
        changed["organisations"].as_array_mut().unwrap().iter_mut().find(|o| o["kind"] == "school").unwrap();
    school["name"] = json!("Another Name");
    let code = school["code"].as_str().unwrap().to_owned();
    let gone = changed["mandates"].as_array_mut().unwrap().pop().unwrap();
    changed["teams"]
        .as_array_mut()
        .unwrap()
        .push(json!({"organisation": NURSING, "code": "new", "name": "New"}));
    std::fs::write(&path, changed.to_string()).unwrap();
    let dry = told(&run_as(&gate, 0, &["directory", "apply", file, "--json", "--dry-run"]));
    let effects: Vec<&str> =
        dry["records"].as_array().unwrap().iter().map(|r| r["effect"].as_str().unwrap()).collect();
    assert_eq!((effects.as_slice(), &dry["state"]), (&["changed", "new", "narrowed"][..], &json!("planned")));
    let only = told(&run_as(&gate, 0, &["directory", "apply", file, "--json", "--dry-run", "--only-these"]));
    assert_eq!((&only["narrowed"], &only["new"]), (&json!(0), &json!(1)));
    let waiting = told(&run_as(&gate, 0, &["directory", "apply", file, "--json"]));
    let id = waiting["change_id"].as_str().unwrap();
    assert_eq!(
        number(&test.db, "SELECT COUNT(*) FROM teams WHERE code = 'new'").await,
        0,
        "it waits as a whole"
    );
    assert_eq!(approve(&gate, 1, id).code, Some(0));
    let inner = &gate.demo.running.gate;
    inner.directory().refresh(inner.db()).await.unwrap();
    let directory = inner.directory().current();
    assert_eq!(directory.organisation_by_code(&code).unwrap().name, "Another Name");
    let theirs = |m: &MandateEntry| m.client_id == gone["client_id"] && m.school == gone["school"];
    let ended = directory
        .records()
        .into_values()
        .find_map(|r| if let Record::Mandate(m) = r { Some(m).filter(theirs) } else { None });
    assert!(ended.unwrap().valid_until.to_string().as_str() < gone["valid_until"].as_str().unwrap());
    for (text, says) in [
        ("{}", "is not a directory file"),
        (
            "{\"organisations\":[],\"systems\":[],\"teams\":[{\"organisation\":\"x\",\"code\":\"y\",\"name\":\"z\"}],\
          \"sharing_agreements\":[],\"officer_authorisations\":[]}",
            "`x` is named but not defined",
        ),
    ] {
        std::fs::write(&path, text).unwrap();
        let refused = run_as(&gate, 0, &["directory", "apply", file, "--only-these"]);
        assert_eq!((refused.code, refused.err.contains(says)), (Some(1), true), "{refused:?}");
    }
    gate.stop().await;
}

/// An identity provider of the supplier's, as a file.
fn provider_file(gate: &TestGate) -> String {
    let file = gate.dir().join("provider.json");
    let entry = json!({
        "organisation": "supply", "issuer": "https://login.example", "tenant": "t1", "algorithms": ["ES256", "RS256"],
        "clients": {"supply.sync": "there"}, "role_claim": "roles", "roles": {"office": ["school_attendance_officer"]},
        "mfa": {"evidence": "letter 7", "evidence_on": "2026-01-05"},
    });
    std::fs::write(&file, entry.to_string()).unwrap();
    file.display().to_string()
}

async fn kinds(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let both = |command: &[&str]| {
        let proposed = told(&run_as(&gate, 0, &[command, &["--json"]].concat()));
        assert_eq!(proposed["state"], "waiting", "{command:?}");
        let id = proposed["change_id"].as_str().unwrap().to_owned();
        assert_eq!(approve(&gate, 1, &id).code, Some(0));
    };
    let listed = |command: &[&str]| plainly(&gate, &[command, &["list"]].concat()).out;
    let document = gate.dir().join("demo.json").display().to_string();
    let days = ["--from", "2020-01-01", "--until", "2099-12-31"];
    both(&["org", "add", "--code", "supply", "--kind", "vendor", "--name", "Supply Ltd"]);
    assert!(listed(&["org"]).contains("organisation supply vendor Supply Ltd"), "{}", listed(&["org"]));
    both(&["school", "add", "--code", "beck", "--name", "Beck", "--urn", "123456", "--laestab", "9994321"]);
    assert!(listed(&["school"]).contains("organisation beck school Beck URN 123456"));
    let add = ["system", "add", "--client-id", "supply.sync", "--organisation", "supply", "--code", "sync"];
    both(&[&add[..], &["--role", "school_attendance_officer", "--scope", "registers"]].concat());
    assert!(listed(&["system"]).contains("system supply.sync school_attendance_officer 0 certificates"));
    let add = ["mandate", "add", "--system", "supply.sync", "--school", "beck", "--scope", "registers"];
    both(&[&add[..], &days].concat());
    assert!(listed(&["mandate"]).contains("mandate supply.sync beck 2020-01-01 until 2099-12-31 registers"));
    let add = ["sharing-agreement", "add", "--organisation", "supply", "--document-version", "7"];
    both(&[&add[..], &["--document", &document, "--purpose", "own_record"], &days].concat());
    assert!(listed(&["sharing-agreement"]).contains("sharing agreement supply 7 until 2099-12-31"));
    let provider = provider_file(&gate);
    both(&["idp", "add", &provider]);
    assert!(listed(&["idp"]).contains("identity provider supply https://login.example t1 1 clients"));
    let again = told(&run_as(&gate, 0, &["idp", "add", &provider, "--json"]));
    assert_eq!(again["records"], json!([]), "what stands is no change");
    let third = gate.dir().join("third.key");
    let public = operator_key(&OperatorKeyArgs { file: third.clone() }).unwrap();
    // Of two operators neither can be suspended: nothing could be approved any more.
    let last = run_as(&gate, 0, &["operator", "suspend", "operator-2"]);
    assert_eq!(
        (last.code, last.err.contains("fewer than two operators would stand")),
        (Some(1), true),
        "{last:?}"
    );
    both(&["operator", "add", public.to_str().unwrap(), "--name", "clara"]);
    assert!(listed(&["operator"]).contains("operator clara"));
    let third = third.to_str().unwrap();
    for (command, says) in [
        (
            &["idp", "suspend", "supply", "https://login.example", "--tenant", "t1"][..],
            "narrowed identity provider supply https://login.example t1",
        ),
        (&["mandate", "suspend", "supply.sync", "beck"], "narrowed mandate supply.sync beck"),
        (&["sharing-agreement", "suspend", "supply", "7"], "narrowed sharing agreement supply 7"),
        (&["system", "suspend", "supply.sync"], "narrowed system supply.sync"),
        (&["school", "suspend", "beck"], "narrowed organisation beck"),
        (&["org", "suspend", "supply"], "narrowed organisation supply"),
        (&["operator", "suspend", "operator-2"], "narrowed operator operator-2"),
    ] {
        let ran = plainly(&gate, &[command, &["--as", third]].concat());
        assert_eq!((ran.code, ran.out.contains(says)), (Some(0), true), "{command:?} {ran:?}");
        assert!(ran.out.contains("has taken effect; entry "), "{ran:?}");
    }
    let ended = run_as(&gate, 1, &["org", "suspend", "supply"]);
    assert_eq!(ended.code, Some(4), "who was suspended signs nothing: {ended:?}");
    let missing = run_as(&gate, 0, &["org", "suspend", "nobody"]);
    assert_eq!((missing.code, missing.err.contains("there is no organisation `nobody`")), (Some(1), true));
    let changes = plainly(&gate, &["change", "list", "--json"]);
    let changes: Value = serde_json::from_str(&changes.out).unwrap();
    assert_eq!(changes[0]["records"], json!(["operator operator-2"]));
    assert!(plainly(&gate, &["change", "list", "--waiting"]).out.ends_with("0 listed\n"));
    gate.stop().await;
}

async fn own_certificate(test: TestDb) {
    const REGISTERED: &str = "INSERT INTO credentials (id, system_id, thumbprint, key_digest, valid_from, valid_until, \
         by_system) SELECT $1, id, $2, $3, $4, $5, TRUE FROM systems WHERE client_id = $6";
    let gate = TestGate::start(&test.url).await;
    let client = SystemName::new(STRANGER, "social-care").file_name();
    let path = gate.dir().join("directory.json");
    let shown = plainly(&gate, &["directory", "show"]).out;
    std::fs::write(&path, &shown).unwrap();
    let apply = |more: &[&str]| {
        run_as(&gate, 0, &[&["directory", "apply", path.to_str().unwrap(), "--json"], more].concat())
    };
    let now = gate.demo.running.gate.clock().now();
    let (thumbprint, key) = (vec![0xab_u8; 32], vec![0xcd_u8; 32]);
    let ends = now + chrono::TimeDelta::days(90);
    let id = uuid::Uuid::now_v7();
    assert_eq!(run!(test.db, REGISTERED, id, thumbprint.clone(), key, now, ends, client.as_str()), 1);
    run!(test.db, crate::support::wire::MOVED);
    // The file is of before: what the system did since then stands.
    assert_eq!(told(&apply(&[]))["records"], json!([]));
    // Of what operators registered it takes back what it does not have.
    let mut changed: Value = serde_json::from_str(&shown).unwrap();
    let systems = changed["systems"].as_array_mut().unwrap();
    let system = systems.iter_mut().find(|s| s["client_id"] == client.as_str()).unwrap();
    system["certificates"] = json!([]);
    std::fs::write(&path, changed.to_string()).unwrap();
    let effects = told(&apply(&["--dry-run"]))["records"].clone();
    assert_eq!(effects, json!([{"record": format!("system {client}"), "effect": "narrowed"}]));
    // By its name it is revoked; a file that still has it is refused in words.
    let own = schoolgate::crypto::to_hex(&thumbprint);
    let listed = plainly(&gate, &["directory", "show"]).out;
    assert!(listed.contains(&own) && listed.contains("\"by_system\": true"), "it is shown, and whose it is");
    let revoked = told(&run_as(&gate, 0, &["system", "suspend", &client, "--certificate", &own, "--json"]));
    assert_eq!(revoked["state"], "effective");
    std::fs::write(&path, listed).unwrap();
    let refused = apply(&[]);
    assert_eq!((refused.code, refused.out.contains("it does not come back")), (Some(1), true), "{refused:?}");
    gate.stop().await;
}

/// Each of these waits for a second operator to begin with, and ends by one.
async fn staff(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let both = |command: &[&str]| {
        let proposed = told(&run_as(&gate, 0, &[command, &["--json"]].concat()));
        assert_eq!((&proposed["state"], &proposed["new"]), (&json!("waiting"), &json!(1)), "{command:?}");
        assert_eq!(approve(&gate, 1, proposed["change_id"].as_str().unwrap()).code, Some(0));
    };
    let days = ["--from", "2020-01-01", "--until", "2099-12-31"];
    both(&["org", "add", "--code", "supply", "--kind", "vendor", "--name", "Supply Ltd"]);
    both(&["system", "add", "--client-id", "supply.sync", "--organisation", "supply", "--code", "sync"]);
    both(&["idp", "add", &provider_file(&gate)]);
    for (kind, names, more) in [
        ("team", &["exampleshire", "night"][..], &["--name", "Night Team"][..]),
        ("team", &["supply", "desk"], &["--name", "Desk"]),
        ("acts-for", &["exampleshire-nursing", "exampleshire"], &["--role", "social_worker"]),
        (
            "cover",
            &["exampleshire", "night", "looked-after"],
            &["--kind", "out_of_hours", "--hours", "mon-fri 17:00-09:00"],
        ),
        ("mark", &["supply", "p-1", "manager"], &["--team", "desk"]),
        ("mark", &["supply", "p-1", "data_matcher"], &[]),
        ("officer", &["exampleshire", "exampleshire.attendance", "R12/7"], &["--name", "An Officer"]),
    ] {
        let dated: &[&str] = if kind == "team" { &[] } else { &days };
        both(&[&[kind, "add"], names, more, dated].concat());
        let listed = plainly(&gate, &[kind, "list"]).out;
        assert!(!listed.contains("p-1"), "a person's name at the provider is printed nowhere: {listed}");
        // A manager's is of a team, which an end must name too; what has ended is not ended again.
        let team: &[&str] = if names.last() == Some(&"manager") { more } else { &[] };
        let end = [&[kind, "suspend"], names, team].concat();
        let ran = run_as(&gate, 1, &end);
        assert_eq!((ran.code, ran.out.contains("narrowed ")), (Some(0), true), "{end:?} {ran:?}");
        assert!(ran.out.contains("has taken effect; entry "), "{ran:?}");
        let again = run_as(&gate, 1, &end);
        assert_eq!((again.code, again.err.contains("that has not ended")), (Some(1), true), "{again:?}");
    }
    for (command, says) in [
        (&["mark", "add", "supply", "p-1", "manager"][..], "a manager is of a team"),
        (&["mark", "add", "supply", "p-1", "boss"], "`boss` is not a mark on a person"),
        (&["mark", "add", "exampleshire-nursing", "p-1", "data_matcher"], "no such identity provider"),
        (&["acts-for", "add", "supply", "exampleshire", "--role", "dsl"], "`supply` cannot act for"),
    ] {
        let refused = run_as(&gate, 0, &[command, &days].concat());
        assert_eq!((refused.code, refused.err.contains(says)), (Some(1), true), "{command:?} {refused:?}");
    }
    // A whole directory with them is a file that changes nothing.
    let path = gate.dir().join("directory.json");
    std::fs::write(&path, plainly(&gate, &["directory", "show"]).out).unwrap();
    let same = told(&run_as(&gate, 0, &["directory", "apply", path.to_str().unwrap(), "--json"]));
    assert_eq!((&same["state"], &same["records"]), (&json!("planned"), &json!([])));
    gate.stop().await;
}

async fn schools(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let school = gate.demo.json.schools[0].clone();
    let list = gate.dir().join("establishments.csv");
    let number = &school.laestab[3..];
    std::fs::write(
        &list,
        format!(
            "URN,LA (code),LA (name),EstablishmentNumber,EstablishmentName,TypeOfEstablishment (name),\
         EstablishmentStatus (code),PhaseOfEducation (name)\n\
         {},999,Exampleshire,{number},Renamed School,Academy converter,1,Primary\n\
         145678,999,Exampleshire,4999,New School,Community school,1,Secondary\n\
         145679,301,Elsewhere,4999,Far School,Community school,1,Secondary\n",
            school.urn
        ),
    )
    .unwrap();
    let waiting = told(&run_as(&gate, 0, &["directory", "apply", list.to_str().unwrap(), "--json"]));
    assert_eq!(
        (&waiting["new"], &waiting["changed"], &waiting["narrowed"]),
        (&json!(1), &json!(1), &json!(0))
    );
    approve(&gate, 1, waiting["change_id"].as_str().unwrap());
    assert!(
        plainly(&gate, &["school", "list"])
            .out
            .contains("organisation school-145678 school New School URN 145678")
    );
    // The school becomes an academy: its old number still finds it.
    let inner = &gate.demo.running.gate;
    inner.directory().refresh(inner.db()).await.unwrap();
    let code = inner.directory().current().school_by_urn(&school.urn).unwrap().1.code.clone();
    let renumber = ["school", "add", "--code", &code, "--urn", "149999", "--json"];
    let waiting = told(&run_as(&gate, 0, &renumber));
    approve(&gate, 1, waiting["change_id"].as_str().unwrap());
    let office = Wire::of(&gate, &format!("school_attendance_officer_{}", school.urn)).await;
    let ask = async |urn: &str| send(office.request("GET", &format!("/v1/schools/{urn}/imports"))).await;
    within_a_second("the new number is seen", Instant::now(), async || ask("149999").await.status == 200)
        .await;
    let old = ask(&school.urn).await;
    assert_eq!(old.status, 200, "the number that it had finds it");
    assert_eq!(entry_of(&test.db, &old).await.decision, Decision::Allowed);
    assert_eq!(ask("149998").await.status, 403);
    gate.stop().await;
}
