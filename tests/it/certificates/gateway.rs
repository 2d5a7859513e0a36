//! A gateway with authorities of the test's own, and a directory of a council, a supplier, a health provider and a school.

use super::making::{Authority, Client, RIGHT, root};
use crate::support::wire::{Reply, log};
use http::HeaderMap;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, SanType};
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use schoolgate::app::{self, Running};
use schoolgate::audit::{Class, Entry};
use schoolgate::clock::Clock;
use schoolgate::config::{Config, sample};
use schoolgate::crypto::{Ed25519Key, Keyring, ed25519_public_to_pem, sha256, to_hex, write_private};
use schoolgate::directory::changes::{Missing, Signer};
use schoolgate::directory::{CertificateEntry, DirectoryFile, MandateEntry, OrganisationEntry, SystemEntry};
use schoolgate::operators;
use schoolgate::store::Db;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use uuid::Uuid;

/// The gateway's own day.
const TODAY: &str = "2026-11-20";
/// The origin of its log.
const ORIGIN: &str = "gate.test/log";
/// The school's number.
pub const URN: &str = "100000";
/// Asked without a token: whoever is let in by certificate is told that it is missing.
const ASK: &[u8] = b"GET /v1/involvements/report HTTP/1.1\r\nhost: localhost\r\n\r\n";

/// A gateway under test, and its files.
pub struct Gateway {
    pub running: Running,
    pub db: Db,
    pub folder: TempDir,
    server: Authority,
    operators: [Ed25519Key; 2],
}

/// A system of the directory.
pub fn system(organisation: &str, code: &str, roles: &[&str], scopes: &[&str]) -> SystemEntry {
    SystemEntry {
        organisation: organisation.to_owned(),
        code: code.to_owned(),
        client_id: format!("{organisation}.{code}"),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        ..SystemEntry::default()
    }
}

/// A certificate as it is registered, for a day from an hour ago.
pub fn entry(client: &Client) -> CertificateEntry {
    let der = &client.chain[0];
    let key = super::making::elements(&client.tbs())[6].clone();
    let now = Clock::machine().now();
    CertificateEntry {
        thumbprint: to_hex(&sha256(&[der])),
        key_digest: to_hex(&sha256(&[&super::making::tlv(key.0, &key.1)])),
        valid_from: now - chrono::TimeDelta::hours(1),
        valid_until: now + chrono::TimeDelta::days(1),
        by_system: false,
    }
}

/// The directory, with these systems; those of a supplier hold mandates for the school.
pub fn directory(systems: Vec<SystemEntry>) -> DirectoryFile {
    let organisation = |code: &str, kind: &str| OrganisationEntry {
        code: code.to_owned(),
        kind: kind.to_owned(),
        name: code.to_owned(),
        ..OrganisationEntry::default()
    };
    let school = OrganisationEntry {
        urn: Some(URN.to_owned()),
        laestab: Some("9994001".to_owned()),
        phase: Some("primary".to_owned()),
        returns_to: Some("council".to_owned()),
        ..organisation("school", "school")
    };
    let council =
        OrganisationEntry { la_code: Some("999".to_owned()), ..organisation("council", "local_authority") };
    let day = |text: &str| text.parse().unwrap();
    let mandates = systems.iter().filter(|s| s.organisation == "supplier").map(|s| MandateEntry {
        client_id: s.client_id.clone(),
        school: "school".to_owned(),
        scopes: vec!["registers".to_owned()],
        sections: Vec::new(),
        valid_from: day("2026-09-01"),
        valid_until: day("2027-08-31"),
    });
    DirectoryFile {
        mandates: mandates.collect(),
        organisations: vec![
            council,
            organisation("supplier", "vendor"),
            organisation("health", "health_provider"),
            school,
        ],
        systems,
        ..DirectoryFile::default()
    }
}

