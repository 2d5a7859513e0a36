//! From what a command was given to the records that it wants to stand.

use super::args::{
    AgreementAddArgs, AgreementSuspendArgs, IdpAddArgs, IdpSuspendArgs, MandateAddArgs, MandateSuspendArgs,
    OperatorAddArgs, OrganisationArgs, SchoolArgs, SystemAddArgs, SystemSuspendArgs,
};
use crate::crypto::{ed25519_public_from_pem, sha256, to_hex};
use crate::directory::changes::{Record, Records, records};
use crate::directory::{
    CertificateEntry, DirectoryFile, MandateEntry, OperatorEntry, OrganisationEntry, SharingAgreementEntry,
    SystemEntry,
};
use crate::identity::Peer;
use crate::operators::from_gias;
use anyhow::{Context as _, Result, bail};
use chrono::NaiveDate;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::path::Path;

/// What stands, and today.
pub(super) type Stands<'a> = (&'a Records, NaiveDate);

pub(super) fn of(all: impl IntoIterator<Item = Record>) -> Records {
    all.into_iter().map(Record::normal).map(|record| (record.key(), record)).collect()
}

/// The one record of a kind that has this name.
fn named<'a>(stands: &'a Records, kind: &str, name: &str) -> Result<&'a Record> {
    let is = |key: &str| key.strip_prefix(kind).is_some_and(|rest| rest.trim_start() == name);
    let found = stands.iter().find(|(key, _)| is(&key.to_string()));
    found.map(|(_, record)| record).with_context(|| format!("there is no {kind} `{name}`; see the list"))
}

/// A record that gives nothing from now on.
pub(super) fn ended((stands, today): Stands<'_>, kind: &str, name: &str) -> Result<Records> {
    Ok(of(named(stands, kind, name)?.ended(today)))
}

/// An organisation with what was given; the rest is as it stands.
pub(super) fn organisation(
    (stands, _): Stands<'_>,
    args: &OrganisationArgs,
    numbers: Option<&SchoolArgs>,
) -> Result<Records> {
    let mut entry = match named(stands, "organisation", &args.code) {
        Ok(Record::Organisation(entry)) => entry.clone(),
        _ => OrganisationEntry { code: args.code.clone(), ..OrganisationEntry::default() },
    };
    entry.suspended = false;
    put(&mut entry.name, args.name.as_ref());
    put(&mut entry.kind, args.kind.as_ref());
    entry.la_code = args.la_code.clone().or(entry.la_code);
    if let Some(numbers) = numbers {
        "school".clone_into(&mut entry.kind);
        entry.urn = numbers.urn.clone().or(entry.urn);
        entry.laestab = numbers.laestab.clone().or(entry.laestab);
        entry.phase = numbers.phase.clone().or(entry.phase);
        entry.returns_to = numbers.returns_to.clone().or(entry.returns_to);
        entry.predecessor = numbers.predecessor.clone().or(entry.predecessor);
        entry.attendance_lead = pair(numbers.attendance_lead.as_deref()).or(entry.attendance_lead);
        entry.dsl = pair(numbers.dsl.as_deref()).or(entry.dsl);
    }
    if entry.name.is_empty() || entry.kind.is_empty() {
        bail!("`{}` is new: give its --name and --kind", args.code);
    }
    Ok(of([Record::Organisation(entry)]))
}

fn put(to: &mut String, given: Option<&String>) {
    if let Some(given) = given {
        to.clone_from(given);
    }
}

fn pair(given: Option<&[String]>) -> Option<(String, String)> {
    match given {
        Some([name, telephone]) => Some((name.clone(), telephone.clone())),
        _ => None,
    }
}

/// A system with what was given; lists that were given take the place of those that stand, certificates are added.
pub(super) fn system((stands, _): Stands<'_>, args: &SystemAddArgs) -> Result<Records> {
    let mut entry = match named(stands, "system", &args.client_id) {
        Ok(Record::System(entry)) => entry.clone(),
        _ => SystemEntry { client_id: args.client_id.clone(), ..SystemEntry::default() },
    };
    entry.suspended = false;
    put(&mut entry.organisation, args.organisation.as_ref());
    put(&mut entry.code, args.code.as_ref());
    let lists = [
        (&mut entry.roles, &args.roles),
        (&mut entry.scopes, &args.scopes),
        (&mut entry.sections_without_person, &args.sections),
    ];
    for (stands, given) in lists {
        if !given.is_empty() {
            stands.clone_from(given);
        }
    }
    entry.requests_per_minute = args.requests_per_minute.unwrap_or(entry.requests_per_minute);
    if entry.organisation.is_empty() || entry.code.is_empty() {
        bail!("`{}` is new: give its --organisation and --code", args.client_id);
    }
    let name = format!("urn:schoolgate:org:{}:system:{}", entry.organisation, entry.code);
    for file in &args.certificates {
        entry.certificates.push(certificate(file, &name)?);
    }
    Ok(of([Record::System(entry)]))
}

fn certificate(file: &Path, name: &str) -> Result<CertificateEntry> {
    let pem = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let der = CertificateDer::from_pem_slice(&pem)
        .ok()
        .with_context(|| format!("`{}` is not a certificate in PEM", file.display()))?;
    let peer = Peer::from_der(&der).with_context(|| format!("`{}`", file.display()))?;
    if peer.san_uris != [name] {
        bail!("`{}` is not this system's: its SAN URI is not `{name}`", file.display());
    }
    Ok(CertificateEntry {
        thumbprint: to_hex(&peer.thumbprint),
        key_digest: to_hex(&peer.key_digest),
        valid_from: peer.not_before,
        valid_until: peer.not_after,
        by_system: false,
    })
}

