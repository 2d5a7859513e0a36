//! The operator's doctor: configuration, certificates, lists, database and, for one system, everything that its directory
//! entry says. It reads, and asks about no child.

use super::{DoctorArgs, Findings, resolved};
use crate::app;
use crate::clock::Clock;
use crate::config::Config;
use crate::crypto;
use crate::directory::{self, Directory, System};
use crate::domain::organisation::Standing;
use crate::domain::purpose::{Purpose, Role, Section};
use crate::http::Certificates;
use crate::identity::{ChainFault, Peer};
use crate::policy::{Action, Facts, Lane, Policy, Relationship};
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
    let known = database(&config, &clock, found).await;
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
        system(args, &directory, &chain, &clock, found);
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

async fn database(config: &Config, clock: &Clock, found: &mut Findings) -> Option<Directory> {
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
    db.close().await;
    let (apart, directory) = told?;
    let clocks = if apart.abs() <= 5 {
        Ok(())
    } else {
        Err(format!(
            "this machine's and the database's are {apart} s apart; correct them (NTP), or tokens and lists fail"
        ))
    };
    found.hold("clock", "this machine's and the database's agree", clocks);
    Some(directory)
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

/// Everything that the directory says of one system.
fn system(
    args: &DoctorArgs,
    directory: &Directory,
    chain: &[CertificateDer<'_>],
    clock: &Clock,
    found: &mut Findings,
) {
    let peer = chain.first().and_then(|leaf| Peer::from_der(leaf).ok());
    let peer = peer.ok_or_else(|| "the certificate cannot be read".to_owned());
    let Some(peer) = found.hold("name", "the certificate can be read", peer) else { return };
    let bound = bound(directory, &peer, args.client_id.as_deref(), clock);
    let Some(system) = found.hold("binding", "certificate, SAN URI and client are of one system", bound)
    else {
        return;
    };
    let organisation = directory.organisation_of(system);
    let live = organisation.filter(|o| o.standing == Standing::Live);
    let live = live.ok_or_else(|| "its organisation is suspended, by an operator's change".to_owned());
    let Some(organisation) = found.hold("organisation", "is served", live) else { return };
    let scopes: Vec<&str> = system.scopes.iter().map(|scope| scope.as_str()).collect();
    if scopes.is_empty() {
        found.bad("scope", "none is registered, so that every route is 403; an operator's change gives one");
    } else {
        found.good("scope", &format!("registered for {}; other routes are 403", scopes.join(", ")));
    }
    let Some(role) = word(args.role.as_deref(), Role::parse, "role", found) else { return };
    if !system.roles.contains(&role) {
        return found.bad("role", "is not registered for this system; an operator's change gives it");
    }
    found.good("role", "is registered for this system");
    let Some(purpose) = word(args.purpose.as_deref(), Purpose::parse, "purpose", found) else { return };
    let agreement = directory.agreement(organisation.id, purpose, clock.today());
    let needed = purpose != Purpose::OwnRecord && purpose != Purpose::AuditReview;
    if needed && agreement.is_none() {
        found
            .bad("agreement", "no sharing agreement for this purpose is in force today; 403 for every child");
    } else {
        found.good("agreement", if needed { "is in force today" } else { "none is needed for this purpose" });
    }
    if needed && system.sections_without_person.is_empty() {
        found.bad(
            "sections",
            "none is given to this system without a person; an operator's change gives some",
        );
    }
    let officer = role == Role::AttendanceOfficerLa && purpose == Purpose::AttendanceDuty;
    if officer && directory.authorised_officer(organisation.id, system.id, clock.today()).is_none() {
        found
            .bad("authorisation", "no officer's written authorisation is in force (SI 2024/208 reg 12); 403");
    }
    let facts = Facts {
        role,
        purpose,
        organisation_kind: organisation.kind,
        organisation_live: true,
        lane: Lane::System,
        agreement_live: true,
        relationship: Relationship::None,
        scope: true,
        shielded: false,
        withheld: false,
    };
    relationship(&facts, found);
}

/// The system whose live certificate this is, or what is between them.
fn bound<'a>(
    directory: &'a Directory,
    peer: &Peer,
    client_id: Option<&str>,
    clock: &Clock,
) -> Result<&'a System, String> {
    let now = clock.now();
    let thumbprint = crypto::to_hex(&peer.thumbprint);
    let credential = directory.credentials.get(&peer.thumbprint).ok_or_else(|| {
        format!("certificate {thumbprint} is not registered; for the operator, or the system itself (docs/certificates.md)")
    })?;
    if credential.revoked_at.is_some_and(|at| at <= now) {
        return Err(format!("certificate {thumbprint} is revoked in the directory"));
    }
    if now < credential.valid_from || credential.valid_until <= now {
        return Err(format!(
            "certificate {thumbprint} is registered for another time; check the clock, or renew it"
        ));
    }
    let system = directory.systems.get(&credential.system).ok_or("its system is not in the directory")?;
    if system.suspended {
        return Err("its system is suspended, by an operator's change".to_owned());
    }
    let registered = directory.san_uri(system).unwrap_or_default();
    if peer.san_uris != [registered.clone()] {
        return Err(format!(
            "its SAN URI must be `{registered}` and no other; for the partner: a new certificate"
        ));
    }
    match client_id {
        Some(id) if id != system.client_id => {
            Err(format!("the certificate is that of client `{}`, not `{id}`", system.client_id))
        }
        _ => Ok(system),
    }
}

fn word<T>(
    given: Option<&str>,
    parse: impl Fn(&str) -> Option<T>,
    what: &str,
    found: &mut Findings,
) -> Option<T> {
    let given = given?;
    let known = parse(given);
    if known.is_none() {
        found.bad(what, &format!("`{given}` is no {what}; `schoolgate policy matrix` has the words"));
    }
    known
}

/// Through which relationships this role and purpose are given anything at all.
fn relationship(facts: &Facts, found: &mut Findings) {
    let Ok(policy) = Policy::embedded(crypto::sha256) else {
        return found.bad("relationship", "the policies do not hold; this program is damaged");
    };
    let actions = || Section::ALL.iter().map(|section| Action::Read(*section)).chain(Action::OTHERS);
    let through: Vec<&str> = Relationship::all()
        .filter(|tie| {
            actions()
                .any(|action| policy.decide(&Facts { relationship: *tie, ..*facts }, action, true).allowed)
        })
        .map(Relationship::as_str)
        .collect();
    if through.is_empty() {
        found.bad("relationship", "this role is given nothing for this purpose in this kind of organisation");
    } else {
        let mut kinds = through;
        kinds.dedup();
        found.good(
            "relationship",
            &format!("answers come through a live {}; without, the one 404", kinds.join(" or ")),
        );
    }
}