impl Gateway {
    /// Starts one on a migrated database, with these authorities and lists in PEM and whatever else is changed.
    pub async fn start(
        url: &str,
        authorities: &str,
        lists: Option<&str>,
        change: impl FnOnce(&mut Config),
    ) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir(path("certs")).unwrap();
        let server = root("the gateway's own");
        let (certificate, key) = server_pair(&server);
        std::fs::write(path("certs/server.pem"), certificate).unwrap();
        write_private(&path("certs/server.key"), key.as_bytes()).unwrap();
        std::fs::write(path("certs/client-authorities.pem"), authorities).unwrap();
        if !path("keys").exists() {
            Keyring::make(&path("keys")).unwrap();
        }
        std::fs::create_dir(path("operators")).unwrap();
        let operators = ["1", "2"].map(|name| {
            let key = Ed25519Key::generate().unwrap();
            let pem = ed25519_public_to_pem(&key.public());
            std::fs::write(path("operators").join(format!("{name}.pub")), pem).unwrap();
            key
        });
        let text = sample(ORIGIN)
            .replace("sqlite:schoolgate.db", url)
            .replace("[listeners]", "[listeners]\napi = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"");
        std::fs::write(path("schoolgate.toml"), text).unwrap();
        let mut config = Config::load(&path("schoolgate.toml")).unwrap();
        if let Some(lists) = lists {
            std::fs::write(path("certs/lists.pem"), lists).unwrap();
            config.files.revocation_lists = vec![path("certs/lists.pem")];
        }
        // What is under load here is not an organisation's share.
        config.limits.organisation_requests_per_minute = 60_000_000;
        change(&mut config);
        let running = app::start(&config, Clock::on(TODAY.parse().unwrap())).await.unwrap();
        let db = running.gate.db().clone();
        Self { running, db, folder, server, operators }
    }

    /// Writes one of its files in one step, as an operator's job does.
    pub fn write(&self, name: &str, text: &str) {
        let (new, path) = (self.folder.path().join("new"), self.folder.path().join("certs").join(name));
        std::fs::write(&new, text).unwrap();
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(new, path).unwrap();
    }

    /// Makes the directory know these systems.
    pub async fn register(&self, systems: Vec<SystemEntry>) {
        let (gate, [first, second]) = (&self.running.gate, &self.operators);
        let edits = operators::planned(gate, &directory(systems), Missing::Stand).unwrap();
        let (directory, now) = (gate.directory().current(), gate.clock().now());
        let signer = |key| Signer::new(&directory, key, ORIGIN, now).unwrap();
        let proposed = signer(first).change(Uuid::now_v7(), edits);
        let waiting = operators::propose(gate, ORIGIN, &proposed).await.unwrap();
        let approved = signer(second).decision(waiting.change, &proposed.bytes, true);
        operators::decide(gate, ORIGIN, &approved).await.unwrap();
        gate.directory().refresh(gate.db()).await.unwrap();
    }

