//! The audit log on a real database: order, durability, recovery, and that a changed byte is found.

use crate::support::Suite;
use chrono::{DateTime, TimeDelta, Utc};
use schoolgate::audit::{
    Class, Connection, Decision, Digest, Doubt, Entry, EventId, Journal, JournalError, Options, entries,
    leaf_hash, stage, verify,
};
use schoolgate::domain::identifiers::OrganisationId;
use schoolgate::store::Db;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.both("audit::concurrent_records_are_ordered", async |test| {
        concurrent_records_are_ordered(&test.db).await;
    });
    suite.both("audit::pending_entries_are_sequenced_at_start", async |test| {
        pending_entries_are_sequenced_at_start(&test.db).await;
    });
    suite.both("audit::writes_on_two_gateways_are_each_sequenced_once", async |test| {
        writes_on_two_gateways_are_each_sequenced_once(&test.db).await;
    });
    suite.both("audit::an_organisation_reads_its_own", async |test| {
        an_organisation_reads_its_own(&test.db).await;
    });
    suite.both("audit::a_changed_log_is_found", async |test| a_changed_log_is_found(&test.db).await);
    suite.both("audit::a_rewritten_leaf_is_found", async |test| a_rewritten_leaf_is_found(&test.db).await);
    suite.both("audit::a_lost_database_is_an_error_and_then_recovers", async |test| {
        a_lost_database_is_an_error_and_then_recovers(&test.db).await;
    });
    suite.both("audit::a_stalled_database_is_an_error_within_the_limit", async |test| {
        a_stalled_database_is_an_error_within_the_limit(&test.db).await;
    });
    suite.both("audit::more_pending_than_a_group_are_sequenced", async |test| {
        more_pending_than_a_group_are_sequenced(&test.db).await;
    });
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 123_456_000).expect("a time")
}

fn entry(organisation: Option<u128>, number: i64) -> Entry {
    let time = noon() + TimeDelta::milliseconds(number);
    let connection = organisation.map(|n| Connection {
        thumbprint: Digest([7; 32]),
        organisation_id: Some(OrganisationId(Uuid::from_u128(n))),
        organisation: Some(format!("organisation-{n}")),
        system: Some("cases".to_owned()),
    });
    Entry {
        request: Some(format!("request-{number}")),
        connection,
        status: Some(200),
        ..Entry::new(EventId::new(), time, Class::Access, Decision::Allowed)
    }
}

async fn execute(db: &Db, sqlite: &'static str, postgres: &'static str) -> u64 {
    match db {
        Db::Sqlite { write, .. } => {
            sqlx::query(sqlite).execute(write).await.expect("executes").rows_affected()
        }
        Db::Postgres(pool) => sqlx::query(postgres).execute(pool).await.expect("executes").rows_affected(),
    }
}

/// Two gateways on one database, 100 requests each at once: indices without gaps, each once, nothing in doubt.
async fn concurrent_records_are_ordered(db: &Db) {
    let gateways =
        [Journal::start(db.clone(), Options::default()), Journal::start(db.clone(), Options::default())];
    let mut tasks = tokio::task::JoinSet::new();
    for (number, (journal, _)) in (0..200).zip(gateways.iter().cycle()) {
        let journal = journal.clone();
        tasks.spawn(async move {
            let entry = entry(Some(1), number);
            (entry.event, journal.record(&entry).await.expect("durable"), leaf_hash(&entry.to_bytes()))
        });
    }
    let mut indices = BTreeSet::new();
    let mut events = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (event, receipt, leaf) = done.expect("no panic");
        assert_eq!(receipt.leaf, leaf);
        assert!(indices.insert(receipt.index), "index {} given twice", receipt.index);
        events.push((receipt.index, event));
    }
    assert_eq!(indices, (0..200).collect());
    assert_eq!(verify(db).await.expect("whole").size, 200);
    events.sort();
    let stored = entries(db, OrganisationId(Uuid::from_u128(1)), None, 500).await.expect("reads");
    assert_eq!(stored.iter().map(|s| (s.index, s.entry.event)).collect::<Vec<_>>(), events);
    for (journal, task) in gateways {
        drop(journal);
        task.await.expect("ends when nobody can write");
    }
}

