//! Every route about children, asked by everybody who must get nothing.
//!
//! The routes come from the API's own document: one that is not in the table below fails the test.

use crate::identity::{expired_token, misbound_token};
use crate::support::wire::{MOVED, Personal, Reply, Wire, entry_of, log, log_size, run, send};
use crate::support::{Suite, TestDb, TestGate};
use schoolgate::audit::Class;
use schoolgate::demo::Standing;
use schoolgate::store::Db;
use serde_json::Value;
use std::collections::BTreeSet;
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("every_route_is_guarded::the_table_has_every_route", table_is_whole);
    suite.both_empty("every_route_is_guarded::nobody_gets_in_without_proof_and_relationship", guarded);
    suite.both_empty(
        "every_route_is_guarded::no_route_takes_a_certificate_or_a_token_that_does_not_hold",
        certificates,
    );
    suite.both_empty("every_route_is_guarded::the_rest_answers_as_the_rest_does", unguarded);
}

/// Who has a good token and yet no business with the route.
#[derive(Clone, Copy)]
enum Stranger {
    /// Another authority's social worker.
    Agency,
    /// Another school's attendance officer.
    School,
    /// Whoever has a good token reads something of its own there; whose, the route's own trials show.
    Nobody,
}

/// A route: method, template, body, its type, and who is a stranger to it.
struct Route(&'static str, &'static str, &'static str, &'static str, Stranger);

const CSV: &str = "text/csv";
const JSON: &str = "application/json";
const LINES: &str = "application/x-ndjson";

