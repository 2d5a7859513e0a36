//! From a connection and a header to a proved caller.

use super::{Caller, Peer, Person, TokenFault, TokenKeys, Unauthenticated};
use crate::crypto::{from_pem, same, sha256, verifying_key_info};
use crate::directory::{Directory, Organisation, System};
use crate::domain::organisation::Standing;
use crate::domain::purpose::{Purpose, Role};
use crate::domain::staff::Marked;
use chrono::{DateTime, Utc};
use std::sync::Arc;

/// Proves the caller of a request: certificate, its system, and a token bound to both. For whom it acts is asked of
/// [`Caller::acting`] next.
pub fn authenticate(
    directory: &Directory,
    tokens: &TokenKeys,
    peer: Option<&Peer>,
    authorization: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Caller, Unauthenticated> {
    let peer = peer.ok_or(Unauthenticated::NoCertificate)?;
    let (organisation, system) = system_of(directory, peer, now)?;
    let held = tokens.read(bearer(authorization)?, now)?;
    if !held.is_bound_to(&peer.thumbprint) {
        return Err(Unauthenticated::OtherCertificate);
    }
    if held.client_id != system.client_id {
        return Err(Unauthenticated::OtherClient);
    }
    let token = Token { id: Some(held.token_id.clone()), person: held.person.clone() };
    let caller =
        caller(directory, (organisation, system), (held.role, held.purpose), token, peer.thumbprint)?;
    Ok(Caller { token_for: held.organisation.clone(), ..caller })
}

/// Proves the caller of a command: the private key must be that of a live certificate of the system.
pub fn local(
    directory: &Directory,
    client_id: &str,
    private_key_pem: &[u8],
    role: Role,
    purpose: Purpose,
    now: DateTime<Utc>,
) -> Result<Caller, Unauthenticated> {
    let info = from_pem(private_key_pem).and_then(|key| verifying_key_info(&key));
    let digest = sha256(&[&info.map_err(|_| Unauthenticated::UnknownCertificate)?]);
    let system = directory.system_by_client_id(client_id).ok_or(Unauthenticated::UnknownCertificate)?;
    let credential = directory
        .credentials
        .values()
        .filter(|credential| credential.system == system.id && same(&credential.key_digest, &digest))
        .find(|credential| directory.system_by_thumbprint(&credential.thumbprint, now).is_some())
        .ok_or(Unauthenticated::UnknownCertificate)?;
    let organisation = directory.organisation_of(system).ok_or(Unauthenticated::UnknownCertificate)?;
    caller(directory, (organisation, system), (role, purpose), Token::default(), credential.thumbprint)
}

/// A caller that was proved before, as the directory knows it now: for an answer that goes on while its directory changes.
/// For whom it acts is asked of [`Caller::acting`] next.
pub fn still(directory: &Directory, proved: &Caller, now: DateTime<Utc>) -> Result<Caller, Unauthenticated> {
    let system = directory
        .system_by_thumbprint(&proved.thumbprint, now)
        .filter(|system| system.id == proved.system.id)
        .ok_or(Unauthenticated::UnknownCertificate)?;
    let organisation = directory.organisation_of(system).ok_or(Unauthenticated::UnknownCertificate)?;
    let token = Token { id: proved.token_id.clone(), person: proved.person.clone() };
    let caller =
        caller(directory, (organisation, system), (proved.role, proved.purpose), token, proved.thumbprint)?;
    Ok(Caller { token_for: proved.token_for.clone(), ..caller })
}

/// The system whose live certificate this is, with its organisation; the name in the certificate must be the system's.
///
/// Says nothing about the organisation's standing.
pub fn system_of<'a>(
    directory: &'a Directory,
    peer: &Peer,
    now: DateTime<Utc>,
) -> Result<(&'a Organisation, &'a System), Unauthenticated> {
    // A connection outlives its handshake: the end of the certificate is checked on every request.
    let system = directory
        .system_by_thumbprint(&peer.thumbprint, now)
        .filter(|_| now < peer.not_after)
        .ok_or(Unauthenticated::UnknownCertificate)?;
    let organisation = directory.organisation_of(system).ok_or(Unauthenticated::UnknownCertificate)?;
    match (directory.san_uri(system), peer.san_uris.as_slice()) {
        (Some(registered), [shown]) if registered == *shown => Ok((organisation, system)),
        _ => Err(Unauthenticated::OtherName),
    }
}

