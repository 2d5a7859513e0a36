//! Changes without a database: what is new, changed and narrowed, and what is signed.

use super::*;
use crate::crypto::Ed25519Key;
use crate::directory::{
    CertificateEntry, Directory, DirectoryFile, IdentityProviderEntry, KeyEntry, MandateEntry,
    OrganisationEntry, PersonEntry, SharingAgreementEntry, SystemEntry, TeamEntry,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

const GATEWAY: &str = "gate.example/log";

fn now() -> DateTime<Utc> {
    "2026-11-20T12:00:00Z".parse().unwrap()
}

fn at() -> (NaiveDate, DateTime<Utc>) {
    ("2026-11-20".parse().unwrap(), now())
}

fn organisation(code: &str, kind: &str) -> OrganisationEntry {
    let (code, kind, name) = (code.to_owned(), kind.to_owned(), code.to_owned());
    OrganisationEntry { code, kind, name, ..OrganisationEntry::default() }
}

fn certificate(n: u8) -> CertificateEntry {
    CertificateEntry {
        thumbprint: format!("{n:064x}"),
        key_digest: format!("{n:064x}"),
        valid_from: now() - TimeDelta::days(1),
        valid_until: now() + TimeDelta::days(1),
        by_system: false,
    }
}

fn key(kid: &str) -> KeyEntry {
    // The public key of the worked example in RFC 8037, appendix A.2.
    let jwk = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let (valid_from, valid_until) = (now() - TimeDelta::days(1), now() + TimeDelta::days(1));
    KeyEntry { kid: kid.to_owned(), jwk, valid_from, valid_until }
}

fn provider() -> IdentityProviderEntry {
    serde_json::from_value(serde_json::json!({
        "organisation": "holder", "issuer": "https://login.example", "algorithms": ["ES256"],
        "clients": {"holder.sync": "there"}, "role_claim": "roles",
        "roles": {"attendance": ["school_attendance_officer", "dsl"]}, "mfa": {"claim": "amr", "values": ["mfa"]}
    }))
    .unwrap()
}

fn file() -> DirectoryFile {
    let mut hill = organisation("hill", "school");
    hill.urn = Some("100000".to_owned());
    DirectoryFile {
        organisations: vec![hill, organisation("holder", "vendor")],
        systems: vec![SystemEntry {
            organisation: "holder".to_owned(),
            code: "sync".to_owned(),
            client_id: "holder.sync".to_owned(),
            scopes: vec!["summaries".to_owned(), "registers".to_owned()],
            certificates: vec![certificate(1)],
            keys: vec![key("one")],
            ..SystemEntry::default()
        }],
        identity_providers: vec![provider()],
        mandates: vec![MandateEntry {
            client_id: "holder.sync".to_owned(),
            school: "hill".to_owned(),
            scopes: vec!["registers".to_owned(), "summaries".to_owned()],
            sections: vec!["headline".to_owned()],
            valid_from: "2026-09-01".parse().unwrap(),
            valid_until: "2027-08-31".parse().unwrap(),
        }],
        ..DirectoryFile::default()
    }
}

/// What a change of the whole directory from `file()` does, record by record.
fn told(change: impl FnOnce(&mut DirectoryFile)) -> Result<Vec<String>, String> {
    let stands = records(&file()).unwrap();
    let mut wanted = file();
    change(&mut wanted);
    let edits = records(&wanted).and_then(|wanted| plan(&stands, wanted, Missing::End, at()));
    let edits = edits.map_err(|fault| fault.to_string())?;
    Ok(edits.iter().map(|e| format!("{} {}", does(&stands, e).as_str(), e.put.key())).collect())
}

#[test]
fn what_a_file_says_is_compared_with_what_stands() {
    let mandate = "mandate holder.sync hill 2026-09-01";
    let check = |expected: &[&str], change: &dyn Fn(&mut DirectoryFile)| {
        assert_eq!(told(change), Ok(expected.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>()));
    };
    check(&[], &|_| ());
    check(&[], &|f| f.systems[0].scopes.reverse());
    check(&["new organisation dale"], &|f| f.organisations.push(organisation("dale", "school")));
    check(&["changed organisation hill"], &|f| f.organisations[0].name.push('!'));
    check(&["changed organisation hill"], &|f| {
        f.organisations[0].dsl = Some((String::new(), "1".to_owned()));
    });
    check(&["narrowed organisation hill"], &|f| f.organisations[0].suspended = true);
    check(&["narrowed system holder.sync"], &|f| f.systems[0].scopes.truncate(1));
    check(&["changed system holder.sync"], &|f| f.systems[0].scopes.push("audit".to_owned()));
    check(&["narrowed system holder.sync"], &|f| f.systems[0].certificates.clear());
    check(&["changed system holder.sync"], &|f| f.systems[0].certificates.push(certificate(2)));
    check(&["changed system holder.sync"], &|f| f.systems[0].certificates[0] = certificate(2));
    check(&["narrowed system holder.sync"], &|f| f.systems[0].requests_per_minute = 1);
    check(&[&format!("narrowed {mandate}")], &|f| f.mandates.clear());
    check(&[&format!("narrowed {mandate}")], &|f| f.mandates[0].sections.clear());
    check(&[&format!("changed {mandate}")], &|f| f.mandates[0].sections.push("trend".to_owned()));
    check(&[&format!("changed {mandate}")], &|f| f.mandates[0].valid_until += TimeDelta::days(1));
    let both = ["new mandate holder.sync hill 2026-09-02", &format!("narrowed {mandate}")];
    check(&[both[1], both[0]], &|f| f.mandates[0].valid_from += TimeDelta::days(1));
    check(&["narrowed system holder.sync"], &|f| f.systems[0].keys.clear());
    check(&["changed system holder.sync"], &|f| f.systems[0].keys.push(key("two")));
    let login = |word: &str| format!("{word} identity provider holder https://login.example -");
    check(&[&login("narrowed")], &|f| f.identity_providers.clear());
    check(&[&login("narrowed")], &|f| f.identity_providers[0].clients.clear());
    check(&[&login("narrowed")], &|f| {
        f.identity_providers[0].roles.values_mut().for_each(|roles| roles.truncate(1));
    });
    check(&[&login("changed")], &|f| {
        f.identity_providers[0].roles.insert("head".to_owned(), vec!["dsl".to_owned()]);
    });
    check(&[&login("changed")], &|f| f.identity_providers[0].mfa.values.push("otp".to_owned()));
    check(&[&login("changed")], &|f| f.identity_providers[0].algorithms.push("RS256".to_owned()));
    check(&[&login("changed")], &|f| {
        f.identity_providers[0].mark_claim = Some("marks".to_owned());
        f.identity_providers[0].marks.insert("dm".to_owned(), vec!["data_matcher".to_owned()]);
    });
    check(&["new team hill front"], &|f| {
        let (organisation, code, name) = ("hill".to_owned(), "front".to_owned(), "Front".to_owned());
        f.teams.push(TeamEntry { organisation, code, name, ended: false, telephone: String::new() });
    });
}

#[test]
fn what_is_ended_gives_nothing_from_today_on_and_ends_once() {
    let stands = records(&file()).unwrap();
    let edits = plan(&stands, Records::new(), Missing::End, at()).unwrap();
    let narrowed = edits.iter().all(|edit| does(&stands, edit) == Does::Narrows);
    assert_eq!((edits.len(), narrowed), (5, true));
    let after = fitting(&stands, &edits, now()).unwrap();
    assert_eq!(plan(&after, Records::new(), Missing::End, at()), Ok(Vec::new()));
    let ended =
        after.values().find_map(|r| if let Record::Mandate(m) = r { Some(m.valid_until) } else { None });
    assert_eq!(ended.unwrap().to_string(), "2026-11-19");
    assert_eq!(plan(&stands, Records::new(), Missing::Stand, at()), Ok(Vec::new()));
}

#[test]
fn an_agreement_gives_less_by_a_suspension_or_fewer_exceptions_alone() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let record = |change: &dyn Fn(&mut SharingAgreementEntry)| {
        let mut agreement = SharingAgreementEntry {
            organisation: "holder".to_owned(),
            purposes: vec!["child_protection".to_owned(), "screening".to_owned()],
            exceptions: vec!["health".to_owned()],
            valid_from: day("2026-09-01"),
            valid_until: day("2027-08-31"),
            version: "1".to_owned(),
            document_digest: "0".repeat(64),
            suspended: false,
        };
        change(&mut agreement);
        Record::SharingAgreement(agreement)
    };
    let before = record(&|_| ());
    assert!(record(&|a| a.suspended = true).narrows(&before));
    assert!(record(&|a| a.exceptions.clear()).narrows(&before));
    // Each of these may let an older agreement count again, or one that this one bars.
    assert!(!record(&|a| a.valid_until = day("2026-11-19")).narrows(&before));
    assert!(!record(&|a| a.valid_from = day("2026-11-21")).narrows(&before));
    assert!(!record(&|a| a.purposes.truncate(1)).narrows(&before));
    assert!(!before.narrows(&record(&|a| a.suspended = true)));
    let ended = before.ended(day("2026-11-20")).unwrap();
    assert_eq!((ended.clone(), ended.narrows(&before)), (record(&|a| a.suspended = true), true));
}