const ROUTES: &[Route] = &[
    Route("PUT", "/v1/schools/{urn}/calendar/{year}", "date,am,pm\n", CSV, Stranger::School),
    Route("POST", "/v1/schools/{urn}/pupils", "upn\n", CSV, Stranger::School),
    Route("POST", "/v1/schools/{urn}/attendance", "upn\n", CSV, Stranger::School),
    Route("PUT", "/v1/schools/{urn}/registers/{date}/{session}", "upn\n", CSV, Stranger::School),
    Route("PUT", "/v1/schools/{urn}/local-codes", "{\"codes\":[]}", JSON, Stranger::School),
    Route("GET", "/v1/schools/{urn}/local-codes", "", JSON, Stranger::School),
    Route("GET", "/v1/schools/{urn}/imports", "", JSON, Stranger::School),
    Route("GET", "/v1/imports/{id}", "", JSON, Stranger::School),
    Route("GET", "/v1/imports/{id}/errors", "", JSON, Stranger::School),
    // An agency may open cases of its own, so that here the stranger is a school.
    Route("POST", "/v1/involvements", "{}", LINES, Stranger::School),
    Route("GET", "/v1/involvements/report", "", JSON, Stranger::School),
    Route("PUT", "/v1/involvements/{id}", "{}", JSON, Stranger::School),
    Route("DELETE", "/v1/involvements/{id}", "", JSON, Stranger::School),
    Route("DELETE", "/v1/involvements/{id}/family-agreement", "", JSON, Stranger::School),
    Route("POST", "/v1/involvements/{id}/objection", "", JSON, Stranger::School),
    Route("GET", "/v1/schools/{urn}/involvements", "", JSON, Stranger::School),
    Route("GET", "/v1/involvements/not-told", "", JSON, Stranger::Agency),
    Route("GET", "/v1/involvements/resident-concerns", "", JSON, Stranger::School),
    Route("POST", "/v1/involvements/held/{id}/release", "", JSON, Stranger::Agency),
    Route("POST", "/v1/involvements/silence/release", "", JSON, Stranger::Agency),
    Route("GET", "/v1/involvements/review", "", JSON, Stranger::Agency),
    Route("PUT", "/v1/conflicts/{id}", "{}", JSON, Stranger::Agency),
    Route("DELETE", "/v1/conflicts/{id}", "", JSON, Stranger::Agency),
    Route("GET", "/v1/involvements/ambiguous", "", JSON, Stranger::School),
    Route("POST", "/v1/involvements/ambiguous/{id}/decision", "{\"pupil_id\":null}", JSON, Stranger::School),
    Route("POST", "/v1/pupils/find", "{\"upn\":\"UPN\"}", JSON, Stranger::Agency),
    Route("GET", "/v1/pupils/{pupil_id}/attendance-summary", "", JSON, Stranger::Agency),
    // So may it ask about many children of its own.
    Route("POST", "/v1/attendance-summaries", "{\"area\":\"own\"}", LINES, Stranger::School),
    Route("GET", "/v1/schools/{urn}/attendance-summary", "", JSON, Stranger::Agency),
    // An agency may follow children of its own, nobody at first, so that here too the stranger is a school.
    Route("GET", "/v1/attendance-summaries/changes", "", JSON, Stranger::School),
    // Persons', and never a system's.
    Route("POST", "/v1/emergencies", "{}", JSON, Stranger::Agency),
    Route("GET", "/v1/emergencies/{id}/summary", "", JSON, Stranger::Agency),
    Route("GET", "/v1/emergencies/{id}/countersignature", "", JSON, Stranger::Agency),
    Route("POST", "/v1/emergencies/{id}/countersignature", "", JSON, Stranger::Agency),
    Route("POST", "/v1/emergencies/{id}/renewals", "{}", JSON, Stranger::Agency),
    Route("POST", "/v1/emergencies/{id}/renewals/{number}/answer", "{}", JSON, Stranger::Agency),
    Route("PUT", "/v1/shields/{id}", "{}", JSON, Stranger::Agency),
    Route("POST", "/v1/shields/{id}/confirmation", "{}", JSON, Stranger::Agency),
    Route("POST", "/v1/shields/{id}/end", "{}", JSON, Stranger::Agency),
    Route("PUT", "/v1/withheld-decisions/{id}", "{}", JSON, Stranger::Agency),
    Route("POST", "/v1/withheld-decisions/{id}/end", "{}", JSON, Stranger::Agency),
    Route("PUT", "/v1/pupils/{pupil_id}/whereabouts-protection", "{}", JSON, Stranger::Agency),
    Route("GET", "/v1/protecting-items", "", JSON, Stranger::Agency),
    Route("POST", "/v1/protecting-items/{id}/decision", "{}", JSON, Stranger::Agency),
    // Every organisation has a feed of its own, and no other: nobody is a stranger to it.
    Route("GET", "/v1/notifications", "", JSON, Stranger::Nobody),
    Route("GET", "/v1/audit/entries", "", JSON, Stranger::Agency),
    Route("GET", "/v1/audit/reads-by-cover", "", JSON, Stranger::Agency),
    Route("POST", "/v1/system-lane/release", "", JSON, Stranger::Agency),
    Route("GET", "/v1/systems/own/certificates", "", JSON, Stranger::Nobody),
    Route("POST", "/v1/systems/own/certificates", "{}", JSON, Stranger::Nobody),
    Route("DELETE", "/v1/systems/own/certificates/{thumbprint}", "", JSON, Stranger::Nobody),
];

/// What whoever has a good token and no business there meets: 403, which is the same for every child, school and record; and
/// the one 404 where what is asked about is not theirs.
fn met(method: &str, template: &str) -> (u16, &'static str) {
    match (method, template) {
        ("POST", "/v1/pupils/find")
        | (
            "GET",
            "/v1/pupils/{pupil_id}/attendance-summary" | "/v1/imports/{id}" | "/v1/imports/{id}/errors",
        ) => (404, "not_found"),
        _ => (403, "forbidden"),
    }
}

fn table_is_whole() {
    let document: Value = serde_json::from_str(&schoolgate::router::openapi()).unwrap();
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        // Without a token everywhere else, with one got here or described: identity's own trials hold these.
        .filter(|(path, _)| path.starts_with("/v1/"))
        .flat_map(|(path, methods)| {
            methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
        })
        .collect();
    let table = ROUTES.iter().map(|r| (r.0.to_owned(), r.1.to_owned())).collect();
    assert_eq!(documented, table, "every route of the API stands in this table");
}