/// A system that is let in nowhere, or one without one of its certificates.
pub(super) fn shut_system((stands, today): Stands<'_>, args: &SystemSuspendArgs) -> Result<Records> {
    let Some(thumbprint) = &args.certificate else {
        return ended((stands, today), "system", &args.client_id);
    };
    let Record::System(entry) = named(stands, "system", &args.client_id)? else {
        bail!("there is no system `{}`", args.client_id)
    };
    let mut entry = entry.clone();
    let before = entry.certificates.len();
    entry.certificates.retain(|c| !c.thumbprint.eq_ignore_ascii_case(thumbprint));
    if entry.certificates.len() == before {
        bail!("system `{}` has no live certificate `{thumbprint}`", args.client_id);
    }
    Ok(of([Record::System(entry)]))
}

pub(super) fn agreement(args: &AgreementAddArgs) -> Result<Records> {
    let document = std::fs::read(&args.document)
        .with_context(|| format!("cannot read `{}`", args.document.display()))?;
    Ok(of([Record::SharingAgreement(SharingAgreementEntry {
        organisation: args.organisation.clone(),
        purposes: args.purposes.clone(),
        exceptions: args.exceptions.clone(),
        valid_from: args.from,
        valid_until: args.until,
        version: args.document_version.clone(),
        document_digest: to_hex(&sha256(&[&document])),
        suspended: false,
    })]))
}

pub(super) fn suspended_agreement((stands, _): Stands<'_>, args: &AgreementSuspendArgs) -> Result<Records> {
    let name = format!("{} {}", args.organisation, args.document_version);
    let Record::SharingAgreement(entry) = named(stands, "sharing agreement", &name)? else {
        bail!("there is no sharing agreement `{name}`")
    };
    Ok(of([Record::SharingAgreement(SharingAgreementEntry { suspended: true, ..entry.clone() })]))
}

pub(super) fn mandate(args: &MandateAddArgs) -> Records {
    of([Record::Mandate(MandateEntry {
        client_id: args.system.clone(),
        school: args.school.clone(),
        scopes: args.scopes.clone(),
        sections: args.sections.clone(),
        valid_from: args.from,
        valid_until: args.until,
    })])
}

/// Every mandate of a system for a school that has not ended, ended.
pub(super) fn ended_mandates((stands, today): Stands<'_>, args: &MandateSuspendArgs) -> Result<Records> {
    let theirs = |r: &&Record| matches!(r, Record::Mandate(m) if m.client_id == args.system && m.school == args.school);
    let ended = of(stands.values().filter(theirs).filter_map(|record| record.ended(today)));
    if ended.is_empty() {
        bail!("system `{}` has no mandate for `{}` that has not ended", args.system, args.school);
    }
    Ok(ended)
}

/// A provider as its file has it.
pub(super) fn provider(args: &IdpAddArgs) -> Result<Records> {
    let bytes =
        std::fs::read(&args.file).with_context(|| format!("cannot read `{}`", args.file.display()))?;
    let entry = serde_json::from_slice(&bytes).with_context(|| {
        format!("`{}` is not an identity provider's entry; see docs/directory.md", args.file.display())
    })?;
    Ok(of([Record::IdentityProvider(entry)]))
}

/// A provider that is to prove nobody.
pub(super) fn shut_provider((stands, today): Stands<'_>, args: &IdpSuspendArgs) -> Result<Records> {
    let tenant = args.tenant.as_deref().unwrap_or("-");
    ended((stands, today), "identity provider", &format!("{} {} {tenant}", args.organisation, args.issuer))
}

pub(super) fn operator(args: &OperatorAddArgs) -> Result<Records> {
    let pem = std::fs::read(&args.file).with_context(|| format!("cannot read `{}`", args.file.display()))?;
    let key = ed25519_public_from_pem(&pem).with_context(|| format!("`{}`", args.file.display()))?;
    let (name, public_key) = (args.name.clone(), to_hex(&key));
    Ok(of([Record::Operator(OperatorEntry { name, public_key, ended: false })]))
}

/// Whether a file is the register's list of establishments.
pub(super) fn is_gias(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

/// The records of a directory file, or the schools of the register's list.
pub(super) fn of_file((stands, _): Stands<'_>, file: &Path) -> Result<Records> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    if is_gias(file) {
        let taken = from_gias(&bytes, stands)?;
        for code in &taken.closed {
            tracing::warn!("the list has school `{code}` as closed; it is left as it is");
        }
        return Ok(records(&taken.file)?);
    }
    let file: DirectoryFile = serde_json::from_slice(&bytes)
        .with_context(|| format!("`{}` is not a directory file; see docs/directory.md", file.display()))?;
    let mut wanted = records(&file)?;
    for (key, record) in &mut wanted {
        if let (Record::System(s), Some(Record::System(held))) = (record, stands.get(key)) {
            keep_own_certificates(s, held);
        }
    }
    Ok(wanted)
}

/// What a system has registered itself since a file was written stands, though the file does not have it: it is revoked by
/// name, with `system suspend --certificate`.
fn keep_own_certificates(wanted: &mut SystemEntry, held: &SystemEntry) {
    for own in held.certificates.iter().filter(|c| c.by_system) {
        wanted.certificates.retain(|c| c.thumbprint != own.thumbprint);
        wanted.certificates.push(own.clone());
    }
    wanted.certificates.sort_by_key(|c| (c.valid_from, c.thumbprint.clone()));
}