/// A write's entry commits with it; a crash before it is sequenced loses nothing, and the oldest comes first.
async fn pending_entries_are_sequenced_at_start(db: &Db) {
    let (newer, older, undone) = (entry(Some(1), 2), entry(Some(1), 1), entry(Some(1), 0));
    for entry in [&newer, &older] {
        let mut tx = db.begin().await.expect("begins");
        assert_eq!(stage(&mut tx, entry).await.expect("stages"), entry.event);
        tx.commit().await.expect("commits");
    }
    let mut tx = db.begin().await.expect("begins");
    stage(&mut tx, &undone).await.expect("stages");
    drop(tx);
    let (journal, _task) = Journal::start(db.clone(), Options::default());
    assert_eq!(journal.sequenced(older.event).await.map(|r| r.index), Ok(0));
    assert_eq!(journal.sequenced(newer.event).await.map(|r| r.index), Ok(1));
    assert_eq!(journal.sequenced(undone.event).await, Err(JournalError::NotStaged));
    let again = journal.sequenced(older.event).await.expect("known still");
    assert_eq!((again.index, again.leaf), (0, leaf_hash(&older.to_bytes())));
    assert_eq!(verify(db).await.expect("whole").size, 2);
    let left = execute(db, "DELETE FROM audit_pending", "DELETE FROM audit_pending").await;
    assert_eq!(left, 0, "nothing stays pending");
}

/// Two gateways and writes at once: each event one index, whichever gateway took it.
async fn writes_on_two_gateways_are_each_sequenced_once(db: &Db) {
    let gateways =
        [Journal::start(db.clone(), Options::default()), Journal::start(db.clone(), Options::default())];
    let mut tasks = tokio::task::JoinSet::new();
    for (number, (journal, _)) in (0..60).zip(gateways.iter().cycle()) {
        let (journal, db) = (journal.clone(), db.clone());
        tasks.spawn(async move {
            let entry = entry(Some(1), number);
            if number % 3 == 0 {
                return journal.record(&entry).await;
            }
            let mut tx = db.begin().await.expect("begins");
            let event = stage(&mut tx, &entry).await.expect("stages");
            tx.commit().await.expect("commits");
            journal.sequenced(event).await
        });
    }
    let mut indices = BTreeSet::new();
    while let Some(done) = tasks.join_next().await {
        indices.insert(done.expect("no panic").expect("durable").index);
    }
    assert_eq!(indices, (0..60).collect());
    assert_eq!(verify(db).await.expect("whole").size, 60);
}

/// An organisation reads its own entries in pages, and no others; entries of nobody belong to no organisation.
async fn an_organisation_reads_its_own(db: &Db) {
    let (journal, _task) = Journal::start(db.clone(), Options::default());
    for (number, organisation) in (0..).zip([Some(1), None, Some(2), Some(1), Some(1)]) {
        journal.record(&entry(organisation, number)).await.expect("durable");
    }
    for (organisation, after, limit, expected) in [
        (1, None, 10, vec![0, 3, 4]),
        (1, None, 2, vec![0, 3]),
        (1, Some(3), 2, vec![4]),
        (1, Some(u64::MAX), 2, vec![]),
        (2, None, 10, vec![2]),
        (3, None, 10, vec![]),
    ] {
        let found =
            entries(db, OrganisationId(Uuid::from_u128(organisation)), after, limit).await.expect("reads");
        assert_eq!(
            found.iter().map(|s| s.index).collect::<Vec<_>>(),
            expected,
            "{organisation} {after:?} {limit}"
        );
    }
}

async fn first_bad(db: &Db) -> Option<u64> {
    match verify(db).await {
        Err(Doubt::Wrong { first_bad_index, .. }) => Some(first_bad_index),
        Ok(_) | Err(Doubt::Store(_)) => None,
    }
}

