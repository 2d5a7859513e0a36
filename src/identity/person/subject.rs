//! Whether a token of an identity provider proves a person to one system, in the order in which it tells a stranger least.

use super::claims::Claims;
use super::keys::ProviderKeys;
use super::{Person, SubjectFault, rules};
use crate::crypto::{JwsFault, UnverifiedJws, jws_algorithm};
use crate::directory::{Directory, IdentityProvider, PersonKey, System};
use crate::domain::purpose::{Purpose, Role};
use crate::identity::Once;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use std::sync::Arc;

/// What a client says that its `subject_token` is (RFC 8693 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubjectKind {
    /// A JWT access token that was made for this gateway.
    AccessToken,
    /// An identity assertion authorisation grant, made for this authorisation server.
    IdJag,
    /// An ID token that was made for this very system.
    IdToken,
}

/// What a token is asked to prove, and to whom.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// The token.
    pub token: &'a str,
    /// What it is said to be.
    pub kind: SubjectKind,
    /// The system that shows it.
    pub system: &'a System,
    /// SHA-256 of the certificate of its connection.
    pub thumbprint: [u8; 32],
    /// The role to act in.
    pub role: Role,
    /// Why it asks.
    pub purpose: Purpose,
    /// This authorisation server's name.
    pub issuer: &'a str,
    /// This gateway's name as a service.
    pub audience: &'a str,
    /// The moment.
    pub now: DateTime<Utc>,
    /// The gateway's own day.
    pub today: NaiveDate,
}

/// A person as one token proves them, once it has been used for the first time.
#[derive(Clone, Debug)]
pub struct ProvedSubject {
    /// The person.
    pub person: Person,
    /// Their name as the token says it; empty where it says none.
    pub display_name: String,
    /// What makes the token good for one use.
    pub once: Once,
    /// The token's own end.
    pub ends: DateTime<Utc>,
}

/// The longest token that is read, in bytes: one with hundreds of groups is shorter.
const LONGEST: usize = 16 * 1024;
/// How far a provider's clock may be ahead, in seconds.
const AHEAD: i64 = 30;
/// Age of an ID token at most, in seconds.
const ID_TOKEN_AGE: i64 = 5 * 60;
/// Since when the person may have signed in at most, in seconds.
const SIGNED_IN: i64 = 8 * 3600;
/// How long a token may hold at most, in seconds: what is used once is remembered to its end.
const HOLDS: i64 = 24 * 3600;
/// Longest subject, tenant and identifier of a token.
const WORD: usize = 255;
/// Longest name that is kept, in characters.
const NAME: usize = 200;

/// Says whom a token proves. Nothing is written: that it is used for the first time is for the caller to see.
pub async fn prove(
    directory: &Directory,
    keys: &ProviderKeys,
    asking: &Asking<'_>,
) -> Result<ProvedSubject, SubjectFault> {
    let (jws, claims) = read(asking.token, asking.kind)?;
    let provider = registered(directory, asking.system, &claims)?;
    let allowed = provider.algorithms.iter().filter_map(|name| jws_algorithm(name));
    if !allowed.into_iter().any(|algorithm| algorithm == jws.algorithm) {
        return Err(SubjectFault::Algorithm);
    }
    let kid = jws.kid.as_deref().ok_or(SubjectFault::Key)?;
    let key = keys.key(&provider, kid).await?;
    if !key.is_for(jws.algorithm) {
        return Err(SubjectFault::Algorithm);
    }
    if !jws.holds(&key) {
        return Err(SubjectFault::Signature);
    }
    is_for_this_system(asking, &provider, &claims)?;
    is_of_now(asking, &claims)?;
    is_the_persons_own(asking, &claims)?;
    let attested = rules::only_attested(&provider, &claims, asking.today)?;
    if !rules::gives(&provider, &claims, asking.role) {
        return Err(SubjectFault::Role);
    }
    if attested && asking.purpose == Purpose::Emergency {
        return Err(SubjectFault::Attested);
    }
    let once = once(&claims, &jws)?;
    let (teams, marks) = (rules::teams(&provider, &claims), rules::marks(&provider, &claims));
    let display_name =
        claims.name.unwrap_or_default().chars().filter(|c| !c.is_control()).take(NAME).collect();
    let key = PersonKey { issuer: claims.iss, tenant: provider.tenant.clone(), subject: claims.sub };
    Ok(ProvedSubject { person: Person { key, teams, marks, attested }, display_name, ends: once.until, once })
}

/// Whether a token is of the form of its kind; nothing of it is believed by that.
pub fn is_formed(token: &str, kind: SubjectKind) -> Result<(), SubjectFault> {
    read(token, kind).map(drop)
}

fn read(token: &str, kind: SubjectKind) -> Result<(UnverifiedJws<'_>, Claims), SubjectFault> {
    let jws = UnverifiedJws::read(token, LONGEST).map_err(|fault| match fault {
        JwsFault::Malformed => SubjectFault::Malformed,
        JwsFault::Algorithm => SubjectFault::Algorithm,
        JwsFault::Header => SubjectFault::Header,
    })?;
    is_of_its_type(&jws, kind)?;
    let claims = jws.claimed().map_err(|_| SubjectFault::Malformed)?;
    Ok((jws, claims))
}

