//! What is taken away is shut on every gateway of a database within a second, under load.

use super::gateway::{Gateway, Http, URN, entry, system};
use super::making::{Authority, Client, HOUR, list, root};
use super::vectors::SOON;
use crate::support::wire::{MOVED, run, until};
use crate::support::{Suite, TestDb};
use schoolgate::clock::Clock;
use schoolgate::crypto::sha256;
use schoolgate::directory::SystemEntry;
use schoolgate::store::Db;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::what_is_taken_away_is_shut_on_every_gateway", taken_away);
}

/// One second, and one more for a busy machine.
const SEEN: Duration = Duration::from_secs(2);

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

const ASKERS: [Asker; 5] = [
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
];

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
        if self.organisation == "supplier" { format!("/v1/schools/{URN}/imports") } else { REPORT.to_owned() }
    }
}

/// When something was asked, and the status of its answer.
type Asked = (Instant, Option<u16>);

/// One asker's answers at one gateway, one after the other.
#[derive(Clone, Default)]
struct Answers(Arc<Mutex<Vec<Asked>>>);

impl Answers {
    fn load(&self, http: Http, path: String, stop: Arc<AtomicBool>) -> JoinHandle<()> {
        let answers = self.clone();
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let asked = Instant::now();
                let status = http.ask("GET", &path, None).await.map(|reply| reply.status);
                answers.0.lock().unwrap().push((asked, status));
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
        answers.len() >= many && answers.iter().rev().take(many).all(|(_, met)| *met == status)
    }
}

async fn take_away(db: &Db, gates: [&Gateway; 2], authority: &Authority, clients: &[Client]) {
    const REVOKE: &str = "UPDATE credentials SET revoked_at = $1 WHERE thumbprint = $2";
    const ROLE: &str = "UPDATE systems SET roles = '' WHERE client_id = 'council.role'";
    const MANDATE: &str = "UPDATE mandates SET valid_until = valid_from";
    const SUSPEND: &str = "UPDATE organisations SET standing = 'suspended' WHERE code = 'health'";
    assert_eq!(run!(db, REVOKE, Clock::machine().now(), sha256(&[&clients[0].chain[0]]).to_vec()), 1);
    for change in [ROLE, MANDATE, SUSPEND] {
        assert_eq!(run!(db, change), 1, "{change}");
    }
    run!(db, MOVED);
    for gate in gates {
        gate.write("lists.pem", &list(authority, &[clients[4].serial()], -60, 24 * HOUR));
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
    let stop = Arc::new(AtomicBool::new(false));
    let mut running: Vec<(usize, &Asker, Answers)> = Vec::new();
    let mut tasks = Vec::new();
    for (asker, client) in ASKERS.iter().zip(&clients) {
        let mut own = one.http(client);
        let client_id = format!("{}.{}", asker.organisation, asker.code);
        assert_eq!(own.authorise(&client_id, asker.role, asker.purpose).await, 200, "{client_id}");
        let token = own.token.clone();
        for (node, http) in [(1, own), (2, Http { token, ..two.http(client) })] {
            let answers = Answers::default();
            tasks.push(answers.load(http, asker.path(), Arc::clone(&stop)));
            running.push((node, asker, answers));
        }
    }
    let all_end_with = async |status: fn(&Asker) -> Option<u16>| {
        running.iter().all(|(_, asker, answers)| answers.end_with(10, status(asker)))
    };
    until("all are answered", SOON, async || all_end_with(|_| Some(200)).await).await;
    take_away(&test.db, [&one, &two], &authority, &clients).await;
    let since = Instant::now();
    until("all are shut", SOON, async || all_end_with(|asker| asker.shut).await).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    for (node, asker, answers) in running {
        let what = format!("{}.{} at {node}", asker.organisation, asker.code);
        let answers = answers.all();
        let given = answers.iter().rposition(|(_, status)| *status == Some(200)).unwrap();
        let after = answers[given].0.saturating_duration_since(since);
        assert!(after <= SEEN, "{what}: still answered {after:?} after");
        // An answer that was under way when its connection ended is none.
        let later = &answers[given + 1..];
        assert!(
            later.iter().all(|(_, status)| *status == asker.shut || status.is_none()),
            "{what}: {later:?}"
        );
        println!("{what}: {} answers, the last one given {after:?} after", answers.len());
    }
    two.stop().await;
    one.stop().await;
}