    /// What a client trusts.
    pub fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.server.der().clone()).unwrap();
        roots
    }

    /// The authority of its own certificate.
    pub fn server_authority(&self) -> &Authority {
        &self.server
    }

    /// An HTTP client with this certificate.
    pub fn http(&self, client: &Client) -> Http {
        let config = tls(self.roots(), Some(client), &rustls::version::TLS13);
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(config)
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Http {
            client: http,
            base: format!("https://127.0.0.1:{}", self.running.api.port()),
            token: String::new(),
        }
    }

    /// The text of `/metrics`, or the status of another path of the admin listener.
    pub async fn admin(&self, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.running.admin);
        let answer = reqwest::Client::builder().no_proxy().build().unwrap().get(url).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What comes of a connection from a network of its own: 127.0.N.0/24.
    pub async fn outcome(
        &self,
        network: u8,
        client: Option<&Client>,
        version: &'static SupportedProtocolVersion,
    ) -> Outcome {
        let config = tls(self.roots(), client, version);
        let answer = match connect_from(self.running.api, network, config).await {
            Some(mut stream) => ask(&mut stream).await.unwrap_or_default(),
            None => String::new(),
        };
        let network = format!("127.0.{network}.0/24");
        if answer.is_empty() {
            return Outcome::Refused(self.refused(&network).await);
        }
        let receipt = answer.lines().find_map(|line| line.strip_prefix("audit-receipt: ")).unwrap();
        let index = receipt.parse::<schoolgate::audit::Receipt>().unwrap().index;
        let entry = log(&self.db, index).await.remove(0).entry;
        Outcome::Answered(answer[9..12].parse().unwrap(), entry.reason.unwrap_or_default())
    }

    /// The word under which a refused handshake of a network was recorded.
    async fn refused(&self, network: &str) -> String {
        for _ in 0..500 {
            if let Some(entry) = self.refusals(network).await.pop() {
                return entry.reason.unwrap_or_default();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("no entry of a refusal from {network}");
    }

    /// Every refused handshake of a network.
    pub async fn refusals(&self, network: &str) -> Vec<Entry> {
        let entries = log(&self.db, 0).await.into_iter().map(|logged| logged.entry);
        entries
            .filter(|e| e.class == Class::HandshakeRefused && e.network.as_deref() == Some(network))
            .collect()
    }

    /// Stops it.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// What a client meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No byte of an answer, and the word of the entry.
    Refused(String),
    /// An answer's status, and the reason in its entry.
    Answered(u16, String),
}

/// A server's certificate and key, PEM.
pub fn server_pair(authority: &Authority) -> (String, String) {
    let mut params = CertificateParams::default();
    params.subject_alt_names =
        vec![SanType::DnsName("localhost".try_into().unwrap()), SanType::IpAddress([127, 0, 0, 1].into())];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

/// Shows one certificate, whatever is asked for.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// TLS of a client.
pub fn tls(
    roots: RootCertStore,
    client: Option<&Client>,
    version: &'static SupportedProtocolVersion,
) -> ClientConfig {
    let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots);
    match client {
        None => builder.with_no_client_auth(),
        Some(client) => builder.with_client_cert_resolver(Arc::new(Shows(Arc::new(client.certified())))),
    }
}

/// A connection from 127.0.N.1; nothing where the client itself sees the refusal.
pub async fn connect_from(to: SocketAddr, network: u8, config: ClientConfig) -> Option<TlsStream<TcpStream>> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, network, 1], 0))).unwrap();
    let stream = socket.connect(to).await.unwrap();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()
}

/// Asks on an open connection, without a token; nothing where it ends instead of an answer.
pub async fn ask(stream: &mut TlsStream<TcpStream>) -> Option<String> {
    stream.write_all(ASK).await.ok()?;
    let mut answer = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let read =
            tokio::time::timeout(Duration::from_secs(10), stream.read(&mut piece)).await.unwrap().ok()?;
        answer.extend(piece.get(..read).filter(|piece| !piece.is_empty())?);
        let text = String::from_utf8_lossy(&answer).into_owned();
        if text.ends_with('}') {
            return Some(text);
        }
    }
}

/// An HTTP client with a certificate and, once asked for, a token.
#[derive(Clone, Debug)]
pub struct Http {
    pub client: reqwest::Client,
    pub base: String,
    pub token: String,
}

impl Http {
    /// Asks for a token and keeps it; the status.
    pub async fn authorise(&mut self, client_id: &str, role: &str, purpose: &str) -> u16 {
        let details =
            serde_json::json!([{"type": "schoolgate", "role": role, "purpose": purpose}]).to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", client_id),
            ("authorization_details", &details),
        ];
        let answer =
            self.client.post(format!("{}/oauth2/token", self.base)).form(&form).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: serde_json::Value = answer.json().await.unwrap_or_default();
        body["access_token"].as_str().unwrap_or_default().clone_into(&mut self.token);
        status
    }

    /// A request with the token; nothing where the connection is refused.
    pub async fn ask(&self, method: &str, path: &str, body: Option<&serde_json::Value>) -> Option<Reply> {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let (status, headers): (u16, HeaderMap) = (answer.status().as_u16(), answer.headers().clone());
        Some(Reply { status, headers, bytes: answer.bytes().await.ok()?.to_vec() })
    }
}

/// The system that is right in every test.
pub fn right(client: &Client) -> SystemEntry {
    assert!(RIGHT.ends_with("org:council:system:cases"));
    SystemEntry {
        certificates: vec![entry(client)],
        ..system("council", "cases", &["social_worker"], &["summaries", "involvements"])
    }
}
