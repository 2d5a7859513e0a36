//! What is taken away is shut on every gateway of a database within a second, under load.

use super::gateway::{Gateway, Http, URN, entry, system};
use super::making::{Authority, Client, HOUR, list, root};
use super::vectors::SOON;
use crate::support::wire::{MOVED, run, until};
use crate::support::{Suite, TestDb};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use schoolgate::clock::Clock;
use schoolgate::config::Config;
use schoolgate::crypto::{Keyring, SignWith, sha256};
use schoolgate::directory::{LiveDirectory, PersonKey, SystemEntry, changes, load, revoke_token};
use schoolgate::domain::purpose::{Purpose, Role};
use schoolgate::identity::{Grant, Person, TokenKeys};
use schoolgate::store::Db;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::what_is_taken_away_is_shut_on_every_gateway", taken_away);
}

/// From the commit on every gateway.
const SEEN: Duration = Duration::from_secs(1);

/// Who asks what, and what is answered once it is taken away; nothing is a connection that is refused.
struct Asker {
    organisation: &'static str,
    code: &'static str,
    role: &'static str,
    scope: &'static str,
    purpose: &'static str,
    shut: Option<u16>,
}

const REPORT: &str = "/v1/involvements/report";

const ASKERS: [Asker; 8] = [
    Asker {
        organisation: "council",
        code: "certificate",
        role: "social_worker",
        scope: "involvements",
        purpose: "child_protection",
        shut: Some(401),
    },
    Asker {
        organisation: "council",
        code: "role",
        role: "social_worker",
        scope: "involvements",
        purpose: "child_protection",
        shut: Some(401),
    },
    Asker {
        organisation: "supplier",
        code: "mandate",
        role: "school_attendance_officer",
        scope: "registers",
        purpose: "own_record",
        shut: Some(403),
    },
    Asker {
        organisation: "health",
        code: "organisation",
        role: "school_nurse",
        scope: "involvements",
        purpose: "school_health",
        shut: Some(403),
    },
    Asker {
        organisation: "council",
        code: "listed",
        role: "social_worker",
        scope: "involvements",
        purpose: "child_protection",
        shut: None,
    },
    Asker {
        organisation: "council",
        code: "system",
        role: "social_worker",
        scope: "involvements",
        purpose: "child_protection",
        shut: Some(401),
    },
    Asker {
        organisation: "council",
        code: "token",
        role: "social_worker",
        scope: "involvements",
        purpose: "child_protection",
        shut: Some(401),
    },
    Asker {
        organisation: "council",
        code: "person",
        role: "social_worker",
        scope: "involvements",
        purpose: "child_protection",
        shut: Some(401),
    },
];

const PROVIDER: &str = "https://login.example";

impl Asker {
    fn client(&self, authority: &Authority) -> Client {
        let uri = format!("urn:schoolgate:org:{}:system:{}", self.organisation, self.code);
        Client::of(authority, |p| p.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())])
    }

    fn entry(&self, client: &Client) -> SystemEntry {
        SystemEntry {
            certificates: vec![entry(client)],
            requests_per_minute: 1_000_000,
            ..system(self.organisation, self.code, &[self.role], &[self.scope])
        }
    }

    fn path(&self) -> String {
        match self.code {
            "mandate" => format!("/v1/schools/{URN}/imports"),
            // What an agency has sent is its systems' to read, and no person's.
            "person" => "/v1/systems/own/certificates".to_owned(),
            _ => REPORT.to_owned(),
        }
    }
}

/// When something was asked, since when at the latest the gateway had looked at the directory, and the status of the answer.
type Asked = (Instant, Instant, Option<u16>);

/// One asker's answers at one gateway, one after the other.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Vec<Asked>>>);

impl Answers {
    fn load(
        &self,
        (http, seen): (Http, LiveDirectory),
        path: String,
        stop: Arc<AtomicBool>,
    ) -> JoinHandle<()> {
        let answers = self.clone();
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let looked = asked.checked_sub(seen.age()).unwrap();
                let status = http.ask("GET", &path, None).await.map(|reply| reply.status);
                answers.0.lock().unwrap().push((asked, looked, status));
                tokio::task::yield_now().await;
            }
        })
    }

    fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    /// Whether the last so many answers were all of a status.
    fn end_with(&self, many: usize, status: Option<u16>) -> bool {
        let answers = self.all();
        answers.len() >= many && answers.iter().rev().take(many).all(|(_, _, met)| *met == status)
    }
}

