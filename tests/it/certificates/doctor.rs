//! `schoolgate doctor` names what is wrong: to the operator exactly, to a partner as far as a caller can know.

use super::gateway::{Gateway, entry, right, system};
use super::making::{Client, HOUR, list, root};
use super::vectors::SOON;
use crate::identity::misbound_token;
use crate::support::wire::{MOVED, Personal, Reply, Wire, run, send, until};
use crate::support::{Ran, Suite, TestDb, TestGate, schoolgate};
use schoolgate::demo::Standing;
use std::path::Path;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::doctor_tells_the_operator_exactly", operators);
    suite.both("certificates::doctor_knows_persons_and_who_acts_for_whom", acting);
    suite.both_empty("certificates::doctor_tells_the_operator_why_one_request_was_refused", receipts);
    suite.both("certificates::doctor_tells_a_partner_what_a_caller_can_know", partners);
}

/// A sharing agreement of the council's.
const AGREE: &str = "INSERT INTO sharing_agreements (id, organisation_id, purposes, exceptions, valid_from, valid_until, \
     suspended, version, document_digest) SELECT $1, id, 'child_protection', '', $2, $3, $4, '1', '' \
     FROM organisations WHERE code = 'council'";

async fn doctor(folder: &Path, args: &[&str]) -> Ran {
    let (folder, args) = (folder.to_owned(), args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>());
    let run = move || schoolgate(&folder, std::iter::once("doctor".to_owned()).chain(args));
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The lines that fail, as `what: says`.
fn fails(ran: &Ran) -> Vec<String> {
    let failing = ran.out.lines().filter_map(|line| line.strip_prefix("FAILS"));
    failing.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// One thing fails, and is told in these words.
fn one(ran: &Ran, what: &str, says: &str) {
    let failing = fails(ran);
    assert_eq!((failing.len(), ran.code), (1, Some(1)), "{what}: {ran:?}");
    assert!(failing[0].starts_with(what) && failing[0].contains(says), "{what}, {says}: {failing:?}");
}

fn sound(ran: &Ran) {
    assert_eq!((ran.code, fails(ran), ran.err.as_str()), (Some(0), Vec::new(), ""), "{ran:?}");
}

const ASKS: [&str; 4] = ["--role", "social_worker", "--purpose", "child_protection"];

fn keep(folder: &Path, name: &str, client: &Client) {
    let (chain, key) = client.pem();
    std::fs::write(folder.join(format!("{name}.pem")), chain).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), key).unwrap();
}

