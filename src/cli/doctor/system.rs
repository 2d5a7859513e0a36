//! What the directory says of one system and, where they are named, of the person behind it and of the organisation that
//! it acts for: exactly, for the operator alone.

use super::{DoctorArgs, Findings};
use crate::audit::Outline;
use crate::clock::Clock;
use crate::crypto;
use crate::directory::{Directory, Organisation, PersonKey, System, Within};
use crate::domain::identifiers::SchoolId;
use crate::domain::organisation::Standing;
use crate::domain::purpose::{Purpose, Role, Section};
use crate::gate::policy_in_force;
use crate::identity::Peer;
use crate::policy::{Action, Facts, Lane, Relationship};
use chrono::NaiveDate;
use rustls_pki_types::CertificateDer;

/// Looks at everything that the directory says of the system of a certificate.
pub(super) fn look(
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
    let own = directory.organisation_of(system).filter(|o| o.standing == Standing::Live);
    let live = own.ok_or_else(|| "its organisation is suspended, by an operator's change".to_owned());
    let Some(own) = found.hold("organisation", "is served", live) else { return };
    let Some(role) = word(args.role.as_deref(), Role::parse, "role", found) else {
        return scopes(&system.scopes, found);
    };
    let today = clock.today();
    let (organisation, within) = match args.organisation.as_deref().filter(|code| *code != own.code) {
        None => (own, None),
        Some(code) => {
            let acting = directory.acting(system, code, role, today);
            let acting = acting.map_err(|_| not_acting(directory, system, (code, role), today));
            let Some(acting) = found.hold("acting", "it may act for that organisation today", acting) else {
                return;
            };
            acting
        }
    };
    scopes(within.as_ref().map_or(&system.scopes, |within| &within.scopes), found);
    mandated(within.as_ref(), found);
    if !system.roles.contains(&role) {
        return found.bad("role", "is not registered for this system; an operator's change gives it");
    }
    found.good("role", "is registered for this system");
    let Some(person) = person(args, directory, (system, own), role, found) else { return };
    let Some(purpose) = word(args.purpose.as_deref(), Purpose::parse, "purpose", found) else { return };
    let asked = Asked { system, organisation, role, purpose, person };
    asked.told(directory, today, found);
}

/// Who asks, once all of it is known.
struct Asked<'a> {
    system: &'a System,
    /// The one that counts.
    organisation: &'a Organisation,
    role: Role,
    purpose: Purpose,
    person: Option<PersonKey>,
}

impl Asked<'_> {
    /// What agreement, sections, authorisation and policies say.
    fn told(&self, directory: &Directory, today: NaiveDate, found: &mut Findings) {
        let Self { system, organisation, role, purpose, person } = self;
        agreement(directory, organisation, *purpose, today, found);
        if needs_agreement(*purpose) && person.is_none() && system.sections_without_person.is_empty() {
            let says = "none is given to this system without a person; an operator's change gives some";
            found.bad("sections", says);
        }
        let officer = *role == Role::AttendanceOfficerLa && *purpose == Purpose::AttendanceDuty;
        let authorised = directory.authorised_officer(organisation.id, (system.id, person.as_ref()), today);
        if officer && authorised.is_none() {
            let whose = if person.is_some() { "of this person" } else { "of this system" };
            let says = format!("no written authorisation {whose} is in force (SI 2024/208 reg 12); 403");
            found.bad("authorisation", &says);
        }
        let facts = Facts {
            role: *role,
            purpose: *purpose,
            organisation_kind: organisation.kind,
            organisation_live: true,
            lane: if person.is_some() { Lane::Person } else { Lane::System },
            agreement_live: true,
            relationship: Relationship::None,
            scope: true,
            shielded: false,
            withheld: false,
            in_conflict: false,
        };
        relationship(directory, &facts, found);
    }
}

fn needs_agreement(purpose: Purpose) -> bool {
    purpose != Purpose::OwnRecord && purpose != Purpose::AuditReview
}

fn agreement(
    directory: &Directory,
    organisation: &Organisation,
    purpose: Purpose,
    today: NaiveDate,
    found: &mut Findings,
) {
    let needed = needs_agreement(purpose);
    if needed && directory.agreement(organisation.id, purpose, today).is_none() {
        let says = "no sharing agreement for this purpose is in force today; 403 for every child";
        found.bad("agreement", says);
    } else {
        let good = if needed { "is in force today" } else { "none is needed for this purpose" };
        found.good("agreement", good);
    }
}

/// What the directory says today of the system that an entry names, in the entry's role and for its purpose.
pub(super) fn of_entry(entry: &Outline, directory: &Directory, today: NaiveDate, found: &mut Findings) {
    let own = entry.organisation.as_deref().and_then(|code| directory.organisation_by_code(code));
    let of = |system: &&System| {
        own.is_some_and(|own| own.id == system.organisation) && Some(&system.code) == entry.system.as_ref()
    };
    let (Some(own), Some(system)) = (own, directory.systems.values().find(of)) else {
        return found.bad("system", "is not in the directory any longer");
    };
    scopes(&system.scopes, found);
    let (Some(role), Some(purpose)) = (entry.role, entry.purpose) else { return };
    if !system.roles.contains(&role) {
        found.bad("role", "is not registered for this system; an operator's change gives it");
    }
    let counts = entry.acted_for.as_deref().and_then(|code| directory.organisation_by_code(code));
    let organisation = counts.unwrap_or(own);
    if entry.person {
        return agreement(directory, organisation, purpose, today, found);
    }
    Asked { system, organisation, role, purpose, person: None }.told(directory, today, found);
}

