//! `schoolgate cert`: what the development authority makes can be used, and what it revokes is on its list.

use crate::support::{Ran, Suite, schoolgate};
use chrono::TimeDelta;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use schoolgate::clock::Clock;
use schoolgate::identity::{Authorities, ChainFault, Peer, RevocationLists, Trust};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("certificates::the_development_authority_issues_renews_revokes_and_lists", authority);
}

fn run(folder: &Path, args: &[&str]) -> Ran {
    schoolgate(folder, [&["cert"], args].concat())
}

fn done(folder: &Path, args: &[&str]) -> String {
    let ran = run(folder, args);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{ran:?}");
    assert!(ran.out.contains("for development only"), "{ran:?}");
    ran.out
}

fn refused(folder: &Path, args: &[&str], says: &str) {
    let ran = run(folder, args);
    assert!(ran.code != Some(0) && ran.err.contains(says), "{ran:?}");
}

/// What a gateway with this authority and its list would say to a certificate of the folder.
fn judged(ca: &Path, name: &str) -> Result<(), ChainFault> {
    let (path, now) = (ca.join("ca.pem"), Clock::machine().now());
    let authorities = Authorities::read(&fs::read(&path).unwrap(), &path).unwrap();
    let path = ca.join("revoked.crl.pem");
    let mut lists = RevocationLists::default();
    lists.add(&fs::read(&path).unwrap(), &path, &authorities, now).unwrap();
    let chain = [CertificateDer::from_pem_file(ca.join(name)).unwrap()];
    Trust::new(authorities, lists, TimeDelta::days(8)).check(&chain, now)
}

fn authority() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, ca) = (folder.path(), folder.path().join("development-ca"));
    let cases = ["--organisation", "council", "--system", "cases"];
    refused(folder, &["list"], "`cert issue` makes one");
    refused(folder, &["issue", "--organisation", "council"], "--system");
    refused(folder, &[&["issue", "--days", "399"][..], &cases].concat(), "399");
    refused(folder, &[&["renew"][..], &cases].concat(), "use `cert issue`");
    let told = done(folder, &[&["issue"][..], &cases].concat());
    assert!(told.contains("for the directory: {\"thumbprint\":"), "{told}");
    refused(folder, &[&["issue"][..], &cases].concat(), "use `cert renew`");
    refused(folder, &["issue", "--organisation", "a/b", "--system", "c"], "letters, digits");
    done(folder, &[&["renew", "--days", "398"][..], &cases].concat());
    done(folder, &["issue", "--server", "localhost"]);
    for key in ["ca.key", "1-council.cases.key", "3-localhost.key"] {
        assert_eq!(fs::metadata(ca.join(key)).unwrap().permissions().mode() & 0o777, 0o600, "{key}");
    }
    let (first, second) = ("1-council.cases.pem", "2-council.cases.pem");
    for name in [first, second] {
        assert_eq!(judged(&ca, name), Ok(()));
        let peer = Peer::from_der(&CertificateDer::from_pem_file(ca.join(name)).unwrap()).unwrap();
        assert_eq!(peer.san_uris, ["urn:schoolgate:org:council:system:cases"]);
    }
    assert_eq!(judged(&ca, "3-localhost.pem"), Err(ChainFault::WrongUsage));
    refused(folder, &["revoke", "9"], "no such number");
    done(folder, &["revoke", "1"]);
    assert_eq!((judged(&ca, first), judged(&ca, second)), (Err(ChainFault::Revoked), Ok(())));
    let listed = done(folder, &["list"]);
    let states: Vec<&str> = listed.lines().filter_map(|line| line.split(' ').nth(1)).take(3).collect();
    assert_eq!(states, ["revoked", "live", "live"], "{listed}");
    assert_eq!(judged(&ca, first), Err(ChainFault::Revoked), "the list that `list` makes holds it too");
}