/// Takes away what each of them rests on; what is of the directory in one step at the end, which every gateway then sees.
async fn take_away(
    db: &Db,
    gates: [&Gateway; 2],
    (authority, clients): (&Authority, &[Client]),
    token: &str,
) -> Instant {
    const REVOKE: &str = "UPDATE credentials SET revoked_at = $1 WHERE thumbprint = $2";
    const ROLE: &str = "UPDATE systems SET roles = '' WHERE client_id = 'council.role'";
    const MANDATE: &str = "UPDATE mandates SET valid_until = valid_from";
    const SUSPEND: &str = "UPDATE organisations SET standing = 'suspended' WHERE code = 'health'";
    const SYSTEM: &str = "UPDATE systems SET suspended = TRUE WHERE client_id = 'council.system'";
    const PERSON: &str = "INSERT INTO persons (id, organisation_id, issuer, tenant, subject, display_name, teams, created_at, \
         suspended_at) SELECT $1, id, $2, '', 'sw-1', '', '', $3, $3 FROM organisations WHERE code = 'council'";
    assert_eq!(run!(db, REVOKE, Clock::machine().now(), sha256(&[&clients[0].chain[0]]).to_vec()), 1);
    for change in [ROLE, MANDATE, SUSPEND, SYSTEM] {
        assert_eq!(run!(db, change), 1, "{change}");
    }
    assert_eq!(run!(db, PERSON, Uuid::now_v7(), PROVIDER, Clock::machine().now()), 1);
    for gate in gates {
        gate.write("lists.pem", &list(authority, &[clients[4].serial()], -60, 24 * HOUR));
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
    let (id, now) = (claims["jti"].as_str().unwrap(), Clock::machine().now());
    let mut tx = db.begin().await.unwrap();
    changes::moves(&mut tx).await.unwrap();
    revoke_token(&mut tx, id, now + chrono::TimeDelta::minutes(5), now).await.unwrap();
    tx.commit().await.unwrap();
    Instant::now()
}

/// The council's provider, by whose word persons are social workers there.
async fn provided(db: &Db) {
    const ROW: &str = "INSERT INTO identity_providers (id, organisation_id, issuer, tenant, tenant_claim, algorithms, role_claim, \
         mfa_claim, mfa_values, suspended) SELECT $1, id, $2, '', 'tid', 'ES256', 'roles', 'amr', 'mfa', FALSE \
         FROM organisations WHERE code = 'council'";
    const ROLE: &str = "INSERT INTO identity_provider_roles (provider_id, claim_value, role) \
         VALUES ($1, 'sw', 'social_worker')";
    let id = Uuid::now_v7();
    assert_eq!((run!(db, ROW, id, PROVIDER), run!(db, ROLE, id)), (1, 1));
    run!(db, MOVED);
}

/// A token for a person, as the gateway would give it in exchange for their provider's.
fn persons_token(gate: &Gateway, client: &Client) -> String {
    let folder = gate.folder.path();
    let names = Config::load(&folder.join("schoolgate.toml")).unwrap().names;
    let keyring = Keyring::load(&folder.join("keys")).unwrap();
    let keys = TokenKeys::new(&keyring.tokens, SignWith::EdDsa, &names.issuer, &names.audience).unwrap();
    let (issuer, subject) = (PROVIDER.to_owned(), "sw-1".to_owned());
    let key = PersonKey { issuer, tenant: String::new(), subject };
    let grant = Grant {
        client_id: "council.person",
        role: Role::SocialWorker,
        purpose: Purpose::ChildProtection,
        organisation: None,
        thumbprint: sha256(&[&client.chain[0]]),
        person: Some(&Person { key, teams: Vec::new(), marks: Vec::new(), attested: false }),
        until: None,
    };
    keys.issue(&grant, Clock::machine().now()).unwrap().token
}

/// How much later than it was to this machine woke somebody who waits for a moment and reads the directory: what it adds to
/// the bar of a design that does the same.
#[derive(Clone, Default)]
pub struct Late(pub Arc<Mutex<Duration>>);

impl Late {
    const TICK: Duration = Duration::from_millis(100);

    /// Begins to look, until it is stopped.
    pub fn watch(&self, db: Db, stop: Arc<AtomicBool>) -> JoinHandle<()> {
        let late = self.clone();
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let waited = tokio::time::timeout(Self::TICK, std::future::pending::<()>()).await;
                assert!(waited.is_err());
                load(&db).await.unwrap();
                let over = begun.elapsed().saturating_sub(Self::TICK);
                let mut most = late.0.lock().unwrap();
                *most = over.max(*most);
            }
        })
    }
}

