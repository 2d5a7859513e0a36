//! Requests as they go over the wire: every header and byte of an answer, connections that no good client makes, and
//! the log as it lies in the database.

use super::TestGate;
use http::HeaderMap;
use reqwest::{Certificate, Identity, Method, RequestBuilder};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use schoolgate::audit::{Class, Entry, Receipt, leaf_hash};
use schoolgate::demo::{Authority, DemoCaller, Options, pki};
use schoolgate::store::Db;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Runs one statement on either database, outside the gateway.
macro_rules! run {
    ($db:expr, $sql:expr $(, $value:expr)*) => {
        match &$db {
            // As the gateway begins its own: another pool on the file is waited for there, and only there.
            db @ schoolgate::store::Db::Sqlite { .. } => {
                let mut tx = db.begin().await.unwrap();
                let schoolgate::store::Tx::Sqlite(open) = &mut tx else { panic!("a transaction of its own database") };
                let done = sqlx::query($sql)$(.bind($value))*.execute(&mut **open).await.unwrap().rows_affected();
                tx.commit().await.unwrap();
                done
            }
            schoolgate::store::Db::Postgres(pool) => {
                sqlx::query($sql)$(.bind($value))*.execute(pool).await.unwrap().rows_affected()
            }
        }
    };
}
pub(crate) use run;

/// Asks one statement on either database, outside the gateway.
macro_rules! ask {
    ($db:expr, $query:expr, $fetch:ident) => {
        match $db {
            Db::Sqlite { read, .. } => $query.$fetch(read).await.unwrap(),
            Db::Postgres(pool) => $query.$fetch(pool).await.unwrap(),
        }
    };
}

/// Makes running gateways read the directory again.
pub const MOVED: &str = "UPDATE directory_version SET version = version + 1 WHERE id = 1";

/// An answer with all its headers.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Reply {
    /// The body; null where it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or(Value::Null)
    }

    /// A header's text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The receipt, where there is one.
    pub fn receipt(&self) -> Option<Receipt> {
        self.header("audit-receipt").map(|text| text.parse().unwrap())
    }

    /// The last part of a problem document's type.
    pub fn problem(&self) -> String {
        let body = self.json();
        body["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned()
    }
}

/// A certificate, and the token that was asked for with it.
#[derive(Clone, Debug)]
pub struct Wire {
    pub http: reqwest::Client,
    pub base: String,
    pub token: String,
}

impl Wire {
    /// A caller with its own certificate and its own token.
    pub async fn of(gate: &TestGate, name: &str) -> Self {
        let caller = gate.caller(name);
        let mut wire = Self::with_certificate(gate, &caller.certificate);
        let reply = wire.ask_token(&caller.client_id, &caller.role, &caller.purpose).await;
        reply.json()["access_token"].as_str().unwrap().clone_into(&mut wire.token);
        wire
    }

    /// A certificate of the demonstration's folder, and no token.
    pub fn with_certificate(gate: &TestGate, certificate: &str) -> Self {
        let read = |path: &str| std::fs::read(gate.demo.dir.join(path)).unwrap();
        let mut identity = read(certificate);
        identity.extend(read(&certificate.replace(".pem", ".key")));
        let http = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(&read(pki::CA)).unwrap()])
            .identity(Identity::from_pem(&identity).unwrap())
            .timeout(Duration::from_mins(1))
            .build()
            .unwrap();
        Self { http, base: gate.demo.json.api.clone(), token: String::new() }
    }

    /// Asks for a token, whatever comes.
    pub async fn ask_token(&self, client_id: &str, role: &str, purpose: &str) -> Reply {
        let details = json!([{"type": "schoolgate", "role": role, "purpose": purpose}]).to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("authorization_details", &details),
        ];
        send(self.http.post(format!("{}/oauth2/token", self.base)).form(&form)).await
    }

    /// A request without a token.
    pub fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), format!("{}{path}", self.base))
    }

    /// A request with the caller's token.
    pub fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.token)
    }

    /// The answer to a summary asked with a case reference.
    pub async fn summary(&self, handle: &str, case_reference: Option<&str>) -> Reply {
        let request = self.request("GET", &format!("/v1/pupils/{handle}/attendance-summary"));
        send(match case_reference {
            Some(reference) => request.header("case-reference", reference),
            None => request,
        })
        .await
    }
}