#[test]
fn a_key_or_provider_that_proves_nobody_is_refused() {
    let refused = |change: &dyn Fn(&mut DirectoryFile)| told(change).unwrap_err();
    let private = refused(&|f| f.systems[0].keys[0].jwk["d"] = serde_json::json!("secret"));
    assert!(private.contains("is not a public JWK"), "{private}");
    let third = refused(&|f| f.systems[0].keys = ["one", "two", "three"].map(key).to_vec());
    assert!(third.contains("more than two keys"), "{third}");
    let other = refused(&|f| f.identity_providers[0].organisation = "hill".to_owned());
    assert!(other.contains("systems of its own organisation"), "{other}");
    let word = refused(&|f| f.identity_providers[0].algorithms = vec!["none".to_owned()]);
    assert!(word.contains("`none` is not a signature algorithm"), "{word}");
    let open = refused(&|f| f.identity_providers[0].mfa.values.clear());
    assert!(open.contains("values of it that show a second factor"), "{open}");
    let shared = refused(&|f| {
        f.identity_providers[0].clients.insert("holder.x".to_owned(), "there".to_owned());
    });
    assert!(shared.contains("another client there for each system"), "{shared}");
}

fn person(subject: &str, suspended: bool) -> PersonEntry {
    PersonEntry {
        organisation: "holder".to_owned(),
        issuer: "https://login.example".to_owned(),
        tenant: String::new(),
        subject: subject.to_owned(),
        suspended,
    }
}

