//! What the trials of bars share: persons of the authority and of a school, with marks, on a clock of the trial's own.

use crate::identity::world::{EXCHANGE, World, details, kind_of};
use crate::support::TestDb;
use crate::support::wire::{MOVED, Reply, Wire, run, send};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use schoolgate::clock::{Clock, Hand};
use schoolgate::demo::agencies::{CHILDREN, CHILDREN_SYSTEM, STRANGER};
use schoolgate::demo::{Standing, SystemName};
use schoolgate::store::Db;
use serde_json::{Value, json};
use std::sync::Mutex;
use uuid::Uuid;

/// The authority.
pub const AUTHORITY: &str = "exampleshire";
/// The evening on which every trial begins.
pub const EVENING: &str = "2026-11-20T18:00:00Z";

/// A gateway whose authority and first school have persons.
pub struct Bars {
    pub world: World,
    pub db: Db,
    hand: Hand,
    now: Mutex<DateTime<Utc>>,
}

/// A person who asks through a system.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// Name of the sample caller whose system it is.
    pub caller: &'a str,
    /// Tenant of the provider.
    pub tenant: &'a str,
    pub role: &'a str,
    pub purpose: &'a str,
    pub teams: &'a [&'a str],
    pub subject: &'a str,
}

impl<'a> Who<'a> {
    /// A social worker of the authority.
    pub fn worker(purpose: &'a str, team: &'a [&'a str], subject: &'a str) -> Self {
        let (caller, role) = ("social_worker_cp", "social_worker");
        Self { caller, tenant: AUTHORITY, role, purpose, teams: team, subject }
    }
}

impl Bars {
    /// Starts one.
    pub async fn start(test: &TestDb) -> Self {
        let start: DateTime<Utc> = EVENING.parse().unwrap();
        let (clock, hand) = Clock::by_hand(start);
        let world = World::start_on(test, clock).await;
        Self { world, db: test.db.clone(), hand, now: Mutex::new(start) }
    }

    /// Lets so many minutes go by, school time.
    pub fn pass(&self, minutes: i64) {
        let mut now = self.now.lock().unwrap();
        *now += TimeDelta::minutes(minutes);
        self.hand.set(*now);
    }

    /// Sets the day and hour.
    pub fn at(&self, time: &str) {
        let mut now = self.now.lock().unwrap();
        *now = time.parse().unwrap();
        self.hand.set(*now);
    }

    /// Has running gateways see the directory as it is in the database.
    pub async fn moved(&self) {
        run!(self.db, MOVED);
        self.world.gate.demo.running.gate.directory().refresh(&self.db).await.unwrap();
    }

    /// A connection with a token for a person.
    pub async fn person(&self, who: Who<'_>) -> Wire {
        let caller = self.world.gate.caller(who.caller).clone();
        let wire = self.world.wire(&caller);
        let change = json!({"aud": caller.client_id, "tid": who.tenant, "sub": who.subject,
                            "roles": [who.role], "groups": who.teams});
        let details = details(who.role, who.purpose);
        self.exchanged(wire, (&caller.client_id, &details), &change).await
    }

    /// The same of whoever the claims of an ID token name.
    async fn exchanged(&self, mut wire: Wire, (client, details): (&str, &str), change: &Value) -> Wire {
        let token = self.world.subject("id_token", &json!({}), change);
        let kind = kind_of("id_token");
        let form = [
            ("grant_type", EXCHANGE),
            ("client_id", client),
            ("authorization_details", details),
            ("subject_token", token.as_str()),
            ("subject_token_type", kind.as_str()),
        ];
        let reply = send(wire.http.post(format!("{}/oauth2/token", wire.base)).form(&form)).await;
        assert_eq!(reply.status, 200, "{change}: {}", reply.json());
        reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
        wire
    }

    /// Gives a person of the authority a mark; a manager's of a team.
    pub async fn mark(&self, subject: &str, mark: &str, team: Option<&str>) {
        self.mark_in((AUTHORITY, AUTHORITY), subject, mark, team).await;
    }

    /// The same of a person of a tenant, as an organisation enters it.
    pub async fn mark_in(&self, (by, tenant): (&str, &str), subject: &str, mark: &str, team: Option<&str>) {
        const MARK: &str = "INSERT INTO person_marks (id, organisation_id, issuer, tenant, subject, mark, team_id, \
             valid_from, valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let directory = self.world.gate.demo.running.gate.directory().current();
        let organisation = directory.organisation_by_code(by).unwrap().id;
        let team = team.map(|code| directory.team(organisation, code).unwrap().id.0);
        let (from, until) = term();
        let issuer = self.world.provider.issuer.as_str();
        run!(self.db, MARK, Uuid::now_v7(), organisation.0, issuer, tenant, subject, mark, team, from, until);
        self.moved().await;
    }