/// A real school, a real upload, a real case and a real child of others.
struct Real {
    urn: String,
    import: String,
    case: Uuid,
    handle: String,
    case_reference: String,
    upn: String,
}

async fn real(gate: &TestGate) -> Real {
    let child = gate.child("social_worker_cp", Standing::Mine).clone();
    let school = &gate.demo.json.schools[0];
    // Sent again it changes nothing, and the report has an id that is this school's.
    let file = std::fs::read(gate.demo.dir.join(&school.pupils)).unwrap();
    let office = Wire::of(gate, &format!("school_attendance_officer_{}", school.urn)).await;
    let path = format!("/v1/schools/{}/pupils", school.urn);
    let reply = send(office.request("POST", &path).header("content-type", CSV).body(file)).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let import = reply.json()["import_id"].as_str().unwrap().to_owned();
    let reply = send(office.request("GET", &format!("/v1/imports/{import}"))).await;
    assert_eq!(reply.status, 200, "the school itself gets its report");
    let agency = Wire::of(gate, "social_worker_cp").await;
    let report = send(agency.request("GET", "/v1/involvements/report?limit=1000")).await.json();
    let reference = child.case_reference.clone().unwrap();
    let lines = report["involvements"].as_array().unwrap();
    let line = lines.iter().find(|l| l["case_reference"] == reference.as_str()).unwrap();
    Real {
        urn: school.urn.clone(),
        import,
        case: line["id"].as_str().unwrap().parse().unwrap(),
        handle: child.pupil_id.unwrap(),
        case_reference: reference,
        upn: child.upn,
    }
}

impl Real {
    fn path(&self, template: &str) -> String {
        let id =
            if template.starts_with("/v1/imports/") { self.import.clone() } else { self.case.to_string() };
        let path = template
            .replace("{urn}", &self.urn)
            .replace("{year}", "2026")
            .replace("{date}", "2026-11-19")
            .replace("{session}", "am")
            .replace("{pupil_id}", &self.handle)
            .replace("{number}", "1")
            .replace("{thumbprint}", &"0".repeat(64))
            .replace("{id}", &id);
        assert!(!path.contains('{'), "{path}");
        path
    }
}

/// What holds of every answer to somebody who gets nothing.
fn check(what: &str, reply: &Reply, id: &str, personal: &Personal) {
    assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{what}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(reply.header("x-request-id"), Some(id), "{what}");
    assert_eq!(reply.json()["request_id"], id, "{what}");
    assert_eq!(reply.json()["status"], reply.status, "{what}");
    assert_eq!(reply.header("audit-receipt").map(str::len), Some(96), "{what}");
    for (name, value) in &reply.headers {
        assert_eq!(personal.found_in(value.to_str().unwrap()), None, "{what}: {name}");
    }
    assert_eq!(personal.found_in(std::str::from_utf8(&reply.bytes).unwrap()), None, "{what}");
}