/// Whether the header's type is that of what the token is said to be: one kind never passes as another.
fn is_of_its_type(jws: &UnverifiedJws<'_>, kind: SubjectKind) -> Result<(), SubjectFault> {
    // Many providers give access and ID tokens one type, or none: their audience tells those apart.
    let plain = jws.kind.is_none() || jws.is_kind("jwt");
    let fits = match kind {
        SubjectKind::AccessToken => plain || jws.is_kind("at+jwt"),
        SubjectKind::IdJag => jws.is_kind("oauth-id-jag+jwt"),
        SubjectKind::IdToken => plain,
    };
    if fits { Ok(()) } else { Err(SubjectFault::Type) }
}

/// The provider of the system's own organisation whose issuer and tenant the token names.
fn registered(
    directory: &Directory,
    system: &System,
    claims: &Claims,
) -> Result<Arc<IdentityProvider>, SubjectFault> {
    let subject_fits =
        !claims.sub.is_empty() && claims.sub.len() <= WORD && claims.sub.chars().all(|c| !c.is_control());
    if !subject_fits {
        return Err(SubjectFault::Malformed);
    }
    let mut of_issuer =
        directory.providers(system.organisation).filter(|p| p.issuer == claims.iss).peekable();
    if of_issuer.peek().is_none() {
        return Err(SubjectFault::Issuer);
    }
    let own = |p: &&Arc<IdentityProvider>| {
        p.tenant.is_empty() || claims.texts(&p.tenant_claim).as_slice() == [p.tenant.as_str()]
    };
    of_issuer.find(own).map(Arc::clone).ok_or(SubjectFault::Tenant)
}

/// Whether the token was made for this gateway, and given to this system.
fn is_for_this_system(
    asking: &Asking<'_>,
    provider: &IdentityProvider,
    claims: &Claims,
) -> Result<(), SubjectFault> {
    let there = provider.clients.get(&asking.system.id);
    let given_to = [&claims.azp, &claims.client_id, &claims.appid];
    match asking.kind {
        SubjectKind::AccessToken => {
            if !claims.aud.is_only(asking.audience) {
                return Err(SubjectFault::Audience);
            }
            // Where it says to whom it was given, that is this system.
            let others = given_to.into_iter().flatten().any(|client| Some(client) != there);
            if others { Err(SubjectFault::Client) } else { Ok(()) }
        }
        SubjectKind::IdJag => {
            if !claims.aud.is_only(asking.issuer) {
                return Err(SubjectFault::Audience);
            }
            let own = claims.client_id.as_ref() == Some(&asking.system.client_id);
            let azp = claims.azp.as_ref().is_none_or(|azp| Some(azp) == there);
            if own && azp { Ok(()) } else { Err(SubjectFault::Client) }
        }
        SubjectKind::IdToken => {
            if !there.is_some_and(|client| claims.aud.is_only(client)) {
                return Err(SubjectFault::Audience);
            }
            let azp = claims.azp.as_ref().is_none_or(|azp| Some(azp) == there);
            if azp { Ok(()) } else { Err(SubjectFault::Client) }
        }
    }
}

/// Whether the token holds at this moment, and the person has signed in lately enough.
fn is_of_now(asking: &Asking<'_>, claims: &Claims) -> Result<(), SubjectFault> {
    let now = asking.now.timestamp();
    if claims.exp <= now {
        return Err(SubjectFault::Expired);
    }
    let starts = claims.nbf.map_or(claims.iat, |nbf| nbf.max(claims.iat));
    if starts > now + AHEAD || claims.auth_time.is_some_and(|at| at > now + AHEAD) {
        return Err(SubjectFault::NotYet);
    }
    if claims.exp > now + HOLDS {
        return Err(SubjectFault::Old);
    }
    let since = |then: i64, most: i64| now.saturating_sub(then) > most;
    if asking.kind == SubjectKind::IdToken {
        if since(claims.iat, ID_TOKEN_AGE) {
            return Err(SubjectFault::Old);
        }
        if claims.auth_time.is_none_or(|at| since(at, SIGNED_IN)) {
            return Err(SubjectFault::SignedInLongAgo);
        }
    }
    Ok(())
}

/// Whether it is the person's own token, and whoever shows it may.
fn is_the_persons_own(asking: &Asking<'_>, claims: &Claims) -> Result<(), SubjectFault> {
    if claims.act.is_some() {
        return Err(SubjectFault::Delegated);
    }
    let Some(bound) = &claims.cnf else { return Ok(()) };
    let own = URL_SAFE_NO_PAD.encode(asking.thumbprint);
    let to = bound.as_object().filter(|members| members.len() == 1);
    let to = to.and_then(|members| members.get("x5t#S256")?.as_str());
    if to == Some(own.as_str()) { Ok(()) } else { Err(SubjectFault::Bound) }
}

/// What makes the token good for one use: its own identifier, else what was signed.
fn once(claims: &Claims, jws: &UnverifiedJws<'_>) -> Result<Once, SubjectFault> {
    let ends = DateTime::from_timestamp(claims.exp, 0).ok_or(SubjectFault::Malformed)?;
    let id = claims.jti.as_ref().or(claims.uti.as_ref());
    if id.is_some_and(|id| id.is_empty() || id.len() > WORD) {
        return Err(SubjectFault::Malformed);
    }
    let (kind, word) = id.map_or((&b"signed"[..], jws.signed()), |id| (&b"id"[..], id.as_bytes()));
    Ok(Once::of(&[b"subject", kind, claims.iss.as_bytes(), word], ends))
}
