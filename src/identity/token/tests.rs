//! Keys that follow one another, and tokens that end with what they were given for.

use super::*;
use crate::crypto::{Ed25519Key, es256_pkcs8};
use crate::identity::testing::{AUDIENCE, ISSUER, now};
use chrono::TimeDelta;
use zeroize::Zeroizing;

fn eddsa(from: Option<DateTime<Utc>>) -> TokenKey {
    let pkcs8 = Zeroizing::new(Ed25519Key::generate().unwrap().pkcs8().to_vec());
    TokenKey { with: SignWith::EdDsa, pkcs8, from }
}

fn es256(from: Option<DateTime<Utc>>) -> TokenKey {
    TokenKey { with: SignWith::Es256, pkcs8: es256_pkcs8().unwrap(), from }
}

fn keys(keys: &[TokenKey], with: SignWith) -> TokenKeys {
    TokenKeys::new(keys, with, ISSUER, AUDIENCE).unwrap()
}

const GRANT: Grant<'static> = Grant {
    client_id: "council-cases",
    role: Role::SocialWorker,
    purpose: Purpose::ChildProtection,
    organisation: None,
    thumbprint: [7; 32],
    person: None,
    until: None,
};

#[test]
fn a_key_that_is_taken_out_reads_no_token_that_was_read_before() {
    let gate = keys(&[eddsa(None)], SignWith::EdDsa);
    let token = gate.issue(&GRANT, now()).unwrap().token;
    assert!(gate.read(&token, now()).is_ok());
    gate.renew(&[eddsa(None)], SignWith::EdDsa).unwrap();
    assert_eq!(gate.read(&token, now()).unwrap_err(), TokenFault::Key);
}

#[test]
fn both_kinds_sign_and_each_reads_the_others_tokens() {
    let both = [eddsa(None), es256(None)];
    let (ed, ec) = (keys(&both, SignWith::EdDsa), keys(&both, SignWith::Es256));
    let tokens = [&ed, &ec].map(|gate| gate.issue(&GRANT, now()).unwrap().token);
    for token in &tokens {
        assert!(ed.read(token, now()).is_ok() && ec.read(token, now()).is_ok());
    }
    let strangers = keys(&[eddsa(None)], SignWith::EdDsa);
    assert_eq!(strangers.read(&tokens[0], now()).unwrap_err(), TokenFault::Key);
    assert!(TokenKeys::new(&[eddsa(None)], SignWith::Es256, ISSUER, AUDIENCE).is_err());
}

#[test]
fn a_newer_key_signs_and_the_older_one_verifies_what_it_signed() {
    let change = now() + TimeDelta::hours(1);
    let both = [eddsa(None), eddsa(Some(change))];
    let gate = keys(&both, SignWith::EdDsa);
    let kid = |token: &str| UnverifiedJws::read(token, LONGEST).unwrap().kid.unwrap();
    let published = |at| {
        let keys = gate.published(at);
        let keys = keys["keys"].as_array().unwrap();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let before = gate.issue(&GRANT, change - TimeDelta::seconds(1)).unwrap().token;
    let after = gate.issue(&GRANT, change).unwrap().token;
    assert_ne!(kid(&before), kid(&after));
    // It is there to be fetched before it signs, and goes once nothing that it signed can hold.
    assert_eq!(published(now()), [kid(&before), kid(&after)]);
    let over = change + TimeDelta::seconds(TOKEN_SECONDS + claims::APART_SECONDS);
    assert_eq!(published(over), [kid(&after)]);
    // A gateway that has seen neither reads both while they hold.
    let other = || keys(&both, SignWith::EdDsa);
    assert!(other().read(&before, change + TimeDelta::seconds(200)).is_ok());
    assert!(other().read(&after, change).is_ok());
    // Whoever has the old key's file later signs nothing with it: not even a token of that hour.
    let old = keys(&both[..1], SignWith::EdDsa);
    let forged = old.issue(&GRANT, over).unwrap().token;
    assert_eq!(other().read(&forged, over).unwrap_err(), TokenFault::Key);
    // A gateway whose clock is behind knows the newer one already.
    assert!(other().read(&after, change - TimeDelta::seconds(20)).is_ok());
    let early = keys(&both[1..], SignWith::EdDsa);
    assert!(early.issue(&GRANT, now()).is_err(), "nothing signs before it begins");
}

#[test]
fn a_token_never_outlives_what_it_was_given_for() {
    let gate = keys(&[eddsa(None)], SignWith::EdDsa);
    let until = |seconds| Some(now() + TimeDelta::seconds(seconds));
    for (end, expected) in [(None, 300), (until(40), 40), (until(299), 299), (until(3_000), 300)] {
        let issued = gate.issue(&Grant { until: end, ..GRANT }, now()).unwrap();
        assert_eq!(issued.seconds, expected);
        let at = |seconds| gate.read(&issued.token, now() + TimeDelta::seconds(seconds)).map(|_| ());
        assert_eq!(at(expected - 1), Ok(()));
        assert_eq!(at(expected), Err(TokenFault::Expired));
    }
}