/// Writes the configuration that the gateway was started with, so that the command finds its database and its lists.
fn with_lists(gate: &Gateway) {
    let path = gate.folder.path().join("schoolgate.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let lists =
        "client_authorities = \"certs/client-authorities.pem\"\nrevocation_lists = [\"certs/lists.pem\"]";
    let changed = text.replace("client_authorities = \"certs/client-authorities.pem\"", lists);
    assert_ne!(changed, text);
    std::fs::write(path, changed).unwrap();
}

async fn agree(test: &TestDb) {
    let days: [chrono::NaiveDate; 2] = ["2026-09-01", "2099-08-31"].map(|day| day.parse().unwrap());
    assert_eq!(run!(test.db, AGREE, uuid::Uuid::now_v7(), days[0], days[1], false), 1);
    run!(test.db, MOVED);
}

async fn operators(test: TestDb) {
    let authority = root("root");
    let (good, stranger, late) = (
        Client::of(&authority, |_| ()),
        Client::of(&root("other"), |_| ()),
        Client::of(&authority, |p| p.not_after = super::making::at!(-60)),
    );
    let unregistered = Client::of(&authority, |_| ());
    let lists = list(&authority, &[], -HOUR, 24 * HOUR);
    let gate = Gateway::start(&test.url, &authority.pem(), Some(&lists), |_| ()).await;
    gate.register(vec![right(&good)]).await;
    with_lists(&gate);
    let folder = gate.folder.path();
    for (name, client) in [("good", &good), ("stranger", &stranger), ("late", &late), ("new", &unregistered)]
    {
        keep(folder, name, client);
    }
    let look = async |more: &[&str]| doctor(folder, &[&["--config", "schoolgate.toml"], more].concat()).await;
    sound(&look(&[]).await);
    let of = async |name: &str, more: &[&str]| look(&[&["--client", name][..], more, &ASKS].concat()).await;
    one(&of("good.pem", &[]).await, "agreement", "no sharing agreement");
    agree(&test).await;
    let told = of("good.pem", &["--client-id", "council.cases"]).await;
    sound(&told);
    assert!(told.out.contains("through a live section_47_enquiry or cp"), "{}", told.out);
    one(
        &of("good.pem", &["--client-id", "council.other"]).await,
        "binding",
        "is that of client `council.cases`",
    );
    one(&of("new.pem", &[]).await, "binding", "is not registered");
    let chain = fails(&of("stranger.pem", &[]).await);
    assert!(chain[0].contains("unknown_authority") && chain[1].starts_with("binding"), "{chain:?}");
    let ended = fails(&of("late.pem", &[]).await);
    assert!(ended[0].starts_with("chain") && ended[0].contains("(expired)"), "{ended:?}");
    let role = ["--client", "good.pem", "--role", "school_nurse", "--purpose", "child_protection"];
    one(&look(&role).await, "role", "not registered for this system");
    let nothing = ["--client", "good.pem", "--role", "social_worker", "--purpose", "own_record"];
    one(&look(&nothing).await, "relationship", "given nothing for this purpose");
    for (change, what, says) in [
        ("UPDATE systems SET scopes = ''", "scope", "none is registered"),
        (
            "UPDATE organisations SET standing = 'suspended' WHERE code = 'council'",
            "organisation",
            "suspended",
        ),
        ("UPDATE credentials SET revoked_at = valid_from", "binding", "revoked in the directory"),
    ] {
        assert_eq!(run!(test.db, change), 1);
        run!(test.db, MOVED);
        one(&of("good.pem", &[]).await, what, says);
        run!(test.db, "UPDATE systems SET scopes = 'summaries'");
    }
    gate.write("lists.pem", &list(&authority, &[], -48 * HOUR, -HOUR));
    one(&look(&[]).await, "revocation lists", "nobody is let in");
    gate.write("lists.pem", "none");
    one(&look(&[]).await, "certificates", "holds no revocation list");
    gate.stop().await;
}

/// Days that are over, and days that hold.
fn days(over: bool) -> [chrono::NaiveDate; 2] {
    let last = if over { "2020-12-31" } else { "2099-12-31" };
    ["2020-01-01", last].map(|day| day.parse().unwrap())
}

async fn acting(test: TestDb) {
    const NORTH: &str = "INSERT INTO organisations (id, code, kind, name, standing) \
         VALUES ($1, 'north', 'local_authority', 'North', 'live')";
    const ACTS: &str = "INSERT INTO acts_for (id, organisation_id, for_id, roles, valid_from, valid_until) \
         SELECT $1, a.id, b.id, 'virtual_school', $2, $3 FROM organisations a, organisations b \
         WHERE a.code = 'council' AND b.code = 'north'";
    const ACTS_DAYS: &str = "UPDATE acts_for SET valid_from = $1, valid_until = $2";
    const MANDATE_DAYS: &str = "UPDATE mandates SET valid_from = $1, valid_until = $2";
    let authority = root("root");
    let good = Client::of(&authority, |_| ());
    let uri = "urn:schoolgate:org:supplier:system:sync";
    let sync =
        Client::of(&authority, |p| p.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())]);
    let lists = list(&authority, &[], -HOUR, 24 * HOUR);
    let gate = Gateway::start(&test.url, &authority.pem(), Some(&lists), |_| ()).await;
    let mut supplier = system("supplier", "sync", &["school_attendance_officer"], &["registers"]);
    supplier.certificates = vec![entry(&sync)];
    gate.register(vec![right(&good), supplier]).await;
    with_lists(&gate);
    agree(&test).await;
    let folder = gate.folder.path();
    for (name, client) in [("good", &good), ("sync", &sync)] {
        keep(folder, name, client);
    }
    let look = async |client: &str, more: &[&str]| {
        doctor(folder, &[&["--config", "schoolgate.toml", "--client", client][..], more].concat()).await
    };
    let of = async |code: &str| look("good.pem", &[&ASKS[..], &["--organisation", code]].concat()).await;
    assert_eq!(run!(test.db, NORTH, uuid::Uuid::now_v7()), 1);
    one(&of("nowhere").await, "acting", "there is no organisation `nowhere`");
    one(&of("north").await, "acting", "nothing lets it act for `north`");
    let [from, until] = days(true);
    assert_eq!(run!(test.db, ACTS, uuid::Uuid::now_v7(), from, until), 1);
    one(&of("north").await, "acting", "no longer in force: from 2020-01-01 until 2020-12-31");
    let [from, until] = days(false);
    assert_eq!(run!(test.db, ACTS_DAYS, from, until), 1);
    one(&of("north").await, "acting", "acts for `north` as virtual_school, and not as social_worker");
    assert_eq!(run!(test.db, "UPDATE acts_for SET roles = 'social_worker'"), 1);
    one(&of("north").await, "agreement", "no sharing agreement");
    run!(test.db, "UPDATE organisations SET standing = 'suspended' WHERE code = 'north'");
    one(&of("north").await, "acting", "`north` is suspended");
    // A supplier, by its mandate alone.
    let office =
        ["--role", "school_attendance_officer", "--purpose", "own_record", "--organisation", "school"];
    let [from, until] = days(true);
    assert_eq!(run!(test.db, MANDATE_DAYS, from, until), 1);
    one(&look("sync.pem", &office).await, "acting", "its mandate for `school` is no longer in force");
    let [from, until] = days(false);
    assert_eq!(run!(test.db, MANDATE_DAYS, from, until), 1);
    let told = look("sync.pem", &office).await;
    sound(&told);
    assert!(told.out.contains("gives no section of any child"), "{}", told.out);
    assert_eq!(run!(test.db, "UPDATE mandates SET scopes = 'summaries'"), 1);
    one(&look("sync.pem", &office).await, "scope", "none is registered");
    persons(&test, async |more: &[&str]| look("good.pem", &[&ASKS[..], more].concat()).await).await;
    gate.write("lists.pem", &list(&authority, &[good.serial()], -60, 24 * HOUR));
    let revoked = look("good.pem", &ASKS).await;
    one(&revoked, "chain", "(revoked); for the partner and its authority");
    let path = folder.join("schoolgate.toml");
    let written = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, written.replace("https://localhost:8443", "https://gateway.invalid:8443")).unwrap();
    one(&doctor(folder, &["--config", "schoolgate.toml"]).await, "DNS", "`gateway.invalid` is not found");
    gate.stop().await;
}