/// Whether this is the live certificate of a system whose organisation may act: without, no request can be answered
/// otherwise than by saying so.
pub fn may_act(directory: &Directory, peer: &Peer, now: DateTime<Utc>) -> bool {
    system_of(directory, peer, now).is_ok_and(|(organisation, _)| organisation.standing == Standing::Live)
}

fn bearer(authorization: Option<&str>) -> Result<&str, Unauthenticated> {
    let header = authorization.ok_or(Unauthenticated::NoToken)?;
    let (scheme, token) = header.split_once(' ').ok_or(Unauthenticated::NotBearer)?;
    if scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ') {
        Ok(token)
    } else {
        Err(Unauthenticated::NotBearer)
    }
}

/// What a token says beside role and purpose; of no token, when the command line acts.
#[derive(Default)]
struct Token {
    id: Option<String>,
    person: Option<Arc<Person>>,
}

/// What the directory says today, whatever the token said when it was given.
fn caller(
    directory: &Directory,
    (organisation, system): (&Organisation, &System),
    (role, purpose): (Role, Purpose),
    token: Token,
    thumbprint: [u8; 32],
) -> Result<Caller, Unauthenticated> {
    if organisation.standing != Standing::Live {
        return Err(Unauthenticated::Suspended);
    }
    if token.id.as_ref().is_some_and(|id| directory.proofs.revoked.contains(id)) {
        return Err(TokenFault::Revoked.into());
    }
    if !system.roles.contains(&role) {
        return Err(Unauthenticated::RoleWithdrawn);
    }
    let marks = match &token.person {
        Some(person) => still_proved(directory, organisation, person, role)?,
        None => Vec::new(),
    };
    Ok(Caller {
        organisation: Arc::new(organisation.clone()),
        by: None,
        sections: None,
        token_for: None,
        system: Arc::new(system.clone()),
        role,
        purpose,
        person: token.person,
        marks,
        token_id: token.id,
        thumbprint,
    })
}

