//! The store on both databases: the same tables, the same values, nothing kept that was not committed.

use crate::support::wire::until;
use crate::support::{Suite, TestDb};
use chrono::{DateTime, NaiveDate, Utc};
use schoolgate::store::{self, Db, Tx};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use uuid::Uuid;

/// Registers this file's tests.
pub fn register(suite: &mut Suite) {
    suite.plain("store::migration_folders_are_in_step", folders_are_in_step);
    suite.plain("store::every_column_is_commented", every_column_is_commented);
    suite.plain("store::comment_check_finds_a_bare_column", comment_check_can_fail);
    suite.both_empty("store::migrates_once", migrates_once);
    suite.on_postgresql("store::a_migration_waits_longer_than_a_statement_may", migration_waits);
    suite.both("store::dropped_transaction_rolls_back", dropped_transaction_rolls_back);
    suite.both("store::values_come_back_as_they_went", values_come_back);
    suite.both("store::url_opens_the_same_database", url_opens_the_same_database);
    let seen = Arc::new(Mutex::new(None));
    suite.both("store::same_tables_on_both", move |test| same_tables(test, Arc::clone(&seen)));
}

fn migration_files(folder: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(folder);
    let mut files: Vec<(String, String)> = std::fs::read_dir(&root)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read_to_string(e.path()).unwrap()))
        .collect();
    files.sort();
    files
}

fn folders_are_in_step() {
    let names = |folder| migration_files(folder).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let sqlite = names("sqlite");
    assert_eq!(sqlite, names("postgres"), "each migration needs a file in both folders");
    assert!(!sqlite.is_empty());
    for (at, name) in sqlite.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", at + 1)), "{name}: numbers must follow one another");
    }
    let listed =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store/migrations.rs"));
    let listed = listed.unwrap();
    for name in sqlite {
        let word = format!("\"{}\"", name.trim_end_matches(".sql"));
        assert!(listed.contains(&word), "{name} is not listed in src/store/migrations.rs");
    }
}

/// Lines inside `CREATE TABLE` that state a column and carry no comment on the line.
fn bare_columns(sql: &str) -> Vec<String> {
    const NOT_COLUMNS: &[&str] = &["UNIQUE", "PRIMARY", "FOREIGN", "CHECK", "CONSTRAINT"];
    let mut in_table = false;
    let mut bare = Vec::new();
    for line in sql.lines() {
        let text = line.trim();
        if text.starts_with("CREATE TABLE") {
            in_table = true;
        } else if text.starts_with(')') {
            in_table = false;
        } else if in_table && !text.is_empty() && !text.starts_with("--") {
            let mut words = text.split([' ', '(']).filter(|w| !w.is_empty());
            let first = words.next().unwrap_or_default();
            let kind = words.next().unwrap_or_default();
            // A column is `name TYPE …`; continued constraints start otherwise.
            let states_a_column = first.starts_with(|c: char| c.is_ascii_lowercase())
                && kind.starts_with(|c: char| c.is_ascii_uppercase())
                && !NOT_COLUMNS.contains(&first);
            if states_a_column && !text.contains("-- ") {
                bare.push(text.to_owned());
            }
        }
    }
    bare
}

fn every_column_is_commented() {
    for folder in ["sqlite", "postgres"] {
        for (name, sql) in migration_files(folder) {
            assert_eq!(bare_columns(&sql), Vec::<String>::new(), "migrations/{folder}/{name}");
            let tables = sql.matches("CREATE TABLE").count();
            let strict =
                sql.lines().filter(|l| l.starts_with(") STRICT") || l.starts_with(") WITHOUT ROWID, STRICT"));
            assert!(folder != "sqlite" || strict.count() == tables, "{name}: every SQLite table is STRICT");
        }
    }
}

fn comment_check_can_fail() {
    let sql = "CREATE TABLE t (\n  id BLOB NOT NULL, -- the id\n  name TEXT,\n  UNIQUE (name)\n) STRICT;\n";
    assert_eq!(bare_columns(sql), ["name TEXT,"]);
}

async fn migrates_once(test: TestDb) {
    let (ours, before) = store::versions(&test.db).await.unwrap();
    assert_eq!(before, 0, "the database starts empty");
    store::migrate(&test.db).await.unwrap();
    let once = store::schema_of(&test.db).await.unwrap();
    assert_eq!(store::versions(&test.db).await.unwrap(), (ours, ours));
    store::migrate(&test.db).await.unwrap();
    assert_eq!(store::schema_of(&test.db).await.unwrap(), once, "a second migration changes nothing");
    for line in ["organisations.name TEXT", "organisations key (id)", "enrolments index (pupil_id)"] {
        assert!(once.iter().any(|known| known == line), "{line}: {once:?}");
    }
    let unique = "handles unique (pupil_id, system_id, organisation_id) partial";
    assert!(once.iter().any(|known| known == unique), "{once:?}");
}