#[test]
fn to_suspend_a_person_narrows_and_to_let_them_back_widens() {
    let (stands, mut wanted) = (records(&file()).unwrap(), file());
    wanted.persons = vec![person("anna", true), person("ben", false)];
    let edits = plan(&stands, records(&wanted).unwrap(), Missing::Stand, at()).unwrap();
    let [edit] = edits.as_slice() else { panic!("who is served stands nowhere: {edits:?}") };
    assert_eq!(does(&stands, edit), Does::Narrows);
    let key = edit.put.key().to_string();
    assert!(key.starts_with("person holder ") && !key.contains("anna"), "{key}");
    let after = fitting(&stands, &edits, now()).unwrap();
    // A whole file that does not name them leaves them suspended.
    let none = plan(&after, records(&file()).unwrap(), Missing::End, at()).unwrap();
    assert_eq!(none, Vec::new());
    wanted.persons = vec![person("anna", false)];
    let back = plan(&after, records(&wanted).unwrap(), Missing::Stand, at()).unwrap();
    let [edit] = back.as_slice() else { panic!("{back:?}") };
    assert_eq!(does(&after, edit), Does::Changes);
    let refused = told(|f: &mut DirectoryFile| {
        f.persons = vec![PersonEntry { issuer: "https://other.example".to_owned(), ..person("anna", true) }];
    });
    assert!(refused.unwrap_err().contains("`holder https://other.example` is named but not defined"));
}

#[test]
fn marks_that_a_provider_cannot_give_are_refused() {
    let refused = |words: &[&str], says: &str| {
        let told = told(|f: &mut DirectoryFile| {
            f.identity_providers[0].mark_claim = Some("marks".to_owned());
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            f.identity_providers[0].marks.insert("value".to_owned(), words);
        });
        assert!(told.as_ref().is_err_and(|told| told.contains(says)), "{told:?}");
    };
    refused(&["manager"], "`manager` is not a mark on a person");
    refused(&["boss"], "`boss` is not a mark on a person");
    refused(&["manager:nobodys"], "`holder nobodys` is named but not defined");
    let told = told(|f: &mut DirectoryFile| {
        f.identity_providers[0].marks.insert("value".to_owned(), vec!["data_matcher".to_owned()]);
    });
    assert!(told.unwrap_err().contains("`marks` needs `mark_claim`"));
}

#[test]
fn a_school_keeps_the_numbers_that_it_had() {
    let stands = records(&file()).unwrap();
    let mut wanted = file();
    wanted.organisations[0].urn = Some("100009".to_owned());
    let edits = plan(&stands, records(&wanted).unwrap(), Missing::Stand, at()).unwrap();
    let [Edit { put: Record::Organisation(hill), .. }] = edits.as_slice() else { panic!("{edits:?}") };
    assert_eq!(hill.former_numbers.len(), 1);
    assert_eq!(hill.former_numbers[0].urn.as_deref(), Some("100000"));
    assert_eq!(hill.former_numbers[0].until.to_string(), "2026-11-19");
    // A file that says nothing of them takes none away.
    let after = fitting(&stands, &edits, now()).unwrap();
    assert_eq!(plan(&after, records(&wanted).unwrap(), Missing::Stand, at()), Ok(Vec::new()));
}

