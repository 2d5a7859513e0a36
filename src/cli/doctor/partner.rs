//! A partner's doctor: what a caller can find out by itself. What the gateway keeps vague stays so; it says whom to ask.

use super::{DoctorArgs, Findings, resolved};
use crate::clock::Clock;
use crate::identity::Peer;
use chrono::DateTime;
use rustls::{AlertDescription, CertificateError, ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The longest that one step may take.
const WAIT: Duration = Duration::from_secs(10);
/// Seconds that clocks may be apart; tokens hold for five minutes.
const APART: i64 = 30;

/// Looks at everything from the own certificate to the answer about a child.
pub(super) async fn look(args: &DoctorArgs, gateway: &str, found: &mut Findings) {
    let (Some(certificate), Some(key)) = (&args.certificate, &args.key) else { return };
    let Some((chain, key)) = own(certificate, key, found) else { return };
    let config = found.hold("TLS files", "certificate, key and authority can be used", tls(args, chain, key));
    let Some(config) = config else { return };
    let Some((host, addresses)) =
        found.hold("DNS", "the gateway's name leads to an address", resolved(gateway).await)
    else {
        return;
    };
    let Some(address) = addresses.first() else { return };
    let stream = timeout(WAIT, TcpStream::connect(address)).await;
    let stream = stream.ok().and_then(Result::ok).ok_or_else(|| {
        format!("{address} does not answer; check the port, and the firewalls on the way (yours, then the gateway's)")
    });
    let Some(stream) = found.hold("TCP", "the gateway takes the connection", stream) else { return };
    let answered = shaken(stream, &host, config.clone()).await;
    let Some(date) = found.hold("TLS", "the gateway proves itself, and takes this certificate", answered)
    else {
        return;
    };
    clocks(&date, found);
    asked(args, gateway, config, found).await;
}

/// The own certificate, as far as it can be judged here.
fn own(
    certificate: &Path,
    key: &Path,
    found: &mut Findings,
) -> Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let read: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = read.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| format!("`{}` holds no certificate in PEM", certificate.display()));
    let chain = found.hold("certificate", "can be read", chain)?;
    let peer = chain.first().and_then(|leaf| Peer::from_der(leaf).ok());
    let peer =
        found.hold("form", "is X.509", peer.ok_or_else(|| "the certificate cannot be read".to_owned()))?;
    let now = Clock::machine().now();
    let days = (peer.not_after - now).num_days();
    if now < peer.not_before {
        found.bad(
            "validity",
            "not valid yet by this machine's clock; check that clock first, then with the authority",
        );
    } else if peer.not_after <= now {
        found.bad("validity", &format!("ended on {}; have a new one issued", peer.not_after));
    } else {
        found.good("validity", &format!("{days} days left"));
    }
    match peer.san_uris.as_slice() {
        [uri] if uri.starts_with("urn:schoolgate:org:") && uri.contains(":system:") => {
            found.good("SAN URI", uri);
        }
        _ => found
            .bad("SAN URI", "not exactly one `urn:schoolgate:org:…:system:…`; have it issued by the profile"),
    }
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|_| format!("`{}` holds no private key in PEM", key.display()));
    Some((chain, found.hold("key", "can be read", key)?))
}

fn tls(
    args: &DoctorArgs,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    let path = args.ca.as_ref().ok_or("give --ca, the authority of the gateway's certificate")?;
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let (added, _) = roots.add_parsable_certificates(read.unwrap_or_default());
    if added == 0 {
        return Err(format!("`{}` holds no authority in PEM", path.display()));
    }
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)
        .map_err(|_| {
            "certificate and key do not belong together, or are of a kind that is not used".to_owned()
        })
}

/// Shakes hands and asks for what anybody may see; gives the answer's `Date`.
async fn shaken(stream: TcpStream, host: &str, config: ClientConfig) -> Result<String, String> {
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| format!("`{host}` is no name for a server"))?;
    let connected = timeout(WAIT, TlsConnector::from(Arc::new(config)).connect(name, stream)).await;
    let mut stream =
        connected.map_err(|_| "the handshake did not end in time".to_owned())?.map_err(|e| said(&e))?;
    let request = format!("GET /openapi.json HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| said(&error))?;
    let mut answer = Vec::new();
    let read = timeout(WAIT, stream.read_to_end(&mut answer)).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    if let Some(date) = text.lines().find_map(|line| line.strip_prefix("date: ")) {
        return Ok(date.to_owned());
    }
    match read {
        Ok(Err(error)) => Err(said(&error)),
        Ok(Ok(_)) => {
            Err("the gateway ended the connection without an answer; it may have too many, so try again"
                .to_owned())
        }
        Err(_) => Err("the gateway did not answer in time; ask its operator".to_owned()),
    }
}