    /// Registers the authority's provider for the first school too, under a tenant of its own: its safeguarding lead's.
    pub async fn school_persons(&self) -> Who<'static> {
        const PROVIDER: &str = "INSERT INTO identity_providers (id, organisation_id, issuer, tenant, tenant_claim, \
             algorithms, keys_url, role_claim, group_claim, mfa_claim, mfa_values, mfa_evidence, mfa_evidence_on, suspended) \
             SELECT $1, $2, issuer, 'a-school', tenant_claim, algorithms, keys_url, role_claim, group_claim, mfa_claim, \
             mfa_values, mfa_evidence, mfa_evidence_on, suspended FROM identity_providers WHERE tenant = $3";
        const CLIENT: &str =
            "INSERT INTO identity_provider_clients (provider_id, system_id, client_id) VALUES ($1, $2, $3)";
        const ROLE: &str =
            "INSERT INTO identity_provider_roles (provider_id, claim_value, role) VALUES ($1, 'dsl', 'dsl')";
        let caller = self.world.gate.caller(&self.dsl()).clone();
        let directory = self.world.gate.demo.running.gate.directory().current();
        let system = directory.system_by_client_id(&caller.client_id).unwrap();
        let provider = Uuid::now_v7();
        assert_eq!(run!(self.db, PROVIDER, provider, system.organisation.0, AUTHORITY), 1);
        run!(self.db, CLIENT, provider, system.id.0, caller.client_id.as_str());
        run!(self.db, ROLE, provider);
        self.moved().await;
        let caller: &'static str = self.dsl().leak();
        let (role, purpose) = ("dsl", "own_record");
        Who { caller, tenant: "a-school", role, purpose, teams: &[], subject: "lead-1" }
    }

    /// Has the children's trust prove persons too, under a tenant of its own, in a team `night` of its own that covers the
    /// authority's at every hour; and gives them another authority to act for.
    pub async fn trust_persons(&self) {
        const PROVIDER: &str = "INSERT INTO identity_providers (id, organisation_id, issuer, tenant, tenant_claim, \
             algorithms, keys_url, role_claim, group_claim, mfa_claim, mfa_values, mfa_evidence, mfa_evidence_on, suspended) \
             SELECT $1, $2, issuer, 'a-trust', tenant_claim, algorithms, keys_url, role_claim, group_claim, mfa_claim, \
             mfa_values, mfa_evidence, mfa_evidence_on, suspended FROM identity_providers WHERE tenant = $3";
        const CLIENT: &str =
            "INSERT INTO identity_provider_clients (provider_id, system_id, client_id) VALUES ($1, $2, $3)";
        const ROLE: &str = "INSERT INTO identity_provider_roles (provider_id, claim_value, role) \
             VALUES ($1, 'social_worker', 'social_worker')";
        const TEAM: &str = "INSERT INTO teams (id, organisation_id, code, name, telephone) \
             VALUES ($1, $2, 'night', 'Night Team', '01632 960199')";
        const GROUP: &str = "INSERT INTO identity_provider_teams (provider_id, claim_value, team_id) \
             VALUES ($1, 'night', $2)";
        const ACTS: &str = "INSERT INTO acts_for (id, organisation_id, for_id, roles, valid_from, valid_until) \
             VALUES ($1, $2, $3, 'social_worker', $4, $5)";
        const AGREED: &str =
            "UPDATE sharing_agreements SET purposes = 'emergency' WHERE organisation_id = $1";
        let directory = self.world.gate.demo.running.gate.directory().current();
        let of = |code: &str| directory.organisation_by_code(code).unwrap().id;
        let (trust, other) = (of(CHILDREN), of(STRANGER));
        let client = trust_client();
        let system = directory.system_by_client_id(&client).unwrap().id;
        let (provider, night) = (Uuid::now_v7(), Uuid::now_v7());
        assert_eq!(run!(self.db, PROVIDER, provider, trust.0, AUTHORITY), 1);
        run!(self.db, CLIENT, provider, system.0, client.as_str());
        run!(self.db, ROLE, provider);
        run!(self.db, TEAM, night, trust.0);
        run!(self.db, GROUP, provider, night);
        let (from, until) = term();
        run!(self.db, ACTS, Uuid::now_v7(), trust.0, other.0, from, until);
        assert_eq!(run!(self.db, AGREED, other.0), 1);
        self.covers(night, directory.team(of(AUTHORITY), "child-protection").unwrap().id.0).await;
    }