/// What stands between a person and their system.
async fn persons(test: &TestDb, look: impl AsyncFn(&[&str]) -> Ran) {
    const PROVIDER: &str = "INSERT INTO identity_providers (id, organisation_id, issuer, tenant, tenant_claim, algorithms, \
         role_claim, mfa_claim, mfa_values, suspended) SELECT $1, id, 'https://login.example', '', 'tid', 'ES256', \
         'roles', 'amr', 'mfa', FALSE FROM organisations WHERE code = 'council'";
    const CLIENT: &str = "INSERT INTO identity_provider_clients (provider_id, system_id, client_id) \
         SELECT $1, id, 'there' FROM systems WHERE client_id = 'council.cases'";
    const ROLE: &str = "INSERT INTO identity_provider_roles (provider_id, claim_value, role) \
         VALUES ($1, 'sw', 'social_worker')";
    const SUSPENDED: &str = "INSERT INTO persons (id, organisation_id, issuer, tenant, subject, display_name, teams, \
         created_at, suspended_at) SELECT $1, id, 'https://login.example', '', 'sw-1', '', '', $2, $2 \
         FROM organisations WHERE code = 'council'";
    let anna = ["--person", "sw-1"];
    one(&look(&anna).await, "identity provider", "`council` has none that fits");
    let id = uuid::Uuid::now_v7();
    assert_eq!(run!(test.db, PROVIDER, id), 1);
    let failing = fails(&look(&anna).await);
    assert!(failing[0].contains("this system is no client there"), "{failing:?}");
    assert!(failing[1].starts_with("role of persons no value of the claim `roles`"), "{failing:?}");
    assert_eq!((run!(test.db, CLIENT, id), run!(test.db, ROLE, id)), (1, 1));
    sound(&look(&anna).await);
    one(&look(&["--person", "sw-1", "--tenant", "t9"]).await, "identity provider", "none that fits");
    let at = schoolgate::clock::Clock::machine().now();
    assert_eq!(run!(test.db, SUSPENDED, uuid::Uuid::now_v7(), at), 1);
    one(&look(&anna).await, "person", "is suspended, by an operator's change");
    sound(&look(&["--person", "sw-2"]).await);
    assert_eq!(run!(test.db, "UPDATE identity_providers SET suspended = TRUE"), 1);
    one(&look(&anna).await, "identity provider", "is suspended, by an operator's change");
}

