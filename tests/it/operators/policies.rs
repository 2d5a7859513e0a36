//! Operators put other policies in force: on every gateway within a second, never two sets in one answer, never by one
//! operator alone, and never a set that does not hold.

use super::{approve, decide, feed, plainly, proposal, propose, run_as, told};
use crate::certificates::nodes::Late;
use crate::support::exports::number;
use crate::support::gate::{TODAY, sections};
use crate::support::wire::{MOVED, Reply, Wire, entry_of, log, log_size, run, send, until};
use crate::support::{Ran, Suite, TestDb, TestGate, schoolgate as program};
use schoolgate::app::{self, Running};
use schoolgate::audit::{Class, Decision};
use schoolgate::cli::policy::sources_of;
use schoolgate::clock::Clock;
use schoolgate::config::Config;
use schoolgate::crypto::{sha256, to_hex};
use schoolgate::demo::Standing;
use schoolgate::directory::PolicySetEntry;
use schoolgate::directory::changes::{Edit, Missing, Record, State, plan};
use schoolgate::domain::purpose::Section;
use schoolgate::operators::{self, OperatorFault, PolicyFault};
use schoolgate::policy::Sources;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("operators::policies_swap_on_every_gateway_and_no_answer_is_of_two", swapped);
    suite.both_empty("operators::a_set_of_policies_takes_two_and_is_told_before", takes_two);
    suite.both_empty("operators::a_set_that_does_not_hold_is_refused_with_what_to_do", refused);
    suite.both_empty("operators::a_set_in_force_that_does_not_load_shuts_the_gate_until_another", shut);
}

const NAME: &str = "social_worker_cp";
const RULE: &str = "summaries_child_protection_social_worker";
/// A running gateway sees a change within a second; a busy machine is given some more.
const SEEN: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_secs(30);

/// A change of one file: from what stands after `after` for the first time to what shall.
pub struct Change<'a> {
    pub file: &'a str,
    pub after: &'a str,
    pub from: &'a str,
    pub to: &'a str,
}

/// Takes the section trend away from social workers in child protection.
pub const WITHOUT_TREND: Change<'_> = Change {
    file: "summaries.cedar",
    after: RULE,
    from: "Action::\"read_headline\", Action::\"read_trend\"",
    to: "Action::\"read_headline\"",
};

/// The repository's policies as a folder of the gateway's, with a change.
pub fn folder(gate: &TestGate, name: &str, change: Option<&Change<'_>>) -> PathBuf {
    let (from, to) = (Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"), gate.dir().join(name));
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let mut text = std::fs::read_to_string(&path).unwrap();
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        if let Some(change) = change.filter(|change| change.file == file) {
            let (head, tail) = text.split_at(text.find(change.after).unwrap());
            assert!(tail.contains(change.from), "`{}` no longer stands there", change.from);
            text = format!("{head}{}", tail.replacen(change.from, change.to, 1));
        }
        std::fs::write(to.join(file), text).unwrap();
    }
    to
}

/// The edits that put a set in force.
async fn edits(gate: &TestGate, sources: Sources) -> Vec<Edit> {
    let inner = &gate.demo.running.gate;
    let directory = inner.directory().current();
    let weighed = operators::weigh(directory.policies.clone(), sources).await.unwrap();
    planned(gate, weighed.set)
}

fn planned(gate: &TestGate, set: PolicySetEntry) -> Vec<Edit> {
    let inner = &gate.demo.running.gate;
    let record = Record::PolicySet(set);
    let wanted = [(record.key(), record)].into_iter().collect();
    let at = (inner.clock().today(), inner.clock().now());
    plan(&inner.directory().current().records(), wanted, Missing::Stand, at).unwrap()
}

/// Puts the set of a folder in force by both operators.
pub async fn put_in_force(gate: &TestGate, folder: &Path) {
    let change = waiting(gate, folder).await;
    approved(gate, change).await;
}

/// Proposes the set of a folder by one operator.
async fn waiting(gate: &TestGate, folder: &Path) -> Uuid {
    let edits = edits(gate, sources_of(folder).unwrap()).await;
    let proposed = propose(gate, &proposal(gate, 0, edits)).await.unwrap();
    assert_eq!(proposed.state, State::Waiting);
    proposed.change
}