fn scopes(scopes: &[crate::directory::Scope], found: &mut Findings) {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    if words.is_empty() {
        found.bad("scope", "none is registered, so that every route is 403; an operator's change gives one");
    } else {
        found.good("scope", &format!("registered for {}; other routes are 403", words.join(", ")));
    }
}

/// What a mandate leaves of a summary.
fn mandated(within: Option<&Within>, found: &mut Findings) {
    let Some(within) = within else { return };
    let sections: Vec<&str> = within.sections.iter().map(Section::as_str).collect();
    if sections.is_empty() {
        found.good("mandate", "is in force today, and gives no section of any child");
    } else {
        found.good("mandate", &format!("is in force today, and gives {}", sections.join(", ")));
    }
}

/// Why a system may not act for an organisation in a role on a day.
fn not_acting(
    directory: &Directory,
    system: &System,
    (code, role): (&str, Role),
    today: NaiveDate,
) -> String {
    let Some(other) = directory.organisation_by_code(code) else {
        return format!("there is no organisation `{code}`; see `schoolgate org list`");
    };
    if other.standing != Standing::Live {
        return format!("organisation `{code}` is suspended, by an operator's change");
    }
    let of_both =
        |a: &&crate::directory::ActsFor| a.organisation == system.organisation && a.acted_for == other.id;
    let of_days = |from: NaiveDate, until: NaiveDate| {
        let when = if today < from { "not yet" } else { "no longer" };
        format!("{when} in force: from {from} until {until}")
    };
    if let Some(acts) =
        directory.acts_for.iter().find(|a| of_both(a) && a.valid_from <= today && today <= a.valid_until)
    {
        let roles: Vec<&str> = acts.roles.iter().map(|role| role.as_str()).collect();
        return format!("its organisation acts for `{code}` as {}, and not as {role}", roles.join(", "));
    }
    if let Some(acts) = directory.acts_for.iter().find(of_both) {
        return format!(
            "that its organisation acts for `{code}` is {}",
            of_days(acts.valid_from, acts.valid_until)
        );
    }
    let mandates = directory.mandates.get(&(system.id, SchoolId(other.id.0)));
    match mandates.and_then(|all| all.iter().max_by_key(|mandate| mandate.valid_until)) {
        Some(mandate) => {
            format!("its mandate for `{code}` is {}", of_days(mandate.valid_from, mandate.valid_until))
        }
        None => format!(
            "nothing lets it act for `{code}`: no mandate, and its organisation does not act for that one; an operator's \
             change does (`mandate add`, `acts-for add`)"
        ),
    }
}

/// The person who is named, or none where nobody is; nothing where that person is not proved or not served.
#[expect(clippy::option_option, reason = "nobody is named, or the named one fails: different ends")]
fn person(
    args: &DoctorArgs,
    directory: &Directory,
    (system, own): (&System, &Organisation),
    role: Role,
    found: &mut Findings,
) -> Option<Option<PersonKey>> {
    let Some(subject) = &args.person else { return Some(None) };
    let fits = |p: &&std::sync::Arc<crate::directory::IdentityProvider>| {
        args.issuer.as_ref().is_none_or(|issuer| *issuer == p.issuer)
            && args.tenant.as_ref().is_none_or(|tenant| *tenant == p.tenant)
    };
    let all = || directory.proofs.providers.get(&own.id).into_iter().flatten().filter(fits);
    let provider = match all().find(|provider| !provider.suspended) {
        Some(provider) => Ok(provider),
        None if all().next().is_some() => Err("is suspended, by an operator's change".to_owned()),
        None => Err(format!("`{}` has none that fits; see `schoolgate idp list`", own.code)),
    };
    let provider = found.hold("identity provider", "is registered", provider)?;
    if !provider.clients.contains_key(&system.id) {
        found.bad(
            "identity provider",
            "this system is no client there by the directory; no ID token is for it",
        );
    }
    let (issuer, tenant) = (provider.issuer.clone(), provider.tenant.clone());
    let key = PersonKey { issuer, tenant, subject: subject.clone() };
    let served = if directory.proofs.suspended.contains_key(&key) {
        Err("is suspended, by an operator's change; `schoolgate person release` lets them back".to_owned())
    } else {
        Ok(())
    };
    found.hold("person", "is not suspended", served)?;
    let gives = provider.roles.values().any(|roles| roles.contains(&role));
    let gives = gives.then_some(()).ok_or_else(|| {
        format!("no value of the claim `{}` stands for it at the identity provider", provider.role_claim)
    });
    found.hold("role of persons", "is given by a claim of the identity provider", gives)?;
    Some(Some(key))
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
fn relationship(directory: &Directory, facts: &Facts, found: &mut Findings) {
    // That the set in force does not hold is said elsewhere.
    let Ok(policy) = policy_in_force(directory.policies.as_deref()) else { return };
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
