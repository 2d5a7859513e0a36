//! Documents of identity providers, fetched over HTTPS within limits of time and size. No redirect is followed and no
//! proxy asked, so that what is fetched is where the directory says.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, Url};
use serde_json::Value;
use std::net::IpAddr;
use std::time::Duration;

/// The longest that a document may take.
const LONGEST: Duration = Duration::from_secs(5);
/// The longest that a connection may take.
const CONNECT: Duration = Duration::from_secs(2);
/// The largest document, bytes: a provider with many keys has a few dozen KiB.
const LARGEST: usize = 256 * 1024;

/// Why a document could not be had.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// The authorities' file has no certificate that can be read.
    #[error("the file of identity providers' authorities cannot be read; it holds certificates, PEM")]
    Authorities,
    /// The client could not be made.
    #[error("no client of identity providers can be made: {0}")]
    Client(reqwest::Error),
    /// This machine has no authorities that a provider's certificate could be held to.
    #[error(
        "this machine has no certificate authorities; name those of identity providers in `identity.provider_authorities`"
    )]
    NoAuthorities,
    /// An address that is not HTTPS, or plain HTTP to another machine or without the configuration's word.
    #[error("the address is not https; `identity.allow_loopback_http` lets http reach this machine itself")]
    Address,
    /// No answer, or a broken one.
    #[error("the document cannot be fetched: {0}")]
    Fetch(#[from] reqwest::Error),
    /// An answer other than 200.
    #[error("the document cannot be fetched: the answer is {0}")]
    Status(u16),
    /// A discovery document that names keys elsewhere than its own place.
    #[error(
        "the discovery document names keys on another host than the issuer's; register that address as `keys_url`"
    )]
    Elsewhere,
    /// More bytes than are read.
    #[error("the document is larger than is read")]
    Size,
    /// Not JSON.
    #[error("the document is not JSON")]
    Form,
}

/// The way out to identity providers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outside {
    /// None where this machine has no authorities of its own, which a gateway without providers does not need.
    client: Option<Client>,
    loopback_http: bool,
}

impl Outside {
    /// With the authorities that providers' certificates are held to, PEM; without, those of this machine. Plain HTTP
    /// reaches this machine alone, and only where that is allowed.
    pub fn new(authorities: Option<&[u8]>, loopback_http: bool) -> Result<Self, OutsideError> {
        // Its TLS is on ring, as everybody's; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .https_only(!loopback_http)
            .connect_timeout(CONNECT)
            .timeout(LONGEST);
        if let Some(pem) = authorities {
            let all = Certificate::from_pem_bundle(pem).map_err(|_| OutsideError::Authorities)?;
            if all.is_empty() {
                return Err(OutsideError::Authorities);
            }
            builder = builder.tls_certs_only(all);
        }
        let client = match builder.build() {
            Ok(client) => Some(client),
            Err(error) if authorities.is_none() => {
                tracing::warn!(%error, "no identity provider can be reached by this machine's own authorities");
                None
            }
            Err(error) => return Err(OutsideError::Client(error)),
        };
        Ok(Self { client, loopback_http })
    }

    /// Fetches a JSON document.
    pub(super) async fn json(&self, address: &str) -> Result<Value, OutsideError> {
        let url = Url::parse(address).map_err(|_| OutsideError::Address)?;
        if !self.may_reach(&url) {
            return Err(OutsideError::Address);
        }
        let client = self.client.as_ref().ok_or(OutsideError::NoAuthorities)?;
        let mut answer = client.get(url).send().await?;
        if answer.status().as_u16() != 200 {
            return Err(OutsideError::Status(answer.status().as_u16()));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if bytes.len() + chunk.len() > LARGEST {
                return Err(OutsideError::Size);
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|_| OutsideError::Form)
    }

    fn may_reach(&self, url: &Url) -> bool {
        let loopback = || {
            let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
            host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
        };
        url.scheme() == "https" || (url.scheme() == "http" && self.loopback_http && loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_reaches_this_machine_alone_and_only_where_it_is_allowed() {
        for (address, allowed, expected) in [
            ("https://login.example", false, true),
            ("https://login.example", true, true),
            ("http://127.0.0.1:9000/jwks", true, true),
            ("http://[::1]:9000/jwks", true, true),
            ("http://localhost/jwks", true, true),
            ("http://127.0.0.1:9000/jwks", false, false),
            ("http://login.example", true, false),
            ("http://localhost.example", true, false),
            ("http://10.0.0.1", true, false),
            ("ftp://127.0.0.1", true, false),
            ("file:///etc/passwd", true, false),
        ] {
            let outside = Outside::new(None, allowed).unwrap();
            assert_eq!(outside.may_reach(&Url::parse(address).unwrap()), expected, "{address} {allowed}");
        }
        assert!(Outside::new(Some(b"no certificate"), false).is_err());
    }
}
