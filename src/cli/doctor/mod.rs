//! `schoolgate doctor`: why a system is not answered, in words. The operator, who may read the directory, is told exactly;
//! a partner is told what a caller can know, which the gateway keeps vague, and whom to ask.

mod operator;
mod partner;
mod receipt;
mod system;

use super::{DONE, FAILED, say};
use anyhow::{Result, bail};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `schoolgate doctor`.
#[derive(Clone, Debug, clap::Args)]
pub struct DoctorArgs {
    /// The operator's own: the configuration file
    #[arg(long, value_name = "FILE", conflicts_with = "gateway")]
    config: Option<PathBuf>,
    /// The operator's own: a system's certificate, PEM, with what it sends along
    #[arg(long, value_name = "FILE", requires = "config")]
    client: Option<PathBuf>,
    /// A partner's own: the gateway's address, as its clients write it
    #[arg(long, value_name = "URL", requires_all = ["certificate", "key"])]
    gateway: Option<String>,
    /// A partner's own: the system's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "gateway")]
    certificate: Option<PathBuf>,
    /// A partner's own: its private key, PEM
    #[arg(long, value_name = "FILE", requires = "gateway")]
    key: Option<PathBuf>,
    /// A partner's own: the authority of the gateway's certificate, PEM
    #[arg(long, value_name = "FILE", requires = "gateway")]
    ca: Option<PathBuf>,
    /// The system's client identifier
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// The role that it asks in
    #[arg(long)]
    role: Option<String>,
    /// The purpose that it asks for
    #[arg(long)]
    purpose: Option<String>,
    /// Code of the organisation that it acts for, where that is another than its own
    #[arg(long, value_name = "CODE")]
    organisation: Option<String>,
    /// The operator's own: the whole receipt of an answer, to be told why nothing was given
    #[arg(long, value_name = "RECEIPT", requires = "config")]
    receipt: Option<String>,
    /// The operator's own: `sub` of a person at the identity provider of the system's organisation
    #[arg(long, value_name = "SUBJECT", requires = "client")]
    person: Option<String>,
    /// The provider's `iss`; may be left out where the organisation has one provider
    #[arg(long, requires = "person")]
    issuer: Option<String>,
    /// Its tenant, where it has several
    #[arg(long, requires = "person")]
    tenant: Option<String>,
    /// A partner's own: the handle of a child to ask about
    #[arg(long, value_name = "PUPIL_ID", requires = "gateway")]
    pupil: Option<String>,
    /// A partner's own: the reference of the case for that child
    #[arg(long, value_name = "REFERENCE", requires = "pupil")]
    case_reference: Option<String>,
}

/// What was looked at, and what was found.
#[derive(Debug, Default)]
struct Findings {
    text: String,
    failed: bool,
}

impl Findings {
    /// It holds.
    fn good(&mut self, what: &str, says: &str) {
        self.line("ok", what, says);
    }

    /// It does not; what is found and who can mend it.
    fn bad(&mut self, what: &str, says: &str) {
        self.failed = true;
        self.line("FAILS", what, says);
    }

    /// Either, by a result.
    fn hold<T>(&mut self, what: &str, good: &str, found: Result<T, String>) -> Option<T> {
        match found {
            Ok(found) => {
                self.good(what, good);
                Some(found)
            }
            Err(says) => {
                self.bad(what, &says);
                None
            }
        }
    }

    fn line(&mut self, state: &str, what: &str, says: &str) {
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, "{state:<5}  {what:<18} {says}");
    }
}

/// Looks, says what was found, and ends with 1 where anything fails.
pub(super) async fn doctor(args: &DoctorArgs) -> Result<u8> {
    let mut findings = Findings::default();
    match (&args.config, &args.gateway) {
        (Some(config), None) => operator::look(args, config, &mut findings).await,
        (None, Some(gateway)) => partner::look(args, gateway, &mut findings).await,
        _ => bail!(
            "give --config FILE, for the gateway's operator, or --gateway URL with --certificate and --key"
        ),
    }
    say(&findings.text)?;
    Ok(if findings.failed { FAILED } else { DONE })
}

/// Where the name of a gateway's address leads to.
async fn resolved(url: &str) -> Result<(String, Vec<std::net::SocketAddr>), String> {
    let address =
        reqwest::Url::parse(url).map_err(|_| format!("`{url}` is no address; write https://NAME:PORT"))?;
    let host = address.host_str().ok_or("the address has no name; write https://NAME:PORT")?.to_owned();
    if address.scheme() != "https" {
        return Err("the address must begin with https://".to_owned());
    }
    let port = address.port_or_known_default().unwrap_or(443);
    let found = tokio::net::lookup_host((host.trim_matches(['[', ']']), port)).await;
    let found: Vec<_> = found
        .map_err(|_| format!("`{host}` is not found; check the name, and this machine's DNS"))?
        .collect();
    if found.is_empty() {
        return Err(format!("`{host}` has no address; ask whoever runs its DNS"));
    }
    Ok((host, found))
}