/// By the whole receipt of an answer: what depends on the caller exactly, what depends on a child in one
/// text, and nothing of anybody.
async fn receipts(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let (dir, personal) = (gate.dir(), Personal::new());
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let told = async |receipt: &str| {
        let ran = doctor(&dir, &["--config", "schoolgate.toml", "--receipt", receipt]).await;
        assert_eq!(personal.found_in(&ran.out), None, "{ran:?}");
        assert!(
            ![&handle, &reference, &mine.upn].iter().any(|text| ran.out.contains(text.as_str())),
            "{ran:?}"
        );
        ran
    };
    let of = async |reply: &Reply| told(reply.header("audit-receipt").unwrap()).await;
    let worker = Wire::of(&gate, "social_worker_cp").await;
    let stranger = Wire::of(&gate, "stranger").await;
    let bare = send(worker.bare("GET", "/v1/involvements/report")).await;
    one(&of(&bare).await, "token", "(no_token)");
    let nurse = misbound_token(&gate, gate.caller("social_worker_cp"), gate.caller("school_nurse"));
    let crossed = send(worker.bare("GET", "/v1/involvements/report").bearer_auth(nurse)).await;
    let ran = of(&crossed).await;
    one(&ran, "binding", "(token_of_other_certificate)");
    for said in ["GET /v1/involvements/report, 401", "system social-care"] {
        assert!(ran.out.contains(said), "{said}: {}", ran.out);
    }
    // Not the caller's, no such child, and one whose case has ended: one text, and no word of ours.
    let ended = gate.child("social_worker_cp", Standing::Ended).clone();
    for reply in [
        stranger.summary(&handle, Some(&reference)).await,
        worker.summary(&"0".repeat(32), Some(&reference)).await,
        worker.summary(&ended.pupil_id.unwrap(), ended.case_reference.as_deref()).await,
    ] {
        assert_eq!(reply.status, 404);
        let ran = of(&reply).await;
        one(&ran, "relationship", "or the child is barred to it: which of them, the organisation's own");
        assert!(!ran.out.contains("_relationship"), "{}", ran.out);
    }
    // Never for any child: what the directory says of this system follows.
    let school = Wire::of(&gate, &format!("dsl_{}", gate.demo.json.schools[1].urn)).await;
    let never = send(school.request("GET", "/v1/involvements/report")).await;
    assert_eq!(never.status, 403);
    let ran = of(&never).await;
    assert!(fails(&ran)[0].starts_with("scope or role never for any child"), "{ran:?}");
    assert!(ran.out.contains("registered for") && ran.out.contains("dsl for own_record"), "{}", ran.out);
    // What was given is no fault; an index alone is no receipt, so that nobody reads the log one by one.
    let given = worker.summary(&handle, Some(&reference)).await;
    assert_eq!(given.status, 200);
    let ran = of(&given).await;
    sound(&ran);
    let index = given.receipt().unwrap().index;
    let alone = "copy the whole value of the `Audit-Receipt` header";
    one(&told(&index.to_string()).await, "receipt", alone);
    assert!(ran.out.contains("social_worker for child_protection"), "{}", ran.out);
    // Another gateway's, and none.
    let other = bare
        .header("audit-receipt")
        .unwrap()
        .replace(&bare.receipt().unwrap().to_string()[32..40], "01234567");
    one(&told(&other).await, "log", "it is another gateway's, or the log is not what it was");
    one(&told("yesterday").await, "receipt", "copy the whole value of the `Audit-Receipt` header");
    gate.stop().await;
}

