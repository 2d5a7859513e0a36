//! What must differ between the two databases, and nothing else.

use super::{Db, Tx};

/// The few clauses for which no text serves both databases.
pub trait Dialect {
    /// Ends a `SELECT` so that the rows it claims are skipped by other claimants.
    fn for_update_skip_locked(&self) -> &'static str;

    /// The engine's name, for logs and `schoolgate config show`.
    fn engine(&self) -> &'static str;
}

const SQLITE: (&str, &str) = ("", "sqlite");
const POSTGRES: (&str, &str) = (" FOR UPDATE SKIP LOCKED", "postgresql");

impl Dialect for Db {
    fn for_update_skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => SQLITE.0,
            Self::Postgres(_) => POSTGRES.0,
        }
    }

    fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => SQLITE.1,
            Self::Postgres(_) => POSTGRES.1,
        }
    }
}

impl Dialect for Tx {
    fn for_update_skip_locked(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => SQLITE.0,
            Self::Postgres(_) => POSTGRES.0,
        }
    }

    fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => SQLITE.1,
            Self::Postgres(_) => POSTGRES.1,
        }
    }
}
