//! What differs between the two databases where one text cannot serve both: how each is named, how a transaction begins
//! ([`Db::begin`](super::Db::begin)), and the journal's one statement for a group of entries, which stands in
//! `audit::journal` with its reason.

use super::Db;

impl Db {
    /// The engine's name, for what the command line prints.
    pub const fn engine(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres(_) => "postgresql",
        }
    }
}