/// Approves it by the other; the moment at which that was committed.
async fn approved(gate: &TestGate, change: Uuid) -> Instant {
    let done = decide(gate, 1, change, true).await.unwrap();
    assert_eq!(done.state, State::Effective);
    Instant::now()
}

/// The digest of a folder's set.
pub fn digest_of(folder: &Path) -> [u8; 32] {
    sources_of(folder).unwrap().digest(sha256)
}

/// A second gateway of the same database.
async fn second(gate: &TestGate) -> Running {
    let mut config = Config::load(&gate.dir().join("schoolgate.toml")).unwrap();
    (config.listeners.api, config.listeners.admin) =
        ("127.0.0.1:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap());
    app::start(&config, Clock::on(TODAY.parse().unwrap())).await.unwrap()
}

/// The caller's own child, and the reference of its case.
fn mine(gate: &TestGate) -> (String, String) {
    let child = gate.child(NAME, Standing::Mine).clone();
    (child.pupil_id.unwrap(), child.case_reference.unwrap())
}

/// The sections of each part of a summary, such as `combined.trend`.
fn sections_of(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.json());
    let body = reply.json();
    let of = |name: &str, part: &Value| -> Vec<String> {
        sections(part).into_iter().map(|section| format!("{name}.{section}")).collect()
    };
    let mut all = of("combined", &body["combined"]);
    for (place, enrolment) in body["enrolments"].as_array().unwrap().iter().enumerate() {
        all.extend(of(&place.to_string(), enrolment));
    }
    all
}

fn is_trend(section: &str) -> bool {
    section.rsplit('.').next() == Some("trend")
}

/// When something was asked, the sections that were given, and the index of its entry.
type Told = (Instant, Vec<String>, u64);

/// Every answer has wholly the sections of one of two sets, and its entry names that one; nobody goes back to the first.
/// How long after a moment something was still asked that the first decided.
async fn each_by_one_set(
    test: &TestDb,
    running: &[Arc<Mutex<Vec<Told>>>],
    sets: &[(Vec<String>, [u8; 32]); 2],
    since: Instant,
) -> Duration {
    let [(before, _), (after, _)] = sets;
    let entries: HashMap<u64, _> =
        log(&test.db, 0).await.into_iter().map(|logged| (logged.index, logged.entry)).collect();
    let mut latest = Duration::ZERO;
    for told in running {
        let told = told.lock().unwrap();
        for (asked, given, index) in told.iter() {
            let (_, digest) =
                sets.iter().find(|(sections, _)| sections == given).expect("one set's sections whole");
            let entry = &entries[index];
            assert_eq!(entry.policy_set.unwrap().0, *digest, "the entry names the set that decided");
            assert_eq!(entry.sections_given.has(Section::Trend), given == before, "and what was given by it");
            if given == before {
                latest = latest.max(asked.saturating_duration_since(since));
            }
        }
        let first_new = told.iter().position(|(_, given, _)| given == after).unwrap();
        assert!(told[first_new..].iter().all(|(_, given, _)| given == after), "and never back");
    }
    latest
}

