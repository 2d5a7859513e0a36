//! The wire of a system's own certificates.

use super::proof::{self, Expected};
use crate::crypto::{from_hex, to_hex};
use crate::directory::{self, Directory, NewCertificate, Registered};
use crate::domain::identifiers::SystemId;
use crate::gate::{Answer, Asked, Gate, OfOwnSystem, Permit, Refusal, Released};
use crate::http::{Body, Error, Path, ProblemKind};
use crate::identity::{LiveTrust, Peer, TokenKeys};
use axum::Extension;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The longest validity of a certificate that is registered so.
const LONGEST: TimeDelta = TimeDelta::days(398);
/// Certificates that a chain has at most.
const CHAIN: usize = 8;

/// A new certificate, and the proof that it is the same system's.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateBody {
    /// PEM: the new certificate first, then those between it and the authority, where there are any.
    certificate: String,
    /// A JWT (`typ` `schoolgate-certificate+jwt`) signed with the key of this connection's certificate: `iss` the client
    /// identifier, `aud` the gateway's issuer, `iat`, `exp` at most five minutes later, `jti` made up for this one, and
    /// `x5t#S256` the SHA-256 of the new certificate in base64url.
    proof: String,
}

/// The system's own certificates that are not retired and have not ended.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificatesAnswer {
    /// At most two, the one that ends first before the other.
    certificates: Vec<CertificateOfSystem>,
}

/// A certificate of the system.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CertificateOfSystem {
    /// SHA-256 of it, hex.
    thumbprint: String,
    /// UTC.
    valid_from: DateTime<Utc>,
    /// UTC.
    valid_until: DateTime<Utc>,
    /// Whether it is the one of this connection.
    this_connection: bool,
}

impl Answer for CertificatesAnswer {}

/// Lists the certificates of the caller's own system.
#[utoipa::path(
    get, path = "/v1/systems/own/certificates", tag = "certificates",
    responses((status = 200, body = CertificatesAnswer))
)]
pub async fn list_certificates(
    State(gate): State<Gate>,
    asked: Asked,
    Extension(peer): Extension<Arc<Peer>>,
) -> Result<Released<CertificatesAnswer>, Error> {
    let permit = gate.open_own_system(asked, "list_certificates");
    let held = held(&gate.directory().current(), permit.system(), &peer, gate.clock().now());
    Ok(gate.release(permit, StatusCode::OK, CertificatesAnswer { certificates: held }).await?)
}

/// Registers the next certificate of the caller's own system, beside the one of this connection.
#[utoipa::path(
    post, path = "/v1/systems/own/certificates", tag = "certificates", request_body = CertificateBody,
    responses((status = 201, body = CertificatesAnswer, description = "Both may be used now"),
              (status = 409, description = "Two are registered already; retire the older over the newer one's connection"),
              (status = 422, description = "The certificate or the proof cannot stand; `errors` says why"))
)]
pub async fn add_certificate(
    State(gate): State<Gate>,
    State(trust): State<LiveTrust>,
    State(keys): State<Arc<TokenKeys>>,
    asked: Asked,
    Extension(peer): Extension<Arc<Peer>>,
    body: Body,
) -> Result<Released<CertificatesAnswer>, Error> {
    let client_id = asked.caller.system.client_id.clone();
    let permit = gate.open_own_system(asked, "add_certificate");
    let body = body.read().await?;
    let CertificateBody { certificate, proof } = crate::http::json(&body)?;
    let now = gate.clock().now();
    if let Some(done) = gate.done_before(&permit, &body).await? {
        let certificates = held(&gate.directory().current(), permit.system(), &peer, now);
        return Ok(gate.release(permit, done.status, CertificatesAnswer { certificates }).await?);
    }
    let new = chain(&certificate).and_then(|chain| fitting(&chain, &trust, &peer, now));
    let new = new.inspect_err(|_| permit.note_malformed("certificate"))?;
    permit.note_written_digest(record(&new.thumbprint), new.thumbprint);
    let thumbprint = URL_SAFE_NO_PAD.encode(new.thumbprint);
    let expected =
        Expected { key: &peer.key, client_id: &client_id, audience: keys.issuer(), thumbprint: &thumbprint };
    proof::check(&proof, &expected, now).map_err(|fault| {
        permit.note_malformed("certificate_proof");
        refused("/proof", fault.to_string())
    })?;
    registered(gate, permit, &peer, &new, now).await
}

/// Retires a certificate of the caller's own system that ends before the one of this connection.
#[utoipa::path(
    delete, path = "/v1/systems/own/certificates/{thumbprint}", tag = "certificates",
    params(("thumbprint" = String, Path, description = "SHA-256 of the certificate, hex, as the list has it")),
    responses((status = 200, body = CertificatesAnswer, description = "What is left; every gateway refuses it within a second"),
              (status = 409, description = "It is this connection's own, or ends after it"),
              (status = 422, description = "No certificate of this system that could be retired"))
)]
pub async fn retire_certificate(
    State(gate): State<Gate>,
    asked: Asked,
    Extension(peer): Extension<Arc<Peer>>,
    Path(thumbprint): Path<String>,
) -> Result<Released<CertificatesAnswer>, Error> {
    let permit = gate.open_own_system(asked, "retire_certificate");
    let now = gate.clock().now();
    let mut held = held(&gate.directory().current(), permit.system(), &peer, now);
    let unknown =
        || refused("", "this system has no such certificate; GET /v1/systems/own/certificates lists them");
    let place = held.iter().position(|one| one.thumbprint == thumbprint).ok_or_else(unknown)?;
    let bytes =
        from_hex(&thumbprint).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).ok_or_else(unknown)?;
    permit.note_record(record(&bytes));
    if held.iter().skip(place).any(|one| one.this_connection && one.thumbprint == thumbprint)
        || !held.iter().skip(place + 1).any(|one| one.this_connection)
    {
        let detail = "only over the connection of a certificate that ends later can this one be retired; connect with \
             that, or ask the operator to revoke this one";
        return Err(Error::problem(ProblemKind::Conflict, detail));
    }
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    let done =
        directory::retire_certificate(&mut tx, permit.system(), &bytes, now).await.map_err(Refusal::from)?;
    if !done {
        return Err(unknown());
    }
    held.remove(place);
    let released = gate.commit(permit, tx, StatusCode::OK, CertificatesAnswer { certificates: held }).await?;
    see(&gate).await;
    Ok(released)
}