/// What a fault of TLS means to a caller.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the library's faults that mean no more than that it failed"
)]
fn said(error: &std::io::Error) -> String {
    let fault = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    let refused = "the gateway does not take this certificate";
    match fault {
        Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "the gateway's certificate is not of the authority in --ca; ask the operator for the right one"
                .to_owned()
        }
        Some(rustls::Error::InvalidCertificate(CertificateError::NotValidForNameContext { .. })) => {
            "the gateway's certificate is for another name; check the address".to_owned()
        }
        Some(rustls::Error::InvalidCertificate(fault)) => {
            format!(
                "the gateway's certificate does not hold ({fault:?}); check this machine's clock, then ask the operator"
            )
        }
        Some(rustls::Error::AlertReceived(alert)) => match alert {
            AlertDescription::CertificateExpired => {
                format!("{refused}: it has ended, by the gateway's clock")
            }
            AlertDescription::CertificateRevoked => format!("{refused}: it is revoked; ask your authority"),
            AlertDescription::UnknownCA => {
                format!(
                    "{refused}: its authority is not known there; send those between along, or ask the operator"
                )
            }
            AlertDescription::CertificateRequired => format!("{refused}: none was shown"),
            AlertDescription::ProtocolVersion => "the gateway speaks TLS 1.3 only".to_owned(),
            _ => format!("{refused} ({alert:?}); its operator sees the exact reason in the audit"),
        },
        Some(other) => format!("TLS failed: {other}"),
        None => format!(
            "{refused}, or the connection broke ({error}); its operator sees the exact reason in the audit"
        ),
    }
}

fn clocks(date: &str, found: &mut Findings) {
    let Ok(theirs) = DateTime::parse_from_rfc2822(date) else {
        return found.bad("clock", "the gateway's answer has no date that can be read");
    };
    let apart = (theirs.to_utc() - Clock::machine().now()).num_seconds();
    if apart.abs() <= APART {
        found.good("clock", &format!("within {APART} s of the gateway's"));
    } else {
        found.bad(
            "clock",
            &format!("the gateway's is {apart} s from this machine's; correct this one first (NTP)"),
        );
    }
}

/// Asks for a token and, where a child is named, for its summary.
async fn asked(args: &DoctorArgs, gateway: &str, config: ClientConfig, found: &mut Findings) {
    let (Some(client_id), Some(role), Some(purpose)) = (&args.client_id, &args.role, &args.purpose) else {
        return;
    };
    let Ok(http) = reqwest::Client::builder().tls_backend_preconfigured(config).timeout(WAIT).build() else {
        return;
    };
    let base = gateway.trim_end_matches('/');
    let mut detail = serde_json::json!({"type": "schoolgate", "role": role, "purpose": purpose});
    if let (Some(code), Some(members)) = (&args.organisation, detail.as_object_mut()) {
        members.insert("organisation".to_owned(), code.as_str().into());
    }
    let details = serde_json::json!([detail]).to_string();
    let form =
        [("grant_type", "client_credentials"), ("client_id", client_id), ("authorization_details", &details)];
    let answer = match http.post(format!("{base}/oauth2/token")).form(&form).send().await {
        Ok(answer) => {
            (answer.status().as_u16(), answer.json::<serde_json::Value>().await.unwrap_or_default())
        }
        Err(_) => return found.bad("token", "no answer; try again, then ask the operator"),
    };
    let word = |name: &str| answer.1.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let token = match (answer.0, word("error").as_str()) {
        (200, _) => Ok(word("access_token")),
        (401, _) => {
            Err("binding: the gateway does not know this certificate for this client; ask its operator"
                .to_owned())
        }
        (403, _) => Err("the organisation is suspended; ask the operator why".to_owned()),
        (400, "unauthorized_client") if args.organisation.is_some() => {
            Err("role or acting: not registered for this system and that organisation; ask the operator"
                .to_owned())
        }
        (400, "unauthorized_client") => {
            Err("role: not registered for this system; ask the operator".to_owned())
        }
        (429, _) => Err("too many requests for tokens; wait a minute".to_owned()),
        (503, _) => Err("the gateway is not ready; try again, then ask its operator".to_owned()),
        (status, error) => Err(format!("{status} {error}: {}", word("error_description"))),
    };
    let Some(token) = found.hold("token", "given for this client, role and purpose", token) else { return };
    let Some(pupil) = &args.pupil else { return };
    let mut request = http.get(format!("{base}/v1/pupils/{pupil}/attendance-summary")).bearer_auth(token);
    if let Some(reference) = &args.case_reference {
        request = request.header("case-reference", reference);
    }
    let Ok(answer) = request.send().await else {
        return found.bad("answer", "none; try again, then ask the operator");
    };
    let receipt =
        answer.headers().get("audit-receipt").and_then(|v| v.to_str().ok()).unwrap_or("none").to_owned();
    let says = match answer.status().as_u16() {
        200 => return found.good("answer", "given"),
        404 => "none for this child: no live relationship, or another reason that is not told",
        403 => "scope, role, purpose or agreement: never for any child; ask the operator what is registered",
        400 => "a case reference is required for this purpose, or the handle is none",
        422 => "the case reference is not that of a live case of this purpose for this child",
        429 => "too many requests; wait as `Retry-After` says",
        _ => "not now; try again, then ask the operator",
    };
    // The receipt names the entry in which its operator, or its own data protection officer, finds the exact reason.
    found.bad("answer", &format!("{says} (receipt {})", receipt.split([',', ';']).next().unwrap_or("none")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_told_apart_from_one_that_is_right() {
        let told = |date: &str| {
            let mut found = Findings::default();
            clocks(date, &mut found);
            (found.failed, found.text)
        };
        let at = |seconds| (Clock::machine().now() + chrono::TimeDelta::seconds(seconds)).to_rfc2822();
        assert!(!told(&at(0)).0 && !told(&at(-20)).0);
        let (failed, says) = told(&at(-3_600));
        assert!(failed && says.contains(" s from this machine's; correct this one first (NTP)"), "{says}");
        assert!(told(&at(3_600)).0);
        assert!(told("yesterday").1.contains("no date that can be read"));
    }
}
