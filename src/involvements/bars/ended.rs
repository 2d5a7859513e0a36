//! Deleting bars that ended long ago, with the lines that the rules read of them.

use crate::store::{StoreError, Touched as _, Tx, on};
use chrono::{DateTime, Utc};

/// Deletes the oldest rows of a table of bars that ended before a time, and their lines.
macro_rules! forget {
    ($(#[$doc:meta])* $name:ident, $table:literal, $ended:literal) => {
        $(#[$doc])*
        pub(in crate::involvements) async fn $name(
            tx: &mut Tx,
            before: DateTime<Utc>,
            limit: i64,
        ) -> Result<u64, StoreError> {
            const LINES: &str = concat!(
                "DELETE FROM bars WHERE source_id IN (SELECT id FROM ", $table, " WHERE ", $ended, " < $1 ORDER BY ",
                $ended, ", id LIMIT $2)"
            );
            const ROWS: &str = concat!(
                "DELETE FROM ", $table, " WHERE id IN (SELECT id FROM ", $table, " WHERE ", $ended,
                " < $1 ORDER BY ", $ended, ", id LIMIT $2)"
            );
            on!(tx, c => sqlx::query(LINES).bind(before).bind(limit).execute(c).await.map(|_| ()))?;
            Ok(on!(tx, c => sqlx::query(ROWS).bind(before).bind(limit).execute(c).await.map(|r| r.touched()))?)
        }
    };
}

forget!(
    /// Deletes at most `limit` shields that ended before a time.
    forget_shields, "shields", "ended_at"
);
forget!(
    /// Deletes at most `limit` decisions to withhold that ended before a time.
    forget_decisions, "withheld_decisions", "ended_at"
);
forget!(
    /// Deletes at most `limit` flags that were lowered before a time.
    forget_protections, "whereabouts_protections", "lowered_at"
);