    /// Has one team cover another from now on, at every hour.
    pub async fn covers(&self, team: Uuid, covered: Uuid) {
        const COVERS: &str = "INSERT INTO covers (id, team_id, covered_id, kind, hours, valid_from, valid_until) \
             VALUES ($1, $2, $3, 'duty', 'always', $4, $5)";
        let (from, until) = term();
        run!(self.db, COVERS, Uuid::now_v7(), team, covered, from, until);
        self.moved().await;
    }

    /// A person of the children's trust, in its team `night`, acting for an authority.
    pub async fn of_trust(&self, authority: &str, purpose: &str, subject: &str) -> Wire {
        let certificate = SystemName::new(CHILDREN, CHILDREN_SYSTEM).certificate();
        let wire = Wire::with_certificate(&self.world.gate, &certificate);
        let detail = json!([{"type": "schoolgate", "role": "social_worker", "purpose": purpose,
                             "organisation": authority}]);
        let change = json!({"aud": trust_client(), "tid": "a-trust", "sub": subject,
                            "roles": ["social_worker"], "groups": ["night"]});
        self.exchanged(wire, (&trust_client(), &detail.to_string()), &change).await
    }

    /// Name of the first school's safeguarding lead among the sample callers.
    pub fn dsl(&self) -> String {
        format!("dsl_{}", self.world.gate.demo.json.schools[0].urn)
    }

    /// UPNs of children whom social care has nothing to do with.
    pub fn strangers(&self) -> Vec<String> {
        let caller = self.world.gate.caller("social_worker_cp");
        let of = caller.children.iter().filter(|child| child.standing == Standing::NotMine);
        of.map(|child| child.upn.clone()).collect()
    }

    /// Name, forename and date of birth of a child by its UPN, as a school sent them.
    pub fn named(&self, upn: &str) -> Value {
        let schools = &self.world.gate.demo.json.schools;
        let found = schools.iter().find_map(|school| {
            let mut reader = csv::Reader::from_path(self.world.gate.dir().join(&school.pupils)).unwrap();
            let rows = reader.deserialize::<std::collections::HashMap<String, String>>();
            rows.map(Result::unwrap).find(|row| row["upn"] == upn)
        });
        let row = found.unwrap();
        json!({"surname": row["surname"], "forename": row["forename"], "date_of_birth": row["date_of_birth"]})
    }

    /// Stops it.
    pub async fn stop(self) {
        self.world.gate.stop().await;
    }
}

/// The first and the last day of what a trial enters into the directory.
fn term() -> (NaiveDate, NaiveDate) {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    (day("2026-01-01"), day("2099-12-31"))
}

/// The client identifier of the children's trust's system.
fn trust_client() -> String {
    SystemName::new(CHILDREN, CHILDREN_SYSTEM).file_name()
}

/// The claim of an emergency about whoever is named.
pub fn emergency(named: &Value) -> Value {
    let mut body = json!({"category": "missing", "text": "did not come home last night",
                          "call_back_number": "01632 960555"});
    body.as_object_mut().unwrap().extend(named.as_object().unwrap().clone());
    body
}

/// Sends JSON.
pub async fn call(wire: &Wire, method: &str, path: &str, body: &Value) -> Reply {
    send(wire.request(method, path).header("content-type", "application/json").body(body.to_string())).await
}

/// The same with a case reference.
pub async fn call_with(wire: &Wire, method: &str, path: &str, reference: &str, body: &Value) -> Reply {
    let request = wire.request(method, path).header("content-type", "application/json");
    send(request.header("case-reference", reference).body(body.to_string())).await
}

/// The summary of an emergency.
pub async fn summary(wire: &Wire, id: &str) -> Reply {
    send(wire.request("GET", &format!("/v1/emergencies/{id}/summary"))).await
}

/// All of an answer but what must differ from one to the next.
pub fn shape(reply: &Reply) -> (u16, Vec<(String, String)>, String, usize) {
    let mut headers: Vec<(String, String)> = reply
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date", "audit-receipt"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    let body = String::from_utf8(reply.bytes.clone()).unwrap();
    let body = body.replace(reply.header("x-request-id").unwrap(), "");
    (reply.status, headers, body, reply.bytes.len())
}

/// Everything in an organisation's feed of a kind.
pub async fn notices(wire: &Wire, kind: &str) -> Vec<Value> {
    let reply = send(wire.request("GET", "/v1/notifications?limit=200")).await;
    assert_eq!(reply.status, 200, "{}", reply.json());
    let all = reply.json()["notifications"].as_array().unwrap().clone();
    all.into_iter().filter(|notice| notice["kind"] == kind).map(|notice| notice["body"].clone()).collect()
}
