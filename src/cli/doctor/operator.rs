//! The operator's doctor: configuration, certificates, lists and database. It reads, and asks about no child.

use super::{DoctorArgs, Findings, receipt, resolved, system};
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::directory::{self, Directory};
use crate::gate::policy_in_force;
use crate::http::Certificates;
use crate::identity::ChainFault;
use crate::store::{self, Db};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;

/// Looks at everything that is asked about.
pub(super) async fn look(args: &DoctorArgs, config: &Path, found: &mut Findings) {
    let read = Config::load(config).map_err(|error| error.to_string());
    let Some(config) = found.hold("configuration", "can be served with", read) else { return };
    let name = resolved(&config.names.issuer).await.map(|_| ());
    found.hold("DNS", "the issuer's name leads to an address", name);
    let clock = Clock::machine();
    let certificates = app::read_certificates(&config, &clock).map_err(|error| format!("{error:#}"));
    let certificates =
        found.hold("certificates", "the server's own, its key and the authorities hold", certificates);
    if let Some(certificates) = &certificates {
        lists(certificates, found);
    }
    let known = database(&config, &clock, args.receipt.as_deref(), found).await;
    let Some(client) = &args.client else { return };
    let read: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(client).and_then(Iterator::collect);
    let chain = read.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| format!("`{}` holds no certificate in PEM", client.display()));
    let Some(chain) = found.hold("client", "its certificate can be read", chain) else { return };
    if let Some(certificates) = &certificates {
        let held = certificates.trust().check(&chain).map_err(of_chain);
        found.hold("chain", "leads to an authority, and nothing in it is revoked or ended", held);
    }
    if let Some(directory) = known {
        system::look(args, &directory, &chain, &clock, found);
    }
}

fn lists(certificates: &Certificates, found: &mut Findings) {
    let trust = certificates.trust().current();
    match trust.lists().times() {
        None => found.good("revocation lists", "none configured: the directory alone says who is revoked"),
        Some((_, ends)) if certificates.is_open() => {
            found.good("revocation lists", &format!("in force until {ends}"));
        }
        Some(_) => found.bad(
            "revocation lists",
            "past their time, so that nobody is let in; look at the job that fetches them (for the operator)",
        ),
    }
}

async fn database(
    config: &Config,
    clock: &Clock,
    receipt: Option<&str>,
    found: &mut Findings,
) -> Option<Directory> {
    let opened = Db::open_existing(&config.database.url).await.map_err(|error| error.to_string());
    let db = found.hold("database", "can be opened", opened)?;
    let told = async {
        let (ours, theirs) = store::versions(&db).await.map_err(|error| error.to_string())?;
        if ours != theirs {
            return Err(format!(
                "is at migration {theirs} and this program at {ours}; run `schoolgate migrate`"
            ));
        }
        let theirs = store::time_of(&db).await.map_err(|error| error.to_string())?;
        let apart = (theirs - clock.now()).num_seconds();
        Ok((apart, directory::load(&db).await.map_err(|error| error.to_string())?))
    };
    let told = found.hold("tables", "of this version, with a directory that can be read", told.await);
    if let Some((apart, directory)) = &told {
        found.hold("clock", "this machine's and the database's agree", clocks(*apart));
        if let Some(receipt) = receipt {
            receipt::look(&db, directory, clock, receipt, found).await;
        }
    }
    db.close().await;
    let (_, directory) = told?;
    let policies = policy_in_force(directory.policies.as_deref()).map_err(|error| error.to_string());
    let set =
        if directory.policies.is_some() { "put in force by operators" } else { "built into this program" };
    found.hold("policies", &format!("the set in force, {set}, holds"), policies);
    Some(directory)
}

fn clocks(apart: i64) -> Result<(), String> {
    if apart.abs() <= 5 {
        return Ok(());
    }
    Err(format!(
        "this machine's and the database's are {apart} s apart; correct them (NTP), or tokens and lists fail"
    ))
}

/// What is wrong with a chain, and with whom to speak.
fn of_chain(fault: ChainFault) -> String {
    let party = match fault {
        ChainFault::NotYet => "compare the clocks of this machine and of the authority",
        ChainFault::NoList | ChainFault::StaleList | ChainFault::BadList | ChainFault::Closed => {
            "for the operator: the lists of `files.revocation_lists`"
        }
        ChainFault::UnknownAuthority => {
            "for the partner: send the certificates between along; or for the operator: the authority is not in \
             `files.client_authorities`"
        }
        ChainFault::Revoked => "for the partner and its authority: it is on the authority's list",
        ChainFault::Expired
        | ChainFault::BadSignature
        | ChainFault::SignatureAlgorithm
        | ChainFault::WrongUsage
        | ChainFault::KeyUsage
        | ChainFault::AuthorityAsClient
        | ChainFault::NoAuthority
        | ChainFault::PathLength
        | ChainFault::NameConstraint
        | ChainFault::UnknownExtension
        | ChainFault::WeakKey
        | ChainFault::TooLong
        | ChainFault::Unreadable => "for the partner: a new one by certs/profile.md",
    };
    format!("{fault} ({}); {party}", fault.word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_are_apart_are_said_to_be_and_by_how_much() {
        assert_eq!((clocks(0), clocks(5), clocks(-5)), (Ok(()), Ok(()), Ok(())));
        for apart in [6, -6, 3_600] {
            assert!(clocks(apart).unwrap_err().contains(&format!("are {apart} s apart; correct them (NTP)")));
        }
    }
}
