//! A flood from one partner is refused and told when to come again, and takes nothing from another.

use super::gateway::{Gateway, Http, entry, system};
use super::making::{Client, root};
use super::vectors::SOON;
use crate::support::wire::{events, log, until};
use crate::support::{Suite, TestDb};
use schoolgate::audit::Class;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("certificates::a_flood_from_one_partner_takes_nothing_from_another", flood);
}

/// Requests a minute of the one that floods.
const ALLOWED: u32 = 30;
/// Requests of the other while it does.
const OTHERS: usize = 60;
/// How many of the flood ask at once, each again as soon as it is answered.
const FLOODERS: u8 = 8;
/// As many times as long, where whoever asks has an equal share of the machine: the flood's own client is on it too.
const FAIR: f64 = 9.0;
/// A machine that does something else in one round seldom does in all of them.
const ROUNDS: usize = 3;
const REPORT: &str = "/v1/involvements/report";

/// What the flood met.
#[derive(Default)]
struct Met {
    given: AtomicUsize,
    limited: AtomicUsize,
    otherwise: AtomicUsize,
}

async fn asks(http: Http, met: Arc<Met>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let reply = http.ask("GET", REPORT, None).await;
        let counted = match &reply {
            Some(reply) if reply.status == 200 => &met.given,
            Some(reply) if reply.status == 429 => {
                let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=60).contains(&seconds) && reply.problem() == "too_many_requests");
                &met.limited
            }
            _ => &met.otherwise,
        };
        counted.fetch_add(1, Ordering::Relaxed);
    }
}

/// How long each of the other's answers took, the shortest first; none is refused.
async fn timed(other: &Http, when: &str) -> Vec<Duration> {
    let mut took = Vec::with_capacity(OTHERS);
    for number in 0..OTHERS {
        let asked = Instant::now();
        let reply = other.ask("GET", REPORT, None).await.unwrap();
        took.push(asked.elapsed());
        assert_eq!(reply.status, 200, "the other's request {number} {when}: {}", reply.json());
    }
    took.sort_unstable();
    took
}

/// One round: the other alone, beside the flood, and alone again; how many times as long half of its answers took at most.
async fn round(flooder: &Http, other: &Http, met: &Arc<Met>) -> f64 {
    let before = timed(other, "alone").await;
    let stop = Arc::new(AtomicBool::new(false));
    let refused = met.limited.load(Ordering::Relaxed);
    let tasks: Vec<_> = (0..FLOODERS)
        .map(|_| tokio::spawn(asks(flooder.clone(), Arc::clone(met), Arc::clone(&stop))))
        .collect();
    let is_met = async || met.limited.load(Ordering::Relaxed) > refused + 20;
    until("the flood is refused", SOON, is_met).await;
    let beside = timed(other, "beside the flood").await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let after = timed(other, "alone again").await;
    // What else the machine does then is in all three; alone it is the slower of the two.
    let alone = before[OTHERS / 2].max(after[OTHERS / 2]);
    beside[OTHERS / 2].as_secs_f64() / alone.as_secs_f64()
}

async fn flood(test: TestDb) {
    let authority = root("root");
    let named = |organisation: &str, code: &str| {
        let uri = format!("urn:schoolgate:org:{organisation}:system:{code}");
        Client::of(&authority, |p| p.subject_alt_names = vec![rcgen::SanType::URI(uri.try_into().unwrap())])
    };
    let (busy, quiet) = (named("council", "busy"), named("health", "quiet"));
    let gate = Gateway::start(&test.url, &authority.pem(), None, |_| ()).await;
    let mut systems = vec![
        system("council", "busy", &["social_worker"], &["involvements"]),
        system("health", "quiet", &["school_nurse"], &["involvements"]),
    ];
    (systems[0].requests_per_minute, systems[1].requests_per_minute) = (ALLOWED, 6_000);
    systems[0].certificates = vec![entry(&busy)];
    systems[1].certificates = vec![entry(&quiet)];
    gate.register(systems).await;
    let (mut flooder, mut other) = (gate.http(&busy), gate.http(&quiet));
    assert_eq!(flooder.authorise("council.busy", "social_worker", "child_protection").await, 200);
    assert_eq!(other.authorise("health.quiet", "school_nurse", "school_health").await, 200);
    let (met, begun) = (Arc::<Met>::default(), Instant::now());
    let mut rounds = Vec::new();
    while rounds.len() < ROUNDS && rounds.iter().all(|ratio| *ratio > FAIR) {
        rounds.push(round(&flooder, &other, &met).await);
    }
    let least = rounds.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(least <= FAIR, "the other's answers took {rounds:.1?} times as long beside the flood");
    let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
    let (given, limited) = (count(&met.given), count(&met.limited));
    println!(
        "the flood: {given} answered, {limited} told to wait; the other: none refused, {rounds:.1?} times as long"
    );
    assert_eq!(count(&met.otherwise), 0);
    // What the other can have to wait behind is what the flood is given, and that is its allowance however much it sends.
    let most = f64::from(ALLOWED) * (1.0 + begun.elapsed().as_secs_f64() / 60.0) + 1.0;
    let answered = u32::try_from(given).map(f64::from).unwrap();
    assert!(answered <= most, "{given} of at most {most:.0}");
    assert!(given >= ALLOWED as usize && given < limited + ALLOWED as usize, "{given}, {limited}");
    // Refused ones do not fill the log: ten entries of a minute, the others counted.
    gate.running.stop().await;
    let entries = log(&schoolgate::store::Db::open_existing(&test.url).await.unwrap(), 0).await;
    let own = entries.iter().filter(|l| l.entry.status == Some(429)).count();
    assert!(own <= 30, "{own} entries of {limited} refusals");
    assert_eq!(own as u64 + events(&entries, Class::Limited), limited as u64, "none is lost");
}