async fn guarded(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let real = real(&gate).await;
    let personal = Personal::new();
    let agency = Wire::of(&gate, "stranger").await;
    let school = Wire::of(&gate, &format!("dsl_{}", gate.demo.json.schools[1].urn)).await;
    let officer = format!("school_attendance_officer_{}", gate.demo.json.schools[1].urn);
    let (agency_caller, school_caller) = (gate.caller("stranger"), gate.caller(&officer));
    let school_officer = Wire::of(&gate, &officer).await;
    let nurse = Wire::of(&gate, "school_nurse").await.token;
    let (mut checked, mut wrong) = (0, Vec::new());
    for Route(method, template, body, kind, stranger) in ROUTES {
        let (wire, caller) = match stranger {
            Stranger::Agency => (&agency, agency_caller),
            Stranger::School | Stranger::Nobody => (&school_officer, school_caller),
        };
        let expired = expired_token(&gate, caller);
        let body = body.replace("UPN", &real.upn);
        for (who, token, status) in [
            ("no token", None, Some(401)),
            ("a token of another certificate", Some(&nurse), Some(401)),
            ("an expired token", Some(&expired), Some(401)),
            ("a stranger's good token", Some(&wire.token), None),
            ("a good token of another role", Some(&school.token), None),
        ] {
            if status.is_none() && matches!(stranger, Stranger::Nobody) {
                continue;
            }
            let what = format!("{method} {template}: {who}");
            // A role of the same school's system must not get what its officer does not get either.
            let wire = if who.ends_with("role") { &school } else { wire };
            let id = Uuid::new_v4().simple().to_string();
            let mut request = wire
                .bare(method, &real.path(template))
                .header("x-request-id", &id)
                .header("case-reference", &real.case_reference)
                .header("content-type", *kind)
                .body(body.clone());
            if let Some(token) = token {
                request = request.bearer_auth(token);
            }
            let before = log_size(&test.db).await;
            let reply = send(request).await;
            let expected = status.map_or_else(|| met(method, template), |status| (status, "unauthenticated"));
            if (reply.status, reply.problem().as_str()) != expected {
                wrong.push(format!("{what}: {} {}, not {expected:?}", reply.status, reply.problem()));
            }
            check(&what, &reply, &id, &personal);
            let entry = entry_of(&test.db, &reply).await;
            assert_eq!(entry.request.as_deref(), Some(id.as_str()), "{what}");
            assert_eq!((entry.method.as_deref(), entry.route.as_deref()), (Some(*method), Some(*template)));
            assert!(entry.sections_given.is_empty(), "{what}");
            assert_eq!(log_size(&test.db).await, before + 1, "{what}: one request, one entry");
            checked += 1;
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    let own = ROUTES.iter().filter(|route| matches!(route.4, Stranger::Nobody)).count();
    assert_eq!((checked, own), (ROUTES.len() * 5 - 2 * own, 4));
    another_agency_ends_nothing(&gate, &real, &agency).await;
    gate.stop().await;
}

/// A certificate that was revoked, whose registration or which itself has ended, or that another's token came with: at every
/// route, by whom it would be answered otherwise.
async fn certificates(test: TestDb) {
    const REVOKED: &str = "UPDATE credentials SET revoked_at = $1";
    const ENDED: &str = "UPDATE credentials SET revoked_at = NULL, valid_until = $1";
    let gate = TestGate::start(&test.url).await;
    let real = real(&gate).await;
    let personal = Personal::new();
    let own = |template: &str| match template {
        t if t.starts_with("/v1/schools/") || t.starts_with("/v1/imports/") => {
            format!("school_attendance_officer_{}", gate.demo.json.schools[0].urn)
        }
        _ => "social_worker_cp".to_owned(),
    };
    let now = schoolgate::clock::Clock::machine().now();
    let mut asked = 0;
    for (who, change, at, reason) in [
        ("another's binding", None, now, "token_of_other_certificate"),
        ("a revoked certificate", Some(REVOKED), now - chrono::TimeDelta::minutes(1), "unknown_certificate"),
        ("an ended registration", Some(ENDED), now - chrono::TimeDelta::minutes(1), "unknown_certificate"),
    ] {
        let mut wires = std::collections::BTreeMap::new();
        for Route(_, template, ..) in ROUTES {
            let name = own(template);
            if let std::collections::btree_map::Entry::Vacant(new) = wires.entry(name) {
                let caller = gate.caller(new.key());
                let mut wire = Wire::with_certificate(&gate, &caller.certificate);
                let other = gate.caller("school_nurse");
                wire.token = misbound_token(&gate, caller, if change.is_none() { other } else { caller });
                new.insert(wire);
            }
        }
        if let Some(change) = change {
            assert!(run!(test.db, change, at) > 0);
            run!(test.db, MOVED);
            gate.demo.running.gate.directory().refresh(&test.db).await.unwrap();
        }
        for Route(method, template, body, kind, _) in ROUTES {
            let what = format!("{method} {template}: {who}");
            let id = Uuid::new_v4().simple().to_string();
            let request = wires[&own(template)]
                .request(method, &real.path(template))
                .header("x-request-id", &id)
                .header("case-reference", &real.case_reference)
                .header("content-type", *kind)
                .body(body.replace("UPN", &real.upn));
            let reply = send(request).await;
            assert_eq!((reply.status, reply.problem().as_str()), (401, "unauthenticated"), "{what}");
            assert!(reply.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{what}");
            check(&what, &reply, &id, &personal);
            let entry = entry_of(&test.db, &reply).await;
            assert_eq!(entry.reason.as_deref(), Some(reason), "{what}");
            assert!(entry.sections_given.is_empty() && entry.role.is_none(), "{what}");
            asked += 1;
        }
    }
    assert_eq!(asked, 3 * ROUTES.len());
    expired(&test.db, &gate, &real).await;
    gate.stop().await;
}

/// A certificate that has itself ended: no route is reached, and the handshake's refusal is recorded.
async fn expired(db: &Db, gate: &TestGate, real: &Real) {
    let from = log_size(db).await;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, "an authority of this trial");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign, rcgen::KeyUsagePurpose::CrlSign];
    let key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
    let path = gate.demo.dir.join(schoolgate::demo::pki::CA);
    let known = std::fs::read_to_string(&path).unwrap() + &authority.pem();
    std::fs::write(&path, known).unwrap();
    assert!(gate.demo.running.renew_certificates());
    let caller = gate.caller("social_worker_cp");
    let uri = schoolgate::demo::SystemName::new(&caller.organisation, "social-care").uri();
    for (name, last_year) in [("ended", 2021), ("unregistered", 2040)] {
        let mut params = rcgen::CertificateParams::default();
        params.subject_alt_names = vec![rcgen::SanType::URI(uri.clone().try_into().unwrap())];
        params.key_usages = vec![rcgen::KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();
        let file = |end: &str| gate.demo.dir.join(format!("certs/{name}.{end}"));
        std::fs::write(file("pem"), certificate.pem()).unwrap();
        std::fs::write(file("key"), key.serialize_pem()).unwrap();
        let mut wire = Wire::with_certificate(gate, &format!("certs/{name}.pem"));
        wire.token = misbound_token(gate, caller, caller);
        for Route(method, template, body, kind, _) in ROUTES {
            let request = wire.request(method, &real.path(template)).header("content-type", *kind);
            let request = request.body(body.replace("UPN", &real.upn));
            let what = format!("{method} {template}: {name}");
            if name == "ended" {
                assert!(request.send().await.is_err(), "{what}: no byte of an answer");
                continue;
            }
            // The same authority's certificate of today is let in, and is nobody's.
            let reply = send(request).await;
            assert_eq!((reply.status, reply.problem().as_str()), (401, "unauthenticated"), "{what}");
            assert!(reply.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{what}");
            let entry = entry_of(db, &reply).await;
            assert_eq!(entry.reason.as_deref(), Some("unknown_certificate"), "{what}");
        }
    }
    // The first ten of a network and minute have entries of their own.
    let refused = log(db, from).await.into_iter().filter(|l| l.entry.class == Class::HandshakeRefused);
    let reasons: Vec<Option<String>> = refused.map(|l| l.entry.reason).take(10).collect();
    assert_eq!(reasons, vec![Some("expired".to_owned()); 10]);
}

/// Another agency may say "end it" of any id, and is told nothing; the case goes on.
async fn another_agency_ends_nothing(gate: &TestGate, real: &Real, stranger: &Wire) {
    let reply = send(stranger.request("DELETE", &format!("/v1/involvements/{}", real.case))).await;
    let unknown = send(stranger.request("DELETE", &format!("/v1/involvements/{}", Uuid::new_v4()))).await;
    assert_eq!((reply.status, &reply.bytes), (unknown.status, &unknown.bytes));
    let worker = Wire::of(gate, "social_worker_cp").await;
    assert_eq!(worker.summary(&real.handle, Some(&real.case_reference)).await.status, 200);
}

/// A claim with a character or a length that is nobody's is the sender's to correct, not a fault of ours.
async fn claims_that_no_database_holds(wire: &Wire) {
    let path = format!("/v1/involvements/{}", Uuid::new_v4());
    let claim = |field: &str, value: &str| {
        let mut body = serde_json::json!({
            "kind": "early_help", "team": "early-help", "source_case_id": "E1", "case_reference": "EH-7777",
            "opened_at": "2026-11-02T09:00:00Z", "staff_id": "s1", "date_of_birth": "2015-01-01",
            "surname": "Nobody", "forename": "Here",
            "family_agreement": {"agreed_by": "mother", "agreed_to": "sharing"},
        });
        *body.pointer_mut(field).unwrap() = value.into();
        body.to_string()
    };
    let put = async |body: String| send(wire.request("PUT", &path).body(body)).await;
    let reply = put(claim("/surname", "Nobody")).await;
    assert_eq!(reply.status, 202, "{}", reply.json());
    let long = "x".repeat(201);
    for field in ["/surname", "/forename", "/source_case_id", "/staff_id", "/family_agreement/agreed_to"] {
        for odd in ["No\u{0}body", long.as_str()] {
            let reply = put(claim(field, odd)).await;
            assert_eq!((reply.status, reply.problem().as_str()), (400, "bad_request"), "{field}");
            let whole = String::from_utf8(reply.bytes).unwrap();
            assert!(!whole.contains("body\"") && !whole.contains(&long), "quotes nothing: {whole}");
        }
    }
}

/// Unknown paths, other methods and paths that are no text are problems too, with an entry and no cause.
async fn unguarded(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let wire = Wire::of(&gate, "social_worker_cp").await;
    let personal = Personal::new();
    for (method, path, status, problem) in [
        ("GET", "/v1/nothing", 404, "unknown_path"),
        ("GET", "/v1/", 404, "unknown_path"),
        ("PATCH", "/v1/pupils/find", 405, "method_not_allowed"),
        ("GET", "/v1/pupils/%FF/attendance-summary", 400, "bad_request"),
        ("POST", "/v1/schools/%FF/pupils", 400, "bad_request"),
        ("DELETE", "/v1/involvements/%FF", 400, "bad_request"),
        ("GET", "/v1/imports/%FF", 400, "bad_request"),
    ] {
        let what = format!("{method} {path}");
        let id = Uuid::new_v4().simple().to_string();
        let reply = send(wire.request(method, path).header("x-request-id", &id)).await;
        assert_eq!((reply.status, reply.problem().as_str()), (status, problem), "{what}");
        check(&what, &reply, &id, &personal);
        assert_eq!(entry_of(&test.db, &reply).await.request.as_deref(), Some(id.as_str()));
        // RFC 9110 section 15.5.6: a 405 says what there is.
        assert_eq!(reply.header("allow").is_some(), status == 405, "{what}");
    }
    let reply = send(wire.bare("GET", "/nothing")).await;
    assert_eq!((reply.status, reply.header("audit-receipt")), (404, None));
    // A name in place of a request id, or a trace that is none, is not taken over.
    let reply = send(wire.request("GET", "/v1/nothing").header("x-request-id", "Amelia")).await;
    assert_eq!(reply.header("x-request-id").map(str::len), Some(32));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (sent, echoed) in [(trace, Some(trace)), ("Amelia", None)] {
        let reply = send(wire.request("GET", "/v1/nothing").header("traceparent", sent)).await;
        assert_eq!(reply.header("traceparent"), echoed);
    }
    claims_that_no_database_holds(&Wire::of(&gate, "early_help_worker").await).await;
    let entries_before = log_size(&test.db).await;
    let reply = send(wire.bare("GET", "/openapi.json")).await;
    assert_eq!((reply.status, log_size(&test.db).await), (200, entries_before), "it says nothing of a child");
    gate.stop().await;
}