async fn swapped(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let other = second(&gate).await;
    let (handle, reference) = mine(&gate);
    let one = Wire::of(&gate, NAME).await;
    let two = Wire { base: format!("https://127.0.0.1:{}", other.api.port()), ..one.clone() };
    let before = sections_of(&one.summary(&handle, Some(&reference)).await);
    assert!(before.iter().any(|section| is_trend(section)), "{before:?}");
    let after: Vec<String> = before.iter().filter(|section| !is_trend(section)).cloned().collect();
    let narrower = folder(&gate, "narrower", Some(&WITHOUT_TREND));
    let sets = [(before.clone(), Sources::embedded().digest(sha256)), (after.clone(), digest_of(&narrower))];

    let change = waiting(&gate, &narrower).await;
    let (stop, late) = (Arc::new(AtomicBool::new(false)), Late::default());
    let mut tasks = vec![late.watch(test.db.clone(), Arc::clone(&stop))];
    let mut running: Vec<Arc<Mutex<Vec<Told>>>> = Vec::new();
    for wire in [&one, &one, &two, &two] {
        let told = Arc::<Mutex<Vec<Told>>>::default();
        running.push(Arc::clone(&told));
        let (wire, handle, reference, stop) =
            (wire.clone(), handle.clone(), reference.clone(), Arc::clone(&stop));
        tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let reply = wire.summary(&handle, Some(&reference)).await;
                let index = reply.receipt().unwrap().index;
                told.lock().unwrap().push((asked, sections_of(&reply), index));
            }
        }));
    }
    let all_end_with = |sections: &[String]| {
        let ends = |told: &Arc<Mutex<Vec<Told>>>| {
            let told = told.lock().unwrap();
            told.len() >= 10 && told.iter().rev().take(10).all(|(_, given, _)| given == sections)
        };
        running.iter().all(ends)
    };
    until("all are answered", LIMIT, async || all_end_with(&before)).await;
    let since = approved(&gate, change).await;
    until("all are answered by the other set", LIMIT, async || all_end_with(&after)).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let latest = each_by_one_set(&test, &running, &sets, since).await;
    let late = *late.0.lock().unwrap();
    let answers: usize = running.iter().map(|told| told.lock().unwrap().len()).sum();
    println!(
        "{answers} answers; the last by the set before was asked {latest:?} after; the machine was {late:?} late"
    );
    assert!(
        latest <= SEEN + late,
        "still decided by the set before {latest:?} after; the machine was {late:?} late"
    );
    other.stop().await;
    gate.stop().await;
}