/// What stands in the entry of a change.
fn record(thumbprint: &[u8; 32]) -> String {
    format!("certificate {}", to_hex(thumbprint))
}

/// This gateway goes by the change from its answer on; the others see it within a second.
async fn see(gate: &Gate) {
    if let Err(error) = gate.directory().refresh(gate.db()).await {
        tracing::warn!(%error, "a change of certificates is seen at the next look");
    }
}

fn held(
    directory: &Directory,
    system: SystemId,
    peer: &Peer,
    now: DateTime<Utc>,
) -> Vec<CertificateOfSystem> {
    let own = directory.credentials.values().filter(|c| c.system == system);
    let mut held: Vec<CertificateOfSystem> = own
        .filter(|c| now < c.valid_until && c.revoked_at.is_none_or(|at| now < at))
        .map(|c| CertificateOfSystem {
            thumbprint: to_hex(&c.thumbprint),
            valid_from: c.valid_from,
            valid_until: c.valid_until,
            this_connection: c.thumbprint == peer.thumbprint,
        })
        .collect();
    held.sort_by(|a, b| (a.valid_until, &a.thumbprint).cmp(&(b.valid_until, &b.thumbprint)));
    held
}

fn refused(pointer: &str, detail: impl Into<String>) -> Error {
    let detail = detail.into();
    let fault = crate::http::Fault {
        pointer: Some(pointer.to_owned()).filter(|pointer| !pointer.is_empty()),
        detail: detail.clone(),
        ..crate::http::Fault::default()
    };
    Error::Problem { kind: ProblemKind::CertificateRefused, detail, errors: vec![fault] }
}

fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).take(CHAIN + 1).collect();
    read.ok().filter(|chain| (1..=CHAIN).contains(&chain.len())).ok_or_else(|| {
        refused("/certificate", "is not one to eight certificates in PEM; send the new one first")
    })
}

/// The new certificate, held to everything that a handshake would hold it to, and to follow the one of this connection.
fn fitting(
    chain: &[CertificateDer<'static>],
    trust: &LiveTrust,
    peer: &Peer,
    now: DateTime<Utc>,
) -> Result<NewCertificate, Error> {
    let faulty = |detail: String| refused("/certificate", detail);
    trust.check(chain).map_err(|fault| {
        faulty(format!("would not be let in: {fault}; have it issued by the certificate profile"))
    })?;
    let unreadable = || faulty("cannot be read; have it issued by the certificate profile".to_owned());
    let next = chain.first().and_then(|leaf| Peer::from_der(leaf).ok()).ok_or_else(unreadable)?;
    if next.san_uris != peer.san_uris {
        return Err(faulty(
            "has another SAN URI than this connection's; have it issued with exactly the same".to_owned(),
        ));
    }
    if next.key_digest == peer.key_digest {
        return Err(faulty("has the same key as this connection's; make a new one".to_owned()));
    }
    if next.not_after - next.not_before > LONGEST {
        return Err(faulty("is valid for more than 398 days; have a shorter one issued".to_owned()));
    }
    if next.not_after <= peer.not_after {
        return Err(faulty(
            "does not end after this connection's; send it over the older one, or have a longer one issued"
                .to_owned(),
        ));
    }
    let (valid_from, valid_until) = (next.not_before.min(now), next.not_after);
    Ok(NewCertificate { thumbprint: next.thumbprint, key_digest: next.key_digest, valid_from, valid_until })
}

/// Registers what has been proved, if it may stand beside what is there.
async fn registered(
    gate: Gate,
    permit: Permit<OfOwnSystem>,
    peer: &Peer,
    new: &NewCertificate,
    now: DateTime<Utc>,
) -> Result<Released<CertificatesAnswer>, Error> {
    let mut tx = gate.db().begin().await.map_err(Refusal::from)?;
    match directory::add_certificate(&mut tx, permit.system(), new, now).await.map_err(Refusal::from)? {
        Registered::Done => {}
        Registered::KeyKnown => {
            permit.note_malformed("certificate_key_used");
            let detail = "has a key that has been registered before, or is registered itself; make a new key";
            return Err(refused("/certificate", detail));
        }
        Registered::TwoLive => {
            permit.note_reason("two_certificates");
            let detail = "two certificates of this system are registered; retire the older with DELETE \
                 /v1/systems/own/certificates/{thumbprint} over the newer one's connection, and send this one again";
            return Err(Error::problem(ProblemKind::Conflict, detail));
        }
    }
    let mut certificates = held(&gate.directory().current(), permit.system(), peer, now);
    certificates.push(CertificateOfSystem {
        thumbprint: to_hex(&new.thumbprint),
        valid_from: new.valid_from,
        valid_until: new.valid_until,
        this_connection: false,
    });
    let released = gate.commit(permit, tx, StatusCode::CREATED, CertificatesAnswer { certificates }).await?;
    see(&gate).await;
    Ok(released)
}
