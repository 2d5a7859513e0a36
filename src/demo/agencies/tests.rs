use super::*;
use crate::demo::authority::Options;
use crate::demo::pki::Pki;
use crate::directory::changes::{self, Missing};
use crate::domain::organisation::OrganisationKind;
use crate::domain::purpose::{InvolvementKind, Purpose, Role};
use chrono::{NaiveDate, Utc};
use std::collections::{HashMap, HashSet};

fn authority() -> Authority {
    Authority::generate(Options::new(1, NaiveDate::from_ymd_opt(2026, 11, 20).unwrap()))
}

#[expect(clippy::disallowed_methods, reason = "certificates are of real time")]
fn directory(authority: &Authority) -> DirectoryFile {
    let dir = tempfile::tempdir().unwrap();
    let pki = Pki::create(dir.path(), &system_names(authority), Utc::now()).unwrap();
    directory_file(authority, &pki)
}

#[test]
fn every_word_of_the_directory_is_in_its_vocabulary_and_every_code_is_defined() {
    let authority = authority();
    let file = directory(&authority);
    let codes: HashSet<&str> = file.organisations.iter().map(|o| o.code.as_str()).collect();
    assert_eq!(codes.len(), file.organisations.len());
    assert!(file.organisations.iter().all(|o| OrganisationKind::parse(&o.kind).is_some()));
    let mut clients = HashSet::new();
    for system in &file.systems {
        assert!(codes.contains(system.organisation.as_str()));
        assert!(clients.insert(system.client_id.as_str()));
        assert!(system.roles.iter().all(|role| Role::parse(role).is_some()));
        assert!(system.scopes.iter().all(|scope| crate::directory::Scope::parse(scope).is_some()));
        assert_eq!(system.certificates.len(), 1, "{}", system.client_id);
    }
    let digests: HashSet<&str> =
        file.systems.iter().flat_map(|s| &s.certificates).map(|c| c.key_digest.as_str()).collect();
    assert_eq!(digests.len(), file.systems.len(), "a key of its own for each system");
    for agreement in &file.sharing_agreements {
        assert!(agreement.purposes.iter().all(|purpose| Purpose::parse(purpose).is_some()));
        assert_eq!(agreement.exceptions, ["health", "sessions", "suspension", "search_by_name"]);
    }
    assert!(file.teams.iter().all(|team| codes.contains(team.organisation.as_str())));
    assert!(file.officer_authorisations.iter().all(|a| clients.contains(a.client_id.as_str())));
    let text = serde_json::to_string(&file).unwrap();
    assert_eq!(serde_json::to_string(&serde_json::from_str::<DirectoryFile>(&text).unwrap()).unwrap(), text);
}

#[test]
fn involvements_cover_every_kind_with_two_live_and_one_ended_and_come_from_a_system_with_the_scope() {
    let authority = authority();
    let file = directory(&authority);
    let all = involvements(&authority);
    for kind in InvolvementKind::ALL {
        let plain = |i: &&DemoInvolvement| i.kind == *kind && !i.protected && i.barred.is_none();
        let of_kind: Vec<_> = all.iter().filter(plain).collect();
        assert_eq!(of_kind.iter().filter(|i| i.until.is_none()).count(), 2, "{kind}");
        assert_eq!(of_kind.iter().filter(|i| i.until.is_some()).count(), 1, "{kind}");
        assert!(of_kind.iter().all(|i| i.family_agreement.is_some() == kind.needs_family_agreement()));
    }
    assert_eq!(all.iter().filter(|i| i.protected).count(), 1);
    assert_eq!(all.iter().map(|i| i.id).collect::<HashSet<_>>().len(), all.len());
    assert_eq!(
        all.iter().map(|i| &i.upn).collect::<HashSet<_>>().len(),
        all.iter().filter(|i| i.barred.is_none()).count(),
        "a child has one case here, but for those that a bar stands before"
    );
    assert_eq!(all.iter().filter_map(|i| Some(i.barred.as_ref()?.shield)).collect::<Vec<_>>(), [true, false]);
    for case in &all {
        let system = file.systems.iter().find(|s| s.client_id == case.client_id).unwrap();
        assert!(system.scopes.contains(&"involvements".to_owned()));
        assert!(file.teams.iter().any(|t| t.organisation == system.organisation && t.code == case.team));
        assert!(case.until.is_none_or(|until| case.opened_at < until));
        assert!(case.case_reference.len() <= 64 && case.case_reference.bytes().all(|b| b.is_ascii_graphic()));
    }
    assert_eq!(all, involvements(&authority), "drawn from the seed alone");
}

