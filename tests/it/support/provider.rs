//! A real identity provider for tests, on this machine: HTTPS with an authority of its own, a discovery document for each
//! issuer, and keys that a test can change while it runs.

use super::signed::TestKey;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// What the provider says, for the test to change.
#[derive(Default)]
struct Said {
    keys: Mutex<Vec<Value>>,
    fetched: AtomicUsize,
    is_out: AtomicBool,
}

/// A provider that answers until it is dropped.
pub struct Provider {
    /// Its address, which is its issuer; with a path behind it, another issuer of the same keys.
    pub issuer: String,
    /// The authority of its certificate, PEM.
    pub authority: PathBuf,
    said: Arc<Said>,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Provider {
    /// Starts one that publishes these keys.
    pub async fn start(keys: &[&TestKey]) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        let authority = Issuer::new(params, key);
        let mut leaf = CertificateParams::default();
        leaf.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
        let key = KeyPair::generate().unwrap();
        let certificate = leaf.signed_by(&key, &authority).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("provider-ca.pem");
        std::fs::write(&path, pem).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let tls = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("https://{}", listener.local_addr().unwrap());
        let said = Arc::new(Said::default());
        let serving = tokio::spawn(serve(
            listener,
            TlsAcceptor::from(Arc::new(tls)),
            issuer.clone(),
            Arc::clone(&said),
        ));
        let provider = Self { issuer, authority: path, said, serving, _folder: folder };
        provider.publish(keys);
        provider
    }

    /// Publishes these keys from now on.
    pub fn publish(&self, keys: &[&TestKey]) {
        self.publish_as(&keys.iter().map(|key| key.jwk()).collect::<Vec<_>>());
    }

    /// Publishes keys as they are written.
    pub fn publish_as(&self, keys: &[Value]) {
        *self.said.keys.lock().unwrap() = keys.to_vec();
    }

    /// How often its keys were fetched.
    pub fn fetched(&self) -> usize {
        self.said.fetched.load(Ordering::SeqCst)
    }

    /// Has it answer every request with 503, or no longer.
    pub fn be_out(&self, out: bool) {
        self.said.is_out.store(out, Ordering::SeqCst);
    }
}

async fn serve(listener: TcpListener, tls: TlsAcceptor, issuer: String, said: Arc<Said>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let (tls, issuer, said) = (tls.clone(), issuer.clone(), Arc::clone(&said));
        tokio::spawn(async move {
            let Ok(stream) = tls.accept(stream).await else { return };
            let service = service_fn(move |request| {
                let answer = answered(&request, &issuer, &said);
                async move { Ok::<_, Infallible>(answer) }
            });
            // A client that goes away is its own business.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn answered(request: &Request<Incoming>, base: &str, said: &Said) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let (status, body) = if said.is_out.load(Ordering::SeqCst) {
        (503, Value::Null)
    } else if path == "/jwks" {
        said.fetched.fetch_add(1, Ordering::SeqCst);
        (200, json!({"keys": *said.keys.lock().unwrap()}))
    } else if let Some(tenant) = path.strip_suffix("/.well-known/openid-configuration") {
        // One issuer's document names keys on another host than its own: the same machine by another name.
        let host =
            if tenant == "/elsewhere" { base.replace("127.0.0.1", "localhost") } else { base.to_owned() };
        (200, json!({"issuer": format!("{base}{tenant}"), "jwks_uri": format!("{host}/jwks")}))
    } else {
        (404, Value::Null)
    };
    Response::builder().status(status).body(Full::new(Bytes::from(body.to_string()))).unwrap()
}
