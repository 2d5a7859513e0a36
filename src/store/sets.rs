//! Sets as one parameter of a statement. How a set is spelt is all that differs between the two texts: both take it as
//! one text, a JSON array of hexadecimal.

use super::{Db, Tx};
use uuid::Uuid;

/// A statement over the set that is its parameter `$1`.
#[derive(Clone, Copy, Debug)]
pub struct SetSql {
    /// As `SQLite` reads it.
    pub sqlite: &'static str,
    /// As PostgreSQL reads it.
    pub postgres: &'static str,
}

impl SetSql {
    /// The text for the database that is open.
    pub fn of(&self, db: &Db) -> &'static str {
        match db {
            Db::Sqlite { .. } => self.sqlite,
            Db::Postgres(_) => self.postgres,
        }
    }

    /// The text for the database of an open transaction.
    pub fn within(&self, tx: &Tx) -> &'static str {
        match tx {
            Tx::Sqlite(_) => self.sqlite,
            Tx::Postgres(_) => self.postgres,
        }
    }
}

/// A statement with the set between its two parts: a table of the columns `id` and `n`, the place in the set from 0 on.
macro_rules! over_ids {
    ($before:literal, $after:literal) => {
        $crate::store::SetSql {
            sqlite: concat!($before, "(SELECT key AS n, unhex(value) AS id FROM json_each($1)) s", $after),
            postgres: concat!(
                $before,
                "(SELECT n - 1 AS n, CAST(value AS uuid) AS id \
                 FROM json_array_elements_text(CAST($1 AS json)) WITH ORDINALITY AS t (value, n)) s",
                $after
            ),
        }
    };
}

/// The same with a set of bytes: a table of one column `bytes`.
macro_rules! over_bytes {
    ($before:literal, $after:literal) => {
        $crate::store::SetSql {
            sqlite: concat!($before, "(SELECT unhex(value) AS bytes FROM json_each($1)) s", $after),
            postgres: concat!(
                $before,
                "(SELECT decode(value, 'hex') AS bytes FROM json_array_elements_text(CAST($1 AS json)) AS t (value)) s",
                $after
            ),
        }
    };
}

/// The same with a set of pairs of identifiers: a table of two columns, `one` and `other`, and `bytes`, which is `one` as
/// bytes.
macro_rules! over_pairs {
    ($before:literal, $after:literal) => {
        $crate::store::SetSql {
            sqlite: concat!(
                $before,
                "(SELECT unhex(substr(value, 1, 32)) AS one, unhex(substr(value, 33)) AS other, \
                 unhex(substr(value, 1, 32)) AS bytes FROM json_each($1)) s",
                $after
            ),
            postgres: concat!(
                $before,
                "(SELECT CAST(substr(value, 1, 32) AS uuid) AS one, CAST(substr(value, 33) AS uuid) AS other, \
                 decode(substr(value, 1, 32), 'hex') AS bytes FROM json_array_elements_text(CAST($1 AS json)) AS t (value)) s",
                $after
            ),
        }
    };
}

/// The same with a set of handles, each of a system that acts for an organisation: the columns `n`, `system`,
/// `organisation` and `handle`.
macro_rules! over_handles {
    ($before:literal, $after:literal) => {
        $crate::store::SetSql {
            sqlite: concat!(
                $before,
                "(SELECT key AS n, unhex(substr(value, 1, 32)) AS system, unhex(substr(value, 33, 32)) AS organisation, \
                 unhex(substr(value, 65)) AS handle FROM json_each($1)) s",
                $after
            ),
            postgres: concat!(
                $before,
                "(SELECT n - 1 AS n, CAST(substr(value, 1, 32) AS uuid) AS system, \
                 CAST(substr(value, 33, 32) AS uuid) AS organisation, decode(substr(value, 65), 'hex') AS handle \
                 FROM json_array_elements_text(CAST($1 AS json)) WITH ORDINALITY AS t (value, n)) s",
                $after
            ),
        }
    };
}

/// The same with a set of enrolments, each with school years: the columns `n`, `school`, `enrolment`, `first` and `last`.
macro_rules! over_years {
    ($before:literal, $after:literal) => {
        $crate::store::SetSql {
            sqlite: concat!(
                $before,
                "(SELECT key AS n, unhex(substr(value, 1, 32)) AS school, unhex(substr(value, 33, 32)) AS enrolment, \
                 CAST(substr(value, 65, 4) AS INTEGER) AS first, CAST(substr(value, 69, 4) AS INTEGER) AS last \
                 FROM json_each($1)) s",
                $after
            ),
            postgres: concat!(
                $before,
                "(SELECT n - 1 AS n, CAST(substr(value, 1, 32) AS uuid) AS school, \
                 CAST(substr(value, 33, 32) AS uuid) AS enrolment, CAST(substr(value, 65, 4) AS integer) AS first, \
                 CAST(substr(value, 69, 4) AS integer) AS last \
                 FROM json_array_elements_text(CAST($1 AS json)) WITH ORDINALITY AS t (value, n)) s",
                $after
            ),
        }
    };
}
pub(crate) use {over_bytes, over_handles, over_ids, over_pairs, over_years};

/// A set of identifiers as such a parameter. Each is to be in it once, unless the statement tells them apart by `n`.
pub fn ids(of: impl IntoIterator<Item = Uuid>) -> String {
    listed(of.into_iter().map(|id| id.simple().to_string()))
}

/// A set of pairs as such a parameter. Each is to be in it once.
pub fn pairs(of: impl IntoIterator<Item = (Uuid, Uuid)>) -> String {
    listed(of.into_iter().map(|(one, other)| format!("{}{}", one.simple(), other.simple())))
}

/// A set of what is written in hexadecimal already as such a parameter.
pub fn listed(of: impl IntoIterator<Item = String>) -> String {
    let mut text = String::from("[");
    for hex in of {
        if text.len() > 1 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&hex);
        text.push('"');
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_a_list_of_hexadecimal() {
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(ids([]), "[]");
        assert_eq!(ids([one, other]), format!("[\"{}\",\"{}\"]", one.simple(), other.simple()));
        assert_eq!(pairs([(one, other)]), format!("[\"{}{}\"]", one.simple(), other.simple()));
    }
}
