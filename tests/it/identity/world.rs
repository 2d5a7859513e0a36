//! What the trials about tokens share: a gateway with a provider, and requests for tokens of every kind.

use crate::support::gate::TODAY;
use crate::support::provider::Provider;
use crate::support::signed::{TestKey, patch};
use crate::support::wire::{Reply, Wire, log, log_size, run, send};
use crate::support::{TestDb, TestGate};
use schoolgate::audit::{Class, Entry};
use schoolgate::clock::Clock;
use schoolgate::crypto::from_pem;
use schoolgate::demo::DemoCaller;
use serde_json::{Value, json};
use uuid::Uuid;

pub const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
pub const BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The tenant that is registered for the authority.
pub const TENANT: &str = "exampleshire";

/// What a `subject_token` is said to be.
pub fn kind_of(short: &str) -> String {
    format!("urn:ietf:params:oauth:token-type:{short}")
}

pub fn now() -> i64 {
    schoolgate::clock::Clock::machine().now().timestamp()
}

/// A gateway whose authority's people a provider proves.
pub struct World {
    pub gate: TestGate,
    pub provider: Provider,
    pub key: TestKey,
    pub issuer: String,
    pub audience: String,
}

impl World {
    /// Of a tenant of its own, beside which another organisation has another.
    pub async fn start(test: &TestDb) -> Self {
        Self::start_on(test, Clock::on(TODAY.parse().unwrap())).await
    }

    /// The same on a clock of the test's own.
    pub async fn start_on(test: &TestDb, clock: Clock) -> Self {
        const TENANTS: &str = "UPDATE identity_providers SET tenant = $1";
        const MOVED: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = TestKey::new("k1", "ES256");
        let provider = Provider::start(&[&key]).await;
        let gate = TestGate::with_provider_on(&test.url, clock, &provider).await;
        assert_eq!(run!(test.db, TENANTS, TENANT), 1);
        run!(test.db, MOVED);
        gate.demo.running.gate.directory().refresh(gate.demo.running.gate.db()).await.unwrap();
        let issuer = gate.demo.json.api.clone();
        let audience = format!("{issuer}/v1");
        Self { gate, provider, key, issuer, audience }
    }

    /// The system that most trials ask as.
    pub fn caller(&self) -> &DemoCaller {
        self.gate.caller("social_worker_cp")
    }

    pub fn wire(&self, caller: &DemoCaller) -> Wire {
        Wire::with_certificate(&self.gate, &caller.certificate)
    }

    /// The claims of a good token of a kind, for the social care system, with changes.
    pub fn claims(&self, kind: &str, change: &Value) -> Value {
        let client = self.caller().client_id.as_str();
        let mut claims = json!({
            "iss": self.provider.issuer, "sub": "sw-17", "tid": TENANT, "jti": Uuid::new_v4().to_string(),
            "iat": now(), "exp": now() + 600, "auth_time": now() - 60, "amr": ["pwd", "mfa"],
            "roles": ["social_worker"], "groups": ["child-protection"], "name": "Sam Worker",
        });
        let own = match kind {
            "id_token" => json!({"aud": client}),
            "id-jag" => json!({"aud": self.issuer, "client_id": client}),
            _ => json!({"aud": self.audience}),
        };
        patch(&mut claims, &own);
        patch(&mut claims, change);
        claims
    }

    /// A good token of a kind with changes to header and claims.
    pub fn subject(&self, kind: &str, header: &Value, change: &Value) -> String {
        let mut whole = match kind {
            "id-jag" => json!({"typ": "oauth-id-jag+jwt"}),
            "access_token" => json!({"typ": "at+jwt"}),
            _ => json!({"typ": "JWT"}),
        };
        whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        self.key.token(&whole, &self.claims(kind, change))
    }

    /// Asks for a person's token, with parameters added; one without a value is taken away.
    pub async fn exchange(&self, wire: &Wire, form: &[(&str, &str)]) -> Reply {
        let caller = self.caller();
        let details = details("social_worker", "child_protection");
        let base = [
            ("grant_type", EXCHANGE),
            ("client_id", caller.client_id.as_str()),
            ("authorization_details", details.as_str()),
        ];
        let kept = base.iter().filter(|(name, _)| form.iter().all(|(other, _)| other != name));
        let whole: Vec<(&str, &str)> =
            kept.chain(form.iter()).filter(|(_, value)| !value.is_empty()).copied().collect();
        send(wire.http.post(format!("{}/oauth2/token", wire.base)).form(&whole)).await
    }

    /// Exchanges a token of a kind as the social care system.
    pub async fn given(&self, wire: &Wire, kind: &str, token: &str) -> Reply {
        let kind = kind_of(kind);
        self.exchange(wire, &[("subject_token", token), ("subject_token_type", &kind)]).await
    }

    /// A connection of the social care system with a token for a person of these teams.
    pub async fn person(&self, teams: &[&str], subject: &str) -> Wire {
        let mut wire = self.wire(self.caller());
        let token = self.subject("id_token", &json!({}), &json!({"groups": teams, "sub": subject}));
        let reply = self.given(&wire, "id_token", &token).await;
        assert_eq!(reply.status, 200, "{}", reply.json());
        reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
        wire
    }

    /// The authority of the gateway's own certificates, which vouches for no provider.
    pub fn foreign_authority(&self) -> Vec<u8> {
        std::fs::read(self.gate.demo.dir.join(&self.gate.demo.json.ca)).unwrap()
    }

    /// The private key of a demonstration's system, which signs its assertions, with its registered name.
    pub fn system_key(&self, caller: &DemoCaller) -> TestKey {
        let pem = std::fs::read(self.gate.demo.dir.join(&caller.key)).unwrap();
        let directory = self.gate.demo.running.gate.directory().current();
        let system = directory.system_by_client_id(&caller.client_id).unwrap();
        let kid = directory.proofs.keys[&system.id][0].kid.clone();
        TestKey::of_pkcs8(&kid, &from_pem(&pem).unwrap())
    }
}

/// `authorization_details` for a role and a purpose.
pub fn details(role: &str, purpose: &str) -> String {
    json!([{"type": "schoolgate", "role": role, "purpose": purpose}]).to_string()
}

/// Waits for the answer to a request for a token, which is sent only now, and holds it to a status, an error and the reason in its one entry.
pub async fn refused(
    test: &TestDb,
    what: &str,
    (status, error, reason): (u16, &str, &str),
    ask: impl Future<Output = Reply>,
) -> Entry {
    let from = log_size(&test.db).await;
    let reply = ask.await;
    let body = reply.json();
    assert_eq!((reply.status, body["error"].as_str()), (status, Some(error)), "{what}: {body}");
    assert!(body.get("access_token").is_none(), "{what}");
    assert!(body["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{what}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
    let challenge = reply.header("www-authenticate");
    assert_eq!(challenge.is_some(), status == 401, "{what}: {challenge:?}");
    assert!(
        challenge.is_none_or(|text| text.contains(&format!("error=\"{error}\""))),
        "{what}: {challenge:?}"
    );
    // What a gateway does of its own accord, as at its start, has entries too.
    let mut entries = log(&test.db, from).await;
    entries.retain(|item| item.entry.class == Class::Access);
    assert_eq!(entries.len(), 1, "{what}: one request, one entry");
    let entry = entries.into_iter().next().unwrap().entry;
    assert_eq!(entry.reason.as_deref(), Some(reason), "{what}");
    entry
}
