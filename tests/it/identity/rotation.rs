//! The keys of access tokens follow one another while the gateway serves: what the older one signed holds until its last token
//! has ended, and whoever reads the published keys finds each in time.

use super::bearer::report;
use crate::support::wire::{Wire, entry_of, send};
use crate::support::{Suite, TestDb, TestGate};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use schoolgate::config::Config;
use schoolgate::crypto::{Ed25519Key, to_pem, write_private};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Registers this file's trials.
pub fn register(suite: &mut Suite) {
    suite.both_empty("identity::one_key_of_tokens_follows_another_while_serving", followed);
}

/// Seconds for which a key verifies after the next one has begun: a token's five minutes, and what clocks may be apart.
const OVERLAP: i64 = 330;

/// The name of the key that signed a token.
fn kid(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

/// The name of a key's file that signs from so many seconds from now.
fn file(folder: &Path, seconds: i64) -> PathBuf {
    let from = schoolgate::clock::Clock::machine().now() + TimeDelta::seconds(seconds);
    folder.join(format!("token-eddsa-{}.pem", from.format("%Y%m%dT%H%M%SZ")))
}

async fn followed(test: TestDb) {
    let gate = TestGate::start(&test.url).await;
    let folder = gate.demo.dir.join("keys");
    let config = Config::load(&gate.demo.dir.join("schoolgate.toml")).unwrap();
    let renewed = || gate.demo.running.renew_token_keys(&config);
    let published = async |wire: &Wire| {
        let document = send(wire.bare("GET", "/.well-known/jwks.json")).await.json();
        let keys = document["keys"].as_array().unwrap().clone();
        let of_kind = keys.iter().filter(|key| key["alg"] == "EdDSA");
        of_kind.map(|key| key["kid"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let first = Wire::of(&gate, "social_worker_cp").await;
    let old = kid(&first.token);
    assert_eq!(published(&first).await, std::slice::from_ref(&old));

    // It is there to be read an hour before it signs.
    let mut next = file(&folder, 3_600);
    let pem = to_pem("PRIVATE KEY", Ed25519Key::generate().unwrap().pkcs8());
    write_private(&next, pem.as_bytes()).unwrap();
    renewed().unwrap();
    let both = published(&first).await;
    assert_eq!((both.len(), both.contains(&old)), (2, true), "{both:?}");
    let new = both.into_iter().find(|kid| *kid != old).unwrap();
    let before = Wire::of(&gate, "social_worker_cp").await;
    assert_eq!(kid(&before.token), old, "it does not sign yet");

    // It has begun: it signs, and what the older one signed still holds.
    let moved = async |next: &mut PathBuf, seconds| {
        let to = file(&folder, seconds);
        std::fs::rename(&*next, &to).unwrap();
        *next = to;
        renewed().unwrap();
    };
    moved(&mut next, -100).await;
    let second = Wire::of(&gate, "social_worker_cp").await;
    assert_eq!(kid(&second.token), new);
    assert_eq!(published(&first).await.len(), 2, "both are published");
    for (what, wire) in [("the first", &first), ("before", &before), ("the second", &second)] {
        assert_eq!(report(wire, &wire.token).await.status, 200, "{what}");
    }

    // Nothing that the older one signed can hold any longer: whoever has its file signs nothing with it.
    moved(&mut next, -OVERLAP - 1).await;
    assert_eq!(published(&first).await, std::slice::from_ref(&new));
    let refused = report(&first, &first.token).await;
    let reason = entry_of(&test.db, &refused).await.reason;
    assert_eq!((refused.status, reason.as_deref()), (401, Some("token_key")));
    assert_eq!(report(&second, &second.token).await.status, 200);

    // The older file may go; a file that is no key changes nothing.
    std::fs::remove_file(folder.join("token-eddsa.pem")).unwrap();
    renewed().unwrap();
    assert_eq!(kid(&Wire::of(&gate, "social_worker_cp").await.token), new);
    write_private(&file(&folder, -5), b"not a key").unwrap();
    assert!(renewed().is_err());
    assert_eq!(report(&second, &second.token).await.status, 200, "what is in use stays");
    assert_eq!(published(&first).await, [new]);
    gate.stop().await;
}