async fn takes_two(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let (handle, reference) = mine(&gate);
    let (wire, nurse) = (Wire::of(&gate, NAME).await, Wire::of(&gate, "school_nurse").await);
    let has_trend = async || {
        sections_of(&wire.summary(&handle, Some(&reference)).await).iter().any(|section| is_trend(section))
    };
    let narrower = folder(&gate, "narrower", Some(&WITHOUT_TREND));
    let (path, digest) = (narrower.display().to_string(), to_hex(&digest_of(&narrower)));
    let from = log_size(&test.db).await;
    let dry = run_as(&gate, 0, &["policy", "apply", &path, "--dry-run"]);
    assert_eq!(dry.code, Some(0), "{dry:?}");
    let loses = "social_worker, local_authority, for child_protection, a person\n  loses read_trend\n  through section_47_enquiry or cp\n";
    assert!(dry.out.contains(loses) && dry.out.ends_with("nothing was changed\n"), "{dry:?}");
    assert_eq!(log_size(&test.db).await, from, "nothing happened");

    let proposed = told(&run_as(&gate, 0, &["policy", "apply", &path, "--json"]));
    assert_eq!((&proposed["state"], &proposed["new"]), (&json!("waiting"), &json!(1)));
    let id = proposed["change_id"].as_str().unwrap();
    let shown = told(&plainly(&gate, &["change", "show", id]));
    let would = &shown["records"][0]["would_stand"];
    assert_eq!((&would["digest"], &would["cases_gained"]), (&json!(digest), &json!(0)));
    let lost = would["cases_lost"].as_u64().unwrap();
    assert!(lost > 0, "{would}");
    let difference: Vec<&str> =
        would["difference"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(difference.contains(&"  loses read_trend"), "{difference:?}");
    // Whoever it is about, a nurse too, is told before it takes effect, with counts.
    let noticed = async |wire: &Wire, kind: &str| {
        let mut all = feed(wire).await;
        all.retain(|notice| notice["kind"] == kind && notice["body"]["change_id"] == id);
        all
    };
    let pending = noticed(&nurse, "change_pending").await;
    let expected = json!({"digest": digest, "cases_gained": 0, "cases_lost": lost});
    assert_eq!((pending.len(), &pending[0]["body"]["policy_set"]), (1, &expected));
    assert_eq!(pending[0]["body"]["records"], json!([{"record": "policy set in force", "effect": "new"}]));
    // One operator alone changes nothing, whatever the gateway looks at.
    inner.directory().refresh(&test.db).await.unwrap();
    assert!(!inner.follow_policies().await.unwrap());
    let same = approve(&gate, 0, id);
    assert_eq!((same.code, same.err.contains("another operator must")), (Some(4), true), "{same:?}");
    assert!(!inner.follow_policies().await.unwrap() && has_trend().await);
    // Another change against the same set, which will come too late.
    let second = folder(
        &gate,
        "second",
        Some(&Change { to: "Action::\"read_headline\", Action::\"follow_child\"", ..WITHOUT_TREND }),
    );
    let second = told(&run_as(&gate, 0, &["policy", "apply", &second.display().to_string(), "--json"]));

    let approved = approve(&gate, 1, id);
    assert_eq!(approved.code, Some(0), "{approved:?}");
    until("trend is gone", 5 * SEEN, async || !has_trend().await).await;
    assert_eq!(noticed(&nurse, "change_effective").await.len(), 1);
    let summary = wire.summary(&handle, Some(&reference)).await;
    assert_eq!(to_hex(&entry_of(&test.db, &summary).await.policy_set.unwrap().0), digest);
    let late = approve(&gate, 1, second["change_id"].as_str().unwrap());
    assert_eq!((late.code, late.err.contains("has changed since")), (Some(1), true), "{late:?}");
    let again = run_as(&gate, 1, &["policy", "apply", &path]);
    assert_eq!((again.code, again.out.contains("is in force already")), (Some(0), true), "{again:?}");
    read_again(&gate, &narrower, &digest);
    entries(&test, from, &digest).await;
    gate.stop().await;
}

/// What an auditor finds of the sets that entries name.
fn read_again(gate: &TestGate, narrower: &Path, digest: &str) {
    let built_in = to_hex(&Sources::embedded().digest(sha256));
    let listed = told(&plainly(gate, &["policy", "list", "--json"]));
    let named: Vec<(&Value, &Value, bool)> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|set| (&set["digest"], &set["in_force"], set["change_id"].is_string()))
        .collect();
    let (digest_now, built_in_now) = (json!(digest), json!(built_in));
    assert_eq!(named, [(&digest_now, &json!(true), true), (&built_in_now, &json!(false), false)]);
    for (set, of) in [
        (digest, narrower.to_owned()),
        (built_in.as_str(), Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")),
    ] {
        let into = gate.dir().join(format!("of-{}", &set[..8]));
        let shown = plainly(gate, &["policy", "show", set, "--into", into.to_str().unwrap()]);
        assert_eq!(shown.code, Some(0), "{shown:?}");
        assert_eq!(sources_of(&into).unwrap().texts(), sources_of(&of).unwrap().texts());
    }
    let same = plainly(gate, &["policy", "diff", "in-force", narrower.to_str().unwrap()]);
    assert_eq!(same.out, "0 cases gained, 0 lost\n", "{same:?}");
    let back = plainly(gate, &["policy", "diff", digest, "built-in"]);
    assert!(back.out.contains("gains read_trend"), "{back:?}");
    let none = plainly(gate, &["policy", "show", &"0".repeat(64)]);
    assert_eq!((none.code, none.err.contains("policy list")), (Some(1), true), "{none:?}");
}

/// Each step has its one entry, which names the set that it is about; the first start has recorded the set that was built in.
async fn entries(test: &TestDb, from: u64, digest: &str) {
    let all = log(&test.db, 0).await;
    let admin = all.iter().filter(|l| l.entry.class == Class::Admin);
    let of_sets: Vec<_> = admin
        .filter(|l| l.entry.policy_set.is_some())
        .map(|l| {
            (l.entry.action.as_deref().unwrap(), to_hex(&l.entry.policy_set.unwrap().0), l.index >= from)
        })
        .collect();
    let built_in = to_hex(&Sources::embedded().digest(sha256));
    assert_eq!(of_sets[0], ("use_built_in_policies", built_in, false));
    let proposed = of_sets.iter().filter(|(action, ..)| *action == "propose_change");
    assert_eq!(proposed.count(), 2);
    assert_eq!(of_sets.last().unwrap(), &("approve_change", digest.to_owned(), true));
    let refused = all.iter().filter(|l| l.entry.reason.as_deref() == Some("same_operator"));
    assert_eq!(refused.filter(|l| l.entry.decision == Decision::Refused).count(), 1);
}

/// Each mistake is named by the proposal and by the check alone.
fn each_is_named(gate: &TestGate) {
    let rule = |from, to| Change { file: "summaries.cedar", after: RULE, from, to };
    let early = "summaries_early_help_early_help_worker";
    let headline = "Action::\"read_headline\"";
    for (name, change, says) in [
        ("word", rule(headline, "Action::\"read_headlin\""), "do not fit the schema"),
        ("syntax", rule("permit (", "permit ["), "does not read"),
        (
            "no-id",
            Change { file: "guards.cedar", after: "", from: "@id(\"guard_shield\")\n", to: "" },
            "has no id",
        ),
        (
            "bases",
            Change { file: "legal_bases.toml", after: "", from: "[cme]", to: "[cm]" },
            "the legal bases do not hold: `cm` is not a purpose",
        ),
        (
            "vocabulary",
            Change { file: "schema.cedarschema", after: "", from: ", \"vendor\"", to: "" },
            "vendor",
        ),
        (
            "early-help",
            Change { after: early, ..rule(headline, "Action::\"read_headline\", Action::\"read_health\"") },
            "the set breaks `no health, suspension or sessions for early help`",
        ),
        (
            "shield",
            Change {
                file: "guards.cedar",
                after: "guard_shield",
                from: "context.shielded",
                to: "context.shielded && context.withheld",
            },
            "the set breaks `what forbids by a bar stands as it was proved`: `guard_shield`",
        ),
    ] {
        let path = folder(gate, name, Some(&change)).display().to_string();
        let ran = run_as(gate, 0, &["policy", "apply", &path]);
        assert_eq!((ran.code, ran.err.contains(says)), (Some(1), true), "{name}: {ran:?}");
        let checked = plainly_without_gateway(gate, &["policy", "check", &path]);
        assert_eq!((checked.code, checked.err.contains(says)), (Some(1), true), "{name}: {checked:?}");
    }
}

async fn refused(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let inner = &gate.demo.running.gate;
    let stored = async || {
        let sets = number(&test.db, "SELECT COUNT(*) FROM policy_sets").await;
        (number(&test.db, "SELECT COUNT(*) FROM changes").await, sets)
    };
    let before = stored().await;
    each_is_named(&gate);
    assert_eq!(stored().await, before, "nothing of them is stored");

    // Whoever leaves the command out is refused by the gateway's own step.
    let whole = folder(&gate, "whole", Some(&WITHOUT_TREND));
    let weighed = operators::weigh(None, sources_of(&whole).unwrap()).await.unwrap().set;
    let mut other_digest = weighed.clone();
    other_digest.digest = "0".repeat(64);
    let mut other_counts = weighed.clone();
    other_counts.cases = None;
    let mut other_set = weighed.clone();
    other_set.replaces = "0".repeat(64);
    let mut broken = weighed.clone();
    broken.texts.files.insert("zz.cedar".to_owned(), "permit (principal, action, resource);".to_owned());
    let mut named = weighed;
    named.texts.files.insert("../guards.cedar".to_owned(), String::new());
    let from = log_size(&test.db).await;
    let fault = async |set: PolicySetEntry| {
        let record = Record::PolicySet(set);
        let signed = proposal(&gate, 0, vec![Edit { was: None, put: record }]);
        propose(&gate, &signed).await.unwrap_err()
    };
    assert!(matches!(fault(other_digest).await, OperatorFault::Policies(PolicyFault::Digest)));
    assert!(matches!(fault(other_counts).await, OperatorFault::Policies(PolicyFault::Cases)));
    assert!(matches!(fault(other_set).await, OperatorFault::Policies(PolicyFault::Replaced)));
    assert!(matches!(fault(broken).await, OperatorFault::Policies(PolicyFault::Policy(_))));
    let unnamed = fault(named).await;
    assert!(unnamed.to_string().contains("a policy file is named in lower case"), "{unnamed}");
    let all = log(&test.db, from).await.into_iter().filter(|l| l.entry.class == Class::Admin);
    let reasons: Vec<_> = all.map(|l| l.entry.reason.unwrap()).collect();
    assert_eq!(reasons, ["policy_set", "policy_set", "policy_set", "policy_set", "does_not_fit"]);
    assert_eq!(stored().await, before);
    assert!(!inner.follow_policies().await.unwrap());
    gate.stop().await;
}

/// Runs a command that asks for no database.
fn plainly_without_gateway(gate: &TestGate, command: &[&str]) -> Ran {
    program(&gate.dir(), command)
}

/// A program does not start by a set that does not load, and imports nothing.
async fn nothing_starts(gate: &TestGate) {
    let config = Config::load(&gate.dir().join("schoolgate.toml")).unwrap();
    for opened in [
        app::open(&config.database.url, Clock::machine()).await.err(),
        app::open_beside(&config.database.url, Clock::machine()).await.err(),
    ] {
        assert!(opened.unwrap().to_string().contains("does not hold for this program"));
    }
    assert_eq!(
        gate.demo.running.gate.open_duty(schoolgate::gate::Duty::Retain).await.unwrap_err().word(),
        "policies_not_in_force"
    );
}

async fn shut(test: TestDb) {
    const SET: &str = "INSERT INTO policy_sets (digest, schema_text, legal_bases) \
         SELECT $1, REPLACE(schema_text, ', \"vendor\"', ''), legal_bases FROM policy_sets";
    const FILES: &str =
        "INSERT INTO policy_set_files (digest, name, body) SELECT $1, name, body FROM policy_set_files";
    const IN_FORCE: &str = "INSERT INTO policy_sets_in_force (number, digest, since, change_id) \
         SELECT 99, $1, proposed_at, id FROM changes ORDER BY id DESC LIMIT 1";
    let gate = TestGate::start(&test.url).await;
    let (handle, reference) = mine(&gate);
    let wire = Wire::of(&gate, NAME).await;
    let summary = async || wire.summary(&handle, Some(&reference)).await;
    let admin = async |path: &str| {
        let answer = wire.http.get(format!("{}{path}", gate.demo.json.admin)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    assert_eq!((summary().await.status, admin("/readyz").await.0), (200, 200));
    let doctor = || {
        let config = gate.dir().join("schoolgate.toml").display().to_string();
        plainly_without_gateway(&gate, &["doctor", "--config", &config])
    };
    assert!(doctor().out.contains("the set in force, built into this program, holds"), "{:?}", doctor());

    // As a program of another version would leave it: a word of this one is not in the schema.
    let digest = vec![7_u8; 32];
    assert_eq!((run!(test.db, SET, &digest), run!(test.db, FILES, &digest)), (1, 7));
    assert_eq!(run!(test.db, IN_FORCE, &digest), 1);
    run!(test.db, MOVED);
    until("not ready", LIMIT, async || admin("/readyz").await.0 == 503).await;
    assert!(admin("/readyz").await.1.contains("the set of policies in force does not hold"));
    assert_eq!(admin("/livez").await.0, 200);
    assert!(
        admin("/metrics").await.1.contains("schoolgate_alarms_total{reason=\"policies_not_loaded\"} 1\n")
    );
    let refused = summary().await;
    assert_eq!((refused.status, refused.problem().as_str()), (503, "not_ready"));
    let entry = entry_of(&test.db, &refused).await;
    assert_eq!((entry.decision, entry.policy_set), (Decision::Failed, None));
    assert_eq!(feed_status(&wire).await, 503, "nothing is answered");
    let told_by_doctor = doctor();
    assert_eq!(told_by_doctor.code, Some(1), "{told_by_doctor:?}");
    let says = format!(
        "FAILS  {:<18} the set of policies in force, `{}`, does not hold for this program",
        "policies",
        "07".repeat(32)
    );
    assert!(
        told_by_doctor.out.contains(&says) && told_by_doctor.out.contains("vendor"),
        "{told_by_doctor:?}"
    );
    nothing_starts(&gate).await;

    // Two operators put another in force; nothing is restarted.
    let whole = folder(&gate, "whole", None).display().to_string();
    let proposed = run_as(&gate, 0, &["policy", "apply", &whole, "--json"]);
    let id = told(&proposed)["change_id"].as_str().unwrap().to_owned();
    let shown = told(&plainly(&gate, &["change", "show", &id]));
    assert_eq!(shown["records"][0]["would_stand"]["cases_gained"], Value::Null, "it is held against nothing");
    assert_eq!(summary().await.status, 503, "while it waits");
    assert_eq!(approve(&gate, 1, &id).code, Some(0));
    until("ready again without a restart", LIMIT, async || admin("/readyz").await.0 == 200).await;
    let answered = summary().await;
    assert_eq!(answered.status, 200);
    let set = entry_of(&test.db, &answered).await.policy_set.unwrap().0;
    assert_eq!(set, Sources::embedded().digest(sha256));
    gate.stop().await;
}

async fn feed_status(wire: &Wire) -> u16 {
    send(wire.request("GET", "/v1/notifications")).await.status
}