/// Each change to the stored log is found, at its index.
async fn a_changed_log_is_found(db: &Db) {
    let (journal, _task) = Journal::start(db.clone(), Options::default());
    for number in 0..20 {
        journal.record(&entry(Some(1), number)).await.expect("durable");
    }
    let whole = verify(db).await.expect("whole");
    assert_eq!(whole.size, 20);
    let both = |text| (text, text);
    // Statement for either database, the one that puts it back, and the first index that must be named.
    let cases = [
        (
            (
                "UPDATE audit_entries SET entry = CAST(replace(entry, 'request-7', 'request-8') AS BLOB) WHERE idx = 7",
                "UPDATE audit_entries SET entry = set_byte(entry, 90, get_byte(entry, 90) # 1) WHERE idx = 7",
            ),
            (
                "UPDATE audit_entries SET entry = CAST(replace(entry, 'request-8', 'request-7') AS BLOB) WHERE idx = 7",
                "UPDATE audit_entries SET entry = set_byte(entry, 90, get_byte(entry, 90) # 1) WHERE idx = 7",
            ),
            7,
        ),
        (
            both("UPDATE audit_entries SET class = 'admin' WHERE idx = 11"),
            both("UPDATE audit_entries SET class = 'access' WHERE idx = 11"),
            11,
        ),
        (
            both("UPDATE audit_entries SET organisation_id = NULL WHERE idx = 3"),
            both(
                "UPDATE audit_entries SET organisation_id = (SELECT organisation_id FROM audit_entries WHERE idx = 4) WHERE idx = 3",
            ),
            3,
        ),
        (
            both("UPDATE audit_entries SET idx = 99 WHERE idx = 19"),
            both("UPDATE audit_entries SET idx = 19 WHERE idx = 99"),
            20,
        ),
        (
            both("UPDATE audit_entries SET idx = -5 WHERE idx = 5"),
            both("UPDATE audit_entries SET idx = 5 WHERE idx = -5"),
            5,
        ),
        (
            both("UPDATE audit_head SET size = 22 WHERE id = 1"),
            both("UPDATE audit_head SET size = 20 WHERE id = 1"),
            22,
        ),
        (
            both("UPDATE audit_head SET root = frontier WHERE id = 1"),
            both("UPDATE audit_head SET root = root WHERE id = 1"),
            20,
        ),
    ];
    let last = cases.len() - 1;
    for (number, ((sqlite, postgres), (sqlite_back, postgres_back), expected)) in
        cases.into_iter().enumerate()
    {
        assert_eq!(execute(db, sqlite, postgres).await, 1, "{sqlite}");
        assert_eq!(first_bad(db).await, Some(expected), "{sqlite}");
        assert_eq!(execute(db, sqlite_back, postgres_back).await, 1, "{sqlite_back}");
        if number < last {
            assert_eq!(verify(db).await.expect("whole again"), whole, "{sqlite_back}");
        }
    }
}

/// An operator who rewrites an entry and its leaf is found by the head: entries 16 to 19 are one perfect subtree.
async fn a_rewritten_leaf_is_found(db: &Db) {
    const REWRITE: &str =
        "UPDATE audit_entries SET event_id = $1, entry = $2, leaf = $3, recorded_at = $4 WHERE idx = 17";
    let (journal, _task) = Journal::start(db.clone(), Options::default());
    for number in 0..20 {
        journal.record(&entry(Some(1), number)).await.expect("durable");
    }
    let changed = entry(Some(1), 17);
    let (bytes, leaf) = (changed.to_bytes(), leaf_hash(&changed.to_bytes()).to_vec());
    macro_rules! rewrite {
        ($pool:expr) => {
            sqlx::query(REWRITE)
                .bind(changed.event.0)
                .bind(bytes)
                .bind(leaf)
                .bind(changed.time)
                .execute($pool)
                .await
                .map(drop)
        };
    }
    match db {
        Db::Sqlite { write, .. } => rewrite!(write),
        Db::Postgres(pool) => rewrite!(pool),
    }
    .expect("rewrites");
    assert_eq!(first_bad(db).await, Some(16));
}

