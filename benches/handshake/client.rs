//! Whoever asks: one connection after another, each with a full handshake and one request, in a process of its own, so that
//! what it costs is not counted as the gateway's.

use anyhow::{Context as _, Result, ensure};
use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, SupportedKxGroup};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// The word that makes a process of this program a client.
pub const WORD: &str = "--client";

/// What is asked, of whom and how.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Question {
    /// The server.
    pub address: SocketAddr,
    /// The request's path.
    pub path: String,
    /// Sent as a bearer token.
    pub token: Option<String>,
    /// The one way to agree on keys that is offered.
    pub group: String,
    /// Connections at a time.
    pub connections: u32,
    /// For so long.
    pub seconds: u64,
    /// Authority, certificate and key, PEM files.
    pub files: [PathBuf; 3],
}

/// What came of it.
#[derive(Debug, Deserialize, Serialize)]
pub struct Found {
    /// Connections that were opened, and answered with 200; any other answer ends the run.
    pub handshakes: u32,
    /// From the first to the last of them, seconds.
    pub seconds: f64,
    /// From connecting to the whole answer, the half of them, milliseconds.
    pub p50: f64,
    /// The same of all but one in a hundred.
    pub p99: f64,
}

/// Ways to agree on keys that this build has, by the names that rustls gives them.
pub fn groups() -> Vec<&'static dyn SupportedKxGroup> {
    let all: &[&'static dyn SupportedKxGroup] = &[
        rustls::crypto::ring::kx_group::X25519,
        #[cfg(feature = "pq")]
        rustls::crypto::aws_lc_rs::kx_group::X25519MLKEM768,
    ];
    all.to_vec()
}

/// The name of a way to agree on keys.
pub fn name(group: &dyn SupportedKxGroup) -> String {
    format!("{:?}", group.name())
}

impl Question {
    /// Has a process of its own ask.
    pub fn asked(&self) -> Result<Found> {
        let program = std::env::current_exe()?;
        let mut client =
            Command::new(program).arg(WORD).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = client.stdin.take().context("the client's input")?;
        serde_json::to_writer(input, self)?;
        let output = client.wait_with_output()?;
        ensure!(output.status.success(), "{} over {} could not be asked", self.path, self.group);
        serde_json::from_slice(&output.stdout).context("what the client found")
    }

    fn connector(&self) -> Result<TlsConnector> {
        let [ca, certificate, key] = &self.files;
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca)?)?;
        let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<Vec<_>, _>>()?;
        let group = groups().into_iter().find(|group| name(*group) == self.group);
        let group = group.with_context(|| format!("this build has no {}", self.group))?;
        // The client's own, with the one group: what it offers is what is measured.
        let provider = CryptoProvider { kx_groups: vec![group], ..rustls::crypto::ring::default_provider() };
        let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?;
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// One connection, from its first packet to the end of its answer.
    async fn once(&self, connector: &TlsConnector) -> Result<Duration> {
        let started = Instant::now();
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let mut stream = connector.connect(ServerName::from(self.address.ip()), stream).await?;
        let group = stream.get_ref().1.negotiated_key_exchange_group().context("no group")?;
        ensure!(name(group) == self.group, "{} was agreed on", name(group));
        let bearer =
            self.token.as_ref().map_or_else(String::new, |t| format!("authorization: Bearer {t}\r\n"));
        let (path, host) = (&self.path, self.address);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{bearer}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // A server that closes without a word has answered all the same.
        let _ = stream.read_to_end(&mut answer).await;
        let first = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
        ensure!(first == b"HTTP/1.1 200 OK", "answered `{}`", String::from_utf8_lossy(first));
        Ok(started.elapsed())
    }
}

/// The client's own process: reads the question, asks, and prints what it found.
pub fn run() -> Result<Found> {
    let question: Arc<Question> = Arc::new(serde_json::from_reader(std::io::stdin())?);
    let connector = question.connector()?;
    Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let started = Instant::now();
        let until = started + Duration::from_secs(question.seconds);
        let mut asking = JoinSet::new();
        for _ in 0..question.connections {
            let (question, connector) = (Arc::clone(&question), connector.clone());
            asking.spawn(async move {
                let mut taken = Vec::new();
                while Instant::now() < until {
                    taken.push(question.once(&connector).await?);
                }
                anyhow::Ok(taken)
            });
        }
        let mut taken = Vec::new();
        while let Some(part) = asking.join_next().await {
            taken.extend(part??);
        }
        let seconds = started.elapsed().as_secs_f64();
        taken.sort_unstable();
        let at = |part: usize| taken.get(taken.len() * part / 100).map_or(0.0, |t| t.as_secs_f64() * 1e3);
        Ok(Found { handshakes: u32::try_from(taken.len())?, seconds, p50: at(50), p99: at(99) })
    })
}
