//! A system of the demonstration's directory, calling the gateway as any partner's system would.

use crate::demo::DemoCaller;
use anyhow::{Context as _, Result, bail};
use reqwest::{Certificate, Identity, Method};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A caller with its certificate; asks for its tokens itself.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    id: String,
    role: String,
    purpose: String,
    held: Arc<Mutex<Option<(String, Instant)>>>,
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answered {
    /// HTTP status.
    pub status: u16,
    /// `Audit-Receipt`, where there is one.
    pub receipt: Option<String>,
    /// The body; null where it is not JSON.
    pub body: Value,
    /// The body's bytes.
    pub bytes: Vec<u8>,
}

/// Longest wait for an answer of the demonstration's own gateway.
const WAIT: Duration = Duration::from_mins(2);
/// How long a token is kept; it lives five minutes.
const KEEP: Duration = Duration::from_mins(4);

impl Client {
    /// A client of a sample caller; paths of the caller are relative to `dir`.
    pub fn new(caller: &DemoCaller, dir: &Path, base: &str) -> Result<Self> {
        let read =
            |path: &str| std::fs::read(dir.join(path)).with_context(|| format!("cannot read `{path}`"));
        let mut identity = read(&caller.certificate)?;
        identity.extend(read(&caller.key)?);
        let http = reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(&read(crate::demo::pki::CA)?)?])
            .identity(Identity::from_pem(&identity)?)
            .timeout(WAIT)
            .build()?;
        Ok(Self {
            http,
            base: base.to_owned(),
            id: caller.client_id.clone(),
            role: caller.role.clone(),
            purpose: caller.purpose.clone(),
            held: Arc::default(),
        })
    }

    /// Asks for an access token for the caller's role and purpose.
    pub async fn token(&self) -> Result<String> {
        let details = json!([{"type": "schoolgate", "role": self.role, "purpose": self.purpose}]).to_string();
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.id),
            ("authorization_details", &details),
        ];
        let answer: Value =
            self.http.post(format!("{}/oauth2/token", self.base)).form(&form).send().await?.json().await?;
        let token = answer.get("access_token").and_then(Value::as_str);
        token.map(ToOwned::to_owned).with_context(|| format!("no token: {answer}"))
    }

    /// The token at hand while it is good, else a new one.
    async fn held_token(&self) -> Result<String> {
        let mut held = self.held.lock().await;
        if let Some((token, since)) = &*held
            && since.elapsed() < KEEP
        {
            return Ok(token.clone());
        }
        let token = self.token().await?;
        *held = Some((token.clone(), Instant::now()));
        Ok(token)
    }

    /// Calls a path with a good token.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answered> {
        self.call_with(&self.held_token().await?, method, path, headers, body).await
    }

    /// Calls a path with a token that is at hand.
    pub async fn call_with(
        &self,
        token: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Answered> {
        let mut request =
            self.http.request(method, format!("{}{path}", self.base)).bearer_auth(token).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let receipt =
            answer.headers().get("audit-receipt").and_then(|v| v.to_str().ok()).map(ToOwned::to_owned);
        let bytes = answer.bytes().await?.to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Ok(Answered { status, receipt, body, bytes })
    }

    /// Sends a CSV file and holds the report to having no rejected row.
    pub async fn send_file(&self, method: Method, path: &str, file: &Path) -> Result<Value> {
        let bytes = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
        let answer = self.call(method, path, &[("content-type", "text/csv")], bytes).await?;
        if answer.status != 200 || answer.body.get("rejected") != Some(&json!(0)) {
            let text = String::from_utf8_lossy(&answer.bytes).chars().take(600).collect::<String>();
            bail!("{path} was not taken whole: {} {text}", answer.status);
        }
        Ok(answer.body)
    }

    /// Finds a child by UPN: the caller's own handle, or none.
    pub async fn find(&self, upn: &str) -> Result<Option<String>> {
        let body = json!({"upn": upn}).to_string().into_bytes();
        let answer =
            self.call(Method::POST, "/v1/pupils/find", &[("content-type", "application/json")], body).await?;
        Ok(answer.body.get("pupil_id").and_then(Value::as_str).map(ToOwned::to_owned))
    }
}