async fn partners(test: TestDb) {
    let authority = root("root");
    let (good, stranger) = (Client::of(&authority, |_| ()), Client::of(&root("other"), |_| ()));
    let late = Client::of(&authority, |p| p.not_after = super::making::at!(-60));
    let unregistered = Client::of(&authority, |_| ());
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    gate.register(vec![right(&good)]).await;
    let folder = gate.folder.path();
    for (name, client) in [("good", &good), ("stranger", &stranger), ("late", &late), ("new", &unregistered)]
    {
        keep(folder, name, client);
    }
    std::fs::write(folder.join("ca.pem"), gate.server_authority().pem()).unwrap();
    std::fs::write(folder.join("wrong-ca.pem"), authority.pem()).unwrap();
    let url = format!("https://localhost:{}", gate.running.api.port());
    let ask = async |name: &str, url: &str, ca: &str, more: &[&str]| {
        let (certificate, key) = (format!("{name}.pem"), format!("{name}.key"));
        let own = ["--gateway", url, "--certificate", &certificate, "--key", &key, "--ca", ca];
        doctor(folder, &[&own[..], &["--client-id", "council.cases"], more].concat()).await
    };
    let told = ask("good", &url, "ca.pem", &ASKS).await;
    sound(&told);
    for looked in ["DNS", "TCP", "TLS", "clock", "SAN URI", "token"] {
        assert!(told.out.contains(&format!("ok     {looked} ")), "{looked}: {}", told.out);
    }
    one(&ask("good", "https://gateway.invalid:8443", "ca.pem", &ASKS).await, "DNS", "is not found");
    one(&ask("good", "https://127.0.0.1:1", "ca.pem", &ASKS).await, "TCP", "check the port");
    one(&ask("good", &url, "wrong-ca.pem", &ASKS).await, "TLS", "not of the authority in --ca");
    one(&ask("stranger", &url, "ca.pem", &ASKS).await, "TLS", "does not take this certificate");
    let ended = fails(&ask("late", &url, "ca.pem", &ASKS).await);
    assert!(ended[0].starts_with("validity ended") && ended[1].starts_with("TLS"), "{ended:?}");
    one(&ask("new", &url, "ca.pem", &ASKS).await, "token", "does not know this certificate");
    one(
        &ask("good", &url, "ca.pem", &["--role", "school_nurse", "--purpose", "child_protection"]).await,
        "token",
        "role: not registered",
    );
    // What is vague to a caller stays so: no such child, and none of its own, are one.
    let nobody = "0".repeat(32);
    let child = [&ASKS[..], &["--pupil", &nobody, "--case-reference", "CP-1"]].concat();
    one(&ask("good", &url, "ca.pem", &child).await, "answer", "never for any child");
    agree(&test).await;
    gate.running.gate.directory().refresh(&test.db).await.unwrap();
    one(&ask("good", &url, "ca.pem", &child).await, "answer", "another reason that is not told");
    let other = [&ASKS[..], &["--organisation", "health"]].concat();
    one(&ask("good", &url, "ca.pem", &other).await, "token", "role or acting: not registered");
    // A system that is suspended is told no more than one that is unknown; its operator is told exactly.
    run!(test.db, "UPDATE systems SET suspended = TRUE");
    run!(test.db, MOVED);
    gate.running.gate.directory().refresh(&test.db).await.unwrap();
    one(&ask("good", &url, "ca.pem", &ASKS).await, "token", "does not know this certificate for this client");
    let exact =
        doctor(folder, &[&["--config", "schoolgate.toml", "--client", "good.pem"][..], &ASKS].concat()).await;
    one(&exact, "binding", "its system is suspended, by an operator's change");
    run!(test.db, "UPDATE systems SET suspended = FALSE");
    run!(test.db, "UPDATE organisations SET standing = 'suspended' WHERE code = 'council'");
    run!(test.db, MOVED);
    let suspended = async || fails(&ask("good", &url, "ca.pem", &ASKS).await).concat().contains("suspended");
    until("suspended", SOON, suspended).await;
    gate.stop().await;
}
