//! How long a caller's proof takes on the way to every answer: a token that was seen before, and one that was not, of both
//! kinds of signature, for a system and for a person.
//!
//! `cargo bench --bench identity`. The bars: seen before under 5 microseconds, not seen under 150 microseconds.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

use chrono::{DateTime, TimeDelta, Utc};
use schoolgate::clock::Clock;
use schoolgate::crypto::{Ed25519Key, SignWith, TokenKey, es256_pkcs8, sha256};
use schoolgate::directory::{
    Contact, Credential, Directory, IdentityProvider, Mfa, Organisation, PersonKey, ProviderId, System,
};
use schoolgate::domain::identifiers::{OrganisationId, SystemId};
use schoolgate::domain::organisation::{OrganisationKind, Standing};
use schoolgate::domain::purpose::{Purpose, Role, SectionSet};
use schoolgate::identity::{Grant, Peer, Person, TokenKeys, authenticate};
use std::collections::HashMap;
use std::sync::Arc;
use uuid::Uuid;
use zeroize::Zeroizing;

const PROVIDER: &str = "https://login.example";

/// A directory of the size of an authority's: 200 systems, of which one asks.
fn directory(now: DateTime<Utc>) -> (Directory, Peer) {
    let mut directory = Directory::default();
    for number in 0..200_u8 {
        let (id, system) = (OrganisationId(Uuid::now_v7()), SystemId(Uuid::now_v7()));
        let thumbprint = sha256(&[&[number]]);
        directory.organisations.insert(id, organisation(id, number));
        directory.systems.insert(system, a_system(system, id, number));
        directory.credentials.insert(
            thumbprint,
            Credential {
                system,
                thumbprint,
                key_digest: thumbprint,
                valid_from: now - TimeDelta::days(1),
                valid_until: now + TimeDelta::days(1),
                revoked_at: None,
                by_system: false,
            },
        );
        directory.proofs.providers.insert(id, vec![Arc::new(provider())]);
    }
    let peer = Peer {
        thumbprint: sha256(&[&[7]]),
        san_uris: vec!["urn:schoolgate:org:org-7:system:cases".to_owned()],
        not_before: now - TimeDelta::days(1),
        not_after: now + TimeDelta::days(1),
        key: vec![7],
        key_digest: sha256(&[&[7]]),
    };
    (directory, peer)
}

fn organisation(id: OrganisationId, number: u8) -> Organisation {
    Organisation {
        id,
        code: format!("org-{number}"),
        kind: OrganisationKind::LocalAuthority,
        name: format!("Organisation {number}"),
        standing: Standing::Live,
        urn: None,
        laestab: None,
        la_code: None,
        phase: None,
        returns_to: None,
        attendance_lead: Contact::default(),
        dsl: Contact::default(),
        predecessor: None,
        former_numbers: Vec::new(),
        area: Vec::new(),
    }
}

fn a_system(id: SystemId, organisation: OrganisationId, number: u8) -> System {
    System {
        id,
        organisation,
        code: "cases".to_owned(),
        client_id: format!("org-{number}.cases"),
        roles: vec![Role::SocialWorker],
        scopes: Vec::new(),
        sections_without_person: SectionSet::EMPTY,
        requests_per_minute: 600,
        suspended: false,
    }
}

fn provider() -> IdentityProvider {
    IdentityProvider {
        id: ProviderId(Uuid::now_v7()),
        issuer: PROVIDER.to_owned(),
        tenant: String::new(),
        tenant_claim: "tid".to_owned(),
        algorithms: vec!["ES256".to_owned()],
        keys_url: None,
        clients: HashMap::new(),
        role_claim: "roles".to_owned(),
        roles: HashMap::from([("sw".to_owned(), vec![Role::SocialWorker])]),
        group_claim: None,
        teams: HashMap::new(),
        mark_claim: None,
        marks: HashMap::new(),
        mfa: Mfa::Claim { name: "amr".to_owned(), values: vec!["mfa".to_owned()] },
        suspended: false,
    }
}

/// Keys of the gateway, and a token by one kind of them.
fn keys(with: SignWith) -> TokenKeys {
    let ed = Ed25519Key::generate().map(|key| Zeroizing::new(key.pkcs8().to_vec()));
    let (Ok(ed), Ok(ec)) = (ed, es256_pkcs8()) else {
        unreachable!("the operating system gives random numbers")
    };
    let key = |with, pkcs8| TokenKey { with, pkcs8, from: None };
    let both = [key(SignWith::EdDsa, ed), key(SignWith::Es256, ec)];
    let keys = TokenKeys::new(&both, with, "https://gate.example", "https://gate.example/v1");
    let Ok(keys) = keys else { unreachable!("keys that were just made") };
    keys
}

fn proofs(criterion: &mut Criterion) {
    let now = Clock::machine().now();
    let (directory, peer) = directory(now);
    let person = Person {
        key: PersonKey { issuer: PROVIDER.to_owned(), tenant: String::new(), subject: "sw-17".to_owned() },
        teams: vec!["child-protection".to_owned(), "duty".to_owned()],
        marks: Vec::new(),
        attested: false,
    };
    for (kind, with) in [("EdDSA", SignWith::EdDsa), ("ES256", SignWith::Es256)] {
        for (who, person) in [("system", None), ("person", Some(&person))] {
            let keys = keys(with);
            let grant = Grant {
                client_id: "org-7.cases",
                role: Role::SocialWorker,
                purpose: Purpose::ChildProtection,
                organisation: None,
                thumbprint: peer.thumbprint,
                person,
                until: None,
            };
            let header = || keys.issue(&grant, now).map(|issued| format!("Bearer {}", issued.token));
            let prove =
                |header: &str| authenticate(&directory, &keys, Some(&peer), Some(header), now).is_ok();
            let Ok(seen) = header() else { unreachable!("a key that signs") };
            assert!(prove(&seen), "the caller is proved");
            criterion.bench_function(&format!("seen before, {kind}, {who}"), |bench| {
                bench.iter(|| black_box(prove(black_box(&seen))));
            });
            criterion.bench_function(&format!("not seen, {kind}, {who}"), |bench| {
                bench.iter_batched(
                    || header().unwrap_or_default(),
                    |header| black_box(prove(&header)),
                    criterion::BatchSize::SmallInput,
                );
            });
        }
    }
}

criterion_group!(benches, proofs);
criterion_main!(benches);
