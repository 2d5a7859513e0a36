//! The two migration folders, embedded and kept in step.

use super::{Db, StoreError, open, read};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Connection as _, Executor as _, SqlSafeStr};
use std::borrow::Cow;

/// A migration's number, its capability, and its text for either database.
struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! steps {
    ($($version:literal $file:literal),+ $(,)?) => {
        &[$(Step {
            version: $version,
            name: $file,
            sqlite: include_str!(concat!("../../migrations/sqlite/", $file, ".sql")),
            postgres: include_str!(concat!("../../migrations/postgres/", $file, ".sql")),
        }),+]
    };
}

const STEPS: &[Step] = steps![
    1 "0001_directory",
    2 "0002_registers",
    3 "0003_involvements",
    4 "0004_audit",
    5 "0005_gate",
    6 "0006_intake",
    7 "0007_intake_files",
    8 "0008_many_schools",
    9 "0009_dual_registration",
    10 "0010_summaries",
    11 "0011_involvement_matching",
    12 "0012_recorded_minutes",
    13 "0013_retention",
    14 "0014_change_feeds",
    15 "0015_confirmed_claims",
    16 "0016_identity",
    17 "0017_operators",
    18 "0018_notifications",
    19 "0019_marks",
    20 "0020_ties",
    21 "0021_system_lanes",
    22 "0022_bars",
    23 "0023_policy_sets",
    24 "0024_bars_by_time",
    25 "0025_bars_end",
    26 "0026_idempotency_keys",
    27 "0027_handles",
];

/// Takes the limits of [`open`] from a connection to PostgreSQL.
const WITHOUT_LIMITS: &str = "SET statement_timeout = 0; SET lock_timeout = 0";

/// Applies every migration that the database does not yet have, each in a transaction.
pub async fn migrate(db: &Db) -> Result<(), StoreError> {
    let text = |step: &Step| match db {
        Db::Sqlite { .. } => step.sqlite,
        Db::Postgres(_) => step.postgres,
    };
    let migrations = STEPS
        .iter()
        .map(|s| {
            Migration::new(
                s.version,
                Cow::Borrowed(s.name),
                MigrationType::Simple,
                text(s).into_sql_str(),
                false,
            )
        })
        .collect();
    let migrator = Migrator::with_migrations(migrations);
    match db {
        Db::Sqlite { write, .. } => {
            open::wait(write).await?;
            let run = migrator.run(write).await;
            open::look_instead_of_waiting(write).await?;
            run?;
        }
        Db::Postgres(pool) => {
            // On a connection of its own that is not used for anything else: an index of a large table takes longer than
            // any statement may, and so does waiting for another gateway that is making it.
            let mut connection = pool.acquire().await?.detach();
            connection.execute(WITHOUT_LIMITS).await?;
            migrator.run(&mut connection).await?;
            connection.close().await?;
        }
    }
    Ok(())
}

/// The database server's own time; of a file, this machine's.
pub async fn time_of(db: &Db) -> Result<chrono::DateTime<chrono::Utc>, StoreError> {
    const TIME: &str = "SELECT CURRENT_TIMESTAMP";
    Ok(read!(db, c => sqlx::query_scalar(TIME).fetch_one(c).await)?)
}

/// The newest migration of this program, and the newest that the database has (0 when it has none).
pub async fn versions(db: &Db) -> Result<(i64, i64), StoreError> {
    const APPLIED: &str = "SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations";
    let ours = STEPS.iter().map(|s| s.version).max().unwrap_or(0);
    let theirs: Result<i64, sqlx::Error> = read!(db, c => sqlx::query_scalar(APPLIED).fetch_one(c).await);
    Ok((ours, theirs.unwrap_or(0)))
}

/// Every column of the open database with its type, as SQLite names it, and whether it may be null; then every key, unique
/// index and index with its columns; sorted: for the test that holds both in step.
pub async fn schema_of(db: &Db) -> Result<Vec<String>, StoreError> {
    const SQLITE: &str = "SELECT m.name || '.' || c.name || ' ' || c.type \
         || CASE WHEN c.\"notnull\" = 0 AND c.pk = 0 THEN ' null' ELSE '' END \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' \
         UNION ALL SELECT m.name || ' key (' || group_concat(c.name, ', ' ORDER BY c.pk) || ')' \
         FROM sqlite_master m JOIN pragma_table_info(m.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND c.pk > 0 GROUP BY m.name \
         UNION ALL SELECT m.name || CASE WHEN i.\"unique\" THEN ' unique (' ELSE ' index (' END \
         || group_concat(c.name, ', ' ORDER BY c.seqno) || ')' || CASE WHEN i.partial THEN ' partial' ELSE '' END \
         FROM sqlite_master m JOIN pragma_index_list(m.name) i JOIN pragma_index_info(i.name) c \
         WHERE m.type = 'table' AND m.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND i.origin <> 'pk' \
         GROUP BY m.name, i.name, i.\"unique\", i.partial";
    const POSTGRES: &str = "SELECT table_name || '.' || column_name || ' ' || CASE data_type \
         WHEN 'bigint' THEN 'INTEGER' WHEN 'boolean' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'date' THEN 'TEXT' \
         WHEN 'timestamp with time zone' THEN 'TEXT' WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB' \
         ELSE data_type END || CASE WHEN is_nullable = 'YES' THEN ' null' ELSE '' END \
         FROM information_schema.columns WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%' \
         UNION ALL SELECT t.relname::text \
         || CASE WHEN x.indisprimary THEN ' key (' WHEN x.indisunique THEN ' unique (' ELSE ' index (' END \
         || string_agg(a.attname::text, ', ' ORDER BY k.place) || ')' \
         || CASE WHEN x.indpred IS NULL THEN '' ELSE ' partial' END \
         FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace \
         CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k(attnum, place) \
         JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.attnum \
         WHERE n.nspname = current_schema() AND t.relname NOT LIKE '\\_sqlx%' \
         GROUP BY x.indexrelid, t.relname, x.indisprimary, x.indisunique, x.indpred IS NULL";
    let mut lines: Vec<String> = match db {
        Db::Sqlite { read, .. } => sqlx::query_scalar(SQLITE).fetch_all(read).await?,
        Db::Postgres(pool) => sqlx::query_scalar(POSTGRES).fetch_all(pool).await?,
    };
    lines.sort();
    Ok(lines)
}