/// The marks that a person still has, if they may act now: not suspended, and of a provider that the directory still
/// registers for their role.
fn still_proved(
    directory: &Directory,
    organisation: &Organisation,
    person: &Person,
    role: Role,
) -> Result<Vec<Marked>, Unauthenticated> {
    if directory.proofs.suspended.contains_key(&person.key) {
        return Err(Unauthenticated::PersonSuspended);
    }
    let own = directory
        .providers(organisation.id)
        .find(|provider| provider.issuer == person.key.issuer && provider.tenant == person.key.tenant);
    let own = own.filter(|provider| provider.roles.values().any(|roles| roles.contains(&role)));
    let own = own.ok_or(Unauthenticated::PersonWithdrawn)?;
    let still = |marked: &&Marked| own.marks.values().any(|marks| marks.contains(marked));
    Ok(person.marks.iter().filter(still).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::testing::{World, forge, now};
    use crate::identity::{TOKEN_SECONDS, TokenFault};
    use chrono::TimeDelta;
    use serde_json::json;

    fn token(world: &World) -> String {
        world.issue(&world.peer)
    }

    fn ask(world: &World, peer: Option<&Peer>, header: Option<&str>) -> Result<Caller, Unauthenticated> {
        authenticate(&world.directory, &world.keys, peer, header, now())
    }

    #[test]
    fn own_certificate_and_token_prove_the_caller() {
        let world = World::new();
        let caller = ask(&world, Some(&world.peer), Some(&format!("Bearer {}", token(&world)))).unwrap();
        assert_eq!((caller.role, caller.purpose), (Role::SocialWorker, Purpose::ChildProtection));
        assert_eq!(caller.organisation.code, "council");
        assert_eq!(caller.system.client_id, "council-cases");
        assert!(caller.token_id.is_some());
    }

    #[test]
    fn each_fault_of_certificate_or_header_has_its_reason() {
        let world = World::new();
        let good = format!("Bearer {}", token(&world));
        let renamed =
            Peer { san_uris: vec!["urn:schoolgate:org:x:system:y".to_owned()], ..world.peer.clone() };
        let two = Peer {
            san_uris: [world.peer.san_uris.clone(), vec!["u:x".into()]].concat(),
            ..world.peer.clone()
        };
        let ended = Peer { not_after: now(), ..world.peer.clone() };
        let unknown = Peer { thumbprint: [9; 32], ..world.peer.clone() };
        for (peer, header, expected) in [
            (None, Some(good.as_str()), Unauthenticated::NoCertificate),
            (Some(&unknown), Some(&good), Unauthenticated::UnknownCertificate),
            (Some(&ended), Some(&good), Unauthenticated::UnknownCertificate),
            (Some(&renamed), Some(&good), Unauthenticated::OtherName),
            (Some(&two), Some(&good), Unauthenticated::OtherName),
            (Some(&world.peer), None, Unauthenticated::NoToken),
            (Some(&world.peer), Some("Basic YTpi"), Unauthenticated::NotBearer),
            (Some(&world.peer), Some("Bearer"), Unauthenticated::NotBearer),
            // Another system's own, valid certificate: the token is not bound to it.
            (Some(&world.other), Some(&good), Unauthenticated::OtherCertificate),
        ] {
            assert_eq!(ask(&world, peer, header).unwrap_err(), expected);
        }
    }

    #[test]
    fn a_token_is_held_to_the_directory_of_today() {
        let mut world = World::new();
        let header = format!("Bearer {}", token(&world));
        let id = world.directory.system_by_client_id("council-cases").unwrap().id;
        world.directory.systems.get_mut(&id).unwrap().roles.clear();
        assert_eq!(
            ask(&world, Some(&world.peer), Some(&header)).unwrap_err(),
            Unauthenticated::RoleWithdrawn
        );
        world.directory.organisations.values_mut().for_each(|o| o.standing = Standing::Suspended);
        assert_eq!(ask(&world, Some(&world.peer), Some(&header)).unwrap_err(), Unauthenticated::Suspended);
        world.directory.credentials.values_mut().for_each(|c| c.revoked_at = Some(now()));
        assert_eq!(
            ask(&world, Some(&world.peer), Some(&header)).unwrap_err(),
            Unauthenticated::UnknownCertificate
        );
    }

    #[test]
    fn who_was_proved_is_held_to_the_directory_of_now() {
        let mut world = World::new();
        let header = format!("Bearer {}", token(&world));
        let proved = ask(&world, Some(&world.peer), Some(&header)).unwrap();
        let now_as = |world: &World| still(&world.directory, &proved, now()).map(|c| c.system.roles.clone());
        assert_eq!(now_as(&world), Ok(proved.system.roles.clone()));
        world.directory.organisations.values_mut().for_each(|o| o.standing = Standing::Suspended);
        assert_eq!(now_as(&world), Err(Unauthenticated::Suspended));
        world.directory.organisations.values_mut().for_each(|o| o.standing = Standing::Live);
        world.directory.systems.get_mut(&proved.system.id).unwrap().roles.clear();
        assert_eq!(now_as(&world), Err(Unauthenticated::RoleWithdrawn));
        world.directory.credentials.values_mut().for_each(|c| c.revoked_at = Some(now()));
        assert_eq!(now_as(&world), Err(Unauthenticated::UnknownCertificate));
    }

    #[test]
    fn a_token_ends_after_five_minutes() {
        let world = World::new();
        let header = format!("Bearer {}", token(&world));
        let at = |seconds| {
            let then = now() + TimeDelta::seconds(seconds);
            authenticate(&world.directory, &world.keys, Some(&world.peer), Some(&header), then).map(|_| ())
        };
        assert_eq!(at(TOKEN_SECONDS - 1), Ok(()));
        assert_eq!(at(TOKEN_SECONDS), Err(TokenFault::Expired.into()));
        // The clock of another gateway on the same database may be behind, or this one's set back.
        assert_eq!(at(-30), Ok(()));
        assert_eq!(at(-31), Err(TokenFault::NotYet.into()));
    }

    #[test]
    fn a_token_that_was_read_before_proves_no_more_than_the_first_time() {
        let world = World::new();
        let header = format!("Bearer {}", token(&world));
        for _ in 0..3 {
            assert!(ask(&world, Some(&world.peer), Some(&header)).is_ok());
        }
        let stolen = ask(&world, Some(&world.other), Some(&header));
        assert_eq!(stolen.unwrap_err(), Unauthenticated::OtherCertificate);
        let (signed, signature) = header.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { "B" } else { "A" };
        let rest: String = signature.chars().skip(1).collect();
        let changed = format!("{signed}.{first}{rest}");
        let forged = ask(&world, Some(&world.peer), Some(&changed));
        assert_eq!(forged.unwrap_err(), TokenFault::Signature.into());
    }

    #[test]
    fn a_forged_token_is_refused_for_what_is_wrong_with_it() {
        let world = World::new();
        for (header, change, sign, expected) in [
            (json!({}), json!({}), true, None),
            (json!({}), json!({}), false, Some(TokenFault::Signature)),
            (json!({}), json!({"aud": "elsewhere"}), true, Some(TokenFault::Audience)),
            (json!({}), json!({"iss": "elsewhere"}), true, Some(TokenFault::Issuer)),
            (json!({"typ": null}), json!({}), true, Some(TokenFault::Type)),
            (json!({"typ": "JWT"}), json!({}), true, Some(TokenFault::Type)),
            (json!({"alg": "HS256"}), json!({}), true, Some(TokenFault::Algorithm)),
            (json!({"alg": "ES256"}), json!({}), true, Some(TokenFault::Algorithm)),
            (json!({"alg": "none"}), json!({}), true, Some(TokenFault::Algorithm)),
            (json!({"kid": null}), json!({}), true, Some(TokenFault::Key)),
            (json!({"kid": "another"}), json!({}), true, Some(TokenFault::Key)),
            (json!({"crit": ["exp"]}), json!({}), true, Some(TokenFault::Header)),
            (json!({"jwk": {"kty": "OKP"}}), json!({}), true, Some(TokenFault::Header)),
            (json!({}), json!({"sub": "somebody"}), true, Some(TokenFault::Malformed)),
            (json!({}), json!({"act": {"sub": "council-cases"}}), true, Some(TokenFault::Malformed)),
            (json!({}), json!({"cnf": null}), true, Some(TokenFault::Malformed)),
            (json!({}), json!({"exp": null}), true, Some(TokenFault::Malformed)),
            (json!({}), json!({"exp": now().timestamp() + 3600}), true, Some(TokenFault::Expired)),
            (json!({}), json!({"authorization_details": []}), true, Some(TokenFault::Malformed)),
        ] {
            let forged = forge(&world, &header, &change, sign);
            let result = ask(&world, Some(&world.peer), Some(&format!("Bearer {forged}")));
            let expected = expected.map_or(Ok(()), |fault| Err(Unauthenticated::Token(fault)));
            assert_eq!(result.map(|_| ()), expected, "{header} {change}");
        }
        let other =
            forge(&world, &json!({}), &json!({"client_id": "school-office", "sub": "school-office"}), true);
        let result = ask(&world, Some(&world.peer), Some(&format!("Bearer {other}")));
        assert_eq!(result.unwrap_err(), Unauthenticated::OtherClient);
    }

    #[test]
    fn the_command_line_proves_that_it_has_the_key() {
        let world = World::new();
        let (role, purpose) = (Role::SocialWorker, Purpose::ChildProtection);
        let ask = |client: &str, key: &str, role| {
            local(&world.directory, client, key.as_bytes(), role, purpose, now()).map(|c| c.thumbprint)
        };
        let (key, other) = (world.key.serialize_pem(), world.other_key.serialize_pem());
        assert_eq!(ask("council-cases", &key, role), Ok(world.peer.thumbprint));
        assert_eq!(ask("council-cases", &other, role), Err(Unauthenticated::UnknownCertificate));
        assert_eq!(ask("school-office", &key, role), Err(Unauthenticated::UnknownCertificate));
        assert_eq!(ask("council-cases", "no key", role), Err(Unauthenticated::UnknownCertificate));
        assert_eq!(ask("council-cases", &key, Role::SchoolNurse), Err(Unauthenticated::RoleWithdrawn));
    }
}