#[test]
fn what_makes_no_directory_is_refused_with_what_to_do() {
    let refused = |says: &str, change: &dyn Fn(&mut DirectoryFile)| {
        let told = told(change).unwrap_err();
        assert!(told.contains(says), "{told}");
    };
    refused("organisation hill stands twice", &|f| f.organisations.push(organisation("hill", "school")));
    refused("URN `100000` stands twice", &|f| {
        let urn = Some("100000".to_owned());
        f.organisations.push(OrganisationEntry { urn, ..organisation("dale", "school") });
    });
    refused("certificate `", &|f| {
        f.systems.push(SystemEntry { code: "two".into(), client_id: "two".into(), ..f.systems[0].clone() });
    });
    refused("`nobody` is named but not defined", &|f| f.systems[0].organisation = "nobody".to_owned());
    refused("`boss` is not a role", &|f| f.systems[0].roles.push("boss".to_owned()));
    refused("`everything` is not a section", &|f| f.mandates[0].sections.push("everything".to_owned()));
    refused("a code has letters", &|f| f.organisations.push(organisation("a hill", "school")));
    refused("a URN is six digits", &|f| f.organisations[0].urn = Some("1".to_owned()));
    refused("ends before it begins", &|f| {
        f.mandates[0].valid_from = "2027-09-01".parse().unwrap();
    });
    refused("a predecessor is another school", &|f| {
        f.organisations[0].predecessor = Some("holder".to_owned());
    });
}

#[test]
fn an_edit_of_what_has_changed_since_is_refused() {
    let stands = records(&file()).unwrap();
    let mut wanted = file();
    wanted.organisations[0].name.push('!');
    let edits = plan(&stands, records(&wanted).unwrap(), Missing::Stand, at()).unwrap();
    let after = fitting(&stands, &edits, now()).unwrap();
    let told = fitting(&after, &edits, now()).unwrap_err().to_string();
    assert!(told.contains("organisation hill has changed since"), "{told}");
}

fn signers() -> (Directory, Ed25519Key, Ed25519Key) {
    let keys = [Ed25519Key::generate().unwrap(), Ed25519Key::generate().unwrap()];
    let operators = keys.iter().zip(["anna", "ben"]).map(|(key, name)| Operator {
        name: name.to_owned(),
        public_key: key.public().to_vec(),
        added_at: now(),
        ended_at: None,
    });
    let directory = Directory { operators: operators.collect(), ..Directory::default() };
    let [anna, ben] = keys;
    (directory, anna, ben)
}

#[test]
fn a_document_holds_as_its_exact_bytes_for_this_gateway_and_now() {
    let (mut directory, anna, _) = signers();
    let by_anna = Signer::new(&directory, &anna, GATEWAY, now()).unwrap().change(Uuid::nil(), Vec::new());
    let read = |document: &Signed, directory: &Directory, gateway, at| {
        document.change(directory, gateway, at).map(|(_, name)| name)
    };
    assert_eq!(read(&by_anna, &directory, GATEWAY, now()), Ok("anna".to_owned()));
    assert_eq!(read(&by_anna, &directory, "other", now()), Err(NotSigned::OtherGateway));
    let late = now() + TimeDelta::minutes(11);
    assert_eq!(read(&by_anna, &directory, GATEWAY, late), Err(NotSigned::Stale));
    assert_eq!(read(&by_anna, &directory, GATEWAY, now() - TimeDelta::minutes(11)), Err(NotSigned::Stale));
    for place in 0..by_anna.bytes.len() {
        let mut changed = by_anna.clone();
        changed.bytes[place] ^= 1;
        assert!(read(&changed, &directory, GATEWAY, now()).is_err(), "byte {place}");
    }
    // The same words in another form of JSON, signed or not, are another document.
    let spaced = [b" ".as_slice(), &by_anna.bytes].concat();
    let resigned = Signed { signature: anna.sign(&spaced).to_vec(), bytes: spaced };
    assert_eq!(read(&resigned, &directory, GATEWAY, now()), Err(NotSigned::Form));
    // A decision is no change, and a change no decision.
    let decision = Signer::new(&directory, &anna, GATEWAY, now()).unwrap().decision(Uuid::nil(), b"", true);
    assert_eq!(read(&decision, &directory, GATEWAY, now()), Err(NotSigned::Form));
    assert_eq!(by_anna.decision(&directory, GATEWAY, now()).unwrap_err(), NotSigned::Form);
    directory.operators[0].ended_at = Some(now());
    assert_eq!(read(&by_anna, &directory, GATEWAY, now()), Err(NotSigned::UnknownOperator));
    assert!(Signer::new(&directory, &anna, GATEWAY, now()).is_err());
}