/// Another gateway may be making a large index: on PostgreSQL a migration is waited for past the limits of statements,
/// which the gateway's own connections keep.
async fn migration_waits(test: TestDb) {
    const WAITS: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
         AND wait_event_type = 'Lock' AND now() - query_start > interval '5500 milliseconds'";
    let Db::Postgres(pool) = &test.db else { panic!("on PostgreSQL alone") };
    let mut tx = test.db.begin().await.unwrap();
    execute(&mut tx, "LOCK TABLE _sqlx_migrations IN ACCESS EXCLUSIVE MODE").await;
    let waited = async {
        until("it waits past lock_timeout", Duration::from_secs(14), async || {
            let waiting: i64 = sqlx::query_scalar(WAITS).fetch_one(pool).await.unwrap();
            waiting > 0
        })
        .await;
        drop(tx);
    };
    let (migrated, ()) = tokio::join!(store::migrate(&test.db), waited);
    migrated.unwrap();
    for (setting, expected) in [("SHOW lock_timeout", "5s"), ("SHOW statement_timeout", "10s")] {
        for _ in 0..3 {
            let limit: String = sqlx::query_scalar(setting).fetch_one(pool).await.unwrap();
            assert_eq!(limit, expected, "{setting}");
        }
    }
}

/// Whichever database comes second is compared with the first.
async fn same_tables(test: TestDb, first: Arc<Mutex<Option<Vec<String>>>>) {
    let schema = store::schema_of(&test.db).await.unwrap();
    assert!(!schema.is_empty());
    let other = first.lock().unwrap().replace(schema.clone());
    if let Some(other) = other {
        assert_eq!(schema, other, "the two migration folders make different tables");
    }
}

async fn execute(tx: &mut Tx, statement: &'static str) {
    match tx {
        Tx::Sqlite(tx) => drop(sqlx::query(statement).execute(&mut **tx).await.unwrap()),
        Tx::Postgres(tx) => drop(sqlx::query(statement).execute(&mut **tx).await.unwrap()),
    }
}

async fn version_row(db: &Db) -> i64 {
    const VERSION: &str = "SELECT version FROM directory_version WHERE id = 1";
    match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(VERSION).fetch_one(read).await.unwrap(),
        Db::Postgres(pool) => sqlx::query_scalar(VERSION).fetch_one(pool).await.unwrap(),
    }
}

async fn dropped_transaction_rolls_back(test: TestDb) {
    const CHANGE: &str = "UPDATE directory_version SET version = version + 7 WHERE id = 1";
    let before = version_row(&test.db).await;
    let mut tx = test.db.begin().await.unwrap();
    execute(&mut tx, CHANGE).await;
    drop(tx);
    assert_eq!(version_row(&test.db).await, before);
    let mut tx = test.db.begin().await.unwrap();
    execute(&mut tx, CHANGE).await;
    tx.commit().await.unwrap();
    assert_eq!(version_row(&test.db).await, before + 7);
}

async fn url_opens_the_same_database(test: TestDb) {
    let mut tx = test.db.begin().await.unwrap();
    execute(&mut tx, "UPDATE directory_version SET version = 41 WHERE id = 1").await;
    tx.commit().await.unwrap();
    let again = Db::open(&test.url).await.unwrap();
    assert_eq!(version_row(&again).await, 41);
    again.close().await;
}

type Values = (
    Uuid,
    NaiveDate,
    DateTime<Utc>,
    bool,
    Vec<u8>,
    i64,
    Option<String>,
    Option<NaiveDate>,
    Option<DateTime<Utc>>,
);

/// Writes one row of every kind of value and reads it back, on either driver.
macro_rules! round_trip {
    ($tx:expr, $values:expr) => {{
        const INSERT: &str =
            "INSERT INTO round_trip (a, b, c, d, e, f, g, h, i) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let v: Values = $values;
        sqlx::query(INSERT)
            .bind(v.0)
            .bind(v.1)
            .bind(v.2)
            .bind(v.3)
            .bind(&v.4)
            .bind(v.5)
            .bind(&v.6)
            .bind(v.7)
            .bind(v.8)
            .execute(&mut **$tx)
            .await
            .unwrap();
        let back: Values = sqlx::query_as("SELECT a, b, c, d, e, f, g, h, i FROM round_trip")
            .fetch_one(&mut **$tx)
            .await
            .unwrap();
        back
    }};
}

async fn values_come_back(test: TestDb) {
    const SQLITE: &str = "CREATE TABLE round_trip (a BLOB NOT NULL, b TEXT NOT NULL, c TEXT NOT NULL, d INTEGER NOT NULL, \
        e BLOB NOT NULL, f INTEGER NOT NULL, g TEXT, h TEXT, i TEXT) STRICT";
    const POSTGRES: &str = "CREATE TABLE round_trip (a UUID NOT NULL, b DATE NOT NULL, c TIMESTAMPTZ NOT NULL, \
        d BOOLEAN NOT NULL, e BYTEA NOT NULL, f BIGINT NOT NULL, g TEXT, h DATE, i TIMESTAMPTZ)";
    // The last microsecond before the clocks go back, and a byte that is no text.
    let time = DateTime::from_timestamp_micros(1_792_889_999_999_999).unwrap();
    let values: Values = (
        Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_00ff),
        NaiveDate::from_ymd_opt(2024, 2, 29).unwrap(),
        time,
        true,
        vec![0, 255, 10],
        i64::MIN,
        None,
        None,
        None,
    );
    let mut tx = test.db.begin().await.unwrap();
    let back = match &mut tx {
        Tx::Sqlite(tx) => {
            sqlx::query(SQLITE).execute(&mut **tx).await.unwrap();
            round_trip!(tx, values.clone())
        }
        Tx::Postgres(tx) => {
            sqlx::query(POSTGRES).execute(&mut **tx).await.unwrap();
            round_trip!(tx, values.clone())
        }
    };
    assert_eq!(back, values);
    assert_eq!(back.2.timestamp_subsec_micros(), 999_999);
}