/// Sends, and reads the answer whole.
pub async fn send(request: RequestBuilder) -> Reply {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    Reply { status, headers, bytes: answer.bytes().await.unwrap().to_vec() }
}

/// TLS of a client with a certificate and key, PEM, or none; speaks HTTP/1.1.
pub fn tls(
    gate: &TestGate,
    identity: Option<(&[u8], &[u8])>,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(gate.demo.dir.join(pki::CA)).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(certificate).unwrap()],
                PrivateKeyDer::from_pem_slice(key).unwrap(),
            )
            .unwrap(),
    }
}

/// TLS of a caller of the demonstration.
pub fn tls_of(gate: &TestGate, caller: &DemoCaller) -> ClientConfig {
    let read = |path: &str| std::fs::read(gate.demo.dir.join(path)).unwrap();
    tls(gate, Some((&read(&caller.certificate), &read(&caller.key))), &rustls::version::TLS13)
}

/// A connection on which every byte is the test's own; nothing where the client itself sees the refusal.
pub async fn connect(gate: &TestGate, config: ClientConfig) -> Option<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(gate.demo.running.api).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
}

/// Whether a connection is refused before it is given a byte of an answer.
pub async fn is_refused(gate: &TestGate, config: ClientConfig) -> bool {
    let Some(mut stream) = connect(gate, config).await else { return true };
    let request = b"GET /openapi.json HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
    let mut answer = Vec::new();
    let _ = stream.write_all(request).await;
    // A TLS 1.3 client has shaken hands before the server has looked at its certificate: the alert comes here.
    let _ = stream.read_to_end(&mut answer).await;
    answer.is_empty()
}

/// Waits until a condition holds; fails after the limit.
pub async fn until<F: Future<Output = bool>>(what: &str, limit: Duration, condition: impl Fn() -> F) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    let waited = tokio::time::timeout(limit, async {
        while !condition().await {
            ticks.tick().await;
        }
    });
    assert!(waited.await.is_ok(), "not within {limit:?}: {what}");
}

/// Waits until a change is seen, and fails where a question that is asked later than a second after `since` is still answered
/// as before it; one that was asked earlier may take its time. A machine that wakes the test late wakes the gateway late, and
/// has so much longer.
pub async fn within_a_second<F: Future<Output = bool>>(
    what: &str,
    since: Instant,
    condition: impl Fn() -> F,
) {
    const TICK: Duration = Duration::from_millis(20);
    let mut late = Duration::ZERO;
    loop {
        let asked = since.elapsed();
        if condition().await {
            return;
        }
        let most = Duration::from_secs(1) + late;
        assert!(asked <= most, "{what}: asked {asked:?} after and answered as before, {late:?} late at most");
        let begun = Instant::now();
        // Between two looks at what is waited for.
        tokio::time::sleep(TICK).await;
        late = late.max(begun.elapsed().saturating_sub(TICK));
    }
}

/// A row of the log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub index: u64,
    pub entry: Entry,
    pub bytes: Vec<u8>,
    pub leaf: [u8; 32],
}

/// The log from an index on, as it lies in the database.
pub async fn log(db: &Db, from: u64) -> Vec<Logged> {
    const ALL: &str = "SELECT idx, entry, leaf FROM audit_entries WHERE idx >= $1 ORDER BY idx";
    let from = i64::try_from(from).unwrap();
    let rows: Vec<(i64, Vec<u8>, Vec<u8>)> = ask!(db, sqlx::query_as(ALL).bind(from), fetch_all);
    rows.into_iter()
        .map(|(index, bytes, leaf)| {
            let leaf = leaf.try_into().unwrap();
            assert_eq!(leaf_hash(&bytes), leaf);
            Logged {
                index: index.try_into().unwrap(),
                entry: Entry::from_bytes(&bytes).unwrap(),
                bytes,
                leaf,
            }
        })
        .collect()
}

