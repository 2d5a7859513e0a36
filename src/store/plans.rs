//! How SQLite would carry out a statement, for tests of what an index serves.

use super::{Db, migrate};

/// The steps by which SQLite would carry out a statement on an empty database of ours: for tests of what an index serves.
pub(crate) async fn plan_of(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let db = Db::open(&format!("sqlite:{}", folder.path().join("plan.db").display())).await.unwrap();
    migrate(&db).await.unwrap();
    let Db::Sqlite { read, .. } = &db else { unreachable!("opened as SQLite") };
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {text}"));
    let steps: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(read).await.unwrap();
    steps.into_iter().map(|step| step.3).collect()
}