/// While the database cannot be written, an error within the limit; then it goes on by itself, pending rows included.
async fn a_lost_database_is_an_error_and_then_recovers(db: &Db) {
    let wait = Duration::from_secs(2);
    let (journal, _task) = Journal::start(db.clone(), Options { wait, ..Options::default() });
    assert_eq!(journal.record(&entry(Some(1), 0)).await.map(|r| r.index), Ok(0));
    let staged = entry(Some(1), 1);
    let mut tx = db.begin().await.expect("begins");
    stage(&mut tx, &staged).await.expect("stages");
    tx.commit().await.expect("commits");
    let away = "ALTER TABLE audit_head RENAME TO audit_head_away";
    execute(db, away, away).await;
    let asked = Instant::now();
    assert_eq!(journal.record(&entry(Some(1), 2)).await, Err(JournalError::Database));
    assert_eq!(journal.sequenced(staged.event).await, Err(JournalError::Database));
    assert!(asked.elapsed() < wait * 2);
    let back = "ALTER TABLE audit_head_away RENAME TO audit_head";
    execute(db, back, back).await;
    // The failed entry is not in the log; the staged one comes with the next group, without being asked for.
    let next = journal.record(&entry(Some(1), 3)).await.expect("durable again").index;
    let late = journal.sequenced(staged.event).await.expect("staged, so never lost").index;
    assert_eq!(BTreeSet::from([next, late]), BTreeSet::from([1, 2]));
    assert_eq!(verify(db).await.expect("whole").size, 3);
}

/// While another holds the log's lock, waiting ends at the limit, and a full queue refuses at once.
async fn a_stalled_database_is_an_error_within_the_limit(db: &Db) {
    const HOLD: &str = "UPDATE audit_head SET size = size WHERE id = 1";
    let wait = Duration::from_millis(300);
    let (journal, _task) = Journal::start(db.clone(), Options { queue_entries: 1, wait });
    assert_eq!(journal.record(&entry(Some(1), 0)).await.map(|r| r.index), Ok(0));
    // On SQLite the open transaction alone holds the writer; on PostgreSQL the head row must be locked.
    let mut holder = db.begin().await.expect("begins");
    match &mut holder {
        schoolgate::store::Tx::Sqlite(tx) => sqlx::query(HOLD).execute(&mut **tx).await.map(drop),
        schoolgate::store::Tx::Postgres(tx) => sqlx::query(HOLD).execute(&mut **tx).await.map(drop),
    }
    .expect("holds the head");
    let asked = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 1..=8 {
        let journal = journal.clone();
        tasks.spawn(async move { journal.record(&entry(Some(1), number)).await });
    }
    let mut refused = Vec::new();
    while let Some(done) = tasks.join_next().await {
        refused.push(done.expect("no panic").expect_err("not durable"));
    }
    assert!(asked.elapsed() < wait * 3, "{:?}", asked.elapsed());
    assert!(
        refused.contains(&JournalError::TimedOut) && refused.contains(&JournalError::Busy),
        "{refused:?}"
    );
    drop(holder);
    let recovered = async {
        while journal.record(&entry(Some(1), 9)).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), recovered).await.expect("recovers without a restart");
    verify(db).await.expect("whole");
}

/// More pending rows than one group takes, as after a long outage: all are sequenced, oldest first.
async fn more_pending_than_a_group_are_sequenced(db: &Db) {
    let mut tx = db.begin().await.expect("begins");
    let staged: Vec<Entry> = (0..1500).map(|number| entry(Some(1), number)).collect();
    for entry in staged.iter().rev() {
        stage(&mut tx, entry).await.expect("stages");
    }
    tx.commit().await.expect("commits");
    let (journal, _task) = Journal::start(db.clone(), Options::default());
    // The last one first: it is behind a full group of older ones.
    let expected: Vec<(u64, &Entry)> = (0..).zip(&staged).collect();
    for (index, entry) in expected.iter().rev().step_by(250) {
        let receipt = journal.sequenced(entry.event).await.expect("durable");
        assert_eq!(receipt.index, *index);
    }
    assert_eq!(verify(db).await.expect("whole").size, 1500);
}
