//! Every request has its one entry, each entry its reader, and nothing personal is in any of them.

use crate::support::wire::{Logged, Personal, Reply, Wire, entry_of, events, log, log_size, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::{Class, Decision, Digest, verify};
use schoolgate::crypto::sha256;
use schoolgate::demo::Standing;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both_empty("audit_trail::a_thousand_requests_have_a_thousand_entries", thousand);
    suite.both_empty("audit_trail::officers_read_their_own_organisations_entries", officers);
}

/// One kind of request, and the status that it must get.
#[derive(Clone)]
struct Ask {
    what: &'static str,
    wire: Wire,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
}

impl Ask {
    fn new(
        what: &'static str,
        wire: &Wire,
        method: &'static str,
        path: impl Into<String>,
        status: u16,
    ) -> Self {
        let (wire, path) = (wire.clone(), path.into());
        let headers = vec![("authorization", format!("Bearer {}", wire.token))];
        Self { what, wire, method, path, headers, body: Vec::new(), status }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(n, _)| *n != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without_token(mut self) -> Self {
        self.headers.retain(|(n, _)| *n != "authorization");
        self
    }

    fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    async fn send(&self, id: &str) -> Reply {
        // A system may send two files at a time and is told to wait with a third: no lane sends one beside two others.
        let files = self.headers.iter().any(|(_, value)| value == "text/csv");
        let _place = if files { Some(FILES.acquire().await.unwrap()) } else { None };
        let mut request = self.wire.bare(self.method, &self.path).header("x-request-id", id);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        send(request.body(self.body.clone())).await
    }
}

/// Good, refused, malformed, unknown, oversized: every kind that the wire can bring.
async fn asks(gate: &TestGate) -> Vec<Ask> {
    let (worker, nurse) = (Wire::of(gate, "social_worker_cp").await, Wire::of(gate, "school_nurse").await);
    let stranger = Wire::of(gate, "stranger").await;
    let dpo = Wire::of(gate, "data_protection_officer_agency").await;
    let urn = gate.demo.json.schools[0].urn.clone();
    let office = Wire::of(gate, &format!("school_attendance_officer_{urn}")).await;
    let mine = gate.child("social_worker_cp", Standing::Mine).clone();
    let (handle, reference) = (mine.pupil_id.unwrap(), mine.case_reference.unwrap());
    let summary = format!("/v1/pupils/{handle}/attendance-summary");
    let nobody = format!("/v1/pupils/{}/attendance-summary", "0".repeat(32));
    let find = "/v1/pupils/find";
    let token = |client: &str| {
        format!(
            "grant_type=client_credentials&client_id={client}&authorization_details=%5B%7B%22type%22%3A%22schoolgate%22\
             %2C%22purpose%22%3A%22child_protection%22%2C%22role%22%3A%22social_worker%22%7D%5D"
        )
    };
    let form = ("content-type", "application/x-www-form-urlencoded");
    let deep = format!("{}{}", "[".repeat(129), "]".repeat(129));
    let found = serde_json::json!({"upn": mine.upn}).to_string();
    let case = |ask: Ask| ask.with("case-reference", reference.as_str());
    let csv = |ask: Ask| ask.with("content-type", "text/csv");
    vec![
        case(Ask::new("a summary", &worker, "GET", &summary, 200)),
        case(Ask::new("a summary's head", &worker, "HEAD", &summary, 200)),
        Ask::new("no case reference", &worker, "GET", &summary, 400),
        case(Ask::new("a stranger", &stranger, "GET", &summary, 404)),
        case(Ask::new("no child", &worker, "GET", &nobody, 404)),
        case(Ask::new(
            "dates reversed",
            &worker,
            "GET",
            format!("{summary}?from=2026-11-20&to=2026-11-01"),
            400,
        )),
        Ask::new("a wrong reference", &worker, "GET", &summary, 422).with("case-reference", "CP-9999"),
        case(Ask::new("no token", &worker, "GET", &summary, 401)).without_token(),
        case(Ask::new("another's token", &stranger, "GET", &summary, 401))
            .with("authorization", format!("Bearer {}", worker.token)),
        Ask::new("found", &worker, "POST", find, 200).body(found.clone()),
        Ask::new("found by nobody", &nurse, "POST", find, 404).body(r#"{"upn":"B801200005001"}"#),
        Ask::new("truncated", &worker, "POST", find, 400).body(&found.as_bytes()[..found.len() - 2]),
        Ask::new("too deep", &worker, "POST", find, 400).body(deep),
        Ask::new("too large", &worker, "POST", find, 413).body(vec![b' '; 70_000]),
        Ask::new("another method", &worker, "DELETE", find, 405),
        Ask::new("no such path", &worker, "GET", "/v1/nothing", 404),
        Ask::new("no such path at all", &worker, "GET", "/nothing", 404),
        Ask::new("a path that is no text", &worker, "GET", "/v1/pupils/%FF/attendance-summary", 400),
        Ask::new("entries", &dpo, "GET", "/v1/audit/entries?limit=1", 200),
        Ask::new("entries for a worker", &worker, "GET", "/v1/audit/entries", 403),
        Ask::new("a report", &worker, "GET", "/v1/involvements/report?limit=1", 200),
        Ask::new("a claim that is none", &worker, "PUT", format!("/v1/involvements/{}", Uuid::new_v4()), 400)
            .body("{}"),
        Ask::new("an end", &worker, "DELETE", format!("/v1/involvements/{}", Uuid::new_v4()), 202),
        csv(Ask::new("a wrong header", &office, "POST", format!("/v1/schools/{urn}/pupils"), 422))
            .body("name\nx\n"),
        csv(Ask::new("another school", &office, "POST", "/v1/schools/999999/pupils", 403)).body("upn\n"),
        Ask::new("a token", &worker, "POST", "/oauth2/token", 200)
            .with(form.0, form.1)
            .body(token(&gate.caller("social_worker_cp").client_id)),
        Ask::new("another's client id", &stranger, "POST", "/oauth2/token", 401)
            .with(form.0, form.1)
            .body(token(&gate.caller("social_worker_cp").client_id)),
    ]
    .into_iter()
    .chain(taken(gate, &worker).await)
    .collect()
}

/// What is taken: an agency's claim, and marks that a school sends again.
async fn taken(gate: &TestGate, worker: &Wire) -> [Ask; 2] {
    let school = gate.demo.json.schools[1].clone();
    let other_urn = school.urn;
    let other_office = Wire::of(gate, &format!("school_attendance_officer_{other_urn}")).await;
    let export = std::fs::read_to_string(gate.dir().join(&school.attendance)).unwrap();
    let marks: String = export.lines().take(20).map(|line| line.to_owned() + "\n").collect();
    let claim = serde_json::json!({
        "kind": "cp", "team": "child-protection", "source_case_id": "900002", "case_reference": "TH-1",
        "opened_at": "2026-11-19T09:00:00Z", "staff_id": "S1234", "upn": "B801200005001",
        "date_of_birth": "2014-05-06", "surname": "Nobody", "forename": "Atall",
    })
    .to_string();
    let path = format!("/v1/schools/{other_urn}/attendance");
    [
        Ask::new("a claim", worker, "PUT", format!("/v1/involvements/{}", Uuid::new_v4()), 202).body(claim),
        Ask::new("marks sent again", &other_office, "POST", path, 200)
            .with("content-type", "text/csv")
            .body(marks),
    ]
}

/// Places for the files of a system, as the gateway has them.
static FILES: Semaphore = Semaphore::const_new(2);

const REQUESTS: usize = 1_000;
const LANES: usize = 8;

async fn thousand(test: TestDb) {
    Captured::start();
    let gate = TestGate::start(&test.url).await;
    let asks = Arc::new(asks(&gate).await);
    let from = log_size(&test.db).await;
    let mut lanes = tokio::task::JoinSet::new();
    for lane in 0..LANES {
        let asks = Arc::clone(&asks);
        lanes.spawn(async move {
            let mut replies = Vec::new();
            for number in (lane..REQUESTS).step_by(LANES) {
                let (ask, id) = (&asks[number % asks.len()], Uuid::new_v4().simple().to_string());
                let reply = ask.send(&id).await;
                assert_eq!(reply.status, ask.status, "{}: {}", ask.what, reply.json());
                replies.push((id, ask.clone(), reply));
            }
            replies
        });
    }
    let replies: Vec<(String, Ask, Reply)> = lanes.join_all().await.into_iter().flatten().collect();
    let entries = log(&test.db, from).await;
    let access: BTreeMap<&str, &Logged> = entries
        .iter()
        .filter(|l| l.entry.class == Class::Access)
        .map(|l| (l.entry.request.as_deref().unwrap(), l))
        .collect();
    assert_eq!(events(&entries, Class::Access), 1_000, "as many entries as requests");
    assert_eq!((access.len(), replies.len()), (REQUESTS, REQUESTS), "and each request has its own");
    for (id, ask, reply) in &replies {
        assert!(access.contains_key(id.as_str()), "{} has no entry", ask.what);
        let logged = access[id.as_str()];
        assert_eq!(reply.header("x-request-id"), Some(id.as_str()));
        assert_eq!(logged.entry.status, Some(reply.status), "{}", ask.what);
        assert_eq!(logged.entry.decision == Decision::Allowed, reply.status < 300, "{}", ask.what);
        if ask.method != "HEAD" {
            assert_eq!(logged.entry.answer, Some(Digest(sha256(&[&reply.bytes]))), "{}", ask.what);
        }
        let receipt = reply.receipt().map(|r| (r.index, r.leaf));
        let expected = ask.path.starts_with("/v1/").then_some((logged.index, logged.leaf));
        assert_eq!(receipt, expected, "{}", ask.what);
    }
    let whole = verify(&test.db).await.unwrap();
    assert_eq!(whole.size, log_size(&test.db).await);
    gate.stop().await;
    nothing_personal(&log(&test.db, 0).await, &Captured::take());
}

fn nothing_personal(entries: &[Logged], lines: &[u8]) {
    let personal = Personal::new();
    let entries: Vec<&str> = entries.iter().map(|l| std::str::from_utf8(&l.bytes).unwrap()).collect();
    assert!(entries.len() > 1_000);
    assert_eq!(personal.found_in(&entries.join("\n")), None, "in an entry");
    let lines = String::from_utf8_lossy(lines);
    assert!(lines.contains("DEBUG"), "the log was captured");
    let found = personal.found_in(&lines);
    let line = found.as_ref().and_then(|found| lines.lines().find(|l| l.contains(found)));
    assert_eq!(found, None, "in the log: {line:?}");
}

/// What this process logs at `debug` while it is held.
struct Captured;

static LINES: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static HELD: AtomicUsize = AtomicUsize::new(0);

impl Captured {
    fn start() {
        // The second database's trial finds it set already.
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::DEBUG)
            .with_ansi(false)
            .with_writer(|| Captured)
            .try_init();
        HELD.fetch_add(1, Ordering::SeqCst);
    }

    fn take() -> Vec<u8> {
        HELD.fetch_sub(1, Ordering::SeqCst);
        LINES.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if HELD.load(Ordering::SeqCst) > 0 {
            LINES.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Every index that an officer is shown, page by page.
async fn shown(wire: &Wire) -> BTreeSet<u64> {
    let (mut indices, mut cursor) = (BTreeSet::new(), String::new());
    loop {
        let reply = send(wire.request("GET", &format!("/v1/audit/entries?limit=200{cursor}"))).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        let body = reply.json();
        for entry in body["entries"].as_array().unwrap() {
            assert!(indices.insert(entry["index"].as_u64().unwrap()), "an entry is shown once");
        }
        match body["next_cursor"].as_u64() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return indices,
        }
    }
}

async fn officers(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let schools = [&gate.demo.json.schools[0].urn, &gate.demo.json.schools[1].urn];
    let names = [
        "data_protection_officer_agency".to_owned(),
        format!("data_protection_officer_{}", schools[0]),
        format!("data_protection_officer_{}", schools[1]),
    ];
    let mut all: Vec<BTreeSet<u64>> = Vec::new();
    for name in &names {
        let (wire, organisation) = (Wire::of(&gate, name).await, gate.caller(name).organisation.clone());
        let before = log_size(&test.db).await;
        let shown = shown(&wire).await;
        let entries = log(&test.db, 0).await;
        let own: BTreeSet<u64> = entries
            .iter()
            .filter(|l| {
                l.entry.connection.as_ref().is_some_and(|c| c.organisation.as_ref() == Some(&organisation))
            })
            .map(|l| l.index)
            .collect();
        assert!(shown.is_subset(&own), "{name} is shown another organisation's entry");
        let at_first: BTreeSet<u64> = own.iter().copied().filter(|index| *index < before).collect();
        assert!(at_first.is_subset(&shown) && at_first.len() > 1, "{name} is shown all of its own");
        let readings = entries.iter().filter(|l| l.index >= before);
        assert!(readings.clone().count() > 0, "reading is itself recorded");
        for reading in readings {
            assert_eq!(reading.entry.action.as_deref(), Some("read_audit_entries"));
            assert_eq!(reading.entry.decision, Decision::Allowed);
            assert!(own.contains(&reading.index));
        }
        all.push(shown);
    }
    assert!(all[0].is_disjoint(&all[1]) && all[1].is_disjoint(&all[2]) && all[0].is_disjoint(&all[2]));
    // Neither a stranger nor a worker of the organisation itself.
    for name in ["stranger", "social_worker_cp"] {
        let reply = send(Wire::of(&gate, name).await.request("GET", "/v1/audit/entries")).await;
        assert_eq!((reply.status, reply.problem().as_str()), (403, "forbidden"), "{name}");
        assert_eq!(entry_of(&test.db, &reply).await.decision, Decision::Refused);
    }
    gate.stop().await;
}