async fn taken_away(test: TestDb) {
    let authority = root("root");
    let clients: Vec<Client> = ASKERS.iter().map(|asker| asker.client(&authority)).collect();
    let lists = list(&authority, &[], -HOUR, 24 * HOUR);
    let one = Gateway::start(&test.url, &authority.pem(), Some(&lists), |_| ()).await;
    one.register(ASKERS.iter().zip(&clients).map(|(asker, client)| asker.entry(client)).collect()).await;
    let keys = one.folder.path().join("keys");
    let two =
        Gateway::start(&test.url, &authority.pem(), Some(&lists), |config| config.files.keys = keys).await;
    provided(&test.db).await;
    for gate in [&one, &two] {
        gate.running.gate.directory().refresh(&test.db).await.unwrap();
    }
    let (stop, late) = (Arc::new(AtomicBool::new(false)), Late::default());
    let mut running: Vec<(usize, &Asker, Answers)> = Vec::new();
    let mut tasks = vec![late.watch(test.db.clone(), Arc::clone(&stop))];
    let mut taken_back = String::new();
    for (asker, client) in ASKERS.iter().zip(&clients) {
        let mut own = one.http(client);
        let client_id = format!("{}.{}", asker.organisation, asker.code);
        assert_eq!(own.authorise(&client_id, asker.role, asker.purpose).await, 200, "{client_id}");
        match asker.code {
            "person" => own.token = persons_token(&one, client),
            "token" => taken_back.clone_from(&own.token),
            _ => {}
        }
        let token = own.token.clone();
        for (node, gate, http) in [(1, &one, own), (2, &two, Http { token, ..two.http(client) })] {
            let answers = Answers::default();
            let seen = gate.running.gate.directory().clone();
            tasks.push(answers.load((http, seen), asker.path(), Arc::clone(&stop)));
            running.push((node, asker, answers));
        }
    }
    let all_end_with = async |status: fn(&Asker) -> Option<u16>| {
        running.iter().all(|(_, asker, answers)| answers.end_with(10, status(asker)))
    };
    let so_far = || {
        for (node, asker, answers) in &running {
            let other = answers.all().into_iter().find(|(_, _, status)| *status != Some(200));
            assert_eq!(
                other.map(|(_, _, status)| status),
                None,
                "{} at {node} before it is shut",
                asker.code
            );
        }
        true
    };
    until("all are answered", 6 * SOON, async || so_far() && all_end_with(|_| Some(200)).await).await;
    let since = take_away(&test.db, [&one, &two], (&authority, &clients), &taken_back).await;
    until("all are shut", 6 * SOON, async || all_end_with(|asker| asker.shut).await).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let late = *late.0.lock().unwrap();
    let latest = running
        .iter()
        .map(|(node, asker, answers)| shut_in_time(*node, asker, &answers.all(), (since, late)));
    let latest = latest.max().unwrap();
    println!("the latest of all: {latest:?} after; the machine itself was up to {late:?} late");
    two.stop().await;
    one.stop().await;
}

/// Holds one asker's answers at one gateway to the bar; says how long after the commit the last one was given.
fn shut_in_time(
    node: usize,
    asker: &Asker,
    answers: &[Asked],
    (since, late): (Instant, Duration),
) -> Duration {
    let what = format!("{}.{} at {node}", asker.organisation, asker.code);
    let given = answers.iter().rposition(|(_, _, status)| *status == Some(200)).unwrap();
    let after = answers[given].0.saturating_duration_since(since);
    // Whatever the machine does: who has looked since the commit answers nobody as before it. A list is looked at apart.
    let fresh = answers.iter().any(|(_, looked, status)| *looked > since && *status == Some(200));
    assert!(
        !fresh || asker.shut.is_none(),
        "{what}: answered by a directory that was looked at after the commit"
    );
    assert!(
        after <= SEEN + late,
        "{what}: still answered {after:?} after; the machine was {late:?} late at most"
    );
    // An answer that was under way when its connection ended is none.
    let later = &answers[given + 1..];
    let shut = later.iter().all(|(_, _, status)| *status == asker.shut || status.is_none());
    assert!(shut, "{what}: {later:?}");
    println!("{what}: {} answers, the last one given {after:?} after", answers.len());
    after
}