/// Entries in the log now.
pub async fn log_size(db: &Db) -> u64 {
    let size: i64 = ask!(db, sqlx::query_scalar("SELECT COUNT(*) FROM audit_entries"), fetch_one);
    size.try_into().unwrap()
}

/// The entry that a reply's receipt names.
pub async fn entry_of(db: &Db, reply: &Reply) -> Entry {
    let receipt = reply.receipt().unwrap();
    let logged = log(db, receipt.index).await.into_iter().next().unwrap();
    assert_eq!((logged.index, logged.leaf), (receipt.index, receipt.leaf));
    logged.entry
}

/// How many events of a class the entries stand for.
pub fn events(entries: &[Logged], class: Class) -> u64 {
    entries.iter().filter(|l| l.entry.class == class).map(|l| l.entry.count.unwrap_or(1)).sum()
}

/// What must stand in no header, entry or log line: UPNs, dates of birth and surnames of the demonstration's children.
pub struct Personal {
    texts: Vec<String>,
    surnames: BTreeSet<String>,
}

impl Personal {
    /// Of the same authority as the gateway under test.
    pub fn new() -> Self {
        let today = super::gate::TODAY.parse().unwrap();
        let authority = Authority::generate(Options { schools: 2, pupils: 130, ..Options::new(1, today) });
        let children: Vec<_> =
            authority.schools.iter().flat_map(|s| &s.enrolments).map(|e| e.child.clone()).collect();
        assert!(children.len() >= 130);
        let all = Self {
            texts: children.iter().flat_map(|c| [c.upn.clone(), c.date_of_birth.to_string()]).collect(),
            surnames: children.iter().map(|c| c.surname.clone()).collect(),
        };
        // The search itself can find each of them.
        for child in &children {
            assert!(all.found_in(&format!("x={},y", child.upn)).is_some());
            assert!(all.found_in(&format!("\"{}\"", child.surname)).is_some(), "{}", child.surname);
        }
        all
    }

    /// The first one that stands in a text: a UPN or date anywhere, a surname as a word.
    pub fn found_in(&self, text: &str) -> Option<String> {
        let whole = self.texts.iter().find(|t| text.contains(t.as_str())).cloned();
        let mut words = text.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '-');
        whole.or_else(|| words.find(|word| self.surnames.contains(*word)).map(ToOwned::to_owned))
    }
}

/// Gives every system a handle for every child, which no request could: what is refused must not rest on it.
pub async fn handles_for_all(db: &Db) {
    const SQLITE: &str = "INSERT INTO handles (system_id, organisation_id, handle, pupil_id, issued_at) \
         SELECT s.id, s.organisation_id, randomblob(16), p.id, '2026-11-20T18:00:00Z' FROM systems s CROSS JOIN pupils p \
         WHERE NOT EXISTS (SELECT 1 FROM handles h WHERE h.system_id = s.id AND h.pupil_id = p.id AND h.retired_at IS NULL)";
    const POSTGRES: &str = "INSERT INTO handles (system_id, organisation_id, handle, pupil_id, issued_at) \
         SELECT s.id, s.organisation_id, uuid_send(gen_random_uuid()), p.id, now() FROM systems s CROSS JOIN pupils p \
         WHERE NOT EXISTS (SELECT 1 FROM handles h WHERE h.system_id = s.id AND h.pupil_id = p.id AND h.retired_at IS NULL)";
    let text = match db {
        Db::Sqlite { .. } => SQLITE,
        Db::Postgres(_) => POSTGRES,
    };
    assert!(run!(db, text) > 1_000);
}