#[test]
fn every_caller_is_registered_and_its_children_are_what_they_are_called() {
    let authority = authority();
    let file = directory(&authority);
    let cases: HashMap<String, DemoInvolvement> =
        involvements(&authority).into_iter().map(|case| (case.case_reference.clone(), case)).collect();
    let callers = callers(&authority);
    assert_eq!(callers.iter().map(|c| &c.name).collect::<HashSet<_>>().len(), callers.len());
    for caller in &callers {
        let system = file.systems.iter().find(|s| s.client_id == caller.client_id).unwrap();
        assert_eq!(system.organisation, caller.organisation);
        assert!(system.roles.contains(&caller.role), "{}", caller.name);
        let purpose = Purpose::parse(&caller.purpose).unwrap();
        let own_school = authority.schools.iter().find(|s| s.code == caller.organisation);
        for child in &caller.children {
            let enrolled_here =
                own_school.is_some_and(|s| s.enrolments.iter().any(|e| e.child.upn == child.upn));
            let case = child.case_reference.as_ref().and_then(|reference| cases.get(reference));
            let its_case = case.filter(|case| case.upn == child.upn);
            match child.standing {
                Standing::Mine if own_school.is_some() => assert!(enrolled_here),
                Standing::Mine if purpose == Purpose::AttendanceDuty => {}
                Standing::Mine => {
                    assert!(its_case.is_some_and(|c| c.kind.purpose() == purpose && c.until.is_none()));
                }
                Standing::Ended => assert!(its_case.is_some_and(|c| c.until.is_some())),
                Standing::Protected => assert!(its_case.is_some_and(|c| c.protected)),
                Standing::OtherCaseKind => {
                    assert!(its_case.is_some_and(|c| c.kind.purpose() != purpose && c.until.is_none()));
                }
                Standing::NotMine if caller.name == "stranger" => {}
                Standing::NotMine => assert!(!enrolled_here && its_case.is_none()),
                Standing::Shielded => assert!(its_case.is_some_and(|c| c.barred.is_some())),
            }
        }
        let standings: HashSet<_> = caller.children.iter().map(|c| c.standing).collect();
        if purpose != Purpose::AuditReview {
            assert!(standings.contains(&Standing::NotMine), "{}", caller.name);
        }
        if purpose != Purpose::AuditReview && caller.name != "stranger" {
            assert!(standings.contains(&Standing::Mine), "{}", caller.name);
        }
    }
}

#[test]
fn there_is_a_caller_for_each_row_of_the_matrix_whose_relationship_exists() {
    let callers = callers(&authority());
    // Disclosure matrix, section 4: purpose and role, in its order; then those without a row.
    for (purpose, role) in [
        (Purpose::Screening, Role::SocialWorker),
        (Purpose::ChildInNeed, Role::SocialWorker),
        (Purpose::ChildInNeed, Role::FamilyHelpPractitioner),
        (Purpose::ChildProtection, Role::SocialWorker),
        (Purpose::LookedAfter, Role::SocialWorker),
        (Purpose::LookedAfter, Role::VirtualSchool),
        (Purpose::EarlyHelp, Role::EarlyHelpWorker),
        (Purpose::EarlyHelp, Role::FamilyHelpPractitioner),
        (Purpose::SchoolHealth, Role::SchoolNurse),
        (Purpose::SchoolHealth, Role::MentalHealthPractitioner),
        (Purpose::YouthJustice, Role::YouthJusticeWorker),
        (Purpose::AttendanceDuty, Role::AttendanceOfficerLa),
        (Purpose::ResidentConcern, Role::AttendanceOfficerLa),
        (Purpose::OwnRecord, Role::SchoolAttendanceOfficer),
        (Purpose::OwnRecord, Role::Dsl),
        (Purpose::AuditReview, Role::DataProtectionOfficer),
    ] {
        let found = |c: &&DemoCaller| c.purpose == purpose.as_str() && c.role == role.as_str();
        assert!(callers.iter().any(|c| found(&c)), "{purpose} {role}");
    }
}

#[tokio::test]
async fn the_directory_goes_into_a_database_and_every_system_is_found_by_its_certificate() {
    let authority = authority();
    let file = directory(&authority);
    let dir = tempfile::tempdir().unwrap();
    let db =
        crate::store::Db::open(&format!("sqlite:{}", dir.path().join("gateway.db").display())).await.unwrap();
    crate::store::migrate(&db).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    let (empty, now) = (crate::directory::Directory::default(), crate::clock::Clock::machine().now());
    let (stands, wanted) = (empty.records(), changes::records(&file).unwrap());
    let edits = changes::plan(&stands, wanted, Missing::End, (authority.options.today, now)).unwrap();
    changes::write(&mut tx, &empty, (uuid::Uuid::nil(), &edits), now).await.unwrap();
    tx.commit().await.unwrap();
    let directory = crate::directory::load(&db).await.unwrap();
    db.close().await;
    for entry in &file.systems {
        let certificate = &entry.certificates[0];
        let thumbprint = crate::crypto::from_hex(&certificate.thumbprint).unwrap().try_into().unwrap();
        let system = directory.system_by_thumbprint(&thumbprint, certificate.valid_from).unwrap();
        assert_eq!(system.client_id, entry.client_id);
        let name = SystemName::new(&entry.organisation, &entry.code);
        assert_eq!(directory.san_uri(system), Some(name.uri()));
        let officer =
            directory.authorised_officer(system.organisation, (system.id, None), authority.options.today);
        assert_eq!(officer.is_some(), entry.roles == ["attendance_officer_la"]);
    }
    for school in &authority.schools {
        let (_, organisation) = directory.school_by_urn(&school.urn).unwrap();
        let authority = &directory.organisations[&organisation.returns_to.unwrap()];
        assert_eq!(authority.la_code.as_deref(), Some("999"));
    }
    let caseworkers =
        callers(&authority).into_iter().filter(|c| Purpose::parse(&c.purpose).unwrap().is_a_case());
    for caller in caseworkers {
        let system = directory.system_by_client_id(&caller.client_id).unwrap();
        let purpose = Purpose::parse(&caller.purpose).unwrap();
        assert!(directory.agreement(system.organisation, purpose, authority.options.today).is_some());
    }
}
