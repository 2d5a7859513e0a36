//! What becomes of ties once they stand: who sees them, who may end them, and what happens when nobody looks after them.

mod feeds;
mod lanes;
mod people;
mod schools;
mod told;

use crate::identity::world::{EXCHANGE, TENANT, World, details, kind_of, now};
use crate::support::exports::Wire;
use crate::support::provider::Provider;
use crate::support::signed::TestKey;
use crate::support::wire::{self, send, until};
use crate::support::{Suite, TestDb};
use schoolgate::demo::run::Answered;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Registers the tests of this folder.
pub fn register(suite: &mut Suite) {
    feeds::register(suite);
    lanes::register(suite);
    people::register(suite);
    schools::register(suite);
    told::register(suite);
}

/// A gateway with a client of each caller, and an identity provider that proves people of the authority.
pub struct People {
    pub wire: Wire,
    pub provider: Provider,
    key: TestKey,
}

impl People {
    pub async fn start(test: &TestDb) -> Self {
        let World { gate, provider, key, .. } = World::start(test).await;
        Self { wire: Wire::over(gate), provider, key }
    }

    /// A person in the role and for the purpose of a sample caller, through that caller's system.
    pub async fn person(&self, caller: &str, teams: &[&str], subject: &str) -> wire::Wire {
        let caller = self.wire.gate.caller(caller).clone();
        let mut wire = wire::Wire::with_certificate(&self.wire.gate, &caller.certificate);
        let claims = json!({
            "iss": self.provider.issuer, "sub": subject, "tid": TENANT, "jti": Uuid::new_v4().to_string(),
            "iat": now(), "exp": now() + 600, "auth_time": now() - 60, "amr": ["pwd", "mfa"],
            "roles": [caller.role], "groups": teams, "name": "Sam Worker", "aud": caller.client_id,
        });
        let token = self.key.token(&json!({"typ": "JWT"}), &claims);
        let form = [
            ("grant_type", EXCHANGE),
            ("client_id", caller.client_id.as_str()),
            ("authorization_details", &details(&caller.role, &caller.purpose)),
            ("subject_token", token.as_str()),
            ("subject_token_type", &kind_of("id_token")),
        ];
        let reply = send(wire.http.post(format!("{}/oauth2/token", wire.base)).form(&form)).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
        wire
    }

    /// The authority's privacy officer, in person.
    pub async fn officer(&self) -> wire::Wire {
        self.person("data_protection_officer_agency", &[], "officer").await
    }
}

/// Calls a route with a JSON body, or none where it is null.
pub async fn call(wire: &wire::Wire, method: &str, path: &str, body: &Value) -> wire::Reply {
    let request = wire.request(method, path);
    send(if body.is_null() { request } else { request.json(body) }).await
}

/// Waits until an involvement of a caller's is in a state.
pub async fn becomes(gate: &Wire, name: &str, number: u32, wanted: &str) {
    let is = async || crate::involvements::state(gate, name, number).await.as_deref() == Some(wanted);
    until(&format!("{number} becomes {wanted}"), Duration::from_secs(30), is).await;
}

/// A day's caseload, whole where it has a trailer.
pub async fn caseload(gate: &Wire, name: &str, claims: &[Value], trailer: Option<usize>) -> Answered {
    let mut body: String = claims.iter().flat_map(|claim| [claim.to_string(), "\n".to_owned()]).collect();
    if let Some(count) = trailer {
        let digest = schoolgate::crypto::to_hex(&schoolgate::crypto::sha256(&[body.as_bytes()]));
        body.push_str(&json!({"trailer": {"count": count, "digest": digest}}).to_string());
    }
    let headers = [("content-type", "application/x-ndjson")];
    let path = "/v1/involvements";
    gate.client(name).call(reqwest::Method::POST, path, &headers, body.into_bytes()).await.unwrap()
}
